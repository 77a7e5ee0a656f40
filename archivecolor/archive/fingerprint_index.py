"""Fingerprints of an archive's pictures as a table that is looked through at once, in a file of its own.

It is derived: whatever is wrong with it, it is made anew from the manifest. It takes in what was appended
since it last looked, so a run may go on beside it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from archivecolor.archive.atomic import atomic_write
from archivecolor.archive.layout import Layout
from archivecolor.archive.manifest import read_lines, record_at_line
from archivecolor.archive.record import Record
from archivecolor.archive.record_checks import path_from_values
from archivecolor.colour.fingerprint import BITS, distances, words_of
from archivecolor.errors import ItemError, OutputError

logger = logging.getLogger(__name__)

VERSION = 2
TABLE_NAME, STATE_NAME = "fingerprints.bin", "fingerprints.json"
# One for each coloured page: where its record stands in the manifest, whose it is (of the digest of the
# source's path), and the fingerprint.
ROW = np.dtype([("place", "<u8"), ("source", "<u8"), ("words", "<u8", BITS // 64)])
_NEAR_BYTES = 4096
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
        added: list[tuple[int, int]] = []
        fingerprints: list[str] = []
        last = start
        for number, line in enumerate(read_lines(self._manifest, lambda _number: None, start), start=1):
            last = line.offset
            found = line.values.get("fingerprints", ())
            added += [(last, _number_of(path_from_values(line.values)))] * len(found)
            fingerprints += found
            if number % LINES_AT_ONCE == 0:
                on_lines(number)
        new = np.empty(len(added), ROW)
        new["place"], new["source"] = np.array(added, np.uint64).reshape(-1, 2).T
        new["words"] = words_of(fingerprints)
        self._rows = _newest(np.concatenate([known, new]))
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
        for number in np.argsort(far, kind="stable"):
            match = self._match(int(self._rows["place"][number]), fingerprint)
            found.setdefault(match.record.path, match)  # a volume has a row for each page
            if len(found) == count:
                break
        return sorted(found.values(), key=lambda match: (match.distance, os.fsencode(match.record.path)))

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
        except (OSError, ValueError, KeyError, TypeError) as error:
            logger.debug("%s is made anew: %s", table, error)
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
            digest.update(file.read(min(last, _NEAR_BYTES)))
            file.seek(max(0, last - _NEAR_BYTES))
            digest.update(file.read(min(last, _NEAR_BYTES)))
        table = hashlib.sha256(content).hexdigest()
        return {"version": VERSION, "next": last, "manifest": digest.hexdigest(), "table": table}


def _number_of(path: str) -> int:
    """What tells sources apart."""
    return int.from_bytes(hashlib.sha256(os.fsencode(path)).digest()[:8], "little")


def _newest(rows: Rows) -> Rows:
    """The rows of each source's newest record."""
    rows = rows[np.lexsort((rows["place"], rows["source"]))]
    sources, last = np.unique(rows["source"][::-1], return_index=True)
    newest = rows["place"][::-1][last]
    is_newest = rows["place"] == newest[np.searchsorted(sources, rows["source"])]
    return np.asarray(rows[is_newest])
