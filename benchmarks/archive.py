"""How long, and in how much memory, an archive is planned, and how long a night with nothing to do is.

    python benchmarks/archive.py                 a million files planned, 200,000 done ones found done
    python benchmarks/archive.py --files 10000 --done 2000

The files are empty stand-ins: a plan opens none but a sample of headers, and a run that opened one
of the done ones would record it as failed, which ends the benchmark. The real command is run, as a
scheduler runs it; time and memory are the whole process's, Python's start included.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from archivecolor.archive.fixity import sha256_of
from archivecolor.archive.manifest import Manifest, Output, Record, Source, Status, Writer, now_utc
from archivecolor.engine.workers import core_count
from archivecolor.errors import Reason
from archivecolor.jobs.accounts import write_output_digests
from archivecolor.settings import DirSettings

FILES_PER_FOLDER = 1000
NOTHING = hashlib.sha256().hexdigest()
PLAN_SECONDS, PLAN_BYTES, RERUN_SECONDS = 60, 500e6, 20


@dataclass(frozen=True)
class Cost:
    """What a command took: wall-clock seconds, processor seconds, and the most bytes it held."""

    seconds: float
    processor_seconds: float
    nbytes: int


@dataclass(frozen=True)
class Row:
    """One line of the table: what was measured, the value, and what it must be."""

    what: str
    value: str
    wanted: str = ""


def main() -> None:
    """Measure and print."""
    options = parsed()
    with tempfile.TemporaryDirectory(prefix="archivecolor-bench-", dir=options.folder) as name:
        folder = Path(name)
        checkpoint = folder / "weights"
        checkpoint.write_bytes(b"only its digest is asked for")
        rows = [*plan(folder, checkpoint, options.files), *rerun(folder, checkpoint, options.done)]
    machine, python = platform.processor() or platform.machine(), platform.python_version()
    print(f"\n{machine}, {core_count()} cores, Python {python}")
    width = max(len(row.what) for row in rows)
    for row in rows:
        print(f"{row.what:{width}}  {row.value:>10}  {row.wanted}")


def parsed() -> argparse.Namespace:
    """The options of the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=1_000_000, help="files to plan")
    parser.add_argument("--done", type=int, default=200_000, help="files that are done already")
    parser.add_argument("--folder", type=Path, help="disk to measure on; the temporary one without it")
    return parser.parse_args()


def plan(folder: Path, checkpoint: Path, count: int) -> Iterator[Row]:
    """Plan a tree that nothing was ever done to."""
    source = folder / "new"
    for path in names(count):
        touch(source / path)
    cost = cost_of("dir", source, folder / "out", "--checkpoint", checkpoint, "--dry-run")
    yield Row(f"plan of {count:,} files", f"{cost.seconds:.1f} s", f"under {PLAN_SECONDS} s for 1,000,000")
    yield Row("  on the processor", f"{cost.processor_seconds:.1f} s")
    yield Row("  memory", f"{cost.nbytes / 1e6:.0f} MB", f"under {PLAN_BYTES / 1e6:.0f} MB for 1,000,000")


def rerun(folder: Path, checkpoint: Path, count: int) -> Iterator[Row]:
    """Run over a tree of which all is done."""
    source, output = folder / "scans", folder / "coloured"
    make_done(source, output, checkpoint, count)
    manifest = output / "_archivecolor" / "manifest.jsonl"
    before = manifest.stat().st_size
    cost = cost_of("dir", source, output, "--checkpoint", checkpoint, "--quiet")
    if manifest.stat().st_size != before:
        raise SystemExit("the rerun did something")
    yield Row(f"rerun over {count:,} done", f"{cost.seconds:.1f} s", f"under {RERUN_SECONDS} s for 200,000")
    yield Row("  on the processor", f"{cost.processor_seconds:.1f} s")
    yield Row("  memory", f"{cost.nbytes / 1e6:.0f} MB")
    began = time.monotonic()
    length = len(Manifest(manifest))
    yield Row(f"  of which reading {length:,} records", f"{time.monotonic() - began:.1f} s")


def make_done(source: Path, output: Path, checkpoint: Path, count: int) -> None:
    """A tree, its outputs and its manifest, as a run would have left them."""
    settings, weights = DirSettings(input=source, output=output).digest(), sha256_of(checkpoint)
    with Writer(output / "_archivecolor" / "manifest.jsonl") as writer:
        for path in names(count):
            touch(source / path)
            touch(output / path)
            about = (source / path).stat()
            record = Record(
                path=path,
                status=Status.DONE,
                reason=Reason.COLOURED,
                source=Source(about.st_size, about.st_mtime_ns, NOTHING, 4000, 3000, 8, 1, "grey"),
                output=Output(path, 0, NOTHING, 4000, 3000, 8),
                settings=settings,
                weights=weights,
                confidence=0.5,
                luma="coefficients",
                seconds=1.0,
                at=now_utc(),
            )
            writer.append(record)
    write_output_digests(output)


def names(count: int) -> Iterator[str]:
    """Names as an archive would give them, a thousand to a folder."""
    for number in range(count):
        yield f"box-{number // FILES_PER_FOLDER:04}/negative-{number:07}.jpg"


def touch(path: Path) -> None:
    """An empty file, with the folders above it."""
    try:
        path.touch()
    except FileNotFoundError:
        path.parent.mkdir(parents=True)
        path.touch()


def cost_of(*words: object) -> Cost:
    """Run the command to its end, which must be a good one."""
    began = time.monotonic()
    run = subprocess.Popen([sys.executable, "-m", "archivecolor", *map(str, words)])
    _, status, usage = os.wait4(run.pid, 0)
    run.returncode = os.waitstatus_to_exitcode(status)
    if run.returncode:
        raise SystemExit(f"archivecolor ended with {run.returncode}")
    return Cost(time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


if __name__ == "__main__":
    main()
