"""How long, and in how much memory, an archive is planned, and how long a night with nothing to do is.

    python benchmarks/archive.py                 a million files planned, 200,000 done ones found done
    python benchmarks/archive.py --quick

The files are empty stand-ins: a plan opens none but a sample of headers, and a run that opened one
of the done ones would record it as failed, which ends the benchmark. The real command is run, as a
scheduler runs it; time and memory are the whole process's, Python's start included. The file system
has just written the tree and knows it: on a disk that was never read, its own time comes on top.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from processes import cost_of
from report import Row, Target, measure, parser_for, timed

from archivecolor.archive.fixity import sha256_of
from archivecolor.archive.layout import Layout
from archivecolor.archive.manifest import Manifest, ManifestWriter, Output, Record, Source, Status, now_utc
from archivecolor.archive.run_json import RunSummary, write_run_summary
from archivecolor.errors import Reason
from archivecolor.jobs.run_files import write_output_digests
from archivecolor.settings import DirSettings

FILES_PER_FOLDER = 1000
NOTHING = hashlib.sha256().hexdigest()
PLAN_SECONDS, PLAN_MEMORY, RERUN_SECONDS = Target(most=60), Target(most=500), Target(most=20)


@dataclass(frozen=True)
class Sizes:
    """How many files are planned, and how many are done already."""

    planned: int = 1_000_000
    done: int = 200_000


QUICK = Sizes(planned=5_000, done=1_000)


def main() -> int:
    """Measure, print, and say whether what is wanted was reached."""
    options = parser_for(__doc__).parse_args()
    sizes = QUICK if options.quick else Sizes()
    return measure(options, lambda folder: rows(folder, sizes))


def rows(folder: Path, sizes: Sizes) -> Iterator[Row]:
    """Both measures."""
    checkpoint = folder / "weights"
    checkpoint.write_bytes(b"only its digest is asked for")
    yield from plan(folder, checkpoint, sizes.planned)
    yield from rerun(folder, checkpoint, sizes.done)


def plan(folder: Path, checkpoint: Path, count: int) -> Iterator[Row]:
    """Plan a tree that nothing was ever done to."""
    source = folder / "new"
    for path in names(count):
        touch(source / path)
    # A run that was timed before: an estimate without one would measure the network too.
    timed_run = RunSummary((), {}, {}, "", {}, now_utc(), work={"MP": {"amount": 1.0, "seconds": 1.0}})
    (folder / "out" / "_archivecolor").mkdir(parents=True)
    write_run_summary(Layout(folder / "out").run_json, timed_run)
    cost = cost_of("dir", source, folder / "out", "--checkpoint", checkpoint, "--dry-run")
    yield Row(f"plan of {count:,} files", cost.seconds, "s", PLAN_SECONDS)
    yield Row("of that on the processor", cost.processor_seconds, "s")
    yield Row("memory of the plan", cost.nbytes / 1e6, "MB", PLAN_MEMORY)


def rerun(folder: Path, checkpoint: Path, count: int) -> Iterator[Row]:
    """Run over a tree of which all is done."""
    source, output = folder / "scans", folder / "coloured"
    make_done(source, output, checkpoint, count)
    manifest = output / "_archivecolor" / "manifest.jsonl"
    before = manifest.stat().st_size
    cost = cost_of("dir", source, output, "--checkpoint", checkpoint, "--quiet")
    if manifest.stat().st_size != before:
        raise SystemExit("the rerun did something")
    yield Row(f"rerun over {count:,} done", cost.seconds, "s", RERUN_SECONDS)
    yield Row("of that on the processor", cost.processor_seconds, "s")
    yield Row("of that reading the manifest", timed(lambda: Manifest(manifest)), "s")
    yield Row("memory of the rerun", cost.nbytes / 1e6, "MB")


def make_done(source: Path, output: Path, checkpoint: Path, count: int) -> None:
    """A tree, its outputs and its manifest, as a run would have left them."""
    settings, weights = DirSettings(input=source, output=output).digest(), sha256_of(checkpoint)
    with ManifestWriter(output / "_archivecolor" / "manifest.jsonl") as writer:
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


if __name__ == "__main__":
    sys.exit(main())
