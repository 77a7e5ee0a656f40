"""All containers, and the way from a path to an open picture: by content, never by name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from archivecolor.errors import ItemError, Reason
from archivecolor.photo.containers import bmp, heic, jp2, jpeg, png, pnm, tiff, webp
from archivecolor.photo.containers.base import (
    Format,
    ImageReader,
    WritableFormat,
    naming_read_errors,
    unchanged_during,
)
from archivecolor.photo.facts import FileState

FORMATS: tuple[Format, ...] = tuple(module.FORMAT for module in (jpeg, png, tiff, webp, jp2, heic, bmp, pnm))
WRITABLE = {
    image_format.name: image_format for image_format in FORMATS if isinstance(image_format, WritableFormat)
}

HEAD_BYTES = 64
# What is known and not read, so that the reason can say more than "damaged".
UNREAD_FORMATS = {
    b"GIF8": "a gif",
    b"%PDF": "a pdf",
    b"8BPS": "a Photoshop file",
    b"PK\x03\x04": "a zip archive",
    b"Rar!": "a rar archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"\x1f\x8b": "a gzip archive",
    b"Salted__": "an encrypted file",
    b"age-encryption.org": "an encrypted file",
    b"-----BEGIN PGP": "an encrypted file",
    b"\xff\x0a": "a jpeg xl",
    b"\0\0\0\x0cJXL ": "a jpeg xl",
    b"v/1\x01": "an OpenEXR file",
    b"SIMPLE  =": "a FITS file",
    b"FUJIFILMCCD-RAW": "a camera raw file",
    b"\xc5\xd0\xd3\xc6": "a PostScript file",
    b"%!PS": "a PostScript file",
    b"AT&TFORM": "a DjVu file",
}


@dataclass(frozen=True)
class OpenImage:
    """An open picture.

    Attributes:
        path: its file.
        image_format: its container.
        reader: its pages.
        file_state: the state of the file when it was opened.
    """

    path: Path
    image_format: Format
    reader: ImageReader
    file_state: FileState


@contextmanager
def open_image(path: Path, max_megapixels: float, file_state: FileState | None = None) -> Iterator[OpenImage]:
    """Open a picture for reading; only its headers are read here.

    Args:
        path: its file.
        max_megapixels: larger pages are refused.
        file_state: the state of the file that is meant, the present one without it.

    Raises:
        ItemError: EMPTY, UNSUPPORTED, TOO_LARGE (from the header, before anything is decoded), CHANGED
            (up to the end of the body), or see `base.naming_read_errors`. What the body reads is for the body
            to watch over.
    """
    with unchanged_during(path, file_state) as seen:
        with naming_read_errors(path):
            image_format = format_of(path)
        with naming_read_errors(path, image_format):
            reader = image_format.open(path)
        with reader:
            with naming_read_errors(path, image_format):
                _check_size(reader, max_megapixels)
            yield OpenImage(path, image_format, reader, seen)


def format_of(path: Path) -> Format:
    """The container of the file at `path`.

    Raises:
        ItemError: EMPTY, UNSUPPORTED or UNREADABLE.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        raise ItemError(Reason.EMPTY, "the file has no bytes")
    for image_format in FORMATS:
        if image_format.sniff(head):
            return image_format
    for start, what in UNREAD_FORMATS.items():
        if head.startswith(start):
            raise ItemError(Reason.UNSUPPORTED, f"{what} is not read")
    raise ItemError(Reason.UNREADABLE, "the file does not begin like any picture that is read")


def container_for(source: Format, wanted: str) -> WritableFormat:
    """The container of an output.

    Args:
        source: container of the source.
        wanted: "keep", or the name of a container. A source whose container is not written (HEIC)
            is kept as PNG, which holds its codes exactly.
    """
    if wanted != "keep":
        return WRITABLE[wanted]
    return WRITABLE.get(source.name, png.FORMAT)


def _check_size(reader: ImageReader, max_megapixels: float) -> None:
    for page in reader.pages:
        megapixels = page.width * page.height / 1e6
        if megapixels > max_megapixels:
            detail = (
                f"{page.width} x {page.height} pixels are over the limit of {max_megapixels:g} megapixels"
            )
            raise ItemError(Reason.TOO_LARGE, f"{detail}; --max-megapixels raises it")
