"""Options of what shows an archive to people: `archivecolor report`, `review` and `serve`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from archivecolor.settings.options import MAX_TEXT, option, required
from archivecolor.settings.shared import NetworkOptions, OutputOptions

# As browsers send them.
_HOST = r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?"
# Of an address's path; none that leads up, and none that a cookie's path cannot hold.
STEP = r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*"


@dataclass(frozen=True, kw_only=True)
class ReportSettings(OutputOptions):
    """Options of `archivecolor report`."""

    output: Path = required("Coloured tree that is reported on (the OUT of a run).", argument=True)
    folder: Path | None = option(None, "Folder for the pages; OUT-report beside OUT without it.", short="o")
    single_file: bool = option(False, "One file, index.html, that holds its pictures; up to 200 of them.")
    top: int = option(0, "Also list this many of the most doubtful, as top.csv and a page.", low=0)
    sample: int = option(
        0,
        "Also draw this many for an audit, from each folder by its share: sample.csv and pages.",
        low=0,
    )
    seed: int = option(1, "Which sample is drawn; the same number draws the same pictures.", low=0)
    parquet: bool = option(False, "Write records.parquet beside records.csv (needs pyarrow).")
    max_megapixels: float = option(
        1000.0, "Make no small picture of larger ones.", unit="megapixels", low=0.001
    )
    jobs: int = option(0, "Worker processes; 0 takes one per core.", low=0, high=256, short="j")
    timeout: float = option(300.0, "Give up on one picture after this long.", unit="seconds", low=1)


@dataclass(frozen=True, kw_only=True)
class PageOptions(OutputOptions):
    """Options of the pages that are served."""

    GROUP = "Options"

    port: int = option(0, "Port on this machine; 0 takes any that is free.", low=0, high=65535)
    open: bool = option(False, "Open the page in the browser.")
    allow_host: tuple[str, ...] = option(
        (),
        "Host that a proxy passes on, to be answered too: NAME or NAME:PORT, no address; may be repeated.",
        pattern=_HOST,
    )
    root_path: str = option(
        "", "Path below which a proxy serves the page, such as /colour.", pattern=f"/?({STEP}(/{STEP})*)?/?"
    )
    max_megapixels: float = option(500.0, "Show no larger pictures.", unit="megapixels", low=0.001)
    timeout: float = option(60.0, "Give up on one picture after this long.", unit="seconds", low=1)
    body_timeout: float = option(
        30.0, "Give up on what a browser sends after this long.", unit="seconds", low=1
    )
    jobs: int = option(0, "Worker processes; 0 takes one per core.", low=0, high=256, short="j")


@dataclass(frozen=True, kw_only=True)
class ReviewSettings(PageOptions):
    """Options of `archivecolor review`."""

    output: Path = required("Coloured tree to look through (the OUT of a run).", argument=True)
    by: str = option("", "Who decides; it goes into what is decided.", max_length=MAX_TEXT)
    input: Path | None = option(None, "The IN of the run; that of the last run without it.")


@dataclass(frozen=True, kw_only=True)
class ServeSettings(PageOptions, NetworkOptions):
    """Options of `archivecolor serve`."""

    colour: str = option(
        "skip",
        "Pictures that are in colour already: leave them alone, or recolour them from their luma.",
        choices=("skip", "recolour"),
    )
    max_file: float = option(200.0, "Largest file that is taken.", unit="megabytes", low=0.001)
    max_files: int = option(500, "Pictures that one visitor may have here at once.", low=1)
    max_space: float = option(
        4000.0, "Room for the pictures of one visitor, results included.", unit="megabytes", low=0.001
    )
    max_sessions: int = option(8, "Visitors at once.", low=1)
    session_timeout: float = option(
        1800.0, "Forget a visitor's pictures when nothing was asked for so long.", unit="seconds", low=1
    )
