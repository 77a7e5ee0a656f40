"""One object for pictures of any kind, and what it gives back."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image
from skimage import data

import archivecolor
from archivecolor.colour.luma import luma_codes


@pytest.fixture(scope="module")
def colourise(checkpoint):
    return archivecolor.Colouriser(checkpoint, device="cpu", working_size=64)


@pytest.fixture
def scan(tmp_path):
    path = tmp_path / "scan.png"
    Image.fromarray(data.camera()).resize((96, 64)).save(path)
    return path


def test_a_path_its_bytes_an_image_and_an_array_give_the_same(colourise, scan):
    image = Image.open(scan)
    contents = scan.read_bytes()
    with scan.open("rb") as file:
        kinds = [scan, str(scan), contents, bytearray(contents), file, image, np.asarray(image)]
        first, *others = colourise.stream(kinds)
    others[3].save(scan.with_name("from-a-file.png"))
    assert np.array_equal(luma_codes(first.array), np.asarray(image))
    assert np.array_equal(first.grey, np.asarray(image))
    assert 0 <= first.confidence <= 1
    for other in others:
        assert np.array_equal(other.array, first.array)
        assert np.array_equal(other.chroma.cbcr, first.chroma.cbcr)
    assert np.array_equal(np.asarray(first.image), first.array)


def test_a_stream_keeps_the_order_and_takes_no_more_than_it_needs(colourise, scan):
    taken = []

    def pictures():
        for number in range(40):
            taken.append(number)
            yield np.full((32, 40 + number), 100, np.uint8)

    stream = colourise.stream(pictures())
    assert next(stream).grey.shape == (32, 40)
    assert len(taken) < 40
    assert [picture.grey.shape[1] for picture in stream] == list(range(41, 80))


@pytest.mark.parametrize("name", ["out.png", "out.tif", "out.webp"])
def test_what_came_from_a_file_is_saved_as_a_file(colourise, scan, tmp_path, name):
    for picture in (scan, scan.read_bytes()):
        colourise(picture).save(tmp_path / name)
        assert np.array_equal(
            luma_codes(np.asarray(Image.open(tmp_path / name))), np.asarray(Image.open(scan))
        )
        assert b"compositeWithTrainedAlgorithmicMedia" in (tmp_path / name).read_bytes()


def test_what_came_from_memory_is_saved_at_its_depth(colourise, tmp_path):
    deep = np.linspace(0, 65535, 48 * 64).reshape(48, 64).astype(np.uint16)
    coloured = colourise(deep)
    coloured.save(tmp_path / "deep.tiff")
    import tifffile

    saved = tifffile.imread(tmp_path / "deep.tiff")
    assert saved.dtype == np.uint16
    assert np.array_equal(luma_codes(saved), deep)
    coloured.save(tmp_path / "plain.jpg")
    assert Image.open(tmp_path / "plain.jpg").size == (64, 48)


def test_a_name_without_a_format_is_refused(colourise, scan, tmp_path):
    with pytest.raises(archivecolor.UsageError, match="names no format"):
        colourise(scan).save(tmp_path / "out")


def test_a_notebook_shows_both_and_fetches_nothing(colourise, scan):
    html = colourise(scan)._repr_html_()
    sources = re.findall(r'src="([^"]+)"', html)
    assert len(sources) == 2
    pictures = [Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))) for source in sources]
    assert [picture.mode for picture in pictures] == ["L", "RGB"]
    assert "http" not in html
    assert 'type="range"' in html


def test_a_file_is_read_as_every_command_reads_it(colourise, tmp_path):
    """At its own depth, alpha aside."""
    import tifffile

    deep = np.linspace(0, 65535, 48 * 64).reshape(48, 64).astype(np.uint16)
    tifffile.imwrite(tmp_path / "deep.tif", np.dstack([deep] * 3), photometric="rgb", metadata=None)
    assert np.array_equal(colourise(tmp_path / "deep.tif").grey, deep)
    assert np.array_equal(colourise((tmp_path / "deep.tif").read_bytes()).grey, deep)
    grey = Image.fromarray(data.camera()).resize((64, 48))
    grey.convert("RGBA").save(tmp_path / "alpha.png")
    assert np.array_equal(colourise(tmp_path / "alpha.png").grey, np.asarray(grey))


def test_what_cannot_be_read_is_the_pictures_trouble(colourise, scan, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(scan.read_bytes()[:-900])
    for picture in (broken, str(broken), broken.read_bytes(), b"no picture"):
        with pytest.raises(archivecolor.ItemError):
            colourise(picture)
    with pytest.raises(archivecolor.InputNotFoundError, match=r"gone\.png does not exist"):
        colourise(tmp_path / "gone.png")


def test_an_error_of_a_stream_says_which_file_it_is_of(colourise, scan, tmp_path, checkpoint):
    broken = tmp_path / "broken.png"
    broken.write_bytes(scan.read_bytes()[:-900])
    for given in (broken, str(broken)):
        with pytest.raises(archivecolor.ItemError) as caught:
            list(colourise.stream([scan, given]))
        assert caught.value.path == broken
        assert str(caught.value).startswith(f"{broken}: truncated: ")
    with pytest.raises(archivecolor.ItemError) as caught:
        colourise(broken.read_bytes())
    assert caught.value.path is None
    with pytest.raises(archivecolor.ItemError) as caught:
        archivecolor.colour_file(broken, tmp_path / "out.png", colourise.predictor)
    assert caught.value.path == broken


@pytest.mark.parametrize("wrong", [None, 5, [[1, 2]]])
def test_what_is_no_picture_is_a_type_error(colourise, wrong):
    with pytest.raises(TypeError, match="must be an array or a PIL image, not"):
        colourise(wrong)


def test_an_option_that_is_none_is_said_of_the_class():
    with pytest.raises(TypeError, match=r"Colouriser\(\) has no option 'devise'"):
        archivecolor.Colouriser(devise="cpu")


def test_a_picture_in_colour_is_not_recoloured_unasked(colourise):
    with pytest.raises(archivecolor.ItemError, match="recolour=True"):
        colourise(data.astronaut())
    assert colourise(data.astronaut()[:64, :64], recolour=True).array.shape == (64, 64, 3)
