"""Colour photographs to train on: decoded once into memory, split by content."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from archivecolor.colour.tone import Tone, tone_of
from archivecolor.datasets.collection import Member, content_digest, decode_rgb, list_members
from archivecolor.errors import ItemError, UsageError

_MIN_COLOUR_SPREAD = 6.0  # codes of 255, along the direction in which colours vary least


@dataclass(frozen=True)
class Photograph:
    """One decoded picture.

    Attributes:
        name: path inside its collection.
        digest: content digest of the encoded file.
        rgb: uint8 (h, w, 3).
    """

    name: str
    digest: str
    rgb: NDArray[np.uint8]

    @property
    def short_side(self) -> int:
        """In pixels."""
        height, width = self.rgb.shape[:2]
        return min(int(height), int(width))


@dataclass(frozen=True)
class Photographs:
    """A set of decoded pictures and what was left out.

    Attributes:
        items: the pictures.
        dropped: counts by cause: "grey", "toned", "unreadable", "no memory", or why a file was not opened.
    """

    items: tuple[Photograph, ...]
    dropped: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Split:
    """Three disjoint sets, by content hash."""

    train: tuple[Photograph, ...]
    validation: tuple[Photograph, ...]
    test: tuple[Photograph, ...] = ()


def read_photographs(
    collections: Sequence[Path], short_side: int, cache_nbytes: float, threads: int
) -> Photographs:
    """Decode the colour photographs of the collections into memory.

    Args:
        collections: see `datasets.collection.list_members`.
        short_side: decoded short side in pixels; larger pictures are shrunk.
        cache_nbytes: memory for pictures; what comes after it is full is dropped and counted as "no memory".
        threads: decoding threads.

    Returns:
        The pictures in the collections' order; grey, toned and broken ones dropped with a count.

    Raises:
        UsageError: no colour photograph was found.
    """
    listing = list_members(collections)
    dropped = Counter(listing.passed_over)
    kept: list[Photograph] = []
    cached_nbytes = 0
    # Decoders release Python's lock, and a thread hands its picture over without a copy.
    decoding = Parallel(n_jobs=threads, prefer="threads", return_as="generator")
    for found in decoding(delayed(_read_one)(member, short_side) for member in listing.members):
        if isinstance(found, str):
            dropped[found] += 1
        elif cached_nbytes + found.rgb.nbytes > cache_nbytes:
            dropped["no memory"] += 1
        else:
            cached_nbytes += found.rgb.nbytes
            kept.append(found)
    if not kept:
        places = ", ".join(str(place) for place in collections)
        raise UsageError(
            f"no colour photograph in {places} ({counts_text(dropped) or 'no pictures'});"
            " training needs colour photographs"
        )
    return Photographs(tuple(kept), dropped)


def counts_text(counts: Counter[str]) -> str:
    """Counts by cause as people read them: "3 grey, 1 unreadable"."""
    return ", ".join(f"{count} {cause}" for cause, count in counts.items())


def _read_one(member: Member, short_side: int) -> Photograph | str:
    """The picture, or why it is dropped."""
    try:
        encoded = member.read()
        rgb = decode_rgb(encoded, short_side)
    except (ItemError, OSError):
        return "unreadable"
    if not is_clearly_colour(rgb):
        tone = tone_of(rgb)
        if tone in (Tone.GREY, Tone.TONED):
            return str(tone.value)
    return Photograph(member.name, content_digest(encoded), rgb)


def is_clearly_colour(rgb: NDArray[np.uint8]) -> bool:
    """Whether colours lie widely spread in two directions, as no grey or toned picture's do.

    A quick answer for most pictures; `tone_of` decides the others.
    """
    sample = rgb[:: max(1, rgb.shape[0] // 24), :: max(1, rgb.shape[1] // 24)].astype(np.float32)
    red, green, blue = sample[..., 0].ravel(), sample[..., 1].ravel(), sample[..., 2].ravel()
    first, second = red - green, 0.5 * (red + green) - blue
    spread, other = float(first.var()), float(second.var())
    crossed = float(((first - first.mean()) * (second - second.mean())).mean())
    narrow = 0.5 * (spread + other - np.hypot(spread - other, 2.0 * crossed))
    return bool(narrow > _MIN_COLOUR_SPREAD**2)


def split_by_content(
    photographs: Sequence[Photograph], validation_share: float = 0.05, test_share: float = 0.0
) -> Split:
    """Split by content digest: a picture stays on its side when others are added or renamed.

    Of two pictures or more at least one is trained on and one validated on, those whose digests lie nearest
    to that side.
    """
    ordered = sorted(photographs, key=_draw)
    wanted = sum(_draw(photograph) < validation_share for photograph in ordered)
    held = sum(_draw(photograph) < validation_share + test_share for photograph in ordered)
    first = min(max(wanted, 1), len(ordered) - 1)
    second = min(max(held, first), len(ordered) - 1)
    validation, test = set(map(id, ordered[:first])), set(map(id, ordered[first:second]))
    return Split(
        tuple(one for one in photographs if id(one) not in validation | test),
        tuple(one for one in photographs if id(one) in validation),
        tuple(one for one in photographs if id(one) in test),
    )


def _draw(photograph: Photograph) -> float:
    """Where a picture's content falls in 0..1."""
    return int(photograph.digest[:8], 16) / 0x1_0000_0000
