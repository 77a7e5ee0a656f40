"""Whole pictures in odd files: none is refused, none comes out as another, and nothing goes unsaid."""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import simplejpeg
import tifffile
from picture_journey import LIMIT, colour, grey_codes, scene
from PIL import Image

from archivecolor.colour.luma import luma_codes
from archivecolor.errors import ItemError, Reason
from archivecolor.photo.containers.jpeg import coefficients
from archivecolor.photo.inspect import inspect

DATA_BEHIND = "data after the picture"


def scan_of(folder: Path, data: bytes, name: str = "scan") -> Path:
    (folder / name).write_bytes(data)
    return folder / name


def saved(codes: np.ndarray, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(codes).save(buffer, form, **options)
    return buffer.getvalue()


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def y_plane(data: bytes) -> np.ndarray:
    return simplejpeg.decode_jpeg(data, "GRAY")[..., 0]


def reason_of(path: Path, *, strict: bool = False) -> Reason:
    with pytest.raises(ItemError) as error:
        inspect(path, working_size=64, max_megapixels=LIMIT, strict=strict)
    return error.value.reason


class TestJpeg:
    """The luma of each is that of the plain file."""

    @pytest.mark.parametrize("kind", [{}, {"progressive": True}, {"subsampling": "4:2:0"}])
    @pytest.mark.parametrize("end", [b"", b"\xff", bytes(40)])
    def test_without_an_end_marker(self, tmp_path: Path, kind: dict[str, object], end: bytes) -> None:
        codes = np.dstack([scene()] * 3) if "subsampling" in kind else scene()
        data = saved(codes, "JPEG", **kind)
        done = colour(scan_of(tmp_path, data[:-2] + end))
        assert np.array_equal(y_plane(done.path.read_bytes()), y_plane(data))
        assert any("every block is there" in note for note in done.rendered.notes)
        assert reason_of(tmp_path / "scan", strict=True) is Reason.TRUNCATED

    def test_but_not_with_a_block_less(self, tmp_path: Path) -> None:
        data = saved(scene(), "JPEG")
        for cut in range(4, 40, 3):
            assert reason_of(scan_of(tmp_path, data[:-cut])) is Reason.TRUNCATED

    @pytest.mark.parametrize("channels", [1, 3])
    @pytest.mark.parametrize("end", ["end marker", "none", "segment", "scan"])
    @pytest.mark.parametrize("scans", [2, 3, 4])
    def test_progressive_with_its_first_scans_alone(
        self, tmp_path: Path, scans: int, end: str, channels: int
    ) -> None:
        """Their coefficients are those that jpeglib reads of the whole scans, to the last one."""
        data = saved(np.dstack([scene()] * 3) if channels == 3 else scene(), "JPEG", progressive=True)
        starts = [found.start() for found in re.finditer(rb"\xff\xda", data)]
        following = re.compile(rb"\xff[^\0]").search(data, starts[scans - 1] + 10).start()
        whole = data[:following] + b"\xff\xd9"
        ends = {"end marker": whole, "none": data[: following + 1], "segment": data[: following + 3]}
        path = scan_of(tmp_path, ends.get(end, data[: starts[scans] + 13]))
        done = colour(path)
        assert done.rendered.luma == "coefficients"
        assert coefficients.read_luma(done.path.read_bytes()) == coefficients.read_luma(whole)
        (note,) = (note for note in done.rendered.notes if "every block is there" in note)
        assert "detail" in note
        if end != "end marker":
            assert reason_of(path, strict=True) is Reason.TRUNCATED

    def test_progressive_without_its_first_scan_whole(self, tmp_path: Path) -> None:
        data = saved(scene(), "JPEG", progressive=True)
        second = [found.start() for found in re.finditer(rb"\xff\xda", data)][1]
        first_end = data.rindex(b"\xff\xc4", 0, second)
        for cut in (1, 2, 20):
            assert reason_of(scan_of(tmp_path, data[: first_end - cut])) is Reason.TRUNCATED
            path = scan_of(tmp_path, data[: first_end - 20] + data[first_end:second] + b"\xff\xd9")
            assert reason_of(path) is Reason.UNREADABLE

    def test_progressive_with_damage_in_a_whole_scan(self, tmp_path: Path) -> None:
        data = saved(scene(), "JPEG", progressive=True)
        starts = [found.start() for found in re.finditer(rb"\xff\xda", data)]
        at = re.compile(rb"[^\xff]{40}").search(data, starts[1] + 20).start()
        assert at + 40 < starts[2]
        cut = data[:at] + bytes(range(40)) + data[at + 40 : starts[3] + 13]
        assert reason_of(scan_of(tmp_path, cut)) is Reason.TRUNCATED

    @pytest.mark.parametrize("kind", [{}, {"progressive": True}, {"restart_marker_rows": 1}])
    @pytest.mark.parametrize("which", ["first", "last"])
    @pytest.mark.parametrize("heading", [b"", b"\1", b"\3\1\0\0\x3f\0"])
    def test_a_scan_without_its_heading_is_damage(
        self, tmp_path: Path, kind: dict[str, object], which: str, heading: bytes
    ) -> None:
        data = saved(scene(), "JPEG", **kind)
        at = data.index(b"\xff\xda") if which == "first" else data.rindex(b"\xff\xda")
        rest = data[at + 2 + int.from_bytes(data[at + 2 : at + 4], "big") :]
        path = scan_of(tmp_path, data[:at] + segment(0xDA, heading) + rest.removesuffix(b"\xff\xd9"))
        assert reason_of(path) in (Reason.UNREADABLE, Reason.TRUNCATED)

    @pytest.mark.parametrize("count", [1, 2, 9])
    def test_with_restart_intervals_over(self, tmp_path: Path, count: int) -> None:
        plain = saved(scene(64, 96), "JPEG", restart_marker_rows=1)
        tall = saved(scene(64 + 8 * count, 96, seed=3), "JPEG", restart_marker_rows=1)
        restarts = [at for at in range(len(tall)) if tall[at] == 255 and 0xD0 <= tall[at + 1] <= 0xD7]
        scan = scan_of(tmp_path, plain[:-2] + tall[restarts[7] :])
        assert np.array_equal(y_plane(colour(scan).path.read_bytes()), y_plane(plain))

    @pytest.mark.parametrize("colours", [1, 3])
    def test_without_huffman_tables(self, tmp_path: Path, colours: int) -> None:
        codes = scene() if colours == 1 else np.dstack([scene()] * 3)
        plain = saved(codes, "JPEG")
        bare, at = plain[:2], 2
        while plain[at + 1] != 0xDA:
            size = 2 + int.from_bytes(plain[at + 2 : at + 4], "big")
            bare += plain[at : at + size] if plain[at + 1] != 0xC4 else b""
            at += size
        done = colour(scan_of(tmp_path, bare + plain[at:]))
        assert np.array_equal(y_plane(done.path.read_bytes()), y_plane(plain))
        assert "no Huffman tables: the standard ones taken" in done.rendered.notes

    @pytest.mark.parametrize("kind", [{}, {"progressive": True}, {"restart_marker_rows": 1}])
    def test_whose_height_stands_behind_the_first_scan(self, tmp_path: Path, kind: dict[str, object]) -> None:
        plain = saved(scene(), "JPEG", **kind)
        frame = re.search(rb"\xff[\xc0\xc2]", plain).start() + 5
        scan = plain.index(b"\xff\xda") + 10
        behind = re.compile(rb"\xff[^\0\xd0-\xd7]").search(plain, scan).start()
        lines = segment(0xDC, plain[frame : frame + 2])
        data = plain[:frame] + b"\0\0" + plain[frame + 2 : behind] + lines + plain[behind:]
        done = colour(scan_of(tmp_path, data))
        assert np.array_equal(y_plane(done.path.read_bytes()), y_plane(plain))
        assert done.rendered.luma == "coefficients"
        assert "the height stands behind the first scan alone" in done.rendered.notes
        path = scan_of(tmp_path, data.replace(lines, segment(0xDC, b"\0\0")))
        assert reason_of(path) is Reason.UNSUPPORTED

    @pytest.mark.parametrize(
        "odd", [(0xE0, b"II\x1a\0\0\0HEAPJPGM"), (0xE2, b"TOWN\0box 7"), (0xEE, b"Scanner 7")]
    )
    def test_segments_beside_those_of_structure_stay(self, tmp_path: Path, odd: tuple[int, bytes]) -> None:
        plain = saved(scene(), "JPEG")
        done = colour(scan_of(tmp_path, plain[:20] + segment(*odd) + plain[20:]))
        assert segment(*odd) in done.path.read_bytes()
        assert done.rendered.lost == ()

    def test_a_gain_map_is_named(self, tmp_path: Path) -> None:
        plain, urn = saved(scene(), "JPEG"), b"urn:iso:std:iso:ts:21496:-1\0"
        done = colour(scan_of(tmp_path, plain[:20] + segment(0xE2, urn) + plain[20:]))
        assert urn not in done.path.read_bytes()
        assert any(name.startswith("APP2 urn:iso") for name in done.rendered.lost)

    def test_a_comment_among_the_scans_stays(self, tmp_path: Path) -> None:
        plain = saved(scene(), "JPEG", progressive=True)
        at = plain.rindex(b"\xff\xc4")
        done = colour(scan_of(tmp_path, plain[:at] + segment(0xFE, b"a late word") + plain[at:]))
        assert segment(0xFE, b"a late word") in done.path.read_bytes()

    def test_exif_behind_the_picture_is_named(self, tmp_path: Path) -> None:
        plain = saved(scene(), "JPEG")
        late = segment(0xE1, b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0")
        done = colour(scan_of(tmp_path, plain[:-2] + late + plain[-2:]))
        assert "APP1 behind the first scan" in done.rendered.lost
        assert colour(scan_of(tmp_path, plain)).rendered.lost == ()


GIF = saved(scene(), "GIF")
PACKET = (
    b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>"
)
PACKET += b"<rdf:Description rdf:about='' xmlns:xmp='http://ns.adobe.com/xap/1.0/' xmp:Rating='4'/>"
PACKET += b"</rdf:RDF></x:xmpmeta>"
ABOUT = Image.Exif()
ABOUT[270] = "Market square"
ABOUT[34665] = {36867: "1931:05:01 12:00:00", 37500: b"a maker's own notes"}
PGM = b"P5\n%d %d\n255\n" % scene().shape[::-1] + scene().tobytes()
WHOLE = {
    "jpeg": saved(scene(), "JPEG"),
    "png": saved(scene(), "PNG"),
    "webp": saved(np.dstack([scene()] * 3), "WEBP", lossless=True),
    "jp2": bytes(imagecodecs.jpeg2k_encode(scene(), level=0, reversible=True, codecformat="jp2")),
    "j2k": bytes(imagecodecs.jpeg2k_encode(scene(), level=0, reversible=True, codecformat="j2k")),
    "bmp": saved(scene(), "BMP"),
    "pgm": PGM,
    "gif": GIF,
    "tiff": saved(scene(), "TIFF", exif=ABOUT.tobytes()),
    "tiff lzw": saved(scene(), "TIFF", compression="tiff_lzw"),
}


@pytest.mark.parametrize("form", WHOLE)
@pytest.mark.parametrize("behind", [b"a film", b"PK\3\4" + bytes(range(255))])
def test_what_lies_behind_a_picture_is_named(tmp_path: Path, form: str, behind: bytes) -> None:
    done = colour(scan_of(tmp_path, WHOLE[form] + behind))
    assert DATA_BEHIND in done.rendered.lost
    assert np.array_equal(grey_codes(done.path), grey_codes(colour(scan_of(tmp_path, WHOLE[form])).path))
    assert DATA_BEHIND not in colour(tmp_path / "scan").rendered.lost


def test_comments_of_netpbm_stay_or_are_named(tmp_path: Path) -> None:
    head, rest = PGM[:3], PGM[3:]
    path = scan_of(tmp_path, head + b"# Market square, about 1910\n# box 7\n" + rest)
    done = colour(path)
    assert done.path.read_bytes().startswith(b"P6\n# Market square, about 1910\n# box 7\n")
    assert np.array_equal(grey_codes(done.path), scene())
    in_png = colour(path, format="png")
    assert b"about 1910" in in_png.path.read_bytes() or "comment" in in_png.rendered.lost


def test_the_xmp_of_a_gif_is_carried(tmp_path: Path) -> None:
    block = b"!\xff\x0bXMP DataXMP" + PACKET + b"\1" + bytes(range(255, -1, -1)) + b"\0"
    done = colour(scan_of(tmp_path, GIF[:-1] + block + GIF[-1:]))
    assert b"Rating" in done.path.read_bytes()
    assert done.rendered.lost == ()


def test_the_colour_space_of_a_png_stays(tmp_path: Path) -> None:
    png = WHOLE["png"]
    code = chunk(b"cICP", bytes((9, 16, 0, 1)))
    assert code in colour(scan_of(tmp_path, png[:33] + code + png[33:])).path.read_bytes()


def test_transparency_with_a_wrong_checksum_is_none(tmp_path: Path) -> None:
    png = WHOLE["png"]
    broken = chunk(b"tRNS", b"\0\3")[:-1] + b"?"
    done = colour(scan_of(tmp_path, png[:33] + broken + png[33:]))
    assert np.array_equal(grey_codes(done.path), scene())
    assert "the checksum of chunk tRNS is wrong" in done.rendered.notes
    assert reason_of(tmp_path / "scan", strict=True) is Reason.UNREADABLE


def with_rows(png: bytes, change: Callable[[bytes], bytes], *, cut: int = 0) -> bytes:
    """The PNG with its packed rows changed, in two chunks, and so many bytes less of the last checksum."""
    at, head, rows, rest = 8, b"", b"", b""
    while at < len(png):
        size = int.from_bytes(png[at : at + 4], "big")
        name, whole = png[at + 4 : at + 8], png[at : at + 12 + size]
        if name == b"IDAT":
            rows += whole[8:-4]
        elif rows:
            rest += whole
        else:
            head += whole
        at += 12 + size
    rows = change(rows)
    parts = [chunk(b"IDAT", rows[:40]), chunk(b"IDAT", rows[40:])]
    if cut:
        parts[1] = parts[1][:-4] + b"????"
    return png[:8] + head + b"".join(parts) + rest


CHECKSUMS = {
    "wrong": lambda rows: rows[:-1] + bytes([rows[-1] ^ 1]),
    "none": lambda rows: rows[:-4],
    "half": lambda rows: rows[:-2],
    "small window": lambda rows: b"\x18\x19" + rows[2:-4] + b"none",
}
PNGS = {
    "grey": (saved(scene(), "PNG"), scene()),
    "1 bit": (saved(scene() > 100, "PNG"), (scene() > 100) * 255),
    "16 bits": (bytes(imagecodecs.png_encode(scene(depth=16))), scene(depth=16)),
    "rgb": (saved(np.dstack([scene()] * 3), "PNG"), scene()),
}


@pytest.mark.parametrize("kind", CHECKSUMS)
@pytest.mark.parametrize("form", PNGS)
def test_rows_of_a_png_whose_own_checksum_is_wrong(tmp_path: Path, form: str, kind: str) -> None:
    data, codes = PNGS[form]
    path = scan_of(tmp_path, with_rows(data, CHECKSUMS[kind]))
    assert np.array_equal(grey_codes(path), codes)
    if form == "grey":
        assert "every row is there, though a checksum of them is wrong" in colour(path).rendered.notes
        assert reason_of(path, strict=True) is Reason.UNREADABLE


def test_an_interlaced_png_whose_checksum_is_wrong(tmp_path: Path) -> None:
    codes = scene(21, 13)
    passes = [
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ]
    rows = b"".join(
        b"\0" + row.tobytes() for left, top, across, down in passes for row in codes[top::down, left::across]
    )
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 13, 21, 8, 0, 0, 0, 1))
    packed = zlib.compress(rows)
    whole = [head, chunk(b"IDAT", packed[:-1] + bytes([packed[-1] ^ 1])), chunk(b"IEND", b"")]
    assert np.array_equal(grey_codes(scan_of(tmp_path, WHOLE["png"][:8] + b"".join(whole))), codes)


def test_rows_of_a_png_in_a_chunk_whose_checksum_is_wrong(tmp_path: Path) -> None:
    """Their own checksum vouches for them; without it they are damaged."""
    data = WHOLE["png"]
    assert np.array_equal(grey_codes(scan_of(tmp_path, with_rows(data, lambda rows: rows, cut=1))), scene())
    assert reason_of(scan_of(tmp_path, with_rows(data, CHECKSUMS["wrong"], cut=1))) is Reason.UNREADABLE


def test_a_png_with_a_row_less_is_damaged(tmp_path: Path) -> None:
    def shorter(rows: bytes) -> bytes:
        return zlib.compress(zlib.decompress(rows)[: -scene().shape[1] - 1])[:-1] + b"?"

    assert reason_of(scan_of(tmp_path, with_rows(WHOLE["png"], shorter))) is Reason.UNREADABLE


def profile_of(folder: Path, form: str, icc: bytes) -> tuple[str, ...]:
    return colour(scan_of(folder, saved(scene(), form, icc_profile=icc))).rendered.lost


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF"])
def test_a_profile_that_is_replaced_is_named(tmp_path: Path, form: str) -> None:
    assert profile_of(tmp_path, form, bytes(range(200))) == ("ICC profile",)


def test_the_profile_of_a_bitmap_is_named(tmp_path: Path) -> None:
    rows = bytes(4 * 3 * 4)
    header = struct.pack("<IiiHHIIiiII", 124, 4, 4, 1, 24, 0, len(rows), 0, 0, 0, 0) + bytes(16) + b"DEBM"
    header = (header + bytes(48) + struct.pack("<III", 4, 124 + len(rows), 5)).ljust(124, b"\0")
    whole = struct.pack("<2sIHHI", b"BM", 143 + len(rows), 0, 0, 138) + header + rows + b"a icc"
    assert "ICC profile" in colour(scan_of(tmp_path, whole)).rendered.lost


def test_a_bitmap_that_says_it_is_larger_than_any_file(tmp_path: Path) -> None:
    bmp = bytearray(WHOLE["bmp"])
    bmp[22:26] = struct.pack("<i", -(1 << 31))
    with pytest.raises(ItemError):
        inspect(scan_of(tmp_path, bytes(bmp)), working_size=64, max_megapixels=LIMIT)


def tags(tiff: bytes, *changes: tuple[int, int, int] | tuple[int]) -> bytes:
    """A little-endian TIFF of one page with short tags set (code, type, value) or taken out (code)."""
    at = int.from_bytes(tiff[4:8], "little")
    count = int.from_bytes(tiff[at : at + 2], "little")
    rows = {
        int.from_bytes(row[:2], "little"): row
        for row in (tiff[at + 2 + 12 * i : at + 14 + 12 * i] for i in range(count))
    }
    for code, *value in changes:
        rows.pop(code, None)
        if value:
            rows[code] = struct.pack("<HHII", code, value[0], 1, value[1])
    table = struct.pack("<H", len(rows)) + b"".join(rows[code] for code in sorted(rows)) + bytes(4)
    return tiff[:4] + struct.pack("<I", len(tiff)) + tiff[8:] + table


def tiff_of(codes: np.ndarray, **options: object) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, codes, metadata=None, software=False, **options)
    return buffer.getvalue()


GREY = tiff_of(scene(), photometric="minisblack")
RGB = tiff_of(np.dstack([scene()] * 3), photometric="rgb")


@pytest.mark.parametrize(
    ("tiff", "changes", "note"),
    [
        (GREY, [(317, 3, 2)], ""),
        (GREY, [(339, 3, 4)], ""),
        (GREY, [(278, 3, 0)], ""),
        (GREY, [(262, 3, 2)], "called RGB with one sample a pixel: read as grey"),
        (RGB, [(277,)], "no number of samples per pixel: 3 by the other tags"),
        (RGB, [(262, 3, 1)], "called grey with three samples a pixel: read as RGB"),
    ],
    ids=["predictor", "format", "rows", "rgb of one", "samples", "grey of three"],
)
def test_tags_that_the_others_contradict(tmp_path: Path, tiff: bytes, changes: list, note: str) -> None:
    done = colour(scan_of(tmp_path, tags(tiff, *changes)))
    assert np.array_equal(grey_codes(done.path), scene())
    assert [text for text in done.rendered.notes if text] == ([note] if note else [])


def test_a_palette_that_is_called_signed(tmp_path: Path) -> None:
    shades = np.tile(np.arange(255, -1, -1, dtype=np.uint16) * 257, (3, 1))
    tiff = tags(tiff_of(scene(), photometric="palette", colormap=shades), (339, 3, 2))
    assert np.array_equal(grey_codes(scan_of(tmp_path, tiff)), 255 - scene())


def test_inks_without_a_photometric_interpretation(tmp_path: Path) -> None:
    inks = np.dstack([np.zeros_like(scene())] * 3 + [255 - scene()])
    tiff = tiff_of(inks, photometric="separated")
    done = colour(scan_of(tmp_path, tags(tiff, (262,), (332, 3, 1))))
    assert np.array_equal(luma_codes(tifffile.imread(done.path)), scene())
    assert "no photometric interpretation: read as CMYK" in done.rendered.notes


def test_pages_that_go_round_in_circles_are_taken_once(tmp_path: Path) -> None:
    at = int.from_bytes(GREY[4:8], "little")
    end = at + 2 + 12 * int.from_bytes(GREY[at : at + 2], "little")
    done = colour(scan_of(tmp_path, GREY[:end] + GREY[4:8] + GREY[end + 4 :]))
    assert done.rendered.pages == 1
    assert "the list of pages goes round in circles: each taken once" in done.rendered.notes


def test_a_picture_below_a_picture_below_a_thumbnail(tmp_path: Path) -> None:
    """The directories are those of three pages, linked as SubIFDs of one another."""
    codes = scene()
    pages = [codes[::4, ::4], codes[::2, ::2], codes]
    data, starts = bytearray(b"II*\0" + bytes(4)), []
    for page in map(np.ascontiguousarray, reversed(pages)):
        place = len(data)
        data += page.tobytes() + bytes(page.size % 2)
        rows = [(256, page.shape[1]), (257, page.shape[0]), (258, 8), (259, 1), (262, 1), (273, place)]
        rows += [(277, 1), (278, page.shape[0]), (279, page.size), *((330, start) for start in starts[-1:])]
        starts.append(len(data))
        data += struct.pack("<H", len(rows)) + b"".join(
            struct.pack("<HHII", code, 4, 1, v) for code, v in rows
        )
        data += bytes(4)
    data[4:8] = struct.pack("<I", starts[-1])
    done = colour(scan_of(tmp_path, bytes(data)))
    assert np.array_equal(grey_codes(done.path), codes)


@pytest.mark.parametrize("kind", [3, 7, 999])
def test_an_alpha_channel_of_a_kind_that_there_is_none_of(tmp_path: Path, kind: int) -> None:
    alpha = scene(seed=4)
    tiff = tiff_of(np.dstack([scene()] * 3 + [alpha]), photometric="rgb", extrasamples=(2,))
    done = colour(scan_of(tmp_path, tags(tiff, (338, 3, kind))))
    assert np.array_equal(grey_codes(done.path), np.dstack([scene(), alpha]))


def test_floats_without_a_value_are_told_of(tmp_path: Path) -> None:
    codes = scene(depth=16).astype(np.float32) / 65535
    codes[:12], codes[20, 3] = -9999, np.nan
    done = colour(scan_of(tmp_path, tiff_of(codes, photometric="minisblack")))
    wanted = np.rint(np.nan_to_num(np.clip(codes, 0, 1)) * 65535).astype(np.uint16)
    assert np.array_equal(grey_codes(done.path), wanted)
    (note,) = [note for note in done.rendered.notes if note.startswith("float")]
    assert (
        note
        == "float samples taken as 0..1, clipped beyond; 1 that are no finite numbers taken as black or white"
    )
    assert done.rendered.lost == ("samples of 32 bits, written at 16",)


@pytest.mark.parametrize(
    "head",
    [b"II*\0\x10\0\0\0CR\2\0", b"IIRO\x08\0\0\0", b"IIU\0\x08\0\0\0", b"\0\0\0\x18ftypcrx ", b"FOVb"],
)
def test_camera_raw_is_named_as_what_it_is(tmp_path: Path, head: bytes) -> None:
    with pytest.raises(ItemError, match="a camera raw file is not read"):
        inspect(scan_of(tmp_path, head.ljust(99, b"\0")), working_size=64, max_megapixels=LIMIT)


def test_a_sensor_s_mosaic_is_camera_raw(tmp_path: Path) -> None:
    with pytest.raises(ItemError, match="a camera raw file is not read"):
        inspect(scan_of(tmp_path, tags(GREY, (262, 3, 32803))), working_size=64, max_megapixels=LIMIT)


@pytest.mark.parametrize("kind", [32803, 34892])
def test_a_preview_beside_a_mosaic_is_no_scan(tmp_path: Path, kind: int) -> None:
    with tifffile.TiffWriter(tmp_path / "scan") as writer:
        writer.write(scene(), photometric="minisblack", subifds=1, metadata=None)
        writer.write(scene(depth=16), photometric="minisblack", extratags=[], metadata=None)
    data = bytearray((tmp_path / "scan").read_bytes())
    entry = data.rindex(struct.pack("<HH", 262, 3))  # PhotometricInterpretation of the page below
    data[entry + 8 : entry + 10] = struct.pack("<H", kind)
    (tmp_path / "scan").write_bytes(data)
    with pytest.raises(ItemError, match="a camera raw file is not read"):
        inspect(tmp_path / "scan", working_size=64, max_megapixels=LIMIT)


def test_a_sample_format_that_there_is_none_of(tmp_path: Path) -> None:
    done = colour(scan_of(tmp_path, tags(GREY, (339, 3, 0))))
    assert np.array_equal(grey_codes(done.path), scene())
    assert any("sample format" in note for note in done.rendered.notes)


def test_layers_of_photoshop_in_a_tiff_are_named(tmp_path: Path) -> None:
    layers = b"Adobe Photoshop Document Data Block\0" + bytes(30)
    extra = [(37724, 7, len(layers), layers, False)]
    tiff = tiff_of(scene(), photometric="minisblack", extratags=extra)
    assert "layers of Photoshop" in colour(scan_of(tmp_path, tiff)).rendered.lost


def test_a_size_that_is_no_number_is_damage(tmp_path: Path) -> None:
    assert reason_of(scan_of(tmp_path, tags(GREY, (257, 2, 50)))) is Reason.UNREADABLE
