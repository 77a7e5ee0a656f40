"""One bar for all that is done with a film."""

import pytest

from archivecolor.jobs.film_progress import (
    CHECKING,
    COLOURING,
    JOINING,
    LOOKING,
    READING,
    FilmMeter,
    FilmProgress,
)


def at(activity, frame, frames=100):
    return FilmProgress(activity, frame, frames, megapixels=0.3)


def told(meter, *moments):
    """What a meter says after each of (activity, frame, second)."""
    said = []
    for activity, frame, second in moments:
        meter.add(at(activity, frame), second)
        said.append(meter.in_hand())
    return said


def test_the_share_grows_through_all_that_is_done():
    moments = [
        (LOOKING, 10, 1),
        (LOOKING, 100, 2),
        (COLOURING, 1, 3),
        (COLOURING, 100, 30),
        (JOINING, 100, 31),
    ]
    shares = [one.share for one in told(FilmMeter(0.0), *moments, (CHECKING, 0, 32))]
    assert shares == sorted(shares)
    assert shares[0] < 0.05
    assert shares[2] < 0.2
    assert shares[-1] == 1.0


def test_time_left_is_known_from_the_first_seconds_and_counts_what_comes_after():
    first, later = told(FilmMeter(0.0), (LOOKING, 1, 0.1), (LOOKING, 50, 1.0))
    assert first.seconds_left is None
    assert later.rate == 50
    # The other half of the look takes a second; colour, which is still to come, several times as long.
    assert later.seconds_left > 5


def test_once_colouring_goes_on_its_own_speed_counts():
    moments = [(LOOKING, 1, 0.1), (LOOKING, 100, 2.0), (COLOURING, 1, 4.0), (COLOURING, 50, 27.0)]
    *_, half = told(FilmMeter(0.0), *moments)
    assert half.rate == pytest.approx(2.0)
    assert half.seconds_left == pytest.approx(25.0, abs=3)


def test_a_rerun_that_begins_in_the_middle_is_not_taken_for_a_fast_one():
    *_, later = told(FilmMeter(0.0), (COLOURING, 81, 1.0), (COLOURING, 90, 5.0))
    assert later.rate == pytest.approx(2.0)
    assert later.seconds_left == pytest.approx(5.0, abs=3)
    assert later.done > 80


def test_without_a_number_of_frames_nothing_is_promised():
    meter = FilmMeter(0.0)
    meter.add(FilmProgress(READING), 1.0)
    assert meter.in_hand() is None
    meter.add(FilmProgress(LOOKING, 12), 2.0)
    assert meter.in_hand() is None


def test_until_the_first_coloured_frames_come_the_time_left_is_that_of_the_look():
    meter = FilmMeter(0.0)
    moments = [(LOOKING, 1, 0.0), (LOOKING, 100, 1.0), (COLOURING, 0, 1.1), (COLOURING, 1, 20.0)]
    _, looked, begun, first = told(meter, *moments)
    assert looked.seconds_left > 15
    assert begun.seconds_left == pytest.approx(looked.seconds_left, rel=0.1)
    assert begun.rate == 0
    # The first block takes long and then comes at once: one frame in nineteen seconds is no speed to go by.
    assert first.seconds_left < 4 * looked.seconds_left


def test_a_rerun_that_says_that_it_begins_to_colour_is_not_taken_for_a_fast_one():
    *_, later = told(FilmMeter(0.0), (COLOURING, 0, 1.0), (COLOURING, 81, 2.0), (COLOURING, 90, 6.0))
    assert later.rate == pytest.approx(2.0, rel=0.2)
    assert later.seconds_left == pytest.approx(6.0, abs=3)
