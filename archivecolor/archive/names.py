"""Names of outputs: what they are, that no two items share one, and whose share of a tree they are."""

from __future__ import annotations

import os
import re
import unicodedata
import zlib
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from archivecolor.archive.atomic import printable_path
from archivecolor.archive.manifest import Manifest
from archivecolor.archive.walk import FILMS
from archivecolor.errors import UsageError

FORMAT_EXTENSIONS = {"jpeg": ".jpg", "png": ".png", "tiff": ".tif", "webp": ".webp"}
EXTENSION_ALIASES = {".jpeg": ".jpg", ".jpe": ".jpg", ".jfif": ".jpg", ".tiff": ".tif"}
# Names that promise grey, and formats that are only read.
SUBSTITUTE_EXTENSIONS = {".pgm": ".ppm", ".pbm": ".ppm", ".heic": ".png", ".heif": ".png"}
FILM_EXTENSIONS = frozenset(extension.decode() for extension in FILMS)
MAX_SHOWN = 3


def output_name(path: str, format: str) -> str:
    """Relative name of the derivative of `path`: the same, but for the extension of another format.

    Args:
        path: of the source, relative, POSIX, as `os.fsdecode` gives it.
        format: the `format` option: keep, jpeg, png, tiff or webp.
    """
    dot = path.rfind(".")
    suffix = path[dot:].lower() if dot > path.rfind("/") + 1 else ""
    if suffix in FILM_EXTENSIONS:
        return path
    if format == "keep":
        return path[:dot] + SUBSTITUTE_EXTENSIONS[suffix] if suffix in SUBSTITUTE_EXTENSIONS else path
    wanted = FORMAT_EXTENSIONS[format]
    if EXTENSION_ALIASES.get(suffix, suffix) == wanted:
        return path
    return path[: len(path) - len(suffix)] + wanted


def casefolded_name(name: str) -> str:
    """`name` as a disk sees it that tells neither case nor Unicode forms apart."""
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def shared_name(name: str) -> str:
    """What no two outputs may have in common, for the output `name`.

    A film counts without its suffix: which container it gets is seen when it is opened.
    """
    stem, dot, suffix = name.rpartition(".")
    is_film = bool(stem) and f"{dot}{suffix.lower()}" in FILM_EXTENSIONS
    return casefolded_name(f"{stem}.*" if is_film else name)


class NameCheck:
    """Finds outputs that would share a name.

    Args:
        name_of: the relative name of a source's output; of a film with any film's suffix.
    """

    def __init__(self, name_of: Callable[[str], str]) -> None:
        self._name_of = name_of
        self._paths: list[str] = []
        # A name alone would take ten times the memory of its hash.
        self._hashes = array("q")

    def add(self, path: str) -> str:
        """Take note of the source `path`, each once; returns the name of its output."""
        output = self._name_of(path)
        self._paths.append(path)
        self._hashes.append(hash(shared_name(output)))
        return output

    def collisions(self, manifest: Manifest, output: Path) -> dict[str, str]:
        """The sources that cannot have their name, each with a sentence that says why.

        Of several sources with one name the one that a record gave it to keeps it; where no or more than one
        record did, none may have it. The output of a source that is not among these, or that an earlier
        format left, stays as long as it is there.

        Args:
            manifest: of earlier runs.
            output: the output folder.
        """
        recorded = self._recorded_for_others(manifest, output)
        shared = self._sources_of(self._shared_hashes() | {hash(name) for name in recorded})
        refused: dict[str, str] = {}
        for name, paths in shared.items():
            everybody = paths | recorded.get(name, set())
            owners = {path for path in paths if self._is_recorded(path, name, manifest)}
            if len(everybody) > 1:
                for path in paths - (owners if len(owners) == 1 else set()):
                    refused[path] = _collision_detail(self._name_of(path), everybody - {path})
        return refused

    def _is_recorded(self, path: str, name: str, manifest: Manifest) -> bool:
        """Whether the newest record of a source gave it this name."""
        entry = manifest.entry(path)
        return entry is not None and bool(entry.output) and shared_name(entry.output) == name

    def _shared_hashes(self) -> set[int]:
        """Hashes of names that come more than once."""
        values, counts = np.unique(np.array(self._hashes, dtype=np.int64), return_counts=True)
        return set(values[counts > 1].tolist())

    def _recorded_for_others(self, manifest: Manifest, output: Path) -> dict[str, set[str]]:
        """Names of this run under which outputs of other sources lie by the manifest, with those sources."""
        present = set(self._paths) if manifest.items else set()
        written = [
            (entry.output, path)
            for path, entry in manifest.items.items()
            if entry.output and (path not in present or entry.output != self._name_of(path))
        ]
        written += [(name, manifest.record_at(offset).path) for name, offset in manifest.superseded.items()]
        ours = set(self._hashes) if written else set()
        owners: dict[str, set[str]] = {}
        for name_written, path in written:
            name = shared_name(name_written)
            if hash(name) in ours and os.path.lexists(output / name_written):
                owners.setdefault(name, set()).add(path)
        return owners

    def _sources_of(self, hashes: set[int]) -> dict[str, set[str]]:
        """The sources of this run whose output names have these hashes, by name."""
        found: dict[str, set[str]] = {}
        if hashes:
            for path, value in zip(self._paths, self._hashes, strict=True):
                if value in hashes:
                    found.setdefault(shared_name(self._name_of(path)), set()).add(path)
        return found


def _collision_detail(name: str, others: set[str]) -> str:
    """Why a source cannot have its name, and the way out."""
    shown = ", ".join(printable_path(path) for path in sorted(others)[:MAX_SHOWN])
    more = f" and {len(others) - MAX_SHOWN} more" if len(others) > MAX_SHOWN else ""
    return (
        f"its output {printable_path(name)} would have the name of that of {shown}{more} (on disks that do "
        "not tell case or Unicode forms apart); rename one, leave it out with --exclude, choose another "
        "--format, or take that output away (`archivecolor prune` does, where an earlier format left it)"
    )


@dataclass(frozen=True)
class Shard:
    """One of `count` shares of a tree.

    A file's share depends on its path alone, so shares stay what they are while the tree grows.

    Attributes:
        index: from 0.
        count: of all shares.
    """

    index: int = 0
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> Shard:
        """The shard of the option's text, `k/n`; the whole tree for an empty one.

        Raises:
            UsageError: it is not `k/n` with k from 1 to n.
        """
        if not text:
            return cls()
        match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text)
        if match is None or not 1 <= int(match[1]) <= int(match[2]):
            raise UsageError(f"shard is {text!r}; write it k/n with k from 1 to n, as 2/8")
        return cls(int(match[1]) - 1, int(match[2]))

    def includes(self, path: str) -> bool:
        """Whether the source `path` belongs to this share."""
        return self.count == 1 or zlib.crc32(os.fsencode(path)) % self.count == self.index
