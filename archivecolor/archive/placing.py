"""Finished files of one output brought into another: linked where the disk can, else copied.

No file is written over.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
from pathlib import Path

from archivecolor.archive.atomic import (
    atomic_link,
    atomic_write,
    open_folder,
    remove_file,
    sync_folder,
    with_output_errors,
)
from archivecolor.archive.fixity import CHUNK_BYTES, sha256_of
from archivecolor.archive.record import Output, Record
from archivecolor.errors import ItemError, Reason

# Another disk, a file system without second names, or one that has no more of them for this file.
_NO_LINK = frozenset({errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK, errno.ENOTSUP, errno.ENOSYS})


class Placer:
    """Brings files from one folder into another under the same relative names.

    Args:
        source: the folder they are in.
        target: the folder they are brought into, held by `output_folder.hold_output`.
        copy: they are copied also where they could be linked.
    """

    def __init__(self, source: Path, target: Path, *, copy: bool) -> None:
        self._source = source
        self._target = target
        self._copy = copy
        self._folders: set[Path] = set()

    def check(self, record: Record) -> None:
        """See that the derivative of a record is as recorded, and its name free or already its own.

        Raises:
            ItemError: `VANISHED`; `BY_HAND` where it is not as recorded; `PERMISSION` where it cannot be
                read; `NAME_COLLISION` where something else has its name.
        """
        assert record.output is not None, "only derivatives are placed"
        try:
            self._check_source(record, record.output)
            self._is_there(record.output)
        except OSError as error:
            raise ItemError(Reason.PERMISSION, f"it cannot be read: {error.strerror}") from error

    def place(self, record: Record) -> None:
        """Bring the derivative of a record over; nothing where it is there already.

        Raises:
            ItemError: as `check`.
            OutputError: the target cannot be written.
        """
        assert record.output is not None, "only derivatives are placed"
        self.check(record)
        self.place_file(record.output.path, record.output.sha256)

    def place_file(self, name: str, sha256: str | None = None) -> None:
        """Bring one file over, or the link that it is; nothing where the name is taken.

        Args:
            name: relative to both folders.
            sha256: of its bytes, where that is known; a copy is compared with it.

        Raises:
            ItemError: `READ_ERROR` where a copy has other bytes.
            OutputError: the target cannot be written.
        """
        source, target = self._source / name, self._target / name
        if os.path.lexists(target):
            return
        if source.is_symlink():
            atomic_link(target, source.readlink())
        elif self._copy or not self._linked(source, target):
            _copy(source, target, sha256)

    def replace_file(self, name: str) -> None:
        """Bring over a file of ours that describes what was placed; any other there describes another."""
        source, target = self._source / name, self._target / name
        if os.path.lexists(target) and (source.samefile(target) or _same_bytes(source, target)):
            return
        remove_file(target)
        self.place_file(name)

    def sync(self) -> None:
        """Flush the new names to disk: call it before a manifest names them."""
        for folder in sorted(self._folders):
            sync_folder(folder)
        self._folders.clear()

    def _check_source(self, record: Record, output: Output) -> None:
        path = self._source / output.path
        try:
            about = path.lstat()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise ItemError(Reason.VANISHED, "its output is not in the share") from error
        if stat.S_ISLNK(about.st_mode):
            if record.reason is not Reason.LINKED:
                raise ItemError(Reason.BY_HAND, "its output in the share is a link, which no run put there")
            return
        is_same = about.st_size == output.bytes and about.st_mtime_ns == output.mtime_ns
        if not is_same and (about.st_size != output.bytes or sha256_of(path) != output.sha256):
            raise ItemError(
                Reason.BY_HAND,
                "its output is not as recorded; the same run over the share takes note of that",
            )

    def _is_there(self, output: Output) -> bool:
        source, target = self._source / output.path, self._target / output.path
        if not os.path.lexists(target):
            return False
        if target.is_symlink() or source.is_symlink():
            is_same = target.is_symlink() and source.is_symlink() and target.readlink() == source.readlink()
        else:
            is_same = target.is_file() and (
                target.samefile(source)
                or (target.stat().st_size == output.bytes and sha256_of(target) == output.sha256)
            )
        if not is_same:
            raise ItemError(Reason.NAME_COLLISION, f"something else is there already: {target}")
        return True

    def _linked(self, source: Path, target: Path) -> bool:
        """Whether the file has a second name now."""
        with open_folder(target.parent) as folder, with_output_errors(target):
            folder.check()
            try:
                target.hardlink_to(source)
            except OSError as error:
                if error.errno in _NO_LINK:
                    return False
                raise
        self._folders.add(target.parent)
        return True


def _copy(source: Path, target: Path, sha256: str | None) -> None:
    digest = hashlib.sha256()
    with atomic_write(target, source) as part:
        try:
            with source.open("rb") as old, part.open("wb") as new:
                while chunk := old.read(CHUNK_BYTES):
                    digest.update(chunk)
                    new.write(chunk)
            shutil.copystat(source, part)
        except OSError as error:
            if error.filename is None or Path(os.fsdecode(error.filename)) != source:
                raise
            raise ItemError(Reason.PERMISSION, f"it cannot be read: {error.strerror}") from error
        if sha256 is not None and digest.hexdigest() != sha256:
            raise ItemError(Reason.READ_ERROR, "its copy has other bytes than recorded; is a disk failing?")


def _same_bytes(one: Path, other: Path) -> bool:
    return one.stat().st_size == other.stat().st_size and sha256_of(one) == sha256_of(other)
