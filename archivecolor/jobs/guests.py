"""Anyone's pictures: taken in, coloured one after the other, mended and given back; nothing of them stays.

Every visitor has a folder among the temporary files of this process. It goes when the visitor ends the
session or asks for nothing for long, and all of them go with the process.
"""

from __future__ import annotations

import io
import logging
import os
import queue
import secrets
import threading
import time
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from archivecolor.archive.atomic import atomic_write
from archivecolor.archive.correction import Correction, OwnSettings
from archivecolor.archive.decision import Decision
from archivecolor.colour.chroma import Chroma
from archivecolor.colour.guidance import Hint
from archivecolor.engine.executor import core_count
from archivecolor.engine.local import LocalExecutor, WorkerOptions
from archivecolor.engine.scratch import scratch_folder
from archivecolor.errors import ArchivecolorError, ItemError, Reason, UsageError, item_error_of
from archivecolor.jobs.carrying_out import correction_step
from archivecolor.jobs.gallery import Gallery, Shown
from archivecolor.jobs.guest_session import (
    FAILED,
    OVER,
    SOURCE,
    WAITING,
    WORKING,
    GuestPicture,
    GuestSession,
    Result,
)
from archivecolor.jobs.hint_words import check_page
from archivecolor.jobs.photograph import inspect_photograph, render_options
from archivecolor.jobs.policy import Action
from archivecolor.jobs.previews import PreviewContext, init_preview_worker
from archivecolor.photo.containers.reading import SourceFile
from archivecolor.photo.containers.registry import container_for, format_of
from archivecolor.photo.facts import ImageFacts
from archivecolor.photo.inspect import Inspection
from archivecolor.photo.render import render
from archivecolor.printable import printable
from archivecolor.settings import PhotographOptions, ServeSettings

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

logger = logging.getLogger(__name__)

_SUFFIXES = {"jpeg": ".jpg", "tiff": ".tif", "png": ".png", "webp": ".webp", "jp2": ".jp2", "bmp": ".bmp"}
_SWEEP_SECONDS = 1.0
_ZIP_CHUNK = 1 << 20


@dataclass(frozen=True)
class _Look:
    source: Path
    working_size: int
    options: PhotographOptions


@dataclass(frozen=True)
class _Write:
    source: Path
    target: Path
    facts: ImageFacts
    chromas: tuple[Chroma, ...]
    options: PhotographOptions
    weights: str
    network: str
    decision: Decision


def _look(_context: PreviewContext, task: _Look) -> tuple[Inspection, str]:
    """What a worker sees of a picture, and the container that its result will have.

    Raises:
        ItemError: it cannot be read, or is left alone by its tone.
    """
    inspection, treatment = inspect_photograph(task.source, task.working_size, task.options)
    if treatment.action is not Action.COLOUR:
        raise ItemError(Reason(treatment.reason), treatment.detail or treatment.reason.value)
    with SourceFile(task.source) as file:
        return inspection, container_for(format_of(file), task.options.format).name


def _write(_context: PreviewContext, task: _Write) -> int:
    """Write a result; returns its bytes. Raises `ItemError`."""
    options = render_options(task.facts, task.options, task.weights, task.network)
    options = replace(options, correction=correction_step(task.decision.digest, task.decision.correction))
    with atomic_write(task.target) as part:
        return render(task.source, part, task.chromas, options).nbytes


class Guests:
    """All visitors; use as a context manager. See the module's text.

    Args:
        settings: the limits.
        root: a folder for what they bring.
        gallery: the results, as a screen shows them.
        executor: worker processes, whose folder that is.

    Attributes:
        gallery: as given.
    """

    def __init__(
        self,
        settings: ServeSettings,
        root: Path,
        gallery: Gallery,
        executor: LocalExecutor[PreviewContext],
    ) -> None:
        self.gallery = gallery
        self._settings = settings
        self._root = root
        self._executor = executor
        self._guard = threading.Lock()
        self._sessions: dict[str, GuestSession] = {}
        self._queue: queue.Queue[tuple[GuestSession, int] | None] = queue.Queue()
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=work, name="guests", daemon=True) for work in (self._work, self._sweep)
        ]
        self._options = PhotographOptions(
            colour=settings.colour, max_megapixels=settings.max_megapixels, rest="skip"
        )

    def __enter__(self) -> Guests:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def begin(self) -> str:
        """A new session's name, which nobody can guess. Raises `UsageError` where there are too many."""
        name = secrets.token_urlsafe(24)
        with self._guard:
            if len(self._sessions) >= self._settings.max_sessions:
                raise UsageError("there are as many visitors as may be; try again later")
            folder = self._root / secrets.token_hex(12)
            folder.mkdir(mode=0o700)
            self._sessions[name] = GuestSession(folder, self._settings)
        return name

    def session(self, name: str) -> GuestSession:
        """The session of that name. Raises `ItemError` where it is over."""
        with self._guard:
            found = self._sessions.get(name)
        if found is None:
            raise ItemError(Reason.VANISHED, OVER)
        found.seen = time.monotonic()
        return found

    def end(self, name: str) -> None:
        """Forget a session and all its files."""
        with self._guard:
            found = self._sessions.pop(name, None)
        if found is not None:
            found.close()

    def colour(self, session: GuestSession, number: int) -> None:
        """Have a picture coloured when its turn comes."""
        session.change(number, status=WAITING, detail="")
        self._queue.put((session, number))

    def mend(
        self, session: GuestSession, number: int, page: int, hints: Sequence[Hint], saturation: float | None
    ) -> None:
        """Have a picture made anew with hints for one of its pages, and a saturation.

        Raises:
            UsageError: it has no such page.
        """
        before = session.picture(number)
        if before.result.name:
            check_page(page, before.result.pages)
        others = tuple(hint for hint in before.hints if hint.page != page)
        session.change(number, hints=(*others, *hints), saturation=saturation)
        self.colour(session, number)

    def shown(self, session: GuestSession, picture: GuestPicture) -> Shown:
        """The result of a picture. Raises `ItemError` where there is none yet."""
        if not picture.result.name:
            raise ItemError(Reason.NO_DERIVATIVE, picture.detail or "it is not done yet")
        path = session.place(picture.number).relative_to(self._root) / picture.result.name
        return Shown(path, path.as_posix())

    def _sweep(self) -> None:
        while not self._ended.wait(_SWEEP_SECONDS):
            now = time.monotonic()
            with self._guard:
                sessions = list(self._sessions.items())
            for name, session in sessions:
                if now - session.seen > self._settings.session_timeout:
                    self.end(name)

    def _work(self) -> None:
        while not self._ended.is_set():
            order = self._queue.get()
            if order is None:
                return
            session, number = order
            self._settle(session, number)
            if session.is_over:  # while its picture was made
                session.close()

    def _settle(self, session: GuestSession, number: int) -> None:
        """Make a picture; whatever is wrong costs it alone."""
        session.change(number, status=WORKING)
        try:
            session.keep_result(number, self._coloured(session, session.picture(number)))
        except ArchivecolorError as error:
            detail = error.detail if isinstance(error, ItemError) else str(error)
            session.change(number, status=FAILED, detail=printable(detail))
        except Exception as error:  # the item's edge: a fault costs its picture, not those of others
            logger.error("a visitor's picture failed unexpectedly", exc_info=error)
            session.change(number, status=FAILED, detail=printable(item_error_of(error).detail))

    def _coloured(self, session: GuestSession, picture: GuestPicture) -> Result:
        """Colour a picture and write what was made of it. Raises `ItemError`."""
        predictor = self.gallery.brush.predictor
        source = session.place(picture.number) / SOURCE
        looking = _Look(source, predictor.working_size, self._options)
        inspection, container = self._executor.submit(_look, looking).result()
        correction = Correction(picture.hints, OwnSettings(saturation=picture.saturation))
        decision = Decision("", correction=correction)
        pages = range(1, len(inspection.lumas) + 1)
        chromas = predictor.predict(
            inspection.lumas, [decision.guidance(page, with_hints=True) for page in pages]
        )
        # A name of its own each time: what shows the old one is not shown the new one by halves.
        name = f"{picture.version}{_SUFFIXES.get(container, f'.{container}')}"
        writing = _Write(
            source, source.with_name(name), inspection.facts, tuple(chromas), self._options, predictor.digest,
            predictor.name, decision,
        )  # fmt: skip
        nbytes = self._executor.submit(_write, writing).result()
        confidence = sum(chroma.confidence for chroma in chromas) / len(chromas)
        return Result(name, nbytes, confidence, len(chromas))


def zip_of_results(session: GuestSession) -> Iterator[bytes]:
    """All results of a session as one ZIP file, written as it is sent: it takes no room.

    Raises:
        UsageError: there is none; before the first bytes.
        ItemError: the session ended meanwhile.
    """
    numbers = [picture.number for picture in session.pictures() if picture.result.name]
    if not numbers:
        raise UsageError("nothing is done yet")
    return _zipped(session, numbers)


def _zipped(session: GuestSession, numbers: Sequence[int]) -> Iterator[bytes]:
    pipe, names = _Pipe(), set[str]()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_STORED) as archive:
        for number in numbers:
            picture, file = session.open_result(number)
            with file:
                name = picture.result_name
                name = name if name not in names else f"{number:05}-{name}"
                names.add(name)
                about = os.fstat(file.fileno())
                entry = zipfile.ZipInfo(name, time.localtime(about.st_mtime)[:6])
                entry.file_size = about.st_size
                with archive.open(entry, "w") as target:
                    while chunk := file.read(_ZIP_CHUNK):
                        target.write(chunk)
                        yield pipe.take()
    yield pipe.take()


class _Pipe(io.RawIOBase):
    """What was written and not taken yet."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, content: ReadableBuffer, /) -> int:
        before = len(self._waiting)
        self._waiting += memoryview(content)
        return len(self._waiting) - before

    def take(self) -> bytes:
        taken = bytes(self._waiting)
        self._waiting.clear()
        return taken


@contextmanager
def open_guests(settings: ServeSettings) -> Iterator[Guests]:
    """What visitors bring, and what is made of it, while the block runs.

    Raises:
        CheckpointError, UnavailableError: the network cannot be used here.
    """
    from archivecolor.inference.predictor import open_predictor

    predictor = open_predictor(settings.checkpoint, settings)
    options = WorkerOptions(settings.jobs or core_count(), settings.timeout, initializer=init_preview_worker)
    with scratch_folder() as root:
        context = PreviewContext(root, settings.max_megapixels)
        with LocalExecutor(options, context) as executor:
            gallery = Gallery(executor, lambda: predictor)
            with Guests(settings, root, gallery, executor) as guests:
                yield guests
