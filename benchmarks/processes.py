"""The command as a process of its own: how long it takes, and what its process tree holds in memory."""

from __future__ import annotations

import compileall
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import archivecolor

SAMPLE_SECONDS = 0.1


@dataclass(frozen=True)
class Cost:
    """What a command took.

    Attributes:
        seconds: by the clock, Python's start included.
        processor_seconds: of its process.
        nbytes: the most that its process held, shared pages in full.
    """

    seconds: float
    processor_seconds: float
    nbytes: int


@dataclass(frozen=True)
class Spent:
    """What a command and all that it started took.

    Attributes:
        seconds: by the clock, Python's start included.
        processor_seconds: of its process tree, but for the last tenth of a second of each process.
    """

    seconds: float
    processor_seconds: float


@dataclass(frozen=True)
class Held:
    """Memory of a process tree over a run, shared pages by their share.

    Attributes:
        samples: bytes, ten times a second.
    """

    samples: tuple[int, ...]

    @property
    def peak(self) -> int:
        """The largest sample."""
        return max(self.samples)

    @property
    def growth(self) -> float:
        """By how much the second half's peak is above the first half's, as a share of that."""
        half = len(self.samples) // 2
        return max(self.samples[half:]) / max(self.samples[: half + 1]) - 1


def cost_of(*words: object) -> Cost:
    """Run `archivecolor` with these words to its end, which must be a good one."""
    return cost_of_program(*command(*words))


def cost_of_program(*words: str) -> Cost:
    """Run a program with these words to its end, which must be a good one."""
    began = time.monotonic()
    run = subprocess.Popen(words)
    _, status, usage = os.wait4(run.pid, 0)
    run.returncode = os.waitstatus_to_exitcode(status)
    refuse_failure(run.returncode, words[0])
    return Cost(time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def spent_by(*words: object) -> Spent:
    """Run `archivecolor` with these words to its end, which must be a good one, and count processors."""
    seconds: dict[tuple[int, int], float] = {}
    ended = threading.Event()
    began = time.monotonic()
    with subprocess.Popen(command(*words)) as run:
        watch = threading.Thread(target=count_seconds, args=(run.pid, seconds, ended))
        watch.start()
        code = run.wait()
        ended.set()
        watch.join()
    refuse_failure(code)
    return Spent(time.monotonic() - began, sum(seconds.values()))


def held_by(*words: object) -> Held:
    """Run `archivecolor` with these words to its end, which must be a good one, and watch its memory."""
    samples: list[int] = []
    ended = threading.Event()
    with subprocess.Popen(command(*words)) as run:
        watch = threading.Thread(target=sample, args=(run.pid, samples, ended))
        watch.start()
        code = run.wait()
        ended.set()
        watch.join()
    refuse_failure(code)
    return Held(tuple(samples))


def command(*words: object) -> list[str]:
    """The command line of this checkout's `archivecolor`, which starts as quickly as an installed one."""
    _compile()
    return [sys.executable, "-m", "archivecolor", *map(str, words)]


@cache
def _compile() -> None:
    """Have the package's bytecode on disk, which no start then waits for."""
    compileall.compile_dir(Path(archivecolor.__file__).parent, quiet=1)


def refuse_failure(code: int, program: str = "archivecolor") -> None:
    """End the benchmark where a program did not end well."""
    if code:
        raise SystemExit(f"{program} ended with {code}")


def sample(pid: int, samples: list[int], ended: threading.Event) -> None:
    """Add samples of a process tree until told to end."""
    while not ended.wait(SAMPLE_SECONDS):
        samples.append(sum(proportional_bytes(member) for member in tree_of(pid)))


def count_seconds(pid: int, seconds: dict[tuple[int, int], float], ended: threading.Event) -> None:
    """Note the processor time of each process of a tree, by its number and start, until told to end."""
    while not ended.wait(SAMPLE_SECONDS):
        for member in tree_of(pid):
            try:
                fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
            except OSError:  # gone meanwhile
                continue
            ticks = int(fields[11]) + int(fields[12])
            seconds[member, int(fields[19])] = ticks / os.sysconf("SC_CLK_TCK")


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
    """Memory of one process, shared pages by its share; 0 where it is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
