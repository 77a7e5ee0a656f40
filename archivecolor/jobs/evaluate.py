"""The ruler laid on networks: photographs and films in, tables and contact sheets out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from archivecolor.archive.atomic import atomic_write
from archivecolor.archive.names import FILM_EXTENSIONS
from archivecolor.colour.guidance import MAX_HINTS
from archivecolor.datasets.collection import Member, list_members
from archivecolor.errors import UnavailableError, UsageError
from archivecolor.evaluation.entrants import BASELINES, NetworkEntrant
from archivecolor.evaluation.figures import Figures, csv_text, paired_figures, picture_figures, row_figures
from archivecolor.evaluation.films import FilmEvaluationConfig, FilmScore, evaluate_film
from archivecolor.evaluation.hints import HintPlaces, HintRow, evaluate_hints
from archivecolor.evaluation.photographs import (
    EvaluationConfig,
    ExcludedPhoto,
    PhotoEvaluation,
    evaluate_photographs,
)
from archivecolor.evaluation.tables import PairedDifference, paired_differences
from archivecolor.inference.predictor import open_predictor
from archivecolor.networks.builtin import checkpoint_path
from archivecolor.scoring.contact_sheets import contact_sheets
from archivecolor.settings import EvaluateSettings, VideoSettings

if TYPE_CHECKING:
    from archivecolor.networks.feature_extractor import FeatureExtractor


@dataclass(frozen=True)
class EvaluationProgress:
    """How far an evaluation is: items done, items in all, and what they are."""

    done: int
    total: int
    unit: str


Report = Callable[[EvaluationProgress], None]


@dataclass(frozen=True)
class Evaluation:
    """What was found.

    Attributes:
        photographs: None where there were none.
        films: a score per film and row.
        passed_over: counts of files that were not taken for pictures, by why.
        hints: what numbers of hints are worth.
        written: files of tables and sheets.
    """

    photographs: PhotoEvaluation | None
    films: tuple[FilmScore, ...]
    passed_over: Mapping[str, int] = field(default_factory=dict)
    hints: tuple[HintRow, ...] = ()
    written: tuple[Path, ...] = ()

    @property
    def excluded(self) -> tuple[ExcludedPhoto, ...]:
        """Pictures that could not be judged."""
        return self.photographs.excluded if self.photographs else ()

    def paired(self) -> tuple[PairedDifference, ...]:
        """The networks compared in pairs, the first against all others."""
        baselines = {baseline.name for baseline in BASELINES}
        rows = self.photographs.rows if self.photographs else ()
        return paired_differences([row for row in rows if row.name not in baselines])

    def tables(self) -> dict[str, list[Figures]]:
        """All figures, a table by each name; the empty ones too."""
        rows = self.photographs.rows if self.photographs else ()
        return {
            "films": [asdict(score) for score in self.films],
            "table": [row_figures(row) for row in rows],
            "pictures": picture_figures(rows),
            "paired": paired_figures(self.paired()),
            "hints": [asdict(row) for row in self.hints],
        }

    def as_dict(self) -> Figures:
        """All figures but the single pictures', as JSON can hold them."""
        tables = self.tables()
        return {
            "rows": tables["table"],
            "paired": tables["paired"],
            "features": self.photographs.features if self.photographs else "",
            "hints": tables["hints"],
            "films": tables["films"],
            "left_out": [asdict(left) for left in self.excluded],
            "passed_over": dict(self.passed_over),
            "written": [str(path) for path in self.written],
        }


def evaluate(settings: EvaluateSettings, report: Report) -> Evaluation:
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
    if find_spec("skimage") is None or find_spec("scipy") is None:
        raise UnavailableError(
            "evaluate needs scikit-image, which is not installed: pip install 'archivecolor[evaluate]'"
        )
    films = [path for path in settings.data if path.suffix.lower() in FILM_EXTENSIONS]
    listing = list_members(path for path in settings.data if path not in films)
    photographs = listing.members[: settings.limit]
    if not films and not photographs:
        found = ", ".join(f"{count} {why}" for why, count in listing.passed_over.items())
        raise UsageError(
            "there is nothing to judge; give colour photographs (folder, .txt, .tar) or films"
            + (f" ({found} are there)" if found else "")
        )
    hint_counts = _hint_counts(settings)
    networks = _open_networks(settings)
    evaluation = Evaluation(
        _evaluate_photographs(photographs, networks, settings, report) if photographs else None,
        tuple(_evaluate_films(films, networks, settings, report)),
        listing.passed_over,
        tuple(_evaluate_hints(photographs, networks, hint_counts, settings.hint_places, report)),
    )
    if settings.output is None:
        return evaluation
    return replace(evaluation, written=_write(settings.output, evaluation))


def _open_networks(settings: EvaluateSettings) -> list[NetworkEntrant]:
    """The networks to compare, in the order they were given."""
    paths = [checkpoint_path(path) for path in settings.checkpoint or (None,)]
    return [
        NetworkEntrant(name, open_predictor(path, settings))
        for name, path in zip(_unique_names(paths), paths, strict=True)
    ]


def _unique_names(paths: Sequence[Path]) -> list[str]:
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


def _evaluate_photographs(
    photographs: Sequence[Member],
    networks: Sequence[NetworkEntrant],
    settings: EvaluateSettings,
    report: Report,
) -> PhotoEvaluation:
    """Every photograph through every row of the table. Raises `UsageError` where none could be judged."""
    config = EvaluationConfig(
        entrants=(*BASELINES, *networks),
        working_size=settings.working_size,
        features=_feature_extractor(settings),
        draw=settings.output is not None,
        report=lambda done: report(EvaluationProgress(done, len(photographs), "photographs")),
    )
    results = evaluate_photographs(photographs, config)
    if not results.rows:
        first = results.excluded[0]
        raise UsageError(f"not one photograph could be judged; the first, {first.name}: {first.why}")
    return results


def _feature_extractor(settings: EvaluateSettings) -> FeatureExtractor | None:
    """The feature network of `--features`."""
    if settings.features is None:
        return None
    from archivecolor.networks.torch_install import require_torch

    require_torch("--features")
    from archivecolor.networks.device import choose_device
    from archivecolor.networks.feature_extractor import load_feature_extractor

    return load_feature_extractor(settings.features, choose_device(settings.device))


def _hint_counts(settings: EvaluateSettings) -> list[int]:
    """The numbers of `--hints`.

    Raises:
        UsageError: one is more than are spread.
    """
    counts = [int(count) for count in settings.hints.split(",") if count]
    if max(counts, default=0) > MAX_HINTS:
        raise UsageError(f"--hints: at most {MAX_HINTS} hints are spread over a picture")
    return counts


def _evaluate_hints(
    photographs: Sequence[Member],
    networks: Sequence[NetworkEntrant],
    counts: Sequence[int],
    places: str,
    report: Report,
) -> Iterator[HintRow]:
    """Every photograph with so many hints as are asked for, one number after the other."""
    for placing in [*HintPlaces] if places == "both" else [HintPlaces(places)]:
        if counts:
            yield from evaluate_hints(
                photographs,
                networks,
                counts,
                placing,
                lambda done: report(EvaluationProgress(done, len(photographs), "photographs with hints")),
            )


def _evaluate_films(
    films: Sequence[Path], networks: Sequence[NetworkEntrant], settings: EvaluateSettings, report: Report
) -> list[FilmScore]:
    """Every film through every row, made as steady as `video` makes it unless told otherwise."""
    config = FilmEvaluationConfig(settings.working_size, smoothing=VideoSettings(input=()).smoothing)
    if settings.limit is not None:
        config = replace(config, frames=settings.limit)
    scores: list[FilmScore] = []
    for number, film in enumerate(films):
        scores += evaluate_film(film, networks, config)
        report(EvaluationProgress(number + 1, len(films), "films"))
    return scores


def _write(output: Path, evaluation: Evaluation) -> tuple[Path, ...]:
    """Write tables as CSV and contact sheets of every network as PNG. Raises `OutputError`."""
    written = []
    for name, records in evaluation.tables().items():
        if records:
            written.append(output / f"{name}.csv")
            with atomic_write(written[-1]) as part:
                part.write_text(csv_text(records), encoding="utf-8")
    strips = evaluation.photographs.strips if evaluation.photographs else {}
    for name, drawn in strips.items():
        for number, sheet in enumerate(contact_sheets(drawn), start=1):
            written.append(output / f"sheet-{name}-{number:02}.png")
            with atomic_write(written[-1]) as part:
                sheet.save(part, format="PNG")
    return tuple(written)
