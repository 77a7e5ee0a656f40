"""The ruler laid on networks: photographs and films in, tables and contact sheets out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from archivecolor.archive.durable import replacing
from archivecolor.archive.names import FILM_EXTENSIONS
from archivecolor.errors import UsageError
from archivecolor.evaluation.contenders import REFERENCES, Network
from archivecolor.evaluation.figures import csv_text, paired_figures, picture_figures, row_figures
from archivecolor.evaluation.films import FilmCourse, FilmScore, judge_film
from archivecolor.evaluation.photographs import Course, Judgement, LeftOut, judge_photographs
from archivecolor.evaluation.sheets import Strip, sheets
from archivecolor.evaluation.tables import Row, paired_differences
from archivecolor.inference.predictor import open_predictor
from archivecolor.model.builtin import checkpoint_path
from archivecolor.model.device import choose_device
from archivecolor.model.features import FeatureReader, load_features
from archivecolor.photo.collection import Member, members
from archivecolor.settings import EvaluateSettings, VideoSettings


@dataclass(frozen=True)
class Step:
    """How far an evaluation is: items done, items in all, and what they are."""

    done: int
    total: int
    unit: str


@dataclass(frozen=True)
class Evaluation:
    """What was found.

    Attributes:
        photographs: None where there were none.
        films: a score per film and row.
        left_out: pictures that could not be judged.
        written: files of tables and sheets.
    """

    photographs: Judgement | None
    films: tuple[FilmScore, ...]
    left_out: tuple[LeftOut, ...]
    written: tuple[Path, ...]

    def as_dict(self) -> dict[str, Any]:
        """All figures but the single pictures', as JSON can hold them."""
        judged = self.photographs
        return {
            "rows": [row_figures(row) for row in judged.rows] if judged else [],
            "paired": paired_figures(paired_differences(network_rows(judged))) if judged else [],
            "features": judged.features if judged else "",
            "films": [asdict(score) for score in self.films],
            "left_out": [asdict(left) for left in self.left_out],
            "written": [str(path) for path in self.written],
        }


def evaluate(settings: EvaluateSettings, report: Callable[[Step], None]) -> Evaluation:
    """Judge networks on colour photographs and films.

    Args:
        settings: of the job.
        report: told of progress.

    Raises:
        UsageError: nothing to judge, or what there is cannot be found.
        CheckpointError, UnavailableError: a network or the device cannot be used.
        ItemError: a film cannot be read, or a network is broken.
        OutputError: the output cannot be written.
    """
    films = [path for path in settings.data if path.suffix.lower() in FILM_EXTENSIONS]
    photographs = members([path for path in settings.data if path not in films])[: settings.limit]
    if not films and not photographs:
        raise UsageError("there is nothing to judge; give colour photographs (folder, .txt, .tar) or films")
    networks = open_networks(settings)
    judged = judged_photographs(photographs, networks, settings, report) if photographs else None
    scores = tuple(judged_films(films, networks, settings, report))
    written = write(settings.output, judged, scores) if settings.output else ()
    return Evaluation(judged, scores, judged.left_out if judged else (), written)


def open_networks(settings: EvaluateSettings) -> list[Network]:
    """The networks to compare, in the order they were given."""
    paths = [checkpoint_path(path) for path in settings.checkpoint or (None,)]
    names = unique_names(paths)
    return [Network(name, open_predictor(path, settings)) for name, path in zip(names, paths, strict=True)]


def unique_names(paths: Sequence[Path]) -> list[str]:
    """Short names for rows and files: the checkpoint's, after as many of its folders as tell it from others.

    Raises:
        UsageError: the same file is given twice.
    """
    taken = {reference.name for reference in REFERENCES}
    whole = [path.resolve().with_suffix("").parts[1:] for path in paths]
    for count in range(1, max(map(len, whole)) + 1):
        names = ["-".join(parts[-count:]) for parts in whole]
        if len(taken.union(names)) == len(taken) + len(names):
            return names
    raise UsageError("a checkpoint is given twice; give each once")


def judged_photographs(
    photographs: Sequence[Member],
    networks: Sequence[Network],
    settings: EvaluateSettings,
    report: Callable[[Step], None],
) -> Judgement:
    """Every photograph through every row of the table.

    Raises:
        UsageError: not one photograph could be judged.
    """
    course = Course(
        contenders=(*REFERENCES, *networks),
        working_size=settings.working_size,
        features=feature_reader(settings),
        draw=settings.output is not None,
        report=lambda done: report(Step(done, len(photographs), "photographs")),
    )
    judged = judge_photographs(photographs, course)
    if not judged.rows:
        first = judged.left_out[0]
        raise UsageError(f"not one photograph could be judged; the first, {first.name}: {first.why}")
    return judged


def feature_reader(settings: EvaluateSettings) -> FeatureReader | None:
    """The feature network of `--features`."""
    if settings.features is None:
        return None
    return load_features(settings.features, choose_device(settings.device))


def judged_films(
    films: Sequence[Path],
    networks: Sequence[Network],
    settings: EvaluateSettings,
    report: Callable[[Step], None],
) -> list[FilmScore]:
    """Every film through every row."""
    course = FilmCourse(settings.working_size, smoothing=default_smoothing())
    if settings.limit is not None:
        course = replace(course, frames=settings.limit)
    scores: list[FilmScore] = []
    for number, film in enumerate(films):
        scores += judge_film(film, networks, course)
        report(Step(number + 1, len(films), "films"))
    return scores


def default_smoothing() -> float:
    """How steady `video` makes colour unless told otherwise."""
    return VideoSettings(input=()).smoothing


def network_rows(judged: Judgement) -> list[Row]:
    """The rows that are compared in pairs: networks, the first against all others."""
    references = {reference.name for reference in REFERENCES}
    return [row for row in judged.rows if row.name not in references]


def write(output: Path, judged: Judgement | None, films: Sequence[FilmScore]) -> tuple[Path, ...]:
    """Write tables as CSV and contact sheets as PNG.

    Raises:
        OutputError: they cannot be written.
    """
    return (*write_tables(output, judged, films), *write_sheets(output, judged))


def write_tables(output: Path, judged: Judgement | None, films: Sequence[FilmScore]) -> list[Path]:
    """One CSV file per kind of record that there is."""
    tables: dict[str, list[dict[str, Any]]] = {"films": [asdict(score) for score in films]}
    if judged is not None:
        tables["table"] = [row_figures(row) for row in judged.rows]
        tables["pictures"] = picture_figures(judged.rows)
        tables["paired"] = paired_figures(paired_differences(network_rows(judged)))
    written = []
    for name, records in tables.items():
        if records:
            written.append(output / f"{name}.csv")
            with replacing(written[-1]) as part:
                part.write_text(csv_text(records), encoding="utf-8")
    return written


def write_sheets(output: Path, judged: Judgement | None) -> list[Path]:
    """Contact sheets of every network, worst pictures first."""
    strips: dict[str, list[Strip]] = judged.strips if judged else {}
    written = []
    for name, drawn in strips.items():
        for number, sheet in enumerate(sheets(drawn), start=1):
            written.append(output / f"sheet-{name}-{number:02}.png")
            with replacing(written[-1]) as part:
                sheet.save(part, format="PNG")
    return written
