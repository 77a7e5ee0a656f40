"""What people decided about items: one JSON line per decision, the newest that names an item counts.

The file only ever grows. A decision names an item by the relative path of its source, or several by a glob;
where an old line does not say which of the two, it names the item of that name if there is one.
It outlives every run; what of it shapes the output has a digest, which stands in the item's record. A torn
last line is dropped on reading, a damaged one is reported and passed over, and keys that this version does
not know are kept.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cache, cached_property
from pathlib import Path

from archivecolor.archive.atomic import (
    append_bytes,
    atomic_write,
    open_own_file,
    sync_folder,
    with_output_errors,
)
from archivecolor.archive.decision import UNDECIDED, Decision, line_of, parse_decision
from archivecolor.archive.layout import Layout
from archivecolor.archive.manifest import Manifest, check_still_ours, lines_of, repair_end
from archivecolor.archive.selection import compile_globs
from archivecolor.colour.guidance import MAX_HINTS
from archivecolor.errors import UsageError
from archivecolor.printable import printable
from archivecolor.settings import MAX_TEXT, nearest

logger = logging.getLogger(__name__)


class Decisions:
    """All decisions of an output folder.

    Args:
        lines: every decision, oldest first.
    """

    def __init__(self, lines: Iterable[Decision] = ()) -> None:
        self.lines = tuple(lines)
        self._newest = {line.key: number for number, line in enumerate(self.lines)}
        self._exact = {line.path: number for number, line in enumerate(self.lines) if not line.glob}
        self._globs = [
            (number, compile_globs((path,)))
            for (path, glob), number in self._newest.items()
            if glob is not False
        ]

    @classmethod
    def read(cls, path: Path, on_damage: Callable[[int], None] | None = None) -> Decisions:
        """Those of a file; none where it is not there.

        Args, raises: as `read_decisions`.
        """
        return cls(read_decisions(path, on_damage))

    @classmethod
    def of_output(cls, root: Path, *sources: Path) -> Decisions:
        """Those of an output, settled as `settled`.

        Args:
            root: the folder that its tree begins in.
            sources: the folders of its sources, as far as they are known.

        Raises:
            UsageError: a newer version wrote them or the manifest, or they are no file.
        """
        return cls.read(Layout(root).decisions).settled(item_finder(root, *sources))

    @property
    def has_globs(self) -> bool:
        """Whether one of them may name several items."""
        return bool(self._globs)

    def settled(self, is_item: Callable[[str], bool]) -> Decisions:
        """The same, where every line says what it is: those that do not name an item, if there is such a one.

        Args:
            is_item: tells whether there is an item of a name.
        """
        if all(line.glob is not None for line in self.lines):
            return self
        return Decisions(
            line if line.glob is not None else replace(line, glob=not is_item(line.path))
            for line in self.lines
        )

    def and_then(self, *lines: Decision) -> Decisions:
        """The same, with newer decisions behind."""
        return Decisions((*self.lines, *lines))

    def has_lost(self, path: str, digest: str, made: str) -> bool:
        """Whether what was decided about a source is not among these, nor anything that was decided since.

        Args:
            path: of the source.
            digest: of the decision that its output was made by.
            made: when it was, as `now_utc` writes it.
        """
        if digest in self._digests.get(path, ()) or digest in self._digests_of_globs(path):
            return False
        naming = self.naming(path)
        return not naming or naming[-1].at < made

    @cached_property
    def _digests(self) -> dict[str, set[str | None]]:
        """Of all decisions of any time, by the path that they name."""
        digests: dict[str, set[str | None]] = {}
        for line in self.lines:
            digests.setdefault(line.path, set()).add(line.digest)
        return digests

    def _digests_of_globs(self, path: str) -> set[str | None]:
        """Of all decisions of any time about globs that name the source `path`."""
        name = os.fsencode(path)
        names = [
            self.lines[number].path
            for number, globs in self._globs
            if any(glob.matches(name) for glob in globs)
        ]
        return {digest for glob in names for digest in self._digests[glob]}

    def of(self, path: str, *, glob: bool = False) -> Decision:
        """The newest decision that names the source `path`; `UNDECIDED` without one.

        Args:
            path: of the source.
            glob: it is a glob, and what is decided about all that it matches is meant.
        """
        exact = self._newest.get((path, True)) if glob else self._exact.get(path)
        numbers = [] if exact is None else [exact]
        if self._globs:
            name = os.fsencode(path)
            numbers += [number for number, globs in self._globs if any(glob.matches(name) for glob in globs)]
        return self.lines[max(numbers)] if numbers else UNDECIDED

    def naming(self, path: str) -> list[Decision]:
        """The newest line of every path and glob that names the source `path`; the last one holds."""
        name = os.fsencode(path)
        numbers = {number for number, globs in self._globs if any(glob.matches(name) for glob in globs)}
        numbers |= {self._exact[path]} if path in self._exact else set()
        return [self.lines[number] for number in sorted(numbers)]

    def undoing(self, path: str, *, glob: bool) -> list[Decision]:
        """What is to be said so that what held before the newest decision about a path or glob holds again.

        Decisions that were undone already are passed over, so that each time goes a step back. What was said
        at the same time as a glob, of single items that it names, is undone with it; what else is decided
        about single ones, and would hold without the glob, is said again behind it: these lines undo nothing.

        Args:
            path: as decisions have it.
            glob: it is a glob.

        Raises:
            UsageError: nothing is decided about it, or other decisions stand in the way.
        """
        shown = printable(path)
        if not glob and (holds := self.of(path)).glob:
            raise UsageError(f"{shown}: {printable(holds.path)} decides about it, and holds; undo that")
        standing = self._standing((path, glob))
        if not standing:
            near = nearest(path, {line.path for line in self.newest()})
            raise UsageError(f"{shown}: there is no decision about it to undo{printable(near)}")
        undone = self.lines[standing.pop()]
        before = self.lines[standing[-1]] if standing else UNDECIDED
        beside = self._said_beside(undone, before, standing) if glob else []
        if not glob and not standing:
            before = Decisions(line for line in self.lines if line.glob).of(path)
        return [replace(before, path=path, glob=glob, note="", undoes=undone.at, plan=""), *beside]

    def _said_beside(self, undone: Decision, before: Decision, standing: list[int]) -> list[Decision]:
        """What is to be said of single items as a decision about a glob is undone, behind what held before.

        Args:
            undone: the newest about that glob.
            before: the one before it.
            standing: numbers of those about the glob that stand then.

        Raises:
            UsageError: another glob stands in the way.
        """
        rest = Decisions(line for line in self.lines if line is not undone)
        along, kept = list[Decision](), list[Decision]()
        for other in self._beside(undone.path, standing[-1] if standing else -1):
            if (other.is_none and before.is_none) or not (other.glob or self._standing(other.key)):
                continue
            if other.glob:
                # Said last, the glob would hold against it too.
                raise UsageError(
                    f"{printable(undone.path)}: {printable(other.path)}, which may match the same, is decided"
                    " about too, and nobody could say which of the two holds then; `correct OUT GLOB --reset`"
                    " takes back what is decided about all that a glob matches"
                )
            if undone.at and other.at == undone.at:
                along += rest.undoing(other.path, glob=False)
            elif rest.of(other.path) is other:
                kept.append(replace(other, undoes=""))
        return [*along, *kept]

    def plan_taken_in(self, path: str) -> Decision:
        """The newest line that takes in a plan of the film `path`; `UNDECIDED` without one."""
        taken = (line for line in reversed(self.lines) if line.plan and line.key == (path, False))
        return next(taken, UNDECIDED)

    def _standing(self, key: tuple[str, bool | None]) -> list[int]:
        """Numbers of the lines about a path or glob that were not undone, nor only say what was said."""
        standing: list[int] = []
        last = None
        for number, line in enumerate(self.lines):
            if line.key != key or (last is not None and _says_the_same(line, last)):
                continue
            last = line
            if line.undoes and standing and self.lines[standing[-1]].at == line.undoes:
                standing.pop()
            else:
                standing.append(number)
        return standing

    def _beside(self, glob: str, number: int) -> Iterator[Decision]:
        """The newest lines behind a number that are about something that a glob may match too."""
        patterns = compile_globs((glob,))
        for line in (self.lines[place] for place in sorted(self._newest.values()) if place > number):
            is_other = line.key != (glob, True)
            if is_other and (line.glob or any(one.matches(os.fsencode(line.path)) for one in patterns)):
                yield line

    def decides(self, path: str, *, glob: bool) -> bool:
        """Whether there is a line about this very path or glob."""
        return (path, glob) in self._newest

    def newest(self) -> list[Decision]:
        """The newest line of every path and glob, in the order of writing."""
        return [self.lines[number] for number in sorted(self._newest.values())]


NO_DECISIONS = Decisions()


def _says_the_same(line: Decision, before: Decision) -> bool:
    """Whether a line only says again, perhaps later, what the one before it about the same path says."""
    return not line.undoes and replace(line, at=before.at, undoes=before.undoes) == before


def item_finder(root: Path, *sources: Path) -> Callable[[str], bool]:
    """Tells whether an output knows an item of a name, or one of the folders of its sources has it."""
    manifest = cache(lambda: Manifest(Layout(root).manifest))
    # `Path.is_file` raises where a name is too long for its disk.
    return lambda name: (
        name in manifest() or any(os.path.isfile(folder / name) for folder in sources)  # noqa: PTH113
    )


def read_decisions(path: Path, on_damage: Callable[[int], None] | None = None) -> Iterator[Decision]:
    """Every decision of a file, oldest first.

    Args:
        path: of the file.
        on_damage: told the number of each damaged line but a torn last one; a warning without it.

    Raises:
        UsageError: a newer version wrote it, or it is no file.
    """
    if not path.exists():
        return
    if not path.is_file():
        raise UsageError(f"{path} is no file; take it away")
    with path.open("rb") as file:
        for number, text in enumerate(lines_of(file), start=1):
            decision = _decision_of_line(path, text)
            if decision is not None:
                yield decision
            elif text.endswith(b"\n"):
                (on_damage or damage_logger(path))(number)


def _decision_of_line(path: Path, text: bytes) -> Decision | None:
    try:
        return parse_decision(text)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error


def is_decisions_file(path: Path) -> bool:
    """Whether a file holds nothing but decisions, a torn last line aside.

    Raises:
        UsageError: a newer version wrote it.
    """
    with path.open("rb") as file:
        # Records of a manifest are read as decisions that decide nothing; they have no state.
        return all(
            (b'"state"' in text and _decision_of_line(path, text) is not None) or not text.endswith(b"\n")
            for text in lines_of(file)
        )


def damage_logger(path: Path) -> Callable[[int], None]:
    """Logs the number of a damaged line."""
    return lambda number: logger.warning("%s, line %d is damaged; it is passed over", path, number)


def readable_lines(decisions: Iterable[Decision]) -> bytes:
    """The lines of decisions, each sure to be read again.

    Raises:
        UsageError: one would be called damaged.
    """
    lines = []
    for decision in decisions:
        line = line_of(decision)
        if parse_decision(line) is None:
            raise UsageError(
                f"{printable(decision.path)}: this cannot be kept, and nothing was decided; of one item "
                f"{MAX_HINTS} hints on all its pages together, and notes and names of {MAX_TEXT} characters "
                "in UTF-8 can be"
            )
        lines.append(line)
    return b"".join(lines)


def append_decisions(path: Path, decisions: Iterable[Decision]) -> None:
    """Append decisions; they are on disk when this returns. Call it with the output's lock held.

    Raises:
        UsageError: as `readable_lines`.
        OutputError: they cannot be written; the file still ends with a whole line.
        LockedError: the lock is no longer ours.
    """
    lines = readable_lines(decisions)
    handle = open_own_file(path, os.O_RDWR | os.O_APPEND)
    try:
        with with_output_errors(path):
            repair_end(handle, parse_decision)
        check_still_ours(path, handle)
        with with_output_errors(path):
            append_bytes(handle, lines)
            sync_folder(path.parent)
    finally:
        os.close(handle)


def write_decisions(path: Path, decisions: Iterable[Decision]) -> None:
    """Write a file of decisions anew.

    Raises:
        OutputError: it cannot be written.
    """
    with atomic_write(path) as part:
        part.write_bytes(b"".join(line_of(decision) for decision in decisions))
