"""What worker processes do for a folder of photographs: look, finish, copy.

Tasks and answers are small and picklable: names, facts and coarse grids, never full-size pixels.
"""

from __future__ import annotations

import logging
import os
import shutil
import time
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

from archivecolor.archive.bag import refuse_unlistable
from archivecolor.archive.durable import replacing
from archivecolor.archive.fixity import sha256_of
from archivecolor.archive.folders import spare_source
from archivecolor.archive.plan import Item
from archivecolor.archive.record import Output
from archivecolor.colour.chroma import Chroma
from archivecolor.errors import ItemError, Reason
from archivecolor.jobs.treatment import Treatment, Way, treatment_of
from archivecolor.photo.facts import Facts
from archivecolor.photo.finish import Finished, FinishOptions, finish
from archivecolor.photo.formats.base import in_one_state, reading
from archivecolor.photo.look import Look, look
from archivecolor.settings import DirSettings


@dataclass(frozen=True)
class LookTask:
    """One picture to look at."""

    item: Item
    settings: DirSettings


@dataclass(frozen=True)
class Looked:
    """What was seen of a picture, and what is to be done with it.

    Attributes:
        item: the planned item.
        seen: facts and small lumas; no lumas where it is not to be coloured.
        treatment: what is done with it, and why.
        source_sha256: digest of the source where no second visit will find it out, else None.
        seconds: time the look took.
    """

    item: Item
    seen: Look
    treatment: Treatment
    source_sha256: str | None
    seconds: float


@dataclass(frozen=True)
class FinishTask:
    """One picture to write.

    Attributes:
        item: the planned item.
        settings: of the run.
        options: for the writer.
        facts: of the source, as looked at.
        treatment: what is done with it, and why.
        chromas: one per page; none where it is copied.
        seconds: time spent on it so far.
    """

    item: Item
    settings: DirSettings
    options: FinishOptions
    facts: Facts
    treatment: Treatment
    chromas: tuple[Chroma, ...]
    seconds: float

    @property
    def confidence(self) -> float | None:
        """Mean confidence over the pages, None for a copy."""
        if not self.chromas:
            return None
        return sum(chroma.confidence for chroma in self.chromas) / len(self.chromas)


@dataclass(frozen=True)
class Written:
    """What was written of a picture.

    Attributes:
        output: facts of the output file.
        source_sha256: digest of the source.
        luma: how the grey was kept.
        lost: what could not be carried over.
        notes: readings and writings that were not plain, for the log.
        seconds: time all visits took.
    """

    output: Output
    source_sha256: str
    luma: str
    lost: tuple[str, ...]
    notes: tuple[str, ...]
    seconds: float


def prepare_worker() -> None:
    """Make a new worker process quiet and single-threaded."""
    import cv2

    cv2.setNumThreads(1)
    # What matters comes back in answers; libraries' chatter belongs on nobody's terminal, nor in the
    # mail that cron sends. Those in C write to the descriptor itself.
    logging.getLogger().addHandler(logging.NullHandler())
    warnings.simplefilter("ignore")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)


def look_at(task: LookTask) -> Looked:
    """First visit; see `photo.look.look` for what it raises."""
    began = time.monotonic()
    source, settings = task.settings.input / task.item.path, task.settings
    if settings.bag:
        refuse_unlistable(task.item.output)
    seen = look(source, working_size=settings.working_size, max_megapixels=settings.max_megapixels)
    treatment = treatment_of(seen.facts, settings)
    digest = None
    if treatment.way is Way.SKIP:
        with reading(source):
            digest = sha256_of(source)
    if treatment.way is not Way.COLOUR:
        seen = replace(seen, lumas=())
    return Looked(task.item, seen, treatment, digest, time.monotonic() - began)


def write_out(task: FinishTask) -> Written:
    """Second visit: the coloured picture, or a copy, under its final name.

    Raises:
        ItemError: for this picture.
        OutputError: the output folder cannot be written.
    """
    began = time.monotonic()
    source = task.settings.input / task.item.path
    name = task.item.output if task.chromas else task.item.path
    target = task.settings.output / name
    spare_source(source, target)
    with replacing(target) as part:
        done = finish(source, part, task.chromas, task.options) if task.chromas else copy(source, part, task)
        if task.settings.preserve_times:
            os.utime(part, ns=(task.facts.mtime_ns, task.facts.mtime_ns))
    output = Output(name, done.nbytes, done.sha256, done.width, done.height, done.depth)
    seconds = task.seconds + time.monotonic() - began
    return Written(output, done.source_sha256, done.luma, done.lost, done.notes, seconds)


def copy(source: Path, part: Path, task: FinishTask) -> Finished:
    """The source byte for byte.

    Raises:
        ItemError: CHANGED where it is not as it was looked at.
    """
    facts = task.facts
    with in_one_state(source, task.options.stamp):
        with reading(source):
            digest = sha256_of(source)
            original = source.open("rb")
        # Outside `reading`: a full disk is no fault of the source.
        with original, part.open("wb") as file:
            shutil.copyfileobj(original, file)
    if sha256_of(part) != digest:
        raise ItemError(Reason.CHANGED, "the file changed while it was copied")
    return Finished(
        format=facts.format,
        width=facts.width,
        height=facts.height,
        depth=facts.depth,
        pages=facts.pages,
        nbytes=facts.nbytes,
        luma="exact",
        lost=(),
        notes=(),
        source_sha256=digest,
        sha256=digest,
    )
