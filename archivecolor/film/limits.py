"""What a film asks of the machine, compared with what there is, before any work."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from archivecolor.archive.parts import max_name_bytes
from archivecolor.errors import ItemError, OutputError, Reason
from archivecolor.film.encode import Target
from archivecolor.film.probe import FilmFacts
from archivecolor.printable import printable

# Pictures that a decoder, the way to the encoder and the encoder hold at once, at most.
_PICTURES_IN_HAND = 80
# Bytes per sample of luma that a codec takes, at the least that is likely.
_BYTES_PER_SAMPLE = {"ffv1": 0.15, "prores": 0.1, "dnxhr": 0.1}
# What h264 and h265 take against the source's picture, likewise.
_SHARE_OF_SOURCE = 0.3


def check_memory(facts: FilmFacts, target: Target) -> None:
    """See that this machine can hold as many of the film's pictures as its making takes.

    Raises:
        ItemError: `OUT_OF_MEMORY`.
    """
    across, down = target.subsampling
    sample_bytes = 1 if target.sample_format.depth == 8 else 2
    needed = facts.width * facts.height * sample_bytes * (1 + 2 / (across * down)) * _PICTURES_IN_HAND
    available = _memory_bytes()
    if available is not None and needed > available:
        raise ItemError(
            Reason.OUT_OF_MEMORY,
            f"frames of {facts.width} x {facts.height} take about {needed / 1e9:.0f} GB of memory, and this "
            f"machine has {available / 1e9:.0f} GB",
        )


def _memory_bytes() -> int | None:
    """Memory of this machine; None where the system does not say."""
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return None
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def check_name(path: Path) -> None:
    """See that a disk takes the name of an output.

    Raises:
        ItemError: `UNSUPPORTED`.
    """
    folder = next(parent for parent in path.parents if parent.is_dir())
    if len(os.fsencode(path.name)) > max_name_bytes(folder):
        raise ItemError(Reason.UNSUPPORTED, "the output's name is too long for its disk; rename the film")


def check_disk(facts: FilmFacts, target: Target, frames: int, folder: Path) -> None:
    """See that a disk has room for the film's pieces and for the film that is joined from them.

    Args:
        facts: of the film.
        target: what it becomes.
        frames: how many it has.
        folder: where it goes.

    Raises:
        OutputError: there is less room than the film is likely to take.
    """
    raw = frames * facts.width * facts.height * _BYTES_PER_SAMPLE.get(target.codec, 0.0)
    picture = raw or _SHARE_OF_SOURCE * (facts.nbytes - facts.copied_bytes)
    needed = 2 * picture + facts.copied_bytes
    free = shutil.disk_usage(folder).free
    if needed > free:
        film = printable(facts.path.name)
        raise OutputError(
            f"{printable(folder)} has room for {free / 1e9:.1f} GB, and {film} is likely to take "
            f"{needed / 1e9:.1f} GB while it is made; make room, or choose another disk"
        )
