"""What stands out in an answer, on answers made for it."""

from dataclasses import replace

import numpy as np
import pytest

from archivecolor.colour.doubt import DoubtReason, findings
from archivecolor.colour.kernel import Answer

SIDE = 64


def answer(ab, lightness=60.0, certainty=0.7):
    grid = np.zeros((SIDE, SIDE), np.float32)
    return Answer(
        np.asarray(ab, np.float32), grid + np.float32(certainty), grid + np.float32(lightness), None
    )


def varied(chroma=15.0):
    """Colours of all hues, each a quarter of the picture with its own grey."""
    ab = np.zeros((SIDE, SIDE, 2), np.float32)
    lightness = np.zeros((SIDE, SIDE), np.float32)
    for number, angle in enumerate((0.3, 1.9, 3.5, 5.0)):
        part = np.s_[number // 2 * 32 : number // 2 * 32 + 32, number % 2 * 32 : number % 2 * 32 + 32]
        ab[part] = (chroma * np.cos(angle), chroma * np.sin(angle))
        lightness[part] = 30 + 15 * number
    return answer(ab, lightness)


def found(of, skin=None):
    return {one.reason: one for one in findings(of, skin)}


def test_nothing_stands_out_where_colours_are_as_wide_as_things():
    assert findings(varied()) == ()


def test_a_grey_answer_is_pale_where_there_could_be_colour():
    pale = found(varied(chroma=1.0))
    assert list(pale) == [DoubtReason.PALE]
    assert pale[DoubtReason.PALE].share == 1
    assert found(replace(varied(1.0), lightness=np.full((SIDE, SIDE), 3, np.float32))) == {}


def test_one_colour_over_everything_is_a_wash():
    brown = varied()
    brown.ab[:] = (5, 12)
    assert list(found(brown)) == [DoubtReason.WASH]


def test_uncertain_colour_and_where_it_is():
    doubtful = varied()
    doubtful.certainty[:32, 16:] = 0.2
    (one,) = findings(doubtful)
    assert (one.reason, one.share, one.region) == (DoubtReason.UNCERTAIN, 0.375, (25, 0, 75, 50))


@pytest.mark.parametrize("reason", [DoubtReason.BLOTCHES, DoubtReason.EDGES])
def test_colour_that_no_grey_explains(reason):
    spotted = varied()
    spotted.lightness[:] = 50
    spotted.lightness[:, 32:] += 40 if reason is DoubtReason.EDGES else 0
    spotted.ab[:] = (0, 15)
    spotted.ab[:, :32] = (0, -15)
    assert (reason in found(spotted)) == (reason is DoubtReason.BLOTCHES)
    spotted.ab[:, :35] = (0, -15)  # the colour ends three cells behind the edge
    assert reason in found(spotted)


def test_skin_of_no_skin_colour():
    skin = np.zeros((SIDE, SIDE), np.float32)
    skin[:16, :16] = 0.9
    grey, red, likely = varied(), varied(), varied()
    grey.ab[:16, :16], red.ab[:16, :16], likely.ab[:16, :16] = (1, 1), (45, 25), (14, 16)
    assert DoubtReason.SKIN not in found(likely, skin)
    assert found(grey, skin)[DoubtReason.SKIN].region == (0, 0, 25, 25)
    assert DoubtReason.SKIN in found(red, skin)


def test_views_that_disagree():
    apart = np.zeros((SIDE, SIDE), np.float32)
    apart[32:] = 20
    assert list(found(replace(varied(), disagreement=apart))) == [DoubtReason.VIEWS]
