"""The folder of a report: a new one or one of an earlier report, and nothing else is ever written into."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from archivecolor.archive.atomic import atomic_write
from archivecolor.archive.bag import content_root
from archivecolor.archive.folders import lies_in
from archivecolor.archive.layout import Layout
from archivecolor.archive.run_json import read_run_summary
from archivecolor.errors import UsageError
from archivecolor.printable import printable

# First pages say what they are, so that the next report may be written over them and over nothing else.
MARK = '<meta name="generator" content="archivecolor report">'
_BEGUN = f"<!DOCTYPE html>\n{MARK}\n<title>archivecolor</title>\n<p>This report is not finished yet.</p>\n"
INDEX = "index.html"
_MARK_WITHIN = 4096


def check_report_folder(folder: Path, output: Path, sources: Iterable[Path]) -> None:
    """Refuse a folder that no report is to be written into; nothing is written.

    Args:
        folder: for the pages.
        output: that is reported on.
        sources: the folders of its scans.

    Raises:
        UsageError: it holds other files, or is or lies in the output or a folder of scans.
    """
    shown = printable(folder)
    for tree in (output, *sources):
        if tree.resolve() in (folder.resolve(), *folder.resolve().parents) or lies_in(folder, tree):
            raise UsageError(
                f"the report's folder {shown} lies inside {printable(tree)}, where its pictures would be "
                "taken for those of the archive; give a folder outside"
            )
    if folder.is_dir():
        if any(folder.iterdir()) and not _is_of_report(folder):
            raise UsageError(f"{shown} holds other files, and no report of this program; give a new folder")
    elif folder.exists():
        raise UsageError(f"the report's folder {shown} is a file; give a folder")


def source_folders(output: Path) -> Iterator[Path]:
    """The folders of scans that the last run of an output named."""
    last = read_run_summary(Layout(content_root(output)).run_json)
    given = last.settings.get("input") if last is not None else None
    for name in given if isinstance(given, list) else [given]:
        if isinstance(name, str) and Path(name).is_dir():
            yield Path(name)


def begin_report(folder: Path) -> None:
    """Put the mark into a new folder, so that a report which a kill cut short is known for one."""
    if not (folder / INDEX).exists():
        with atomic_write(folder / INDEX) as part:
            part.write_text(_BEGUN, encoding="utf-8")


def _is_of_report(folder: Path) -> bool:
    index = folder / INDEX
    if not index.is_file():
        return False
    with index.open("rb") as file:
        return MARK.encode() in file.read(_MARK_WITHIN)
