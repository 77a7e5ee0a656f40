"""An output folder as a BagIt bag (RFC 8493): the coloured tree under `data/`, tag files beside it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

from archivecolor.archive.durable import PART_SUFFIX, replacing
from archivecolor.archive.fixity import DIGESTS_NAME, Digest, sha256_of, write_digests
from archivecolor.archive.lock import LOCK_NAME
from archivecolor.archive.walk import OUR_FOLDER

PAYLOAD = "data"
DECLARATION = "bagit.txt"
INFO = "bag-info.txt"
TAG_DIGESTS = "tagmanifest-sha256.txt"


def payload_of(output: Path) -> Path:
    """Where the tree of `output` lies: its `data/` where it is a bag, else itself."""
    return output / PAYLOAD if (output / DECLARATION).exists() else output


def payload_for(bag: Path) -> Path:
    """The folder that a run must write into for `write_bag(bag)` to make a bag of it."""
    return bag / PAYLOAD


def write_bag(bag: Path, known: Iterable[Digest], agent: str) -> None:
    """Write the tag files of `bag` around its payload; call it when the payload is complete.

    Args:
        bag: folder whose `data/` holds the payload.
        known: digests of payload files, relative to `data/`, that need not be read again.
        agent: name and version of the program, for `bag-info.txt`.

    Raises:
        OutputError: the tag files cannot be written.
    """
    digests = {digest.path: digest.sha256 for digest in known}
    files = list(payload_files(bag / PAYLOAD))
    listed = [Digest(f"{PAYLOAD}/{path}", digests.get(path) or digest_in(bag, path)) for path in files]
    nbytes = sum((bag / PAYLOAD / path).stat().st_size for path in files)
    write_text(bag / DECLARATION, "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n")
    write_text(bag / INFO, info(nbytes, len(files), agent))
    write_digests(bag / DIGESTS_NAME, listed)
    tags = (DECLARATION, INFO, DIGESTS_NAME)
    write_digests(bag / TAG_DIGESTS, [Digest(name, sha256_of(bag / name)) for name in tags])


def digest_in(bag: Path, path: str) -> str:
    """SHA-256 of a payload file."""
    return sha256_of(bag / PAYLOAD / path)


def payload_files(root: Path) -> Iterator[str]:
    """Relative paths of all files of the payload, bytewise; a running run's lock and parts left out."""
    found = []
    for folder, _, names in os.walk(root):
        above = Path(folder).relative_to(root)
        found += [(above / name).as_posix() for name in names if PART_SUFFIX not in name]
    passing = f"{OUR_FOLDER}/{LOCK_NAME}"
    return (path for path in sorted(found, key=os.fsencode) if path != passing)


def info(nbytes: int, count: int, agent: str) -> str:
    """The reserved elements of `bag-info.txt` that a program can know (RFC 8493, section 2.2.2)."""
    today = date.today().isoformat()
    return f"Bag-Software-Agent: {agent}\nBagging-Date: {today}\nPayload-Oxum: {nbytes}.{count}\n"


def write_text(path: Path, text: str) -> None:
    """Write a tag file anew."""
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8", newline="\n")
