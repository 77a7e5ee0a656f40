"""What a walk passed over, and why: counted for the summary, named in `passed-over.jsonl`."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from archivecolor.archive.atomic import atomic_write
from archivecolor.archive.record import path_keys
from archivecolor.printable import json_line

# Enough to say what lies about; a tree may have any number of them.
_MAX_EXTENSIONS = 1000
MAX_SHOWN = 5


class SkipReason(str, Enum):
    """Why a file or folder was passed over, as the summary says it."""

    HIDDEN = "hidden"
    SYSTEM = "system files"
    LINK = "links"
    SPECIAL = "special files"
    FILM = "films"
    PICTURE = "pictures"
    CAMERA_RAW = "camera raw files"
    PDF = "PDF documents"
    SIDECAR = "sidecars"
    OTHER = "not pictures"
    EXCLUDED = "excluded"
    OURS = "coloured by this program"
    RECENT = "changed too recently"
    LOOP = "folders inside themselves"
    UNREADABLE = "unreadable folders"
    NO_NAME = "keys that are no file names"

    @property
    def word(self) -> str:
        """The word that stands in `passed-over.jsonl`."""
        return self.name.lower().replace("_", "-")


_CAMERA_RAW = (
    b".3fr .ari .arw .cr2 .cr3 .crw .dcr .dng .erf .fff .iiq .k25 .kdc .mef .mos .mrw .nef .nrw .orf .pef "
    b".ptx .raf .raw .rw2 .rwl .sr2 .srf .srw .x3f"
).split()
_KINDS = {
    **dict.fromkeys(_CAMERA_RAW, SkipReason.CAMERA_RAW),
    b".pdf": SkipReason.PDF,
    b".xmp": SkipReason.SIDECAR,
}


def kind_of(extension: bytes) -> SkipReason:
    """What a file of this extension (lower case, with its dot) is, where it is neither picture nor film."""
    return _KINDS.get(extension, SkipReason.OTHER)


@dataclass
class SkippedFiles:
    """What a walk left aside.

    Attributes:
        counts: how many files and folders, by reason; a folder counts once.
        unreadable: relative paths of folders that could not be listed; what they hold is not known.
        extensions: of the files that are no pictures, how many of each, as text with its dot.
        note: told of each, where they are to be named.
    """

    counts: Counter[SkipReason] = field(default_factory=Counter)
    unreadable: list[str] = field(default_factory=list)
    extensions: Counter[str] = field(default_factory=Counter)
    note: Callable[[SkipReason, str, str], None] | None = None

    def add(self, reason: SkipReason, path: bytes, detail: str = "") -> None:
        """Count one file or folder, and name it.

        Args:
            reason: why it is passed over.
            path: relative to the input folder.
            detail: what the system says, where that tells more.
        """
        name = os.fsdecode(path)
        self.counts[reason] += 1
        if reason is SkipReason.UNREADABLE:
            self.unreadable.append(name)
        if reason is SkipReason.OTHER:
            suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122 - no Path object per file
            if suffix in self.extensions or len(self.extensions) < _MAX_EXTENSIONS:
                self.extensions[suffix] += 1
        if self.note is not None:
            self.note(reason, name, detail)

    @property
    def pictures_may_be_missing(self) -> bool:
        """Whether there were folders whose pictures nobody saw, or pictures that no disk could hold."""
        return bool(self.unreadable or self.counts[SkipReason.NO_NAME])

    def summary(self) -> dict[str, int]:
        """How many of what kind, by words for people, in the order of `SkipReason`."""
        return {self._words(reason): self.counts[reason] for reason in SkipReason if self.counts[reason]}

    def _words(self, reason: SkipReason) -> str:
        if reason is not SkipReason.OTHER:
            return f"{reason.value} passed over"
        shown = [
            f"{suffix or 'no extension'} {count}" for suffix, count in self.extensions.most_common(MAX_SHOWN)
        ]
        more = ", ..." if len(self.extensions) > MAX_SHOWN else ""
        if "" in self.extensions:
            more += ": --files-from takes those that are"
        return f"{reason.value} passed over ({', '.join(shown)}{more})"


@contextmanager
def passed_over_list(path: Path) -> Iterator[SkippedFiles]:
    """What a walk passes over, written to `path` anew as it comes; the old list stays where the body raises.

    One JSON object a line: `path` (and `path_raw` where its bytes are not UTF-8), `reason`, and `detail`
    where there is one. Memory does not grow with the number of lines.

    Raises:
        OutputError: it cannot be written.
    """
    with atomic_write(path) as part, part.open("wb") as file:

        def note(reason: SkipReason, name: str, detail: str) -> None:
            values = path_keys(name) | {"reason": reason.word} | ({"detail": detail} if detail else {})
            file.write(json_line(values))

        yield SkippedFiles(note=note)


def merge_passed_over(paths: Sequence[Path]) -> None:
    """Put several lists together into the first of them, each line once; nothing where none of them is there.

    Raises:
        OutputError: it cannot be written.
    """
    # Not line by line into the file: the first of them is read too.
    lines = dict.fromkeys(
        line for path in paths if path.is_file() for line in path.read_bytes().splitlines(True)
    )
    if lines:
        with atomic_write(paths[0]) as part:
            part.write_bytes(b"".join(lines))
