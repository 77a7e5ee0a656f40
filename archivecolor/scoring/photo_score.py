"""One photograph judged: its colour taken off, given back by a network, and compared with the truth.

What is judged is chroma alone: the answer's a*, b* stand beside the truth's L*. The pixels that
`dir` writes keep luma instead, which is not quite L*; judged as they are, two networks would be told
apart by that too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from archivecolor.colour.arrays import Float32, Numbers, UInt8
from archivecolor.colour.chroma import Chroma, upsample
from archivecolor.colour.doubt import Doubt
from archivecolor.colour.gamut import compose_exact_luma
from archivecolor.colour.lab import lab_from_rgb, rgb_from_lab
from archivecolor.colour.luma import luma_codes
from archivecolor.datasets.collection import Member, decode_rgb
from archivecolor.errors import ItemError, Reason
from archivecolor.photo.shrink import resize, working_shape
from archivecolor.scoring.metrics import ciede2000, colourfulness, psnr, ssim

# The window of structural similarity.
_SMALLEST_SIDE = 11
# Below this a photograph has no colour to be judged by.
_LEAST_COLOURFULNESS = 0.5
# Pixels whose true colour is one that skin may have: lowest and highest L*, a*, b*.
_SKIN_FROM, _SKIN_TO = (35.0, 8.0, 8.0), (88.0, 25.0, 30.0)


@dataclass(frozen=True)
class ReferencePhoto:
    """A colour photograph at the size it is judged at.

    Attributes:
        name: path inside its collection.
        rgb: uint8 (h, w, 3).
        lab: float32 (h, w, 3).
        luma: float32, 0..1, what the network sees, its short side at the working size.
    """

    name: str
    rgb: UInt8
    lab: Float32
    luma: Float32

    @classmethod
    def of(cls, name: str, rgb: UInt8, working_size: int) -> ReferencePhoto:
        """The truth of an RGB picture (h, w, 3)."""
        height, width = rgb.shape[:2]
        seen = resize(luma_codes(rgb), working_shape(height, width, working_size))
        return cls(name, rgb, lab_from_rgb(rgb), seen)


@dataclass(frozen=True)
class SkinScore:
    """How the skin-like pixels of one photograph were answered.

    Attributes:
        pixels: how many there are.
        chroma: of the answer, Lab units, mean over them.
        true_chroma: the same of the truth.
        ciede2000: mean over them.
    """

    pixels: int
    chroma: float
    true_chroma: float
    ciede2000: float


@dataclass(frozen=True)
class PictureScore:
    """How one photograph was answered.

    Attributes:
        name: path inside its collection.
        ciede2000: mean over pixels.
        psnr: dB, over RGB codes.
        ssim: mean of the channels.
        colourfulness: Hasler and Suesstrunk, of the answer.
        true_colourfulness: the same of the truth.
        confidence: the network's own, 0..1; None for reference rows.
        doubt: about the answer, 0..1; None where nobody knows.
        doubt_reasons: words of `DoubtReason`.
        skin: the same of skin-like pixels alone; None where there are none.
    """

    name: str
    ciede2000: float
    psnr: float
    ssim: float
    colourfulness: float
    true_colourfulness: float
    confidence: float | None = None
    doubt: float | None = None
    doubt_reasons: tuple[str, ...] = ()
    skin: SkinScore | None = None


@dataclass(frozen=True)
class PhotoScores:
    """A set of photographs answered by one network.

    Attributes:
        pictures: the score of every photograph, in their order; at least one.
    """

    pictures: tuple[PictureScore, ...]

    def means(self) -> Mapping[str, float]:
        """Means over pictures by name, and the mean colourfulness as a share of the truth's."""
        measures = ("ciede2000", "psnr", "ssim", "colourfulness", "true_colourfulness")
        means = {name: float(np.mean([getattr(one, name) for one in self.pictures])) for name in measures}
        true = means.pop("true_colourfulness")
        return means | {"colourfulness_ratio": means["colourfulness"] / max(true, 1e-6)}

    def skin(self) -> SkinScore | None:
        """Over the skin-like pixels of all photographs together; None where there are none."""
        scores = [one.skin for one in self.pictures if one.skin is not None]
        if not scores:
            return None
        pixels = [one.pixels for one in scores]
        figures = np.array([(one.chroma, one.true_chroma, one.ciede2000) for one in scores])
        return SkinScore(sum(pixels), *np.average(figures, axis=0, weights=pixels).tolist())


@dataclass(frozen=True)
class ScoredPhoto:
    """An answer beside its truth.

    Attributes:
        rgb: uint8 (h, w, 3), the truth's L* with the answer's a*, b*.
        difference: CIEDE2000, float32 (h, w).
        score: the figures.
    """

    rgb: UInt8
    difference: Float32
    score: PictureScore


def read_reference(member: Member, working_size: int) -> ReferencePhoto:
    """Read a colour photograph, its short side at most the working size.

    Raises:
        ItemError: it cannot be read, is too small to judge, or has no colour.
    """
    try:
        rgb = decode_rgb(member.read(), working_size)
    except OSError as error:
        raise ItemError(Reason.UNREADABLE, f"cannot be read: {error.strerror or error}") from error
    if min(rgb.shape[:2]) < _SMALLEST_SIDE:
        raise ItemError(Reason.UNSUPPORTED, f"has a side under {_SMALLEST_SIDE} pixels")
    if colourfulness(rgb) < _LEAST_COLOURFULNESS:
        raise ItemError(Reason.UNSUPPORTED, "is grey, so it cannot tell whether colour is right")
    return ReferencePhoto.of(member.name, rgb, working_size)


def compose_rgb(truth: ReferencePhoto, chroma: Chroma) -> UInt8:
    """The codes (h, w, 3) that `dir` would write for the truth's luma."""
    return codes_with_luma(luma_codes(truth.rgb), chroma)


def codes_with_luma(luma: UInt8, chroma: Chroma) -> UInt8:
    """Codes (h, w, 3) of exact luma codes (h, w) and coarse chroma."""
    return np.asarray(compose_exact_luma(luma, upsample(chroma.cbcr, *luma.shape)), np.uint8)


def answered_ab(truth: ReferencePhoto, chroma: Chroma) -> Float32:
    """The a*, b* (h, w, 2) of what `dir` would write for the truth's luma."""
    return lab_from_rgb(compose_rgb(truth, chroma))[..., 1:]


def constant_ab(truth: ReferencePhoto, a: float, b: float) -> Float32:
    """The a*, b* (h, w, 2) of the truth's L* in one colour, as far as 8-bit codes hold it."""
    tint = np.broadcast_to(np.array([a, b], np.float32), (*truth.rgb.shape[:2], 2))
    return lab_from_rgb(srgb_codes(truth.lab[..., 0], tint))[..., 1:]


def score_photo(
    truth: ReferencePhoto, ab: Float32, confidence: float | None = None, doubt: Doubt | None = None
) -> ScoredPhoto:
    """Hold an answer's a*, b* (h, w, 2) against the truth; the rest is noted down with it."""
    rgb = srgb_codes(truth.lab[..., 0], ab)
    lab = lab_from_rgb(rgb)
    difference = ciede2000(truth.lab, lab)
    score = PictureScore(
        name=truth.name,
        ciede2000=float(difference.mean(dtype=np.float64)),
        psnr=psnr(rgb, truth.rgb),
        ssim=ssim(rgb, truth.rgb),
        colourfulness=colourfulness(rgb),
        true_colourfulness=colourfulness(truth.rgb),
        confidence=confidence,
        doubt=None if doubt is None else doubt.figure,
        doubt_reasons=() if doubt is None else tuple(one.reason.value for one in doubt.findings),
        skin=_skin_score(truth.lab, lab, difference),
    )
    return ScoredPhoto(rgb, difference, score)


def is_skin(true_lab: Float32) -> npt.NDArray[np.bool_]:
    """The pixels (...) of L*, a*, b* (..., 3) whose true colour is one that skin may have."""
    return np.asarray(((true_lab >= _SKIN_FROM) & (true_lab <= _SKIN_TO)).all(axis=-1))


def _skin_score(true_lab: Float32, lab: Float32, difference: Float32) -> SkinScore | None:
    skin = is_skin(true_lab)
    if not skin.any():
        return None
    chroma, true_chroma = (np.hypot(one[skin, 1], one[skin, 2]) for one in (lab, true_lab))
    means = (float(one.mean(dtype=np.float64)) for one in (chroma, true_chroma, difference[skin]))
    return SkinScore(int(skin.sum()), *means)


def srgb_codes(lightness: Float32, ab: Numbers) -> UInt8:
    """8-bit sRGB codes (..., 3) of L* (...) and a*, b* (..., 2), clipped to the gamut."""
    lab = np.concatenate([lightness[..., None], ab.astype(np.float32)], axis=-1)
    return np.clip(np.rint(rgb_from_lab(lab) * 255), 0, 255).astype(np.uint8)
