"""Where the shots of a film begin, as a command asks for it: found, none, or read from a list."""

from __future__ import annotations

from pathlib import Path

from archivecolor.errors import UsageError
from archivecolor.film.edit_list_starts import check_edit_list, is_edit_list, read_edit_list
from archivecolor.film.first_pass import FirstPass
from archivecolor.film.probe import FilmFacts
from archivecolor.film.shot_list import read_shots, read_starts
from archivecolor.film.shots import Shot, shots_from_starts
from archivecolor.printable import printable
from archivecolor.settings import ShotOptions

WORDS = ("auto", "none")


def check_cuts(cuts: str) -> None:
    """Refuse a list of shots that cannot be read, before any work.

    Raises:
        UsageError: it cannot, or is not there.
    """
    if cuts in WORDS:
        return
    path = Path(cuts)
    if not path.is_file():
        raise UsageError(
            f"the list of shots {printable(cuts)} does not exist; cuts is auto, none, or a CSV, EDL "
            "or OTIO file"
        )
    if is_edit_list(path):
        check_edit_list(path)
    else:
        read_starts(path)


def shots_of(settings: ShotOptions, facts: FilmFacts, found: FirstPass) -> tuple[Shot, ...]:
    """Where shots begin, as asked.

    Args:
        settings: of the command.
        facts: of the film.
        found: what it holds.

    Raises:
        UsageError: the list cannot be read, or does not fit the film.
    """
    if settings.cuts == "auto":
        return found.shots
    if settings.cuts == "none":
        return shots_from_starts({}, len(found))
    path = Path(settings.cuts)
    if is_edit_list(path):
        return read_edit_list(path, facts, found)
    return read_shots(path, facts.path, len(found))
