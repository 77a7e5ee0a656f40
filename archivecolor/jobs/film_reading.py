"""A film read for the first time, as a run wants it: its fields handled, its shots, and what was decided."""

from __future__ import annotations

from dataclasses import replace

from archivecolor.archive.correction import Correction
from archivecolor.archive.plan import Item
from archivecolor.errors import ItemError, Reason
from archivecolor.film.film import Film
from archivecolor.film.first_pass import FirstPass, load_first_pass, run_first_pass, save_first_pass
from archivecolor.film.interlacing import field_parity
from archivecolor.film.probe import FilmFacts
from archivecolor.film.segment_plan import WorkFolder
from archivecolor.jobs.cuts import shots_of
from archivecolor.jobs.film_decisions import with_corrections
from archivecolor.jobs.film_jobs import FilmRunContext
from archivecolor.jobs.film_progress import LOOKING, FilmProgress
from archivecolor.jobs.film_setup import choose_field_handling, make_film


def read_film(
    item: Item, run_context: FilmRunContext, facts: FilmFacts, folder: WorkFolder, correction: Correction
) -> Film:
    """The film with its shots, and with what was decided about them.

    Args:
        item: the film.
        run_context: of the run.
        facts: of the film, as it is stored.
        folder: where what an earlier run found is kept.
        correction: what was decided.

    Raises:
        ItemError: it cannot be read, or not as it is asked for.
        UsageError: a list of shots does not fit it.
        StoppedError, OutOfTimeError: the run was asked to end.
    """
    facts, found = _with_fields_handled(item, run_context, facts, folder)
    shots = shots_of(run_context.settings, facts, found)
    return with_corrections(make_film(facts, found, shots, run_context), correction)


def _with_fields_handled(
    item: Item, run_context: FilmRunContext, facts: FilmFacts, folder: WorkFolder
) -> tuple[FilmFacts, FirstPass]:
    """The film as it will be read, its fields kept or undone, and what it then holds."""
    found = _load_or_survey(item, run_context, facts, folder)
    fields = choose_field_handling(run_context.settings, facts, found)
    if fields == "keep":
        return facts, found
    facts = replace(facts, fields=fields, parity=field_parity(facts, found.fields))
    return facts, _load_or_survey(item, run_context, facts, folder)


def _load_or_survey(
    item: Item, run_context: FilmRunContext, facts: FilmFacts, folder: WorkFolder
) -> FirstPass:
    """What the film holds: as found by an earlier run, or by looking at all of it."""

    def watch(count: int) -> None:
        frames = facts.expected_frames
        run_context.report(item, FilmProgress(LOOKING, count, frames, megapixels=facts.megapixels))
        run_context.stop_if_asked()

    kept = folder.first_pass(facts.fields)
    found = load_first_pass(kept)
    if found is None:
        found = run_first_pass(facts, watch)
        save_first_pass(kept, found)
    if found.defects and run_context.settings.strict:
        raise ItemError(Reason.TRUNCATED, f"not whole: {', '.join(found.defects)}")
    return found
