"""How steady `archivecolor video` is: coloured clips turned grey, coloured again, held against the truth.

    python benchmarks/steadiness.py FOLDER                      every film of the folder
    python benchmarks/steadiness.py FOLDER --smoothing 0.5 --frames 120 --checkpoint FILE

Per clip and in the mean: flicker of chroma along the motion of the true luma, of the true film, frame by
frame and made steady; colourfulness and colour distance of both. Wanted: flicker at least 60 % lower than
frame by frame, colourfulness within 10 % of it, colour distance not worse.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

from archivecolor.evaluation.contenders import Network
from archivecolor.evaluation.films import FilmCourse, FilmScore, judge_film
from archivecolor.model.predictor import open_predictor
from archivecolor.settings import NetworkOptions, VideoSettings

MOST_FLICKER_LEFT = 0.4
COLOURFULNESS_WITHIN = 0.1
DISTANCE_NOT_WORSE = 0.05
HEAD = (
    "| clip | frames | flicker true / alone / steady | change | colourfulness | change | CIEDE2000 | change |"
)


@dataclass(frozen=True)
class Clip:
    """One clip judged.

    Attributes:
        true: the true film's own figures.
        alone: frame by frame.
        steady: made steady.
    """

    true: FilmScore
    alone: FilmScore
    steady: FilmScore

    @property
    def flicker_left(self) -> float:
        """Flicker of steady colour as a share of that of frame by frame."""
        return (self.steady.flicker or 0.0) / max(self.alone.flicker or 0.0, 1e-9)

    @property
    def colourfulness_change(self) -> float:
        """Relative change of colourfulness by making it steady."""
        return self.steady.colourfulness / max(self.alone.colourfulness, 1e-9) - 1

    @property
    def distance_change(self) -> float:
        """Change of the colour distance to the truth by making it steady, CIEDE2000."""
        return self.steady.ciede2000 - self.alone.ciede2000

    def row(self) -> str:
        """One line of the table."""
        flicker = " / ".join(f"{score.flicker or 0:.2f}" for score in (self.true, self.alone, self.steady))
        return (
            f"| {self.true.film} | {self.true.frames} | {flicker} | {100 * (self.flicker_left - 1):+.0f} % "
            f"| {self.alone.colourfulness:.1f} -> {self.steady.colourfulness:.1f} "
            f"| {100 * self.colourfulness_change:+.1f} % "
            f"| {self.alone.ciede2000:.2f} -> {self.steady.ciede2000:.2f} | {self.distance_change:+.2f} |"
        )


def main() -> int:
    """Measure, print, and say whether what is wanted was reached."""
    options = parsed()
    network = Network("ours", open_predictor(NetworkOptions(checkpoint=options.checkpoint)))
    course = FilmCourse(network.predictor.working_size, options.smoothing, options.frames)
    films = sorted(path for path in options.folder.iterdir() if path.is_file() and path.match(options.match))
    if not films:
        print(f"no films in {options.folder} match {options.match}", file=sys.stderr)
        return 2
    print(f"smoothing {options.smoothing:g}, at most {options.frames} frames per clip\n\n{HEAD}")
    print("|" + "---|" * HEAD.count(" | ") + "---|")
    clips = []
    for film in films:
        clips.append(Clip(*judge_film(film, [network], course)))
        print(clips[-1].row(), flush=True)
    return verdict(clips)


def verdict(clips: list[Clip]) -> int:
    """Print what was reached over all clips; 1 where something wanted was not."""
    left = sum(clip.flicker_left for clip in clips) / len(clips)
    colourfulness = sum(clip.colourfulness_change for clip in clips) / len(clips)
    distance = sum(clip.distance_change for clip in clips) / len(clips)
    reached = {
        f"flicker {100 * (left - 1):+.0f} % (wanted -60 % or less)": left <= MOST_FLICKER_LEFT,
        f"colourfulness {100 * colourfulness:+.1f} % (wanted within 10 %)": abs(colourfulness)
        <= COLOURFULNESS_WITHIN,
        f"CIEDE2000 {distance:+.2f} (wanted not worse)": distance <= DISTANCE_NOT_WORSE,
    }
    print()
    for words, good in reached.items():
        print(f"{'reached' if good else 'MISSED '}  {words}")
    return 0 if all(reached.values()) else 1


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="folder of films in colour")
    parser.add_argument("--match", default="*.m*", help="names of the films, a glob")
    default = next(
        spec.default for spec in VideoSettings.__dataclass_fields__.values() if spec.name == "smoothing"
    )
    parser.add_argument("--smoothing", type=float, default=default, help="strength, 0 to 1")
    parser.add_argument("--frames", type=int, default=300, help="frames per clip at most")
    parser.add_argument("--checkpoint", type=Path, help="checkpoint; the built-in weights without it")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
