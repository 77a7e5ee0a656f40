"""The ffmpeg program, called here alone: ffmpeg-python composes its arguments, none is put together by hand.

It is a second pair of eyes on what PyAV copied, and it puts into Matroska what PyAV cannot: some sound, and
the shape of samples.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from archivecolor.engine.programs import find_program
from archivecolor.engine.waiting import run_program
from archivecolor.errors import ItemError, Reason, UnavailableError
from archivecolor.film.probe import ffmpeg_url, open_options

if TYPE_CHECKING:
    # Any: ffmpeg-python says nothing of the types of what it composes.
    Composed: TypeAlias = Any

PROGRAM = "ffmpeg"
_QUIET_FLAGS = ("-hide_banner", "-nostdin", "-loglevel", "error")
# A slow network disk gives this much, and a start takes its time on a busy machine.
_MIN_SECONDS, _MIN_BYTES_PER_SECOND = 60.0, 1e6
# Whole streams, as they are: also what stands before the first key packet and before the start.
COPY: dict[str, str | int | None] = {"c": "copy", "copyinkf": None, "copypriorss": 1}
_TRIAL_SECONDS = 1


def is_installed() -> bool:
    """Whether the ffmpeg program is there."""
    return find_program(PROGRAM) is not None


def _path_argument(path: Path) -> str | bytes:
    """A file as a word of a command; ffmpeg-python takes a name that is not UTF-8 as bytes alone."""
    url = ffmpeg_url(path)
    try:
        url.encode()
    except UnicodeEncodeError:
        return os.fsencode(url)
    return url


def _ffmpeg_input(path: Path, probe_bytes: int = 0) -> Composed:
    """A film as an input of a command, which reads that file and no other whatever it holds."""
    import ffmpeg

    return ffmpeg.input(_path_argument(path), **open_options(probe_bytes))


def run(command: Composed, nbytes: int) -> str:
    """Run a composed command.

    Args:
        command: an output of ffmpeg-python.
        nbytes: that it reads, from which follows how long it may take.

    Returns:
        What it printed.

    Raises:
        UnavailableError: the program is not installed.
        ItemError: `TIMEOUT`, or `UNSUPPORTED` with what the program said.
    """
    import ffmpeg

    program = find_program(PROGRAM)
    if program is None:
        raise UnavailableError("the ffmpeg program is not installed; install it and run again")
    arguments = ffmpeg.compile(command.global_args(*_QUIET_FLAGS), cmd=program, overwrite_output=True)
    seconds = _MIN_SECONDS + nbytes / _MIN_BYTES_PER_SECOND
    try:
        done = run_program(arguments, seconds)
    except subprocess.TimeoutExpired as error:
        raise ItemError(Reason.TIMEOUT, f"the ffmpeg program was not done in {seconds:.0f} s") from error
    if done.returncode != 0:
        raise ItemError(Reason.UNSUPPORTED, f"the ffmpeg program gave up ({_first_error_line(done.stderr)})")
    return done.stdout.decode("ascii", "backslashreplace")


def _first_error_line(stderr: bytes) -> str:
    """What a program complained of first, which is the cause of the rest."""
    lines = stderr.decode("utf-8", "backslashreplace").split("\n")
    return next((line.strip() for line in lines if line.strip()), "without a word")


def stream_digests(
    path: Path, streams: Sequence[str], framed_aac: Sequence[int] = (), probe_bytes: int = 0
) -> list[str]:
    """SHA-256 of all packets of each stream, in order, as the ffmpeg program reads them.

    Args:
        path: the film.
        streams: which: FFmpeg's stream specifiers, such as `2` or `a`.
        framed_aac: which of the chosen streams, from 0, are AAC that may have headers of its own, as in
            transport streams; they are left out.
        probe_bytes: as for `open_film`.

    Raises:
        UnavailableError, ItemError: as `run`.
    """
    import ffmpeg

    film = _ffmpeg_input(path, probe_bytes)
    plain = {f"bsf:{number}": "aac_adtstoasc" for number in framed_aac}
    options = COPY | plain | {"format": "streamhash", "hash": "sha256"}
    command = ffmpeg.output(*(film[stream] for stream in streams), "pipe:1", **options)
    lines = run(command, path.stat().st_size).splitlines()
    return [line.partition("SHA256=")[2] for line in lines]


def can_mux(path: Path, stream: int, trial: Path, probe_bytes: int = 0) -> bool:
    """Whether the program can put a stream into Matroska, by trying its first second.

    Args:
        path: the film.
        stream: index of the stream.
        trial: a file that may be written over.
        probe_bytes: as for `open_film`.
    """
    import ffmpeg

    film = _ffmpeg_input(path, probe_bytes)
    options = COPY | {"format": "matroska", "t": _TRIAL_SECONDS, "filename": _path_argument(trial)}
    command = ffmpeg.output(film[str(stream)], **options)
    try:
        run(command, 0)
    except (ItemError, UnavailableError):
        return False
    return True


@dataclass(frozen=True)
class MuxPatch:
    """What a film lacks that the program puts in.

    Attributes:
        source: the film that has the sound.
        tracks: of each track of sound, in order, its index in `source`; None for the next of the film's own.
        aspect_ratio: width of the picture as shown, for a height of 1; None where that is as its samples say.
        probe_bytes: of `source`, as for `open_film`.
    """

    source: Path
    tracks: tuple[int | None, ...]
    aspect_ratio: Fraction | None
    probe_bytes: int = 0


def add_streams(base: Path, part: Path, patch: MuxPatch) -> None:
    """Copy a film, all streams as they are, and put in what it lacks.

    Args:
        base: Matroska without covers; the new film has its times, tags and chapters.
        part: the new Matroska file.
        patch: what is put in.

    Raises:
        UnavailableError, ItemError: as `run`.
    """
    import ffmpeg

    first, second = _ffmpeg_input(base), _ffmpeg_input(patch.source, patch.probe_bytes)
    own = count()
    audio = [first[f"a:{next(own)}"] if track is None else second[str(track)] for track in patch.tracks]
    options = COPY | {
        "format": "matroska",
        "fflags": "+bitexact",
        "avoid_negative_ts": "disabled",
        "map_metadata": 0,
        "map_chapters": 0,
        "copyts": None,
        "filename": _path_argument(part),
    }
    if patch.aspect_ratio is not None:
        options["aspect"] = f"{patch.aspect_ratio.numerator}:{patch.aspect_ratio.denominator}"
    # The first stream named decides which file is input 0.
    command = ffmpeg.output(first["0"], *audio, first["s?"], first["d?"], first["t?"], **options)
    run(command, base.stat().st_size + patch.source.stat().st_size)
