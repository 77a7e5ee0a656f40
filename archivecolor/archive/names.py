"""Names of outputs: what they are, that no two items share one, and whose share of a tree they are."""

from __future__ import annotations

import os
import re
import unicodedata
import zlib
from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from archivecolor.archive.manifest import Manifest
from archivecolor.archive.walk import FILMS
from archivecolor.errors import UsageError
from archivecolor.printable import printable, quoted, some_names
from archivecolor.settings import FolderPath

FORMAT_EXTENSIONS = {"jpeg": ".jpg", "png": ".png", "tiff": ".tif", "webp": ".webp"}
_EXTENSION_ALIASES = {".jpeg": ".jpg", ".jpe": ".jpg", ".jfif": ".jpg", ".tiff": ".tif"}
# Names that promise grey, and formats that are only read.
_SUBSTITUTE_EXTENSIONS = {".pgm": ".ppm", ".pbm": ".ppm", ".heic": ".png", ".heif": ".png"}
_SUBSTITUTE_EXTENSIONS |= dict.fromkeys((".gif", ".avif", ".psd", ".jxl", ".pfm"), ".png")
_SUBSTITUTE_EXTENSIONS |= {".pam": ".ppm", ".j2c": ".jp2", ".jpx": ".jp2"}
FILM_EXTENSIONS = frozenset(extension.decode() for extension in FILMS)
MAX_SHOWN = 3
# What is made beside its source has this behind the stem of its name.
BESIDE = "-colour"
# Stands for the suffix of a film's output, in names that are compared.
_ANY_SUFFIX = ".*"
# What the names of files end in, and those of folders, such as album.2024, seldom do.
_FILE_SUFFIX = re.compile(r"\.[a-z][a-z0-9]{1,4}")


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
        return path[:dot] + _SUBSTITUTE_EXTENSIONS[suffix] if suffix in _SUBSTITUTE_EXTENSIONS else path
    wanted = FORMAT_EXTENSIONS[format]
    if _EXTENSION_ALIASES.get(suffix, suffix) == wanted:
        return path
    return path[: len(path) - len(suffix)] + wanted


def names_file(output: Path, suffixes: Iterable[str], shown: Iterable[str]) -> bool:
    """Whether an `--output` names a file rather than a folder, by its suffix.

    Args:
        output: as it was typed; what is a folder, or ends in a slash, is one.
        suffixes: of the files that are written, lower case.
        shown: those of them that people are told of.

    Raises:
        UsageError: it is called like a file of a kind that is not written, or has a blank behind it.
    """
    if not is_called_like_file(output):
        return False
    suffix = output.suffix.lower()
    if suffix in suffixes:
        return True
    if suffix != suffix.rstrip():
        raise UsageError(
            f'--output "{printable(output)}" ends in a blank; leave that out, or put a slash behind a folder'
        )
    raise UsageError(
        f"--output {printable(output)}: no {suffix} is written; give it one of the suffixes "
        f"{' '.join(shown)}, or for a folder a slash at its end: {printable(output)}/"
    )


def is_called_like_file(output: Path) -> bool:
    """Whether an `--output`, as it was typed, has the name of a file, of whatever kind, and is no folder."""
    if isinstance(output, FolderPath) or output.is_dir():
        return False
    return _FILE_SUFFIX.fullmatch(output.suffix.lower().rstrip()) is not None


def casefolded_name(name: str) -> str:
    """`name` as a disk sees it that tells neither case nor Unicode forms apart."""
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _shared_name(name: str) -> str:
    """What no two outputs may have in common, for the output `name`.

    A film counts without its suffix: which container it gets is seen when it is opened.
    """
    stem, dot, suffix = name.rpartition(".")
    is_film = bool(stem) and f"{dot}{suffix.lower()}" in FILM_EXTENSIONS
    return _film_name(stem) if is_film else casefolded_name(name)


def _film_name(stem: str) -> str:
    return casefolded_name(stem + _ANY_SUFFIX)


@dataclass(frozen=True)
class Naming:
    """How the outputs of one kind, from one folder, are named.

    Attributes:
        root: the folder that sources are relative to.
        name_of: from a source's relative path to its output's.
        without_suffix: the names are a film's, without suffix.
    """

    root: Path
    name_of: Callable[[str], str]
    without_suffix: bool

    def shared_name(self, path: str) -> str:
        """What the output of a source may have in common with no other."""
        name = self.name_of(path)
        return _film_name(name) if self.without_suffix else _shared_name(name)


class NameCheck:
    """Finds outputs that would share a name, over all kinds and folders of a run."""

    def __init__(self) -> None:
        self._namings: list[Naming] = []
        self._paths: list[str] = []
        # For each path the number of its naming, and the hash of its name: the name itself would take ten
        # times the memory.
        self._origins = array("H")
        self._hashes = array("q")

    def begin(self, naming: Naming) -> None:
        """Begin with the sources of one kind and folder."""
        self._namings.append(naming)

    def add(self, path: str) -> str:
        """Take note of the source `path`, each once; returns the name of its output."""
        naming = self._namings[-1]
        self._paths.append(path)
        self._origins.append(len(self._namings) - 1)
        self._hashes.append(hash(naming.shared_name(path)))
        return naming.name_of(path)

    def collisions(self, manifest: Manifest, output: Path) -> dict[Path, str]:
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
        refused: dict[Path, str] = {}
        for name, sources in shared.items():
            ours = {path for _, path in sources}
            everybody = [root / path for root, path in sources] + sorted(
                map(Path, recorded.get(name, set()) - ours)
            )
            owners = [source for source in sources if self._is_recorded(source[1], name, manifest)]
            if len(everybody) > 1:
                for source in sources:
                    if owners != [source]:
                        mine = source[0] / source[1]
                        others = [other for other in everybody if other != mine]
                        refused[mine] = _collision_detail(others, is_film=name.endswith(_ANY_SUFFIX))
        return refused

    def _is_recorded(self, path: str, name: str, manifest: Manifest) -> bool:
        """Whether the newest record of a source gave it this name."""
        entry = manifest.entry(path)
        return entry is not None and bool(entry.output) and _shared_name(entry.output) == name

    def _shared_hashes(self) -> set[int]:
        """Hashes of names that come more than once."""
        values, counts = np.unique(np.array(self._hashes, dtype=np.int64), return_counts=True)
        return set(values[counts > 1].tolist())

    def _recorded_for_others(self, manifest: Manifest, output: Path) -> dict[str, set[str]]:
        """Names of this run under which outputs of other sources lie by the manifest, with those sources."""
        origins = dict(zip(self._paths, self._origins, strict=True)) if manifest.items else {}
        written = [
            (entry.output, path)
            for path, entry in manifest.items.items()
            if entry.output and not self._is_ours(path, entry.output, origins)
        ]
        written += [(name, manifest.record_at(offset).path) for name, offset in manifest.superseded.items()]
        ours = set(self._hashes) if written else set()
        owners: dict[str, set[str]] = {}
        for recorded_name, path in written:
            name = _shared_name(recorded_name)
            if hash(name) in ours and os.path.lexists(output / recorded_name):
                owners.setdefault(name, set()).add(path)
        return owners

    def _is_ours(self, path: str, recorded_name: str, origins: dict[str, int]) -> bool:
        """Whether a source of this run will have the name that a record gave it."""
        return path in origins and self._namings[origins[path]].name_of(path) == recorded_name

    def _sources_of(self, hashes: set[int]) -> dict[str, list[tuple[Path, str]]]:
        """The sources of this run whose output names have these hashes, by name, with their folders."""
        found: dict[str, list[tuple[Path, str]]] = {}
        if hashes:
            for path, origin, value in zip(self._paths, self._origins, self._hashes, strict=True):
                if value in hashes:
                    naming = self._namings[origin]
                    found.setdefault(naming.shared_name(path), []).append((naming.root, path))
        return found


def _collision_detail(others: list[Path], *, is_film: bool) -> str:
    """Why a source cannot have its name, and the way out."""
    shown = some_names(others, MAX_SHOWN)
    if is_film:
        return (
            f"its output could have the name of that of {shown}: a film gets the suffix of the "
            "container that it needs; rename one, leave it out with --exclude, or colour it elsewhere"
        )
    return (
        f"its output would have the name of that of {shown} (on disks that do not tell case or Unicode "
        "forms apart); rename one, leave it out with --exclude, choose another --format, or take that output "
        "away (`archivecolor prune` does, where an earlier format left it)"
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
            raise UsageError(f"shard is {quoted(text)}; write it k/n with k from 1 to n, as 2/8")
        return cls(int(match[1]) - 1, int(match[2]))

    def includes(self, path: str) -> bool:
        """Whether the source `path` belongs to this share."""
        return self.count == 1 or zlib.crc32(os.fsencode(path)) % self.count == self.index
