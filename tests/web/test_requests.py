"""What a page sends is read strictly, before anything is done."""

import json

import pytest

from archivecolor.errors import UsageError
from archivecolor.web.requests import wish_of


@pytest.mark.parametrize(
    "text",
    [
        r'{"state": "accepted", "note": "half \ud83d"}',
        '{"hints": [{"x": 0, "y": 0, "colour": "red", "soft": 1}]}',
        '{"hints": [{"x": 1' + "0" * 400 + ', "y": 0, "colour": "red"}]}',
        '{"hints": [], "saturation": 1' + "0" * 400 + "}",
        '{"hints": [], "saturation": NaN}',
    ],
)
def test_what_could_not_be_kept_is_refused(text):
    with pytest.raises(UsageError):
        wish_of(json.loads(text))


def test_a_whole_character_of_two_halves_is_text():
    assert wish_of(json.loads(r'{"state": "accepted", "note": "\ud83d\ude00"}')).note == "😀"


@pytest.mark.parametrize(
    "values",
    [
        {"hints": [], "state": "accepted"},
        {"hints": [], "redo": True},
        {"redo": True, "state": "none"},
        {"saturation": 0.5, "state": "accepted"},
        {"page": 2, "redo": True},
    ],
)
def test_of_two_decisions_at_once_none_is_dropped_unsaid(values):
    with pytest.raises(UsageError, match=r"one at a time|come with hints"):
        wish_of(values)
