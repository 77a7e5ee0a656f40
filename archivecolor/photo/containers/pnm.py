"""Netpbm: PBM, PGM, PPM and PAM. Outputs are binary PPM."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from archivecolor.errors import ItemError, Reason
from archivecolor.photo.containers.base import (
    Band,
    ImageReader,
    PageFacts,
    PagePlan,
    WholeImageReader,
    WritableFormat,
    split_samples,
)

BITMAPS = ("P1", "P4")
KINDS = (*BITMAPS, "P2", "P3", "P5", "P6", "P7")
HEADER_BYTES = 4096


class PnmFormat(WritableFormat):
    """Netpbm pictures of whole numbers, binary and plain, of any largest value."""

    name = "pnm"
    supports_16_bit = True
    supports_alpha = False

    def sniff(self, head: bytes) -> bool:
        """See `Format.sniff`."""
        return head[:2].decode("latin-1") in KINDS and head[2:3] in (b" ", b"\t", b"\r", b"\n", b"#")

    def open(self, path: Path) -> ImageReader:
        """See `Format.open`."""
        header = _header(path)
        return WholeImageReader(header.facts, lambda: _decode(path, header), header.notes)

    def is_truncated(self, path: Path) -> bool:
        """See `Format.is_truncated`."""
        return _header(path).is_truncated(path)

    def write(self, part: Path, pages: Sequence[PagePlan]) -> str:
        """See `Format.write`."""
        (plan,) = pages
        kind = "P6" if plan.samples == 3 else "P5"
        with part.open("wb") as file:
            top = (1 << plan.depth) - 1
            file.write(f"{kind}\n{plan.facts.width} {plan.facts.height}\n{top}\n".encode())
            for band in plan.bands:
                file.write(band.astype(plan.dtype.newbyteorder(">")).tobytes())
        return "exact"


class _Header:
    """What the header says: `maxval` is white; `binary` pictures have `nbytes` of samples after it."""

    def __init__(self, file: Any) -> None:
        self.kind = str(file.magicnumber)
        self.maxval = int(file.maxval)
        self.binary = self.kind not in ("P1", "P2", "P3")
        row_bytes = (
            -(-file.width // 8) if self.kind == "P4" else file.width * file.depth * file.dtype.itemsize
        )
        self.end = len(file.header) + file.height * row_bytes
        self.facts = PageFacts(
            width=file.width,
            height=file.height,
            depth=max(1, self.maxval.bit_length()),
            channels=file.depth,
            code_depth=8 if self.maxval < 256 else 16,
            alpha=file.depth in (2, 4),
            bilevel=self.kind in BITMAPS or (self.maxval == 1 and file.depth == 1),
        )

    @property
    def notes(self) -> tuple[str, ...]:
        plain = self.maxval in (1, 255, 65535)
        return () if plain else (f"white is {self.maxval}, brought to {self.facts.code_depth} bits",)

    def is_truncated(self, path: Path) -> bool:
        return self.binary and path.stat().st_size < self.end


def _header(path: Path) -> _Header:
    import netpbmfile

    with path.open("rb") as stream:
        file = netpbmfile.NetpbmFile(stream)
        if file.magicnumber not in KINDS or not 0 < file.maxval < 65536 or not 1 <= file.depth <= 4:
            detail = f"a netpbm file of kind {file.magicnumber}, {file.depth} samples, maxval {file.maxval}"
            raise ItemError(Reason.UNSUPPORTED, detail)
        header = _Header(file)
    if header.binary and path.stat().st_size >= header.end + (header.end - len(file.header)):
        raise ItemError(Reason.UNSUPPORTED, "a netpbm file with more than one picture")
    return header


def _decode(path: Path, header: _Header) -> Band:
    import netpbmfile

    if header.is_truncated(path):
        raise EOFError("samples are missing")
    with path.open("rb") as stream:
        samples = np.asarray(netpbmfile.NetpbmFile(stream).asarray())
    if samples.max() > header.maxval:
        raise ValueError(f"a sample of {samples.max()}, over the header's {header.maxval}")
    full = (1 << header.facts.code_depth) - 1
    if header.maxval != full:
        samples = (samples.astype(np.uint32) * full + header.maxval // 2) // header.maxval
    return split_samples(samples.astype(header.facts.dtype))


FORMAT = PnmFormat()
