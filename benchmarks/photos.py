"""How fast and how large `archivecolor dir` is, side by side with what people would script.

    python benchmarks/photos.py                  everything: some minutes, some GB of temporary disk
    python benchmarks/photos.py --count 12 --megapixels 2 --huge 40 --many 100

One run, on one machine, all contestants with the same network and the same pictures. Ratios are
what counts; times are of this machine, which the table names.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg
import tifffile
import torch
from skimage import color, data, io, transform

from archivecolor.archive.plan import Action, Item
from archivecolor.engine.stages import Done, Pool, over_workers
from archivecolor.engine.stopping import Stop
from archivecolor.engine.workers import WorkerOptions, Workers, core_count
from archivecolor.jobs.photographs import Making, Painter
from archivecolor.jobs.tasks import FinishTask, Looked, LookTask, look_at, prepare_worker, write_out
from archivecolor.model.builtin import checkpoint_path
from archivecolor.model.checkpoint import load_checkpoint
from archivecolor.model.generators import Generator
from archivecolor.settings import DirSettings

SAMPLE_SECONDS = 0.1
SIDE = 256

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
        rows = [*speeds(folder, options), *memory(folder, options)]
    print(f"\n{platform.processor() or platform.machine()}, {core_count()} cores, torch {torch.__version__}")
    width = max(len(row.what) for row in rows)
    for row in rows:
        print(f"{row.what:{width}}  {row.value:>14}  {row.wanted}")


def parsed() -> argparse.Namespace:
    """The options of the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", type=Path, help="checkpoint; the built-in weights without it")
    parser.add_argument("--count", type=int, default=48, help="photographs to time")
    parser.add_argument("--megapixels", type=float, default=6.0, help="size of each")
    parser.add_argument("--huge", type=float, default=400.0, help="megapixels of the large TIFF")
    parser.add_argument("--many", type=int, default=2000, help="photographs for the memory over time")
    return parser.parse_args()


# --- pictures


def write_photographs(folder: Path, count: int, megapixels: float) -> None:
    """JPEGs as cameras make them: scikit-image's own, enlarged, with grain, no two alike."""
    folder.mkdir(parents=True)
    names = ("astronaut", "camera", "coffee", "chelsea", "rocket", "coins")
    random = np.random.default_rng(0)
    for number in range(count):
        small = getattr(data, names[number % len(names)])()
        grey = small if small.ndim == 2 else cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
        scale = (megapixels * 1e6 / grey.size) ** 0.5
        large = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC).astype(np.int16)
        large += random.integers(-6, 7, large.shape, dtype=np.int16)
        codes = np.clip(large, 0, 255).astype(np.uint8)[..., None]
        encoded = simplejpeg.encode_jpeg(codes, quality=90, colorspace="GRAY")
        (folder / f"{number:05}.jpg").write_bytes(encoded)


def write_huge(path: Path, megapixels: float) -> None:
    """A 16-bit grey TIFF in strips, written strip by strip."""
    path.parent.mkdir(parents=True)
    side = int((megapixels * 1e6) ** 0.5)
    ramp = np.linspace(0, 65535, side).astype(np.uint16)
    strips = (np.roll(ramp, row)[None] for row in range(side))
    tifffile.imwrite(path, strips, shape=(side, side), dtype=np.uint16, rowsperstrip=1, metadata=None)


# --- speed


def speeds(folder: Path, options: argparse.Namespace) -> Iterator[Row]:
    """Pictures per second of every contestant."""
    source = folder / "in"
    write_photographs(source, options.count, options.megapixels)
    checkpoint = checkpoint_path(options.checkpoint)
    whole = timed(lambda: run_dir(source, folder / "out", checkpoint))
    settings = DirSettings(input=source, output=folder / "stages", checkpoint=checkpoint)
    look, predict, finish = stages_alone(settings)
    slowest = max(look, predict, finish)
    yield Row("photographs", f"{options.count} of {options.megapixels:g} MP")
    yield Row("look alone", per_second(options.count, look))
    yield Row("predict alone", per_second(options.count, predict))
    yield Row("finish alone", per_second(options.count, finish))
    yield Row("archivecolor dir", per_second(options.count, whole))
    yield Row("of the slowest stage", f"{slowest / whole:.0%}", "at least 85 %")
    generator = load_checkpoint(checkpoint).generator
    for name, script, wanted in (("scikit-image", by_skimage, 8.0), ("OpenCV", by_opencv, 1.8)):
        target = folder / name
        target.mkdir()
        paths = sorted(source.iterdir())[: max(2, options.count // 6)]
        seconds = timed(lambda script=script, paths=paths, target=target: script(paths, target, generator))
        each = seconds / len(paths)
        yield Row(f"a script with {name}", per_second(len(paths), seconds))
        yield Row(f"times as fast as {name}", f"{each / (whole / options.count):.1f}", f"at least {wanted}")


def run_dir(source: Path, output: Path, checkpoint: Path) -> None:
    """The command itself, start and imports included."""
    words = ["dir", str(source), str(output), "--checkpoint", str(checkpoint), "--quiet"]
    subprocess.run([sys.executable, "-m", "archivecolor", *words], check=True)


def stages_alone(settings: DirSettings) -> tuple[float, float, float]:
    """Seconds that each stage takes over all pictures when it has the machine to itself."""
    making = Making(settings, "benchmark")
    painter = Painter(making)
    names = sorted(path.name for path in settings.input.iterdir())
    tasks = [LookTask(Item(name, name, 0, 0, Action.DO, 0), settings) for name in names]
    looked: list[Looked] = []
    painted: list[FinishTask] = []
    with Workers(WorkerOptions(count=core_count(), start=prepare_worker)) as workers:
        pool = Pool(workers, Stop(), window=32)
        for answer in over_workers(pool, look_at, tasks[: core_count()]):
            assert isinstance(answer, Done)  # the workers are warm now
        look = timed(lambda: looked.extend(a.value for a in over_workers(pool, look_at, tasks)))
        list(painter.paint(looked[: settings.batch_size]))
        groups = [looked[i : i + settings.batch_size] for i in range(0, len(looked), settings.batch_size)]
        predict = timed(lambda: painted.extend(task for group in groups for task in painter.paint(group)))
        finish = timed(lambda: list(over_workers(pool, write_out, painted)))
    return look, predict, finish


def by_skimage(paths: list[Path], target: Path, generator: Generator) -> None:
    """What a tutorial does: one picture after the other, in float Lab."""
    for path in paths:
        rgb = color.gray2rgb(io.imread(path))
        lab = color.rgb2lab(rgb)
        lightness = transform.resize(lab[..., 0], (SIDE, SIDE))
        ab = transform.resize(answer_of(generator, lightness), lab.shape[:2])
        coloured = color.lab2rgb(np.dstack([lab[..., :1], ab]))
        io.imsave(target / path.name, (coloured * 255).astype(np.uint8), check_contrast=False)


def by_opencv(paths: list[Path], target: Path, generator: Generator) -> None:
    """What OpenCV's sample does: float Lab, one picture after the other."""
    for path in paths:
        bgr = cv2.imread(str(path)).astype(np.float32) / 255
        lab = cv2.cvtColor(bgr, cv2.COLOR_BGR2LAB)
        lightness = cv2.resize(lab[..., 0], (SIDE, SIDE))
        ab = cv2.resize(answer_of(generator, lightness), (lab.shape[1], lab.shape[0]))
        coloured = cv2.cvtColor(np.dstack([lab[..., :1], ab]).astype(np.float32), cv2.COLOR_LAB2BGR)
        cv2.imwrite(str(target / path.name), np.clip(coloured * 255, 0, 255).astype(np.uint8))


@torch.inference_mode()
def answer_of(generator: Generator, lightness: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Ab (h, w, 2) of one picture's L* (h, w)."""
    shown = torch.from_numpy(np.asarray(lightness / 50 - 1, np.float32))[None, None]
    return generator.answer(shown).ab[0].permute(1, 2, 0).numpy()


def timed(work: Callable[[], object]) -> float:
    """Seconds that `work` takes."""
    began = time.monotonic()
    work()
    return time.monotonic() - began


def per_second(count: int, seconds: float) -> str:
    """Pictures per second."""
    return f"{count / seconds:.2f} /s"


# --- memory


def memory(folder: Path, options: argparse.Namespace) -> Iterator[Row]:
    """Memory of the whole process tree over what a run with one tiny picture takes."""
    checkpoint = checkpoint_path(options.checkpoint)
    write_photographs(folder / "tiny", 1, 0.1)
    write_huge(folder / "huge" / "huge.tif", options.huge)
    write_photographs(folder / "many", options.many, 0.3)
    empty = max(samples_of(folder / "tiny", folder / "tiny-out", checkpoint))
    huge = max(samples_of(folder / "huge", folder / "huge-out", checkpoint))
    many = samples_of(folder / "many", folder / "many-out", checkpoint)
    half = len(many) // 2
    growth = max(many[half:]) - max(many[: half + 1])
    yield Row("memory with one tiny picture", f"{empty / 1e9:.2f} GB")
    yield Row(f"more for {options.huge:g} MP of 16 bit", f"{(huge - empty) / 1e9:.2f} GB", "under 1.5 GB")
    yield Row(f"growth over {options.many} photographs", f"{growth / 1e6:.0f} MB", "none to speak of")


def samples_of(source: Path, output: Path, checkpoint: Path) -> list[int]:
    """Bytes that the process tree of a run holds, ten times a second."""
    words = ["dir", str(source), str(output), "--checkpoint", str(checkpoint), "--quiet"]
    with subprocess.Popen([sys.executable, "-m", "archivecolor", *words]) as run:
        samples: list[int] = []
        ended = threading.Event()
        watch = threading.Thread(target=sample, args=(run.pid, samples, ended))
        watch.start()
        code = run.wait()
        ended.set()
        watch.join()
    if code:
        raise SystemExit(f"archivecolor dir ended with {code}")
    return samples


def sample(pid: int, samples: list[int], ended: threading.Event) -> None:
    """Add a sample until told to end."""
    while not ended.wait(SAMPLE_SECONDS):
        samples.append(sum(proportional_bytes(member) for member in tree_of(pid)))


def tree_of(pid: int) -> list[int]:
    """`pid` and its descendants."""
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(status.parent.name)] = int(status.read_text().rpartition(")")[2].split()[1])
        except OSError:  # gone meanwhile
            continue
    members = [pid]
    for member in members:
        members += [child for child, parent in parents.items() if parent == member]
    return members


def proportional_bytes(pid: int) -> int:
    """Memory of one process, shared pages by its share."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


if __name__ == "__main__":
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    main()
