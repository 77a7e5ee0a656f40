"""What a plan says of a film's shots, as decisions say it: there is one way in which shots are decided about.

A plan is taken in once, as a line of the decisions of its output. What is decided later holds, until the plan
is edited.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from archivecolor.archive.correction import ShotCorrection
from archivecolor.archive.decision import Decision, State
from archivecolor.archive.decisions import Decisions, append_decisions
from archivecolor.archive.fixity import sha256_of
from archivecolor.archive.layout import Layout
from archivecolor.archive.manifest import Manifest
from archivecolor.archive.record import Record, now_utc
from archivecolor.colour.guidance import MAX_HINTS, Hint
from archivecolor.colour.reference_frame import hints_of_frame, shows_frame
from archivecolor.errors import ItemError, UsageError
from archivecolor.jobs.decision_writer import gamut_remark, gamut_remarks
from archivecolor.jobs.film_plan import FilmPlan, read_plan
from archivecolor.jobs.hint_words import PageSize, hint_of_words
from archivecolor.jobs.likeness import Likeness
from archivecolor.jobs.shot_decisions import shots_of_record
from archivecolor.printable import printable
from archivecolor.settings import DirSettings, PlannedShot, VideoSettings

if TYPE_CHECKING:
    from archivecolor.colour.arrays import Float32
    from archivecolor.film.probe import FilmFacts
    from archivecolor.inference.predictor import Predictor

logger = logging.getLogger(__name__)

# Of the sides of a picture that was painted over a frame, against the frame's.
_ASPECT_TOLERANCE = 0.05
_HOLDS = "%s: what was decided after %s was taken in holds; edit the plan to decide anew"
_REPLACED = (
    "%s: %s takes the place of what was decided about its shots before, at %d moments; "
    "`archivecolor decisions undo` brings it back"
)


@dataclass(frozen=True)
class PlanInputs:
    """What a plan is read with.

    Attributes:
        plan: the plan.
        film: the film that it is for.
        working_size: short side at which the network sees frames, pixels.
        max_megapixels: larger pictures and films are refused.
        weights: digest of the network.
        open_predictor: the network, opened where it is first asked for.
        check: called with every frame that is read; may raise to end it.
    """

    plan: FilmPlan
    film: Path
    working_size: int
    max_megapixels: float
    weights: str
    open_predictor: Callable[[], Predictor]
    check: Callable[[], None]


def decision_of_plan(
    inputs: PlanInputs, path: str, decisions: Decisions, record: Record | None
) -> Decision | None:
    """What a plan decides about a film; None where the decisions of the output have it already.

    Args:
        inputs: the plan, and what it is read with.
        path: of the film, as decisions have it.
        decisions: of the output.
        record: of the film, as an earlier run left it.

    Raises:
        UsageError: the plan is of another film, or what it asks for cannot be.
    """
    digest, before = inputs.plan.digest(inputs.weights), decisions.of(path)
    taken = decisions.plan_taken_in(path)
    older, head = before.correction, inputs.plan.head
    if taken.plan == digest:
        if older != taken.correction:
            logger.warning(_HOLDS, printable(path), printable(inputs.plan.path))
        return None
    shots, source = corrections_of_plan(inputs), sha256_of(inputs.film)
    if older.shots and older != taken.correction:
        logger.warning(_REPLACED, printable(path), printable(inputs.plan.path), len(older.shots))
    correction = replace(
        older, shots=shots, source=source if shots else "", note=head.note, by=head.by, at="", reference=""
    )
    changed = correction != older
    return replace(
        before,
        path=path,
        glob=False,
        state=State.NONE if changed else before.state,
        correction=correction,
        note=head.note,
        by=head.by,
        at=now_utc(),
        accepted_shots=_still_accepted(before, older.shots, shots, record),
        undoes="",
        plan=digest,
    )


def _still_accepted(
    before: Decision,
    older: Sequence[ShotCorrection],
    newer: Sequence[ShotCorrection],
    record: Record | None,
) -> tuple[float, ...]:
    """Moments of those accepted shots that the plan leaves as they are."""
    spans = () if record is None else shots_of_record(record)
    changed = {*older} ^ {*newer}
    ended = [span for span in spans if any(span.holds(one.seconds) for one in changed)]
    return tuple(moment for moment in before.accepted_shots if not any(span.holds(moment) for span in ended))


def corrections_of_plan(inputs: PlanInputs) -> tuple[ShotCorrection, ...]:
    """What a plan decides about shots, by moments; tables that say nothing decide nothing.

    Raises:
        UsageError: it is of another film, a moment is behind the film's end, or a hint or a reference cannot
            be.
    """
    wanted, shown = inputs.plan.head.sha256, printable(inputs.plan.path)
    if wanted and wanted != sha256_of(inputs.film):
        raise UsageError(
            f"{shown} is of another film than {printable(inputs.film)} (its sha256 says so); where shots and "
            "places are the same in this one, take that line out"
        )
    frames = _Frames(inputs)
    found = (_ShotReader(inputs, frames, shot).correction() for shot in inputs.plan.shots)
    return tuple(correction for correction in found if correction)


class _Frames:
    """Frames of the film, as the network sees them.

    Args:
        inputs: what the plan is read with.
    """

    def __init__(self, inputs: PlanInputs) -> None:
        self._inputs = inputs

    @cached_property
    def facts(self) -> FilmFacts:
        """Of the film."""
        from archivecolor.film.probe import probe

        try:
            return probe(self._inputs.film, max_megapixels=self._inputs.max_megapixels)
        except ItemError as error:
            raise UsageError(f"{printable(self._inputs.film)}: {error}") from error

    @property
    def size(self) -> PageSize:
        """Of a frame as it is shown, in pixels."""
        shown = round(self.facts.width * self.facts.aspect), self.facts.height
        return PageSize(*(shown[::-1] if self.facts.quarter_turns % 2 else shown))

    def luma(self, seconds: float) -> Float32:
        """Of the frame at a moment, upright, (h, w), 0..1."""
        from archivecolor.film.frames import geometry_of
        from archivecolor.film.moment import frame_at

        try:
            frame = frame_at(self.facts, seconds, self._inputs.check)
        except ItemError as error:
            raise UsageError(f"{printable(self._inputs.film)}: {error}") from error
        if frame is None:
            raise UsageError(
                f"{printable(self._inputs.film)} has no picture at {seconds:.3f} s; it ends before"
            )
        return geometry_of(self.facts, self._inputs.working_size).small_luma(frame, self.facts)


class _ShotReader:
    """Reads what a plan says of one shot.

    Args:
        inputs: what the plan is read with.
        frames: of the film.
        shot: the table.
    """

    def __init__(self, inputs: PlanInputs, frames: _Frames, shot: PlannedShot) -> None:
        self._inputs, self._frames, self._shot = inputs, frames, shot
        self._where = f"{printable(inputs.plan.path)}: at = {shot.at}"

    def correction(self) -> ShotCorrection:
        """What is decided.

        Raises:
            UsageError: it cannot be.
        """
        shot, title = self._shot, ""
        hints = self._hints()
        if shot.reference is not None:
            own, title = self._like(shot.reference)
            hints = (*own, *hints)
        if len(hints) > MAX_HINTS:
            raise UsageError(f"{self._where}: {len(hints)} hints; {MAX_HINTS} are the most in a shot")
        said = ShotCorrection(shot.at, hints, shot.saturation, shot.smoothing, shot.colour or "", title)
        if said and shot.at > (self._frames.facts.seconds or math.inf):
            raise UsageError(f"{self._where} is behind the end of {printable(self._inputs.film)}")
        return said

    @cached_property
    def _luma(self) -> Float32:
        return self._frames.luma(self._shot.at)

    def _hints(self) -> tuple[Hint, ...]:
        """Those that are written as words."""
        path = str(self._inputs.film)
        hints = tuple(
            hint_of_words(words, path, 1, lambda _: self._frames.size, f"{self._where}: the hint")
            for words in self._shot.hints
        )
        for remark in gamut_remarks(
            self._where, hints, lambda hint: gamut_remark(self._luma, self._where, hint)
        ):
            logger.warning("%s", remark)
        return hints

    def _like(self, reference: Path) -> tuple[tuple[Hint, ...], str]:
        """What a picture says of the frame, and the picture's name and digest."""
        from archivecolor.photo.painting import small_painting

        inputs = self._inputs
        likeness = Likeness(reference, inputs.open_predictor, inputs.max_megapixels)
        try:
            painting = small_painting(
                reference, working_size=inputs.working_size, max_megapixels=inputs.max_megapixels
            )
        except ItemError as error:
            raise UsageError(f"{self._where}: the reference {printable(reference)}: {error}") from error
        if shows_frame(painting, self._luma):
            if painting.has_transparency:
                self._check_shape(reference, painting.opacity)
            hints = hints_of_frame(painting)
            trouble = "nothing in it is opaque"
        else:
            hints = likeness.hints(self._luma, 1)
            trouble = "nothing in it is like the frame"
        if not hints:
            raise UsageError(f"{self._where}: the reference {printable(reference)}: {trouble}")
        return hints, likeness.title

    def _check_shape(self, reference: Path, opacity: Float32) -> None:
        """Refuse a painting that cannot lie over the frame; its samples may be square or the film's own."""
        facts, (height, width) = self._frames.facts, opacity.shape
        size = self._frames.size
        turned = facts.quarter_turns % 2
        coded = (facts.height / facts.width) if turned else (facts.width / facts.height)
        shapes = (size.width / size.height, coded)
        if not any(abs(width / height / shape - 1) <= _ASPECT_TOLERANCE for shape in shapes):
            raise UsageError(
                f"{self._where}: the reference {printable(reference)} has transparency, so it counts as "
                f"painted over the frame, and its shape, {width / height:.2f} to 1, is not the frame's, "
                f"{shapes[0]:.2f} to 1 ({size.width} x {size.height})"
            )


def decided_by_plan(
    settings: DirSettings | VideoSettings,
    root: Path,
    decisions: Decisions,
    weights: str,
    open_predictor: Callable[[], Predictor],
    check: Callable[[], None],
) -> Decision | None:
    """What the plan of a run decides about its one film; None without one, or where it was taken in.

    Args:
        settings: of the run.
        root: the folder that the output's tree begins in.
        decisions: of the output.
        weights: digest of the network.
        open_predictor: the network, opened where it is first asked for.
        check: called with every frame that is read; may raise to end it.

    Raises:
        UsageError: as `decision_of_plan`.
    """
    if not isinstance(settings, VideoSettings) or settings.plan is None:
        return None
    (film,) = settings.input
    inputs = PlanInputs(
        plan=read_plan(settings.plan),
        film=film,
        working_size=settings.working_size,
        max_megapixels=settings.max_megapixels,
        weights=weights,
        open_predictor=open_predictor,
        check=check,
    )
    manifest = Manifest(Layout(root).manifest)
    record = manifest.record(film.name) if film.name in manifest else None
    return decision_of_plan(inputs, film.name, decisions, record)


def take_in_plan(root: Path, decisions: Decisions, decided: Decision | None) -> Decisions:
    """Write what a plan decides into the decisions of an output, whose lock is held; gives all of them.

    Args:
        root: the folder that the output's tree begins in.
        decisions: those that there are.
        decided: as `decided_by_plan` gives it.

    Raises:
        OutputError: it cannot be written.
    """
    if decided is None:
        return decisions
    append_decisions(Layout(root).decisions, [decided])
    return decisions.and_then(decided)
