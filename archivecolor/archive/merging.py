"""Several manifests made into one: what of each is taken, what is there already, what two of them claim."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from archivecolor.archive.manifest import IndexEntry, Manifest, read_lines, record_at_line
from archivecolor.archive.record import Record, line_from_record, record_from_values
from archivecolor.archive.record_checks import path_from_values
from archivecolor.errors import ItemError, Reason


class Verdict(Enum):
    """What a merge does with an item of a share."""

    TAKEN = auto()  # with all its lines
    TAKEN_NEWEST = auto()  # its newest line alone: the output knows the item, and has nothing of it
    THERE = auto()


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the newest record of an item stands."""

    manifest: Path
    offset: int

    def record(self) -> Record:
        with self.manifest.open("rb") as file:
            file.seek(self.offset)
            return record_at_line(self.manifest, file.readline())


class MergedItems:
    """The items of an output and of all that was taken into it so far.

    Args:
        manifest: of the output, as it is.
    """

    def __init__(self, manifest: Manifest) -> None:
        self._places = {item: _Place(manifest.path, entry.offset) for item, entry in manifest.items.items()}
        self._names = {entry.output: item for item, entry in manifest.items.items() if entry.output}
        self._names |= {name: manifest.record_at(offset).path for name, offset in manifest.superseded.items()}

    def verdict(self, theirs: Record) -> Verdict:
        """What is to be done with an item of a share, by its newest record.

        A derivative stands above none, and of two attempts without one the newer counts.

        Raises:
            ItemError: `NAME_COLLISION`: another derivative of the item is here, or another item has its name.
        """
        if theirs.output is not None:
            owner = self._names.get(theirs.output.path, theirs.path)
            if owner != theirs.path:
                raise ItemError(Reason.NAME_COLLISION, f"its output {theirs.output.path} is that of {owner}")
        if theirs.path not in self._places:
            return Verdict.TAKEN
        ours = self._places[theirs.path].record()
        if theirs.output is None:
            is_newer = ours.output is None and theirs.at > ours.at
            return Verdict.TAKEN_NEWEST if is_newer else Verdict.THERE
        if ours.output is None:
            return Verdict.TAKEN_NEWEST
        if (ours.output.path, ours.output.sha256) == (theirs.output.path, theirs.output.sha256):
            return Verdict.THERE
        detail = (
            f"another derivative of it is here, made {ours.at or 'before'}, this one {theirs.at or 'before'}"
        )
        if ours.decision != theirs.decision:
            detail += "; they were decided about otherwise: the newer decision holds here, and the next"
            detail += " `archivecolor dir` makes it so"
        raise ItemError(Reason.NAME_COLLISION, detail)

    def take(self, theirs: Record, share: Manifest, entry: IndexEntry) -> None:
        """Take note that an item of a share is taken."""
        self._places[theirs.path] = _Place(share.path, entry.offset)
        if theirs.output is not None:
            self._names[theirs.output.path] = theirs.path


@dataclass(frozen=True)
class TakenLines:
    """What of a share's manifest goes into the merged one.

    Attributes:
        manifest: of the share.
        whole: the items whose lines all go along.
        newest: offsets of the lines that go alone.
    """

    manifest: Path
    whole: frozenset[str]
    newest: frozenset[int]

    def lines(self) -> Iterator[bytes]:
        """The lines, in the order in which they were written."""
        for line in read_lines(self.manifest):
            if line.offset in self.newest or path_from_values(line.values) in self.whole:
                yield line_from_record(record_from_values(line.values))


def appended(manifest: Path, shares: Iterable[TakenLines]) -> Iterator[bytes]:
    """The lines of a merged manifest: those of `manifest`, which ends with a whole one, then the shares'."""
    with manifest.open("rb") as file:
        yield from file
    for share in shares:
        yield from share.lines()
