"""`--sheet`: scans beside their coloured versions, and `--open`."""

import errno
import os
import re
from pathlib import Path

import click
import numpy as np
import pytest
from PIL import Image, PngImagePlugin
from small_archive import grey_of

from archivecolor.cli.main import main
from archivecolor.engine.stopping import Stop
from archivecolor.errors import ExitCode, UsageError
from archivecolor.jobs.sheet import PER_PAGE, Pair, check_sheet, draw_sheet


@pytest.fixture
def quick(tmp_path, checkpoint, monkeypatch):
    """A folder `scans` with one grey and one broken picture; gives words that make a run quick."""
    (tmp_path / "scans").mkdir()
    grey_of("camera", (320, 480)).save(tmp_path / "scans" / "camera.png")
    (tmp_path / "scans" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    monkeypatch.chdir(tmp_path)
    return ["--working-size", "64", "--device", "cpu", "--checkpoint", str(checkpoint)]


def colourfulness(picture):
    return float(np.ptp(np.asarray(picture).astype(int), axis=2).mean())


def test_a_sheet_shows_the_scan_and_its_colour(quick, capsys):
    assert main(["dir", "scans", "out", *quick, "--jobs", "1", "--sheet", "s.png"]) == ExitCode.SOME_FAILED
    assert "before and after, side by side: s.png" in capsys.readouterr().err
    page = Image.open("s.png").convert("RGB")
    scan, coloured = page.crop((4, 18, 164, 258)), page.crop((172, 18, 332, 258))
    assert colourfulness(scan) == 0
    assert colourfulness(coloured) > 2
    assert np.abs(np.asarray(scan.convert("L"), int) - np.asarray(coloured.convert("L"), int)).max() <= 2


@pytest.mark.parametrize("sheet", ["s.png", "s.pdf"])
def test_what_few_may_see_is_on_no_sheet_for_all(quick, sheet):
    grey_of("coins", (320, 480)).save("scans/coins.png")
    Path("scans/coins.png").chmod(0o600)
    assert main(["dir", "scans", "out", *quick, "--jobs", "1", "--sheet", sheet]) == ExitCode.SOME_FAILED
    assert Path(sheet).stat().st_mode & 0o777 == 0o600


def test_photo_draws_one_and_the_next_run_draws_it_anew(quick):
    words = ["photo", "scans/camera.png", *quick, "--sheet", "s.jpg"]
    assert main(words) == ExitCode.OK
    Path("s.jpg").write_bytes(Path("s.jpg").read_bytes() + b"older")
    assert main(words) == ExitCode.OK
    assert not Path("s.jpg").read_bytes().endswith(b"older")


@pytest.mark.parametrize(
    ("sheet", "trouble"),
    [
        ("s.gif", "a sheet is drawn as .png, .jpg, .jpeg, .pdf"),
        ("scans/s.png", "lies inside scans"),
        ("out/s.png", "lies inside out"),
        ("mine.png", "is there, and no sheet of this program"),
    ],
)
def test_a_name_that_no_sheet_may_have_is_refused_before_any_work(quick, capsys, sheet, trouble):
    Image.new("L", (8, 8)).save("mine.png")
    before = Path("mine.png").read_bytes()
    assert main(["dir", "scans", "out", *quick, "--sheet", sheet]) == ExitCode.USAGE
    assert trouble in capsys.readouterr().err
    assert not Path("out").exists()
    assert Path("mine.png").read_bytes() == before


WORDS = b"archivecolor contact sheet"


@pytest.mark.parametrize("name", ["s.png", "s.jpg", "s.pdf"])
def test_a_file_that_speaks_of_sheets_is_none(quick, capsys, name):
    note = PngImagePlugin.PngInfo()
    note.add_text("Comment", f"cut out of an {WORDS.decode()}")
    mine = {
        "s.png": lambda: Image.new("L", (8, 8)).save(name, pnginfo=note),
        "s.jpg": lambda: Image.new("L", (8, 8)).save(name, comment=b"from an " + WORDS),
        "s.pdf": lambda: Image.new("L", (8, 8)).save(name, title=WORDS.decode()),
    }
    mine[name]()
    before = Path(name).read_bytes()
    assert main(["dir", "scans", "out", *quick, "--sheet", name]) == ExitCode.USAGE
    assert "no sheet of this program" in capsys.readouterr().err
    assert Path(name).read_bytes() == before


@pytest.mark.parametrize("name", ["s.png", "s.jpg", "s.pdf"])
def test_no_more_of_a_file_is_read_than_says_what_it_is(quick, name):
    draw_sheet(Path(name), [Pair("one", Path("scans/camera.png"), Path("scans/camera.png"))], Stop())
    check_sheet(Path(name))
    with Path("other.png").open("wb") as sparse:
        sparse.truncate(1 << 38)
    with pytest.raises(UsageError, match="no sheet of this program"):
        check_sheet(Path("other.png"))


def test_a_file_that_may_not_be_read_is_told_of(quick, monkeypatch):
    Path("s.png").write_bytes(b"somebody's")

    def refused(path, flags, *rest, **more):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(os, "open", refused)  # root may read everything
    with pytest.raises(UsageError, match="may not be read"):
        check_sheet(Path("s.png"))


def test_no_scan_is_shown_that_is_larger_than_the_limit(quick):
    draw_sheet(Path("s.png"), [Pair("large", *[Path("scans/camera.png")] * 2)], Stop(), 0.01)
    assert Image.open("s.png").convert("RGB").getpixel((300, 150)) == (224, 224, 224)


def test_more_pictures_than_a_page_holds_take_several(quick):
    scan = Path("scans/camera.png")
    pairs = [Pair(str(number), scan, scan) for number in range(2 * PER_PAGE + 1)]
    pages = (Path("s.png"), Path("s-2.png"), Path("s-3.png"))
    assert draw_sheet(Path("s.png"), pairs, Stop()) == pages
    draw_sheet(Path("s.png"), pairs[: PER_PAGE + 1], Stop())
    assert [page.exists() for page in pages] == [True, True, False]
    draw_sheet(Path("s.pdf"), pairs, Stop())
    assert re.findall(rb"/Count (\d+)", Path("s.pdf").read_bytes())[-1] == b"3"


def test_a_picture_that_is_gone_is_told_on_the_sheet(quick):
    draw_sheet(Path("s.png"), [Pair("gone", Path("gone.png"), Path("scans/camera.png"))], Stop())
    assert Image.open("s.png").convert("RGB").getpixel((300, 150)) == (224, 224, 224)


def test_open_opens_the_folder_of_the_outputs(quick, monkeypatch, capsys):
    opened = []
    monkeypatch.setattr(click, "launch", lambda url: opened.append(url) or len(opened) - 1)
    monkeypatch.setenv("DISPLAY", ":0")
    assert main(["photo", "scans/camera.png", *quick, "--open"]) == ExitCode.OK
    assert main(["photo", "scans/camera.png", "-o", "made/", *quick, "--open"]) == ExitCode.OK
    assert opened == [str(Path("scans").absolute()), str(Path("made").absolute())]
    assert "no program here opens folders; the outputs lie in made" in capsys.readouterr().err


def test_where_there_is_no_screen_nothing_is_opened_and_words_say_where_outputs_lie(
    quick, monkeypatch, capsys
):
    monkeypatch.setattr(click, "launch", pytest.fail)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert main(["photo", "scans/camera.png", "-o", "made/", *quick, "--open"]) == ExitCode.OK
    assert "no program here opens folders; the outputs lie in made" in capsys.readouterr().err
