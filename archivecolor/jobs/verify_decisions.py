"""What `verify` finds wrong with the decisions of a coloured tree."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from archivecolor.archive.decisions import Decisions, item_finder
from archivecolor.archive.layout import Layout
from archivecolor.archive.record import Record
from archivecolor.jobs.findings import Finding, FindingKind


def decision_findings(root: Path, newest: Mapping[str, Record]) -> Iterator[Finding]:
    """Lines that hold no decision, and items made with decisions of which no line is left.

    Args:
        root: the folder of the derivatives.
        newest: the newest record of every item.

    Raises:
        UsageError: a newer version wrote the decisions, or they are no file.
    """
    path = Layout(root).decisions
    shown = path.relative_to(root).as_posix()
    damaged: list[int] = []
    decisions = Decisions.read(path, damaged.append).settled(item_finder(root))
    for number in damaged:
        yield Finding(FindingKind.DAMAGED_LINE, shown, f"line {number} is not a decision")
    lacks = "does not have it" if path.exists() else "is not there"
    for name in sorted(newest, key=os.fsencode):
        record = newest[name]
        if record.decision and decisions.has_lost(name, record.decision, record.at):
            yield Finding(
                FindingKind.DECISION_MISSING, name, f"it was made with a decision, and {shown} {lacks}"
            )
