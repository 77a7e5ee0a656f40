"""Options of `archivecolor video` and `archivecolor shots`: films."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from archivecolor.settings.options import Settings, option, required
from archivecolor.settings.shared import ColourOptions, NetworkOptions, OutputOptions


@dataclass(frozen=True, kw_only=True)
class ShotOptions(Settings):
    """How the shots of a film are found."""

    GROUP = "Film"

    cuts: str = option(
        "auto",
        "Where shots begin: auto, none, or a list of them: CSV, EDL or OTIO, as `shots` writes it or edited.",
        shapes_output=True,
        common=True,
    )
    deinterlace: str = option(
        "auto", "What to do with fields.", choices=("auto", "keep", "bwdif", "ivtc"), shapes_output=True
    )


@dataclass(frozen=True, kw_only=True)
class ShotsSettings(ShotOptions, NetworkOptions, OutputOptions):
    """Options of `archivecolor shots`: what a film is cut into, before it is coloured."""

    GROUP = "Film"

    input: Path = required("Film.", argument=True, kind="films")
    plan: Path | None = option(
        None,
        "Write a plan of the shots into this file; where it is there, draw the sheet as it says.",
        group="Output",
        common=True,
    )
    output: Path | None = option(
        None,
        "Folder for the lists and the contact sheet; FILM-shots beside the film without it.",
        short="o",
        group="Output",
        common=True,
        kind="folder",
    )
    overwrite: bool = option(
        False,
        "Write over the list of an earlier run, which may have been edited.",
        group="Output",
        common=True,
    )
    max_megapixels: float = option(100.0, "Refuse films of larger frames.", unit="megapixels", low=0.001)


@dataclass(frozen=True, kw_only=True)
class VideoSettings(ShotOptions, ColourOptions):
    """Options of `archivecolor video` and `archivecolor shots`: films."""

    GROUP = "Film"

    input: tuple[Path, ...] = required("Films, or folders of films.", argument=True, kind="films")
    output: Path | None = option(
        None,
        "Folder for the coloured films, or file of the one film; NAME-colour beside each without it.",
        short="o",
        group="Output",
        common=True,
    )
    codec: str = option(
        "h264",
        "Codec of the picture.",
        choices=("h264", "h265", "ffv1", "prores", "dnxhr"),
        shapes_output=True,
        common=True,
    )
    crf: int | None = option(
        None,
        "Constant rate factor; the codec's archive default without it.",
        low=0,
        high=63,
        shapes_output=True,
        common=True,
    )
    preset: str | None = option(
        None, "Encoder preset of h264 and h265; the codec's archive default without it.", shapes_output=True
    )
    encoder: str = option(
        "software",
        "What encodes h264 and h265: software, or the machine's own encoder of this kind. "
        "Only software gives the same bytes again.",
        choices=("software", "nvenc", "qsv", "vaapi", "amf", "videotoolbox"),
        shapes_output=True,
    )
    container: str = option(
        "keep",
        "Container of the film.",
        choices=("keep", "mp4", "mkv", "mov"),
        shapes_output=True,
        common=True,
    )
    smoothing: float = option(
        0.7,
        "How steady colour is over time: 0 frame by frame, 1 the steadiest.",
        low=0.0,
        high=1.0,
        shapes_output=True,
        common=True,
    )
    same_colours: bool = option(
        True,
        "Give shots that show the same set-up the same colours.",
        shapes_output=True,
        digests_default=False,
    )
    plan: Path | None = option(
        None, "What is done with single shots of the one film: a file as `shots --plan` writes it, edited."
    )
    from_time: float | None = option(
        None,
        "A preview: a film of the picture alone from this time on, in the colours of the whole film.",
        unit="seconds",
        low=0,
        flag="from",
        group="Film",
    )
    to_time: float | None = option(
        None,
        "A preview: a film of the picture alone up to this time.",
        unit="seconds",
        low=0,
        flag="to",
        group="Film",
    )
    only_shots: str = option(
        "",
        "Shots by their numbers, such as 3,7-9: a preview, a film of these alone.",
        pattern=r"(\d+(-\d+)?(,\d+(-\d+)?)*)?",
        group="Film",
    )
    badge: bool = option(
        False,
        "Draw a small mark into a corner of coloured frames; there their luma is not the source's.",
        shapes_output=True,
    )
    segment_seconds: float = option(
        60.0,
        "Aim for no segment that takes longer to make than this.",
        unit="seconds",
        low=1,
        group="Machine",
    )
    threads: int = option(
        0, "Encoder threads; 0 takes the number of cores.", low=0, high=256, group="Machine"
    )
    keep_work: bool = option(False, "Keep the work files.")
    strict: bool = option(False, "Fail a film of which parts are damaged or missing.")
    max_megapixels: float = option(100.0, "Refuse films of larger frames.", unit="megapixels", low=0.001)
    toned: str = option(
        "colour",
        "Tinted shots and reels: colour them, keep them as they are, or skip a film that is all of them.",
        choices=("colour", "keep", "skip"),
        shapes_output=True,
        digests_default=False,
    )

    @property
    def is_preview(self) -> bool:
        """Whether it is a preview that is asked for, and not the film."""
        return bool(self.only_shots) or self.from_time is not None or self.to_time is not None
