"""The pictures of one visitor: their files, what has become of them, and the room that they take."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from archivecolor.archive.atomic import with_output_errors
from archivecolor.colour.guidance import Hint
from archivecolor.errors import ItemError, Reason, UsageError
from archivecolor.printable import printable
from archivecolor.settings import ServeSettings

WAITING, WORKING, DONE, FAILED = "waiting", "working", "done", "failed"
SOURCE = "source"
OVER = "this session is over; its pictures are forgotten"
MAX_NAME = 120


@dataclass(frozen=True)
class Result:
    """What was made of a picture.

    Attributes:
        name: of the coloured file in the picture's folder; empty before there is one.
        nbytes: of that file.
        confidence: 0..1; None before it is done.
        pages: of the file.
    """

    name: str = ""
    nbytes: int = 0
    confidence: float | None = None
    pages: int = 1


@dataclass(frozen=True)
class GuestPicture:
    """One picture of a visitor, as it is now.

    Attributes:
        number: from 1.
        name: of its file, as it was sent, fit to be shown.
        status: waiting, working, done or failed.
        detail: why it failed.
        result: what was made of it last.
        hints: colours wished for at places.
        saturation: gain of its own; None for the usual.
        version: grows with every change.
    """

    number: int
    name: str
    status: str = WAITING
    detail: str = ""
    result: Result = Result()
    hints: tuple[Hint, ...] = ()
    saturation: float | None = None
    version: int = 0

    @property
    def result_name(self) -> str:
        """What its result is called when it is given back."""
        return f"{Path(self.name).stem}-colour{Path(self.result.name).suffix}"


class GuestSession:
    """The pictures of one visitor; calls may come from several threads.

    Args:
        folder: of its own.
        settings: the limits.

    Attributes:
        folder: as given.
        seen: when something was asked for last, by the monotonic clock.
        is_over: it has ended; its files are gone, or go as soon as nothing is made of them.
    """

    def __init__(self, folder: Path, settings: ServeSettings) -> None:
        self.folder = folder
        self.seen = time.monotonic()
        self.is_over = False
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
        """Count bytes that are written. Raises `UsageError` where there is no room for them."""
        with self._guard:
            if self._nbytes + nbytes > self._settings.max_space * 1e6:
                most = f"{self._settings.max_space:g} MB"
                raise UsageError(f"there is no room for it: no more than {most} at once; start anew")
            self._nbytes += nbytes

    def give_room(self, nbytes: int) -> None:
        """Count bytes no longer, which are gone."""
        with self._guard:
            self._nbytes -= nbytes

    def place(self, number: int) -> Path:
        """The folder of a picture."""
        return self.folder / f"{number:05}"

    @contextmanager
    def receive(self, name: str) -> Iterator[Incoming]:
        """A new picture on its way in; it and its room are gone again where the block raises.

        Raises:
            UsageError: there are as many as may be.
            OutputError: it cannot be kept here.
            ItemError: the session ended meanwhile.
        """
        number = self._new_number(printable(name.replace("\\", "/").rpartition("/")[2])[-MAX_NAME:])
        file = self.place(number) / SOURCE
        incoming = Incoming(self, number, file)
        try:
            with with_output_errors(file):
                file.parent.mkdir()
            yield incoming
            incoming.check()
        except BaseException:
            with self._guard:
                del self._pictures[number]
            self.give_room(incoming.nbytes)
            shutil.rmtree(file.parent, ignore_errors=True)
            raise

    def _new_number(self, name: str) -> int:
        with self._guard:
            if len(self._pictures) >= self._settings.max_files:
                raise UsageError(f"no more than {self._settings.max_files} pictures at once; start anew")
            number = 1 + max(self._pictures, default=0)
            self._pictures[number] = GuestPicture(number, name or "picture")
            return number

    def keep_result(self, number: int, result: Result) -> None:
        """Put a new result, whose file is written, in the place of the last one.

        Raises:
            UsageError: there is no room for it; its file is gone again.
        """
        before = self.picture(number).result
        try:
            self.take_room(result.nbytes - before.nbytes)
        except UsageError:
            (self.place(number) / result.name).unlink(missing_ok=True)
            raise
        self.change(number, status=DONE, result=result)
        if before.name:
            (self.place(number) / before.name).unlink(missing_ok=True)

    def open_result(self, number: int) -> tuple[GuestPicture, BinaryIO]:
        """A picture and its result, opened to be read.

        Raises:
            ItemError: there is none, or the session ended.
        """
        while True:
            picture = self.picture(number)
            if not picture.result.name:
                raise ItemError(Reason.NO_DERIVATIVE, picture.detail or "it is not done yet")
            try:
                return picture, (self.place(number) / picture.result.name).open("rb")
            except FileNotFoundError as error:
                if self.picture(number).result == picture.result:
                    raise ItemError(Reason.VANISHED, OVER) from error
                # A newer one has just taken its place.

    def close(self) -> None:
        """Forget all files."""
        self.is_over = True
        shutil.rmtree(self.folder, ignore_errors=True)


class Incoming:
    """A picture while it comes in.

    Args:
        session: that it is of.
        number: that it has there.
        file: for its bytes.

    Attributes:
        number: as given.
        nbytes: that have come.
    """

    def __init__(self, session: GuestSession, number: int, file: Path) -> None:
        self.number = number
        self.nbytes = 0
        self._session = session
        self._file = file

    def write(self, chunk: bytes) -> None:
        """Keep some bytes.

        Raises:
            UsageError: there is no room for them.
            OutputError: they cannot be written.
            ItemError: the session ended meanwhile.
        """
        self.check()
        self._session.seen = time.monotonic()
        self._session.take_room(len(chunk))
        self.nbytes += len(chunk)
        with with_output_errors(self._file), self._file.open("ab") as file:
            file.write(chunk)

    def check(self) -> None:
        """See that its session goes on. Raises `ItemError` where it does not."""
        if self._session.is_over:
            raise ItemError(Reason.VANISHED, OVER)
