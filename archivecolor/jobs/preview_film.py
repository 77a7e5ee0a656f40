"""A preview of some shots, or of some seconds, of one film, as the whole film would have them.

It is a file of its own and no derivative: no record tells of it, and no decision is made by it. What the
first reading found is kept among the work files, where the run that makes the film finds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from archivecolor.archive.atomic import atomic_write
from archivecolor.archive.bag import content_root_for_run
from archivecolor.archive.correction import SAME_MOMENT
from archivecolor.archive.decisions import Decisions
from archivecolor.archive.fixity import sha256_of
from archivecolor.archive.folders import prepare_output
from archivecolor.archive.layout import Layout
from archivecolor.archive.lock import locked
from archivecolor.archive.output_folder import hold_output
from archivecolor.archive.plan import FILM, Item
from archivecolor.archive.plan_action import PlanAction
from archivecolor.archive.record import escape_non_utf8
from archivecolor.engine.progress import ItemEvent, Listener, RunResult
from archivecolor.engine.stopping import Stop
from archivecolor.errors import ItemError, UsageError
from archivecolor.film.containers import CONTAINER_OF_SUFFIX, UNSUPPORTED_CODECS
from archivecolor.film.film import Film
from archivecolor.film.limits import check_disk, check_memory
from archivecolor.film.mux import provenance_tags
from archivecolor.film.preview import Part, Preview, parts_of, write_preview
from archivecolor.film.probe import open_film
from archivecolor.film.stream_survey import survey_streams
from archivecolor.jobs.carrying_out import correction_step
from archivecolor.jobs.colour import film_context, output_folders
from archivecolor.jobs.decisions import decisions_of_run
from archivecolor.jobs.film_decisions import correction_of, with_colour_sources, with_guides_of
from archivecolor.jobs.film_jobs import FilmRunContext, OutOfTimeError, film_settings_digest, named_film
from archivecolor.jobs.film_progress import COLOURING, FilmProgress
from archivecolor.jobs.film_reading import read_film
from archivecolor.jobs.film_setup import work_folder
from archivecolor.jobs.network import network_opener
from archivecolor.jobs.output_folders import FolderJob
from archivecolor.jobs.plan_decisions import decided_by_plan
from archivecolor.jobs.run import FRAMES, Session
from archivecolor.jobs.shots_folder import take_in_first_pass
from archivecolor.metadata.provenance import Provenance
from archivecolor.networks.builtin import checkpoint_path
from archivecolor.printable import printable
from archivecolor.settings import VideoSettings

_PREVIEW = "Preview of a part. "
_PREVIEWS = "previews"


def preview_film(settings: VideoSettings, listener: Listener, stop: Stop) -> RunResult:
    """Write a preview of the one film of `settings`.

    Args:
        settings: of the command; they say which part.
        listener: who is told of every frame.
        stop: says when to end.

    Raises:
        UsageError: options, shots or times that cannot be; nothing was done.
        StoppedError: a signal ended it; there is no preview.
        UnavailableError, OutputError, LockedError: as `colour`.
    """
    film = _the_film(settings)
    weights = sha256_of(checkpoint_path(settings.checkpoint))
    open_network = network_opener(settings, weights)
    (folder,) = output_folders(settings, weights, open_network)
    root = content_root_for_run(folder.path, bag=settings.bag)
    target = _target(settings, root)
    _check_target(target, film)
    session = Session(settings, listener, stop, (), weights)
    prepare_output(root, film.parent)
    with hold_output(folder.path, film.parent), locked(root, settings.wait_lock, film.parent):
        decisions = decisions_of_run(settings, root, folder.roots)
        planned = decided_by_plan(settings, root, decisions, weights, open_network, stop.raise_if_signalled)
        decisions = decisions.and_then(planned) if planned is not None else decisions
        item = _item(folder, decisions)
        session.counter.count_in(FRAMES)
        session.counter.expect(1)
        listener.began(session.counter.snapshot())
        # The work files of a run with other options, which was interrupted, stay.
        own = replace(item.decision.applied_to(_settings_of(folder)), keep_work=True)
        context = film_context(own, root, session, open_network, [item])
        context = replace(context, settings_digest=film_settings_digest(_settings_of(folder)))
        event = _event(item, context, target)
    if event is not None:
        listener.settled(event, session.counter.add(event))
    return session.result()


def _the_film(settings: VideoSettings) -> Path:
    if len(settings.input) != 1 or settings.input[0].is_dir():
        raise UsageError("a preview (--from, --to, --only-shots) is of one film; give that film alone")
    if settings.cluster:
        raise UsageError("a preview is made by this machine; leave --cluster out")
    begin, end = settings.from_time or 0.0, settings.to_time
    if end is not None and end <= begin:
        raise UsageError(f"--to {end:g} must be behind --from {begin:g}")
    return settings.input[0]


def _settings_of(folder: FolderJob) -> VideoSettings:
    assert folder.films is not None, "it is of a film"
    return folder.films


def _target(settings: VideoSettings, root: Path) -> Path:
    """The file that `--output` names; else one among the records of the output folder, or beside the film."""
    named, film = named_film(settings), settings.input[0]
    if named is not None:
        return named
    suffix = _suffix(settings)
    if settings.output is None:
        return film.with_name(f"{film.stem}-preview{suffix}")
    return Layout(root).state / _PREVIEWS / f"{film.stem}{suffix}"


def _suffix(settings: VideoSettings) -> str:
    """That of a container for the codec: MP4 where it has a place, for players."""
    if settings.container != "keep":
        return f".{settings.container}"
    return next(
        f".{name}" for name in ("mp4", "mkv", "mov") if settings.codec not in UNSUPPORTED_CODECS[name]
    )


def _check_target(target: Path, film: Path) -> None:
    """Refuse to write over anything but an earlier preview.

    Raises:
        UsageError: something else is there.
    """
    if not target.exists():
        return
    if target.samefile(film):
        raise UsageError(
            f"{printable(target)} is the film itself, which is never written over; give another name"
        )
    try:
        with open_film(target) as there:
            is_preview = any(_PREVIEW in text for text in there.metadata.values())
    except ItemError:
        is_preview = False
    if not is_preview:
        raise UsageError(f"{printable(target)} is there, and no preview; give another name with --output")


def _item(folder: FolderJob, decisions: Decisions) -> Item:
    """The film as an item of a run."""
    (source,) = folder.sources
    assert source.names is not None, "films are given by name here"
    (name,) = source.names
    about = (source.root / name).stat()
    return Item(
        kind=FILM,
        root=source.root,
        path=name,
        output=source.name_of(name),
        nbytes=about.st_size,
        mtime_ns=about.st_mtime_ns,
        action=PlanAction.DO,
        pixels=0,
        digest="",
        decision=decisions.of(name),
    )


def _event(item: Item, context: FilmRunContext, target: Path) -> ItemEvent | None:
    """Make the preview, and say what became of it; None where its time was over before."""
    try:
        frames = _make(item, context, target)
        status, reason, detail, output = "done", "", f"{frames} frames", str(target)
    except ItemError as error:
        status, reason, detail, output = "failed", error.reason.value, error.detail, ""
    except OutOfTimeError:
        return None
    record: dict[str, object] = {
        "path": escape_non_utf8(item.path),
        "status": status,
        "reason": reason,
        "detail": detail,
        "preview": escape_non_utf8(output),
    }
    return ItemEvent(item.path, status, reason, detail, 0.0, record)


def _make(item: Item, context: FilmRunContext, target: Path) -> int:
    """Make the preview; gives how many frames it has."""
    settings = context.settings
    sha256 = sha256_of(item.source)
    facts = survey_streams(item.source, context.stop_if_asked, settings.max_megapixels)
    folder = work_folder(item, context, sha256)
    take_in_first_pass(settings, sha256, folder)
    correction = correction_of(item, sha256)
    film = read_film(item, context, facts, folder, correction)
    parts = _parts(film, settings)
    check_memory(film.facts, film.target)
    check_disk(film.facts, film.target, sum(part.last + 1 - part.first for part in parts), context.output)
    film = with_colour_sources(item, context, film, folder)
    predictor = context.open_predictor()
    film = with_guides_of(film, predictor, _shots_in(film, parts), context.stop_if_asked)
    frames = sum(part.last + 1 - part.first for part in parts)
    looked = iter(range(1, len(film.first_pass) + 1))

    def watch(frame: int) -> None:
        context.stop_if_asked()
        shot, done = film.shot_at(frame) + 1, min(next(looked), frames)
        report = FilmProgress(COLOURING, done, frames, shot, len(film.shots), film.facts.megapixels)
        context.report(item, report)

    step = correction_step(item.decision.digest, correction)
    provenance = Provenance(
        version=context.version,
        source_sha256=sha256,
        settings=context.settings_digest,
        weights=context.weights,
        network=predictor.name,
        correction=step,
        runtime=predictor.runtime_name,
    )
    tags = provenance_tags(provenance, {})
    tags["comment"] = f"{_PREVIEW}{tags['comment']}"
    container = CONTAINER_OF_SUFFIX[target.suffix.lower()]
    target.parent.mkdir(exist_ok=True)
    with atomic_write(target, item.source) as part:
        write_preview(Preview(film, predictor, parts, watch), part, container, tags)
    return frames


def _shots_in(film: Film, parts: Sequence[Part]) -> set[int]:
    return {
        number
        for part in parts
        for number in range(film.shot_at(part.first), film.shot_at(part.last) + 1)
        if not film.is_passthrough(film.shots[number])
    }


def _parts(film: Film, settings: VideoSettings) -> tuple[Part, ...]:
    """What is shown.

    Raises:
        UsageError: there are no such shots, or nothing of them is in that time.
    """
    count = len(film.first_pass)
    first = 0 if settings.from_time is None else film.frame_at(settings.from_time)
    last = count - 1
    if settings.to_time is not None:
        # A frame that begins there is behind it.
        last = film.frame_at(max(0.0, settings.to_time - 2 * SAME_MOMENT))
    times = film.first_pass.pts
    seconds = float((int(times[-1]) - int(times[0])) * film.facts.time_base)
    if settings.from_time is not None and settings.from_time > seconds:
        raise UsageError(f"--from {settings.from_time:g} is behind the last frame, at {seconds:.3f} s")
    parts = parts_of(film.shots, _shots_asked(settings.only_shots, len(film.shots)), first, last)
    if not parts:
        raise UsageError("none of these shots is shown in that time; see `archivecolor shots`")
    return parts


def _shots_asked(words: str, count: int) -> Sequence[int]:
    """Numbers of shots, from 0, in their order; all where nothing is asked."""
    if not words:
        return range(count)
    numbers: set[int] = set()
    for word in words.split(","):
        first, _, last = word.partition("-")
        begin, end = int(first), int(last or first)
        if not 1 <= begin <= end <= count:
            raise UsageError(f"--only-shots {words}: the film has shots 1 to {count}")
        numbers |= set(range(begin - 1, end))
    return sorted(numbers)
