"""JPEG: seen as small as the DCT allows, written around the source's own luma coefficients."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from archivecolor.colour.arrays import Float32, UInt8
from archivecolor.errors import ItemError, Reason
from archivecolor.photo.containers import exif
from archivecolor.photo.containers.bands import WholeImageReader, split_samples, to_full_range
from archivecolor.photo.containers.base import DATA_BEHIND, Band, PageFacts, PagePlan, WritableFormat
from archivecolor.photo.containers.blocks import MetadataBlocks, MetadataUpdate
from archivecolor.photo.containers.jpeg import (
    coefficients,
    decoding,
    metadata,
    progression,
    scans,
    segments,
    tolerance,
)
from archivecolor.photo.containers.reading import DamagedError, SourceFile, decoder_call
from archivecolor.photo.facts import Codes
from archivecolor.photo.shrink import resize, working_shape

QUALITY = 95


class JpegReader(WholeImageReader):
    """An open JPEG: its header is parsed, its bytes are held.

    Attributes:
        header: everything before the first scan.
        described: its segments, and those among the scans.
        data: the picture, without what follows its end marker, and where a decoder warned of something
            harmless, without that (`tolerance`).
        space: Gray, YCbCr, RGB, CMYK or YCCK.
    """

    def __init__(self, file: SourceFile) -> None:
        everything = file.whole()
        self._strict = file.strict
        self.header = segments.parse(everything)
        lacks_height = not self.header.frame.height
        if lacks_height:
            everything = segments.with_number_of_lines(everything, self.header)
            self.header = segments.parse(everything)
        end, late = segments.scan_segments(everything, self.header)
        self.data = everything[:end]
        self.described = (*self.header.segments, *late)
        self.space = _colour_space(self.header)
        self.pages = (_facts(self.header),)
        self.notes = self._notes()
        if lacks_height:
            self._note("the height stands behind the first scan alone")
        if everything[end:].strip(b"\0"):
            self.dropped = (DATA_BEHIND,)
        self.dropped += (*metadata.stale(self.described), *metadata.late_blocks(late))
        self.dropped += metadata.set_by_people(self.described)
        if not self._strict:
            self.data = segments.with_standard_tables(self.data, self.header)
            if len(self.data) > end:
                self._note("no Huffman tables: the standard ones taken")

    def _notes(self) -> tuple[str, ...]:
        if self.space in ("CMYK", "YCCK") and self.header.adobe_transform is None:
            return ("cmyk without Adobe's marker, read as inverted",)
        if self.header.frame.precision > 8:
            return (f"{self.header.frame.precision}-bit jpeg, brought to 16 bits",)
        return ()

    @property
    def can_copy_luma(self) -> bool:
        """Whether the Y coefficients can stand in an output as they are."""
        frame = self.header.frame
        luma_first = all(
            frame.sampling[0][axis] == max(factor[axis] for factor in frame.sampling) for axis in (0, 1)
        )
        plain = frame.precision == 8 and frame.marker not in segments.ARITHMETIC
        return plain and luma_first and self.space in ("Gray", "YCbCr")

    @property
    def texts(self) -> tuple[str, ...]:
        """See `ImageReader.texts`."""
        return metadata.texts(self.described)

    @property
    def foreign(self) -> tuple[str, ...]:
        """See `ImageReader.foreign`."""
        return metadata.foreign(self.described)

    @property
    def uncarried(self) -> tuple[str, ...]:
        """See `ImageReader.uncarried`."""
        return (*super().uncarried, *metadata.uncarried(self.header.segments))

    @property
    def is_silent(self) -> bool:
        """See `ImageReader.is_silent`."""
        return metadata.is_silent(self.described)

    def metadata(self) -> MetadataBlocks:
        """See `ImageReader.metadata`."""
        return metadata.blocks_of(self.header)

    def is_truncated(self) -> bool:
        """See `ImageReader.is_truncated`."""
        return not self.data.endswith(segments.END)

    def settle(self) -> None:
        """See `ImageReader.settle`."""
        if self.header.frame.precision == 8:
            self._decode(colour=False, at_least=(1, 1))

    def decode(self) -> Band:
        """The Y plane where there is one, RGB else."""
        return split_samples(self._decode(self.space not in ("Gray", "YCbCr")))

    def coloured_bands(self, page: int) -> Iterator[Band]:
        """See `ImageReader.coloured_bands`."""
        yield split_samples(self._decode(self.pages[page].channels > 1))

    def downscaled(self, page: int, short_side: int) -> Float32:
        """See `ImageReader.downscaled`; decoded at 1/2, 1/4 or 1/8 where that is enough."""
        facts = self.pages[page]
        size = working_shape(facts.height, facts.width, short_side)
        raster = self._decode(facts.channels > 1, size)
        return resize(split_samples(raster).codes, size)

    def _decode(self, colour: bool, at_least: tuple[int, int] = (0, 0)) -> Codes:
        """The picture, strictly: damage that other decoders pass over is damage."""
        if self.header.frame.precision > 8:
            return self._decode_deep()
        inks = self.space in ("CMYK", "YCCK")
        wanted = "CMYK" if inks else "RGB" if colour else "GRAY"
        raster = self._decode_leniently(wanted, at_least)
        return _rgb_from_inverted_inks(raster) if inks else raster

    def _decode_leniently(self, wanted: str, at_least: tuple[int, int]) -> Codes:
        """The picture, with a note in place of the warnings that cost no pixel."""
        decode = functools.partial(decoding.decode_strictly, space=wanted, at_least=at_least)
        try:
            raster = decode(self.data)
        except DamagedError as warning:
            if self._strict:
                raise
            if decoding.is_unknown_sampling(warning):
                raster = decoding.decode_any_sampling(self.data, wanted)
                self._note("a sampling of colour in which damage is not looked for")
                return raster
            self._mend(decode, warning)
            return decode(self.data)
        if not (self.can_copy_luma and progression.lacks_scans(self.data)):
            return raster
        self.data = progression.with_all_scans(self.data, decode)
        self._note("every block is there, though scans with more of their detail are missing")
        return decode(self.data)

    def _mend(self, decode: Callable[[bytes], Codes], warning: DamagedError) -> None:
        """Take out of the picture what a decoder warns of and costs no block.

        Raises:
            DamagedError: it costs some.
        """
        try:
            self.data = tolerance.mended(self.data, decode)
            self._note(f"every block is there, though a decoder warns: {warning}")
        except DamagedError:
            is_progressive = self.header.frame.marker == progression.PROGRESSIVE
            if not (is_progressive and self.can_copy_luma and self.is_truncated()):
                raise
            self.data = progression.with_all_scans(self.data, decode)
            self._note(f"every block is there, though not in all its detail, whole scans alone: {warning}")

    def _note(self, note: str) -> None:
        self.notes = tuple(dict.fromkeys((*self.notes, note)))

    def _decode_deep(self) -> Codes:
        """12-bit samples at 16 bits."""
        import imagecodecs

        frame = self.header.frame
        with decoder_call():
            deep = imagecodecs.jpeg_decode(self.data)
        # Headers that this decoder cannot make sense of give no error, but no pixels either.
        if deep.shape[:2] != (frame.height, frame.width):
            raise DamagedError(f"nothing decodes at {frame.precision} bits")
        if self.is_truncated():
            raise DamagedError("no end marker")
        return to_full_range(deep, (1 << frame.precision) - 1)


class JpegFormat(WritableFormat):
    """Baseline, extended and progressive JPEG, also with arithmetic coding and at 12 bits."""

    name = "jpeg"
    title = "JPEG"
    supports_alpha = False

    def sniff(self, head: bytes) -> bool:
        """See `Format.sniff`."""
        return head[:3] == b"\xff\xd8\xff"

    def open(self, file: SourceFile) -> JpegReader:
        """See `Format.open`."""
        return JpegReader(file)

    def write(self, part: Path, pages: Sequence[PagePlan]) -> str:
        """See `Format.write`; the source's Y coefficients are carried where it has them."""
        (plan,) = pages
        carried = _with_copied_luma(plan)
        encoded = carried if carried is not None else _encode(plan)
        part.write_bytes(segments.with_app_segments(encoded, _app_segments(plan)))
        return "re-encoded" if carried is None else "coefficients"

    def embed(self, part: Path, update: MetadataUpdate) -> tuple[str, ...]:
        """See `WritableFormat.embed`."""
        return metadata.embed(part, update)


def _with_copied_luma(plan: PagePlan) -> bytes | None:
    """The output around the source's coefficients, None where it has none to carry."""
    reader = plan.source
    if not isinstance(reader, JpegReader) or not reader.can_copy_luma:
        return None
    if plan.samples == 1:
        reader.settle()  # nothing else would find damage
    header = segments.parse(reader.data)
    luma = scans.luma_scan(header, reader.data)
    if luma is None or plan.placement is not None:
        return _encode_around_coefficients(reader, plan)
    if plan.samples == 1:
        written = scans.without_chroma_scans(header, luma)
    else:
        written = scans.with_chroma_scans(header, luma, _chroma_planes(plan))
    if not scans.has_same_luma(written, header, luma):
        raise ItemError(Reason.NOT_EXACT, "the luma did not come out as it went in")
    return written


def _encode_around_coefficients(reader: JpegReader, plan: PagePlan) -> bytes:
    """The output where luma is coded together with other things, or has another size."""
    if plan.samples == 1:
        return coefficients.without_chroma(reader.data, plan.placement)
    template = coefficients.chroma_template(_chroma_planes(plan))
    return coefficients.with_chroma(reader.data, template, plan.placement)


def _colour_space(header: segments.Header) -> str:
    """How libjpeg would take the components: Gray, YCbCr, RGB, CMYK or YCCK."""
    count = len(header.frame.components)
    transform = header.adobe_transform
    if count == 1:
        return "Gray"
    if count == 4:
        return "YCCK" if transform == 2 else "CMYK"
    if count != 3:
        raise ItemError(Reason.UNSUPPORTED, f"a jpeg with {count} components")
    if header.app(segments.APP0, b"JFIF\0"):
        return "YCbCr"
    named_rgb = header.frame.components == tuple(b"RGB")
    return "RGB" if transform == 0 or (transform is None and named_rgb) else "YCbCr"


def _facts(header: segments.Header) -> PageFacts:
    frame = header.frame
    if frame.marker in segments.LOSSLESS_OR_HIERARCHICAL:
        raise ItemError(Reason.UNSUPPORTED, "a lossless or hierarchical jpeg")
    if not frame.height or not frame.width:
        raise ItemError(Reason.UNSUPPORTED, "the jpeg's header does not say its size")
    return PageFacts(
        width=frame.width,
        height=frame.height,
        depth=frame.precision,
        channels=len(frame.components),
        code_depth=8 if frame.precision == 8 else 16,
        orientation=exif.orientation_of(header.exif),
        density=header.density or exif.density_of(header.exif),
        icc=header.icc,
    )


def _rgb_from_inverted_inks(inks: Codes) -> Codes:
    """RGB from CMYK in which 255 is no ink, as nearly all writers store it."""
    colours = inks[..., :3].astype(np.uint16)
    colours *= inks[..., 3:]
    colours += 127
    colours //= 255
    return colours.astype(np.uint8)


def _app_segments(plan: PagePlan) -> list[segments.MarkerSegment]:
    return [
        segments.jfif(plan.facts.density),
        *segments.exif_segments(exif.orientation_block(plan.facts.orientation)),
        *segments.icc_segments(plan.icc),
        *(metadata.carried(plan.source.described) if isinstance(plan.source, JpegReader) else ()),
    ]


def _chroma_planes(plan: PagePlan) -> scans.JpegChroma:
    """Cb and Cr codes of the plan, at full or half resolution."""
    size = (plan.facts.height, plan.facts.width)
    planes = np.empty((2, *size), np.uint8)
    top = 0
    for band in plan.chroma:
        planes[:, top : top + band.shape[1]] = band
        top += band.shape[1]
    cb, cr = planes if plan.sampling == "444" else map(_half_size, planes)
    return scans.JpegChroma(cb, cr, size)


def _half_size(plane: UInt8) -> UInt8:
    """Half the rows and columns, rounded up, each the mean of four."""
    from archivecolor.opencv import cv2

    even = np.pad(plane, ((0, plane.shape[0] % 2), (0, plane.shape[1] % 2)), mode="edge")
    half = cv2.resize(even, (even.shape[1] // 2, even.shape[0] // 2), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(half)


def _encode(plan: PagePlan) -> bytes:
    """The codes as a JPEG of their own."""
    import simplejpeg

    raster = np.ascontiguousarray(plan.assemble())
    if plan.samples == 1:
        encoded = simplejpeg.encode_jpeg(raster[..., None], QUALITY, "GRAY", "Gray")
    else:
        encoded = simplejpeg.encode_jpeg(raster, QUALITY, "RGB", plan.sampling)
    return bytes(encoded)


FORMAT = JpegFormat()
