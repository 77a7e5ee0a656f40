"""Nothing is lost unsaid: what a source says is in its derivative, byte for byte, or in `lost`."""

from __future__ import annotations

import hashlib
import struct
import zlib
from pathlib import Path
from uuid import UUID

import imagecodecs
import numpy as np
import pytest
import simplejpeg
import tifffile
from picture_journey import LIMIT, colour, scene
from PIL import Image

from archivecolor.colour.luma import luma_codes
from archivecolor.photo import exiftool
from archivecolor.photo.containers.jpeg import segments
from archivecolor.photo.containers.registry import open_image
from archivecolor.photo.containers.tiff.directory import TagValue, exif_block, tags_of
from archivecolor.photo.losses import lost_values

JPEG = simplejpeg.encode_jpeg(scene()[..., None], 90, "GRAY", "Gray")
PNG = imagecodecs.png_encode(scene())
JP2 = imagecodecs.jpeg2k_encode(scene(), level=0, reversible=True, codecformat="jp2")


@pytest.fixture(params=[True, False], ids=["exiftool", "by hand"])
def with_exiftool(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> bool:
    if not request.param:
        monkeypatch.setattr(exiftool, "program", lambda: None)
    return bool(request.param)


def app(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def scan(folder: Path, data: bytes) -> Path:
    (folder / "scan").write_bytes(data)
    return folder / "scan"


SEGMENTS = [
    (0xFE, b"LEAD Technologies Inc. V1.01"),
    (0xFE, "Marktplatz in K\xf6ln".encode("latin-1")),
    (0xFE, b"first line\r\n  second line \0"),
    (0xEA, b"UNICODE\0" + "K\xf6ln".encode("utf-16-be")),
    (0xEC, b"OLYMPUS OPTICAL CO.,LTD.\0[picture info]\r\nID=Town archive\r\n\0"),
]


def test_comments_and_segments_of_a_jpeg_stay_byte_for_byte(tmp_path: Path, with_exiftool: bool) -> None:
    done = colour(scan(tmp_path, JPEG[:2] + b"".join(app(*each) for each in SEGMENTS) + JPEG[2:]))
    parts = segments.parse(done.path.read_bytes()).segments
    assert [(part.marker, part.body) for part in parts if part.marker in (0xFE, 0xEA, 0xEC)] == SEGMENTS
    assert done.rendered.lost == ()


def test_what_another_container_cannot_hold_is_named(tmp_path: Path, with_exiftool: bool) -> None:
    path = scan(tmp_path, JPEG[:2] + b"".join(app(*each) for each in SEGMENTS) + JPEG[2:])
    lost = colour(path, format="webp").rendered.lost
    assert {"APP10", "APP12"} <= set(lost)
    assert any("omment" in name for name in lost)


def test_what_is_true_of_a_jpeg_alone_is_named_and_not_carried(tmp_path: Path, with_exiftool: bool) -> None:
    extra = app(0xE2, b"MPF\0II*\0\x08\0\0\0\0\0") + app(0xEB, b"JP\0\1" + bytes(20))
    done = colour(scan(tmp_path, JPEG[:2] + extra + JPEG[2:] + b"a film"))
    assert {"APP2 MPF", "APP11 JP", "data after the picture"} <= set(done.rendered.lost)
    assert b"MPF\0" not in done.path.read_bytes()


CAMERA = "http://ns.google.com/photos/1.0/camera/"
MOTION = f"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:GCamera="{CAMERA}" xmlns:C="http://ns.google.com/photos/1.0/container/"
 xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="4"
 GCamera:MicroVideo="1" GCamera:MicroVideoOffset="4096" GCamera:MotionPhoto="1" hdrgm:Version="1.0">
<C:Directory><rdf:Seq><rdf:li>x</rdf:li></rdf:Seq></C:Directory></rdf:Description></rdf:RDF></x:xmpmeta>"""


def test_places_in_the_source_s_file_are_not_carried(tmp_path: Path, with_exiftool: bool) -> None:
    extra = app(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + MOTION.encode())
    done = colour(scan(tmp_path, JPEG[:2] + extra + JPEG[2:] + b"film"))
    data = done.path.read_bytes()
    assert not any(word in data for word in (b"MicroVideo", b"MotionPhoto", b"Directory", b"hdrgm"))
    assert b"Rating" in data
    named = " ".join(done.rendered.lost)
    assert all(word in named for word in ("MicroVideoOffset", "MotionPhoto", "Directory", "Version"))


def test_texts_and_chunks_of_a_png_stay_byte_for_byte(tmp_path: Path, with_exiftool: bool) -> None:
    texts = [chunk(b"tEXt", b"Shelf\0A 17 "), chunk(b"zTXt", b"Note\0\0" + zlib.compress(b"a note"))]
    texts += [chunk(b"iTXt", b"Titel\0\0\0de\0\0" + "K\xf6ln".encode()), chunk(b"abCd", b"a program's")]
    done = colour(scan(tmp_path, PNG[:33] + b"".join(texts) + chunk(b"abCD", b"by place") + PNG[33:]))
    data = done.path.read_bytes()
    assert all(data.count(text) == 1 for text in texts)
    assert done.rendered.lost == ("chunk abCD",)
    lost = colour(tmp_path / "scan", format="jpeg").rendered.lost
    assert any("Shelf" in name for name in lost)
    assert "abCd" in lost


def test_what_a_png_says_of_its_samples_is_named(tmp_path: Path, with_exiftool: bool) -> None:
    chunks = chunk(b"sBIT", b"\6") + chunk(b"bKGD", b"\0\xff")
    done = colour(scan(tmp_path, PNG[:33] + chunks + PNG[33:]))
    assert done.rendered.lost == ("chunk sBIT", "chunk bKGD")


# Of the grey codes: the thresholding, least and greatest sample, response curve, transfer function.
OF_SAMPLES = [
    (263, 3, 1, 1),
    (280, 3, 1, 3),
    (281, 3, 1, 250),
    (290, 3, 1, 2),
    (291, 3, 256, tuple(range(256))),
    (301, 3, 256, tuple(range(0, 65536, 256))),
    (340, 3, 1, 3),
    (341, 3, 1, 250),
]


def test_what_a_tiff_says_of_its_samples_is_named(tmp_path: Path, with_exiftool: bool) -> None:
    tifffile.imwrite(
        tmp_path / "scan",
        scene(),
        photometric="minisblack",
        metadata=None,
        extratags=[(*tag, True) for tag in OF_SAMPLES],
    )
    done = colour(tmp_path / "scan")
    assert len(done.rendered.lost) == len(OF_SAMPLES)
    with tifffile.TiffFile(done.path) as tiff:
        assert not {code for code, *_ in OF_SAMPLES} & {tag.code for tag in tiff.pages[0].tags}


SCANNED = "http://cv.iptc.org/newscodes/digitalsourcetype/negativeFilm"
INVENTED = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
ORIGIN = """<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description rdf:about=''
 xmlns:e='http://iptc.org/std/Iptc4xmpExt/2008-02-29/' e:DigitalSourceType='{}'/></rdf:RDF>"""


@pytest.mark.parametrize(("origin", "names"), [(SCANNED, {"DigitalSourceType"}), (INVENTED, set())])
def test_what_a_scan_was_made_from_is_named_where_ours_takes_its_place(
    tmp_path: Path, with_exiftool: bool, origin: str, names: set[str]
) -> None:
    extra = app(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + ORIGIN.format(origin).encode())
    lost = colour(scan(tmp_path, JPEG[:2] + extra + JPEG[2:])).rendered.lost
    assert {name.replace(" ", ":").rpartition(":")[2] for name in lost} == names


SOURCE = """<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description rdf:about=''
 xmlns:dc='http://purl.org/dc/elements/1.1/' dc:source='{}'/></rdf:RDF>"""


@pytest.mark.parametrize("form", ["packets", "extension", "boxes"])
def test_the_source_that_a_scan_names_is_kept_or_named(
    tmp_path: Path, with_exiftool: bool, form: str
) -> None:
    first, second = (SOURCE.format(shelf).encode() for shelf in ("shelf one", "shelf two"))
    name, digest = b"http://ns.adobe.com/xap/1.0/\0", hashlib.md5(second).hexdigest().upper().encode()
    more = b"http://ns.adobe.com/xmp/extension/\0" + digest + struct.pack(">II", len(second), 0) + second
    at = JP2.index(b"jp2c") - 4
    uuid = UUID("be7acfcb-97a9-42e8-9c71-999491e3afac").bytes
    boxes = b"".join(struct.pack(">I4s", 24 + len(body), b"uuid") + uuid + body for body in (first, second))
    data = {
        "packets": JPEG[:2] + app(0xE1, name + first) + app(0xE1, name + second) + JPEG[2:],
        "extension": JPEG[:2] + app(0xE1, name + first) + app(0xE1, more) + JPEG[2:],
        "boxes": JP2[:at] + boxes + JP2[at:],
    }[form]
    done = colour(scan(tmp_path, data))
    kept = [shelf in done.path.read_bytes() for shelf in (b"shelf one", b"shelf two")]
    assert any(kept)
    assert all(kept) or any("ource" in lost or lost == "further xmp" for lost in done.rendered.lost)


@pytest.mark.parametrize("about", ["", " rdf:about=''"])
def test_a_description_of_one_property_stays(tmp_path: Path, with_exiftool: bool, about: str) -> None:
    packet = (
        "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>"
        f"<rdf:Description{about} xmlns:tiff='http://ns.adobe.com/tiff/1.0/' tiff:Orientation='6'/></rdf:RDF>"
    )
    extra = app(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet.encode())
    done = colour(scan(tmp_path, JPEG[:2] + extra + JPEG[2:]))
    assert b'tiff:Orientation="6"' in done.path.read_bytes()


def test_xml_boxes_of_a_jpeg_2000_stay_byte_for_byte(tmp_path: Path, with_exiftool: bool) -> None:
    box = struct.pack(">I4s", 8 + 22, b"xml ") + b"<shelf>A 17</shelf>   "
    program = struct.pack(">I4s", 24 + 4, b"uuid") + bytes(range(16)) + b"mine"
    at = JP2.index(b"jp2c") - 4
    done = colour(scan(tmp_path, JP2[:at] + box + program + JP2[at:]))
    assert box in done.path.read_bytes()
    assert program in done.path.read_bytes()
    assert "xml box" in colour(tmp_path / "scan", format="png").rendered.lost


ODD = {
    271: b"AGFA  ",
    306: b"1931:00:00 00:00:00",
    315: "M\xfcller".encode("latin-1"),
}
ODD_EXIF = {36867: b"    :  :     :  :  ", 36868: b"1931/05/01 12:00:00"}


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_odd_values_of_exif_pass_unchanged(tmp_path: Path, form: str, with_exiftool: bool) -> None:
    own = {code: TagValue(2, text + b"\0") for code, text in ODD_EXIF.items()}
    own[33434] = TagValue(5, struct.pack("<II", 4850, 290367))
    tags = {code: TagValue(2, text + b"\0") for code, text in ODD.items()} | {34665: TagValue(4, b"", own)}
    picture = Image.fromarray(np.dstack([scene()] * 3) if form == "WEBP" else scene())
    picture.save(tmp_path / "scan", form, exif=b"Exif\0\0" + exif_block(tags))
    done = colour(tmp_path / "scan")
    before, after = (exif_of(path) for path in (tmp_path / "scan", done.path))
    assert {code: after[code] for code in ODD} == {code: before[code] for code in ODD}
    assert {code: after[34665].directory[code] for code in own} == {
        code: before[34665].directory[code] for code in own
    }
    assert done.rendered.lost == ()


def exif_of(path: Path) -> dict[int, TagValue]:
    with open_image(path, LIMIT) as picture:
        block = picture.reader.metadata().exif
    return tags_of(block) if block else {}


@pytest.mark.parametrize(
    "options",
    [{}, {"metadata": {"axes": "YX", "Caption": "box 7"}}, {"imagej": True}, {"ome": True}],
    ids=["shape", "axes", "imagej", "ome"],
)
@pytest.mark.parametrize("pages", [1, 3])
def test_a_description_of_the_shape_goes(
    tmp_path: Path, pages: int, options: dict[str, object], with_exiftool: bool
) -> None:
    codes = scene() if pages == 1 else np.stack([scene(seed=i) for i in range(pages)])
    if pages > 1 and "metadata" in options:
        options = {"metadata": {"axes": "QYX"}}
    tifffile.imwrite(tmp_path / "scan", codes, photometric="minisblack", **options)
    done = colour(tmp_path / "scan")
    out = tifffile.imread(done.path)
    assert out.shape == (*codes.shape, 3)
    assert np.array_equal(luma_codes(out), codes)
    assert any("ImageDescription" in name for name in done.rendered.lost)


def test_a_description_by_people_stays(tmp_path: Path, with_exiftool: bool) -> None:
    tifffile.imwrite(
        tmp_path / "scan", scene(), photometric="minisblack", metadata=None, description="shape of a boat"
    )
    done = colour(tmp_path / "scan")
    with tifffile.TiffFile(done.path) as tiff:
        assert tiff.pages[0].description == "shape of a boat"
    assert done.rendered.lost == ()


def test_values_are_compared_not_names_and_what_nobody_knows_is_named() -> None:
    before = {
        "IFD0:Artist": "A",
        "IFD0:Model": "M",
        "File:Comment": "one",
        "File:Copy1:Comment": "two",
        "Odd:Thing": 1,
    }
    after = {"IFD0:Artist": "B", "XMP-tiff:Model": "M", "PNG:Comment": "one"}
    assert lost_values(before, after, pages=False) == ("File:Comment", "IFD0:Artist", "Odd:Thing")
    assert lost_values({"IFD0:ImageWidth": 3, "IFD1:Artist": "A"}, {}, pages=False) == ()
    assert lost_values({"IFD1:Artist": "A"}, {}, pages=True) == ("IFD1:Artist",)
