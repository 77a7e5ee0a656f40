"""New credentials: a root of one's own, and signing certificates that it issues (RFC 5280)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from archivecolor.errors import UnavailableError
from archivecolor.metadata.credentials.signing import WITHOUT_LIBRARY

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

_ROOT_DAYS, SIGNING_DAYS = 20 * 365, 2 * 365
# Clocks of those who look at what was signed at once may be behind.
_BACKDATED = timedelta(minutes=5)


@dataclass(frozen=True)
class KeyPair:
    """A certificate and its key.

    Attributes:
        certificate: PEM.
        key: PKCS#8, PEM, without a password.
    """

    certificate: bytes
    key: bytes

    def __repr__(self) -> str:
        """Without the key."""
        return "KeyPair(...)"


def check_library() -> None:
    """Raise `UnavailableError` where what makes certificates is not installed."""
    try:
        import cryptography  # noqa: F401
    except ImportError as error:
        raise UnavailableError(WITHOUT_LIBRARY) from error


def new_root(name: str) -> KeyPair:
    """A root certificate, called `name`, that signs itself and holds for 20 years."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = _named(name, f"{name} root")
    builder = _certificate(subject, subject, key, _ROOT_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
    return _pair(builder.sign(key, hashes.SHA256()), key)


def new_signing_pair(name: str, root: KeyPair) -> KeyPair:
    """A signing certificate that `root` issues to `name`, for two years; the chain is in it.

    Raises:
        ValueError: the root is none.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from cryptography.x509.oid import ExtendedKeyUsageOID

    issuer, issuer_key = (
        x509.load_pem_x509_certificate(root.certificate),
        load_pem_private_key(root.key, None),
    )
    if not isinstance(issuer_key, ec.EllipticCurvePrivateKey):
        raise ValueError("the root has a key of another kind")
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _certificate(_named(name, name), issuer.subject, key, SIGNING_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
    purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
    builder = builder.add_extension(purposes, critical=False)
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    builder = builder.add_extension(authority, critical=False)
    pair = _pair(builder.sign(issuer_key, hashes.SHA256()), key)
    return KeyPair(pair.certificate + root.certificate, pair.key)


def _named(organisation: str, name: str) -> x509.Name:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: EllipticCurvePrivateKey, days: int
) -> x509.CertificateBuilder:
    from cryptography import x509

    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(subject_name=subject, issuer_name=issuer)
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - _BACKDATED).not_valid_after(now + timedelta(days=days))
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return builder.add_extension(identifier, critical=False)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _pair(certificate: x509.Certificate, key: EllipticCurvePrivateKey) -> KeyPair:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    encoded = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return KeyPair(certificate.public_bytes(Encoding.PEM), encoded)
