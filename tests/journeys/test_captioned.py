"""`--caption` from the command line to the picture, and `grey` back."""

import numpy as np
import pytest
from PIL import Image
from small_archive import grey_of

import archivecolor
from archivecolor.errors import ExitCode, UsageError

CAPTION = "Colourised by archivecolor, not a colour photograph"


@pytest.fixture
def scans(tmp_path):
    """A folder with a PNG and a JPEG in it."""
    (tmp_path / "in").mkdir()
    picture = grey_of("camera", (205, 333))
    picture.save(tmp_path / "in" / "camera.png")
    picture.save(tmp_path / "in" / "camera.jpg", quality=90)
    return tmp_path / "in"


def test_a_folder_is_captioned_made_anew_without_and_grey_again(scans, here, tmp_path):
    out, back = tmp_path / "out", tmp_path / "back"
    assert here("dir", scans, out, "--caption", CAPTION).returncode == 0
    for name in ("camera.png", "camera.jpg"):
        with Image.open(out / name) as coloured, Image.open(scans / name) as scan:
            assert coloured.width == scan.width
            assert coloured.height > scan.height + 8
    assert here("grey", out, back).returncode == 0
    for name in ("camera.png", "camera.jpg"):
        with Image.open(back / name) as grey, Image.open(scans / name) as scan:
            assert grey.mode == "L"
            assert np.array_equal(np.asarray(grey), np.asarray(scan))
    assert "2 done" in here("dir", scans, out).stderr, "without its caption it is another picture"
    with Image.open(out / "camera.png") as coloured, Image.open(scans / "camera.png") as scan:
        assert coloured.size == scan.size
    assert "0 done" in here("dir", scans, out).stderr


def test_one_photograph_and_a_copy_of_it_is_known_again(scans, here, tmp_path):
    out = tmp_path / "camera-captioned.jpg"
    assert here("photo", scans / "camera.jpg", "-o", out, "--caption", CAPTION).returncode == 0
    assert here("dir", scans, tmp_path / "out").returncode == 0
    found = here("identify", out, "--archive", tmp_path / "out")
    assert "camera.jpg" in found.stdout
    assert "cannot tell" not in found.stdout


def test_a_caption_that_cannot_be_written_ends_before_the_first_picture(scans, here, tmp_path):
    for words in (
        ("dir", scans, tmp_path / "out"),
        ("photo", scans / "camera.jpg", "-o", tmp_path / "x.jpg"),
    ):
        done = here(*words, "--caption", "two\nlines")
        assert done.returncode == ExitCode.USAGE
        assert "a caption is one line of text" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]


def test_the_functions_take_one(scans, tmp_path):
    made = archivecolor.colour_file(scans / "camera.png", tmp_path / "made.png", caption=CAPTION)
    with Image.open(scans / "camera.png") as scan:
        assert made.height > scan.height
    with pytest.raises(UsageError, match="one line"):
        archivecolor.colour_file(scans / "camera.png", tmp_path / "made.png", caption=" ")
