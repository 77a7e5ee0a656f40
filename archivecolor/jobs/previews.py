"""What worker processes make for pages that people look at: small pictures of derivatives, and parts of them.

Only what lies in the folder of the derivatives is opened, and no link is followed on the way there.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from archivecolor.archive.atomic import open_folder, with_output_errors
from archivecolor.archive.output_folder import OutputFolder, adopt
from archivecolor.archive.parts import part_path
from archivecolor.colour.arrays import UInt8
from archivecolor.colour.luma import luma_codes
from archivecolor.errors import ItemError, Reason
from archivecolor.film.film_sheet import film_sheet, shot_pictures
from archivecolor.film.moment import MAX_SIDE, clip, moment
from archivecolor.photo.preview import Box, Preview, part_preview, small_preview

_WEBP_QUALITY = 82
_THUMBNAIL_SIDE = 320
_THUMBNAIL_BOX = (_THUMBNAIL_SIDE, _THUMBNAIL_SIDE)
_MEMORY_BYTES = 6 << 30
_CLIP_SIDE = 960


@dataclass(frozen=True)
class PreviewContext:
    """What all previews of one folder share.

    Attributes:
        root: the folder of the derivatives.
        max_megapixels: larger pictures are refused.
    """

    root: Path
    max_megapixels: float


@dataclass(frozen=True)
class PreviewTask:
    """What is wanted of a picture.

    Attributes:
        path: relative to the root, POSIX, as `os.fsdecode` gives it.
        long_side: of the whole picture made small; 0 where a part is wanted.
        page: of the file, from 1.
        grey: its grey alone.
        box: the part that is wanted, pixel for pixel.
        seconds: of a film, when the frame is seen that is wanted; None for a photograph.
    """

    path: str
    long_side: int = 0
    page: int = 1
    grey: bool = False
    box: Box | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class ClipTask:
    """Some seconds of a film.

    Attributes:
        path: relative to the root, POSIX, as `os.fsdecode` gives it.
        start: seconds since the film's first frame.
        end: when it is over.
    """

    path: str
    start: float
    end: float


@dataclass(frozen=True)
class EncodedPreview:
    """A preview as a file's contents.

    Attributes:
        content: WebP.
        width: of the whole upright page, pixels.
        height: of the whole upright page, pixels.
        pages: of the file.
    """

    content: bytes
    width: int
    height: int
    pages: int


@dataclass(frozen=True)
class ThumbnailTask:
    """The small pictures of one derivative, written as files.

    Attributes:
        path: relative to the root, POSIX, as `os.fsdecode` gives it.
        coloured: file for the picture as it is.
        grey: file for its grey.
    """

    path: str
    coloured: Path
    grey: Path

    @property
    def is_done(self) -> bool:
        """Whether both are there."""
        return self.coloured.exists() and self.grey.exists()


@dataclass(frozen=True)
class SheetTask:
    """The frames of one film's shots, written as files.

    Attributes:
        path: relative to the root, POSIX, as `os.fsdecode` gives it.
        folder: for the files.
        name: that they begin with.
    """

    path: str
    folder: Path
    name: str


@dataclass(frozen=True)
class SheetShot:
    """One shot of a film's sheet.

    Attributes:
        file: name of its frame's file.
        first: its first frame, counting from 0.
        last: its last frame.
        seconds: when it begins.
    """

    file: str
    first: int
    last: int
    seconds: float


@dataclass(frozen=True)
class Sheet:
    """A film's sheet.

    Attributes:
        shots: in their order.
        strip: name of the file of the strip.
        seconds: how long the film is.
    """

    shots: tuple[SheetShot, ...]
    strip: str
    seconds: float


def init_preview_worker(outputs: tuple[OutputFolder, ...] = ()) -> None:
    """Make a new worker process single-threaded, and keep what it decodes from taking all memory.

    Args:
        outputs: the folders that are held; see `archive.output_folder`.
    """
    from archivecolor.opencv import cv2

    adopt(outputs)
    cv2.setNumThreads(1)
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, resource.getrlimit(resource.RLIMIT_AS)[1]))


def preview(context: PreviewContext, task: PreviewTask) -> EncodedPreview:
    """A picture as a screen shows it.

    Raises:
        ItemError: it cannot be read, lies elsewhere, or is behind a link.
    """
    path = path_inside(context.root, task.path)
    if task.seconds is not None:
        seen = _of_moment(path, task.seconds, task.long_side, task.box)
    elif task.box is None:
        seen = small_preview(path, (task.long_side, task.long_side), context.max_megapixels, task.page)
    else:
        seen = part_preview(path, task.box, context.max_megapixels, task.page)
    rgb = _as_grey(seen.rgb) if task.grey else seen.rgb
    return EncodedPreview(webp(rgb), seen.width, seen.height, seen.pages)


def _of_moment(path: Path, seconds: float, long_side: int, box: Box | None) -> Preview:
    """A frame of a film, small, or a part of it pixel for pixel."""
    if box is None:
        seen = moment(path, seconds, long_side)
        return Preview(seen.rgb, seen.width, seen.height, 1)
    seen = moment(path, seconds, MAX_SIDE)
    part = seen.rgb[box.top : box.top + box.height, box.left : box.left + box.width]
    if part.size == 0:
        raise ItemError(Reason.UNSUPPORTED, "the part that is asked for lies outside the picture")
    return Preview(np.ascontiguousarray(part), seen.width, seen.height, 1)


def film_clip(context: PreviewContext, task: ClipTask) -> bytes:
    """Some seconds of a film as browsers play them.

    Raises:
        ItemError: as `preview`.
    """
    return clip(path_inside(context.root, task.path), task.start, task.end, _CLIP_SIDE)


def thumbnails(context: PreviewContext, task: ThumbnailTask) -> int:
    """Write both small pictures of a derivative; returns their bytes.

    Raises:
        ItemError: as `preview`.
    """
    rgb = small_preview(path_inside(context.root, task.path), _THUMBNAIL_BOX, context.max_megapixels).rgb
    contents = {task.grey: webp(_as_grey(rgb)), task.coloured: webp(rgb)}
    for file, content in contents.items():
        _write(file, content)
    return sum(map(len, contents.values()))


def sheet(context: PreviewContext, task: SheetTask) -> Sheet:
    """Write the sheet of a film.

    Raises:
        ItemError: as `preview`.
    """
    seen = film_sheet(path_inside(context.root, task.path))
    shots = []
    for number, picture in enumerate(shot_pictures(seen, _THUMBNAIL_SIDE), start=1):
        file = f"{task.name}-{number:04}.webp"
        _write(task.folder / file, webp(picture.rgb))
        shots.append(SheetShot(file, picture.shot.first, picture.shot.last, picture.seconds))
    strip = f"{task.name}-strip.webp"
    _write(task.folder / strip, webp(seen.strip))
    return Sheet(tuple(shots), strip, seen.seconds)


def path_inside(root: Path, relative: str) -> Path:
    """The path of a file below `root`.

    Raises:
        ItemError: `PERMISSION` where it lies elsewhere, or something on the way there is a link.
    """
    path = root
    for name in relative.split("/"):
        path = path / name
        if name in ("", ".", "..") or path.is_symlink():
            raise ItemError(Reason.PERMISSION, "links, and what lies outside the output, are not opened")
    return path


def _as_grey(rgb: UInt8) -> UInt8:
    """The BT.601 luma of a picture, (h, w, 3)."""
    return np.repeat(luma_codes(rgb)[..., None], 3, axis=2)


def webp(rgb: UInt8) -> bytes:
    """A picture as WebP."""
    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, "webp", quality=_WEBP_QUALITY, method=2)
    return stream.getvalue()


def _write(file: Path, content: bytes) -> None:
    """A file that can be made again: in one step, but not flushed to disk."""
    with open_folder(file.parent) as folder, with_output_errors(file):
        part = part_path(file)
        folder.create(part)
        part.write_bytes(content)
        folder.check()
        part.replace(file)
