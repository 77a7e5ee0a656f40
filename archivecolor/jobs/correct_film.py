"""What people decide about a film, as a whole or about the shot of a moment."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archivecolor.archive.correction import SAME_MOMENT, Correction, ShotCorrection
from archivecolor.archive.fixity import sha256_of
from archivecolor.archive.layout import Layout
from archivecolor.archive.manifest import Manifest
from archivecolor.archive.run_json import read_run_summary
from archivecolor.archive.walk import FILMS, extension_of
from archivecolor.colour.guidance import MAX_HINTS, Hint
from archivecolor.errors import ItemError, UsageError
from archivecolor.jobs.colour import film_settings_of
from archivecolor.jobs.decision_writer import DecisionWriter, gamut_remark, gamut_remarks, kept_options
from archivecolor.jobs.film_jobs import named_film
from archivecolor.jobs.hint_words import PageSize, check_page
from archivecolor.jobs.likeness import Likeness
from archivecolor.jobs.shot_decisions import Span, shots_of_record
from archivecolor.jobs.source_meant import source_meant
from archivecolor.printable import printable
from archivecolor.settings import CorrectSettings, DirSettings, VideoSettings

if TYPE_CHECKING:
    from archivecolor.colour.arrays import Float32
    from archivecolor.film.probe import FilmFacts


@dataclass(frozen=True)
class FilmToCorrect:
    """A film that something is decided about.

    Attributes:
        path: of its source, as the manifest has it.
        root: the folder that this is relative to.
        run: the run that makes it anew: of films, or of a tree that it lies in.
        shots: as its record has them.
    """

    path: str
    root: Path
    run: DirSettings | VideoSettings
    shots: tuple[Span, ...]

    @property
    def options(self) -> VideoSettings:
        """What it is coloured with."""
        return film_settings_of(self.run) if isinstance(self.run, DirSettings) else self.run

    @property
    def source(self) -> Path:
        """The file."""
        return self.root / self.path


def film_to_correct(settings: CorrectSettings, root: Path, manifest: Manifest) -> FilmToCorrect | None:
    """The film that a command names; None where it names photographs.

    Raises:
        UsageError: no such film was coloured, its source is not there, or the options of its run are not
            known.
    """
    if len(settings.path) != 1:
        return None
    last = read_run_summary(Layout(root).run_json)
    values = dict(last.settings) if last is not None else {}
    folders = list(_source_folders(settings, values))
    name = source_meant(settings.path[0], [root, *folders], manifest)
    if extension_of(os.fsencode(settings.path[0] if name is None else name)) not in FILMS:
        return None
    if name is None:
        raise UsageError(f"no film {printable(settings.path[0])} was coloured into {printable(root)}")
    for folder in folders:
        if (folder / name).is_file():
            shots = shots_of_record(manifest.record(name))
            return FilmToCorrect(name, folder, _run_of(settings, root, values, folder, name), shots)
    raise UsageError(f"the film {printable(name)} is not where the last run had it; give --input FOLDER")


# Any, here and below: options by name, each of a type of its own.
def _source_folders(settings: CorrectSettings, values: Mapping[str, Any]) -> Iterator[Path]:
    """Folders that the sources of a run may lie in."""
    if settings.input is not None:
        yield settings.input
        return
    given = values.get("input", ())
    for text in given if isinstance(given, list) else (given,):
        if isinstance(text, str):
            yield Path(text) if Path(text).is_dir() else Path(text).parent


def _run_of(
    settings: CorrectSettings, root: Path, values: Mapping[str, Any], folder: Path, name: str
) -> DirSettings | VideoSettings:
    """The run that makes one film anew, with the options of the last run over its output."""
    told = {"quiet": settings.quiet, "verbose": settings.verbose, "json": settings.json}
    output, run_json = values.get("output"), Layout(root).run_json
    if not isinstance(values.get("input"), list):
        tree = kept_options(run_json, values, DirSettings) | told
        return DirSettings(input=folder, output=settings.output, films=True, **tree)
    kept = kept_options(run_json, values, VideoSettings) | told
    if output is None:
        return VideoSettings(input=(folder,), output=None, **kept)
    if isinstance(output, str):
        single = VideoSettings(input=(folder / name,), output=Path(output), **kept)
        if named_film(single) is not None:
            return single
    # A film that was given by name may lie beside OUT, in a folder that as a whole could not be given.
    given = folder if "/" in name else folder / name
    return VideoSettings(input=(given,), output=settings.output, **kept)


class FilmWriter(DecisionWriter):
    """Makes the decision of one command about a film.

    Args:
        settings: of the command.
        film: that it is about.
        at: the time that the decision bears.
        likeness: whose colours the shot gets; None where that is not asked for.
        hints: besides those that `settings` has as words.
        check: called with every frame that is read; may raise to end the command.

    Raises:
        UsageError: what is asked for holds for a shot and no moment is given, or the other way round.
    """

    def __init__(
        self,
        settings: CorrectSettings,
        film: FilmToCorrect,
        at: str,
        likeness: Likeness | None,
        hints: tuple[Hint, ...],
        check: Callable[[], None],
    ) -> None:
        super().__init__(settings, at, likeness, hints)
        self._film = film
        self._check = check
        if settings.at is None and (settings.hint or hints or settings.like):
            raise UsageError(
                "hints and --like are for a shot of a film; give --at TIME, as a player shows it"
            )

    @cached_property
    def _facts(self) -> FilmFacts:
        from archivecolor.film.probe import probe

        try:
            return probe(self._film.source, max_megapixels=self._film.options.max_megapixels)
        except ItemError as error:
            raise UsageError(f"{printable(self._film.path)}: {error}") from error

    @cached_property
    def _seen(self) -> Float32:
        """Luma of the frame that is looked at, upright, (h, w), 0..1."""
        from archivecolor.film.frames import geometry_of
        from archivecolor.film.moment import frame_at

        facts, seconds = self._facts, self._seconds
        found = frame_at(facts, seconds, self._check)
        if found is None:
            raise UsageError(
                f"{printable(self._film.path)} has no picture at {seconds:.3f} s; it ends before"
            )
        return geometry_of(facts, self._film.options.working_size).small_luma(found, facts)

    @property
    def _seconds(self) -> float:
        assert self._settings.at is not None, "it was asked for"
        return round(self._settings.at, 3)

    def _luma(self, _path: str, /) -> Float32:
        return self._seen

    def _still_accepted(self, moments: tuple[float, ...], /) -> tuple[float, ...]:
        if self._settings.at is None:
            return ()
        changed = next((shot for shot in self._film.shots if shot.holds(self._seconds)), None)
        return tuple(moment for moment in moments if changed is None or not changed.holds(moment))

    def _size(self, page: int) -> PageSize:
        check_page(page, 1)
        facts = self._facts
        shown = round(facts.width * facts.aspect), facts.height
        return PageSize(*(shown[::-1] if facts.quarter_turns % 2 else shown))

    def _with_wishes(self, path: str, correction: Correction, given: dict[str, Any]) -> Correction:
        if self._settings.at is None:
            return replace(correction, settings=replace(correction.settings, **given))
        if given.keys() - {"saturation"}:
            raise UsageError("of a shot --saturation alone can be decided; leave --at out for the whole film")
        digest, seconds = sha256_of(self._film.source), self._seconds
        older = correction.shots if correction.source in ("", digest) else ()
        if older != correction.shots:
            self.remarks.append(f"{printable(path)}: the film changed; what was decided about its shots went")
        luma = self._seen
        hints = self._given_hints(path, self._size)
        self.remarks += gamut_remarks(path, hints, lambda hint: gamut_remark(luma, path, hint))
        mine = next(
            (shot for shot in older if abs(shot.seconds - seconds) < SAME_MOMENT), ShotCorrection(seconds)
        )
        others = tuple(shot for shot in older if shot.seconds != mine.seconds)
        mine = replace(
            mine,
            hints=self._merged(path, mine.hints, hints),
            saturation=given.get("saturation", mine.saturation),
        )
        shots = tuple(sorted((*others, mine), key=lambda shot: shot.seconds))
        self._check_hints(shots)
        return replace(correction, shots=shots, source=digest, reference=self._reference(path, correction))

    def _check_hints(self, decided: Iterable[ShotCorrection]) -> None:
        """Refuse more hints in one shot than are spread over it, whatever moments they were given at.

        Where the film's shots begin is only looked for where all moments together have more.

        Raises:
            UsageError: there are more.
        """
        hinted = [shot for shot in decided if shot.hints]
        if sum(len(shot.hints) for shot in hinted) <= MAX_HINTS:
            return
        begins = self._shot_seconds()
        counts: Counter[int] = Counter()
        for shot in hinted:
            counts[bisect_right(begins, shot.seconds + SAME_MOMENT)] += len(shot.hints)
        number, count = counts.most_common(1)[0]
        if count > MAX_HINTS:
            raise UsageError(
                f"{printable(self._film.path)}: {count} hints in the shot at {begins[number - 1]:.3f} s; "
                f"{MAX_HINTS} are the most, all its moments together; --reset forgets those given before"
            )

    def _shot_seconds(self) -> list[float]:
        """When the film's shots begin, as the run that made it sees them: the film is read to its end."""
        from archivecolor.film.first_pass import run_first_pass
        from archivecolor.jobs.cuts import shots_of

        found = run_first_pass(self._facts, lambda _: self._check())
        shots = shots_of(self._film.options, self._facts, found)
        begins = (found.pts[shot.first] - found.pts[0] for shot in shots)
        return [float(int(ticks) * self._facts.time_base) for ticks in begins]
