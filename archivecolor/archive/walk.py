"""The pictures of a tree, in a stable order, and what was passed over.

Files come bytewise by relative path, so two walks of one tree agree on every machine. What a file
really holds is found out later; here the extension decides whether it is looked at.
"""

# Bytes, and no Path object per file: a tree may hold millions.
# ruff: noqa: PTH113, PTH116

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from archivecolor.archive.layout import STATE_FOLDER
from archivecolor.archive.passed_over import SkippedFiles, SkipReason, kind_of
from archivecolor.archive.selection import Selection, read_list
from archivecolor.errors import UsageError
from archivecolor.settings import SelectionOptions

__all__ = [
    "FILMS",
    "MISSING",
    "PICTURES",
    "STATE_FOLDER",
    "FoundFile",
    "SkipReason",
    "SkippedFiles",
    "WalkRules",
    "extension_of",
    "walk",
]

PICTURES = frozenset(
    b".jpg .jpeg .jpe .jfif .png .tif .tiff .webp .bmp .pgm .ppm .pnm .pbm .pam .jp2 .j2k .j2c .jpf .jpx "
    b".heic .heif .gif .avif .psd .jxl .pfm".split()
)
FILMS = frozenset(
    b".mp4 .m4v .mov .qt .mkv .webm .avi .divx .mpg .mpeg .mpe .m1v .m2v .mpv .m2p .mp2v .vob .vro .mod .tod "
    b".ts .mts .m2t .m2ts .mxf .dv .dif .ogv .ogm .wmv .asf .flv .f4v .3gp .3g2 .amv .rm .rmvb .y4m .ivf "
    b".nut".split()
)
_SIDECAR_EXTENSION = b".xmp"

# Left by cameras, systems and storage boxes; lower case.
_SYSTEM_NAMES = frozenset(
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


@dataclass(frozen=True, slots=True)
class FoundFile:
    """One file to look at.

    Attributes:
        path: relative to the root, POSIX, as `os.fsdecode` gives it (bytes that are not UTF-8 are
            surrogates; `os.fsencode` gives the raw bytes back).
        nbytes: size, or `MISSING` where a list names a file that is not there.
        mtime_ns: time of the last change, in nanoseconds.
        sidecars: paths of the XMP files beside it that are about it.
        etag: of an object in a bucket, empty for a file.
    """

    path: str
    nbytes: int
    mtime_ns: int
    sidecars: tuple[str, ...] = ()
    etag: str = ""


@dataclass(frozen=True, slots=True)
class _FolderEntry:
    """One name of a folder, with what the folder itself says of it."""

    name: bytes
    is_folder: bool
    is_link: bool

    @property
    def key(self) -> bytes:
        """Sorts a folder where its files will stand in the order of whole paths."""
        return self.name + b"/" if self.is_folder else self.name


@dataclass(frozen=True, slots=True)
class _Level:
    """One folder on the way down.

    Attributes:
        folder: relative path, empty or ending in a slash.
        identity: device and inode: what the folder is, under whatever name.
        entries: the names that are still to be visited, in order.
        sidecars: names of XMP files, with the picture each is about.
        by_picture: the same by the names of pictures.
    """

    folder: bytes
    identity: tuple[int, int]
    entries: Iterator[_FolderEntry]
    sidecars: dict[bytes, bytes]
    by_picture: dict[bytes, list[bytes]]


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
    tree = _TreeWalk(os.fsencode(root), WalkRules(Selection(options), extensions), skipped_files)
    if options.files_from is not None:
        return tree.visit_listed(read_list(options.files_from))
    if not os.access(root, os.R_OK | os.X_OK):
        raise UsageError(f"{root} cannot be listed; check its permissions")
    return tree.visit_tree()


@dataclass(frozen=True)
class WalkRules:
    """Which names of a tree are taken, wherever it lies.

    Attributes:
        selection: what is asked for.
        extensions: of the files that are looked at, lower case, with their dots.
    """

    selection: Selection
    extensions: frozenset[bytes]

    def name_skip_reason(self, path: bytes, *, is_folder: bool) -> SkipReason | None:
        """The reason to pass over a file or folder, where its name is reason enough."""
        name = path.rpartition(b"/")[2]
        if name.startswith(b"."):
            return SkipReason.HIDDEN
        if name.lower() in _SYSTEM_NAMES or (is_folder and name == STATE_FOLDER.encode()):
            return SkipReason.SYSTEM
        if self.selection.exclude and self.selection.excludes(path):
            return SkipReason.EXCLUDED
        return None

    def file_skip_reason(self, path: bytes) -> SkipReason | None:
        """The reason to pass over a file that is neither hidden nor excluded."""
        extension = extension_of(path)
        if extension not in self.extensions:
            return _kind_of_other(extension)
        return None if self.selection.includes(path) else SkipReason.EXCLUDED


class _TreeWalk:
    """One walk of one tree."""

    def __init__(self, root: bytes, rules: WalkRules, skipped_files: SkippedFiles) -> None:
        self.root = root
        self.real_root = os.path.realpath(root)
        self.rules = rules
        self.selection = rules.selection
        self.extensions = rules.extensions
        self.skipped_files = skipped_files

    def visit_tree(self) -> Iterator[FoundFile]:
        """Everything below the root; the stack is a list, so that no tree is too deep for it."""
        top = self.level(b"", ())
        levels = [top] if top else []
        while levels:
            level = levels[-1]
            entry = next(level.entries, None)
            if entry is None:
                levels.pop()
                continue
            path = level.folder + entry.name
            if reason := self.skip_reason(path, entry):
                self.skipped_files.add(reason, path)
            elif not entry.is_folder:
                yield from self.visit_file(path, entry, level)
            elif below := self.level(path + b"/", levels):
                levels.append(below)

    def level(self, folder: bytes, above: Sequence[_Level]) -> _Level | None:
        """The folder `folder` listed; None where there is nothing to be seen in it.

        What was listed before an error is visited all the same.
        """
        entries: list[_FolderEntry] = []
        identity = (0, 0)
        try:
            about = os.stat(self.root + b"/" + folder)
            identity = (about.st_dev, about.st_ino)
            if any(level.identity == identity for level in above):
                self.skipped_files.add(SkipReason.LOOP, folder.rstrip(b"/"), "a mount of a folder above it")
                return None
            with os.scandir(self.root + b"/" + folder) as listing:
                entries.extend(map(_entry_of, listing))
        except OSError as error:
            self.skipped_files.add(SkipReason.UNREADABLE, folder.rstrip(b"/"), error.strerror or "")
        entries.sort(key=lambda entry: entry.key)
        sidecars = self.sidecars_of(folder, entries)
        return _Level(folder, identity, iter(entries), sidecars, _by_picture(sidecars))

    def sidecars_of(self, folder: bytes, entries: list[_FolderEntry]) -> dict[bytes, bytes]:
        """The XMP files of a folder that are about one of its pictures: `name.jpg.xmp` or `name.xmp`."""
        if not any(extension_of(entry.name) == _SIDECAR_EXTENSION for entry in entries):
            return {}
        files = [
            entry
            for entry in entries
            if not entry.is_folder and self.skip_reason(folder + entry.name, entry) is None
        ]
        names = [entry.name for entry in files if extension_of(entry.name) == _SIDECAR_EXTENSION]
        pictures = [
            entry.name
            for entry in files
            if extension_of(entry.name) in self.extensions
            and self.file_skip_reason(folder + entry.name, entry) is None
        ]
        by_name = {name: name for name in pictures}
        # Of pictures that share a stem the first has it: every run chooses alike.
        by_stem = {name[: name.rfind(b".")]: name for name in reversed(pictures)}
        stems = {name: name[: -len(_SIDECAR_EXTENSION)] for name in names}
        found = {name: by_name.get(stem) or by_stem.get(stem) for name, stem in stems.items()}
        return {name: picture for name, picture in found.items() if picture}

    def skip_reason(self, path: bytes, entry: _FolderEntry) -> SkipReason | None:
        """The reason to pass over a file or folder, where its name is reason enough."""
        return self.rules.name_skip_reason(path, is_folder=entry.is_folder)

    def file_skip_reason(self, path: bytes, entry: _FolderEntry) -> SkipReason | None:
        """The reason to pass over a file that is neither hidden nor excluded."""
        if entry.is_link and extension_of(entry.name) not in self.extensions:
            return SkipReason.LINK
        if reason := self.rules.file_skip_reason(path):
            return reason
        return SkipReason.LINK if entry.is_link and not self.is_inside_tree(path) else None

    def visit_file(self, path: bytes, entry: _FolderEntry, level: _Level) -> Iterator[FoundFile]:
        """The file `path`, where it is to be looked at, with its sidecars."""
        if entry.name in level.sidecars and not entry.is_link:
            return
        if reason := self.file_skip_reason(path, entry):
            self.skipped_files.add(reason, path)
            return
        yield from self.stat_file(
            path, [level.folder + name for name in level.by_picture.get(entry.name, ())]
        )

    def is_inside_tree(self, path: bytes) -> bool:
        """Whether the link `path` ends at a regular file of this tree."""
        target = os.path.realpath(self.root + b"/" + path)
        return target.startswith(self.real_root.rstrip(b"/") + b"/") and os.path.isfile(target)

    def stat_file(self, path: bytes, sidecars: Sequence[bytes] = ()) -> Iterator[FoundFile]:
        """The file `path` with its size and time, where it is a regular file and old enough."""
        try:
            about = os.stat(self.root + b"/" + path)
        except OSError:
            # Deleted since the folder was listed, or out of reach: the look will say which.
            yield FoundFile(os.fsdecode(path), MISSING, 0)
            return
        if not stat.S_ISREG(about.st_mode):
            reason = SkipReason.SPECIAL
        elif self.selection.too_recent(about.st_mtime_ns):
            reason = SkipReason.RECENT
        else:
            names = tuple(map(os.fsdecode, sidecars))
            yield FoundFile(os.fsdecode(path), about.st_size, about.st_mtime_ns, names)
            return
        for name in (path, *sidecars):
            self.skipped_files.add(reason, name)

    def visit_listed(self, paths: list[bytes]) -> Iterator[FoundFile]:
        """The listed files, whatever their extension; hidden ones too, as they were asked for by name."""
        sidecars = self.listed_sidecars(paths)
        by_picture = _by_picture(sidecars)
        for path in paths:
            if path in sidecars:
                continue
            full = self.root + b"/" + path
            parts = path.split(b"/")
            folders = (b"/".join(parts[:count]) for count in range(1, len(parts) + 1))
            if any(self.selection.excludes(part) for part in folders) or not self.selection.includes(path):
                self.skipped_files.add(SkipReason.EXCLUDED, path)
            elif os.path.lexists(full) and os.path.realpath(full) != full and not self.is_inside_tree(path):
                self.skipped_files.add(SkipReason.LINK, path)
            elif extension_of(path) == _SIDECAR_EXTENSION:
                self.skipped_files.add(SkipReason.SIDECAR, path)
            else:
                yield from self.stat_file(path, by_picture.get(path, ()))

    def listed_sidecars(self, paths: list[bytes]) -> dict[bytes, bytes]:
        """The XMP files beside listed pictures, with the picture each is about."""
        found: dict[bytes, bytes] = {}
        for path in paths:
            for stem in (path, path[: len(path) - len(extension_of(path))]):
                name = stem + _SIDECAR_EXTENSION
                if (
                    name != path
                    and not self.selection.excludes(name)
                    and os.path.isfile(self.root + b"/" + name)
                ):
                    found.setdefault(name, path)
        return found


def _by_picture(sidecars: dict[bytes, bytes]) -> dict[bytes, list[bytes]]:
    """The sidecars of each picture."""
    found: dict[bytes, list[bytes]] = {}
    for name, picture in sidecars.items():
        found.setdefault(picture, []).append(name)
    return found


def _kind_of_other(extension: bytes) -> SkipReason:
    """What a file is that this walk does not look for."""
    if extension in FILMS:
        return SkipReason.FILM
    return SkipReason.PICTURE if extension in PICTURES else kind_of(extension)


def _entry_of(item: os.DirEntry[bytes]) -> _FolderEntry:
    """One name of a folder; what it is can stay unknown where the file system does not answer."""
    try:
        return _FolderEntry(item.name, item.is_dir(follow_symlinks=False), item.is_symlink())
    except OSError:
        return _FolderEntry(item.name, is_folder=False, is_link=False)


def extension_of(name: bytes) -> bytes:
    """Last extension of a name or path, lower case, with its dot; empty without one."""
    dot = name.rfind(b".")
    return name[dot:].lower() if dot > name.rfind(b"/") + 1 else b""
