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
    *_, half = told(FilmMeter(0.0), (LOOKING, 100, 2.0), (COLOURING, 1, 4.0), (COLOURING, 50, 27.0))
    assert half.rate == pytest.approx(2.0)
    assert half.seconds_left == pytest.approx(25.0, abs=2)


def test_a_rerun_that_begins_in_the_middle_is_not_taken_for_a_fast_one():
    *_, later = told(FilmMeter(0.0), (COLOURING, 81, 1.0), (COLOURING, 90, 5.0))
    assert later.rate == pytest.approx(2.0)
    assert later.seconds_left == pytest.approx(5.0, abs=1)
    assert later.done > 80


def test_without_a_number_of_frames_nothing_is_promised():
    meter = FilmMeter(0.0)
    meter.add(FilmProgress(READING), 1.0)
    assert meter.in_hand() is None
    meter.add(FilmProgress(LOOKING, 12), 2.0)
    assert meter.in_hand() is None
