"""Small files that claim, or unpack to, enormous ones."""

import json
import struct
import subprocess
import threading
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from small_archive import tree

MEGABYTE = 1 << 20
UNPACKED = 1000  # megabytes, of a file of four
MOST = 800  # megabytes that any process of a run may hold, the network's included


def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width, height, *more, pixels):
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = [chunk(b"IHDR", head), *more, chunk(b"IDAT", pixels), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def packed(megabytes):
    """Nothing but zeros, deflated: the bytes of one megabyte again and again, and the sum of all."""
    packer = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    one = packer.compress(bytes(MEGABYTE)) + packer.flush(zlib.Z_FULL_FLUSH)
    check = (megabytes * MEGABYTE % 65521 << 16) | 1  # Adler-32 of zeros
    return b"\x78\x01" + one * megabytes + packer.flush() + struct.pack(">I", check)


@pytest.fixture(scope="module")
def unpacks_to_much():
    return packed(UNPACKED)


def small_pixels():
    return zlib.compress(b"".join(b"\0" + bytes(range(row, row + 64)) for row in range(64)))


def enlarged(data, old, new, count=2):
    """`data` with the sizes in its header replaced."""
    assert old in data
    return data.replace(old, new, count)


def encoded(form, picture, **how):
    file = BytesIO()
    Image.fromarray(picture).save(file, form, **how)
    return file.getvalue()


def huge_by_header():
    """Files of a few hundred bytes that say they are 60,000 pixels wide and high."""
    small = np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8)
    frame = encoded("JPEG", small)
    at = frame.index(b"\xff\xc0") + 5
    tiff = BytesIO()
    tifffile.imwrite(tiff, small, compression="zlib", metadata=None)
    page = with_tags(tiff.getvalue(), ImageWidth=60000, ImageLength=60000, RowsPerStrip=60000)
    tiles = BytesIO()
    tifffile.imwrite(tiles, small, compression="lzw", tile=(16, 16), metadata=None)
    bitmap = bytearray(encoded("BMP", small))
    bitmap[18:26] = struct.pack("<II", 60000, 60000)
    coloured = BytesIO()
    Image.fromarray(np.dstack([small, small.T, small])).quantize(16).save(coloured, "BMP")
    palette = bytearray(coloured.getvalue())
    palette[18:26] = struct.pack("<II", 60000, 60000)
    return {
        "header.png": png(60000, 60000, pixels=small_pixels()),
        "header.jpg": frame[:at] + struct.pack(">HH", 60000, 60000) + frame[at + 4 :],
        "header.tif": page,
        "header.bmp": bytes(bitmap),
        "palette.bmp": bytes(palette),
        "tiles.tif": with_tags(tiles.getvalue(), TileWidth=60000, TileLength=60000),
        "header.pgm": b"P5\n60000 60000\n255\n" + bytes(4096),
        "header.jp2": enlarged(
            encoded("JPEG2000", small), struct.pack(">II", 64, 64), struct.pack(">II", 60000, 60000), 4
        ),
    }


def peak_of(run):
    """Most memory, in megabytes, that any process of a run held; call `join` for it."""
    most = [0]

    def watch():
        while run.poll() is None:
            for pid in family_of(run.pid):
                most[0] = max(most[0], held_by(pid))
            threading.Event().wait(0.1)

    thread = threading.Thread(target=watch)
    thread.start()
    return thread, most


def family_of(pid):
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(status.parent.name)] = int(status.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # gone meanwhile
    family = [pid]
    for member in family:
        family += [child for child, parent in parents.items() if parent == member]
    return family


def held_by(pid):
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM:"))


def ends_of(output):
    lines = (output / "_archivecolor" / "manifest.jsonl").read_text().splitlines()
    return {record["path"]: (record["status"], record["reason"]) for record in map(json.loads, lines)}


def test_sizes_a_header_only_claims_cost_nothing(here, tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    for name, data in huge_by_header().items():
        (source / name).write_bytes(data)
    done = here("dir", source, tmp_path / "out")
    assert done.returncode == 3, done.stderr
    ends = ends_of(tmp_path / "out")
    # A tile is no picture, and what does not fit one is a damaged file.
    assert ends.pop("tiles.tif") == ("failed", "unreadable")
    assert set(ends.values()) == {("failed", "too-large")}, ends
    assert tree(tmp_path / "out") == {}


def test_what_unpacks_to_much_is_not_unpacked(command_words, unpacks_to_much, tmp_path):
    source, output = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    profile = chunk(b"iCCP", b"profile\0\0" + unpacks_to_much)
    text = chunk(b"zTXt", b"Comment\0\0" + unpacks_to_much)
    (source / "profile.png").write_bytes(png(64, 64, profile, pixels=small_pixels()))
    (source / "text.png").write_bytes(png(64, 64, text, pixels=small_pixels()))
    (source / "pixels.png").write_bytes(png(64, 64, pixels=packed(100)))
    strip = BytesIO()
    tifffile.imwrite(strip, np.zeros((64, 64), np.uint8), compression="zlib", metadata=None)
    offset = len(strip.getvalue())
    tags = with_tags(strip.getvalue(), StripOffsets=offset, StripByteCounts=len(unpacks_to_much))
    (source / "strip.tif").write_bytes(tags + unpacks_to_much)
    run = subprocess.Popen(
        command_words("dir", source, output), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    watch, most = peak_of(run)
    words, errors = run.communicate(timeout=300)
    watch.join()
    assert run.returncode in (0, 3), errors
    assert words == ""
    assert errors.count("dir: ") == 1, errors
    assert set(ends_of(output)) == {"profile.png", "text.png", "pixels.png", "strip.tif"}
    assert most[0] < MOST, f"{most[0]} MB"


def with_tags(tiff, **values):
    """A little-endian TIFF whose tags have other values."""
    changed = bytearray(tiff)
    with tifffile.TiffFile(BytesIO(tiff)) as file:
        tags = file.pages[0].tags
        for name, value in values.items():
            number = "<H" if tags[name].dtype == tifffile.DATATYPE.SHORT else "<I"
            struct.pack_into(number, changed, tags[name].valueoffset, value)
    return bytes(changed)
