"""Decisions of a review that goes on beside runs: kept at once, taken in when no run holds the output.

A decision is on disk, in a file of this review's own, before anybody is told that it was made. A thread takes
what is kept there into the output's decisions as soon as it can have the lock, and makes the pictures anew
whose colour was decided. What a review that was killed had kept, the next one takes in.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from archivecolor.archive.atomic import append_bytes, open_own_file, with_output_errors
from archivecolor.archive.bag import is_bag
from archivecolor.archive.decision import Decision
from archivecolor.archive.decisions import Decisions, append_decisions, read_decisions, readable_lines
from archivecolor.archive.layout import UNDELIVERED_PREFIX, Layout, review_folder
from archivecolor.archive.lock import locked, try_flock
from archivecolor.archive.manifest import Manifest
from archivecolor.archive.merging_decisions import merge
from archivecolor.archive.record import Status
from archivecolor.engine.progress import NullListener
from archivecolor.engine.stopping import Stop
from archivecolor.errors import (
    ArchivecolorError,
    InputNotFoundError,
    ItemError,
    LockedError,
    UsageError,
    item_error_of,
)
from archivecolor.jobs.colour import colour
from archivecolor.jobs.correct import recorded_format, settings_of_run
from archivecolor.jobs.correct_film import film_to_correct
from archivecolor.jobs.decision_writer import refuse_what_runs
from archivecolor.jobs.output_folders import Choice
from archivecolor.jobs.run_files import write_output_bag
from archivecolor.printable import printable
from archivecolor.settings import CorrectSettings, DirSettings, VideoSettings

logger = logging.getLogger(__name__)

RETRY_SECONDS = 1.0


@dataclass(frozen=True)
class DeskState:
    """How far the decisions of a review are.

    Attributes:
        waiting: decisions that a run keeps from being taken in.
        making: paths of the pictures that are made anew, or wait for it.
        made: how often this review has made one anew, by path.
        troubles: why one could not be made anew, by path.
    """

    waiting: int
    making: tuple[str, ...]
    made: dict[str, int]
    troubles: dict[str, str]


class DecisionDesk:
    """Takes decisions in; use as a context manager.

    Args:
        output: the folder of the run.
        root: the folder that the tree of derivatives begins in.
        source: the input folder, where it is not that of the last run.
        on_change: called, in another thread, when something was taken in or made.
    """

    def __init__(self, output: Path, root: Path, source: Path | None, on_change: Callable[[], None]) -> None:
        self._output = output
        self._root = root
        self._source = source
        self._on_change = on_change
        self._guard = threading.Lock()
        self._wake = threading.Event()
        self._stop = Stop()
        self._undelivered: list[Decision] = []
        self._to_make: list[str] = []
        self._making: tuple[str, ...] = ()
        self._made: Counter[str] = Counter()
        self._troubles: dict[str, str] = {}
        self._known: tuple[object, Decisions] = (None, Decisions())
        self._thread = threading.Thread(target=self._work, name="decisions", daemon=True)
        self._folder = review_folder(output, root)

    def __enter__(self) -> DecisionDesk:
        self._folder.mkdir(exist_ok=True)
        name = f"{UNDELIVERED_PREFIX}{os.getpid()}-{secrets.token_hex(4)}.jsonl"
        self._file = self._folder / name
        self._handle = open_own_file(self._file, os.O_RDWR | os.O_APPEND)
        try_flock(self._handle)
        self._adopt()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.end()
        self._wake.set()
        self._thread.join()
        self._deliver_at_last()
        os.close(self._handle)
        if not self._undelivered:
            self._file.unlink(missing_ok=True)

    def _deliver_at_last(self) -> None:
        """Take in what was decided while pictures were made; what cannot be is said, and kept."""
        try:
            self._deliver()
        except (ArchivecolorError, OSError) as error:
            logger.warning(
                "%d decisions are not taken in yet: %s; they are kept, and the next review takes them in",
                len(self._undelivered),
                error,
            )

    def _adopt(self) -> None:
        """Take over what reviews that are no more had kept."""
        for file in sorted(self._folder.glob(f"{UNDELIVERED_PREFIX}*.jsonl")):
            if file == self._file or file.is_symlink():
                continue
            handle = open_own_file(file, os.O_RDWR)
            try:
                if try_flock(handle) is False:
                    continue
                # A review decides about pictures one by one, also where an earlier version did not say so.
                kept = [replace(line, glob=False) for line in read_decisions(file)]
                self._keep(kept)
                file.unlink()
                self._to_make += [line.path for line in kept if line.correction]
                self._wake.set()
            finally:
                os.close(handle)

    def of(self, path: str) -> Decision:
        """What is decided about a source, what is not taken in yet included."""
        with self._guard:
            waiting = [line for line in self._undelivered if line.path == path]
        return waiting[-1] if waiting else self._decisions().of(path)

    def decide(self, decision: Decision, *, make: bool) -> None:
        """Keep a decision; it is on disk when this returns.

        Args:
            decision: about one item.
            make: its picture is made anew as soon as that can be.

        Raises:
            UsageError: it is more than can be kept; nothing was decided.
            OutputError: it cannot be written.
        """
        self._keep([decision])
        with self._guard:
            self._troubles.pop(decision.path, None)
            if make and decision.path not in self._to_make:
                self._to_make.append(decision.path)
        self._wake.set()

    def state(self) -> DeskState:
        """How far the decisions are."""
        with self._guard:
            making = (*self._making, *self._to_make)
            return DeskState(len(self._undelivered), making, dict(self._made), dict(self._troubles))

    def _keep(self, decisions: Iterable[Decision]) -> None:
        lines = list(decisions)
        content = readable_lines(lines)
        with self._guard:
            with with_output_errors(self._file):
                append_bytes(self._handle, content)
            self._undelivered += lines

    def _decisions(self) -> Decisions:
        """Those of the output, read again where the file changed."""
        path = Layout(self._root).decisions
        with contextlib.suppress(FileNotFoundError):
            about = path.stat()
            state = (about.st_size, about.st_mtime_ns, about.st_ino)
            if self._known[0] != state:
                self._known = (state, Decisions.of_output(self._root))
            return self._known[1]
        return Decisions()

    def _work(self) -> None:
        while not self._stop.requested:
            if not self._wake.wait(RETRY_SECONDS):
                continue
            self._wake.clear()
            try:
                self._deliver()
                self._make()
            except LockedError:  # a run goes on: again in a while
                self._stop.wait(RETRY_SECONDS)
                self._wake.set()
            except Exception as error:  # the thread's edge: what is kept is tried again
                known = isinstance(error, (ArchivecolorError, OSError))
                logger.error("decisions could not be taken in: %s", error, exc_info=None if known else error)
                self._stop.wait(RETRY_SECONDS)
                self._wake.set()

    def _deliver(self) -> None:
        """Take in what is kept, and forget it where it was kept."""
        with self._guard:
            lines = list(self._undelivered)
        if not lines:
            return
        with locked(self._root, 0.0):
            # Somebody else may have decided since; of two the newer holds.
            merged = merge(Decisions.of_output(self._root), lines)
            append_decisions(Layout(self._root).decisions, merged.lines)
            if is_bag(self._output):
                write_output_bag(self._output)
        with self._guard:
            del self._undelivered[: len(lines)]
            if not self._undelivered:
                os.ftruncate(self._handle, 0)
        self._on_change()

    def _make(self) -> None:
        """Make the pictures anew whose colour was decided, and that was taken in."""
        with self._guard:
            # What was decided while others were taken in is not in the output's decisions yet.
            waiting = {line.path for line in self._undelivered}
            self._making = tuple(dict.fromkeys(path for path in self._to_make if path not in waiting))
            self._to_make = [path for path in self._to_make if path in waiting]
        if not self._making:
            return
        try:
            for path in self._making:
                self._make_one(path)
                self._on_change()  # who hears that it is made finds it made
                with self._guard:
                    if path not in self._troubles:
                        self._made[path] += 1
                    self._making = self._making[1:]
        except LockedError:
            with self._guard:
                self._to_make = [*self._making, *self._to_make]
            raise
        except (ArchivecolorError, OSError) as error:
            self._note_troubles(self._making, str(error))
        except Exception as error:  # what nobody expected is told as well
            logger.error("pictures could not be made anew", exc_info=error)
            self._note_troubles(self._making, str(item_error_of(error)))
        finally:
            with self._guard:
                self._making = ()
            self._on_change()

    def _make_one(self, path: str) -> None:
        """Make one item anew; what is wrong with it alone does not keep others from it."""
        manifest = Layout(self._root).manifest
        try:
            run = self._run_of(path, Manifest(manifest))
            refuse_what_runs(run.credentials)
            colour(run, NullListener(), self._stop, ("archivecolor", "review"), Choice((path,)))
            made = Manifest(manifest)
            record = made.record(path) if path in made else None
            trouble = record.detail if record is not None and record.status is Status.FAILED else ""
        except (UsageError, ItemError, OSError) as error:
            trouble = str(error)
        except ArchivecolorError:
            raise
        except Exception as error:  # the item's edge: a fault costs its picture, not those after it
            logger.error("%s could not be made anew", printable(path), exc_info=error)
            trouble = str(item_error_of(error))
        if trouble:
            self._note_troubles((path,), trouble)

    def _run_of(self, path: str, manifest: Manifest) -> DirSettings | VideoSettings:
        """The run that makes one item anew.

        Raises:
            UsageError: the options of the last run are not known, or its source is not there.
        """
        wanted = CorrectSettings(output=self._output, path=(path,), input=self._source)
        film = film_to_correct(wanted, self._root, manifest)
        if film is not None:
            return film.run
        settings = settings_of_run(self._output, self._root, self._source)
        scan = settings.input / path
        if not scan.is_file():
            raise InputNotFoundError(f"{scan} is not there; put it back, or give --input FOLDER", scan)
        return replace(settings, format=recorded_format((path,), settings.format, manifest))

    def _note_troubles(self, paths: Iterable[str], trouble: str) -> None:
        with self._guard:
            self._troubles |= dict.fromkeys(paths, trouble)
