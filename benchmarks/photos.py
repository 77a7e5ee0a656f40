"""How fast and how large `archivecolor dir` is, side by side with what people would script.

    python benchmarks/photos.py                  everything
    python benchmarks/photos.py --only speed     or memory
    python benchmarks/photos.py --quick

One run, on one machine, all contestants with the same network and the same files. Ratios are what
counts; times are of this machine, which the table names.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from made import write_huge, write_photographs
from processes import cost_of, held_by
from report import Row, Target, against_stages, measure, parser_for, timed
from rivals import by_opencv, by_skimage
from skimage import color, io

from archivecolor.archive.plan import Item
from archivecolor.archive.plan_action import PlanAction
from archivecolor.engine.executor import core_count
from archivecolor.engine.local import LocalExecutor, WorkerOptions
from archivecolor.engine.stages import BatchPolicy, Done, StageContext, batches, map_in_workers
from archivecolor.engine.stopping import Stop
from archivecolor.inference.predictor import open_predictor
from archivecolor.jobs.photograph_tasks import (
    Inspected,
    RenderTask,
    init_worker,
    inspect_source,
    render_derivative,
)
from archivecolor.jobs.photographs import PhotoRunContext, PredictStage, predicted
from archivecolor.networks.base import Generator
from archivecolor.networks.builtin import checkpoint_path
from archivecolor.networks.checkpoint import load_checkpoint
from archivecolor.networks.device import choose_device
from archivecolor.settings import DirSettings

MORE_MEMORY = Target(most=1.5)
GROWTH = Target(most=5)


@dataclass(frozen=True)
class Sizes:
    """How much is measured.

    Attributes:
        count: photographs to time.
        megapixels: of each.
        scripted: of them, those that each script is given.
        huge: megapixels of the large TIFF.
        many: photographs for the memory over time.
    """

    count: int = 480
    megapixels: float = 6.0
    scripted: int = 36
    huge: float = 400.0
    many: int = 2000


QUICK = Sizes(count=12, megapixels=0.5, scripted=2, huge=9.0, many=24)


@dataclass(frozen=True)
class Script:
    """A contestant.

    Attributes:
        name: of the library it is made with.
        colour: colours one file into another.
        target: how many times as fast `archivecolor dir` has to be.
    """

    name: str
    colour: Callable[[Generator, Path, Path], None]
    target: Target


def main() -> int:
    """Measure, print, and say whether what is wanted was reached."""
    options = parsed()
    sizes = QUICK if options.quick else Sizes()
    checkpoint = checkpoint_path(options.checkpoint)
    return measure(options, lambda folder: rows(folder, sizes, checkpoint, options.only))


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = parser_for(__doc__)
    parser.add_argument("--checkpoint", type=Path, help="checkpoint; the built-in weights without it")
    parser.add_argument("--only", choices=("speed", "memory"), help="half of the benchmark")
    return parser.parse_args()


def rows(folder: Path, sizes: Sizes, checkpoint: Path, only: str | None) -> Iterator[Row]:
    """What was asked for, measured."""
    if only != "memory":
        yield from speed(folder / "speed", sizes, checkpoint)
    if only != "speed":
        yield from memory(folder / "memory", sizes, checkpoint)


# --- speed


def speed(folder: Path, sizes: Sizes, checkpoint: Path) -> Iterator[Row]:
    """Photographs per second of the command, of its stages alone, and of the scripts."""
    source, count = folder / "in", sizes.count
    write_photographs(source, count, sizes.megapixels)
    write_photographs(folder / "one", 1, sizes.megapixels)
    yield Row(f"photographs of {sizes.megapixels:g} MP, grey JPEG", count, "photographs")
    start = colour(folder / "one", folder / "one-out", checkpoint)
    yield Row("a run over a single one, the program's start included", start, "s")
    whole = colour(source, folder / "out", checkpoint)
    yield Row("archivecolor dir, start included", count / whole, "/s")
    alone = stages_alone(DirSettings(input=source, output=folder / "stages", checkpoint=checkpoint))
    for stage, seconds in alone.items():
        yield Row(f"{stage} alone", count / seconds, "/s")
    device = choose_device("auto")
    yield from against_stages("dir less its start", whole - start, alone, device.type)
    paths = sorted(source.iterdir())[: sizes.scripted]
    generator = load_checkpoint(checkpoint).generator.to(device)
    for script in SCRIPTS:
        seconds = timed_script(script, generator, paths, folder / script.name)
        yield Row(f"a script with {script.name}", len(paths) / seconds, "/s")
        ratio = (seconds / len(paths)) / (whole / count)
        yield Row(f"dir, as fast as the script with {script.name}", ratio, "x", script.target)


def colour(source: Path, output: Path, checkpoint: Path) -> float:
    """Seconds of the command itself, start and imports included."""
    return cost_of(*words(source, output, checkpoint)).seconds


def words(source: Path, output: Path, checkpoint: Path) -> tuple[object, ...]:
    """What is typed after `archivecolor`."""
    return "dir", source, output, "--checkpoint", checkpoint, "--quiet"


def stages_alone(settings: DirSettings) -> dict[str, float]:
    """Seconds of each stage over all photographs, with the machine to itself and as many workers as `dir`."""
    predictor = open_predictor(settings.checkpoint, settings)
    chroma_predictor = PredictStage(PhotoRunContext(settings, "benchmark", lambda: predictor))
    names = sorted(path.name for path in settings.input.iterdir())
    items = [Item("photo", settings.input, name, name, 0, 0, PlanAction.DO, 0, "") for name in names]
    inspected: list[Inspected] = []
    render_tasks: list[RenderTask] = []
    seconds = {}
    in_batch = BatchPolicy(
        key=chroma_predictor.batch_key, size=settings.batch_size, max_waiting=3 * settings.batch_size
    )
    with LocalExecutor(WorkerOptions(core_count(), initializer=init_worker), settings) as executor:
        pool = StageContext(executor, Stop(), window=2 * (settings.batch_size + core_count()))
        values_of(map_in_workers(pool, inspect_source, items[: 4 * core_count()]))  # the workers are warm now
        seconds["inspect"] = timed(
            lambda: inspected.extend(values_of(map_in_workers(pool, inspect_source, items)))
        )
        groups = [group for group in batches(in_batch, inspected) if isinstance(group, list)]
        predict_all(chroma_predictor, groups[:1])  # and the network
        seconds["predict"] = timed(lambda: render_tasks.extend(predict_all(chroma_predictor, groups)))
        seconds["render"] = timed(lambda: values_of(map_in_workers(pool, render_derivative, render_tasks)))
    return seconds


def predict_all(chroma_predictor: PredictStage, groups: list[list[Inspected]]) -> list[RenderTask]:
    """The orders to write of all batches."""
    return [task for task in predicted(groups, chroma_predictor) if isinstance(task, RenderTask)]


def values_of(answers: Iterator[object]) -> list:
    """The answers of a stage, none of which may be a failure."""
    values = []
    for answer in answers:
        if not isinstance(answer, Done):
            raise SystemExit(f"a stage failed: {answer}")
        values.append(answer.value)
    return values


# --- what people would script


def file_by_skimage(generator: Generator, source: Path, target: Path) -> None:
    """One file, read and written by scikit-image."""
    coloured = by_skimage(generator, color.gray2rgb(io.imread(source)))
    io.imsave(target, coloured, check_contrast=False)


def file_by_opencv(generator: Generator, source: Path, target: Path) -> None:
    """One file, read and written by OpenCV."""
    bgr = cv2.imread(str(source))
    assert bgr is not None
    cv2.imwrite(str(target), by_opencv(generator, bgr.astype(np.uint8, copy=False)))


SCRIPTS = (
    Script("scikit-image", file_by_skimage, Target(least=8)),
    Script("OpenCV", file_by_opencv, Target(least=1.8)),
)


def timed_script(script: Script, generator: Generator, paths: list[Path], target: Path) -> float:
    """Seconds of a script's loop, its imports and its first, slower picture left out."""
    target.mkdir()
    script.colour(generator, paths[0], target / paths[0].name)

    def loop() -> None:
        for path in paths:
            script.colour(generator, path, target / path.name)

    return timed(loop)


# --- memory


def memory(folder: Path, sizes: Sizes, checkpoint: Path) -> Iterator[Row]:
    """Memory of the whole process tree, over that of a run that finds nothing to do."""
    (folder / "none").mkdir(parents=True)
    write_photographs(folder / "one", 1, 0.1)
    write_huge(folder / "huge" / "huge.tif", sizes.huge)
    write_photographs(folder / "many", sizes.many, 0.3)
    held = {
        name: held_by(*words(folder / name, folder / f"{name}-out", checkpoint))
        for name in ("none", "one", "huge", "many")
    }
    empty = held["none"].peak
    yield Row("memory of a run over nothing", empty / 1e9, "GB")
    yield Row("more for one tiny photograph", (held["one"].peak - empty) / 1e9, "GB")
    yield Row(f"more for {sizes.huge:g} MP of 16 bit", (held["huge"].peak - empty) / 1e9, "GB", MORE_MEMORY)
    yield Row(f"more for {sizes.many} photographs", (held["many"].peak - empty) / 1e9, "GB")
    growth = 100 * held["many"].growth
    yield Row(f"growth over the second half of {sizes.many} photographs", growth, "%", GROWTH)


if __name__ == "__main__":
    sys.exit(main())
