"""The mark that says a frame was coloured: where it is, and that nothing changes outside it."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from synthetic_films import film_from, scene, write_film

from archivecolor.colour.tone import Tone
from archivecolor.film.frames import geometry_of
from archivecolor.film.pixels import SampleFormat
from archivecolor.film.probe import probe
from archivecolor.film.watermark import watermark_for

SIZES = [(64, 48), (96, 64), (63, 47), (720, 576), (1920, 1080), (48, 200)]


def watermark_of(path, **changes):
    facts = replace(probe(path), **changes)
    return watermark_for(facts, geometry_of(facts, 64))


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return write_film(tmp_path_factory.mktemp("film") / "film.mkv", scene(1, 2))


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("turns", range(4))
def test_the_mark_lies_in_the_lower_right_corner_as_shown(film, width, height, turns):
    watermark = watermark_of(film, width=width, height=height, quarter_turns=turns)
    box = watermark.box
    assert box["left"] >= 0 <= box["top"]
    assert box["left"] + box["width"] <= width
    assert box["top"] + box["height"] <= height
    marked = np.zeros((height, width), bool)
    marked[box["top"] :, box["left"] :][: box["height"], : box["width"]] = True
    upright = np.rot90(marked, turns)
    lines, columns = np.nonzero(upright)
    assert columns.mean() > upright.shape[1] / 2
    assert lines.mean() > upright.shape[0] / 2


def test_a_mark_on_wide_pixels_is_narrow_as_coded(film):
    square, wide = (watermark_of(film, width=720, height=576, aspect=Fraction(*a)) for a in ((1, 1), (2, 1)))
    assert wide.box["width"] == pytest.approx(square.box["width"] / 2, abs=2)
    assert wide.box["height"] == square.box["height"]


@pytest.mark.parametrize(
    "codes", [SampleFormat(8, False), SampleFormat(8, True), SampleFormat(10, False), SampleFormat(16, True)]
)
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_it_is_seen_on_black_grey_and_white_and_is_small(film, codes, share):
    dtype = np.uint8 if codes.depth == 8 else np.uint16
    luma = np.full((480, 640), round(codes.black + share * codes.luma_span), dtype)
    watermark = watermark_of(film, width=640, height=480)
    marked = watermark.apply(luma, codes)
    assert marked.dtype == luma.dtype
    assert (luma == luma[0, 0]).all()
    changed = marked != luma
    box = watermark.box
    changed[box["top"] : box["top"] + box["height"], box["left"] : box["left"] + box["width"]] = False
    assert not changed.any()
    contrast = np.ptp(codes.luma_fraction(marked))
    assert contrast > 0.35
    assert box["width"] * box["height"] < 0.01 * luma.size
    assert codes.black <= marked.min()
    assert marked.max() <= codes.black + codes.luma_span


def test_luma_outside_the_mark_is_that_of_the_source(film, network, tmp_path):
    from test_exact_luma import coloured, planes_of

    source = film_from(film, codec="ffv1")
    watermark = watermark_for(source.facts, source.geometry)
    (tmp_path / "plain").mkdir()
    plain = list(planes_of(coloured(source, network, tmp_path / "plain")))
    marked = list(planes_of(coloured(replace(source, watermark=watermark), network, tmp_path)))
    box = watermark.box
    inside = np.s_[box["top"] : box["top"] + box["height"], box["left"] : box["left"] + box["width"]]
    for one, other in zip(plain, marked, strict=True):
        assert not np.array_equal(one[0], other[0])
        for before, after in zip(one, other, strict=True):
            same = before == after
            same[inside] = True
            assert same.all()


def test_shots_that_keep_their_own_colour_bear_no_mark(film, network, tmp_path):
    from test_exact_luma import coloured, planes_of

    source = film_from(film, codec="ffv1")
    kept = replace(source.first_pass, tones=(Tone.COLOUR.value,))
    source = replace(source, first_pass=kept, watermark=watermark_for(source.facts, source.geometry))
    for picture, (luma, _, _) in zip(
        scene(1, 2), planes_of(coloured(source, network, tmp_path)), strict=True
    ):
        assert np.array_equal(picture, luma)
