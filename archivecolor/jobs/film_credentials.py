"""A film signed: in MP4 and MOV, and in a file beside it elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from archivecolor.archive.atomic import atomic_write, raise_if_full
from archivecolor.archive.layout import credentials_beside
from archivecolor.film.probe import film_errors
from archivecolor.metadata.credentials.embedding import BYTES, Parent
from archivecolor.metadata.credentials.statement import statement_of
from archivecolor.metadata.provenance import Provenance
from archivecolor.photo.credentials import SignedPart, sign_part

MEDIA_TYPES = {"mp4": "video/mp4", "mov": "video/quicktime"}
_SOURCE_TYPES = {".mp4": "video/mp4", ".m4v": "video/mp4", ".mov": "video/quicktime"}


@dataclass(frozen=True)
class FilmToSign:
    """A finished film that has no name yet.

    Attributes:
        part: its file.
        container: mp4, mov or mkv.
        luma: "exact" or "re-encoded".
        source: the film that it was made of.
        provenance: what it says of itself.
    """

    part: Path
    container: str
    luma: str
    source: Path
    provenance: Provenance


def sign_film(film: FilmToSign, credentials: Path | None) -> SignedPart | None:
    """Sign a film as the last that is done with it; None where nobody signs.

    Raises:
        ItemError: it cannot be signed, or its source cannot be read.
        OutputError: there is no room for it twice.
        UnavailableError: nothing can be signed.
    """
    if credentials is None:
        return None
    raise_if_full(film.part.parent, film.part.stat().st_size)
    with film_errors():
        contents = film.source.open("rb")
    with contents:
        media_type = _SOURCE_TYPES.get(film.source.suffix.lower(), BYTES)
        parent = Parent(film.source.name, media_type, film.provenance.source_sha256, contents)
        statement = statement_of(film.provenance, film.luma)
        media_type = MEDIA_TYPES.get(film.container, BYTES)
        return sign_part(film.part, media_type, credentials, statement, parent)


def write_beside_film(path: Path, signed: SignedPart | None) -> None:
    """Write the credentials that the film `path` does not hold itself into a file beside it.

    Raises:
        OutputError: it cannot be written.
    """
    if signed is not None and signed.beside:
        with atomic_write(credentials_beside(path)) as part:
            part.write_bytes(signed.beside)
