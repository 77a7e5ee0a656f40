"""A set of photographs taken through all rows of the table in one pass."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from archivecolor.errors import ItemError
from archivecolor.evaluation.contenders import Contender, Network
from archivecolor.evaluation.frechet import Features
from archivecolor.evaluation.ruler import Judged, Truth, read_truth
from archivecolor.evaluation.sheets import Strip
from archivecolor.evaluation.tables import Row, RowTally
from archivecolor.photo.collection import Member

if TYPE_CHECKING:
    from archivecolor.model.features import FeatureReader

log = logging.getLogger(__name__)

# Photographs read at once, so that pictures of one shape can share a batch.
AT_ONCE = 128
# A sheet strip takes 150 kB; photographs beyond this many are judged and not drawn.
MOST_STRIPS = 2000


@dataclass(frozen=True)
class LeftOut:
    """A picture that could not be judged: its name, and why."""

    name: str
    why: str


@dataclass(frozen=True)
class Judgement:
    """A set of photographs, judged.

    Attributes:
        rows: of the table, references first.
        strips: for contact sheets, by the name of the row; networks only.
        left_out: pictures that could not be judged.
        features: name of the feature network of the Frechet distance, or "".
    """

    rows: tuple[Row, ...]
    strips: dict[str, list[Strip]]
    left_out: tuple[LeftOut, ...]
    features: str = ""


@dataclass(frozen=True)
class Course:
    """How photographs are judged.

    Attributes:
        contenders: the rows.
        working_size: short side the networks see, and photographs are judged at.
        features: feature network for a Frechet distance.
        draw: keep strips for contact sheets.
        report: told the number of photographs done after each few.
    """

    contenders: Sequence[Contender]
    working_size: int
    features: FeatureReader | None = None
    draw: bool = False
    report: Callable[[int], None] = lambda _done: None


@dataclass
class _Gathered:
    """What a pass over photographs gathers."""

    tallies: list[RowTally]
    strips: dict[str, list[Strip]] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
    true_features: list[Features] = field(default_factory=list)
    done: int = 0


def judge_photographs(members: Iterable[Member], course: Course) -> Judgement:
    """Judge every photograph for every row.

    Raises:
        OutOfMemoryError, ItemError: as the predictors raise them; a broken network has no figures.
    """
    gathered = _Gathered([RowTally(contender.name) for contender in course.contenders])
    readable = _readable(members, course.working_size, gathered.left_out)
    while truths := list(islice(readable, AT_ONCE)):
        for contender, tally in zip(course.contenders, gathered.tallies, strict=True):
            _judge_row(contender, tally, truths, course, gathered)
        if course.features is not None:
            gathered.true_features += [course.features.read(truth.rgb) for truth in truths]
        gathered.done += len(truths)
        course.report(gathered.done)
    rows = tuple(tally.row(gathered.true_features) for tally in gathered.tallies) if gathered.done else ()
    name = course.features.name if course.features is not None else ""
    return Judgement(rows, gathered.strips, tuple(gathered.left_out), name)


def _readable(members: Iterable[Member], working_size: int, left_out: list[LeftOut]) -> Iterator[Truth]:
    for member in members:
        try:
            yield read_truth(member, working_size)
        except ItemError as error:
            log.warning("%s: %s", member.name, error)
            left_out.append(LeftOut(member.name, str(error)))


def _judge_row(
    contender: Contender, tally: RowTally, truths: Sequence[Truth], course: Course, gathered: _Gathered
) -> None:
    for truth, answer in zip(truths, contender.answers(truths), strict=True):
        judged = tally.add(truth, answer)
        if course.features is not None:
            tally.add_features(course.features.read(judged.rgb))
        if course.draw and isinstance(contender, Network):
            _draw(gathered.strips.setdefault(contender.name, []), truth, judged)
    tally.seconds = contender.seconds or 0.0


def _draw(strips: list[Strip], truth: Truth, judged: Judged) -> None:
    if len(strips) < MOST_STRIPS:
        strips.append(Strip.of(truth, judged))
