"""What is done with a picture, by its tone and the options."""

from dataclasses import replace
from pathlib import Path

import pytest

from archivecolor.colour.tone import Tone
from archivecolor.errors import Reason
from archivecolor.jobs.treatment import Way, treatment_of
from archivecolor.photo.facts import Facts
from archivecolor.settings import DirSettings

GREY = Facts(
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
    treatment = treatment_of(replace(GREY, tone=tone, bilevel=bilevel), settings)
    return treatment.way, treatment.reason


@pytest.mark.parametrize(
    ("case", "end"),
    [
        ({}, (Way.COLOUR, Reason.COLOURED)),
        ({"bilevel": True}, (Way.SKIP, Reason.BILEVEL)),
        ({"tone": Tone.TONED}, (Way.COLOUR, Reason.COLOURED)),
        ({"tone": Tone.TONED, "toned": "keep"}, (Way.COPY, Reason.COPIED)),
        ({"tone": Tone.TONED, "toned": "skip"}, (Way.SKIP, Reason.TONED)),
        ({"tone": Tone.COLOUR}, (Way.SKIP, Reason.ALREADY_COLOUR)),
        ({"tone": Tone.COLOUR, "colour": "copy"}, (Way.COPY, Reason.COPIED)),
        ({"tone": Tone.COLOUR, "colour": "recolour"}, (Way.COLOUR, Reason.COLOURED)),
        ({"tone": Tone.TINTED}, (Way.SKIP, Reason.TINTED)),
        ({"tone": Tone.TINTED, "colour": "recolour"}, (Way.COLOUR, Reason.COLOURED)),
        ({"tone": Tone.GREY, "toned": "skip", "colour": "copy"}, (Way.COLOUR, Reason.COLOURED)),
    ],
)
def test_each_tone_is_treated_as_the_options_say(case, end):
    assert treated(**case) == end
