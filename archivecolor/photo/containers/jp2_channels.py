"""Which components of a JPEG 2000 make its colours, by the boxes of its header (ISO/IEC 15444-1, annex I).

A palette makes several channels of one component, and a channel definition says which of the channels are
colours, in which order, and which one is alpha.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from archivecolor.errors import ItemError, Reason
from archivecolor.photo.containers.bands import split_samples, to_full_range
from archivecolor.photo.containers.base import Band
from archivecolor.photo.containers.colour_models import YcbcrModel, rgb_from_ycbcr
from archivecolor.photo.containers.reading import DamagedError, unpack
from archivecolor.photo.facts import Codes

SRGB, GREY, SYCC = 16, 17, 18
_RGB = 3
_COLOUR, _ALPHA, _PREMULTIPLIED = 0, 1, 2
_MAX_COMPONENTS, _MAX_DEPTH = 8, 16


@dataclass(frozen=True)
class Component:
    """A component of the codestream: bits of its samples, whether signed, and pixels that share one."""

    depth: int
    signed: bool
    step: tuple[int, int]


@dataclass(frozen=True)
class Palette:
    """A palette: entries (n, columns) of so many bits each."""

    entries: Codes
    depth: int


# Component, and column of the palette, or -1 where it is taken as it is.
Source: TypeAlias = tuple[int, int]


@dataclass(frozen=True)
class ChannelOrder:
    """Where the colours and alpha come from.

    Attributes:
        colours: one, or three in their order.
        alpha: of the first channel of alpha; empty without one.
        premultiplied: alpha is multiplied into the colours.
        has_more: there are channels besides.
    """

    colours: tuple[Source, ...]
    alpha: tuple[Source, ...] = ()
    premultiplied: bool = False
    has_more: bool = False


@dataclass(frozen=True)
class Channels:
    """How samples become colours.

    Attributes:
        depth: bits of a sample of a channel.
        order: see there.
        palette: None without one.
        is_ycc: the colours are Y, Cb and Cr.
    """

    depth: int
    order: ChannelOrder
    palette: Palette | None = None
    is_ycc: bool = False

    @property
    def count(self) -> int:
        """Samples of a pixel, alpha among them."""
        return len(self.order.colours) + len(self.order.alpha)

    @property
    def dropped(self) -> tuple[str, ...]:
        """What of it is not read."""
        return ("samples besides colour and alpha",) if self.order.has_more else ()

    def band(self, samples: Codes) -> Band:
        """The picture of decoded components (h, w) or (h, w, n)."""
        planes = samples[..., None] if samples.ndim == 2 else samples
        made = np.dstack(
            [self._channel(planes, *source) for source in (*self.order.colours, *self.order.alpha)]
        )
        codes = to_full_range(made, (1 << self.depth) - 1)
        if self.is_ycc:
            codes[..., :_RGB] = rgb_from_ycbcr(codes[..., :_RGB], YcbcrModel())
        return split_samples(codes)

    def _channel(self, planes: Codes, component: int, column: int) -> Codes:
        plane = planes[..., component]
        if self.palette is None or column < 0:
            return plane
        # An index behind the last entry means that one, to every decoder.
        return self.palette.entries[:, column][np.minimum(plane, len(self.palette.entries) - 1)]


def channels_of(components: list[Component], header: Mapping[bytes, bytes]) -> Channels:
    """How the components become colours.

    Args:
        components: of the codestream.
        header: bodies of the boxes of the file's header; none of a bare codestream.

    Raises:
        ItemError: UNSUPPORTED, with what of it is not read.
        DamagedError: the boxes make no sense.
    """
    space = _space_of(header.get(b"colr", b""))
    depth = components[0].depth if components else 0
    problem = ""
    if not 1 <= len(components) <= _MAX_COMPONENTS or not 1 <= depth <= _MAX_DEPTH:
        problem = f"{len(components)} components of {depth} bits"
    elif any(part.depth != depth or part.signed for part in components):
        problem = "components that are signed or of unlike depth"
    elif space not in (SRGB, GREY, SYCC):
        problem = "a colour space other than grey, sRGB and sYCC"
    elif not _is_sampled_alike(components, space, is_bare=not header):
        problem = "components that are subsampled"
    if problem:
        raise ItemError(Reason.UNSUPPORTED, f"a jpeg 2000 with {problem}")
    palette = _palette_of(header[b"pclr"]) if b"pclr" in header else None
    mapped = _mapped(len(components), palette, header.get(b"cmap", b""))
    is_subsampled = any(part.step != (1, 1) for part in components)
    # Of subsampled components the decoder makes RGB itself.
    is_ycc = space == SYCC and not is_subsampled and len(mapped) >= _RGB
    order = _ordered(mapped, header.get(b"cdef", b""), is_ycc=is_ycc)
    depth = palette.depth if palette else depth
    if is_ycc and depth != 8:
        raise ItemError(Reason.UNSUPPORTED, f"a jpeg 2000 with sYCC of {depth} bits")
    return Channels(depth, order, palette, is_ycc)


def _space_of(colr: bytes) -> int:
    """The enumerated colour space; sRGB where a profile or nothing says it."""
    return int.from_bytes(colr[3:7], "big") if colr[:1] == b"\1" else SRGB


def _is_sampled_alike(components: list[Component], space: int, *, is_bare: bool) -> bool:
    """Whether no component has fewer samples, or those of sYCC that usually have."""
    if all(part.step == (1, 1) for part in components):
        return True
    is_usual = len(components) == _RGB and components[0].step == (1, 1)
    is_usual = is_usual and components[1].step == components[2].step and max(components[1].step) <= 2
    return is_usual and components[0].depth == 8 and (space == SYCC or is_bare)


def _palette_of(body: bytes) -> Palette:
    """The palette of a `pclr` box."""
    count, columns = unpack(">HB", body)
    bits = body[3 : 3 + columns]
    if not count or not columns or len(bits) < columns:
        raise DamagedError("the palette is damaged")
    if len(set(bits)) > 1 or bits[0] >= _MAX_DEPTH:
        raise ItemError(Reason.UNSUPPORTED, "a jpeg 2000 with a palette of signed, deep or unlike columns")
    dtype = np.dtype(np.uint8 if bits[0] < 8 else ">u2")
    values = body[3 + columns :][: count * columns * dtype.itemsize]
    if len(values) < count * columns * dtype.itemsize:
        raise DamagedError("the palette is damaged")
    entries = np.frombuffer(values, dtype).reshape(count, columns).astype(dtype.newbyteorder("="))
    return Palette(entries, bits[0] + 1)


def _mapped(count: int, palette: Palette | None, cmap: bytes) -> list[Source]:
    """Component and column (-1 without one) of each channel, by a `cmap` box where there is a palette."""
    if palette is None:
        return [(component, -1) for component in range(count)]
    mapped = [
        (component, column if kind == 1 else -1)
        for component, kind, column in struct.iter_unpack(">HBB", cmap[: len(cmap) // 4 * 4])
    ]
    columns = palette.entries.shape[1]
    if not mapped or any(component >= count or column >= columns for component, column in mapped):
        raise DamagedError("the map of the palette is damaged")
    if any(column < 0 for _, column in mapped):
        raise ItemError(Reason.UNSUPPORTED, "a jpeg 2000 with a palette for some of its channels")
    return mapped


def _ordered(mapped: list[Source], cdef: bytes, *, is_ycc: bool) -> ChannelOrder:
    """The colours in order, and alpha.

    Without a channel definition the second of two and the fourth of four channels are alpha, by custom.
    """
    if len(cdef) < 2:
        colours = _RGB if is_ycc or len(mapped) in (_RGB, _RGB + 1) else 1
        if len(mapped) > colours + 1:
            raise ItemError(Reason.UNSUPPORTED, f"a jpeg 2000 with {len(mapped)} channels of unknown meaning")
        return ChannelOrder(tuple(mapped[:colours]), tuple(mapped[colours:]))
    rows = list(struct.iter_unpack(">HHH", cdef[2:][: (len(cdef) - 2) // 6 * 6]))
    if any(channel >= len(mapped) for channel, _, _ in rows):
        raise DamagedError("the definition of the channels is damaged")
    places = sorted((place, channel) for channel, kind, place in rows if kind == _COLOUR)
    alphas = [(mapped[channel], kind) for channel, kind, _ in rows if kind in (_ALPHA, _PREMULTIPLIED)]
    if len(places) not in (1, _RGB):
        raise ItemError(Reason.UNSUPPORTED, f"a jpeg 2000 with {len(places)} colours")
    return ChannelOrder(
        colours=tuple(mapped[channel] for _, channel in places),
        alpha=tuple(source for source, _ in alphas[:1]),
        premultiplied=any(kind == _PREMULTIPLIED for _, kind in alphas[:1]),
        has_more=len(mapped) > len(places) + len(alphas[:1]),
    )
