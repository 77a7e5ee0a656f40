"""How busy the training loop keeps its device: pictures a second against the network alone.

    python benchmarks/train.py PICTURES [--network default] [--batch-size 32] [--size 144] [--seconds 30]

PICTURES are what `archivecolor train` takes. Both halves run in one process, by turns, three times each: the
loop as it is, with crops drawn and faults laid on, and forward, backward and optimiser on one batch that lies
on the device. Prints both speeds and their ratio.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import torch

from archivecolor.engine.stopping import Stop
from archivecolor.settings import TrainSettings
from archivecolor.training.augment import make_batch
from archivecolor.training.loop import Trainer
from archivecolor.training.ranks import ALONE
from archivecolor.training.setup import set_up

TURNS = 3
WARM_UP = 3


def loop_steps(trainer: Trainer) -> Iterator[None]:
    """Steps as a run takes them."""
    for _ in trainer.run(Stop()):
        yield


def network_steps(trainer: Trainer) -> Iterator[None]:
    """Steps of the generator, and its discriminator, on one batch in memory."""
    crops = torch.from_numpy(trainer.drawer.batch(0)).to(trainer.device)
    batch = make_batch(crops, torch.Generator(trainer.device), 0.0)
    while True:
        trainer.learn_from([batch])
        yield


def speed(steps: Iterator[None], batch_size: int, seconds: float) -> float:
    """Pictures a second."""
    started, done = time.monotonic(), 0
    while time.monotonic() - started < seconds:
        next(steps)
        done += 1
    return done * batch_size / (time.monotonic() - started)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pictures", type=Path, nargs="+")
    parser.add_argument("--network", default="default")
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--size", type=int)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seconds", type=float, default=30.0, help="for each of six turns")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = TrainSettings(
            data=tuple(asked.pictures),
            output=Path(folder),
            network=asked.network,
            batch_size=asked.batch_size,
            size=asked.size,
            device=asked.device,
            max_steps=10**9,
        )
        trainer = set_up(settings, ALONE).trainer
    both = {"loop": loop_steps(trainer), "network alone": network_steps(trainer)}
    for steps in both.values():
        for _ in range(WARM_UP):
            next(steps)
    speeds: dict[str, list[float]] = {name: [] for name in both}
    for _ in range(TURNS):
        for name, steps in both.items():
            speeds[name].append(speed(steps, trainer.numbers.batch_size, asked.seconds))
    print(
        f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads, {trainer.device}"
    )
    print(f"{asked.network}, batches of {trainer.numbers.batch_size} at {trainer.numbers.size} pixels")
    medians = {name: statistics.median(values) for name, values in speeds.items()}
    for name, median in medians.items():
        print(f"{name:<14}{median:8.1f} pictures/s")
    print(f"ratio         {medians['loop'] / medians['network alone']:8.2f}")


if __name__ == "__main__":
    main()
