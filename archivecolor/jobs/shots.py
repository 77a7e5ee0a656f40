"""A film's shots: lists for people and for editing programs, and a sheet with a coloured frame of each."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from archivecolor.archive.atomic import make_folder
from archivecolor.archive.correction import KEEP, ShotCorrection
from archivecolor.archive.fixity import sha256_of
from archivecolor.archive.record import escape_non_utf8
from archivecolor.colour.arrays import Float32, UInt8
from archivecolor.colour.guidance import Guidance
from archivecolor.colour.tone import Tone
from archivecolor.engine.progress import InHand, ItemEvent, Listener, ProgressCounter, RunResult
from archivecolor.engine.stopping import Stop
from archivecolor.errors import ExitCode, ItemError, StoppedError, UsageError
from archivecolor.film.edit_list import can_write_edit_lists, timeline_of, write_edl, write_otio
from archivecolor.film.film import frame_at, frames_at
from archivecolor.film.film_sheet import shown_geometry, shown_rgb
from archivecolor.film.first_pass import FirstPass, load_first_pass, run_first_pass, save_first_pass
from archivecolor.film.frames import Frame, geometry_of
from archivecolor.film.interlacing import field_parity
from archivecolor.film.probe import FilmFacts, film_errors
from archivecolor.film.shot_list import write_shots
from archivecolor.film.shots import Shot
from archivecolor.film.stream_survey import survey_streams
from archivecolor.jobs.colour import refuse_what_is_no_film
from archivecolor.jobs.cuts import check_cuts, shots_of
from archivecolor.jobs.film_plan import FilmPlan, plan_lines, read_plan, write_plan
from archivecolor.jobs.film_setup import choose_field_handling
from archivecolor.jobs.network import network_opener
from archivecolor.jobs.picture import compose
from archivecolor.jobs.plan_decisions import PlanInputs, corrections_of_plan
from archivecolor.jobs.run import FRAMES
from archivecolor.jobs.sheet import write_pages
from archivecolor.jobs.shots_folder import (
    EDL,
    LIST,
    OTIO,
    SHEET,
    check_shots_folder,
    first_pass_file,
    remove_other_first_passes,
    shots_folder,
)
from archivecolor.networks.builtin import checkpoint_path
from archivecolor.photo.contact_sheet import Captioned, draw_page
from archivecolor.printable import printable
from archivecolor.settings import ShotsSettings, VideoSettings

if TYPE_CHECKING:
    from PIL import Image

    from archivecolor.inference.predictor import Predictor

_LONG_SIDE, COLUMNS, PER_PAGE = 320, 4, 40
# Of all the work the first reading is so much; the second one looks at a frame of every shot alone.
_LOOKING_SHARE = 0.7


@dataclass(frozen=True)
class ListedShots:
    """What is known of a film's shots.

    Attributes:
        result: how it ended.
        files: that were written.
        remarks: what people should know of them.
    """

    result: RunResult
    files: tuple[Path, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Looked:
    """A film that was read once.

    Attributes:
        sha256: of the film.
        facts: as it is read.
        found: what it holds.
        shots: where they begin, as asked.
        read_now: what was read now, by what was done to fields; nothing where an earlier look kept it.
        corrections: what a plan says.
    """

    sha256: str
    facts: FilmFacts
    found: FirstPass
    shots: tuple[Shot, ...]
    read_now: Mapping[str, FirstPass]
    corrections: tuple[ShotCorrection, ...] = ()

    def decided(self, shot: Shot) -> tuple[ShotCorrection, ...]:
        """What a plan says of a shot."""
        return tuple(one for one in self.corrections if shot.first <= self._frame(one) <= shot.last)

    def _frame(self, decided: ShotCorrection) -> int:
        return frame_at(self.facts, self.found, decided.seconds)

    def shown(self, shot: Shot) -> int:
        """The frame that stands for a shot: that which hints are for, else that in its middle."""
        hinted = (self._frame(one) for one in self.decided(shot) if one.hints)
        return next(hinted, (shot.first + shot.last) // 2)

    def keeps_colour(self, shot: Shot) -> bool:
        """Whether a shot is shown as the source has it."""
        asked = [one.colour for one in self.decided(shot) if one.colour]
        return asked[-1] == KEEP if asked else self.found.tone(shot) in (Tone.COLOUR, Tone.TINTED)

    def guidance(self, shot: Shot) -> Guidance:
        """What the frame that stands for a shot is coloured with."""
        saturation = [one.saturation for one in self.decided(shot) if one.saturation is not None]
        hints = next((one.hints for one in self.decided(shot) if one.hints), ())
        return Guidance(hints, saturation[-1] if saturation else None)


@dataclass(frozen=True)
class _Drawn:
    """A shot's picture, and how sure the network is of it; None where the shot keeps its own colour."""

    shot: Shot
    picture: UInt8
    confidence: float | None


def list_shots(settings: ShotsSettings, listener: Listener, stop: Stop) -> ListedShots:
    """Find the shots of a film and write them down; nothing of the film is made.

    Args:
        settings: of the command.
        listener: who is told how far it is.
        stop: says when to end.

    Raises:
        UsageError: options or files that cannot be; nothing was done.
        StoppedError: a signal ended it.
        UnavailableError: the checkpoint or the device cannot be used.
        OutputError: a file cannot be written.
    """
    refuse_what_is_no_film(settings.input)
    if settings.input.is_dir():
        raise UsageError(f"{printable(settings.input)} is a folder; give one film")
    check_cuts(settings.cuts)
    check_shots_folder(settings)
    folder = shots_folder(settings)
    plan = _plan_there(settings)
    weights = sha256_of(checkpoint_path(settings.checkpoint))
    open_network = network_opener(settings, weights)
    progress = _Progress(settings.input, listener, stop)
    try:
        looked = _look(settings, folder, progress)
        predictor = open_network()
        if plan is not None:
            inputs = PlanInputs(
                plan,
                settings.input,
                settings.working_size,
                settings.max_megapixels,
                weights,
                open_network,
                progress.check,
            )
            looked = replace(looked, corrections=corrections_of_plan(inputs))
        make_folder(folder)
        _keep(looked, folder)
        drawn = _Drawing(settings, looked, folder)
        files, remarks = drawn.write(_draw(looked, predictor, settings, progress))
    except ItemError as error:
        return ListedShots(progress.ended(error))
    return ListedShots(progress.ended(), files, remarks)


class _Progress:
    """Tells how far the one film is, and hears the stop.

    Args:
        film: the film.
        listener: who is told.
        stop: says when to end.
    """

    def __init__(self, film: Path, listener: Listener, stop: Stop) -> None:
        self._film, self._listener, self._stop = film, listener, stop
        self._counter = ProgressCounter(total=1, unit=FRAMES)
        listener.began(self._counter.snapshot())

    def check(self) -> None:
        """Raise where a signal asks to end."""
        if self._stop.exit_code is not None:
            raise StoppedError(self._stop.exit_code, "nothing is kept of it; the same command begins anew")

    def looking(self, frame: int, frames: int | None) -> None:
        """One more frame was read for the first time."""
        self.check()
        in_hand = None
        if frames:
            share = _LOOKING_SHARE * min(1.0, frame / frames)
            in_hand = InHand(frame, frames, share, 0.0, None)
        snapshot = replace(self._counter.add_work(1.0), in_hand=in_hand)
        self._listener.advanced(f"{self._film.name}: looking", snapshot)

    def drawing(self, number: int, count: int) -> None:
        """One more shot was drawn."""
        self.check()
        share = _LOOKING_SHARE + (1 - _LOOKING_SHARE) * number / count
        snapshot = replace(self._counter.snapshot(), in_hand=InHand(number, count, share, 0.0, None))
        self._listener.advanced(f"{self._film.name}: shot {number} of {count}", snapshot)

    def ended(self, error: ItemError | None = None) -> RunResult:
        """Tell how it ended."""
        status, reason, detail = (
            ("done", "", "") if error is None else ("failed", error.reason.value, error.detail)
        )
        record: dict[str, object] = {
            "path": escape_non_utf8(str(self._film)),
            "status": status,
            "reason": reason,
            "detail": detail,
        }
        event = ItemEvent(self._film.name, status, reason, detail, 0.0, record)
        self._listener.settled(event, self._counter.add(event))
        code = ExitCode.OK if error is None else ExitCode.SOME_FAILED
        return RunResult(self._counter.snapshot(), code)


def _look(settings: ShotsSettings, folder: Path, progress: _Progress) -> _Looked:
    """Read the film once, as `video` of the same options does, unless an earlier look into `folder` did.

    Raises:
        ItemError: it cannot be read.
        UsageError: the list of shots does not fit it.
    """
    run = VideoSettings(input=(settings.input,), cuts=settings.cuts, deinterlace=settings.deinterlace)
    facts = survey_streams(settings.input, progress.check, settings.max_megapixels)
    with film_errors():
        sha256 = sha256_of(settings.input)
    read_now: dict[str, FirstPass] = {}

    def first_pass(facts: FilmFacts) -> FirstPass:
        kept = load_first_pass(first_pass_file(folder, sha256, facts.fields))
        if kept is not None:
            return kept
        found = run_first_pass(facts, lambda count: progress.looking(count, facts.expected_frames))
        return read_now.setdefault(facts.fields, found)

    found = first_pass(facts)
    fields = choose_field_handling(run, facts, found)
    if fields != "keep":
        facts = replace(facts, fields=fields, parity=field_parity(facts, found.fields))
        found = first_pass(facts)
    return _Looked(sha256, facts, found, shots_of(run, facts, found), read_now)


def _keep(looked: _Looked, folder: Path) -> None:
    """Keep what was read for the next look."""
    for fields, found in looked.read_now.items():
        save_first_pass(first_pass_file(folder, looked.sha256, fields), found)
    remove_other_first_passes(folder, looked.sha256)


def _draw(
    looked: _Looked, predictor: Predictor, settings: ShotsSettings, progress: _Progress
) -> Iterator[_Drawn]:
    """A picture of every shot, in their order; of the film that is read which they lie in."""
    items = frames_at(looked.facts, looked.found, [looked.shown(shot) for shot in looked.shots])
    frames = zip(looked.shots, (item.frame for item in items), strict=True)
    number = 0
    while some := list(islice(frames, settings.batch_size)):
        for drawn in _draw_some(looked, predictor, settings, some):
            number += 1
            progress.drawing(number, len(looked.shots))
            yield drawn


def _draw_some(
    looked: _Looked, predictor: Predictor, settings: ShotsSettings, some: Sequence[tuple[Shot, Frame]]
) -> Iterator[_Drawn]:
    """Pictures of a few shots, which the network sees at once; those in colour stay as they are."""
    facts = looked.facts
    seen = geometry_of(facts, settings.working_size)
    asked = [(shot, frame) for shot, frame in some if not looked.keeps_colour(shot)]
    lumas = [seen.small_luma(frame, facts) for _, frame in asked]
    wishes = [looked.guidance(shot) for shot, _ in asked]
    chromas = iter(predictor.predict(lumas, wishes) if lumas else ())
    for shot, frame in some:
        if looked.keeps_colour(shot):
            yield _Drawn(shot, shown_rgb(frame, facts, _LONG_SIDE), None)
            continue
        chroma = next(chromas)
        yield _Drawn(shot, compose(_shown_luma(frame, facts), chroma), chroma.confidence)


def _shown_luma(frame: Frame, facts: FilmFacts) -> UInt8:
    """Codes of a small upright frame, as a screen shows them."""
    luma: Float32 = shown_geometry(facts, _LONG_SIDE).small_luma(frame, facts)
    return np.asarray(np.rint(np.clip(luma, 0, 1) * 255), np.uint8)


class _Drawing:
    """Writes what is known of a film's shots.

    Args:
        settings: of the command.
        looked: the film.
        folder: where lists and the sheet go.
    """

    def __init__(self, settings: ShotsSettings, looked: _Looked, folder: Path) -> None:
        self._settings, self._looked, self._folder = settings, looked, folder

    def write(self, drawn: Iterator[_Drawn]) -> tuple[tuple[Path, ...], tuple[str, ...]]:
        """Write all files; gives them, and what is to be said of them."""
        looked, folder = self._looked, self._folder
        confidences: list[float | None] = []
        pages = write_pages(folder / SHEET, _pages(looked, drawn, confidences), looked.facts.path)
        write_shots(folder / LIST, looked.shots, looked.facts, looked.found, confidences)
        files = (folder / LIST, *pages, *self._plan(confidences))
        if not can_write_edit_lists():
            missing = f"no {EDL} and {OTIO} without OpenTimelineIO: pip install 'archivecolor[timeline]'"
            return files, (missing,)
        timeline = timeline_of(looked.facts, looked.found, looked.shots)
        write_otio(folder / OTIO, timeline)
        files = (*files, folder / OTIO)
        if write_edl(folder / EDL, timeline, looked.facts.read_rate):
            return (*files, folder / EDL), ()
        rate = float(looked.facts.read_rate)
        return files, (f"no {EDL}: timecode has no rate of {rate:g} frames a second",)

    def _plan(self, confidences: list[float | None]) -> tuple[Path, ...]:
        """Write a plan where one is wanted and none is there."""
        path, looked = self._settings.plan, self._looked
        if path is None or _plan_there(self._settings) is not None:
            return ()
        write_plan(path, plan_lines(looked.facts, looked.found, looked.shots, confidences, looked.sha256))
        return (path,)


def _plan_there(settings: ShotsSettings) -> FilmPlan | None:
    """The plan that the sheet is drawn by; None where none is asked for, or one is to be written.

    Raises:
        UsageError: what is there is no plan.
    """
    if settings.plan is None or not os.path.lexists(settings.plan):
        return None
    plan = read_plan(settings.plan)
    return None if settings.overwrite else plan


def _pages(
    looked: _Looked, drawn: Iterator[_Drawn], confidences: list[float | None]
) -> Iterator[Image.Image]:
    """Pages of the sheet; what the network says of each shot goes into `confidences`."""
    first = int(looked.found.pts[0])
    while some := list(islice(drawn, PER_PAGE)):
        pictures = []
        for one in some:
            seconds = float((int(looked.found.pts[one.shot.first]) - first) * looked.facts.time_base)
            known = "its own colour" if one.confidence is None else f"{one.confidence:.2f}"
            confidences.append(one.confidence)
            caption = f"{len(confidences)}  {seconds:.1f} s  {one.shot.begins}  ({known})"
            pictures.append(Captioned(caption, one.picture))
        height, width = some[0].picture.shape[:2]
        yield draw_page(pictures, COLUMNS, (width, height))
