"""The ruler laid on networks: photographs and films in, tables and contact sheets out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archivecolor.archive.atomic import atomic_write
from archivecolor.archive.names import FILM_EXTENSIONS
from archivecolor.datasets.collection import Member, members
from archivecolor.errors import UsageError
from archivecolor.evaluation.contact_sheets import Strip, contact_sheets
from archivecolor.evaluation.entrants import BASELINES, NetworkEntrant
from archivecolor.evaluation.figures import csv_text, paired_figures, picture_figures, row_figures
from archivecolor.evaluation.films import FilmEvaluationConfig, FilmScore, evaluate_film
from archivecolor.evaluation.photographs import (
    EvaluationConfig,
    ExcludedPhoto,
    PhotoEvaluation,
    evaluate_photographs,
)
from archivecolor.evaluation.tables import Row, paired_differences
from archivecolor.inference.predictor import open_predictor
from archivecolor.networks.builtin import checkpoint_path
from archivecolor.settings import EvaluateSettings, VideoSettings

if TYPE_CHECKING:
    from archivecolor.networks.feature_extractor import FeatureExtractor


@dataclass(frozen=True)
class EvaluationProgress:
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
        excluded: pictures that could not be judged.
        written: files of tables and sheets.
    """

    photographs: PhotoEvaluation | None
    films: tuple[FilmScore, ...]
    excluded: tuple[ExcludedPhoto, ...]
    written: tuple[Path, ...]

    def as_dict(self) -> dict[str, Any]:
        """All figures but the single pictures', as JSON can hold them."""
        photo_results = self.photographs
        return {
            "rows": [row_figures(row) for row in photo_results.rows] if photo_results else [],
            "paired": paired_figures(paired_differences(network_rows(photo_results)))
            if photo_results
            else [],
            "features": photo_results.features if photo_results else "",
            "films": [asdict(score) for score in self.films],
            "left_out": [asdict(left) for left in self.excluded],
            "written": [str(path) for path in self.written],
        }


def evaluate(settings: EvaluateSettings, report: Callable[[EvaluationProgress], None]) -> Evaluation:
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
    photo_results = evaluate_photograph_set(photographs, networks, settings, report) if photographs else None
    scores = tuple(evaluate_films(films, networks, settings, report))
    written = write(settings.output, photo_results, scores) if settings.output else ()
    return Evaluation(photo_results, scores, photo_results.excluded if photo_results else (), written)


def open_networks(settings: EvaluateSettings) -> list[NetworkEntrant]:
    """The networks to compare, in the order they were given."""
    paths = [checkpoint_path(path) for path in settings.checkpoint or (None,)]
    names = unique_names(paths)
    return [
        NetworkEntrant(name, open_predictor(path, settings)) for name, path in zip(names, paths, strict=True)
    ]


def unique_names(paths: Sequence[Path]) -> list[str]:
    """Short names for rows and files: the checkpoint's, after as many of its folders as tell it from others.

    Raises:
        UsageError: the same file is given twice.
    """
    taken = {baseline.name for baseline in BASELINES}
    whole = [path.resolve().with_suffix("").parts[1:] for path in paths]
    for count in range(1, max(map(len, whole)) + 1):
        names = ["-".join(parts[-count:]) for parts in whole]
        if len(taken.union(names)) == len(taken) + len(names):
            return names
    raise UsageError("a checkpoint is given twice; give each once")


def evaluate_photograph_set(
    photographs: Sequence[Member],
    networks: Sequence[NetworkEntrant],
    settings: EvaluateSettings,
    report: Callable[[EvaluationProgress], None],
) -> PhotoEvaluation:
    """Every photograph through every row of the table.

    Raises:
        UsageError: not one photograph could be judged.
    """
    config = EvaluationConfig(
        entrants=(*BASELINES, *networks),
        working_size=settings.working_size,
        features=feature_extractor(settings),
        draw=settings.output is not None,
        report=lambda done: report(EvaluationProgress(done, len(photographs), "photographs")),
    )
    photo_results = evaluate_photographs(photographs, config)
    if not photo_results.rows:
        first = photo_results.excluded[0]
        raise UsageError(f"not one photograph could be judged; the first, {first.name}: {first.why}")
    return photo_results


def feature_extractor(settings: EvaluateSettings) -> FeatureExtractor | None:
    """The feature network of `--features`."""
    if settings.features is None:
        return None
    from archivecolor.networks.torch_install import require_torch

    require_torch("--features")
    from archivecolor.networks.device import choose_device
    from archivecolor.networks.feature_extractor import load_feature_extractor

    return load_feature_extractor(settings.features, choose_device(settings.device))


def evaluate_films(
    films: Sequence[Path],
    networks: Sequence[NetworkEntrant],
    settings: EvaluateSettings,
    report: Callable[[EvaluationProgress], None],
) -> list[FilmScore]:
    """Every film through every row."""
    config = FilmEvaluationConfig(settings.working_size, smoothing=default_smoothing())
    if settings.limit is not None:
        config = replace(config, frames=settings.limit)
    scores: list[FilmScore] = []
    for number, film in enumerate(films):
        scores += evaluate_film(film, networks, config)
        report(EvaluationProgress(number + 1, len(films), "films"))
    return scores


def default_smoothing() -> float:
    """How steady `video` makes colour unless told otherwise."""
    return VideoSettings(input=()).smoothing


def network_rows(photo_results: PhotoEvaluation) -> list[Row]:
    """The rows that are compared in pairs: networks, the first against all others."""
    baselines = {baseline.name for baseline in BASELINES}
    return [row for row in photo_results.rows if row.name not in baselines]


def write(
    output: Path, photo_results: PhotoEvaluation | None, films: Sequence[FilmScore]
) -> tuple[Path, ...]:
    """Write tables as CSV and contact sheets as PNG.

    Raises:
        OutputError: they cannot be written.
    """
    return (*write_tables(output, photo_results, films), *write_sheets(output, photo_results))


def write_tables(
    output: Path, photo_results: PhotoEvaluation | None, films: Sequence[FilmScore]
) -> list[Path]:
    """One CSV file per kind of record that there is."""
    tables: dict[str, list[dict[str, Any]]] = {"films": [asdict(score) for score in films]}
    if photo_results is not None:
        tables["table"] = [row_figures(row) for row in photo_results.rows]
        tables["pictures"] = picture_figures(photo_results.rows)
        tables["paired"] = paired_figures(paired_differences(network_rows(photo_results)))
    written = []
    for name, records in tables.items():
        if records:
            written.append(output / f"{name}.csv")
            with atomic_write(written[-1]) as part:
                part.write_text(csv_text(records), encoding="utf-8")
    return written


def write_sheets(output: Path, photo_results: PhotoEvaluation | None) -> list[Path]:
    """Contact sheets of every network, worst pictures first."""
    strips: dict[str, list[Strip]] = photo_results.strips if photo_results else {}
    written = []
    for name, drawn in strips.items():
        for number, sheet in enumerate(contact_sheets(drawn), start=1):
            written.append(output / f"sheet-{name}-{number:02}.png")
            with atomic_write(written[-1]) as part:
                sheet.save(part, format="PNG")
    return written
