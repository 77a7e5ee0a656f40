"""A run over one output folder, whatever its items are.

    with open_run(session, output, sources) as run:
        plan = plan_items(item_sources, run.root, options, stop)
        run.begin(plan)
        run.add_all(results)

Opening makes the folder ready, takes its lock and removes what a killed run left half made. `begin` says in
run.json that it has begun. `add` appends a record to the manifest once its derivative has its name. At the
end come the list of digests, run.json and the bag.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from archivecolor.archive.bag import content_root_for_run
from archivecolor.archive.by_hand import by_hand_output, clear_pending, told_of_unknown, with_present_time
from archivecolor.archive.fixity import sha256_of
from archivecolor.archive.folders import prepare_output
from archivecolor.archive.layout import Layout
from archivecolor.archive.lock import locked
from archivecolor.archive.manifest import ManifestWriter
from archivecolor.archive.output_folder import hold_output
from archivecolor.archive.plan import Item, RefusedItem
from archivecolor.archive.plan_action import PlanAction
from archivecolor.archive.premis import PremisFiles
from archivecolor.archive.record import Record, Source, Status, line_from_record, now_utc
from archivecolor.archive.run_json import RunSummary, WorkerShare, write_run_summary
from archivecolor.archive.stale_parts import remove_stale_parts
from archivecolor.engine.progress import ItemEvent, Listener, ProgressCounter, RunResult
from archivecolor.engine.stopping import Stop
from archivecolor.errors import ArchivecolorError, ExitCode, LockedError, OutputError, Reason, UsageError
from archivecolor.jobs.items import RunPlan
from archivecolor.jobs.run_files import (
    digests_are_current,
    library_versions,
    write_output_bag,
    write_output_digests,
)
from archivecolor.jobs.sidecars import carried_sidecars
from archivecolor.recipe import with_absolute_paths
from archivecolor.settings import RunOptions, plain
from archivecolor.version import program_version

logger = logging.getLogger(__name__)

MEGAPIXELS, FRAMES = "MP", "frames"
_PUT_ASIDE = "files of no record put aside"
_SIDECAR_WORDS = {Status.DONE: "carried", Status.SKIPPED: "left", Status.FAILED: "failed"}


@dataclass(frozen=True)
class ItemResult:
    """What became of one item.

    Attributes:
        record: for the manifest, but for its time.
        amount: how much work it was, in the unit that the run counts in; 0 where it was counted on the way.
    """

    record: Record
    amount: float


class Session:
    """What the runs of one command share: who is told, what is counted, when to end.

    Args:
        settings: of the command.
        listener: who is told of each item.
        stop: says when to end.
        command: the words typed, for run.json.
        weights: digest of the weights, empty where none are asked.
    """

    def __init__(
        self,
        settings: RunOptions,
        listener: Listener,
        stop: Stop,
        command: tuple[str, ...] = (),
        weights: str = "",
    ) -> None:
        self.settings = settings
        self.listener = listener
        self.stop = stop
        self.counter = ProgressCounter(total=0, unit=MEGAPIXELS)
        self.untouched: Counter[str] = Counter()
        self.is_incomplete = False
        self.workers: dict[str, WorkerShare] = {}
        self.summary = RunSummary(
            command=command,
            settings={name: plain(with_absolute_paths(value)) for name, value in vars(settings).items()},
            versions=library_versions(),
            weights=weights,
            counts={},
            started=now_utc(),
        )

    def note_work(self, host: str, seconds: float, megapixels: float, items: int = 0) -> None:
        """Take note of which machine of a cluster did what; a film that several made is no one's item."""
        before = self.workers.get(host, WorkerShare(0, 0.0, 0.0))
        self.workers[host] = WorkerShare(
            before.items + items, before.seconds + seconds, before.megapixels + megapixels
        )

    @property
    def too_many_failures(self) -> bool:
        """More items failed than the command may bear."""
        most = self.settings.max_failures
        return most is not None and self.counter.snapshot().failed > most

    def result(self) -> RunResult:
        """How the command ends, by the worst that happened."""
        return RunResult(self.counter.snapshot(), self._exit_code(), dict(self.untouched))

    def _exit_code(self) -> ExitCode:
        if self.stop.exit_code is not None:
            return self.stop.exit_code
        if self.too_many_failures:
            return ExitCode.TOO_MANY_FAILURES
        before = (PlanAction.FAILED_BEFORE, PlanAction.REFUSED_BEFORE, PlanAction.DECISION_LOST)
        failed_before = sum(self.untouched[action.value] for action in before)
        if self.counter.snapshot().failed or failed_before or self.is_incomplete:
            return ExitCode.SOME_FAILED
        return ExitCode.OK


@contextmanager
def open_run(session: Session, output: Path, sources: Path) -> Iterator[Run]:
    """A run over `output` that holds its lock; see the module's text.

    Args:
        session: what it shares with the other runs of its command.
        output: the folder as it was asked for.
        sources: the folder of its items; who may not read that may not read what is made of it.

    Raises:
        UsageError: `output` was begun the other way, with a bag or without; nothing was done.
        OutputError: the output cannot be written; what is finished is safe.
        LockedError: another run holds the output.
    """
    root = content_root_for_run(output, bag=session.settings.bag)
    with (
        _folder_unless_refused(root, sources),
        hold_output(output, sources),
        locked(root, session.settings.wait_lock, sources),
    ):
        remove_stale_parts(output)
        run = Run(session, output, root)
        try:
            yield run
            run.close()
            run.finish()
        except KeyboardInterrupt:
            remove_stale_parts(output)
            raise
        except LockedError:  # the output is another run's now
            raise
        except ArchivecolorError as error:
            with suppress(OutputError):  # the error itself matters more
                run.write_end(error.exit_code)
            raise
        finally:
            with suppress(OutputError):
                run.close()


class Run:
    """A run that `open_run` opened.

    Args:
        session: what it shares with the other runs of its command.
        output: the folder as it was asked for.
        root: the folder that the tree is written into: `output`, or the payload of a bag.
    """

    def __init__(self, session: Session, output: Path, root: Path) -> None:
        self.root = root
        self._session = session
        self._output = output
        self._premis = PremisFiles(root, session.settings.premis)
        self._writer: ManifestWriter | None = None
        self._is_closed = False

    def begin(self, plan: RunPlan) -> None:
        """Write that the run has begun, and bring what lies beside the outputs up to date.

        Raises:
            OutputError: the output cannot be written.
        """
        session = self._session
        session.counter.expect(len(plan.plan.refused) + len(plan.plan.items))
        session.untouched.update(plan.untouched)
        session.is_incomplete |= plan.skipped_files.pictures_may_be_missing
        session.listener.began(session.counter.snapshot())
        write_run_summary(Layout(self.root).run_json, session.summary)
        self._writer = ManifestWriter(Layout(self.root).manifest)
        # Records of a killed run may not be on disk yet.
        self._writer.sync()
        self._premis.write_missing(plan.manifest, should_stop=lambda: session.stop.requested)
        for file in plan.plan.touched:
            record = plan.manifest.record(file.path)
            source = replace(record.source, mtime_ns=file.mtime_ns, etag=file.etag or None)
            output = with_present_time(self.root, record.output)
            self._writer.append(replace(record, source=source, output=output, at=now_utc()))
        for refused in plan.plan.refused:
            self.add(ItemResult(_refused_record(refused), 0.0))

    def add_sidecars(self, plan: RunPlan) -> None:
        """Carry the sidecars of the plan's files; call it when the items are done. They are no items.

        Raises:
            OutputError: the output cannot be written.
        """
        session = self._session
        for found in carried_sidecars(plan.plan.sidecars, self.root, session.stop):
            record = self._append(found)
            session.is_incomplete |= record.status is Status.FAILED
            session.untouched[f"sidecars {_SIDECAR_WORDS[record.status]}"] += 1

    def add(self, result: ItemResult) -> None:
        """Append one record to the manifest, count it and tell of it.

        Raises:
            OutputError: the manifest cannot be written.
        """
        event = item_event(self._append(result.record), result.amount)
        if told_of_unknown(event.detail):
            self._session.untouched[_PUT_ASIDE] += 1
        self._session.listener.settled(event, self._session.counter.add(event))

    def add_all(self, results: Iterable[ItemResult]) -> None:
        """Add one after the other; `results` end once the stop is asked for. Raises as `add`."""
        for result in results:
            self.add(result)
            if self._session.too_many_failures:
                # What workers have in hand is still written, and so has its record.
                self._session.stop.end()

    def close(self) -> None:
        """Flush and close the manifest; nothing more can be added."""
        if self._writer is not None and not self._is_closed:
            self._is_closed = True
            self._writer.close()

    def finish(self) -> None:
        """Leave the output as its manifest now says; nothing where the run never began."""
        if self._writer is None:
            return
        if not digests_are_current(self.root):
            write_output_digests(self.root)
        # Where workers were left at work, what they wrote has no record yet.
        if not self._session.counter.snapshot().left:
            clear_pending(self.root)
        self.write_end(self._session.result().exit_code)
        # run.json lies in the bag: nothing is written there after this.
        if self._session.settings.bag and self._session.stop.exit_code is None:
            write_output_bag(self._output)

    def write_end(self, exit_code: ExitCode) -> None:
        """Write how the run ended; nothing where it never began."""
        if self._writer is None:
            return
        session = self._session
        progress = session.counter.snapshot()
        work = progress.work
        counts = {name: getattr(progress, name) for name in ("done", "skipped", "failed", "left")}
        summary = replace(
            session.summary,
            counts=counts | dict(session.untouched),
            ended=now_utc(),
            seconds=round(progress.seconds, 3),
            megapixels=round(work[MEGAPIXELS].amount, 3) if MEGAPIXELS in work else 0.0,
            work={unit: asdict(done) for unit, done in work.items()},
            workers={host: asdict(share) for host, share in session.workers.items()},
            exit_code=int(exit_code),
        )
        write_run_summary(Layout(self.root).run_json, summary)

    def _append(self, found: Record) -> Record:
        """Append a record to the manifest as of now, its PREMIS with it; gives it as it stands there."""
        assert self._writer is not None, "begin comes first"
        record = replace(found, at=now_utc(), version=program_version())
        self._premis.remove(record)
        self._writer.append(record)
        self._premis.write(record)
        logger.info("%s: %s, %s %s", record.path, record.status.value, _reason_word(record), record.detail)
        return record


def kept_by_hand(failed: Record, item: Item, root: Path) -> Record:
    """The record of an item whose derivative somebody worked on: that stays, and is digested.

    Args:
        failed: what would be recorded else: that the item failed `BY_HAND`.
        item: with its claim.
        root: the folder of the derivatives.
    """
    names = [voucher.output.path for voucher in item.claim.vouchers]
    name = next((name for name in (item.output, item.path) if name in names), names[0])
    try:
        kept, source_sha256 = by_hand_output(root, name), sha256_of(item.source)
    except OSError as error:
        detail = f"{failed.detail}; it cannot be digested: {error.strerror}"
        return replace(failed, reason=Reason.PERMISSION, detail=detail)
    source = replace(failed.source, sha256=source_sha256)
    return replace(failed, status=Status.SKIPPED, source=source, output=kept)


def _refused_record(refused: RefusedItem) -> Record:
    """The record of an item that cannot have its output's name."""
    item = refused.item
    return Record(
        path=item.path,
        status=Status.FAILED,
        reason=Reason.NAME_COLLISION,
        source=Source(item.nbytes, item.mtime_ns, etag=item.etag or None),
        detail=refused.detail,
        kind=item.kind,
        settings=refused.settings,
        weights=refused.weights,
    )


def item_event(record: Record, amount: float) -> ItemEvent:
    """A record as listeners are told of it."""
    return ItemEvent(
        path=record.path,
        status=record.status.value,
        reason=_reason_word(record),
        detail=record.detail,
        amount=amount,
        record=json.loads(line_from_record(record)),
    )


def _reason_word(record: Record) -> str:
    return str(getattr(record.reason, "value", record.reason))


@contextmanager
def _folder_unless_refused(output: Path, sources: Path) -> Iterator[None]:
    """Make the output folder; a run that is refused while it plans leaves no new folder behind."""
    ours = Layout(output).state
    made = [folder for folder in (ours, *ours.parents) if not folder.exists()]
    prepare_output(output, sources)
    try:
        yield
    except UsageError:
        with suppress(OSError):  # something is in one of them after all
            for folder in made:
                folder.rmdir()
        raise
