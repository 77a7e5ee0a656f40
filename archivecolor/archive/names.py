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
MAX_SHOWN = 10


def output_name(path: str, format: str) -> str:
    """Relative name of the derivative of `path`: the same, but for the extension of another format.

    Args:
        path: of the source, relative, POSIX, as `os.fsdecode` gives it.
        format: the `format` option: keep, jpeg, png, tiff or webp.
    """
    dot = path.rfind(".")
    suffix = path[dot:].lower() if dot > path.rfind("/") + 1 else ""
    if suffix in FILM_EXTENSIONS:  # named in a list of pictures
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


class NameCheck:
    """Finds outputs that would share a name.

    Args:
        name_of: from the relative path of a source to that of its output.
    """

    def __init__(self, name_of: Callable[[str], str]) -> None:
        self.name_of = name_of
        self.paths: list[str] = []
        # A name alone would take ten times the memory of its hash.
        self.hashes = array("q")

    def add(self, path: str) -> str:
        """Take note of the source `path`, each once; returns the name of its output."""
        output = self.name_of(path)
        self.paths.append(path)
        self.hashes.append(hash(casefolded_name(output)))
        return output

    def refuse_collisions(self, manifest: Manifest, output: Path) -> None:
        """Raise `UsageError` where a name would have two sources, in this run or by an earlier one.

        Args:
            manifest: of earlier runs, whose outputs must not be written over either.
            output: the output folder; a recorded output that is gone from it stands in nobody's way.
        """
        owners = self.owners_of(self.shared_hashes())
        if not owners:
            recorded = self.recorded_for_other_sources(manifest, output)
            owners = self.owners_of({hash(name) for name in recorded})
            for name, paths in recorded.items():
                owners.setdefault(name, set()).update(paths)
        shared = [sorted(paths) for paths in owners.values() if len(paths) > 1]
        if shared:
            raise UsageError(collision_message(sorted(shared)))

    def shared_hashes(self) -> set[int]:
        """Hashes of names that come more than once."""
        values, counts = np.unique(np.array(self.hashes, dtype=np.int64), return_counts=True)
        return set(values[counts > 1].tolist())

    def recorded_for_other_sources(self, manifest: Manifest, output: Path) -> dict[str, set[str]]:
        """Names of this run that are outputs of other sources by the manifest, with those sources."""
        recorded = {
            path: casefolded_name(entry.output)
            for path, entry in manifest.items.items()
            if entry.output and entry.output != self.name_of(path)
        }
        gone = manifest.items.keys() - set(self.paths)
        recorded |= {
            path: casefolded_name(entry.output) for path in gone if (entry := manifest.items[path]).output
        }
        ours = set(self.hashes) if recorded else set()
        owners: dict[str, set[str]] = {}
        for path, name in recorded.items():
            if hash(name) in ours and os.path.lexists(output / manifest.items[path].output):
                owners.setdefault(name, set()).add(path)
        return owners

    def owners_of(self, hashes: set[int]) -> dict[str, set[str]]:
        """The sources of this run whose output names have these hashes, by name."""
        owners: dict[str, set[str]] = {}
        if hashes:
            for path, value in zip(self.paths, self.hashes, strict=True):
                if value in hashes:
                    owners.setdefault(casefolded_name(self.name_of(path)), set()).add(path)
        return owners


def collision_message(shared: list[list[str]]) -> str:
    """Which sources are in each other's way, and the way out."""
    groups = [" and ".join(printable_path(path) for path in paths) for paths in shared]
    shown = "\n  ".join(groups[:MAX_SHOWN])
    more = f"\n  and {len(groups) - MAX_SHOWN} more" if len(groups) > MAX_SHOWN else ""
    return (
        f"{len(groups)} output names would have more than one source (on disks that do not tell "
        f"case or Unicode forms apart, these are one name too):\n  {shown}{more}\n"
        "Rename one of each, leave it out with --exclude, or choose another --format; nothing was written"
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
