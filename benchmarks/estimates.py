"""How near `--dry-run` comes to what the run then takes, for folders of photographs and for films.

    python benchmarks/estimates.py scans/box-1 scans/box-2 film.mp4

Each is foretold in a fresh process and then done in another, into a folder that is new. What is judged is
the time of processors, which a machine that others use too does not stretch; the time by the clock stands
beside it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from processes import cost_of
from report import Row, Target, measure, parser_for

from archivecolor.engine.timing import Duration
from archivecolor.jobs.forecast import forecast
from archivecolor.settings import DirSettings, VideoSettings

WITHIN = Target(least=1 / 1.5, most=1.5)


def main() -> int:
    """Measure, print, and say whether what is wanted was reached."""
    parser = parser_for(__doc__)
    parser.add_argument("paths", nargs="+", type=Path, help="folders of photographs, and films")
    options = parser.parse_args()
    return measure(options, lambda folder: rows(options.paths, folder))


def rows(paths: list[Path], folder: Path) -> Iterator[Row]:
    """Every path, foretold and done."""
    for number, path in enumerate(paths):
        output = folder / str(number)
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
            expected = alone.submit(foretold, path, output).result()
        command = ["dir", path, output] if path.is_dir() else ["video", path, "-o", output]
        cost = cost_of(*command, "-q")
        processor = expected.processor_seconds / cost.processor_seconds
        yield Row(f"{path.name}, on processors, of {cost.processor_seconds:.0f} s", processor, "x", WITHIN)
        yield Row(f"{path.name}, by the clock, of {cost.seconds:.0f} s", expected.seconds / cost.seconds, "x")


def foretold(path: Path, output: Path) -> Duration:
    """What a dry run says."""
    if not path.is_dir():
        return forecast(VideoSettings(input=(path,), output=output)).films.time
    work = forecast(DirSettings(input=path, output=output)).photographs
    return Duration(work.seconds, work.processor_seconds)


if __name__ == "__main__":
    sys.exit(main())
