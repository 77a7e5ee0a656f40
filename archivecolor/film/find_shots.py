"""The shots of a film as any detector finds them."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from archivecolor.film.frames import FrameReader
from archivecolor.film.grey_shots import GreyShotDetector
from archivecolor.film.probe import probe
from archivecolor.film.shots import Shot, ShotDetector
from archivecolor.printable import printable


def find_shots(
    path: Path, detector: Callable[[Fraction], ShotDetector] = GreyShotDetector
) -> tuple[Shot, ...]:
    """Read a film once and give its shots.

    Args:
        path: of the film.
        detector: makes what looks at the frames, for a film of so many frames a second.

    Raises:
        ItemError: the film cannot be read.
        ValueError: what the detector gives is not all frames, in order and without gaps.
    """
    facts = probe(path)
    looking, count = detector(facts.read_rate), 0
    for frame in FrameReader(facts):
        looking.add(frame.luma, facts.sample_format)
        count += 1
    shots = looking.shots()
    ends = [-1, *(shot.last for shot in shots)]
    is_whole = all(shot.first == end + 1 <= shot.last for shot, end in zip(shots, ends, strict=False))
    if not is_whole or ends[-1] != count - 1:
        raise ValueError(
            f"the shots that were found are not the {count} frames of {printable(path.name)} in order, "
            "without gaps; shots_from_starts makes such"
        )
    return shots
