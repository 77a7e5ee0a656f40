"""What is known of a picture before and after it is coloured."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy.typing as npt

from archivecolor.colour.tone import Tone

# Any: uint8 or uint16, known at run time alone.
Codes: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True)
class Density:
    """Pixels per unit, as the file says it: value and unit are carried, never converted.

    Attributes:
        x: horizontal pixels per unit, as numerator and denominator.
        y: vertical pixels per unit, as numerator and denominator.
        unit: "inch", "cm", or "none" where only the ratio of the two counts.
    """

    x: tuple[int, int]
    y: tuple[int, int]
    unit: str


@dataclass(frozen=True)
class FileState:
    """Which state of a file was seen: enough to notice that it changed in between."""

    nbytes: int
    mtime_ns: int

    @classmethod
    def of(cls, path: Path) -> FileState:
        """The state of the file at `path` now."""
        state = path.stat()
        return cls(state.st_size, state.st_mtime_ns)


@dataclass(frozen=True)
class ImageFacts:
    """What a first visit found out about a picture.

    Attributes:
        format: name of the container, by content: "jpeg", "png", "tiff", "webp", "bmp", "pnm", "jp2",
            "pfm", "heic", "gif", "avif", "psd", "jxl".
        width: columns of the first page, as stored (not turned upright).
        height: rows of the first page, as stored.
        depth: bits per sample in the file: 1..16, or 32 for 32-bit samples.
        channels: samples per pixel in the file, alpha among them.
        pages: number of full-size pages; each of them gets colour.
        orientation: 1..8, the EXIF/TIFF orientation of the first page.
        tone: the most coloured tone found among the pages.
        bilevel: every page is 1-bit line art; such files are not decoded and have no lumas.
        alpha: the picture has an alpha channel.
        nbytes: size of the file.
        mtime_ns: its modification time.
        notes: readings that were not plain, for the log, such as the range chosen for float samples.
        negative: the orange base of a colour negative shows at its edges.
        other_pages: pages of a lesser tone than `tone`, which share what becomes of the file.
    """

    format: str
    width: int
    height: int
    depth: int
    channels: int
    pages: int
    orientation: int
    tone: Tone
    bilevel: bool
    alpha: bool
    nbytes: int
    mtime_ns: int
    notes: tuple[str, ...] = ()
    negative: bool = False
    other_pages: int = 0

    @property
    def megapixels(self) -> float:
        """Size of the first page in millions of pixels."""
        return self.width * self.height / 1e6

    @property
    def file_state(self) -> FileState:
        """The state of the file these facts are about."""
        return FileState(self.nbytes, self.mtime_ns)
