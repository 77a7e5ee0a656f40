"""What people decided about a film: brought to its shots, and what of earlier work it leaves as it is."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from archivecolor.archive.correction import Correction, ShotCorrection, correction_values
from archivecolor.archive.fixity import sha256_of
from archivecolor.archive.plan import Item
from archivecolor.archive.record import Record, Status
from archivecolor.errors import Reason
from archivecolor.film.film import ChromaPredictor, Film
from archivecolor.film.reuse import take_out_segments
from archivecolor.film.segment_plan import Segment, WorkFolder, needs_state
from archivecolor.film.segments import Confidence, confidence_of, is_made, missing_segments, save_confidence
from archivecolor.film.set_ups import colour_sources, find_set_ups, load_set_ups, save_set_ups
from archivecolor.film.shot_guidance import guide_of
from archivecolor.film.side_data import has_side_data_to_carry
from archivecolor.jobs.carrying_out import SHOTS_LEFT_OUT, remove_outputs
from archivecolor.jobs.film_jobs import FilmRunContext
from archivecolor.jobs.film_progress import COMPARING, FilmProgress
from archivecolor.jobs.film_records import NO_SOURCE

logger = logging.getLogger(__name__)


def correction_of(item: Item, sha256: str) -> Correction:
    """What was decided about a film; of its shots nothing where that was said of another file."""
    correction = item.decision.correction
    with_shots = not correction.source or correction.source == sha256
    return item.decision.applied_correction(with_hints=with_shots)


def with_corrections(film: Film, correction: Correction) -> Film:
    """The film with what was decided about it, shot by shot."""
    own = correction.settings
    corrections: dict[int, tuple[ShotCorrection, ...]] = defaultdict(tuple)
    for shot in correction.shots:
        corrections[film.shot_at(film.frame_at(shot.seconds))] += (shot,)
    guidance = replace(film.guidance, saturation=own.saturation, quality=own.quality or "")
    return replace(film, guidance=guidance, corrections=dict(corrections))


def with_guides(
    film: Film,
    predictor: ChromaPredictor,
    segments: tuple[Segment, ...],
    folder: WorkFolder,
    check: Callable[[], None],
) -> Film:
    """The film with what was decided about those shots made ready that are to be coloured.

    Args:
        film: the film.
        predictor: the network.
        segments: all of the film.
        folder: where those lie that are made.
        check: called with every frame that is looked at; may raise to end it.

    Raises:
        ItemError: as `guide_of`.
    """
    missing = missing_segments(segments, film, folder)
    shots = {
        number
        for segment in segments
        if segment.number in missing
        for number in range(film.shot_at(segment.first), film.shot_at(segment.last) + 1)
    }
    return with_guides_of(film, predictor, shots, check)


def with_guides_of(
    film: Film, predictor: ChromaPredictor, shots: AbstractSet[int], check: Callable[[], None]
) -> Film:
    """The same for shots by their numbers; arguments and errors as `with_guides`."""
    # Shots that take their colours from others need what was decided about those.
    shots = shots | {view.shot for number in shots for view in film.colour_sources.get(number, ())}
    guides = {
        number: guide_of(film, predictor, film.shots[number], corrections, check)
        for number, corrections in film.corrections.items()
        if number in shots and not film.is_passthrough(film.shots[number])
    }
    return replace(film, guides=guides)


def with_colour_sources(item: Item, run_context: FilmRunContext, film: Film, folder: WorkFolder) -> Film:
    """The film with the frames that shots of one set-up take their colours from, where that is asked for.

    Args:
        item: the film.
        run_context: of the run.
        film: with what was decided about it.
        folder: where what an earlier run found is kept.

    Raises:
        ItemError: as `find_set_ups`.
        StoppedError, OutOfTimeError: the run was asked to end.
    """
    if not run_context.settings.same_colours:
        return film

    def watch(frame: int) -> None:
        frames, megapixels = len(film.first_pass), film.facts.megapixels
        run_context.report(item, FilmProgress(COMPARING, frame + 1, frames, megapixels=megapixels))
        run_context.stop_if_asked()

    set_ups = load_set_ups(folder.set_ups)
    if set_ups is None:
        set_ups = find_set_ups(film, run_context.open_predictor(), watch)
        save_set_ups(folder.set_ups, set_ups)
    return replace(film, colour_sources=colour_sources(film, set_ups))


def rejected_record(item: Item, run_context: FilmRunContext) -> Record:
    """The record of a film that is to have no output; what earlier runs made of it goes.

    Raises:
        ItemError: `BY_HAND`; somebody worked on it, and it stays.
        OutputError: it cannot be removed.
    """
    remove_outputs(run_context.output, item.claim)
    source = replace(NO_SOURCE, bytes=item.nbytes, mtime_ns=item.mtime_ns, sha256=sha256_of(item.source))
    return Record(
        path=item.path,
        status=Status.SKIPPED,
        reason=Reason.REJECTED,
        source=source,
        detail=item.decision.note,
        kind="film",
        settings=run_context.settings_digest,
        weights=run_context.weights,
    )


@dataclass(frozen=True)
class _MadeSegment:
    """What a record says of a segment."""

    segment: Segment
    confidence: Confidence


def segment_values(segments: tuple[Segment, ...], folder: WorkFolder) -> dict[str, object]:
    """What a film's record says of the pieces that it was joined from."""
    made = ((segment, confidence_of(segment, folder)) for segment in segments)
    return {
        "work": folder.key,
        "segments": [
            [segment.first, segment.last, segment.decided, confidence.asked, confidence.mean]
            for segment, confidence in made
        ],
    }


def reuse_segments(
    item: Item, run_context: FilmRunContext, film: Film, segments: tuple[Segment, ...], folder: WorkFolder
) -> None:
    """Take those segments out of the earlier output that would come out the same.

    They do where all that shapes work files is what it was, and what was decided about their shots too.
    """
    # Into packets that are joined captions and HDR data were put; they would be there twice.
    if run_context.settings.overwrite or has_side_data_to_carry(film):
        return
    record = run_context.record_of(item.path)
    made = _segments_of(record, folder.key) if record is not None else []
    bounds = [(one.segment.first, one.segment.last) for one in made]
    if record is None or record.output is None or bounds != [(one.first, one.last) for one in segments]:
        return
    same = {one.segment.number for one in made if one.segment == segments[one.segment.number]}
    wanted = _usable(same, film, segments, folder)
    path = run_context.output / record.output.path
    if not wanted or not path.is_file() or sha256_of(path) != record.output.sha256:
        return
    for number in wanted:
        save_confidence(segments[number], folder, made[number].confidence)
    taken = take_out_segments(path, segments, wanted, folder, run_context.stop_if_asked)
    logger.info(
        "%s: %d of %d pieces are copied out of the earlier output", item.path, len(taken), len(segments)
    )


def _usable(same: set[int], film: Film, segments: tuple[Segment, ...], folder: WorkFolder) -> frozenset[int]:
    """Of the segments that are the same those that need not be made: none whose end another one needs."""
    there = {segment.number for segment in segments if is_made(folder, segment)}
    wanted = same - there
    for segment in reversed(segments):
        made_anew = segment.number not in wanted and segment.number not in there
        if made_anew and needs_state(film, segment):
            before = segments[segment.number - 1]
            if not folder.state(before).exists():
                wanted.discard(before.number)
    return frozenset(wanted)


def _segments_of(record: Record, key: str) -> list[_MadeSegment]:
    """The segments of an earlier output; none where other things shaped them."""
    values = record.extra.get("film")
    if not isinstance(values, Mapping) or values.get("work") != key:
        return []
    try:
        return [
            _MadeSegment(
                Segment(number, int(first), int(last), str(decided)), Confidence(int(asked), float(mean))
            )
            for number, (first, last, decided, asked, mean) in enumerate(values["segments"])
        ]
    except (KeyError, TypeError, ValueError):
        return []


def with_correction(record: Record, item: Item, correction: Correction) -> Record:
    """The record of a film with what was decided about it."""
    left_out = correction.shots != item.decision.correction.shots
    detail = "; ".join(filter(None, (record.detail, SHOTS_LEFT_OUT if left_out else "")))
    return replace(record, detail=detail, correction=correction_values(correction) if correction else None)
