"""The decisions of two files put together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from archivecolor.archive.decision import Decision
from archivecolor.archive.decisions import Decisions


@dataclass(frozen=True)
class Merge:
    """Decisions of two files put together.

    Attributes:
        taken: lines of the other file.
        again: lines of ours that hold against these, to stand behind them.
        conflicts: paths that both decide, and otherwise; the newer decision holds.
    """

    taken: tuple[Decision, ...] = ()
    again: tuple[Decision, ...] = ()
    conflicts: tuple[str, ...] = ()

    @property
    def lines(self) -> tuple[Decision, ...]:
        """All that is to be appended, oldest first."""
        return tuple(sorted((*self.taken, *self.again), key=lambda line: line.at))


def merge(ours: Decisions, theirs: Iterable[Decision], *, with_taken_back: bool = False) -> Merge:
    """What of another file's decisions is to be appended to ours: of each path the newest counts.

    Where globs are among them, ours that are newer than what is added are said again behind it: lines count
    by their place, and an older glob must not come to stand behind a newer path.

    Args:
        ours: of the file that is appended to.
        theirs: of the other file, oldest first.
        with_taken_back: their lines that take back what is decided nowhere come along: records may name it.
    """
    known = {line.key: line for line in ours.lines}
    newest = Decisions(theirs).newest()
    decided = ours.and_then(*(line for line in newest if not line.is_none))
    added, conflicts = [], []
    for line in newest:
        mine = known.get(line.key)
        if mine == line:
            continue
        if mine is None and line.is_none and not (with_taken_back or _takes_back(line, decided)):
            continue
        # What was taken back here, and later, stays so against what they decided; not the other way round.
        if mine is not None and not (mine.is_none and (line.is_none or line.at > mine.at)):
            conflicts.append(line.path)
        if mine is None or line.at > mine.at:
            added.append(line)
    return Merge(tuple(added), tuple(_overtaken(ours, added)), tuple(conflicts))


def _takes_back(line: Decision, decided: Decisions) -> bool:
    """Whether anything is decided that a line with nothing decided may take back.

    What globs match together cannot be known: theirs are kept wherever there is anything at all.
    """
    if line.glob:
        return any(not other.is_none for other in decided.lines)
    return not decided.of(line.path).is_none


def _overtaken(ours: Decisions, added: Sequence[Decision]) -> list[Decision]:
    """Of ours those that are newer than some of what is added, where one of the two is a glob."""
    if not added:
        return []
    keys = {line.key for line in added}
    newer = [line for line in ours.newest() if line.key not in keys]
    newer = [line for line in newer if line.at > min(other.at for other in added)]
    if any(line.glob for line in added):
        return newer
    return [line for line in newer if line.glob]
