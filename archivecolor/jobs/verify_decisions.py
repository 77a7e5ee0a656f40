"""What `verify` finds wrong with the decisions of a coloured tree."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from archivecolor.archive.decisions import read_decisions
from archivecolor.archive.layout import Layout
from archivecolor.jobs.findings import Finding, FindingKind


def decision_findings(root: Path) -> Iterator[Finding]:
    """Lines that hold no decision, though somebody decided something by them.

    Args:
        root: the folder of the derivatives.

    Raises:
        UsageError: a newer version wrote the decisions, or they are no file.
    """
    path = Layout(root).decisions
    shown = path.relative_to(root).as_posix()
    damaged: list[int] = []
    list(read_decisions(path, damaged.append))
    for number in damaged:
        yield Finding(FindingKind.DAMAGED_LINE, shown, f"line {number} is not a decision")
