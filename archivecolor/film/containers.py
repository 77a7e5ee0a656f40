"""Containers: which one a film goes into, what each of them holds, and how it is opened."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from archivecolor.archive.atomic import new_file
from archivecolor.errors import ItemError, Reason
from archivecolor.film import ffmpeg_cli
from archivecolor.film.probe import FilmFacts, StreamFacts, ffmpeg_url, open_again, open_film
from archivecolor.film.sound import pcm_for

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
_SECONDS_OF_TIME = len("1998-06-05T15:26:41")
_NUMBER = re.compile(r"[+-]\d+(?:\.\d+)?")
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
        pcm: sound that neither takes and that is written as PCM, sample for sample: the PCM's codec by its
            index in the source.
        aspect: sample aspect ratio that the ffmpeg program puts in, None where it need not.
        free_tags: it is written with tags of any name, which QuickTime and MP4 keep in a place of their own.
    """

    container: str
    notes: tuple[str, ...] = ()
    dropped: tuple[int, ...] = ()
    lost: tuple[str, ...] = ()
    ffmpeg_audio: tuple[int, ...] = ()
    pcm: dict[int, str] = field(default_factory=dict)
    aspect: Fraction | None = None
    free_tags: bool = False

    def cut_sound(self, facts: FilmFacts) -> frozenset[int]:
        """Streams of sound that are written without what an edit hides of them: Matroska has no edits."""
        return facts.hidden_sound if self.container == "mkv" else frozenset()

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
    new_file(trial, facts.path)
    refused: list[str] = []
    with open_again(facts) as source:
        tags = content_tags(source.metadata)
        for container in candidates:
            is_last = container == candidates[-1]
            plan = _try_container(facts, source, container, trial, is_last)
            if not plan.dropped:
                break
            refused.append(
                f"{candidates[-1]} instead of {container}, which cannot hold {', '.join(plan.lost)}"
            )
    _refuse_lost_sound(facts, plan)
    # Where tags have names of their own, QuickTime and MP4 have no place for a cover.
    has_cover = any(stream.cover and plan.carries(stream) for stream in facts.streams)
    plan = replace(plan, free_tags=not has_cover and bool(_tags_dropped(tags, plan.container, trial)))
    trial.unlink(missing_ok=True)
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


def _try_container(
    facts: FilmFacts, source: InputContainer, container: str, trial: Path, is_last: bool
) -> ContainerPlan:
    """What becomes of the streams of a film in a container, which has to do if it is the last."""
    refused = [
        stream
        for stream in facts.streams
        # A cover goes into Matroska as an attached file.
        if not (stream.rewritten or (stream.cover and container == "mkv"))
        and not _takes(source, stream, container, trial)
    ]
    ffmpeg_audio: tuple[int, ...] = ()
    # None of a picture that is turned for display: not every version of the program keeps that. None of a
    # film whose clock is put in order, which the program would do in its own way.
    if container == "mkv" and facts.display_matrix is None and not facts.restarts:
        sound = [stream.index for stream in refused if stream.kind == "audio"]
        ffmpeg_audio = tuple(
            index for index in sound if ffmpeg_cli.can_mux(facts.path, index, trial, facts.probe_bytes)
        )
    pcm = _as_pcm(facts, refused, ffmpeg_audio) if is_last else {}
    lost = [stream for stream in refused if stream.index not in (*ffmpeg_audio, *pcm)]
    if ffmpeg_audio:
        # The program would make a track of an attached cover.
        lost += [stream for stream in facts.streams if stream.cover and stream not in lost]
    return ContainerPlan(
        container,
        notes=(
            *(f"stream {index} was put in by the ffmpeg program" for index in ffmpeg_audio),
            *(f"stream {index} was written as {name}, sample for sample" for index, name in pcm.items()),
        ),
        dropped=tuple(stream.index for stream in lost),
        lost=tuple(f"stream {stream.index} ({stream.codec or 'unknown'} {stream.kind})" for stream in lost),
        ffmpeg_audio=ffmpeg_audio,
        pcm=pcm,
    )


def _as_pcm(facts: FilmFacts, refused: list[StreamFacts], but: tuple[int, ...]) -> dict[int, str]:
    """Sound that no container takes as it is and that can be decoded, with the PCM that holds it."""
    found = {
        stream.index: pcm_for(facts.path, stream.index, facts.probe_bytes)
        for stream in refused
        if stream.kind == "audio" and stream.index not in but
    }
    return {index: codec for index, codec in found.items() if codec is not None}


def _takes(source: InputContainer, stream: StreamFacts, container: str, trial: Path) -> bool:
    """Whether a container takes a stream, by trying."""
    import av

    with opened_output(trial, container) as out:
        try:
            add_stream_copy(out, source.streams[stream.index], stream, container)
            out.start_encoding()
        except (ValueError, av.error.FFmpegError, NotImplementedError):
            return False
    return True


def _tags_dropped(tags: dict[str, str], container: str, trial: Path) -> list[str]:
    """Tags that a container does not keep unless it is asked for, by trying."""
    if container == "mkv" or not tags:
        return []
    with opened_output(trial, container) as out:
        # FFmpeg writes nothing without a stream; this one stays empty and is not written.
        out.add_mux_stream("aac", rate=48000)
        out.metadata.update(tags)
        out.start_encoding()
    with open_film(trial) as written:
        return missing_tags(tags, written.metadata)


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


@contextmanager
def opened_output(
    path: Path, container: str, ticks: int = _MIN_TIMESCALE, free_tags: bool = False
) -> Iterator[OutputContainer]:
    """An output container, written the same way each time.

    Args:
        path: the file.
        container: mp4, mov or mkv.
        ticks: per second, of the clock that says when streams begin; Matroska has its own.
        free_tags: as of `ContainerPlan`.
    """
    import av

    options = {"fflags": "+bitexact"}
    if container == "mkv":
        options["avoid_negative_ts"] = "disabled"
    else:
        flags = "+write_colr+use_metadata_tags" if free_tags else "+write_colr"
        options |= {"movflags": flags, "movie_timescale": str(ticks)}
    with closing_output(av.open(ffmpeg_url(path), "w", format=_MUXERS[container], options=options)) as out:
        yield out


@contextmanager
def closing_output(out: OutputContainer) -> Iterator[OutputContainer]:
    """Close an output container at the end of the block; a failed one is closed without complaint."""
    import av

    try:
        yield out
    except BaseException:
        with suppress(ValueError, av.error.FFmpegError):
            out.close()
        raise
    out.close()


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


def missing_tags(own: dict[str, str], kept: dict[str, str]) -> list[str]:
    """Names of tags that tell of a film and are not in another file with the same value.

    Args:
        own: of the source.
        kept: of the other file, which may spell names in another case and say more in a comment.
    """
    folded = {name.lower(): value for name, value in kept.items()}
    return [name for name, value in content_tags(own).items() if not _is_kept(name.lower(), value, folded)]


def _is_kept(name: str, value: str, kept: dict[str, str]) -> bool:
    found = kept.get(name, kept.get(name.partition("-")[0]))
    if found is None:
        return not value.strip()
    if name == "creation_time":
        # To the second, which is all that QuickTime and MP4 have room for.
        return found[:_SECONDS_OF_TIME] == value[:_SECONDS_OF_TIME]
    if name.startswith("location"):
        places = [[float(number) for number in _NUMBER.findall(text)] for text in (found, value)]
        return places[0] == places[1]
    return found == value or (name == "comment" and found.startswith(value))


def stream_tags(tags: dict[str, str], container: str) -> dict[str, str]:
    """Tags of a stream as a container takes them: QuickTime has its own list of languages."""
    kept = content_tags(tags)
    if container == "mov" and kept.get("language") in _QUICKTIME_LANGUAGES:
        kept["language"] = _QUICKTIME_LANGUAGES[kept["language"]]
    return kept
