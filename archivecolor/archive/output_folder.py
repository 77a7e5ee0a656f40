"""The output folders that the runs of this process hold on to.

A run ends in the folder that it began in. Once a folder is held, whatever is written below it first sees
that its path still leads to that very folder, and goes there a step at a time, following no link: a disk
that was unmounted is not written on from beneath, and a link does not lead a derivative over a scan.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from archivecolor.archive.layout import STATE_FOLDER
from archivecolor.errors import ItemError, OutputError, Reason

ALL_MAY_READ = 0o777
# Systems where folders cannot be opened are asked for the real path of a folder instead.
CAN_OPEN_FOLDERS = os.open in os.supports_dir_fd and hasattr(os, "O_DIRECTORY")


@dataclass(frozen=True)
class OutputFolder:
    """An output folder as it was when the run began.

    Attributes:
        path: absolute.
        device: that it lies on.
        inode: its number there.
        mode: permissions that what is made in it may have at most, such as 0o750.
        sources: the input folder, whose folders those in the output are like; None without one.
    """

    path: Path
    device: int
    inode: int
    mode: int = ALL_MAY_READ
    sources: Path | None = None

    def mode_of_folder(self, names: tuple[str, ...]) -> int:
        """What a folder of it may have at most, by the names that lead there: as that of its sources."""
        if self.sources is None:
            return self.mode & ALL_MAY_READ
        return self.mode & permissions_of(self.sources.joinpath(*names)) & ALL_MAY_READ

    def mode_of_file(self, source: Path | None) -> int:
        """What a file made in it of `source` may have at most: who cannot reach that, cannot read this."""
        if source is None:
            return self.mode
        mode = self.mode & permissions_of(source)
        folder = source.parent
        while self.sources is not None and folder != self.sources and self.sources in folder.parents:
            mode &= permissions_of(folder)
            folder = folder.parent
        return mode

    def check(self) -> None:
        """See that the path still leads to this folder.

        Raises:
            OutputError: it was moved, deleted, unmounted or replaced.
        """
        try:
            self._compare(self.path.stat())
        except OSError as error:
            raise self._gone(error.strerror or "") from error

    def open(self) -> int:
        """A descriptor of the folder.

        Raises:
            OutputError: as `check`.
        """
        try:
            handle = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise self._gone(error.strerror or "") from error
        try:
            self._compare(os.fstat(handle))
        except BaseException:
            os.close(handle)
            raise
        return handle

    def _compare(self, status: os.stat_result) -> None:
        if (status.st_dev, status.st_ino) != (self.device, self.inode):
            raise self._gone("another folder is in its place")

    def _gone(self, why: str) -> OutputError:
        return OutputError(
            f"the output {self.path} is no longer what it was when the run began ({why}): moved, unmounted "
            "or replaced? What is finished is safe; put it back and run again"
        )


_held: list[OutputFolder] = []


@contextmanager
def hold_output(path: Path, sources: Path | None = None) -> Iterator[OutputFolder]:
    """Hold on to the folder `path` while the block runs.

    Args:
        path: of the folder, which must be there.
        sources: the input folder; what is made in the output may be read by nobody who may not read that.

    Raises:
        OutputError: it cannot be opened.
    """
    try:
        # While it is open its number cannot become another folder's.
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY) if CAN_OPEN_FOLDERS else None
        status = path.stat() if handle is None else os.fstat(handle)
    except OSError as error:
        raise OutputError(f"cannot write in {path}: {error.strerror}") from error
    mode = ALL_MAY_READ if sources is None else permissions_of(sources)
    folder = OutputFolder(path.absolute(), status.st_dev, status.st_ino, mode, sources)
    _held.append(folder)
    try:
        yield folder
    finally:
        _held.remove(folder)
        if handle is not None:
            os.close(handle)


def permissions_of(path: Path) -> int:
    """Who may read a source; its owner always may."""
    try:
        return stat.S_IMODE(path.stat().st_mode) | stat.S_IRWXU
    except OSError:
        return ALL_MAY_READ


def group_of(path: Path) -> int | None:
    """The group of a file; None where nobody can say."""
    try:
        return path.stat().st_gid
    except OSError:
        return None


def held_folders() -> tuple[OutputFolder, ...]:
    """The folders that are held now, for a worker process to `adopt`."""
    return tuple(_held)


def adopt(folders: tuple[OutputFolder, ...]) -> None:
    """Hold on to the folders that the parent of this worker process holds open."""
    _held[:] = folders


@contextmanager
def held_as_well(folders: tuple[OutputFolder, ...]) -> Iterator[None]:
    """Hold on to folders that a run on another machine holds open, beside whatever is held here."""
    _held.extend(folders)
    try:
        yield
    finally:
        for folder in folders:
            _held.remove(folder)


def held_above(path: Path) -> OutputFolder | None:
    """The innermost held folder that `path` lies in, or is."""
    whole = path.absolute()
    around = [folder for folder in _held if whole.is_relative_to(folder.path)]
    return max(around, key=lambda folder: len(folder.path.parts), default=None)


def open_below(root: OutputFolder, folder: Path, *, make: bool) -> int:
    """Open `folder`, which is `root` or lies below it, a step at a time.

    Args:
        root: a held folder.
        folder: in it.
        make: the missing ones are made; without it the first is a `FileNotFoundError`.

    Returns:
        A descriptor, for the caller to close.

    Raises:
        OutputError: `root` is gone, or a link stands where a folder of ours should.
        ItemError: `NAME_COLLISION` where one stands in the way of a derivative.
        OSError: a folder cannot be opened or made.
    """
    names = folder.absolute().relative_to(root.path).parts
    handle = root.open()
    try:
        for count, name in enumerate(names, start=1):
            mode = root.mode_of_folder(names[:count]) if make else None
            below = _open_step(handle, name, root.path.joinpath(*names[:count]), mode)
            os.close(handle)
            handle = below
    except BaseException:
        os.close(handle)
        raise
    return handle


def _open_step(above: int, name: str, path: Path, mode: int | None) -> int:
    """Open the folder `name` of an open folder; made with `mode` where it is missing, unless that is None."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    try:
        return os.open(name, flags, dir_fd=above)
    except FileNotFoundError as error:
        if mode is None:
            raise FileNotFoundError(error.errno, error.strerror, str(path)) from error
    except OSError as error:
        if path.is_symlink():
            raise link_error(path) from error
        raise OSError(error.errno, error.strerror, str(path)) from error
    try:
        os.mkdir(name, mode, dir_fd=above)
        os.fsync(above)
    except FileExistsError:
        pass  # another worker has made it in between
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # no flush for folders there
            raise OSError(error.errno, error.strerror, str(path)) from error
    return _open_step(above, name, path, None)


def refuse_links(root: OutputFolder, folder: Path) -> None:
    """Where folders cannot be opened: see that the real path of `folder` is the one it has below `root`.

    Raises:
        OutputError, ItemError: as `open_below`.
    """
    root.check()
    names = folder.absolute().relative_to(root.path).parts
    for count in range(1, len(names) + 1):
        path = root.path.joinpath(*names[:count])
        if path.resolve() != root.path.resolve().joinpath(*names[:count]):
            raise link_error(path)


def link_error(path: Path) -> OutputError | ItemError:
    """The error for a link in an output: it costs the derivative that it stands in the way of."""
    message = f"{path} is a link; links in an output are not followed: put a folder, or a mount, in its place"
    if STATE_FOLDER in path.parts:
        return OutputError(message)
    return ItemError(Reason.NAME_COLLISION, message)
