"""Credentials put into a picture or film, or beside it, with the c2pa library.

Its settings are given with every call: no thumbnails, nothing fetched from anywhere.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from archivecolor.errors import UnavailableError
from archivecolor.metadata.credentials.signing import (
    WITHOUT_LIBRARY,
    SigningCredentials,
    read_credentials,
    signature_by_command,
)
from archivecolor.metadata.credentials.statement import SCAN, Json, statement_of
from archivecolor.metadata.provenance import Provenance
from archivecolor.printable import printable

if TYPE_CHECKING:
    import c2pa

logger = logging.getLogger(__name__)

SETTINGS: Json = {
    "version": 1,
    "verify": {"verify_trust": False, "remote_manifest_fetch": False, "ocsp_fetch": False},
    "builder": {"thumbnail": {"enabled": False}},
}
# What the library embeds into; beside everything else lies a file of its own.
EMBEDDED = frozenset({"image/jpeg", "image/png", "image/tiff", "image/webp", "video/mp4", "video/quicktime"})
# What it looks for a scan's credentials in.
_READ = EMBEDDED | {"image/heic", "image/avif", "image/gif", "image/jxl"}
BYTES = "application/octet-stream"
_NOT_READ = "credentials, which cannot be read"
# One black pixel.
_TRIAL_PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b55"
    "0000000a49444154789c636000000002000148afa4710000000049454e44ae426082"
)


class CredentialsError(Exception):
    """A file cannot be signed; the message has the library's words, which hold nothing of a key."""


@dataclass(frozen=True)
class Parent:
    """The file that a derivative was made of.

    Attributes:
        name: of the file.
        media_type: of its container.
        sha256: of its contents.
        contents: the file, open at its beginning.
    """

    name: str
    media_type: str
    sha256: str
    contents: BinaryIO


@dataclass(frozen=True)
class Signed:
    """What was signed.

    Attributes:
        manifest: the credentials themselves.
        holds_parents: the parent's own credentials are within them.
        lost: what could not be kept.
    """

    manifest: bytes
    holds_parents: bool = False
    lost: tuple[str, ...] = ()


def check_credentials(file: Path) -> SigningCredentials:
    """See that `file` can sign, by signing one pixel; an end that is near is warned of.

    Raises:
        UnavailableError: it cannot; the message says what to do.
    """
    credentials = read_credentials(file)
    if credentials.expires_soon():
        logger.warning(
            "the signing certificate of %s expires on %s", printable(file), f"{credentials.expires:%Y-%m-%d}"
        )
    parent = Parent("trial", BYTES, "0" * 64, io.BytesIO())
    nothing = Provenance("0", parent.sha256, "", "")
    try:
        sign(credentials, statement_of(nothing, "exact"), parent, Asset("image/png", io.BytesIO(_TRIAL_PNG)))
    except CredentialsError as error:
        trouble = f"the credentials {printable(file)} cannot be used: a trial could not be signed: {error}"
        raise UnavailableError(trouble) from error
    return credentials


@dataclass(frozen=True)
class Asset:
    """What is signed.

    Attributes:
        media_type: of its container; one that nothing can be embedded into, or `BYTES`, is left as it is.
        contents: the finished file, open at its beginning.
        signed: where the signed file is written, open for reading and writing; None forgets it.
    """

    media_type: str
    contents: BinaryIO
    signed: BinaryIO | None = None


def sign(credentials: SigningCredentials, statement: Json, parent: Parent, asset: Asset) -> Signed:
    """Sign a file.

    Args:
        credentials: who signs.
        statement: what is said of it (`statement_of`).
        parent: what it was made of.
        asset: the file.

    Raises:
        CredentialsError: this file cannot be signed.
        UnavailableError: nothing can be: the library or the command that signs is not there any more.
    """
    import_library()
    import c2pa

    about: Json = {
        "title": printable(parent.name),
        "format": parent.media_type,
        "relationship": "parentOf",
        "label": SCAN,
        "instance_id": f"urn:sha256:{parent.sha256}",
    }
    holds_parents, lost = _reads_credentials(parent)
    failures: list[UnavailableError] = []
    try:
        with c2pa.Context.from_dict(SETTINGS) as context, _signer(credentials, failures) as signer:
            builder = c2pa.Builder(statement | ({} if holds_parents else {"ingredients": [about]}), context)
            if holds_parents:
                parent.contents.seek(0)
                builder.add_ingredient(about, parent.media_type, parent.contents)
            if asset.media_type not in EMBEDDED:
                builder.set_no_embed()
            manifest = builder.sign(signer, asset.media_type, asset.contents, asset.signed or io.BytesIO())
    except c2pa.C2paError as error:
        if failures:
            raise failures[0] from error
        raise CredentialsError(printable(str(error))) from error
    return Signed(manifest, holds_parents, lost)


def import_library() -> None:
    """Raise `UnavailableError` where the library is not installed."""
    try:
        import c2pa  # noqa: F401
    except ImportError as error:
        raise UnavailableError(WITHOUT_LIBRARY) from error


def _reads_credentials(parent: Parent) -> tuple[bool, tuple[str, ...]]:
    """Whether the parent carries credentials that can be kept, and what of them is lost."""
    import c2pa

    if parent.media_type not in _READ:
        return False, ()
    try:
        with c2pa.Context.from_dict(SETTINGS) as context:
            c2pa.Reader(parent.media_type, parent.contents, None, context).close()
    except (c2pa.C2paError.ManifestNotFound, c2pa.C2paError.NotSupported):
        return False, ()
    except c2pa.C2paError as error:
        logger.info("%s: its credentials cannot be read: %s", printable(parent.name), printable(str(error)))
        return False, (_NOT_READ,)
    return True, ()


def _signer(credentials: SigningCredentials, failures: list[UnavailableError]) -> c2pa.Signer:
    """The library's signer; what a command fails with is put into `failures`, since it hides exceptions."""
    import c2pa

    algorithm = c2pa.C2paSigningAlg[credentials.algorithm]
    timestamp = credentials.timestamp or None  # an empty address is an internal error
    if credentials.key:
        about = c2pa.C2paSignerInfo(algorithm, credentials.certificates, credentials.key, timestamp)
        return c2pa.Signer.from_info(about)
    callback = _by_command(credentials, failures)
    return c2pa.Signer.from_callback(callback, algorithm, credentials.certificates.decode(), timestamp)


def _by_command(
    credentials: SigningCredentials, failures: list[UnavailableError]
) -> Callable[[bytes], bytes]:
    def signature(data: bytes) -> bytes:
        try:
            return signature_by_command(credentials, data)
        except UnavailableError as error:
            failures.append(error)
            return b""

    return signature
