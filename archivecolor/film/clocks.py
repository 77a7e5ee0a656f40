"""Clocks of a film's streams: where they start again or run back, and how their packets are put in order.

Recordings that were put end to end start their clock again at the join, or overlap there. The picture
decides: what follows a join is moved to where the picture goes on, and all other streams are moved with
it, so that sound and picture stay in step. What the picture does not explain is set right only where it
is a matter of milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av.packet import Packet
    from av.stream import Stream
    from av.video.stream import VideoStream

# A packet that does not go forward comes so much later than the one before.
_LEAST_STEP = Fraction(1, 1000)
# Of 40 samples at 48 kHz.
_SHORT_PACKETS = ("truehd", "mlp")


@dataclass(frozen=True)
class Restarts:
    """Where a film's clock starts again, and by how much the whole is moved.

    Attributes:
        start: seconds by which everything is moved, so that no picture is due before zero.
        offsets: seconds by which what follows each restart is moved, all earlier ones included.
        starts: by index of a stream, the number of its packet, from 0, that follows each restart.
    """

    start: Fraction = Fraction(0)
    offsets: tuple[Fraction, ...] = ()
    starts: dict[int, tuple[int, ...]] = field(default_factory=dict)

    def offset(self, stream: int, packet: int) -> Fraction:
        """Seconds by which a packet of a stream is moved."""
        passed = sum(packet >= start for start in self.starts.get(stream, ()))
        return self.start + (self.offsets[passed - 1] if passed else 0)

    def __bool__(self) -> bool:
        """Whether anything is moved."""
        return bool(self.start or self.offsets)


NO_RESTARTS = Restarts()


def _may_share_times(stream: Stream | VideoStream) -> bool:
    """Whether packets of a stream may be due at one time.

    Subtitles and data may; so may sound whose packets are shorter than the milliseconds of Matroska.
    """
    if stream.type in ("subtitle", "data"):
        return True
    # A codec that nobody knows has no context.
    return stream.type == "audio" and getattr(stream.codec_context, "name", "") in _SHORT_PACKETS


class PacketClock:
    """Puts the packets of one stream in order, one after the other.

    Args:
        restarts: of the film.
        stream: the source's.

    Attributes:
        corrected: how many packets did not go forward in time, or had none.
        most: seconds by which one of them was moved, at most.
        early: how many packets beside picture and sound were due before the film begins: they are moved.
    """

    def __init__(self, restarts: Restarts, stream: Stream | VideoStream) -> None:
        self._restarts = restarts
        self._stream = stream.index
        self._may_equal = _may_share_times(stream)
        self._may_be_early = stream.type not in ("subtitle", "data")
        self._count = 0
        self._last: int | None = None
        self._after_last = 0
        self.corrected = 0
        self.most = 0.0
        self.early = 0

    def time_of_empty(self, packet: Packet[Stream] | Packet[VideoStream]) -> int | None:
        """The time of an empty packet, which does not count, in the film's time; None where it has none."""
        moment = packet.pts if packet.pts is not None else packet.dts
        if moment is None:
            return None
        return int(moment) + round(self._restarts.offset(self._stream, self._count) / packet.time_base)

    def set_right(self, packet: Packet[Stream] | Packet[VideoStream], forward: bool = True) -> None:
        """Give a packet its place in the film's time.

        Args:
            packet: the stream's next one that is not empty.
            forward: see that times go forward; the picture's are seen to frame by frame.
        """
        moved = round(self._restarts.offset(self._stream, self._count) / packet.time_base)
        self._count += 1
        if moved:
            packet.pts = None if packet.pts is None else packet.pts + moved
            packet.dts = None if packet.dts is None else packet.dts + moved
        if forward:
            self._go_forward(packet)

    def _go_forward(self, packet: Packet[Stream] | Packet[VideoStream]) -> None:
        moment = packet.dts if packet.dts is not None else packet.pts
        if moment is None:
            moment = self._after_last
            packet.pts = packet.dts = moment
            self.corrected += self._last is not None
        elif moment < 0 and not self._may_be_early:
            # As of a subtitle that a cut went through: muxers move all streams for it, or leave it out.
            packet.pts = packet.dts = moment = self._last or 0
            self.early += 1
        elif self._last is not None and moment < self._last + (not self._may_equal):
            due = self._last + max(1, -(-_LEAST_STEP // packet.time_base))
            self.corrected += 1
            self.most = max(self.most, float((due - moment) * packet.time_base))
            packet.pts = None if packet.pts is None else packet.pts + due - moment
            packet.dts = None if packet.dts is None else packet.dts + due - moment
            moment = due
        self._last = moment
        self._after_last = moment + max(1, packet.duration or 0)
