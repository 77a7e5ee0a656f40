"""Netpbm: PBM, PGM, PPM and PAM. Outputs are binary PPM."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from archivecolor.errors import ItemError, Reason
from archivecolor.photo.containers.bands import WholeImageReader, split_samples, to_full_range
from archivecolor.photo.containers.base import DATA_BEHIND, Band, PageFacts, PagePlan, WritableFormat
from archivecolor.photo.containers.reading import DamagedError, SourceFile, decoder_call

_BITMAPS = ("P1", "P4")
TEXTS = ("P1", "P2", "P3")
HEADER_BYTES = 512
GAP = rb"(?:\s|#[^\r\n]*[\r\n])+"
SIZES = rb"(?P<width>\d+)" + GAP + rb"(?P<height>\d+)"
_BITMAP_HEADER = re.compile(rb"(?P<kind>P[14])" + GAP + SIZES + rb"\s")
HEADER = re.compile(rb"(?P<kind>P[2356])" + GAP + SIZES + GAP + rb"(?P<maxval>\d+)\s")
_PAM_HEADER = re.compile(rb"P7\n.*?\nENDHDR\n", re.DOTALL)
_COMMENT = re.compile(rb"#[^\r\n]*")
_BLANKS = b"\0\t\n\r "
_LATE_COMMENT = re.compile(rb"[ \t]*#[^\n]*\n|\n")
KINDS = ("P1", "P2", "P3", "P4", "P5", "P6", "P7")


class PnmReader(WholeImageReader):
    """An open netpbm file.

    Attributes:
        maxval: the sample that is white.
        comments: of the header, which an output that is netpbm keeps.
    """

    def __init__(self, file: SourceFile) -> None:
        import netpbmfile

        file.seek(0)
        is_commented = b"#" in file.read(HEADER_BYTES)
        plain = io.BytesIO(_without_comments(file.whole())) if is_commented else file
        self.comments = _comments(file) if is_commented else ()
        plain.seek(0)
        with decoder_call():
            self._picture = netpbmfile.NetpbmFile(plain)
            kind, self.maxval, depth = (
                str(self._picture.magicnumber),
                int(self._picture.maxval),
                int(self._picture.depth),
            )
            size = int(self._picture.width), int(self._picture.height)
            sample_bytes = self._picture.dtype.itemsize
            start = len(self._picture.header)
        if kind not in KINDS or not 0 < self.maxval < 65536 or not 1 <= depth <= 4:
            detail = f"a netpbm file of kind {kind}, {depth} samples, maxval {self.maxval}"
            raise ItemError(Reason.UNSUPPORTED, detail)
        stored = plain.seek(0, 2)
        row_bytes = -(-size[0] // 8) if kind == "P4" else size[0] * depth * sample_bytes
        nbytes = 0 if kind in TEXTS else size[1] * row_bytes
        self._is_truncated = kind not in TEXTS and stored < start + nbytes
        if kind not in TEXTS and stored >= start + 2 * nbytes:
            raise ItemError(Reason.UNSUPPORTED, "a netpbm file with more than one picture")
        # A cut one has nothing behind it, and may claim to end where no file can.
        if kind not in TEXTS and not self._is_truncated:
            plain.seek(start + nbytes)
            self.dropped = (DATA_BEHIND,) if plain.read().strip(_BLANKS) else ()
        self.pages = (
            PageFacts(
                width=size[0],
                height=size[1],
                depth=max(1, self.maxval.bit_length()),
                channels=depth,
                code_depth=8 if self.maxval < 256 else 16,
                alpha=depth in (2, 4),
                bilevel=kind in _BITMAPS or (self.maxval == 1 and depth == 1),
            ),
        )
        if self.maxval not in (1, 255, 65535):
            self.notes = (f"white is {self.maxval}, brought to {self.pages[0].code_depth} bits",)

    @property
    def texts(self) -> tuple[str, ...]:
        """See `ImageReader.texts`."""
        return ("comment",) * len(self.comments)

    def is_truncated(self) -> bool:
        """See `ImageReader.is_truncated`; text says nothing of its length."""
        return self._is_truncated

    def decode(self) -> Band:
        """See `WholeImageReader.decode`."""
        if self._is_truncated:
            raise DamagedError("samples are missing")
        with decoder_call():
            samples = np.asarray(self._picture.asarray())
        if samples.max() > self.maxval:
            raise DamagedError(f"a sample of {samples.max()}, over the header's {self.maxval}")
        return split_samples(to_full_range(samples, self.maxval))


def _comments(file: SourceFile) -> tuple[bytes, ...]:
    """The comments of the header, each from its sign on."""
    file.seek(0)
    head = file.read(HEADER_BYTES)
    found = HEADER.match(head) or _BITMAP_HEADER.match(head) or _PAM_HEADER.match(head)
    return tuple(_COMMENT.findall(found[0])) if found else ()


def _without_comments(data: bytes) -> bytes:
    """A file without the comments that may stand anywhere in its header; `data` where there are none."""
    found = HEADER.match(data) or _BITMAP_HEADER.match(data)
    if found is None:
        return data
    fields = found.groupdict(b"")
    kind, raster = fields["kind"], data[found.end() :]
    late = _LATE_COMMENT.match(raster)
    # One blank ends the header, and samples may begin with any byte: their number tells.
    if late and len(raster) - late.end() == _raster_bytes(fields):
        raster = raster[late.end() :]
    elif b"#" not in found[0]:
        return data
    numbers = [fields["width"] + b" " + fields["height"], *filter(None, [fields.get("maxval", b"")])]
    return b"\n".join([kind, *numbers, raster])


def _raster_bytes(fields: dict[str, bytes]) -> int:
    """Bytes of the samples of a binary picture of bytes or words; -1 of another."""
    samples = {b"P5": 1, b"P6": 3}.get(fields["kind"])
    if samples is None:
        return -1
    return int(fields["width"]) * int(fields["height"]) * samples * (2 if int(fields["maxval"]) > 255 else 1)


class PnmFormat(WritableFormat):
    """Netpbm pictures of whole numbers, binary and plain, of any largest value."""

    name = "pnm"
    title = "PNM"
    supports_16_bit = True
    supports_alpha = False
    supports_metadata = False

    def sniff(self, head: bytes) -> bool:
        """See `Format.sniff`."""
        return head[:2].decode("latin-1") in KINDS and head[2:3] in (b" ", b"\t", b"\r", b"\n", b"#")

    def open(self, file: SourceFile) -> PnmReader:
        """See `Format.open`."""
        return PnmReader(file)

    def write(self, part: Path, pages: Sequence[PagePlan]) -> str:
        """See `Format.write`."""
        (plan,) = pages
        kind = "P6" if plan.samples == 3 else "P5"
        with part.open("wb") as file:
            top = (1 << plan.depth) - 1
            comments = plan.source.comments if isinstance(plan.source, PnmReader) else ()
            file.write(b"\n".join([kind.encode(), *comments, b""]))
            file.write(f"{plan.facts.width} {plan.facts.height}\n{top}\n".encode())
            for band in plan.bands:
                file.write(band.astype(plan.dtype.newbyteorder(">")).tobytes())
        return "exact"


FORMAT = PnmFormat()
