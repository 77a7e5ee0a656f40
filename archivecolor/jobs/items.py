"""The items of a run: found, selected and planned, one way for photographs, films and grey."""

from __future__ import annotations

import logging
import os
import posixpath
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from archivecolor.archive.bucket import Bucket
from archivecolor.archive.decisions import NO_DECISIONS, Decisions
from archivecolor.archive.folders import SourceIdentities, refuse_emptied_input, refuse_lost_input
from archivecolor.archive.layout import Layout
from archivecolor.archive.manifest import Manifest
from archivecolor.archive.names import casefolded_name
from archivecolor.archive.plan import FILM, Item, Plan, claimed, make_plan
from archivecolor.archive.plan_action import PlanAction, PlanInputs
from archivecolor.archive.record import Record
from archivecolor.archive.selection import Selection
from archivecolor.archive.walk import (
    FILMS,
    PICTURES,
    FoundFile,
    SkippedFiles,
    SkipReason,
    extension_of,
    walk,
)
from archivecolor.archive.walk_bucket import walk_bucket
from archivecolor.engine.stopping import Stop
from archivecolor.jobs.own_outputs import is_own_output
from archivecolor.printable import printable
from archivecolor.settings import BucketPath, SelectionOptions

logger = logging.getLogger(__name__)

PHOTO, GREY = "photo", "grey"
_EXTENSIONS = {PHOTO: PICTURES, FILM: FILMS, GREY: PICTURES}
EARLIER_OUTPUT = "coloured by an earlier run"
_OVER_LIMIT = "left by --limit"
_GONE = "recorded files no longer in the input"


@dataclass(frozen=True)
class ItemSource:
    """Where items of one kind come from, and what shapes their outputs.

    Attributes:
        kind: `PHOTO`, `FILM` or `GREY`.
        root: the folder that their paths are relative to.
        name_of: from a source's relative path to its output's; of a film without suffix.
        settings: digest of the options that shape their outputs.
        weights: digest of the weights, empty where none are asked.
        names: the files that were named one by one; None for all that the folder holds.
        of_tree: the named ones are some of a tree, whose others have names to keep, too.
        takes_rest: what earlier runs left alone is copied or linked by this one.
        runtime: what runs the network, where outputs of another are made anew; None where they stay.
        is_ready: whether a file is to be taken now; all are without it.
    """

    kind: str
    root: Path
    name_of: Callable[[str], str]
    settings: str
    weights: str
    names: tuple[str, ...] | None = None
    of_tree: bool = False
    takes_rest: bool = False
    runtime: str | None = None
    is_ready: Callable[[FoundFile], bool] | None = None


@dataclass(frozen=True)
class RunPlan:
    """The items of a run: what is to be done, and what was left aside.

    Attributes:
        plan: items to work on, and counts of all.
        manifest: of the output folder, as it was before the run.
        skipped_files: what the walk passed over.
        earlier_outputs: files that an earlier run made, found beside their sources.
        gone: recorded sources that are not there any more, where all of the input was looked through.
    """

    plan: Plan
    manifest: Manifest
    skipped_files: SkippedFiles
    earlier_outputs: int = 0
    gone: int = 0

    def items(self, kind: str) -> list[Item]:
        """The items of one kind, in the order of the walk, without their claims."""
        return [item for item in self.plan.items if item.kind == kind]

    def claimed(self, kind: str) -> Iterator[Item]:
        """The items of one kind, each with what records say of its output's name."""
        return (claimed(item, self.manifest) for item in self.items(kind))

    def record_of(self, path: str) -> Record | None:
        """What the manifest said of an item before the run."""
        return self.manifest.record(path) if path in self.manifest else None

    @property
    def untouched(self) -> dict[str, int]:
        """Files that need nothing, and names that were passed over, by the word for it."""
        words = (
            *(PlanAction.UP_TO_DATE, PlanAction.FAILED_BEFORE),
            *(PlanAction.REFUSED_BEFORE, PlanAction.BY_HAND, PlanAction.DECISION_LOST),
        )
        counts = {word.value: self.plan.counts[word] for word in words} | self.skipped_files.summary()
        counts |= {EARLIER_OUTPUT: self.earlier_outputs, _OVER_LIMIT: self.plan.over_limit, _GONE: self.gone}
        return {word: count for word, count in counts.items() if count}


def plan_items(
    sources: Sequence[ItemSource],
    output: Path,
    options: SelectionOptions,
    stop: Stop | None = None,
    skipped_files: SkippedFiles | None = None,
    decisions: Decisions = NO_DECISIONS,
) -> RunPlan:
    """Find the items of all sources and compare them with the manifest of `output`.

    Args:
        sources: in the order in which they are worked on.
        output: the folder of the tree that the run writes.
        options: which files are taken.
        stop: a signal cuts the search short.
        skipped_files: counts, and names where that is wanted, what is passed over.
        decisions: what people decided about the items.

    Raises:
        UsageError: as `walk`, `make_plan`, `Manifest` and `SourceIdentities`.
        UnavailableError: as `walk_bucket`.
        InputGoneError: an input folder has lost all that it held.
    """
    manifest = Manifest(Layout(output).manifest)
    outputs = _outputs_of(manifest) if _lies_beside(sources, output) else frozenset()
    finder = _Finder(sources, options, stop, output, outputs, skipped_files or SkippedFiles())
    identities = {source.root: SourceIdentities(source.root, output) for source in sources}
    for root in identities:
        refuse_emptied_input(root, len(manifest))
    found = [
        (
            identities[source.root].watch(finder.files(source)),
            _plan_inputs(source, output, options, decisions),
        )
        for source in sources
    ]
    plan = make_plan(found, manifest)
    refuse_lost_input(manifest.items, identities, (item.source for item in plan.items))
    for root, identity in identities.items():
        if root != output and not isinstance(root, BucketPath):
            identity.refuse_as_targets(item.output for item in plan.items if item.root == root)
    gone = _count_gone(sources, options, manifest, identities)
    return RunPlan(plan, manifest, finder.skipped, finder.earlier_outputs, gone)


def warn_of_nothing(plan: RunPlan, sources: Sequence[ItemSource], options: SelectionOptions) -> None:
    """Say that there is nothing to work on, where that looks like success and is a slip more likely."""
    left_for_later = plan.skipped_files.counts[SkipReason.RECENT] or plan.earlier_outputs
    if plan.plan.counts.total() or left_for_later or options.shard or options.files_from is not None:
        return
    excluded = plan.skipped_files.counts[SkipReason.EXCLUDED]
    shown = printable(str(sources[0].root))
    if excluded and options.include:
        patterns = ", ".join(map(printable, options.include))
        logger.warning("no file of %s that is not excluded is like --include %s", shown, patterns)
    else:
        logger.warning("there is nothing in %s to work on", shown)


def _count_gone(
    sources: Sequence[ItemSource],
    options: SelectionOptions,
    manifest: Manifest,
    identities: Mapping[Path, SourceIdentities],
) -> int:
    """How many recorded sources of the kinds looked for are gone; 0 where not all were looked for."""
    is_part = any(source.names is not None for source in sources) or options.files_from is not None
    if (
        is_part
        or options.include
        or options.exclude
        or any(isinstance(root, BucketPath) for root in identities)
    ):
        return 0
    seen = {path for identity in identities.values() for path in identity.paths}
    kinds = frozenset[bytes]().union(*(_EXTENSIONS[source.kind] for source in sources))
    return sum(
        path not in seen
        and extension_of(os.fsencode(path)) in kinds
        and not any(os.path.lexists(root / path) for root in identities)
        for path in manifest.items
    )


def _plan_inputs(
    source: ItemSource, output: Path, options: SelectionOptions, decisions: Decisions
) -> PlanInputs:
    return PlanInputs(
        kind=source.kind,
        root=source.root,
        output=output,
        name_of=source.name_of,
        settings=source.settings,
        weights=source.weights,
        options=options,
        # No decision shapes what is made of an output.
        decisions=NO_DECISIONS if source.kind == GREY else decisions,
        takes_rest=source.takes_rest,
        runtime=source.runtime,
        beside=tuple(_beside(source)) if source.of_tree else (),
    )


def _beside(source: ItemSource) -> Iterator[str]:
    """Files beside the named ones, of one kind and with the same stem: their outputs may share a name."""
    by_folder: dict[str, set[str]] = defaultdict(set)
    for name in source.names or ():
        folder, file = posixpath.split(name)
        by_folder[folder].add(_stem(file))
    for folder, stems in by_folder.items():
        for file in sorted(os.listdir(source.root / folder)):  # noqa: PTH208 - names alone
            path = posixpath.join(folder, file)
            is_kind = extension_of(os.fsencode(file)) in _EXTENSIONS[source.kind]
            if is_kind and _stem(file) in stems and path not in (source.names or ()):
                yield path


def _stem(file: str) -> str:
    return casefolded_name(posixpath.splitext(file)[0])


def _lies_beside(sources: Sequence[ItemSource], output: Path) -> bool:
    return any(source.root == output for source in sources)


def _outputs_of(manifest: Manifest) -> frozenset[str]:
    """What earlier runs made, and what earlier formats left."""
    return (
        frozenset(entry.output for entry in manifest.items.values() if entry.output)
        | manifest.superseded.keys()
    )


@dataclass
class _Finder:
    """Finds the files of several sources, and counts what is passed over on the way."""

    sources: Sequence[ItemSource]
    options: SelectionOptions
    stop: Stop | None
    output: Path
    outputs: frozenset[str]
    skipped: SkippedFiles
    earlier_outputs: int = 0

    def files(self, source: ItemSource) -> Iterator[FoundFile]:
        """The files of one source that are sources, not outputs."""
        found = self._named(source) if source.names is not None else self._in_tree(source)
        for file in found:
            if source.root == self.output and file.path in self.outputs:
                self.earlier_outputs += 1
                continue
            if source.is_ready is not None and not source.is_ready(file):
                self.skipped.add(SkipReason.RECENT, os.fsencode(file.path))
                continue
            if self._is_own_output(file, source):
                self.skipped.add(SkipReason.OURS, os.fsencode(file.path))
                continue
            if source.kind == GREY:  # the sidecars of what it takes the colour off say that it is coloured
                for name in file.sidecars:
                    self.skipped.add(SkipReason.SIDECAR, os.fsencode(name))
            yield file

    def _is_own_output(self, file: FoundFile, source: ItemSource) -> bool:
        """Whether a file that nobody named was made beside its source by another run of ours."""
        if isinstance(source.root, BucketPath):  # nothing is opened there; what is in colour is seen later
            return False
        is_named = source.names is not None or self.options.files_from is not None
        return not is_named and source.kind != GREY and is_own_output(source.root / file.path, source.kind)

    def _in_tree(self, source: ItemSource) -> Iterator[FoundFile]:
        """The files of one kind; a tree that is asked for others too is walked for all of them."""
        kinds = [other.kind for other in self.sources if other.root == source.root and other.names is None]
        extensions = frozenset[bytes]().union(*(_EXTENSIONS[kind] for kind in kinds))
        # What is passed over in a tree is told once.
        skipped = self.skipped if source.kind == kinds[0] else SkippedFiles()
        found = _walk(source.root, self.options, skipped, extensions)
        if len(kinds) > 1:
            films = source.kind == FILM
            found = (file for file in found if films == (extension_of(os.fsencode(file.path)) in FILMS))
        # The end of the time does not cut the plan short: it is what says how much is left.
        return takewhile(lambda _: self.stop is None or self.stop.exit_code is None, found)

    def _named(self, source: ItemSource) -> Iterator[FoundFile]:
        selection = Selection(self.options)
        for name in source.names or ():
            path = os.fsencode(name)
            status = (source.root / name).stat()
            if selection.excludes(path) or not selection.includes(path):
                self.skipped.add(SkipReason.EXCLUDED, path)
            elif selection.too_recent(status.st_mtime_ns):
                self.skipped.add(SkipReason.RECENT, path)
            else:
                yield FoundFile(name, status.st_size, status.st_mtime_ns, _sidecars_of(source.root, name))


def _walk(
    root: Path, options: SelectionOptions, skipped_files: SkippedFiles, extensions: frozenset[bytes]
) -> Iterator[FoundFile]:
    """The files of a folder or bucket; raises as `walk` and `walk_bucket`."""
    if isinstance(root, BucketPath):
        return walk_bucket(Bucket(root), options, skipped_files, extensions)
    return walk(root, options, skipped_files, extensions)


def _sidecars_of(root: Path, name: str) -> tuple[str, ...]:
    """The XMP files beside a film that was named by itself."""
    names = (f"{name}.xmp", f"{os.path.splitext(name)[0]}.xmp")  # noqa: PTH122 - bytes that are not UTF-8
    # A name may be too long for its disk, at which `Path.is_file` raises.
    return tuple(sidecar for sidecar in names if os.path.isfile(root / sidecar))  # noqa: PTH113
