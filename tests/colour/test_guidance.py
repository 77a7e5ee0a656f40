"""Hints are met where they were given, reach what is alike, and give the same bytes again."""

import subprocess
import sys

import numpy as np
import pytest

from archivecolor.colour.guidance import MAX_HINTS, STROKE_HINTS, Hint, Reach, guide, stroke
from archivecolor.colour.kernel import Answer
from archivecolor.colour.oklab import ab_at_lightness

HEIGHT, WIDTH = 64, 96
ORANGE, BLUE, GREY = (230, 120, 30), (60, 80, 200), (128, 128, 128)


def answer(seed=7, **changes):
    """A picture of two kinds of things in stripes, which the features tell apart."""
    rng = np.random.default_rng(seed)
    kind = (np.arange(WIDTH // 2) // 12 % 2)[None, :, None]
    features = np.repeat(np.where(kind == 0, -1.0, 1.0), HEIGHT // 2, axis=0) * np.ones(16)
    values = {
        "ab": rng.normal(0, 3, (HEIGHT, WIDTH, 2)).astype(np.float32),
        "certainty": rng.uniform(0.3, 0.9, (HEIGHT, WIDTH)).astype(np.float32),
        "lightness": np.full((HEIGHT, WIDTH), 55, np.float32),
        "features": (features + rng.normal(0, 0.1, features.shape)).astype(np.float32),
    }
    return Answer(**(values | changes))


def wished(hint, lightness=55.0):
    """The a*, b* of a hint's colour at that lightness."""
    return ab_at_lightness(np.array([hint.colour], np.uint8), np.array([lightness]))[0][0]


def cell(hint):
    return int(hint.y * HEIGHT), int(hint.x * WIDTH)


def test_without_hints_the_answer_is_the_very_same():
    automatic = answer()
    assert guide(automatic, ()) is automatic.ab


@pytest.mark.parametrize("reach", Reach)
@pytest.mark.parametrize("colour", [ORANGE, BLUE, GREY])
def test_a_hint_is_met_in_its_own_cell(colour, reach):
    hint = Hint(0.31, 0.77, colour, reach)
    np.testing.assert_allclose(guide(answer(), [hint])[cell(hint)], wished(hint), atol=0.1)


def test_two_hundred_hints_of_all_reaches_are_met_beside_each_other():
    rng = np.random.default_rng(1)
    cells = rng.choice(HEIGHT * WIDTH, MAX_HINTS, replace=False)
    hints = [
        Hint(
            (index % WIDTH + 0.5) / WIDTH,
            (index // WIDTH + 0.5) / HEIGHT,
            tuple(map(int, rng.integers(0, 256, 3))),
            list(Reach)[number % 3],
        )
        for number, index in enumerate(cells)
    ]
    guided = guide(answer(), hints)
    for hint in hints:
        np.testing.assert_allclose(guided[cell(hint)], wished(hint), atol=1)
    with pytest.raises(ValueError, match="201 hints; at most 200"):
        guide(answer(), [*hints, hints[0]])


def test_what_is_alike_takes_the_colour_and_what_is_not_stays():
    automatic = answer()
    hint = Hint(12 / WIDTH, 0.5, ORANGE)
    moved = np.abs(guide(automatic, [hint]) - automatic.ab).max(axis=2)
    stripes = np.arange(WIDTH) // 24 % 2
    assert np.median(moved[:, stripes == 0]) > 5 * np.median(moved[:, stripes == 1])


def test_what_is_somewhat_alike_shares_a_small_error_and_no_bold_colour():
    lightness = np.full((HEIGHT, WIDTH), 30, np.float32)
    lightness[:, WIDTH // 2 :] = 100
    flat = {"ab": np.zeros((HEIGHT, WIDTH, 2), np.float32), "certainty": np.full((HEIGHT, WIDTH), 0.6)}
    plain = answer(lightness=lightness, features=None, **flat)
    taken = []
    for colour in ((112, 108, 104), (220, 40, 30)):
        hint = Hint(0.45, 0.5, colour)
        given = np.hypot(*wished(hint, 30.0))
        moved = np.hypot(*np.moveaxis(guide(plain, [hint]), 2, 0)) / given
        taken.append(moved[32, 52])
        assert moved[32, 30] > 0.6
    assert taken[0] > 0.15
    assert taken[1] < 0.1


def test_a_narrower_reach_leaves_more_of_the_picture_as_it_was():
    automatic = answer()
    touched = []
    for reach in (Reach.ALL, Reach.THING, Reach.HERE):
        guided = guide(automatic, [Hint(12 / WIDTH, 0.5, ORANGE, reach)])
        touched.append((np.abs(guided - automatic.ab).max(axis=2) > 10).mean())
    assert touched[0] > 1.5 * touched[1] > 3 * touched[2] > 0


def test_contradicting_hints_in_one_cell_meet_in_the_middle():
    hints = [Hint(0.5, 0.5, ORANGE), Hint(0.5, 0.5, BLUE)]
    middle = (wished(hints[0]) + wished(hints[1])) / 2
    np.testing.assert_allclose(guide(answer(), hints)[cell(hints[0])], middle, atol=0.5)


@pytest.mark.parametrize("place", [(0.0, 0.0), (1.0, 1.0)])
def test_the_edges_of_the_picture_are_places_too(place):
    assert np.isfinite(guide(answer(), [Hint(*place, ORANGE)])).all()


@pytest.mark.parametrize(
    "changes",
    [
        {"features": None},
        {"features": np.zeros((1, 1, 3), np.float32)},
        {"certainty": np.zeros((HEIGHT, WIDTH), np.float32)},
        {"certainty": np.ones((HEIGHT, WIDTH), np.float32)},
    ],
)
def test_a_network_that_says_little_is_guided_too(changes):
    hint = Hint(0.5, 0.5, ORANGE)
    guided = guide(answer(**changes), [hint])
    assert np.isfinite(guided).all()
    np.testing.assert_allclose(guided[cell(hint)], wished(hint), atol=0.1)


def test_a_stroke_becomes_few_hints_along_it():
    assert [(one.x, one.y) for one in stroke([(0.2, 0.4)], BLUE)] == [(0.2, 0.4)]
    hints = stroke([(0.1, 0.1), (0.5, 0.1), (0.5, 0.9)], BLUE, Reach.THING)
    assert len(hints) == STROKE_HINTS
    assert (hints[0].x, hints[0].y, hints[-1].x, hints[-1].y) == (0.1, 0.1, 0.5, 0.9)
    steps = np.diff([(one.x, one.y) for one in hints], axis=0)
    assert np.hypot(*steps.T).max() < 1.01 * 1.2 / (STROKE_HINTS - 1)
    assert {(one.colour, one.reach) for one in hints} == {(BLUE, Reach.THING)}


SCRIPT = """
import hashlib, sys
sys.path.insert(0, sys.argv[1])
from test_guidance import *
hints = stroke([(0.1, 0.2), (0.9, 0.6)], ORANGE) + stroke([(0.1, 0.9), (0.9, 0.8)], BLUE)
print(hashlib.sha256(guide(answer(), hints).tobytes()).hexdigest())
"""


def test_the_same_hints_give_the_same_bytes_with_one_thread_and_two(request):
    digests = set()
    for threads in ("1", "2"):
        environment = {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads, "PATH": ""}
        command = [sys.executable, "-c", SCRIPT, str(request.path.parent)]
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
        digests.add(done.stdout)
    assert len(digests) == 1
