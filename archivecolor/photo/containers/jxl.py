"""JPEG XL, bare or in a container, through libjxl; never written, kept as PNG.

The header's fields are those of ISO/IEC 18181-1 (2022), annexes B.3 and D; bits are read from the lowest up.
Exif and XMP stand in boxes of the container (ISO/IEC 18181-2), plain or packed with Brotli.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

from archivecolor.errors import ItemError, Reason
from archivecolor.photo.containers import exif
from archivecolor.photo.containers.bands import WholeImageReader, split_samples, to_full_range
from archivecolor.photo.containers.base import DATA_BEHIND, Band, Format, PageFacts
from archivecolor.photo.containers.blocks import MetadataBlocks
from archivecolor.photo.containers.bmff import Box, boxes_in, left_out
from archivecolor.photo.containers.jpeg import metadata as jpeg_metadata
from archivecolor.photo.containers.jpeg import segments
from archivecolor.photo.containers.jpeg.segments import Header
from archivecolor.photo.containers.reading import MAX_UNPACKED, DamagedError, SourceFile, decoder_call

CODESTREAM = b"\xff\x0a"
SIGNATURE = b"\0\0\0\x0cJXL \r\n\x87\n"
EXIF, XML, _PACKED = b"Exif", b"xml ", b"brob"
STREAM, _STREAM_PART, JPEG = b"jxlc", b"jxlp", b"jbrd"
STRUCTURAL = (b"JXL ", b"ftyp", b"jxll", b"jxli", STREAM, _STREAM_PART, JPEG)
# What is added to the number of the last part of a codestream.
_LAST_PART = 1 << 31
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
# Widths in bits and what is added: of sides, of bit depths, of counts and of numbers of an enumeration.
_SIDES = ((9, 1), (13, 1), (18, 1), (30, 1))
DEPTHS = ((0, 8), (0, 10), (0, 12), (6, 1))
COUNTS = ((0, 0), (0, 1), (4, 2), (12, 1))
_ENUM = ((0, 0), (0, 1), (4, 2), (6, 18))
RGB, GREY = 0, 1
# White point, primaries and transfer function of sRGB.
D65, SRGB_PRIMARIES, _SRGB_CURVE = 1, 1, 13


@dataclass(frozen=True)
class _Header:
    """What the codestream says of its picture."""

    width: int
    height: int
    orientation: int
    depth: int
    grey: bool
    alpha: bool
    is_srgb: bool


class _Bits:
    """Numbers out of a row of bits."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "little")
        self._left = 8 * len(data)

    def take(self, count: int = 1) -> int:
        """The next bits as a number."""
        if count > self._left:
            raise DamagedError("the header ends too early")
        number = self._value & (1 << count) - 1
        self._value >>= count
        self._left -= count
        return number

    def choose(self, kinds: tuple[tuple[int, int], ...]) -> int:
        """A number of one of four widths."""
        width, added = kinds[self.take(2)]
        return self.take(width) + added


@dataclass(frozen=True)
class _Contents:
    """What a file holds.

    Attributes:
        codestream: the picture.
        exif: body of the Exif box.
        xml: body of the box of XML, which is XMP.
        lost: names of the boxes that are neither.
        is_cut: the last part of the picture is missing.
        has_jpeg: the file holds how the JPEG was written that the picture was made from.
    """

    codestream: bytes
    exif: bytes | None = None
    xml: bytes | None = None
    lost: tuple[str, ...] = ()
    is_cut: bool = False
    has_jpeg: bool = False

    @property
    def exif_block(self) -> bytes | None:
        """The Exif block, the place of which comes first."""
        block = self.exif or b""
        return exif.bare(block[4 + int.from_bytes(block[:4], "big") :] or None)


class JxlReader(WholeImageReader):
    """An open JPEG XL."""

    notes = ("jxl is written as png",)

    def __init__(self, file: SourceFile) -> None:
        data = file.whole()
        self._data = data
        self._contents = _contents_of(data) if data.startswith(SIGNATURE) else _Contents(data)
        self._header = header = _header_of(self._contents.codestream)
        self.dropped = self._contents.lost
        if not header.is_srgb:
            self.dropped += ("colour space",)
        block = self._contents.exif_block
        self.pages = (
            PageFacts(
                width=header.width,
                height=header.height,
                depth=header.depth,
                channels=(1 if header.grey else 3) + header.alpha,
                code_depth=8 if header.depth <= 8 else 16,
                alpha=header.alpha,
                orientation=header.orientation,
                density=exif.density_of(block),
            ),
        )

    @functools.cached_property
    def _jpeg(self) -> Header | None:
        """The header of the JPEG that the picture was made from; None where it was made from none."""
        import imagecodecs

        if not self._contents.has_jpeg:
            return None
        try:
            with decoder_call():
                return segments.parse(bytes(imagecodecs.jpegxl_decode_jpeg(self._data, numthreads=1)))
        except (DamagedError, ItemError):
            self.dropped += ("jbrd box",)
            return None

    @functools.cached_property
    def _has_data_behind(self) -> bool:
        """Whether the decoder needs the last byte of the codestream, which says nothing of its own length."""
        import imagecodecs

        try:
            with decoder_call():
                imagecodecs.jpegxl_decode(self._contents.codestream[:-1])
        except DamagedError:
            return False
        return True

    def metadata(self) -> MetadataBlocks:
        """See `ImageReader.metadata`; IPTC stands in what the JPEG had besides its picture."""
        if self._has_data_behind:
            self.dropped = tuple(dict.fromkeys((*self.dropped, DATA_BEHIND)))
        iptc = jpeg_metadata.blocks_of(self._jpeg).iptc if self._jpeg else None
        return MetadataBlocks(self._contents.exif_block, iptc, self._contents.xml)

    @property
    def foreign(self) -> tuple[str, ...]:
        """See `ImageReader.foreign`: comments and makers' segments of the JPEG."""
        described = self._jpeg.segments if self._jpeg else ()
        return (*jpeg_metadata.texts(described), *jpeg_metadata.foreign(described))

    @property
    def uncarried(self) -> tuple[str, ...]:
        """See `ImageReader.uncarried`."""
        return (*super().uncarried, *jpeg_metadata.uncarried(self._jpeg.segments if self._jpeg else ()))

    def is_truncated(self) -> bool:
        """See `ImageReader.is_truncated`: of a codestream that is not in parts the decoder alone knows."""
        return self._contents.is_cut

    def decode(self) -> Band:
        """See `WholeImageReader.decode`; as stored, for whoever writes turns it."""
        import imagecodecs

        with decoder_call():
            samples = imagecodecs.jpegxl_decode(self._contents.codestream, keeporientation=True)
        return split_samples(to_full_range(samples, (1 << self._header.depth) - 1))


class JxlFormat(Format):
    """JPEG XL of one picture of whole numbers."""

    name = "jxl"
    title = "JPEG XL"

    def sniff(self, head: bytes) -> bool:
        """See `Format.sniff`."""
        return head.startswith((CODESTREAM, SIGNATURE))

    def open(self, file: SourceFile) -> JxlReader:
        """See `Format.open`."""
        return JxlReader(file)


def _contents_of(data: bytes) -> _Contents:
    """What the boxes of a container hold, whatever their order."""
    boxes = list(boxes_in(data))
    found: dict[bytes, bytes] = {}
    lost: list[Box] = []
    for name, body in boxes:
        is_packed = name == _PACKED
        kind = body[:4] if is_packed else name
        # The first of each alone, so that no file has us unpack for ever.
        if kind in (EXIF, XML) and kind not in found:
            found[kind] = _unpacked(body[4:]) if is_packed else body
            if found[kind]:
                continue
        if is_packed or kind not in STRUCTURAL:
            lost.append((kind, body))
    stream = next((body for name, body in boxes if name == STREAM), None)
    parts = {int.from_bytes(body[:4], "big"): body[4:] for name, body in boxes if name == _STREAM_PART}
    joined = b"".join(parts[number] for number in sorted(parts, key=lambda number: number % _LAST_PART))
    return _Contents(
        codestream=joined if stream is None else stream,
        exif=found.get(EXIF),
        xml=found.get(XML),
        lost=left_out(lost, ()),
        is_cut=stream is None and max(parts, default=0) < _LAST_PART,
        has_jpeg=any(name == JPEG for name, _ in boxes),
    )


def _unpacked(packed: bytes) -> bytes:
    """What a box holds that is packed with Brotli; nothing where it is damaged, or too much."""
    import imagecodecs

    try:
        with decoder_call():
            return bytes(imagecodecs.brotli_decode(packed, out=MAX_UNPACKED))
    except DamagedError:
        return b""


def _header_of(stream: bytes) -> _Header:
    """The size and the metadata of the picture, as far as they are asked for here.

    Raises:
        ItemError: TRUNCATED, or UNSUPPORTED where it moves, has a preview, floats or channels besides alpha.
        DamagedError: it ends too early.
    """
    if not stream.startswith(CODESTREAM):
        raise ItemError(Reason.TRUNCATED, "the jpeg xl ends before its picture")
    bits = _Bits(stream[2:80])
    width, height = _size(bits)
    if bits.take():
        return _Header(width, height, 1, 8, grey=False, alpha=False, is_srgb=True)
    orientation = 1
    if bits.take():
        orientation = 1 + bits.take(3)
        if bits.take():
            _size(bits)
        if bits.take() or bits.take():
            raise ItemError(Reason.UNSUPPORTED, "a jpeg xl that moves or has a preview")
    depth = _depth(bits)
    bits.take()
    extra = bits.choose(COUNTS)
    if extra > 1 or (extra and not _is_plain_alpha(bits)):
        raise ItemError(Reason.UNSUPPORTED, "a jpeg xl of channels besides colour and alpha")
    bits.take()
    space, is_srgb = _colour_space(bits)
    return _Header(width, height, orientation, depth, grey=space == GREY, alpha=extra == 1, is_srgb=is_srgb)


def _size(bits: _Bits) -> tuple[int, int]:
    """Columns and rows."""
    eighths = bits.take()
    height = 8 * (bits.take(5) + 1) if eighths else bits.choose(_SIDES)
    ratio = bits.take(3)
    if ratio:
        top, bottom = _RATIOS[ratio - 1]
        return height * top // bottom, height
    return 8 * (bits.take(5) + 1) if eighths else bits.choose(_SIDES), height


def _depth(bits: _Bits) -> int:
    if bits.take():
        raise ItemError(Reason.UNSUPPORTED, "a jpeg xl of floats")
    depth = bits.choose(DEPTHS)
    if depth > 16:
        raise ItemError(Reason.UNSUPPORTED, f"a jpeg xl of {depth} bits")
    return depth


def _is_plain_alpha(bits: _Bits) -> bool:
    """Whether an extra channel is alpha of the picture's size, not multiplied in."""
    if bits.take():
        return True
    if bits.choose(_ENUM) != 0:
        return False
    _depth(bits)
    shift = bits.choose(((0, 0), (0, 3), (0, 4), (3, 1)))
    bits.take(8 * bits.choose(((0, 0), (4, 0), (5, 16), (10, 48))))
    return not shift and not bits.take()


def _colour_space(bits: _Bits) -> tuple[int, bool]:
    """RGB or GREY, and whether its codes mean what those of sRGB mean."""
    if bits.take():
        return RGB, True
    has_profile, space = bits.take(), bits.choose(_ENUM)
    if space not in (RGB, GREY):
        raise ItemError(Reason.UNSUPPORTED, "a jpeg xl of a colour space other than grey and RGB")
    if has_profile or bits.choose(_ENUM) != D65:
        return space, False
    if space == RGB and bits.choose(_ENUM) != SRGB_PRIMARIES:
        return space, False
    has_gamma = bits.take()
    return space, not has_gamma and bits.choose(_ENUM) == _SRGB_CURVE


FORMAT = JxlFormat()
