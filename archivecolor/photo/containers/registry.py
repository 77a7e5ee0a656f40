"""All containers, and the way from a path to an open picture: by content, never by name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from archivecolor.errors import ItemError, Reason
from archivecolor.photo.containers import bmp, flat, heic, jp2, jxl, pfm, png, pnm, webp
from archivecolor.photo.containers.base import Format, ImageReader, WritableFormat
from archivecolor.photo.containers.jpeg import format as jpeg
from archivecolor.photo.containers.reading import DamagedError, SourceFile, unchanged_during
from archivecolor.photo.containers.tiff import format as tiff
from archivecolor.photo.facts import FileState

FORMATS: tuple[Format, ...] = (
    *(module.FORMAT for module in (jpeg, png, tiff, webp, jp2)),
    *flat.FORMATS,
    *(module.FORMAT for module in (jxl, heic, bmp, pnm, pfm)),
)
WRITABLE = {
    image_format.name: image_format for image_format in FORMATS if isinstance(image_format, WritableFormat)
}

HEAD_BYTES = 64
# What is known and not read, by bytes at a place, so that the reason can say more than "damaged". Some of it
# begins like a TIFF.
_UNREAD_FORMATS = {
    (0, b"%PDF"): "a pdf",
    (0, b"8BPS\0\2"): "a large Photoshop file",
    (0, b"PK\x03\x04"): "a zip archive",
    (0, b"Rar!"): "a rar archive",
    (0, b"7z\xbc\xaf"): "a 7z archive",
    (0, b"\x1f\x8b"): "a gzip archive",
    (0, b"Salted__"): "an encrypted file",
    (0, b"age-encryption.org"): "an encrypted file",
    (0, b"-----BEGIN PGP"): "an encrypted file",
    (0, b"v/1\x01"): "an OpenEXR file",
    (0, b"SIMPLE  ="): "a FITS file",
    (0, b"\xc5\xd0\xd3\xc6"): "a PostScript file",
    (0, b"%!PS"): "a PostScript file",
    (0, b"AT&TFORM"): "a DjVu file",
    # Fujifilm, Sigma, Minolta, Olympus (three), Panasonic, and Canon's three.
    (0, b"FUJIFILMCCD-RAW"): "a camera raw file",
    (0, b"FOVb"): "a camera raw file",
    (0, b"\0MRM"): "a camera raw file",
    (0, b"IIRO"): "a camera raw file",
    (0, b"IIRS"): "a camera raw file",
    (0, b"MMOR"): "a camera raw file",
    (0, b"IIU\0"): "a camera raw file",
    (6, b"HEAPCCDR"): "a camera raw file",
    (8, b"CR\x02\x00"): "a camera raw file",
    (4, b"ftypcrx "): "a camera raw file",
}
# Of MP4 and MOV, Matroska and WebM, AVI, MPEG (three), MXF, Ogg, ASF and FLV; some pictures begin like MP4.
_FILMS = (
    (4, b"ftyp"),
    (4, b"moov"),
    (0, b"\x1aE\xdf\xa3"),
    (8, b"AVI "),
    (0, b"\0\0\1\xba"),
    (0, b"\0\0\1\xb3"),
    (0, b"G@"),
    (0, b"\6\x0e+4"),
    (0, b"OggS"),
    (0, b"0&\xb2u"),
    (0, b"FLV\1"),
)


@dataclass(frozen=True)
class OpenImage:
    """An open picture.

    Attributes:
        file: its file, for its bytes.
        image_format: its container.
        reader: its pages and metadata.
        file_state: the state of the file when it was opened.
    """

    file: SourceFile
    image_format: Format
    reader: ImageReader
    file_state: FileState


@contextmanager
def open_image(
    path: Path, max_megapixels: float, file_state: FileState | None = None, *, strict: bool = False
) -> Iterator[OpenImage]:
    """Open a picture for reading, once for all that a visit needs; only its structure is read here.

    Args:
        path: its file.
        max_megapixels: larger pages are refused.
        file_state: the state of the file that is meant, the present one without it.
        strict: whatever a decoder warns of is damage; without it, what costs no pixel is a note.

    Raises:
        ItemError: VANISHED, PERMISSION, READ_ERROR, EMPTY, UNSUPPORTED, TOO_LARGE (from the header, before
            anything is decoded), CHANGED, TRUNCATED, UNREADABLE or OUT_OF_MEMORY, up to the end of the
            body: whatever reads the source there names its trouble itself or raises `DamagedError`. Faults
            of our own code pass through.
    """
    with unchanged_during(path, file_state) as seen, SourceFile(path, strict=strict) as file:
        image_format = format_of(file)
        try:
            reader = image_format.open(file)
        except DamagedError as error:
            raise _unreadable(image_format, error) from error
        with reader:
            _check_size(reader, max_megapixels)
            try:
                yield OpenImage(file, image_format, reader, seen)
            except DamagedError as error:
                if reader.is_truncated():
                    detail = f"the {image_format.name} ends before its picture does ({error})"
                    raise ItemError(Reason.TRUNCATED, detail) from error
                raise _unreadable(image_format, error) from error
            except MemoryError as error:
                raise ItemError(Reason.OUT_OF_MEMORY, "there is no memory to hold the picture") from error


def _unreadable(image_format: Format, error: DamagedError) -> ItemError:
    return ItemError(Reason.UNREADABLE, f"the {image_format.name} is damaged ({error})")


def format_of(file: SourceFile) -> Format:
    """The container of a file, by its first bytes.

    Raises:
        ItemError: EMPTY, UNSUPPORTED or UNREADABLE.
    """
    file.seek(0)
    head = file.read(HEAD_BYTES)
    if not head:
        raise ItemError(Reason.EMPTY, "the file has no bytes")
    for (at, start), what in _UNREAD_FORMATS.items():
        if head.startswith(start, at):
            raise ItemError(Reason.UNSUPPORTED, f"{what} is not read")
    for image_format in FORMATS:
        if image_format.sniff(head):
            return image_format
    if any(head.startswith(start, at) for at, start in _FILMS):
        raise ItemError(Reason.UNSUPPORTED, "it is a film, and no photograph")
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
        if min(page.width, page.height) < 1:
            raise ItemError(Reason.UNREADABLE, "the header says that the picture has no pixels")
        megapixels = page.width * page.height / 1e6
        if megapixels > max_megapixels:
            detail = (
                f"{page.width} x {page.height} pixels are over the limit of {max_megapixels:g} megapixels"
            )
            raise ItemError(Reason.TOO_LARGE, f"{detail}; --max-megapixels raises it")
