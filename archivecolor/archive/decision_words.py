"""What was decided about an item, in words for metadata and lists."""

from __future__ import annotations

from archivecolor.archive.correction import KEEP, RECOLOUR, Correction, ShotCorrection, colour_word
from archivecolor.colour.guidance import Hint
from archivecolor.printable import printable

_COLOUR_WORDS = {KEEP: "as the source has it", RECOLOUR: "coloured anew"}


def words_of_correction(correction: Correction) -> str:
    """What a correction did, why and by whom, on one line, as metadata tell of it."""
    parts = _asked_for(correction)
    parts += [f"{name} {value}" for name, value in correction.settings.given().items()]
    head = "colour corrected by a person" if parts else "made anew for a person"
    parts += [handwork_words(correction)] if correction.handwork else []
    parts += [f"{name}: {text}" for name in ("note", "by") if (text := getattr(correction, name))]
    return printable(f"{head}: {'; '.join(parts)}")


def handwork_words(correction: Correction) -> str:
    """That an earlier version was somebody's own."""
    return f"the version that somebody had worked on was put aside on {correction.handwork}"


def words_of_prompt(correction: Correction) -> str:
    """What hints asked the network for, and why, on one line; empty where they, or a note, are missing."""
    asked = _asked_for(correction)
    return printable("; ".join([*asked, correction.note])) if asked and correction.note else ""


def _asked_for(correction: Correction) -> list[str]:
    parts = [_hint_words(hint) for hint in correction.hints if not hint.soft]
    for shot in correction.shots:
        about = [_hint_words(hint) for hint in shot.hints if not hint.soft]
        about += shot_options(shot)
        parts += [f"shot at {shot.seconds:.3f} s: {', '.join(about)}"] if about else []
    hints = (
        *correction.hints,
        *(hint for shot in correction.shots if not shot.reference for hint in shot.hints),
    )
    likely = sum(hint.soft for hint in hints)
    return parts + ([f"{likely} places like {correction.reference}"] if likely else [])


def shot_options(shot: ShotCorrection) -> list[str]:
    """What is decided about a shot beside hints that somebody gave."""
    numbers = {"saturation": shot.saturation, "smoothing": shot.smoothing}
    words = [f"{name} {number}" for name, number in numbers.items() if number is not None]
    words += [_COLOUR_WORDS[shot.colour]] if shot.colour else []
    likely = sum(hint.soft for hint in shot.hints)
    return words + ([f"{likely} places like {shot.reference}"] if shot.reference and likely else [])


def _hint_words(hint: Hint) -> str:
    page = f", page {hint.page}" if hint.page != 1 else ""
    return f"{colour_word(hint.colour)} at {hint.x:.1%}, {hint.y:.1%} ({hint.reach.value}{page})"
