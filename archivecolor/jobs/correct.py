"""What people decide about photographs: written down, and carried out at once."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from archivecolor.archive.bag import content_root, is_bag
from archivecolor.archive.decision import Correction, Decision, OwnSettings, State, colour_word, is_glob
from archivecolor.archive.decisions import Decisions, append_decisions
from archivecolor.archive.fixity import sha256_of
from archivecolor.archive.layout import Layout
from archivecolor.archive.lock import locked
from archivecolor.archive.manifest import Manifest
from archivecolor.archive.names import FORMAT_EXTENSIONS, output_name
from archivecolor.archive.output_folder import hold_output
from archivecolor.archive.record import now_utc
from archivecolor.archive.run_json import read_run_summary
from archivecolor.archive.selection import compile_globs
from archivecolor.archive.walk import FILMS, extension_of
from archivecolor.colour.guidance import MAX_HINTS, Hint
from archivecolor.engine.progress import Listener, RunResult
from archivecolor.engine.stopping import Stop
from archivecolor.errors import InputNotFoundError, ItemError, Reason, UsageError
from archivecolor.jobs.colour import colour
from archivecolor.jobs.hint_words import PageSize, hint_of_words
from archivecolor.jobs.manifest import existing_manifest_path
from archivecolor.jobs.run_files import write_output_bag
from archivecolor.printable import printable
from archivecolor.settings import CorrectSettings, DirSettings, SelectionOptions

if TYPE_CHECKING:
    from archivecolor.photo.inspect import Inspection

# A hint given so near to an older one takes its place.
SAME_PLACE = 0.005
# Options that say what a run does besides making pictures, by their names in run.json.
OF_ONE_RUN = {"films", "decisions", "max_runtime", "log_file", "report", "sheet", "watch", "open"}
WARN = "{}: {} on a grey of {:.0f} % is no colour that a screen has; it gets as much of it as there is"


KEPT = "{}: somebody worked on its output, which stays; --take-back puts that aside and makes it anew"


@dataclass(frozen=True)
class Corrected:
    """What became of a correction.

    Attributes:
        decisions: that were written.
        remarks: what people should know of them.
        result: of the run that carried them out; None where that is left to a later one.
        outputs: the pictures as they now are.
    """

    decisions: tuple[Decision, ...]
    remarks: tuple[str, ...]
    result: RunResult | None
    outputs: tuple[Path, ...] = ()


def correct(
    settings: CorrectSettings, listener: Listener, stop: Stop, command: tuple[str, ...] = ()
) -> Corrected:
    """Write down what was decided about pictures, and make them anew unless that is left for later.

    Args:
        settings: of the command.
        listener: who is told of each picture.
        stop: says when to end.
        command: the words typed, for run.json.

    Raises:
        UsageError: what is decided cannot be, or there is no such picture; nothing was done.
        LockedError: a run holds the output.
        OutputError: the output cannot be written; what was decided stands, once it is written.
    """
    existing_manifest_path(settings.output)
    _check_together(settings)
    root = content_root(settings.output)
    run = settings_of_run(settings.output, root, settings.input)
    run = replace(run, quiet=settings.quiet, verbose=settings.verbose, json=settings.json)
    manifest = Manifest(Layout(root).manifest)
    paths = dict.fromkeys(_path_of(text, run.input, root, manifest) for text in settings.path)
    names = tuple(dict.fromkeys(name for path in paths for name in _named(path, run.input, manifest)))
    if not settings.later:
        run = replace(run, format=format_of(names, run.format, manifest))
    writer = _Writer(settings, run, now_utc())
    with hold_output(root, run.input), locked(root, settings.wait_lock, run.input):
        # Read with the lock held: somebody else may decide until then.
        decisions = Decisions.read(Layout(root).decisions)
        made = [writer.decision(path, decisions.of(path)) for path in paths]
        append_decisions(Layout(root).decisions, made)
        if is_bag(settings.output) and settings.later:
            write_output_bag(settings.output)
    corrected = Corrected(tuple(made), tuple(writer.remarks), None)
    if settings.later:
        return corrected
    again = names if settings.take_back else ()
    run = replace(run, take_back=again, wait_lock=settings.wait_lock)
    result = colour(run, listener, stop, command, names)
    items = Manifest(Layout(root).manifest).items
    entries = {name: items[name] for name in names if name in items and items[name].output}
    by_hand = [name for name, entry in entries.items() if entry.reason == Reason.BY_HAND]
    remarks = (*corrected.remarks, *(KEPT.format(printable(name)) for name in by_hand))
    outputs = tuple(root / entry.output for name, entry in entries.items() if name not in by_hand)
    return replace(corrected, result=result, outputs=outputs, remarks=remarks)


def _check_together(settings: CorrectSettings) -> None:
    """Refuse what contradicts itself, or decides nothing."""
    if settings.accept and settings.reject:
        raise UsageError("--accept and --reject contradict each other; give one of them")
    decides = (settings.accept, settings.reject, settings.reset, settings.take_back, settings.hint)
    if not any(decides) and not _own_settings(settings).given():
        raise UsageError(
            "nothing is decided; give --hint, --saturation, --accept, --reject, --reset or another"
        )
    if settings.take_back and settings.later:
        raise UsageError("--take-back makes the picture anew at once; leave --later out")
    if settings.take_back and any(is_glob(path) and not Path(path).exists() for path in settings.path):
        raise UsageError("--take-back takes pictures one by one, no globs")


def _own_settings(settings: CorrectSettings) -> OwnSettings:
    return OwnSettings(**{own.name: getattr(settings, own.name) for own in fields(OwnSettings)})


def settings_of_run(output: Path, root: Path, source: Path | None) -> DirSettings:
    """The options of the last run of an output, but for which files it took.

    Args:
        output: the folder as it was asked for.
        root: the folder that the tree of derivatives begins in.
        source: the input folder, where it is not that of the last run.

    Raises:
        UsageError: they are not known, or were for films.
    """
    last = read_run_summary(Layout(root).run_json)
    values = dict(last.settings) if last is not None else {}
    folder = source or values.get("input")
    if not isinstance(folder, (str, Path)):
        raise UsageError(
            f"{Layout(root).run_json} does not name the folder of the scans; give it with --input FOLDER"
        )
    if not Path(folder).is_dir():
        raise InputNotFoundError(
            f"the folder of the scans, {folder}, is not there; give --input FOLDER", Path(folder)
        )
    not_kept = {setting.name for setting in fields(SelectionOptions)} | OF_ONE_RUN
    names = {setting.name for setting in fields(DirSettings)} - not_kept - {"input", "output"}
    kept = {name: value for name, value in values.items() if name in names}
    if isinstance(kept.get("checkpoint"), str):
        kept["checkpoint"] = Path(kept["checkpoint"])
    return DirSettings(input=Path(folder), output=output, **kept)


def _path_of(text: str, source: Path, root: Path, manifest: Manifest) -> str:
    """The path of a picture's source, relative to IN; a glob as it is.

    Raises:
        UsageError: there is none.
    """
    by_output = {entry.output: path for path, entry in manifest.items.items() if entry.output}
    # Not `Path.resolve`: links stay as they are typed.
    absolute = Path(os.path.abspath(text))  # noqa: PTH100
    folders = (Path(os.path.abspath(folder)) for folder in (source, root))  # noqa: PTH100
    inside = [
        absolute.relative_to(folder).as_posix() for folder in folders if absolute.is_relative_to(folder)
    ]
    as_typed = [os.path.normpath(text)] if not Path(text).is_absolute() else []
    for name in (*as_typed, *inside):
        if ".." in name.split("/"):
            continue
        if name in manifest or (source / name).is_file():
            if _is_film(name):
                raise UsageError(f"{printable(name)} is a film, and what is decided here is of photographs")
            return name
        if name in by_output:
            return by_output[name]
    if is_glob(text):
        return _checked_glob(text, manifest)
    close = difflib.get_close_matches(text, [*manifest.items, *by_output], n=1, cutoff=0.3)
    near = f"; did you mean {printable(close[0])}?" if close else ""
    raise UsageError(f"there is no picture {printable(text)} in {source} or {root}{near}")


def _checked_glob(glob: str, manifest: Manifest) -> str:
    if glob.startswith("/") or ".." in glob.split("/"):
        raise UsageError(f"{glob}: a glob is held against paths relative to IN")
    if not any(True for _ in _matches(glob, manifest)):
        raise UsageError(f"{glob} matches no picture of the manifest")
    return glob


def _matches(glob: str, manifest: Manifest) -> Iterator[str]:
    patterns = compile_globs((glob,))
    matching = (path for path in manifest.items if any(one.matches(os.fsencode(path)) for one in patterns))
    return (path for path in matching if not _is_film(path))


def _is_film(path: str) -> bool:
    return extension_of(os.fsencode(path)) in FILMS


def format_of(names: Iterable[str], format: str, manifest: Manifest) -> str:
    """The format that pictures have now; that of the last run, which may have been of others, where it is it.

    Raises:
        UsageError: they have several.
    """
    entries = {name: entry for name in names if (entry := manifest.entry(name)) is not None}
    outputs = {name: entry.output for name, entry in entries.items() if entry.reason == Reason.COLOURED}
    for own in (format, "keep", *FORMAT_EXTENSIONS):
        if all(output == output_name(name, own) for name, output in outputs.items()):
            return own
    raise UsageError(
        "these pictures have outputs of several formats; correct those of one format at a time, "
        "or give --later, and `dir` with the format that all are to have"
    )


def _named(path: str, source: Path, manifest: Manifest) -> Iterator[str]:
    """The sources that a path or a glob means, those that are there."""
    names = _matches(path, manifest) if is_glob(path) and not (source / path).exists() else iter((path,))
    return (name for name in names if (source / name).is_file())


class _Writer:
    """Makes the decisions of one command.

    Args:
        settings: of the command.
        run: options of the run that carries them out.
        at: the time that they bear.
    """

    def __init__(self, settings: CorrectSettings, run: DirSettings, at: str) -> None:
        self._settings = settings
        self._run = run
        self._at = at
        self.remarks: list[str] = []

    def decision(self, path: str, before: Decision) -> Decision:
        """What is now decided about a path, what was decided before included unless it is reset."""
        settings = self._settings
        if settings.reset:
            before = Decision(path)
        state = before.state
        if settings.accept or settings.reject:
            state = State.ACCEPTED if settings.accept else State.REJECTED
        correction = self._correction(path, before.correction)
        if correction != before.correction and not settings.accept:
            state = State.REJECTED if settings.reject else State.NONE
        return Decision(path, state, correction, settings.note, settings.by, self._at, before.extra)

    def _correction(self, path: str, before: Correction) -> Correction:
        settings = self._settings
        given = _own_settings(settings).given()
        if not settings.hint and not given:
            return before
        own = replace(before.settings, **given)
        note, by = settings.note or before.note, settings.by or before.by
        correction = replace(before, settings=own, note=note, by=by, at=self._at)
        return self._with_hints(path, correction) if settings.hint else correction

    def _with_hints(self, path: str, correction: Correction) -> Correction:
        source = self._run.input / path
        if not source.is_file():
            raise UsageError(f"{printable(path)}: hints are for one picture at a time, no globs")
        digest = sha256_of(source)
        picture = _Picture(
            source, correction.settings.working_size or self._run.working_size, self._run.max_megapixels
        )
        hints = tuple(
            hint_of_words(words, path, self._settings.page, picture.page_size)
            for words in self._settings.hint
        )
        self.remarks += (remark for hint in hints if (remark := picture.gamut_remark(path, hint)))
        older = correction.hints if correction.source in ("", digest) else ()
        if older != correction.hints:
            self.remarks.append(
                f"{printable(path)}: the picture changed; its {len(correction.hints)} older hints went"
            )
        kept = [hint for hint in older if not any(_is_same_place(hint, new) for new in hints)]
        if len(kept) + len(hints) > MAX_HINTS:
            raise UsageError(
                f"{printable(path)}: more than {MAX_HINTS} hints; --reset forgets those given before"
            )
        return replace(correction, hints=(*kept, *hints), source=digest)


def _is_same_place(one: Hint, other: Hint) -> bool:
    near = abs(one.x - other.x) < SAME_PLACE and abs(one.y - other.y) < SAME_PLACE
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
        if page > facts.pages:
            raise UsageError(f"it has {facts.pages} pages, no page {page}")
        turned = facts.orientation >= 5
        return PageSize(*((facts.height, facts.width) if turned else (facts.width, facts.height)))

    def gamut_remark(self, path: str, hint: Hint) -> str:
        """What is to be said of a colour that its place is too bright or too dark for; empty for others."""
        import numpy as np

        from archivecolor.colour.lab import lightness_from_luma, rgb_from_lab

        luma = self._look().lumas[hint.page - 1]
        height, width = luma.shape
        grey = luma[min(int(hint.y * height), height - 1), min(int(hint.x * width), width - 1)]
        rgb = rgb_from_lab(np.array([lightness_from_luma(grey), *hint.ab]))
        if rgb.min() >= -0.02 and rgb.max() <= 1.02:
            return ""
        return WARN.format(printable(path), colour_word(hint.colour), grey * 100)


def _inspected(path: Path, working_size: int, max_megapixels: float) -> Inspection:
    from archivecolor.photo.inspect import inspect

    try:
        return inspect(path, working_size=working_size, max_megapixels=max_megapixels)
    except ItemError as error:
        raise UsageError(str(error)) from error
