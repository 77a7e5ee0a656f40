"""The public functions for what people decide about pictures and films; `api.py` exports them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from archivecolor.archive.decision import Decision
from archivecolor.colour.guidance import Hint
from archivecolor.engine.progress import FunctionListener, OnItem
from archivecolor.engine.stopping import Stop
from archivecolor.settings import CorrectSettings, DecisionListSettings, DecisionUndoSettings
from archivecolor.settings.keywords import CorrectKeywords, checked_keywords

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from archivecolor.jobs.correct import Corrected


def correct(
    output: str | Path,
    *paths: str | Path,
    hints: Sequence[Hint] = (),
    on_item: OnItem | None = None,
    stop: Stop | None = None,
    **options: Unpack[CorrectKeywords],
) -> Corrected:
    """Decide about pictures of a coloured tree, and make them anew, as `archivecolor correct` does.

    Args:
        output: the coloured tree.
        paths: of pictures, relative to the folder of the scans or to `output`; or globs of them; or one film.
        hints: colours wished for at places of a picture, or of the frame of a film that `at` names.
        on_item: called after every picture that is made anew.
        stop: says when to end; what was decided stands.
        options: such as `saturation=0.7`, `accept=True` or `later=True`; see `CorrectSettings`.

    Raises:
        TypeError: there is no such option.
        UsageError: what is decided cannot be, or there is no such picture; nothing was done.
        CheckpointError, UnavailableError, OutputError, LockedError: as `colour_folder`.
    """
    from archivecolor.jobs.correct import correct as correct_tree

    values = checked_keywords(options, CorrectKeywords, "correct")
    settings = CorrectSettings(output=Path(output), path=tuple(map(str, paths)), **values)
    return correct_tree(settings, FunctionListener(on_item), stop or Stop(), hints=hints)


def decisions(output: str | Path, *, state: str = "all") -> list[Decision]:
    """What is decided about pictures of a coloured tree and holds, as `archivecolor decisions` lists it.

    Args:
        output: the coloured tree.
        state: "accepted", "rejected", "by-hand" or "corrected" for these alone.

    Raises:
        UsageError: there is no coloured tree, or a newer version wrote its decisions.
    """
    from archivecolor.jobs.decisions import standing_decisions

    settings = DecisionListSettings(output=Path(output), state=state)
    return [standing.decision for standing in standing_decisions(settings)]


def undo_decisions(output: str | Path, *paths: str | Path, by: str = "") -> tuple[Decision, ...]:
    """Undo the newest decision about each of some pictures; the next run carries it out.

    Args:
        output: the coloured tree.
        paths: as those of `correct`.
        by: who undoes them.

    Returns:
        What now holds of each.

    Raises:
        UsageError: nothing is decided about one of them, or other decisions stand in the way.
        OutputError, LockedError: as `colour_folder`.
    """
    from archivecolor.jobs.decisions import undo_decisions as undo

    return undo(DecisionUndoSettings(output=Path(output), path=tuple(map(str, paths)), by=by))
