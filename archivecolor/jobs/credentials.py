"""Credentials of one's own: a folder with a root, a signing certificate, and the file that names them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from archivecolor.archive.atomic import atomic_write
from archivecolor.errors import OutputError, UsageError
from archivecolor.metadata.credentials.embedding import check_credentials
from archivecolor.metadata.credentials.making import KeyPair, check_library, new_root, new_signing_pair
from archivecolor.metadata.credentials.signing import SigningCredentials
from archivecolor.printable import printable
from archivecolor.settings import NewCredentialsSettings

ROOT, _ROOT_KEY, FILE = "root.pem", "root-key.pem", "credentials.toml"
MAX_NAME = 64


@dataclass(frozen=True)
class NewCredentials:
    """What was made.

    Attributes:
        file: for `--credentials`.
        root: the certificate that others have to trust.
        root_is_new: it was made now; else a new signing certificate was issued by one that was there.
        credentials: as they sign.
    """

    file: Path
    root: Path
    root_is_new: bool
    credentials: SigningCredentials


def new_credentials(settings: NewCredentialsSettings) -> NewCredentials:
    """Make a root, where the folder has none yet, and a signing certificate that it issues.

    Raises:
        UsageError: the name is none, the root of the folder cannot issue, or one was made today already.
        OutputError: the folder cannot be written.
        UnavailableError: the libraries are not installed.
    """
    check_library()
    folder, name = settings.folder, settings.name.strip()
    if not name or len(name) > MAX_NAME - len(" root") or not name.isprintable():
        raise UsageError(f"--name is what people see of who signs: up to {MAX_NAME - len(' root')} letters")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        root, root_is_new = _root(folder, name)
        stem = f"signing-{datetime.now(UTC):%Y-%m-%d}"
        pair = _issued(folder, name, root)
        _write_pair(folder / f"{stem}.pem", folder / f"{stem}-key.pem", pair)
    except FileExistsError as error:
        raise UsageError(
            f"{printable(str(error.filename))} is there already, and stays as it is; give another folder, or"
            " move that file and the one beside it away"
        ) from error
    except OSError as error:
        raise OutputError(f"{printable(folder)} cannot be written: {error.strerror}") from error
    with atomic_write(folder / FILE) as part:
        part.write_text(f'certificates = "{stem}.pem"\nkey = "{stem}-key.pem"\n', encoding="utf-8")
    return NewCredentials(folder / FILE, folder / ROOT, root_is_new, check_credentials(folder / FILE))


def _root(folder: Path, name: str) -> tuple[KeyPair, bool]:
    """The folder's root, made where it has none, and whether it was made."""
    if (folder / ROOT).exists():
        return KeyPair((folder / ROOT).read_bytes(), (folder / _ROOT_KEY).read_bytes()), False
    root = new_root(name)
    _write_pair(folder / ROOT, folder / _ROOT_KEY, root)
    return root, True


def _issued(folder: Path, name: str, root: KeyPair) -> KeyPair:
    try:
        return new_signing_pair(name, root)
    except (ValueError, TypeError) as error:  # whose words may hold what they could not read
        shown = printable(folder / ROOT)
        raise UsageError(f"{shown} and its key cannot issue a certificate; take another folder") from error


def _write_pair(certificate: Path, key: Path, pair: KeyPair) -> None:
    """Write both anew, the key for its owner alone."""
    for path, contents, mode in ((key, pair.key, 0o600), (certificate, pair.certificate, 0o644)):
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(contents)
