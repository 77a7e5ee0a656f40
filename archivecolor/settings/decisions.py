"""Options of `archivecolor correct` and `archivecolor decisions`: what people decide about items."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from archivecolor.settings.options import MAX_TEXT, option, required
from archivecolor.settings.shared import OutputOptions


@dataclass(frozen=True, kw_only=True)
class CorrectSettings(OutputOptions):
    """Options of `archivecolor correct`."""

    output: Path = required("Coloured tree (the OUT of a run).", argument=True, kind="folder")
    path: tuple[str, ...] = required(
        "Pictures, relative to IN or OUT or as the shell has them; or globs of them.", argument=True
    )
    hint: tuple[str, ...] = option(
        (),
        "X,Y=COLOUR[,REACH]: the colour of a place, in pixels of the upright picture or in per cent"
        " (12%,80%); COLOUR is #rrggbb or a name such as grey, REACH all, thing or here. May be repeated.",
        common=True,
    )
    like: Path | None = option(
        None,
        "A picture in colour, such as a later photograph or another output: what is alike gets its colours.",
        common=True,
    )
    at: float | None = option(
        None,
        "Time of the picture in a film; hints and --saturation hold for its shot.",
        unit="seconds",
        low=0,
        common=True,
    )
    page: int = option(1, "Page of the file that the hints are for.", low=1)
    saturation: float | None = option(
        None, "Gain on the network's chroma; 0 leaves grey.", low=0.0, high=3.0, common=True
    )
    quality: str | None = option(
        None, "normal, or high: the mean of several views.", choices=("normal", "high")
    )
    working_size: int | None = option(
        None,
        "Short side at which the network sees the picture.",
        unit="pixels",
        low=64,
        high=2048,
        multiple_of=32,
    )
    toned: str | None = option(
        None, "A toned picture: colour it, keep it as it is, or skip it.", choices=("colour", "keep", "skip")
    )
    colour: str | None = option(
        None, "One that is in colour: skip, copy, or recolour it.", choices=("skip", "copy", "recolour")
    )
    accept: bool = option(False, "It is good: no new network or option makes it anew.", common=True)
    reject: bool = option(False, "It is to have no output.", common=True)
    reset: bool = option(False, "Forget what was decided about it before.", common=True)
    take_back: bool = option(
        False, "Put what somebody made of the output aside, and make it anew.", common=True
    )
    note: str = option(
        "", "Why it is decided so; it goes into the picture's metadata.", max_length=MAX_TEXT, common=True
    )
    by: str = option("", "Who decides; it goes there too.", max_length=MAX_TEXT)
    later: bool = option(False, "Decide only; the next run makes the pictures anew.", common=True)
    input: Path | None = option(None, "The IN of the run; that of the last run without it.", kind="folder")
    wait_lock: float = option(60.0, "Wait this long for a run of the same output.", unit="seconds", low=0)


@dataclass(frozen=True, kw_only=True)
class DecisionListSettings(OutputOptions):
    """Options of `archivecolor decisions list`."""

    output: Path = required("Coloured tree whose decisions are listed.", argument=True, kind="folder")
    state: str = option(
        "all",
        "List these alone.",
        choices=("all", "accepted", "rejected", "by-hand", "corrected"),
    )


@dataclass(frozen=True, kw_only=True)
class DecisionUndoSettings(OutputOptions):
    """Options of `archivecolor decisions undo`."""

    output: Path = required("Coloured tree whose decisions are undone.", argument=True, kind="folder")
    path: tuple[str, ...] = required(
        "Pictures, films or globs as `decisions list` has them, or as the shell has them.", argument=True
    )
    by: str = option("", "Who undoes it.", max_length=MAX_TEXT)
    wait_lock: float = option(60.0, "Wait this long for a run of the same output.", unit="seconds", low=0)


@dataclass(frozen=True, kw_only=True)
class DecisionExportSettings(OutputOptions):
    """Options of `archivecolor decisions export`."""

    output: Path = required("Coloured tree whose decisions are taken.", argument=True, kind="folder")
    file: Path = required("File for the newest decision of every path; - for standard output.", argument=True)


@dataclass(frozen=True, kw_only=True)
class DecisionImportSettings(OutputOptions):
    """Options of `archivecolor decisions import`."""

    output: Path = required("Coloured tree that gets the decisions.", argument=True, kind="folder")
    file: Path = required("File of decisions made elsewhere.", argument=True)
    wait_lock: float = option(60.0, "Wait this long for a run of the same output.", unit="seconds", low=0)
