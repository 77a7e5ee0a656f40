"""The public functions: a network, one picture, a folder, a film, and what people decide about them.

    import archivecolor

    colourise = archivecolor.Colouriser()
    colourise("scan.jpg").save("coloured.jpg")

What `__all__` lists is re-exported by the package, late; importing this module loads no network library.

A function installs no signal handler: Ctrl-C raises `KeyboardInterrupt` in it as in any other, what is
finished is safe, and the same call goes on. From a thread or a handler of one's own, `stop` ends a run
after what is in hand. A `Predictor` may be used from several threads, and in a process that was forked
from the one that loaded it if it runs on a processor; CUDA forbids that. `colour_folder` starts worker
processes: in a script, call it under `if __name__ == "__main__":`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy.typing as npt

from archivecolor.archive.decision import Decision
from archivecolor.archive.record import Record
from archivecolor.colour.chroma import Chroma
from archivecolor.colour.guidance import Hint, Reach
from archivecolor.deciding import correct, decisions, undo_decisions
from archivecolor.engine.progress import FunctionListener, ItemEvent, OnItem, OnProgress, Progress, RunResult
from archivecolor.engine.stopping import Stop
from archivecolor.errors import (
    ArchivecolorError,
    CheckpointError,
    ExitCode,
    InputGoneError,
    InputNotFoundError,
    ItemError,
    LockedError,
    OutOfMemoryError,
    OutputError,
    Reason,
    StoppedError,
    UnavailableError,
    UsageError,
    errors_of,
)
from archivecolor.film.shots import Shot, ShotDetector
from archivecolor.settings import (
    DirSettings,
    NetworkOptions,
    VideoSettings,
    typed_path,
)
from archivecolor.settings.keywords import (
    FilmKeywords,
    FolderKeywords,
    PhotoKeywords,
    PredictorKeywords,
    checked_keywords,
)

if TYPE_CHECKING:
    from distributed import Client
    from PIL import Image
    from typing_extensions import Unpack

    from archivecolor.colouriser import ColouredPicture, Colouriser
    from archivecolor.inference.predictor import Predictor
    from archivecolor.jobs.correct import Corrected
    from archivecolor.jobs.detect import Detected
    from archivecolor.photo.render import RenderedImage

__all__ = [
    "ArchivecolorError",
    "CheckpointError",
    "Chroma",
    "ColouredFilm",
    "ColouredPicture",
    "Colouriser",
    "Corrected",
    "Decision",
    "Detected",
    "DirSettings",
    "Ending",
    "ExitCode",
    "Hint",
    "InputGoneError",
    "InputNotFoundError",
    "ItemError",
    "ItemEvent",
    "LockedError",
    "NetworkOptions",
    "News",
    "OutOfMemoryError",
    "OutputError",
    "Predictor",
    "Progress",
    "Reach",
    "Reason",
    "Record",
    "RenderedImage",
    "RunResult",
    "Shot",
    "ShotDetector",
    "Stop",
    "StoppedError",
    "UnavailableError",
    "UsageError",
    "VideoSettings",
    "colour_array",
    "colour_bytes",
    "colour_file",
    "colour_film",
    "colour_folder",
    "correct",
    "decisions",
    "detect",
    "find_shots",
    "load_predictor",
    "undo_decisions",
]

# Names that earlier versions had.
Ending, News = RunResult, ItemEvent

Codes = npt.NDArray[Any]  # Any: uint8 or uint16; numpy's types have no name for "either"


def __getattr__(name: str) -> object:
    """Types whose modules are heavy, when they are first asked for."""
    if name == "Predictor":
        from archivecolor.inference.predictor import Predictor

        return Predictor
    if name in ("ColouredPicture", "Colouriser"):
        from archivecolor import colouriser

        return getattr(colouriser, name)
    if name == "RenderedImage":
        from archivecolor.photo.render import RenderedImage

        return RenderedImage
    if name == "Corrected":
        from archivecolor.jobs.correct import Corrected

        return Corrected
    if name == "Detected":
        from archivecolor.jobs.detect import Detected

        return Detected
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def load_predictor(checkpoint: str | Path | None = None, **options: Unpack[PredictorKeywords]) -> Predictor:
    """Load a network.

    Args:
        checkpoint: a checkpoint file; the built-in weights without it.
        options: such as `device="cuda"` or `quality="high"`; see `NetworkOptions`.

    Raises:
        TypeError: there is no such option.
        UsageError: an option's value is wrong.
        CheckpointError: the checkpoint cannot be used.
        UnavailableError: the machine has no such device.
    """
    from archivecolor.inference.predictor import open_predictor

    values = checked_keywords(options, PredictorKeywords, "load_predictor")
    return open_predictor(None if checkpoint is None else Path(checkpoint), NetworkOptions(**values))


def colour_array(
    picture: Codes | Image.Image, predictor: Predictor | None = None, *, recolour: bool = False
) -> Codes:
    """Colour one picture in memory.

    Args:
        picture: (h, w) uint8 or uint16 codes, upright; or (h, w, 3) RGB; or a PIL image, grey or RGB.
        predictor: a network from `load_predictor`; the built-in one, loaded anew each time, without it.
        recolour: colour a picture that has colour already, from its luma.

    Returns:
        (h, w, 3) RGB of the same dtype. Its BT.601 luma codes are exactly those of `picture`.

    Raises:
        ValueError: `picture` has another shape, dtype or mode.
        ItemError: `ALREADY_COLOUR` or `TINTED`: it is in colour, and `recolour` was not asked for.
        CheckpointError: the built-in weights cannot be used.
    """
    from archivecolor.jobs.picture import compose, luma_of, small_luma

    luma = luma_of(picture, recolour=recolour)
    network = predictor or load_predictor()
    (chroma,) = network.predict([small_luma(luma, network.working_size)])
    return compose(luma, chroma)


def colour_file(
    source: str | Path,
    target: str | Path,
    predictor: Predictor | None = None,
    *,
    hints: Sequence[Hint] = (),
    **options: Unpack[PhotoKeywords],
) -> RenderedImage:
    """Colour one photograph file, with all that `archivecolor dir` promises of it.

    Args:
        source: any photograph that can be read; it is only read.
        target: the new file; replaced if it is there, once the picture is done.
        predictor: a network from `load_predictor`; the built-in one without it.
        hints: colours wished for at places of it, such as `Hint(0.3, 0.8, (200, 100, 30))`; at most 200 on a
            page.
        options: such as `format="png"` or `colour="recolour"`; see `DirSettings`.

    Raises:
        TypeError: there is no such option.
        ValueError: a page has more hints.
        InputNotFoundError: `source` is not there; a `FileNotFoundError` too.
        UsageError: `target` is `source` itself, or its name promises another format, or hints are none;
            nothing was done.
        ItemError: the picture cannot be done, or is left alone by its tone; its `reason` says why.
        OutputError: `target` cannot be written.
        CheckpointError: the built-in weights cannot be used.
    """
    from archivecolor.jobs.photograph import check_names, colour_photograph

    if not all(isinstance(hint, Hint) for hint in hints):
        raise UsageError("hints are a list of them, such as hints=[Hint(0.3, 0.8, (200, 100, 30))]")
    values = checked_keywords(options, PhotoKeywords, "colour_file")
    source, target = Path(source), Path(target)
    settings = DirSettings(input=source.parent, output=target.parent, **values)
    check_names(source, target, settings.format)
    with errors_of(source):
        return colour_photograph(source, target, predictor or load_predictor(), settings, hints).rendered


def colour_bytes(
    picture: bytes | BinaryIO, predictor: Predictor | None = None, **options: Unpack[PhotoKeywords]
) -> bytes:
    """Colour one photograph file that is in memory: the bytes of a file in, those of a file out.

    Args:
        picture: the contents of a photograph's file, or an open binary file of them.
        predictor: as in `colour_file`.
        options: as in `colour_file`.

    Raises:
        TypeError, ItemError, OutputError, CheckpointError: as `colour_file`.
    """
    from archivecolor.jobs.photograph import colour_contents

    values = checked_keywords(options, PhotoKeywords, "colour_bytes")
    contents = picture if isinstance(picture, (bytes, bytearray, memoryview)) else picture.read()
    settings = DirSettings(input=Path(), output=Path(), **values)
    return colour_contents(contents, predictor or load_predictor(), settings)


def colour_folder(
    source: str | Path,
    output: str | Path,
    on_item: OnItem | None = None,
    *,
    stop: Stop | None = None,
    executor: Client | None = None,
    **options: Unpack[FolderKeywords],
) -> RunResult:
    """Colour a folder of photographs, as `archivecolor dir` does; what is up to date is left alone.

    Args:
        source: the folder of photographs, or a bucket's address, `s3://BUCKET/PREFIX`.
        output: the folder for the coloured tree.
        on_item: called after every picture with what became of it and how far the run is.
        stop: says when to end after what is in hand.
        executor: a `distributed.Client` of one's own, whose workers do the work; it stays open.
        options: such as `jobs=4` or `films=True`; see `DirSettings`.

    Raises:
        TypeError: there is no such option.
        InputNotFoundError: `source` is not there; a `FileNotFoundError` too.
        InputGoneError: `source` has lost all that it held, as an archive that is not mounted.
        UsageError: folders or options that cannot be; nothing was done.
        CheckpointError, UnavailableError: the weights or the device cannot be used.
        OutputError: the output cannot be written; what is finished is safe.
        LockedError: another run holds the output.
    """
    from archivecolor.jobs.colour import colour

    values = checked_keywords(options, FolderKeywords, "colour_folder")
    settings = DirSettings(input=typed_path(source), output=Path(output), **values)
    ending = _stop(stop, settings.max_runtime)
    return colour(settings, FunctionListener(on_item), ending, executor=executor)


def detect(file: str | Path, predictor: Predictor | None = None) -> Detected:
    """Say whether a picture's or film's colour was invented by this program, as `archivecolor detect` does.

    Args:
        file: it; only read.
        predictor: from `load_predictor`, the weights that may have coloured it; the built-in ones without it.

    Raises:
        ItemError: it cannot be read.
        CheckpointError: the built-in weights cannot be used.
    """
    from archivecolor.jobs.detect import detect_file

    return detect_file(Path(file), predictor or load_predictor())


@dataclass(frozen=True)
class ColouredFilm:
    """What became of a film.

    Attributes:
        path: of the coloured film; None where it is in colour already and was left alone.
        record: what the manifest says of it.
    """

    path: Path | None
    record: Record


def colour_film(
    source: str | Path,
    output: str | Path | None = None,
    on_progress: OnProgress | None = None,
    *,
    stop: Stop | None = None,
    executor: Client | None = None,
    **options: Unpack[FilmKeywords],
) -> ColouredFilm:
    """Colour one film, as `archivecolor video` does; a film that is up to date is left alone.

    Args:
        source: the film.
        output: folder or file for the coloured film; it lies beside `source` as NAME-colour without it.
        on_progress: called with words on what is done, and how far it is.
        stop: says when to end; the same call then goes on at the first piece that is missing.
        executor: as in `colour_folder`.
        options: such as `codec="ffv1"` or `smoothing=0.5`; see `VideoSettings`.

    Raises:
        TypeError: there is no such option.
        InputNotFoundError: `source` is not there; a `FileNotFoundError` too.
        UsageError: options that cannot be; nothing was done.
        ItemError: the film cannot be done; its `reason` says why.
        StoppedError: `stop` ended it before it was done.
        CheckpointError, UnavailableError, OutputError, LockedError: as `colour_folder`.
    """
    from archivecolor.jobs.film import colour_one_film

    values = checked_keywords(options, FilmKeywords, "colour_film")
    folder = None if output is None else typed_path(output)
    settings = VideoSettings(input=(Path(source),), output=folder, **values)
    listener = FunctionListener(on_progress=on_progress)
    path, record = colour_one_film(settings, listener, _stop(stop, settings.max_runtime), executor)
    return ColouredFilm(path, record)


def find_shots(
    film: str | Path, detector: Callable[[Fraction], ShotDetector] | None = None
) -> tuple[Shot, ...]:
    """The shots of a film, in order and without gaps; nothing is made of it.

    Args:
        film: the film.
        detector: makes what looks at the frames, for a film of so many frames a second; this program's own
            without it. A list of what another one finds, with a column `first_frame`, is what `cuts` of
            `colour_film` takes.

    Raises:
        ItemError: it cannot be read.
        ValueError: what the detector gives is not all frames, in order and without gaps.
    """
    from archivecolor.film import find_shots as finding

    path = Path(film)
    return finding.find_shots(path) if detector is None else finding.find_shots(path, detector)


def _stop(stop: Stop | None, max_runtime: float | None) -> Stop:
    """When to end. Raises `UsageError` where that is said twice."""
    if stop is not None and max_runtime is not None:
        raise UsageError("a stop has a time limit of its own: give Stop(max_runtime=...), not both")
    return stop or Stop(max_runtime)
