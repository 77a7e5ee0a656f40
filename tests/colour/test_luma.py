from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archivecolor.colour.luma import luma_codes


def by_hand(red: int, green: int, blue: int) -> int:
    """Rounded to nearest, halves up, without floats."""
    exact = Fraction(299 * red + 587 * green + 114 * blue, 1000)
    return int(exact + Fraction(1, 2))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_grey_is_its_own_luma(dtype):
    codes = np.arange(np.iinfo(dtype).max + 1, dtype=dtype)
    assert np.array_equal(luma_codes(np.stack([codes] * 3, axis=-1)), codes)


def test_halves_are_rounded_up():
    # 299 * 0 + 587 * 2 + 114 * 29 = 4480, 114 * 250 + 299 * 0 + 587 * 0 = 28500
    assert luma_codes(np.array([[0, 0, 250]], np.uint8)).tolist() == [29]
    assert luma_codes(np.array([[0, 2, 29]], np.uint8)).tolist() == [4]


@given(st.tuples(*[st.integers(0, 65535)] * 3))
def test_codes_are_what_whole_numbers_give(rgb):
    assert luma_codes(np.array([rgb], np.uint16)).tolist() == [by_hand(*rgb)]
    eight = tuple(code >> 8 for code in rgb)
    assert luma_codes(np.array([eight], np.uint8)).tolist() == [by_hand(*eight)]


def test_any_shape_and_larger_than_a_block():
    rgb = np.random.default_rng(0).integers(0, 256, (300, 400, 3)).astype(np.uint8)
    luma = luma_codes(rgb)
    assert luma.shape == (300, 400)
    assert luma.dtype == np.uint8
    assert luma[299, 399] == by_hand(*rgb[299, 399].tolist())
    assert np.array_equal(luma[:, ::2], luma_codes(rgb[:, ::2]))


def test_floats_are_refused():
    with pytest.raises(TypeError, match="float64"):
        luma_codes(np.zeros((2, 2, 3)))
