"""The decisions of an output folder listed, taken out, and put together with those made elsewhere."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from archivecolor.archive.bag import content_root, is_bag
from archivecolor.archive.decision import Decision, State
from archivecolor.archive.decisions import (
    Decisions,
    append_decisions,
    damage_logger,
    is_decisions_file,
    item_finder,
    read_decisions,
    write_decisions,
)
from archivecolor.archive.folders import refuse_foreign_target
from archivecolor.archive.layout import Layout
from archivecolor.archive.lock import locked
from archivecolor.archive.manifest import Manifest
from archivecolor.archive.merging_decisions import Merge, merge
from archivecolor.archive.record import now_utc, time_as_text
from archivecolor.archive.run_json import read_run_summary
from archivecolor.archive.selection import compile_globs
from archivecolor.errors import InputNotFoundError, UsageError
from archivecolor.jobs.items import RunPlan
from archivecolor.jobs.manifest import existing_manifest_path
from archivecolor.jobs.run_files import write_output_bag
from archivecolor.jobs.source_meant import source_meant
from archivecolor.printable import printable, some_names
from archivecolor.settings import (
    ColourOptions,
    DecisionExportSettings,
    DecisionImportSettings,
    DecisionListSettings,
    DecisionUndoSettings,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class StandingDecision:
    """One decision that holds.

    Attributes:
        decision: as it was written.
        matches: items with a record that it names.
        holds_for: those of them that no newer decision names.
        is_of_older_scan: its hints were given for another state of the scan than the last run found.
    """

    decision: Decision
    matches: int
    holds_for: int
    is_of_older_scan: bool = False


def standing_decisions(settings: DecisionListSettings) -> list[StandingDecision]:
    """What is decided now, in the order it was decided.

    A glob holds for what is still to come, also where newer decisions are about all that it matches.

    Raises:
        UsageError: there is no manifest, or a newer version wrote the decisions.
    """
    decisions = _decisions_of(settings.output)
    manifest = Manifest(Layout(content_root(settings.output)).manifest)
    paths = manifest.items if decisions.has_globs else [line.path for line in decisions.newest()]
    matches: Counter[tuple[str, bool | None]] = Counter()
    holds: Counter[tuple[str, bool | None]] = Counter()
    for path in paths:
        if path in manifest:
            named = [line.key for line in decisions.naming(path)]
            matches.update(named)
            holds.update(named[-1:])
    return [
        StandingDecision(line, matches[line.key], holds[line.key], _is_of_older_scan(line, manifest))
        for line in decisions.newest()
        if _is_listed(line, settings.state) and (line.glob or decisions.of(line.path) is line)
    ]


def _is_of_older_scan(line: Decision, manifest: Manifest) -> bool:
    correction = line.correction
    if not (correction.hints or correction.shots) or not correction.source or line.path not in manifest:
        return False
    return manifest.record(line.path).source.sha256 not in (None, correction.source)


def _is_listed(line: Decision, state: str) -> bool:
    if state == "all":
        return not line.is_none
    return bool(line.correction) if state == "corrected" else line.state is State(state)


def decisions_to_export(output: Path) -> list[Decision]:
    """The newest decision of every path and glob; what was taken back is among them.

    Raises:
        UsageError: as `standing_decisions`.
    """
    return _decisions_of(output).newest()


def export_decisions(settings: DecisionExportSettings) -> int:
    """Write what is decided now to a file of its own; returns how many decisions there are.

    Raises:
        UsageError: as `standing_decisions`; the file is somebody else's, or cannot be one.
        OutputError: the file cannot be written.
    """
    decisions = decisions_to_export(settings.output)
    own = Layout(content_root(settings.output)).decisions
    refuse_foreign_target(settings.file, is_decisions_file, "file of decisions")
    if settings.file.exists() and own.exists() and settings.file.samefile(own):
        raise UsageError(f"{settings.file} is the record of OUT itself; give another name")
    write_decisions(settings.file, decisions)
    return len(decisions)


def import_decisions(settings: DecisionImportSettings) -> Merge:
    """Put the decisions of a file into an output folder's; of each path the newest counts.

    Raises:
        UsageError: as `listed_decisions`; there is no such file.
        LockedError: a run holds the output.
        OutputError: the decisions cannot be written.
    """
    existing_manifest_path(settings.output)
    root = content_root(settings.output)
    sources = _sources_of_last_run(root)
    is_item = item_finder(root, *sources)
    theirs = _decisions_made_elsewhere(settings.file, is_item)
    with locked(root, settings.wait_lock):
        merged = merge(Decisions.of_output(root, *sources), theirs.lines)
        if merged.lines:
            append_decisions(Layout(root).decisions, merged.lines)
            if is_bag(settings.output):
                write_output_bag(settings.output)
    if merged.lines:
        _warn_of_unnamed(merged, Manifest(Layout(root).manifest).items, is_item)
    return merged


def undo_decisions(settings: DecisionUndoSettings) -> tuple[Decision, ...]:
    """Undo the newest decision about each of some pictures, films or globs; returns what now holds.

    Raises:
        UsageError: as `standing_decisions`; nothing is decided about one of them, or other decisions stand
            in the way. Nothing was undone.
        LockedError: a run holds the output.
        OutputError: the decisions cannot be written.
    """
    existing_manifest_path(settings.output)
    root = content_root(settings.output)
    sources = _sources_of_last_run(root)
    with locked(root, settings.wait_lock):
        decisions = Decisions.of_output(root, *sources)
        manifest, is_item = Manifest(Layout(root).manifest), item_finder(root, *sources)
        undone, now = list[Decision](), now_utc()
        for text in dict.fromkeys(settings.path):
            name = source_meant(text, (*sources, root), manifest)
            path = text if name is None else name
            glob = name is None and decisions.decides(text, glob=True)
            if name is None and decisions.of(text).glob and not glob and not is_item(text):
                raise UsageError(
                    f"{printable(text)}: there is no such picture or film, nor a decision about it"
                )
            # What is only said again is still whose it was.
            lines = [
                replace(line, by=settings.by if line.undoes else line.by, at=now)
                for line in decisions.undoing(path, glob=glob)
            ]
            undone += lines
            decisions = decisions.and_then(*lines)
        append_decisions(Layout(root).decisions, undone)
        if is_bag(settings.output):
            write_output_bag(settings.output)
    return tuple(line for line in undone if line.undoes)


def _decisions_made_elsewhere(file: Path, is_item: Callable[[str], bool]) -> Decisions:
    """Those of a file that somebody named.

    Args:
        file: of decisions.
        is_item: tells whether the output has an item of a name.

    Raises:
        UsageError: there is no such file, it holds anything but decisions, or a newer version wrote it.
    """
    if not file.exists():
        raise InputNotFoundError(f"the file of decisions {file} does not exist", file)
    damaged: list[int] = []
    decisions = Decisions(read_decisions(file, damaged.append))
    if not decisions.lines and file.stat().st_size:
        raise UsageError(
            f"{printable(file)} is no file of decisions; `archivecolor decisions export` writes one"
        )
    for number in damaged:
        damage_logger(file)(number)
    _warn_of_future(file, decisions)
    return decisions.settled(is_item)


def _warn_of_future(file: Path, decisions: Decisions) -> None:
    """Say which decisions have a time that is still to come: they hold against later ones."""
    # Clocks that are wrong by hours are those of other zones; of two such lines the order hardly matters.
    tomorrow = time_as_text(datetime.now(UTC) + timedelta(days=1))
    for line in decisions.newest():
        if line.at > tomorrow:
            logger.warning(
                "%s: %s is decided at %s, which is still to come; it would hold against whatever is decided "
                "until then: see that the clock of who decided it is right",
                file,
                printable(line.path),
                printable(line.at),
            )


def decisions_of_run(settings: ColourOptions, root: Path, sources: Sequence[Path]) -> Decisions:
    """What is decided in an output, with what `--decisions` names; nothing is written.

    Args:
        settings: of the run.
        root: the folder that the output's tree begins in.
        sources: the folders of the sources.

    Raises:
        UsageError: as `_decisions_made_elsewhere`.
    """
    ours = Decisions.of_output(root, *sources)
    return ours.and_then(*_merge_of_run(settings, ours, root, sources).lines)


def take_in_decisions(settings: ColourOptions, root: Path, sources: Sequence[Path]) -> Merge:
    """Take what `--decisions` names into the decisions of an output, whose lock is held.

    Args:
        settings: of the run.
        root: the folder that the output's tree begins in.
        sources: the folders of the sources.

    Raises:
        UsageError: as `_decisions_made_elsewhere`.
        OutputError: they cannot be written.
    """
    merged = _merge_of_run(settings, Decisions.of_output(root, *sources), root, sources)
    if merged.lines:
        append_decisions(Layout(root).decisions, merged.lines)
        logger.info("%d decisions taken from %s", len(merged.taken), settings.decisions)
    taken = {line.path for line in merged.taken}
    # Where ours are newer, that was said when they were taken in or decided.
    for name in (name for name in merged.conflicts if name in taken):
        logger.warning(
            "%s decides otherwise about %s, and later: it holds", settings.decisions, printable(name)
        )
    return merged


def warn_of_unknown(taken: Merge, plan: RunPlan) -> None:
    """Say which of the decisions that were taken in name nothing that is here."""
    if not taken.lines:
        return
    names = {*plan.manifest.items, *(item.path for item in plan.plan.items)}
    _warn_of_unnamed(taken, names, names.__contains__)


def _warn_of_unnamed(taken: Merge, names: Collection[str], is_item: Callable[[str], bool]) -> None:
    """Say which decisions name nothing: paths by `is_item`, globs by what of `names` they match."""
    for line in taken.lines:
        named = any(_matching(line.path, names)) if line.glob else is_item(line.path)
        if not named and not line.is_none:
            logger.warning("%s is decided about, and nothing of that name is here", printable(line.path))


def warn_of_lost(root: Path, plan: RunPlan, output: Path) -> None:
    """Say which items stay as they are, since what was decided about them is lost.

    Args:
        root: the folder that the output's tree begins in.
        plan: of the run.
        output: its folder, as it was typed.
    """
    lost = plan.plan.undecided
    if lost:
        path = Layout(root).decisions
        logger.warning(
            "%s %s, and %s: %s. Put that file back from a backup; or decide anew, or take it that nothing is"
            " decided, by `archivecolor correct %s PATH --reset`",
            path,
            "lacks what was decided" if path.exists() else "is not there",
            "an output that was made by what stood in it stays as it is"
            if len(lost) == 1
            else f"{len(lost)} outputs that were made by what stood in it stay as they are",
            some_names(lost),
            printable(output),
        )


def _matching(glob: str, names: Iterable[str]) -> Iterator[bool]:
    patterns = compile_globs((glob,))
    return (pattern.matches(os.fsencode(name)) for name in names for pattern in patterns)


def _merge_of_run(settings: ColourOptions, ours: Decisions, root: Path, sources: Sequence[Path]) -> Merge:
    if settings.decisions is None:
        return Merge()
    theirs = _decisions_made_elsewhere(settings.decisions, item_finder(root, *sources))
    return merge(ours, theirs.lines)


def _decisions_of(output: Path) -> Decisions:
    existing_manifest_path(output)
    root = content_root(output)
    return Decisions.of_output(root, *_sources_of_last_run(root))


def _sources_of_last_run(root: Path) -> tuple[Path, ...]:
    """The folder of photographs that an output was last made from, where that is known."""
    last = read_run_summary(Layout(root).run_json)
    folder = last.settings.get("input") if last is not None else None
    return (Path(folder),) if isinstance(folder, str) else ()
