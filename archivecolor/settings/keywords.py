"""The options that functions take as keywords, typed: each is the field of the same name of a settings class.

A test holds that names and types are those of the settings, and that what a command line alone acts on is not
among them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, TypedDict, TypeVar, cast

from archivecolor.settings.options import nearest

Keywords = TypeVar("Keywords")


class PredictorKeywords(TypedDict, total=False):
    """Options of `load_predictor`; see `NetworkOptions`."""

    device: str
    runtime: Literal["auto", "torch", "onnx"]
    precision: Literal["auto", "fp32", "bf16", "fp16", "int8"]
    batch_size: int
    working_size: int
    quality: Literal["normal", "high"]
    saturation: float


class PhotoKeywords(TypedDict, total=False):
    """Options of `colour_file` and `colour_bytes`; see `DirSettings`."""

    format: Literal["keep", "jpeg", "png", "tiff", "webp"]
    chroma: Literal["444", "420"]
    caption: str
    credentials: Path | None
    toned: Literal["colour", "keep", "skip"]
    colour: Literal["skip", "copy", "recolour"]
    max_megapixels: float
    strict_files: bool
    preserve_times: bool


class _RunKeywords(PredictorKeywords, total=False):
    checkpoint: Path | None
    cluster: str
    worker_resource: str
    files_from: Path | None
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    min_age: float
    limit: int | None
    shard: str
    overwrite: bool
    retry_failed: bool
    redo_accepted: bool
    same_runtime: bool
    decisions: Path | None
    take_back: tuple[str, ...]
    credentials: Path | None
    bag: bool
    premis: bool
    max_runtime: float | None
    max_failures: int | None
    wait_lock: float
    toned: Literal["colour", "keep", "skip"]
    colour: Literal["skip", "copy", "recolour"]


class FolderKeywords(_RunKeywords, total=False):
    """Options of `colour_folder`; see `DirSettings`."""

    format: Literal["keep", "jpeg", "png", "tiff", "webp"]
    chroma: Literal["444", "420"]
    caption: str
    rest: Literal["skip", "copy", "link"]
    max_megapixels: float
    strict_files: bool
    preserve_times: bool
    sheet: Path | None
    jobs: int
    timeout: float
    films: bool


class FilmKeywords(_RunKeywords, total=False):
    """Options of `colour_film`; see `VideoSettings`."""

    codec: Literal["h264", "h265", "ffv1", "prores", "dnxhr"]
    crf: int | None
    preset: str | None
    encoder: Literal["software", "nvenc", "qsv", "vaapi", "amf", "videotoolbox"]
    container: Literal["keep", "mp4", "mkv", "mov"]
    smoothing: float
    cuts: str
    plan: Path | None
    deinterlace: Literal["auto", "keep", "bwdif", "ivtc"]
    badge: bool
    same_colours: bool
    max_megapixels: float
    segment_seconds: float
    threads: int
    keep_work: bool
    strict: bool


class CorrectKeywords(TypedDict, total=False):
    """Options of `correct`; see `CorrectSettings`."""

    like: Path | None
    at: float | None
    page: int
    saturation: float | None
    quality: Literal["normal", "high"]
    working_size: int | None
    toned: Literal["colour", "keep", "skip"]
    colour: Literal["skip", "copy", "recolour"]
    accept: bool
    reject: bool
    reset: bool
    take_back: bool
    note: str
    by: str
    later: bool
    input: Path | None
    wait_lock: float


def checked_keywords(options: object, allowed: type[Keywords], function: str) -> dict[str, Any]:
    """The options by name, all of them known; Any, as each has a type of its own.

    Args:
        options: as they were given.
        allowed: the keywords that there are.
        function: what was called with them.

    Raises:
        TypeError: one is none of these.
    """
    given = cast("dict[str, Any]", options)
    for name in given:
        if name not in allowed.__annotations__:
            raise TypeError(f"{function}() has no option {name!r}{nearest(name, allowed.__annotations__)}")
    return given
