"""What a run has to do: every file found, compared with the manifest.

A plan is made before anything is written. It takes out what would share an output's name, and knows
for each item whether it is done anew, tried again or left as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
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
from archivecolor.archive.manifest import IndexEntry, Manifest
from archivecolor.archive.names import NameCheck, Naming, Shard
from archivecolor.archive.plan_action import (
    PlanAction,
    PlanInputs,
    action_for,
    is_only_touched,
    is_same_source,
)
from archivecolor.archive.sidecars import Sidecar
from archivecolor.archive.walk import FoundFile
from archivecolor.errors import Reason, UsageError
from archivecolor.printable import printable

FILM = "film"
_WORK = (PlanAction.DO, PlanAction.RETRY)


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
        undecided: sources that are left as they are, since what was decided about them is lost.
    """

    items: list[Item] = field(default_factory=list)
    counts: Counter[PlanAction] = field(default_factory=Counter)
    nbytes: int = 0
    over_limit: int = 0
    touched: list[FoundFile] = field(default_factory=list)
    refused: list[RefusedItem] = field(default_factory=list)
    sidecars: list[Sidecar] = field(default_factory=list)
    undecided: list[str] = field(default_factory=list)


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
    same = is_same_source(item, entry) and entry.settings == inputs.settings
    return same and entry.reason == Reason.NAME_COLLISION


def _is_undecided(entry: IndexEntry, path: str, inputs: PlanInputs, manifest: Manifest) -> bool:
    """Whether an item was made by a decision that is lost, without which it would be made now."""
    if not entry.decision:
        return False
    return inputs.decisions.has_lost(path, entry.decision, manifest.record(path).at)


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
    action = PlanAction.DO if take_back else action_for(file, entry, inputs, decision)
    if action is PlanAction.DO and entry is not None and is_only_touched(file, entry, inputs, manifest):
        plan.touched.append(file)
        action = PlanAction.UP_TO_DATE
    if action is PlanAction.UP_TO_DATE and entry is not None and is_newer_than_record(inputs.output, entry):
        if not has_recorded_bytes(inputs.output, manifest.record(file.path).output):
            action = PlanAction.DO
        elif file not in plan.touched[-1:]:
            plan.touched.append(file)
    if action is PlanAction.BY_HAND and is_changed_again(inputs.output, manifest.record(file.path).output):
        action = PlanAction.DO
    if action in _WORK and entry is not None and _is_undecided(entry, file.path, inputs, manifest):
        plan.undecided.append(file.path)
        action = PlanAction.DECISION_LOST
    plan.counts[action] += 1
    if action not in _WORK:
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
