"""Learns how to tell colour of a network from true colour: prints what stands in `colour.recognition`.

    python -m archivecolor.evaluation.fit_recognition TRAINING.tar ... [--others CHECKPOINT]

Photographs are coloured by the built-in weights, and every third by those of CHECKPOINT, which stands for
programs of others; then saved as JPEG, halved, cut, or changed in contrast, in that colour and in the true
one. Collections that the network has not seen in its own training are needed: what it knows by heart it
gives nearly true colours. Keep photographs apart to judge by.
"""

from __future__ import annotations

import hashlib
import io
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import NormalDist

import numpy as np
from PIL import Image, ImageEnhance

from archivecolor.colour.arrays import UInt8
from archivecolor.colour.luma import luma_codes
from archivecolor.datasets.collection import Member, list_members
from archivecolor.errors import ItemError
from archivecolor.evaluation.fit_doubt import fit_likelihood
from archivecolor.inference.comparison import answers_for, compare_with
from archivecolor.inference.doubt import Float64
from archivecolor.inference.predictor import Predictor, open_predictor
from archivecolor.scoring.photo_score import ReferencePhoto, compose_rgb, read_reference
from archivecolor.settings import InferenceOptions

PHOTOGRAPHS = 400
_OTHERS_EVERY, _WHOLE_EVERY = 3, 4
_RIDGE = 10.0
_FOLDS = 8
# Of true colours one look in so many may reach the bar.
_ONE_IN = 500
_HALVES_COUNT = 1.5  # times as much as other changes, being the hardest; so do others' colours

OURS, TRUE, OTHERS = "ours", "true", "others"


@dataclass(frozen=True)
class Example:
    """One look at a changed photograph.

    Attributes:
        photograph: its number.
        colour: whose it is: `OURS`, `TRUE` or `OTHERS`.
        change: what was done: "whole", "half", "cut", "contrast".
        figures: as `recognition.figures_of` has them.
    """

    photograph: int
    colour: str
    change: str
    figures: Float64


@dataclass(frozen=True)
class Line:
    """What was learned: the logarithm of the odds that colour is ours, of figures."""

    weights: Float64
    offset: float


def saved(rgb: UInt8, quality: int = 75) -> UInt8:
    """A picture (h, w, 3) as it is after a JPEG with halved chroma."""
    contents = io.BytesIO()
    Image.fromarray(rgb).save(contents, "JPEG", quality=quality, subsampling=2)
    return np.asarray(Image.open(contents))


def halved(rgb: UInt8) -> UInt8:
    """At half its size."""
    height, width = rgb.shape[:2]
    size = round(width * 0.5), round(height * 0.5)
    return saved(np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.LANCZOS)))


def with_contrast(rgb: UInt8) -> UInt8:
    """With a quarter more contrast, saved before and after."""
    return saved(np.asarray(ImageEnhance.Contrast(Image.fromarray(saved(rgb))).enhance(1.25)), 60)


def cut_at(rgb: UInt8, place: Float64) -> UInt8:
    """Cut to two thirds of its area, at a place (2,) 0..1 of where the cut can lie."""
    height, width = (round(side * np.sqrt(2 / 3)) for side in rgb.shape[:2])
    top, left = int(place[0] * (rgb.shape[0] - height)), int(place[1] * (rgb.shape[1] - width))
    return saved(np.ascontiguousarray(rgb[top : top + height, left : left + width]))


def examples(predictor: Predictor, others: Predictor | None, members: Iterable[Member]) -> Iterator[Example]:
    """Looks at photographs; what is no photograph, or as good as grey, is passed over."""
    for number, member in enumerate(members):
        try:
            truth = read_reference(member, predictor.working_size)
        except ItemError:
            continue
        by = others if number % _OTHERS_EVERY == 0 else None
        place = np.random.default_rng(int(_drawn(member)[4:12], 16)).random(2)
        yield from _looks(predictor, number, _colours(truth, predictor, by), place)


def _colours(truth: ReferencePhoto, predictor: Predictor, others: Predictor | None) -> dict[str, UInt8]:
    """A photograph (h, w, 3) in each colour."""
    colours = {OURS: compose_rgb(truth, predictor.predict([truth.luma])[0]), TRUE: truth.rgb}
    if others is not None:
        colours[OTHERS] = compose_rgb(truth, others.predict([truth.luma])[0])
    return colours


def _looks(
    predictor: Predictor, number: int, colours: Mapping[str, UInt8], place: Float64
) -> Iterator[Example]:
    changes: dict[str, Callable[[UInt8], UInt8]] = {
        "half": halved,
        "contrast": with_contrast,
        "cut": partial(cut_at, place=place),
    }
    if number % _WHOLE_EVERY == 0:
        changes["whole"] = saved
    for change, made in changes.items():
        changed = {colour: made(rgb) for colour, rgb in colours.items()}
        # The grey of all colours is the same but for rounding: the network is asked once.
        answers = answers_for(luma_codes(changed[OURS]), predictor)
        for colour, rgb in changed.items():
            compared = compare_with(rgb, answers)
            if compared is not None:
                yield Example(number, colour, change, compared.figures)


def fit(looks: Sequence[Example]) -> Line:
    """The line that tells ours from all others, before the bar is set."""
    figures = np.stack([one.figures for one in looks])
    mean, spread = figures.mean(axis=0), figures.std(axis=0) + 1e-9
    counts = np.array(
        [
            (_HALVES_COUNT if one.change == "half" else 1) * (_HALVES_COUNT if one.colour == OTHERS else 1)
            for one in looks
        ]
    )
    ours = np.array([one.colour == OURS for one in looks], np.float32)
    weights, bias = fit_likelihood((figures - mean) / spread, ours, ridge=_RIDGE, counts=counts)
    return Line(weights / spread, bias - float(mean @ (weights / spread)))


def out_of_fold(looks: Sequence[Example]) -> Float64:
    """The logarithm of the odds of each look by a line that has not seen its photograph, (n,)."""
    odds = np.empty(len(looks))
    folds = np.array([one.photograph % _FOLDS for one in looks])
    for fold in range(_FOLDS):
        line = fit([one for one, its in zip(looks, folds, strict=True) if its != fold])
        for index in map(int, np.flatnonzero(folds == fold)):
            odds[index] = looks[index].figures @ line.weights + line.offset
    return odds


def bar_of(odds: Float64) -> float:
    """What one in `_ONE_IN` of true colours reaches, if their odds (n,) have a normal tail."""
    return float(odds.mean() + NormalDist().inv_cdf(1 - 1 / _ONE_IN) * odds.std())


def report(looks: Sequence[Example], odds: Float64) -> Iterator[str]:
    """How many of each colour and change reach the bar, odds (n,) being 0 there."""
    kinds = sorted({(one.change, one.colour) for one in looks})
    for change, colour in kinds:
        mine = np.array([(one.change, one.colour) == (change, colour) for one in looks])
        yield f"# {change}, {colour}: {int((odds[mine] >= 0).sum())} of {int(mine.sum())}"


def _drawn(member: Member) -> str:
    """Photographs are drawn by the digest of their name."""
    return hashlib.sha256(member.name.encode()).hexdigest()


def main(training: Sequence[Path], others: Path | None) -> None:
    """Fit the built-in weights' line and print it."""
    predictor = open_predictor(None, InferenceOptions())
    theirs = None if others is None else open_predictor(others, InferenceOptions())
    members = islice(sorted(list_members(training).members, key=_drawn), PHOTOGRAPHS)
    looks = list(examples(predictor, theirs, members))
    odds = out_of_fold(looks)
    bar = bar_of(odds[[one.colour == TRUE for one in looks]])
    line = fit(looks)
    told = (
        *report(looks, odds - bar),
        f"_WEIGHTS = ({', '.join(f'{weight:.4f}' for weight in line.weights)})",
        f"_OFFSET = {line.offset - bar:.4f}",
    )
    sys.stdout.write("\n".join(told) + "\n")


if __name__ == "__main__":
    words = sys.argv[1:]
    named = words.index("--others") if "--others" in words else len(words)
    main([Path(word) for word in words[:named]], Path(words[named + 1]) if named < len(words) else None)
