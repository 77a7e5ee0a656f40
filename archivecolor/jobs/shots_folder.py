"""The folder that the shots of a film are listed in: what is not written over, and where no lists go."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from archivecolor.archive.atomic import remove_file
from archivecolor.archive.names import is_called_like_file
from archivecolor.archive.walk import FILMS, PICTURES, extension_of
from archivecolor.errors import UsageError
from archivecolor.film.edit_list import is_edl_as_written, is_otio_as_written
from archivecolor.film.first_pass import load_first_pass, save_first_pass
from archivecolor.film.segment_plan import WorkFolder
from archivecolor.jobs.cuts import WORDS
from archivecolor.printable import printable
from archivecolor.settings import ShotsSettings, VideoSettings
from archivecolor.version import program_version

LIST, SHEET, EDL, OTIO = "shots.csv", "sheet.jpg", "shots.edl", "shots.otio"
STREAM = Path("-")
_FIRST_PASS, _KEY_LENGTH = ".first-reading-", 12


def shots_folder(settings: ShotsSettings) -> Path:
    """The folder that is written into."""
    return settings.output or settings.input.with_name(f"{settings.input.stem}-shots")


def first_pass_file(folder: Path, sha256: str, fields: str) -> Path:
    """Where what the first reading of a film found is kept, so that the next look need not read all of it.

    Args:
        folder: of its lists.
        sha256: of the film.
        fields: what was done to its fields.
    """
    return folder / f"{_first_pass_names(sha256)}{fields}.npz"


def remove_other_first_passes(folder: Path, sha256: str) -> None:
    """Remove what is kept of other films, and what another version kept of this one."""
    for file in folder.glob(f"{_FIRST_PASS}*.npz"):
        if not file.name.startswith(_first_pass_names(sha256)):
            remove_file(file)


def take_in_first_pass(settings: VideoSettings, sha256: str, folder: WorkFolder) -> None:
    """Put among a film's work files what a look at it found, where a plan or list of that look is gone by.

    Args:
        settings: of the run.
        sha256: of the film.
        folder: of its work files.

    Raises:
        OutputError: it cannot be written there.
    """
    lists = [Path(settings.cuts)] if settings.cuts not in WORDS else []
    for given in (*lists, *([settings.plan] if settings.plan is not None else [])):
        for kept in given.parent.glob(f"{_first_pass_names(sha256)}*.npz"):
            mine = folder.first_pass(kept.stem.rpartition("-")[2])
            found = None if mine.exists() else load_first_pass(kept)
            if found is not None:
                save_first_pass(mine, found)


def _first_pass_names(sha256: str) -> str:
    import av

    # Another decoder may give other luma.
    facts = (sha256, program_version(), av.__version__)
    key = hashlib.sha256(repr(facts).encode()).hexdigest()[:_KEY_LENGTH]
    return f"{_FIRST_PASS}{key}-"


def check_shots_folder(settings: ShotsSettings) -> None:
    """Refuse a folder that lists and a sheet cannot go into; nothing is written.

    Raises:
        UsageError: it is none, holds films or pictures, or files that somebody may have edited.
    """
    folder = shots_folder(settings)
    shown = printable(folder)
    if folder == STREAM:
        raise UsageError("shots writes several files, and none to standard output; give a folder")
    if folder.is_dir():
        _refuse_films_and_pictures(folder)
        _refuse_files_in_the_way(settings, folder)
    elif os.path.lexists(folder):
        raise UsageError(f"the folder for the shots {shown} is a file; give a folder")
    elif is_called_like_file(folder) and settings.output is not None:
        raise UsageError(
            f"--output {shown} is the name of a file, but shots writes several; give a folder, "
            f"if it is one with a slash at its end: {shown}/"
        )


def _refuse_films_and_pictures(folder: Path) -> None:
    stem, suffix = os.path.splitext(SHEET)  # noqa: PTH122 - of a name alone
    for file in sorted(folder.iterdir()):
        is_sheet = file.suffix == suffix and (file.stem == stem or file.stem.startswith(f"{stem}-"))
        if not is_sheet and extension_of(os.fsencode(file.name)) in PICTURES | FILMS:
            raise UsageError(
                f"{printable(folder)} holds films or pictures ({printable(file.name)}), among which the "
                "sheet of the shots would be taken for one; give a folder of its own"
            )


def _refuse_files_in_the_way(settings: ShotsSettings, folder: Path) -> None:
    """Refuse to write over lists that somebody may have edited, and a picture that is no sheet of ours."""
    listed = folder / LIST
    if listed.exists() and not _is_given(settings, listed) and not settings.overwrite:
        shown = printable(listed)
        raise UsageError(
            f"{shown} is there, and may have been edited; --cuts {shown} goes by it, "
            "--overwrite writes it anew"
        )
    for file, is_as_written in ((folder / EDL, is_edl_as_written), (folder / OTIO, is_otio_as_written)):
        free = settings.overwrite or not os.path.lexists(file) or _is_given(settings, file)
        if not free and not is_as_written(file):
            raise UsageError(
                f"{printable(file)} is there, and is not as this program wrote it; move it, give another "
                "folder, or --overwrite to write it anew"
            )
    # It reads pictures of all kinds, for which those who colour films alone have no use.
    from archivecolor.jobs.sheet import trouble_with

    if trouble := trouble_with(folder / SHEET):
        raise UsageError(
            f"{printable(folder / SHEET)} is there, and {trouble}; move it, or give another folder"
        )


def _is_given(settings: ShotsSettings, file: Path) -> bool:
    """Whether a file that may be written is the list that is gone by: what it says stays."""
    return settings.cuts not in WORDS and file.exists() and file.samefile(settings.cuts)
