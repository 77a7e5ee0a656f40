"""Fingerprints of an archive's pictures as a table that is looked through at once, in a file of its own.

It is derived: whatever is wrong with it, it is made anew from the manifest. It takes in what was appended
since it last looked, so a run may go on beside it.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from archivecolor.archive.atomic import atomic_write
from archivecolor.archive.layout import Layout
from archivecolor.archive.manifest import read_lines, record_at_line
from archivecolor.archive.record import Record
from archivecolor.colour.fingerprint import BITS, distances, words_of
from archivecolor.errors import ItemError, OutputError

logger = logging.getLogger(__name__)

VERSION = 1
TABLE_NAME, STATE_NAME = "fingerprints.bin", "fingerprints.json"
# One for each coloured page: where its record stands in the manifest, and the fingerprint.
ROW = np.dtype([("place", "<u8"), ("words", "<u8", BITS // 64)])
NEAR_BYTES = 4096
LINES_AT_ONCE = 10_000
Rows = npt.NDArray[np.void]


@dataclass(frozen=True)
class Match:
    """A record whose picture resembles another.

    Attributes:
        record: the newest of its source.
        page: of the picture, from 1.
        distance: bits of `BITS` in which the fingerprints differ.
    """

    record: Record
    page: int
    distance: int


class FingerprintIndex:
    """The table of an output folder, as its manifest has it now.

    Args:
        folder: where the table is kept for the next time.
        root: the folder that the tree of derivatives begins in.
        on_lines: told now and then how many lines of the manifest were read.

    Raises:
        UsageError: a newer version wrote the manifest.
    """

    def __init__(
        self, folder: Path, root: Path, on_lines: Callable[[int], None] = lambda _count: None
    ) -> None:
        self._manifest = Layout(root).manifest
        self._files = folder / TABLE_NAME, folder / STATE_NAME
        start, known = self._read()
        places: list[int] = []
        fingerprints: list[str] = []
        last = start
        for number, line in enumerate(read_lines(self._manifest, lambda _number: None, start), start=1):
            last = line.offset
            for one in line.values.get("fingerprints", ()):
                places.append(last)
                fingerprints.append(one)
            if number % LINES_AT_ONCE == 0:
                on_lines(number)
        self._rows = np.empty(len(known) + len(places), ROW)
        self._rows[: len(known)] = known
        self._rows["place"][len(known) :] = places
        self._rows["words"][len(known) :] = words_of(fingerprints)
        if last != start or not self._files[1].exists():
            self._keep(last)

    def __len__(self) -> int:
        return len(self._rows)

    def nearest(self, fingerprint: str, count: int) -> list[Match]:
        """The records whose pictures resemble most the one that has a fingerprint, the nearest first.

        Of a source that was done several times the newest counts.
        """
        far = distances(self._rows["words"], fingerprint)
        found: dict[str, Match] = {}
        for number in np.argsort(far, kind="stable")[: 4 * count]:
            match = self._match(int(self._rows["place"][number]), fingerprint)
            known = found.get(match.record.path)
            if known is None or match.record.at > known.record.at:
                found[match.record.path] = match
        return sorted(found.values(), key=lambda match: match.distance)[:count]

    def _match(self, place: int, fingerprint: str) -> Match:
        with self._manifest.open("rb") as file:
            file.seek(place)
            record = record_at_line(self._manifest, file.readline())
        far = distances(words_of(list(record.fingerprints)), fingerprint)
        return Match(record, int(far.argmin()) + 1, int(far.min()))

    def _read(self) -> tuple[int, Rows]:
        """Where reading goes on, and the rows up to there: the start, where they are not of this manifest."""
        table, about = self._files
        try:
            state = json.loads(about.read_bytes())
            content = table.read_bytes()
            rows = np.frombuffer(content, ROW)
            if state == self._state(state["next"], content):
                # The last line is read again: it may have been torn when it was read.
                return state["next"], rows[rows["place"] < state["next"]]
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            logger.debug("%s is made anew", table)
        return 0, np.empty(0, ROW)

    def _keep(self, last: int) -> None:
        content = self._rows.tobytes()
        try:
            for path, part_content in zip(
                self._files, (content, json.dumps(self._state(last, content)).encode()), strict=True
            ):
                with atomic_write(path) as part:
                    part.write_bytes(part_content)
        except (ItemError, OutputError) as error:
            logger.warning("the table of fingerprints is not kept, and is made anew next time: %s", error)

    def _state(self, last: int, content: bytes) -> dict[str, object]:
        """What tells that a table is of this manifest: its beginning, and what stands before `last`."""
        digest = hashlib.sha256()
        with self._manifest.open("rb") as file:
            digest.update(file.read(min(last, NEAR_BYTES)))
            file.seek(max(0, last - NEAR_BYTES))
            digest.update(file.read(min(last, NEAR_BYTES)))
        table = hashlib.sha256(content).hexdigest()
        return {"version": VERSION, "next": last, "manifest": digest.hexdigest(), "table": table}
