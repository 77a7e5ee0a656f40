"""Derivatives of an earlier format: still there, though their item has a newer one under another name.

No run removes them unasked. Whatever the manifest does not vouch for stays in any case: a file that is not,
byte for byte, what was recorded, and one that a link leads to outside the output.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from archivecolor.archive.fixity import sha256_of
from archivecolor.archive.layout import credentials_beside
from archivecolor.archive.manifest import Manifest
from archivecolor.archive.premis import PremisFiles
from archivecolor.archive.record import Output, Record


class PruneResult(str, Enum):
    """What became of a derivative of an earlier format."""

    REMOVED = "removed"
    CHANGED = "left, it is not what was recorded"
    FAILED = "cannot be removed"


@dataclass(frozen=True)
class Superseded:
    """A derivative of an earlier format.

    Attributes:
        record: the newest that names it.
        derivative: the record's output.
    """

    record: Record
    derivative: Output


def superseded_derivatives(manifest: Manifest, output: Path) -> Iterator[Superseded]:
    """The derivatives under `output` that newer ones under another name have replaced; both are there."""
    for path, offset in manifest.superseded.items():
        if not (output / path).is_file():
            continue
        record = manifest.record_at(offset)
        newest = manifest.entry(record.path)
        if record.output is not None and newest is not None and (output / newest.output).is_file():
            yield Superseded(record, record.output)


def remove_superseded(superseded: Superseded, premis: PremisFiles, *, dry_run: bool) -> PruneResult:
    """Remove one, with its PREMIS file, if it still is what was recorded.

    Call it with the lock held and the manifest on disk.

    Raises:
        OutputError: the PREMIS file cannot be removed.
    """
    path = premis.output / superseded.derivative.path
    try:
        if not _is_as_recorded(path, superseded.derivative, premis.output):
            return PruneResult.CHANGED
        if not dry_run:
            premis.remove(superseded.record)
            path.unlink()
            if superseded.record.certificate:
                credentials_beside(path).unlink(missing_ok=True)
    except OSError:
        return PruneResult.FAILED
    return PruneResult.REMOVED


def _is_as_recorded(path: Path, derivative: Output, output: Path) -> bool:
    """Whether `path` is inside the output, links seen through, and has the recorded bytes.

    Raises:
        OSError: it cannot be read.
    """
    if path.is_symlink() or not path.resolve().is_relative_to(output.resolve()):
        return False
    return path.stat().st_size == derivative.bytes and sha256_of(path) == derivative.sha256
