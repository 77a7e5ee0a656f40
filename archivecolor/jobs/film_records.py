"""The record of a film: done, skipped or failed, and what became of it."""

from __future__ import annotations

import os
from dataclasses import replace

from archivecolor.archive.record import Record, Source, Status
from archivecolor.errors import ItemError, Reason
from archivecolor.film.containers import Joined
from archivecolor.film.film import Film
from archivecolor.jobs.reels import Reel, Studio, settings_digest
from archivecolor.settings import VideoSettings

NO_SOURCE = Source(0, 0)


def source_of(film: Film) -> Source:
    """What a record says of a film that was surveyed, but for its file."""
    facts = film.facts
    return replace(
        NO_SOURCE,
        width=facts.width,
        height=facts.height,
        depth=facts.layout.depth,
        tone=film.survey.tone(film.shots[0]).value,
    )


def done(reel: Reel, studio: Studio, film: Film, joined: Joined, opinion: str) -> Record:
    """The record of a finished film, but for its files."""
    exact = film.target.codec == "ffv1" and film.target.codes == film.facts.codes and film.badge is None
    return Record(
        path=reel.path,
        status=Status.DONE,
        reason=Reason.COLOURED,
        source=NO_SOURCE,
        detail="; ".join((*joined.notes, *film.notes, *film.survey.losses)),
        kind="film",
        settings=settings_digest(studio.settings),
        weights=studio.weights,
        luma="exact" if exact else "re-encoded",
        lost=joined.lost,
        extra={"film": about_film(film, studio.settings) | {"second_opinion": opinion}},
    )


def about_film(film: Film, settings: VideoSettings) -> dict[str, object]:
    """What a film's record says besides what every record says."""
    facts = film.facts
    badge = {} if film.badge is None else {"badge": film.badge.box}
    return badge | {
        "frames": len(film.survey),
        "shots": len(film.shots),
        "kept_shots": sum(film.passes(shot) for shot in film.shots),
        "seconds": round(float((int(film.survey.pts[-1]) - int(film.survey.pts[0])) * facts.time_base), 3),
        "rate": str(facts.read_rate),
        "codec": film.target.codec,
        "encoder": film.target.encoder,
        "streams": [f"{stream.kind} {stream.codec}".strip() for stream in facts.streams],
        "fields": fields_word(film, settings.deinterlace),
    }


def fields_word(film: Film, asked: str) -> str:
    """What was seen of fields, and what was done to them."""
    if film.facts.fields != "keep":
        return f"undone by {film.facts.fields}"
    if film.survey.fields.telecined:
        return "telecined, kept"
    if film.target.interlaced:
        return "interlaced, kept"
    return "progressive, no pulldown to take out" if asked == "ivtc" else "progressive"


def skipped(reel: Reel, studio: Studio, film: Film) -> Record:
    """The record of a film that is in colour from end to end, but for its file."""
    return Record(
        path=reel.path,
        status=Status.SKIPPED,
        reason=Reason.ALREADY_COLOUR,
        source=NO_SOURCE,
        detail="every shot is in colour; --colour recolour takes it off and adds ours",
        kind="film",
        settings=settings_digest(studio.settings),
        weights=studio.weights,
        extra={"film": about_film(film, studio.settings)},
    )


def failed(reel: Reel, studio: Studio, error: ItemError) -> Record:
    """The record of a film that cannot be done."""
    try:
        about = os.stat(reel.source)  # noqa: PTH116 - names may be bytes that are not UTF-8
        source = Source(about.st_size, about.st_mtime_ns)
    except OSError:
        source = NO_SOURCE
    return Record(
        path=reel.path,
        status=Status.FAILED,
        reason=error.reason,
        source=source,
        detail=error.detail,
        kind="film",
        settings=settings_digest(studio.settings),
        weights=studio.weights,
    )
