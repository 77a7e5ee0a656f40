"""The decisions of an output folder listed, taken out, and put together with those made elsewhere."""

from __future__ import annotations

from pathlib import Path

from archivecolor.archive.bag import content_root, is_bag
from archivecolor.archive.decision import Decision, State, is_glob
from archivecolor.archive.decisions import Decisions, Merge, append_decisions, merge, write_decisions
from archivecolor.archive.layout import Layout
from archivecolor.archive.lock import locked
from archivecolor.archive.manifest import Manifest
from archivecolor.errors import InputNotFoundError
from archivecolor.jobs.manifest import existing_manifest_path
from archivecolor.jobs.run_files import write_output_bag
from archivecolor.settings import DecisionExportSettings, DecisionImportSettings, DecisionListSettings


def listed_decisions(settings: DecisionListSettings) -> list[Decision]:
    """What is decided now, in the order it was decided.

    Raises:
        UsageError: there is no manifest, or a newer version wrote the decisions.
    """
    decisions = [line for line in _decisions_of(settings.output).newest() if not line.is_none]
    if settings.state == "all":
        return decisions
    if settings.state == "corrected":
        return [decision for decision in decisions if decision.correction]
    return [decision for decision in decisions if decision.state is State(settings.state)]


def unknown_paths(output: Path) -> frozenset[str]:
    """The paths that are decided about and that no record names; globs are not looked at."""
    manifest = Manifest(existing_manifest_path(output))
    decided = (decision.path for decision in _decisions_of(output).newest())
    return frozenset(path for path in decided if path not in manifest and not is_glob(path))


def export_decisions(settings: DecisionExportSettings) -> int:
    """Write what is decided now to a file of its own; returns how many decisions there are.

    Raises:
        UsageError: as `listed_decisions`.
        OutputError: the file cannot be written.
    """
    decisions = _decisions_of(settings.output).newest()
    write_decisions(settings.file, decisions)
    return len(decisions)


def import_decisions(settings: DecisionImportSettings) -> Merge:
    """Put the decisions of a file into an output folder's; of each path the newest counts.

    Raises:
        UsageError: as `listed_decisions`; there is no such file.
        LockedError: a run holds the output.
        OutputError: the decisions cannot be written.
    """
    existing_manifest_path(settings.output)
    if not settings.file.exists():
        raise InputNotFoundError(f"the file of decisions {settings.file} does not exist", settings.file)
    theirs = Decisions.read(settings.file)
    root = content_root(settings.output)
    with locked(root, settings.wait_lock):
        merged = merge(Decisions.read(Layout(root).decisions), theirs.lines)
        if merged.added:
            append_decisions(Layout(root).decisions, merged.added)
            if is_bag(settings.output):
                write_output_bag(settings.output)
    return merged


def _decisions_of(output: Path) -> Decisions:
    existing_manifest_path(output)
    return Decisions.read(Layout(content_root(output)).decisions)
