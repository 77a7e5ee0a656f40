"""JPEG 2000: JP2 files and bare codestreams; outputs are reversible (5/3) JP2.

Boxes are those of ISO/IEC 15444-1 annex I. OpenJPEG decodes what is left of a cut codestream without a
word, so the end marker is looked for.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from archivecolor.errors import ItemError, Reason
from archivecolor.photo.containers.base import (
    Band,
    Codes,
    ImageReader,
    PageFacts,
    PagePlan,
    WholeImageReader,
    WritableFormat,
    split_samples,
)
from archivecolor.photo.facts import Density

JP2_SIGNATURE = b"\0\0\0\x0cjP  \r\n\x87\n"
CODESTREAM = b"\xff\x4f\xff\x51"
END = b"\xff\xd9"
SRGB, GREY = 16, 17
RESTRICTED_ICC = 2
# A picture of one value out of this many encoded bytes per pixel was not decoded.
SUSPICIOUS_BYTES_PER_PIXEL = 0.05


@dataclass(frozen=True)
class _Contents:
    """The parts of a file that matter: the header's boxes by name, and the codestream."""

    boxes: dict[bytes, bytes]
    codestream: bytes


class Jp2Format(WritableFormat):
    """JPEG 2000 of 1 to 16 bits, grey or RGB, with or without alpha."""

    name = "jp2"
    supports_16_bit = True

    def sniff(self, head: bytes) -> bool:
        """See `Format.sniff`."""
        return head.startswith((JP2_SIGNATURE, CODESTREAM))

    def open(self, path: Path) -> ImageReader:
        """See `Format.open`."""
        contents = _contents(path)
        facts = _facts(contents)
        depth_note = f"{facts.depth}-bit samples brought to {facts.code_depth} bits"
        notes = () if facts.depth in (1, 8, 16) else (depth_note,)
        return WholeImageReader(facts, lambda: _decode(path, facts), notes)

    def is_truncated(self, path: Path) -> bool:
        """See `Format.is_truncated`."""
        return not _has_end(_contents(path).codestream)

    def write(self, part: Path, pages: Sequence[PagePlan]) -> str:
        """See `Format.write`."""
        import imagecodecs

        (plan,) = pages
        encoded = imagecodecs.jpeg2k_encode(
            np.ascontiguousarray(plan.assemble()),
            level=0,
            reversible=True,
            codecformat="jp2",
            colorspace="SRGB" if plan.samples >= 3 else "GRAY",
        )
        part.write_bytes(_with_boxes(bytes(encoded), plan))
        return "exact"


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Names and bodies of a row of boxes; the last one as far as it goes."""
    at = 0
    while at + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        start = at + 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, start)
            start += 8
        end = at + size if size else len(data)
        if end < start:
            raise ItemError(Reason.UNREADABLE, "the jp2's boxes are damaged")
        yield name, data[start:end]
        at = end


def _contents(path: Path) -> _Contents:
    data = path.read_bytes()
    if data.startswith(CODESTREAM):
        return _Contents({}, data)
    outer = dict(_boxes(data))
    if b"jp2h" not in outer or b"jp2c" not in outer:
        raise ItemError(Reason.TRUNCATED, "the jp2 ends before its picture")
    # Where there are several, the first colour specification counts.
    inner: dict[bytes, bytes] = {}
    for name, body in _boxes(outer[b"jp2h"]):
        inner.setdefault(name, body)
    return _Contents(inner, outer[b"jp2c"])


def _has_end(codestream: bytes) -> bool:
    return codestream.rstrip(b"\0").endswith(END)


def _facts(contents: _Contents) -> PageFacts:
    stream = contents.codestream
    if not stream.startswith(CODESTREAM) or len(stream) < 42:
        raise ItemError(Reason.TRUNCATED, "the jpeg 2000 ends in its header")
    right, bottom, left, top = struct.unpack_from(">4I", stream, 8)
    (count,) = struct.unpack_from(">H", stream, 40)
    parts = [stream[42 + 3 * i : 45 + 3 * i] for i in range(count)]
    depth = (parts[0][0] & 127) + 1 if parts else 0
    _check_layout(parts, depth, contents.boxes)
    return PageFacts(
        width=right - left,
        height=bottom - top,
        depth=depth,
        channels=count,
        code_depth=8 if depth <= 8 else 16,
        alpha=count in (2, 4),
        bilevel=depth == 1 and count == 1,
        density=_density(contents.boxes.get(b"res ", b"")),
        icc=_profile(contents.boxes.get(b"colr", b"")),
    )


def _check_layout(parts: list[bytes], depth: int, boxes: dict[bytes, bytes]) -> None:
    problem = ""
    if not 1 <= len(parts) <= 4 or not 1 <= depth <= 16:
        problem = f"{len(parts)} components of {depth} bits"
    elif any(part != bytes((depth - 1, 1, 1)) for part in parts):
        problem = "components that are signed, subsampled or of unlike depth"
    elif b"pclr" in boxes:
        problem = "a palette"
    elif not _is_plain_space(boxes.get(b"colr", b"\x02")):
        problem = "a colour space other than grey and sRGB"
    if problem:
        raise ItemError(Reason.UNSUPPORTED, f"a jpeg 2000 with {problem}")


def _is_plain_space(colr: bytes) -> bool:
    return colr[0] != 1 or int.from_bytes(colr[3:7], "big") in (SRGB, GREY)


def _profile(colr: bytes) -> bytes | None:
    return colr[3:] if colr[:1] == bytes([RESTRICTED_ICC]) and len(colr) > 3 else None


def _density(res: bytes) -> Density | None:
    """Capture or display resolution: pixels per metre as hundredths of pixels per centimetre."""
    boxes = dict(_boxes(res))
    body = boxes.get(b"resc") or boxes.get(b"resd") or b""
    if len(body) < 10:
        return None
    y_top, y_bottom, x_top, x_bottom, y_power, x_power = struct.unpack(">HHHHbb", body[:10])
    x, y = (_scaled(*parts) for parts in ((x_top, x_bottom, x_power), (y_top, y_bottom, y_power)))
    return Density(x, y, "cm") if all((*x, *y)) else None


def _scaled(top: int, bottom: int, power: int) -> tuple[int, int]:
    return top * 10 ** max(power, 0), bottom * 100 * 10 ** max(-power, 0)


def _decode(path: Path, facts: PageFacts) -> Band:
    """Decode the codestream alone: given the whole file, the decoder would convert codes by its profile."""
    import imagecodecs

    data = _contents(path).codestream
    if not _has_end(data):
        raise EOFError("no end marker")
    samples: Codes = imagecodecs.jpeg2k_decode(data)
    suspicious = len(data) > 1024 + facts.width * facts.height * SUSPICIOUS_BYTES_PER_PIXEL
    if suspicious and (samples == samples.flat[0]).all():
        raise ItemError(Reason.UNREADABLE, "the picture decodes to a single value")
    top, full = (1 << facts.depth) - 1, (1 << facts.code_depth) - 1
    if top != full:
        samples = ((samples.astype(np.uint32) * full + top // 2) // top).astype(facts.dtype)
    return split_samples(samples)


def _with_boxes(encoded: bytes, plan: PagePlan) -> bytes:
    """The file with the profile that follows the source's and, from a JPEG 2000 source, its resolution box.

    Without a profile in the source the encoder's own word, sRGB, stands.
    """
    kept = {}
    with plan.source.open("rb") as file:
        if FORMAT.sniff(file.read(64)):
            kept = {name: body for name, body in _contents(plan.source).boxes.items() if name == b"res "}
    out = b""
    for name, body in _boxes(encoded):
        if name != b"jp2h":
            out += _box(name, body)
            continue
        inner = dict(_boxes(body)) | kept
        if plan.icc and plan.facts.icc:
            inner[b"colr"] = bytes((RESTRICTED_ICC, 0, 0)) + plan.icc
        out += _box(name, b"".join(_box(*part) for part in inner.items()))
    return out


def _box(name: bytes, body: bytes) -> bytes:
    if len(body) + 8 < 1 << 32:
        return struct.pack(">I4s", len(body) + 8, name) + body
    return struct.pack(">I4sQ", 1, name, len(body) + 16) + body


FORMAT = Jp2Format()
