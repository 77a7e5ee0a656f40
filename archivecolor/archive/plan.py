"""What a run has to do: every file found, held against the manifest.

A plan is made before anything is written. It refuses outputs that would lie over sources or over
each other, and knows for each item whether it is done anew, tried again or left as it is.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from archivecolor.archive.fixity import sha256_of
from archivecolor.archive.manifest import Known, Manifest, Status
from archivecolor.archive.names import NameCheck, Shard
from archivecolor.archive.walk import Found
from archivecolor.errors import Reason
from archivecolor.settings import SelectionOptions

# The fault lay outside the file, and may be gone.
TRY_AGAIN = frozenset({Reason.VANISHED, Reason.CHANGED, Reason.PERMISSION})
# The file may be to blame: tried again a few times, then left to --retry-failed.
TRY_A_FEW_TIMES = frozenset({Reason.WORKER_DIED, Reason.TIMEOUT, Reason.OUT_OF_MEMORY, Reason.FAULT})
FEW_TIMES = 3
# What these items became does not depend on the network.
WITHOUT_NETWORK = frozenset({Reason.COPIED})


class Action(str, Enum):
    """What a run does with an item."""

    DO = "do"
    RETRY = "retry"
    UP_TO_DATE = "up to date"
    FAILED_BEFORE = "failed before"


@dataclass(frozen=True, slots=True)
class Item:
    """One file to work on.

    Attributes:
        path: of the source, relative to the input folder, POSIX, as `os.fsdecode` gives it.
        output: of the derivative, relative to the output folder, likewise.
        nbytes: size of the source.
        mtime_ns: time of the source's last change.
        action: `DO` or `RETRY`.
        pixels: of the source by an earlier record, 0 where unknown.
    """

    path: str
    output: str
    nbytes: int
    mtime_ns: int
    action: Action
    pixels: int


@dataclass(frozen=True)
class Question:
    """What a plan is made with.

    Attributes:
        input: folder of the sources.
        output: folder of the derivatives.
        format: the `format` option.
        settings: digest of the settings.
        weights: digest of the weights.
        options: shard, limit, overwrite and retry_failed are read from it.
    """

    input: Path
    output: Path
    format: str
    settings: str
    weights: str
    options: SelectionOptions


@dataclass
class Plan:
    """What a run has to do.

    Attributes:
        items: to work on, in the order of the walk.
        counts: files by action; with a limit, `DO` and `RETRY` count what is left over too.
        nbytes: size of the sources of `items`.
        touched: sources whose time changed and whose bytes did not: their records want the new time.
    """

    items: list[Item] = field(default_factory=list)
    counts: Counter[Action] = field(default_factory=Counter)
    nbytes: int = 0
    touched: list[Found] = field(default_factory=list)


def make_plan(found: Iterable[Found], manifest: Manifest, question: Question) -> Plan:
    """Decide for every file found.

    Raises:
        UsageError: the shard is not k/n, or two items would have one output name, also on disks that
            do not tell case or Unicode forms apart.
    """
    result = Plan()
    names = NameCheck(question.format)
    shard = Shard.parse(question.options.shard)
    for file in found:
        output = names.add(file.path)
        if shard.holds(file.path):
            add_item(result, file, output, question, manifest)
    names.refuse_collisions(manifest, question.output)
    return result


def add_item(result: Plan, file: Found, output: str, question: Question, manifest: Manifest) -> None:
    """Count one file, and take it into the plan where it has to be done."""
    known = manifest.known(file.path)
    action = action_for(file, known, question)
    if action is Action.DO and known is not None and is_only_touched(file, known, question, manifest):
        result.touched.append(file)
        action = Action.UP_TO_DATE
    result.counts[action] += 1
    if action in (Action.UP_TO_DATE, Action.FAILED_BEFORE):
        return
    if question.options.limit is not None and len(result.items) >= question.options.limit:
        return
    pixels = known.pixels if known is not None and known.nbytes == file.nbytes else 0
    nbytes = max(0, file.nbytes)
    result.items.append(Item(file.path, output, nbytes, file.mtime_ns, action, pixels))
    result.nbytes += nbytes


def action_for(file: Found, known: Known | None, question: Question) -> Action:
    """What to do with `file`, from cheap facts alone: nothing is opened."""
    if known is None:
        return Action.DO
    same_source = (file.nbytes, file.mtime_ns) == (known.nbytes, known.mtime_ns)
    if known.status == Status.FAILED:
        return action_after_failure(known, same_source, question)
    if question.options.overwrite or not same_source:
        return Action.DO
    return Action.UP_TO_DATE if is_current(known, question) else Action.DO


def action_after_failure(known: Known, same_source: bool, question: Question) -> Action:
    """What to do with an item that failed."""
    if question.options.overwrite or question.options.retry_failed:
        return Action.RETRY
    if not same_source or known.reason in TRY_AGAIN or not same_making(known, question):
        return Action.RETRY
    if known.reason in TRY_A_FEW_TIMES and known.failures < FEW_TIMES:
        return Action.RETRY
    return Action.FAILED_BEFORE


def is_current(known: Known, question: Question) -> bool:
    """Whether the result is what the same settings would give again, and is there."""
    if not same_making(known, question):
        return False
    if known.status == Status.SKIPPED:
        return True
    try:
        about = os.stat(f"{question.output}/{known.output}")  # noqa: PTH116 - once per item of the archive
    except OSError:
        return False
    return about.st_size == known.output_nbytes


def same_making(known: Known, question: Question) -> bool:
    """Whether settings and weights are those of the record, as far as they matter to it."""
    if known.settings != question.settings:
        return False
    without_network = known.status == Status.SKIPPED or known.reason in WITHOUT_NETWORK
    return without_network or known.weights == question.weights


def is_only_touched(file: Found, known: Known, question: Question, manifest: Manifest) -> bool:
    """Whether only the time of an otherwise current source changed, as restoring a backup does.

    Reads the file; colouring it again would read it twice.
    """
    if question.options.overwrite or file.nbytes != known.nbytes or file.mtime_ns == known.mtime_ns:
        return False
    sha256 = manifest.record(file.path).source.sha256
    if sha256 is None or not is_current(known, question):
        return False
    try:
        return sha256_of(question.input / file.path) == sha256
    except OSError:
        return False
