"""Contact sheets: each scan beside its coloured version, as many pages as it takes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, PngImagePlugin

from archivecolor.archive.atomic import atomic_write, remove_file
from archivecolor.archive.bag import content_root_for_run
from archivecolor.archive.folders import lies_in
from archivecolor.archive.layout import Layout
from archivecolor.archive.manifest import Manifest
from archivecolor.archive.output_folder import permissions_of
from archivecolor.archive.plan import FILM
from archivecolor.archive.selection import Selection
from archivecolor.colour.arrays import UInt8
from archivecolor.engine.stopping import Stop
from archivecolor.errors import ItemError, OutputError, Reason, UsageError
from archivecolor.photo.contact_sheet import Captioned, draw_page
from archivecolor.photo.containers.reading import SourceFile
from archivecolor.photo.preview import small_preview
from archivecolor.printable import printable
from archivecolor.settings import DirSettings

TILE, GAP = (320, 240), 8
COLUMNS, PER_PAGE = 2, 12
CELL = (2 * TILE[0] + GAP, TILE[1])
JPEG_QUALITY = 90
# A sheet says what it is, so that the next run may draw it anew and nothing else is ever written over.
MARK = "archivecolor contact sheet"
# What stands in a sheet of each format, and where; a PDF has its texts in UTF-16, at its end.
_SAYING_BYTES = 8192
_PNG_MARK_AT, _PNG_MARK = 33, len(f"Software {MARK}").to_bytes(4) + b"tEXtSoftware\0" + MARK.encode()
_JPEG_MARK_AT, _JPEG_MARK = 20, b"\xff\xfe" + (len(MARK) + 2).to_bytes(2) + MARK.encode()
_PDF_HEAD, _PDF_MARK = b"%PDF-", b"/Producer (\xfe\xff" + MARK.encode("utf-16-be") + b")"
FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".pdf": "PDF"}


@dataclass(frozen=True)
class Pair:
    """A scan and what was made of it.

    Attributes:
        caption: what the sheet calls it.
        scan: the source's file.
        coloured: the output's file.
    """

    caption: str
    scan: Path
    coloured: Path


def check_sheet(sheet: Path | None, folders: Iterable[Path] = ()) -> None:
    """Refuse a name that no sheet can have; None is no sheet.

    Args:
        sheet: the file that was asked for.
        folders: those of a run, whose files are pictures and their records alone.

    Raises:
        UsageError: it cannot have the name; nothing was done.
    """
    if sheet is None:
        return
    shown = printable(sheet)
    if sheet.suffix.lower() not in FORMATS:
        raise UsageError(f"--sheet {shown}: a sheet is drawn as {', '.join(FORMATS)}; give it such a name")
    for folder in folders:
        if folder.resolve() in sheet.resolve().parents or lies_in(sheet, folder):
            raise UsageError(
                f"--sheet {shown} lies inside {printable(folder)}, where it would be taken for a picture; "
                "give a name outside"
            )
    if trouble := trouble_with(sheet):
        raise UsageError(f"--sheet {shown} is there, and {trouble}; give another name")


def draw_tree_sheet(settings: DirSettings, stop: Stop) -> tuple[Path, ...]:
    """Draw the sheet that was asked for of all coloured pictures of a tree; gives its files.

    Raises:
        OutputError: it cannot be written.
    """
    if settings.sheet is None:
        return ()
    return draw_sheet(settings.sheet, list(_pairs_of_tree(settings)), stop, settings.max_megapixels)


def _pairs_of_tree(settings: DirSettings) -> Iterator[Pair]:
    """The coloured pictures of an output that the options do not leave out, by path."""
    root = content_root_for_run(settings.output, bag=settings.bag)
    manifest, selection = Manifest(Layout(root).manifest), Selection(settings)
    for path, entry in sorted(manifest.items.items()):
        name = os.fsencode(path)
        if entry.reason != Reason.COLOURED.value or selection.excludes(name) or not selection.includes(name):
            continue
        record = manifest.record(path)
        if record.kind != FILM and record.output is not None:
            caption = path if record.confidence is None else f"{path}  ({record.confidence:.2f})"
            yield Pair(caption, settings.input / path, root / record.output.path)


def draw_sheet(
    sheet: Path, pairs: Sequence[Pair], stop: Stop, max_megapixels: float = DirSettings.max_megapixels
) -> tuple[Path, ...]:
    """Draw pairs onto pages; gives the files, none where there are no pairs.

    A PDF holds all pages; of other formats the second page is the file NAME-2, and so on. What is left of an
    earlier sheet of more pages goes.

    Args:
        sheet: the file, checked by `check_sheet`.
        pairs: in the order of the sheet.
        stop: ends it after the page in hand.
        max_megapixels: larger pictures are told of, not shown.

    Raises:
        OutputError: a page cannot be written.
    """
    if not pairs:
        return ()
    shown = min((pair.coloured for pair in pairs), key=_readers)
    return write_pages(sheet, _pages(pairs, stop, max_megapixels), shown)


def _readers(path: Path) -> int:
    """How many of owner, group and all may read a file."""
    return (permissions_of(path) & 0o444).bit_count()


def write_pages(sheet: Path, pages: Iterable[Image.Image], shown: Path) -> tuple[Path, ...]:
    """Write the pages of a sheet, one at least; as `draw_sheet`.

    Args:
        sheet: the file, checked by `check_sheet` or `trouble_with`.
        pages: in their order, drawn as they are wanted.
        shown: who may not read that file, of those that are shown, may not read the sheet.

    Raises:
        OutputError: a page cannot be written.
    """
    if FORMATS[sheet.suffix.lower()] == "PDF":
        with atomic_write(sheet, shown) as part:
            for number, page in enumerate(pages):
                page.save(part, "PDF", append=number > 0, producer=MARK, quality=JPEG_QUALITY)
        return (sheet,)
    written = tuple(
        _write_page(_page_file(sheet, number), page, shown) for number, page in enumerate(pages, 1)
    )
    number = len(written) + 1
    while not trouble_with(left_over := _page_file(sheet, number)) and os.path.lexists(left_over):
        remove_file(left_over)
        number += 1
    return written


def trouble_with(target: Path) -> str:
    """Why no sheet can take the place of what has this name; "" where one can."""
    try:
        is_free = not os.path.lexists(target) or _is_sheet(target)
    except ItemError as error:
        return error.detail
    return "" if is_free else "no sheet of this program"


def _page_file(sheet: Path, number: int) -> Path:
    return sheet if number == 1 else sheet.with_stem(f"{sheet.stem}-{number}")


def _write_page(target: Path, page: Image.Image, shown: Path) -> Path:
    if trouble := trouble_with(target):
        raise OutputError(f"{printable(target)} is there, and {trouble}; move it")
    format = FORMATS[target.suffix.lower()]
    with atomic_write(target, shown) as part:
        if format == "PNG":
            says = PngImagePlugin.PngInfo()
            says.add_text("Software", MARK)
            page.save(part, format, pnginfo=says)
        else:
            page.save(part, format, quality=JPEG_QUALITY, comment=MARK.encode())
    return target


def _pages(pairs: Sequence[Pair], stop: Stop, max_megapixels: float) -> Iterator[Image.Image]:
    for first in range(0, len(pairs), PER_PAGE):
        if stop.requested and first:
            return
        pictures = [_drawn(pair, max_megapixels) for pair in pairs[first : first + PER_PAGE]]
        yield draw_page(pictures, COLUMNS, CELL)


def _drawn(pair: Pair, max_megapixels: float) -> Captioned:
    """Scan and coloured version side by side; where one cannot be shown the caption says why."""
    try:
        scan, coloured = (
            small_preview(path, TILE, max_megapixels).rgb for path in (pair.scan, pair.coloured)
        )
    except ItemError as error:
        return Captioned(f"{pair.caption}: {error.detail}", np.full((*TILE[::-1], 3), 224, np.uint8))
    height = max(len(scan), len(coloured))
    gap = np.full((height, GAP, 3), 255, np.uint8)
    return Captioned(pair.caption, np.hstack([_padded(scan, height), gap, _padded(coloured, height)]))


def _padded(picture: UInt8, height: int) -> UInt8:
    """White below a picture, down to `height` rows."""
    return np.pad(picture, ((0, height - len(picture)), (0, 0), (0, 0)), constant_values=255)


def _is_sheet(path: Path) -> bool:
    """Whether a file says that it is a sheet of ours, at the place where we have it say so.

    Raises:
        ItemError: it cannot be read.
    """
    with SourceFile(path) as file:
        head = file.read(_SAYING_BYTES)
        file.seek(max(0, file.nbytes - _SAYING_BYTES))
        tail = file.read(_SAYING_BYTES)
    if head.startswith(_PDF_HEAD):
        return _PDF_MARK in tail
    return head.startswith(_PNG_MARK, _PNG_MARK_AT) or head.startswith(_JPEG_MARK, _JPEG_MARK_AT)
