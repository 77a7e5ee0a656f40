"""Colours of one picture for others: what `--like FILE` gives each of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from archivecolor.archive.fixity import sha256_of
from archivecolor.colour.guidance import Hint
from archivecolor.errors import InputNotFoundError, ItemError, UsageError
from archivecolor.printable import printable

if TYPE_CHECKING:
    from archivecolor.colour.arrays import Float32
    from archivecolor.colour.reference import Reference
    from archivecolor.inference.predictor import Predictor


@dataclass(frozen=True)
class Likeness:
    """A picture in colour whose colours others get.

    Args:
        file: of the picture.
        open_predictor: the network that finds what is alike, opened when it is first asked for.
        max_megapixels: a larger picture is refused.
    """

    file: Path
    open_predictor: Callable[[], Predictor]
    max_megapixels: float

    @cached_property
    def title(self) -> str:
        """Its name and the digest of its bytes, for records."""
        return f"{printable(self.file.name)} ({sha256_of(self.file)[:16]})"

    def hints(self, luma: Float32, page: int) -> tuple[Hint, ...]:
        """Soft hints for a picture's luma (h, w), 0..1; none where nothing is alike.

        Raises:
            UsageError: the reference is not there, cannot be read or has no colour.
        """
        from archivecolor.colour.reference import hints_like

        reference = self._reference
        (answer,) = self.open_predictor().answers([luma])
        return hints_like(answer, reference, page)

    @cached_property
    def _reference(self) -> Reference:
        from archivecolor.photo.inspect import small_colour

        shown = printable(self.file)
        if not self.file.is_file():
            raise InputNotFoundError(f"--like {shown}: there is no such picture", self.file)
        size = self.open_predictor().working_size
        try:
            rgb = small_colour(self.file, working_size=size, max_megapixels=self.max_megapixels)
        except ItemError as error:
            raise UsageError(f"--like {shown}: {error}") from error
        if rgb.ndim == 2:
            raise UsageError(f"--like {shown}: it has no colour to take")
        return reference_of(rgb, self.open_predictor())


def reference_of(rgb: Float32, predictor: Predictor) -> Reference:
    """What others are compared with: of a picture in colour, sRGB (h, w, 3), 0..1, at working size."""
    from archivecolor.colour.lab import LUMA_WEIGHTS, lab_from_rgb
    from archivecolor.colour.reference import Reference

    (answer,) = predictor.answers([rgb @ LUMA_WEIGHTS])
    return Reference(answer, lab_from_rgb(rgb))
