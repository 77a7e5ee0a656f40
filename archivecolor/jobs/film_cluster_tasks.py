"""What a worker of a cluster does with a film: whole shots of it, from the decoder to finished segments."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from archivecolor.archive.output_folder import held_as_well
from archivecolor.engine.cluster import WorkerRefusedError
from archivecolor.errors import ItemError, Reason
from archivecolor.film.film import Film, Guide, View
from archivecolor.film.first_pass import FirstPass, load_first_pass
from archivecolor.film.probe import read_error
from archivecolor.film.segment_plan import Segment, WorkFolder
from archivecolor.film.segments import SegmentContext, make_segments
from archivecolor.jobs.cluster_worker import ClusterRun, OpenWorkers, as_of_this_worker, check_folders
from archivecolor.jobs.network import network_opener


@dataclass(frozen=True)
class FilmRun(ClusterRun):
    """What all workers of a film are to know.

    Attributes:
        film: without its first pass, which may be large.
        first_pass: the file that has it, in the work folder.
        folder: where segments go.
        runtime: name of what answers for the client: a film is made by one runtime.
    """

    film: Film
    first_pass: Path
    folder: WorkFolder
    runtime: str


@dataclass(frozen=True)
class FilmPiece:
    """Whole shots of a film.

    Attributes:
        segments: of them, in their order.
        guides: what was decided about shots in them, and about those whose colours they take, made ready.
        colour_sources: as a film has them, of shots in them.
    """

    segments: tuple[Segment, ...]
    guides: Mapping[int, Guide]
    colour_sources: Mapping[int, tuple[View, ...]]


@dataclass(frozen=True)
class PieceAnswer:
    """Who made a piece of a film.

    Attributes:
        host: name of the machine.
        seconds: that it took.
    """

    host: str
    seconds: float


def film_run(run: ClusterRun, film: Film, first_pass: Path, folder: WorkFolder, runtime: str) -> FilmRun:
    """A run as the workers of one of its films are to know it; arguments as `FilmRun` has them."""
    shared = {known.name: getattr(run, known.name) for known in fields(run)}
    folder = replace(folder, path=folder.path.absolute())
    facts = replace(film.facts, path=film.facts.path.absolute())
    light = replace(film, facts=facts, first_pass=_without_frames(film), guides={}, colour_sources={})
    return FilmRun(**shared, film=light, first_pass=first_pass.absolute(), folder=folder, runtime=runtime)


def _without_frames(film: Film) -> FirstPass:
    none = np.zeros(0)
    return replace(
        film.first_pass,
        pts=none.astype(np.int64),
        digests=none.astype(np.uint32),
        distances=none.astype(np.float32),
        shots=(),
        tones=(),
    )


def make_pieces(shared: bytes, pieces: tuple[FilmPiece, ...]) -> PieceAnswer:
    """Make the segments of some pieces of a film.

    Raises:
        WorkerRefusedError: this worker cannot: its program, folders or device.
        ItemError: the film cannot be read, or changed.
        OutputError: the output cannot be written.
    """
    began = time.monotonic()
    worker = _open_workers.worker_for(shared)
    try:
        with as_of_this_worker():
            for piece in pieces:
                worker.make(piece)
    except ItemError as error:
        if error.reason is not Reason.CHANGED:
            check_folders(worker.run)
        raise
    except OSError as error:
        # What cannot be written is an OutputError: this is the film.
        check_folders(worker.run)
        raise read_error(error.strerror) from error
    return PieceAnswer(socket.gethostname(), time.monotonic() - began)


def close_film(shared: bytes) -> None:
    """Let go of a film and its network."""
    _open_workers.close(shared)


class _OpenFilm:
    """What this process keeps for a film: what its first pass found, and the network.

    Args:
        run: what is to be done.

    Raises:
        WorkerRefusedError: this worker cannot.
    """

    def __init__(self, run: ClusterRun) -> None:
        assert isinstance(run, FilmRun)
        self.run = run
        check_folders(run)
        found = load_first_pass(run.first_pass)
        if found is None:
            raise WorkerRefusedError(
                f"the work file {run.first_pass} cannot be read there; is its share mounted?"
            )
        self._film = replace(run.film, first_pass=found)
        self._held = run.held_here()
        self._predictor = network_opener(run.settings, run.weights)()
        if self._predictor.runtime_name != run.runtime:
            raise WorkerRefusedError(
                f"its processor takes {self._predictor.runtime_name}, and this film is made with "
                f"{run.runtime}; use machines of one kind, or give --runtime"
            )
        self._umask = os.umask(run.umask)

    def make(self, piece: FilmPiece) -> None:
        """Make the segments of a piece that are missing."""
        film = replace(self._film, guides=piece.guides, colour_sources=piece.colour_sources)
        context = SegmentContext(film, self._predictor, self.run.folder, lambda _: None, lambda: True)
        with held_as_well(self._held):
            make_segments(context, piece.segments)

    def close(self) -> None:
        """Give the process back its own permissions."""
        os.umask(self._umask)


_open_workers = OpenWorkers(_OpenFilm)
