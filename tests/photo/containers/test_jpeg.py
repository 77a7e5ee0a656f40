"""JPEG and its traps: colour spaces, scans, samplings, damage, what follows the picture."""

from __future__ import annotations

import io
from pathlib import Path

import av
import cv2
import imagecodecs
import jpeglib
import numpy as np
import pytest
import simplejpeg
from picture_journey import LIMIT, colour, grey_codes, scene, smooth_scene
from PIL import Image

from archivecolor.colour.luma import luma_codes
from archivecolor.colour.tone import Tone
from archivecolor.errors import ItemError, Reason
from archivecolor.photo.containers.jpeg import coefficients, scans, segments
from archivecolor.photo.containers.reading import DamagedError
from archivecolor.photo.grey import write_grey
from archivecolor.photo.inspect import inspect


def encoded(codes: np.ndarray, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(codes).save(buffer, "JPEG", **{"quality": 90, **options})
    return buffer.getvalue()


def scan_of(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "scan.jpg"
    path.write_bytes(data)
    return path


def without(data: bytes, marker: int) -> bytes:
    """The file less its segments of one kind."""
    header = segments.parse(data)
    out = b"\xff\xd8"
    for part in header.segments:
        if part.marker != marker:
            out += bytes((0xFF, part.marker)) + (len(part.body) + 2).to_bytes(2, "big") + part.body
    return out + data[header.scan_start :]


def reason_of(path: Path) -> Reason:
    with pytest.raises(ItemError) as error:
        inspect(path, working_size=64, max_megapixels=LIMIT)
    return error.value.reason


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("progressive", [False, True])
def test_luma_is_carried_from_ycbcr(tmp_path: Path, progressive: bool, subsampling: str) -> None:
    rgb = np.dstack([scene()] * 3)
    data = encoded(rgb, subsampling=subsampling, progressive=progressive)
    done = colour(scan_of(tmp_path, data))
    assert done.inspection.facts.tone is Tone.GREY
    assert done.rendered.luma == "coefficients"
    assert coefficients.read_luma(done.path.read_bytes()) == coefficients.read_luma(data)


def test_luma_is_carried_over_restart_markers(tmp_path: Path) -> None:
    data = encoded(np.dstack([scene()] * 3), restart_marker_rows=1)
    done = colour(scan_of(tmp_path, data))
    assert coefficients.read_luma(done.path.read_bytes()) == coefficients.read_luma(data)


def test_damage_is_found_when_colour_is_taken_off(tmp_path: Path) -> None:
    done = colour(scan_of(tmp_path, encoded(scene(300, 300)))).path
    data = bytearray(done.read_bytes())
    middle = segments.parse(bytes(data)).scan_start + 2000
    data[middle : middle + 400] = np.random.default_rng(3).integers(0, 255, 400, np.uint8).tobytes()
    done.write_bytes(bytes(data))
    with pytest.raises(ItemError) as error:
        write_grey(done, tmp_path / "back")
    assert error.value.reason is Reason.UNREADABLE


def test_what_was_coloured_takes_other_colour(tmp_path: Path) -> None:
    data = encoded(scene(), restart_marker_rows=1)
    once = colour(scan_of(tmp_path, data), strength=0.02).path.rename(tmp_path / "once.jpg")
    again = colour(once, strength=0.04).path.read_bytes()
    assert coded_luma(again) == coded_luma(data)
    assert again.count(b"\xff\xda") == 3
    assert again != once.read_bytes()


def odd_ids(data: bytes) -> bytes:
    """A grey JPEG whose component, sampling and tables are numbered as few writers do."""
    header = segments.parse(data)
    out = b"\xff\xd8"
    for part in header.segments:
        body = bytearray(part.body)
        if part.marker == segments.DQT:
            body[0] = 1
        elif part.marker == segments.DHT:
            body[0] += 1
        elif part.marker in segments.FRAMES:
            body[6:9] = bytes((0, 0x22, 1))
        out += segments.encode(segments.MarkerSegment(part.marker, bytes(body)))
    scan = bytearray(data[header.scan_start :])
    scan[5:7] = bytes((0, 0x11))
    return out + scan


GREY_JPEGS = {
    "plain": encoded(scene()),
    "tiny": encoded(scene(3, 2)),
    "odd": encoded(scene(37, 51)),
    "restarts": encoded(scene(), restart_marker_rows=1),
    "optimised": encoded(scene(), optimize=True),
    "coarse": encoded(scene(), quality=3),
    "odd ids": odd_ids(encoded(scene())),
}


def coded_luma(data: bytes) -> bytes:
    """The bytes of the first scan behind its heading."""
    start = segments.parse(data).scan_start + 10
    found = segments.IN_SCANS.search(data, start)
    assert found
    return data[start : found.start()]


@pytest.mark.parametrize("sampling", ["444", "420"])
@pytest.mark.parametrize("kind", GREY_JPEGS)
def test_a_grey_scan_stands_in_the_output_byte_for_byte(tmp_path: Path, kind: str, sampling: str) -> None:
    data = GREY_JPEGS[kind]
    done = colour(scan_of(tmp_path, data), chroma=sampling)
    written = done.path.read_bytes()
    assert coded_luma(written) == coded_luma(data)
    assert done.rendered.luma == "coefficients"
    assert segments.parse(written).frame.sampling[0] == ((2, 2) if sampling == "420" else (1, 1))
    assert coefficients.read_luma(written) == coefficients.read_luma(data)
    assert np.array_equal(simplejpeg.decode_jpeg(written, "GRAY"), simplejpeg.decode_jpeg(data, "GRAY"))
    write_grey(done.path, tmp_path / "back")
    back = (tmp_path / "back").read_bytes()
    assert coded_luma(back) == coded_luma(data)
    assert coefficients.read_luma(back) == coefficients.read_luma(data)
    assert np.asarray(Image.open(io.BytesIO(back))).ndim == 2


@pytest.mark.parametrize("change", ["scan", "table", "size", "restarts"])
def test_luma_that_is_not_as_it_was_is_noticed(change: str) -> None:
    data = encoded(scene(), restart_marker_rows=1)
    header = segments.parse(data)
    luma = scans.luma_scan(header, data)
    assert luma
    written = bytearray(scans.without_chroma_scans(header, luma))
    assert scans.has_same_luma(bytes(written), header, luma)
    place = {
        "scan": segments.parse(bytes(written)).scan_start + 40,
        "table": written.index(b"\xff\xdb") + 9,
        "size": written.index(b"\xff\xc0") + 8,
        "restarts": written.index(b"\xff\xdd") + 5,
    }[change]
    written[place] = written[place] ^ 1
    assert not scans.has_same_luma(bytes(written), header, luma)


@pytest.mark.parametrize("kind", GREY_JPEGS)
def test_what_is_written_means_the_same_to_every_decoder(tmp_path: Path, kind: str) -> None:
    written = colour(scan_of(tmp_path, GREY_JPEGS[kind])).path
    expected = np.asarray(Image.open(written)).astype(int)
    assert np.array_equal(imagecodecs.jpeg8_decode(written.read_bytes()), expected)
    bgr = cv2.imread(str(written))
    assert bgr is not None
    assert np.array_equal(bgr[..., ::-1], expected)
    with av.open(str(written), format="image2") as container:
        (frame,) = container.decode(video=0)
    # FFmpeg has its own inverse transform and its own matrix.
    assert np.abs(frame.to_ndarray(format="rgb24").astype(int) - expected).max() <= 4


def test_the_chroma_is_the_network_s(tmp_path: Path) -> None:
    done = colour(scan_of(tmp_path, encoded(smooth_scene())), strength=0.12)
    ours = colour(scan_of(tmp_path, encoded(smooth_scene())), strength=0.12, format="png")
    left = np.asarray(Image.open(done.path)).astype(int)
    right = imagecodecs.png_decode(ours.path.read_bytes()).astype(int)
    assert np.abs(left - right).mean() < 2


def test_rgb_jpeg_is_read_as_rgb_and_re_encoded(tmp_path: Path) -> None:
    red = np.zeros((64, 64, 3), np.uint8)
    red[..., 0] = smooth_scene(64, 64)
    data = encoded(red, keep_rgb=True, quality=95)
    path = scan_of(tmp_path, data)
    expected = luma_codes(np.asarray(Image.open(io.BytesIO(data))))
    assert np.array_equal(grey_codes(path), expected)
    done = colour(path, strength=0.02)
    assert done.rendered.luma == "re-encoded"
    decoded = simplejpeg.decode_jpeg(done.path.read_bytes(), "GRAY")[..., 0]
    assert np.abs(decoded.astype(int) - expected).mean() < 2


@pytest.mark.parametrize("marker", [True, False])
def test_cmyk_is_read_as_others_read_it(tmp_path: Path, marker: bool) -> None:
    inks = np.dstack([255 - smooth_scene(), smooth_scene(), smooth_scene(), np.full_like(smooth_scene(), 40)])
    buffer = io.BytesIO()
    Image.frombytes("CMYK", inks.shape[1::-1], inks.tobytes()).save(buffer, "JPEG", quality=95)
    data = buffer.getvalue() if marker else without(buffer.getvalue(), segments.APP14)
    path = scan_of(tmp_path, data)
    expected = luma_codes(np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))
    assert np.abs(grey_codes(path).astype(int) - expected).max() <= 2
    done = colour(path, strength=0.02)
    assert done.rendered.luma == "re-encoded"
    assert any("without Adobe's marker" in note for note in done.rendered.notes) is not marker


def test_ycck_is_read_as_others_read_it(tmp_path: Path) -> None:
    inks = np.dstack(
        [smooth_scene(), 255 - smooth_scene(), smooth_scene(), np.full_like(smooth_scene(), 230)]
    )
    data = imagecodecs.jpeg8_encode(inks, level=95, colorspace="CMYK", outcolorspace="YCCK")
    path = scan_of(tmp_path, data)
    assert segments.parse(data).adobe_transform == 2
    expected = luma_codes(np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))
    assert np.abs(grey_codes(path).astype(int) - expected).max() <= 2


def test_12_bit_samples_are_read_right_and_the_loss_is_named(tmp_path: Path) -> None:
    deep = smooth_scene().astype(np.uint16) * 16
    data = imagecodecs.jpeg_encode(deep, level=100, bitspersample=12)
    path = scan_of(tmp_path, data)
    assert np.abs(grey_codes(path) - deep * (65535 / 4095)).max() < 100
    done = colour(path)
    assert done.inspection.facts.depth == 12
    assert done.rendered.luma == "re-encoded"
    assert "depth beyond 8 bits" in done.rendered.lost


def test_arithmetic_coding_is_read_and_re_encoded(tmp_path: Path, arithmetic_jpeg: bytes) -> None:
    path = scan_of(tmp_path, arithmetic_jpeg)
    assert np.abs(grey_codes(path).astype(int) - smooth_scene()).max() < 8
    assert colour(path).rendered.luma == "re-encoded"


@pytest.mark.parametrize("precision", [7, 14, 20])
def test_a_precision_that_does_not_exist_is_damage(tmp_path: Path, precision: int) -> None:
    data = bytearray(encoded(smooth_scene()))
    data[data.index(b"\xff\xc0") + 4] = precision
    assert reason_of(scan_of(tmp_path, bytes(data))) is Reason.UNREADABLE


def test_lossless_jpeg_is_refused(tmp_path: Path) -> None:
    assert reason_of(scan_of(tmp_path, imagecodecs.ljpeg_encode(scene()))) is Reason.UNSUPPORTED


def test_a_truncated_picture_fails(tmp_path: Path) -> None:
    data = encoded(scene(200, 200))
    assert reason_of(scan_of(tmp_path, data[: len(data) * 2 // 3])) is Reason.TRUNCATED


def test_damage_in_the_middle_fails(tmp_path: Path) -> None:
    data = bytearray(encoded(scene(300, 300)))
    middle = len(data) // 2
    data[middle : middle + 400] = np.random.default_rng(3).integers(0, 255, 400, np.uint8).tobytes()
    assert reason_of(scan_of(tmp_path, bytes(data))) is Reason.UNREADABLE


def test_luma_that_decoders_read_differently_is_damage() -> None:
    """Codes that no table of the file knows, some of which the decoder of the pixels passes over."""
    data = encoded(scene(), quality=85)
    scan = segments.parse(data).scan_start
    found = set()
    for at in range(scan + 10, scan + 150):
        try:
            coefficients.without_chroma(data[:at] + b"\x7f\xff\xff\xff" + data[at + 4 :])
        except ItemError as error:
            found.add((error.reason, "do not agree" in str(error)))
        except DamagedError:
            continue
    assert found == {(Reason.UNREADABLE, False), (Reason.UNREADABLE, True)}


def test_only_the_first_picture_of_an_mpo_is_taken(tmp_path: Path) -> None:
    first, second = Image.fromarray(scene()), Image.fromarray(255 - scene())
    first.save(tmp_path / "scan.jpg", "MPO", save_all=True, append_images=[second])
    done = colour(tmp_path / "scan.jpg")
    assert done.rendered.luma == "coefficients"
    assert "data after the picture" in done.rendered.lost
    with Image.open(done.path) as picture:
        assert picture.format == "JPEG"


def test_density_and_meaning_stay(tmp_path: Path) -> None:
    for options in ({"dpi": (300, 301)}, {}):
        data = encoded(scene(), **options)
        done = colour(scan_of(tmp_path, data))
        assert segments.parse(done.path.read_bytes()).density == segments.parse(data).density


def test_more_markers_than_a_coefficient_reader_holds(tmp_path: Path) -> None:
    data = encoded(scene())
    comment = b"\xff\xfe\x00\x06note"
    done = colour(scan_of(tmp_path, data[:2] + comment * 80 + data[2:]))
    assert done.rendered.luma == "coefficients"


def test_off_takes_the_colour_of_foreign_jpegs_too(tmp_path: Path) -> None:
    data = encoded(np.dstack([scene(), scene(seed=1), scene(seed=2)]))
    write_grey(scan_of(tmp_path, data), tmp_path / "back")
    assert coefficients.read_luma((tmp_path / "back").read_bytes()) == coefficients.read_luma(data)


def with_scan_header(data: bytes, fields: bytes) -> bytes:
    """The file with other fields at the end of its first scan's heading."""
    at = segments.parse(data).scan_start
    end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return data[: end - 3] + fields + data[end:]


def padded_scan(data: bytes, number: int, padding: bytes) -> bytes:
    """The file with bytes behind the last block of a scan."""
    at = segments.parse(data).scan_start
    for _ in range(number + 1):
        found = segments.IN_SCANS.search(data, at)
        assert found
        at = found.end()
    return data[: at - 2] + padding + data[at - 2 :]


def further_intervals() -> bytes:
    """A scan of more restart intervals than the frame's height has rows."""
    tall = encoded(scene(128, 83), restart_marker_rows=1)
    at = tall.index(b"\xff\xc0")
    return tall[: at + 5] + (61).to_bytes(2, "big") + tall[at + 7 :]


def app(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2, "big") + body


PLAIN = encoded(scene())
COLOURED = encoded(np.dstack([scene()] * 3))
PROGRESSIVE = encoded(scene(), progressive=True)
HARMLESS = {
    "zeros": padded_scan(PLAIN, 0, bytes(64)),
    "ones": padded_scan(PLAIN, 0, b"\x7f" * 40),
    "zeros in colour": padded_scan(COLOURED, 0, bytes(100)),
    "zeros in a scan of many": padded_scan(PROGRESSIVE, 1, bytes(50)),
    "zeros in all scans": padded_scan(padded_scan(PROGRESSIVE, 2, bytes(50)), 0, bytes(30)),
    "intervals": further_intervals(),
    "scan header": with_scan_header(PLAIN, bytes(3)),
    "scan header and zeros": padded_scan(with_scan_header(PLAIN, bytes(3)), 0, bytes(64)),
    "jfif version": PLAIN.replace(b"JFIF\0\1", b"JFIF\0\7", 1),
    "profile numbers": PLAIN[:2] + app(0xE2, b"ICC_PROFILE\0\3\2" + bytes(50)) + PLAIN[2:],
    "adobe": COLOURED[:2] + app(0xEE, b"Adobe\0\x64\0\0\0\0\7") + COLOURED[2:],
}


@pytest.mark.parametrize("kind", HARMLESS)
def test_what_costs_no_pixel_is_no_damage(tmp_path: Path, kind: str) -> None:
    path = scan_of(tmp_path, HARMLESS[kind])
    with Image.open(path) as picture:
        picture.draft("L", picture.size)
        expected = np.asarray(picture)
    done = colour(path)
    assert done.rendered.luma == "coefficients"
    assert np.array_equal(grey_codes(path), expected)
    assert np.array_equal(simplejpeg.decode_jpeg(done.path.read_bytes(), "GRAY")[..., 0], expected)
    write_grey(done.path, tmp_path / "back")
    assert np.array_equal(grey_codes(tmp_path / "back"), expected)
    assert np.array_equal(luma_codes(np.asarray(Image.open(colour(path, format="png").path))), expected)


@pytest.mark.parametrize("kind", sorted(HARMLESS.keys() - {"adobe"}))
def test_strict_files_are_what_the_decoder_says(tmp_path: Path, kind: str) -> None:
    path = scan_of(tmp_path, HARMLESS[kind])
    assert any("a decoder warns" in note for note in colour(path).rendered.notes)
    with pytest.raises(ItemError) as damage:
        inspect(path, working_size=64, max_megapixels=LIMIT, strict=True)
    assert damage.value.reason is Reason.UNREADABLE


@pytest.mark.parametrize("seed", range(20))
def test_damage_between_blocks_stays_damage(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    data = bytearray(encoded(scene(300, 300, seed=seed)))
    middle = len(data) // 2
    data[middle : middle + 40] = rng.integers(0, 255, 40, np.uint8).tobytes()
    try:
        inspect(scan_of(tmp_path, bytes(data)), working_size=64, max_megapixels=LIMIT)
    except ItemError as error:
        assert error.reason in (Reason.UNREADABLE, Reason.TRUNCATED)
    else:
        simplejpeg.decode_jpeg(bytes(data), "GRAY")  # no strict decoder sees it either


SAMPLINGS = [
    [[4, 1], [1, 1], [1, 1]],
    [[1, 2], [1, 1], [1, 1]],
    [[4, 2], [1, 1], [1, 1]],
    [[3, 1], [1, 1], [1, 1]],
    [[2, 2], [2, 1], [1, 2]],
    [[1, 1], [2, 2], [2, 2]],
]


@pytest.mark.parametrize("factors", SAMPLINGS, ids=str)
def test_every_sampling_of_colour_is_read(tmp_path: Path, factors: list[list[int]]) -> None:
    picture = jpeglib.from_spatial(np.dstack([scene(64, 96)] * 3))
    picture.samp_factor = np.array(factors)
    picture.write_spatial(str(tmp_path / "scan.jpg"), qt=90)
    with Image.open(tmp_path / "scan.jpg") as image:
        expected = np.asarray(image.convert("YCbCr"))[..., 0].astype(int)
    done = colour(tmp_path / "scan.jpg", strength=0.02)
    carried = factors[0] != [1, 1]
    assert done.rendered.luma == ("coefficients" if carried else "re-encoded")
    assert np.abs(grey_codes(done.path).astype(int) - expected).max() <= (1 if carried else 8)
