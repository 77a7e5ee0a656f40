"""What a run would do: what `--dry-run` prints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from archivecolor.archive.bag import content_root_for_run
from archivecolor.archive.by_hand import is_of_no_record
from archivecolor.archive.decision import State
from archivecolor.archive.estimate import Estimate, estimate
from archivecolor.archive.fixity import sha256_of
from archivecolor.archive.folders import check_folders
from archivecolor.archive.layout import Layout
from archivecolor.archive.plan import FILM, Item
from archivecolor.archive.plan_action import PlanAction
from archivecolor.archive.run_json import RunSummary, read_run_summary
from archivecolor.engine.timing import Duration, now
from archivecolor.errors import Reason
from archivecolor.jobs.colour import output_folders
from archivecolor.jobs.decisions import decisions_of_run, warn_of_lost
from archivecolor.jobs.film_forecast import FilmsForecast, forecast_films
from archivecolor.jobs.grey import grey_source
from archivecolor.jobs.items import GREY, PHOTO, RunPlan, plan_items
from archivecolor.jobs.network import network_opener
from archivecolor.jobs.output_folders import FolderJob
from archivecolor.jobs.plan_decisions import decided_by_plan
from archivecolor.networks.builtin import checkpoint_path
from archivecolor.settings import BucketPath, DirSettings, GreySettings, VideoSettings

# A process that spent more before was not started for a forecast.
_LONGEST_START_SECONDS = 5.0


@dataclass(frozen=True)
class Forecast:
    """What a run would do.

    Attributes:
        photographs: how much work they are.
        films: what is known of the films.
        untouched: files that need nothing, and names that were passed over, by the word for it.
        in_the_way: files of no record that have the names of photographs' outputs: a run puts them aside.
    """

    photographs: Estimate
    films: FilmsForecast
    untouched: dict[str, int]
    in_the_way: tuple[str, ...] = ()


def forecast(settings: DirSettings | VideoSettings, on_trial: Callable[[], None] = lambda: None) -> Forecast:
    """Say what `colour` would do; writes nothing. The network is loaded where no run has been timed yet.

    Args:
        settings: of the run.
        on_trial: called before photographs are tried, which takes some seconds.

    Raises:
        UsageError, CheckpointError: as `colour`.
    """
    # Python's own start and what is loaded by now: every process of a run has it too.
    spent = min(_LONGEST_START_SECONDS, now().processor_seconds)
    start = Duration(spent, spent)
    weights = sha256_of(checkpoint_path(settings.checkpoint))
    work = Estimate(0, 0, 0.0, 0.0, False)
    films = FilmsForecast()
    untouched: dict[str, int] = {}
    in_the_way: tuple[str, ...] = ()
    open_network = network_opener(settings, weights)
    for folder in output_folders(settings, weights, open_network):
        root = content_root_for_run(folder.path, bag=settings.bag)
        decisions = decisions_of_run(settings, root, folder.roots)
        planned = decided_by_plan(settings, root, decisions, weights, open_network, lambda: None)
        decisions = decisions.and_then(planned) if planned is not None else decisions
        plan = plan_items(folder.sources, root, settings, decisions=decisions)
        warn_of_lost(root, plan, folder.path)
        last_run = read_run_summary(Layout(root).run_json)
        photographs, reels = _to_make(plan.items(PHOTO)), _to_make(plan.items(FILM))
        work = work.plus(_photographs_estimate(photographs, folder, weights, last_run, start, on_trial))
        if folder.films is not None and reels:
            films = films.plus(forecast_films(reels, folder.films, weights, plan.manifest))
        for word, count in _untouched(plan).items():
            untouched[word] = untouched.get(word, 0) + count
        in_the_way += _in_the_way(plan, PHOTO, root)
    return Forecast(work, films, untouched, in_the_way)


def _in_the_way(plan: RunPlan, kind: str, root: Path) -> tuple[str, ...]:
    """The names of outputs that files of no record have, in the order of the walk."""
    items = plan.claimed(kind)
    return tuple(item.output for item in items if is_of_no_record(root, item.output, item.claim))


def _to_make(items: list[Item]) -> list[Item]:
    """Those that get an output."""
    return [item for item in items if item.decision.state is not State.REJECTED]


def _untouched(plan: RunPlan) -> dict[str, int]:
    """What a plan makes nothing of, names that two items would take among it, by the word for it."""
    collisions = plan.plan.counts[PlanAction.NAME_COLLISION]
    rejected = len(plan.plan.items) - len(_to_make(plan.plan.items))
    counts = {PlanAction.NAME_COLLISION.value: collisions, Reason.REJECTED.value: rejected}
    return plan.untouched | {word: count for word, count in counts.items() if count}


def forecast_grey(settings: GreySettings) -> Forecast:
    """Say what `grey_folder` would do; writes nothing.

    Raises:
        UsageError: as `grey_folder`.
    """
    check_folders(settings.input, settings.output)
    root = content_root_for_run(settings.output, bag=settings.bag)
    plan = plan_items([grey_source(settings)], root, settings)
    work = estimate(plan.items(GREY), read_run_summary(Layout(root).run_json))
    return Forecast(work, FilmsForecast(), _untouched(plan), _in_the_way(plan, GREY, root))


def _photographs_estimate(
    items: list[Item],
    folder: FolderJob,
    weights: str,
    last_run: RunSummary | None,
    start: Duration,
    on_trial: Callable[[], None],
) -> Estimate:
    """The work of photographs: as fast as the last run, else as a few of them are here and now."""
    work = estimate(items, last_run)
    is_here = folder.photographs is not None and not isinstance(folder.photographs.input, BucketPath)
    if not items or work.from_last_run or folder.photographs is None or not is_here:
        return work
    on_trial()
    began = now()
    from archivecolor.jobs.measure import measure

    loading = start + (now() - began)
    measured = measure(items, folder.photographs, network_opener(folder.photographs, weights), loading)
    if measured is None:
        return work
    return replace(
        work,
        seconds=measured.seconds,
        measured=measured.pictures,
        processor_seconds=measured.processor_seconds,
    )
