"""What is done with a picture, by its tone and the options."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from archivecolor.colour.tone import Tone
from archivecolor.errors import Reason
from archivecolor.photo.facts import ImageFacts
from archivecolor.settings import PhotographOptions


class Action(str, Enum):
    """What is done with a picture."""

    COLOUR = "colour"
    COPY = "copy"
    LINK = "link"
    SKIP = "skip"


@dataclass(frozen=True)
class Treatment:
    """What is done with a picture, and the reason its record gives."""

    action: Action
    reason: Reason
    detail: str = ""


_NEGATIVE = "by its orange film a negative, which is yours to invert"
COLOURED = Treatment(Action.COLOUR, Reason.COLOURED)


def choose_treatment(facts: ImageFacts, settings: PhotographOptions) -> Treatment:
    """Decide by tone: grey is coloured, line art is not, the rest is up to the options."""
    treatment = _treatment_by_tone(facts, settings)
    if facts.negative:
        treatment = replace(treatment, detail=f"{treatment.detail}; {_NEGATIVE}")
    if treatment.action is not Action.SKIP or settings.rest == "skip":
        return treatment
    if settings.rest == "link":
        return Treatment(Action.LINK, Reason.LINKED, f"{treatment.detail}; linked to")
    return Treatment(Action.COPY, Reason.COPIED, f"{treatment.detail}; copied as it is")


def _treatment_by_tone(facts: ImageFacts, settings: PhotographOptions) -> Treatment:
    if facts.bilevel:
        return Treatment(Action.SKIP, Reason.BILEVEL, "line art of one bit per pixel")
    if facts.tone is Tone.TONED:
        return _treatment_of_toned(settings.toned)
    if facts.tone is Tone.TINTED:
        what = f"partly in colour, or faded{_of_pages(facts)}"
        return _treatment_of_coloured(settings.colour, Reason.TINTED, what)
    if facts.tone is Tone.COLOUR:
        what = f"already in colour{_of_pages(facts)}"
        return _treatment_of_coloured(settings.colour, Reason.ALREADY_COLOUR, what)
    return COLOURED


def _of_pages(facts: ImageFacts) -> str:
    """How many pages a word is about, where a file has others too, which share what becomes of it."""
    if not facts.other_pages:
        return ""
    return f": {facts.pages - facts.other_pages} of {facts.pages} pages; the others are treated alike"


def _treatment_of_toned(word: str) -> Treatment:
    """The treatment of sepia, cyanotype and the like under `--toned word`."""
    treatments = {
        "colour": Treatment(Action.COLOUR, Reason.COLOURED, "toned; coloured from its luma"),
        "keep": Treatment(Action.COPY, Reason.COPIED, "toned; kept as it is (--toned keep)"),
        "skip": Treatment(Action.SKIP, Reason.TONED, "toned"),
    }
    return treatments[word]


def _treatment_of_coloured(word: str, reason: Reason, what: str) -> Treatment:
    """The treatment of pictures that have colour under `--colour word`."""
    treatments = {
        "skip": Treatment(Action.SKIP, reason, what),
        "copy": Treatment(Action.COPY, Reason.COPIED, f"{what}; copied (--colour copy)"),
        "recolour": Treatment(Action.COLOUR, Reason.COLOURED, f"{what}; coloured anew from its luma"),
    }
    return treatments[word]
