"""A folder of photographs, coloured: lock, sweep, walk, plan, colour, record."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path

from archivecolor.archive.atomic import remove_stale_parts
from archivecolor.archive.bag import content_root_for_run
from archivecolor.archive.by_hand import clear_pending
from archivecolor.archive.estimate import Estimate, estimate
from archivecolor.archive.fixity import sha256_of
from archivecolor.archive.folders import check_folders, prepare_output
from archivecolor.archive.lock import locked
from archivecolor.archive.manifest import Manifest, ManifestWriter
from archivecolor.archive.passed_over import PASSED_OVER_NAME, passed_over_list
from archivecolor.archive.plan import Plan, PlanAction, PlanInputs, claimed, make_plan
from archivecolor.archive.premis import PremisFiles
from archivecolor.archive.record import now_utc
from archivecolor.archive.run_json import read_run_summary
from archivecolor.archive.walk import STATE_FOLDER, SkippedFiles, walk
from archivecolor.engine.progress import Listener, Progress, ProgressCounter, RunResult
from archivecolor.engine.stopping import Stop, stop_on_signals
from archivecolor.errors import ArchivecolorError, ExitCode, ItemError, Reason, UsageError
from archivecolor.jobs.photographs import PhotoRunContext, photographs
from archivecolor.jobs.run_files import (
    MEGAPIXELS,
    RecordSink,
    RunJson,
    finalize_run,
    manifest_path,
    new_run_summary,
    run_json_path,
    write_output_bag,
)
from archivecolor.networks.builtin import checkpoint_path
from archivecolor.settings import DirSettings


@dataclass(frozen=True)
class Forecast:
    """What a run would do.

    Attributes:
        work: pictures, bytes, megapixels and time.
        untouched: files that need nothing, and names that were passed over, by reason.
    """

    work: Estimate
    untouched: dict[str, int]


@dataclass(frozen=True)
class PlannedPhotographs:
    """The files of a run: what is to be done, and what was left aside."""

    plan: Plan
    manifest: Manifest
    skipped_files: SkippedFiles

    @property
    def untouched(self) -> dict[str, int]:
        """Files that need nothing, and names that were passed over, by reason."""
        words = (PlanAction.UP_TO_DATE, PlanAction.FAILED_BEFORE, PlanAction.BY_HAND)
        counts = {word.value: self.plan.counts[word] for word in words}
        return {word: count for word, count in counts.items() if count} | self.skipped_files.summary()


def forecast(settings: DirSettings) -> Forecast:
    """Say what `colour_folder` would do; opens a few headers, writes nothing, loads no network.

    Raises:
        UsageError, CheckpointError: as `colour_folder`.
    """
    check_folders(settings.input, settings.output)
    settings = with_content_root(settings)
    planned = plan_photographs(
        settings, sha256_of(checkpoint_path(settings.checkpoint)), Stop(), SkippedFiles()
    )
    last_run = read_run_summary(run_json_path(settings.output))
    untouched = dict(planned.untouched)
    if count := planned.plan.counts[PlanAction.NAME_COLLISION]:
        untouched[PlanAction.NAME_COLLISION.value] = count
    return Forecast(estimate(planned.plan, settings.input, last_run), untouched)


def colour_folder(settings: DirSettings, listener: Listener, command: tuple[str, ...] = ()) -> RunResult:
    """Colour every photograph of a folder that is not up to date.

    A picture that cannot be done costs itself: its record says why. Runs until all is settled, or
    until a signal, `max_runtime` or `max_failures` ends it; the same call then goes on where it
    left off.

    Args:
        settings: of the run.
        listener: who is told of each picture.
        command: the words typed, for run.json.

    Raises:
        UsageError: folders or options that cannot be; nothing was done.
        UnavailableError: the checkpoint or the device cannot be used.
        OutputError: the output cannot be written; what is finished is safe.
        LockedError: another run holds the output.
    """
    check_folders(settings.input, settings.output)
    weights = sha256_of(checkpoint_path(settings.checkpoint))
    requested, settings = settings, with_content_root(settings)
    with (
        prepared_output(settings.output),
        stop_on_signals(Stop(settings.max_runtime)) as stop,
        locked(settings.output, settings.wait_lock),
    ):
        remove_stale_parts(requested.output)
        with passed_over_list(settings.output / STATE_FOLDER / PASSED_OVER_NAME) as skipped_files:
            planned = plan_photographs(settings, weights, stop, skipped_files)
        run_json = RunJson.begin(settings.output, new_run_summary(command, requested, weights))
        try:
            result = colour_planned(planned, PhotoRunContext(settings, weights), listener, stop)
            run_json.end(result)
            # run.json lies in the bag: nothing is written there after this.
            if requested.bag and stop.exit_code is None:
                write_output_bag(requested.output)
        except KeyboardInterrupt:
            remove_stale_parts(requested.output)
            raise
        except ArchivecolorError as error:
            run_json.end_with_error(error)
            raise
        return result


def with_content_root(settings: DirSettings) -> DirSettings:
    """Settings whose output is the folder of the tree itself: that of a bag lies inside it.

    Raises:
        UsageError: the output was begun the other way.
    """
    return replace(settings, output=content_root_for_run(settings.output, bag=settings.bag))


@contextmanager
def prepared_output(output: Path) -> Iterator[None]:
    """Make the output folder; a run that is refused while it plans leaves no new folder behind."""
    ours = output / STATE_FOLDER
    made = [folder for folder in (ours, *ours.parents) if not folder.exists()]
    prepare_output(output)
    try:
        yield
    except UsageError:
        with suppress(OSError):  # something is in one of them after all
            for folder in made:
                folder.rmdir()
        raise


def plan_photographs(
    settings: DirSettings, weights: str, stop: Stop, skipped_files: SkippedFiles
) -> PlannedPhotographs:
    """Walk the input and plan what is to be done; what is passed over is counted in `skipped_files`.

    Raises:
        UsageError: as `walk`, `make_plan` and `Manifest`.
    """
    manifest = Manifest(manifest_path(settings.output))
    inputs = PlanInputs(
        input=settings.input,
        output=settings.output,
        format=settings.format,
        settings=settings.digest(),
        weights=weights,
        options=settings,
    )
    # The end of the time does not cut the plan short: it is what says how much is left.
    found = takewhile(lambda _: stop.exit_code is None, walk(settings.input, settings, skipped_files))
    return PlannedPhotographs(make_plan(found, manifest, inputs), manifest, skipped_files)


def colour_planned(
    planned: PlannedPhotographs, context: PhotoRunContext, listener: Listener, stop: Stop
) -> RunResult:
    """Colour what the plan says, and write down what became of it."""
    settings, plan = context.settings, planned.plan
    counter = ProgressCounter(total=len(plan.refused) + len(plan.items), unit=MEGAPIXELS)
    listener.began(counter.snapshot())
    premis = PremisFiles(settings.output, settings.premis)
    premis.write_missing(planned.manifest, should_stop=lambda: stop.requested)
    with ManifestWriter(manifest_path(settings.output)) as writer:
        sink = RecordSink(writer, premis, counter, listener)
        if plan.items:
            warn_without_exiftool()
        refresh_touched_records(planned, writer)
        for refused in plan.refused:
            error = ItemError(Reason.NAME_COLLISION, refused.detail)
            sink.append(context.failed(refused.item, error).value.record, 0.0)
        items = (claimed(item, planned.manifest) for item in plan.items)
        with closing(photographs(items, context, stop)) as results:
            for result in results:
                sink.append(result.record, result.megapixels)
                if too_many_failures(counter.snapshot(), settings):
                    break
    finalize_run(settings.output)
    # Where workers were left at work, what they wrote has no record yet.
    if not counter.snapshot().left:
        clear_pending(settings.output)
    return RunResult(
        counter.snapshot(), exit_code(counter.snapshot(), planned, settings, stop), planned.untouched
    )


def warn_without_exiftool() -> None:
    """Say once that metadata will not be carried in full: the workers that find it out have no voice."""
    from archivecolor.photo.exiftool import program

    program()


def refresh_touched_records(planned: PlannedPhotographs, writer: ManifestWriter) -> None:
    """Give sources whose time alone changed a record with the new time."""
    for found in planned.plan.touched:
        record = planned.manifest.record(found.path)
        source = replace(record.source, mtime_ns=found.mtime_ns)
        writer.append(replace(record, source=source, at=now_utc()))


def too_many_failures(progress: Progress, settings: DirSettings) -> bool:
    """More items failed than the run may bear."""
    return settings.max_failures is not None and progress.failed > settings.max_failures


def exit_code(progress: Progress, planned: PlannedPhotographs, settings: DirSettings, stop: Stop) -> ExitCode:
    """What the process answers, by the worst that happened."""
    if stop.exit_code is not None:
        return stop.exit_code
    if too_many_failures(progress, settings):
        return ExitCode.TOO_MANY_FAILURES
    failed = progress.failed or planned.plan.counts[PlanAction.FAILED_BEFORE]
    if failed or planned.skipped_files.pictures_may_be_missing:
        return ExitCode.SOME_FAILED
    return ExitCode.OK
