"""One film, coloured: survey, shots, segments, join, compare, and the record of it."""

from __future__ import annotations

import hashlib
import logging
import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from archivecolor.archive.durable import make_folder, raise_if_full, replacing
from archivecolor.archive.fixity import sha256_of
from archivecolor.archive.folders import spare_source
from archivecolor.archive.marking import Marking
from archivecolor.archive.record import Output, Record
from archivecolor.archive.walk import OUR_FOLDER
from archivecolor.engine.stopping import Stop
from archivecolor.engine.workers import core_count
from archivecolor.errors import ItemError, Reason
from archivecolor.film.badge import badge_for
from archivecolor.film.compare import compare, lost_languages
from archivecolor.film.containers import (
    containers_for,
    holding_container,
    refuse_silence,
    suffix_for,
    with_shape,
)
from archivecolor.film.encode import carries_fields, choose_target
from archivecolor.film.fields import check_pulldown, is_progressive, order_of, parity_of
from archivecolor.film.film import Film, Predictor, changed
from archivecolor.film.frames import geometry_of
from archivecolor.film.join import Joining, join
from archivecolor.film.probe import FilmFacts, film_errors, probe, vanished
from archivecolor.film.segments import (
    FORMAT,
    Making,
    Segment,
    WorkFolder,
    frames_of_work,
    make_segments,
    mean_confidence,
    plan_segments,
    seconds_per_frame,
)
from archivecolor.film.shots import Shot, read_shots, shots_from, write_shots
from archivecolor.film.sights import key_every_for
from archivecolor.film.survey import Survey, load_survey, save_survey, survey
from archivecolor.jobs.film_records import done, failed, skipped, source_of
from archivecolor.jobs.reels import Reel, Stage, Studio, settings_digest, stamp_of
from archivecolor.settings import VideoSettings

log = logging.getLogger(__name__)

WORK_FOLDER = "work"
KEY_LENGTH = 12


def colour_film(reel: Reel, studio: Studio) -> Record:
    """Colour one film and say what became of it.

    Raises:
        ItemError: it cannot be done, or not completely.
        StoppedError: a signal ended it; what is finished is kept.
        OutputError: the output cannot be written.
    """
    before = stamp_of(reel)
    try:
        record = coloured(reel, studio)
    except FileNotFoundError as error:
        if stamp_of(reel) is None:
            raise vanished() from error
        raise
    except ItemError as error:
        after = stamp_of(reel)
        if after is not None and after != before:
            raise changed() from error
        raise
    # The state the film was read in: what is written to it from here on is for the next run.
    nbytes, mtime_ns = before or (0, 0)
    return replace(record, source=replace(record.source, bytes=nbytes, mtime_ns=mtime_ns))


def coloured(reel: Reel, studio: Studio) -> Record:
    """Colour one film, on the understanding that its file stays as it is.

    Raises:
        FileNotFoundError: it is gone.
        ItemError, StoppedError, OutputError: as `colour_film`.
    """
    began = time.monotonic()
    with film_errors():
        sha256 = sha256_of(reel.source)
    facts = probe(reel.source)
    folder = work_folder(reel, studio, sha256)
    candidates = containers_for(facts, studio.settings.container, studio.settings.codec)
    refuse_silence(facts, candidates[-1], folder.trial)
    facts, found = prepared(reel, studio, facts, folder)
    shots = shots_of(studio.settings, found)
    write_shots(folder.shots, shots, [float(pts * facts.time_base) for pts in found.pts.tolist()])
    film = film_of(facts, found, shots, studio)
    if all(film.passes(shot) for shot in shots):
        record = skipped(reel, studio, film)
    else:
        segments = coloured_segments(reel, studio, film, folder)
        record = finished(reel, studio, Joining(film, segments, folder, marking_of(studio, sha256)))
    if not studio.settings.keep_work:
        folder.clear()
    source = replace(source_of(film), sha256=sha256)
    return replace(record, source=source, seconds=round(time.monotonic() - began, 3))


def work_folder(reel: Reel, studio: Studio, sha256: str) -> WorkFolder:
    """The folder of this film's work files: another one where anything that shapes them differs."""
    settings = studio.settings
    facts = (
        FORMAT,
        sha256,
        settings_digest(settings),
        studio.weights,
        settings.segment_seconds,
        encoder_threads(settings),
        *(version(name) for name in ("archivecolor", "av", "opencv-python-headless")),
    )
    key = hashlib.sha256(repr(facts).encode()).hexdigest()[:KEY_LENGTH]
    path = reel.output / OUR_FOLDER / WORK_FOLDER / f"{reel.source.name}-{key}"
    make_folder(path)
    # Matroska has no place for DNxHR.
    return WorkFolder(path, ".mov" if settings.codec == "dnxhr" else ".mkv")


def encoder_threads(settings: VideoSettings) -> int:
    """Threads of the encoder."""
    return settings.threads or core_count()


def prepared(reel: Reel, studio: Studio, facts: FilmFacts, folder: WorkFolder) -> tuple[FilmFacts, Survey]:
    """The film as it will be read, its fields kept or undone, and what it then holds."""
    found = surveyed(reel, studio, facts, folder)
    fields = way_with_fields(studio.settings, facts, found)
    if fields == "keep":
        return facts, found
    facts = replace(facts, fields=fields, parity=parity_of(facts, found.fields))
    return facts, surveyed(reel, studio, facts, folder)


def way_with_fields(settings: VideoSettings, facts: FilmFacts, found: Survey) -> str:
    """What is done to the film's fields: keep, bwdif, fieldmatch or ivtc.

    Raises:
        ItemError: `UNSUPPORTED` where pulldown is to be taken out that is not there.
    """
    asked = settings.deinterlace
    if asked in ("keep", "bwdif"):
        return asked
    if is_progressive(facts, found.fields):
        return "keep"
    if asked == "ivtc":
        check_pulldown(found.fields, found.pts)
        return asked
    if carries_fields(settings):
        return "keep"
    # Fields that pulldown parted are put together again: no line is made up, and no frame goes.
    return "fieldmatch" if found.fields.telecined else "bwdif"


def surveyed(reel: Reel, studio: Studio, facts: FilmFacts, folder: WorkFolder) -> Survey:
    """What the film holds: as found by an earlier run, or by looking at all of it."""

    def watch(count: int) -> None:
        studio.watch(reel, Stage("looking", count, facts.expected_frames))
        stop_if_asked(studio.stop)

    kept = folder.survey(facts.fields)
    found = load_survey(kept)
    if found is None:
        found = survey(facts, watch)
        save_survey(kept, found)
    if found.losses and studio.settings.strict:
        raise ItemError(Reason.TRUNCATED, f"not whole: {', '.join(found.losses)}")
    return found


def stop_if_asked(stop: Stop) -> None:
    """Raise where a signal, or the end of the time, asks to end at once rather than with the shot."""
    stop.raise_if_signalled()
    if stop.out_of_time:
        raise OutOfTimeError


def shots_of(settings: VideoSettings, found: Survey) -> tuple[Shot, ...]:
    """Where shots begin, as asked: found, none, or read from a list."""
    if settings.cuts == "auto":
        return found.shots
    if settings.cuts == "none":
        return shots_from({}, len(found))
    return read_shots(Path(settings.cuts), len(found))


def film_of(facts: FilmFacts, found: Survey, shots: tuple[Shot, ...], studio: Studio) -> Film:
    """The film with what it becomes."""
    settings = studio.settings
    interlaced = facts.fields == "keep" and not is_progressive(facts, found.fields)
    if interlaced:
        facts = replace(facts, field_order=order_of(facts, found.fields))
    geometry = geometry_of(facts, settings.working_size)
    return Film(
        facts=facts,
        survey=found,
        shots=shots,
        target=choose_target(facts, settings, encoder_threads(settings), interlaced),
        geometry=geometry,
        smoothing=settings.smoothing,
        recolour=settings.colour == "recolour",
        batch=settings.batch_size,
        key_every=key_every_of(settings),
        badge=badge_for(facts, geometry) if settings.badge else None,
    )


def key_every_of(settings: VideoSettings) -> int:
    """Distance of key frames: where the best is asked for, every frame is one."""
    return 1 if settings.quality == "high" else key_every_for(settings.smoothing)


def coloured_segments(reel: Reel, studio: Studio, film: Film, folder: WorkFolder) -> tuple[Segment, ...]:
    """All segments of the film; those that are missing are made.

    Raises:
        StoppedError: the run was asked to end before all were made.
    """
    seconds = expected_seconds(film.facts, studio.settings)
    segments = plan_segments(film, frames_of_work(studio.settings.segment_seconds, seconds))

    def watch(frame: int) -> None:
        shot = film.shot_at(frame)
        stage = Stage("colouring", frame + 1, len(film.survey), shot + 1, len(film.shots))
        studio.watch(reel, stage)

    predictor: Predictor = studio.predictor()
    making = Making(film, predictor, folder, watch, lambda: not studio.stop.requested)
    if not make_segments(making, segments):
        studio.stop.raise_if_signalled()
        raise OutOfTimeError
    return segments


class OutOfTimeError(Exception):
    """The run's time is over before the film is done; no failure, the rerun goes on."""


def expected_seconds(facts: FilmFacts, settings: VideoSettings) -> float:
    """Pessimistic time per frame."""
    return seconds_per_frame(facts.width, facts.height, settings.working_size, settings.quality == "high")


def marking_of(studio: Studio, sha256: str) -> Marking:
    """What the film says of its colour."""
    return Marking(
        version=version("archivecolor"),
        source_sha256=sha256,
        settings=settings_digest(studio.settings),
        weights=studio.weights,
        network=getattr(studio.predictor(), "name", ""),
    )


def finished(reel: Reel, studio: Studio, joining: Joining) -> Record:
    """Join, compare with the source, and give the film its name."""
    film, folder = joining.film, joining.folder
    candidates = containers_for(film.facts, studio.settings.container, film.target.codec)
    joined = holding_container(film.facts, candidates, folder.trial)
    joined = with_shape(film.facts, film.target.codec, joined)
    folder.trial.unlink(missing_ok=True)
    name = reel.stem + suffix_for(film.facts, joined.container)
    path = reel.output / name
    spare_source(reel.source, path)
    with replacing(path) as part:
        join(
            joining, joined, part, lambda count: studio.watch(reel, Stage("joining", count, len(film.survey)))
        )
        raise_if_full(part.parent)
        opinion = compare(film, joined, part)
        joined = replace(joined, lost=(*joined.lost, *lost_languages(film, joined, part)))
        with film_errors():
            if sha256_of(reel.source) != joining.marking.source_sha256:
                raise changed()
        sha256, nbytes = sha256_of(part), part.stat().st_size
    output = Output(name, nbytes, sha256, film.facts.width, film.facts.height, film.target.codes.depth)
    record = done(reel, studio, film, joined, opinion)
    confidence = round(mean_confidence(joining.segments, folder), 4)
    return replace(record, output=output, network=joining.marking.network, confidence=confidence)


__all__ = [
    "OutOfTimeError",
    "Reel",
    "Stage",
    "Studio",
    "colour_film",
    "expected_seconds",
    "failed",
    "settings_digest",
]
