"""How far colours differ where `video` cuts back to a set-up, shared against left to each shot.

    python benchmarks/set_ups.py FOLDER                    coloured clips, two by two, cut to and fro
    python benchmarks/set_ups.py FOLDER --old FILM...      and old films, whose colours nobody knows
    python benchmarks/set_ups.py --quick                   made clips

A place before a cut is matched with the same place when the film cuts back, by the motion of luma. Clips are
turned grey and coloured by `video`, once with `--no-same-colours`; their colour distance is to the truth.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from made import Codes, panned, write_film
from report import Row, Target, measure, parser_for
from skimage import data

from archivecolor.api import colour_film
from archivecolor.colour.lab import lab_from_rgb
from archivecolor.colour.luma import luma_codes
from archivecolor.evaluation.films import reference_frames
from archivecolor.film.grey_shots import GreyShotDetector
from archivecolor.film.motion import MotionEstimator
from archivecolor.film.pixels import SampleFormat
from archivecolor.film.probe import probe
from archivecolor.film.shots import Shot
from archivecolor.scoring.metrics import ciede2000_mean
from archivecolor.scoring.photo_score import srgb_codes

APART = Target(most=-60)
DISTANCE = Target(most=0.05)
# Of a cut back so much of the picture has to be the same for its places to be matched.
TRUSTED, LEAST_MATCHED = 0.7, 0.3
SIDE, TURNS = 256, 3
# Samples that chroma is averaged over before it is compared: codes are rounded, motion is a sample off.
BLUR = (5, 5)
# Of all frames one in so many is held against the truth.
JUDGED = 4


@dataclass(frozen=True)
class Way:
    """How a film came out.

    Attributes:
        apart: mean distance of a*, b* of matched places across cuts.
        distance: to the truth, CIEDE2000; None where nobody knows it.
        chroma: mean length of a*, b*.
    """

    apart: float
    distance: float | None
    chroma: float


def main() -> int:
    """Measure, print, and say whether what is wanted was reached."""
    parser = parser_for(__doc__)
    parser.add_argument("films", type=Path, nargs="?", help="folder of films in colour")
    parser.add_argument("--match", default="*.m*", help="names of the films, a glob")
    parser.add_argument("--old", type=Path, nargs="*", default=[], help="films without colour")
    parser.add_argument("--frames", type=int, default=24, help="frames of a shot of the clips")
    options = parser.parse_args()
    if options.films is None and not options.old and not options.quick:
        parser.error("name a folder of films in colour, --old FILM, or --quick")
    return measure(options, lambda folder: rows(options, folder))


def rows(options: argparse.Namespace, folder: Path) -> Iterator[Row]:
    """Every film, then the means, which are what is judged."""
    count = 6 if options.quick else options.frames
    pairs: Sequence[tuple[list[Codes], list[Codes]]] = []
    if options.quick:
        clips = [list(panned(one, TURNS * count, (96, 128))) for one in (data.astronaut(), data.coffee())]
        pairs = [(clips[0], clips[1])]
    elif options.films is not None:
        paths = sorted(path for path in options.films.iterdir() if path.match(options.match))
        taken = [[one.rgb for one in islice(reference_frames(path, SIDE), TURNS * count)] for path in paths]
        pairs = list(pairwise(taken))
    changes: list[float] = []
    distances: list[float] = []
    for number, (one, other) in enumerate(pairs):
        truth = to_and_fro(one, other, count)
        grey = folder / f"pair-{number}.mkv"
        write_film(grey, iter([luma_codes(rgb) for rgb in truth]))
        own, same = ways(grey, folder, truth)
        changes.append(100 * (same.apart / max(own.apart, 1e-9) - 1))
        assert own.distance is not None and same.distance is not None
        distances.append(same.distance - own.distance)
        yield from rows_of(grey.name, own, same)
    for film in options.old:
        own, same = ways(film, folder, None)
        changes.append(100 * (same.apart / max(own.apart, 1e-9) - 1))
        yield from rows_of(film.name, own, same)
    yield Row(f"mean of {len(changes)} films, apart across cuts", statistics.fmean(changes), "%", APART)
    if distances:
        about = f"mean of {len(distances)} films, distance to the truth"
        yield Row(about, statistics.fmean(distances), "CIEDE2000", DISTANCE)


def rows_of(name: str, own: Way, same: Way) -> Iterator[Row]:
    """What one film says."""
    change = 100 * (same.apart / max(own.apart, 1e-9) - 1)
    yield Row(f"{name}, apart across cuts {own.apart:.2f} -> {same.apart:.2f}", change, "%")
    colours = 100 * (same.chroma / max(own.chroma, 1e-9) - 1)
    yield Row(f"{name}, mean chroma {own.chroma:.1f} -> {same.chroma:.1f}", colours, "%")
    if own.distance is not None and same.distance is not None:
        words = f"{name}, CIEDE2000 {own.distance:.2f} -> {same.distance:.2f}"
        yield Row(words, same.distance - own.distance, "CIEDE2000")


def to_and_fro(one: Sequence[Codes], other: Sequence[Codes], count: int) -> list[Codes]:
    """Two clips cut to A B A B A B, all frames of the size of the first."""
    height, width = (side - side % 2 for side in one[0].shape[:2])
    frames = []
    for turn in range(TURNS):
        for clip in (one, other):
            frames += list(clip[turn * count : (turn + 1) * count])
    return [
        cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8) for frame in frames
    ]


def ways(film: Path, folder: Path, truth: Sequence[Codes] | None) -> tuple[Way, Way]:
    """A film coloured shot by shot, and with the same colours for the same set-up."""
    made = []
    for same in (False, True):
        output = folder / f"{film.stem}-{same}.mkv"
        colour_film(film, output, same_colours=same, codec="ffv1")
        frames = [one.rgb for one in reference_frames(output, SIDE)]
        made.append(judged(frames, probe(output).read_rate, truth))
    return made[0], made[1]


def judged(frames: Sequence[Codes], rate: Fraction, truth: Sequence[Codes] | None) -> Way:
    """How a film came out, from all its frames (h, w, 3), at working size."""
    labs = [lab_from_rgb(frame) for frame in frames]
    detector = GreyShotDetector(rate)
    for frame in frames:
        detector.add(luma_codes(frame), SampleFormat(8, full=True))
    chromas = [np.asarray(cv2.blur(lab[..., 1:], BLUR), np.float32) for lab in labs]
    apart = list(distances_across(frames, chromas, detector.shots()))
    distance = None
    if truth is not None:
        pairs = list(zip(truth, labs, strict=True))[::JUDGED]
        distance = statistics.fmean(to_truth(true, lab) for true, lab in pairs)
    chroma = statistics.fmean(float(np.hypot(lab[..., 1], lab[..., 2]).mean()) for lab in labs)
    return Way(statistics.fmean(apart) if apart else 0.0, distance, chroma)


def to_truth(rgb: Codes, lab: npt.NDArray[np.float32]) -> float:
    """Colour distance of an answer's a*, b* with the true L*."""
    true = lab_from_rgb(rgb)
    return ciede2000_mean(true, lab_from_rgb(srgb_codes(true[..., 0], lab[..., 1:])))


def distances_across(
    frames: Sequence[Codes], chromas: Sequence[npt.NDArray[np.float32]], shots: Sequence[Shot]
) -> Iterator[float]:
    """Mean distances of matched places, wherever a film cuts away and back to what it showed."""
    for before, after in zip(shots, shots[2:], strict=False):
        pair = before.last, after.first
        lumas = [np.asarray(luma_codes(frames[number]) / np.float32(255), np.float32) for number in pair]
        warp = MotionEstimator().estimate(*lumas).from_before
        matched = warp.trust >= TRUSTED
        if matched.mean() >= LEAST_MATCHED:
            change = chromas[pair[1]] - warp.warp(chromas[pair[0]])
            yield float(np.hypot(change[..., 0], change[..., 1])[matched].mean())


if __name__ == "__main__":
    sys.exit(main())
