"""XMP files beside pictures: where programs that leave pictures alone keep captions and ratings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

KIND = "sidecar"


@dataclass(frozen=True, slots=True)
class Sidecar:
    """An XMP file and what it is about.

    Attributes:
        root: the folder that its path is relative to.
        path: of the file, POSIX, as `os.fsdecode` gives it.
        about: of the picture or film, likewise.
        take_back: handwork under its output's name is put aside.
    """

    root: Path
    path: str
    about: str
    take_back: bool = False

    @property
    def source(self) -> Path:
        """The file."""
        return self.root / self.path


def sidecar_name(sidecar: Sidecar, output: str) -> str:
    """The name beside an output that a sidecar has beside its source.

    `a.tif.xmp` goes beside `a.png` as `a.png.xmp`, `a.xmp` as `a.xmp`.

    Args:
        sidecar: the file, and what it is about.
        output: relative name of the derivative of what it is about.
    """
    stem, suffix = sidecar.path[:-4], sidecar.path[-4:]
    if stem == sidecar.about:
        return output + suffix
    return output[: output.rfind(".")] + suffix
