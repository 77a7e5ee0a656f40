"""The public functions: small, typed, and true to what the program promises."""

import hashlib
import inspect
import os
import re
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from skimage import data
from small_archive import tree

import archivecolor
from archivecolor import api
from archivecolor.cli.main import main
from archivecolor.colour.luma import luma_codes
from archivecolor.errors import ItemError, UnavailableError, UsageError
from archivecolor.version import program_version


@pytest.fixture(scope="module")
def predictor(checkpoint):
    return archivecolor.load_predictor(checkpoint, device="cpu", working_size=64, batch_size=1)


def test_a_file_is_coloured_with_hints(tmp_path, predictor):
    source = tmp_path / "grey.png"
    Image.new("L", (90, 70), 128).save(source)
    hint = archivecolor.Hint(0.5, 0.5, (200, 40, 40), archivecolor.Reach.THING)
    archivecolor.colour_file(source, tmp_path / "red.png", predictor, hints=[hint])
    red, green, blue = Image.open(tmp_path / "red.png").convert("RGB").getpixel((45, 35))
    assert red > 150 > max(green, blue) + 20
    archivecolor.colour_file(source, tmp_path / "plain.png", predictor)
    archivecolor.colour_file(source, tmp_path / "none.png", predictor, hints=[])
    assert (tmp_path / "none.png").read_bytes() == (tmp_path / "plain.png").read_bytes()
    with pytest.raises(ValueError, match="at most 200"):
        archivecolor.colour_file(source, tmp_path / "many.png", predictor, hints=[hint] * 201)
    assert not (tmp_path / "many.png").exists()
    with pytest.raises(UsageError, match="hints are a list of them"):
        archivecolor.colour_file(source, tmp_path / "many.png", predictor, hints=["50%,50%=red"])


@pytest.mark.parametrize(
    "wrong",
    [
        (5, 0.6, (30, 40, 120)),
        (0.5, float("nan"), (30, 40, 120)),
        (0.5, 0.6, (300, 40, 120)),
        (0.5, 0.6, (30, 40)),
        (0.5, 0.6, (30, 40, 120), "thing"),
        (0.5, 0.6, (30, 40, 120), archivecolor.Reach.HERE, 0),
    ],
)
def test_a_hint_that_cannot_be_is_refused_when_it_is_made(wrong):
    with pytest.raises(UsageError, match="of a hint is"):
        archivecolor.Hint(*wrong)


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
    rgb = data.astronaut()[:64, :48]
    coloured = archivecolor.colour_array(rgb, predictor, recolour=True)
    assert np.array_equal(luma_codes(coloured), luma_codes(rgb))


def test_a_colour_photograph_is_not_recoloured_unasked(predictor, archive, tmp_path):
    with pytest.raises(ItemError, match="recolour=True") as caught:
        archivecolor.colour_array(data.astronaut(), predictor)
    assert caught.value.reason is archivecolor.Reason.ALREADY_COLOUR
    with pytest.raises(ItemError, match="already in colour"):
        archivecolor.colour_file(archive / "colour.jpg", tmp_path / "out.jpg", predictor)
    archivecolor.colour_file(archive / "colour.jpg", tmp_path / "out.jpg", predictor, colour="recolour")
    assert (tmp_path / "out.jpg").exists()


def test_pictures_come_as_images_bytes_and_open_files(predictor, archive, tmp_path):
    scan = archive / "people" / "astronaut.jpg"
    archivecolor.colour_file(scan, tmp_path / "coloured.jpg", predictor)
    expected = (tmp_path / "coloured.jpg").read_bytes()
    assert archivecolor.colour_bytes(scan.read_bytes(), predictor) == expected
    with scan.open("rb") as file:
        assert archivecolor.colour_bytes(file, predictor) == expected
    grey = data.camera()[:40, :56]
    for image in (Image.fromarray(grey), Image.fromarray(grey.astype(np.uint16) * 257)):
        coloured = archivecolor.colour_array(image, predictor)
        assert np.array_equal(luma_codes(coloured), np.asarray(image))
    with pytest.raises(ValueError, match="CMYK"):
        archivecolor.colour_array(Image.new("CMYK", (8, 8)), predictor)


def test_a_mistyped_option_is_a_type_error(predictor, tmp_path):
    with pytest.raises(TypeError, match="'devise'; did you mean 'device'"):
        archivecolor.load_predictor(devise="cpu")
    for name in ("dry_run", "quiet", "nice"):
        with pytest.raises(TypeError, match=name):
            archivecolor.colour_folder(tmp_path, tmp_path / "out", **{name: True})
    with pytest.raises(TypeError, match="formt"):
        archivecolor.colour_file(tmp_path / "a.jpg", tmp_path / "b.jpg", predictor, formt="png")


def test_what_is_missing_is_a_file_that_is_not_found(predictor, tmp_path):
    missing = tmp_path / "missing.jpg"
    for call in (
        lambda: archivecolor.colour_file(missing, tmp_path / "out.jpg", predictor),
        lambda: archivecolor.colour_folder(missing, tmp_path / "out"),
        lambda: archivecolor.colour_film(missing, tmp_path / "out"),
    ):
        with pytest.raises(FileNotFoundError, match="missing") as caught:
            call()
        assert caught.value.filename == str(missing)
        assert isinstance(caught.value, archivecolor.UsageError)


def test_a_suffix_that_contradicts_the_format_is_refused(predictor, archive, tmp_path):
    scan = archive / "people" / "astronaut.jpg"
    with pytest.raises(UsageError, match=r"out\.png would hold a jpeg"):
        archivecolor.colour_file(scan, tmp_path / "out.png", predictor)
    with pytest.raises(UsageError, match=r"out\.gif would hold a jpeg"):
        archivecolor.colour_file(scan, tmp_path / "out.gif", predictor)
    assert not list(tmp_path.iterdir())
    archivecolor.colour_file(scan, tmp_path / "out.png", predictor, format="png")
    assert Image.open(tmp_path / "out.png").format == "PNG"


def test_the_version_is_looked_up_once(predictor, archive, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr("archivecolor.version.version", lambda name: asked.append(name) or "9")
    program_version.cache_clear()
    for name in ("a.jpg", "b.jpg"):
        archivecolor.colour_file(archive / "people" / "astronaut.jpg", tmp_path / name, predictor)
    program_version.cache_clear()
    assert asked == ["archivecolor"]


def test_the_version_is_that_of_the_package():
    assert archivecolor.__version__ == version("archivecolor")


def test_every_error_that_a_docstring_names_is_exported():
    named = set()
    for name in archivecolor.__all__:
        text = inspect.getdoc(getattr(archivecolor, name)) or ""
        raises = text.partition("Raises:")[2]
        named |= set(re.findall(r"\b[A-Z]\w+Error\b", raises))
    assert named - {"TypeError", "ValueError", "FileNotFoundError"} <= set(archivecolor.__all__)


def test_a_function_installs_no_handler_and_takes_stop(archive, checkpoint, tmp_path):
    before = signal.getsignal(signal.SIGINT)
    seen, stop = [], archivecolor.Stop()

    def on_item(event, progress):
        seen.append(signal.getsignal(signal.SIGINT))
        stop.request(archivecolor.ExitCode.INTERRUPTED)

    options = {"checkpoint": checkpoint, "device": "cpu", "working_size": 64, "jobs": 2}
    result = archivecolor.colour_folder(archive, tmp_path / "out", on_item, stop=stop, **options)
    assert seen[0] is before
    assert result.exit_code is archivecolor.ExitCode.INTERRUPTED
    assert result.progress.left
    # What was in hand is written, and told of.
    assert main(["verify", str(tmp_path / "out")]) == archivecolor.ExitCode.OK


def test_a_time_limit_is_given_once(tmp_path):
    with pytest.raises(UsageError, match="max_runtime"):
        archivecolor.colour_folder(tmp_path, tmp_path / "out", stop=archivecolor.Stop(), max_runtime=5.0)


def test_ctrl_c_is_a_keyboard_interrupt_and_leaves_no_half_made_file(archive, checkpoint, tmp_path):
    def on_item(event, progress):
        raise KeyboardInterrupt

    options = {"checkpoint": checkpoint, "device": "cpu", "working_size": 64, "jobs": 1}
    with pytest.raises(KeyboardInterrupt):
        archivecolor.colour_folder(archive, tmp_path / "out", on_item, **options)
    assert not list(tmp_path.rglob("*archivecolor-part*"))
    again = archivecolor.colour_folder(archive, tmp_path / "out", **options)
    assert again.exit_code is archivecolor.ExitCode.SOME_FAILED


def test_a_forked_process_may_use_the_predictor(predictor):
    grey = data.camera()[:64, :64]
    expected = archivecolor.colour_array(grey, predictor)
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        os.write(writer, hashlib.sha256(archivecolor.colour_array(grey, predictor).tobytes()).digest())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reader, 32) == hashlib.sha256(expected.tobytes()).digest()


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
    with pytest.raises(ValueError, match="must") as caught:
        archivecolor.colour_array(wrong, predictor)
    assert ("pixels" in str(caught.value)) == (wrong.size == 0)


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
