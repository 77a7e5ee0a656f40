"""Input and output folders that would do harm are refused before any work."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from archivecolor.archive.atomic import make_folder, open_folder, sync_folder, with_output_errors
from archivecolor.archive.bucket import Bucket
from archivecolor.archive.layout import Layout
from archivecolor.archive.output_folder import ALL_MAY_READ, hold_output, permissions_of
from archivecolor.archive.parts import part_path
from archivecolor.archive.walk import FILMS, PICTURES, FoundFile, extension_of
from archivecolor.errors import InputGoneError, InputNotFoundError, ItemError, Reason, UsageError
from archivecolor.printable import printable
from archivecolor.settings import BucketPath


def check_folders(source: Path, output: Path, for_one: str = "") -> None:
    """Refuse folders that cannot be a run's IN and OUT; writes nothing.

    Folders are told apart by what they are, not by name: links, case and mounts are seen through.
    `for_one` is the command that takes one photograph in the place of IN.

    Raises:
        UsageError: IN is missing or no folder, OUT is a file, one is the other or lies inside it.
        UnavailableError: IN is a bucket that cannot be listed.
    """
    if isinstance(source, BucketPath):
        Bucket(source).is_empty()  # what cannot be listed is said before anything is made
        _check_output(output)
        return
    if not source.exists():
        raise InputNotFoundError(
            f"the input {printable(source)} does not exist; give the folder that holds the pictures",
            source,
        )
    if not source.is_dir():
        shown = printable(source)
        command = f"for one photograph: archivecolor {for_one} {shown}" if for_one else "give its folder"
        raise UsageError(f"the input {shown} is a file, not a folder; {command}")
    _check_output(output)
    if output.exists() and source.samefile(output):
        raise UsageError("input and output are the same folder; sources are never written over: give another")
    if lies_in(output, source):
        raise UsageError(
            f"the output {output} lies inside the input; the next run would colour it again: "
            "give a folder outside"
        )
    if lies_in(source, output):
        raise UsageError(
            f"the input {source} lies inside the output; its files could be written over: give another output"
        )


def _check_output(output: Path) -> None:
    if output.exists() and not output.is_dir():
        raise UsageError(f"the output {output} is not a folder; give a folder, new or used before")


def lies_in(inner: Path, outer: Path) -> bool:
    """Whether `inner`, which may not exist yet, would be somewhere below `outer`."""
    if not outer.exists():
        return False
    return any(folder.exists() and folder.samefile(outer) for folder in inner.resolve().parents)


def refuse_source_as_target(source: Path, target: Path) -> None:
    """Refuse an output file that is the source itself, reached through a link inside OUT.

    Raises:
        ItemError: `NAME_COLLISION`.
    """
    # Not `Path.exists`, which raises where the path is too long: whoever writes there says so.
    if os.path.exists(target) and target.samefile(source):  # noqa: PTH110
        raise ItemError(
            Reason.NAME_COLLISION,
            f"its output {target} is the source itself, reached through a link; take the link away",
        )


def refuse_scan_as_target(path: Path | None) -> None:
    """Refuse to write a table, a log or the like over a picture or film: a slip that would cost a scan.

    Raises:
        UsageError: it is there, and has the extension of one, by any name that leads to it.
    """
    if path is None or not path.exists():
        return
    names = (os.fsencode(path), os.fsencode(os.path.realpath(path)))
    if any(extension_of(name) in PICTURES | FILMS for name in names):
        raise UsageError(
            f"{printable(path)} is a picture or film, which is never written over; give another name"
        )


def refuse_foreign_target(path: Path, is_ours: Callable[[Path], bool], what: str) -> None:
    """Refuse to write a file of ours over anything but an earlier one of its kind.

    Args:
        path: that is to be written.
        is_ours: whether a file that is there is of the kind.
        what: the kind in words, "file of decisions".

    Raises:
        UsageError: something else is there, or what is there cannot be read.
    """
    try:
        if path.is_dir():
            raise UsageError(f"{printable(path)} is a folder; name a file in it")
        if path.is_symlink():
            raise UsageError(f"{printable(path)} is a link; give the file that it leads to")
        if not path.exists():
            return
        refuse_scan_as_target(path)
        if not path.is_file() or not is_ours(path):
            raise UsageError(f"{printable(path)} is there and is no {what}; give another name")
    except OSError as error:
        raise UsageError(f"{printable(path)}: {error.strerror}; give another name") from error


class SourceIdentities:
    """What the sources of a run are, whatever names lead to them: to refuse writing over one.

    Mounts and second names (hard links) are seen through: files and folders are told apart by device and
    inode. Links in the output cost the items behind them, when these are written (`output_folder`).

    Args:
        source: the input folder.
        output: the output folder.

    Attributes:
        paths: of the sources that passed, relative to the input folder.
    """

    def __init__(self, source: Path, output: Path) -> None:
        self._source = source
        self._output = output
        self._folders: dict[str, None] = {}
        self.paths: list[str] = []

    def watch(self, found: Iterable[FoundFile]) -> Iterator[FoundFile]:
        """Take note of each source that passes."""
        for file in found:
            self.add(file.path)
            yield file

    def add(self, path: str) -> None:
        """Take note of a source, by its relative path."""
        self.paths.append(path)
        folder = path.rpartition("/")[0]
        if folder not in self._folders:
            self._folders.update(dict.fromkeys(_with_parents(folder)))

    def refuse_as_targets(self, targets: Iterable[str]) -> None:
        """Refuse outputs in a folder of sources, or in the place of a source.

        Args:
            targets: relative paths of outputs.

        Raises:
            UsageError: with the first of them.
        """
        targets = list(targets)
        sources = {_identity(f"{self._source}/{folder}"): folder for folder in self._folders}
        written = {name: None for target in targets for name in _with_parents(target.rpartition("/")[0])}
        for folder in written:
            identity = _identity(f"{self._output}/{folder}")
            if identity is not None and identity in sources and not self._is_behind_link(folder):
                raise _overwriting(self._output / folder, self._source / sources[identity])
        self._refuse_second_names(targets)

    def _is_behind_link(self, folder: str) -> bool:
        return any(name and (self._output / name).is_symlink() for name in _with_parents(folder))

    def _refuse_second_names(self, targets: list[str]) -> None:
        linked = {
            _identity(path): path
            for target in targets
            if (path := self._output / target).is_file() and path.lstat().st_nlink > 1
        }
        for name in self.paths if linked else ():
            identity = _identity(self._source / name)
            if identity is not None and identity in linked:
                raise _overwriting(linked[identity], self._source / name)


def _with_parents(folder: str) -> list[str]:
    """A relative folder and all above it, the root as an empty name."""
    names = folder.split("/") if folder else []
    return ["", *("/".join(names[:count]) for count in range(1, len(names) + 1))]


def _identity(path: Path | str) -> tuple[int, int] | None:
    try:
        # A `Path` takes itself apart first: long, where a tree is deep.
        status = os.stat(path)  # noqa: PTH116
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _overwriting(target: Path, source: Path) -> UsageError:
    return UsageError(
        f"{printable(target)} in the output is {printable(source)} of the input, by a mount or a "
        "second name; sources are never written over: take it away, or give another output"
    )


def refuse_emptied_input(source: Path, known: int) -> None:
    """Refuse an input that holds nothing at all though earlier runs found something there.

    Args:
        source: the input folder.
        known: how many items the manifest knows.

    Raises:
        InputGoneError: it is empty.
        InputNotFoundError: it is a bucket in which there is nothing at this address, nor ever was.
    """
    if isinstance(source, BucketPath):
        _refuse_empty_bucket(source, known)
        return
    if known and not any(source.iterdir()):
        raise InputGoneError(
            f"the input {source} is empty, and {known} items of it were seen before; is its disk mounted?"
        )


def _refuse_empty_bucket(source: BucketPath, known: int) -> None:
    if not Bucket(source).is_empty():
        return
    if known:
        raise InputGoneError(
            f"there is nothing at {source}, and {known} items of it were seen before; is it the right bucket?"
        )
    raise InputNotFoundError(f"there is nothing at {source}; see how bucket and prefix are spelled", source)


def refuse_lost_input(known: Iterable[str], roots: Iterable[Path], sources: Iterable[Path]) -> None:
    """Refuse inputs of which nothing is there that earlier runs found, nor anything new.

    Args:
        known: relative paths of what the manifest knows.
        roots: the input folders.
        sources: what this run has found.

    Raises:
        InputGoneError: nothing is left but, perhaps, a notice that the disk is not mounted.
    """
    known, roots = list(known), list(roots)
    # A bucket has no other notice of being away than that there is nothing in it.
    if any(isinstance(root, BucketPath) for root in roots) or any(map(os.path.lexists, sources)):
        return
    # The first that is there ends the search.
    if known and not any(os.path.lexists(root / path) for path in known for root in roots):
        raise InputGoneError(
            f"nothing of the {len(known)} items that were seen before is left in {roots[0]}; "
            "is its disk mounted?"
        )


def prepare_output(output: Path, sources: Path | None = None) -> None:
    """Make OUT and the folder of its manifest, and see that they can be written.

    Args:
        output: the folder.
        sources: the input folder; a new OUT may be read by nobody who may not read that.

    Raises:
        OutputError: they cannot be made or written.
    """
    if not output.is_dir():
        make_folder(output.parent)
        mode = ALL_MAY_READ if sources is None else permissions_of(sources) & ALL_MAY_READ
        with with_output_errors(output):
            output.mkdir(mode, exist_ok=True)
            sync_folder(output.parent)
    with hold_output(output, sources):
        make_folder(Layout(output).state)
        probe = part_path(Layout(output).state / "probe")
        with open_folder(probe.parent) as folder, with_output_errors(probe.parent):
            folder.create(probe)
            folder.remove(probe)
