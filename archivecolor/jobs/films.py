"""The way of films through a run, one by one: first pass, shots, segments, mux, verify; out come records."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from archivecolor.archive.atomic import atomic_write, raise_if_full
from archivecolor.archive.bag import check_bag_name
from archivecolor.archive.by_hand import make_way, refuse_by_hand
from archivecolor.archive.decision import State
from archivecolor.archive.fixity import sha256_of
from archivecolor.archive.folders import refuse_source_as_target
from archivecolor.archive.plan import Item
from archivecolor.archive.record import Output, Record
from archivecolor.errors import ArchivecolorError, ItemError, OutOfMemoryError, Reason, StoppedError
from archivecolor.film.containers import CONTAINER_OF_SUFFIX, ContainerPlan, plan_container, suffix_for
from archivecolor.film.film import ChromaPredictor, Film, changed_error
from archivecolor.film.limits import check_disk, check_memory, check_name
from archivecolor.film.losses import find_losses
from archivecolor.film.mux import MuxInputs, is_coloured_film, mux
from archivecolor.film.probe import FilmFacts, film_errors, read_error, vanished_error
from archivecolor.film.segment_plan import (
    Segment,
    WorkFolder,
    frames_per_segment,
    plan_segments,
    seconds_per_frame,
)
from archivecolor.film.segments import SegmentContext, confidence_of, make_segments, mean_confidence
from archivecolor.film.shot_list import write_shots
from archivecolor.film.side_data import side_data_to_carry, still_lost
from archivecolor.film.stream_survey import survey_streams
from archivecolor.film.verify_output import verify_output
from archivecolor.jobs.carrying_out import correction_step
from archivecolor.jobs.film_credentials import FilmToSign, sign_film, write_beside_film
from archivecolor.jobs.film_decisions import (
    correction_of,
    rejected_record,
    reuse_segments,
    segment_values,
    with_colour_sources,
    with_correction,
    with_guides,
)
from archivecolor.jobs.film_in_hand import film_in_hand
from archivecolor.jobs.film_jobs import FilmRunContext, OutOfTimeError, file_state
from archivecolor.jobs.film_progress import CHECKING, COLOURING, JOINING, READING, FilmProgress
from archivecolor.jobs.film_reading import read_film
from archivecolor.jobs.film_records import (
    copied_record,
    done_record,
    failed_record,
    skipped_record,
    source_of,
)
from archivecolor.jobs.film_setup import work_folder
from archivecolor.jobs.films_on_cluster import make_segments_on_cluster
from archivecolor.jobs.run import ItemResult, kept_by_hand
from archivecolor.jobs.shots_folder import take_in_first_pass
from archivecolor.metadata.provenance import CorrectionStep, Provenance
from archivecolor.settings import VideoSettings

logger = logging.getLogger(__name__)

# Of a file that did not change: decoders leave what damage hides as it lay in memory.
_UNSTEADY = (
    "it is damaged in such a way that its frames decode otherwise each time; copy its picture without loss "
    "first, as by ffmpeg -i FILE -map 0 -c copy -c:v ffv1 COPY.mkv"
)


def films(items: Iterable[Item], run_context: FilmRunContext) -> Iterator[ItemResult]:
    """Colour `items`; gives the record of each as it is done, and ends where the run should.

    Raises:
        UnavailableError: the checkpoint, the device or an encoder cannot be used.
        OutputError: the output cannot be written; what is finished is safe.
    """
    for item in items:
        if run_context.stop.requested:
            return
        try:
            record = replace(film_record(item, run_context), decision=item.decision.digest)
        except (StoppedError, OutOfTimeError):
            return
        yield ItemResult(record, 0.0)


def film_record(item: Item, run_context: FilmRunContext) -> Record:
    """The record of one film, coloured or failed.

    Raises:
        StoppedError, OutOfTimeError: the run was asked to end in the middle of it.
        UnavailableError, OutputError: as `films`.
    """
    try:
        if run_context.settings.bag:
            check_bag_name(item.output)
        for voucher in item.claim.vouchers[:1]:
            refuse_by_hand(run_context.output, voucher.output.path, item.claim)
        if item.decision.state is State.REJECTED:
            return rejected_record(item, run_context)
        own = item.decision.applied_to(run_context.settings)
        with film_in_hand(run_context.output, item):
            return colour_film(item, replace(run_context, settings=own))
    except ItemError as error:
        failed = failed_record(item, run_context, error)
        by_hand = error.reason is Reason.BY_HAND
        return kept_by_hand(failed, item, run_context.output) if by_hand else failed
    except (MemoryError, OutOfMemoryError):
        words = "this machine has not enough memory for it"
        return failed_record(item, run_context, ItemError(Reason.OUT_OF_MEMORY, words))
    except (ArchivecolorError, OutOfTimeError):
        raise
    except OSError as error:
        # What cannot be written is an OutputError: this is a source that cannot be read.
        return failed_record(item, run_context, read_error(error.strerror))
    except Exception as error:  # the film edge: a fault costs its film, not the films after it
        logger.error("%s failed unexpectedly", item.path, exc_info=error)
        words = f"{type(error).__name__}: {error}"
        return failed_record(item, run_context, ItemError(Reason.FAULT, words))


def colour_film(item: Item, run_context: FilmRunContext) -> Record:
    """Colour one film and say what became of it.

    Raises:
        ItemError: it cannot be done, or not completely.
        StoppedError: a signal ended it; what is finished is kept.
        OutputError: the output cannot be written.
    """
    before = file_state(item.source)
    try:
        record = _colour_unchanging(item, run_context)
    except FileNotFoundError as error:
        if file_state(item.source) is None:
            raise vanished_error() from error
        raise
    except ItemError as error:
        after = file_state(item.source)
        if after is not None and after != before:
            raise changed_error() from error
        if after is not None and error.reason is Reason.CHANGED:
            raise ItemError(Reason.UNREADABLE, _UNSTEADY) from error
        raise
    # The state the film was read in: what is written to it from here on is for the next run.
    nbytes, mtime_ns = before or (0, 0)
    return replace(record, source=replace(record.source, bytes=nbytes, mtime_ns=mtime_ns))


def _colour_unchanging(item: Item, run_context: FilmRunContext) -> Record:
    """Colour one film, on the understanding that its file stays as it is.

    Raises:
        FileNotFoundError: it is gone.
        ItemError, StoppedError, OutputError: as `colour_film`.
    """
    began = time.monotonic()
    run_context.report(item, FilmProgress(READING))
    with film_errors():
        sha256 = sha256_of(item.source)
    settings = run_context.settings
    facts = survey_streams(item.source, run_context.stop_if_asked, settings.max_megapixels)
    folder = work_folder(item, run_context, sha256)
    take_in_first_pass(settings, sha256, folder)
    plan = plan_container(facts, settings.container, settings.codec, folder.trial)
    _check_target(run_context.output, _film_name(item, run_context, facts, plan), item)
    correction = correction_of(item, sha256)
    film = read_film(item, run_context, facts, folder, correction)
    write_shots(folder.shots, film.shots, film.facts, film.first_pass)
    if all(film.is_passthrough(shot) and film.is_passthrough_by_options(shot) for shot in film.shots):
        record = _untouched_film(item, run_context, film)
    else:
        check_memory(film.facts, film.target)
        check_disk(film.facts, film.target, len(film.first_pass), run_context.output)
        film = with_colour_sources(item, run_context, film, folder)
        segments = _colour_segments(item, run_context, film, folder)
        step = correction_step(item.decision.digest, correction)
        inputs = MuxInputs(film, segments, folder, _provenance_of(run_context, sha256, step))
        record = with_correction(_mux_film(item, run_context, inputs, plan), item, correction)
    if not settings.keep_work:
        folder.clear()
    source = replace(source_of(film), sha256=sha256)
    return replace(record, source=source, seconds=round(time.monotonic() - began, 3))


def _film_name(item: Item, run_context: FilmRunContext, facts: FilmFacts, plan: ContainerPlan) -> str:
    """The name of the coloured film, relative to the output.

    Raises:
        ItemError: `UNSUPPORTED` where it was named as a container that does not hold all of the film.
    """
    asked = run_context.suffix
    if asked and CONTAINER_OF_SUFFIX[asked.lower()] != plan.container:
        detail = f"{asked} does not hold all of it; give the output the suffix .{plan.container}"
        raise ItemError(Reason.UNSUPPORTED, detail)
    return item.output + (asked or suffix_for(facts, plan.container))


def _check_target(output: Path, name: str, item: Item) -> Path:
    """The file that is called `name` below `output`, once it is sure that it may be written.

    Raises:
        ItemError: `NAME_COLLISION`: it is the film itself, or one that no run made; `UNSUPPORTED`: the name
            is too long for the disk.
    """
    path = output / name
    refuse_source_as_target(item.source, path)
    check_name(path)
    known = any(voucher.output.path == name for voucher in item.claim.vouchers)
    if not known and path.exists() and not is_coloured_film(path):
        detail = (
            f"{path.name} is there already, and not of this program's making; move it, or give another name"
        )
        raise ItemError(Reason.NAME_COLLISION, detail)
    return path


def _untouched_film(item: Item, run_context: FilmRunContext, film: Film) -> Record:
    """The record of a film that has nothing to colour: copied where that is asked for, else skipped."""
    settings = run_context.settings
    if (settings.toned != "keep") if film.is_toned else (settings.colour != "copy"):
        return skipped_record(item, run_context, film)
    name = item.output + item.source.suffix
    with atomic_write(_check_target(run_context.output, name, item), item.source) as part:
        with film_errors():
            shutil.copyfile(item.source, part)
        output = _written_output(part, name, film, film.facts.layout.depth)
        aside = make_way(run_context.output, name, output.sha256, item.claim)
    record = copied_record(item, run_context, film, output)
    return replace(record, detail="; ".join(filter(None, (record.detail, aside))))


def _written_output(part: Path, name: str, film: Film, depth: int) -> Output:
    """What a record says of a film that was written to `part` and is to be called `name`."""
    about = part.stat()
    return Output(
        path=name,
        bytes=about.st_size,
        sha256=sha256_of(part),
        width=film.facts.width,
        height=film.facts.height,
        depth=depth,
        mtime_ns=about.st_mtime_ns,
    )


def _colour_segments(
    item: Item, run_context: FilmRunContext, film: Film, folder: WorkFolder
) -> tuple[Segment, ...]:
    """All segments of the film; those that are missing are made.

    Raises:
        StoppedError: the run was asked to end before all were made.
    """
    seconds = expected_seconds(film.facts, run_context.settings)
    frames = len(film.first_pass)
    segments = plan_segments(film, frames_per_segment(run_context.settings.segment_seconds, seconds))

    begun = FilmProgress(COLOURING, frames=frames, megapixels=film.facts.megapixels)

    def watch(frame: int) -> None:
        shot = film.shot_at(frame)
        run_context.report(item, replace(begun, frame=frame + 1, shot=shot + 1, shots=len(film.shots)))

    run_context.report(item, begun)
    predictor: ChromaPredictor = run_context.open_predictor()
    reuse_segments(item, run_context, film, segments, folder)
    film = with_guides(film, predictor, segments, folder, run_context.stop_if_asked)
    context = SegmentContext(film, predictor, folder, watch, lambda: not run_context.stop.requested)
    if run_context.cluster is None:
        is_made = make_segments(context, segments)
    else:
        is_made = make_segments_on_cluster(item, run_context, context, segments)
    if not is_made:
        run_context.stop.raise_if_signalled()
        raise OutOfTimeError
    # Joining and comparing may take long too; what is there is kept for the rerun.
    run_context.stop.raise_if_signalled()
    return segments


def expected_seconds(facts: FilmFacts, settings: VideoSettings) -> float:
    """Pessimistic time per frame."""
    return seconds_per_frame(facts.width, facts.height, settings.working_size, settings.quality == "high")


def _provenance_of(run_context: FilmRunContext, sha256: str, step: CorrectionStep | None) -> Provenance:
    """What the film says of its colour."""
    return Provenance(
        version=run_context.version,
        source_sha256=sha256,
        settings=run_context.settings_digest,
        weights=run_context.weights,
        network=run_context.open_predictor().name,
        correction=step,
        runtime=run_context.open_predictor().runtime_name,
    )


def _mux_film(item: Item, run_context: FilmRunContext, inputs: MuxInputs, plan: ContainerPlan) -> Record:
    """Join, compare with the source, and give the film its name."""
    film, folder = inputs.film, inputs.folder
    inputs = replace(inputs, side_data=side_data_to_carry(film, run_context.stop_if_asked))
    at_end = FilmProgress(JOINING, frames=len(film.first_pass), megapixels=film.facts.megapixels)
    name = _film_name(item, run_context, film.facts, plan)
    path = run_context.output / name
    with atomic_write(path, item.source) as part:
        mux(
            inputs,
            plan,
            part,
            lambda count: run_context.report(item, replace(at_end, frame=count)),
        )
        run_context.report(item, replace(at_end, activity=CHECKING))
        raise_if_full(part.parent)
        opinion = verify_output(film, plan, part)
        plan = replace(plan, lost=(*plan.lost, *find_losses(film, plan, part)))
        lost = still_lost(film, inputs.side_data, part, run_context.stop_if_asked)
        film = replace(film, first_pass=replace(film.first_pass, lost=lost))
        with film_errors():
            if sha256_of(item.source) != inputs.provenance.source_sha256:
                raise changed_error()
        luma = "exact" if film.keeps_luma_exactly else "re-encoded"
        to_sign = FilmToSign(part, plan.container, luma, item.source, inputs.provenance)
        signed = sign_film(to_sign, run_context.settings.credentials)
        output = _written_output(part, name, film, film.target.sample_format.depth)
        is_signed = signed is not None
        aside = make_way(run_context.output, name, output.sha256, item.claim, is_signed=is_signed)
        write_beside_film(path, signed)
    record = done_record(item, run_context, film, plan, opinion)
    values = {**record.extra["film"], **segment_values(inputs.segments, folder)}
    confidence = mean_confidence(confidence_of(segment, folder) for segment in inputs.segments)
    return replace(
        record,
        output=output,
        detail="; ".join(filter(None, (record.detail, aside))),
        network=inputs.provenance.network,
        runtime=run_context.open_predictor().runtime_name,
        confidence=round(confidence, 4),
        certificate="" if signed is None else signed.certificate,
        lost=record.lost if signed is None else (*record.lost, *signed.lost),
        extra={**record.extra, "film": values},
    )
