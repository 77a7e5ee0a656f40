"""How fast and how large `archivecolor video` is, against its stages alone and what people would script.

    python benchmarks/films.py                       everything, on films made for it
    python benchmarks/films.py --only speed --film FILM --checkpoint FILE
    python benchmarks/films.py --quick

One run, on one machine, all contestants with the same network and the same film. Ratios are what counts;
times are of this machine, which the table names.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from made import RATE, lumas_of, panned, write_film
from processes import cost_of, held_by
from report import Row, Target, against_stages, measure, parser_for, timed
from rivals import Codes, by_opencv, by_skimage
from skimage import data

from archivecolor.engine.executor import core_count
from archivecolor.film.chroma import FrameChroma, with_predictions
from archivecolor.film.encode import choose_target
from archivecolor.film.film import Film, NumberedFrame, network_lumas, read_from
from archivecolor.film.first_pass import run_first_pass
from archivecolor.film.frames import geometry_of
from archivecolor.film.keyframes import FrameFeatures, keyframe_interval_for, select_keyframes
from archivecolor.film.pixels import Float32
from archivecolor.film.probe import probe
from archivecolor.film.segment_plan import WorkFolder, plan_segments
from archivecolor.film.segments import SegmentContext, fits_in_memory, make_segment, make_segments
from archivecolor.film.shots import shots_from_starts
from archivecolor.film.temporal_smoothing import SmootherInput, smooth_chroma
from archivecolor.inference.predictor import Predictor, open_predictor
from archivecolor.networks.base import Generator
from archivecolor.networks.builtin import checkpoint_path
from archivecolor.networks.checkpoint import load_checkpoint
from archivecolor.networks.device import choose_device
from archivecolor.settings import VideoSettings

LONGEST_SEGMENT = 1_000_000
SD, HD, TINY = (576, 720), (1080, 1920), (96, 128)
HD_MEMORY = Target(most=1.5)
GROWTH = Target(most=5)


@dataclass(frozen=True)
class Sizes:
    """How many frames are measured.

    Attributes:
        timed: of 720 x 576, coloured by the command and its stages.
        scripted: of them, those that each script is given.
        hd: of 1920 x 1080, for the memory.
        long: of the film that is long, and small so that it can be measured in an evening.
    """

    timed: int = 1500
    scripted: int = 60
    hd: int = 150
    long: int = 2 * 3600 * RATE


QUICK = Sizes(timed=24, scripted=2, hd=8, long=100)


@dataclass(frozen=True)
class Script:
    """A contestant.

    Attributes:
        name: of the library it is made with.
        colour: makes BGR of BGR.
        target: how many times as fast `archivecolor video` has to be.
    """

    name: str
    colour: Callable[[Generator, Codes], Codes]
    target: Target


def main() -> int:
    """Measure, print, and say whether what is wanted was reached."""
    options = parsed()
    sizes = QUICK if options.quick else Sizes()
    return measure(options, lambda folder: rows(folder, sizes, options))


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = parser_for(__doc__)
    parser.add_argument("--checkpoint", type=Path, help="checkpoint; the built-in weights without it")
    parser.add_argument("--film", type=Path, help="film whose luma is timed; a made one without it")
    parser.add_argument("--only", choices=("speed", "memory"), help="half of the benchmark")
    return parser.parse_args()


def rows(folder: Path, sizes: Sizes, options: argparse.Namespace) -> Iterator[Row]:
    """What was asked for, measured."""
    checkpoint = checkpoint_path(options.checkpoint)
    if options.only != "memory":
        path = folder / "film.mkv"
        made = panned(data.camera(), sizes.timed, SD)
        write_film(path, made if options.film is None else lumas_of(options.film, sizes.timed))
        yield from speed(path, folder, checkpoint, sizes.scripted)
    if options.only != "speed":
        yield from memory(folder, sizes, checkpoint)


# --- speed


def speed(path: Path, folder: Path, checkpoint: Path, scripted: int) -> Iterator[Row]:
    """Frames per second of the command, of its stages alone and together, and of the scripts."""
    settings = VideoSettings(input=(path,), checkpoint=checkpoint)
    predictor, film = open_predictor(settings.checkpoint, settings), film_at(path, settings)
    count = len(film.first_pass)
    yield Row(f"film of {film.facts.width} x {film.facts.height}", count, "frames")
    device = choose_device("auto")
    generator = load_checkpoint(checkpoint).generator.to(device)

    def seconds_of_scripts() -> list[float]:
        return [timed_script(script, generator, path, folder, scripted) for script in SCRIPTS]

    # Machines are not equally fast all the time: the scripts run before and after, the faster time counts.
    before = seconds_of_scripts()
    command = cost_of(*words(path, folder / "out", checkpoint)).seconds
    scripts = [min(times) for times in zip(before, seconds_of_scripts(), strict=True)]
    yield Row("archivecolor video, start, survey and joining included", count / command, "/s")
    for script, seconds in zip(SCRIPTS, scripts, strict=True):
        yield Row(f"a loop with {script.name}", scripted / seconds, "/s")
        ratio = (seconds / scripted) / (command / count)
        yield Row(f"video, as fast as the loop with {script.name}", ratio, "x", script.target)
    alone = stages_alone(film, predictor, folder)
    for stage, seconds in alone.items():
        yield Row(f"{stage} alone", count / seconds, "/s")
    together = timed(lambda: make_all(film, predictor, folder / "together"))
    yield Row("all stages together", count / together, "/s")
    yield from against_stages("together", together, alone, device.type)


def words(path: Path, output: Path, checkpoint: Path, *more: object) -> tuple[object, ...]:
    """What is typed after `archivecolor`."""
    return "video", path, "-o", output, "--checkpoint", checkpoint, "--quiet", *more


def film_at(path: Path, settings: VideoSettings) -> Film:
    """The film in hand, as one shot."""
    facts = probe(path)
    found = run_first_pass(facts, lambda _: None)
    return Film(
        facts=facts,
        first_pass=found,
        shots=shots_from_starts({}, len(found)),
        target=choose_target(facts, settings, core_count(), False),
        geometry=geometry_of(facts, settings.working_size),
        smoothing=settings.smoothing,
        recolour=True,
        colour_toned=True,
        batch=settings.batch_size,
        keyframe_interval=keyframe_interval_for(settings.smoothing),
    )


def stages_alone(film: Film, predictor: Predictor, folder: Path) -> dict[str, float]:
    """Seconds of each stage over the whole film, with the machine to itself."""
    lumas: list[Float32] = []
    features: list[FrameFeatures] = []
    inputs: list[SmootherInput] = []
    smoothed: list[Float32] = []
    frames: list[NumberedFrame] = []
    warm = network_lumas(film, read_from(film, 0))
    predictor.predict(list(islice(warm, film.batch)))  # the network is warm now
    seconds = {
        "decoding, and shrinking for the network": timed(
            lambda: lumas.extend(network_lumas(film, read_from(film, 0), frames.append))
        ),
        "motion": timed(lambda: features.extend(select_keyframes(lumas, film.keyframe_interval))),
        "the network": timed(lambda: inputs.extend(with_predictions(predictor, iter(features), film.batch))),
        "steady colour": timed(
            lambda: smoothed.extend(
                film.geometry.as_coded(one.cbcr) for one in smooth_chroma(inputs, film.smoothing)
            )
        ),
    }
    if not fits_in_memory(film):
        seconds["decoding for the encoder"] = timed(lambda: list(read_from(film, 0)))
    chromas = [FrameChroma(number, cbcr, None, 1.0) for number, cbcr in enumerate(smoothed)]
    context = context_in(folder / "encoding", film, predictor)
    (segment,) = plan_segments(film, LONGEST_SEGMENT)
    seconds["chroma and encoding"] = timed(
        lambda: make_segment(context, segment, iter(frames), iter(chromas))
    )
    return seconds


def make_all(film: Film, predictor: Predictor, folder: Path) -> None:
    """All stages at once, as the command runs them."""
    make_segments(context_in(folder, film, predictor), plan_segments(film, LONGEST_SEGMENT))


def context_in(folder: Path, film: Film, predictor: Predictor) -> SegmentContext:
    """A making whose work files lie in a new folder."""
    folder.mkdir()
    return SegmentContext(film, predictor, WorkFolder(folder), lambda _: None, lambda: True)


# --- what people would script


def by_skimage_from_bgr(generator: Generator, bgr: Codes) -> Codes:
    """scikit-image wants RGB, OpenCV's writer BGR."""
    return np.ascontiguousarray(by_skimage(generator, bgr[..., ::-1])[..., ::-1])


SCRIPTS = (
    Script("scikit-image", by_skimage_from_bgr, Target(least=8)),
    Script("OpenCV", by_opencv, Target(least=2)),
)


def timed_script(script: Script, generator: Generator, path: Path, folder: Path, count: int) -> float:
    """Seconds of a script's loop over `count` frames, its imports and its first, slower picture left out."""
    script.colour(generator, np.zeros((*SD, 3), np.uint8))
    target = folder / f"{script.name}.mp4"
    return timed(partial(loop, path, target, count, partial(script.colour, generator)))


def loop(path: Path, target: Path, count: int, colour: Callable[[Codes], Codes]) -> None:
    """Frame by frame through OpenCV's reader and writer, which lose sound and times."""
    reader = cv2.VideoCapture(str(path))
    size = (int(reader.get(cv2.CAP_PROP_FRAME_WIDTH)), int(reader.get(cv2.CAP_PROP_FRAME_HEIGHT)))
    writer = cv2.VideoWriter(str(target), cv2.VideoWriter.fourcc(*"mp4v"), RATE, size)
    for _ in range(count):
        good, bgr = reader.read()
        if not good:
            raise SystemExit("the film is shorter than the loop")
        writer.write(colour(bgr.astype(np.uint8, copy=False)))
    writer.release()
    reader.release()


# --- memory


def memory(folder: Path, sizes: Sizes, checkpoint: Path) -> Iterator[Row]:
    """Memory of the whole process tree: at 1920 x 1080, and over a film of two hours."""
    hd, long = folder / "hd.mkv", folder / "long.mkv"
    write_film(hd, panned(data.camera(), sizes.hd, HD))
    held = held_by(*words(hd, folder / "hd-out", checkpoint))
    yield Row(f"memory for {sizes.hd} frames of 1920 x 1080", held.peak / 1e9, "GB", HD_MEMORY)
    write_film(long, panned(data.camera(), sizes.long, TINY), preset="ultrafast")
    # Small pictures: what could pile up does so by frames, not by pixels.
    held = held_by(*words(long, folder / "long-out", checkpoint, "--working-size", 64))
    yield Row(f"memory for {sizes.long / RATE / 3600:.2g} hours of 128 x 96", held.peak / 1e9, "GB")
    yield Row("growth over the second half of it", 100 * held.growth, "%", GROWTH)


if __name__ == "__main__":
    sys.exit(main())
