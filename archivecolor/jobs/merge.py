"""Outputs that were coloured apart, by `--shard` or on several machines, put together into one.

What is there is never written over. Derivatives come first, each linked or copied under its own name, then
what describes them, and the manifest as a whole last: a merge that is killed leaves files that its rerun
finds to be its own, and a manifest that is either as it was or complete.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from archivecolor.archive.atomic import atomic_write
from archivecolor.archive.bag import content_root, content_root_for_run, is_bag
from archivecolor.archive.by_hand import is_put_aside
from archivecolor.archive.decisions import Decisions, append_decisions, item_finder
from archivecolor.archive.folders import lies_in, prepare_output
from archivecolor.archive.layout import CREDENTIALS_SUFFIX, STATE_FOLDER, Layout, credentials_beside
from archivecolor.archive.lock import locked
from archivecolor.archive.manifest import Manifest, ManifestWriter
from archivecolor.archive.merging import MergedItems, TakenLines, Verdict, appended
from archivecolor.archive.merging_decisions import merge
from archivecolor.archive.output_folder import hold_output
from archivecolor.archive.passed_over import merge_passed_over
from archivecolor.archive.placing import Placer
from archivecolor.archive.premis import PremisFiles
from archivecolor.archive.record import Record, Status, line_from_record, now_utc
from archivecolor.archive.run_json import RunSummary, read_run_summary, write_run_summary
from archivecolor.archive.stale_parts import remove_stale_parts
from archivecolor.archive.tree import files_under
from archivecolor.engine.progress import ItemEvent, Listener, ProgressCounter, RunResult
from archivecolor.engine.stopping import Stop
from archivecolor.errors import ExitCode, ItemError, UsageError
from archivecolor.jobs.manifest import existing_manifest_path
from archivecolor.jobs.run_files import library_versions, write_output_bag, write_output_digests
from archivecolor.printable import printable
from archivecolor.recipe import with_absolute_paths
from archivecolor.settings import MergeSettings, plain

logger = logging.getLogger(__name__)

_UNIT = "MB"
THERE = "there already"
LEFT = "files of no record left in their shares"


@dataclass(frozen=True)
class Remark:
    """Something that a merge leaves where it is, and people should know of.

    Attributes:
        share: the folder that it stays in, as it was typed.
        path: relative to the share.
        detail: why.
        is_failure: it is an item, which the output lacks now.
    """

    share: Path
    path: str
    detail: str
    is_failure: bool


@dataclass
class _Share:
    """One output that is merged: what of it was taken.

    Attributes:
        folder: as it was typed.
        root: the folder of its tree.
        manifest: of it.
        taken: items with all their lines.
        newest: offsets of lines that go alone.
    """

    folder: Path
    root: Path
    manifest: Manifest
    taken: set[str] = field(default_factory=set)
    newest: set[int] = field(default_factory=set)

    @property
    def lines(self) -> TakenLines:
        return TakenLines(self.manifest.path, frozenset(self.taken), frozenset(self.newest))


def merge_shares(
    settings: MergeSettings,
    listener: Listener,
    on_remark: Callable[[Remark], None],
    stop: Stop,
    command: tuple[str, ...] = (),
) -> RunResult:
    """Put finished outputs together; with `dry_run` it is only said what would be.

    Args:
        settings: the folders.
        listener: told of every item that the output lacks.
        on_remark: told of what stays in its share.
        stop: ends it between two items; the same call then goes on.
        command: the words typed, for run.json.

    Raises:
        UsageError: folders that cannot be; nothing was done.
        LockedError: a run holds one of them.
        OutputError: the output cannot be written; what was placed is found again.
    """
    _check_shares(settings)
    root = content_root_for_run(settings.output, bag=is_bag(settings.share[0]))
    with ExitStack() as held:
        if not settings.dry_run:
            prepare_output(root, content_root(settings.share[0]))
            held.enter_context(hold_output(settings.output, settings.share[0]))
            for folder in (root, *map(content_root, settings.share)):
                held.enter_context(locked(folder, sources=settings.share[0]))
            remove_stale_parts(settings.output)
        shares = [
            _Share(share, content_root(share), Manifest(existing_manifest_path(share)))
            for share in settings.share
        ]
        _warn_of_unfinished(shares)
        merger = _Merger(settings, root, shares, listener, on_remark)
        merger.take_all(stop)
        if not settings.dry_run and not stop.requested:
            merger.write(command)
        return merger.result(stop)


def _check_shares(settings: MergeSettings) -> None:
    """Refuse folders that cannot be merged; writes nothing.

    Raises:
        UsageError: one is no output, another's or the output's own, or they are bags and plain folders.
    """
    output, seen = settings.output, list[Path]()
    for share in settings.share:
        existing_manifest_path(share)
        if any(share.samefile(other) for other in seen):
            raise UsageError(f"the share {printable(share)} is given twice; name each once")
        seen.append(share)
        if (output.exists() and share.samefile(output)) or lies_in(share, output) or lies_in(output, share):
            raise UsageError(
                f"the share {printable(share)} and the output {printable(output)} are the same folder, or "
                "one lies inside the other; give an output of its own"
            )
    if len({is_bag(share) for share in settings.share}) > 1:
        raise UsageError(
            "some of the shares are bags and some are not; merge those of one kind, or make bags of all: "
            "move all that is in a folder into its data/, and do the same run again with --bag"
        )


def _warn_of_unfinished(shares: list[_Share]) -> None:
    for share in shares:
        last = read_run_summary(Layout(share.root).run_json)
        if last is not None and last.exit_code not in (ExitCode.OK, ExitCode.SOME_FAILED):
            logger.warning(
                "the last run over %s did not come to its end; what it has is merged: run it and this again",
                printable(share.folder),
            )


class _Merger:
    """One merge at work."""

    def __init__(
        self,
        settings: MergeSettings,
        root: Path,
        shares: list[_Share],
        listener: Listener,
        on_remark: Callable[[Remark], None],
    ) -> None:
        self._settings = settings
        self._root = root
        self._shares = shares
        self._listener = listener
        self._on_remark = on_remark
        self._items = MergedItems(Manifest(Layout(root).manifest))
        self._counter = ProgressCounter(sum(len(share.manifest) for share in shares), _UNIT)
        self._there = 0
        self._left = 0
        self._started = now_utc()

    def take_all(self, stop: Stop) -> None:
        """Take what the output lacks from each share, its files included."""
        self._listener.began(self._counter.snapshot())
        for share in self._shares:
            placer = Placer(share.root, self._root, copy=self._settings.copy)
            superseded = _superseded_of(share.manifest)
            for record in share.manifest.records():
                if stop.requested:
                    return
                self._take(share, record, placer, superseded.get(record.path, []))
            self._look_for_more(share, placer)
            if not self._settings.dry_run:
                placer.sync()

    def _take(self, share: _Share, record: Record, placer: Placer, superseded: list[Record]) -> None:
        entry = share.manifest.items[record.path]
        try:
            verdict = self._items.verdict(record)
            if verdict is Verdict.THERE:
                self._counter.expect(-1)
                self._there += 1
                return
            self._bring_over(share, record, placer)
        except ItemError as error:
            self._on_remark(Remark(share.folder, record.path, error.detail, is_failure=True))
            self._settle(record, Status.FAILED, error.reason.value, error.detail)
            return
        self._items.take(record, share.manifest, entry)
        if verdict is Verdict.TAKEN:
            share.taken.add(record.path)
            for older in superseded:
                self._bring_older(share, older, placer)
        else:
            share.newest.add(entry.offset)
        self._settle(record, Status.DONE, "merged", f"from {share.folder}")

    def _bring_over(self, share: _Share, record: Record, placer: Placer) -> None:
        """The derivative of a record, its PREMIS file and credentials; nothing where it has none."""
        if record.output is None:
            return
        if self._settings.dry_run:
            placer.check(record)
            return
        placer.place(record)
        premis = PremisFiles(share.root, wanted=True).path(record.output.path)
        for beside in (premis, credentials_beside(share.root / record.output.path)):
            if beside.exists():
                placer.replace_file(str(beside.relative_to(share.root)))

    def _bring_older(self, share: _Share, older: Record, placer: Placer) -> None:
        """A derivative of an earlier format, which its item does not fail of."""
        try:
            self._bring_over(share, older, placer)
        except ItemError as error:
            assert older.output is not None, "it is known by its name"
            detail = f"of an earlier format: {error.detail}"
            self._on_remark(Remark(share.folder, older.output.path, detail, is_failure=False))

    def _look_for_more(self, share: _Share, placer: Placer) -> None:
        """Bring over handwork that was put aside, and name the files that no record knows."""
        known = {entry.output for entry in share.manifest.items.values()} | share.manifest.superseded.keys()
        for path in files_under(share.root, lambda *_: None):
            if path.removesuffix(CREDENTIALS_SUFFIX) in known or path.startswith(f"{STATE_FOLDER}/"):
                continue
            detail = "no record names it"
            if is_put_aside(path):
                if self._settings.dry_run or not os.path.lexists(self._root / path):
                    if not self._settings.dry_run:
                        placer.place_file(path)
                    continue
                if (self._root / path).samefile(share.root / path):
                    continue
                detail = "handwork of this name was put aside there already"
            self._left += 1
            self._on_remark(Remark(share.folder, path, detail, is_failure=False))

    def _settle(self, record: Record, status: Status, reason: str, detail: str) -> None:
        amount = record.output.bytes / 1e6 if record.output is not None and status is Status.DONE else 0.0
        values = json.loads(line_from_record(replace(record, status=status, reason=reason, detail=detail)))
        event = ItemEvent(record.path, status.value, reason, detail, amount, values)
        self._listener.settled(event, self._counter.add(event))

    def write(self, command: tuple[str, ...]) -> None:
        """Write what tells of the derivatives, the manifest last but for what is made from it.

        Raises:
            OutputError: it cannot be written.
        """
        layout = Layout(self._root)
        self._merge_decisions(layout.decisions)
        merge_passed_over([layout.passed_over, *(Layout(share.root).passed_over for share in self._shares)])
        ManifestWriter(layout.manifest).close()  # its last line may be torn
        lines = [share.lines for share in self._shares if share.taken or share.newest]
        if lines:
            with atomic_write(layout.manifest) as part, part.open("wb") as file:
                file.writelines(appended(layout.manifest, lines))
        write_output_digests(self._root)
        write_run_summary(layout.run_json, self._summary(command))
        if is_bag(self._settings.output):
            write_output_bag(self._settings.output)

    def _merge_decisions(self, path: Path) -> None:
        """Put the decisions of the shares into a file; old lines name items of whichever share has them."""
        knows = [item_finder(root) for root in (self._root, *(share.root for share in self._shares))]

        def is_item(name: str) -> bool:
            return any(knows_one(name) for knows_one in knows)

        for share in self._shares:
            theirs = Decisions.read(Layout(share.root).decisions).settled(is_item)
            merged = merge(Decisions.read(path).settled(is_item), theirs.lines, with_taken_back=True)
            for conflict in merged.conflicts:
                logger.warning("%s: two shares decide otherwise; the newer holds", printable(conflict))
            if merged.lines:
                append_decisions(path, merged.lines)

    def _summary(self, command: tuple[str, ...]) -> RunSummary:
        """The last run of the shares, as if it had been one over the output."""
        found = ((share, read_run_summary(Layout(share.root).run_json)) for share in self._shares)
        runs = {str(share.folder.absolute()): run for share, run in found if run is not None}
        known = list(runs.values())
        last = max(known, key=lambda run: run.started, default=None)
        if last is None:
            last = RunSummary((), {}, library_versions(), "", {}, self._started)
        own = {"output": plain(with_absolute_paths(self._settings.output)), "shard": ""}
        progress = self._counter.snapshot()
        return replace(
            last,
            command=command,
            settings={**last.settings, **own},
            counts={"done": progress.done, "failed": progress.failed, THERE: self._there},
            started=self._started,
            ended=now_utc(),
            seconds=sum(run.seconds for run in known),
            megapixels=sum(run.megapixels for run in known),
            work=_work_of(known),
            exit_code=int(self.result(None).exit_code),
            shares={folder: asdict(run) for folder, run in runs.items()},
        )

    def result(self, stop: Stop | None) -> RunResult:
        """How the merge ended."""
        progress = self._counter.snapshot()
        code = ExitCode.SOME_FAILED if progress.failed else ExitCode.OK
        if stop is not None and stop.exit_code is not None:
            code = stop.exit_code
        counts = {THERE: self._there, LEFT: self._left}
        return RunResult(progress, code, {word: count for word, count in counts.items() if count})


def _superseded_of(manifest: Manifest) -> dict[str, list[Record]]:
    """The records of derivatives of earlier formats, by their item."""
    found: dict[str, list[Record]] = {}
    for offset in manifest.superseded.values():
        record = manifest.record_at(offset)
        found.setdefault(record.path, []).append(record)
    return found


def _work_of(runs: list[RunSummary]) -> dict[str, dict[str, float]]:
    """The work of several runs added up, so that a speed made of it is that of one machine."""
    total: dict[str, dict[str, float]] = {}
    for unit, work in ((unit, work) for run in runs for unit, work in run.work.items()):
        so_far = total.setdefault(unit, dict.fromkeys(work, 0.0))
        for name, amount in work.items():
            so_far[name] = so_far.get(name, 0.0) + amount
    return total
