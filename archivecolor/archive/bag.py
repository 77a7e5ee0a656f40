"""An output folder as a BagIt bag (RFC 8493): the coloured tree under `data/`, tag files beside it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

from archivecolor.archive.atomic import atomic_write
from archivecolor.archive.fixity import Digest, sha256_of, write_digests
from archivecolor.archive.layout import (
    BAG_DECLARATION,
    BAG_INFO,
    DIGESTS_NAME,
    LOCK_NAME,
    PAYLOAD,
    STATE_FOLDER,
    TAG_DIGESTS,
)
from archivecolor.archive.parts import PART_SUFFIX
from archivecolor.archive.tree import files_under
from archivecolor.errors import ItemError, OutputError, Reason, UsageError
from archivecolor.printable import printable


def is_bag(output: Path) -> bool:
    """Whether `output` is a bag, or will be one when the run that began it has ended."""
    if (output / STATE_FOLDER).exists():
        return False
    return (output / BAG_DECLARATION).exists() or (output / PAYLOAD / STATE_FOLDER).exists()


def content_root(output: Path) -> Path:
    """Where the tree of `output` lies: its `data/` where it is a bag, else itself."""
    return output / PAYLOAD if is_bag(output) else output


def bag_payload(bag: Path) -> Path:
    """The folder that a run must write into for `write_bag(bag)` to make a bag of it."""
    return bag / PAYLOAD


def content_root_for_run(output: Path, *, bag: bool) -> Path:
    """The folder that a run with the output `output` writes its tree into.

    Args:
        output: as it was asked for.
        bag: it is to be a bag.

    Raises:
        UsageError: an earlier run made it the other way, or its payload is a link.
    """
    if bag and (output / STATE_FOLDER).exists():
        raise UsageError(
            f"{output} was begun without --bag; leave that out, give another folder, or move all that is "
            f"in it ({STATE_FOLDER} too) into {bag_payload(output)}: the same command then makes it a bag"
        )
    if bag and bag_payload(output).is_symlink():
        raise UsageError(f"{bag_payload(output)} is a link; a bag holds its files itself: put a folder there")
    if not bag and is_bag(output):
        raise UsageError(f"{output} is a bag; add --bag (in a recipe: bag = true), or give another folder")
    return bag_payload(output) if bag else output


def check_bag_name(path: str) -> None:
    """Refuse a derivative that no bag can list so that all validators find it.

    RFC 8493 has a percent sign written as `%25`; the validators in use (bagit.py 1.9) do not undo that.

    Raises:
        ItemError: its name is not UTF-8, the encoding of tag files, or has a percent sign.
    """
    if not _is_utf8(path):
        raise ItemError(Reason.UNSUPPORTED, "its name is not UTF-8, and a bag can list no other; rename it")
    if "%" in path:
        detail = "its name has a percent sign, which validators of bags read in two ways; rename it"
        raise ItemError(Reason.UNSUPPORTED, detail)


def _encode_bag_path(path: str) -> bytes:
    """`path` as the manifest of a bag has it (RFC 8493, section 2.1.3): CR, LF and `%` percent-encoded."""
    encoded = os.fsencode(path).replace(b"%", b"%25")
    return encoded.replace(b"\r", b"%0D").replace(b"\n", b"%0A")


def _is_utf8(path: str) -> bool:
    """Whether `path` is UTF-8."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def write_bag(bag: Path, known: Iterable[Digest], agent: str) -> None:
    """Write the tag files of `bag` around its payload; call it when the payload is complete.

    Args:
        bag: folder whose `data/` holds the payload.
        known: digests of payload files, relative to `data/`, that need not be read again.
        agent: name and version of the program, for `bag-info.txt`.

    Raises:
        OutputError: the tag files cannot be written, or a file of the payload has a name that no bag
            can list.
    """
    digests = {digest.path: digest.sha256 for digest in known}
    files = list(_payload_files(bag / PAYLOAD))
    for path in files:
        if not _is_utf8(path):
            raise OutputError(
                f"{printable(bag / PAYLOAD / path)}: the name is not UTF-8, and a bag can list no "
                "other; take the file out of the bag, or rename its source and delete it here"
            )
    listed = [
        Digest(f"{PAYLOAD}/{path}", digests.get(path) or sha256_of(bag / PAYLOAD / path)) for path in files
    ]
    nbytes = sum(os.stat(f"{bag}/{PAYLOAD}/{path}").st_size for path in files)  # noqa: PTH116 - once per file
    write_text(bag / BAG_DECLARATION, "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n")
    write_text(bag / BAG_INFO, _bag_info(nbytes, len(files), agent))
    write_digests(bag / DIGESTS_NAME, listed, _encode_bag_path)
    tags = (BAG_DECLARATION, BAG_INFO, DIGESTS_NAME)
    write_digests(bag / TAG_DIGESTS, [Digest(name, sha256_of(bag / name)) for name in tags])


def _payload_files(root: Path) -> Iterator[str]:
    """Relative paths of all files of the payload, bytewise; a running run's lock and parts left out.

    Raises:
        OutputError: a folder cannot be listed, so that the bag would not be whole.
    """

    def refuse(folder: str, error: OSError) -> None:
        raise OutputError(f"{printable(root / folder)} cannot be listed: {error.strerror}") from error

    passing = f"{STATE_FOLDER}/{LOCK_NAME}"
    found = [path for path in files_under(root, refuse) if PART_SUFFIX not in path.rpartition("/")[2]]
    return (path for path in sorted(found, key=os.fsencode) if path != passing)


def _bag_info(nbytes: int, count: int, agent: str) -> str:
    """The reserved elements of `bag-info.txt` that a program can know (RFC 8493, section 2.2.2)."""
    today = date.today().isoformat()
    return f"Bag-Software-Agent: {agent}\nBagging-Date: {today}\nPayload-Oxum: {nbytes}.{count}\n"


def write_text(path: Path, text: str) -> None:
    """Write a tag file anew."""
    with atomic_write(path) as part:
        part.write_text(text, encoding="utf-8", newline="\n")
