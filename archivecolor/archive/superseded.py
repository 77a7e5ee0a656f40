"""Derivatives of an earlier format: gone once their item has a newer one under another name.

Whatever the manifest does not vouch for stays: a file that is not, byte for byte, what was recorded,
and one that a link leads to outside the output.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from archivecolor.archive.fixity import sha256_of
from archivecolor.archive.manifest import Manifest
from archivecolor.archive.premis import PremisFiles
from archivecolor.archive.record import Output, Record
from archivecolor.printable import printable

logger = logging.getLogger(__name__)

PHOTO = "photo"


def remove_superseded(manifest: Manifest, premis: PremisFiles, should_stop: Callable[[], bool]) -> None:
    """Remove the photographs' derivatives that newer ones under another name have replaced.

    Call it with the lock held and the manifest on disk. Stopped at any moment, the next call goes on.

    Args:
        manifest: of the output folder, as it stands.
        premis: the PREMIS files beside the derivatives; theirs go with them.
        should_stop: ends it early.

    Raises:
        OutputError: a PREMIS file cannot be removed.
    """
    for path, offset in manifest.superseded.items():
        if should_stop():
            return
        if not (premis.output / path).is_file():
            continue
        record = manifest.record_at(offset)
        if record.output is not None and is_superseded(record, manifest, premis.output):
            remove_derivative(record, record.output, premis)


def is_superseded(record: Record, manifest: Manifest, output: Path) -> bool:
    """Whether the photograph of an old record has a newer derivative, which is there."""
    newest = manifest.entry(record.path)
    return record.kind == PHOTO and newest is not None and (output / newest.output).is_file()


def remove_derivative(record: Record, derivative: Output, premis: PremisFiles) -> None:
    """Remove one derivative, if it still is what was recorded; say what became of it."""
    name = f"{printable(derivative.path)}, which an earlier format made of {printable(record.path)}"
    path = premis.output / derivative.path
    try:
        if not is_as_recorded(path, derivative, premis.output):
            logger.info("left %s: it is not what was recorded", name)
            return
        premis.remove(record)
        path.unlink()
    except OSError as error:
        logger.warning("cannot remove %s: %s", name, error.strerror)
    else:
        logger.info("removed %s", name)


def is_as_recorded(path: Path, derivative: Output, output: Path) -> bool:
    """Whether `path` is inside the output, links seen through, and has the recorded bytes.

    Raises:
        OSError: it cannot be read.
    """
    if path.is_symlink() or not path.resolve().is_relative_to(output.resolve()):
        return False
    return path.stat().st_size == derivative.bytes and sha256_of(path) == derivative.sha256
