"""What a plan of a film says: keys of its file, declared as options are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from archivecolor.settings.options import MAX_TEXT, Settings, option, required


@dataclass(frozen=True, kw_only=True)
class PlanHead(Settings):
    """What a plan says of the film as a whole."""

    film: str = option("", "Name of the film, for people.", max_length=MAX_TEXT)
    sha256: str = option(
        "",
        "The SHA-256 of the film that moments and places are of, 64 digits; nothing holds for another one.",
        pattern=r"([0-9a-f]{64})?",
    )
    note: str = option("", "Why; it goes into the film's metadata.", max_length=MAX_TEXT)
    by: str = option("", "Who decides; it goes there too.", max_length=MAX_TEXT)


@dataclass(frozen=True, kw_only=True)
class PlannedShot(Settings):
    """What a plan says of one shot."""

    at: float = required(
        "A moment of the shot, since the film's first frame; hints and a reference are for this frame.",
        unit="seconds",
        low=0,
    )
    colour: str | None = option(
        None,
        "keep: it stays as the source has it, grey or in its own colour; recolour: it is coloured though it "
        "is in colour, or tinted. What the film's options say without it.",
        choices=("keep", "recolour"),
    )
    saturation: float | None = option(None, "Gain on the network's chroma; 0 leaves grey.", low=0.0, high=3.0)
    smoothing: float | None = option(
        None, "How steady its colour is: 0 frame by frame, 1 the steadiest.", low=0.0, high=1.0
    )
    hints: tuple[str, ...] = option(
        (),
        "Colours of places, as X,Y=COLOUR[,REACH]: in pixels of the upright frame, or in per cent; COLOUR is "
        "#rrggbb or a name, REACH all, thing or here.",
    )
    reference: Path | None = option(
        None,
        "A picture whose colours it gets, and the shots of its set-up: this frame restored or painted (only "
        "what is opaque counts), or another picture of what it shows.",
        kind="photographs",
    )
