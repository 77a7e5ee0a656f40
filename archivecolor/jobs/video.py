"""Films, coloured: find them, hold them against the manifest, colour each, record each."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from archivecolor.archive.bag import refuse_unlistable, tree_for
from archivecolor.archive.durable import printable, sweep_parts
from archivecolor.archive.fixity import sha256_of
from archivecolor.archive.folders import check_folders, prepare_output
from archivecolor.archive.lock import locked
from archivecolor.archive.manifest import Manifest, Writer
from archivecolor.archive.names import folded
from archivecolor.archive.plan import Action, Question, action_for
from archivecolor.archive.premis import PremisFiles
from archivecolor.archive.runfile import Run
from archivecolor.archive.walk import FILMS, Found, PassedOver, walk
from archivecolor.engine.progress import Ending, Listener, Tally
from archivecolor.engine.stopping import Stop, listening
from archivecolor.errors import (
    ArchivecolorError,
    ExitCode,
    ItemError,
    OutOfMemoryError,
    Reason,
    StoppedError,
    UsageError,
)
from archivecolor.jobs.accounts import (
    Account,
    RunFile,
    begun_run,
    digests_are_current,
    manifest_path,
    write_output_bag,
    write_output_digests,
)
from archivecolor.jobs.films import (
    OutOfTimeError,
    Reel,
    Stage,
    Studio,
    colour_film,
    expected_seconds,
    failed,
    settings_digest,
)
from archivecolor.model.builtin import checkpoint_path
from archivecolor.settings import SelectionOptions, VideoSettings

log = logging.getLogger(__name__)

BESIDE = "-colour"


@dataclass(frozen=True)
class FilmForecast:
    """What a run would do with one film.

    Attributes:
        path: its name in the manifest.
        frames: how many it has by its container, 0 where that does not say.
        seconds: a cautious guess of how long they take.
        trouble: why it cannot be done, empty where it can.
    """

    path: str
    frames: int
    seconds: float
    trouble: str


@dataclass
class Chosen:
    """The films of a run.

    Attributes:
        reels: to be coloured, in order.
        outputs: the folders of all films, those that need nothing too.
        untouched: what needs nothing, counted by the word for it.
    """

    reels: list[Reel] = field(default_factory=list)
    outputs: list[Path] = field(default_factory=list)
    untouched: Counter[str] = field(default_factory=Counter)


def forecast(settings: VideoSettings) -> tuple[list[FilmForecast], Counter[str]]:
    """Say what `colour_films` would do; opens each film's container, writes nothing, loads no network.

    Raises:
        UsageError, UnavailableError: as `colour_films`.
    """
    check_options(settings)
    settings = into_tree(settings)
    chosen = choose(settings, sha256_of(checkpoint_path(settings.checkpoint)))
    return [forecast_film(reel, settings) for reel in chosen.reels], chosen.untouched


def forecast_film(reel: Reel, settings: VideoSettings) -> FilmForecast:
    """What one film would take."""
    from archivecolor.film.probe import probe

    try:
        facts = probe(reel.source)
    except ItemError as error:
        return FilmForecast(reel.path, 0, 0.0, str(error))
    frames = facts.expected_frames or 0
    return FilmForecast(reel.path, frames, frames * expected_seconds(facts, settings), "")


def colour_films(settings: VideoSettings, listener: Listener, command: tuple[str, ...] = ()) -> Ending:
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
    asked, settings = settings, into_tree(settings)
    chosen = choose(settings, weights)
    tally = Tally(total=len(chosen.reels), unit="frames")
    with listening(Stop(settings.max_runtime)) as stop:
        studio = Studio(settings, weights, opener(settings), stop, Watcher(tally, listener))
        books = Books(tally, listener, chosen, begun_run(command, asked, weights))
        listener.began(tally.now())
        for output in chosen.outputs:
            reels = [reel for reel in chosen.reels if reel.output == output]
            if reels or has_unfinished_papers(output, settings):
                colour_into(output, reels, studio, books)
            if stop.requested or too_many(tally, settings):
                break
        return Ending(tally.now(), exit_code(tally, chosen, settings, stop), dict(chosen.untouched))


def into_tree(settings: VideoSettings) -> VideoSettings:
    """Settings whose output is the folder of the films itself: that of a bag lies inside it.

    Raises:
        UsageError: a bag without a folder, or the output was begun the other way.
    """
    if settings.output is None:
        if settings.bag:
            raise UsageError("--bag makes a bag of a folder; give one with --output FOLDER")
        return settings
    return replace(settings, output=tree_for(settings.output, bag=settings.bag))


def has_unfinished_papers(output: Path, settings: VideoSettings) -> bool:
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
class Books:
    """What a run is accounted with.

    Attributes:
        tally: counts films and frames.
        listener: who is told.
        chosen: the films of the run.
        run: what run.json says of its beginning.
    """

    tally: Tally
    listener: Listener
    chosen: Chosen
    run: Run


def opener(settings: VideoSettings) -> Callable[[], Any]:
    """Opens the network once, when the first film needs it."""

    @cache
    def open_once() -> Any:
        from archivecolor.inference.predictor import open_predictor

        return open_predictor(settings.checkpoint, settings)

    return open_once


def colour_into(output: Path, reels: list[Reel], studio: Studio, books: Books) -> None:
    """Colour the films of one output folder."""
    settings, stop = studio.settings, studio.stop
    prepare_output(output)
    with locked(output, settings.wait_lock):
        sweep_parts(output.parent if settings.bag else output)
        reels = still_to_do(reels, output, studio, books)
        run = RunFile.begin(output, books.run)
        try:
            colour_reels(reels, output, studio, books)
            write_output_digests(output)
            code = exit_code(books.tally, books.chosen, settings, stop)
            run.end(Ending(books.tally.now(), code, dict(books.chosen.untouched)))
            # run.json lies in the bag: nothing is written there after this.
            if settings.bag and stop.exit_code is None:
                write_output_bag(output.parent)
        except ArchivecolorError as error:
            run.end_with(error)
            raise


def colour_reels(reels: list[Reel], output: Path, studio: Studio, books: Books) -> None:
    """Colour films one after the other, each with its record."""
    premis = PremisFiles(output, studio.settings.premis)
    premis.fill(Manifest(manifest_path(output)), until=lambda: studio.stop.requested)
    with Writer(manifest_path(output)) as writer:
        account = Account(writer, premis, books.tally, books.listener)
        for reel in reels:
            if studio.stop.requested or too_many(books.tally, studio.settings):
                return
            if not colour_one(reel, studio, account):
                return


def still_to_do(reels: list[Reel], output: Path, studio: Studio, books: Books) -> list[Reel]:
    """The films that no other run has done while this one waited for its turn."""
    manifest = Manifest(manifest_path(output))
    making = (settings_digest(studio.settings), studio.weights)
    waiting = (Action.DO, Action.RETRY)
    left = [reel for reel in reels if action_of(reel, manifest, studio.settings, making) in waiting]
    books.tally.drop(len(reels) - len(left))
    return left


def colour_one(reel: Reel, studio: Studio, account: Account) -> bool:
    """Colour one film and record it; False where the run was asked to end in the middle of it."""
    try:
        if studio.settings.bag:
            refuse_unlistable(reel.stem)
        record = colour_film(reel, studio)
    except ItemError as error:
        record = failed(reel, studio, error)
    except (MemoryError, OutOfMemoryError):
        trouble = ItemError(Reason.OUT_OF_MEMORY, "this machine has not enough memory for it")
        record = failed(reel, studio, trouble)
    except (StoppedError, OutOfTimeError):
        return False
    except (ArchivecolorError, OSError):
        raise
    except Exception as error:  # the film edge: a fault costs its film, not the films after it
        log.error("%s failed unexpectedly", reel.path, exc_info=error)
        record = failed(reel, studio, ItemError(Reason.FAULT, f"{type(error).__name__}: {error}"))
    account.enter(record, 0.0)
    return True


class Watcher:
    """Tells a listener how far a film is.

    Args:
        tally: counts frames.
        listener: who is told.
    """

    def __init__(self, tally: Tally, listener: Listener) -> None:
        self._tally = tally
        self._listener = listener

    def __call__(self, reel: Reel, stage: Stage) -> None:
        """One more frame."""
        progress = self._tally.work(1.0) if stage.doing == "colouring" else self._tally.now()
        self._listener.advanced(f"{reel.path}: {words_for(stage)}", progress)


def words_for(stage: Stage) -> str:
    """How far a film is, for people."""
    share = f" {100 * stage.frame // stage.frames} %" if stage.frames else f" frame {stage.frame}"
    shot = f", shot {stage.shot} of {stage.shots}" if stage.shot else ""
    return f"{stage.doing}{share}{shot}"


def choose(settings: VideoSettings, weights: str) -> Chosen:
    """Find the films and hold them against the manifests.

    Raises:
        UsageError: a film is not there, or two films would have one name.
    """
    chosen = Chosen()
    digest = settings_digest(settings)
    manifests: dict[Path, Manifest] = {}
    products: set[Path] = set()
    taken: dict[tuple[Path, str], Path] = {}
    for reel in reels_of(settings):
        if reel.output not in manifests:
            manifests[reel.output] = Manifest(manifest_path(reel.output))
            products |= outputs_in(reel.output, manifests[reel.output])
        if reel.source in products:
            chosen.untouched["coloured by an earlier run"] += 1
            continue
        other = taken.setdefault((reel.output, folded(reel.stem)), reel.source)
        if other != reel.source:
            raise UsageError(
                f"{printable(other)} and {printable(reel.source)} would both become {printable(reel.stem)} "
                f"in {printable(reel.output)}; rename one, or give them different outputs"
            )
        action = action_of(reel, manifests[reel.output], settings, (digest, weights))
        if action in (Action.UP_TO_DATE, Action.FAILED_BEFORE):
            chosen.untouched[action.value] += 1
        else:
            chosen.reels.append(reel)
    chosen.outputs.extend(manifests)
    return chosen


def outputs_in(output: Path, manifest: Manifest) -> set[Path]:
    """The coloured films of an output folder: where it holds their sources too, they are found with them."""
    return {output / known.output for known in manifest.items.values() if known.output}


def action_of(reel: Reel, manifest: Manifest, settings: VideoSettings, making: tuple[str, str]) -> Action:
    """What to do with one film."""
    try:
        about = reel.source.stat()
    except OSError:
        return Action.DO
    options = SelectionOptions(overwrite=settings.overwrite, retry_failed=settings.retry_failed)
    question = Question(reel.source.parent, reel.output, "keep", *making, options)
    found = Found(reel.path, about.st_size, about.st_mtime_ns)
    return action_for(found, manifest.known(reel.path), question)


def reels_of(settings: VideoSettings) -> Iterator[Reel]:
    """All films that were given, by name or by folder.

    Raises:
        UsageError: a name that is no file and no folder.
    """
    if not settings.input:
        raise UsageError("no films were given")
    for given in settings.input:
        if given.is_dir():
            yield from reels_in(given, settings)
        elif given.exists():
            yield reel_of(given, given.name, settings, given.parent)
        else:
            raise UsageError(f"the film {printable(given)} does not exist")


def reels_in(folder: Path, settings: VideoSettings) -> Iterator[Reel]:
    """The films of a folder."""
    if settings.output is not None:
        check_folders(folder, settings.output)
    for found in walk(folder, SelectionOptions(), PassedOver(), FILMS):
        yield reel_of(folder / found.path, found.path, settings, folder)


def reel_of(source: Path, path: str, settings: VideoSettings, root: Path) -> Reel:
    """A film with the name its coloured copy gets."""
    stem = path[: len(path) - len(source.suffix)]
    if settings.output is None:
        return Reel(source, path, root, stem + BESIDE)
    return Reel(source, path, settings.output, stem)


def too_many(tally: Tally, settings: VideoSettings) -> bool:
    """More films failed than the run may bear."""
    return settings.max_failures is not None and tally.now().failed > settings.max_failures


def exit_code(tally: Tally, chosen: Chosen, settings: VideoSettings, stop: Stop) -> ExitCode:
    """What the process answers, by the worst that happened."""
    if stop.exit_code is not None:
        return stop.exit_code
    if too_many(tally, settings):
        return ExitCode.TOO_MANY_FAILURES
    if tally.now().failed or chosen.untouched[Action.FAILED_BEFORE.value]:
        return ExitCode.SOME_FAILED
    return ExitCode.OK
