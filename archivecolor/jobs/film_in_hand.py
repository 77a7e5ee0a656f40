"""The note of the film in hand, so that one which ends its process does not end every night.

A run that is killed leaves the note behind, whoever killed it, and the next run goes on with the film. Where
that has ended `MAX_DEATHS` runs with no work file made in between, it gets a record instead, and the films
after it their turn.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from archivecolor.archive.atomic import atomic_write, remove_file
from archivecolor.archive.layout import Layout
from archivecolor.archive.plan import Item
from archivecolor.errors import ItemError, Reason
from archivecolor.jobs.film_jobs import file_state

logger = logging.getLogger(__name__)

MAX_DEATHS = 2


@contextmanager
def film_in_hand(root: Path, item: Item) -> Iterator[None]:
    """Have it noted on disk that a film is in hand while the block runs.

    Args:
        root: the output folder.
        item: the film.

    Raises:
        ItemError: `WORKER_DIED` where it has ended as many runs as may be.
        OutputError: the note cannot be written.
    """
    path = Layout(root).films_in_hand
    others = _read_notes(path)
    # Deaths count in a row: of the same file, with no more work done.
    state = [*(file_state(item.source) or ()), sum(1 for _ in Layout(root).work.glob("*/[!.]*"))]
    note = others.pop(item.path, None)
    deaths = next((before + 1 for before in range(MAX_DEATHS) if note == [*state, before]), 0)
    if deaths >= MAX_DEATHS:
        _write_notes(path, others)
        detail = f"{deaths} runs in a row ended while they had it in hand (crash, out of memory, or killed)"
        raise ItemError(Reason.WORKER_DIED, detail)
    _write_notes(path, others | {item.path: [*state, deaths]})
    try:
        yield
    finally:
        _write_notes(path, others)


def _read_notes(path: Path) -> dict[str, object]:
    """By the film's path, as `film_in_hand` writes them; damaged ones are none."""
    try:
        return dict(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, RecursionError) as error:
        logger.warning("%s is damaged and is written anew: %s", path, error)
        return {}


def _write_notes(path: Path, notes: Mapping[str, object]) -> None:
    if not notes:
        remove_file(path)
        return
    with atomic_write(path) as part:
        part.write_text(json.dumps(notes), encoding="ascii")
