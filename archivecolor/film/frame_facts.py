"""What is true of a film's first frame, watched to its last, and what frames carry beside their samples.

A fact on which exact luma depends may not change: such a film is refused, with the place. What a finished
film cannot tell of, as another shape of samples from the middle on, is named as lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, cast

from archivecolor.errors import ItemError, Reason
from archivecolor.film.pixels import is_full_range, is_rgb, layout_of, plane_view
from archivecolor.film.probe import FilmFacts, SideDataEntry, side_data_of

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

# What frames carry, by FFmpeg's names, in words. What is not among these is named as FFmpeg names it.
WORDS = {
    "A53_CC": "closed captions (CEA-608/708)",
    "AFD": "active format description",
    "AMBIENT_VIEWING_ENVIRONMENT": "HDR viewing environment",
    "CONTENT_LIGHT_LEVEL": "HDR light level",
    "DOVI_METADATA": "Dolby Vision",
    "DOVI_RPU_BUFFER": "Dolby Vision",
    "DYNAMIC_HDR_PLUS": "HDR10+",
    "DYNAMIC_HDR_VIVID": "HDR Vivid",
    "FILM_GRAIN_PARAMS": "film grain to be added",
    "GOP_TIMECODE": "timecode",
    "ICC_PROFILE": "colour profile",
    "MASTERING_DISPLAY_METADATA": "HDR mastering display",
    "PANSCAN": "pan and scan",
    "S12M_TIMECODE": "timecode",
    "SEI_UNREGISTERED": "user data",
    "SPHERICAL": "spherical projection",
    "STEREO3D": "stereo 3D",
}
# Carried, or how the source was coded and nothing of the film.
_NOT_LOST = frozenset(
    {"DISPLAYMATRIX", "MOTION_VECTORS", "VIDEO_ENC_PARAMS", "VIDEO_HINT", "REGIONS_OF_INTEREST"}
)
# Names (UUIDs) under which x264 and x265 write their settings into their own streams.
_ENCODER_SETTINGS = (
    bytes.fromhex("dc45e9bde6d948b7962cd820d923eeef"),
    bytes.fromhex("2ca2de09b51747dbbb55a4fe7fc2fc4e"),
)
# Places of the pan and scan window in FFmpeg's structure: after an id, a width and a height.
_PAN_SCAN_PLACES = slice(12, 24)
# In a group's timecode (ISO/IEC 13818-2, 6.3.8): a flag, a bit that is always set, and the number of the
# frame in its second.
_NO_TIME = 1 << 24 | 1 << 12 | 0x3F


@dataclass(frozen=True)
class _Traits:
    """What one frame says of itself."""

    pix_fmt: str
    rgb: bool
    color_range: int
    matrix: int
    primaries: int
    transfer: int
    aspect: Fraction | None


class FrameWatcher:
    """Watches the facts of all frames, in order.

    Args:
        facts: of the film, from its first frame.

    Attributes:
        notes: changes that do the finished film no harm, in words.
    """

    def __init__(self, facts: FilmFacts) -> None:
        self._facts = facts
        self._first: _Traits | None = None
        self._last: _Traits | None = None
        self._lost: list[str] = []
        self._side_data: Counter[str] = Counter()
        self._transparent = 0
        self._counts_from_zero: bool | None = None
        self.notes: list[str] = []

    def watch(self, picture: VideoFrame, pts: int, aspect: Fraction | None) -> None:
        """Take one frame in.

        Args:
            picture: as it was decoded.
            pts: its time, in the film's time base.
            aspect: shape of its samples as its codec says, None where that says nothing.

        Raises:
            ItemError: `UNSUPPORTED` where its luma means something else than that of the frames before.
        """
        traits = _Traits(
            pix_fmt=picture.format.name,
            rgb=is_rgb(picture),
            color_range=int(picture.color_range),
            matrix=int(picture.colorspace),
            primaries=int(picture.color_primaries),
            transfer=int(picture.color_trc),
            aspect=aspect,
        )
        if self._last is not None and traits != self._last:
            self._compare(picture, traits, f"at {float(pts * self._facts.time_base):.2f} s")
        self._first = self._first or traits
        self._last = traits
        self._side_data.update(set(self._carried(picture)))

    def watch_alpha(self, picture: VideoFrame) -> None:
        """Take note of a frame, as it was decoded, that its alpha hides parts of."""
        depth = self._facts.layout.depth
        if len(picture.planes) != 4:
            depth = 8 if depth == 8 else 16
            picture = picture.reformat(format="gbrap" if depth == 8 else "gbrap16le")
        alpha = plane_view(picture, 3, depth)
        self._transparent += bool(alpha.min() < (1 << depth) - 1)

    @property
    def lost(self) -> tuple[str, ...]:
        """What of the frames the finished film does not hold, in words."""
        alpha = (f"the transparency (alpha) of {self._transparent} frames",) if self._transparent else ()
        carried = (f"{name} in {count} frames" for name, count in sorted(self._side_data.items()))
        return (*alpha, *self._lost, *carried)

    def _compare(self, picture: VideoFrame, traits: _Traits, where: str) -> None:
        """Compare a frame that differs from the one before with the film's facts."""
        facts, last = self._facts, cast("_Traits", self._last)
        layout = layout_of(traits.pix_fmt, traits.rgb)
        full = is_full_range(picture, layout)
        now, was = _words(layout.depth, full), _words(facts.layout.depth, facts.sample_format.full)
        if now != was or (layout.family == "rgb") != (facts.layout.family == "rgb"):
            raise ItemError(
                Reason.UNSUPPORTED,
                f"its samples change from {was} to {now} {where}; cut the film there and colour each part",
            )
        if traits.aspect != last.aspect:
            shapes = f"{_ratio(traits.aspect)}, written as {_ratio(last.aspect)}"
            self._lost.append(f"the shape of samples {where}: {shapes}")
        for name, before, after in (
            ("chroma sampling", last.pix_fmt, traits.pix_fmt),
            ("colour matrix", last.matrix, traits.matrix),
            ("primaries", last.primaries, traits.primaries),
            ("transfer", last.transfer, traits.transfer),
        ):
            if before != after:
                self.notes.append(f"the {name} changes {where} from {before} to {after}")

    def _carried(self, picture: VideoFrame) -> Iterator[str]:
        """What a frame carries that the finished film will not, in words."""
        for entry in side_data_of(picture):
            if entry.name == "GOP_TIMECODE":
                # One that counts from zero tells nothing that the frames do not.
                if self._counts_from_zero is None:
                    self._counts_from_zero = not int.from_bytes(entry.data[:4], "little") & ~_NO_TIME
                if self._counts_from_zero:
                    continue
            if entry.name not in _NOT_LOST and not _says_nothing(entry):
                yield WORDS.get(entry.name, entry.name) or "side data of a kind unknown here"


def _words(depth: int, full: bool) -> str:
    return f"{depth} bits of {'full' if full else 'limited'} range"


def _ratio(aspect: Fraction | None) -> str:
    return "unknown" if aspect is None else f"{aspect.numerator}:{aspect.denominator}"


def _says_nothing(entry: SideDataEntry) -> bool:
    """Whether side data is only there because its place is."""
    if entry.name == "SEI_UNREGISTERED":
        return entry.data.startswith(_ENCODER_SETTINGS)
    if entry.name == "PANSCAN":
        return not any(entry.data[_PAN_SCAN_PLACES])
    return False
