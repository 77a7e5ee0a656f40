"""What `archivecolor video` costs against a plain transcode, where its seconds go, and how large it is.

    python benchmarks/films.py --films FOLDER        four old films of a folder, and one made for it
    python benchmarks/films.py --films FOLDER --match '*drama*' --frames 96
    python benchmarks/films.py --only memory
    python benchmarks/films.py --quick

A plain transcode is `ffmpeg` with the same codec, preset and rate. Each film is transcoded, coloured and
transcoded again, and both are compared in processor seconds, which a busy machine leaves about as they are,
and in time. Then every stage is done by itself, and what people would script is timed, for information.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
from film_stages import stage_costs
from made import RATE, panned, write_film
from processes import Cost, cost_of, cost_of_program, held_by
from report import Row, Target, measure, parser_for
from skimage import data

from archivecolor.film.encode import choose_target
from archivecolor.film.probe import probe
from archivecolor.inference.predictor import open_predictor
from archivecolor.networks.builtin import checkpoint_path
from archivecolor.networks.torch_install import has_torch
from archivecolor.settings import VideoSettings

HD, TINY = (1080, 1920), (96, 128)
HD_MEMORY = Target(most=1.5)
GROWTH = Target(most=5)
PROCESSOR, CLOCK = Target(most=3.0), Target(most=3.3)
OLD_FILMS = 4


@dataclass(frozen=True)
class Sizes:
    """How many frames are measured.

    Attributes:
        made: of 1920 x 1080, for costs.
        scripted: of them, those that scripts are given.
        hd: of 1920 x 1080, for the memory.
        long: of the film that is long, and small so that it can be measured in an evening.
        cut: of each film at most; None for whole films.
    """

    made: int = 150
    scripted: int = 20
    hd: int = 150
    long: int = 2 * 3600 * RATE
    cut: int | None = None


QUICK = Sizes(made=4, scripted=2, hd=8, long=100, cut=8)


def main() -> int:
    """Measure, print, and say whether what is wanted was reached."""
    options = parsed()
    sizes = QUICK if options.quick else Sizes(made=options.frames or Sizes.made, cut=options.frames)
    return measure(options, lambda folder: rows(folder, sizes, options))


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = parser_for(__doc__)
    parser.add_argument("--checkpoint", type=Path, help="checkpoint; the built-in weights without it")
    parser.add_argument("--films", type=Path, help="folder of old films; only a made one without it")
    parser.add_argument("--match", default="old-*", help="names of the films, a glob; the four largest count")
    parser.add_argument("--frames", type=int, help="of each film at most; the start weighs the more")
    parser.add_argument("--only", choices=("speed", "memory"), help="half of the benchmark")
    return parser.parse_args()


def rows(folder: Path, sizes: Sizes, options: argparse.Namespace) -> Iterator[Row]:
    """What was asked for, measured."""
    checkpoint = checkpoint_path(options.checkpoint)
    if options.only != "memory":
        for film in films_of(folder, sizes, options):
            yield from costs(film, folder, checkpoint)
        if has_torch():
            from film_loops import loops

            yield from loops(film, folder, checkpoint, sizes.scripted)
    if options.only != "speed":
        yield from memory(folder, sizes, checkpoint)


def films_of(folder: Path, sizes: Sizes, options: argparse.Namespace) -> Iterator[Path]:
    """The films to colour: old ones, cut to length, and a made one."""
    found = sorted(options.films.glob(options.match), key=_nbytes)[-OLD_FILMS:] if options.films else []
    for film in found:
        yield cut(film, folder / f"cut-{film.name}", sizes.cut) if sizes.cut else film
    made = folder / "made.mkv"
    write_film(made, panned(data.camera(), sizes.made, HD))
    yield made


def _nbytes(path: Path) -> int:
    return path.stat().st_size


def cut(film: Path, target: Path, frames: int) -> Path:
    """The first frames of a film's picture, as they are coded."""
    with av.open(f"file:{film}") as source, av.open(f"file:{target}", "w") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        packets = (packet for packet in source.demux(source.streams.video[0]) if packet.size)
        for _, packet in zip(range(frames), packets, strict=False):
            packet.stream = stream
            out.mux(packet)
    return target


# --- costs


def costs(path: Path, folder: Path, checkpoint: Path) -> Iterator[Row]:
    """The command against a plain transcode, and where its seconds go."""
    settings = VideoSettings(input=(path,), checkpoint=checkpoint)
    transcodes = [transcoded(path, folder, settings)]
    command = cost_of(*words(path, folder / f"out-{path.stem}", checkpoint))
    transcodes.append(transcoded(path, folder, settings))
    plain = statistics.fmean(cost.processor_seconds for cost in transcodes)
    clock = statistics.fmean(cost.seconds for cost in transcodes)
    stages = stage_costs(path, settings, open_predictor(checkpoint, settings), folder / f"work-{path.stem}")
    facts = probe(path)
    name = path.stem.removeprefix("cut-")
    size = f"{name}, {stages.frames} frames of {facts.width} x {facts.height}"
    yield Row(f"{size}, a plain transcode", plain, "s of processors")
    yield Row(f"{name}, video", command.processor_seconds, "s of processors")
    yield Row(f"{name}, video against a transcode", command.processor_seconds / plain, "x", PROCESSOR)
    yield Row(f"{name}, the same by the clock", command.seconds / clock, "x", CLOCK)
    yield Row(f"{name}, memory, shared pages in full", command.nbytes / 1e9, "GB")
    yield Row(f"{name}, key frames of all frames", 100 * stages.keyframes / stages.frames, "%")
    parts = {
        "start, and what a film of one frame takes": one_frame(path, folder, checkpoint)
    } | stages.seconds
    for stage, seconds in parts.items():
        share = 100 * seconds / command.processor_seconds
        yield Row(f"{name}, {stage}: {share:.0f} %, of a frame", 1000 * seconds / stages.frames, "ms")


def transcoded(path: Path, folder: Path, settings: VideoSettings) -> Cost:
    """What the ffmpeg program takes for the same film in the same codec, at the same preset and rate."""
    target = choose_target(probe(path), settings, 0, False)
    options = [word for name in ("preset", "crf") for word in (f"-{name}", target.options[name])]
    result = folder / "transcoded.mkv"
    coding = ("-map", "0:v:0", "-map", "0:a?", "-c:v", target.encoder, *options, "-c:a", "copy")
    return cost_of_program("ffmpeg", "-v", "error", "-y", "-i", f"file:{path}", *coding, f"file:{result}")


def one_frame(path: Path, folder: Path, checkpoint: Path) -> float:
    """Processor seconds for the first frame of a film alone."""
    short = cut(path, folder / f"one-{path.stem}.mkv", 1)
    return cost_of(*words(short, folder / f"one-out-{path.stem}", checkpoint)).processor_seconds


def words(path: Path, output: Path, checkpoint: Path, *more: object) -> tuple[object, ...]:
    """What is typed after `archivecolor`."""
    return "video", path, "-o", output, "--checkpoint", checkpoint, "--quiet", *more


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
