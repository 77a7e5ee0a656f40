"""Tags of a TIFF page that are missing, or that all its other tags contradict, set as those have them.

The library has a default for each of them, and believes whatever stands there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archivecolor.photo.containers.tiff import samples as kinds

if TYPE_CHECKING:
    from tifffile import TiffPage

BITS_PER_SAMPLE, _PHOTOMETRIC, _SAMPLES_PER_PIXEL, _INK_SET, _EXTRA_SAMPLES = 258, 262, 277, 332, 338
_UNSIGNED = 1
NONE, _FAX = 1, (2, 3, 4, 32771)
_MEANT = {
    kinds.WHITE_IS_ZERO: "white taken as zero",
    kinds.SEPARATED: "read as CMYK",
    kinds.PALETTE: "read by its colour map",
}
_CONTIGUOUS, _RGB_SAMPLES, _INK_SAMPLES = 1, 3, 4


def settled(page: TiffPage) -> tuple[str, ...]:
    """Set what the library has of a page as the page is meant.

    Returns:
        What was missing or wrong, for the record.
    """
    notes = []
    if page.compression == NONE:
        # The predictor is a part of the compressions that have one.
        page.predictor = 1
    if not page.is_tiled and page.rowsperstrip < 1:
        page.rowsperstrip = page.imagelength
    if page.sampleformat == 0:
        page.sampleformat = _UNSIGNED
        notes.append("a sample format that there is none of: taken as whole numbers from zero on")
    if _SAMPLES_PER_PIXEL not in page.tags and (samples := _samples(page)) != page.samplesperpixel:
        _set_samples(page, samples)
        notes.append(f"no number of samples per pixel: {samples} by the other tags")
    if _PHOTOMETRIC not in page.tags:
        page.photometric = _photometric(page)
        notes.append(f"no photometric interpretation: {_MEANT.get(page.photometric, 'black taken as zero')}")
    elif _is_plain(page) and page.photometric in (kinds.WHITE_IS_ZERO, kinds.BLACK_IS_ZERO):
        page.photometric = kinds.RGB
        notes.append("called grey with three samples a pixel: read as RGB")
    elif page.photometric == kinds.RGB and page.samplesperpixel == 1:
        page.photometric = kinds.BLACK_IS_ZERO
        notes.append("called RGB with one sample a pixel: read as grey")
    return tuple(notes)


def _samples(page: TiffPage) -> int:
    """Samples of a pixel by the tags that have one value for each."""
    if BITS_PER_SAMPLE in page.tags and page.tags[BITS_PER_SAMPLE].count > 1:
        return page.tags[BITS_PER_SAMPLE].count
    return _RGB_SAMPLES if page.photometric == kinds.RGB else 1


def _set_samples(page: TiffPage, samples: int) -> None:
    """Set the number of samples and the shapes that the library has worked out with it."""
    page.samplesperpixel = samples
    size = (page.imagelength, page.imagewidth)
    together = page.planarconfig == _CONTIGUOUS
    page.shape = (*size, samples) if together else (samples, *size)
    page.shaped = (1, 1, *size, samples) if together else (samples, 1, *size, 1)


def _is_plain(page: TiffPage) -> bool:
    """Whether a pixel has three samples of which none is said to be extra."""
    return page.samplesperpixel == _RGB_SAMPLES and _EXTRA_SAMPLES not in page.tags


def _photometric(page: TiffPage) -> int:
    """The photometric interpretation by the other tags; with the compressions of fax white is zero.

    The library's own default is white, so the negative of everything grey.
    """
    if page.colormap is not None:
        return kinds.PALETTE
    if page.samplesperpixel == _INK_SAMPLES and _INK_SET in page.tags:
        return kinds.SEPARATED
    if page.samplesperpixel >= _RGB_SAMPLES:
        return kinds.RGB
    return kinds.WHITE_IS_ZERO if page.compression in _FAX else kinds.BLACK_IS_ZERO
