"""The output folders of a run: what is coloured into each, and what of that is taken."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from archivecolor.archive.plan import FILM
from archivecolor.archive.walk import FILMS, FoundFile, extension_of
from archivecolor.jobs.items import PHOTO, ItemSource
from archivecolor.settings import DirSettings, VideoSettings


@dataclass(frozen=True)
class FolderJob:
    """An output folder and what is coloured into it.

    Attributes:
        path: as it was asked for.
        sources: in the order in which they are worked on.
        photographs: settings of its photographs, None where none are asked for.
        films: settings of its films, None where none are asked for.
    """

    path: Path
    sources: tuple[ItemSource, ...]
    photographs: DirSettings | None
    films: VideoSettings | None

    @property
    def roots(self) -> tuple[Path, ...]:
        """The folders of its sources, each once."""
        return tuple(dict.fromkeys(source.root for source in self.sources))


@dataclass(frozen=True)
class Choice:
    """What of its inputs a run takes, of all that its settings take.

    Attributes:
        named: of a folder's photographs and films these alone, relative to it; None for all.
        is_ready: which files are taken; the others are for a later run. None for all.
    """

    named: tuple[str, ...] | None = None
    is_ready: Callable[[FoundFile], bool] | None = None


EVERYTHING = Choice()


def chosen(folder: FolderJob, choice: Choice) -> FolderJob:
    """The same with what is chosen alone."""
    if choice.named is not None:
        folder = _with_named(folder, choice.named)
    return folder if choice.is_ready is None else _with_ready(folder, choice.is_ready)


def of_one_runtime(folder: FolderJob, runtime: str) -> FolderJob:
    """The same, where outputs that another runtime made are made anew."""
    return replace(folder, sources=tuple(replace(source, runtime=runtime) for source in folder.sources))


def _with_named(folder: FolderJob, names: tuple[str, ...]) -> FolderJob:
    """The same with these photographs and films alone."""
    films = tuple(name for name in names if folder.photographs is None or _is_film(name))
    by_kind = {FILM: films, PHOTO: tuple(name for name in names if name not in films)}
    sources = (
        replace(source, names=by_kind[source.kind], of_tree=True)
        for source in folder.sources
        if by_kind[source.kind]
    )
    return replace(
        folder,
        sources=tuple(sources),
        photographs=folder.photographs if by_kind[PHOTO] else None,
        films=folder.films if films else None,
    )


def _is_film(name: str) -> bool:
    return extension_of(os.fsencode(name)) in FILMS


def _with_ready(folder: FolderJob, is_ready: Callable[[FoundFile], bool]) -> FolderJob:
    """The same with the files that are ready alone."""
    return replace(folder, sources=tuple(replace(source, is_ready=is_ready) for source in folder.sources))
