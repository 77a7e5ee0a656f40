"""What the colouring of films is asked for, and what all films of a run share."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from archivecolor.archive.names import is_called_like_file, names_file
from archivecolor.archive.plan import Item
from archivecolor.archive.record import Record
from archivecolor.engine.stopping import Stop
from archivecolor.errors import UsageError
from archivecolor.film.containers import CONTAINER_OF_SUFFIX
from archivecolor.jobs.film_progress import FilmProgress
from archivecolor.printable import printable
from archivecolor.settings import VideoSettings

if TYPE_CHECKING:
    from archivecolor.engine.cluster import Cluster
    from archivecolor.inference.predictor import Predictor


@dataclass(frozen=True)
class FilmRunContext:
    """What all films of a run are coloured with.

    Attributes:
        settings: of the run.
        output: the folder that coloured films are written into.
        settings_digest: of the options, an edited list of shots included.
        weights: SHA-256 of the checkpoint file.
        library_versions: of what the bytes of work files depend on, the program's first.
        open_predictor: the network on its device, opened when it is first asked for.
        stop: says when to end.
        report: told of every frame.
        record_of: what the manifest says of an item, None where it says nothing.
        note_work: told of a machine of the cluster, of its seconds and its megapixels.
        suffix: of the one film, where its file was named; empty where its container decides.
        cluster: whose workers make the segments; None for this machine.
    """

    settings: VideoSettings
    output: Path
    settings_digest: str
    weights: str
    library_versions: tuple[str, ...]
    open_predictor: Callable[[], Predictor]
    stop: Stop
    report: Callable[[Item, FilmProgress], None]
    record_of: Callable[[str], Record | None]
    note_work: Callable[[str, float, float], None]
    suffix: str = ""
    cluster: Cluster | None = None

    @property
    def version(self) -> str:
        """Of the program."""
        return self.library_versions[0]

    def stop_if_asked(self) -> None:
        """Raise where a signal, or the end of the time, asks to end at once rather than with the shot.

        Raises:
            StoppedError: there was a signal.
            OutOfTimeError: the time is over.
        """
        self.stop.raise_if_signalled()
        if self.stop.out_of_time:
            raise OutOfTimeError


class OutOfTimeError(Exception):
    """The run's time is over before the film is done; no failure, the rerun goes on."""


def film_settings_digest(settings: VideoSettings) -> str:
    """Digest of what the coloured film depends on, an edited list of shots included.

    Where its file was named the name belongs to it: one film may be made under several.
    """
    listed = b""
    if settings.cuts not in ("auto", "none") and Path(settings.cuts).is_file():
        listed = Path(settings.cuts).read_bytes()
    named = named_film(settings)
    if named is not None:
        listed += os.fsencode(named.name)
    if not listed:
        return settings.digest()
    return hashlib.sha256(settings.digest().encode() + listed).hexdigest()[:16]


def named_film(settings: VideoSettings) -> Path | None:
    """The file that `--output` names; None where it is a folder.

    Raises:
        UsageError: it is called like a file, but there may be more than one film, or of a kind that is not
            written.
    """
    output, given = settings.output, settings.input
    if output is None:
        return None
    if is_called_like_file(output) and (len(given) > 1 or any(path.is_dir() for path in given)):
        shown, many = printable(output), "a folder of films" if len(given) == 1 else f"{len(given)} inputs"
        raise UsageError(
            f"--output {shown} is the name of a file, but {many} may give more than one film; give a folder, "
            f"if it is one with a slash at its end: {shown}/"
        )
    return output if names_file(output, CONTAINER_OF_SUFFIX, CONTAINER_OF_SUFFIX) else None


def file_state(path: Path) -> tuple[int, int] | None:
    """Size and time of a film's file; None where it is gone."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_size, status.st_mtime_ns
