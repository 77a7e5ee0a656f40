"""What a run does with one file, by what the manifest says of it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import Protocol

from archivecolor.archive.decision import Decision
from archivecolor.archive.decisions import NO_DECISIONS, Decisions
from archivecolor.archive.fixity import sha256_of
from archivecolor.archive.manifest import IndexEntry, Manifest, Status
from archivecolor.archive.walk import FoundFile
from archivecolor.errors import Reason
from archivecolor.settings import SelectionOptions

# The fault lay outside the file, and may be gone.
RETRIED_ALWAYS = frozenset({Reason.VANISHED, Reason.CHANGED, Reason.PERMISSION, Reason.READ_ERROR})
# The file may be to blame: tried again a few times, then left to --retry-failed.
RETRIED_A_FEW_TIMES = frozenset({Reason.WORKER_DIED, Reason.TIMEOUT, Reason.OUT_OF_MEMORY, Reason.FAULT})
MAX_ATTEMPTS = 3
# What these items became does not depend on the network.
_NETWORK_INDEPENDENT = frozenset({Reason.COPIED, Reason.LINKED})


class PlanAction(str, Enum):
    """What a run does with an item."""

    DO = "do"
    RETRY = "retry"
    UP_TO_DATE = "up to date"
    FAILED_BEFORE = "failed before"
    NAME_COLLISION = "with the name of another"
    REFUSED_BEFORE = "refused before for the name of another"
    BY_HAND = "by-hand"
    DECISION_LOST = "left as they are: what was decided about them is lost"


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
        options: shard, limit, overwrite, retry_failed, redo_accepted and take_back are read from it.
        decisions: what people decided.
        takes_rest: what earlier runs left alone is copied or linked by this one.
        runtime: what runs the network, where outputs of another are made anew; None where they stay.
        beside: sources that are not planned, whose outputs have names to keep.
    """

    kind: str
    root: Path
    output: Path
    name_of: Callable[[str], str]
    settings: str
    weights: str
    options: SelectionOptions
    decisions: Decisions = NO_DECISIONS
    takes_rest: bool = False
    runtime: str | None = None
    beside: tuple[str, ...] = ()

    @cached_property
    def digest(self) -> str:
        """Of all that shapes an output but its source and decisions, 16 hexadecimal digits."""
        return hashlib.sha256(f"{self.settings} {self.weights}".encode()).hexdigest()[:16]

    def digest_with(self, decision: Decision) -> str:
        """Of all that shapes an output but its source, 16 hexadecimal digits."""
        if decision.digest is None:
            return self.digest
        return hashlib.sha256(f"{self.digest} {decision.digest}".encode()).hexdigest()[:16]


class _File(Protocol):
    """What tells cheaply whether a source is still the one of its record."""

    @property
    def nbytes(self) -> int: ...
    @property
    def mtime_ns(self) -> int: ...
    @property
    def etag(self) -> str: ...


def is_same_source(file: _File, entry: IndexEntry) -> bool:
    """Whether a source is that of the record, by cheap facts: size, and an object's ETag or a file's time."""
    is_same = file.etag == entry.etag if file.etag else file.mtime_ns == entry.mtime_ns
    return is_same and file.nbytes == entry.nbytes


def action_for(
    file: FoundFile, entry: IndexEntry | None, inputs: PlanInputs, decision: Decision
) -> PlanAction:
    """What to do with `file`, from cheap facts alone: nothing is opened."""
    if entry is None:
        return PlanAction.DO
    same_source = is_same_source(file, entry)
    if entry.reason == Reason.BY_HAND:
        return PlanAction.BY_HAND if (inputs.output / entry.output).exists() else PlanAction.DO
    if entry.status == Status.FAILED:
        return _action_after_failure(entry, same_source, inputs, decision)
    if _is_kept(entry, same_source, inputs, decision):
        return PlanAction.UP_TO_DATE
    if inputs.options.overwrite or not same_source:
        return PlanAction.DO
    return PlanAction.UP_TO_DATE if _is_current(entry, inputs, decision) else PlanAction.DO


def _is_kept(entry: IndexEntry, same_source: bool, inputs: PlanInputs, decision: Decision) -> bool:
    """Whether somebody accepted the output that is there, whatever settings and weights now are."""
    if not decision.is_kept or not same_source or entry.status != Status.DONE:
        return False
    if entry.decision != (decision.digest or "") or inputs.options.redo_accepted:
        return False
    return _is_there(entry, inputs)


def _action_after_failure(
    entry: IndexEntry, same_source: bool, inputs: PlanInputs, decision: Decision
) -> PlanAction:
    """What to do with an item that failed."""
    if inputs.options.overwrite or inputs.options.retry_failed:
        return PlanAction.RETRY
    # Names that still collide are taken out later.
    if not same_source or entry.reason in (*RETRIED_ALWAYS, Reason.NAME_COLLISION):
        return PlanAction.RETRY
    if not _same_settings_and_weights(entry, inputs) or entry.decision != (decision.digest or ""):
        return PlanAction.RETRY
    if entry.reason in RETRIED_A_FEW_TIMES and entry.failures < MAX_ATTEMPTS:
        return PlanAction.RETRY
    return PlanAction.FAILED_BEFORE


def _is_current(entry: IndexEntry, inputs: PlanInputs, decision: Decision) -> bool:
    """Whether the result is what the same settings and decision would give again, and is there."""
    if entry.decision != (decision.digest or "") or not _same_settings_and_weights(entry, inputs):
        return False
    if entry.status == Status.SKIPPED:
        return entry.reason == Reason.REJECTED or not inputs.takes_rest
    return _is_of_runtime(entry, inputs) and _is_there(entry, inputs)


def _is_of_runtime(entry: IndexEntry, inputs: PlanInputs) -> bool:
    """Whether what runs the network now made it, where that matters; a copy was made by none."""
    return inputs.runtime in (None, entry.runtime) or entry.reason in _NETWORK_INDEPENDENT


def _is_there(entry: IndexEntry, inputs: PlanInputs) -> bool:
    """Whether an output of the recorded size is there."""
    try:
        status = os.stat(f"{inputs.output}/{entry.output}")  # noqa: PTH116 - once per item of the archive
    except OSError:
        return False
    return status.st_size == entry.output_nbytes


def _same_settings_and_weights(entry: IndexEntry, inputs: PlanInputs) -> bool:
    """Whether settings and weights are those of the record, as far as they matter to it."""
    if entry.settings != inputs.settings:
        return False
    network_independent = entry.status == Status.SKIPPED or entry.reason in _NETWORK_INDEPENDENT
    return network_independent or entry.weights == inputs.weights


def is_only_touched(file: FoundFile, entry: IndexEntry, inputs: PlanInputs, manifest: Manifest) -> bool:
    """Whether only the time of an otherwise current source changed, as restoring a backup does.

    Reads the file; colouring it again would read it twice. An object is fetched to be coloured alone.
    """
    if inputs.options.overwrite or file.nbytes != entry.nbytes or is_same_source(file, entry):
        return False
    if file.etag or entry.reason == Reason.BY_HAND:
        return False
    sha256 = manifest.record(file.path).source.sha256
    if sha256 is None or not _is_current(entry, inputs, inputs.decisions.of(file.path)):
        return False
    try:
        return sha256_of(inputs.root / file.path) == sha256
    except OSError:
        return False
