"""How busy the training loop keeps its device: pictures a second against the network alone.

    python benchmarks/train.py [PICTURES] [--network default] [--batch-size 32] [--size 128] [--seconds 30]
    python benchmarks/train.py --quick

PICTURES are what `archivecolor train` takes; photographs of scikit-image's without them. Both halves run in
one process, by turns, three times each: the loop as it is, with crops drawn, faults laid on and weights
averaged, and forward, backward and optimiser on one batch that lies on the device.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from made import write_colour_photographs
from report import Row, Target, measure, parser_for

from archivecolor.engine.stopping import Stop
from archivecolor.settings import TrainSettings
from archivecolor.training.augment import make_batch
from archivecolor.training.distributed import SINGLE_PROCESS
from archivecolor.training.loop import Trainer, loss_values
from archivecolor.training.setup import set_up

TURNS = 3
# Steps before each turn's clock starts: as many as batches are made ahead while the other half has its turn.
WARM_UP = 3
OF_THE_NETWORK = Target(least=85)
QUICK = {"batch_size": 2, "size": 64, "seconds": 0.1}


def main() -> int:
    """Measure, print, and say whether what is wanted was reached."""
    options = parsed()
    return measure(options, lambda folder: rows(folder, options))


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = parser_for(__doc__)
    parser.add_argument("pictures", type=Path, nargs="*")
    parser.add_argument("--network", default="default")
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--size", type=int)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seconds", type=float, default=30.0, help="for each of six turns")
    options = parser.parse_args()
    if options.quick:
        vars(options).update(QUICK)
    return options


def rows(folder: Path, options: argparse.Namespace) -> Iterator[Row]:
    """Pictures per second of both halves."""
    trainer = trainer_for(folder, options)
    batch = trainer.hyperparameters.batch_size
    halves = {"loop": loop_steps(trainer), "network": network_steps(trainer)}
    speeds: dict[str, list[float]] = {name: [] for name in halves}
    for _ in range(TURNS):
        for name, steps in halves.items():
            speeds[name].append(batch * steps_per_second(steps, options.seconds))
    loop, network = (statistics.median(values) for values in speeds.values())
    about = f"{options.network}, {batch} crops of {trainer.hyperparameters.size} on {trainer.device}"
    yield Row(f"the network alone: {about}", network, "/s")
    yield Row("the training loop", loop, "/s")
    yield Row("the loop, of the network alone", 100 * loop / network, "%", OF_THE_NETWORK)


def trainer_for(folder: Path, options: argparse.Namespace) -> Trainer:
    """The loop, as the command sets it up."""
    if not options.pictures:
        write_colour_photographs(folder / "pictures", 64, 256)
        options.pictures = [folder / "pictures"]
    settings = TrainSettings(
        data=tuple(options.pictures),
        output=folder / "run",
        network=options.network,
        batch_size=options.batch_size,
        size=options.size,
        device=options.device,
        max_steps=10**9,
    )
    return set_up(settings, SINGLE_PROCESS).trainer


def loop_steps(trainer: Trainer) -> Iterator[None]:
    """Steps as a run takes them."""
    for _ in trainer.run(Stop()):
        yield


def network_steps(trainer: Trainer) -> Iterator[None]:
    """Steps of the generator, and its discriminator, on one batch in memory."""
    crops = torch.from_numpy(trainer.sampler.batch(0)).to(trainer.device)
    batch = make_batch(crops, torch.Generator(trainer.device), 0.0)
    while True:
        loss_values(trainer.train_step([batch]))
        yield


def steps_per_second(steps: Iterator[None], seconds: float) -> float:
    """Speed of a turn, its first steps left out."""
    for _ in range(WARM_UP):
        next(steps)
    began, done = time.monotonic(), 0
    while time.monotonic() - began < seconds:
        next(steps)
        done += 1
    return done / (time.monotonic() - began)


if __name__ == "__main__":
    sys.exit(main())
