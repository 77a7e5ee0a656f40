"""Files written atomically: beside their name, flushed to disk, then renamed.

`atomic_write` gives a hidden part file beside the target. After a crash at any moment the target is
either as it was before or complete, and what a dead run left behind is known by its name
(`stale_parts.remove_stale_parts`).
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from archivecolor.archive.layout import STATE_FOLDER
from archivecolor.archive.output_folder import (
    CAN_OPEN_FOLDERS,
    OutputFolder,
    group_of,
    held_above,
    link_error,
    open_below,
    permissions_of,
    refuse_links,
)
from archivecolor.archive.parts import PART_SUFFIX, part_path
from archivecolor.errors import DEVICE_ERRNOS, ItemError, OutputError, Reason
from archivecolor.printable import printable

# Not through a link, not waiting for a pipe, and on Windows no byte more than was written.
_OWN_FILE_FLAGS = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))
# A source meets these no more than an output that has none of it left does.
FULL_ERRNOS = frozenset({errno.ENOSPC, errno.EROFS, errno.EFBIG, errno.EDQUOT})


@contextlib.contextmanager
def atomic_write(path: Path, source: Path | None = None) -> Iterator[Path]:
    """Give a part file beside `path`, and rename it to `path` once it is safely on disk.

    The part exists and is empty when the body starts; missing folders above `path` are made, below a held
    output (`output_folder`) without following links and never above it. Where the body raises, the part is
    removed and `path` stays as it was. The body turns what it reads, and cannot, into `ItemError`s: an
    operating system's error that names no other file than the output is the output's.

    Args:
        path: of the file.
        source: who may not read that file may not read this one.

    Raises:
        OutputError: the folder is missing, read-only, full or no longer what it was.
        ItemError: `NAME_COLLISION` where a folder or a link has the name, `UNSUPPORTED` where it is too long.
    """
    with open_folder(path.parent) as folder:
        with with_output_errors(path):
            part = part_path(path)
            mode = folder.create(part, source)
        with _removed_on_error(part):
            with _with_errors_of_body(path):
                yield part
            with with_output_errors(path):
                _sync_file(part)
                if stat.S_IMODE(part.stat().st_mode) != mode:
                    part.chmod(mode)  # a tool has put a file of its own in its place
                folder.check()
                part.replace(path)
        with with_output_errors(path):
            folder.sync()


def atomic_link(path: Path, source: Path) -> None:
    """Put a symbolic link to `source` in the place of `path`, in one step.

    Raises:
        OutputError, ItemError: as `atomic_write`.
    """
    with open_folder(path.parent) as folder, with_output_errors(path):
        part = part_path(path)
        with _removed_on_error(part):
            folder.link(part, source.absolute())
            folder.check()
            part.replace(path)
        folder.sync()


@contextlib.contextmanager
def _removed_on_error(part: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise


class Folder:
    """A folder that something is written in, held open where the system can.

    Args:
        path: of the folder.
        handle: a descriptor of it, None where folders cannot be opened.
        root: the held output that it lies in, None outside of any.
    """

    def __init__(self, path: Path, handle: int | None, root: OutputFolder | None) -> None:
        self._path = path
        self._handle = handle
        self._root = root

    def create(self, path: Path, source: Path | None = None) -> int:
        """Make the file `path` anew, empty; a link planted under its name is removed, not written through.

        Args:
            path: of the file, in this folder.
            source: who may not read that file may not read this one.

        Returns:
            Its permissions.
        """
        mode = 0o666 if self._root is None else 0o666 & self._root.mode_of_file(source)
        if source is not None:
            mode &= permissions_of(source)
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
        self.remove(path)
        handle = os.open(self._name(path), flags, mode, dir_fd=self._handle)
        try:
            return _without_other_group(handle, source)
        finally:
            os.close(handle)

    def link(self, path: Path, source: Path) -> None:
        """Make `path` a symbolic link to `source`."""
        self.remove(path)
        os.symlink(source, self._name(path), dir_fd=self._handle)

    def remove(self, path: Path) -> None:
        """Remove the file `path`, if it is there."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._name(path), dir_fd=self._handle)

    def _name(self, path: Path) -> str:
        return str(path) if self._handle is None else path.name

    def check(self) -> None:
        """See that the path still leads to this folder.

        Raises:
            OutputError: the output was moved, unmounted or replaced.
        """
        if self._root is not None:
            self._root.check()
        if self._handle is not None and not os.path.samestat(os.fstat(self._handle), self._path.stat()):
            raise OutputError(f"the folder {self._path} was replaced while it was written in; run again")

    def sync(self) -> None:
        """Flush the names in the folder to disk, on systems where folders can be opened."""
        if self._handle is None:
            return
        try:
            os.fsync(self._handle)
        except OSError as error:
            # Some network file systems have no flush for folders.
            if error.errno not in (errno.EINVAL, errno.ENOTSUP):
                raise


def _without_other_group(handle: int, source: Path | None) -> int:
    """Give a new file's group no more than all get, where its source is another group's; its permissions."""
    made = os.fstat(handle)
    mode = stat.S_IMODE(made.st_mode)
    others = mode & stat.S_IRWXO
    if source is None or others << 3 == mode & stat.S_IRWXG or group_of(source) == made.st_gid:
        return mode
    mode &= stat.S_IRWXU | others << 3 | others
    os.fchmod(handle, mode)
    return mode


@contextlib.contextmanager
def open_folder(path: Path, *, make: bool = True) -> Iterator[Folder]:
    """A folder to write in; it and those above it are made, unless `make` is off.

    Raises:
        OutputError: it cannot be made or opened, or the output that it lies in is no longer what it was.
        ItemError: `NAME_COLLISION` where a link stands in its place.
    """
    root = held_above(path)
    with with_output_errors(path):
        if root is None and make:
            _make_folder(path)
        if not CAN_OPEN_FOLDERS:
            if root is not None:
                refuse_links(root, path)
                _make_folder(path)
            handle = None
        elif root is None:
            handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        else:
            handle = open_below(root, path, make=make)
    try:
        yield Folder(path, handle, root)
    finally:
        if handle is not None:
            os.close(handle)


def make_folder(path: Path) -> None:
    """Make `path` and those above it; each new entry is flushed to disk.

    Raises:
        OutputError, ItemError: as `open_folder`.
    """
    with open_folder(path):
        pass


def new_file(path: Path, source: Path | None = None) -> None:
    """Make an empty file for a library that opens it by its name; what has the name is removed, a link too.

    Args:
        path: of the file.
        source: who may not read that file may not read this one.

    Raises:
        OutputError, ItemError: as `open_folder`.
    """
    with open_folder(path.parent) as folder, with_output_errors(path):
        folder.create(path, source)


def remove_file(path: Path) -> None:
    """Remove a file of an output, if it is there; no link on the way is followed.

    Raises:
        OutputError, ItemError: as `open_folder`.
    """
    if not os.path.lexists(path):
        return
    with open_folder(path.parent, make=False) as folder, with_output_errors(path):
        folder.remove(path)


def open_own_file(path: Path, flags: int) -> int:
    """Open a file of our own folder for writing in place, such as the manifest; made where it is missing.

    Raises:
        OutputError: a link, a pipe or a device has its name, or another name leads to the same file.
    """
    root = held_above(path)
    mode = 0o666 if root is None else 0o666 & root.mode
    with with_output_errors(path), open_folder(path.parent):
        flags |= _OWN_FILE_FLAGS
        try:
            handle = os.open(path, flags | os.O_CREAT, mode)
        except OSError as error:
            if path.is_symlink():
                raise link_error(path) from error
            raise
        status = os.fstat(handle)
        if stat.S_ISREG(status.st_mode) and status.st_nlink <= 1:
            return handle
        os.close(handle)
        what = "has a second name elsewhere (a hard link)" if stat.S_ISREG(status.st_mode) else "is no file"
        raise OutputError(f"{path} {what} and is not written to; put a copy of it in its place, or remove it")


def append_bytes(handle: int, content: bytes) -> None:
    """Append `content` to a file that was opened for that; it is on disk when this returns.

    Raises:
        OSError: it cannot be written; the file is as long as it was.
    """
    end = os.fstat(handle).st_size
    try:
        written = 0
        while written < len(content):
            written += os.write(handle, content[written:])
        os.fsync(handle)
    except OSError:
        os.ftruncate(handle, end)
        raise


@contextlib.contextmanager
def with_output_errors(path: Path) -> Iterator[None]:
    """Turn every error of the operating system into one of ours about the output `path`.

    Whose trouble an error is, is known by the place: nothing but the output is touched in the block.

    Raises:
        OutputError: it cannot be written.
        ItemError: `NAME_COLLISION` where a folder has the name, `UNSUPPORTED` where it is too long.
    """
    try:
        yield
    except OSError as error:
        raise _output_error(error, path) from error


def _output_error(error: OSError, path: Path) -> ItemError | OutputError:
    if error.errno in (errno.EISDIR, errno.ENOTEMPTY):
        if STATE_FOLDER in path.parts:
            return OutputError(f"{printable(path)} is a folder, where a file of ours should be; take it away")
        return ItemError(Reason.NAME_COLLISION, "a folder of the output has this name")
    if error.errno == errno.ENAMETOOLONG:
        return ItemError(Reason.UNSUPPORTED, "the output's name is too long for its disk")
    return OutputError(f"cannot write {printable(path)}: {error.strerror}")


@contextlib.contextmanager
def _with_errors_of_body(path: Path) -> Iterator[None]:
    """Turn those errors of a body that reads other files too which are the output's."""
    try:
        yield
    except OSError as error:
        if _is_output_error(error, path):
            raise _output_error(error, path) from error
        raise


def _is_output_error(error: OSError, path: Path) -> bool:
    if error.errno in FULL_ERRNOS:
        return True
    named = [
        os.fsdecode(name) for name in (error.filename, error.filename2) if isinstance(name, (str, bytes))
    ]
    if not named:
        # Of open files: those that are read say so as `ItemError`.
        return error.errno in DEVICE_ERRNOS
    ours = {str(path), *(str(folder) for folder in path.parents)}
    return any(name in ours or PART_SUFFIX in name for name in named)


def raise_if_full(folder: Path, nbytes: int = 4096) -> None:
    """Raise `OutputError` where the disk of `folder` has no room for `nbytes` more.

    For writers in C that fail or fall silent on a full disk without saying why.
    """
    if hasattr(os, "statvfs"):
        filesystem = os.statvfs(folder)
        if filesystem.f_bavail * filesystem.f_frsize < nbytes:
            raise OutputError(f"cannot write in {printable(folder)}: {os.strerror(errno.ENOSPC)}")


def _make_folder(folder: Path) -> None:
    """Make `folder` and those above it, outside of any held output."""
    missing = [] if folder.is_dir() else [folder]
    # Not by recursion: a tree may be a thousand folders deep.
    while missing and not missing[-1].parent.is_dir():
        missing.append(missing[-1].parent)
    for made in reversed(missing):
        with with_output_errors(made):
            # Another worker may have made it in between.
            made.mkdir(exist_ok=True)
            sync_folder(made.parent)


def _sync_file(path: Path) -> None:
    """Flush the contents of `path` to disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Flush the names in a folder to disk, on systems where folders can be opened."""
    with open_folder(path, make=False) as folder:
        folder.sync()
