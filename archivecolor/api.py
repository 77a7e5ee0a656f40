"""The public functions: a network, one array, one file, a folder.

    import archivecolor

    predictor = archivecolor.load_predictor()
    archivecolor.colour_file("scan.jpg", "coloured.jpg", predictor)

What `__all__` lists is re-exported by the package, late; importing this module loads no network library.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from archivecolor.colour.chroma import Chroma
from archivecolor.engine.progress import ItemEvent, NullListener, Progress, RunResult
from archivecolor.errors import ArchivecolorError, ExitCode, ItemError, Reason, UsageError
from archivecolor.settings import DirSettings, NetworkOptions
from archivecolor.version import program_version

if TYPE_CHECKING:
    from archivecolor.inference.predictor import Predictor
    from archivecolor.photo.render import RenderedImage

__all__ = [
    "ArchivecolorError",
    "Chroma",
    "DirSettings",
    "Ending",
    "ExitCode",
    "ItemError",
    "ItemEvent",
    "NetworkOptions",
    "News",
    "Progress",
    "Reason",
    "RunResult",
    "colour_array",
    "colour_file",
    "colour_folder",
    "load_predictor",
]

Codes = npt.NDArray[Any]
OnItem = Callable[[ItemEvent, Progress], None]
# Their older names.
Ending = RunResult
News = ItemEvent


def load_predictor(checkpoint: str | Path | None = None, **options: Any) -> Predictor:
    """Load a network.

    Args:
        checkpoint: a checkpoint file; the built-in weights without it.
        options: other fields of `NetworkOptions`, such as `device="cuda"` or `quality="high"`.

    Raises:
        UsageError: an option is wrong.
        UnavailableError: the checkpoint or the device cannot be used.
    """
    from archivecolor.inference.predictor import open_predictor

    path = None if checkpoint is None else Path(checkpoint)
    return open_predictor(path, NetworkOptions(**options))


def colour_array(grey: Codes, predictor: Predictor | None = None) -> Codes:
    """Colour one picture in memory.

    Args:
        grey: (h, w) uint8 or uint16 codes, upright; or (h, w, 3) RGB, whose luma is taken.
        predictor: a network from `load_predictor`; the built-in one, loaded anew each time, without it.

    Returns:
        (h, w, 3) RGB of the same dtype. Its BT.601 luma codes are exactly `grey`, or the luma of it.

    Raises:
        ValueError: `grey` has another shape or dtype.
        UnavailableError: the built-in weights cannot be used.
    """
    from archivecolor.colour.chroma import upsample
    from archivecolor.colour.gamut import compose_exact_luma
    from archivecolor.photo.shrink import resize, working_shape

    luma = luma_of(grey)
    network = predictor or load_predictor()
    height, width = luma.shape
    small = resize(luma, working_shape(height, width, network.working_size))
    chroma = network.predict([small])[0]
    rgb: Codes = compose_exact_luma(luma, upsample(chroma.cbcr, height, width))
    return rgb


def luma_of(grey: Codes) -> Codes:
    """The luma codes of a grey or RGB picture. Raises `ValueError` for what is neither."""
    from archivecolor.colour.luma import luma_codes

    if grey.dtype not in (np.uint8, np.uint16) or grey.size == 0:
        raise ValueError(f"the picture must have uint8 or uint16 codes, not {grey.size} of {grey.dtype}")
    if grey.ndim == 2:
        return grey
    if grey.ndim == 3 and grey.shape[2] == 3:
        return luma_codes(grey)
    raise ValueError(f"the picture must be (h, w) or (h, w, 3), not {grey.shape}")


def colour_file(source: str | Path, target: str | Path, predictor: Predictor | None = None) -> RenderedImage:
    """Colour one photograph file, with all that `archivecolor dir` promises of it.

    Args:
        source: any photograph that can be read; it is only read.
        target: the new file, in the container of `source` whatever its name; replaced if it is there, once
            the picture is done.
        predictor: a network from `load_predictor`; the built-in one without it.

    Raises:
        UsageError: `target` is `source` itself; nothing was done.
        ItemError: the picture cannot be done; its `reason` says why.
        OutputError: `target` cannot be written.
        UnavailableError: the built-in weights cannot be used.
    """
    from archivecolor.archive.atomic import atomic_write
    from archivecolor.photo.inspect import inspect
    from archivecolor.photo.render import RenderOptions, render

    source, target = Path(source), Path(target)
    if target.exists() and source.exists() and target.samefile(source):
        raise UsageError(f"{target} is the scan itself, which is never written over; choose another name")
    network = predictor or load_predictor()
    inspection = inspect(source, working_size=network.working_size, max_megapixels=DirSettings.max_megapixels)
    if not inspection.lumas:
        raise ItemError(Reason.BILEVEL, "line art of one bit per pixel is not coloured")
    options = RenderOptions(
        file_state=inspection.facts.file_state,
        version=program_version(),
        weights=network.digest,
        network=network.name,
    )
    with atomic_write(target) as part:
        return render(source, part, network.predict(inspection.lumas), options)


def colour_folder(
    source: str | Path, output: str | Path, on_item: OnItem | None = None, **options: Any
) -> RunResult:
    """Colour a folder of photographs, as `archivecolor dir` does; what is up to date is left alone.

    Worker processes are started: in a script, call it under `if __name__ == "__main__":`.

    Args:
        source: the folder of photographs.
        output: the folder for the coloured tree.
        on_item: called after every picture with what became of it and how far the run is.
        options: other fields of `DirSettings`, such as `jobs=4` or `overwrite=True`.

    Raises:
        UsageError: folders or options that cannot be; nothing was done.
        UnavailableError: the weights or the device cannot be used.
        OutputError: the output cannot be written; what is finished is safe.
        LockedError: another run holds the output.
    """
    from archivecolor.jobs.dir import colour_folder as run

    settings = DirSettings(input=Path(source), output=Path(output), **options)
    return run(settings, NullListener() if on_item is None else Caller(on_item))


class Caller(NullListener):
    """A listener that calls a function after every picture."""

    def __init__(self, on_item: OnItem) -> None:
        self._on_item = on_item

    def settled(self, event: ItemEvent, progress: Progress) -> None:
        """Hand the news on."""
        self._on_item(event, progress)
