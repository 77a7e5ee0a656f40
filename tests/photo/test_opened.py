"""A picture's file is opened once a visit, and what goes wrong is blamed on whom it belongs to."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from picture_journey import LIMIT, colour, scene
from PIL import Image

from archivecolor.errors import ItemError, Reason
from archivecolor.photo.containers import bands, exif, reading
from archivecolor.photo.grey import write_grey
from archivecolor.photo.inspect import inspect
from archivecolor.photo.render import copy_unchanged

_watched: dict[bytes, int] = {}
_last: list[bytes] = []


def _count(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and _watched and isinstance(arguments[0], (str, bytes, os.PathLike)):
        path = os.path.realpath(os.fsencode(arguments[0]))
        # A file object tells of its opening, and the opener that it calls tells of the same once more.
        is_told = arguments[1] is None and _last == [path]
        _last[:] = [] if is_told else [path]
        if path in _watched and not is_told:
            _watched[path] += 1


sys.addaudithook(_count)


@contextmanager
def opened(path: Path) -> Iterator[list[int]]:
    """How often this process opened the file in the block."""
    found: list[int] = []
    _watched[os.path.realpath(os.fsencode(path))] = 0
    try:
        yield found
    finally:
        found.append(_watched.pop(os.path.realpath(os.fsencode(path))))


FORMS = ["JPEG", "PNG", "TIFF", "WEBP", "JPEG2000", "BMP", "PPM", "HEIC"]


def described(folder: Path, form: str, heic: Path) -> Path:
    """A scan that says something of itself where its container can."""
    path = folder / "scan"
    if form == "HEIC":
        unused = (100_000).to_bytes(4, "big") + b"free" + bytes(99_992)
        path.write_bytes((heic / "grey.heic").read_bytes() + unused)
        return path
    about = Image.Exif()
    about[270] = "Market square"
    codes = scene(900, 700)
    options = {"exif": about} if form in ("JPEG", "PNG", "TIFF", "WEBP") else {}
    Image.fromarray(np.dstack([codes] * 3) if form == "WEBP" else codes).save(path, form, **options)
    return path


@pytest.mark.parametrize("form", FORMS)
def test_a_picture_is_opened_once_to_inspect_and_once_to_render(
    tmp_path: Path, heic: Path, form: str
) -> None:
    path = described(tmp_path, form, heic)
    with opened(path) as times:
        colour(path)
    assert times == [2]
    with opened(path) as times:
        colour(path, format="png" if form != "PNG" else "tiff")
    assert times == [2]


@pytest.mark.parametrize("form", FORMS)
def test_grey_and_copies_open_it_once(tmp_path: Path, heic: Path, form: str) -> None:
    path = described(tmp_path, form, heic)
    facts = inspect(path, working_size=64, max_megapixels=LIMIT).facts
    with opened(path) as times:
        write_grey(path, tmp_path / "grey")
    assert times == [1]
    with opened(path) as times:
        copy = copy_unchanged(path, tmp_path / "copy", facts)
    assert times == [1]
    assert (tmp_path / "copy").read_bytes() == path.read_bytes()
    assert copy.sha256 == copy.source_sha256


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("fault", [TypeError, AttributeError, KeyError, ValueError, OSError])
def test_a_fault_of_our_own_is_not_the_picture_s_damage(
    tmp_path: Path, heic: Path, form: str, fault: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = described(tmp_path, form, heic)

    def broken(*_: object) -> None:
        raise fault("our own")

    monkeypatch.setattr(bands, "rows_per_band", broken)
    monkeypatch.setattr(exif, "density_in", broken)
    with pytest.raises(fault, match="our own"):
        write_grey(path, tmp_path / "grey")


@pytest.mark.parametrize("good", [0, 1, 2])
@pytest.mark.parametrize("form", FORMS)
def test_a_disk_that_does_not_give_the_file_costs_that_file(
    tmp_path: Path, heic: Path, form: str, good: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = described(tmp_path, form, heic)
    answers = iter(range(good))
    read_into = reading.read_into

    def dying(file: reading.SourceFile, buffer: bytearray) -> int:
        if next(answers, None) is not None:
            return read_into(file, buffer)
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    # What the file system answers, below everything that reads.
    monkeypatch.setattr(reading, "read_into", dying)
    with pytest.raises(ItemError, match=os.strerror(errno.EIO)) as trouble:
        inspect(path, working_size=64, max_megapixels=LIMIT)
    assert trouble.value.reason is Reason.READ_ERROR
