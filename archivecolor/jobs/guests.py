"""Anyone's pictures: taken in, coloured one after the other, mended and given back; nothing of them stays.

Every visitor has a folder among the temporary files of this process. It goes when the visitor ends the
session or asks for nothing for long, and all of them go with the process.
"""

from __future__ import annotations

import queue
import secrets
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from archivecolor.archive.atomic import atomic_write
from archivecolor.archive.decision import Correction, Decision, OwnSettings, words_of_correction
from archivecolor.colour.chroma import Chroma
from archivecolor.colour.guidance import Hint
from archivecolor.engine.executor import core_count
from archivecolor.engine.local import LocalExecutor, WorkerOptions
from archivecolor.engine.scratch import scratch_folder
from archivecolor.errors import ArchivecolorError, ItemError, Reason, UsageError
from archivecolor.jobs.gallery import Gallery, Shown
from archivecolor.jobs.photograph import inspect_photograph, render_options
from archivecolor.jobs.policy import Action
from archivecolor.jobs.previews import PreviewContext, init_preview_worker
from archivecolor.metadata.provenance import CorrectionStep
from archivecolor.photo.containers.reading import SourceFile
from archivecolor.photo.containers.registry import container_for, format_of
from archivecolor.photo.facts import ImageFacts
from archivecolor.photo.inspect import Inspection
from archivecolor.photo.render import render
from archivecolor.printable import printable
from archivecolor.settings import PhotographOptions, ServeSettings

if TYPE_CHECKING:
    from archivecolor.inference.predictor import Predictor

WAITING, WORKING, DONE, FAILED = "waiting", "working", "done", "failed"
SUFFIXES = {"jpeg": ".jpg", "tiff": ".tif", "png": ".png", "webp": ".webp", "jp2": ".jp2", "bmp": ".bmp"}
SWEEP_SECONDS = 1.0
MAX_NAME = 120


@dataclass(frozen=True)
class GuestPicture:
    """One picture of a visitor, as it is now.

    Attributes:
        number: from 1.
        name: of its file, as it was sent, fit to be shown.
        status: waiting, working, done or failed.
        detail: why it failed.
        confidence: 0..1; None before it is done.
        result: name of the coloured file in the picture's folder; empty before it is done.
        pages: of the file.
        hints: colours wished for at places.
        saturation: gain of its own; None for the usual.
        version: grows with every change.
    """

    number: int
    name: str
    status: str = WAITING
    detail: str = ""
    confidence: float | None = None
    result: str = ""
    pages: int = 1
    hints: tuple[Hint, ...] = ()
    saturation: float | None = None
    version: int = 0


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
    if task.decision.digest is not None:
        step = CorrectionStep(task.decision.digest, words_of_correction(task.decision.correction))
        options = replace(options, correction=step)
    with atomic_write(task.target) as part:
        return render(task.source, part, task.chromas, options).nbytes


class GuestSession:
    """The pictures of one visitor.

    Args:
        folder: of its own.
        settings: the limits.
    """

    def __init__(self, folder: Path, settings: ServeSettings) -> None:
        self.folder = folder
        self.seen = time.monotonic()
        self._settings = settings
        self._guard = threading.Lock()
        self._pictures: dict[int, GuestPicture] = {}
        self._nbytes = 0

    def pictures(self) -> list[GuestPicture]:
        """All of them, in the order they came."""
        with self._guard:
            return list(self._pictures.values())

    def picture(self, number: int) -> GuestPicture:
        """The one of that number. Raises `ItemError` where there is none."""
        with self._guard:
            if number not in self._pictures:
                raise ItemError(Reason.VANISHED, "there is no such picture")
            return self._pictures[number]

    def change(self, number: int, **values: object) -> GuestPicture:
        """Put other facts in the place of a picture's own."""
        with self._guard:
            before = self._pictures[number]
            changed: GuestPicture = replace(before, version=before.version + 1, **values)  # type: ignore[arg-type]
            self._pictures[number] = changed
            return changed

    def take_room(self, nbytes: int) -> None:
        """Count bytes that are about to be written. Raises `UsageError` where there is no room for them."""
        with self._guard:
            if self._nbytes + nbytes > self._settings.max_space * 1e6:
                raise UsageError(f"no more than {self._settings.max_space:g} MB at once; start anew")
            self._nbytes += nbytes

    def place(self, number: int) -> Path:
        """The folder of a picture."""
        return self.folder / f"{number:05}"

    @contextmanager
    def receive(self, name: str) -> Iterator[tuple[int, BinaryIO]]:
        """A new picture's number, and a file for its bytes; gone again where the block raises.

        Raises:
            UsageError: there are as many as may be.
        """
        shown = printable(name.replace("\\", "/").rpartition("/")[2])[-MAX_NAME:] or "picture"
        with self._guard:
            if len(self._pictures) >= self._settings.max_files:
                raise UsageError(f"no more than {self._settings.max_files} pictures at once; start anew")
            number = 1 + max(self._pictures, default=0)
            self._pictures[number] = GuestPicture(number, shown)
        folder = self.place(number)
        try:
            folder.mkdir()
            with (folder / "source").open("wb") as file:
                yield number, file
        except BaseException:
            with self._guard:
                del self._pictures[number]
            shutil.rmtree(folder, ignore_errors=True)
            raise


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
            folder = self._root / f"s{len(name)}-{secrets.token_hex(12)}"
            folder.mkdir(mode=0o700)
            self._sessions[name] = GuestSession(folder, self._settings)
        return name

    def session(self, name: str) -> GuestSession:
        """The session of that name. Raises `ItemError` where it is over."""
        with self._guard:
            found = self._sessions.get(name)
        if found is None:
            raise ItemError(Reason.VANISHED, "this session is over; its pictures are forgotten")
        found.seen = time.monotonic()
        return found

    def end(self, name: str) -> None:
        """Forget a session and all its files."""
        with self._guard:
            found = self._sessions.pop(name, None)
        if found is not None:
            shutil.rmtree(found.folder, ignore_errors=True)

    def colour(self, session: GuestSession, number: int) -> None:
        """Have a picture coloured when its turn comes."""
        session.change(number, status=WAITING, detail="")
        self._queue.put((session, number))

    def mend(
        self, session: GuestSession, number: int, page: int, hints: Sequence[Hint], saturation: float | None
    ) -> None:
        """Have a picture made anew with hints for one of its pages, and a saturation."""
        before = session.picture(number)
        others = tuple(hint for hint in before.hints if hint.page != page)
        session.change(number, hints=(*others, *hints), saturation=saturation)
        self.colour(session, number)

    def shown(self, session: GuestSession, picture: GuestPicture) -> Shown:
        """The result of a picture. Raises `ItemError` where there is none yet."""
        if not picture.result:
            raise ItemError(Reason.NO_DERIVATIVE, picture.detail or "it is not done yet")
        path = session.place(picture.number).relative_to(self._root) / picture.result
        return Shown(path, path.as_posix())

    def _sweep(self) -> None:
        while not self._ended.wait(SWEEP_SECONDS):
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
            try:
                session.change(number, status=WORKING)
                result, confidence, pages = self._coloured(session, session.picture(number))
                session.change(number, status=DONE, result=result, confidence=confidence, pages=pages)
            except ArchivecolorError as error:
                detail = error.detail if isinstance(error, ItemError) else str(error)
                session.change(number, status=FAILED, detail=printable(detail))

    def _coloured(self, session: GuestSession, picture: GuestPicture) -> tuple[str, float, int]:
        """Colour a picture; the name of its result, the confidence and its pages. Raises `ItemError`."""
        predictor = self.gallery.brush.predictor
        source = session.place(picture.number) / "source"
        looking = _Look(source, predictor.working_size, self._options)
        inspection, container = self._executor.submit(_look, looking).result()
        correction = Correction(picture.hints, OwnSettings(saturation=picture.saturation))
        decision = Decision("", correction=correction)
        pages = range(1, len(inspection.lumas) + 1)
        chromas = predictor.predict(
            inspection.lumas, [decision.guidance(page, with_hints=True) for page in pages]
        )
        # A name of its own each time: what shows the old one is not shown the new one by halves.
        result = f"{picture.version}{SUFFIXES.get(container, f'.{container}')}"
        target = source.with_name(result)
        writing = _Write(
            source, target, inspection.facts, tuple(chromas), self._options, predictor.digest,
            predictor.name, decision,
        )  # fmt: skip
        session.take_room(self._executor.submit(_write, writing).result())
        if picture.result:
            source.with_name(picture.result).unlink(missing_ok=True)
        return result, sum(chroma.confidence for chroma in chromas) / len(chromas), len(chromas)


def result_name(picture: GuestPicture) -> str:
    """What a picture's result is called when it is given back."""
    return f"{Path(picture.name).stem}-colour{Path(picture.result).suffix}"


@contextmanager
def open_guests(settings: ServeSettings) -> Iterator[Guests]:
    """What visitors bring, and what is made of it, while the block runs.

    Raises:
        CheckpointError, UnavailableError: the network cannot be used here.
    """

    def load_network() -> Predictor:
        from archivecolor.inference.predictor import open_predictor

        return open_predictor(settings.checkpoint, settings)

    options = WorkerOptions(settings.jobs or core_count(), settings.timeout, initializer=init_preview_worker)
    with scratch_folder() as root:
        context = PreviewContext(root, settings.max_megapixels)
        with LocalExecutor(options, context) as executor:
            gallery = Gallery(executor, load_network)
            with Guests(settings, root, gallery, executor) as guests:
                yield guests
