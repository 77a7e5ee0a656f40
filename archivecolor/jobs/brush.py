"""A picture's colour tried out, as a screen shows it: hints and saturation, before anything is written."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from archivecolor.colour.arrays import Float32, UInt8
from archivecolor.colour.chroma import Chroma
from archivecolor.colour.gamut import compose_exact_luma
from archivecolor.colour.guidance import Guidance, Hint
from archivecolor.colour.luma import luma_codes
from archivecolor.colour.reference import hints_like
from archivecolor.errors import ItemError, Reason
from archivecolor.film.moment import moment
from archivecolor.jobs.likeness import reference_of
from archivecolor.jobs.picture import compose, small_luma
from archivecolor.jobs.previews import PreviewContext, path_inside
from archivecolor.photo.inspect import small_colour
from archivecolor.photo.preview import small_preview

if TYPE_CHECKING:
    from archivecolor.inference.predictor import Predictor


_VIEW_BOX = (1280, 1280)
JPEG_QUALITY = 90
KEPT = 8
# A cell counts as changed where its chroma moved by this much of full scale: less is not seen.
CHANGED = 0.012
_CHANGE_COLOUR = (255, 0, 170)
_MAX_ALPHA = 150
# Chroma of the palette: so far apart, as a fraction of full scale, and so many.
_PALETTE_STEP, _PALETTE_SIZE = 0.05, 10


@dataclass(frozen=True)
class BrushTask:
    """A picture to be tried on.

    Attributes:
        path: of the derivative, relative to the root.
        page: of the file, from 1.
        working_size: short side at which the network sees it.
        seconds: of a film, when the frame is seen; None for a photograph.
    """

    path: str
    page: int
    working_size: int
    seconds: float | None = None


@dataclass(frozen=True)
class ReferenceTask:
    """A picture whose colours another one gets.

    Attributes:
        path: of a derivative, relative to the root; or of a file that somebody sent, absolute.
        working_size: short side at which the network sees it.
        seconds: of a film, when the frame is seen; None for a photograph.
        is_sent: it is a file that somebody sent.
    """

    path: str
    working_size: int
    seconds: float | None = None
    is_sent: bool = False


@dataclass(frozen=True)
class BrushPicture:
    """A picture that colour is tried on.

    Attributes:
        luma: uint8 (h, w) codes, upright, as a screen shows it.
        seen: float32 (h, w), 0..1, as the network sees it.
    """

    luma: UInt8
    seen: Float32


@dataclass(frozen=True)
class Tried:
    """A picture with other colour.

    Attributes:
        coloured: JPEG.
        change: PNG with alpha, on the network's grid: where the hints change its colour, and how much.
        changed_share: of the picture that changes, 0..1.
    """

    coloured: bytes
    change: bytes
    changed_share: float


def brush_picture(context: PreviewContext, task: BrushTask) -> BrushPicture:
    """What a worker process reads of a picture.

    Raises:
        ItemError: it cannot be read, lies elsewhere, or is behind a link.
    """
    path = path_inside(context.root, task.path)
    if task.seconds is None:
        rgb = small_preview(path, _VIEW_BOX, context.max_megapixels, task.page).rgb
    else:
        rgb = moment(path, task.seconds, max(_VIEW_BOX)).rgb
    large = luma_codes(rgb)
    return BrushPicture(large, small_luma(large, task.working_size))


def reference_picture(context: PreviewContext, task: ReferenceTask) -> Float32:
    """A small picture with its colour, sRGB (h, w, 3), 0..1.

    Raises:
        ItemError: it cannot be read, lies elsewhere, or has no colour.
    """
    path = Path(task.path) if task.is_sent else path_inside(context.root, task.path)
    if task.seconds is not None:
        side = 2 * task.working_size
        return np.asarray(moment(path, task.seconds, side).rgb / np.float32(255), np.float32)
    rgb = small_colour(path, working_size=task.working_size, max_megapixels=context.max_megapixels)
    if rgb.ndim == 2:
        raise ItemError(Reason.UNSUPPORTED, "it has no colour to take")
    return rgb


class Brush:
    """Tries colours on pictures; may be called from several threads.

    Args:
        predictor: the network.
    """

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor
        self._guard = threading.Lock()
        self._automatic: OrderedDict[tuple[object, float | None], Chroma] = OrderedDict()

    def automatic(self, key: object, picture: BrushPicture, saturation: float | None = None) -> Chroma:
        """What the network itself says of a picture.

        Args:
            key: what the picture is known by; the answer is kept for a while.
            picture: to be coloured.
            saturation: gain on the network's chroma; that of the run without it.
        """
        with self._guard:
            if (key, saturation) in self._automatic:
                self._automatic.move_to_end((key, saturation))
                return self._automatic[key, saturation]
        (chroma,) = self.predictor.predict([picture.seen], [Guidance(saturation=saturation)])
        with self._guard:
            self._automatic[key, saturation] = chroma
            while len(self._automatic) > KEPT:
                self._automatic.popitem(last=False)
        return chroma

    def alike(self, picture: BrushPicture, reference: Float32, page: int) -> tuple[Hint, ...]:
        """Soft hints for a page from a picture with colour, sRGB (h, w, 3); none where nothing is alike."""
        (answer,) = self.predictor.answers([picture.seen])
        return hints_like(answer, reference_of(reference, self.predictor), page)

    def coloured(
        self, key: object, picture: BrushPicture, hints: Sequence[Hint], saturation: float | None
    ) -> Tried:
        """A picture with hints and a saturation of its own.

        Args:
            key: what the picture is known by.
            picture: to be coloured; its luma stays as it is.
            hints: of its page.
            saturation: as for `automatic`.

        Raises:
            ValueError: there are more hints than are spread.
        """
        automatic = self.automatic(key, picture, saturation)
        chroma = automatic
        if hints:
            guidance = Guidance(tuple(hints), saturation)
            (chroma,) = self.predictor.predict([picture.seen], [guidance])
        moved = np.abs(chroma.cbcr - automatic.cbcr).max(axis=2)
        share = float((moved > CHANGED).mean())
        return Tried(_jpeg(compose(picture.luma, chroma)), _tint(moved / (8 * CHANGED)), share)


def certainty_png(chroma: Chroma) -> bytes:
    """Where the network does not know, as PNG with alpha, on its grid: the more opaque, the less it knows."""
    return _tint(1.0 - chroma.certainty)


def palette(chroma: Chroma, luma: UInt8, place: tuple[float, float]) -> list[tuple[int, int, int]]:
    """The colours that a picture has most of, each as light as a place of it.

    Args:
        chroma: of the picture.
        luma: its codes, (h, w).
        place: x and y, 0..1.

    Returns:
        sRGB codes, the commonest first, grey never among them.
    """
    cells = np.rint(chroma.cbcr.reshape(-1, 2) / _PALETTE_STEP).astype(int)
    kinds, which = np.unique(cells, axis=0, return_inverse=True)
    weights = np.bincount(which.ravel(), chroma.certainty.ravel(), len(kinds))
    order = [kind for kind in np.argsort(-weights, kind="stable") if np.abs(kinds[kind]).max() > 0]
    height, width = luma.shape
    grey = luma[min(int(place[1] * height), height - 1), min(int(place[0] * width), width - 1)]
    shown = np.asarray(kinds[order[:_PALETTE_SIZE]] * _PALETTE_STEP, np.float32)[None]
    rgb = compose_exact_luma(np.full(shown.shape[:2], grey, np.uint8), shown)[0]
    return [(int(red), int(green), int(blue)) for red, green, blue in rgb]


def _tint(strength: Float32) -> bytes:
    """One colour, as opaque as `strength` 0..1 says."""
    alpha = np.clip(strength, 0.0, 1.0) * _MAX_ALPHA
    rgba = np.empty((*strength.shape, 4), np.uint8)
    rgba[..., :3] = _CHANGE_COLOUR
    rgba[..., 3] = np.rint(alpha)
    stream = io.BytesIO()
    Image.fromarray(rgba).save(stream, "png", compress_level=1)
    return stream.getvalue()


def _jpeg(rgb: UInt8) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, "jpeg", quality=JPEG_QUALITY, subsampling=0)
    return stream.getvalue()
