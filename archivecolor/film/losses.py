"""What the finished film does not hold of its source beside the picture: tags, languages, the edit of sound.

Values are compared, not names alone, over all groups of both files; what is not found again is named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from archivecolor.film.containers import ContainerPlan, missing_tags, stream_tags
from archivecolor.film.film import Film
from archivecolor.film.probe import (
    FilmFacts,
    StreamFacts,
    film_errors,
    main_video_stream,
    open_again,
    open_film,
)
from archivecolor.film.sound import sound_stream

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.stream import Stream

# Heard differently by less than this is within one packet's rounding.
_HEARD_TOLERANCE_SECONDS = 0.002
_DEFAULT_HANDLERS = frozenset({"VideoHandler", "SoundHandler", "SubtitleHandler", "DataHandler"})
# How much of a name or a value is shown.
_SHOWN = 60


def carried_streams(facts: FilmFacts, plan: ContainerPlan, kind: str) -> list[StreamFacts]:
    """Streams of a kind that the finished film has, in its order."""
    return [stream for stream in facts.streams if stream.kind == kind and plan.carries(stream)]


def find_losses(film: Film, plan: ContainerPlan, part: Path) -> tuple[str, ...]:
    """What is not in the finished film, in words.

    Args:
        film: the source as its first pass found it.
        plan: what is known to be left out, which is not named again.
        part: the finished film.
    """
    with open_again(film.facts) as source, open_film(part) as output, film_errors():
        kept = [dict(stream.metadata) for stream in output.streams]
        found = [
            *_lost_tags(source.metadata, output.metadata),
            *_lost_of_streams(film.facts, plan, source, output, kept),
            *_lost_of_chapters(source, output),
            *_lost_tracks(film.facts, plan, output),
        ]
    return (*found, *_lost_edits(film.facts, plan, part))


def _lost_tags(own: dict[str, str], kept: dict[str, str], of: str = "") -> Iterator[str]:
    for name in missing_tags(own, kept):
        yield f"the tag {name[:_SHOWN]}{of}: {own[name][:_SHOWN]}"


def _lost_of_streams(
    facts: FilmFacts,
    plan: ContainerPlan,
    source: InputContainer,
    output: InputContainer,
    kept: list[dict[str, str]],
) -> Iterator[str]:
    """Tags and languages of the picture and of the streams that were copied."""
    # A timecode may be kept by the picture, by a track of its own or by the film.
    everywhere = {
        name: tags[name] for tags in (output.metadata, *kept) for name in tags if name == "timecode"
    }
    pairs: list[tuple[Stream, Stream]] = [(source.streams[facts.picture], main_video_stream(output))]
    for kind in ("audio", "subtitle"):
        copies = [stream for stream in output.streams if stream.type == kind]
        own = [source.streams[stream.index] for stream in carried_streams(facts, plan, kind)]
        pairs += list(zip(own, copies, strict=True))
    for stream, copy in pairs:
        tags = {name: value for name, value in stream.metadata.items() if not _is_of_writer(name, value)}
        language = tags.pop("language", "und")
        known = (language, stream_tags({"language": language}, plan.container)["language"])
        if copy.metadata.get("language", "und") not in known:
            yield f"the language of stream {stream.index}, {language}"
        yield from _lost_tags(tags, everywhere | copy.metadata, f" of stream {stream.index}")


def _is_of_writer(name: str, value: str) -> bool:
    """Whether a stream's tag is what a program writes that was told nothing."""
    return name.lower() == "handler_name" and value in _DEFAULT_HANDLERS


def _lost_tracks(facts: FilmFacts, plan: ContainerPlan, output: InputContainer) -> Iterator[str]:
    """Covers, attached files and tracks of data that are not all there; sound and subtitles are checked."""
    covers = sum(stream.cover and plan.carries(stream) for stream in facts.streams)
    data, files = (len(carried_streams(facts, plan, kind)) for kind in ("data", "attachment"))
    if plan.container == "mkv":
        # Covers and the note of how the film was made are attached files there.
        files, covers = files + covers + 1, 0
    kept = Counter(stream.type for stream in output.streams)
    written = sum("timecode" in stream.metadata for stream in output.streams.data)
    for name, wanted, found in (
        ("covers", covers, kept["video"] - 1),
        ("tracks of data", data, kept["data"] - written),
        ("attached files", files, kept["attachment"] + (kept["video"] - 1 if plan.container == "mkv" else 0)),
    ):
        if found < wanted:
            yield f"{wanted - found} of {wanted} {name}"


def _lost_of_chapters(source: InputContainer, output: InputContainer) -> Iterator[str]:
    """Titles of chapters; that all are there is checked elsewhere."""
    for number, (own, kept) in enumerate(zip(source.chapters(), output.chapters(), strict=False), start=1):
        yield from _lost_tags(own["metadata"], kept["metadata"], f" of chapter {number}")


def _lost_edits(facts: FilmFacts, plan: ContainerPlan, part: Path) -> Iterator[str]:
    """Sound whose edit (a list of what is heard of it) the finished film does not follow to the sample."""
    for number, stream in enumerate(carried_streams(facts, plan, "audio")):
        if stream.index not in facts.hidden_sound:
            continue
        own = _heard(facts.path, stream.index, facts.probe_bytes)
        with open_film(part) as output:
            index = output.streams.audio[number].index
        now = _heard(part, index)
        if own is None or now is None:
            yield f"perhaps the edit of stream {stream.index} (audio), which cannot be decoded"
        elif max(abs(own[0] - now[0]), abs(own[1] - now[1])) > _HEARD_TOLERANCE_SECONDS:
            heard = (
                f"it is heard from {now[0]:.3f} to {now[1]:.3f} s, not from {own[0]:.3f} to {own[1]:.3f} s"
            )
            yield f"the edit of stream {stream.index} (audio): {heard}"


def _heard(path: Path, index: int, probe_bytes: int = 0) -> tuple[float, float] | None:
    """When sound is heard first, and when last, in seconds; None where it does not decode."""
    import av

    first, seconds = None, 0.0
    with open_film(path, probe_bytes) as container:
        try:
            for frame in container.decode(sound_stream(container, index)):
                if first is None:
                    first = frame.time
                seconds += frame.samples / frame.sample_rate
        except av.error.FFmpegError:
            return None
    return None if first is None else (first, first + seconds)
