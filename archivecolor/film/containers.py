"""Containers: which one a film goes into, what each of them holds, and how it is opened."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from archivecolor.errors import ItemError, Reason
from archivecolor.film import ffmpeg_cli
from archivecolor.film.probe import FilmFacts, StreamFacts, ffmpeg_url, open_film

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer
    from av.stream import Stream

_MUXERS = {"mp4": "mp4", "mov": "mov", "mkv": "matroska"}
_MIN_TIMESCALE = 1000
# Containers that are kept; all others become Matroska.
CONTAINER_OF_SUFFIX = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "mkv"}
# Codecs that a container has no place for.
UNSUPPORTED_CODECS = {
    "mp4": frozenset({"ffv1", "prores", "dnxhr"}),
    "mov": frozenset({"ffv1"}),
    "mkv": frozenset({"dnxhr"}),
}
# Codecs that do not tell the shape of samples in a way Matroska's readers look at.
_NO_ASPECT_RATIO = frozenset({"ffv1", "prores"})
# Tags that say how a container was written, not what the film is.
_CONTAINER_TAGS = frozenset(
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
_QUICKTIME_LANGUAGES = {
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
    """What a film goes into, decided once, before any work.

    Attributes:
        container: mp4, mov or mkv.
        notes: what a person should know.
        dropped: streams that have no place in it, by their index in the source.
        lost: the same, in words.
        ffmpeg_audio: sound that PyAV refuses and the ffmpeg program puts in, by its index in the source.
        aspect: sample aspect ratio that the ffmpeg program puts in, None where it need not.
    """

    container: str
    notes: tuple[str, ...] = ()
    dropped: tuple[int, ...] = ()
    lost: tuple[str, ...] = ()
    ffmpeg_audio: tuple[int, ...] = ()
    aspect: Fraction | None = None

    def carries(self, stream: StreamFacts) -> bool:
        """Whether a stream of the source is in the finished film, as one that was copied."""
        return not stream.rewritten and stream.index not in self.dropped


def plan_container(facts: FilmFacts, wanted: str, codec: str, trial: Path) -> ContainerPlan:
    """The first container that holds every stream of the source, or the last one there is.

    Args:
        facts: of the film.
        wanted: the `container` option.
        codec: the `codec` option.
        trial: a file that may be written over to find out.

    Raises:
        ItemError: `UNSUPPORTED` where a stream of sound has no place: a film without it is not complete.
    """
    candidates = _candidates(facts, wanted, codec)
    refused: list[str] = []
    with open_film(facts.path) as source:
        for container in candidates:
            plan = _try_container(facts, source, container, trial)
            if not plan.dropped:
                break
            refused.append(
                f"{candidates[-1]} instead of {container}, which cannot hold {', '.join(plan.lost)}"
            )
    trial.unlink(missing_ok=True)
    _refuse_lost_sound(facts, plan)
    plan = replace(plan, notes=(*refused[: len(candidates) - 1], *plan.notes))
    return _with_aspect_ratio(facts, codec, plan)


def _candidates(facts: FilmFacts, wanted: str, codec: str) -> tuple[str, ...]:
    """Containers to try, best first."""
    first = CONTAINER_OF_SUFFIX.get(facts.path.suffix.lower(), "mkv") if wanted == "keep" else wanted
    if codec in UNSUPPORTED_CODECS[first]:
        first = "mkv" if codec == "ffv1" else "mov"
    return (first,) if first == "mkv" or codec in UNSUPPORTED_CODECS["mkv"] else (first, "mkv")


def suffix_for(facts: FilmFacts, container: str) -> str:
    """The suffix of the output: the source's own spelling where its container is kept."""
    own = facts.path.suffix
    if CONTAINER_OF_SUFFIX.get(own.lower()) == container:
        return own
    return f".{container}"


def _try_container(facts: FilmFacts, source: InputContainer, container: str, trial: Path) -> ContainerPlan:
    """What becomes of the streams of a film in a container."""
    refused = [
        stream
        for stream in facts.streams
        # A cover goes into Matroska as an attached file.
        if not (stream.rewritten or (stream.cover and container == "mkv"))
        and not _takes(source, stream, container, trial)
    ]
    ffmpeg_audio: tuple[int, ...] = ()
    # None of a picture that is turned for display: not every version of the program keeps that.
    if container == "mkv" and facts.display_matrix is None:
        sound = [stream.index for stream in refused if stream.kind == "audio"]
        ffmpeg_audio = tuple(index for index in sound if ffmpeg_cli.can_mux(facts.path, index, trial))
    lost = [stream for stream in refused if stream.index not in ffmpeg_audio]
    if ffmpeg_audio:
        # The program would make a track of an attached cover.
        lost += [stream for stream in facts.streams if stream.cover and stream not in lost]
    return ContainerPlan(
        container,
        notes=tuple(f"stream {index} was put in by the ffmpeg program" for index in ffmpeg_audio),
        dropped=tuple(stream.index for stream in lost),
        lost=tuple(f"stream {stream.index} ({stream.codec or 'unknown'} {stream.kind})" for stream in lost),
        ffmpeg_audio=ffmpeg_audio,
    )


def _takes(source: InputContainer, stream: StreamFacts, container: str, trial: Path) -> bool:
    """Whether a container takes a stream, by trying."""
    import av

    with OpenedOutput(trial, container) as out:
        try:
            add_stream_copy(out, source.streams[stream.index], stream, container)
            out.start_encoding()
        except (ValueError, av.error.FFmpegError, NotImplementedError):
            return False
    return True


def _refuse_lost_sound(facts: FilmFacts, plan: ContainerPlan) -> None:
    for stream in facts.streams:
        if stream.kind == "audio" and not plan.carries(stream):
            way_out = "convert that to FLAC or AAC first"
            if plan.container != "mkv":
                way_out = "choose a codec that goes into Matroska, or convert that to AAC first"
            elif not ffmpeg_cli.is_installed():
                way_out = "install the ffmpeg program, which can put in more, or " + way_out
            raise ItemError(
                Reason.UNSUPPORTED,
                "no container we write can hold its sound"
                f" ({stream.codec or 'unknown'}, stream {stream.index}); " + way_out,
            )


def _with_aspect_ratio(facts: FilmFacts, codec: str, plan: ContainerPlan) -> ContainerPlan:
    """The same, with the shape of samples left to the ffmpeg program where PyAV has no way to tell it."""
    if facts.aspect == 1 or not drops_aspect_ratio(codec, plan):
        return plan
    covers = any(stream.cover and plan.carries(stream) for stream in facts.streams)
    if covers or facts.display_matrix is not None or not ffmpeg_cli.is_installed():
        note = (
            f"the file does not tell that its samples are {facts.aspect.numerator}:{facts.aspect.denominator}"
        )
        return replace(plan, notes=(*plan.notes, note))
    return replace(plan, aspect=facts.aspect)


def drops_aspect_ratio(codec: str, plan: ContainerPlan) -> bool:
    """Whether the finished film does not tell the shape of its samples."""
    return plan.container == "mkv" and codec in _NO_ASPECT_RATIO and plan.aspect is None


class OpenedOutput:
    """An output container, written the same way each time; a failed one is closed without complaint.

    Args:
        path: the file.
        container: mp4, mov or mkv.
        ticks: per second, of the clock that says when streams begin; Matroska has its own.
    """

    def __init__(self, path: Path, container: str, ticks: int = _MIN_TIMESCALE) -> None:
        import av

        options = {"fflags": "+bitexact"}
        if container == "mkv":
            options["avoid_negative_ts"] = "disabled"
        else:
            options |= {"movflags": "+write_colr", "movie_timescale": str(ticks)}
        self._out = av.open(ffmpeg_url(path), "w", format=_MUXERS[container], options=options)

    def __enter__(self) -> OutputContainer:
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
    return denominator * -(-_MIN_TIMESCALE // denominator)


def add_stream_copy(
    out: OutputContainer, source: Stream, stream: StreamFacts, container: str
) -> Stream | None:
    """A stream of the source in the new container; None where it goes in as an attachment."""
    from av.stream import AttachmentStream

    if isinstance(source, AttachmentStream):
        out.add_attachment(source.metadata.get("filename", "attachment"), source.mimetype or "", source.data)
        return None
    plain = needs_text_conversion(stream, container)
    copy = out.add_mux_stream("subrip") if plain else out.add_stream_from_template(source)
    copy.time_base = source.time_base
    copy_tags(source, copy, container)
    return copy


def copy_tags(source: Stream, copy: Stream, container: str) -> None:
    """Give a stream the language, title, timecode and standing of another."""
    copy.metadata.update(stream_tags(source.metadata, container))
    copy.disposition = source.disposition


def needs_text_conversion(stream: StreamFacts, container: str) -> bool:
    """Whether a subtitle of MP4 goes into Matroska, which holds its text without its box."""
    return stream.codec == "mov_text" and container == "mkv"


def content_tags(tags: dict[str, str]) -> dict[str, str]:
    """Tags that tell of the film."""
    return {name: value for name, value in tags.items() if name.lower().split("-")[0] not in _CONTAINER_TAGS}


def stream_tags(tags: dict[str, str], container: str) -> dict[str, str]:
    """Tags of a stream as a container takes them: QuickTime has its own list of languages."""
    kept = content_tags(tags)
    if container == "mov" and kept.get("language") in _QUICKTIME_LANGUAGES:
        kept["language"] = _QUICKTIME_LANGUAGES[kept["language"]]
    return kept
