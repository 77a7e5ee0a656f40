"""How steady `archivecolor video` is: coloured clips turned grey, coloured again, held against the truth.

    python benchmarks/steadiness.py FOLDER                      every film of the folder
    python benchmarks/steadiness.py FOLDER --smoothing 0.5 --frames 120 --checkpoint FILE
    python benchmarks/steadiness.py --quick                     a made clip

Per clip and in the mean: flicker of chroma along the motion of the true luma, how far it drifts on things
that are followed for two seconds and over whole shots, colourfulness and colour
distance to the truth, each made steady against frame by frame. Chroma is judged as it goes to the encoder, at
working size.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from made import panned, write_film
from report import Row, Target, measure, parser_for
from skimage import data

from archivecolor.evaluation.entrants import NetworkEntrant
from archivecolor.evaluation.films import FilmEvaluationConfig, FilmScore, evaluate_film
from archivecolor.inference.predictor import open_predictor
from archivecolor.settings import NetworkOptions, VideoSettings

FLICKER = Target(most=-85)
COLOURFULNESS = Target(least=-8, most=8)
# Half of what steady colour drifted by while the short average was left more room.
DRIFT = Target(most=-67)
# CIEDE2000; what is less than this is no difference that anybody sees.
DISTANCE = Target(most=0.05)


@dataclass(frozen=True)
class Clip:
    """One clip judged: the true film's own figures, those of colour frame by frame, and of steady colour."""

    true: FilmScore
    alone: FilmScore
    steady: FilmScore

    @property
    def flicker(self) -> float:
        """Change of flicker by making colour steady, per cent."""
        return 100 * ((self.steady.flicker or 0.0) / max(self.alone.flicker or 0.0, 1e-9) - 1)

    @property
    def colourfulness(self) -> float:
        """Change of colourfulness, per cent."""
        return 100 * (self.steady.colourfulness / max(self.alone.colourfulness, 1e-9) - 1)

    @property
    def drift(self) -> float:
        """Change of how far colour moves on things in two seconds, per cent."""
        return _change(self.steady.drift, self.alone.drift)

    @property
    def shot_drift(self) -> float:
        """The same over whole shots."""
        return _change(self.steady.shot_drift, self.alone.shot_drift)

    @property
    def distance(self) -> float:
        """Change of the colour distance to the truth, CIEDE2000."""
        return self.steady.ciede2000 - self.alone.ciede2000

    def rows(self) -> Iterator[Row]:
        """What the clip alone says."""
        name, frames = self.true.film, self.true.frames
        flickers = " / ".join(f"{score.flicker or 0:.2f}" for score in (self.true, self.alone, self.steady))
        yield Row(f"{name}, {frames} frames, flicker true / alone / steady {flickers}", self.flicker, "%")
        colours = f"{self.alone.colourfulness:.1f} -> {self.steady.colourfulness:.1f}"
        for over, change, figures in (
            ("two seconds", self.drift, (self.true.drift, self.alone.drift, self.steady.drift)),
            (
                "whole shots",
                self.shot_drift,
                (self.true.shot_drift, self.alone.shot_drift, self.steady.shot_drift),
            ),
        ):
            drifts = " / ".join("-" if figure is None else f"{figure:.2f}" for figure in figures)
            yield Row(f"{name}, drift over {over}, true / alone / steady {drifts}", change, "%")
        yield Row(f"{name}, colourfulness {colours}", self.colourfulness, "%")
        distances = f"{self.alone.ciede2000:.2f} -> {self.steady.ciede2000:.2f}"
        yield Row(f"{name}, CIEDE2000 {distances}", self.distance, "CIEDE2000")


def _change(now: float | None, before: float | None) -> float:
    """Per cent; not a number where nothing was followed."""
    return math.nan if now is None or not before else 100 * (now / before - 1)


def main() -> int:
    """Measure, print, and say whether what is wanted was reached."""
    options = parsed()
    if options.quick:
        return measure(options, lambda folder: rows([made_clip(folder)], options))
    films = films_of(options)
    if not films:
        print(f"no films in {options.films} match {options.match}", file=sys.stderr)
        return 2
    return measure(options, lambda _folder: rows(films, options))


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = parser_for(__doc__)
    parser.add_argument("films", type=Path, nargs="?", help="folder of films in colour")
    parser.add_argument("--match", default="*.m*", help="names of the films, a glob")
    default = next(spec.default for spec in fields(VideoSettings) if spec.name == "smoothing")
    parser.add_argument("--smoothing", type=float, default=default, help="strength, 0 to 1")
    parser.add_argument("--frames", type=int, default=300, help="frames per clip at most")
    parser.add_argument("--checkpoint", type=Path, help="checkpoint; the built-in weights without it")
    options = parser.parse_args()
    if options.films is None and not options.quick:
        parser.error("name a folder of films in colour, or give --quick")
    return options


def films_of(options: argparse.Namespace) -> list[Path]:
    """The films of the folder."""
    return sorted(path for path in options.films.iterdir() if path.is_file() and path.match(options.match))


def made_clip(folder: Path) -> Path:
    """A camera that pans over a photograph in colour."""
    path = folder / "made.mkv"
    write_film(path, panned(data.astronaut(), 8, (192, 256)))
    return path


def rows(films: Sequence[Path], options: argparse.Namespace) -> Iterator[Row]:
    """Every clip, then the means, which are what is judged."""
    network = NetworkEntrant("ours", open_predictor(options.checkpoint, NetworkOptions()))
    config = FilmEvaluationConfig(network.predictor.working_size, options.smoothing, options.frames)
    clips = []
    for film in films:
        clips.append(Clip(*evaluate_film(film, [network], config)))
        yield from clips[-1].rows()
    about = f"mean of {len(clips)} clips at smoothing {options.smoothing:g}"
    yield Row(f"{about}, flicker", mean(clip.flicker for clip in clips), "%", FLICKER)
    # By what there is of it, not clip by clip: where nothing moves there is next to none to take away.
    pairs = [(clip.steady.drift, clip.alone.drift) for clip in clips]
    yield Row(f"{about}, drift over two seconds", total_change(pairs), "%", DRIFT)
    pairs = [(clip.steady.shot_drift, clip.alone.shot_drift) for clip in clips]
    yield Row(f"{about}, drift over whole shots", total_change(pairs), "%", DRIFT)
    yield Row(f"{about}, colourfulness", mean(clip.colourfulness for clip in clips), "%", COLOURFULNESS)
    yield Row(f"{about}, distance", mean(clip.distance for clip in clips), "CIEDE2000", DISTANCE)


def mean(figures: Iterator[float]) -> float:
    """Over the clips, each counting the same."""
    return statistics.fmean(figures)


def total_change(pairs: Sequence[tuple[float | None, float | None]]) -> float:
    """From the sum of the second figures to that of the first, per cent; clips without them left out."""
    known = [(now, before) for now, before in pairs if now is not None and before is not None]
    return _change(sum(now for now, _ in known), sum(before for _, before in known))


if __name__ == "__main__":
    sys.exit(main())
