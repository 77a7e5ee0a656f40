"""What people decide about photographs: written down, and carried out at once."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from archivecolor.archive.bag import content_root, is_bag
from archivecolor.archive.by_hand import claim_of, is_by_hand
from archivecolor.archive.decision import Decision, State, looks_like_glob
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
from archivecolor.colour.guidance import Hint
from archivecolor.engine.progress import Listener, RunResult
from archivecolor.engine.stopping import Stop
from archivecolor.errors import InputNotFoundError, Reason, UsageError
from archivecolor.jobs.colour import colour, output_folders
from archivecolor.jobs.correct_film import FilmWriter, film_to_correct
from archivecolor.jobs.correct_remarks import states_that_went, what_waits
from archivecolor.jobs.decision_writer import (
    DecisionWriter,
    PhotographWriter,
    kept_options,
    own_settings,
    refuse_what_runs,
)
from archivecolor.jobs.likeness import Likeness
from archivecolor.jobs.manifest import existing_manifest_path
from archivecolor.jobs.network import network_opener
from archivecolor.jobs.output_folders import Choice
from archivecolor.jobs.run_files import write_output_bag
from archivecolor.jobs.source_meant import source_meant
from archivecolor.networks.builtin import checkpoint_path
from archivecolor.printable import printable
from archivecolor.settings import CorrectSettings, DirSettings, VideoSettings

_KEPT = "{}: somebody worked on its output, which stays; --take-back puts that aside and makes it anew"
_REJECTED = (
    "{}: it is rejected, but somebody worked on its output, which stays; take that file away, or --reset"
)


@dataclass(frozen=True)
class Corrected:
    """What became of a correction.

    Attributes:
        decisions: that were written.
        remarks: what people should know of them.
        result: of the run that carried them out; None where that is left to a later one.
        outputs: the pictures as they now are.
        names: of the sources that are there and are decided about.
    """

    decisions: tuple[Decision, ...]
    remarks: tuple[str, ...]
    result: RunResult | None
    outputs: tuple[Path, ...] = ()
    names: tuple[str, ...] = ()


def correct(
    settings: CorrectSettings,
    listener: Listener,
    stop: Stop,
    command: tuple[str, ...] = (),
    hints: Sequence[Hint] = (),
) -> Corrected:
    """Write down what was decided about pictures, and make them anew unless that is left for later.

    Args:
        settings: of the command.
        listener: who is told of each picture.
        stop: says when to end.
        command: the words typed, for run.json.
        hints: besides those that `settings` has as words.

    Raises:
        UsageError: what is decided cannot be, or there is no such picture; nothing was done.
        LockedError: a run holds the output.
        OutputError: the output cannot be written; what was decided stands, once it is written.
    """
    existing_manifest_path(settings.output)
    _check_together(settings, hints)
    root = content_root(settings.output)
    manifest = Manifest(Layout(root).manifest)
    work = _work(settings, root, manifest, stop, tuple(hints))
    names = work.names if settings.like is None else work.writer.look_for_likeness(work.names)
    decided = work.paths if settings.like is None else names
    if not settings.later:
        _check_run(work.run)
    with hold_output(root, work.sources), locked(root, settings.wait_lock, work.sources):
        # Read with the lock held: somebody else may decide until then.
        decisions = Decisions.of_output(root, work.sources)
        made = [made for path in decided for made in _decisions(path, work, decisions)]
        append_decisions(Layout(root).decisions, made)
        if is_bag(settings.output) and settings.later:
            write_output_bag(settings.output)
    went = () if settings.reset else states_that_went(settings.output, work.names, decisions, made)
    waits = what_waits(names, manifest, decisions.and_then(*made)) if settings.later else ()
    corrected = Corrected(tuple(made), (*work.writer.remarks, *went, *waits), None, names=names)
    if settings.later:
        return corrected
    again = names if settings.take_back else ()
    run = replace(work.run, take_back=again, wait_lock=settings.wait_lock)
    return _with_outputs(corrected, colour(run, listener, stop, command, Choice(names)), root)


def _check_run(run: DirSettings | VideoSettings) -> None:
    """See that what carries a decision out can begin: what it refuses is not decided either.

    Raises:
        UsageError, UnavailableError: as `colour` and `refuse_what_runs`.
    """
    refuse_what_runs(run.credentials)
    weights = sha256_of(checkpoint_path(run.checkpoint))
    output_folders(run, weights, network_opener(run, weights))


def _decisions(path: str, work: _Work, decisions: Decisions) -> Iterator[Decision]:
    """What is decided about a path; of a glob, what single pictures of it have besides stays theirs."""
    decided = _decision(path, work, decisions)
    yield decided
    if path not in work.globs:
        return
    of_all, patterns = decisions.of(path, glob=True), compile_globs((path,))
    for name in work.names:
        own = decisions.of(name)
        is_other = own != of_all and not (own.is_none and of_all.is_none)
        if is_other and any(pattern.matches(os.fsencode(name)) for pattern in patterns):
            made = _decision(name, work, decisions)
            # Where another glob said the rest, a line of its own may say no more than this one does.
            if not own.glob or (made.state, made.digest) != (decided.state, decided.digest):
                yield made


def _decision(path: str, work: _Work, decisions: Decisions) -> Decision:
    glob = path in work.globs
    made = work.writer.decision(path, decisions.of(path, glob=glob), glob=glob)
    if path not in work.handwork:
        return made
    if made.state is State.REJECTED:
        raise UsageError(
            f"{printable(path)} is rejected, and so is not made anew: --reset it, and --take-back then puts"
            " aside what somebody made of its output"
        )
    before = made.correction
    note, by = before.notes_with(made.note), before.names_with(made.by)
    return replace(made, correction=replace(before, handwork=made.at[:10], note=note, by=by, at=made.at))


def _with_outputs(corrected: Corrected, result: RunResult, root: Path) -> Corrected:
    """The same with what became of the pictures."""
    manifest, decisions = Manifest(Layout(root).manifest), Decisions.of_output(root)
    names = corrected.names
    items = manifest.items
    entries = {name: items[name] for name in names if name in items and items[name].output}
    by_hand = [name for name, entry in entries.items() if entry.reason == Reason.BY_HAND]
    kept = {name: _REJECTED if decisions.of(name).state is State.REJECTED else _KEPT for name in by_hand}
    remarks = (*corrected.remarks, *(words.format(printable(name)) for name, words in kept.items()))
    remarks = (*remarks, *what_waits(names, manifest, decisions))
    outputs = tuple(root / entry.output for name, entry in entries.items() if name not in by_hand)
    return replace(corrected, result=result, outputs=outputs, remarks=remarks)


@dataclass(frozen=True)
class _Work:
    """What a command decides about.

    Attributes:
        run: options of the run that carries it out.
        sources: the folder of the sources.
        paths: of the decisions; globs among them.
        names: of the sources that these mean.
        writer: of the decisions.
        globs: those of the paths that are globs.
        handwork: those whose output somebody worked on, which is put aside.
    """

    run: DirSettings | VideoSettings
    sources: Path
    paths: tuple[str, ...]
    names: tuple[str, ...]
    writer: DecisionWriter
    globs: frozenset[str] = frozenset()
    handwork: frozenset[str] = frozenset()


def _work(
    settings: CorrectSettings, root: Path, manifest: Manifest, stop: Stop, hints: tuple[Hint, ...]
) -> _Work:
    """What is decided about, and what carries it out.

    Raises:
        UsageError: there is no such picture, or the options of the last run are not known.
    """
    film = film_to_correct(settings, root, manifest)
    if film is not None:
        likeness = _likeness(settings, film.run)
        film_writer = FilmWriter(settings, film, now_utc(), likeness, hints, stop.raise_if_signalled)
        named = (film.path,)
        own = _handwork(named, root, manifest) if settings.take_back else frozenset()
        return _Work(film.run, film.root, named, named, film_writer, handwork=own)
    if settings.at is not None:
        raise UsageError("--at is a moment of a film; give the film, alone")
    run = settings_of_run(settings.output, root, settings.input)
    run = replace(run, quiet=settings.quiet, verbose=settings.verbose, json=settings.json)
    paths = tuple(dict.fromkeys(_path_of(text, run.input, root, manifest) for text in settings.path))
    globs = frozenset(path for path in paths if not _is_picture(path, run.input, manifest))
    if settings.take_back and globs:
        raise UsageError("--take-back takes pictures one by one, no globs")
    names = tuple(dict.fromkeys(_names(paths, globs, run.input, manifest)))
    if not settings.later:
        run = replace(run, format=recorded_format(names, run.format, manifest))
    writer = PhotographWriter(settings, run, now_utc(), _likeness(settings, run), hints)
    own = _handwork(names, root, manifest) if settings.take_back else frozenset()
    return _Work(run, run.input, paths, names, writer, globs, own)


def _handwork(names: Iterable[str], root: Path, manifest: Manifest) -> frozenset[str]:
    """Those of these sources whose output somebody worked on."""
    outputs = {name: entry.output for name in names if (entry := manifest.entry(name)) and entry.output}
    return frozenset(
        name
        for name, output in outputs.items()
        if is_by_hand(root, output, claim_of(name, (output,), manifest, take_back=False))
    )


def _likeness(settings: CorrectSettings, run: DirSettings | VideoSettings) -> Likeness | None:
    if settings.like is None:
        return None
    weights = sha256_of(checkpoint_path(run.checkpoint))
    return Likeness(settings.like, network_opener(run, weights), run.max_megapixels)


def _check_together(settings: CorrectSettings, hints: Sequence[Hint]) -> None:
    """Refuse what contradicts itself, or decides nothing."""
    if settings.accept and settings.reject:
        raise UsageError("--accept and --reject contradict each other; give one of them")
    decides = (
        settings.accept,
        settings.reject,
        settings.reset,
        settings.take_back,
        settings.hint or hints,
        settings.like,
    )
    if not any(decides) and not own_settings(settings).given():
        raise UsageError(
            "nothing is decided; give --hint, --like, --saturation, --accept, --reject, --reset or another"
        )
    if settings.take_back and settings.later:
        raise UsageError("--take-back makes the picture anew at once; leave --later out")


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
    check_scans(Path(folder))
    return DirSettings(
        input=Path(folder), output=output, **kept_options(Layout(root).run_json, values, DirSettings)
    )


def check_scans(folder: Path) -> None:
    """See that a folder of scans is there. Raises `InputNotFoundError` where it is not."""
    if not folder.is_dir():
        raise InputNotFoundError(
            f"the folder of the scans, {printable(folder)}, is not there; give --input FOLDER", folder
        )


def _path_of(text: str, source: Path, root: Path, manifest: Manifest) -> str:
    """The path of a picture's source, relative to IN; a glob as it is.

    Raises:
        UsageError: there is none.
    """
    name = source_meant(text, (source, root), manifest, new_in=source)
    if name is not None:
        if _is_film(name):
            raise UsageError(f"{printable(name)} is a film; give it alone, without photographs")
        return name
    if looks_like_glob(text):
        return _checked_glob(text, manifest)
    raise UsageError(
        f"there is no picture {printable(text)} in {source} or {root}{_did_you_mean(text, manifest)}"
    )


def _did_you_mean(text: str, manifest: Manifest) -> str:
    """A hint for a mistyped path, by its last name; suffixes and folders are alike too often to go by."""
    outputs = (entry.output for entry in manifest.items.values() if entry.output)
    by_stem = {PurePosixPath(path).stem.lower(): path for path in (*outputs, *manifest.items)}
    close = difflib.get_close_matches(PurePosixPath(text).stem.lower(), by_stem, n=1)
    return f"; did you mean {printable(by_stem[close[0]])}?" if close else ""


def _is_picture(name: str, source: Path, manifest: Manifest) -> bool:
    """Whether there is a source of that very name, or a record of one."""
    return name in manifest or os.path.isfile(source / name)  # noqa: PTH113 - `is_file` raises for long ones


def _checked_glob(glob: str, manifest: Manifest) -> str:
    if glob.startswith("/") or ".." in glob.split("/"):
        raise UsageError(f"{glob}: a glob is compared with paths relative to IN")
    if not any(True for _ in _matches(glob, manifest)):
        raise UsageError(f"{glob} matches no picture of the manifest")
    return glob


def _matches(glob: str, manifest: Manifest) -> Iterator[str]:
    patterns = compile_globs((glob,))
    matching = (path for path in manifest.items if any(one.matches(os.fsencode(path)) for one in patterns))
    return (path for path in matching if not _is_film(path))


def _is_film(path: str) -> bool:
    return extension_of(os.fsencode(path)) in FILMS


def recorded_format(names: Iterable[str], format: str, manifest: Manifest) -> str:
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


def _names(paths: Iterable[str], globs: frozenset[str], source: Path, manifest: Manifest) -> Iterator[str]:
    """The sources that paths and globs mean, those that are there."""
    for path in paths:
        names = _matches(path, manifest) if path in globs else iter((path,))
        yield from (name for name in names if (source / name).is_file())
