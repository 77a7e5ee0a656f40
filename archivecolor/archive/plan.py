"""What a run has to do: every file found, held against the manifest.

A plan is made before anything is written. It refuses outputs that would lie over sources or over
each other, and knows for each item whether it is done anew, tried again or left as it is.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from pathlib import Path

from archivecolor.archive.fixity import sha256_of
from archivecolor.archive.manifest import IndexEntry, Manifest, Status
from archivecolor.archive.names import NameCheck, Shard
from archivecolor.archive.walk import FoundFile
from archivecolor.errors import Reason
from archivecolor.settings import SelectionOptions

# The fault lay outside the file, and may be gone.
RETRIED_ALWAYS = frozenset({Reason.VANISHED, Reason.CHANGED, Reason.PERMISSION, Reason.READ_ERROR})
# The file may be to blame: tried again a few times, then left to --retry-failed.
RETRIED_A_FEW_TIMES = frozenset({Reason.WORKER_DIED, Reason.TIMEOUT, Reason.OUT_OF_MEMORY, Reason.FAULT})
MAX_ATTEMPTS = 3
# What these items became does not depend on the network.
NETWORK_INDEPENDENT = frozenset({Reason.COPIED})


class PlanAction(str, Enum):
    """What a run does with an item."""

    DO = "do"
    RETRY = "retry"
    UP_TO_DATE = "up to date"
    FAILED_BEFORE = "failed before"


@dataclass(frozen=True, slots=True)
class Item:
    """One file to work on.

    Attributes:
        kind: photo, film or grey.
        root: folder that `path` is relative to.
        path: of the source, POSIX, as `os.fsdecode` gives it.
        output: of the derivative, relative to the output folder, likewise; of a film without its suffix.
        nbytes: size of the source.
        mtime_ns: time of the source's last change.
        action: `DO` or `RETRY`.
        pixels: of the source by an earlier record, 0 where unknown.
        digest: over all that shapes the output but the source itself.
    """

    kind: str
    root: Path
    path: str
    output: str
    nbytes: int
    mtime_ns: int
    action: PlanAction
    pixels: int
    digest: str

    @property
    def source(self) -> Path:
        """The file."""
        return self.root / self.path


@dataclass(frozen=True)
class PlanInputs:
    """What items of one kind, from one folder, are planned with.

    Attributes:
        kind: photo, film or grey.
        root: folder of the sources.
        output: folder of the derivatives.
        name_of: from a source's relative path to its output's; of a film without suffix.
        settings: digest of the settings.
        weights: digest of the weights.
        options: shard, limit, overwrite and retry_failed are read from it.
    """

    kind: str
    root: Path
    output: Path
    name_of: Callable[[str], str]
    settings: str
    weights: str
    options: SelectionOptions

    @cached_property
    def digest(self) -> str:
        """Of all that shapes an output but its source, 16 hexadecimal digits."""
        return hashlib.sha256(f"{self.settings} {self.weights}".encode()).hexdigest()[:16]


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
    counts: Counter[PlanAction] = field(default_factory=Counter)
    nbytes: int = 0
    touched: list[FoundFile] = field(default_factory=list)


def make_plan(sources: Iterable[tuple[Iterable[FoundFile], PlanInputs]], manifest: Manifest) -> Plan:
    """Decide for every file found.

    Args:
        sources: the files of each kind and folder, with what they are planned with.
        manifest: of the output folder that all of them share.

    Raises:
        UsageError: the shard is not k/n, or two items would have one output name, also on disks that
            do not tell case or Unicode forms apart.
    """
    plan = Plan()
    for found, inputs in sources:
        names = NameCheck(inputs.name_of)
        shard = Shard.parse(inputs.options.shard)
        for file in found:
            output = names.add(file.path)
            if shard.includes(file.path):
                plan_file(plan, file, output, inputs, manifest)
        names.refuse_collisions(manifest, inputs.output)
    return plan


def plan_file(plan: Plan, file: FoundFile, output: str, inputs: PlanInputs, manifest: Manifest) -> None:
    """Count one file, and take it into the plan where it has to be done."""
    entry = manifest.entry(file.path)
    action = action_for(file, entry, inputs)
    if action is PlanAction.DO and entry is not None and is_only_touched(file, entry, inputs, manifest):
        plan.touched.append(file)
        action = PlanAction.UP_TO_DATE
    plan.counts[action] += 1
    if action in (PlanAction.UP_TO_DATE, PlanAction.FAILED_BEFORE):
        return
    if inputs.options.limit is not None and len(plan.items) >= inputs.options.limit:
        return
    pixels = entry.pixels if entry is not None and entry.nbytes == file.nbytes else 0
    nbytes = max(0, file.nbytes)
    where = (inputs.kind, inputs.root, file.path, output)
    plan.items.append(Item(*where, nbytes, file.mtime_ns, action, pixels, inputs.digest))
    plan.nbytes += nbytes


def action_for(file: FoundFile, entry: IndexEntry | None, inputs: PlanInputs) -> PlanAction:
    """What to do with `file`, from cheap facts alone: nothing is opened."""
    if entry is None:
        return PlanAction.DO
    same_source = (file.nbytes, file.mtime_ns) == (entry.nbytes, entry.mtime_ns)
    if entry.status == Status.FAILED:
        return action_after_failure(entry, same_source, inputs)
    if inputs.options.overwrite or not same_source:
        return PlanAction.DO
    return PlanAction.UP_TO_DATE if is_current(entry, inputs) else PlanAction.DO


def action_after_failure(entry: IndexEntry, same_source: bool, inputs: PlanInputs) -> PlanAction:
    """What to do with an item that failed."""
    if inputs.options.overwrite or inputs.options.retry_failed:
        return PlanAction.RETRY
    if not same_source or entry.reason in RETRIED_ALWAYS or not same_settings_and_weights(entry, inputs):
        return PlanAction.RETRY
    if entry.reason in RETRIED_A_FEW_TIMES and entry.failures < MAX_ATTEMPTS:
        return PlanAction.RETRY
    return PlanAction.FAILED_BEFORE


def is_current(entry: IndexEntry, inputs: PlanInputs) -> bool:
    """Whether the result is what the same settings would give again, and is there."""
    if not same_settings_and_weights(entry, inputs):
        return False
    if entry.status == Status.SKIPPED:
        return True
    try:
        status = os.stat(f"{inputs.output}/{entry.output}")  # noqa: PTH116 - once per item of the archive
    except OSError:
        return False
    return status.st_size == entry.output_nbytes


def same_settings_and_weights(entry: IndexEntry, inputs: PlanInputs) -> bool:
    """Whether settings and weights are those of the record, as far as they matter to it."""
    if entry.settings != inputs.settings:
        return False
    network_independent = entry.status == Status.SKIPPED or entry.reason in NETWORK_INDEPENDENT
    return network_independent or entry.weights == inputs.weights


def is_only_touched(file: FoundFile, entry: IndexEntry, inputs: PlanInputs, manifest: Manifest) -> bool:
    """Whether only the time of an otherwise current source changed, as restoring a backup does.

    Reads the file; colouring it again would read it twice.
    """
    if inputs.options.overwrite or file.nbytes != entry.nbytes or file.mtime_ns == entry.mtime_ns:
        return False
    sha256 = manifest.record(file.path).source.sha256
    if sha256 is None or not is_current(entry, inputs):
        return False
    try:
        return sha256_of(inputs.root / file.path) == sha256
    except OSError:
        return False
