"""One film, coloured: survey, shots, segments, join, compare, and the record of it."""

from __future__ import annotations

import hashlib
import logging
import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from archivecolor.archive.atomic import atomic_write, make_folder, raise_if_full
from archivecolor.archive.by_hand import make_way
from archivecolor.archive.fixity import sha256_of
from archivecolor.archive.folders import refuse_source_as_target
from archivecolor.archive.record import Output, Record
from archivecolor.archive.walk import STATE_FOLDER
from archivecolor.engine.stopping import Stop
from archivecolor.engine.workers import core_count
from archivecolor.errors import ItemError, Reason
from archivecolor.film.containers import (
    check_audio_supported,
    choose_container,
    containers_for,
    suffix_for,
    with_aspect_ratio,
)
from archivecolor.film.encode import choose_target, encodes_interlaced
from archivecolor.film.film import ChromaPredictor, Film, changed_error
from archivecolor.film.first_pass import FirstPass, load_first_pass, run_first_pass, save_first_pass
from archivecolor.film.frames import geometry_of
from archivecolor.film.interlacing import check_pulldown, field_order_of, field_parity, is_progressive
from archivecolor.film.keyframes import keyframe_interval_for
from archivecolor.film.mux import MuxInputs, mux
from archivecolor.film.probe import FilmFacts, film_errors, probe, vanished_error
from archivecolor.film.segments import (
    FORMAT,
    Segment,
    SegmentContext,
    WorkFolder,
    frames_per_segment,
    make_segments,
    mean_confidence,
    plan_segments,
    seconds_per_frame,
)
from archivecolor.film.shots import Shot, read_shots, shots_from_starts, write_shots
from archivecolor.film.verify_output import lost_languages, verify_output
from archivecolor.film.watermark import watermark_for
from archivecolor.jobs.film_jobs import FilmJob, FilmProgress, FilmRunContext, file_state, settings_digest
from archivecolor.jobs.film_records import done_record, failed_record, skipped_record, source_of
from archivecolor.metadata.provenance import Provenance
from archivecolor.settings import VideoSettings

logger = logging.getLogger(__name__)

WORK_FOLDER = "work"
KEY_LENGTH = 12


def colour_film(job: FilmJob, run_context: FilmRunContext) -> Record:
    """Colour one film and say what became of it.

    Raises:
        ItemError: it cannot be done, or not completely.
        StoppedError: a signal ended it; what is finished is kept.
        OutputError: the output cannot be written.
    """
    before = file_state(job)
    try:
        record = colour_unchanging(job, run_context)
    except FileNotFoundError as error:
        if file_state(job) is None:
            raise vanished_error() from error
        raise
    except ItemError as error:
        after = file_state(job)
        if after is not None and after != before:
            raise changed_error() from error
        raise
    # The state the film was read in: what is written to it from here on is for the next run.
    nbytes, mtime_ns = before or (0, 0)
    return replace(record, source=replace(record.source, bytes=nbytes, mtime_ns=mtime_ns))


def colour_unchanging(job: FilmJob, run_context: FilmRunContext) -> Record:
    """Colour one film, on the understanding that its file stays as it is.

    Raises:
        FileNotFoundError: it is gone.
        ItemError, StoppedError, OutputError: as `colour_film`.
    """
    began = time.monotonic()
    with film_errors():
        sha256 = sha256_of(job.source)
    facts = probe(job.source)
    folder = work_folder(job, run_context, sha256)
    candidates = containers_for(facts, run_context.settings.container, run_context.settings.codec)
    check_audio_supported(facts, candidates[-1], folder.trial)
    facts, found = with_fields_handled(job, run_context, facts, folder)
    shots = shots_of(run_context.settings, found)
    write_shots(folder.shots, shots, [float(pts * facts.time_base) for pts in found.pts.tolist()])
    film = make_film(facts, found, shots, run_context)
    if all(film.is_passthrough(shot) for shot in shots):
        record = skipped_record(job, run_context, film)
    else:
        segments = colour_segments(job, run_context, film, folder)
        record = mux_film(
            job, run_context, MuxInputs(film, segments, folder, provenance_of(run_context, sha256))
        )
    if not run_context.settings.keep_work:
        folder.clear()
    source = replace(source_of(film), sha256=sha256)
    return replace(record, source=source, seconds=round(time.monotonic() - began, 3))


def work_folder(job: FilmJob, run_context: FilmRunContext, sha256: str) -> WorkFolder:
    """The folder of this film's work files: another one where anything that shapes them differs."""
    settings = run_context.settings
    facts = (
        FORMAT,
        sha256,
        settings_digest(settings),
        run_context.weights,
        settings.segment_seconds,
        encoder_threads(settings),
        *(version(name) for name in ("archivecolor", "av", "opencv-python-headless")),
    )
    key = hashlib.sha256(repr(facts).encode()).hexdigest()[:KEY_LENGTH]
    path = job.output / STATE_FOLDER / WORK_FOLDER / f"{job.source.name}-{key}"
    make_folder(path)
    # Matroska has no place for DNxHR.
    return WorkFolder(path, ".mov" if settings.codec == "dnxhr" else ".mkv")


def encoder_threads(settings: VideoSettings) -> int:
    """Threads of the encoder."""
    return settings.threads or core_count()


def with_fields_handled(
    job: FilmJob, run_context: FilmRunContext, facts: FilmFacts, folder: WorkFolder
) -> tuple[FilmFacts, FirstPass]:
    """The film as it will be read, its fields kept or undone, and what it then holds."""
    found = load_or_survey(job, run_context, facts, folder)
    fields = choose_field_handling(run_context.settings, facts, found)
    if fields == "keep":
        return facts, found
    facts = replace(facts, fields=fields, parity=field_parity(facts, found.fields))
    return facts, load_or_survey(job, run_context, facts, folder)


def choose_field_handling(settings: VideoSettings, facts: FilmFacts, found: FirstPass) -> str:
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
    if encodes_interlaced(settings):
        return "keep"
    # Fields that pulldown parted are put together again: no line is made up, and no frame goes.
    return "fieldmatch" if found.fields.telecined else "bwdif"


def load_or_survey(
    job: FilmJob, run_context: FilmRunContext, facts: FilmFacts, folder: WorkFolder
) -> FirstPass:
    """What the film holds: as found by an earlier run, or by looking at all of it."""

    def watch(count: int) -> None:
        run_context.report(job, FilmProgress("looking", count, facts.expected_frames))
        stop_if_asked(run_context.stop)

    kept = folder.first_pass(facts.fields)
    found = load_first_pass(kept)
    if found is None:
        found = run_first_pass(facts, watch)
        save_first_pass(kept, found)
    if found.defects and run_context.settings.strict:
        raise ItemError(Reason.TRUNCATED, f"not whole: {', '.join(found.defects)}")
    return found


def stop_if_asked(stop: Stop) -> None:
    """Raise where a signal, or the end of the time, asks to end at once rather than with the shot."""
    stop.raise_if_signalled()
    if stop.out_of_time:
        raise OutOfTimeError


def shots_of(settings: VideoSettings, found: FirstPass) -> tuple[Shot, ...]:
    """Where shots begin, as asked: found, none, or read from a list."""
    if settings.cuts == "auto":
        return found.shots
    if settings.cuts == "none":
        return shots_from_starts({}, len(found))
    return read_shots(Path(settings.cuts), len(found))


def make_film(
    facts: FilmFacts, found: FirstPass, shots: tuple[Shot, ...], run_context: FilmRunContext
) -> Film:
    """The film with what it becomes."""
    settings = run_context.settings
    interlaced = facts.fields == "keep" and not is_progressive(facts, found.fields)
    if interlaced:
        facts = replace(facts, field_order=field_order_of(facts, found.fields))
    geometry = geometry_of(facts, settings.working_size)
    return Film(
        facts=facts,
        first_pass=found,
        shots=shots,
        target=choose_target(facts, settings, encoder_threads(settings), interlaced),
        geometry=geometry,
        smoothing=settings.smoothing,
        recolour=settings.colour == "recolour",
        batch=settings.batch_size,
        keyframe_interval=keyframe_interval_of(settings),
        watermark=watermark_for(facts, geometry) if settings.badge else None,
    )


def keyframe_interval_of(settings: VideoSettings) -> int:
    """Distance of key frames: where the best is asked for, every frame is one."""
    return 1 if settings.quality == "high" else keyframe_interval_for(settings.smoothing)


def colour_segments(
    job: FilmJob, run_context: FilmRunContext, film: Film, folder: WorkFolder
) -> tuple[Segment, ...]:
    """All segments of the film; those that are missing are made.

    Raises:
        StoppedError: the run was asked to end before all were made.
    """
    seconds = expected_seconds(film.facts, run_context.settings)
    segments = plan_segments(film, frames_per_segment(run_context.settings.segment_seconds, seconds))

    def watch(frame: int) -> None:
        shot = film.shot_at(frame)
        progress = FilmProgress("colouring", frame + 1, len(film.first_pass), shot + 1, len(film.shots))
        run_context.report(job, progress)

    predictor: ChromaPredictor = run_context.predictor()
    context = SegmentContext(film, predictor, folder, watch, lambda: not run_context.stop.requested)
    if not make_segments(context, segments):
        run_context.stop.raise_if_signalled()
        raise OutOfTimeError
    return segments


class OutOfTimeError(Exception):
    """The run's time is over before the film is done; no failure, the rerun goes on."""


def expected_seconds(facts: FilmFacts, settings: VideoSettings) -> float:
    """Pessimistic time per frame."""
    return seconds_per_frame(facts.width, facts.height, settings.working_size, settings.quality == "high")


def provenance_of(run_context: FilmRunContext, sha256: str) -> Provenance:
    """What the film says of its colour."""
    return Provenance(
        version=version("archivecolor"),
        source_sha256=sha256,
        settings=settings_digest(run_context.settings),
        weights=run_context.weights,
        network=getattr(run_context.predictor(), "name", ""),
    )


def mux_film(job: FilmJob, run_context: FilmRunContext, inputs: MuxInputs) -> Record:
    """Join, compare with the source, and give the film its name."""
    film, folder = inputs.film, inputs.folder
    candidates = containers_for(film.facts, run_context.settings.container, film.target.codec)
    plan = choose_container(film.facts, candidates, folder.trial)
    plan = with_aspect_ratio(film.facts, film.target.codec, plan)
    folder.trial.unlink(missing_ok=True)
    name = job.stem + suffix_for(film.facts, plan.container)
    path = job.output / name
    refuse_source_as_target(job.source, path)
    with atomic_write(path) as part:
        mux(
            inputs,
            plan,
            part,
            lambda count: run_context.report(job, FilmProgress("joining", count, len(film.first_pass))),
        )
        raise_if_full(part.parent)
        opinion = verify_output(film, plan, part)
        plan = replace(plan, lost=(*plan.lost, *lost_languages(film, plan, part)))
        with film_errors():
            if sha256_of(job.source) != inputs.provenance.source_sha256:
                raise changed_error()
        sha256, nbytes = sha256_of(part), part.stat().st_size
        make_way(job.output, name, sha256, job.claim)
    output = Output(
        path=name,
        bytes=nbytes,
        sha256=sha256,
        width=film.facts.width,
        height=film.facts.height,
        depth=film.target.sample_format.depth,
        mtime_ns=path.stat().st_mtime_ns,
    )
    record = done_record(job, run_context, film, plan, opinion)
    confidence = round(mean_confidence(inputs.segments, folder), 4)
    return replace(record, output=output, network=inputs.provenance.network, confidence=confidence)


__all__ = [
    "FilmJob",
    "FilmProgress",
    "FilmRunContext",
    "OutOfTimeError",
    "colour_film",
    "expected_seconds",
    "failed_record",
    "settings_digest",
]
