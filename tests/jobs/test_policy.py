"""What is done with a picture, by its tone and the options."""

from dataclasses import replace
from pathlib import Path

import pytest

from archivecolor.colour.tone import Tone
from archivecolor.errors import Reason
from archivecolor.jobs.policy import Action, choose_treatment
from archivecolor.photo.facts import ImageFacts
from archivecolor.settings import DirSettings

GREY = ImageFacts(
    format="png",
    width=4,
    height=3,
    depth=8,
    channels=1,
    pages=1,
    orientation=1,
    tone=Tone.GREY,
    bilevel=False,
    alpha=False,
    nbytes=100,
    mtime_ns=1,
)


def treated(tone=Tone.GREY, bilevel=False, **options):
    settings = DirSettings(input=Path("in"), output=Path("out"), **options)
    treatment = choose_treatment(replace(GREY, tone=tone, bilevel=bilevel), settings)
    return treatment.action, treatment.reason


@pytest.mark.parametrize(
    ("case", "end"),
    [
        ({}, (Action.COLOUR, Reason.COLOURED)),
        ({"bilevel": True}, (Action.SKIP, Reason.BILEVEL)),
        ({"tone": Tone.TONED}, (Action.COLOUR, Reason.COLOURED)),
        ({"tone": Tone.TONED, "toned": "keep"}, (Action.COPY, Reason.COPIED)),
        ({"tone": Tone.TONED, "toned": "skip"}, (Action.SKIP, Reason.TONED)),
        ({"tone": Tone.COLOUR}, (Action.SKIP, Reason.ALREADY_COLOUR)),
        ({"tone": Tone.COLOUR, "colour": "copy"}, (Action.COPY, Reason.COPIED)),
        ({"tone": Tone.COLOUR, "colour": "recolour"}, (Action.COLOUR, Reason.COLOURED)),
        ({"tone": Tone.TINTED}, (Action.SKIP, Reason.TINTED)),
        ({"tone": Tone.TINTED, "colour": "recolour"}, (Action.COLOUR, Reason.COLOURED)),
        ({"tone": Tone.GREY, "toned": "skip", "colour": "copy"}, (Action.COLOUR, Reason.COLOURED)),
    ],
)
def test_each_tone_is_treated_as_the_options_say(case, end):
    assert treated(**case) == end


@pytest.mark.parametrize("tone", [Tone.TINTED, Tone.COLOUR])
@pytest.mark.parametrize("word", ["skip", "copy", "recolour"])
def test_pages_of_another_tone_are_told_of(tone, word):
    settings = DirSettings(input=Path("in"), output=Path("out"), colour=word)
    facts = replace(GREY, tone=tone, pages=5)
    assert "pages" not in choose_treatment(facts, settings).detail
    mixed = choose_treatment(replace(facts, other_pages=3), settings)
    assert "2 of 5 pages; the others are treated alike" in mixed.detail


@pytest.mark.parametrize("tone", [Tone.TONED, Tone.TINTED, Tone.COLOUR])
def test_a_negative_is_said_to_be_one(tone):
    settings = DirSettings(input=Path("in"), output=Path("out"))
    plain, negative = (
        choose_treatment(replace(GREY, tone=tone, negative=negative), settings) for negative in (False, True)
    )
    assert negative.action == plain.action
    assert negative.detail.startswith(plain.detail)
    assert "negative" in negative.detail
