"""Photographs that were named one by one: what `photo` does.

Nothing is kept beside a picture but the picture: its own metadata say what it was made of, and with what,
so that the same command again does only what is missing and nothing that somebody worked on is written over.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from archivecolor.archive.fixity import sha256_of
from archivecolor.archive.record import Output, Record, Source, Status, now_utc
from archivecolor.colour.tone import Tone
from archivecolor.engine.progress import Listener, ProgressCounter, RunResult
from archivecolor.engine.stopping import Stop
from archivecolor.errors import ArchivecolorError, ExitCode, ItemError, Reason, item_error_of
from archivecolor.inference.open_runtime import check_runtime
from archivecolor.jobs.named_files import NamedFile, named_photographs
from archivecolor.jobs.network import network_opener
from archivecolor.jobs.photograph import (
    Colouring,
    check_options,
    inspect_photograph,
    refuse_other_suffix,
    write_derivative,
)
from archivecolor.jobs.photographs import source_of
from archivecolor.jobs.policy import Action
from archivecolor.jobs.run import MEGAPIXELS, item_event
from archivecolor.jobs.sheet import Pair, check_sheet, draw_sheet
from archivecolor.networks.builtin import checkpoint_path
from archivecolor.photo.containers.reading import SourceFile
from archivecolor.photo.containers.registry import container_for, format_of
from archivecolor.photo.marking import marking_of_file
from archivecolor.photo.render import RenderedImage
from archivecolor.printable import printable
from archivecolor.settings import PhotoSettings
from archivecolor.version import program_version

if TYPE_CHECKING:
    from archivecolor.inference.predictor import Predictor

logger = logging.getLogger(__name__)

EARLIER_OUTPUT = "made by this program"
UP_TO_DATE = "up to date"


class _NothingToDoError(Exception):
    """There is nothing to do.

    Args:
        word: why, as the summary counts it.
    """

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


def colour_named(
    settings: PhotoSettings, listener: Listener, stop: Stop, names: Mapping[Path, str] = MappingProxyType({})
) -> RunResult:
    """Colour every photograph of `settings` that has no coloured version of these settings yet.

    One that cannot be done costs itself. Nothing is written over but, with `overwrite`, what we made.

    Args:
        settings: of the run; inputs and output are files, none of them a stream.
        listener: who is told of each photograph.
        stop: says when to end.
        names: what sources are called in records, where not by their paths.

    Raises:
        UsageError: names that cannot be; nothing was done.
        UnavailableError: the checkpoint or the device cannot be used.
        OutputError: a picture cannot be written.
    """
    weights = sha256_of(checkpoint_path(settings.checkpoint))
    files = named_photographs(settings, names)
    check_sheet(settings.sheet)
    check_options(settings)
    check_runtime(checkpoint_path(settings.checkpoint), settings)
    work = _Work(settings, weights, network_opener(settings, weights))
    counter = ProgressCounter(total=len(files), unit=MEGAPIXELS)
    listener.began(counter.snapshot())
    untouched: dict[str, int] = {}
    for file in files:
        if stop.requested:
            break
        listener.advanced(file.name, counter.snapshot())
        try:
            event = item_event(*work.settle(file))
        except _NothingToDoError as standing:
            counter.expect(-1)
            untouched[standing.word] = untouched.get(standing.word, 0) + 1
            continue
        logger.info("%s: %s, %s %s", event.path, event.status, event.reason, event.detail)
        listener.settled(event, counter.add(event))
    failed = counter.snapshot().failed
    exit_code = stop.exit_code or (ExitCode.SOME_FAILED if failed else ExitCode.OK)
    return RunResult(counter.snapshot(), exit_code, untouched, _draw_sheet(settings, files, stop))


def _draw_sheet(settings: PhotoSettings, files: Sequence[NamedFile], stop: Stop) -> tuple[Path, ...]:
    """Draw the sheet that was asked for of all photographs that are in colour now; gives its files."""
    if settings.sheet is None:
        return ()
    pairs = [Pair(file.name, file.source, file.target) for file in files if file.target.exists()]
    return draw_sheet(settings.sheet, pairs, stop, settings.max_megapixels)


@dataclass(frozen=True)
class _Work:
    """What photographs are made with.

    Attributes:
        settings: of the run.
        weights: digest of the checkpoint.
        open_predictor: the network, opened when the first picture needs it.
    """

    settings: PhotoSettings
    weights: str
    open_predictor: Callable[[], Predictor]

    def settle(self, file: NamedFile) -> tuple[Record, float]:
        """Make one photograph; gives its record and its size in megapixels.

        Raises:
            _NothingToDoError: there is nothing to do.
            UnavailableError, OutputError: as `colour_named`.
        """
        began = time.monotonic()
        try:
            record, megapixels = self._make(file)
        except ItemError as error:
            record, megapixels = self._ended(file, Status.FAILED, error), 0.0
        except (ArchivecolorError, _NothingToDoError):
            raise
        except Exception as error:  # the item's edge: a fault costs its picture, not those after it
            logger.error("%s failed unexpectedly", file.name, exc_info=error)
            record, megapixels = self._ended(file, Status.FAILED, item_error_of(error)), 0.0
        seconds = round(time.monotonic() - began, 3)
        return replace(record, seconds=seconds, at=now_utc(), version=program_version()), megapixels

    def _make(self, file: NamedFile) -> tuple[Record, float]:
        inspection, treatment = inspect_photograph(file.source, self.settings.working_size, self.settings)
        facts = inspection.facts
        if facts.tone is not Tone.GREY and marking_of_file(file.source) is not None:
            raise _NothingToDoError(EARLIER_OUTPUT)
        if treatment.action is Action.SKIP:
            alone = ItemError(treatment.reason, treatment.detail)
            return self._ended(file, Status.SKIPPED, alone, source_of(facts)), 0.0
        coloured = treatment.action is Action.COLOUR
        target = file.target if coloured else file.copy
        if target == self.settings.output:  # names that follow from the source's are as right as that is
            refuse_other_suffix(file.source, target, file.format if coloured else None)
        check = self._check_standing(file, target, coloured=coloured)
        settings = replace(self.settings, format=file.format)
        predictor = self.open_predictor() if coloured else None
        colouring = Colouring(predictor) if predictor else None
        made = write_derivative(file.source, target, inspection, settings, colouring, check)
        record = replace(
            self._ended(file, Status.DONE, ItemError(treatment.reason, treatment.detail), source_of(facts)),
            output=_output_of(target, made.rendered),
            confidence=None if made.confidence is None else round(made.confidence, 4),
            doubt=made.doubts.doubt,
            doubt_reasons=made.doubts.doubt_reasons,
            luma=made.rendered.luma,
            lost=made.rendered.lost,
            network=predictor.name if predictor else "",
            runtime=predictor.runtime_name if predictor else "",
            certificate=made.rendered.certificate,
        )
        source = replace(record.source, sha256=made.rendered.source_sha256)
        return replace(record, source=source), facts.megapixels * facts.pages

    def _check_standing(
        self, file: NamedFile, target: Path, *, coloured: bool
    ) -> Callable[[RenderedImage], None] | None:
        """See whose a file is that has the target's name already.

        Returns:
            What is still to be seen before it is written over; None where nothing stands in the way.

        Raises:
            _NothingToDoError: it is what would be written.
            ItemError: it is not ours, or with other settings and `overwrite` is not asked for.
        """
        if not target.exists():
            return None
        marking = marking_of_file(target)
        if marking is None:
            if coloured and _says_what_it_is(file):
                raise _not_ours(target)
            return _refuse_other_bytes(target)
        digest = replace(self.settings, format=file.format).digest()
        if coloured and marking.is_of(sha256_of(file.source), digest, self.weights):
            raise _NothingToDoError(UP_TO_DATE)
        if marking.edited_with:
            detail = (
                f"{printable(target)} was worked on with {marking.edited_with}; move it, or give another name"
            )
            raise ItemError(Reason.BY_HAND, detail)
        if not self.settings.overwrite:
            detail = (
                f"{printable(target)} was made with other settings, or of another scan; "
                "--overwrite makes it anew"
            )
            raise ItemError(Reason.NAME_COLLISION, detail)
        return None

    def _ended(self, file: NamedFile, status: Status, end: ItemError, source: Source | None = None) -> Record:
        """The record of a photograph, but for what was written."""
        return Record(
            path=file.name,
            status=Status.SKIPPED if end.reason is Reason.BY_HAND else status,
            reason=end.reason,
            source=source or _state_of(file.source),
            detail=end.detail,
            settings=replace(self.settings, format=file.format).digest(),
            weights=self.weights,
        )


def _refuse_other_bytes(target: Path) -> Callable[[RenderedImage], None]:
    """For a file that does not say what it is: the very bytes that would be written are left alone."""

    def check(rendered: RenderedImage) -> None:
        if sha256_of(target) == rendered.sha256:
            raise _NothingToDoError(UP_TO_DATE)
        raise _not_ours(target)

    return check


def _not_ours(target: Path) -> ItemError:
    detail = f"{printable(target)} is there, and not of this program's making; move it, or give another name"
    return ItemError(Reason.NAME_COLLISION, detail)


def _says_what_it_is(file: NamedFile) -> bool:
    """Whether what would be made of a photograph has room for its marking: all but BMP and PNM do."""
    with SourceFile(file.source) as source:
        return container_for(format_of(source), file.format).supports_metadata


def _output_of(target: Path, rendered: RenderedImage) -> Output:
    return Output(
        path=str(target),
        bytes=rendered.nbytes,
        sha256=rendered.sha256,
        width=rendered.width,
        height=rendered.height,
        depth=rendered.depth,
        mtime_ns=target.stat().st_mtime_ns,
    )


def _state_of(source: Path) -> Source:
    try:
        about = source.stat()
    except OSError:
        return Source(0, 0)
    return Source(about.st_size, about.st_mtime_ns)
