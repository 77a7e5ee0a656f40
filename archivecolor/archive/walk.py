"""The pictures of a tree, in a stable order, and what was passed over.

Files come bytewise by relative path, so two walks of one tree agree on every machine. What a file
really holds is found out later; here the extension decides whether it is looked at.
"""

# Bytes, and no Path object per file: a tree may hold millions.
# ruff: noqa: PTH113, PTH116

from __future__ import annotations

import fnmatch
import os
import re
import stat
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from archivecolor.archive.layout import STATE_FOLDER
from archivecolor.errors import UsageError
from archivecolor.settings import SelectionOptions

PICTURES = frozenset(
    b".jpg .jpeg .jpe .jfif .png .tif .tiff .webp .bmp .pgm .ppm .pnm .pbm .jp2 .j2k .jpf .heic .heif".split()
)
FILMS = frozenset(
    b".mp4 .m4v .mov .qt .mkv .webm .avi .divx .mpg .mpeg .mpe .m1v .m2v .m2p .mp2v .vob .ts .mts .m2ts .m2t "
    b".tod .mxf .dv .dif .ogv .ogm .wmv .asf .flv .f4v .3gp .3g2 .y4m .ivf .nut".split()
)

# Left by cameras, systems and storage boxes; lower case.
SYSTEM_NAMES = frozenset(
    {
        b"thumbs.db",
        b"ehthumbs.db",
        b"desktop.ini",
        b"icon\r",
        b"__macosx",
        b"@eadir",
        b"$recycle.bin",
        b"system volume information",
        b"lost+found",
    }
)
MISSING = -1


class SkipReason(str, Enum):
    """Why a file or folder was passed over."""

    HIDDEN = "hidden"
    SYSTEM = "system files"
    LINK = "links"
    SPECIAL = "special files"
    OTHER = "not pictures"
    EXCLUDED = "excluded"
    RECENT = "changed too recently"
    UNREADABLE = "unreadable folders"


@dataclass
class SkippedFiles:
    """What a walk left aside.

    Attributes:
        counts: how many files and folders, by reason; a folder counts once.
        unreadable: relative paths of folders that could not be listed; what they hold is not known.
    """

    counts: Counter[SkipReason] = field(default_factory=Counter)
    unreadable: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class FoundFile:
    """One file to look at.

    Attributes:
        path: relative to the root, POSIX, as `os.fsdecode` gives it (bytes that are not UTF-8 are
            surrogates; `os.fsencode` gives the raw bytes back).
        nbytes: size, or `MISSING` where a list names a file that is not there.
        mtime_ns: time of the last change, in nanoseconds.
    """

    path: str
    nbytes: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class FolderEntry:
    """One name of a folder, with what the folder itself says of it."""

    name: bytes
    is_folder: bool
    is_link: bool

    @property
    def key(self) -> bytes:
        """Sorts a folder where its files will stand in the order of whole paths."""
        return self.name + b"/" if self.is_folder else self.name


class Selection:
    """Include and exclude globs and the smallest age, ready to be asked.

    A glob without a slash is held against the name of the file and of every folder above it, one
    with a slash against the relative path of each; `*` spans slashes.
    """

    def __init__(self, options: SelectionOptions) -> None:
        self.include = compile_globs(options.include)
        self.exclude = compile_globs(options.exclude)
        self.now_ns = time.time_ns()
        self.min_age_ns = round(options.min_age * 1e9)

    def excludes(self, path: bytes) -> bool:
        """Whether the file or folder `path` itself is excluded."""
        return any(pattern.matches(path) for pattern in self.exclude)

    def includes(self, path: bytes) -> bool:
        """Whether the file `path` or a folder above it is asked for."""
        if not self.include:
            return True
        parts = path.split(b"/")
        parents = (b"/".join(parts[: count + 1]) for count in range(len(parts)))
        return any(pattern.matches(part) for part in parents for pattern in self.include)

    def too_recent(self, mtime_ns: int) -> bool:
        """Whether a file changed so short a time ago that it may still be growing.

        A change far in the future is a wrong clock, not a fresh file.
        """
        return abs(self.now_ns - mtime_ns) < self.min_age_ns


@dataclass(frozen=True)
class Glob:
    """One compiled glob."""

    pattern: re.Pattern[str]
    whole_path: bool

    def matches(self, path: bytes) -> bool:
        """Whether `path`, or its last name alone, matches."""
        part = path if self.whole_path else path.rpartition(b"/")[2]
        return self.pattern.match(os.fsdecode(part)) is not None


def compile_globs(globs: tuple[str, ...]) -> tuple[Glob, ...]:
    """The globs, ready to match; a leading or trailing slash is a matter of taste."""
    stripped = [glob.strip("/") for glob in globs]
    return tuple(Glob(re.compile(fnmatch.translate(glob)), "/" in glob) for glob in stripped)


def walk(
    root: Path,
    options: SelectionOptions,
    skipped_files: SkippedFiles,
    extensions: frozenset[bytes] = PICTURES,
) -> Iterator[FoundFile]:
    """Find the files of `root` to look at, bytewise by relative path.

    Hidden and system files, special files, links to folders and links that leave the tree are
    passed over and counted in `skipped_files`. With `options.files_from` only the listed paths are
    visited, whatever their extension. Sharding and the limit belong to the plan.

    Raises:
        UsageError: `root` is not a folder that can be listed, or the list names a path outside it.
    """
    if not root.is_dir():
        raise UsageError(f"{root} is not a folder; give the folder that holds the pictures")
    selection = Selection(options)
    tree = TreeWalk(os.fsencode(root), selection, extensions, skipped_files)
    if options.files_from is not None:
        return tree.visit_listed(read_list(options.files_from))
    if not os.access(root, os.R_OK | os.X_OK):
        raise UsageError(f"{root} cannot be listed; check its permissions")
    return tree.visit_folder(b"")


class TreeWalk:
    """One walk of one tree."""

    def __init__(
        self, root: bytes, selection: Selection, extensions: frozenset[bytes], skipped_files: SkippedFiles
    ) -> None:
        self.root = root
        self.real_root = os.path.realpath(root)
        self.selection = selection
        self.extensions = extensions
        self.skipped_files = skipped_files

    def visit_folder(self, folder: bytes) -> Iterator[FoundFile]:
        """Everything under the relative path `folder` (empty, or ending in a slash)."""
        for entry in self.entries(folder):
            path = folder + entry.name
            if reason := self.skip_reason(path, entry):
                self.skipped_files.counts[reason] += 1
            elif entry.is_folder:
                yield from self.visit_folder(path + b"/")
            elif found := self.stat_file(path):
                yield found

    def entries(self, folder: bytes) -> list[FolderEntry]:
        """The names in `folder`, sorted; none where it cannot be listed."""
        try:
            with os.scandir(self.root + b"/" + folder) as listing:
                entries = [
                    FolderEntry(item.name, item.is_dir(follow_symlinks=False), item.is_symlink())
                    for item in listing
                ]
        except OSError:
            self.skipped_files.counts[SkipReason.UNREADABLE] += 1
            self.skipped_files.unreadable.append(os.fsdecode(folder.rstrip(b"/")))
            return []
        entries.sort(key=lambda entry: entry.key)
        return entries

    def skip_reason(self, path: bytes, entry: FolderEntry) -> SkipReason | None:
        """The reason to pass over a file or folder, where its name is reason enough."""
        if entry.name.startswith(b"."):
            return SkipReason.HIDDEN
        if entry.name.lower() in SYSTEM_NAMES or (entry.is_folder and entry.name == STATE_FOLDER.encode()):
            return SkipReason.SYSTEM
        if self.selection.exclude and self.selection.excludes(path):
            return SkipReason.EXCLUDED
        return None if entry.is_folder else self.file_skip_reason(path, entry)

    def file_skip_reason(self, path: bytes, entry: FolderEntry) -> SkipReason | None:
        """The reason to pass over a file that is neither hidden nor excluded."""
        if extension_of(entry.name) not in self.extensions:
            return SkipReason.LINK if entry.is_link else SkipReason.OTHER
        if not self.selection.includes(path):
            return SkipReason.EXCLUDED
        if entry.is_link and not self.is_inside_tree(path):
            return SkipReason.LINK
        return None

    def is_inside_tree(self, path: bytes) -> bool:
        """Whether the link `path` ends at a regular file of this tree."""
        target = os.path.realpath(self.root + b"/" + path)
        return target.startswith(self.real_root.rstrip(b"/") + b"/") and os.path.isfile(target)

    def stat_file(self, path: bytes) -> FoundFile | None:
        """Size and time of the file `path`, where it is a regular file and old enough."""
        try:
            status = os.stat(self.root + b"/" + path)
        except OSError:
            # Deleted since the folder was listed, or out of reach: the look will say which.
            return FoundFile(os.fsdecode(path), MISSING, 0)
        if not stat.S_ISREG(status.st_mode):
            self.skipped_files.counts[SkipReason.SPECIAL] += 1
            return None
        if self.selection.too_recent(status.st_mtime_ns):
            self.skipped_files.counts[SkipReason.RECENT] += 1
            return None
        return FoundFile(os.fsdecode(path), status.st_size, status.st_mtime_ns)

    def visit_listed(self, paths: list[bytes]) -> Iterator[FoundFile]:
        """The listed files, whatever their extension; hidden ones too, as they were asked for by name."""
        for path in paths:
            full = self.root + b"/" + path
            parts = path.split(b"/")
            folders = (b"/".join(parts[:count]) for count in range(1, len(parts) + 1))
            if any(self.selection.excludes(part) for part in folders) or not self.selection.includes(path):
                self.skipped_files.counts[SkipReason.EXCLUDED] += 1
            elif os.path.lexists(full) and os.path.realpath(full) != full and not self.is_inside_tree(path):
                self.skipped_files.counts[SkipReason.LINK] += 1
            elif found := self.stat_file(path):
                yield found


def extension_of(name: bytes) -> bytes:
    """Last extension of a name or path, lower case, with its dot; empty without one."""
    dot = name.rfind(b".")
    return name[dot:].lower() if dot > name.rfind(b"/") + 1 else b""


def read_list(path: Path) -> list[bytes]:
    """The relative paths of a list file, one a line, sorted, each once.

    Raises:
        UsageError: the list cannot be read, or a path is absolute or leads out of the tree.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise UsageError(f"the list {path} cannot be read: {error.strerror}") from error
    listed = set()
    for number, line in enumerate(lines, start=1):
        if line.strip():
            listed.add(normalized_path(line, path, number))
    return sorted(listed)


def normalized_path(line: bytes, path: Path, number: int) -> bytes:
    """One path of a list, without `./` and doubled slashes."""
    parts = [part for part in line.split(b"/") if part not in (b"", b".")]
    if line.startswith(b"/") or b".." in parts or not parts:
        shown = line.decode("utf-8", "backslashreplace")
        raise UsageError(f"{path}, line {number}: {shown} is not a path inside the input folder")
    return b"/".join(parts)
