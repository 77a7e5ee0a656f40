"""The profile of an output: RGB, valid, and leaving the scan's codes as they are.

A grey profile cannot stand on an RGB picture, so its tone curve is carried into an RGB profile with
the sRGB primaries: R = G = B then means what the grey code meant. Profiles are built byte by byte
because ready-made ones carry the time of their making, and a rerun must give the same bytes.
Layout: ICC.1:2004-10 (version 4.2).
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass

HEADER_BYTES = 128
_LOST, _GREY_LOST = "ICC profile", "grey ICC profile, but its tone curve"
# sRGB primaries and white, adapted to D50 (IEC 61966-2-1, Bradford), as X, Y, Z of R, G, B.
_PRIMARIES = {
    b"rXYZ": (0.43607, 0.22249, 0.01392),
    b"gXYZ": (0.38515, 0.71687, 0.09708),
    b"bXYZ": (0.14307, 0.06061, 0.71410),
}
_D50 = (0.9642, 1.0, 0.8249)
# From D65 to D50 by Bradford.
_ADAPTATION = (1.04788, 0.02292, -0.05020, 0.02959, 0.99048, -0.01706, -0.00923, 0.01508, 0.75168)


@dataclass(frozen=True)
class OutputProfile:
    """The profile of an output.

    Attributes:
        icc: to embed.
        note: what of the source's was not plain, "" where all was.
        lost: what goes where it is not the source's own, "" where it is.
    """

    icc: bytes
    note: str = ""
    lost: str = ""


def output_profile(source: bytes | None) -> OutputProfile:
    """Choose the profile of an RGB output from the profile of its source.

    An RGB profile stays; a grey one gives its tone curve to an RGB profile; none means sRGB;
    anything else (CMYK, Lab, broken) gives sRGB and a note.
    """
    if not source:
        return OutputProfile(SRGB)
    space = _usable_space(source)
    if space == b"RGB ":
        return OutputProfile(source)
    if space == b"GRAY":
        curve = _grey_curve(source)
        if curve:
            return OutputProfile(_build(curve, "Grey tone curve, sRGB primaries"), lost=_GREY_LOST)
        return OutputProfile(SRGB, "grey profile without a tone curve for XYZ; sRGB instead", _LOST)
    if space == b"":
        return OutputProfile(SRGB, "profile is damaged; sRGB instead", _LOST)
    return OutputProfile(SRGB, f"profile for {space.decode('ascii', 'replace').strip()}; sRGB instead", _LOST)


def _usable_space(icc: bytes) -> bytes:
    """Colour space of a profile that a colour engine opens, b"" for one that it does not."""
    from PIL import ImageCms

    if len(icc) < HEADER_BYTES + 4 or int.from_bytes(icc[:4], "big") > len(icc):
        return b""
    try:
        ImageCms.ImageCmsProfile(io.BytesIO(icc))
    except (OSError, ValueError, TypeError, ImageCms.PyCMSError):
        return b""
    return icc[16:20]


def _grey_curve(icc: bytes) -> bytes | None:
    """The kTRC tag of a grey profile over XYZ: curve or parametric curve, verbatim."""
    if icc[20:24] != b"XYZ ":
        return None
    (count,) = struct.unpack_from(">I", icc, HEADER_BYTES)
    for entry in range(min(count, 100)):
        name, offset, size = struct.unpack_from(">4sII", icc, HEADER_BYTES + 4 + 12 * entry)
        curve = icc[offset : offset + size]
        if name == b"kTRC" and len(curve) == size and curve[:4] in (b"curv", b"para"):
            return curve
    return None


def _fixed(*values: float) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))


def _text(words: str) -> bytes:
    encoded = words.encode("utf-16-be")
    return struct.pack(">4s4xII2s2sII", b"mluc", 1, 12, b"en", b"US", len(encoded), 28) + encoded


def _build(curve: bytes, name: str) -> bytes:
    """A matrix profile with the sRGB primaries and `curve` for all three channels."""
    tags = {
        b"desc": _text(name),
        b"cprt": _text("No copyright, use freely"),
        b"wtpt": b"XYZ \0\0\0\0" + _fixed(*_D50),
        b"chad": b"sf32\0\0\0\0" + _fixed(*_ADAPTATION),
        **{tag: b"XYZ \0\0\0\0" + _fixed(*xyz) for tag, xyz in _PRIMARIES.items()},
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    table, body, placed = b"", b"", dict[bytes, int]()
    start = HEADER_BYTES + 4 + 12 * len(tags)
    for tag, value in tags.items():
        if value not in placed:
            placed[value] = start + len(body)
            body += value + bytes(-len(value) % 4)
        table += struct.pack(">4sII", tag, placed[value], len(value))
    size = start + len(body)
    return _header(size) + struct.pack(">I", len(tags)) + table + body


def _header(size: int) -> bytes:
    """Version 4.2, display profile, RGB over XYZ, a fixed date."""
    date = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)
    front = struct.pack(">I4sI4s4s4s", size, b"\0\0\0\0", 0x04200000, b"mntr", b"RGB ", b"XYZ ")
    illuminant = _fixed(*_D50)
    return (front + date + b"acsp" + bytes(28) + illuminant).ljust(HEADER_BYTES, b"\0")


# The sRGB curve as a parametric curve of type 3 (IEC 61966-2-1).
SRGB = _build(
    struct.pack(">4s4xHxx", b"para", 3) + _fixed(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045), "sRGB"
)
