"""What this program made beside its sources, known by the name and by what the file says of itself."""

from __future__ import annotations

from pathlib import Path

from archivecolor.archive.names import BESIDE
from archivecolor.archive.plan import FILM


def is_own_output(path: Path, kind: str) -> bool:
    """Whether a file was coloured by this program beside its source; others than NAME-colour are not opened.

    Args:
        path: of the file.
        kind: of the items that it was found among, a film or else a photograph.
    """
    if not path.stem.endswith(BESIDE):
        return False
    if kind == FILM:
        from archivecolor.film.mux import is_coloured_film

        return is_coloured_film(path)
    from archivecolor.photo.marking import marking_of_file

    return marking_of_file(path) is not None
