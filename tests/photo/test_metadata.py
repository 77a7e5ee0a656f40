"""What a scan says of itself stays, what its colour is gets said, and nothing depends on the clock."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import jpeglib
import numpy as np
import pytest
import simplejpeg
import tifffile
from PIL import Image

from archivecolor.metadata.provenance import DIGITAL_SOURCE_TYPE, Provenance
from archivecolor.photo import exiftool, metadata
from archivecolor.photo.containers import png
from archivecolor.photo.containers.jpeg import format as jpeg
from archivecolor.photo.containers.reading import SourceFile
from archivecolor.photo.containers.registry import format_of, open_image
from archivecolor.photo.exiftool import ExiftoolDiedError, ExiftoolError, ExiftoolProcess
from archivecolor.photo.metadata import PROVENANCE

US = Provenance("1.2", "a" * 64, "settings0", "weights00", "default")
FORMATS = ["jpg", "png", "tif", "webp", "jp2"]

DESCRIBED = [
    "-codedcharacterset=UTF8",
    "-IPTC:Caption-Abstract=Zürich 1912 — Straße",
    "-IPTC:Keywords=Brücke",
    "-IPTC:Keywords=Fluß",
    "-IFD0:ImageDescription=Die Brücke",
    "-IFD0:Artist=E. Meier",
    "-IFD0:Software=ScanWizard 3",
    "-ExifIFD:DateTimeOriginal=1912:06:01 00:00:00",
    "-GPS:GPSLatitude=47.3",
    "-GPS:GPSLatitudeRef=N",
    "-XMP-dc:Title=Titel ü",
    "-XMP-xmp:CreatorTool=ScanWizard",
    "-XMP-xmpMM:DocumentID=xmp.did:source",
    "-XMP-xmpMM:HistoryAction=created",
    "-XMP-xmpMM:HistorySoftwareAgent=ScanWizard",
]


def copy_metadata(source, part, about):
    """Carry the metadata of one finished file into another."""
    with SourceFile(part) as file:
        container = format_of(file)
    with open_image(source, 100) as picture:
        return metadata.copy_metadata(picture, container, part, about)


def is_silent(source):
    with open_image(source, 100) as picture:
        return picture.reader.is_silent


def run_exiftool(*arguments):
    return subprocess.run(["exiftool", *arguments], capture_output=True, check=True).stdout


READER = ExiftoolProcess(shutil.which("exiftool"))


def tags_of(path):
    return json.loads(READER.run(["-j", "-G1", "-a", "-n", "-struct", str(path)], 60).output)[0]


def picture(channels, depth=8):
    rng = np.random.default_rng(channels)
    shape = (48, 64) if channels == 1 else (48, 64, channels)
    smooth = np.cumsum(rng.integers(-3, 4, shape), axis=1) * 2**depth // 512 + 2 ** (depth - 1)
    return smooth.clip(0, 2**depth - 1).astype(np.uint16 if depth == 16 else np.uint8)


def write(path, channels):
    """A picture as the writers of outputs make it: no metadata but density."""
    codes = picture(channels)
    if path.suffix == ".tif":
        tifffile.imwrite(
            path, codes, photometric="minisblack" if channels == 1 else "rgb", metadata=None, software=False,
            resolution=((11811, 100), (11811, 100)), resolutionunit=3, rowsperstrip=16,
        )  # fmt: skip
    elif path.suffix == ".webp":
        Image.fromarray(codes if channels == 3 else np.dstack([codes] * 3)).save(
            path, lossless=True, exact=True
        )
    else:
        Image.fromarray(codes).save(path, dpi=(300, 300))
    return path


def described(path):
    """A scan that says much of itself."""
    write(path, 1)
    READER.run(["-m", "-overwrite_original", *DESCRIBED, str(path)], 60)
    return path


@pytest.fixture
def source(tmp_path, request):
    return described(tmp_path / f"scan.{getattr(request, 'param', 'jpg')}")


def part_like(tmp_path, suffix):
    return write(tmp_path / f"part.{suffix}", 3)


def pixels(path):
    if path.suffix == ".tif":
        return tifffile.imread(path)
    with Image.open(path) as image:
        return np.asarray(image)


@pytest.mark.parametrize("source", FORMATS, indirect=True)
def test_what_the_scan_says_is_kept_and_the_marking_written(source, tmp_path):
    part = part_like(tmp_path, source.suffix[1:])
    before = pixels(part)
    lost = copy_metadata(source, part, US)
    had, has = tags_of(source), tags_of(part)
    kept = ["IFD0:ImageDescription", "IFD0:Artist", "IFD0:Software", "ExifIFD:DateTimeOriginal"]
    kept += ["GPS:GPSLatitude", "IPTC:Keywords", "IPTC:CodedCharacterSet", "XMP-dc:Title"]
    if source.suffix == ".webp":
        kept = [name for name in kept if not name.startswith("IPTC")]
    assert {name: has.get(name) for name in kept} == {name: had[name] for name in kept}
    assert lost == ()
    assert has["XMP-iptcExt:DigitalSourceType"] == DIGITAL_SOURCE_TYPE
    assert has["XMP-xmp:CreatorTool"] == "archivecolor 1.2"
    assert has["XMP-xmpMM:DerivedFrom"] == {
        "DocumentID": "xmp.did:source",
        "InstanceID": "urn:sha256:" + "a" * 64,
    }
    assert has["XMP-xmpMM:DocumentID"] != "xmp.did:source"
    made, ours = has["XMP-xmpMM:History"]
    assert made == {"Action": "created", "SoftwareAgent": "ScanWizard"}
    assert ours["SoftwareAgent"] == "archivecolor 1.2"
    assert "weights00" in ours["Parameters"]
    assert "settings0" in ours["Parameters"]
    assert "When" not in ours
    np.testing.assert_array_equal(pixels(part), before)


def test_the_same_twice_gives_the_same_bytes(tmp_path):
    sources = [described(tmp_path / f"scan.{suffix}") for suffix in FORMATS]
    digests = set()
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
        for source in sources:
            # Times must differ where anything looks at them, those of files and the clock's.
            os.utime(source)
            part = part_like(tmp_path / folder, source.suffix[1:])
            copy_metadata(source, part, US)
            digests.add((source.suffix, hashlib.sha256(part.read_bytes()).hexdigest()))
        if folder == "first":
            time.sleep(1.1)
    assert len(digests) == len(FORMATS)


@pytest.mark.parametrize("source", FORMATS, indirect=True)
@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
def test_another_container_keeps_what_it_can_hold(source, tmp_path, suffix):
    part = part_like(tmp_path, suffix)
    lost = copy_metadata(source, part, US)
    has = tags_of(part)
    assert has["IFD0:ImageDescription"] == "Die Brücke"
    assert has["ExifIFD:DateTimeOriginal"] == "1912:06:01 00:00:00"
    assert has["XMP-dc:Title"] == "Titel ü"
    assert has["XMP-iptcExt:DigitalSourceType"] == DIGITAL_SOURCE_TYPE
    if suffix == "webp" and source.suffix != ".webp":
        assert "IPTC:Caption-Abstract" in lost
    else:
        assert lost == ()
    assert pixels(part).shape == (48, 64, 3)


def test_a_scan_that_says_nothing_is_marked_all_the_same(tmp_path):
    for suffix in FORMATS:
        source = write(tmp_path / f"silent.{suffix}", 1)
        part = part_like(tmp_path, suffix)
        assert copy_metadata(source, part, US) == ()
        assert tags_of(part)["XMP-xmpMM:DerivedFrom"]["DocumentID"] == "urn:sha256:" + "a" * 64


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_a_scan_that_says_nothing_needs_no_exiftool(tmp_path, monkeypatch, suffix):
    source, part, other = write(tmp_path / f"silent.{suffix}", 1), part_like(tmp_path, suffix), tmp_path / "o"
    other.mkdir()
    asked = part_like(other, suffix)
    with monkeypatch.context() as without:
        without.setattr(exiftool.shared_exiftool, "run", None)
        copy_metadata(source, part, US)
    monkeypatch.setattr(jpeg.JpegReader if suffix == "jpg" else png.PngReader, "is_silent", False)
    copy_metadata(source, asked, US)
    assert part.read_bytes() == asked.read_bytes()


@pytest.mark.parametrize(
    "words", [["-Comment=Uster"], ["-IFD0:Artist=E. Meier"], ["-IPTC:Keywords=See"], ["-PNG:Title=Uster"]]
)
@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_a_scan_that_says_one_word_is_not_taken_for_silent(tmp_path, suffix, words):
    source = write(tmp_path / f"scan.{suffix}", 1)
    assert is_silent(source)
    answer = READER.run(["-m", "-overwrite_original", *words, str(source)], 60)
    if b"1 image files updated" in answer.output:
        assert not is_silent(source)


def test_jpeg_coefficients_do_not_move(source, tmp_path):
    part = part_like(tmp_path, "jpg")
    before = jpeglib.read_dct(str(part))
    y, cb, table = before.Y.copy(), before.Cb.copy(), before.qt.copy()
    copy_metadata(source, part, US)
    after = jpeglib.read_dct(str(part))
    np.testing.assert_array_equal(after.Y, y)
    np.testing.assert_array_equal(after.Cb, cb)
    np.testing.assert_array_equal(after.qt, table)
    simplejpeg.decode_jpeg(part.read_bytes())


def test_the_grey_thumbnail_does_not_come_along(source, tmp_path):
    write(tmp_path / "thumb.jpg", 1)
    run_exiftool("-q", "-m", "-overwrite_original", f"-ThumbnailImage<={tmp_path / 'thumb.jpg'}", str(source))
    assert "IFD1:ThumbnailImage" in tags_of(source)
    part = part_like(tmp_path, "jpg")
    assert copy_metadata(source, part, US) == ()
    assert not any("Thumbnail" in name for name in tags_of(part))


def test_the_parts_own_orientation_density_and_profile_stay(source, tmp_path):
    run_exiftool("-q", "-m", "-overwrite_original", "-IFD0:Orientation#=3", str(source))
    part = part_like(tmp_path, "jpg")
    Image.fromarray(picture(3)).save(part, dpi=(600, 600), icc_profile=b"", exif=orientation(6))
    copy_metadata(source, part, US)
    assert tags_of(part)["IFD0:Orientation"] == 6


def orientation(value):
    exif = Image.Exif()
    exif[274] = value
    return exif


def test_density_keeps_value_and_unit(tmp_path):
    source = write(tmp_path / "scan.tif", 1)
    part = part_like(tmp_path, "tif")
    copy_metadata(source, part, US)
    with tifffile.TiffFile(part) as file:
        tags = file.pages[0].tags
        assert tags["XResolution"].value == (11811, 100)
        assert tags["ResolutionUnit"].value == 3
    jpeg = part_like(tmp_path, "jpg")
    copy_metadata(source, jpeg, US)
    has = tags_of(jpeg)
    assert (has["IFD0:XResolution"], has["IFD0:ResolutionUnit"]) == (118.11, 3)


@pytest.mark.parametrize("big", [False, True])
def test_pages_of_a_tiff_stay_what_they_are(tmp_path, big):
    source, part = tmp_path / "scan.tif", tmp_path / "part.tif"
    with tifffile.TiffWriter(source) as writer:
        for number in range(3):
            writer.write(picture(1, 16), description=f"page {number}", metadata=None, software=False)
    with tifffile.TiffWriter(part, bigtiff=big) as writer:
        for _ in range(3):
            writer.write(picture(3, 16), photometric="rgb", metadata=None, software=False, rowsperstrip=7)
    copy_metadata(source, part, US)
    with tifffile.TiffFile(part) as file:
        assert len(file.pages) == 3
        assert file.is_bigtiff is big
        for page in file.pages:
            np.testing.assert_array_equal(page.asarray(), picture(3, 16))
        described = [page.description for page in file.pages]
    assert described == (["page 0", "", ""] if big else ["page 0", "page 1", "page 2"])
    assert tags_of(part)["XMP-xmp:CreatorTool"] == "archivecolor 1.2"


def test_a_tiff_thumbnail_page_makes_no_page_of_the_output(tmp_path):
    source, part = tmp_path / "scan.tif", part_like(tmp_path, "tif")
    with tifffile.TiffWriter(source) as writer:
        writer.write(picture(1), metadata=None, software=False)
        writer.write(
            picture(1)[::4, ::4], subfiletype=1, description="thumbnail", metadata=None, software=False
        )
    copy_metadata(source, part, US)
    with tifffile.TiffFile(part) as file:
        assert len(file.pages) == 1


def test_a_thumbnail_between_pages_describes_none_of_them(tmp_path):
    source, part = tmp_path / "scan.tif", tmp_path / "part.tif"
    with tifffile.TiffWriter(source) as writer:
        for kind, text in ((0, "first"), (1, "thumbnail"), (0, "second")):
            writer.write(picture(1), subfiletype=kind, description=text, metadata=None, software=False)
    with tifffile.TiffWriter(part) as writer:
        for _ in range(2):
            writer.write(picture(3), photometric="rgb", metadata=None, software=False)
    copy_metadata(source, part, US)
    with tifffile.TiffFile(part) as file:
        assert [page.description for page in file.pages] == ["first", ""]


def test_a_bigtiff_keeps_its_descriptive_tags(source, tmp_path):
    part = tmp_path / "part.tif"
    tifffile.imwrite(part, picture(3, 16), photometric="rgb", metadata=None, software=False, bigtiff=True)
    assert copy_metadata(source, part, US) == ()
    assert tags_of(part)["IPTC:Caption-Abstract"] == "Zürich 1912 — Straße"
    with tifffile.TiffFile(part) as file:
        tags = file.pages[0].tags
        assert tags["ImageDescription"].value == "Die Brücke"
        assert tags["ExifTag"].value["DateTimeOriginal"] == "1912:06:01 00:00:00"
        assert tags["GPSTag"].value["GPSLatitude"][:2] == (47, 1)
        np.testing.assert_array_equal(file.asarray(), picture(3, 16))


@pytest.mark.parametrize("suffix", FORMATS)
def test_xmp_beyond_a_jpeg_segment_is_kept_whole(tmp_path, suffix):
    words = [f"entry {number} {'x' * 90}" for number in range(1500)]
    items = "".join(f"<rdf:li>{word}</rdf:li>" for word in words)
    sidecar = tmp_path / "big.xmp"
    sidecar.write_text(
        "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>"
        "<rdf:Description rdf:about='' xmlns:dc='http://purl.org/dc/elements/1.1/' "
        f"xmlns:own='http://archive.example/1/' own:Shelf='A-17'><dc:subject><rdf:Bag>{items}</rdf:Bag>"
        "</dc:subject></rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    source = write(tmp_path / "scan.png", 1)
    run_exiftool("-q", "-m", "-overwrite_original", "-tagsFromFile", str(sidecar), "-XMP", str(source))
    part = part_like(tmp_path, suffix)
    assert copy_metadata(source, part, US) == ()
    (tmp_path / "again").mkdir()
    again = part_like(tmp_path / "again", "jpg")
    assert copy_metadata(part, again, US) == ()
    for path in (part, again):
        has = json.loads(run_exiftool("-m", "-j", "-G1", "-n", str(path)))[0]
        assert has["XMP-dc:Subject"] == words
        assert has["XMP-own:Shelf"] == "A-17"
        assert has["XMP-iptcExt:DigitalSourceType"] == DIGITAL_SOURCE_TYPE


def test_damaged_xmp_is_named_and_the_marking_still_written(tmp_path):
    source = write(tmp_path / "scan.png", 1)
    Image.fromarray(picture(1)).save(source.with_suffix(".jpg"), xmp=b"<x:xmpmeta><oops")
    part = part_like(tmp_path, "jpg")
    assert copy_metadata(source.with_suffix(".jpg"), part, US) == ("xmp",)
    assert tags_of(part)["XMP-xmp:CreatorTool"] == "archivecolor 1.2"


def test_a_container_without_metadata_says_that_its_marking_is_lost(source, tmp_path):
    part = tmp_path / "part.bmp"
    Image.fromarray(picture(3)).save(part)
    before = part.read_bytes()
    assert copy_metadata(source, part, US) == (PROVENANCE, "exif", "iptc", "xmp")
    assert part.read_bytes() == before


NAMES = [
    "-delete.jpg",
    "%d%f.jpg",
    "@",
    "#x.jpg",
    "a\nb.jpg",
    "-execute\n",
    "a\r.jpg ",
    " b",
    "$(x)`x`.jpg",
    "*.jpg",
]


@pytest.mark.parametrize("name", [*NAMES, os.fsdecode(b"caf\xe9.jpg")])
def test_no_name_is_an_option_or_a_pattern(source, tmp_path, name):
    folder = tmp_path / f"{name} folder"
    folder.mkdir()
    odd = source.rename(folder / name)
    part = part_like(tmp_path, "jpg").rename(folder / f"{name}.part")
    assert copy_metadata(odd, part, US) == ()
    assert tags_of_bytes(part)["IFD0:Artist"] == "E. Meier"
    assert sorted(path.name for path in folder.iterdir()) == sorted([name, f"{name}.part"])


def tags_of_bytes(path):
    done = subprocess.run(
        ["exiftool", "-j", "-G1", "-n", "-"], input=path.read_bytes(), capture_output=True, check=True
    )
    return json.loads(done.stdout)[0]


def test_the_source_is_not_touched(source, tmp_path):
    before, about = source.read_bytes(), source.stat()
    copy_metadata(source, part_like(tmp_path, "jpg"), US)
    after = source.stat()
    assert source.read_bytes() == before
    assert (after.st_mtime_ns, after.st_ino, after.st_ctime_ns) == (
        about.st_mtime_ns,
        about.st_ino,
        about.st_ctime_ns,
    )


@pytest.fixture
def without_exiftool(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    exiftool.program.cache_clear()
    yield
    exiftool.program.cache_clear()


def test_an_exiftool_that_gives_no_answer_is_told_of(source, tmp_path, monkeypatch):
    monkeypatch.setattr(metadata, "SECONDS", -60.0)
    part = part_like(tmp_path, "jpg")
    lost = copy_metadata(source, part, US)
    assert "carried without exiftool, which gave no answer" in lost
    assert tags_of(part)["IFD0:ImageDescription"] == "Die Brücke"


@pytest.mark.parametrize("source", FORMATS, indirect=True)
@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp", "jp2"])
def test_without_exiftool_the_blocks_are_carried(
    source, tmp_path, suffix, without_exiftool, monkeypatch, caplog
):
    part = part_like(tmp_path, suffix)
    for _ in range(2):
        again = part_like(tmp_path, suffix)
        lost = copy_metadata(source, again, US)
    assert caplog.text.count("exiftool is not installed") == 1
    monkeypatch.undo()
    has = tags_of(part)
    assert has["IFD0:ImageDescription"] == "Die Brücke"
    assert has["ExifIFD:DateTimeOriginal"] == "1912:06:01 00:00:00"
    assert has["GPS:GPSLatitude"] == pytest.approx(47.3)
    assert has["XMP-dc:Title"] == "Titel ü"
    assert has["XMP-iptcExt:DigitalSourceType"] == DIGITAL_SOURCE_TYPE
    if source.suffix != ".webp" and suffix != "webp":
        assert has["IPTC:Caption-Abstract"] == "Zürich 1912 — Straße"
    assert lost == (("iptc",) if suffix == "webp" and source.suffix != ".webp" else ())
    assert pixels(part).shape == (48, 64, 3)


def test_a_part_that_cannot_be_read_again_is_not_the_sources_damage(tmp_path, source, monkeypatch, caplog):
    part = part_like(tmp_path, "jpg")
    copied = metadata._run_copy

    def copied_badly(copy):
        done = copied(copy)
        os.truncate(copy.part, 20)
        return done

    monkeypatch.setattr(metadata, "_run_copy", copied_badly)
    lost = copy_metadata(source, part, US)
    assert {metadata.NOT_RESTORED, PROVENANCE} <= set(lost)
    assert any("Artist" in name for name in lost)
    assert "cannot be read again" in caplog.text


def test_a_configuration_file_runs_nothing(source, tmp_path, monkeypatch):
    (tmp_path / ".ExifTool_config").write_text(f"open(F, '>', '{tmp_path}/ran'); close(F); 1;")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("EXIFTOOL_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    tool = ExiftoolProcess(shutil.which("exiftool"))
    assert tool.run(["-j", str(source)], 60).output
    tool.close()
    assert not (tmp_path / "ran").exists()


def test_a_stuck_exiftool_is_given_up_and_the_next_command_has_a_new_one(source):
    tool = ExiftoolProcess(shutil.which("exiftool"))
    tool.run(["-ver"], 60)
    stuck = tool.process
    stuck.send_signal(signal.SIGSTOP)
    with pytest.raises(ExiftoolError, match="in time"):
        tool.run(["-ver"], 0.5)
    assert stuck.poll() is not None
    assert tool.run(["-ver"], 60).output.strip()
    tool.process.kill()
    with pytest.raises(ExiftoolDiedError):
        tool.run(["-j", str(source)], 60)
    assert tool.run(["-ver"], 60).output.strip()
    tool.close()


def test_an_exiftool_that_ends_leaves_no_pipe_open(source):
    tool = ExiftoolProcess(shutil.which("exiftool"))
    for end, code in ((tool.close, 0), (tool.kill, -signal.SIGKILL)):
        tool.run(["-j", str(source)], 60)
        ended = tool.process
        end()
        assert ended.returncode == code
        assert ended.stdin.closed
        # By the threads that read them, and by nobody else.
        waited = time.monotonic() + 10
        while not (ended.stdout.closed and ended.stderr.closed) and time.monotonic() < waited:
            time.sleep(0.01)
        assert ended.stdout.closed
        assert ended.stderr.closed


WORKER = """
import sys, time
from archivecolor.photo.exiftool import shared_exiftool
shared_exiftool.run(["-ver"], 60)
print(shared_exiftool.tool.process.pid, flush=True)
time.sleep(float(sys.argv[1]))
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, None])
def test_exiftool_ends_with_its_worker(end):
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, "0" if end is None else "60"], stdout=subprocess.PIPE
    )
    pid = int(worker.stdout.readline())
    if end is not None:
        worker.send_signal(end)
    worker.wait()
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not is_running(pid)


def is_running(pid):
    """Not a zombie that waits for a parent outside our reach."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
