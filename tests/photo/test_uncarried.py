"""Without exiftool, what a picture says beyond what our own code carries is named."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import imagecodecs
import pytest
import simplejpeg
import tifffile
from picture_journey import colour, scene
from PIL import Image

from archivecolor.photo import exiftool

JPEG = simplejpeg.encode_jpeg(scene()[..., None], 90, "GRAY", "Gray")
PNG = imagecodecs.png_encode(scene())
XMP_NAME = b"http://ns.adobe.com/xap/1.0/\0"


@pytest.fixture(autouse=True)
def no_exiftool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exiftool, "program", lambda: None)


def lost_of(folder: Path, data: bytes, **options: str) -> set[str]:
    scan = folder / "scan"
    scan.write_bytes(data)
    return set(colour(scan, **options).rendered.lost)


def exif(*entries: tuple[int, int, bytes], below: bytes = b"") -> bytes:
    """An Exif block of a directory, with one below it whose entries point from the block's start on."""
    pointer = [(34665, 4, b"")] if below else []
    offset = 8 + 2 + 12 * (len(entries) + len(pointer)) + 4
    table, values = struct.pack("<H", len(entries) + len(pointer)), b""
    for code, kind, data in sorted([*entries, *pointer]):
        count = 1 if code == 34665 else len(data)
        table += struct.pack("<HHI", code, kind, count)
        if code == 34665:
            table += struct.pack("<I", offset + sum(len(each[2]) for each in entries if len(each[2]) > 4))
        elif len(data) > 4:
            table += struct.pack("<I", offset + len(values))
            values += data
        else:
            table += data.ljust(4, b"\0")
    return struct.pack("<2sHI", b"II", 42, 8) + table + bytes(4) + values + below


MAKER = exif((270, 2, b"a market square\0"), below=struct.pack("<HHHI4sI", 1, 37500, 7, 4, b"mine", 0))
PRIVATE = exif((270, 2, b"a market square\0"), (50341, 7, b"PrintIM\0"), (60001, 2, b"ours\0\0"))


def packet(source: str) -> bytes:
    namespaces = (
        "xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns:dc='http://purl.org/dc/elements/1.1/'"
    )
    return f"<rdf:RDF {namespaces}><rdf:Description rdf:about='' dc:source='{source}'/></rdf:RDF>".encode()


def app(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def jpeg(*parts: tuple[int, bytes]) -> bytes:
    return JPEG[:2] + b"".join(app(*part) for part in parts) + JPEG[2:]


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    return PNG[:33] + b"".join(chunk(*each) for each in chunks) + PNG[33:]


def resource(number: int, body: bytes) -> bytes:
    return struct.pack(">4sHHI", b"8BIM", number, 0, len(body)) + body + b"\0" * (len(body) % 2)


def raw_profile(kind: bytes, body: bytes) -> tuple[bytes, bytes]:
    text = b"\n%s\n%8d\n%s\n" % (kind, len(body), body.hex().encode())
    return b"zTXt", b"Raw profile type %s\0\0" % kind + zlib.compress(text)


def webp(*chunks: tuple[bytes, bytes]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(scene()).convert("RGB").save(buffer, "WEBP", lossless=True, exif=MAKER)
    body = buffer.getvalue()[8:]
    for name, text in chunks:
        body += name + struct.pack("<I", len(text)) + text + b"\0" * (len(text) % 2)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def jp2(*bodies: bytes) -> bytes:
    data = imagecodecs.jpeg2k_encode(scene(), level=0, reversible=True, codecformat="jp2")
    at = data.index(b"jp2c") - 4
    boxes = b"".join(struct.pack(">I4s", len(body) + 8, b"uuid") + body for body in bodies)
    return data[:at] + boxes + data[at:]


def gif(**options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(scene()).save(buffer, "GIF", **options)
    return buffer.getvalue()


IPTC = b"\x1c\x02\x78\0\4text"
XMP_CHUNK = b"XML:com.adobe.xmp" + bytes(5)
EXIF_BOX = b"JpgTiffExif->JP2"
CASES = {
    "a jpeg's maker notes": (jpeg((0xE1, b"Exif\0\0" + MAKER)), {"maker notes"}),
    "a jpeg's private tags": (jpeg((0xE1, b"Exif\0\0" + PRIVATE)), {"tag 50341", "tag 60001"}),
    "a jpeg's second exif": (
        jpeg((0xE1, b"Exif\0\0" + exif((270, 2, b"1\0"))), (0xE1, b"Exif\0\0" + exif((315, 2, b"2\0")))),
        {"further exif"},
    ),
    "a jpeg's second xmp": (
        jpeg((0xE1, XMP_NAME + packet("one")), (0xE1, XMP_NAME + packet("two"))),
        {"further xmp"},
    ),
    "a jpeg's resources of photoshop": (
        jpeg((0xED, b"Photoshop 3.0\0" + resource(0x0404, IPTC) + resource(0x03F0, b"\5title"))),
        {"Photoshop resource 0x03f0"},
    ),
    "a jpeg's second iptc": (
        jpeg((0xED, b"Photoshop 3.0\0" + resource(0x0404, IPTC) + resource(0x0404, IPTC))),
        {"Photoshop resource 0x0404"},
    ),
    "a jpeg's resolution and thumbnail": (
        jpeg((0xED, b"Photoshop 3.0\0" + resource(0x03ED, bytes(16)) + resource(0x040C, bytes(28)))),
        set(),
    ),
    "a png's older exif": (
        png((b"eXIf", exif((270, 2, b"1\0"))), raw_profile(b"exif", b"Exif\0\0" + exif((315, 2, b"2\0")))),
        {"further exif"},
    ),
    "a png's other profile": (png(raw_profile(b"8bim", b"8BIM")), {"Raw profile type 8bim"}),
    "a png's second xmp": (
        png((b"iTXt", XMP_CHUNK + packet("one")), (b"iTXt", XMP_CHUNK + packet("two"))),
        {"further xmp"},
    ),
    "a webp's second xmp": (
        webp((b"XMP ", packet("one")), (b"XMP ", packet("two"))),
        {"maker notes", "further xmp"},
    ),
    "a jp2's second exif": (
        jp2(EXIF_BOX + exif((270, 2, b"1\0")), EXIF_BOX + exif((270, 2, b"2\0"))),
        {"further exif"},
    ),
    "a gif's comment": (gif(comment=b"gift of the family"), {"comment"}),
    "a plain jpeg": (JPEG, set()),
    "a plain gif": (gif(), set()),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_not_carried_is_named(tmp_path: Path, case: str) -> None:
    data, lost = CASES[case]
    assert lost_of(tmp_path, data) == lost


def test_tags_of_a_tiff_and_of_its_other_pages(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "scan") as writer:
        for text in ("first", "second"):
            own = [(60001, "s", 0, text, True)]
            writer.write(scene(), photometric="minisblack", description=text, extratags=own, metadata=None)
    lost = lost_of(tmp_path, (tmp_path / "scan").read_bytes())
    assert {"tag 60001", "tag 60001 of page 2", "tag 270 of page 2"} <= lost
    assert "tag 270" not in lost
