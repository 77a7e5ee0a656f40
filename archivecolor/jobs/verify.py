"""A coloured tree compared with its manifest: every file that is missing, changed or extra."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

from joblib import Parallel, delayed

from archivecolor.archive.bag import content_root
from archivecolor.archive.by_hand import is_put_aside
from archivecolor.archive.fixity import read_digests, sha256_of
from archivecolor.archive.layout import CREDENTIALS_SUFFIX, STATE_FOLDER, Layout
from archivecolor.archive.lock import LockHolder, running_holder
from archivecolor.archive.manifest import read_lines
from archivecolor.archive.record import Record, escape_non_utf8, record_from_values
from archivecolor.archive.tree import files_under
from archivecolor.engine.executor import core_count
from archivecolor.engine.progress import ItemEvent, Listener, ProgressCounter, RunResult
from archivecolor.errors import ExitCode, Reason, UsageError
from archivecolor.jobs.findings import NOTES, Finding, FindingKind
from archivecolor.jobs.manifest import existing_manifest_path
from archivecolor.jobs.verify_credentials import credentials_finding, trusted_roots
from archivecolor.jobs.verify_decisions import decision_findings
from archivecolor.settings import VerifySettings

logger = logging.getLogger(__name__)

_CHECKS_AT_ONCE = 1000
_SIGNED = "with credentials that are whole; whether they are to be trusted, --trust asks"
_TRUSTED = "with credentials that are whole and lead to a trusted certificate"
_DAMAGED = (
    "line {} is not a record; the next run does its item again, and `archivecolor manifest compact` then"
    " removes the line"
)


@dataclass(frozen=True)
class Check:
    """One file to compare with its record.

    Attributes:
        folder: that `path` is relative to.
        path: POSIX, as `os.fsdecode` gives it.
        nbytes: size by the record.
        sha256: digest by the record; None where it has none.
        required: it is a fault where the file is gone.
        is_source: a source rather than an output.
        note: what is worth knowing of the file where it is as recorded.
        is_signed: credentials belong to it.
    """

    folder: Path
    path: str
    nbytes: int
    sha256: str | None
    required: bool = True
    is_source: bool = False
    note: FindingKind | None = None
    is_signed: bool = False

    def fault(self, kind: FindingKind, detail: str = "") -> Finding:
        """A fault of this file."""
        kinds = {
            FindingKind.MISSING: FindingKind.SOURCE_MISSING,
            FindingKind.CHANGED: FindingKind.SOURCE_CHANGED,
            FindingKind.UNREADABLE: FindingKind.SOURCE_UNREADABLE,
        }
        return Finding(kinds[kind] if self.is_source else kind, self.path, detail)


@dataclass(frozen=True)
class ManifestContents:
    """What the manifest says, read in full.

    Attributes:
        newest: the newest record of every item.
        outputs: the newest record of every output file, those of earlier formats too.
        damaged: numbers of lines that could not be read.
    """

    newest: dict[str, Record]
    outputs: dict[str, Record]
    damaged: tuple[int, ...]


def verify_folder(
    settings: VerifySettings, listener: Listener, on_finding: Callable[[Finding], None]
) -> RunResult:
    """Check every output, and with `sources` every source; reads all of them.

    Args:
        settings: the folders.
        listener: told of every file.
        on_finding: told of every fault, and of handwork and derivatives of earlier formats.

    Raises:
        UsageError: there is no manifest to check against, or a newer version wrote it; or no certificates
            where some are to be trusted.
    """
    roots = trusted_roots(settings.trust)
    contents = _read_contents(existing_manifest_path(settings.output))
    root = content_root(settings.output)
    checks = [*_output_checks(root, contents), *_source_checks(settings.sources, contents)]
    counter = ProgressCounter(total=len(checks), unit="MB")
    listener.began(counter.snapshot())
    counts: Counter[FindingKind] = Counter()
    for finding in _structural_findings(root, contents):
        on_finding(finding)
        counts[finding.kind] += 1
    beside = {kind.value: count for kind, count in counts.items() if kind.is_fault}
    signed = 0
    for check, found in _run_checks(checks, settings.jobs or core_count(), roots):
        if found is not None:
            on_finding(found)
            counts[found.kind] += 1
        signed += check.is_signed and found is None
        event = item_event(check, found)
        listener.settled(event, counter.add(event))
    faults = sum(count for kind, count in counts.items() if kind.is_fault)
    notes = {NOTES[kind]: count for kind, count in counts.items() if not kind.is_fault}
    if signed:
        notes[_TRUSTED if roots else _SIGNED] = signed
    if beside:
        listed = ", ".join(f"{word} {count}" for word, count in sorted(beside.items()))
        notes = {f"not in order ({listed})": sum(beside.values())} | notes
    return RunResult(counter.snapshot(), ExitCode.VERIFY if faults else ExitCode.OK, notes)


def _read_contents(path: Path) -> ManifestContents:
    """Read every line of the manifest."""
    newest: dict[str, Record] = {}
    outputs: dict[str, Record] = {}
    damaged: list[int] = []
    for line in read_lines(path, damaged.append):
        record = record_from_values(line.values)
        newest[record.path] = record
        if record.output is not None:
            outputs[record.output.path] = record
    return ManifestContents(newest, outputs, tuple(damaged))


def _output_checks(root: Path, contents: ManifestContents) -> Iterator[Check]:
    """Every output but those that are gone, and that a newer record of their item no longer names."""
    for path in sorted(contents.outputs, key=os.fsencode):
        output = contents.outputs[path].output
        newest = contents.newest[contents.outputs[path].path].output
        if output is not None:
            required = newest is not None and newest.path == path
            if not required and _is_gone(root / path):
                continue
            note = None
            if contents.outputs[path].reason is Reason.BY_HAND:
                note = FindingKind.BY_HAND
            elif not required:
                replaced = newest is not None and (root / newest.path).is_file()
                note = FindingKind.SUPERSEDED if replaced else FindingKind.OLDER
            signed = bool(contents.outputs[path].certificate)
            yield Check(root, path, output.bytes, output.sha256, required, note=note, is_signed=signed)


def _is_gone(path: Path) -> bool:
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:  # the check says why it cannot be read
        return False
    return False


def _source_checks(sources: Path | None, contents: ManifestContents) -> Iterator[Check]:
    """Every source, where they are asked for."""
    if sources is None:
        return
    if not sources.is_dir():
        raise UsageError(f"{sources} is not a folder; give the input folder of the run")
    for path in sorted(contents.newest, key=os.fsencode):
        source = contents.newest[path].source
        if source.bytes >= 0:
            yield Check(sources, path, source.bytes, source.sha256, is_source=True)


def _run_checks(checks: Iterable[Check], jobs: int, roots: str) -> Iterator[tuple[Check, Finding | None]]:
    """Each check with what it found, in order; digests are made side by side."""
    remaining = iter(checks)
    with Parallel(n_jobs=jobs, prefer="threads") as parallel:
        while chunk := list(islice(remaining, _CHECKS_AT_ONCE)):
            yield from zip(
                chunk, parallel(delayed(_check_file)(check, roots) for check in chunk), strict=True
            )


def _check_file(check: Check, roots: str) -> Finding | None:
    """What is wrong with one file, or worth knowing of it."""
    path = check.folder / check.path
    try:
        nbytes = path.stat().st_size
        if nbytes != check.nbytes:
            return check.fault(FindingKind.CHANGED, f"{nbytes} bytes, recorded with {check.nbytes}")
        if check.sha256 is not None and sha256_of(path) != check.sha256:
            return check.fault(FindingKind.CHANGED, "other bytes than recorded")
    except (FileNotFoundError, NotADirectoryError):
        return check.fault(FindingKind.MISSING) if check.required else None
    except OSError as error:
        return check.fault(FindingKind.UNREADABLE, error.strerror or "")
    if check.is_signed and (found := credentials_finding(check.folder, check.path, roots)) is not None:
        return found
    return Finding(check.note, check.path) if check.note else None


def _structural_findings(root: Path, contents: ManifestContents) -> Iterator[Finding]:
    """Findings that need no reading of pictures: damaged lines, the list of digests, extra files.

    What a run that goes on has in hand is none of these, nor the list, which is written as it ends.
    """
    manifest = Layout(root).manifest.relative_to(root).as_posix()
    for number in contents.damaged:
        yield Finding(FindingKind.DAMAGED_LINE, manifest, _DAMAGED.format(number))
    yield from decision_findings(root, contents.newest)
    run = running_holder(root)
    if run is None:
        yield from _list_faults(root, contents)
    else:
        shown = Layout(root).lock.relative_to(root).as_posix()
        yield Finding(FindingKind.BEING_MADE, shown, f"{run}; verify again when it has ended")
    yield from _extra_files(root, contents, run)


def _list_faults(root: Path, contents: ManifestContents) -> Iterator[Finding]:
    """Where the list of digests says something else than the manifest."""
    path = Layout(root).digests
    if not path.exists():
        return
    shown = path.relative_to(root).as_posix()
    try:
        listed = list(read_digests(path))
    except UsageError as error:
        yield Finding(FindingKind.LIST_DIFFERS, shown, str(error))
        return
    for digest in listed:
        record = contents.outputs.get(digest.path)
        if record is None or record.output is None or record.output.sha256 != digest.sha256:
            yield Finding(FindingKind.LIST_DIFFERS, digest.path, f"{shown} and the manifest disagree")
    current = {record.output.path for record in contents.newest.values() if record.output is not None}
    for missing in sorted(current - {digest.path for digest in listed}, key=os.fsencode):
        yield Finding(FindingKind.LIST_DIFFERS, missing, f"{shown} does not list it")


def _extra_files(root: Path, contents: ManifestContents, run: LockHolder | None = None) -> list[Finding]:
    """Files of the tree that no record names, and folders that cannot be listed.

    Args:
        root: the folder of the derivatives.
        contents: of the manifest.
        run: that goes on.
    """
    found: list[Finding] = []

    def note(folder: str, error: OSError) -> None:
        found.append(Finding(FindingKind.UNREADABLE, folder or ".", error.strerror or ""))

    for path in files_under(root, note):
        if path in contents.outputs or path.startswith(f"{STATE_FOLDER}/"):
            continue
        described = contents.outputs.get(path.removesuffix(CREDENTIALS_SUFFIX))
        if path.endswith(CREDENTIALS_SUFFIX) and described is not None and described.certificate:
            continue
        if is_put_aside(path):
            found.append(Finding(FindingKind.BY_HAND, path, "put aside"))
        elif run is not None and _came_since(root / path, run):
            found.append(Finding(FindingKind.BEING_MADE, path))
        else:
            found.append(Finding(FindingKind.EXTRA, path, "no record names it"))
    return sorted(found, key=lambda finding: os.fsencode(finding.path))


def _came_since(path: Path, run: LockHolder) -> bool:
    """Whether a file came, or went, after a run began."""
    try:
        return path.lstat().st_ctime >= datetime.fromisoformat(run.started).timestamp()
    except FileNotFoundError:
        return True
    except ValueError:  # a lock that another program wrote
        return False


def item_event(check: Check, finding: Finding | None) -> ItemEvent:
    """One checked file, as listeners are told of it."""
    status = "failed" if finding is not None and finding.kind.is_fault else "done"
    reason = "verified" if finding is None else finding.kind.value
    detail = finding.detail if finding else ""
    record: dict[str, object] = {"path": escape_non_utf8(check.path), "status": status, "reason": reason}
    return ItemEvent(check.path, status, reason, detail, check.nbytes / 1e6, record | {"detail": detail})
