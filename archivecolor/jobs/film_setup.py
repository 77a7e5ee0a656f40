"""What a film is made with: its work folder, its fields, and the film as the settings want it."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace

from archivecolor.archive.atomic import make_folder
from archivecolor.archive.layout import Layout
from archivecolor.archive.parts import shorten_name
from archivecolor.archive.plan import Item
from archivecolor.engine.executor import core_count
from archivecolor.film.encode import choose_target, encodes_interlaced
from archivecolor.film.film import Film
from archivecolor.film.first_pass import FirstPass
from archivecolor.film.frames import geometry_of
from archivecolor.film.interlacing import check_pulldown, field_order_of, is_progressive
from archivecolor.film.keyframes import keyframe_interval_for
from archivecolor.film.probe import FilmFacts
from archivecolor.film.segment_plan import WorkFolder
from archivecolor.film.segments import FORMAT
from archivecolor.film.shots import Shot
from archivecolor.film.watermark import watermark_for
from archivecolor.jobs.film_jobs import FilmRunContext
from archivecolor.settings import VideoSettings

_KEY_LENGTH, _PLACE_LENGTH = 12, 8
_MAX_WORK_NAME = 120  # bytes of the film's name in that of its work folder


def work_folder(item: Item, run_context: FilmRunContext, sha256: str) -> WorkFolder:
    """The folder of this film's work files: another one where anything that shapes them differs."""
    settings = run_context.settings
    facts = (
        FORMAT,
        sha256,
        run_context.settings_digest,
        run_context.weights,
        settings.segment_seconds,
        _encoder_threads(settings),
        *run_context.library_versions,
        *sorted(item.decision.correction.settings.given().items()),
    )
    key = hashlib.sha256(repr(facts).encode()).hexdigest()[:_KEY_LENGTH]
    place = hashlib.sha256(os.fsencode(item.path)).hexdigest()[:_PLACE_LENGTH]
    start = f"{shorten_name(item.source.name, _MAX_WORK_NAME)}-{place}-"
    # Matroska has no place for DNxHR.
    suffix = ".mov" if settings.codec == "dnxhr" else ".mkv"
    folder = WorkFolder(Layout(run_context.output).work / f"{start}{key}", suffix)
    make_folder(folder.path)
    folder.remove_foreign()
    if not settings.keep_work:
        folder.remove_others(start)
    return folder


def _encoder_threads(settings: VideoSettings) -> int:
    """Threads of the encoder."""
    return settings.threads or core_count()


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
        target=choose_target(facts, settings, _encoder_threads(settings), interlaced),
        geometry=geometry,
        smoothing=settings.smoothing,
        recolour=settings.colour == "recolour",
        colour_toned=settings.toned == "colour",
        batch=settings.batch_size,
        keyframe_interval=keyframe_interval_of(settings),
        watermark=watermark_for(facts, geometry) if settings.badge else None,
    )


def keyframe_interval_of(settings: VideoSettings) -> int:
    """Distance of key frames: where the best is asked for, every frame is one."""
    return 1 if settings.quality == "high" else keyframe_interval_for(settings.smoothing)
