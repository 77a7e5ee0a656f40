"""Credentials of a finished part, put into it, or given for beside it: the last that is written of it."""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from archivecolor.archive.atomic import raise_if_full
from archivecolor.archive.parts import PART_SUFFIX
from archivecolor.errors import ItemError, Reason
from archivecolor.metadata.credentials.embedding import (
    BYTES,
    EMBEDDED,
    Asset,
    CredentialsError,
    Parent,
    sign,
)
from archivecolor.metadata.credentials.signing import read_credentials
from archivecolor.metadata.credentials.statement import Json

MEDIA_TYPES = {
    "jpeg": "image/jpeg",
    "png": "image/png",
    "tiff": "image/tiff",
    "webp": "image/webp",
    "jp2": "image/jp2",
    "bmp": "image/bmp",
    "pnm": "image/x-portable-anymap",
    "heic": "image/heic",
    "gif": "image/gif",
    "avif": "image/avif",
    "psd": "image/vnd.adobe.photoshop",
    "jxl": "image/jxl",
}
# What comparing finds of a source's credentials, which are within those of the derivative.
_OF_CREDENTIALS = (
    "APP11",
    "chunk caBX",
    "chunk C2PA",
    "CBOR:",
    "Jpeg2000:C2pa",
    "JSON:",
    "RIFF:Unknown_C2PA",
)
_TIFF_TAG = "Exif_0xcd41"


@dataclass(frozen=True)
class SignedPart:
    """What was signed.

    Attributes:
        certificate: SHA-256 of the signing certificate, 64 hex digits.
        beside: the credentials for a file beside it; empty where they are in it.
        holds_parents: the source's own credentials are within them.
        lost: what could not be kept.
    """

    certificate: str
    beside: bytes
    holds_parents: bool
    lost: tuple[str, ...]


def sign_part(part: Path, media_type: str, file: Path, statement: Json, parent: Parent) -> SignedPart:
    """Sign a finished part.

    Args:
        part: a file without its final name; nothing may be written into it afterwards.
        media_type: of its container; `BYTES` for one that nothing is embedded into.
        file: who signs.
        statement: what is said of it.
        parent: what it was made of.

    Raises:
        ItemError: UNSUPPORTED; this file cannot be signed.
        UnavailableError: none can be.
        OutputError: there is no room.
    """
    credentials, embeds = read_credentials(file), media_type in EMBEDDED
    signed = part.with_name(f".{secrets.token_hex(8)}{PART_SUFFIX}")
    try:
        with part.open("rb") as contents, signed.open("xb+") as target:
            signed.chmod(0o600)
            made = sign(credentials, statement, parent, Asset(media_type, contents, target))
        if embeds:
            signed.replace(part)
    except CredentialsError as error:
        raise_if_full(part.parent, part.stat().st_size)
        raise ItemError(Reason.UNSUPPORTED, f"it cannot be signed: {error}") from error
    finally:
        with suppress(OSError):
            signed.unlink(missing_ok=True)
    beside = b"" if embeds else made.manifest
    return SignedPart(credentials.digest, beside, made.holds_parents, made.lost)


def without_credentials(lost: tuple[str, ...]) -> tuple[str, ...]:
    """Names of what is lost, without those of a source's credentials."""
    return tuple(name for name in lost if not name.startswith(_OF_CREDENTIALS) and _TIFF_TAG not in name)


def media_type_of(format: str, pages: int) -> str:
    """The media type that a derivative is signed as.

    A TIFF of several pages would get one more, without a picture, so its credentials lie beside it.
    """
    return BYTES if format == "tiff" and pages > 1 else MEDIA_TYPES.get(format, BYTES)
