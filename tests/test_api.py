"""The public functions: small, typed, and true to what the program promises."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from small_archive import tree

import archivecolor
from archivecolor import api
from archivecolor.colour.luma import luma_codes
from archivecolor.errors import ItemError, UnavailableError, UsageError


@pytest.fixture(scope="module")
def predictor(checkpoint):
    return archivecolor.load_predictor(checkpoint, device="cpu", working_size=64, batch_size=1)


def test_the_package_offers_what_the_api_declares():
    assert archivecolor.__all__ == api.__all__
    for name in archivecolor.__all__:
        assert getattr(archivecolor, name) is getattr(api, name)
        assert getattr(api, name).__doc__
    assert set(archivecolor.__all__) <= set(dir(archivecolor))


def test_names_come_by_star_and_modules_by_name():
    names: dict[str, object] = {}
    exec("from archivecolor import *\nfrom archivecolor import cli, errors", names)
    assert {"cli", "errors", *api.__all__} == names.keys() - {"__builtins__"}


def test_unknown_names_are_no_attributes():
    with pytest.raises(AttributeError, match="nonsense"):
        archivecolor.nonsense  # noqa: B018


def test_importing_it_is_light():
    code = (
        "import sys, archivecolor; archivecolor.colour_file\n"
        "sys.exit([name for name in ('torch', 'cv2', 'tifffile') if name in sys.modules] or 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_an_array_keeps_its_grey(predictor, dtype):
    @settings(max_examples=5, deadline=None)
    @given(arrays(dtype, st.tuples(st.integers(16, 40), st.integers(16, 40))))
    def holds(grey):
        rgb = archivecolor.colour_array(grey, predictor)
        assert rgb.dtype == dtype
        assert np.array_equal(luma_codes(rgb), grey)

    holds()


def test_an_rgb_array_keeps_its_luma(predictor):
    rgb = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    assert np.array_equal(luma_codes(archivecolor.colour_array(rgb, predictor)), luma_codes(rgb))


@pytest.mark.parametrize(
    "view",
    [lambda a: a.T, lambda a: a[::-1, ::2], np.asfortranarray],
    ids=["turned", "steps", "columns"],
)
def test_any_view_of_an_array_is_read_and_never_written(predictor, view):
    grey = np.random.default_rng(0).integers(0, 2**16, (30, 48), np.uint16)
    before = grey.copy()
    grey.flags.writeable = False
    assert np.array_equal(luma_codes(archivecolor.colour_array(view(grey), predictor)), view(grey))
    assert np.array_equal(grey, before)


@pytest.mark.parametrize(
    "wrong", [np.zeros((4, 4), np.float32), np.zeros((4, 4, 4), np.uint8), np.zeros((0, 4), np.uint8)]
)
def test_other_arrays_are_refused(predictor, wrong):
    with pytest.raises(ValueError, match="must"):
        archivecolor.colour_array(wrong, predictor)


def test_a_file_is_coloured_and_says_how_its_grey_was_kept(predictor, archive, tmp_path):
    scan, target = archive / "people" / "chelsea.png", tmp_path / "deep" / "coloured.png"
    done = archivecolor.colour_file(scan, target, predictor)
    assert (done.luma, done.width, done.height) == ("exact", 300, 200)
    assert np.array_equal(luma_codes(np.asarray(Image.open(target))), np.asarray(Image.open(scan)))


def test_a_file_that_cannot_be_done_says_why_and_leaves_nothing(predictor, archive, tmp_path):
    with pytest.raises(ItemError, match="truncated"):
        archivecolor.colour_file(archive / "broken.jpg", tmp_path / "coloured.jpg", predictor)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("alias", ["name", "detour", "link", "hard link"])
def test_a_scan_is_never_written_over_by_its_own_colour(predictor, archive, tmp_path, alias):
    scan = tmp_path / "scan.png"
    scan.write_bytes((archive / "people" / "chelsea.png").read_bytes())
    before = scan.read_bytes()
    target = {"name": scan, "detour": tmp_path / ".." / tmp_path.name / "scan.png"}.get(
        alias, tmp_path / "other.png"
    )
    if alias == "link":
        target.symlink_to(scan)
    if alias == "hard link":
        target.hardlink_to(scan)
    with pytest.raises(UsageError, match="the scan itself"):
        archivecolor.colour_file(scan, target, predictor)
    assert scan.read_bytes() == before


def test_a_file_that_cannot_be_done_leaves_the_older_output(predictor, archive, tmp_path):
    target = tmp_path / "coloured.jpg"
    target.write_bytes(b"from an earlier run")
    with pytest.raises(ItemError, match="truncated"):
        archivecolor.colour_file(archive / "broken.jpg", target, predictor)
    assert target.read_bytes() == b"from an earlier run"
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_tells_of_every_picture(archive, checkpoint, undisturbed, tmp_path):
    told = []
    ending = archivecolor.colour_folder(
        *[archive, tmp_path / "out", lambda news, progress: told.append((news.path, progress.settled))],
        checkpoint=checkpoint,
        device="cpu",
        working_size=64,
        jobs=2,
    )
    assert ending.exit_code is archivecolor.ExitCode.SOME_FAILED
    assert [count for _, count in told] == list(range(1, 11))
    assert "people/astronaut.jpg" in {path for path, _ in told}
    assert tree(tmp_path / "out") == tree(undisturbed)


def test_wrong_options_and_missing_weights_are_named(tmp_path):
    with pytest.raises(UsageError, match="quality"):
        archivecolor.load_predictor(quality="best")
    with pytest.raises(UnavailableError, match=r"gone\.safetensors"):
        archivecolor.load_predictor(Path("gone.safetensors"))
