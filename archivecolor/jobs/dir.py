"""A folder of photographs, coloured: lock, sweep, walk, plan, colour, record."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path

from archivecolor.archive.bag import tree_for
from archivecolor.archive.durable import sweep_parts
from archivecolor.archive.estimate import Estimate, estimate
from archivecolor.archive.fixity import sha256_of
from archivecolor.archive.folders import check_folders, prepare_output
from archivecolor.archive.lock import locked
from archivecolor.archive.manifest import Manifest, Writer
from archivecolor.archive.plan import Action, Plan, Question, make_plan
from archivecolor.archive.premis import PremisFiles
from archivecolor.archive.record import now_utc
from archivecolor.archive.replaced import remove_replaced
from archivecolor.archive.runfile import read_run
from archivecolor.archive.walk import OUR_FOLDER, PassedOver, walk
from archivecolor.engine.progress import Ending, Listener, Progress, Tally
from archivecolor.engine.stopping import Stop, listening
from archivecolor.errors import ArchivecolorError, ExitCode, UsageError
from archivecolor.jobs.accounts import (
    MEGAPIXELS,
    Account,
    RunFile,
    begun_run,
    close_books,
    manifest_path,
    run_path,
    write_output_bag,
)
from archivecolor.jobs.photographs import Making, photographs
from archivecolor.model.builtin import checkpoint_path
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
class Chosen:
    """The files of a run: what is to be done, and what was left aside."""

    plan: Plan
    manifest: Manifest
    passed_over: PassedOver

    @property
    def untouched(self) -> dict[str, int]:
        """Files that need nothing, and names that were passed over, by reason."""
        counts = {word.value: self.plan.counts[word] for word in (Action.UP_TO_DATE, Action.FAILED_BEFORE)}
        passed = {f"{word.value} passed over": count for word, count in self.passed_over.counts.items()}
        return {word: count for word, count in (counts | passed).items() if count}


def forecast(settings: DirSettings) -> Forecast:
    """Say what `colour_folder` would do; opens a few headers, writes nothing, loads no network.

    Raises:
        UsageError, CheckpointError: as `colour_folder`.
    """
    check_folders(settings.input, settings.output)
    settings = into_tree(settings)
    chosen = choose(settings, sha256_of(checkpoint_path(settings.checkpoint)), Stop())
    last_run = read_run(run_path(settings.output))
    return Forecast(estimate(chosen.plan, settings.input, last_run), chosen.untouched)


def colour_folder(settings: DirSettings, listener: Listener, command: tuple[str, ...] = ()) -> Ending:
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
    asked, settings = settings, into_tree(settings)
    with (
        output_for_use(settings.output),
        listening(Stop(settings.max_runtime)) as stop,
        locked(settings.output, settings.wait_lock),
    ):
        sweep_parts(asked.output)
        chosen = choose(settings, weights, stop)
        run = RunFile.begin(settings.output, begun_run(command, asked, weights))
        try:
            ending = colour_chosen(chosen, Making(settings, weights), listener, stop)
            run.end(ending)
            # run.json lies in the bag: nothing is written there after this.
            if asked.bag and stop.exit_code is None:
                write_output_bag(asked.output)
        except KeyboardInterrupt:
            sweep_parts(asked.output)
            raise
        except ArchivecolorError as error:
            run.end_with(error)
            raise
        return ending


def into_tree(settings: DirSettings) -> DirSettings:
    """Settings whose output is the folder of the tree itself: that of a bag lies inside it.

    Raises:
        UsageError: the output was begun the other way.
    """
    return replace(settings, output=tree_for(settings.output, bag=settings.bag))


@contextmanager
def output_for_use(output: Path) -> Iterator[None]:
    """Make the output folder; a run that is refused while it plans leaves no new folder behind."""
    ours = output / OUR_FOLDER
    made = [folder for folder in (ours, *ours.parents) if not folder.exists()]
    prepare_output(output)
    try:
        yield
    except UsageError:
        with suppress(OSError):  # something is in one of them after all
            for folder in made:
                folder.rmdir()
        raise


def choose(settings: DirSettings, weights: str, stop: Stop) -> Chosen:
    """Walk the input and plan what is to be done.

    Raises:
        UsageError: as `walk`, `make_plan` and `Manifest`.
    """
    passed_over = PassedOver()
    manifest = Manifest(manifest_path(settings.output))
    question = Question(
        input=settings.input,
        output=settings.output,
        format=settings.format,
        settings=settings.digest(),
        weights=weights,
        options=settings,
    )
    # The end of the time does not cut the plan short: it is what says how much is left.
    found = takewhile(lambda _: stop.exit_code is None, walk(settings.input, settings, passed_over))
    return Chosen(make_plan(found, manifest, question), manifest, passed_over)


def colour_chosen(chosen: Chosen, making: Making, listener: Listener, stop: Stop) -> Ending:
    """Colour what the plan says, and write down what became of it."""
    settings, plan = making.settings, chosen.plan
    tally = Tally(total=len(plan.items), unit=MEGAPIXELS)
    listener.began(tally.now())
    premis = PremisFiles(settings.output, settings.premis)
    premis.fill(chosen.manifest, until=lambda: stop.requested)
    with Writer(manifest_path(settings.output)) as writer:
        # What a killed run left to be removed; its records may not be on disk yet.
        writer.sync()
        remove_replaced(chosen.manifest, premis, until=lambda: stop.requested)
        account = Account(writer, premis, tally, listener)
        if plan.items:
            warn_without_exiftool()
        renew_touched(chosen, writer)
        with closing(photographs(plan.items, making, stop)) as entries:
            for entry in entries:
                account.enter(entry.record, entry.megapixels)
                if too_many_failures(tally.now(), settings):
                    break
    close_books(settings.output, premis, until=lambda: stop.requested)
    return Ending(tally.now(), exit_code(tally.now(), chosen, settings, stop), chosen.untouched)


def warn_without_exiftool() -> None:
    """Say once that metadata will not be carried in full: the workers that find it out have no voice."""
    from archivecolor.photo.exiftool import program

    program()


def renew_touched(chosen: Chosen, writer: Writer) -> None:
    """Give sources whose time alone changed a record with the new time."""
    for found in chosen.plan.touched:
        record = chosen.manifest.record(found.path)
        source = replace(record.source, mtime_ns=found.mtime_ns)
        writer.append(replace(record, source=source, at=now_utc()))


def too_many_failures(progress: Progress, settings: DirSettings) -> bool:
    """More items failed than the run may bear."""
    return settings.max_failures is not None and progress.failed > settings.max_failures


def exit_code(progress: Progress, chosen: Chosen, settings: DirSettings, stop: Stop) -> ExitCode:
    """What the process answers, by the worst that happened."""
    if stop.exit_code is not None:
        return stop.exit_code
    if too_many_failures(progress, settings):
        return ExitCode.TOO_MANY_FAILURES
    if progress.failed or chosen.plan.counts[Action.FAILED_BEFORE]:
        return ExitCode.SOME_FAILED
    return ExitCode.OK
