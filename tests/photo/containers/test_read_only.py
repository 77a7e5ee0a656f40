"""Containers that are read and kept as PNG: their codes, depth, turn and metadata."""

from __future__ import annotations

import struct
import tracemalloc
import warnings
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import simplejpeg
import skimage
from picture_journey import LIMIT, colour, grey_codes, scene

from archivecolor.colour.tone import Tone
from archivecolor.errors import ItemError, Reason
from archivecolor.photo.containers.registry import open_image
from archivecolor.photo.containers.tiff.directory import TagValue, exif_block
from archivecolor.photo.inspect import inspect

XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>"
XMP += b"<rdf:Description rdf:about='' xmlns:xmp='http://ns.adobe.com/xap/1.0/' xmp:Rating='4'/>"
XMP += b"</rdf:RDF></x:xmpmeta>"
EXIF = exif_block({315: TagValue(2, b"Anna\0"), 274: TagValue(3, b"\6\0")})


def scan_of(folder: Path, data: bytes) -> Path:
    (folder / "scan").write_bytes(data)
    return folder / "scan"


def box(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body) + 8, name) + body


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


class TestJpegXl:
    @pytest.mark.parametrize("contained", [False, True])
    @pytest.mark.parametrize("shape", ["grey", "rgb", "rgba"])
    @pytest.mark.parametrize(("height", "width"), [(61, 83), (64, 128), (300, 300)])
    def test_codes(self, tmp_path: Path, height: int, width: int, shape: str, contained: bool) -> None:
        grey = scene(height, width)
        opaque = np.full_like(grey, 255)
        codes = {"grey": grey, "rgb": np.dstack([grey] * 3), "rgba": np.dstack([grey, grey, grey, opaque])}[
            shape
        ]
        data = bytes(imagecodecs.jpegxl_encode(codes, lossless=True, usecontainer=contained))
        done = colour(scan_of(tmp_path, data))
        assert done.path.read_bytes().startswith(b"\x89PNG")
        assert done.rendered.lost == ()
        written = grey_codes(done.path)
        assert np.array_equal(written if shape != "rgba" else written[..., 0], grey)

    def test_16_bits(self, tmp_path: Path) -> None:
        data = bytes(imagecodecs.jpegxl_encode(scene(depth=16), lossless=True))
        done = colour(scan_of(tmp_path, data))
        assert np.array_equal(grey_codes(done.path), scene(depth=16))
        # The encoder calls deep samples linear, which the output does not say.
        assert done.rendered.lost == ("colour space",)

    def test_10_bits_are_scaled(self, tmp_path: Path) -> None:
        data = bytes(imagecodecs.jpegxl_encode(scene(depth=10), lossless=True, bitspersample=10))
        wanted = (scene(depth=10).astype(np.uint32) * 65535 + 511) // 1023
        assert np.array_equal(grey_codes(colour(scan_of(tmp_path, data)).path), wanted)

    @pytest.mark.parametrize("packed", [False, True])
    def test_exif_and_xmp(self, tmp_path: Path, packed: bool) -> None:
        data = bytes(imagecodecs.jpegxl_encode(scene(), lossless=True, usecontainer=True))
        xmp = box(b"brob", b"xml " + imagecodecs.brotli_encode(XMP)) if packed else box(b"xml ", XMP)
        done = colour(scan_of(tmp_path, data + box(b"Exif", bytes(4) + EXIF) + xmp + box(b"town", b"box 7")))
        written = done.path.read_bytes()
        assert b"Anna" in written
        assert b"Rating" in written
        assert "town box" in done.rendered.lost
        # The codestream tells the turn, whatever Exif says.
        assert done.inspection.facts.orientation == 1

    def test_packed_boxes_are_carried_or_named_each(self, tmp_path: Path) -> None:
        data = bytes(imagecodecs.jpegxl_encode(scene(), lossless=True, usecontainer=True))
        boxes = [(b"Exif", bytes(4) + EXIF), (b"xml ", XMP), (b"jumb", b"signed"), (b"town", b"box 7")]
        packed = [box(b"brob", name + imagecodecs.brotli_encode(body)) for name, body in boxes]
        done = colour(scan_of(tmp_path, data + b"".join(packed) + box(b"brob", b"xml nothing packed")))
        written = done.path.read_bytes()
        assert b"Anna" in written
        assert b"Rating" in written
        assert done.rendered.lost == ("jumb box", "town box", "xml box")

    def test_what_the_jpeg_had_beside_its_picture(self, tmp_path: Path) -> None:
        caption = b"\x1c\2x\0\rMarket square"
        extra = segment(0xED, b"Photoshop 3.0\0" + resource(0x0404, caption)) + segment(0xFE, b"box 7")
        jpeg = simplejpeg.encode_jpeg(scene()[..., None], 90, "GRAY", "Gray")
        data = bytes(imagecodecs.jpegxl_encode_jpeg(jpeg[:2] + extra + jpeg[2:], usecontainer=True))
        done = colour(scan_of(tmp_path, data))
        with open_image(done.path, LIMIT) as written:
            assert written.reader.metadata().iptc == caption
        assert done.rendered.lost == ("comment",)

    @pytest.mark.parametrize("name", [b"Exif", b"xml "])
    def test_a_bomb_in_a_packed_box_is_named_and_not_unpacked(self, tmp_path: Path, name: bytes) -> None:
        data = bytes(imagecodecs.jpegxl_encode(scene(), lossless=True, usecontainer=True))
        bomb = imagecodecs.brotli_encode(bytes(1 << 27))
        path = scan_of(tmp_path, data + box(b"brob", name + bomb))
        with open_image(path, LIMIT) as picture:
            assert not any(picture.reader.metadata().names)
            assert picture.reader.dropped == (f"{name.decode().strip()} box",)

    @pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
    def test_a_codestream_in_parts_of_any_order(self, tmp_path: Path, order: tuple[int, ...]) -> None:
        stream = bytes(imagecodecs.jpegxl_encode(scene(), lossless=True))
        numbered = [(0, stream[:7]), (1, stream[7:90]), (2 | 1 << 31, stream[90:])]
        parts = [box(b"jxlp", struct.pack(">I", number) + part) for number, part in numbered]
        head = bytes(imagecodecs.jpegxl_encode(scene(), lossless=True, usecontainer=True))[:32]
        done = colour(scan_of(tmp_path, head + b"".join(parts[number] for number in order)))
        assert np.array_equal(grey_codes(done.path), scene())
        with pytest.raises(ItemError) as error:
            inspect(scan_of(tmp_path, head + parts[0] + parts[1]), working_size=64, max_megapixels=LIMIT)
        assert error.value.reason is Reason.TRUNCATED

    @pytest.mark.parametrize("keep", [1, 3, 200])
    def test_a_cut_file_fails(self, tmp_path: Path, keep: int) -> None:
        data = bytes(imagecodecs.jpegxl_encode(scene(), lossless=True))
        with pytest.raises(ItemError) as error:
            inspect(scan_of(tmp_path, data[:keep]), working_size=64, max_megapixels=LIMIT)
        assert error.value.reason in (Reason.TRUNCATED, Reason.UNREADABLE)

    def test_the_size_is_known_before_anything_is_decoded(self, tmp_path: Path) -> None:
        data = bytes(imagecodecs.jpegxl_encode(scene(), lossless=True))
        with pytest.raises(ItemError) as error:
            inspect(scan_of(tmp_path, data[:30]), working_size=64, max_megapixels=0.001)
        assert error.value.reason is Reason.TOO_LARGE


@pytest.mark.parametrize("depth", [10, 12])
@pytest.mark.parametrize("samples", [1, 3])
def test_deep_avif(tmp_path: Path, depth: int, samples: int) -> None:
    codes = scene(depth=depth) if samples == 1 else np.dstack([scene(depth=depth)] * 3)
    done = colour(scan_of(tmp_path, bytes(imagecodecs.avif_encode(codes, level=100, bitspersample=depth))))
    top = (1 << depth) - 1
    wanted = (scene(depth=depth).astype(np.uint32) * 65535 + top // 2) // top
    assert np.array_equal(grey_codes(done.path), wanted)
    assert done.rendered.lost == (f"samples of {depth} bits, written at 16",)


def resource(number: int, body: bytes) -> bytes:
    return struct.pack(">4sHHI", b"8BIM", number, 0, len(body)) + body + b"\0" * (len(body) % 2)


def photoshop(planes: list[np.ndarray], mode: int, *, packed: bool, layers: bytes = b"") -> bytes:
    height, width = planes[0].shape
    depth = 8 * planes[0].itemsize
    head = struct.pack(">4sH6xHIIHH", b"8BPS", 1, len(planes), height, width, depth, mode)
    resources = resource(0x03ED, struct.pack(">IHHIHH", 300 << 16, 1, 1, 300 << 16, 1, 1)) + resource(
        0x0424, XMP
    )
    whole = head + bytes(4) + struct.pack(">I", len(resources)) + resources
    whole += struct.pack(">I", len(layers)) + layers + struct.pack(">H", packed)
    rows = [row.astype(f">u{depth // 8}").tobytes() for plane in planes for row in plane]
    if packed:
        rows = [bytes(imagecodecs.packbits_encode(row)) for row in rows]
        whole += b"".join(struct.pack(">H", len(row)) for row in rows)
    return whole + b"".join(rows)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("mode", [1, 3])
@pytest.mark.parametrize("depth", [8, 16])
def test_photoshop(tmp_path: Path, mode: int, packed: bool, depth: int) -> None:
    codes = scene(depth=depth)
    data = photoshop([codes] * mode, mode, packed=packed, layers=b"layers")
    done = colour(scan_of(tmp_path, data))
    assert np.array_equal(grey_codes(done.path), codes)
    assert done.rendered.depth == depth
    assert b"Rating" in done.path.read_bytes()
    assert "layers of the Photoshop file" in done.rendered.lost
    assert b"pHYs" + struct.pack(">II", 11811, 11811) in done.path.read_bytes()
    with pytest.raises(ItemError) as error:
        inspect(scan_of(tmp_path, data[:-9]), working_size=64, max_megapixels=LIMIT)
    assert error.value.reason is Reason.TRUNCATED


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("mode", [1, 3])
def test_channels_of_photoshop_are_alpha_or_named(tmp_path: Path, mode: int, depth: int) -> None:
    codes, alpha = scene(depth=depth), scene(depth=depth, seed=4)
    data = photoshop([codes] * mode + [alpha, codes], mode, packed=False)
    done = colour(scan_of(tmp_path, data))
    assert np.array_equal(grey_codes(done.path), np.dstack([codes, alpha]))
    assert done.rendered.lost == ("further channels of the Photoshop file",)


@pytest.mark.parametrize(("mode", "depth"), [(1, 32), (3, 32), (9, 32), (5, 8)])
def test_other_modes_of_photoshop_are_refused_by_name(tmp_path: Path, mode: int, depth: int) -> None:
    kind = np.uint32 if depth == 32 else np.uint16 if depth == 16 else np.uint8
    data = photoshop([scene().astype(kind)] * 4, mode, packed=False)
    with pytest.raises(ItemError, match=f"a Photoshop file of mode {mode}, {depth} bits") as error:
        inspect(scan_of(tmp_path, data), working_size=64, max_megapixels=LIMIT)
    assert error.value.reason is Reason.UNSUPPORTED


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("depth", [8, 16])
def test_lab_of_photoshop(tmp_path: Path, depth: int, packed: bool) -> None:
    """The colours are those of CIE Lab by scikit-image, L* in 0..top, a* and b* offset by half."""
    top, unit = (1 << depth) - 1, 1 << depth - 8
    rng = np.random.default_rng(2)
    lab = np.dstack([scene(depth=depth), *(rng.integers(-20, 21, (2, *scene().shape)) + 128) * unit])
    data = photoshop(
        [plane.astype(scene(depth=depth).dtype) for plane in np.moveaxis(lab, -1, 0)], 9, packed=packed
    )
    with open_image(scan_of(tmp_path, data), LIMIT) as picture:
        (band,) = picture.reader.bands(0)
    units = (lab - [0, 128 * unit, 128 * unit]) / [top / 100, unit, unit]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of colours that sRGB has not
        expected = skimage.color.lab2rgb(units) * top
    within = ((expected > 0) & (expected < top)).all(axis=-1)
    assert np.abs(band.codes[within] - expected[within]).max() <= 1 + top / 2000


@pytest.mark.parametrize("depth", [8, 16])
def test_grey_lab_of_photoshop_keeps_its_alpha(tmp_path: Path, depth: int) -> None:
    half = np.full_like(scene(depth=depth), 1 << depth - 1)
    alpha = scene(depth=depth, seed=4)
    done = colour(scan_of(tmp_path, photoshop([scene(depth=depth), half, half, alpha], 9, packed=False)))
    assert done.inspection.facts.tone is Tone.GREY
    assert np.array_equal(grey_codes(done.path)[..., 1], alpha)


@pytest.mark.parametrize("depth", [8, 16])
def test_four_inks_of_photoshop(tmp_path: Path, depth: int) -> None:
    none = np.full_like(scene(depth=depth), (1 << depth) - 1)
    done = colour(scan_of(tmp_path, photoshop([none, none, none, scene(depth=depth)], 4, packed=True)))
    assert np.array_equal(grey_codes(done.path), scene(depth=depth))
    assert done.rendered.depth == depth


def test_inks_of_photoshop_are_named_but_for_the_first(tmp_path: Path) -> None:
    done = colour(scan_of(tmp_path, photoshop([scene(), scene(seed=3)], 7, packed=False)))
    assert np.array_equal(grey_codes(done.path), scene())
    assert done.rendered.lost == ("further channels of the Photoshop file",)


def test_a_bitmap_of_photoshop_is_line_art(tmp_path: Path) -> None:
    art = np.packbits(scene() > 100, axis=1)
    head = struct.pack(">4sH6xHIIHH", b"8BPS", 1, 1, *scene().shape, 1, 0)
    path = scan_of(tmp_path, head + bytes(14) + art.tobytes())
    assert inspect(path, working_size=64, max_megapixels=LIMIT).facts.bilevel


@pytest.mark.parametrize("depth", [1, 8, 16])
@pytest.mark.parametrize("mode", [1, 3, 4])
@pytest.mark.parametrize("packed", [0, 1])
@pytest.mark.parametrize(
    ("channels", "height", "width"),
    [
        (65535, 9, 9),
        (0, 9, 9),
        (5, 2**31, 1),
        (5, 1, 2**31),
        (5, 30000, 1),
        (56, 30000, 3000),
        (4, 3000, 30000),
    ],
)
def test_no_count_of_a_photoshop_file_is_believed(
    tmp_path: Path, depth: int, mode: int, packed: int, channels: int, height: int, width: int
) -> None:
    head = struct.pack(">4sH6xHIIHH", b"8BPS", 1, channels, height, width, depth, mode)
    path = scan_of(tmp_path, head + bytes(12) + struct.pack(">H", packed) + bytes(200))
    tracemalloc.start()
    try:
        with pytest.raises(ItemError) as error:
            inspect(path, working_size=64, max_megapixels=LIMIT)
        assert tracemalloc.get_traced_memory()[1] < 2**24
    finally:
        tracemalloc.stop()
    assert error.value.reason in (Reason.UNREADABLE, Reason.TRUNCATED, Reason.UNSUPPORTED)


def test_photoshop_cut_among_the_sizes_of_its_rows(tmp_path: Path) -> None:
    data = photoshop([scene(depth=16)], 1, packed=True)
    start = len(photoshop([scene(depth=16)], 1, packed=False)) - 2 * scene().size
    with pytest.raises(ItemError) as error:
        inspect(scan_of(tmp_path, data[: start + 51]), working_size=64, max_megapixels=LIMIT)
    assert error.value.reason is Reason.TRUNCATED
