"""What is done with a picture, by its tone and the options."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from archivecolor.colour.tone import Tone
from archivecolor.errors import Reason
from archivecolor.photo.facts import Facts
from archivecolor.settings import DirSettings


class Way(str, Enum):
    """What is done with a picture."""

    COLOUR = "colour"
    COPY = "copy"
    SKIP = "skip"


@dataclass(frozen=True)
class Treatment:
    """What is done with a picture, and the reason its record gives."""

    way: Way
    reason: Reason
    detail: str = ""


COLOURED = Treatment(Way.COLOUR, Reason.COLOURED)


def treatment_of(facts: Facts, settings: DirSettings) -> Treatment:
    """Decide by tone: grey is coloured, line art is not, the rest is up to the options."""
    if facts.bilevel:
        return Treatment(Way.SKIP, Reason.BILEVEL, "line art of one bit per pixel")
    if facts.tone is Tone.TONED:
        return of_toned(settings.toned)
    if facts.tone is Tone.TINTED:
        return of_colour(settings.colour, Reason.TINTED, "coloured by hand")
    if facts.tone is Tone.COLOUR:
        return of_colour(settings.colour, Reason.ALREADY_COLOUR, "already in colour")
    return COLOURED


def of_toned(word: str) -> Treatment:
    """The treatment of sepia, cyanotype and the like under `--toned word`."""
    treatments = {
        "colour": Treatment(Way.COLOUR, Reason.COLOURED, "toned; coloured from its luma"),
        "keep": Treatment(Way.COPY, Reason.COPIED, "toned; kept as it is (--toned keep)"),
        "skip": Treatment(Way.SKIP, Reason.TONED, "toned (--toned skip)"),
    }
    return treatments[word]


def of_colour(word: str, reason: Reason, what: str) -> Treatment:
    """The treatment of pictures that have colour under `--colour word`."""
    treatments = {
        "skip": Treatment(Way.SKIP, reason, f"{what} (--colour copy or recolour to change that)"),
        "copy": Treatment(Way.COPY, Reason.COPIED, f"{what}; copied (--colour copy)"),
        "recolour": Treatment(Way.COLOUR, Reason.COLOURED, f"{what}; coloured anew from its luma"),
    }
    return treatments[word]
