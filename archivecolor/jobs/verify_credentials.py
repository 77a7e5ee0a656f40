"""The credentials of one output, as `verify` looks at them."""

from __future__ import annotations

from pathlib import Path

from archivecolor.archive.layout import credentials_beside
from archivecolor.errors import UnavailableError, UsageError
from archivecolor.jobs.findings import Finding, FindingKind
from archivecolor.jobs.photograph import SUFFIX_FORMATS
from archivecolor.metadata.credentials.embedding import BYTES
from archivecolor.metadata.credentials.reading import ReadCredentials, Standing, read_back
from archivecolor.photo.credentials import MEDIA_TYPES
from archivecolor.printable import printable

_FILM_TYPES = {".mp4": "video/mp4", ".m4v": "video/mp4", ".mov": "video/quicktime"}
# Ours have a few KB; those of a scan within them may have pictures.
MAX_BYTES = 64 << 20
_FINDINGS = {
    Standing.MISSING: FindingKind.CREDENTIALS_MISSING,
    Standing.CHANGED: FindingKind.CREDENTIALS_CHANGED,
    Standing.UNTRUSTED: FindingKind.CREDENTIALS_UNTRUSTED,
    Standing.EXPIRED: FindingKind.CREDENTIALS_EXPIRED,
}


def trusted_roots(file: Path | None) -> str:
    """The certificates that are trusted, PEM; empty where none are asked for.

    Raises:
        UsageError: there is no such file, or it holds none.
    """
    if file is None:
        return ""
    try:
        text = file.read_text(encoding="ascii")
    except FileNotFoundError as error:
        raise UsageError(f"--trust: {printable(file)} does not exist") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{printable(file)} holds no certificates that can be read (PEM)") from error
    if "-----BEGIN CERTIFICATE-----" not in text:
        raise UsageError(f"{printable(file)} holds no certificates (PEM)")
    return text


def credentials_finding(folder: Path, path: str, roots: str) -> Finding | None:
    """What is wrong with the credentials of a file below `folder`, or worth knowing; None where they hold."""
    try:
        found = read_credentials_of(folder / path, roots)
    except OSError as error:
        return Finding(FindingKind.UNREADABLE, path, error.strerror or "")
    except UnavailableError as error:
        return Finding(FindingKind.CREDENTIALS_UNCHECKED, path, str(error))
    kind = _FINDINGS.get(found.standing)
    return None if kind is None else Finding(kind, path, found.detail)


def read_credentials_of(file: Path, roots: str = "") -> ReadCredentials:
    """The credentials of a picture or film, in it or beside it.

    Raises:
        OSError: it cannot be read.
        UnavailableError: the c2pa library is not installed.
    """
    beside = credentials_beside(file)
    manifest = None
    if beside.is_file():
        if beside.stat().st_size > MAX_BYTES:
            return ReadCredentials(Standing.CHANGED, f"{beside.name} is too large")
        manifest = beside.read_bytes()
    with file.open("rb") as contents:
        media_type = BYTES if manifest is not None else _media_type_of_name(file)
        return read_back(media_type, contents, manifest, roots)


def _media_type_of_name(file: Path) -> str:
    """The media type that a file's name promises."""
    suffix = file.suffix.lower()
    return _FILM_TYPES.get(suffix) or MEDIA_TYPES.get(SUFFIX_FORMATS.get(suffix, ""), BYTES)
