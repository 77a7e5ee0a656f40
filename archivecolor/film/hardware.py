"""Encoders built into the machine, by the name FFmpeg has for their kind.

Their output is their maker's affair: it may differ from driver to driver and from run to run, so the
promise of the same bytes after a kill is made for software alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from archivecolor.errors import UnavailableError, UsageError
from archivecolor.film.pixels import RANGE_LIMITED

if TYPE_CHECKING:
    from av.codec.hwaccel import HWAccel
    from av.packet import Packet
    from av.stream import Stream

SOFTWARE = "software"
# What comes before the kind in FFmpeg's names of encoders, by the `codec` option.
NAMES = {"h264": "h264", "h265": "hevc"}
DEPTHS = {"h264": (8,), "h265": (8, 10)}
# The orders of 4:2:0 samples that all kinds take, by depth.
PIX_FMTS = {8: "nv12", 10: "p010le"}
_TRIAL_SIDE, _TRIAL_FRAMES = 256, 3
# FFmpeg's scale of quality when it is given as a number of its own (FF_QP2LAMBDA).
_LAMBDA = 118


@dataclass(frozen=True)
class _HardwareEncoder:
    """How one kind of encoder is asked for a constant quality.

    Attributes:
        options: of the encoder, in which `{crf}` stands for the rate factor and `{quality}` for what
            comes nearest on a scale from 1 to 100.
        device: FFmpeg's name of the device frames are sent to first; empty where the encoder sees to that.
    """

    options: dict[str, str]
    device: str = ""

    def options_for(self, crf: int) -> dict[str, str]:
        """Options for a rate factor."""
        quality = _LAMBDA * min(100, max(1, 100 - 2 * crf))
        return {name: value.format(crf=crf, quality=quality) for name, value in self.options.items()}


HARDWARE_ENCODERS = {
    # Without b=0 a default of 2 Mbit/s would hold the quality down.
    "nvenc": _HardwareEncoder({"rc": "vbr", "cq": "{crf}", "b": "0"}),
    "qsv": _HardwareEncoder({"global_quality": "{crf}"}),
    "vaapi": _HardwareEncoder({"rc_mode": "CQP", "qp": "{crf}"}, device="vaapi"),
    "amf": _HardwareEncoder({"rc": "cqp", "qp_i": "{crf}", "qp_p": "{crf}"}),
    "videotoolbox": _HardwareEncoder({"flags": "+qscale", "global_quality": "{quality}"}),
}


def encoder_name(kind: str, codec: str) -> str:
    """FFmpeg's name of the encoder of a kind for a codec.

    Raises:
        UsageError: a codec no hardware makes.
    """
    if codec not in NAMES:
        raise UsageError(f"encoder {kind} makes h264 and h265; {codec} is made by software")
    return f"{NAMES[codec]}_{kind}"


def hardware_device(kind: str) -> HWAccel | None:
    """What PyAV sends frames to the device with; None where that is not needed."""
    device = HARDWARE_ENCODERS[kind].device if kind in HARDWARE_ENCODERS else ""
    if not device:
        return None
    from av.codec.hwaccel import HWAccel

    return HWAccel(device)


def check_hardware(kind: str, codec: str, crf: int) -> None:
    """Encode a few small frames, to see that this FFmpeg has the encoder and this machine the device.

    Raises:
        UsageError: as `encoder_name`.
        UnavailableError: it cannot be used, with what FFmpeg says.
    """
    import av

    name = encoder_name(kind, codec)
    try:
        count = len(_trial_packets(name, kind, crf))
    except av.codec.codec.UnknownCodecError as error:
        raise _unavailable_error(name, "it is not in this FFmpeg") from error
    except (av.error.FFmpegError, NotImplementedError) as error:
        raise _unavailable_error(
            name, f"no device of its kind answers on this machine ({_error_text(error)})"
        ) from error
    if count != _TRIAL_FRAMES:
        raise _unavailable_error(name, f"it gave {count} frames for {_TRIAL_FRAMES}")


def _trial_packets(name: str, kind: str, crf: int) -> list[Packet[Stream]]:
    """A few black frames, encoded."""
    import av

    context = av.CodecContext.create(name, "w", hwaccel=hardware_device(kind))
    assert isinstance(context, av.VideoCodecContext)
    context.width = context.height = _TRIAL_SIDE
    context.pix_fmt = PIX_FMTS[8]
    context.time_base, context.framerate = Fraction(1, 25), Fraction(25)
    context.color_range = RANGE_LIMITED
    context.options = HARDWARE_ENCODERS[kind].options_for(crf)
    packets: list[Packet[Stream]] = []
    for number in range(_TRIAL_FRAMES):
        frame = av.VideoFrame(_TRIAL_SIDE, _TRIAL_SIDE, PIX_FMTS[8])
        for plane, code in zip(frame.planes, (16, 128), strict=True):
            plane.update(bytes([code]) * plane.buffer_size)
        frame.pts, frame.time_base = number, context.time_base
        packets += context.encode(frame)
    return [*packets, *context.encode(None)]


def _error_text(error: Exception) -> str:
    """What FFmpeg or PyAV says, without what it was called with."""
    return str(getattr(error, "strerror", None) or error)


def _unavailable_error(name: str, why: str) -> UnavailableError:
    """The error for an encoder that cannot be used."""
    return UnavailableError(
        f"the encoder {name} cannot be used: {why}; choose another --encoder, or software"
    )
