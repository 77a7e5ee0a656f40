"""What was decided about a shot, in each of its frames: hints are carried along motion.

What a hint says goes to what the network finds alike in every frame. Its place matters for hints that reach
no further than a thing: it is followed from frame to frame, forward and backward, to the ends of the shot.
A shot is looked at as a whole, so a frame's colour does not depend on where segments end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from archivecolor.archive.correction import ShotCorrection
from archivecolor.colour.arrays import Float32, UInt8
from archivecolor.colour.guidance import MAX_HINTS, CarriedHints, FittedHints, Guidance, Hint, fit, places_of
from archivecolor.colour.kernel import Float64
from archivecolor.errors import ItemError, Reason
from archivecolor.film.film import ChromaPredictor, Film, network_lumas, read_from
from archivecolor.film.motion import RELIABLE, MotionEstimator, Warp
from archivecolor.film.shots import Shot

# Samples of the grid that places are followed on, per sample of the network's luma: a shot is held in memory.
_GRID_SCALE, _MIN_SIDE = 0.25, 16


@dataclass(frozen=True)
class ShotGuide:
    """What the colour of a shot's frames is made with.

    Attributes:
        guidance: what holds for all of them.
        hints: of the shot, ready to be laid in; None where it has none.
        places: of all hints in each frame with a luma of its own, (n, k, 2): x and y, 0..1.
    """

    guidance: Guidance
    hints: FittedHints | None
    places: Float64

    def at(self, position: int) -> Guidance:
        """For the frame of this number in the shot, from 0; frames that repeat are not counted."""
        if self.hints is None:
            return self.guidance
        return replace(self.guidance, carried=CarriedHints(self.hints, self.places[position]))


def guide_of(
    film: Film,
    predictor: ChromaPredictor,
    shot: Shot,
    corrections: Sequence[ShotCorrection],
    check: Callable[[], None],
) -> ShotGuide:
    """Make ready what was decided about a shot; reads it where it has hints.

    Args:
        film: the film.
        predictor: the network.
        shot: of the film.
        corrections: what was decided about it, by moments.
        check: called with every frame; may raise to end it.

    Raises:
        ItemError: `UNSUPPORTED` where more hints fall into the shot than can be spread; `CHANGED`, as
            `read_from`; what the network raises.
    """
    guidance = film.guidance
    for correction in corrections:
        if correction.saturation is not None:
            guidance = replace(guidance, saturation=correction.saturation)
    _check_hint_count(corrections)
    hinted = _hints_by_position(film, corrections)
    if not hinted:
        return ShotGuide(guidance, None, np.empty((0, 0, 2)))
    grids: list[UInt8] = []
    seen: dict[int, Float32] = {}
    frames = islice(read_from(film, shot.first), shot.last + 1 - shot.first)
    for position, luma in enumerate(network_lumas(film, frames)):
        check()
        grids.append(_to_grid(luma))
        if position in hinted:
            seen[position] = luma
    places = np.concatenate(
        [_followed(grids, position, places_of(hints), check) for position, hints in hinted.items()], axis=1
    )
    answers = predictor.answers([seen[position] for position in hinted], [guidance] * len(hinted))
    fitted = fit(answers, list(hinted.values()), [places[position] for position in hinted])
    return ShotGuide(guidance, fitted, places)


def _hints_by_position(film: Film, corrections: Sequence[ShotCorrection]) -> dict[int, tuple[Hint, ...]]:
    """The hints of a shot by the frames that they were given at, counted as `Film.position_in_shot` does."""
    hinted: dict[int, tuple[Hint, ...]] = {}
    for correction in corrections:
        if correction.hints:
            position = film.position_in_shot(film.frame_at(correction.seconds))
            hinted[position] = (*hinted.get(position, ()), *correction.hints)
    return hinted


def _check_hint_count(corrections: Sequence[ShotCorrection]) -> None:
    """Refuse what `correct` refuses too, where decisions came another way or shots begin elsewhere now."""
    count = sum(len(correction.hints) for correction in corrections)
    if count > MAX_HINTS:
        raise ItemError(
            Reason.UNSUPPORTED,
            f"{count} hints are decided about the shot at {corrections[0].seconds:.3f} s; {MAX_HINTS} are "
            "the most; forget them with `archivecolor correct OUT FILM --reset` and give fewer",
        )


def _to_grid(luma: Float32) -> UInt8:
    """A frame's luma (h, w), 0..1, on the grid that places are followed on."""
    from archivecolor.opencv import cv2

    height, width = (max(_MIN_SIDE, round(side * _GRID_SCALE)) for side in luma.shape)
    small = cv2.resize(luma, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(np.clip(small * 255 + 0.5, 0, 255), np.uint8)


def _followed(grids: Sequence[UInt8], start: int, places: Float64, check: Callable[[], None]) -> Float64:
    """Where places (k, 2) of one frame of a shot are in each of its frames, (n, k, 2)."""
    estimator = MotionEstimator()
    followed = np.empty((len(grids), *places.shape))
    followed[start] = places
    for position in range(start, len(grids) - 1):
        check()
        before, after = (_luma(grids[number]) for number in (position, position + 1))
        warp = estimator.estimate(before, after).from_after
        followed[position + 1] = _moved(warp, followed[position])
    estimator = MotionEstimator()
    for position in range(start, 0, -1):
        check()
        before, after = (_luma(grids[number]) for number in (position - 1, position))
        warp = estimator.estimate(before, after).from_before
        followed[position - 1] = _moved(warp, followed[position])
    return followed


def _luma(grid: UInt8) -> Float32:
    return np.asarray(grid / np.float32(255), np.float32)


def _moved(warp: Warp, places: Float64) -> Float64:
    """Where places (k, 2) are in the other frame; they stay where motion cannot be trusted."""
    height, width = warp.trust.shape
    size = np.array([width, height])
    samples = np.clip((places * size).astype(int), 0, size - 1)
    columns, rows = samples.T
    steps = warp.coordinates[rows, columns] - samples
    steps[warp.trust[rows, columns] < RELIABLE] = 0
    return np.asarray(np.clip(places + steps / size, 0.0, 1.0))
