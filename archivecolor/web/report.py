"""The report: pages that a browser reads from a folder, with small pictures as files, and nothing else."""

from __future__ import annotations

import base64
import csv
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from archivecolor.archive.atomic import atomic_write, make_folder
from archivecolor.archive.bag import content_root
from archivecolor.archive.export import export_parquet, write_csv
from archivecolor.archive.item_filter import IndexedItem, ItemFilter
from archivecolor.archive.output_folder import hold_output
from archivecolor.archive.record import Record, now_utc
from archivecolor.archive.record_index import RecordIndex, open_index
from archivecolor.engine.progress import Listener, ProgressCounter, RunResult
from archivecolor.engine.scratch import scratch_folder
from archivecolor.engine.stopping import Stop
from archivecolor.errors import ExitCode, UsageError
from archivecolor.jobs.manifest import existing_manifest_path
from archivecolor.jobs.previews import Sheet
from archivecolor.jobs.report import (
    FAILED,
    FILMS,
    PAGE,
    PICTURES,
    SKIPPED,
    draw_sample,
    most_doubtful,
    report_figures,
)
from archivecolor.jobs.report_folder import begin_report, check_report_folder, source_folders
from archivecolor.printable import printable, table_cell
from archivecolor.settings import ReportSettings
from archivecolor.version import program_version
from archivecolor.web.pages import address, environment, markup, render, static_text, words
from archivecolor.web.small_pictures import SmallPictures, kept_sheet

_MOST_IN_ONE_FILE = 200
# Of both small pictures of one photograph, about: for what is said before.
_THUMBNAIL_BYTES = 29_000
_FILMS_A_PAGE = 20
_LIST_COLUMNS = ("path", "doubt", "confidence", "status", "reason", "decided", "corrected", "by")


@dataclass(frozen=True)
class Card:
    """One picture or film on a page.

    Attributes:
        path: of the source.
        grey, coloured: addresses of its small pictures; empty where there are none.
        inline: the addresses hold the pictures themselves.
        trouble: why there are none.
        confidence: 0..1, None where no network was asked.
        doubt: as `IndexedItem` has it.
        doubt_reasons: words of `DoubtReason`.
        href: address of the derivative, empty where it cannot be reached from here.
        size: of the picture, in words.
        decided, corrected, by: what people decided.
        note: what the record says besides.
        sheet: of a film.
    """

    path: str
    grey: str = ""
    coloured: str = ""
    inline: bool = False
    trouble: str = ""
    confidence: float | None = None
    doubt: float | None = None
    doubt_reasons: tuple[str, ...] = ()
    href: str = ""
    size: str = ""
    decided: str = "none"
    corrected: bool = False
    by: str = ""
    note: str = ""
    sheet: Sheet | None = None


@dataclass(frozen=True)
class _Link:
    href: str
    word: str
    count: int | None = None


@dataclass(frozen=True)
class _Inline:
    style: str
    script: str


def report_folder(settings: ReportSettings) -> Path:
    """Where the pages go."""
    output = settings.output.absolute()
    return settings.folder or output.with_name(f"{output.name}-report")


def write_report(
    settings: ReportSettings, listener: Listener, stop: Stop, say: Callable[[str], None] = lambda _: None
) -> RunResult:
    """Write the report of an output folder; small pictures that are there already are left as they are.

    Args:
        settings: what and where.
        listener: told of every small picture that is made.
        stop: says when to end.
        say: told beforehand how much will be written.

    Raises:
        UsageError: there is no manifest, more pictures than one file holds, or a folder that is for others.
        UnavailableError: jinja2 or pyarrow is missing.
        OutputError: the pages cannot be written.
    """
    environment()
    existing_manifest_path(settings.output)
    check_report_folder(report_folder(settings), settings.output, source_folders(settings.output))
    root = content_root(settings.output)
    with scratch_folder() as scratch, open_index(settings.output, root, scratch) as index:
        index.update()
        # What one file holds is not to lie beside it as well.
        small = scratch if settings.single_file else report_folder(settings)
        report = _Report(settings, root, index, small)
        make_folder(report_folder(settings))
        # Who may not read the output may not read its report, and no link in that is followed.
        with hold_output(report_folder(settings), settings.output):
            begin_report(report_folder(settings))
            return report.write(listener, stop, say)


class _Report:
    """One report.

    Args:
        settings: what and where.
        root: the folder of the derivatives.
        index: of its items.
        small: the folder that small pictures are made in.
    """

    def __init__(self, settings: ReportSettings, root: Path, index: RecordIndex, small: Path) -> None:
        self._settings = settings
        self._root = root
        self._index = index
        self._folder = report_folder(settings)
        self._small = SmallPictures(settings, root, small, index)
        self._sample = draw_sample(index, settings.sample, settings.seed) if settings.sample else None
        self._figures = report_figures(settings.output, index)
        self._counts = {wanted: index.count(wanted) for wanted in (PICTURES, FILMS, FAILED, SKIPPED)}

    def write(self, listener: Listener, stop: Stop, say: Callable[[str], None]) -> RunResult:
        pictures = self._counts[PICTURES]
        if self._settings.single_file and pictures > _MOST_IN_ONE_FILE:
            raise UsageError(
                f"--single-file holds up to {_MOST_IN_ONE_FILE} pictures, here are {pictures}; leave it out"
            )
        megabytes = pictures * _THUMBNAIL_BYTES / 1e6
        shown = "1 picture" if pictures == 1 else f"{pictures} pictures"
        say(f"{shown}, about {max(1, round(megabytes))} MB of small ones in {self._folder}")
        counter = ProgressCounter(total=0, unit="pictures")
        self._small.make(listener, stop, counter)
        if not stop.requested:
            if self._settings.single_file:
                self._write_single_file()
            else:
                self._write_pages()
        return RunResult(counter.snapshot(), stop.exit_code or ExitCode.OK)

    # Pages

    def _write_pages(self) -> None:
        for name in ("archivecolor.css", "report.js"):
            _write(self._folder / name, static_text(name))
        report = words()["report"]
        self._write_records()
        links = self._links()
        self._page("index.html", "index", links, report["overview"], figures=self._figures)
        self._write_cards("pictures", report["pictures"], self._index.items(PICTURES, PAGE), PICTURES)
        self._write_films()
        for wanted, word in ((FAILED, "failed"), (SKIPPED, "skipped")):
            pages = _counted_pages(self._counts[wanted], PAGE)
            for page, items in enumerate(self._index.items(wanted, PAGE), start=1):
                rows = [self._index.record(item) for item in items]
                self._numbered(word, page, pages, report[word], template="left", rows=_left(rows))
            self._remove_after(word, pages)
        if self._settings.top:
            doubtful = most_doubtful(self._index, self._settings.top)
            self._write_list("top", report["top"], doubtful)
        if self._sample is not None:
            self._write_list("sample", report["sample"], self._sample.items)

    def _write_cards(
        self, prefix: str, part: str, pages: Iterator[list[IndexedItem]], wanted: ItemFilter
    ) -> None:
        count = _counted_pages(self._counts[wanted], PAGE)
        for page, items in enumerate(pages, start=1):
            self._cards_page(prefix, part, page, count, items)
        self._remove_after(prefix, count)

    def _write_list(self, prefix: str, part: str, items: Sequence[IndexedItem]) -> None:
        with (
            atomic_write(self._folder / f"{prefix}.csv") as file,
            file.open("w", encoding="utf-8", newline="") as text,
        ):
            writer = csv.writer(text)
            writer.writerow(_LIST_COLUMNS)
            writer.writerows([_cell(getattr(item, name)) for name in _LIST_COLUMNS] for item in items)
        count = _counted_pages(len(items), PAGE)
        for page in range(1, count + 1):
            self._cards_page(prefix, part, page, count, items[(page - 1) * PAGE : page * PAGE])
        self._remove_after(prefix, count)

    def _cards_page(
        self, prefix: str, part: str, page: int, count: int, items: Sequence[IndexedItem]
    ) -> None:
        cards = [self._card(item, self._index.record(item)) for item in items]
        sample = self._sample if prefix == "sample" else None
        first = (page - 1) * PAGE + 1
        self._numbered(prefix, page, count, part, template="cards", cards=cards, first=first, sample=sample)

    def _write_films(self) -> None:
        count = _counted_pages(self._counts[FILMS], _FILMS_A_PAGE)
        for page, items in enumerate(self._index.items(FILMS, _FILMS_A_PAGE), start=1):
            films = [self._film_card(item, self._index.record(item)) for item in items]
            self._numbered("films", page, count, words()["report"]["films"], template="films", films=films)
        self._remove_after("films", count)

    def _numbered(
        self, prefix: str, page: int, count: int, part: str, template: str, **values: object
    ) -> None:
        file = f"{prefix}/{page:04}.html"
        self._page(file, template, self._links(), part, up="../", page=page, count=count, prefix="", **values)

    def _page(self, file: str, template: str, links: Sequence[_Link], part: str, **values: object) -> None:
        defaults = {
            "up": "",
            "inline": None,
            "sample": self._sample,
            "csv": "records.csv",
            "seed": self._settings.seed,
        }
        text = render(
            f"report/{template}.html",
            heading=self._heading(),
            links=links,
            part=part,
            made_at=now_utc()[:16].replace("T", " ") + " UTC",
            version=program_version(),
            **(defaults | values),
        )
        _write(self._folder / file, text)

    def _heading(self) -> str:
        return words()["report"]["title"].format(name=printable(self._settings.output.absolute().name))

    def _links(self) -> list[_Link]:
        report = words()["report"]
        links = [_Link("index.html", report["overview"])]
        places = ((PICTURES, "pictures"), (FILMS, "films"), (FAILED, "failed"), (SKIPPED, "skipped"))
        for wanted, name in places:
            if self._counts[wanted]:
                links.append(_Link(f"{name}/0001.html", report[name], self._counts[wanted]))
        if self._settings.top and self._counts[PICTURES]:
            links.append(_Link("top/0001.html", report["top"]))
        if self._sample is not None and self._sample.items:
            links.append(_Link("sample/0001.html", report["sample"], len(self._sample.items)))
        return links

    def _remove_after(self, prefix: str, count: int) -> None:
        """Remove the pages that an earlier report had more of."""
        for page in (self._folder / prefix).glob("????.html"):
            if page.stem.isdecimal() and int(page.stem) > count:
                page.unlink()

    def _write_records(self) -> None:
        file = self._folder / "records.csv"
        with atomic_write(file) as part, part.open("w", encoding="utf-8", newline="") as text:
            write_csv(self._all_records(), text)
        if self._settings.parquet:
            export_parquet(self._all_records(), self._folder / "records.parquet")

    def _all_records(self) -> Iterator[Record]:
        for items in self._index.items(ItemFilter(order="path"), PAGE):
            yield from map(self._index.record, items)

    # Cards

    def _card(self, item: IndexedItem, record: Record) -> Card:
        task = self._small.thumbnail_task(record)
        card = self._plain_card(item, record)
        if not task.is_done:
            return replace(card, trouble=self._small.troubles.get(task.path, ""))
        return replace(card, grey=self._address(task.grey), coloured=self._address(task.coloured))

    def _film_card(self, item: IndexedItem, record: Record) -> Card:
        task = self._small.sheet_task(record)
        card = self._plain_card(item, record)
        found = kept_sheet(task)
        if found is None:
            return replace(card, trouble=self._small.troubles.get(task.path, ""))
        shots = tuple(replace(shot, file=self._address(task.folder / shot.file)) for shot in found.shots)
        return replace(
            card, sheet=replace(found, shots=shots, strip=self._address(task.folder / found.strip))
        )

    def _plain_card(self, item: IndexedItem, record: Record) -> Card:
        size = (
            f"{record.source.width} \N{MULTIPLICATION SIGN} {record.source.height}"
            if record.source.width
            else ""
        )
        return Card(
            path=item.path,
            inline=self._settings.single_file,
            confidence=item.confidence,
            doubt=item.doubt,
            doubt_reasons=record.doubt_words,
            href=self._href(record),
            size=size,
            decided=item.decided,
            corrected=item.corrected,
            by=item.by,
            note="; ".join((*([record.detail] if record.detail else []), *record.lost)),
        )

    def _href(self, record: Record) -> str:
        """The address of the derivative from a page one folder down."""
        if self._settings.single_file or record.output is None:
            return ""
        target = self._root.absolute() / record.output.path
        try:
            return address(os.path.relpath(target, self._folder.absolute() / "pictures"))
        except ValueError:  # another drive
            return ""

    def _address(self, file: Path) -> str:
        if self._settings.single_file:
            return f"data:image/webp;base64,{base64.b64encode(file.read_bytes()).decode()}"
        return file.relative_to(self._folder).as_posix()

    def _write_single_file(self) -> None:
        inline = _Inline(markup(static_text("archivecolor.css")), markup(static_text("report.js")))
        cards, films = [], []
        for items in self._index.items(PICTURES, PAGE):
            cards += [self._card(item, self._index.record(item)) for item in items]
        for items in self._index.items(FILMS, _FILMS_A_PAGE):
            films += [self._film_card(item, self._index.record(item)) for item in items]
        left = [
            (
                words()["report"][word],
                _left(
                    [self._index.record(item) for items in self._index.items(wanted, PAGE) for item in items]
                ),
            )
            for wanted, word in ((FAILED, "failed"), (SKIPPED, "skipped"))
        ]
        self._page("index.html", "single", [], words()["report"]["overview"], inline=inline,
                   figures=self._figures, cards=cards, films=films, left=left)  # fmt: skip


def _left(records: Sequence[Record]) -> list[dict[str, str]]:
    """What was left, and why."""
    return [
        {
            "path": record.path,
            "reason": str(getattr(record.reason, "value", record.reason)),
            "detail": record.detail,
        }
        for record in records
    ]


def _counted_pages(count: int, page: int) -> int:
    return -(-count // page)


def _cell(value: object) -> object:
    return table_cell(value) if isinstance(value, str) else value


def _write(file: Path, text: str) -> None:
    with atomic_write(file) as part:
        part.write_text(text, encoding="utf-8")
