"""The decisions that one `archivecolor correct` makes: what was decided before, with what is decided now."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archivecolor.archive.correction import Correction, OwnSettings, colour_word
from archivecolor.archive.decision import Decision, State
from archivecolor.archive.fixity import sha256_of
from archivecolor.colour.guidance import MAX_HINTS, Hint
from archivecolor.errors import ItemError, UsageError
from archivecolor.jobs.hint_words import PageSize, check_page, hint_of_words
from archivecolor.jobs.likeness import Likeness
from archivecolor.metadata.credentials.signing import read_credentials
from archivecolor.printable import printable
from archivecolor.recipe import checked_values
from archivecolor.settings import (
    CorrectSettings,
    DirSettings,
    Settings,
    fields_of,
    option_of,
)

if TYPE_CHECKING:
    from archivecolor.colour.arrays import Float32
    from archivecolor.photo.inspect import Inspection

# Of a run, besides the options that shape outputs.
_KEPT_OPTIONS = {
    "checkpoint", "device", "runtime", "precision", "batch_size", "jobs", "timeout", "nice", "bag", "premis",
    "rest", "preserve_times", "max_megapixels", "max_failures", "segment_seconds", "threads", "keep_work",
    "strict",
}  # fmt: skip
# A hint given so near to an older one takes its place.
_SAME_PLACE = 0.005
# Of the chroma of a colour, and of how far its lightness is from that of its place, L*: beyond these what
# comes out may surprise.
_NEARLY_ALL, _MUCH_LIGHTER = 0.95, 40.0
_COMES_OUT = "{}: {} at {:.1%}, {:.1%} comes out as {}: its lightness is the scan's, a grey of {:.0f} %"
_MAX_REMARKS = 5


# Any, here and below: options by name, each of a type of its own.
def kept_options(run_json: Path, values: Mapping[str, Any], settings: type[Settings]) -> dict[str, Any]:
    """Of a run's options by name those that `settings` has too, for what goes on as that run did.

    Args:
        run_json: the file that has them, for messages.
        values: what it says.
        settings: what is wanted.

    Raises:
        UsageError: one of them is of a wrong kind or beyond its bounds.
    """
    known = fields_of(settings)
    names = {setting.name for setting in known if option_of(setting).shapes_output} | _KEPT_OPTIONS
    kept = {
        name: values[name] for name in (setting.name for setting in known) if name in names & values.keys()
    }
    given = {name: value for name, value in kept.items() if value is not None}
    return checked_values(run_json, "the last run's", settings, given)


def refuse_what_runs(credentials: Path | None) -> None:
    """Refuse credentials that run a program or ask a service where only a file of an archive names them.

    Raises:
        UsageError: they do.
        UnavailableError: they cannot be used.
    """
    if credentials is None:
        return
    signing = read_credentials(credentials)
    if signing.command or signing.timestamp:
        does = "runs a command" if signing.command else "asks a timestamp service"
        raise UsageError(
            f"the last run signed by {printable(credentials)}, which {does}; run.json alone is no reason to"
            " do that: decide with --later, and have a run with --credentials make it"
        )


def own_settings(settings: CorrectSettings) -> OwnSettings:
    """Options that a command gives a picture of its own."""
    return OwnSettings(**{own.name: getattr(settings, own.name) for own in fields(OwnSettings)})


class DecisionWriter(ABC):
    """Makes the decisions of one command.

    Args:
        settings: of the command.
        at: the time that they bear.
        likeness: whose colours pictures get; None where that is not asked for.
        hints: besides those that `settings` has as words.

    Attributes:
        remarks: what people should know of them.
    """

    def __init__(
        self, settings: CorrectSettings, at: str, likeness: Likeness | None, hints: tuple[Hint, ...]
    ) -> None:
        self._settings = settings
        self._at = at
        self._likeness = likeness
        self._hints = hints
        self._alike: dict[str, tuple[Hint, ...]] = {}
        self.remarks: list[str] = []

    def look_for_likeness(self, paths: Iterable[str]) -> tuple[str, ...]:
        """The paths of those that have something in common with the reference.

        Raises:
            UsageError: none of them has, or the reference cannot be used.
        """
        assert self._likeness is not None, "it was asked for"
        for path in paths:
            hints = self._likeness.hints(self._luma(path), self._settings.page)
            if hints:
                self._alike[path] = hints
            else:
                self.remarks.append(f"{printable(path)}: nothing in it is like the reference; it stays")
        if not self._alike:
            raise UsageError(f"nothing is like {printable(self._likeness.file)}; nothing was decided")
        return tuple(self._alike)

    def decision(self, path: str, before: Decision, *, glob: bool = False) -> Decision:
        """What is now decided about a path, what was decided before included unless it is reset.

        Raises:
            UsageError: a glob is given hints, or what is given cannot be.
        """
        settings = self._settings
        if glob and self._has_places(path):
            raise UsageError(f"{printable(path)}: hints are for one picture at a time, no globs")
        if settings.reset:
            before = Decision(path)
        state = before.state
        if settings.accept or settings.reject:
            state = State.ACCEPTED if settings.accept else State.REJECTED
        correction = self._correction(path, before.correction)
        if correction != before.correction and not settings.accept:
            state = State.REJECTED if settings.reject else State.NONE
        changed = correction != before.correction
        return replace(
            before,
            path=path,
            state=state,
            correction=correction,
            note=settings.note,
            by=settings.by,
            at=self._at,
            glob=glob,
            undoes="",
            plan="",
            accepted_shots=self._still_accepted(before.accepted_shots) if changed else before.accepted_shots,
        )

    def _still_accepted(self, _moments: tuple[float, ...], /) -> tuple[float, ...]:
        """Moments of accepted shots, but for shots that the command gives other colour."""
        return ()

    def _correction(self, path: str, before: Correction) -> Correction:
        settings = self._settings
        given = own_settings(settings).given()
        if not given and not self._has_places(path):
            return before
        made = self._with_wishes(path, before, given)
        kept = replace(before, hints=tuple(hint for hint in before.hints if hint in made.hints))
        note, by = kept.notes_with(settings.note), kept.names_with(settings.by)
        return replace(made, note=note, by=by, at=self._at)

    def _has_places(self, path: str) -> bool:
        """Whether the command says something of places of a path."""
        return bool(self._settings.hint or self._hints) or path in self._alike

    def _given_hints(self, path: str, size_of: Callable[[int], PageSize]) -> tuple[Hint, ...]:
        """Those of the command; `size_of` gives the size of a page of the path."""
        for hint in self._hints:
            size_of(hint.page)
        page = self._settings.page
        return (*(hint_of_words(words, path, page, size_of) for words in self._settings.hint), *self._hints)

    def _merged(self, path: str, older: Iterable[Hint], hints: tuple[Hint, ...]) -> tuple[Hint, ...]:
        """Older hints with those of the command, which take the place of older ones at their place."""
        page, alike = self._settings.page, self._alike.get(path, ())
        if alike:
            older = (hint for hint in older if not (hint.soft and hint.page == page))
        kept = [hint for hint in older if not any(_is_same_place(hint, new) for new in hints)]
        merged = (*kept, *alike, *hints)
        if len(merged) > MAX_HINTS:
            before = f" and {len(kept)} before; --reset forgets these" if kept else ""
            raise UsageError(
                f"{printable(path)}: {MAX_HINTS} hints are the most, of all its pages together;"
                f" {len(alike) + len(hints)} are given now{before}"
            )
        return merged

    def _reference(self, path: str, before: Correction) -> str:
        """Name of the picture that soft hints come from, after this command."""
        return self._likeness.title if self._likeness and path in self._alike else before.reference

    @abstractmethod
    def _luma(self, path: str, /) -> Float32:
        """What of a path the reference is compared with, (h, w), 0..1."""

    @abstractmethod
    def _with_wishes(self, path: str, correction: Correction, given: dict[str, Any]) -> Correction:
        """A correction with the hints of the command, and with the options that it gives."""


class PhotographWriter(DecisionWriter):
    """Makes the decisions of one command about photographs.

    Args:
        settings: of the command.
        run: options of the run that carries them out.
        at: the time that they bear.
        likeness: whose colours pictures get; None where that is not asked for.
        hints: besides those that `settings` has as words.
    """

    def __init__(
        self,
        settings: CorrectSettings,
        run: DirSettings,
        at: str,
        likeness: Likeness | None = None,
        hints: tuple[Hint, ...] = (),
    ) -> None:
        super().__init__(settings, at, likeness, hints)
        self._run = run

    def _luma(self, path: str, /) -> Float32:
        working_size = self._settings.working_size or self._run.working_size
        return self._picture(path, working_size).luma(self._settings.page)

    def _with_wishes(self, path: str, correction: Correction, given: dict[str, Any]) -> Correction:
        own = replace(correction.settings, **given)
        correction = replace(correction, settings=own)
        if not self._has_places(path):
            return correction
        source = self._run.input / path
        if not source.is_file():
            raise UsageError(f"{printable(path)}: its scan is no longer in {printable(self._run.input)}")
        digest = sha256_of(source)
        picture = self._picture(path, own.working_size or self._run.working_size)
        hints = self._given_hints(path, picture.page_size)
        self.remarks += gamut_remarks(path, hints, lambda hint: picture.gamut_remark(path, hint))
        older = correction.hints if correction.source in ("", digest) else ()
        if older != correction.hints:
            self.remarks.append(
                f"{printable(path)}: the picture changed; its {len(correction.hints)} older hints went"
            )
        merged = self._merged(path, older, hints)
        return replace(correction, hints=merged, source=digest, reference=self._reference(path, correction))

    def _picture(self, path: str, working_size: int) -> _Picture:
        return _Picture(self._run.input / path, working_size, self._run.max_megapixels)


def _is_same_place(one: Hint, other: Hint) -> bool:
    near = abs(one.x - other.x) < _SAME_PLACE and abs(one.y - other.y) < _SAME_PLACE
    return one.page == other.page and near


class _Picture:
    """One picture that gets hints, looked at when that is needed.

    Args:
        path: of the source.
        working_size: short side at which its luma is read.
        max_megapixels: larger ones are refused.
    """

    def __init__(self, path: Path, working_size: int, max_megapixels: float) -> None:
        self._look: Callable[[], Inspection] = cache(lambda: _inspected(path, working_size, max_megapixels))

    def page_size(self, page: int) -> PageSize:
        """The size of the upright picture. Raises `UsageError` where there is no such page."""
        facts = self._look().facts
        check_page(page, facts.pages)
        turned = facts.orientation >= 5
        return PageSize(*((facts.height, facts.width) if turned else (facts.width, facts.height)))

    def luma(self, page: int) -> Float32:
        """Of one page (h, w), 0..1. Raises `UsageError` where there is no such page."""
        self.page_size(page)
        return self._look().lumas[page - 1]

    def gamut_remark(self, path: str, hint: Hint) -> str:
        """What is to be said of a colour that its place makes another; empty for others."""
        return gamut_remark(self._look().lumas[hint.page - 1], path, hint)


def gamut_remarks(path: str, hints: Iterable[Hint], remark_of: Callable[[Hint], str]) -> list[str]:
    """What `remark_of` says of hints that were given together: the first, and how many more there are."""
    remarks = [remark for hint in hints if (remark := remark_of(hint))]
    more = len(remarks) - _MAX_REMARKS
    return [
        *remarks[:_MAX_REMARKS],
        *([f"{printable(path)}: and {more} more such hints"] if more > 0 else []),
    ]


def gamut_remark(luma: Float32, path: str, hint: Hint) -> str:
    """What is to be said of a colour that its place in a luma (h, w) makes another; empty for others."""
    import numpy as np

    from archivecolor.colour.lab import lab_from_rgb, lightness_from_luma, rgb_from_lab
    from archivecolor.colour.oklab import ab_at_lightness

    height, width = luma.shape
    grey = luma[min(int(hint.y * height), height - 1), min(int(hint.x * width), width - 1)]
    lightness = float(lightness_from_luma(grey))
    colour = np.array([hint.colour], np.uint8)
    (ab,), (share,) = ab_at_lightness(colour, np.array([lightness]))
    if share >= _NEARLY_ALL and abs(float(lab_from_rgb(colour)[0, 0]) - lightness) < _MUCH_LIGHTER:
        return ""
    shown = rgb_from_lab(np.array([lightness, *ab])).clip(0, 1) * 255
    red, green, blue = map(round, shown.tolist())
    words = (
        printable(path),
        colour_word(hint.colour),
        hint.x,
        hint.y,
        colour_word((red, green, blue)),
        grey * 100,
    )
    return _COMES_OUT.format(*words)


def _inspected(path: Path, working_size: int, max_megapixels: float) -> Inspection:
    from archivecolor.photo.inspect import inspect

    try:
        return inspect(path, working_size=working_size, max_megapixels=max_megapixels)
    except ItemError as error:
        raise UsageError(str(error)) from error
