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
    ],
)
def test_what_could_not_be_kept_is_refused(text):
    with pytest.raises(UsageError):
        wish_of(json.loads(text))


def test_a_whole_character_of_two_halves_is_text():
    assert wish_of(json.loads(r'{"state": "accepted", "note": "\ud83d\ude00"}')).note == "😀"
