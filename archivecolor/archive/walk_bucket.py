"""The pictures among the objects of a bucket, by the rules by which a tree is walked.

A bucket has no folders: its keys are one list, in which a slash means nothing. Here they are the paths that
the same names would be on a disk. What no disk could hold under its key is passed over, named and counted.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from archivecolor.archive.bucket import Sources, StoredObject
from archivecolor.archive.passed_over import SkippedFiles, SkipReason
from archivecolor.archive.selection import Selection, read_list
from archivecolor.archive.walk import MISSING, PICTURES, FoundFile, WalkRules, extension_of
from archivecolor.settings import SelectionOptions

_MAX_NAME_BYTES = 255
_NO_NAMES = (b"", b".", b"..")
_WINDOWS_FORBIDS = frozenset(b'\\:*?"<>|')


def walk_bucket(
    sources: Sources,
    options: SelectionOptions,
    skipped_files: SkippedFiles,
    extensions: frozenset[bytes] = PICTURES,
) -> Iterator[FoundFile]:
    """Find the objects to look at, bytewise by path, as `walk` does in a folder.

    Memory does not grow with the number of keys.

    Raises:
        UsageError: the list of `options.files_from` cannot be read, or names a path outside.
        UnavailableError: the objects cannot be listed.
    """
    walk = _KeyWalk(WalkRules(Selection(options), extensions), skipped_files)
    if options.files_from is not None:
        return walk.visit_listed(sources.listed(), read_list(options.files_from))
    return walk.visit_all(sources.listed())


class _KeyWalk:
    """One walk over the keys of a bucket."""

    def __init__(self, rules: WalkRules, skipped_files: SkippedFiles) -> None:
        self._rules = rules
        self._skipped_files = skipped_files
        # The folder, with its slash, that was passed over last: all that is in it follows.
        self._left_out = b""
        # The folder of the last key that was looked at, whose names are reason for nothing.
        self._looked_at = b""
        # Pictures whose key is the beginning of the one that is looked at.
        self._taken: list[bytes] = []

    def visit_all(self, objects: Iterator[StoredObject]) -> Iterator[FoundFile]:
        """The objects that are taken for pictures by their keys."""
        for stored in objects:
            path = os.fsencode(stored.path)
            if _stands_for_folder(path, stored) or (self._left_out and path.startswith(self._left_out)):
                continue
            if reason := self._folder_skip_reason(path):
                self._skipped_files.add(reason, self._left_out.rstrip(b"/"))
            elif reason := self._skip_reason(path, stored):
                self._skipped_files.add(reason, path)
            elif detail := self._why_no_name(path):
                self._skipped_files.add(SkipReason.NO_NAME, path, detail)
            else:
                yield self._found(path, stored)

    def visit_listed(self, objects: Iterator[StoredObject], wanted: list[bytes]) -> Iterator[FoundFile]:
        """The listed objects, whatever their extension; hidden ones too, as they were asked for by name."""
        selection, left = self._rules.selection, wanted[::-1]
        for stored in objects:
            path = os.fsencode(stored.path)
            while left and left[-1] < path:
                yield FoundFile(os.fsdecode(left.pop()), MISSING, 0)
            if not left or left[-1] != path:
                continue
            left.pop()
            if any(map(selection.excludes, _with_parents(path))) or not selection.includes(path):
                self._skipped_files.add(SkipReason.EXCLUDED, path)
            elif extension_of(path) == b".xmp":
                self._skipped_files.add(SkipReason.SIDECAR, path)
            elif selection.too_recent(stored.mtime_ns):
                self._skipped_files.add(SkipReason.RECENT, path)
            elif detail := self._why_no_name(path):
                self._skipped_files.add(SkipReason.NO_NAME, path, detail)
            else:
                yield self._found(path, stored)
        for path in reversed(left):
            yield FoundFile(os.fsdecode(path), MISSING, 0)

    def _folder_skip_reason(self, path: bytes) -> SkipReason | None:
        """The reason to pass over a folder of a key; all of it then is."""
        folder = path[: path.rfind(b"/") + 1]
        if folder != self._looked_at:
            for above in _with_parents(folder[:-1]) if folder else ():
                is_name = above.rpartition(b"/")[2] not in _NO_NAMES
                if is_name and (reason := self._rules.name_skip_reason(above, is_folder=True)):
                    self._left_out = above + b"/"
                    return reason
            self._looked_at = folder
        return None

    def _skip_reason(self, path: bytes, stored: StoredObject) -> SkipReason | None:
        """The reason to pass over a key whose folders are none."""
        reason = self._rules.name_skip_reason(path, is_folder=False) or self._rules.file_skip_reason(path)
        if reason is None and self._rules.selection.too_recent(stored.mtime_ns):
            return SkipReason.RECENT
        return reason

    def _why_no_name(self, path: bytes) -> str:
        """Why no file below a folder could have this name; empty where one can."""
        for name in path.split(b"/"):
            if name in _NO_NAMES or b"\0" in name:
                return "it has an empty or dotted part, or a NUL"
            if len(name) > _MAX_NAME_BYTES:
                return f"a part of it has more than {_MAX_NAME_BYTES} bytes"
            if os.name == "nt" and not _WINDOWS_FORBIDS.isdisjoint(name):
                return "Windows allows no file of this name"
        while self._taken and not path.startswith(self._taken[-1]):
            self._taken.pop()
        if any(path.startswith(taken + b"/") for taken in self._taken):
            return "what would be its folder is a picture"
        return ""

    def _found(self, path: bytes, stored: StoredObject) -> FoundFile:
        self._taken.append(path)
        return FoundFile(os.fsdecode(path), stored.nbytes, stored.mtime_ns, etag=stored.etag)


def _stands_for_folder(path: bytes, stored: StoredObject) -> bool:
    """Whether an object is what some programs leave in the place of an empty folder."""
    return not path or (path.endswith(b"/") and not stored.nbytes)


def _with_parents(path: bytes) -> Iterator[bytes]:
    """The folders above a path, from the outermost, and itself."""
    parts = path.split(b"/")
    return (b"/".join(parts[:count]) for count in range(1, len(parts) + 1))
