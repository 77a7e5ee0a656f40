"""Who signs: a file that names certificates and a key, or a command that signs.

    certificates = "signing.pem"     # the signing certificate, then those that issued it
    key = "signing-key.pem"          # PKCS#8; or a command in its place, which gets on standard input
    command = ["sign-with-our-hsm"]  # what is to be signed, and writes the signature to standard output
    timestamp = "https://..."        # an RFC 3161 service: the one thing here that uses a network

Paths are relative to the file. Neither a key nor what a command says appears in any message.
"""

from __future__ import annotations

import hashlib
import subprocess
import tomllib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from archivecolor.errors import UnavailableError
from archivecolor.printable import printable

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

MAX_BYTES = 1 << 20
_WARN_BEFORE = timedelta(days=30)
_COMMAND_SECONDS = 60.0
WITHOUT_LIBRARY = "credentials need the c2pa library: pip install 'archivecolor[credentials]'"
_KEYS = {"certificates", "key", "command", "timestamp"}
NEW = "archivecolor credentials new FOLDER makes new ones"


@dataclass(frozen=True)
class SigningCredentials:
    """Who signs, checked.

    Attributes:
        file: that names them.
        certificates: PEM, the signing certificate first.
        algorithm: of the signature, such as ES256, as the certificate's key has it.
        digest: SHA-256 of the signing certificate, 64 hex digits.
        expires: when the signing certificate does.
        key: PKCS#8, PEM; empty where a command signs.
        command: that signs, its words; empty where a key does.
        timestamp: address of a timestamp service; empty for none.
    """

    file: Path
    certificates: bytes
    algorithm: str
    digest: str
    expires: datetime
    key: bytes = field(default=b"", repr=False)
    command: tuple[str, ...] = ()
    timestamp: str = ""

    def expires_soon(self) -> bool:
        """Whether less than 30 days are left."""
        return datetime.now(UTC) > self.expires - _WARN_BEFORE


def read_credentials(file: Path) -> SigningCredentials:
    """Read who signs, and see that certificate and key belong together and hold today.

    Raises:
        UnavailableError: they cannot be used; the message says what to do.
    """
    try:
        from cryptography import x509
    except ImportError as error:
        raise UnavailableError(WITHOUT_LIBRARY) from error
    values = _values(file)
    chain = _contents(file, str(values["certificates"]))
    try:
        certificate = x509.load_pem_x509_certificates(chain)[0]
    except (ValueError, IndexError) as error:
        raise _unusable(file, "its certificates are no PEM file of certificates") from error
    _check_dates(file, certificate)
    key = _contents(file, str(values["key"])) if "key" in values else b""
    if key:
        _check_key(file, key, certificate)
    return SigningCredentials(
        file=file,
        certificates=chain,
        algorithm=_algorithm_of(file, certificate.public_key()),
        digest=_digest_of(certificate),
        expires=certificate.not_valid_after_utc,
        key=key,
        command=_command(file, values.get("command", ())),
        timestamp=str(values.get("timestamp", "")),
    )


def _unusable(file: Path, trouble: str) -> UnavailableError:
    return UnavailableError(f"the credentials {printable(file)} cannot be used: {trouble}")


def _values(file: Path) -> dict[str, object]:
    """What the file says, its keys and kinds as they must be."""
    try:
        values = tomllib.loads(_read(file).decode())
    except OSError as error:
        raise _unusable(file, f"{error.strerror or error}; {NEW}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise _unusable(file, "it is no TOML file") from error
    if unknown := set(values) - _KEYS:
        raise _unusable(file, f"it has {', '.join(sorted(map(printable, unknown)))}; known are {_known()}")
    texts = [values[name] for name in ("certificates", "key", "timestamp") if name in values]
    if not all(isinstance(text, str) for text in texts) or not isinstance(values.get("command", []), list):
        raise _unusable(file, "command is a list of words, the others are texts")
    if "certificates" not in values or ("key" in values) == ("command" in values):
        raise _unusable(file, "it must name certificates, and either a key or a command that signs")
    timestamp = str(values.get("timestamp", "https://"))
    if not timestamp.startswith(("https://", "http://")):
        raise _unusable(file, "timestamp is the address of a service, https://...")
    return values


def _known() -> str:
    return ", ".join(sorted(_KEYS))


def _command(file: Path, words: object) -> tuple[str, ...]:
    """The words of a command; a program that is named by a path is looked for from the file on."""
    if not isinstance(words, (list, tuple)) or not words:
        return ()
    program, *others = map(str, words)
    return (str(file.absolute().parent / program) if Path(program).name != program else program, *others)


def _contents(file: Path, name: str) -> bytes:
    try:
        return _read(file.parent / name)
    except OSError as error:
        trouble = f"{printable(name)}, which it names: {error.strerror or error}"
        raise _unusable(file, trouble) from error


def _read(path: Path) -> bytes:
    """A small regular file."""
    if path.exists() and not path.is_file():
        raise OSError(0, "it is no file")
    with path.open("rb") as file:
        contents = file.read(MAX_BYTES + 1)
    if len(contents) > MAX_BYTES:
        raise OSError(0, "it is too large")
    return contents


def _check_dates(file: Path, certificate: x509.Certificate) -> None:
    if datetime.now(UTC) > certificate.not_valid_after_utc:
        trouble = f"the signing certificate expired on {certificate.not_valid_after_utc:%Y-%m-%d}"
        raise _unusable(file, f"{trouble}; have it renewed, or: {NEW}")
    if datetime.now(UTC) < certificate.not_valid_before_utc:
        trouble = f"the signing certificate holds from {certificate.not_valid_before_utc:%Y-%m-%d}"
        raise _unusable(file, f"{trouble}; is the clock of this machine right?")


def _check_key(file: Path, key: bytes, certificate: x509.Certificate) -> None:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        public = load_pem_private_key(key, None).public_key()
    except TypeError:  # the library's way to say that it is encrypted
        trouble = (
            "the key has a password, which nothing here asks for: take it off (openssl pkcs8 -topk8 -nocrypt)"
        )
        raise _unusable(file, f"{trouble}, or name a command that signs in the key's place") from None
    except (ValueError, UnsupportedAlgorithm):  # whose words may hold what they could not read
        trouble = "the key is no PKCS#8 file without a password (openssl pkcs8 -topk8 -nocrypt makes one)"
        raise _unusable(file, trouble) from None
    if _der(public) != _der(certificate.public_key()):
        raise _unusable(file, "the key is not that of the signing certificate, the first of its file")


def _der(key: object) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    encoded: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined]
    return encoded


def _algorithm_of(file: Path, key: CertificatePublicKeyTypes) -> str:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == "secp256r1":
        return "ES256"
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= 2048:
        return "PS256"
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "ED25519"
    raise _unusable(file, "the certificate's key is none of ES256 (P-256), PS256 (RSA of 2048 bits), Ed25519")


def _digest_of(certificate: x509.Certificate) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding

    return hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()


def signature_by_command(credentials: SigningCredentials, data: bytes) -> bytes:
    """What the command says to `data`: a signature as COSE has it (RFC 9053).

    Of an ECDSA signature in DER, which openssl and most devices write, the two numbers are taken.

    Raises:
        UnavailableError: it cannot be run, fails or takes too long.
    """
    try:
        done = subprocess.run(
            credentials.command, input=data, capture_output=True, timeout=_COMMAND_SECONDS, check=False
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        trouble = "took too long" if isinstance(error, subprocess.TimeoutExpired) else "cannot be run"
        raise _unusable(credentials.file, f"the command that signs {trouble}") from None
    if done.returncode or not done.stdout:
        trouble = f"the command that signs ended with {done.returncode} and {len(done.stdout)} bytes"
        raise _unusable(credentials.file, f"{trouble}; try it by hand")
    return _plain_ecdsa(done.stdout) if credentials.algorithm == "ES256" else done.stdout


def _plain_ecdsa(signature: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    if len(signature) == 64:
        return signature
    try:
        numbers = decode_dss_signature(signature)
        return b"".join(number.to_bytes(32, "big") for number in numbers)
    except (ValueError, OverflowError):
        return signature
