"""A picture's colour tried out, as a screen shows it: hints and saturation, before anything is written."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from archivecolor.colour.arrays import Float32, UInt8
from archivecolor.colour.guidance import NO_GUIDANCE, Guidance, Hint, chroma_of
from archivecolor.colour.kernel import Answer
from archivecolor.colour.luma import luma_codes
from archivecolor.colour.palette import commonest_colours, likely_colours
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

    A picture is known by a key. What the network says of it is kept for a while: it is asked once, and
    colours tried on it cost no more than they take to be spread.

    Args:
        predictor: the network.
    """

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor
        self._guard = threading.Lock()
        self._answers: OrderedDict[object, Answer] = OrderedDict()

    def _answer(self, key: object, picture: BrushPicture) -> Answer:
        """What the network itself says of a picture, at saturation 1."""
        with self._guard:
            if key in self._answers:
                self._answers.move_to_end(key)
                return self._answers[key]
        (answer,) = self.predictor.answers([picture.seen], [Guidance(saturation=1.0)], with_likelihood=True)
        with self._guard:
            self._answers[key] = answer
            while len(self._answers) > KEPT:
                self._answers.popitem(last=False)
        return answer

    def alike(self, key: object, picture: BrushPicture, reference: Float32, page: int) -> tuple[Hint, ...]:
        """Soft hints for a page from a picture with colour, sRGB (h, w, 3); none where nothing is alike."""
        return hints_like(self._answer(key, picture), reference_of(reference, self.predictor), page)

    def certainty(self, key: object, picture: BrushPicture) -> bytes:
        """Where the network does not know, as PNG with alpha, on its grid: the more opaque, the less."""
        return _tint(1.0 - self._answer(key, picture).certainty)

    def palette(
        self, key: object, picture: BrushPicture, place: tuple[float, float]
    ) -> list[tuple[int, int, int]]:
        """Colours to choose from at a place, x and y 0..1, each as light as the place; sRGB codes.

        Those that the network finds likely there, or that the picture has most of where it cannot tell.
        """
        height, width = picture.luma.shape
        column, row = min(int(place[0] * width), width - 1), min(int(place[1] * height), height - 1)
        grey, answer = int(picture.luma[row, column]), self._answer(key, picture)
        if answer.likelihood is None:
            return commonest_colours(chroma_of(answer, NO_GUIDANCE), grey)
        return likely_colours(answer.likelihood, place, grey)

    def coloured(
        self, key: object, picture: BrushPicture, hints: Sequence[Hint], saturation: float | None
    ) -> Tried:
        """A picture with hints and a saturation of its own.

        Args:
            key: what the picture is known by.
            picture: to be coloured; its luma stays as it is.
            hints: of its page.
            saturation: gain on the network's chroma; None for that of the run.

        Raises:
            ValueError: there are more hints than are spread.
        """
        answer = self._answer(key, picture)
        gain = self.predictor.saturation if saturation is None else saturation
        automatic = replace(answer, ab=answer.ab * np.float32(gain))
        before, after = chroma_of(automatic, NO_GUIDANCE), chroma_of(automatic, Guidance(tuple(hints)))
        moved = np.abs(after.cbcr - before.cbcr).max(axis=2)
        share = float((moved > CHANGED).mean())
        return Tried(_jpeg(compose(picture.luma, after)), _tint(moved / (8 * CHANGED)), share)


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
