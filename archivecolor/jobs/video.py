"""Films, coloured: find them, hold them against the manifest, colour each, record each."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from archivecolor.archive.atomic import printable_path, remove_stale_parts
from archivecolor.archive.bag import check_bag_name, content_root_for_run
from archivecolor.archive.by_hand import Claim, clear_pending, refuse_by_hand
from archivecolor.archive.fixity import sha256_of
from archivecolor.archive.folders import check_folders, prepare_output
from archivecolor.archive.lock import locked
from archivecolor.archive.manifest import Manifest, ManifestWriter
from archivecolor.archive.names import casefolded_name
from archivecolor.archive.plan import (
    PlanAction,
    PlanInputs,
    action_for,
    claim_of,
    items_to_take_back,
    refuse_unknown,
)
from archivecolor.archive.premis import PremisFiles
from archivecolor.archive.run_json import RunSummary
from archivecolor.archive.walk import FILMS, FoundFile, SkippedFiles, walk
from archivecolor.engine.progress import Listener, ProgressCounter, RunResult
from archivecolor.engine.stopping import Stop, stop_on_signals
from archivecolor.errors import (
    ArchivecolorError,
    ExitCode,
    ItemError,
    OutOfMemoryError,
    Reason,
    StoppedError,
    UsageError,
)
from archivecolor.jobs.film_records import by_hand_record
from archivecolor.jobs.films import (
    FilmJob,
    FilmProgress,
    FilmRunContext,
    OutOfTimeError,
    colour_film,
    expected_seconds,
    failed_record,
    settings_digest,
)
from archivecolor.jobs.run_files import (
    RecordSink,
    RunJson,
    digests_are_current,
    manifest_path,
    new_run_summary,
    write_output_bag,
    write_output_digests,
)
from archivecolor.networks.builtin import checkpoint_path
from archivecolor.settings import SelectionOptions, VideoSettings

logger = logging.getLogger(__name__)

BESIDE_SUFFIX = "-colour"


@dataclass(frozen=True)
class FilmForecast:
    """What a run would do with one film.

    Attributes:
        path: its name in the manifest.
        frames: how many it has by its container, 0 where that does not say.
        seconds: a cautious guess of how long they take.
        problem: why it cannot be done, empty where it can.
    """

    path: str
    frames: int
    seconds: float
    problem: str


@dataclass
class PlannedFilms:
    """The films of a run.

    Attributes:
        jobs: to be coloured, in order.
        outputs: the folders of all films, those that need nothing too.
        untouched: what needs nothing, counted by the word for it.
    """

    jobs: list[FilmJob] = field(default_factory=list)
    outputs: list[Path] = field(default_factory=list)
    untouched: Counter[str] = field(default_factory=Counter)


def forecast(settings: VideoSettings) -> tuple[list[FilmForecast], Counter[str]]:
    """Say what `colour_films` would do; opens each film's container, writes nothing, loads no network.

    Raises:
        UsageError, UnavailableError: as `colour_films`.
    """
    check_options(settings)
    settings = with_content_root(settings)
    planned = plan_films(settings, sha256_of(checkpoint_path(settings.checkpoint)))
    return [forecast_film(job, settings) for job in planned.jobs], planned.untouched


def forecast_film(job: FilmJob, settings: VideoSettings) -> FilmForecast:
    """What one film would take."""
    from archivecolor.film.probe import probe

    try:
        facts = probe(job.source)
    except ItemError as error:
        return FilmForecast(job.path, 0, 0.0, str(error))
    frames = facts.expected_frames or 0
    return FilmForecast(job.path, frames, frames * expected_seconds(facts, settings), "")


def colour_films(settings: VideoSettings, listener: Listener, command: tuple[str, ...] = ()) -> RunResult:
    """Colour every film that is not up to date.

    Args:
        settings: of the run.
        listener: who is told of each film.
        command: the words typed, for run.json.

    Raises:
        UsageError: films or options that cannot be; nothing was done.
        UnavailableError: the checkpoint, the device or an encoder cannot be used.
        OutputError: the output cannot be written; what is finished is safe.
        LockedError: another run holds the output.
    """
    check_options(settings)
    weights = sha256_of(checkpoint_path(settings.checkpoint))
    requested, settings = settings, with_content_root(settings)
    planned = plan_films(settings, weights)
    counter = ProgressCounter(total=len(planned.jobs), unit="frames")
    with stop_on_signals(Stop(settings.max_runtime)) as stop:
        run_context = FilmRunContext(
            settings, weights, lazy_predictor(settings), stop, FilmProgressReporter(counter, listener)
        )
        totals = RunTotals(counter, listener, planned, new_run_summary(command, requested, weights))
        listener.began(counter.snapshot())
        for output in planned.outputs:
            jobs = [job for job in planned.jobs if job.output == output]
            if jobs or sidecars_pending(output, settings):
                colour_into(output, jobs, run_context, totals)
            if stop.requested or too_many_failures(counter, settings):
                break
        return RunResult(
            counter.snapshot(), exit_code(counter, planned, settings, stop), dict(planned.untouched)
        )


def with_content_root(settings: VideoSettings) -> VideoSettings:
    """Settings whose output is the folder of the films itself: that of a bag lies inside it.

    Raises:
        UsageError: a bag without a folder, or the output was begun the other way.
    """
    if settings.output is None:
        if settings.bag:
            raise UsageError("--bag makes a bag of a folder; give one with --output FOLDER")
        return settings
    return replace(settings, output=content_root_for_run(settings.output, bag=settings.bag))


def sidecars_pending(output: Path, settings: VideoSettings) -> bool:
    """Whether what lies beside the films may want writing though no film does."""
    if not manifest_path(output).exists():
        return False
    return settings.bag or settings.premis or not digests_are_current(output)


def check_options(settings: VideoSettings) -> None:
    """Refuse what no film could be coloured with.

    Raises:
        UsageError, UnavailableError: as `check_encoder`; a list of shots that is not there.
    """
    from archivecolor.film.encode import check_encoder

    check_encoder(settings)
    if settings.cuts not in ("auto", "none") and not Path(settings.cuts).is_file():
        raise UsageError(
            f"the list of shots {settings.cuts} does not exist; cuts is auto, none or a CSV file"
        )


@dataclass(frozen=True)
class RunTotals:
    """What a run is accounted with.

    Attributes:
        counter: counts films and frames.
        listener: who is told.
        planned: the films of the run.
        run: what run.json says of its beginning.
    """

    counter: ProgressCounter
    listener: Listener
    planned: PlannedFilms
    run: RunSummary


def lazy_predictor(settings: VideoSettings) -> Callable[[], Any]:
    """Opens the network once, when the first film needs it."""

    @cache
    def open_once() -> Any:
        from archivecolor.inference.predictor import open_predictor

        return open_predictor(settings.checkpoint, settings)

    return open_once


def colour_into(output: Path, jobs: list[FilmJob], run_context: FilmRunContext, totals: RunTotals) -> None:
    """Colour the films of one output folder."""
    settings, stop = run_context.settings, run_context.stop
    prepare_output(output)
    with locked(output, settings.wait_lock):
        remove_stale_parts(output.parent if settings.bag else output)
        jobs = drop_finished(jobs, output, run_context, totals)
        run_json = RunJson.begin(output, totals.run)
        try:
            colour_in_order(jobs, output, run_context, totals)
            write_output_digests(output)
            clear_pending(output)
            code = exit_code(totals.counter, totals.planned, settings, stop)
            run_json.end(RunResult(totals.counter.snapshot(), code, dict(totals.planned.untouched)))
            # run.json lies in the bag: nothing is written there after this.
            if settings.bag and stop.exit_code is None:
                write_output_bag(output.parent)
        except ArchivecolorError as error:
            run_json.end_with_error(error)
            raise


def colour_in_order(
    jobs: list[FilmJob], output: Path, run_context: FilmRunContext, totals: RunTotals
) -> None:
    """Colour films one after the other, each with its record."""
    premis = PremisFiles(output, run_context.settings.premis)
    premis.write_missing(Manifest(manifest_path(output)), should_stop=lambda: run_context.stop.requested)
    with ManifestWriter(manifest_path(output)) as writer:
        sink = RecordSink(writer, premis, totals.counter, totals.listener)
        for job in jobs:
            if run_context.stop.requested or too_many_failures(totals.counter, run_context.settings):
                return
            if not colour_one(job, run_context, sink):
                return


def drop_finished(
    jobs: list[FilmJob], output: Path, run_context: FilmRunContext, totals: RunTotals
) -> list[FilmJob]:
    """The films that no other run has done while this one waited for its turn."""
    manifest = Manifest(manifest_path(output))
    digests = (settings_digest(run_context.settings), run_context.weights)
    waiting = (PlanAction.DO, PlanAction.RETRY)
    left = [
        job
        for job in jobs
        if job.claim.take_back or action_of(job, manifest, run_context.settings, digests) in waiting
    ]
    totals.counter.remove(len(jobs) - len(left))
    return [replace(job, claim=film_claim(job, manifest)) for job in left]


def film_claim(job: FilmJob, manifest: Manifest) -> Claim:
    """What records say of the names that a coloured film may have: which container it gets is seen later."""
    names = [name for name in manifest.superseded if name.startswith(f"{job.stem}.")]
    return claim_of(job.path, names, manifest, take_back=job.claim.take_back)


def colour_one(job: FilmJob, run_context: FilmRunContext, sink: RecordSink) -> bool:
    """Colour one film and record it; False where the run was asked to end in the middle of it."""
    try:
        if run_context.settings.bag:
            check_bag_name(job.stem)
        if job.claim.vouchers:
            refuse_by_hand(job.output, job.claim.vouchers[0].output.path, job.claim)
        record = colour_film(job, run_context)
    except ItemError as error:
        by_hand = error.reason is Reason.BY_HAND
        record = (by_hand_record if by_hand else failed_record)(job, run_context, error)
    except (MemoryError, OutOfMemoryError):
        failure = ItemError(Reason.OUT_OF_MEMORY, "this machine has not enough memory for it")
        record = failed_record(job, run_context, failure)
    except (StoppedError, OutOfTimeError):
        return False
    except (ArchivecolorError, OSError):
        raise
    except Exception as error:  # the film edge: a fault costs its film, not the films after it
        logger.error("%s failed unexpectedly", job.path, exc_info=error)
        record = failed_record(job, run_context, ItemError(Reason.FAULT, f"{type(error).__name__}: {error}"))
    sink.append(record, 0.0)
    return True


class FilmProgressReporter:
    """Tells a listener how far a film is.

    Args:
        counter: counts frames.
        listener: who is told.
    """

    def __init__(self, counter: ProgressCounter, listener: Listener) -> None:
        self._counter = counter
        self._listener = listener

    def __call__(self, job: FilmJob, progress: FilmProgress) -> None:
        """One more frame."""
        run_progress = (
            self._counter.add_work(1.0) if progress.activity == "colouring" else self._counter.snapshot()
        )
        self._listener.advanced(f"{job.path}: {film_progress_text(progress)}", run_progress)


def film_progress_text(progress: FilmProgress) -> str:
    """How far a film is, for people."""
    share = f" {100 * progress.frame // progress.frames} %" if progress.frames else f" frame {progress.frame}"
    shot = f", shot {progress.shot} of {progress.shots}" if progress.shot else ""
    return f"{progress.activity}{share}{shot}"


def plan_films(settings: VideoSettings, weights: str) -> PlannedFilms:
    """Find the films and hold them against the manifests.

    Raises:
        UsageError: a film is not there, or two films would have one name.
    """
    planned = PlannedFilms()
    digest = settings_digest(settings)
    manifests: dict[Path, Manifest] = {}
    known_outputs: set[Path] = set()
    taken: dict[tuple[Path, str], Path] = {}
    taken_back: dict[str, str] = {}
    for job in jobs_of(settings):
        if job.output not in manifests:
            manifests[job.output] = Manifest(manifest_path(job.output))
            known_outputs |= outputs_in(job.output, manifests[job.output])
        if job.source in known_outputs:
            planned.untouched["coloured by an earlier run"] += 1
            continue
        other = taken.setdefault((job.output, casefolded_name(job.stem)), job.source)
        if other != job.source:
            raise UsageError(
                f"{printable_path(other)} and {printable_path(job.source)} would both become "
                f"{printable_path(job.stem)} in {printable_path(job.output)}; "
                f"rename one, or give them different outputs"
            )
        asked = items_to_take_back(settings.take_back, manifests[job.output], (job.output, job.source.parent))
        take_back = job.path in asked.values()
        taken_back |= asked
        action = action_of(job, manifests[job.output], settings, (digest, weights))
        if not take_back and action not in (PlanAction.DO, PlanAction.RETRY):
            planned.untouched[action.value] += 1
        else:
            planned.jobs.append(replace(job, claim=Claim(take_back=take_back)))
    refuse_unknown(settings.take_back, taken_back, settings.output or Path())
    planned.outputs.extend(manifests)
    return planned


def outputs_in(output: Path, manifest: Manifest) -> set[Path]:
    """The coloured films of an output folder: where it holds their sources too, they are found with them."""
    names = [*(entry.output for entry in manifest.items.values() if entry.output), *manifest.superseded]
    return {output / name for name in names}


def action_of(
    job: FilmJob, manifest: Manifest, settings: VideoSettings, digests: tuple[str, str]
) -> PlanAction:
    """What to do with one film."""
    try:
        status = job.source.stat()
    except OSError:
        return PlanAction.DO
    options = SelectionOptions(overwrite=settings.overwrite, retry_failed=settings.retry_failed)
    inputs = PlanInputs(job.source.parent, job.output, "keep", *digests, options)
    found = FoundFile(job.path, status.st_size, status.st_mtime_ns)
    return action_for(found, manifest.entry(job.path), inputs)


def jobs_of(settings: VideoSettings) -> Iterator[FilmJob]:
    """All films that were given, by name or by folder.

    Raises:
        UsageError: a name that is no file and no folder.
    """
    if not settings.input:
        raise UsageError("no films were given")
    for given in settings.input:
        if given.is_dir():
            yield from jobs_in(given, settings)
        elif given.exists():
            yield job_of(given, given.name, settings, given.parent)
        else:
            raise UsageError(f"the film {printable_path(given)} does not exist")


def jobs_in(folder: Path, settings: VideoSettings) -> Iterator[FilmJob]:
    """The films of a folder."""
    if settings.output is not None:
        check_folders(folder, settings.output)
    for found in walk(folder, SelectionOptions(), SkippedFiles(), FILMS):
        yield job_of(folder / found.path, found.path, settings, folder)


def job_of(source: Path, path: str, settings: VideoSettings, root: Path) -> FilmJob:
    """A film with the name its coloured copy gets."""
    stem = path[: len(path) - len(source.suffix)]
    if settings.output is None:
        return FilmJob(source, path, root, stem + BESIDE_SUFFIX)
    return FilmJob(source, path, settings.output, stem)


def too_many_failures(counter: ProgressCounter, settings: VideoSettings) -> bool:
    """More films failed than the run may bear."""
    return settings.max_failures is not None and counter.snapshot().failed > settings.max_failures


def exit_code(
    counter: ProgressCounter, planned: PlannedFilms, settings: VideoSettings, stop: Stop
) -> ExitCode:
    """What the process answers, by the worst that happened."""
    if stop.exit_code is not None:
        return stop.exit_code
    if too_many_failures(counter, settings):
        return ExitCode.TOO_MANY_FAILURES
    if counter.snapshot().failed or planned.untouched[PlanAction.FAILED_BEFORE.value]:
        return ExitCode.SOME_FAILED
    return ExitCode.OK
