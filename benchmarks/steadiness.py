"""How steady `archivecolor video` is: coloured clips turned grey, coloured again, held against the truth.

    python benchmarks/steadiness.py FOLDER                      every film of the folder
    python benchmarks/steadiness.py FOLDER --smoothing 0.5 --frames 120 --checkpoint FILE
    python benchmarks/steadiness.py --quick                     a made clip

Per clip and in the mean: flicker of chroma along the motion of the true luma, colourfulness and colour
distance to the truth, each made steady against frame by frame. Chroma is judged as it goes to the encoder, at
working size.
"""

from __future__ import annotations

import argparse
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

FLICKER = Target(most=-60)
COLOURFULNESS = Target(least=-10, most=10)
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
    def distance(self) -> float:
        """Change of the colour distance to the truth, CIEDE2000."""
        return self.steady.ciede2000 - self.alone.ciede2000

    def rows(self) -> Iterator[Row]:
        """What the clip alone says."""
        name, frames = self.true.film, self.true.frames
        flickers = " / ".join(f"{score.flicker or 0:.2f}" for score in (self.true, self.alone, self.steady))
        yield Row(f"{name}, {frames} frames, flicker true / alone / steady {flickers}", self.flicker, "%")
        colours = f"{self.alone.colourfulness:.1f} -> {self.steady.colourfulness:.1f}"
        yield Row(f"{name}, colourfulness {colours}", self.colourfulness, "%")
        distances = f"{self.alone.ciede2000:.2f} -> {self.steady.ciede2000:.2f}"
        yield Row(f"{name}, CIEDE2000 {distances}", self.distance, "CIEDE2000")


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
    yield Row(f"{about}, colourfulness", mean(clip.colourfulness for clip in clips), "%", COLOURFULNESS)
    yield Row(f"{about}, distance", mean(clip.distance for clip in clips), "CIEDE2000", DISTANCE)


def mean(figures: Iterator[float]) -> float:
    """Over the clips, each counting the same."""
    return statistics.fmean(figures)


if __name__ == "__main__":
    sys.exit(main())
