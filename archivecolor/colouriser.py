"""A network that is ready for pictures of any kind: paths, bytes, PIL images, arrays.

    colourise = archivecolor.Colouriser()
    coloured = colourise("scan.jpg")
    coloured.save("coloured.jpg")

In a notebook a `ColouredPicture` shows itself, grey and coloured under a slider.
"""

from __future__ import annotations

import base64
import io
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal

import numpy as np
from PIL import Image

from archivecolor.archive.atomic import atomic_write
from archivecolor.colour.chroma import Chroma
from archivecolor.errors import InputNotFoundError, UsageError, errors_of
from archivecolor.inference.predictor import open_predictor
from archivecolor.jobs.photograph import SUFFIX_FORMATS, check_names, colour_contents, colour_photograph
from archivecolor.jobs.picture import codes_of_contents, codes_of_file, compose, luma_of, small_luma
from archivecolor.photo.facts import Codes
from archivecolor.printable import printable
from archivecolor.settings import DirSettings, NetworkOptions
from archivecolor.settings.keywords import PredictorKeywords, checked_keywords

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from archivecolor.inference.predictor import Prediction, Predictor

Picture = str | Path | bytes | Image.Image | Codes
Format = Literal["jpeg", "png", "tiff", "webp"]
_WRITTEN: dict[str, Format] = {"jpeg": "jpeg", "png": "png", "tiff": "tiff", "webp": "webp"}
_SHOWN_SIDE = 640
_SAVED_IN_16_BITS = ("png", "tiff")


class Colouriser:
    """One network, opened once, for any number of pictures; it may be called from several threads.

    Args:
        checkpoint: a checkpoint file; the built-in weights without it.
        options: such as `device="cuda"` or `quality="high"`; see `NetworkOptions`.

    Attributes:
        predictor: the network, for the functions that take one.

    Raises:
        TypeError, UsageError, CheckpointError, UnavailableError: as `load_predictor`.
    """

    def __init__(self, checkpoint: str | Path | None = None, **options: Unpack[PredictorKeywords]) -> None:
        values = checked_keywords(options, PredictorKeywords, "Colouriser")
        path = None if checkpoint is None else Path(checkpoint)
        self.predictor: Predictor = open_predictor(path, NetworkOptions(**values))

    def __call__(self, picture: Picture | BinaryIO, *, recolour: bool = False) -> ColouredPicture:
        """Colour one picture.

        Args:
            picture: a file's path or contents, an open binary file of them, a PIL image, or codes as
                `colour_array` takes them.
            recolour: colour a picture that has colour already, from its luma.

        Raises:
            InputNotFoundError: the file is not there; a `FileNotFoundError` too.
            ItemError: it cannot be read; else as `colour_array`.
            TypeError, ValueError: as `colour_array`.
        """
        return next(self.stream([picture], recolour=recolour))

    def stream(
        self, pictures: Iterable[Picture | BinaryIO], *, recolour: bool = False
    ) -> Iterator[ColouredPicture]:
        """Colour pictures one after the other, in their order, as they come; some are ahead in the network.

        Args:
            pictures: as `__call__` takes them.
            recolour: as there.

        Raises:
            ItemError: as `__call__`; its `path` says which file it is, where pictures are paths.
        """
        ahead: deque[tuple[Picture, Codes, Prediction]] = deque()
        for given in pictures:
            picture = _kept(given)
            with errors_of(picture):
                luma = luma_of(_opened(picture), recolour=recolour)
            ahead.append(
                (picture, luma, self.predictor.start([small_luma(luma, self.predictor.working_size)]))
            )
            if len(ahead) > self.predictor.parallel_calls:
                yield self._coloured(*ahead.popleft())
        while ahead:
            yield self._coloured(*ahead.popleft())

    def _coloured(self, picture: Picture, luma: Codes, prediction: Prediction) -> ColouredPicture:
        with errors_of(picture):
            (chroma,) = prediction.result()
        return ColouredPicture(luma, chroma, compose(luma, chroma), picture, self.predictor)


@dataclass(frozen=True)
class ColouredPicture:
    """A picture in colour.

    Attributes:
        grey: (h, w) luma codes, uint8 or uint16, upright.
        chroma: what the network said, on its coarse grid.
        array: (h, w, 3) RGB codes whose BT.601 luma codes are `grey`.
    """

    grey: Codes
    chroma: Chroma
    array: Codes = field(repr=False)
    _source: Picture = field(repr=False)
    _predictor: Predictor = field(repr=False)

    @property
    def confidence(self) -> float:
        """0..1, how sure the network is of the whole picture."""
        return self.chroma.confidence

    @property
    def image(self) -> Image.Image:
        """The picture as PIL has it, 8 bits a sample."""
        return Image.fromarray(_eight_bits(self.array))

    def save(self, target: str | Path) -> None:
        """Write the picture, in the format that the name says.

        One that came from a file keeps what `colour_file` keeps: metadata, pages, a JPEG's own luma. One that
        came from memory is written as it is, PNG and TIFF at the depth of the codes.

        Args:
            target: the new file; replaced if it is there.

        Raises:
            UsageError: the name says no format that is written, or is the source's own.
            ItemError, OutputError: as `colour_file`.
        """
        target = Path(target)
        named = _WRITTEN.get(SUFFIX_FORMATS.get(target.suffix.lower(), ""))
        if named is None:
            raise UsageError(f"{target} names no format that is written; give it .jpg, .png, .tif or .webp")
        if isinstance(self._source, (str, Path)):
            source = Path(self._source)
            check_names(source, target, named)
            colour_photograph(source, target, self._predictor, _settings_for(named))
            return
        if isinstance(self._source, bytes):
            contents = colour_contents(self._source, self._predictor, _settings_for(named))
        else:
            contents = _encoded(self.array, named)
        with atomic_write(target) as part:
            part.write_bytes(contents)

    def _repr_html_(self) -> str:
        """Grey and coloured under a slider, for notebooks: all of it inline, nothing is fetched."""
        return _SLIDER.format(
            before=_inline(Image.fromarray(_eight_bits(self.grey))),
            after=_inline(self.image),
            confidence=self.confidence,
        )


_SLIDER = """<div style="display:inline-block">
<div style="position:relative;line-height:0">
<img alt="grey" src="{before}">
<img alt="coloured" src="{after}" style="position:absolute;left:0;top:0;clip-path:inset(0 0 0 50%)">
</div>
<input type="range" min="0" max="100" value="50" aria-label="grey to coloured" style="width:100%"
 oninput="this.parentElement.querySelectorAll('img')[1].style.clipPath='inset(0 0 0 '+this.value+'%)'">
<div>confidence {confidence:.2f}</div>
</div>"""


def _kept(picture: Picture | BinaryIO) -> Picture:
    """What can be read again when it is saved: the contents of an open file, which is read but once."""
    if isinstance(picture, (bytearray, memoryview)):
        return bytes(picture)
    return picture.read() if hasattr(picture, "read") else picture


def _opened(picture: Picture) -> Image.Image | Codes:
    if isinstance(picture, bytes):
        return codes_of_contents(picture)
    if not isinstance(picture, (str, Path)):
        return picture
    if not Path(picture).exists():
        raise InputNotFoundError(f"the picture {printable(picture)} does not exist", Path(picture))
    return codes_of_file(Path(picture))


def _settings_for(format: Format) -> DirSettings:
    """For the saving of a picture whose colour was asked for, whatever it had."""
    return DirSettings(input=Path(), output=Path(), format=format, colour="recolour")


def _eight_bits(codes: Codes) -> Codes:
    return np.rint(codes / 257).astype(np.uint8) if codes.dtype == np.uint16 else codes


def _encoded(rgb: Codes, format: Format) -> bytes:
    """A picture in memory as a file's contents."""
    from archivecolor.opencv import cv2

    if rgb.dtype == np.uint16 and format in _SAVED_IN_16_BITS:
        return bytes(cv2.imencode(f".{format}", np.ascontiguousarray(rgb[..., ::-1]))[1])
    stream = io.BytesIO()
    options: dict[str, int] = {}
    if format == "jpeg":
        options = {"quality": 95, "subsampling": 0}
    elif format == "webp":
        options = {"lossless": True}
    Image.fromarray(_eight_bits(rgb)).save(stream, format, **options)
    return stream.getvalue()


def _inline(image: Image.Image) -> str:
    """A picture as an address that holds it, no larger than a page shows."""
    small = image.copy()
    small.thumbnail((_SHOWN_SIDE, _SHOWN_SIDE))
    stream = io.BytesIO()
    small.save(stream, "jpeg", quality=90)
    return f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode()}"
