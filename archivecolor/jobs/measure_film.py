"""How long a film will take on this machine, measured on some frames from the middle of it."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from archivecolor.archive.plan import FILM, Item
from archivecolor.archive.plan_action import PlanAction
from archivecolor.archive.record import Status
from archivecolor.engine.progress import NullListener
from archivecolor.engine.stopping import Stop
from archivecolor.engine.timing import Duration, now
from archivecolor.errors import ItemError
from archivecolor.film.clip import cut_clip
from archivecolor.film.probe import FilmFacts
from archivecolor.jobs.colour import film_context
from archivecolor.jobs.film_progress import COLOURING, JOINING, LOOKING, FilmProgress
from archivecolor.jobs.films import expected_seconds, film_record
from archivecolor.jobs.run import Session
from archivecolor.settings import VideoSettings

if TYPE_CHECKING:
    from archivecolor.inference.predictor import Predictor

logger = logging.getLogger(__name__)

# Of work by the pessimistic time per frame: about two seconds on two cores that nobody else uses.
BUDGET_SECONDS = 6.0
_FEWEST, MOST = 12, 48


@dataclass(frozen=True)
class FilmSpeed:
    """How fast a film is coloured.

    Attributes:
        frames: how many were tried.
        per_frame: what one takes.
        once: what the film takes besides, however long it is.
    """

    frames: int
    per_frame: Duration
    once: Duration


def measure_film(
    facts: FilmFacts, settings: VideoSettings, weights: str, open_predictor: Callable[[], Predictor]
) -> FilmSpeed | None:
    """Colour a few frames of a film, away from the output, by the way of every film.

    Args:
        facts: of the film.
        settings: of the run.
        weights: digest of the checkpoint.
        open_predictor: opens the network, or has it open.

    Returns:
        None where no clip can be cut from the film or coloured.

    Raises:
        UnavailableError: the checkpoint, the device or an encoder cannot be used.
    """
    import av

    wanted = min(MOST, max(_FEWEST, round(BUDGET_SECONDS / expected_seconds(facts, settings))))
    with tempfile.TemporaryDirectory(prefix="archivecolor-") as folder:
        clip = Path(folder, "clip.mkv")
        try:
            frames = cut_clip(facts, clip, wanted)
        except (ItemError, av.error.FFmpegError, ValueError) as error:
            logger.info("%s: no clip can be cut: %s", facts.path, error)
            return None
        if not frames:
            return None
        # Shots that were given are of the whole film, and a file's name may be that of another container.
        alone = replace(settings, output=Path(folder, "out"), cuts="auto", container="keep", bag=False)
        return _speed(clip, frames, alone, weights, open_predictor)


def _speed(
    clip: Path, frames: int, settings: VideoSettings, weights: str, open_predictor: Callable[[], Predictor]
) -> FilmSpeed | None:
    """Colour a clip; None where that fails."""
    last: dict[str, Duration] = {}
    first: dict[str, Duration] = {}

    def note(_item: Item, progress: FilmProgress) -> None:
        last[progress.activity] = now()
        first.setdefault(progress.activity, last[progress.activity])

    session = Session(settings, NullListener(), Stop(), weights=weights)
    item = Item(FILM, clip.parent, clip.name, clip.stem, clip.stat().st_size, 0, PlanAction.DO, 0, "")
    context = film_context(settings, clip.parent / "out", session, open_predictor, [item])
    context = replace(context, report=note)
    began = now()
    record = film_record(item, context)
    if record.status is Status.FAILED or LOOKING not in last:
        logger.info("%s: its clip cannot be coloured: %s", clip, record.detail)
        return None
    whole = now() - began
    # The last frames come out of an encoder when it is closed, which is before the first is joined.
    ended = first.get(JOINING, last.get(COLOURING, last[LOOKING]))
    # What comes before the first frame is done once, however long the film is.
    work = ended - first[LOOKING]
    return FilmSpeed(frames, work * (1 / frames), whole - work)


def warm_up(predictor: Predictor) -> None:
    """Ask the network once: the first answer takes longer than those after it."""
    size = predictor.working_size
    predictor.predict([np.zeros((size, size), np.float32)])
