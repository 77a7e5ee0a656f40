"""Pixel formats, matrices and ranges of film pictures, once.

A film's picture is reduced to two questions: where its exact luma is, and what Cb and Cr mean
beside that luma.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from archivecolor.colour.arrays import Float32
from archivecolor.errors import ItemError, Reason

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

# Any: codes are uint8 or uint16, known as a film is opened, and arithmetic keeps no union of the two.
Plane = npt.NDArray[Any]

# Code points of ITU-T H.273, as FFmpeg numbers them.
_MATRIX_RGB, MATRIX_BT709, _MATRIX_UNSPECIFIED, _MATRIX_BT601 = 0, 1, 2, 6
RANGE_LIMITED, RANGE_FULL = 1, 2

_HD_WIDTH, _HD_HEIGHT = 1280, 720

# Luma weights (Kr, Kb) by matrix code point.
LUMA_WEIGHTS = {
    1: (0.2126, 0.0722),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
}

# Formats that hold the same samples in another order, and the planar one we read them as.
_PLANAR_EQUIVALENTS = {
    "nv12": "yuv420p",
    "nv21": "yuv420p",
    "nv16": "yuv422p",
    "nv24": "yuv444p",
    "nv42": "yuv444p",
    "p010le": "yuv420p10le",
    "p012le": "yuv420p12le",
    "p016le": "yuv420p16le",
    "p210le": "yuv422p10le",
    "p212le": "yuv422p12le",
    "p216le": "yuv422p16le",
    "p410le": "yuv444p10le",
    "p412le": "yuv444p12le",
    "p416le": "yuv444p16le",
    "yuyv422": "yuv422p",
    "uyvy422": "yuv422p",
    "yvyu422": "yuv422p",
    "y210le": "yuv422p10le",
    "y212le": "yuv422p12le",
    "uyyvyy411": "yuv411p",
    "ya8": "gray",
    "ya16le": "gray16le",
    "ya16be": "gray16le",
    "monow": "gray",
    "monob": "gray",
}

_PLANAR_NAME = re.compile(
    r"^(?P<family>yuva?j?|gray|gbra?p)(?P<sampling>4\d\dp?)?(?P<depth>\d+)?(?P<endian>le|be)?$"
)
CHROMA_SUBSAMPLING = {
    "420": (2, 2),
    "422": (2, 1),
    "444": (1, 1),
    "440": (1, 2),
    "411": (4, 1),
    "410": (4, 4),
}


@dataclass(frozen=True)
class PixelLayout:
    """How the samples of a decoded frame are read.

    Attributes:
        read_as: the planar format frames are brought to first, without a change of samples.
        family: `yuv`, `gray` or `rgb`.
        depth: bits per sample.
        subsampling: luma samples per chroma sample, across and down; None without chroma planes.
        drops_alpha: the source has an alpha plane, which no film output carries.
    """

    read_as: str
    family: str
    depth: int
    subsampling: tuple[int, int] | None
    drops_alpha: bool


def layout_of(pix_fmt: str, is_rgb: bool) -> PixelLayout:
    """The layout of a pixel format by FFmpeg's name.

    Raises:
        ItemError: `UNSUPPORTED` for formats whose luma we cannot take exactly.
    """
    name = _PLANAR_EQUIVALENTS.get(pix_fmt, pix_fmt)
    match = _PLANAR_NAME.match(name)
    if match is None:
        if is_rgb:
            return _packed_rgb_layout(pix_fmt)
        raise ItemError(Reason.UNSUPPORTED, f"frames in the pixel format {pix_fmt} cannot be read exactly")
    family, depth = match["family"], int(match["depth"] or 8)
    sampling = (match["sampling"] or "").rstrip("p")
    alpha = "a" in family.replace("gray", "") or pix_fmt.startswith("ya")
    if family.startswith("gb"):
        return PixelLayout(f"gbrp{pix_fmt_suffix(depth)}", "rgb", depth, (1, 1), alpha)
    if family == "gray":
        return PixelLayout(f"gray{pix_fmt_suffix(depth)}", "gray", depth, None, alpha)
    subsampling = CHROMA_SUBSAMPLING.get(sampling)
    if subsampling is None:
        raise ItemError(Reason.UNSUPPORTED, f"frames in the pixel format {pix_fmt} cannot be read exactly")
    jpeg = "j" if family.endswith("j") else ""
    return PixelLayout(f"yuv{jpeg}{sampling}p{pix_fmt_suffix(depth)}", "yuv", depth, subsampling, alpha)


def _packed_rgb_layout(pix_fmt: str) -> PixelLayout:
    """Packed and palette RGB, read as planar RGB of 8 or 16 bits."""
    deep = any(mark in pix_fmt for mark in ("48", "64", "30", "x2"))
    depth = 16 if deep else 8
    alpha = any(mark in pix_fmt for mark in ("argb", "rgba", "abgr", "bgra", "pal8"))
    return PixelLayout(f"gbrp{pix_fmt_suffix(depth)}", "rgb", depth, (1, 1), alpha)


def pix_fmt_suffix(depth: int) -> str:
    """The tail of a planar format's name for a depth in bits, little-endian."""
    return "" if depth == 8 else f"{depth}le"


def is_rgb(frame: VideoFrame) -> bool:
    """Whether the frame's samples are R, G and B, or indices into a palette of them."""
    return bool(frame.format.is_rgb or frame.format.has_palette)


def is_full_range(frame: VideoFrame, layout: PixelLayout) -> bool:
    """Whether luma spans all codes. Untagged grey and RGB do; untagged YCbCr does not."""
    if layout.family == "rgb" or layout.read_as.startswith("yuvj"):
        return True
    if int(frame.color_range) == RANGE_FULL:
        return True
    return layout.family == "gray" and int(frame.color_range) != RANGE_LIMITED


def matrix_for(tagged: int, layout: PixelLayout, frame: VideoFrame) -> int:
    """The matrix our chroma is written in: the film's own, or what players assume of an untagged one."""
    if layout.family == "rgb":
        return _MATRIX_BT601
    if tagged in LUMA_WEIGHTS:
        return tagged
    if tagged not in (_MATRIX_UNSPECIFIED, _MATRIX_RGB):
        raise ItemError(Reason.UNSUPPORTED, f"its colour matrix (code point {tagged}) has no plain luma")
    large = frame.width >= _HD_WIDTH or frame.height >= _HD_HEIGHT
    return MATRIX_BT709 if large else _MATRIX_BT601


def plane_view(picture: VideoFrame, number: int, depth: int) -> Plane:
    """A writable view of one plane of a planar frame, without the padding of its lines."""
    return padded_plane_view(picture, number, depth)[:, : picture.planes[number].width]


def padded_plane_view(picture: VideoFrame, number: int, depth: int) -> Plane:
    """A writable view of one plane of a planar frame, with the padding of its lines."""
    plane = picture.planes[number]
    dtype = np.dtype(np.uint8 if depth == 8 else "<u2")
    # The stubs know buffers from Python 3.12 on; a plane is one in all of them.
    lines: Plane = np.frombuffer(cast("memoryview", plane), dtype)
    return lines.reshape(plane.height, plane.line_size // dtype.itemsize)


def halved(luma: Plane, least: tuple[int, int]) -> Plane:
    """Luma (h, w) at half its size, and again, while it stays `least` across and down.

    Means of areas are had from it at a fraction of the cost; a last odd row or column is left out.
    """
    from archivecolor.opencv import cv2

    height, width = (side // 2 for side in luma.shape)
    while width >= least[0] and height >= least[1]:
        even = luma[: 2 * height, : 2 * width]
        luma = cast("Plane", cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA))
        height, width = height // 2, width // 2
    return luma


@dataclass(frozen=True)
class SampleFormat:
    """What sample codes mean: depth and range.

    Attributes:
        depth: bits per sample.
        full: full range (0..max) rather than limited (16..235, 16..240 at 8 bits).
    """

    depth: int
    full: bool

    @property
    def black(self) -> int:
        """Luma code of black."""
        return 0 if self.full else 16 << (self.depth - 8)

    @property
    def luma_span(self) -> int:
        """Luma codes from black to white."""
        return (1 << self.depth) - 1 if self.full else 219 << (self.depth - 8)

    @property
    def neutral(self) -> int:
        """Chroma code of grey."""
        return 1 << (self.depth - 1)

    @property
    def chroma_span(self) -> int:
        """Chroma codes from -0.5 to 0.5 of full scale."""
        return (1 << self.depth) - 1 if self.full else 224 << (self.depth - 8)

    def luma_fraction(self, plane: Plane) -> Float32:
        """Luma codes as fractions of black..white, float32, clipped to 0..1."""
        scaled: Float32 = plane.astype(np.float32)
        scaled -= np.float32(self.black)
        scaled *= np.float32(1 / self.luma_span)
        np.clip(scaled, 0, 1, out=scaled)
        return scaled

    def chroma_codes(self, fraction: Float32) -> Plane:
        """Cb or Cr fractions (-0.5..0.5) as codes, rounded and kept legal."""
        low = 0 if self.full else self.black
        high = (1 << self.depth) - 1 if self.full else 240 << (self.depth - 8)
        codes = fraction * np.float32(self.chroma_span)
        codes += np.float32(self.neutral)
        np.clip(np.rint(codes, out=codes), low, high, out=codes)
        plane: Plane = codes.astype(np.uint8 if self.depth == 8 else np.uint16)
        return plane


def convert_luma(plane: Plane, source: SampleFormat, target: SampleFormat) -> Plane:
    """Luma codes carried from one depth and range to another, rounded to nearest.

    The plane itself where both are the same. To more bits the way back is exact; footroom and headroom
    of limited range are kept.
    """
    if source == target:
        return plane
    scaled = (plane.astype(np.float64) - source.black) * (target.luma_span / source.luma_span) + target.black
    top = (1 << target.depth) - 1
    return np.clip(np.rint(scaled), 0, top).astype(np.uint8 if target.depth == 8 else np.uint16)


def chroma_matrix(matrix: int) -> Float32:
    """The 2 x 2 matrix from BT.601 (Cb, Cr) to those of another matrix that give the same colour offset.

    The offset of R, G and B from grey is kept up to a grey of its own, which goes: luma stays the film's.
    From the definitions of Y'CbCr in ITU-T H.273.
    """
    red, blue = LUMA_WEIGHTS[_MATRIX_BT601]
    green = 1 - red - blue
    # Offsets (R, G, B) - Y per unit of Cb (first column) and Cr (second).
    offsets = np.array(
        [
            [0, 2 * (1 - red)],
            [-2 * (1 - blue) * blue / green, -2 * (1 - red) * red / green],
            [2 * (1 - blue), 0],
        ]
    )
    own_red, own_blue = LUMA_WEIGHTS[matrix]
    luma = np.array([own_red, 1 - own_red - own_blue, own_blue]) @ offsets
    cb = (offsets[2] - luma) / (2 * (1 - own_blue))
    cr = (offsets[0] - luma) / (2 * (1 - own_red))
    return np.stack([cb, cr]).astype(np.float32)
