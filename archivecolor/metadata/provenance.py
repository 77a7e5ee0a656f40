"""What a coloured picture says of itself: that its colour was invented, by what, from what.

Nothing here depends on the clock, so the same picture, weights and settings give the same bytes.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass

# IPTC, digital source type of AI edits of existing media:
# https://cv.iptc.org/newscodes/digitalsourcetype/
DIGITAL_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
ACTION = "edited"
TOOL_NAME = "archivecolor "
SOURCE_URN = "urn:sha256:"
PICTURES = "pictures"
BOX = re.compile(r"(\d{1,9})x(\d{1,9})\+(\d{1,9})\+(\d{1,9})/(\d{1,9})x(\d{1,9})")


@dataclass(frozen=True)
class CorrectionStep:
    """What somebody decided about the colour of a picture.

    Attributes:
        digest: of the decision, as the manifest has it.
        words: what was decided, why and by whom.
        at: when, UTC, ISO 8601; empty where nobody knows.
        prompt: the hints that the network was given and why, where somebody said why; else empty.
        writer: who gave them; empty where nobody knows.
    """

    digest: str
    words: str
    at: str = ""
    prompt: str = ""
    writer: str = ""


@dataclass(frozen=True)
class PictureBox:
    """Where the picture lies in a page that has more than it, as stored, in pixels.

    Attributes:
        width: of the picture.
        height: of the picture.
        left: its first column.
        top: its first row.
        whole: width and height of the page.
    """

    width: int
    height: int
    left: int
    top: int
    whole: tuple[int, int]

    @property
    def is_inside(self) -> bool:
        """Whether such a picture can lie in such a page."""
        ends = (self.left + self.width, self.top + self.height)
        return min(self.width, self.height) > 0 and ends[0] <= self.whole[0] and ends[1] <= self.whole[1]

    def __str__(self) -> str:
        """As parameters of a step have it: `WxH+LEFT+TOP/WxH`."""
        return f"{self.width}x{self.height}+{self.left}+{self.top}/{self.whole[0]}x{self.whole[1]}"


def picture_boxes(parameters: str) -> tuple[PictureBox, ...]:
    """The boxes of each page that a step's parameters name; none where it has added nothing to its pages."""
    named = re.search(rf" {PICTURES}=(\S+)", parameters)
    boxes = [BOX.fullmatch(word) for word in named[1].split(",")] if named else []
    if None in boxes:
        return ()
    numbers = [[int(digits) for digits in box.groups()] for box in boxes if box]
    return tuple(
        PictureBox(wide, high, left, top, (columns, rows)) for wide, high, left, top, columns, rows in numbers
    )


@dataclass(frozen=True)
class Provenance:
    """Where a derivative comes from.

    Attributes:
        version: version of archivecolor that made it.
        source_sha256: SHA-256 of the source file, 64 hex digits.
        settings: digest of the settings (`Settings.digest`).
        weights: digest of the weights.
        network: name of the network.
        correction: what somebody decided about its colour, if anybody did.
        pictures: where each page's picture lies, where a caption stands below it.
        runtime: the library that ran the network, its version, the device and the number format.
    """

    version: str
    source_sha256: str
    settings: str
    weights: str
    network: str = ""
    correction: CorrectionStep | None = None
    pictures: tuple[PictureBox, ...] = ()
    runtime: str = ""

    @property
    def tool(self) -> str:
        """The CreatorTool and softwareAgent."""
        return f"{TOOL_NAME}{self.version}"

    @property
    def system(self) -> str:
        """The system that invented the colour, as IPTC's AI System Used."""
        return f"{TOOL_NAME}{self.network}".rstrip()

    @property
    def system_version(self) -> str:
        """Which version of it, as IPTC's AI System Version Used."""
        return f"{self.tool}, weights {self.weights}"

    @property
    def parent_id(self) -> str:
        """Names the source by its content."""
        return f"{SOURCE_URN}{self.source_sha256}"

    @property
    def document_id(self) -> str:
        """Names the derivative by what its bytes depend on (a UUID of version 5, RFC 9562)."""
        facts = f"{self.parent_id} {self.tool} {self.parameters}"
        return f"xmp.did:{uuid.uuid5(uuid.NAMESPACE_URL, facts)}"

    @property
    def instance_id(self) -> str:
        """The derivative is written once, so its only instance bears the same UUID."""
        return self.document_id.replace("xmp.did:", "xmp.iid:")

    @property
    def parameters(self) -> str:
        """What was done, for the History."""
        network = f" network={self.network}" if self.network else ""
        decision = f" decision={self.correction.digest}" if self.correction else ""
        facts = f"weights={self.weights} settings={self.settings}{decision}"
        pictures = f" {PICTURES}={','.join(map(str, self.pictures))}" if self.pictures else ""
        return f"colour predicted, luma kept;{network}{pictures} {facts}"
