"""Files that are born whole: written beside their name, flushed to disk, renamed.

`atomic_write` gives a hidden part file beside the target. After a crash at any moment the target is
either as it was before or complete, and what a dead run left behind is known by its name
(`remove_stale_parts`).
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from archivecolor.archive.tree import files_under
from archivecolor.errors import ItemError, OutputError, Reason

PART_SUFFIX = ".archivecolor-part"
# Tools that rewrite a part put a name of their own behind its: `_exiftool_tmp`.
RESERVED_NAME_BYTES = 13

# Nothing but a write meets these.
WRITE_ERRNOS = frozenset({errno.ENOSPC, errno.EROFS, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)})
# These may come from reading a source too, so they count only where they name our side.
ACCESS_ERRNOS = frozenset({errno.EACCES, errno.EPERM, errno.ENOENT, errno.EEXIST, errno.ENOTDIR, errno.EIO})


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Give a part file beside `path`, and rename it to `path` once it is safely on disk.

    The part exists and is empty when the body starts; missing folders above `path` are made.
    Where the body raises, the part is removed and `path` stays as it was.

    Raises:
        OutputError: the folder is missing, read-only or full.
        ItemError: `NAME_COLLISION` where a folder has the name, `UNSUPPORTED` where it is too long.
    """
    with with_output_errors(path):
        make_folder(path.parent)
        part = part_path(path)
        create_empty(part)
        try:
            yield part
            sync_file(part)
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


@contextlib.contextmanager
def with_output_errors(path: Path) -> Iterator[None]:
    """Turn operating system errors about the output file `path` into errors of ours."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.EISDIR, errno.ENOTEMPTY) and names_output(error, path):
            raise ItemError(Reason.NAME_COLLISION, "a folder of the output has this name") from error
        if error.errno == errno.ENAMETOOLONG and names_output(error, path):
            raise ItemError(Reason.UNSUPPORTED, "the output's name is too long for its disk") from error
        if is_output_error(error, path):
            raise OutputError(f"cannot write {printable_path(path)}: {error.strerror}") from error
        raise


def is_output_error(error: OSError, path: Path) -> bool:
    """Whether `error` says that `path` cannot be written, rather than that a source cannot be read."""
    if error.errno in WRITE_ERRNOS:
        return True
    return error.errno in ACCESS_ERRNOS and names_output(error, path)


def names_output(error: OSError, path: Path) -> bool:
    """Whether `error` names `path`, its part or a folder above it."""
    named = [
        os.fsdecode(name) for name in (error.filename, error.filename2) if isinstance(name, (str, bytes))
    ]
    ours = {str(path), *(str(folder) for folder in path.parents)}
    return any(name in ours or PART_SUFFIX in name for name in named)


def raise_if_full(folder: Path, nbytes: int = 4096) -> None:
    """Raise `OutputError` where the disk of `folder` has no room for `nbytes` more.

    For writers in C that fail or fall silent on a full disk without saying why.
    """
    if hasattr(os, "statvfs"):
        filesystem = os.statvfs(folder)
        if filesystem.f_bavail * filesystem.f_frsize < nbytes:
            raise OutputError(f"cannot write in {printable_path(folder)}: {os.strerror(errno.ENOSPC)}")


def part_path(path: Path) -> Path:
    """The part file of `path` for this process: hidden, ours by its suffix, short enough for the disk."""
    tail = f".{os.getpid()}{PART_SUFFIX}"
    limit = max_name_bytes(path.parent) - len(tail) - 1 - RESERVED_NAME_BYTES
    return path.parent / f".{shorten_name(path.name, limit)}{tail}"


def shorten_name(name: str, limit: int) -> str:
    """`name`, or where it has more than `limit` bytes its start and a digest of the whole."""
    whole = os.fsencode(name)
    if len(whole) <= limit:
        return name
    digest = hashlib.sha256(whole).hexdigest()[:16]
    # A cut inside a character would make a name that some file systems refuse.
    start = whole[: limit - len(digest) - 1].decode("utf-8", "ignore")
    return f"{start}-{digest}"


def max_name_bytes(folder: Path) -> int:
    """Longest file name that `folder` can hold, in bytes."""
    if hasattr(os, "pathconf"):
        return os.pathconf(folder, "PC_NAME_MAX")
    return 255


def create_empty(part: Path) -> None:
    """Make `part` anew; a link planted under its name is removed, never written through."""
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))


def make_folder(folder: Path) -> None:
    """Make `folder` and those above it; each new entry is flushed to disk."""
    missing = [] if folder.is_dir() else [folder]
    # Not by recursion: a tree may be a thousand folders deep.
    while missing and not missing[-1].parent.is_dir():
        missing.append(missing[-1].parent)
    for made in reversed(missing):
        with with_output_errors(made):
            # Another worker may have made it in between.
            made.mkdir(exist_ok=True)
            sync_folder(made.parent)


def sync_file(path: Path) -> None:
    """Flush the contents of `path` to disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Flush the names in `folder` to disk, on systems where folders can be opened."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    except OSError as error:
        # Some network file systems have no flush for folders.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)


def remove_stale_parts(root: Path) -> int:
    """Remove the part files that dead runs left under `root`; returns how many.

    Call it with the lock of `root` held: parts of a living run look the same.
    """
    count = 0
    # A folder that cannot be listed keeps its parts: they cost room, and nothing else.
    for path in files_under(root, lambda *_: None):
        name = path.rpartition("/")[2]
        if name.startswith(".") and PART_SUFFIX in name[-len(PART_SUFFIX) - RESERVED_NAME_BYTES :]:
            part = root / path
            with with_output_errors(part):
                part.unlink(missing_ok=True)
            count += 1
    return count


def printable_path(path: Path | str) -> str:
    """`path` as any terminal and log can take it: bytes that are not UTF-8 as escapes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
