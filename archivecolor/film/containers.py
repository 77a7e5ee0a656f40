"""Containers: which one a film goes into, what each of them holds, and how it is opened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from archivecolor.errors import ItemError, Reason
from archivecolor.film import ffmpeg_cli
from archivecolor.film.probe import FilmFacts, StreamFacts, ffmpeg_url, open_film

MUXERS = {"mp4": "mp4", "mov": "mov", "mkv": "matroska"}
MIN_TIMESCALE = 1000
# Containers that are kept; all others become Matroska.
KEPT_CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "mkv"}
# Codecs that a container has no place for.
UNSUPPORTED_CODECS = {
    "mp4": frozenset({"ffv1", "prores", "dnxhr"}),
    "mov": frozenset({"ffv1"}),
    "mkv": frozenset({"dnxhr"}),
}
# Codecs that do not tell the shape of samples in a way Matroska's readers look at.
NO_ASPECT_RATIO = frozenset({"ffv1", "prores"})
# Tags that say how a container was written, not what the film is.
CONTAINER_TAGS = frozenset(
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
class ContainerPlan:
    """What became of the container.

    Attributes:
        container: mp4, mov or mkv.
        notes: what a person should know.
        lost: streams that could not be carried, in words.
        ffmpeg_audio: sound that PyAV refuses and the ffmpeg program puts in, by its index in the source.
        aspect: sample aspect ratio that the ffmpeg program puts in, None where it need not.
    """

    container: str
    notes: tuple[str, ...]
    lost: tuple[str, ...]
    ffmpeg_audio: tuple[int, ...] = ()
    aspect: Fraction | None = None


def containers_for(facts: FilmFacts, wanted: str, codec: str) -> tuple[str, ...]:
    """Containers to try, best first.

    Args:
        facts: of the film.
        wanted: the `container` option.
        codec: the `codec` option.
    """
    first = KEPT_CONTAINERS.get(facts.path.suffix.lower(), "mkv") if wanted == "keep" else wanted
    if codec in UNSUPPORTED_CODECS[first]:
        first = "mkv" if codec == "ffv1" else "mov"
    return (first,) if first == "mkv" or codec in UNSUPPORTED_CODECS["mkv"] else (first, "mkv")


def suffix_for(facts: FilmFacts, container: str) -> str:
    """The suffix of the output: the source's own spelling where its container is kept."""
    own = facts.path.suffix
    if KEPT_CONTAINERS.get(own.lower()) == container:
        return own
    return f".{container}"


def choose_container(facts: FilmFacts, candidates: tuple[str, ...], trial: Path) -> ContainerPlan:
    """The first container that holds every stream of the source.

    Args:
        facts: of the film.
        candidates: containers to try; the last one has to do.
        trial: a file that may be written over to find out.
    """
    refused: list[str] = []
    for container in candidates:
        ffmpeg_audio = audio_for_ffmpeg(facts, container, trial)
        lost = tuple(unsupported_streams(facts, container, ffmpeg_audio, trial))
        if not lost or container == candidates[-1]:
            notes = [f"stream {index} was put in by the ffmpeg program" for index in ffmpeg_audio]
            return ContainerPlan(container, (*refused, *notes), lost, ffmpeg_audio)
        refused.append(f"{candidates[-1]} instead of {container}, which cannot hold {', '.join(lost)}")
    raise AssertionError("there is always a candidate")


def with_aspect_ratio(facts: FilmFacts, codec: str, plan: ContainerPlan) -> ContainerPlan:
    """The same, with the shape of samples left to the ffmpeg program where PyAV has no way to tell it.

    Args:
        facts: of the film.
        codec: the `codec` option.
        plan: what became of the container.
    """
    if facts.aspect == 1 or not drops_aspect_ratio(codec, plan):
        return plan
    covers = any(stream.cover and not is_dropped(stream, plan) for stream in facts.streams)
    if covers or facts.display_matrix is not None or not ffmpeg_cli.is_installed():
        note = (
            f"the file does not tell that its samples are {facts.aspect.numerator}:{facts.aspect.denominator}"
        )
        return replace(plan, notes=(*plan.notes, note))
    return replace(plan, aspect=facts.aspect)


def drops_aspect_ratio(codec: str, plan: ContainerPlan) -> bool:
    """Whether the finished film does not tell the shape of its samples."""
    return plan.container == "mkv" and codec in NO_ASPECT_RATIO and plan.aspect is None


def check_audio_supported(facts: FilmFacts, container: str, trial: Path) -> None:
    """See, before any work, that the sound has a place: a film without it is not complete.

    Args:
        facts: of the film.
        container: the last one that will be tried.
        trial: a file that may be written over to find out.

    Raises:
        ItemError: `UNSUPPORTED`, naming the stream.
    """
    ffmpeg_audio = audio_for_ffmpeg(facts, container, trial)
    with open_film(facts.path) as source:
        for stream in facts.streams:
            fine = stream.kind != "audio" or stream.index in ffmpeg_audio
            if not fine and not can_mux(source, stream, container, trial):
                way_out = "convert that to FLAC or AAC first"
                if container != "mkv":
                    way_out = "choose a codec that goes into Matroska, or convert that to AAC first"
                elif not ffmpeg_cli.is_installed():
                    way_out = "install the ffmpeg program, which can put in more, or " + way_out
                raise ItemError(
                    Reason.UNSUPPORTED,
                    "no container we write can hold its sound"
                    f" ({stream.codec or 'unknown'}, stream {stream.index}); " + way_out,
                )


def audio_for_ffmpeg(facts: FilmFacts, container: str, trial: Path) -> tuple[int, ...]:
    """Indices of sound that the ffmpeg program puts into a container, and PyAV does not.

    None of a picture that is turned for display: not every version of the program keeps that.
    """
    if container != "mkv" or facts.display_matrix is not None:
        return ()
    with open_film(facts.path) as source:
        refused = [
            stream.index
            for stream in facts.streams
            if stream.kind == "audio" and not can_mux(source, stream, container, trial)
        ]
    return tuple(index for index in refused if ffmpeg_cli.can_mux(facts.path, index, trial))


def can_mux(source: Any, stream: StreamFacts, container: str, trial: Path) -> bool:
    """Whether a container takes a stream, by trying."""
    import av

    with OutputContainer(trial, container) as out:
        try:
            add_stream_copy(out, source.streams[stream.index], stream, container)
            out.start_encoding()
        except (ValueError, av.error.FFmpegError, NotImplementedError):
            return False
    return True


def unsupported_streams(
    facts: FilmFacts, container: str, ffmpeg_audio: tuple[int, ...], trial: Path
) -> Iterator[str]:
    """Streams that a container cannot hold, nor the ffmpeg program put in, in words."""
    with open_film(facts.path) as source:
        for stream in facts.streams:
            if stream.cover and container == "mkv":
                # It goes in as an attached file, of which the program would make a track.
                fits = not ffmpeg_audio
            else:
                taken = stream.rewritten or stream.index in ffmpeg_audio
                fits = taken or can_mux(source, stream, container, trial)
            if not fits:
                yield f"stream {stream.index} ({stream.codec or 'unknown'} {stream.kind})"


class OutputContainer:
    """An output container, written the same way each time; a failed one is closed without complaint.

    Args:
        path: the file.
        container: mp4, mov or mkv.
        ticks: per second, of the clock that says when streams begin; Matroska has its own.
    """

    def __init__(self, path: Path, container: str, ticks: int = MIN_TIMESCALE) -> None:
        import av

        options = {"fflags": "+bitexact"}
        if container == "mkv":
            options["avoid_negative_ts"] = "disabled"
        else:
            options |= {"movflags": "+write_colr", "movie_timescale": str(ticks)}
        self._out: Any = av.open(ffmpeg_url(path), "w", format=MUXERS[container], options=options)

    def __enter__(self) -> Any:
        return self._out

    def __exit__(self, kind: object, *_: object) -> None:
        import av

        try:
            self._out.close()
        except (ValueError, av.error.FFmpegError):
            if kind is None:
                raise


def timescale_for(facts: FilmFacts) -> int:
    """Ticks per second of a clock that hits every time of the picture."""
    denominator = facts.time_base.denominator
    return denominator * -(-MIN_TIMESCALE // denominator)


def add_stream_copy(out: Any, source: Any, stream: StreamFacts, container: str) -> Any | None:
    """A stream of the source in the new container; None where it goes in as an attachment."""
    if needs_text_conversion(stream, container):
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


def needs_text_conversion(stream: StreamFacts, container: str) -> bool:
    """Whether a subtitle of MP4 goes into Matroska, which holds its text without its box."""
    return stream.codec == "mov_text" and container == "mkv"


def content_tags(tags: dict[str, str]) -> dict[str, str]:
    """Tags that tell of the film."""
    return {name: value for name, value in tags.items() if name.lower().split("-")[0] not in CONTAINER_TAGS}


def stream_tags(tags: dict[str, str], container: str) -> dict[str, str]:
    """Tags of a stream as a container takes them: QuickTime has its own list of languages."""
    kept = content_tags(tags)
    if container == "mov" and kept.get("language") in QUICKTIME_LANGUAGES:
        kept["language"] = QUICKTIME_LANGUAGES[kept["language"]]
    return kept


def is_dropped(stream: StreamFacts, plan: ContainerPlan) -> bool:
    """Whether a stream was found to have no place in the container."""
    return any(lost.startswith(f"stream {stream.index} (") for lost in plan.lost)
