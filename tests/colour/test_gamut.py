import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from archivecolor.colour.gamut import chroma_codes, compose_exact_luma
from archivecolor.colour.luma import luma_codes

# From within the gamut to far outside it, and what is no number at all.
REACHES = [0.02, 0.2, 0.5, 5.0, 1e4, 1e30]


def cbcr_pairs(dtype, shape):
    anything = st.floats(width=32, allow_nan=True, allow_infinity=True)
    return hnp.arrays(np.float32, (*shape, 2), elements=st.one_of(st.floats(-0.5, 0.5, width=32), anything))


@settings(max_examples=60, deadline=None)
@given(cbcr_pairs(np.uint8, (256,)))
def test_every_grey_code_stays_at_8_bits(cbcr):
    luma = np.arange(256, dtype=np.uint8)[:, None]
    rgb = compose_exact_luma(luma, cbcr[:, None])
    assert rgb.dtype == np.uint8
    assert np.array_equal(luma_codes(rgb), luma)


@settings(max_examples=60, deadline=None)
@given(hnp.arrays(np.uint16, (8, 8)), cbcr_pairs(np.uint16, (8, 8)))
def test_random_grey_codes_stay_at_16_bits(luma, cbcr):
    rgb = compose_exact_luma(luma, cbcr)
    assert rgb.dtype == np.uint16
    assert np.array_equal(luma_codes(rgb), luma)


@pytest.mark.parametrize("reach", REACHES)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_code_with_much_chroma(dtype, reach):
    top = np.iinfo(dtype).max
    luma = np.repeat(np.arange(top + 1, dtype=dtype), 400 if top == 255 else 4).reshape(-1, 4)
    rng = np.random.default_rng(1)
    cbcr = (rng.uniform(-1, 1, (*luma.shape, 2)) * reach).astype(np.float32)
    assert np.array_equal(luma_codes(compose_exact_luma(luma, cbcr)), luma)


def test_chroma_within_the_gamut_is_kept():
    luma = np.full((1, 1), 128, np.uint8)
    rgb = compose_exact_luma(luma, np.array([[[0.1, -0.05]]], np.float32))
    # R = 128 - 1.402 * 0.05 * 255, B = 128 + 1.772 * 0.1 * 255, G from the luma
    assert rgb[0, 0].tolist() == [110, 128, 173]


def test_a_shortened_pixel_keeps_its_hue():
    luma = np.full((1, 1), 200, np.uint8)
    red, _, blue = compose_exact_luma(luma, np.array([[[-0.1, 0.4]]], np.float32))[0, 0].astype(int)
    assert red == 255
    assert (blue - 200) / (red - 200) == pytest.approx(-1.772 * 0.1 / (1.402 * 0.4), abs=0.02)


def test_black_and_white_stay_what_they_are():
    luma = np.array([[0, 255]], np.uint8)
    rgb = compose_exact_luma(luma, np.full((1, 2, 2), 0.3, np.float32))
    assert rgb[0].tolist() == [[0, 0, 0], [255, 255, 255]]


def test_no_number_is_grey_and_its_neighbours_keep_theirs():
    cbcr = np.array([[[np.nan, np.nan], [0.1, -0.05]]], np.float32)
    rgb = compose_exact_luma(np.full((1, 2), 128, np.uint8), cbcr)
    assert rgb[0].tolist() == [[128, 128, 128], [110, 128, 173]]


def test_bands_are_the_whole():
    rng = np.random.default_rng(2)
    luma = rng.integers(0, 65536, (301, 203)).astype(np.uint16)
    cbcr = rng.normal(0, 0.2, (301, 203, 2)).astype(np.float32)
    whole = compose_exact_luma(luma, cbcr)
    bands = [compose_exact_luma(luma[top : top + 37], cbcr[top : top + 37]) for top in range(0, 301, 37)]
    assert np.array_equal(np.concatenate(bands), whole)


def test_rasters_that_differ_are_refused():
    with pytest.raises(ValueError, match="do not match"):
        compose_exact_luma(np.zeros((4, 5), np.uint8), np.zeros((5, 4, 2), np.float32))
    with pytest.raises(TypeError, match="int64"):
        compose_exact_luma(np.zeros((4, 5), np.int64), np.zeros((4, 5, 2), np.float32))


@settings(max_examples=60, deadline=None)
@given(hnp.arrays(np.uint8, (16, 16)), cbcr_pairs(np.uint8, (16, 16)))
def test_chroma_beside_luma_is_what_laid_chroma_has(luma, cbcr):
    blue, red = chroma_codes(luma, cbcr).astype(int)
    rgb = compose_exact_luma(luma, cbcr).astype(float)
    assert np.abs(128 + (rgb[..., 2] - luma) / 1.772 - blue).max() <= 1.1
    assert np.abs(128 + (rgb[..., 0] - luma) / 1.402 - red).max() <= 1.1


def test_no_chroma_beside_luma_is_neutral_and_all_of_it_is_in_range():
    luma = np.full((2, 2), 128, np.uint8)
    assert (chroma_codes(luma, np.zeros((2, 2, 2), np.float32)) == 128).all()
    assert chroma_codes(luma, np.full((2, 2, 2), [0.5, 0.0], np.float32))[1].tolist() == [[128, 128]] * 2
    with pytest.raises(ValueError, match="do not match"):
        chroma_codes(luma, np.zeros((2, 3, 2), np.float32))
