"""What a run would do: what `--dry-run` prints."""

from __future__ import annotations

from dataclasses import dataclass, replace

from archivecolor.archive.bag import content_root_for_run
from archivecolor.archive.estimate import Estimate, estimate
from archivecolor.archive.fixity import sha256_of
from archivecolor.archive.folders import check_folders
from archivecolor.archive.layout import Layout
from archivecolor.archive.plan import FILM, Item, PlanAction
from archivecolor.archive.run_json import RunSummary, read_run_summary
from archivecolor.errors import ItemError
from archivecolor.jobs.colour import OutputFolder, network_opener, output_folders
from archivecolor.jobs.decisions import decisions_of_run
from archivecolor.jobs.films import expected_seconds
from archivecolor.jobs.grey import grey_source
from archivecolor.jobs.items import GREY, PHOTO, RunPlan, plan_items
from archivecolor.jobs.run import FRAMES
from archivecolor.networks.builtin import checkpoint_path
from archivecolor.settings import DirSettings, GreySettings, VideoSettings


@dataclass(frozen=True)
class FilmForecast:
    """What a run would do with one film.

    Attributes:
        path: its name in the manifest.
        frames: how many it has by its container, 0 where that does not say.
        seconds: expected time.
        problem: why it cannot be done, empty where it can.
    """

    path: str
    frames: int
    seconds: float
    problem: str


@dataclass(frozen=True)
class Forecast:
    """What a run would do.

    Attributes:
        photographs: how much work they are.
        films: one by one.
        untouched: files that need nothing, and names that were passed over, by the word for it.
    """

    photographs: Estimate
    films: tuple[FilmForecast, ...]
    untouched: dict[str, int]


def forecast(settings: DirSettings | VideoSettings) -> Forecast:
    """Say what `colour` would do; writes nothing. The network is loaded where no run has been timed yet.

    Raises:
        UsageError, CheckpointError: as `colour`.
    """
    weights = sha256_of(checkpoint_path(settings.checkpoint))
    work = Estimate(0, 0, 0.0, 0.0, False)
    found: list[FilmForecast] = []
    untouched: dict[str, int] = {}
    for folder in output_folders(settings, weights, network_opener(settings, weights)):
        root = content_root_for_run(folder.path, bag=settings.bag)
        decisions = decisions_of_run(settings, root)
        plan = plan_items(folder.sources, root, settings, decisions=decisions)
        last_run = read_run_summary(Layout(root).run_json)
        work = work.plus(photographs_estimate(plan.items(PHOTO), folder, weights, last_run))
        speed = last_run.speed(FRAMES) if last_run is not None else None
        found += [forecast_film(item, folder.films, speed) for item in plan.items(FILM) if folder.films]
        for word, count in _untouched(plan).items():
            untouched[word] = untouched.get(word, 0) + count
    return Forecast(work, tuple(found), untouched)


def _untouched(plan: RunPlan) -> dict[str, int]:
    """What a plan leaves alone, names that two items would take among it, by the word for it."""
    collisions = plan.plan.counts[PlanAction.NAME_COLLISION]
    return plan.untouched | ({PlanAction.NAME_COLLISION.value: collisions} if collisions else {})


def forecast_grey(settings: GreySettings) -> Forecast:
    """Say what `grey_folder` would do; writes nothing.

    Raises:
        UsageError: as `grey_folder`.
    """
    check_folders(settings.input, settings.output)
    root = content_root_for_run(settings.output, bag=settings.bag)
    plan = plan_items([grey_source(settings)], root, settings)
    work = estimate(plan.items(GREY), read_run_summary(Layout(root).run_json))
    return Forecast(work, (), _untouched(plan))


def photographs_estimate(
    items: list[Item], folder: OutputFolder, weights: str, last_run: RunSummary | None
) -> Estimate:
    """The work of photographs: as fast as the last run, else as a few of them are here and now."""
    work = estimate(items, last_run)
    if not items or work.from_last_run or folder.photographs is None:
        return work
    from archivecolor.jobs.measure import measure

    measured = measure(items, folder.photographs, network_opener(folder.photographs, weights))
    return replace(work, seconds=measured.seconds, measured=measured.pictures)


def forecast_film(item: Item, settings: VideoSettings, frames_per_second: float | None) -> FilmForecast:
    """What one film would take, by the speed of the last run where that is known."""
    from archivecolor.film.probe import probe

    try:
        facts = probe(item.source, max_megapixels=settings.max_megapixels)
    except ItemError as error:
        return FilmForecast(item.path, 0, 0.0, str(error))
    frames = facts.expected_frames or 0
    seconds = 1 / frames_per_second if frames_per_second else expected_seconds(facts, settings)
    return FilmForecast(item.path, frames, frames * seconds, "")
