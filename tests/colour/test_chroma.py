import pickle

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archivecolor.colour.chroma import Chroma, upsample


def grid(height, width, seed=0):
    return np.random.default_rng(seed).uniform(-0.5, 0.5, (height, width, 2)).astype(np.float32)


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.tuples(st.integers(1, 300), st.integers(1, 300)),
    st.integers(1, 90),
)
def test_bands_are_bit_for_bit_the_whole(cells, raster, step):
    cbcr = grid(*cells)
    whole = upsample(cbcr, *raster)
    bands = [upsample(cbcr, *raster, slice(top, top + step)) for top in range(0, raster[0], step)]
    assert whole.shape == (*raster, 2)
    assert whole.dtype == np.float32
    assert np.array_equal(np.concatenate(bands), whole)


def test_it_is_the_bicubic_of_opencv():
    cbcr = grid(16, 24)
    assert np.allclose(
        upsample(cbcr, 130, 190), cv2.resize(cbcr, (190, 130), interpolation=cv2.INTER_CUBIC), atol=1e-5
    )


def test_cells_have_their_centres_at_half():
    # In a ramp the value midway between the two rows around a cell's centre is the cell's own.
    ramp = np.repeat(np.arange(8, dtype=np.float32)[:, None, None], 2, axis=2)
    rows = upsample(ramp, 80, 3)[:, 1, 0]
    assert [(rows[10 * cell + 4] + rows[10 * cell + 5]) / 2 for cell in range(2, 6)] == pytest.approx(
        [2, 3, 4, 5]
    )


def test_the_same_size_gives_the_grid_back():
    cbcr = grid(9, 7)
    assert np.allclose(upsample(cbcr, 9, 7), cbcr, atol=1e-6)


@pytest.mark.parametrize("raster", [(40_000, 3), (3, 40_000)])
def test_very_long_rasters(raster):
    even = np.full((4, 5, 2), 0.25, np.float32)
    assert np.allclose(upsample(even, *raster), 0.25, atol=1e-6)


def test_it_crosses_process_borders():
    chroma = Chroma(grid(3, 4), np.ones((3, 4), np.float32), 1.0)
    assert np.array_equal(pickle.loads(pickle.dumps(chroma)).cbcr, chroma.cbcr)
