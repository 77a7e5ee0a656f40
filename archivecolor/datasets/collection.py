"""Collections of colour photographs for training and evaluation: folder trees, list files, tar shards."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import re
import tarfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from archivecolor.errors import ItemError, Reason, UsageError

_PICTURE_SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".webp", ".avif", ".bmp", ".tif", ".tiff"))
_WHAT_IS_READ = "a folder, a .txt list, a .tar shard (not compressed) or pictures"
# What a training and an evaluation leave where they write: a file that tells of it, and its pictures.
_RUN_MARKS = ("figures.jsonl", "table.csv")
_RUN_PICTURES = re.compile(r"sample-\d{8}\.png|curves\.png|sheet-.+-\d{2,}\.png")
# What stands beside pictures that were coloured.
_OUTPUT_MARK = "_archivecolor/manifest.jsonl"


@dataclass(frozen=True, slots=True)
class Member:
    """One picture of a collection, not yet read.

    Attributes:
        name: its path inside the folder or shard, POSIX.
        file: the file that holds it.
        offset: where it begins in `file`, in bytes.
        nbytes: how long it is; -1 stands for the whole file.
    """

    name: str
    file: Path
    offset: int = 0
    nbytes: int = -1

    def read(self) -> bytes:
        """The encoded picture. Raises `OSError`."""
        if self.file.exists() and not self.file.is_file():  # a pipe would be waited for
            raise OSError(errno.EINVAL, "it is no file", str(self.file))
        with self.file.open("rb") as stream:
            stream.seek(self.offset)
            return stream.read(self.nbytes)


@dataclass(frozen=True)
class Listing:
    """What collections hold.

    Attributes:
        members: the pictures, in a stable order.
        passed_over: counts of what is not taken for a picture, by why: a suffix and "files", "hidden files",
            "unreadable folders", "files of a run of this program".
    """

    members: tuple[Member, ...]
    passed_over: Counter[str]


def list_members(collections: Iterable[Path]) -> Listing:
    """All pictures of the collections, and what is passed over.

    In folders, what this program itself has left there is passed over: pictures that tell of a training or
    an evaluation, and all that it has coloured.

    Args:
        collections: folders (walked), `.tar` shards, `.txt` lists (one path a line, relative to the list), or
            single pictures.

    Raises:
        UsageError: a collection is missing, or cannot be read as what its name says.
    """
    found: list[Member] = []
    passed_over: Counter[str] = Counter()
    for collection in collections:
        if collection.is_dir():
            found += _folder_members(collection, passed_over)
        elif collection.exists() and not collection.is_file():
            raise UsageError(f"{collection} is no file; give {_WHAT_IS_READ}")
        elif not collection.is_file() and collection.suffix not in (".tar", ".txt"):
            raise UsageError(f"{collection} is not there; give {_WHAT_IS_READ}")
        elif collection.suffix == ".tar":
            found += _shard_members(collection, passed_over)
        elif collection.suffix == ".txt":
            found += _listed_members(collection)
        elif collection.suffix.lower() in _PICTURE_SUFFIXES:
            found.append(Member(collection.name, collection))
        else:
            raise UsageError(f"{collection} is nothing that can be read here; give {_WHAT_IS_READ}")
    return Listing(tuple(found), passed_over)


def _folder_members(folder: Path, passed_over: Counter[str]) -> Iterator[Member]:
    coloured: set[Path] = set()

    def unreadable(_error: OSError) -> None:
        passed_over["unreadable folders"] += 1

    for where, folders, names in os.walk(folder, onerror=unreadable):
        parent = Path(where)
        folders.sort()
        if parent != folder and (parent.parent in coloured or (parent / _OUTPUT_MARK).exists()):
            coloured.add(parent)
        is_run = any(mark in names for mark in _RUN_MARKS)
        for name in sorted(names):
            path = parent / name
            if parent in coloured or (is_run and _RUN_PICTURES.fullmatch(name)):
                passed_over["files of a run of this program"] += 1
            elif reason := _no_picture(name):
                passed_over[reason] += 1
            else:
                yield Member(path.relative_to(folder).as_posix(), path)


def _no_picture(name: str) -> str:
    """Why a file is not taken for a picture by its name; "" where it is."""
    path = PurePosixPath(name)
    if path.name.startswith("."):
        return "hidden files"
    suffix = path.suffix.lower()
    if suffix in _PICTURE_SUFFIXES:
        return ""
    return f"{suffix} files" if suffix else "files without a suffix"


def _shard_members(shard: Path, passed_over: Counter[str]) -> Iterator[Member]:
    try:
        # Members are read at their place in the file, so it must not be compressed.
        with tarfile.open(shard, "r:") as archive:
            for entry in archive:
                if not entry.isfile():
                    continue
                if reason := _no_picture(entry.name):
                    passed_over[reason] += 1
                else:
                    yield Member(entry.name, shard, entry.offset_data, entry.size)
    except OSError as error:
        raise UsageError(f"{shard} cannot be read as a tar shard: {error.strerror}") from error
    except tarfile.TarError as error:
        raise UsageError(
            f"{shard} cannot be read as a tar shard: {error}; it must be whole, and not compressed"
        ) from error


def _listed_members(listing: Path) -> Iterator[Member]:
    try:
        text = listing.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"the list {listing} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"the list {listing} is no text in UTF-8; save it as such") from error
    if "\0" in text:
        raise UsageError(f"the list {listing} is no text")
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            yield Member(line.strip(), listing.parent / line.strip())


def decode_rgb(encoded: bytes, short_side: int | None = None) -> NDArray[np.uint8]:
    """Decode one colour photograph, upright.

    Args:
        encoded: the file's bytes.
        short_side: shrink to this many pixels on the short side, where the picture is larger.

    Returns:
        uint8 (h, w, 3) sRGB codes.

    Raises:
        ItemError: the picture cannot be decoded.
    """
    try:
        with Image.open(io.BytesIO(encoded)) as opened:
            if short_side is not None:
                opened.draft("RGB", (short_side, short_side))
            picture = ImageOps.exif_transpose(opened).convert("RGB")
            if short_side is not None and min(picture.size) > short_side:
                factor = short_side / min(picture.size)
                size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
                picture = picture.resize(size, Image.Resampling.BOX, reducing_gap=2.0)
            return np.asarray(picture)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ItemError(Reason.UNREADABLE, f"cannot be decoded: {error}") from error


def content_digest(encoded: bytes) -> str:
    """SHA-256 of a picture's bytes, 16 hex digits: stable under renaming and when files are added."""
    return hashlib.sha256(encoded).hexdigest()[:16]


def data_digest(digests: Sequence[str]) -> str:
    """One digest for a whole collection, whatever its order."""
    return hashlib.sha256("".join(sorted(digests)).encode()).hexdigest()[:16]
