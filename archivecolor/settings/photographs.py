"""Options of `archivecolor dir` and `photo`: photographs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from archivecolor.settings.options import option, required
from archivecolor.settings.shared import (
    ColourOptions,
    CredentialsOptions,
    EndOptions,
    NetworkOptions,
    OutputOptions,
    ToneOptions,
)

_REST_HELP = "Pictures that are left alone (in colour, tinted, line art): skip or copy them"


@dataclass(frozen=True, kw_only=True)
class PhotographOptions(ToneOptions, CredentialsOptions):
    """How a photograph is written."""

    GROUP = "Output"

    format: str = option(
        "keep",
        "Container of the outputs.",
        choices=("keep", "jpeg", "png", "tiff", "webp"),
        shapes_output=True,
        common=True,
    )
    chroma: str = option(
        "444",
        "Chroma sampling of JPEG outputs: 444, or 420 for small files.",
        choices=("444", "420"),
        shapes_output=True,
    )
    caption: str = option(
        "",
        "Write this line on a strip below each coloured picture; its own pixels stay as they are.",
        shapes_output=True,
        digests_default=False,
    )
    rest: str = option(
        "skip", f"{_REST_HELP}, or link to them.", choices=("skip", "copy", "link"), common=True
    )
    max_megapixels: float = option(
        1000.0, "Refuse pictures larger than this.", unit="megapixels", low=0.001, group="Input"
    )
    strict_files: bool = option(
        False,
        "Take whatever a decoder warns of for damage, also where it costs no pixel.",
        shapes_output=True,
        digests_default=False,
        group="Input",
    )
    preserve_times: bool = option(False, "Give outputs the file times of their sources.")
    sheet: Path | None = option(
        None,
        "Draw scans beside their colour, into this file: .png, .jpg, or .pdf of all pages.",
        group="Reports",
        common=True,
    )


@dataclass(frozen=True, kw_only=True)
class DirSettings(PhotographOptions, ColourOptions):
    """Options of `archivecolor dir`: a tree of photographs."""

    GROUP = "Input"

    input: Path = required(
        "Folder of photographs, or s3://BUCKET/PREFIX.", argument=True, kind="folder", may_be_bucket=True
    )
    output: Path = required("Folder for the coloured tree.", argument=True, kind="folder")
    jobs: int = option(
        0, "Worker processes; 0 takes one per core.", low=0, high=256, short="j", group="Machine", common=True
    )
    timeout: float = option(
        600.0, "Give up on one picture after this long.", unit="seconds", low=1, group="Machine"
    )
    watch: bool = option(
        False,
        "Go on with what arrives in IN, once it has stopped growing; until Ctrl-C, or --max-runtime.",
        common=True,
    )
    films: bool = option(
        False,
        "Colour the films of the tree too, after its photographs, with the defaults of `video`.",
        common=True,
    )


@dataclass(frozen=True, kw_only=True)
class PhotoSettings(PhotographOptions, NetworkOptions, EndOptions, OutputOptions):
    """Options of `archivecolor photo`: photographs by name."""

    GROUP = "Output"

    input: tuple[Path, ...] = required(
        "Photographs; - for standard input.", argument=True, kind="photographs"
    )
    output: Path | None = option(
        None,
        "File or folder to write, - for standard output; NAME-colour beside each photograph without it.",
        short="o",
        common=True,
    )
    rest: str = option("copy", f"{_REST_HELP}.", choices=("skip", "copy"), common=True)
    overwrite: bool = option(
        False,
        "Make anew what other settings made; what is up to date, or somebody else's, stays.",
        common=True,
    )
