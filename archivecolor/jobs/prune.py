"""Derivatives that newer ones of another format have replaced, removed on request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext

from archivecolor.archive.bag import content_root, is_bag
from archivecolor.archive.lock import locked
from archivecolor.archive.manifest import Manifest
from archivecolor.archive.premis import PremisFiles
from archivecolor.archive.superseded import (
    PruneResult,
    Superseded,
    remove_superseded,
    superseded_derivatives,
)
from archivecolor.jobs.manifest import existing_manifest_path
from archivecolor.jobs.run_files import write_output_bag
from archivecolor.settings import PruneSettings


def prune(
    settings: PruneSettings, on_result: Callable[[Superseded, PruneResult], None]
) -> Counter[PruneResult]:
    """Remove the derivatives that newer ones under another name have replaced. A bag is written anew.

    Args:
        settings: the folder; with `dry_run` nothing is removed.
        on_result: told what became, or would become, of each.

    Raises:
        UsageError: there is no manifest.
        LockedError: a run holds the output.
        OutputError: what describes a derivative cannot be removed, or the bag not be written.
    """
    counts: Counter[PruneResult] = Counter()
    path, output = existing_manifest_path(settings.output), content_root(settings.output)
    with nullcontext() if settings.dry_run else locked(output):
        for superseded in superseded_derivatives(Manifest(path), output):
            result = remove_superseded(
                superseded, PremisFiles(output, wanted=False), dry_run=settings.dry_run
            )
            counts[result] += 1
            on_result(superseded, result)
        if counts[PruneResult.REMOVED] and not settings.dry_run and is_bag(settings.output):
            write_output_bag(settings.output)
    return counts
