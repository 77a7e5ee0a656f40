"""A fingerprint of a picture's grey: which picture it is, whatever its colours, size and compression.

The signs of the lowest frequencies of a small luma. Another size, JPEG, contrast and a small cut turn few of
them; two unlike pictures differ in about half.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from archivecolor.colour.arrays import Float32

BITS = 256
# The luma is seen at SIDE x SIDE, whatever its shape; KEPT x KEPT of its frequencies count.
SIDE, KEPT = 32, 16
# Frequencies of less than this share of full scale are rounding, not picture.
FAINTEST = 1e-5

# Of what has nothing to be known by.
EMPTY = "00" * (BITS // 8)
Words = npt.NDArray[np.uint64]


def fingerprint(luma: Float32) -> str:
    """The fingerprint of a luma (h, w), 0..1, any size: `BITS` bits in hexadecimal; `EMPTY` of a flat one."""
    from archivecolor.opencv import cv2

    small = cv2.resize(luma, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float64)
    basis = _cosines()
    signs = (basis @ small @ basis.T / SIDE).reshape(-1) > FAINTEST
    signs[0] = False  # brightness says nothing
    return np.packbits(signs).tobytes().hex()


def words_of(fingerprints: list[str]) -> Words:
    """Fingerprints as uint64 (n, BITS / 64), to be told apart many at once.

    Raises:
        ValueError: one is no fingerprint.
    """
    joined = bytes.fromhex("".join(fingerprints))
    return np.frombuffer(joined, np.uint64).reshape(len(fingerprints), BITS // 64)


def distances(fingerprints: Words, wanted: str) -> npt.NDArray[np.int64]:
    """In how many bits, of `BITS`, each of some fingerprints (n, BITS / 64) differs from another: (n,)."""
    differing: npt.NDArray[np.uint8] = np.bitwise_count(fingerprints ^ words_of([wanted]))
    return np.asarray(differing.sum(axis=1), np.int64)


def _cosines() -> npt.NDArray[np.float64]:
    """The lowest `KEPT` waves of the discrete cosine transform (DCT-II) over `SIDE` samples."""
    waves, samples = np.mgrid[:KEPT, :SIDE]
    return np.asarray(np.cos(np.pi * waves * (samples + 0.5) / SIDE))
