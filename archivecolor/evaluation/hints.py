"""What hints are worth: true colours of some places given to networks, and what becomes of the rest."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from archivecolor.colour.guidance import Guidance, Hint, chroma_of
from archivecolor.colour.kernel import Answer
from archivecolor.datasets.collection import Member
from archivecolor.errors import ItemError
from archivecolor.evaluation.entrants import NetworkEntrant
from archivecolor.scoring.photo_score import (
    ReferencePhoto,
    answered_ab,
    read_reference,
    score_photo,
    srgb_codes,
)

# Side of the patch whose mean colour is a hint.
PATCH = 7


class HintPlaces(str, Enum):
    """Where true colours are given as hints."""

    UNIFORM = "uniform"
    WORST = "worst"


@dataclass(frozen=True)
class HintRow:
    """What so many hints are worth to one network.

    Attributes:
        name: of the network.
        places: where the hints are given: "uniform" or "worst".
        hints: given to each photograph.
        pictures: photographs.
        ciede2000: mean over pixels, then photographs.
        psnr: dB, mean over photographs.
        share_worse: of photographs whose CIEDE2000 is higher than without hints.
        milliseconds: laying them in takes so much longer than the answer without.
    """

    name: str
    places: str
    hints: int
    pictures: int
    ciede2000: float
    psnr: float
    share_worse: float
    milliseconds: float


def evaluate_hints(
    members: Iterable[Member],
    networks: Sequence[NetworkEntrant],
    counts: Sequence[int],
    places: HintPlaces,
    report: Callable[[int], None],
) -> list[HintRow]:
    """Judge what numbers of hints are worth; photographs that cannot be judged are left out.

    Args:
        members: colour photographs.
        networks: whose answers are corrected.
        counts: how many hints are given; the first ones of more are those of fewer.
        places: where they are given.
        report: told the number of photographs done.

    Raises:
        OutOfMemoryError, ItemError: as the predictors raise them.
    """
    measured: list[list[list[tuple[float, float, float]]]] = [[] for _ in networks]
    done = 0
    for member in members:
        try:
            truth = read_reference(member, networks[0].predictor.working_size)
        except ItemError:  # the table of photographs names it
            continue
        for figures, network in zip(measured, networks, strict=True):
            # The network knows nothing of hints: it is asked once.
            answer = network.predictor.answers([truth.luma])[0]
            hints = hints_at(places, truth, answer, max(counts))
            by_count = {count: _measure(truth, answer, hints[:count]) for count in {0, *counts}}
            figures.append([by_count[count] for count in (0, *counts)])
        done += 1
        report(done)
    return [
        _row(network.name, places, count, np.array(figures), index)
        for figures, network in zip(measured, networks, strict=True)
        for index, count in enumerate(counts, start=1)
        if figures
    ]


def hints_at(places: HintPlaces, truth: ReferencePhoto, answer: Answer, count: int) -> tuple[Hint, ...]:
    """The true colours of so many places of a photograph, of which a network gave this answer."""
    return worst_hints(truth, answer, count) if places is HintPlaces.WORST else _true_hints(truth, count)


def worst_hints(truth: ReferencePhoto, answer: Answer, count: int) -> tuple[Hint, ...]:
    """The true colours of those places that are worst one after the other: each with the hints before it."""
    from archivecolor.opencv import cv2

    hints: tuple[Hint, ...] = ()
    height, width = truth.rgb.shape[:2]
    is_free = np.ones((height - PATCH + 1, width - PATCH + 1), bool)
    while len(hints) < count and is_free.any():
        wrong = truth.lab[..., 1:] - answered_ab(truth, chroma_of(answer, Guidance(hints)))
        # Of a patch its mean counts, which is what the hint says of it.
        margin = PATCH // 2
        means = cv2.blur(wrong, (PATCH, PATCH))[margin : height - margin, margin : width - margin]
        distance = np.where(is_free, np.hypot(means[..., 0], means[..., 1]), -1.0)
        top, left = np.unravel_index(int(distance.argmax()), distance.shape)
        hints += (_hint(truth, int(top), int(left)),)
        # Nobody points twice at one place, though the network's grid may not meet it.
        is_free[max(top - PATCH + 1, 0) : top + PATCH, max(left - PATCH + 1, 0) : left + PATCH] = False
    return hints


def _true_hints(truth: ReferencePhoto, count: int) -> tuple[Hint, ...]:
    """The true colours of random places, the same ones for a photograph whatever stands beside it."""
    seed = int.from_bytes(hashlib.sha256(truth.rgb.tobytes()).digest()[:8], "big")
    random = np.random.default_rng(seed)
    height, width = truth.rgb.shape[:2]
    tops, lefts = (random.integers(0, side - PATCH + 1, count) for side in (height, width))
    return tuple(_hint(truth, int(top), int(left)) for top, left in zip(tops, lefts, strict=True))


def _hint(truth: ReferencePhoto, top: int, left: int) -> Hint:
    height, width = truth.rgb.shape[:2]
    mean = truth.lab[top : top + PATCH, left : left + PATCH].mean(axis=(0, 1))
    red, green, blue = srgb_codes(mean[0], mean[1:]).tolist()
    return Hint((left + PATCH / 2) / width, (top + PATCH / 2) / height, (red, green, blue))


def _measure(truth: ReferencePhoto, answer: Answer, hints: tuple[Hint, ...]) -> tuple[float, float, float]:
    """CIEDE2000 and PSNR of the answer with hints, and the seconds that it took to lay them in."""
    began = time.perf_counter()
    chroma = chroma_of(answer, Guidance(hints))
    seconds = time.perf_counter() - began
    score = score_photo(truth, answered_ab(truth, chroma)).score
    return score.ciede2000, score.psnr, seconds


def _row(
    name: str,
    places: HintPlaces,
    count: int,
    figures: np.ndarray[tuple[int, int, int], np.dtype[np.float64]],
    index: int,
) -> HintRow:
    without, with_hints = figures[:, 0], figures[:, index]
    return HintRow(
        name=name,
        places=places.value,
        hints=count,
        pictures=len(figures),
        ciede2000=float(with_hints[:, 0].mean()),
        psnr=float(with_hints[:, 1].mean()),
        share_worse=float((with_hints[:, 0] > without[:, 0]).mean()),
        milliseconds=float(np.median(with_hints[:, 2] - without[:, 2]) * 1000),
    )
