"""The record of a film: done, skipped or failed, and what became of it."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import replace

from archivecolor.archive.plan import Item
from archivecolor.archive.record import Output, Record, Source, Status
from archivecolor.errors import ItemError, Reason
from archivecolor.film.containers import ContainerPlan
from archivecolor.film.film import Film
from archivecolor.jobs.film_jobs import FilmRunContext
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
        tone=film.first_pass.tone(film.shots[0]).value,
    )


def done_record(
    item: Item, run_context: FilmRunContext, film: Film, plan: ContainerPlan, opinion: str
) -> Record:
    """The record of a finished film, but for its files."""
    return Record(
        path=item.path,
        status=Status.DONE,
        reason=Reason.COLOURED,
        source=NO_SOURCE,
        detail="; ".join((*plan.notes, *film.notes, *film.first_pass.defects)),
        kind="film",
        settings=run_context.settings_digest,
        weights=run_context.weights,
        luma="exact" if film.keeps_luma_exactly else "re-encoded",
        lost=(*plan.lost, *film.first_pass.lost),
        extra={"film": _film_values(film, run_context.settings) | {"second_opinion": opinion}},
    )


def _film_values(film: Film, settings: VideoSettings) -> dict[str, object]:
    """What a film's record says besides what every record says."""
    facts = film.facts
    watermark = {} if film.watermark is None else {"badge": film.watermark.box}
    return watermark | {
        "frames": len(film.first_pass),
        "shots": len(film.shots),
        "shot_seconds": [_seconds(film, shot.first) for shot in film.shots],
        "set_ups": _set_ups(film),
        "damage": _damage(film),
        "kept_shots": sum(film.is_passthrough(shot) for shot in film.shots),
        "seconds": _seconds(film, -1),
        "rate": str(facts.read_rate),
        "codec": film.target.codec,
        "encoder": film.target.encoder,
        "streams": [f"{stream.kind} {stream.codec}".strip() for stream in facts.streams],
        "fields": _fields_description(film, settings.deinterlace),
    }


def _set_ups(film: Film) -> list[dict[str, object]]:
    """Shots, from 1, that have the colours of one frame, and when that frame is shown."""
    shots: dict[int, list[int]] = defaultdict(list)
    for number, views in film.colour_sources.items():
        for view in views:
            shots[view.frame].append(number + 1)
    return [{"shots": sorted(numbers), "seconds": _seconds(film, frame)} for frame, numbers in shots.items()]


def _damage(film: Film) -> list[dict[str, object]]:
    """What age and handling did to shots, from 1, of which there is something to say."""
    seen = ((number, film.first_pass.damage(shot).found()) for number, shot in enumerate(film.shots, start=1))
    return [{"shot": number, **found} for number, found in seen if found]


def _seconds(film: Film, frame: int) -> float:
    """When a frame is shown, since the first."""
    times = film.first_pass.pts
    return round(float((int(times[frame]) - int(times[0])) * film.facts.time_base), 3)


def _fields_description(film: Film, asked: str) -> str:
    """What was seen of fields, and what was done to them."""
    if film.facts.fields != "keep":
        return f"undone by {film.facts.fields}"
    if film.first_pass.fields.telecined:
        return "telecined, kept"
    if film.target.interlaced:
        return "interlaced, kept"
    return "progressive, no pulldown to take out" if asked == "ivtc" else "progressive"


def skipped_record(item: Item, run_context: FilmRunContext, film: Film) -> Record:
    """The record of a film that has nothing to colour from end to end, but for its file."""
    detail = "every shot is in colour; --colour recolour takes it off and adds ours"
    if film.is_toned:
        detail = f"every shot is tinted (--toned {run_context.settings.toned})"
    return Record(
        path=item.path,
        status=Status.SKIPPED,
        reason=Reason.TONED if film.is_toned else Reason.ALREADY_COLOUR,
        source=NO_SOURCE,
        detail=detail,
        kind="film",
        settings=run_context.settings_digest,
        weights=run_context.weights,
        extra={"film": _film_values(film, run_context.settings)},
    )


def copied_record(item: Item, run_context: FilmRunContext, film: Film, output: Output) -> Record:
    """The record of a film that has nothing to colour and was copied, but for its file."""
    skipped = skipped_record(item, run_context, film)
    detail = skipped.detail if film.is_toned else "every shot is in colour; copied (--colour copy)"
    return replace(skipped, status=Status.DONE, reason=Reason.COPIED, detail=detail, output=output)


def failed_record(item: Item, run_context: FilmRunContext, error: ItemError) -> Record:
    """The record of a film that cannot be done."""
    try:
        status = os.stat(item.source)  # noqa: PTH116 - names may be bytes that are not UTF-8
        source = Source(status.st_size, status.st_mtime_ns)
    except OSError:
        source = NO_SOURCE
    return Record(
        path=item.path,
        status=Status.FAILED,
        reason=error.reason,
        source=source,
        detail=error.detail,
        kind="film",
        settings=run_context.settings_digest,
        weights=run_context.weights,
    )
