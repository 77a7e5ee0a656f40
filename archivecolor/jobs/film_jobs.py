"""What the colouring of films is asked for, and what all films of a run share."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archivecolor.archive.by_hand import NO_CLAIM, Claim
from archivecolor.engine.stopping import Stop
from archivecolor.settings import VideoSettings


@dataclass(frozen=True)
class FilmJob:
    """A film to be coloured.

    Attributes:
        source: the file.
        path: its name in the manifest.
        output: folder of the coloured film and of the manifest.
        stem: relative path of the coloured film in `output`, without suffix.
        claim: what records say of the names that the coloured film may have.
    """

    source: Path
    path: str
    output: Path
    stem: str
    claim: Claim = NO_CLAIM


@dataclass(frozen=True)
class FilmProgress:
    """Where a film is, for people.

    Attributes:
        activity: looking, colouring or joining.
        frame: how far, in frames.
        frames: of how many, None where nobody knows yet.
        shot: number of the shot in hand, from 1; 0 where it does not matter.
        shots: of how many.
    """

    activity: str
    frame: int
    frames: int | None
    shot: int = 0
    shots: int = 0


@dataclass(frozen=True)
class FilmRunContext:
    """What all films of a run are coloured with.

    Attributes:
        settings: of the run.
        weights: SHA-256 of the checkpoint file.
        predictor: the network, opened when first asked for.
        stop: says when to end.
        report: told of every frame.
    """

    settings: VideoSettings
    weights: str
    predictor: Callable[[], Any]
    stop: Stop
    report: Callable[[FilmJob, FilmProgress], None]


def settings_digest(settings: VideoSettings) -> str:
    """Digest of what the coloured film depends on, an edited list of shots included."""
    if settings.cuts in ("auto", "none"):
        return settings.digest()
    listed = Path(settings.cuts).read_bytes() if Path(settings.cuts).is_file() else b""
    return hashlib.sha256(settings.digest().encode() + listed).hexdigest()[:16]


def file_state(job: FilmJob) -> tuple[int, int] | None:
    """Size and time of a film's file; None where it is gone."""
    try:
        status = job.source.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns
