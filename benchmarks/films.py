"""How fast `archivecolor video` is against each of its stages alone, and against what people would script.

    python benchmarks/films.py                       a film made for it: a minute or two
    python benchmarks/films.py --film FILM --frames 200 --checkpoint FILE

One run, on one machine, all contestants with the same network and the same film. Ratios are what counts;
times are of this machine, which the table names.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch
from skimage import color, data, transform

from archivecolor.engine.workers import core_count
from archivecolor.film.colours import Colour, predicted, small_lumas
from archivecolor.film.encode import choose_target
from archivecolor.film.film import Film, Numbered, read_from
from archivecolor.film.frames import geometry_of
from archivecolor.film.probe import probe
from archivecolor.film.segments import Making, WorkFolder, make_segment, make_segments, plan_segments
from archivecolor.film.shots import shots_from
from archivecolor.film.steady import Look, steadied
from archivecolor.film.survey import survey
from archivecolor.model.builtin import checkpoint_path
from archivecolor.model.checkpoint import load_checkpoint
from archivecolor.model.generators import Generator
from archivecolor.model.predictor import Predictor, open_predictor
from archivecolor.settings import VideoSettings

SIDE = 256
HEIGHT, WIDTH, RATE = 576, 720, 25
LONGEST_SEGMENT = 10_000

Codes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Row:
    """One line of the table: what was measured, the value, and what it must be, if anything."""

    what: str
    value: str
    wanted: str = ""


def main() -> None:
    """Measure and print."""
    options = parsed()
    with tempfile.TemporaryDirectory(prefix="archivecolor-bench-") as name:
        folder = Path(name)
        path = folder / "film.mkv"
        write_film(path, options.frames, options.film)
        rows = list(speeds(path, folder, options.checkpoint))
    print(f"\n{platform.processor() or platform.machine()}, {core_count()} cores, torch {torch.__version__}")
    width = max(len(row.what) for row in rows)
    for row in rows:
        print(f"{row.what:{width}}  {row.value:>14}  {row.wanted}")


def parsed() -> argparse.Namespace:
    """The options of the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--film", type=Path, help="film to take the frames from; a made one without it")
    parser.add_argument("--frames", type=int, default=160, help="frames to time")
    parser.add_argument("--checkpoint", type=Path, help="checkpoint; the built-in weights without it")
    return parser.parse_args()


def write_film(path: Path, count: int, source: Path | None) -> None:
    """A grey film in H.264: the first frames of `source`, or a made scene."""
    import av

    lumas = made_scene(count) if source is None else scene_of(source, count)
    with av.open(f"file:{path}", "w") as out:
        stream = out.add_stream("libx264", rate=RATE, options={"crf": "16"})
        for number, luma in enumerate(lumas):
            frame = av.VideoFrame.from_ndarray(luma, "gray").reformat(format="yuv420p")
            if number == 0:
                stream.height, stream.width, stream.pix_fmt = *luma.shape, "yuv420p"
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def made_scene(count: int) -> Iterator[Codes]:
    """A camera that pans over a photograph, with grain, no two frames alike."""
    random = np.random.default_rng(0)
    grey = cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2GRAY)
    wide = cv2.resize(grey, (WIDTH + 2 * count, WIDTH + 2 * count), interpolation=cv2.INTER_CUBIC)
    for number in range(count):
        seen = wide[number : number + HEIGHT, 2 * number : 2 * number + WIDTH].astype(np.int16)
        grain = random.integers(-6, 7, seen.shape, dtype=np.int16)
        yield np.clip(seen + grain, 0, 255).astype(np.uint8)


def scene_of(source: Path, count: int) -> Iterator[Codes]:
    """The luma of the first frames of a film."""
    import av

    with av.open(f"file:{source}") as film:
        for frame in islice(film.decode(video=0), count):
            luma: Codes = frame.to_ndarray(format="gray")
            yield luma


def speeds(path: Path, folder: Path, checkpoint: Path | None) -> Iterator[Row]:
    """Frames per second of every contestant."""
    settings = VideoSettings(input=(path,), checkpoint=checkpoint)
    predictor, film = open_predictor(settings), film_at(path, settings)
    count = len(film.survey)
    warm_up(film, predictor)
    alone = stages_alone(film, predictor, folder)
    whole = timed(lambda: make_all(film, predictor, folder / "whole"))
    slowest = max(alone.values())
    yield Row("film", f"{count} frames", f"{film.facts.width} x {film.facts.height}")
    for stage, seconds in alone.items():
        yield Row(f"{stage} alone", per_second(count, seconds))
    yield Row("all stages", per_second(count, whole))
    yield Row("of the slowest stage", f"{slowest / whole:.0%}", "at least 85 %")
    generator = load_checkpoint(checkpoint_path(checkpoint)).generator
    some = max(8, count // 8)
    for name, script, wanted in (("scikit-image", by_skimage, 8.0), ("OpenCV", by_opencv, 2.0)):
        target = folder / f"{name}.mp4"
        seconds = timed(partial(loop, path, target, some, partial(script, generator)))
        yield Row(f"a loop with {name}", per_second(some, seconds))
        yield Row(
            f"times as fast as {name}", f"{seconds / some / (whole / count):.1f}", f"at least {wanted:g}"
        )


def film_at(path: Path, settings: VideoSettings) -> Film:
    """The film in hand, as one shot."""
    facts = probe(path)
    found = survey(facts, lambda _: None)
    return Film(
        facts=facts,
        survey=found,
        shots=shots_from({}, len(found)),
        target=choose_target(facts, settings, core_count(), False),
        geometry=geometry_of(facts, settings.working_size),
        smoothing=settings.smoothing,
        recolour=True,
        batch=settings.batch_size,
    )


def warm_up(film: Film, predictor: Predictor) -> None:
    """Have the network choose its ways before anything is timed."""
    predictor.predict(list(islice(small_lumas(film, 0), film.batch)))


def stages_alone(film: Film, predictor: Predictor, folder: Path) -> dict[str, float]:
    """Seconds that each stage takes over the whole film when it has the machine to itself."""
    lumas = list(small_lumas(film, 0))
    looks: list[Look] = []
    frames: list[Numbered] = []
    seconds = {
        "decoding": timed(lambda: frames.extend(read_from(film, 0))),
        "the network": timed(lambda: looks.extend(predicted(film, predictor, iter(lumas)))),
        "steady colour": timed(lambda: list(steadied(looks, film.smoothing))),
    }
    answers = [
        Colour(number, film.geometry.as_coded(look.chroma.cbcr), None, 1.0)
        for number, look in enumerate(looks)
    ]
    making = making_in(folder / "encoding", film, predictor)
    (segment,) = plan_segments(film, LONGEST_SEGMENT)
    seconds["encoding"] = timed(lambda: make_segment(making, segment, iter(frames), iter(answers)))
    return seconds


def make_all(film: Film, predictor: Predictor, folder: Path) -> None:
    """All stages at once, as the command runs them."""
    make_segments(making_in(folder, film, predictor), plan_segments(film, LONGEST_SEGMENT))


def making_in(folder: Path, film: Film, predictor: Predictor) -> Making:
    """A making whose work files lie in a new folder."""
    folder.mkdir()
    return Making(film, predictor, WorkFolder(folder), lambda _: None, lambda: True)


# --- what people would script


def loop(path: Path, target: Path, count: int, script: Callable[[Codes], Codes]) -> None:
    """Frame by frame through OpenCV's reader and writer, which lose sound and times."""
    reader = cv2.VideoCapture(str(path))
    size = (int(reader.get(cv2.CAP_PROP_FRAME_WIDTH)), int(reader.get(cv2.CAP_PROP_FRAME_HEIGHT)))
    writer = cv2.VideoWriter(str(target), cv2.VideoWriter.fourcc(*"mp4v"), RATE, size)
    for _ in range(count):
        good, bgr = reader.read()
        if not good:
            break
        writer.write(script(bgr.astype(np.uint8, copy=False)))
    writer.release()
    reader.release()


def by_skimage(generator: Generator, bgr: Codes) -> Codes:
    """One frame as a tutorial does it: in float Lab of scikit-image."""
    lab = color.rgb2lab(bgr[..., ::-1])
    lightness = transform.resize(lab[..., 0], (SIDE, SIDE))
    ab = transform.resize(answer_of(generator, lightness), lab.shape[:2])
    rgb = color.lab2rgb(np.dstack([lab[..., :1], ab]))
    codes: Codes = np.ascontiguousarray((rgb[..., ::-1] * 255).astype(np.uint8))
    return codes


def by_opencv(generator: Generator, bgr: Codes) -> Codes:
    """One frame as OpenCV's sample does it: in its float Lab."""
    lab = cv2.cvtColor(bgr.astype(np.float32) / 255, cv2.COLOR_BGR2LAB)
    lightness = cv2.resize(lab[..., 0], (SIDE, SIDE))
    ab = cv2.resize(answer_of(generator, lightness), (lab.shape[1], lab.shape[0]))
    coloured = cv2.cvtColor(np.dstack([lab[..., :1], ab]).astype(np.float32), cv2.COLOR_LAB2BGR)
    codes: Codes = np.clip(coloured * 255, 0, 255).astype(np.uint8)
    return codes


@torch.inference_mode()
def answer_of(generator: Generator, lightness: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Ab (h, w, 2) of one frame's L* (h, w)."""
    shown = torch.from_numpy(np.asarray(lightness / 50 - 1, np.float32))[None, None]
    return generator.answer(shown).ab[0].permute(1, 2, 0).numpy()


def timed(work: Callable[[], object]) -> float:
    """Seconds that `work` takes."""
    began = time.monotonic()
    work()
    return time.monotonic() - began


def per_second(count: int, seconds: float) -> str:
    """Frames per second."""
    return f"{count / seconds:.2f} /s"


if __name__ == "__main__":
    main()
