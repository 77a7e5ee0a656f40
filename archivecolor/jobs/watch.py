"""A folder that is watched: what arrives in it is coloured once nobody writes to it any more.

The folder is looked at again and again, which any disk and any network share bears; no system has to tell of
changes. A file is taken when its size and time stayed what they are for `SETTLE_SECONDS`, or for `min_age`
where that is longer. What arrived is coloured by a run as any other, so that all that holds of runs holds
here: between two of them the output is free for other commands.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from archivecolor.archive.folders import check_folders
from archivecolor.archive.walk import FILMS, MISSING, PICTURES, FoundFile, SkippedFiles, walk
from archivecolor.engine.progress import NO_WORK, Listener, Progress, RunResult
from archivecolor.engine.stopping import Stop
from archivecolor.errors import ExitCode, InputGoneError, UsageError
from archivecolor.jobs.colour import colour
from archivecolor.jobs.film_jobs import file_state
from archivecolor.jobs.output_folders import Choice
from archivecolor.jobs.run import MEGAPIXELS
from archivecolor.jobs.sheet import check_sheet, draw_tree_sheet
from archivecolor.printable import printable
from archivecolor.settings import BucketPath, DirSettings

SETTLE_SECONDS = 5.0
POLL_SECONDS = 1.0
# Of a large or slow tree: looking takes no more than a tenth of the time.
_POLLS_PER_LOOK = 10


class WatchListener(Listener, Protocol):
    """Who is told how a watched folder goes."""

    def waiting(self, result: RunResult | None) -> None:
        """All that arrived is done, by the run that ended so; None before the first."""


def watch(
    settings: DirSettings, listener: WatchListener, stop: Stop, command: tuple[str, ...] = ()
) -> RunResult:
    """Colour what is in a folder and what arrives in it, until `stop` ends it.

    Args:
        settings: of the runs.
        listener: who is told of each item, and of waiting.
        stop: says when to end; nothing else does, but an error.
        command: the words typed, for run.json.

    Returns:
        What all runs did together.

    Raises:
        UsageError: as `colour`; an option that makes no sense here.
        InputGoneError: the folder is gone.
        UnavailableError, OutputError, LockedError: as `colour`.
    """
    if settings.limit is not None:
        raise UsageError("--limit ends a run after some items, and --watch goes on; leave one of them out")
    if isinstance(settings.input, BucketPath):
        raise UsageError(f"{settings.input} is a bucket, which cannot be watched; have cron run it again")
    check_folders(settings.input, settings.output, for_one="photo")
    check_sheet(settings.sheet, (settings.input, settings.output))
    arrivals = Arrivals(settings.input, max(SETTLE_SECONDS, settings.min_age))
    total = _Total()
    listener.waiting(None)
    while not stop.requested:
        began = time.monotonic()
        arrivals.look(_files_of(settings), began)
        pause = max(POLL_SECONDS, _POLLS_PER_LOOK * (time.monotonic() - began))
        if arrivals.take():
            choice = Choice(is_ready=arrivals.is_ready)
            result = colour(_of_one_run(settings, total), listener, stop, command, choice)
            total.add(result)
            if result.exit_code is ExitCode.TOO_MANY_FAILURES or result.progress.left:
                break  # a run that was ended: what is said at the end says it too
            listener.waiting(result)
        stop.wait(pause)
    return replace(total.result(stop), sheets=draw_tree_sheet(settings, stop))


def _of_one_run(settings: DirSettings, total: _Total) -> DirSettings:
    """The settings of the next run: its share of failures, and no sheet, which is drawn at the end."""
    most = settings.max_failures
    left = None if most is None else max(0, most - total.counts["failed"])
    return replace(settings, sheet=None, max_failures=left)


def _files_of(settings: DirSettings) -> Iterable[FoundFile]:
    if not settings.input.is_dir():
        raise InputGoneError(f"the input {printable(settings.input)} is gone; is its disk mounted?")
    return walk(settings.input, settings, SkippedFiles(), PICTURES | FILMS if settings.films else PICTURES)


@dataclass
class _State:
    """A file as it was seen.

    Attributes:
        stamp: size and time of it and of its sidecars.
        since: when it was first seen so, in seconds of the monotonic clock.
        is_taken: a run was told of it.
    """

    stamp: tuple[tuple[int, int], ...]
    since: float
    is_taken: bool = False


class Arrivals:
    """What is known of the files of a watched folder.

    Args:
        root: the folder.
        settle_seconds: how long a file must have stayed as it is.
    """

    def __init__(self, root: Path, settle_seconds: float) -> None:
        self._root = root
        self._settle_seconds = settle_seconds
        self._states: dict[str, _State] = {}
        self._looked = 0.0

    def look(self, files: Iterable[FoundFile], now: float) -> None:
        """See what is there at a moment of the monotonic clock; what is gone is forgotten."""
        seen = {}
        for file in files:
            known, stamp = self._states.get(file.path), self._stamp_of(file)
            seen[file.path] = known if known is not None and known.stamp == stamp else _State(stamp, now)
        self._states, self._looked = seen, now

    def take(self) -> bool:
        """Whether something has settled that no run was told of; from here on one is."""
        fresh = [state for state in self._states.values() if not state.is_taken and self._is_settled(state)]
        for state in fresh:
            state.is_taken = True
        return bool(fresh)

    def is_ready(self, file: FoundFile) -> bool:
        """Whether a file is as it has been for long enough."""
        state = self._states.get(file.path)
        return state is not None and state.is_taken and state.stamp == self._stamp_of(file)

    def _is_settled(self, state: _State) -> bool:
        return self._looked - state.since >= self._settle_seconds

    def _stamp_of(self, file: FoundFile) -> tuple[tuple[int, int], ...]:
        sidecars = (file_state(self._root / name) or (MISSING, 0) for name in file.sidecars)
        return ((file.nbytes, file.mtime_ns), *sidecars)


class _Total:
    """What the runs of a watched folder did together."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()
        self._work = {MEGAPIXELS: NO_WORK}
        self._seconds = 0.0
        self._last: RunResult | None = None

    def add(self, result: RunResult) -> None:
        """Count one run."""
        progress = result.progress
        self.counts.update({name: getattr(progress, name) for name in ("total", "done", "skipped", "failed")})
        self._reasons.update(progress.reasons)
        self._failures.update(progress.failures)
        self._work |= {unit: self._work.get(unit, NO_WORK).plus(work) for unit, work in progress.work.items()}
        self._seconds += progress.seconds
        self._last = result

    def result(self, stop: Stop) -> RunResult:
        """How it all ended, by the worst that happened."""
        progress = Progress(
            total=self.counts["total"],
            done=self.counts["done"],
            skipped=self.counts["skipped"],
            failed=self.counts["failed"],
            unit=MEGAPIXELS,
            work=self._work,
            seconds=self._seconds,
            reasons=dict(self._reasons),
            failures=dict(self._failures),
        )
        # The last run knows of what failed in those before it, and of what was mended since.
        last = self._last or RunResult(progress, ExitCode.OK)
        return RunResult(progress, stop.exit_code or last.exit_code, last.untouched)
