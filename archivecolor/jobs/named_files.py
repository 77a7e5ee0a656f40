"""Photographs given by name: which files they are, and which files are made of them."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from archivecolor.archive.names import BESIDE, FORMAT_EXTENSIONS, names_file, output_name
from archivecolor.archive.walk import FILMS, extension_of
from archivecolor.errors import InputNotFoundError, UsageError
from archivecolor.jobs.photograph import SUFFIX_FORMATS
from archivecolor.printable import printable
from archivecolor.settings import PhotoSettings


@dataclass(frozen=True)
class NamedFile:
    """One photograph and what is to be made of it.

    Attributes:
        name: as people gave it.
        source: the file.
        target: the coloured file.
        copy: the file of a picture that is left alone and copied; its name tells the source's own format.
        format: of the coloured file.
    """

    name: str
    source: Path
    target: Path
    copy: Path
    format: str


def named_photographs(settings: PhotoSettings, names: Mapping[Path, str]) -> list[NamedFile]:
    """The photographs that were asked for, each once; earlier outputs among them are left out.

    Args:
        settings: their inputs and output.
        names: what sources are called, where not by their paths.

    Raises:
        UsageError: one is no file, two have one target, or a target is a source; nothing was done.
    """
    sources = list(dict.fromkeys(path for given in settings.input for path in _expanded(given)))
    for source in sources:
        _refuse_what_is_no_photograph(source)
    files = [_named(source, names.get(source, str(source)), settings, len(sources)) for source in sources]
    made = {file.target for file in files if file.target.exists()}
    # A glob finds what the same command made before.
    files = [file for file in files if file.source not in made or len(files) == 1]
    _refuse_shared_targets(files)
    return files


def _expanded(given: Path) -> Iterator[Path]:
    """The file itself, or the files that a glob finds which no shell has resolved."""
    if os.path.lexists(given) or not glob.has_magic(str(given)):
        yield given
        return
    found = sorted(glob.glob(str(given), recursive=True))  # noqa: PTH207 - of any folder
    if not found:
        raise InputNotFoundError(f"no file is called {printable(given)}", given)
    yield from map(Path, found)


def _refuse_what_is_no_photograph(source: Path) -> None:
    shown = printable(source)
    if source.is_dir():
        # Beside a folder such as `.`, which has no name here, nothing can be named.
        output = f"{shown}{BESIDE}" if source.name not in ("", "..") else "OUT"
        raise UsageError(f"{shown} is a folder; for all its photographs: archivecolor dir {shown} {output}")
    if not source.exists():
        raise InputNotFoundError(f"the photograph {shown} does not exist", source)
    if extension_of(os.fsencode(source.name)) in FILMS:
        raise UsageError(f"{shown} is a film; for films: archivecolor video {shown}")


def _named(source: Path, name: str, settings: PhotoSettings, count: int) -> NamedFile:
    output = settings.output
    if output is not None and names_file(output, SUFFIX_FORMATS, FORMAT_EXTENSIONS.values()):
        if count > 1:
            raise UsageError(
                f"--output is the file {printable(output)}, but there are {count} photographs; give a folder"
            )
        return NamedFile(name, source, output, output, _format_of(output, settings))
    folder = source.parent if output is None else output
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--output {printable(folder)} is neither a folder nor called like a picture")
    beside = folder.exists() and folder.samefile(source.parent)
    coloured = output_name(source.name, settings.format)
    if beside:
        coloured, copied = _beside(coloured), _beside(source.name)
    else:
        copied = source.name
    return NamedFile(name, source, folder / coloured, folder / copied, settings.format)


def _beside(name: str) -> str:
    path = Path(name)
    return f"{path.stem}{BESIDE}{path.suffix}"


def _format_of(output: Path, settings: PhotoSettings) -> str:
    """The format that an output's name asks for, where the options do not."""
    named = SUFFIX_FORMATS[output.suffix.lower()]
    return named if settings.format == "keep" and named in FORMAT_EXTENSIONS else settings.format


def _refuse_shared_targets(files: Iterable[NamedFile]) -> None:
    sources = {_identity(file.source): file.source for file in files}
    owners: dict[Path, NamedFile] = {}
    for file in files:
        for target in {file.target, file.copy}:
            scan = sources.get(_identity(target))
            if scan is not None:
                raise UsageError(
                    f"{printable(target)} is a scan itself, which is never written over; "
                    "give another name with --output"
                )
            owner = owners.setdefault(target, file)
            if owner is not file:
                raise UsageError(
                    f"{printable(file.source)} and {printable(owner.source)} would both be "
                    f"{printable(target)}; colour them one by one, or into two folders"
                )


def _identity(path: Path) -> tuple[int, int] | Path:
    try:
        about = path.stat()
    except OSError:
        return path
    return about.st_dev, about.st_ino
