"""Pictures as a screen shows them, and colours tried out on them; worker processes make them."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from archivecolor.colour.guidance import Hint
from archivecolor.engine.local import LocalExecutor
from archivecolor.errors import ArchivecolorError
from archivecolor.jobs.brush import (
    Brush,
    BrushPicture,
    BrushTask,
    ReferenceTask,
    Tried,
    brush_picture,
    reference_picture,
)
from archivecolor.jobs.previews import (
    ClipTask,
    EncodedPreview,
    PreviewContext,
    PreviewTask,
    film_clip,
    preview,
)
from archivecolor.photo.preview import Box

if TYPE_CHECKING:
    from archivecolor.inference.predictor import Predictor

logger = logging.getLogger(__name__)

K = TypeVar("K")
V = TypeVar("V")

_SMALL_SIDE, _VIEW_SIDE = 320, 1600
_KEPT_BYTES = 64 << 20
_KEPT_PICTURES = 4


@dataclass(frozen=True)
class Shown:
    """One derivative that is shown.

    Attributes:
        key: another one for each file that it ever was.
        path: relative to the folder of the derivatives, POSIX, as `os.fsdecode` gives it.
        seconds: of a film, when the frame is seen that is shown; None for a photograph.
    """

    key: object
    path: str
    seconds: float | None = None


class Gallery:
    """The pictures of one folder. Calls may come from several threads; all raise `ItemError`.

    Args:
        executor: worker processes.
        load_network: gives the network that colours are tried out with, when it is first asked for.
    """

    def __init__(
        self, executor: LocalExecutor[PreviewContext], load_network: Callable[[], Predictor]
    ) -> None:
        self._executor = executor
        self._load_network = load_network
        self._guard = threading.Lock()
        self._is_prepared = False
        self._brush: Brush | None = None
        self._encoded = _Kept[tuple[object, PreviewTask], EncodedPreview](
            _KEPT_BYTES, lambda one: len(one.content)
        )
        self._clips = _Kept[tuple[object, ClipTask], bytes](_KEPT_BYTES, len)
        self._pictures = _Kept[tuple[object, int, float | None], BrushPicture](_KEPT_PICTURES, lambda _: 1)

    def small(self, shown: Shown) -> EncodedPreview:
        """A picture as lists show it."""
        return self._preview(shown, PreviewTask(shown.path, _SMALL_SIDE, seconds=shown.seconds))

    def view(self, shown: Shown, page: int, *, grey: bool) -> EncodedPreview:
        """A page as large as a screen, or its grey."""
        return self._preview(shown, PreviewTask(shown.path, _VIEW_SIDE, page, grey, seconds=shown.seconds))

    def part(self, shown: Shown, page: int, box: Box) -> EncodedPreview:
        """A part of a page, pixel for pixel."""
        return self._preview(shown, PreviewTask(shown.path, page=page, box=box, seconds=shown.seconds))

    def clip(self, shown: Shown, start: float, end: float) -> bytes:
        """Some seconds of a film, MP4."""
        task = ClipTask(shown.path, start, end)
        return self._clips.get((shown.key, task), lambda: self._executor.submit(film_clip, task).result())

    def _preview(self, shown: Shown, task: PreviewTask) -> EncodedPreview:
        return self._encoded.get((shown.key, task), lambda: self._executor.submit(preview, task).result())

    def tried(self, shown: Shown, page: int, hints: Sequence[Hint], saturation: float | None) -> Tried:
        """A page with other colour, nothing written."""
        return self.brush.coloured(*self._picture(shown, page), hints, saturation)

    def alike(self, shown: Shown, page: int, other: Shown | Path) -> tuple[Hint, ...]:
        """Soft hints for a page from another picture, or from a file that somebody sent."""
        size = self.brush.predictor.working_size
        if isinstance(other, Shown):
            task = ReferenceTask(other.path, size, other.seconds)
        else:
            task = ReferenceTask(str(other), size, is_sent=True)
        rgb = self._executor.submit(reference_picture, task, urgent=True).result()
        return self.brush.alike(*self._picture(shown, page), rgb, page)

    def certainty(self, shown: Shown, page: int) -> bytes:
        """Where the network does not know, as PNG."""
        return self.brush.certainty(*self._picture(shown, page))

    def palette(self, shown: Shown, page: int, place: tuple[float, float]) -> list[tuple[int, int, int]]:
        """Colours to choose from at a place, x and y 0..1; sRGB codes."""
        return self.brush.palette(*self._picture(shown, page), place)

    def prepare(self) -> None:
        """Load the network beside what goes on, once: the first colour that is tried does not wait for it."""
        if not self._is_prepared:
            self._is_prepared = True
            threading.Thread(target=self._load_early, name="network").start()

    def _load_early(self) -> None:
        try:
            self.brush  # noqa: B018 (it is loaded by being asked for)
        except ArchivecolorError as error:  # who tries a colour is told again
            logger.info("the network cannot be loaded: %s", error)

    @property
    def brush(self) -> Brush:
        """What tries colours out, with its network."""
        with self._guard:
            if self._brush is None:
                self._brush = Brush(self._load_network())
            return self._brush

    def _picture(self, shown: Shown, page: int) -> tuple[object, BrushPicture]:
        key = (shown.key, page, shown.seconds)
        task = BrushTask(shown.path, page, self.brush.predictor.working_size, shown.seconds)
        return key, self._pictures.get(
            key, lambda: self._executor.submit(brush_picture, task, urgent=True).result()
        )


class _Kept(Generic[K, V]):
    """What was made last, as far as there is room; what is being made is made once.

    Args:
        room: for so much.
        weight: of one.
    """

    def __init__(self, room: int, weight: Callable[[V], int]) -> None:
        self._room = room
        self._weight = weight
        self._guard = threading.Lock()
        self._made: OrderedDict[K, V] = OrderedDict()
        self._locks: dict[K, threading.Lock] = {}

    def get(self, key: K, make: Callable[[], V]) -> V:
        """The one of that key, made where it is not there. Raises what `make` raises."""
        with self._guard:
            lock = self._locks.setdefault(key, threading.Lock())
        try:
            with lock:
                with self._guard:
                    if key in self._made:
                        self._made.move_to_end(key)
                        return self._made[key]
                made = make()
                with self._guard:
                    self._made[key] = made
                    while len(self._made) > 1 and sum(map(self._weight, self._made.values())) > self._room:
                        self._made.popitem(last=False)
                return made
        finally:
            with self._guard:
                self._locks.pop(key, None)
