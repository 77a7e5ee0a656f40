"""What a frame that somebody restored or painted says of its places."""

import numpy as np
import pytest

from archivecolor.colour.guidance import Reach
from archivecolor.colour.reference_frame import FRAME_HINTS, Painting, hints_of_frame, shows_frame

WHOLE = np.ones((120, 160), np.float32)


def picture(left=(0.8, 0.2, 0.2), right=(0.2, 0.2, 0.8)):
    """Two halves of one colour each, with a grey pattern in both."""
    rgb = np.empty((120, 160, 3), np.float32)
    rgb[:, :80], rgb[:, 80:] = left, right
    grain = np.random.default_rng(4).normal(0, 0.03, (120, 160, 1))
    return np.clip(rgb + grain, 0, 1).astype(np.float32)


def test_hints_are_spread_evenly_and_say_the_colours_of_things_and_not_of_edges():
    hints = hints_of_frame(Painting(picture(), WHOLE))
    assert 0.6 * FRAME_HINTS <= len(hints) <= 1.3 * FRAME_HINTS
    for hint in hints:
        red, _, blue = hint.colour
        assert red > blue + 80 if hint.x < 0.5 else blue > red + 80
        assert abs(hint.x - 0.5) > 0.01
        assert hint.soft and hint.reach is Reach.ALL
    for top in (0, 0.25, 0.5, 0.75):
        assert sum(top <= hint.y < top + 0.25 for hint in hints) > 10


def test_only_what_is_opaque_counts():
    opacity = np.zeros_like(WHOLE)
    opacity[30:60, 20:60] = 1
    opacity[90:, 100:] = 0.4
    hints = hints_of_frame(Painting(picture(), opacity))
    assert hints
    assert all(20 <= hint.x * 160 <= 60 and 30 <= hint.y * 120 <= 60 for hint in hints)
    assert {hint.reach for hint in hints} == {Reach.HERE}
    assert hints_of_frame(Painting(picture(), opacity * 0.4)) == ()


def test_a_dab_of_paint_is_a_few_hints_and_not_all_of_them():
    opacity = np.zeros_like(WHOLE)
    opacity[50:60, 70:80] = 1
    assert 1 <= len(hints_of_frame(Painting(picture(), opacity))) <= 9


@pytest.mark.parametrize(
    ("change", "is_same"),
    [
        (lambda luma: luma, True),
        (lambda luma: 0.2 + 0.6 * luma**1.4, True),
        (lambda luma: luma[::-1], False),
        (lambda luma: luma[:, ::-1], False),
        (lambda luma: np.full_like(luma, 0.5), False),
    ],
)
def test_a_frame_is_known_by_its_grey(change, is_same):
    rng = np.random.default_rng(8)
    luma = np.kron(rng.random((12, 16)), np.ones((10, 10))).astype(np.float32)
    shown = change(luma)
    painting = Painting(np.stack([shown] * 3, axis=2).astype(np.float32), WHOLE)
    assert shows_frame(painting, luma) is is_same


def test_what_is_painted_over_a_frame_is_of_its_framing_whatever_its_grey():
    opacity = WHOLE.copy()
    opacity[:60] = 0
    assert shows_frame(Painting(picture(), opacity), np.zeros_like(WHOLE))
