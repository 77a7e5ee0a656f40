"""Encoders of the picture: which one, in which pixel format, with which defaults."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from archivecolor.errors import ItemError, Reason, UnavailableError, UsageError
from archivecolor.film import hardware
from archivecolor.film.containers import UNSUPPORTED_CODECS
from archivecolor.film.frames import graph_for, pull_frames
from archivecolor.film.pixels import (
    CHROMA_SUBSAMPLING,
    MATRIX_BT709,
    RANGE_FULL,
    RANGE_LIMITED,
    Plane,
    SampleFormat,
    padded_plane_view,
    pix_fmt_suffix,
)
from archivecolor.film.planes import ChromaPlanes
from archivecolor.film.probe import BOTTOM_FIRST, BOTTOM_ORDERS, PROGRESSIVE, TOP_FIRST, FilmFacts
from archivecolor.settings import VideoSettings

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.filter import Graph
    from av.packet import Packet
    from av.stream import Stream
    from av.video.frame import VideoFrame

_CRF = {"h264": 18, "h265": 20}
# Slower presets of x264 make smaller files of clean pictures, larger ones of grain; "fast" saves x265 little.
_PRESETS = {"h264": "fast", "h265": "medium"}
SOFTWARE = {"h264": "libx264", "h265": "libx265", "ffv1": "ffv1", "prores": "prores_ks", "dnxhr": "dnxhd"}
DEPTHS = {"h264": (8,), "h265": (8, 10, 12), "ffv1": (8, 9, 10, 12, 16), "prores": (10,), "dnxhr": (8, 10)}
# Codecs whose files do not say full range: luma is brought to limited range of more bits, exactly reversible.
_LIMITED_RANGE_ONLY = frozenset({"prores", "dnxhr"})
_FFV1 = {"level": "3", "coder": "1", "context": "1", "g": "1", "slices": "4", "slicecrc": "1"}
_DNXHR_MIN_SIZE = (256, 120)


@dataclass(frozen=True)
class Target:
    """What the picture is encoded as.

    Attributes:
        codec: the `codec` option.
        encoder: FFmpeg's name of the encoder.
        pix_fmt: planar pixel format of the picture.
        encoder_pix_fmt: pixel format the encoder takes, the same samples in another order perhaps.
        kind: of encoder: the `encoder` option.
        sample_format: depth and range of its samples.
        matrix: H.273 code point of its Cb and Cr.
        subsampling: luma samples per chroma sample, across and down.
        options: of the encoder.
        threads: of the encoder; its output may depend on it.
        interlaced: fields are coded as such.
        top_first: which field comes first.
        notes: what a person should know of the choice.
    """

    codec: str
    encoder: str
    pix_fmt: str
    encoder_pix_fmt: str
    sample_format: SampleFormat
    matrix: int
    subsampling: tuple[int, int]
    kind: str = hardware.SOFTWARE
    options: dict[str, str] = field(default_factory=dict)
    threads: int = 1
    interlaced: bool = False
    top_first: bool = True
    notes: tuple[str, ...] = ()


def choose_target(facts: FilmFacts, settings: VideoSettings, threads: int, interlaced: bool) -> Target:
    """What the picture of this film is encoded as.

    Raises:
        ItemError: `UNSUPPORTED` where the codec cannot hold such a picture.
    """
    codec = settings.codec
    software = settings.encoder == hardware.SOFTWARE
    depth = _depth_for(codec, facts.sample_format, (DEPTHS if software else hardware.DEPTHS)[codec])
    sampling, notes = _sampling_for(settings, facts)
    if depth < facts.sample_format.depth:
        notes = (*notes, f"luma rounded from {facts.sample_format.depth} to {depth} bits for {codec}")
    full = facts.sample_format.full and codec not in _LIMITED_RANGE_ONLY
    if facts.sample_format.full and not full:
        notes = (*notes, f"luma brought from full to limited range of {depth} bits for {codec}")
    if codec == "dnxhr" and (facts.width < _DNXHR_MIN_SIZE[0] or facts.height < _DNXHR_MIN_SIZE[1]):
        raise ItemError(Reason.UNSUPPORTED, "dnxhr needs 256 x 120 pixels or more; choose another codec")
    # FFmpeg writes BT.709 into each DNxHR frame, and players go by that.
    matrix = MATRIX_BT709 if codec == "dnxhr" else facts.matrix
    if matrix != facts.matrix:
        notes = (*notes, f"chroma written in the matrix BT.709, as {codec} names no other")
    pix_fmt = f"yuv{sampling}p{pix_fmt_suffix(depth)}"
    return Target(
        codec=codec,
        encoder=_encoder_of(settings),
        pix_fmt=pix_fmt,
        encoder_pix_fmt=pix_fmt if software else hardware.PIX_FMTS[depth],
        kind=settings.encoder,
        sample_format=SampleFormat(depth, full),
        matrix=matrix,
        subsampling=CHROMA_SUBSAMPLING[sampling],
        options=_options_for(settings, depth, interlaced, facts),
        threads=threads,
        interlaced=interlaced,
        top_first=facts.field_order not in BOTTOM_ORDERS,
        notes=notes,
    )


def encodes_interlaced(settings: VideoSettings) -> bool:
    """Whether the encoder codes fields as such."""
    return settings.encoder == hardware.SOFTWARE and settings.codec not in ("h265", "dnxhr")


def _depth_for(codec: str, sample_format: SampleFormat, offered: tuple[int, ...]) -> int:
    """Bits per sample: the smallest offered that holds the source's, or the most."""
    wanted = sample_format.depth
    if sample_format.full and codec in _LIMITED_RANGE_ONLY:
        wanted += 1
    return next((depth for depth in offered if depth >= wanted), offered[-1])


def _sampling_for(settings: VideoSettings, facts: FilmFacts) -> tuple[str, tuple[str, ...]]:
    """Chroma sampling, and what is to be said of it."""
    codec = settings.codec
    if codec == "ffv1":
        return "444", ()
    if codec in _LIMITED_RANGE_ONLY:
        if facts.width % 2:
            raise ItemError(Reason.UNSUPPORTED, f"{codec} needs an even width; choose another codec")
        return "422", ()
    if facts.width % 2 or facts.height % 2:
        if settings.encoder != hardware.SOFTWARE:
            raise ItemError(Reason.UNSUPPORTED, f"{settings.encoder} needs even sides; choose software")
        return "444", ("chroma at 4:4:4, as the size is odd",)
    return "420", ()


def _options_for(settings: VideoSettings, depth: int, interlaced: bool, facts: FilmFacts) -> dict[str, str]:
    """Options of the encoder. Groups of pictures are closed, so that segments can be joined."""
    codec = settings.codec
    fields = {"flags": "+ildct+ilme"} if interlaced else {}
    if settings.encoder != hardware.SOFTWARE:
        return hardware.HARDWARE_ENCODERS[settings.encoder].options_for(_rate_factor(settings))
    crf = str(_rate_factor(settings))
    if codec == "h264":
        return {"crf": crf, "preset": _preset_of(settings)} | _deterministic_x264_options() | fields
    if codec == "h265":
        # Frame threads change the result, so their number is fixed.
        return {
            "crf": crf,
            "preset": _preset_of(settings),
            "x265-params": "open-gop=0:frame-threads=2:log-level=error",
        }
    if codec == "ffv1":
        return dict(_FFV1) | {"slices": str(_slices_for(facts))}
    if codec == "prores":
        return {"profile": "3", "vendor": "apl0"} | fields
    return {"profile": "dnxhr_hq" if depth == 8 else "dnxhr_hqx"} | fields


def _deterministic_x264_options() -> dict[str, str]:
    """Keeps x264 off its AVX-512 code, whose macroblock tree differs from run to run (seen in build 165)."""
    from archivecolor.opencv import cv2

    features = cv2.getCPUFeaturesLine().split()
    has_avx512 = any("AVX512" in feature and not feature.endswith("?") for feature in features)
    return {"x264-params": "asm=avx2"} if has_avx512 else {}


def _slices_for(facts: FilmFacts) -> int:
    """Slices of FFV1, which threads share: more in larger pictures."""
    pixels = facts.width * facts.height
    return 4 if pixels < 500_000 else 16 if pixels < 4_000_000 else 30


def _rate_factor(settings: VideoSettings) -> int:
    """The rate factor asked for, or the codec's own."""
    return settings.crf if settings.crf is not None else _CRF.get(settings.codec, 0)


def _preset_of(settings: VideoSettings) -> str:
    """The preset asked for, or the codec's own."""
    return settings.preset or _PRESETS[settings.codec]


def _encoder_of(settings: VideoSettings) -> str:
    """FFmpeg's name of the encoder asked for."""
    if settings.encoder == hardware.SOFTWARE:
        return SOFTWARE[settings.codec]
    return hardware.encoder_name(settings.encoder, settings.codec)


def check_encoder(settings: VideoSettings) -> None:
    """See that the encoder is there and takes what is asked, before any film is touched.

    Raises:
        UsageError: a rate factor for a codec without one, a codec that no hardware makes, a container
            that has no place for the codec.
        UnavailableError: the encoder is not in this FFmpeg, or has no device on this machine.
    """
    import av

    if settings.crf is not None and settings.codec not in _CRF:
        raise UsageError(f"crf is for h264 and h265; {settings.codec} has no rate factor")
    if settings.codec in UNSUPPORTED_CODECS.get(settings.container, ()):
        raise UsageError(
            f"{settings.container} has no place for {settings.codec}; choose another --container, or keep"
        )
    if settings.encoder != hardware.SOFTWARE:
        hardware.check_hardware(settings.encoder, settings.codec, _rate_factor(settings))
        return
    name = _encoder_of(settings)
    try:
        av.Codec(name, "w")
    except av.codec.codec.UnknownCodecError as error:
        raise UnavailableError(f"the encoder {name} is not in this FFmpeg; choose another --codec") from error


@contextlib.contextmanager
def _encoder_errors(target: Target) -> Iterator[None]:
    """Turn what an encoder says of a picture it does not take into an `ItemError`."""
    import av

    try:
        yield
    except MemoryError:
        raise
    except av.error.FFmpegError as error:
        raise ItemError(
            Reason.UNSUPPORTED,
            f"the encoder {target.encoder} does not take its picture ({error.strerror}); choose another one",
        ) from error


class PictureEncoder:
    """Encodes frames into a new stream of an open container; `flush` gives what is still inside.

    Packets bear the presentation times given to `encode`, in the film's time base.
    """

    def __init__(self, container: OutputContainer, facts: FilmFacts, target: Target) -> None:
        self._facts = facts
        self._target = target
        rate = _clamp_frame_rate(facts.read_rate)
        from av.video.stream import VideoStream

        stream = container.add_stream(
            target.encoder, rate=rate, options=target.options, hwaccel=hardware.hardware_device(target.kind)
        )
        assert isinstance(stream, VideoStream)
        self.stream = stream
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = facts.width, facts.height, target.encoder_pix_fmt
        context.time_base = facts.time_base
        context.sample_aspect_ratio = facts.aspect
        context.thread_count = target.threads
        context.color_range = RANGE_FULL if target.sample_format.full else RANGE_LIMITED
        context.colorspace, context.color_primaries = target.matrix, facts.primaries
        context.color_trc = facts.transfer
        context.field_order = field_order(target)
        self._context = context
        self._fields: Graph | None = None

    def encode(self, pts: int, luma: Plane, chroma: ChromaPlanes) -> Iterator[Packet[Stream]]:
        """Packets that are ready after this frame."""
        picture = self._picture(pts, (luma, chroma.cb, chroma.cr))
        with _encoder_errors(self._target):
            yield from self._context.encode(picture)

    def flush(self) -> Iterator[Packet[Stream]]:
        """The rest of the packets."""
        with _encoder_errors(self._target):
            yield from self._context.encode(None)

    def _picture(self, pts: int, planes: tuple[Plane, Plane, Plane]) -> VideoFrame:
        import av

        picture = av.VideoFrame(self._facts.width, self._facts.height, self._target.pix_fmt)
        for number, plane in enumerate(planes):
            lines, width = (
                padded_plane_view(picture, number, self._target.sample_format.depth),
                plane.shape[1],
            )
            lines[:, :width] = plane
            # Encoders that work in blocks read on into the padding: what lies there must not be chance.
            lines[:, width:] = plane[:, -1:]
        if self._target.encoder_pix_fmt != self._target.pix_fmt:
            picture = picture.reformat(format=self._target.encoder_pix_fmt)
        picture.pts = pts
        picture.time_base = self._facts.time_base
        picture.color_range = self._context.color_range
        picture.colorspace = self._context.colorspace
        return self._with_fields(picture) if self._target.interlaced else picture

    def _with_fields(self, picture: VideoFrame) -> VideoFrame:
        """The picture flagged as two fields, which only a filter can do."""
        if self._fields is None:
            order = "tff" if self._target.top_first else "bff"
            self._fields = graph_for(picture, (("setfield", f"mode={order}"),), self._facts)
        self._fields.push(picture)
        return next(pull_frames(self._fields))


def field_order(target: Target) -> int:
    """FFmpeg's number for the order of fields."""
    if not target.interlaced:
        return PROGRESSIVE
    return TOP_FIRST if target.top_first else BOTTOM_FIRST


def _clamp_frame_rate(rate: Fraction) -> Fraction:
    """A frame rate that encoders take: small terms, within 1..1000."""
    return min(max(rate.limit_denominator(1001), Fraction(1)), Fraction(1000))
