"""Colour photographs and films: what `dir`, `video` and the API's folders and films do."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from archivecolor.archive.decisions import Decisions
from archivecolor.archive.fixity import sha256_of
from archivecolor.archive.folders import check_folders
from archivecolor.archive.layout import Layout
from archivecolor.archive.names import BESIDE, output_name
from archivecolor.archive.passed_over import passed_over_list
from archivecolor.archive.plan import FILM, Item
from archivecolor.archive.walk import PICTURES, extension_of
from archivecolor.engine.progress import Listener, RunResult
from archivecolor.engine.stopping import Stop
from archivecolor.errors import InputNotFoundError, UsageError
from archivecolor.film.containers import CONTAINER_OF_SUFFIX
from archivecolor.inference.open_runtime import check_runtime, choose_runtime
from archivecolor.jobs.carrying_out import telling_of_left_out, warn_of_no_handwork
from archivecolor.jobs.cuts import check_cuts
from archivecolor.jobs.decisions import take_in_decisions, warn_of_lost, warn_of_unknown
from archivecolor.jobs.film_jobs import FilmRunContext, film_settings_digest, named_film
from archivecolor.jobs.film_plan import read_plan
from archivecolor.jobs.film_progress import FilmReporter
from archivecolor.jobs.films import films
from archivecolor.jobs.items import PHOTO, ItemSource, RunPlan, plan_items, warn_of_nothing
from archivecolor.jobs.network import network_opener
from archivecolor.jobs.output_folders import EVERYTHING, Choice, FolderJob, chosen, of_one_runtime
from archivecolor.jobs.plan_decisions import decided_by_plan, take_in_plan
from archivecolor.jobs.run import FRAMES, MEGAPIXELS, ItemResult, Session, open_run
from archivecolor.metadata.credentials.embedding import check_credentials
from archivecolor.networks.builtin import checkpoint_path
from archivecolor.networks.checkpoint import read_info
from archivecolor.printable import printable
from archivecolor.settings import BucketPath, DirSettings, VideoSettings, dataclass_from

if TYPE_CHECKING:
    from distributed import Client

    from archivecolor.inference.predictor import Predictor
    from archivecolor.jobs.photographs_on_cluster import ClusterOpener


@dataclass(frozen=True)
class Means:
    """What a run works with; each is opened when it is first needed.

    Attributes:
        open_network: the network on this machine.
        open_cluster: the workers that do the work, None for those of this machine.
    """

    open_network: Callable[[], Predictor]
    open_cluster: ClusterOpener | None


def colour(
    settings: DirSettings | VideoSettings,
    listener: Listener,
    stop: Stop,
    command: tuple[str, ...] = (),
    choice: Choice = EVERYTHING,
    executor: Client | None = None,
) -> RunResult:
    """Colour everything that is asked for and not up to date.

    An item that cannot be done costs itself: its record says why. Runs until all is settled, or until `stop`
    or `max_failures` ends it; the same call then goes on where it left off.

    Args:
        settings: of the run.
        listener: who is told of each item.
        stop: says when to end.
        command: the words typed, for run.json.
        choice: what of the inputs is taken.
        executor: of the cluster whose workers do the work; that of the settings without it.

    Raises:
        UsageError: folders, films or options that cannot be; nothing was done.
        UnavailableError: the checkpoint, the device or an encoder cannot be used.
        OutputError: the output cannot be written; what is finished is safe.
        LockedError: another run holds the output.
    """
    weights = sha256_of(checkpoint_path(settings.checkpoint))
    means = Means(network_opener(settings, weights), _cluster_of(settings, executor))
    folders = output_folders(settings, weights, means.open_network)
    _check_options(settings)
    if means.open_cluster is None:
        check_runtime(checkpoint_path(settings.checkpoint), settings)
    folders = [chosen(folder, choice) for folder in folders]
    session = Session(settings, listener, stop, command, weights)
    for folder in folders:
        _run_over(folder, settings, session, means)
        if stop.requested:
            break
    if not isinstance(settings, DirSettings):
        return session.result()
    from archivecolor.jobs.sheet import draw_tree_sheet

    return replace(session.result(), sheets=draw_tree_sheet(settings, stop))


def _check_options(settings: DirSettings | VideoSettings) -> None:
    """Refuse what could only be found out behind the first item. Raises as `colour`."""
    if isinstance(settings, DirSettings):
        from archivecolor.jobs.colour_photographs import check_photograph_options

        check_photograph_options(settings)
    elif settings.credentials is not None:
        check_credentials(settings.credentials)


def _cluster_of(settings: DirSettings | VideoSettings, executor: Client | None) -> ClusterOpener | None:
    """As `cluster_of`, which a run of this machine alone need not load."""
    if executor is None and not settings.cluster:
        return None
    from archivecolor.jobs.photographs_on_cluster import cluster_of

    return cluster_of(settings, executor)


def _run_over(
    folder: FolderJob,
    settings: DirSettings | VideoSettings,
    session: Session,
    means: Means,
) -> None:
    """The run over one output folder; raises as `colour`."""
    with open_run(session, folder.path, folder.sources[0].root) as run:
        taken = take_in_decisions(settings, run.root, folder.roots)
        decisions = Decisions.of_output(run.root, *folder.roots)
        planned = decided_by_plan(
            settings,
            run.root,
            decisions,
            session.summary.weights,
            means.open_network,
            session.stop.raise_if_signalled,
        )
        decisions = take_in_plan(run.root, decisions, planned)
        with passed_over_list(Layout(run.root).passed_over) as skipped_files:
            plan = plan_items(folder.sources, run.root, settings, session.stop, skipped_files, decisions)
        warn_of_unknown(taken, plan)
        warn_of_lost(run.root, plan, folder.path)
        if not (isinstance(settings, DirSettings) and settings.watch):
            warn_of_nothing(plan, folder.sources, settings)
        warn_of_no_handwork(run.root, plan)
        run.begin(plan)
        with closing(colour_folder(folder, run.root, plan, session, means)) as results:
            run.add_all(telling_of_left_out(results, folder.path))
        if not session.stop.requested:
            run.add_sidecars(plan)


def colour_folder(
    folder: FolderJob, root: Path, plan: RunPlan, session: Session, means: Means
) -> Generator[ItemResult, None, None]:
    """The result of every item of one output folder, photographs first."""
    if folder.photographs is not None:
        from archivecolor.jobs.colour_photographs import colour_photographs

        session.counter.count_in(MEGAPIXELS)
        photo_settings = replace(folder.photographs, output=root)
        with closing(colour_photographs(photo_settings, plan, session, means)) as results:
            yield from results
    if folder.films is not None and plan.items(FILM) and not session.stop.requested:
        session.counter.count_in(FRAMES)
        film_run = replace(
            film_context(folder.films, root, session, means.open_network, plan.items(FILM)),
            record_of=plan.record_of,
        )
        with closing(_films(film_run, plan, means)) as results:
            yield from results


def _films(film_run: FilmRunContext, plan: RunPlan, means: Means) -> Generator[ItemResult, None, None]:
    """The result of every film, by this machine or by the workers of a cluster."""
    with ExitStack() as opened:
        if means.open_cluster is not None:
            film_run = replace(film_run, cluster=opened.enter_context(means.open_cluster()))
        yield from films(plan.claimed(FILM), film_run)


def film_context(
    settings: VideoSettings,
    root: Path,
    session: Session,
    open_network: Callable[[], Predictor],
    items: Sequence[Item],
) -> FilmRunContext:
    """What all films of an output folder, `items`, are coloured with."""
    versions, named = session.summary.versions, named_film(settings)
    libraries = ("archivecolor", "av", "opencv-python-headless")
    # Pieces of a film that another program's answers made are not continued.
    runtime = choose_runtime(read_info(checkpoint_path(settings.checkpoint)), settings).name
    return FilmRunContext(
        settings=settings,
        output=root,
        settings_digest=film_settings_digest(settings),
        weights=session.summary.weights,
        library_versions=(*(versions[name] for name in libraries), runtime),
        open_predictor=open_network,
        stop=session.stop,
        report=FilmReporter(session, items, is_high_quality=settings.quality == "high"),
        record_of=lambda _: None,
        note_work=session.note_work,
        suffix=named.suffix if named is not None else "",
    )


def output_folders(
    settings: DirSettings | VideoSettings, weights: str, open_network: Callable[[], Predictor]
) -> list[FolderJob]:
    """Every output folder of a run with what is coloured into it; what cannot be is refused.

    Raises:
        UsageError, UnavailableError: as `colour`.
    """
    if isinstance(settings, DirSettings):
        folders = [_tree_folder(settings, weights)]
    else:
        _check_film_options(settings)
        folders = _film_folders(settings, weights)
    if not settings.same_runtime:
        return folders
    runtime = open_network().runtime_name
    return [of_one_runtime(folder, runtime) for folder in folders]


def _tree_folder(settings: DirSettings, weights: str) -> FolderJob:
    """The output folder of a tree of photographs, and of its films where they are asked for."""
    if isinstance(settings.input, BucketPath):
        _check_bucket_options(settings)
    check_folders(settings.input, settings.output, for_one="photo")
    name_of = partial(output_name, format=settings.format)
    if settings.rest == "link" and settings.bag:
        raise UsageError(
            "--rest link leaves links, and --bag makes a folder that can be handed over; use copy"
        )
    takes_rest = settings.rest != "skip"
    sources = [ItemSource(PHOTO, settings.input, name_of, settings.digest(), weights, takes_rest=takes_rest)]
    film_settings = None
    if settings.films:
        film_settings = film_settings_of(settings)
        _check_film_options(film_settings)
        digest = film_settings_digest(film_settings)
        sources.append(ItemSource(FILM, settings.input, film_stem, digest, weights))
    return FolderJob(settings.output, tuple(sources), settings, film_settings)


def _check_bucket_options(settings: DirSettings) -> None:
    """Refuse what needs the sources as files of this machine, beyond the moment in which they are coloured.

    Raises:
        UsageError: with the option.
    """
    for name in ("films", "watch", "sheet"):
        if getattr(settings, name):
            raise UsageError(
                f"--{name} needs its sources on a disk, and {settings.input} is a bucket; leave it out, or "
                "copy them here first"
            )
    if settings.rest == "link":
        raise UsageError(f"--rest link links to files, and {settings.input} is a bucket; use copy")


def film_settings_of(settings: DirSettings) -> VideoSettings:
    """Settings for the films of a tree: those it shares with photographs, else the defaults."""
    shared = {setting.name: getattr(settings, setting.name) for setting in fields(settings)}
    return dataclass_from(VideoSettings, shared | {"input": (settings.input,)})


def _named_film_folder(settings: VideoSettings, named: Path, weights: str) -> FolderJob:
    """The folder of the one file that `--output` names.

    Raises:
        UsageError: the film cannot be named so.
    """
    shown, (film,) = printable(named), settings.input
    refuse_what_is_no_film(film)
    if named.exists() and named.samefile(film):
        raise UsageError(f"{shown} is the film itself, which is never written over; give another name")
    container = CONTAINER_OF_SUFFIX[named.suffix.lower()]
    if settings.container not in ("keep", container):
        raise UsageError(
            f"--output {shown} and --container {settings.container} are two containers; leave one out"
        )
    settings = replace(settings, container=container)

    def stem(_path: str) -> str:
        return named.stem

    source = ItemSource(FILM, film.parent, stem, film_settings_digest(settings), weights, (film.name,))
    return FolderJob(named.parent, (source,), None, settings)


def refuse_what_is_no_film(given: Path) -> None:
    """Refuse a file that is not there, or a photograph.

    Raises:
        UsageError: it is.
    """
    shown = printable(given)
    if not given.exists():
        raise InputNotFoundError(f"the film {shown} does not exist", given)
    if extension_of(os.fsencode(given.name)) in PICTURES:
        raise UsageError(f"{shown} is a photograph; for photographs: archivecolor photo {shown}")


def _film_folders(settings: VideoSettings, weights: str) -> list[FolderJob]:
    """The output folders of films that were given by name or by folder: one, or one beside each source."""
    if not settings.input:
        raise UsageError("no films were given")
    named = named_film(settings)
    if named is not None:
        return [_named_film_folder(settings, named, weights)]
    if settings.output is None and settings.bag:
        raise UsageError("--bag makes a bag of a folder; give one with --output FOLDER")
    source_of = partial(
        ItemSource,
        FILM,
        name_of=film_stem if settings.output is not None else _film_stem_beside,
        settings=film_settings_digest(settings),
        weights=weights,
    )
    sources: dict[Path, list[ItemSource]] = {}
    by_folder: dict[Path, list[str]] = {}
    for given in settings.input:
        if given.is_dir():
            if settings.output is not None:
                check_folders(given, settings.output)
            sources.setdefault(settings.output or given, []).append(source_of(root=given))
        else:
            refuse_what_is_no_film(given)
            by_folder.setdefault(given.parent, []).append(given.name)
    for root, names in by_folder.items():
        source = source_of(root=root, names=tuple(dict.fromkeys(names)))
        sources.setdefault(settings.output or root, []).append(source)
    if settings.take_back and len(sources) > 1:
        raise UsageError("--take-back takes films of one folder at a time; give that folder alone")
    return [FolderJob(path, tuple(found), None, settings) for path, found in sources.items()]


def film_stem(path: str) -> str:
    """Name of a coloured film without suffix: its source's."""
    dot = path.rfind(".")
    return path[:dot] if dot > path.rfind("/") + 1 else path


def _film_stem_beside(path: str) -> str:
    """Name without suffix of a coloured film that lies beside its source."""
    return film_stem(path) + BESIDE


def _check_film_options(settings: VideoSettings) -> None:
    """Refuse what no film could be coloured with.

    Raises:
        UsageError, UnavailableError: as `check_encoder`; a list of shots that is not there, or for several
            films.
    """
    from archivecolor.film.encode import check_encoder

    check_encoder(settings)
    check_cuts(settings.cuts)
    if settings.plan is not None:
        read_plan(settings.plan)
    is_one = len(settings.input) == 1 and not settings.input[0].is_dir()
    if settings.plan is not None and not is_one:
        raise UsageError(
            f"--plan is for one film, and {printable(settings.plan)} is the plan of one; give it alone"
        )
    if settings.cuts not in ("auto", "none") and not is_one:
        raise UsageError(
            f"--cuts is for one film, and {printable(settings.cuts)} is the list of one; give that film alone"
        )
