"""Credentials read again: whether they hold, and whom they name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, BinaryIO

from archivecolor.metadata.credentials.embedding import SETTINGS, import_library
from archivecolor.metadata.credentials.statement import Json
from archivecolor.printable import printable

UNTRUSTED = "signingCredential.untrusted"
EXPIRED = frozenset({"signingCredential.expired", "claimSignature.outsideValidity"})


class Standing(str, Enum):
    """How the credentials of a file stand."""

    VALID = "valid"
    MISSING = "missing"
    CHANGED = "changed"
    EXPIRED = "expired"
    UNTRUSTED = "untrusted"


@dataclass(frozen=True)
class ReadCredentials:
    """What the credentials of a file are.

    Attributes:
        standing: whether they hold.
        detail: why not, or who signed.
        tool: the program that signed and its version, such as "archivecolor 0.3".
        actions: the actions that they name, each as it stands there.
    """

    standing: Standing
    detail: str = ""
    tool: str = ""
    actions: tuple[Json, ...] = ()


def read_back(
    media_type: str, contents: BinaryIO, manifest: bytes | None = None, roots: str = ""
) -> ReadCredentials:
    """Check the credentials of a file; nothing is fetched from anywhere.

    Args:
        media_type: of its container.
        contents: the file, open at its beginning.
        manifest: those of the file beside it, where they are not embedded.
        roots: certificates that are trusted, PEM; without them nobody's trust is asked for.

    Raises:
        UnavailableError: the c2pa library is not installed.
    """
    import_library()
    import c2pa

    settings = dict(SETTINGS)
    if roots:
        settings["verify"] = {**_section("verify"), "verify_trust": True}
        settings["trust"] = {"user_anchors": roots}
    try:
        with (
            c2pa.Context.from_dict(settings) as context,
            c2pa.Reader(media_type, contents, manifest, context) as reader,
        ):
            results = reader.get_validation_results() or {}
            active = reader.get_active_manifest() or {}
    except (c2pa.C2paError.ManifestNotFound, c2pa.C2paError.NotSupported):
        return ReadCredentials(Standing.MISSING)
    except (c2pa.C2paError, ValueError, RecursionError) as error:
        return ReadCredentials(Standing.CHANGED, printable(str(error))[:200])
    return _judged(results, active)


def _section(name: str) -> Json:
    section = SETTINGS[name]
    return section if isinstance(section, dict) else {}


def _judged(results: Mapping[str, Any], active: Mapping[str, Any]) -> ReadCredentials:
    """What the library found, in our words; Any, as it gives JSON."""
    codes = [str(failure["code"]) for failure in results.get("activeManifest", {}).get("failure", ())]
    tools = active.get("claim_generator_info") or [{}]
    tool = f"{tools[0].get('name', '')} {tools[0].get('version', '')}".strip()
    actions = tuple(
        action
        for assertion in active.get("assertions", ())
        if str(assertion.get("label", "")).startswith("c2pa.actions")
        for action in assertion.get("data", {}).get("actions", ())
    )
    grave = [code for code in codes if code not in EXPIRED and code != UNTRUSTED]
    signature = active.get("signature_info", {})
    names = dict.fromkeys(filter(None, (signature.get("issuer"), signature.get("common_name"))))
    signer = printable(" / ".join(map(str, names)))
    if grave or not active:
        return ReadCredentials(Standing.CHANGED, printable(", ".join(grave)), tool, actions)
    expired = not EXPIRED.isdisjoint(codes)
    standing = Standing.UNTRUSTED if UNTRUSTED in codes else Standing.EXPIRED if expired else Standing.VALID
    detail = f"signed by {signer}{'; its certificate has expired' if expired else ''}"
    return ReadCredentials(standing, detail, tool, actions)
