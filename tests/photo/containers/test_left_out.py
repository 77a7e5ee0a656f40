"""What no reader takes of a file is named: boxes, chunks, samples, pictures, meanings."""

from __future__ import annotations

import io
import struct
import zlib
from contextlib import suppress
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from picture_journey import LIMIT, colour, grey_codes, scene, smooth_scene
from PIL import Image

from archivecolor.errors import ItemError, Reason
from archivecolor.photo import exiftool
from archivecolor.photo.inspect import inspect

PACKET = (
    b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>"
)
PACKET += b"<rdf:Description rdf:about='' xmlns:xmp='http://ns.adobe.com/xap/1.0/' xmp:Rating='4'/>"
PACKET += b"</rdf:RDF></x:xmpmeta>"


@pytest.fixture(params=[True, False], ids=["exiftool", "by hand"], autouse=True)
def with_exiftool(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if not request.param:
        monkeypatch.setattr(exiftool, "program", lambda: None)


def scan_of(folder: Path, data: bytes) -> Path:
    (folder / "scan").write_bytes(data)
    return folder / "scan"


def saved(codes: np.ndarray, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(codes).save(buffer, form, **options)
    return buffer.getvalue()


def box(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body) + 8, name) + body


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


BEHIND = {
    box(b"mpvd", b"a film"): "mpvd box",
    b"a film": "data after the picture",
    b"\0\0\0\3abcdefgh": "data after the picture",
    bytes(40): None,
}


@pytest.mark.parametrize("behind", BEHIND)
@pytest.mark.parametrize("form", ["avif", "deep avif", "heic", "jxl"])
def test_boxes_and_films_behind_a_picture(tmp_path: Path, heic: Path, form: str, behind: bytes) -> None:
    data = {
        "avif": lambda: saved(smooth_scene(), "AVIF", quality=95),
        "deep avif": lambda: bytes(imagecodecs.avif_encode(scene(depth=10), level=100, bitspersample=10)),
        "heic": (heic / "grey.heic").read_bytes,
        "jxl": lambda: bytes(imagecodecs.jpegxl_encode(scene(), lossless=True, usecontainer=True)),
    }[form]()
    lost = set(colour(scan_of(tmp_path, data + behind)).rendered.lost)
    assert lost - set(colour(scan_of(tmp_path, data)).rendered.lost) == {BEHIND[behind]} - {None}


@pytest.mark.parametrize("behind", [b"\0", b"a film behind the picture"])
@pytest.mark.parametrize("encoding", [{"lossless": True}, {"distance": 1.0}])
def test_what_stands_behind_a_bare_jpeg_xl(
    tmp_path: Path, encoding: dict[str, object], behind: bytes
) -> None:
    data = bytes(imagecodecs.jpegxl_encode(scene(), **encoding))
    assert data.startswith(b"\xff\x0a")
    assert "data after the picture" not in colour(scan_of(tmp_path, data)).rendered.lost
    assert "data after the picture" in colour(scan_of(tmp_path, data + behind)).rendered.lost


@pytest.mark.parametrize(("primaries", "transfer"), [(9, 16), (12, 13), (1, 18)])
@pytest.mark.parametrize("form", ["avif", "heic"])
def test_codes_that_mean_another_colour_than_in_srgb(
    tmp_path: Path, heic: Path, form: str, primaries: int, transfer: int
) -> None:
    plain = saved(smooth_scene(), "AVIF") if form == "avif" else (heic / "grey.heic").read_bytes()
    assert "colour space" not in colour(scan_of(tmp_path, plain)).rendered.lost
    at = plain.index(b"nclx") + 4
    data = plain[:at] + struct.pack(">HH", primaries, transfer) + plain[at + 4 :]
    assert "colour space" in colour(scan_of(tmp_path, data)).rendered.lost


def test_the_first_picture_of_a_jp2_is_taken_and_others_are_named(tmp_path: Path) -> None:
    first, second = (
        bytes(imagecodecs.jpeg2k_encode(scene(seed=seed), level=0, reversible=True, codecformat="jp2"))
        for seed in (1, 2)
    )
    start = first.index(b"jp2c") - 4
    whole = first[:start] + box(b"jp2c", first[start + 8 :])
    done = colour(scan_of(tmp_path, whole + second[second.index(b"jp2c") - 4 :]))
    assert np.array_equal(grey_codes(done.path), scene(seed=1))
    assert "pictures besides the first one" in done.rendered.lost


def test_an_unknown_chunk_of_a_webp(tmp_path: Path) -> None:
    data = saved(np.dstack([scene()] * 3), "WEBP", lossless=True)
    whole = data[8:] + b"TOWN" + struct.pack("<I", 4) + b"box7"
    done = colour(scan_of(tmp_path, b"RIFF" + struct.pack("<I", len(whole)) + whole))
    assert done.rendered.lost == ("chunk TOWN",)


RAW_PROFILE = b"\nxmp\n%8d\n%s\n" % (len(PACKET), PACKET.hex().encode())


@pytest.mark.parametrize(
    "text",
    [
        (b"tEXt", b"XML:com.adobe.xmp\0" + PACKET),
        (b"zTXt", b"XML:com.adobe.xmp\0\0" + zlib.compress(PACKET)),
        (b"zTXt", b"Raw profile type xmp\0\0" + zlib.compress(RAW_PROFILE)),
        (b"tEXt", b"Raw profile type xmp\0" + RAW_PROFILE),
    ],
    ids=["tEXt", "zTXt", "packed profile", "profile"],
)
def test_xmp_in_any_text_of_a_png_is_carried(tmp_path: Path, text: tuple[bytes, bytes]) -> None:
    data = imagecodecs.png_encode(scene())
    done = colour(scan_of(tmp_path, data[:33] + chunk(*text) + data[33:]))
    assert b"Rating" in done.path.read_bytes()
    assert done.rendered.lost == ()


def resource(number: int, body: bytes) -> bytes:
    return struct.pack(">4sHHI", b"8BIM", number, 0, len(body)) + body + b"\0" * (len(body) % 2)


def guides(count: int) -> bytes:
    return resource(0x0408, struct.pack(">IIII", 1, 576, 576, count) + struct.pack(">IB", 320, 1) * count)


SET = (
    guides(2)
    + resource(0x041E, struct.pack(">I", 1) + bytes(12))
    + resource(0x0428, struct.pack(">Id", 1, 2))
)
UNSET = guides(0) + resource(0x041E, bytes(4)) + resource(0x0428, struct.pack(">Id", 1, 1))
NAMES = {"guides of Photoshop", "links of Photoshop", "pixel aspect ratio of Photoshop"}


@pytest.mark.parametrize(("resources", "named"), [(SET, NAMES), (UNSET, set())])
@pytest.mark.parametrize("form", ["jpeg", "tiff", "psd"])
def test_what_people_set_in_photoshop(tmp_path: Path, form: str, resources: bytes, named: set[str]) -> None:
    body = b"Photoshop 3.0\0" + resources
    jpeg = saved(scene(), "JPEG")
    head = struct.pack(">4sH6xHIIHH", b"8BPS", 1, 1, *scene().shape, 8, 1)
    buffer = io.BytesIO()
    extra = [(34377, 7, len(resources), resources, True)]
    tifffile.imwrite(buffer, scene(), photometric="minisblack", metadata=None, extratags=extra)
    data = {
        "jpeg": jpeg[:20] + struct.pack(">BBH", 0xFF, 0xED, len(body) + 2) + body + jpeg[20:],
        "tiff": buffer.getvalue(),
        "psd": head + struct.pack(">II", 0, len(resources)) + resources + bytes(6) + scene().tobytes(),
    }[form]
    assert set(colour(scan_of(tmp_path, data)).rendered.lost) == named


@pytest.mark.parametrize("together", ["contig", "separate"])
@pytest.mark.parametrize("compression", [None, "lzw"])
@pytest.mark.parametrize("colours", [1, 3])
def test_samples_besides_colour_and_alpha_of_a_tiff(
    tmp_path: Path, colours: int, compression: str | None, together: str
) -> None:
    alpha = scene(seed=2)
    planes = [*[scene()] * colours, alpha, scene(seed=3), scene(seed=4)]
    tifffile.imwrite(
        tmp_path / "scan",
        np.dstack(planes) if together == "contig" else np.stack(planes),
        photometric="rgb" if colours == 3 else "minisblack",
        planarconfig=together,
        extrasamples=(2, 0, 0),
        compression=compression,
        metadata=None,
    )
    done = colour(tmp_path / "scan")
    assert np.array_equal(grey_codes(done.path), np.dstack([scene(), alpha]))
    assert done.rendered.lost == ("samples besides colour and alpha",)


def test_a_tiff_of_many_bands_is_no_photograph(tmp_path: Path) -> None:
    bands = np.dstack([scene()] * 20)
    tifffile.imwrite(tmp_path / "scan", bands, photometric="rgb", extrasamples=(0,) * 17, metadata=None)
    with pytest.raises(ItemError, match="20 samples per pixel") as error:
        inspect(tmp_path / "scan", working_size=64, max_megapixels=LIMIT)
    assert error.value.reason is Reason.UNSUPPORTED


def test_a_tag_of_a_kind_that_there_is_none_of_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "scan.tif"
    tifffile.imwrite(path, np.full((32, 32), 120, np.uint8), photometric="minisblack")
    data = bytearray(path.read_bytes())
    entry = data.index(struct.pack("<H", 279))  # StripByteCounts
    data[entry + 2 : entry + 4] = struct.pack("<H", 30468)
    path.write_bytes(data)
    with suppress(ItemError):
        colour(path)
