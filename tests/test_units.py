"""Times and sizes as people write them; a bare number is what it always was."""

import pytest

from archivecolor.settings.units import GIGABYTES, MEGABYTES, SECONDS, parse_number


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *[("90", 90), ("90.5", 90.5), ("90s", 90), ("15m", 900), ("2h", 7200), ("1d", 86400)],
        *[("1h30m", 5400), ("1h 30m", 5400), ("1:30:00", 5400), ("2:05", 125), (" 2H ", 7200), (".5h", 1800)],
    ],
)
def test_times(text, seconds):
    assert parse_number(text, SECONDS) == seconds


@pytest.mark.parametrize(
    ("text", "size"), [("4", 4), ("4GB", 4), ("512MB", 0.512), ("1.5 tb", 1500), ("4g", 4)]
)
def test_sizes(text, size):
    assert parse_number(text, GIGABYTES) == pytest.approx(size)


@pytest.mark.parametrize(
    ("text", "size"), [("200", 200), ("200MB", 200), ("1.5GB", 1500), ("64MiB", 67.108864)]
)
def test_sizes_whose_bare_number_is_megabytes(text, size):
    assert parse_number(text, MEGABYTES) == pytest.approx(size)


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        *[("2x", SECONDS), ("", SECONDS), ("1:99", SECONDS), ("inf", SECONDS), ("h", SECONDS)],
        *[("4GB", SECONDS), ("-5m", SECONDS), ("4h", GIGABYTES), ("4XB", MEGABYTES), ("2m", "pixels")],
    ],
)
def test_what_is_none_says_how_it_is_written(text, unit):
    with pytest.raises(ValueError, match=r"write it as|must be a number"):
        parse_number(text, unit)
