"""The manifest taken out as a table, and made smaller on request."""

from __future__ import annotations

import heapq
import json
import sys
from collections.abc import Iterable
from operator import itemgetter
from pathlib import Path

from archivecolor.archive.bag import content_root, is_bag
from archivecolor.archive.compact import compact
from archivecolor.archive.export import (
    export_csv,
    export_parquet,
    is_csv_export,
    is_parquet_export,
    write_csv,
)
from archivecolor.archive.folders import refuse_foreign_target
from archivecolor.archive.item_filter import doubt_of
from archivecolor.archive.layout import Layout
from archivecolor.archive.lock import locked
from archivecolor.archive.manifest import Manifest
from archivecolor.archive.record import Record, line_from_record
from archivecolor.errors import UsageError
from archivecolor.jobs.run_files import write_output_bag
from archivecolor.printable import json_text
from archivecolor.settings import CompactSettings, ExportSettings

_STANDARD_OUTPUT = Path("-")


def export_manifest(settings: ExportSettings) -> int:
    """Write the newest record of every item, as a table or as JSON lines; returns how many those are.

    Raises:
        UsageError: there is no manifest, no table is asked for, or one would replace what is none.
        UnavailableError: pyarrow is missing.
        OutputError: the table cannot be written.
    """
    if settings.csv is None and settings.parquet is None and not settings.json:
        raise UsageError("say what to write: --csv FILE (- for standard output), --parquet FILE, or --json")
    path = existing_manifest_path(settings.output)
    to_standard_output = settings.csv == _STANDARD_OUTPUT
    if to_standard_output and settings.json:
        raise UsageError("--json and the table cannot both go to standard output; give --csv FILE")
    if settings.csv is not None and not to_standard_output:
        refuse_foreign_target(settings.csv, is_csv_export, "table of a manifest")
    if settings.parquet is not None:
        refuse_foreign_target(settings.parquet, is_parquet_export, "table of a manifest")
    manifest = Manifest(path)
    doubtful = most_doubtful(manifest.records(), settings.doubtful) if settings.doubtful else None
    records = manifest.records if doubtful is None else doubtful.__iter__
    if to_standard_output:
        write_csv(records(), sys.stdout)
    elif settings.csv is not None:
        export_csv(records(), settings.csv)
    if settings.parquet is not None:
        export_parquet(records(), settings.parquet)
    if settings.json:
        for record in records():
            sys.stdout.write(json_text(json.loads(line_from_record(record))) + "\n")
    return len(manifest) if doubtful is None else len(doubtful)


def most_doubtful(records: Iterable[Record], count: int) -> list[Record]:
    """So many of the records of derivatives that a network coloured, the most doubtful first."""
    doubts = ((doubt_of(record.doubt, record.confidence), record) for record in records if record.output)
    known = ((doubt, record) for doubt, record in doubts if doubt is not None)
    return [record for _doubt, record in heapq.nlargest(count, known, key=itemgetter(0))]


def compact_manifest(settings: CompactSettings) -> int:
    """Keep only the newest line of every item; returns how many lines went. A bag is written anew.

    Raises:
        UsageError: there is no manifest.
        LockedError: a run holds the output.
        OutputError: the manifest cannot be written anew.
    """
    path = existing_manifest_path(settings.output)
    with locked(content_root(settings.output)):
        count = compact(path)
        if is_bag(settings.output):
            write_output_bag(settings.output)
        return count


def existing_manifest_path(output: Path) -> Path:
    """The manifest of an output folder."""
    path = Layout(content_root(output)).manifest
    if not path.exists():
        raise UsageError(f"{path} is not there; give the output folder of an archivecolor run")
    return path
