"""What worker processes do for a folder of photographs: inspect, render, copy.

Tasks and answers are small and picklable: names, facts and coarse grids, never full-size pixels.
"""

from __future__ import annotations

import logging
import os
import time
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

from archivecolor.archive.atomic import atomic_link, atomic_write
from archivecolor.archive.bag import check_bag_name
from archivecolor.archive.by_hand import Claim, make_way, refuse_by_hand
from archivecolor.archive.correction import NO_CORRECTION, Correction
from archivecolor.archive.decision import State
from archivecolor.archive.folders import refuse_source_as_target
from archivecolor.archive.output_folder import OutputFolder, adopt
from archivecolor.archive.plan import Item
from archivecolor.archive.record import Output
from archivecolor.colour.chroma import Chroma
from archivecolor.colour.fingerprint import fingerprint
from archivecolor.colour.guidance import Guidance
from archivecolor.errors import Reason
from archivecolor.jobs.carrying_out import HINTS_LEFT_OUT, remove_outputs
from archivecolor.jobs.photograph import inspect_photograph, write_beside
from archivecolor.jobs.policy import Action, Treatment
from archivecolor.photo.containers.reading import SourceFile, unchanged_during
from archivecolor.photo.facts import ImageFacts
from archivecolor.photo.inspect import Inspection
from archivecolor.photo.render import RenderedImage, RenderOptions, copy_unchanged, render
from archivecolor.settings import DirSettings


@dataclass(frozen=True)
class Inspected:
    """What was seen of a picture, and what is to be done with it.

    Attributes:
        item: the planned item.
        inspection: facts and small lumas; no lumas where it is not to be coloured.
        treatment: what is done with it, and why.
        source_sha256: digest of the source where no second visit will find it out, else None.
        seconds: time that inspecting took.
        guidance: what was decided about the colour of each page.
        correction: all that was decided about its colour and is carried out.
        fingerprints: of the grey of each page that is to be coloured.
    """

    item: Item
    inspection: Inspection
    treatment: Treatment
    source_sha256: str | None
    seconds: float
    guidance: tuple[Guidance, ...] = ()
    correction: Correction = NO_CORRECTION
    fingerprints: tuple[str, ...] = ()


@dataclass(frozen=True)
class RenderTask:
    """One picture to write.

    Attributes:
        item: the planned item.
        options: for the writer.
        facts: of the source, as looked at.
        treatment: what is done with it, and why.
        chromas: one per page; none where it is copied.
        seconds: time spent on it so far.
        correction: all that was decided about its colour and is carried out.
        fingerprints: of the grey of each page that is coloured.
    """

    item: Item
    options: RenderOptions
    facts: ImageFacts
    treatment: Treatment
    chromas: tuple[Chroma, ...]
    seconds: float
    correction: Correction = NO_CORRECTION
    fingerprints: tuple[str, ...] = ()

    @property
    def confidence(self) -> float | None:
        """Mean confidence over the pages, None for a copy."""
        if not self.chromas:
            return None
        return sum(chroma.confidence for chroma in self.chromas) / len(self.chromas)


@dataclass(frozen=True)
class Rendered:
    """What was written of a picture.

    Attributes:
        output: facts of the output file.
        source_sha256: digest of the source.
        luma: how the grey was kept.
        lost: what could not be carried over.
        notes: readings and writings that were not plain, for the log.
        seconds: time all visits took.
        certificate: SHA-256 of the certificate that signed it; empty where nobody did.
    """

    output: Output
    source_sha256: str
    luma: str
    lost: tuple[str, ...]
    notes: tuple[str, ...]
    seconds: float
    certificate: str = ""


def init_worker(outputs: tuple[OutputFolder, ...] = ()) -> None:
    """Make a new worker process quiet and single-threaded.

    Args:
        outputs: the folders that the run holds; see `archive.output_folder`.
    """
    from archivecolor.opencv import cv2

    adopt(outputs)
    cv2.setNumThreads(1)
    # What matters comes back in answers; libraries' chatter belongs on nobody's terminal, nor in the
    # mail that cron sends. Those in C write to the descriptor itself.
    logging.getLogger().addHandler(logging.NullHandler())
    warnings.simplefilter("ignore")
    null_device = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null_device, 2)
    os.close(null_device)


def inspect_source(settings: DirSettings, item: Item) -> Inspected:
    """First visit; see `photo.inspect.inspect` for what it raises."""
    began = time.monotonic()
    source = item.source
    if settings.bag:
        check_bag_name(item.output)
    refuse_by_hand(settings.output, item.output, item.claim)
    own = item.decision.applied_to(settings)
    inspection, treatment = inspect_photograph(source, own.working_size, own)
    if item.decision.state is State.REJECTED:
        remove_outputs(settings.output, item.claim)
        treatment = Treatment(Action.SKIP, Reason.REJECTED, item.decision.note)
    digest = _sha256_of_source(source) if treatment.action is Action.SKIP else None
    if treatment.action is not Action.COLOUR:
        return Inspected(item, replace(inspection, lumas=()), treatment, digest, time.monotonic() - began)
    with_hints = _hints_apply(item)
    if not with_hints:
        detail = "; ".join(filter(None, (treatment.detail, HINTS_LEFT_OUT)))
        treatment = replace(treatment, detail=detail)
    pages = range(1, len(inspection.lumas) + 1)
    guidance = tuple(item.decision.guidance(page, with_hints=with_hints) for page in pages)
    return Inspected(
        item=item,
        inspection=inspection,
        treatment=treatment,
        source_sha256=None,
        seconds=time.monotonic() - began,
        guidance=guidance,
        correction=item.decision.applied_correction(with_hints=with_hints),
        fingerprints=tuple(fingerprint(luma) for luma in inspection.lumas),
    )


def _hints_apply(item: Item) -> bool:
    """Whether the source is the one that its hints were given for; reads it where there are any."""
    correction = item.decision.correction
    if not correction.hints or not correction.source:
        return True
    return _sha256_of_source(item.source) == correction.source


def _sha256_of_source(source: Path) -> str:
    """Digest of a source, for which nobody else is to blame than the source."""
    with SourceFile(source) as file:
        return file.sha256()


def render_derivative(settings: DirSettings, task: RenderTask) -> Rendered:
    """Second visit: the coloured picture, or a copy, under its final name.

    Raises:
        ItemError: for this picture.
        OutputError: the output folder cannot be written.
    """
    began = time.monotonic()
    source = task.item.source
    name = task.item.output if task.chromas else task.item.path
    target = settings.output / name
    if not _is_our_link(target, task.item.claim):
        refuse_source_as_target(source, target)
    if task.treatment.action is Action.LINK:
        return _linked(settings, task, began)
    with atomic_write(target, source) as part:
        rendered = (
            render(source, part, task.chromas, task.options)
            if task.chromas
            else copy_unchanged(source, part, task.facts)
        )
        if settings.preserve_times:
            os.utime(part, ns=(task.facts.mtime_ns, task.facts.mtime_ns))
        mtime_ns = part.stat().st_mtime_ns
        signed = bool(rendered.certificate)
        aside = make_way(settings.output, name, rendered.sha256, task.item.claim, is_signed=signed)
        write_beside(target, rendered)
    output = _output_of(name, rendered, mtime_ns)
    seconds = task.seconds + time.monotonic() - began
    return Rendered(
        output=output,
        source_sha256=rendered.source_sha256,
        luma=rendered.luma,
        lost=rendered.lost,
        notes=tuple(filter(None, (*rendered.notes, aside))),
        seconds=seconds,
        certificate=rendered.certificate,
    )


def _output_of(name: str, rendered: RenderedImage, mtime_ns: int) -> Output:
    """What a record says of a derivative's file."""
    return Output(
        path=name,
        bytes=rendered.nbytes,
        sha256=rendered.sha256,
        width=rendered.width,
        height=rendered.height,
        depth=rendered.depth,
        mtime_ns=mtime_ns,
    )


def _is_our_link(target: Path, claim: Claim) -> bool:
    """Whether the output is a link that an earlier run left (`--rest link`): it is replaced, not followed."""
    return target.is_symlink() and bool(claim.vouchers)


def _linked(settings: DirSettings, task: RenderTask, began: float) -> Rendered:
    """A symbolic link to the source under the derivative's name."""
    source, name, facts = task.item.source, task.item.path, task.facts
    with unchanged_during(source, facts.file_state), SourceFile(source) as file:
        sha256 = file.sha256()
    aside = make_way(settings.output, name, sha256, task.item.claim)
    atomic_link(settings.output / name, source)
    output = Output(
        name, facts.nbytes, sha256, facts.width, facts.height, facts.depth, mtime_ns=facts.mtime_ns
    )
    notes = (aside,) if aside else ()
    return Rendered(output, sha256, "exact", (), notes, task.seconds + time.monotonic() - began)
