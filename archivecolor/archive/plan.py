"""What a run has to do: every file found, compared with the manifest.

A plan is made before anything is written. It takes out what would share an output's name, and knows
for each item whether it is done anew, tried again or left as it is.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property
from pathlib import Path

from archivecolor.archive.by_hand import (
    NO_CLAIM,
    Claim,
    claim_of,
    has_recorded_bytes,
    is_changed_again,
    is_newer_than_record,
    items_to_take_back,
)
from archivecolor.archive.decision import UNDECIDED, Decision
from archivecolor.archive.decisions import NO_DECISIONS, Decisions
from archivecolor.archive.fixity import sha256_of
from archivecolor.archive.manifest import IndexEntry, Manifest, Status
from archivecolor.archive.names import NameCheck, Naming, Shard
from archivecolor.archive.sidecars import Sidecar
from archivecolor.archive.walk import FoundFile
from archivecolor.errors import Reason, UsageError
from archivecolor.printable import printable
from archivecolor.settings import SelectionOptions

FILM = "film"
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
        take_back: handwork under the output's name is put aside.
        claim: what records say of the output's name; filled in by `claimed`, when the item is begun.
        decision: what was decided about it.
        etag: of an object in a bucket, empty for a file.
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
    take_back: bool = False
    claim: Claim = NO_CLAIM
    decision: Decision = UNDECIDED
    etag: str = ""

    @property
    def source(self) -> Path:
        """The file."""
        return self.root / self.path


@dataclass(frozen=True, slots=True)
class RefusedItem:
    """One file that cannot be worked on beside the others.

    Attributes:
        item: the file.
        detail: why, in a sentence for its record.
        settings: digest of the settings.
        weights: digest of the weights.
    """

    item: Item
    detail: str
    settings: str
    weights: str


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


@dataclass
class Plan:
    """What a run has to do.

    Attributes:
        items: to work on, in the order of the walk.
        counts: files by action; with a limit, `DO` and `RETRY` count what is left over too.
        nbytes: size of the sources of `items`.
        over_limit: files to work on that the limit leaves to a later run.
        touched: sources whose time, or whose output's, changed and bytes did not: records want the new one.
        refused: files whose output would have the name of another's, and that have no record of it yet.
        sidecars: those of all files of this share, with the picture each is about.
    """

    items: list[Item] = field(default_factory=list)
    counts: Counter[PlanAction] = field(default_factory=Counter)
    nbytes: int = 0
    over_limit: int = 0
    touched: list[FoundFile] = field(default_factory=list)
    refused: list[RefusedItem] = field(default_factory=list)
    sidecars: list[Sidecar] = field(default_factory=list)


def make_plan(sources: Iterable[tuple[Iterable[FoundFile], PlanInputs]], manifest: Manifest) -> Plan:
    """Decide for every file found.

    Args:
        sources: the files of each kind and folder, with what they are planned with.
        manifest: of the output folder that all of them share.

    Raises:
        UsageError: the shard is not k/n, or what is to be taken back is no item or not among the files.
    """
    plan, names, sources = Plan(), NameCheck(), list(sources)
    take_back = _items_to_take_back([inputs for _, inputs in sources], manifest)
    left = set(take_back)
    for found, inputs in sources:
        names.begin(Naming(inputs.root, inputs.name_of, without_suffix=inputs.kind == FILM))
        for path in inputs.beside:
            names.add(path)
        shard = Shard.parse(inputs.options.shard)
        for file in found:
            output = names.add(file.path)
            if shard.includes(file.path):
                _plan_file(plan, file, output, inputs, manifest, take_back=file.path in take_back)
                for path in file.sidecars:
                    plan.sidecars.append(Sidecar(inputs.root, path, file.path, path in take_back))
                left -= {file.path, *file.sidecars}
    if left:
        listed = ", ".join(printable(path) for path in sorted(left))
        raise UsageError(f"--take-back: {listed} is not among the files of this run")
    for _, inputs in sources[:1]:  # all share the output and the options
        _refuse_collisions(plan, names.collisions(manifest, inputs.output), sources, manifest)
        if inputs.options.limit is not None:
            plan.over_limit = len(plan.items[inputs.options.limit :])
            del plan.items[inputs.options.limit :]
    plan.nbytes = sum(item.nbytes for item in plan.items)
    return plan


def _items_to_take_back(sources: list[PlanInputs], manifest: Manifest) -> frozenset[str]:
    """The source paths that `--take-back` names.

    Raises:
        UsageError: the manifest has no such item.
    """
    if not sources:
        return frozenset()
    folders = [sources[0].output, *(inputs.root for inputs in sources)]
    return items_to_take_back(sources[0].options.take_back, manifest, folders)


def _refuse_collisions(
    plan: Plan,
    refused: Mapping[Path, str],
    sources: Iterable[tuple[Iterable[FoundFile], PlanInputs]],
    manifest: Manifest,
) -> None:
    """Take the files out of the plan whose name is another's; what is recorded of them already stays so."""
    by_kind = {(inputs.kind, inputs.root): inputs for _, inputs in sources}
    for item in plan.items:
        if (detail := refused.get(item.source)) is None:
            continue
        inputs, entry = by_kind[item.kind, item.root], manifest.entry(item.path)
        plan.counts[item.action] -= 1
        if entry is not None and _is_refused_already(item, entry, inputs):
            plan.counts[PlanAction.REFUSED_BEFORE] += 1
        else:
            plan.counts[PlanAction.NAME_COLLISION] += 1
            plan.refused.append(RefusedItem(item, detail, inputs.settings, inputs.weights))
    plan.items = [item for item in plan.items if item.source not in refused]
    plan.counts = +plan.counts


def _is_refused_already(item: Item, entry: IndexEntry, inputs: PlanInputs) -> bool:
    """Whether the newest record of an item says that its name is another's, of the same file and settings."""
    same = _is_same_source(item, entry) and entry.settings == inputs.settings
    return same and entry.reason == Reason.NAME_COLLISION


def claimed(item: Item, manifest: Manifest) -> Item:
    """The item with what the manifest says of its output's name, read when its turn has come."""
    names = [item.output]
    if item.kind == FILM:  # which container it gets is seen when it is opened
        names = [name for name in manifest.superseded if name.startswith(f"{item.output}.")]
    return replace(item, claim=claim_of(item.path, names, manifest, take_back=item.take_back))


def _plan_file(
    plan: Plan, file: FoundFile, output: str, inputs: PlanInputs, manifest: Manifest, *, take_back: bool
) -> None:
    """Count one file, and take it into the plan where it has to be done."""
    entry = manifest.entry(file.path)
    decision = inputs.decisions.of(file.path)
    action = PlanAction.DO if take_back else _action_for(file, entry, inputs, decision)
    if action is PlanAction.DO and entry is not None and _is_only_touched(file, entry, inputs, manifest):
        plan.touched.append(file)
        action = PlanAction.UP_TO_DATE
    if action is PlanAction.UP_TO_DATE and entry is not None and is_newer_than_record(inputs.output, entry):
        if not has_recorded_bytes(inputs.output, manifest.record(file.path).output):
            action = PlanAction.DO
        elif file not in plan.touched[-1:]:
            plan.touched.append(file)
    if action is PlanAction.BY_HAND and is_changed_again(inputs.output, manifest.record(file.path).output):
        action = PlanAction.DO
    plan.counts[action] += 1
    if action in (PlanAction.UP_TO_DATE, PlanAction.FAILED_BEFORE, PlanAction.BY_HAND):
        return
    plan.items.append(
        Item(
            kind=inputs.kind,
            root=inputs.root,
            path=file.path,
            output=output,
            nbytes=max(0, file.nbytes),
            mtime_ns=file.mtime_ns,
            action=action,
            pixels=entry.pixels if entry is not None and entry.nbytes == file.nbytes else 0,
            digest=inputs.digest_with(decision),
            take_back=take_back,
            decision=decision,
            etag=file.etag,
        )
    )


def _is_same_source(file: FoundFile | Item, entry: IndexEntry) -> bool:
    """Whether a source is that of the record, by cheap facts: size, and an object's ETag or a file's time."""
    is_same = file.etag == entry.etag if file.etag else file.mtime_ns == entry.mtime_ns
    return is_same and file.nbytes == entry.nbytes


def _action_for(
    file: FoundFile, entry: IndexEntry | None, inputs: PlanInputs, decision: Decision
) -> PlanAction:
    """What to do with `file`, from cheap facts alone: nothing is opened."""
    if entry is None:
        return PlanAction.DO
    same_source = _is_same_source(file, entry)
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


def _is_only_touched(file: FoundFile, entry: IndexEntry, inputs: PlanInputs, manifest: Manifest) -> bool:
    """Whether only the time of an otherwise current source changed, as restoring a backup does.

    Reads the file; colouring it again would read it twice. An object is fetched to be coloured alone.
    """
    if inputs.options.overwrite or file.nbytes != entry.nbytes or _is_same_source(file, entry):
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
