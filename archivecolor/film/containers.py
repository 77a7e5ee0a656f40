"""Containers: which one a film goes into, what each of them holds, and how it is opened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from archivecolor.errors import ItemError, Reason
from archivecolor.film import command
from archivecolor.film.probe import FilmFacts, StreamFacts, opened, url_of

FORMATS = {"mp4": "mp4", "mov": "mov", "mkv": "matroska"}
LEAST_TICKS = 1000
# Containers that are kept; all others become Matroska.
KEPT = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "mkv"}
# Codecs that a container has no place for.
NO_PLACE = {
    "mp4": frozenset({"ffv1", "prores", "dnxhr"}),
    "mov": frozenset({"ffv1"}),
    "mkv": frozenset({"dnxhr"}),
}
# Codecs that do not tell the shape of samples in a way Matroska's readers look at.
SHAPELESS = frozenset({"ffv1", "prores"})
# Tags that say how a container was written, not what the film is.
WRITING_TAGS = frozenset(
    {
        "encoder",
        "major_brand",
        "minor_version",
        "compatible_brands",
        "duration",
        "vendor_id",
        "bps",
        "number_of_bytes",
        "number_of_frames",
        "_statistics_tags",
        "_statistics_writing_app",
        "_statistics_writing_date_utc",
    }
)
# Languages that FFmpeg knows in QuickTime by another name than that of ISO 639-2 in the source.
QUICKTIME_LANGUAGES = {
    "bod": "tib",
    "cym": "wel",
    "cze": "ces",
    "deu": "ger",
    "ell": "gre",
    "eus": "baq",
    "fao": "fo ",
    "fas": "per",
    "fre": "fra",
    "hrv": "hr ",
    "hye": "arm",
    "isl": "ice",
    "kat": "geo",
    "mkd": "mac",
    "msa": "may",
    "mya": "bur",
    "nld": "dut",
    "nob": "nor",
    "rum": "ron",
    "slo": "slk",
    "sme": "smi",
    "sqi": "alb",
    "srp": "sr ",
    "swe": "sve",
    "zho": "chi",
}


@dataclass(frozen=True)
class Joined:
    """What became of the container.

    Attributes:
        container: mp4, mov or mkv.
        notes: what a person should know.
        lost: streams that could not be carried, in words.
        added: sound that PyAV refuses and the ffmpeg program puts in, by its index in the source.
        aspect: sample aspect ratio that the ffmpeg program puts in, None where it need not.
    """

    container: str
    notes: tuple[str, ...]
    lost: tuple[str, ...]
    added: tuple[int, ...] = ()
    aspect: Fraction | None = None


def containers_for(facts: FilmFacts, wanted: str, codec: str) -> tuple[str, ...]:
    """Containers to try, best first.

    Args:
        facts: of the film.
        wanted: the `container` option.
        codec: the `codec` option.
    """
    first = KEPT.get(facts.path.suffix.lower(), "mkv") if wanted == "keep" else wanted
    if codec in NO_PLACE[first]:
        first = "mkv" if codec == "ffv1" else "mov"
    return (first,) if first == "mkv" or codec in NO_PLACE["mkv"] else (first, "mkv")


def suffix_for(facts: FilmFacts, container: str) -> str:
    """The suffix of the output: the source's own spelling where its container is kept."""
    own = facts.path.suffix
    if KEPT.get(own.lower()) == container:
        return own
    return f".{container}"


def holding_container(facts: FilmFacts, candidates: tuple[str, ...], trial: Path) -> Joined:
    """The first container that holds every stream of the source.

    Args:
        facts: of the film.
        candidates: containers to try; the last one has to do.
        trial: a file that may be written over to find out.
    """
    refused: list[str] = []
    for container in candidates:
        added = sound_for_program(facts, container, trial)
        lost = tuple(trouble_with(facts, container, added, trial))
        if not lost or container == candidates[-1]:
            notes = [f"stream {index} was put in by the ffmpeg program" for index in added]
            return Joined(container, (*refused, *notes), lost, added)
        refused.append(f"{candidates[-1]} instead of {container}, which cannot hold {', '.join(lost)}")
    raise AssertionError("there is always a candidate")


def with_shape(facts: FilmFacts, codec: str, joined: Joined) -> Joined:
    """The same, with the shape of samples left to the ffmpeg program where PyAV has no way to tell it.

    Args:
        facts: of the film.
        codec: the `codec` option.
        joined: what became of the container.
    """
    if facts.aspect == 1 or not is_shapeless(codec, joined):
        return joined
    covers = any(stream.cover and not is_lost(stream, joined) for stream in facts.streams)
    if covers or facts.display_matrix is not None or not command.is_installed():
        note = (
            f"the file does not tell that its samples are {facts.aspect.numerator}:{facts.aspect.denominator}"
        )
        return replace(joined, notes=(*joined.notes, note))
    return replace(joined, aspect=facts.aspect)


def is_shapeless(codec: str, joined: Joined) -> bool:
    """Whether the finished film does not tell the shape of its samples."""
    return joined.container == "mkv" and codec in SHAPELESS and joined.aspect is None


def refuse_silence(facts: FilmFacts, container: str, trial: Path) -> None:
    """See, before any work, that the sound has a place: a film without it is not complete.

    Args:
        facts: of the film.
        container: the last one that will be tried.
        trial: a file that may be written over to find out.

    Raises:
        ItemError: `UNSUPPORTED`, naming the stream.
    """
    added = sound_for_program(facts, container, trial)
    with opened(facts.path) as source:
        for stream in facts.streams:
            fine = stream.kind != "audio" or stream.index in added
            if not fine and not holds(source, stream, container, trial):
                way_out = "convert that to FLAC or AAC first"
                if container != "mkv":
                    way_out = "choose a codec that goes into Matroska, or convert that to AAC first"
                elif not command.is_installed():
                    way_out = "install the ffmpeg program, which can put in more, or " + way_out
                raise ItemError(
                    Reason.UNSUPPORTED,
                    "no container we write can hold its sound"
                    f" ({stream.codec or 'unknown'}, stream {stream.index}); " + way_out,
                )


def sound_for_program(facts: FilmFacts, container: str, trial: Path) -> tuple[int, ...]:
    """Indices of sound that the ffmpeg program puts into a container, and PyAV does not.

    None of a picture that is turned for display: not every version of the program keeps that.
    """
    if container != "mkv" or facts.display_matrix is not None:
        return ()
    with opened(facts.path) as source:
        refused = [
            stream.index
            for stream in facts.streams
            if stream.kind == "audio" and not holds(source, stream, container, trial)
        ]
    return tuple(index for index in refused if command.can_hold(facts.path, index, trial))


def holds(source: Any, stream: StreamFacts, container: str, trial: Path) -> bool:
    """Whether a container takes a stream, by trying."""
    import av

    with new_container(trial, container) as out:
        try:
            add_copy(out, source.streams[stream.index], stream, container)
            out.start_encoding()
        except (ValueError, av.error.FFmpegError, NotImplementedError):
            return False
    return True


def trouble_with(facts: FilmFacts, container: str, added: tuple[int, ...], trial: Path) -> Iterator[str]:
    """Streams that a container cannot hold, nor the ffmpeg program put in, in words."""
    with opened(facts.path) as source:
        for stream in facts.streams:
            if stream.cover and container == "mkv":
                # It goes in as an attached file, of which the program would make a track.
                held = not added
            else:
                taken = stream.rewritten or stream.index in added
                held = taken or holds(source, stream, container, trial)
            if not held:
                yield f"stream {stream.index} ({stream.codec or 'unknown'} {stream.kind})"


class new_container:  # noqa: N801 - reads as the verb it is
    """An output container, written the same way each time; a failed one is closed without complaint.

    Args:
        path: the file.
        container: mp4, mov or mkv.
        ticks: per second, of the clock that says when streams begin; Matroska has its own.
    """

    def __init__(self, path: Path, container: str, ticks: int = LEAST_TICKS) -> None:
        import av

        options = {"fflags": "+bitexact"}
        if container == "mkv":
            options["avoid_negative_ts"] = "disabled"
        else:
            options |= {"movflags": "+write_colr", "movie_timescale": str(ticks)}
        self._out: Any = av.open(url_of(path), "w", format=FORMATS[container], options=options)

    def __enter__(self) -> Any:
        return self._out

    def __exit__(self, kind: object, *_: object) -> None:
        import av

        try:
            self._out.close()
        except (ValueError, av.error.FFmpegError):
            if kind is None:
                raise


def ticks_for(facts: FilmFacts) -> int:
    """Ticks per second of a clock that hits every time of the picture."""
    denominator = facts.time_base.denominator
    return denominator * -(-LEAST_TICKS // denominator)


def add_copy(out: Any, source: Any, stream: StreamFacts, container: str) -> Any | None:
    """A stream of the source in the new container; None where it goes in as an attachment."""
    if needs_plain_text(stream, container):
        copy = out.add_mux_stream("subrip")
        copy.time_base = source.time_base
        copy.metadata.update(stream_tags(source.metadata, container))
        copy.disposition = source.disposition
        return copy
    if stream.kind == "attachment":
        out.add_attachment(source.metadata.get("filename", "attachment"), source.mimetype or "", source.data)
        return None
    copy = out.add_stream_from_template(source)
    copy.time_base = source.time_base
    copy.metadata.update(stream_tags(source.metadata, container))
    copy.disposition = source.disposition
    return copy


def needs_plain_text(stream: StreamFacts, container: str) -> bool:
    """Whether a subtitle of MP4 goes into Matroska, which holds its text without its box."""
    return stream.codec == "mov_text" and container == "mkv"


def kept_tags(tags: dict[str, str]) -> dict[str, str]:
    """Tags that tell of the film."""
    return {name: value for name, value in tags.items() if name.lower().split("-")[0] not in WRITING_TAGS}


def stream_tags(tags: dict[str, str], container: str) -> dict[str, str]:
    """Tags of a stream as a container takes them: QuickTime has its own list of languages."""
    kept = kept_tags(tags)
    if container == "mov" and kept.get("language") in QUICKTIME_LANGUAGES:
        kept["language"] = QUICKTIME_LANGUAGES[kept["language"]]
    return kept


def is_lost(stream: StreamFacts, joined: Joined) -> bool:
    """Whether a stream was found to have no place in the container."""
    return any(lost.startswith(f"stream {stream.index} (") for lost in joined.lost)
