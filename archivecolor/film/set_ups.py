"""Which shots of a film show the same set-up, and the frame of each that the others take their colours from.

Cuts go to and fro between set-ups, and come back to one after minutes. Two frames of each shot are looked at
before any is coloured; those that show one thing at one place are held together, wherever they are in the
film. What is found is kept among the work files, so that colours depend on neither segments nor reruns.
"""

from __future__ import annotations

import json
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from archivecolor.archive.atomic import atomic_write
from archivecolor.colour.arrays import Float32
from archivecolor.colour.exemplar import Exemplar, exemplar_of, shows_set_up
from archivecolor.colour.guidance import Guidance
from archivecolor.colour.kernel import Answer
from archivecolor.film.film import ChromaPredictor, Film, View, frames_at
from archivecolor.film.shots import Shot

logger = logging.getLogger(__name__)

FORMAT = 1
# Frames that the two which are looked at lie within a shot, so that none of a dissolve is among them, and
# below which one is enough.
_INSET, _SHORT_SHOT = 12, 16
# Set-ups that a frame is compared with in full: those that are most like it in large.
_CANDIDATES = 4
# Of so many set-ups what the network knows is held in memory; about others it is asked again.
_HELD = 64
# Of so many views that shots take their colours from it is held while the shots are coloured.
_SHARED = 8
# Parts of a frame, down and across, by which it is like others in large.
_PARTS = 4

SetUp = tuple[View, ...]


def find_set_ups(film: Film, predictor: ChromaPredictor, check: Callable[[int], None]) -> tuple[SetUp, ...]:
    """Views that show one set-up, of those set-ups that more than one shot shows.

    Args:
        film: the film.
        predictor: the network.
        check: called with the number of every frame that is looked at; may raise to end it.

    Raises:
        ItemError: `CHANGED`, as `read_from`; what the network raises.
    """
    gallery = _Gallery(film, predictor)
    for view, answer in _views(film, predictor, check):
        if answer.features is None:
            return ()
        gallery.add(view, answer)
    return tuple(views for views in gallery.set_ups if len({view.shot for view in views}) > 1)


def colour_sources(film: Film, set_ups: Sequence[SetUp]) -> dict[int, tuple[View, ...]]:
    """The views that shots take their colours from, by the shots' numbers.

    The surest view of a set-up gives them, of those in shots that have hints where there are any. A shot that
    has hints takes no others, and one that stays as the source has it neither takes nor gives.

    Args:
        film: with what was decided about its shots.
        set_ups: of the film.
    """
    hinted = {number for number, shots in film.corrections.items() if any(shot.hints for shot in shots)}
    sources: dict[int, tuple[View, ...]] = {}
    for all_views in set_ups:
        views = [view for view in all_views if not film.is_passthrough(film.shots[view.shot])]
        if len({view.shot for view in views}) < 2:
            continue
        surest = max(views, key=lambda view: (view.shot in hinted, view.certainty, -view.frame))
        for number in sorted({view.shot for view in views} - hinted):
            sources[number] = (*sources.get(number, ()), surest)
    return sources


class Exemplars:
    """What shots take their colours from, ready to be laid in; a view that several take is looked at once.

    Args:
        film: with the guides of the shots whose hints others take on.
        predictor: the network.
    """

    def __init__(self, film: Film, predictor: ChromaPredictor) -> None:
        self._film, self._predictor = film, predictor
        self._held: OrderedDict[int, Exemplar | None] = OrderedDict()

    def of(self, number: int) -> tuple[Exemplar, ...]:
        """What a shot takes its colours from, by the shot's number."""
        views = self._film.colour_sources.get(number, ())
        found = (self._exemplar(view, _wishes_of(self._film, view, number)) for view in views)
        return tuple(one for one in found if one is not None)

    def _exemplar(self, view: View, wishes: Guidance) -> Exemplar | None:
        # What was decided about one shot is for that shot alone.
        is_shared = wishes is self._film.guidance
        if is_shared and view.frame in self._held:
            return self._held[view.frame]
        (answer,) = self._predictor.answers([view.seen], [wishes])
        exemplar = exemplar_of(answer, wishes.laid_in(answer))
        if is_shared:
            self._held[view.frame] = exemplar
            if len(self._held) > _SHARED:
                self._held.popitem(last=False)
        return exemplar


def _wishes_of(film: Film, view: View, number: int) -> Guidance:
    """What a view is coloured with: hints of its own shot, else the saturation of the shot that takes it."""
    source = film.guides.get(view.shot)
    if source is not None and any(shot.hints for shot in film.corrections.get(view.shot, ())):
        return source.at(film.position_in_shot(view.frame))
    own = film.guides.get(number)
    return film.guidance if own is None else own.at(0)


def _views(
    film: Film, predictor: ChromaPredictor, check: Callable[[int], None]
) -> Iterator[tuple[View, Answer]]:
    """The frames that are looked at, with what the network says of them, in their order."""
    # What was decided about shots may change while this is kept.
    shots = enumerate(film.shots)
    coloured = [number for number, shot in shots if not film.is_passthrough_by_options(shot)]
    if len(coloured) < 2:
        return
    wanted = {frame: number for number in coloured for frame in _frames_of(film.shots[number])}
    for item in frames_at(film.facts, film.first_pass, tuple(wanted)):
        check(item.number)
        luma = np.clip(film.geometry.small_luma(item.frame, film.facts) * 255 + 0.5, 0, 255).astype(np.uint8)
        view = View(wanted[item.number], item.number, 0.0, luma)
        (answer,) = predictor.answers([view.seen], [film.guidance])
        yield replace(view, certainty=round(float(answer.certainty.mean()), 6)), answer


def _frames_of(shot: Shot) -> tuple[int, ...]:
    """Those of a shot that are looked at."""
    if len(shot) < _SHORT_SHOT:
        return ((shot.first + shot.last) // 2,)
    inset = min(_INSET, len(shot) // 4)
    return shot.first + inset, shot.last - inset


class _Gallery:
    """Set-ups that were seen so far, each known by its latest view.

    Args:
        film: the film.
        predictor: the network.
    """

    def __init__(self, film: Film, predictor: ChromaPredictor) -> None:
        self.set_ups: list[SetUp] = []
        self._film, self._predictor = film, predictor
        self._in_large: list[Float32] = []
        self._held: OrderedDict[int, Exemplar] = OrderedDict()

    def add(self, view: View, answer: Answer) -> None:
        """Put a view beside those of its set-up, or begin a new one."""
        assert answer.features is not None
        in_large = _in_large(answer.features)
        number = self._find(answer, in_large)
        if number is None:
            number = len(self.set_ups)
            self.set_ups.append(())
            self._in_large.append(in_large)
        self.set_ups[number] = (*self.set_ups[number], view)
        self._in_large[number] = in_large
        self._hold(number, exemplar_of(answer, answer.ab))

    def _find(self, answer: Answer, in_large: Float32) -> int | None:
        """The number of the set-up that an answer shows, None where it is new."""
        if not self._in_large:
            return None
        distances = ((np.stack(self._in_large) - in_large) ** 2).mean(axis=1)
        likely = np.argsort(distances, kind="stable")[:_CANDIDATES]
        return next(
            (int(number) for number in likely if shows_set_up(answer, self._exemplar(int(number)))), None
        )

    def _exemplar(self, number: int) -> Exemplar:
        if number not in self._held:
            (answer,) = self._predictor.answers([self.set_ups[number][-1].seen], [self._film.guidance])
            self._hold(number, exemplar_of(answer, answer.ab))
        return self._held[number]

    def _hold(self, number: int, exemplar: Exemplar | None) -> None:
        assert exemplar is not None
        self._held.pop(number, None)
        self._held[number] = exemplar
        if len(self._held) > _HELD:
            self._held.popitem(last=False)


def _in_large(features: Float32) -> Float32:
    """Means of the features (h, w, c) of a few large parts of a frame, in a row."""
    rows = [part.mean(axis=0) for part in np.array_split(features, _PARTS, axis=0)]
    parts = [part.mean(axis=0) for row in rows for part in np.array_split(row, _PARTS, axis=0)]
    return np.asarray(np.concatenate(parts), np.float32)


def save_set_ups(path: Path, set_ups: Sequence[SetUp]) -> None:
    """Keep them for a rerun."""
    views = [view for views in set_ups for view in views]
    about = {
        "format": FORMAT,
        "views": [
            [number, view.shot, view.frame, view.certainty]
            for number, views in enumerate(set_ups)
            for view in views
        ],
    }
    with atomic_write(path) as part, part.open("wb") as file:
        np.savez(
            file, lumas=np.array([view.luma for view in views], np.uint8), about=np.array(json.dumps(about))
        )


def load_set_ups(path: Path) -> tuple[SetUp, ...] | None:
    """What an earlier run kept; None where there is nothing of this version that can be read."""
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as kept:
            about, lumas = json.loads(str(kept["about"])), kept["lumas"]
        if about["format"] != FORMAT:
            return None
        set_ups: dict[int, SetUp] = {}
        for (number, shot, frame, certainty), luma in zip(about["views"], lumas, strict=True):
            set_ups[number] = (*set_ups.get(number, ()), View(shot, frame, certainty, luma))
        return tuple(set_ups.values())
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile, RecursionError) as error:
        logger.warning("%s is damaged, and set-ups are looked for again: %s", path, error)
        return None
