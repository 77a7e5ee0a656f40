"""Derivatives that somebody worked on: kept, digested, and never written over unasked.

What stands under an output's name is compared with the records that vouch for it: size and time first, and
bytes only where one of these differs. A killed run leaves outputs whose record was never written; so that
nobody takes those for handwork, a run notes the digest of what it is about to put in an older one's place
(`pending`). `--take-back` puts the handwork aside and makes the derivative anew.
"""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from archivecolor.archive.atomic import open_folder, open_own_file, remove_file, with_output_errors
from archivecolor.archive.fixity import Digest, digest_line, escape_path, parse_digest, sha256_of
from archivecolor.archive.layout import Layout
from archivecolor.archive.manifest import IndexEntry, Manifest
from archivecolor.archive.record import Output
from archivecolor.errors import ItemError, Reason, UsageError
from archivecolor.printable import printable

_ASIDE = ".by-hand-"
_OF_NO_RECORD = "a file of no record had the output's name and is now "
_DETAIL = "somebody changed its output, which stays; --take-back PATH puts that aside and makes it anew"


@dataclass(frozen=True, slots=True)
class Voucher:
    """What a record says of a derivative.

    Attributes:
        output: its name, size, time and digest.
        by_hand: it was found changed before, and these are the bytes it was found with.
    """

    output: Output
    by_hand: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """An item's right to the name of its output.

    Attributes:
        vouchers: of the records of earlier runs; none for a name that is new.
        take_back: handwork under that name is put aside.
    """

    vouchers: tuple[Voucher, ...] = ()
    take_back: bool = False


NO_CLAIM = Claim()


def claim_of(path: str, names: Iterable[str], manifest: Manifest, *, take_back: bool) -> Claim:
    """What the manifest says of the names that an item's output may have.

    Args:
        path: of the source.
        names: that older outputs may lie under, beside the newest one's.
        manifest: of the output.
        take_back: handwork is put aside.
    """
    entry = manifest.entry(path)
    offsets = [entry.offset] if entry is not None and entry.output else []
    offsets += [manifest.superseded[name] for name in names if name in manifest.superseded]
    vouchers = tuple(
        Voucher(record.output, record.reason is Reason.BY_HAND)
        for record in map(manifest.record_at, offsets)
        if record.output is not None
    )
    return Claim(vouchers, take_back)


def items_to_take_back(asked: Iterable[str], manifest: Manifest, folders: Iterable[Path]) -> frozenset[str]:
    """The source paths that `--take-back` names.

    Args:
        asked: paths of sources or of outputs, relative to their folders or as the shell has them.
        manifest: of the output.
        folders: the output and the inputs.

    Raises:
        UsageError: the manifest has no such item.
    """
    if not asked:
        return frozenset()
    by_output = {entry.output: path for path, entry in manifest.items.items() if entry.output}
    # Not `Path.resolve`: links stay as they are typed.
    roots = [Path(os.path.abspath(folder)) for folder in folders]  # noqa: PTH100
    found = set()
    for text in asked:
        absolute = Path(os.path.abspath(text))  # noqa: PTH100
        inside = [absolute.relative_to(root).as_posix() for root in roots if absolute.is_relative_to(root)]
        names = [name for name in (os.path.normpath(text), *inside) if name in by_output or name in manifest]
        if not names:
            raise UsageError(
                f"--take-back: no record names {text}; give the path of the source or of its output, "
                "relative to its folder"
            )
        found.add(by_output.get(names[0], names[0]))
    return frozenset(found)


def refuse_by_hand(root: Path, name: str, claim: Claim) -> None:
    """Refuse to make a derivative anew that somebody changed; cheap enough to ask before any work.

    Args:
        root: the output folder.
        name: of the derivative, relative to it.
        claim: the item's.

    Raises:
        ItemError: `BY_HAND`; `PERMISSION` where nobody can say, since it cannot be read.
    """
    if not claim.take_back and is_by_hand(root, name, claim):
        raise ItemError(Reason.BY_HAND, _DETAIL)


def make_way(root: Path, name: str, sha256: str, claim: Claim, *, is_signed: bool = False) -> str:
    """Clear the name of a derivative; call it right before the new one takes it.

    What no record names is somebody's, or work whose record was lost: it is put aside, but for the new one's
    own bytes, which a run left that was killed before its record. Signed twice a picture has other bytes, so
    those are noted.

    Args:
        root: the output folder.
        name: of the derivative, relative to it.
        sha256: of the new one.
        claim: the item's.
        is_signed: the new one is.

    Returns:
        What is to be told of it; empty where nothing is.

    Raises:
        ItemError: as `refuse_by_hand`.
        OutputError: what is there cannot be put aside, or the note not be written.
    """
    is_recorded = any(voucher.output.path == name for voucher in claim.vouchers)
    told = ""
    if is_by_hand(root, name, claim):
        if not claim.take_back:
            raise ItemError(Reason.BY_HAND, _DETAIL)
        _put_aside(root / name)
    elif not is_recorded and _is_unknown(root, name, sha256):
        aside = _put_aside(root / name)
        told = f"{_OF_NO_RECORD}{printable(aside.name)}"
    if is_recorded or is_signed:
        _note_pending(root, Digest(name, sha256))
    return told


def told_of_unknown(detail: str) -> str:
    """What a record's detail has of `make_way`: that a file of no record was put aside; empty without one."""
    return next((part for part in detail.split("; ") if part.startswith(_OF_NO_RECORD)), "")


def is_of_no_record(root: Path, name: str, claim: Claim) -> bool:
    """Whether a file has the name of a derivative and no record names it; its bytes are not looked at."""
    path = f"{root}/{name}"
    if not os.path.isfile(path) or os.path.islink(path):  # noqa: PTH113, PTH114 - once per item of a run
        return False
    return not any(voucher.output.path == name for voucher in claim.vouchers)


def _is_unknown(root: Path, name: str, sha256: str) -> bool:
    """Whether something else than the bytes of this digest, or of those that a run noted, has a name."""
    try:
        about = os.stat(root / name, follow_symlinks=False)  # noqa: PTH116
    except OSError:
        return False
    if not stat.S_ISREG(about.st_mode):  # a link is replaced, and what is no file says so itself
        return False
    present = _sha256_there(root / name)
    return present != sha256 and present not in _pending(root, name)


def by_hand_output(root: Path, name: str) -> Output:
    """The handwork as a record has it.

    Raises:
        OSError: it cannot be read.
    """
    about = os.stat(root / name)  # noqa: PTH116 - names may be bytes that are not UTF-8
    return Output(name, about.st_size, sha256_of(root / name), mtime_ns=about.st_mtime_ns)


def is_newer_than_record(root: Path, entry: IndexEntry) -> bool:
    """Whether an output got another time after its record: then its size alone tells nothing."""
    if not entry.output or not entry.output_mtime_ns:
        return False
    try:
        about = os.stat(f"{root}/{entry.output}")  # noqa: PTH116 - once per item of the archive
    except OSError:
        return False
    return about.st_mtime_ns != entry.output_mtime_ns


def has_recorded_bytes(root: Path, output: Output | None) -> bool:
    """Whether an output is the recorded one, read in full; what cannot be read is for others to tell of."""
    if output is None:
        return True
    try:
        return sha256_of(root / output.path) == output.sha256
    except OSError:
        return True


def is_changed_again(root: Path, output: Output | None) -> bool:
    """Whether handwork is no longer as it was digested: its record wants to be made anew."""
    assert output is not None  # a record of handwork names it
    about = os.stat(f"{root}/{output.path}")  # noqa: PTH116
    return (about.st_size, about.st_mtime_ns) != (output.bytes, output.mtime_ns)


def with_present_time(root: Path, output: Output | None) -> Output | None:
    """An output as recorded, with the time that its file has now."""
    if output is None or output.mtime_ns is None:
        return output
    try:
        return replace(output, mtime_ns=os.stat(f"{root}/{output.path}").st_mtime_ns)  # noqa: PTH116
    except OSError:
        return output


def is_put_aside(path: str) -> bool:
    """Whether the file of this name is handwork that was put aside."""
    return _ASIDE in path.rpartition("/")[2]


def clear_pending(root: Path) -> None:
    """Forget what was noted, once all of it is in the manifest.

    Raises:
        OutputError: it cannot be removed.
    """
    for path in Layout(root).pending.glob("*.txt"):
        remove_file(path)


def is_by_hand(root: Path, name: str, claim: Claim) -> bool:
    """Whether no run made what stands under `name`; reads it only where size and time tell too little.

    Args:
        root: the output folder.
        name: of a derivative, relative to it.
        claim: the item's.

    Raises:
        ItemError: `PERMISSION`; it cannot be read.
    """
    vouchers = [voucher for voucher in claim.vouchers if voucher.output.path == name]
    try:
        about = os.stat(root / name)  # noqa: PTH116
    except OSError:
        return False
    # A link is replaced and never written through: what it leads to stays.
    linked = os.path.islink(root / name)  # noqa: PTH114
    # What is no file is no derivative, and whoever writes there says so.
    if not vouchers or linked or not stat.S_ISREG(about.st_mode):
        return False
    if any(voucher.by_hand for voucher in vouchers):
        return True
    known = [voucher.output for voucher in vouchers]
    if any((output.bytes, output.mtime_ns) == (about.st_size, about.st_mtime_ns) for output in known):
        return False
    sha256 = _sha256_there(root / name) if any(output.bytes == about.st_size for output in known) else None
    if any(output.sha256 == sha256 for output in known):
        return False
    # Only now the notes: a run whose times were lost comes here with every item.
    pending = _pending(root, name)
    return not pending or (sha256 or _sha256_there(root / name)) not in pending


def _sha256_there(path: Path) -> str:
    try:
        return sha256_of(path)
    except OSError as error:
        detail = f"its earlier output cannot be read ({error.strerror}), so that nobody can say whose it is"
        raise ItemError(Reason.PERMISSION, detail) from error


def _put_aside(path: Path) -> Path:
    """Give handwork another name, the day in it, which nothing has yet; that name."""
    day = datetime.now(UTC).date().isoformat()
    free = (path.with_name(f"{path.name}{_ASIDE}{day}{tail}") for tail in _tails())
    with open_folder(path.parent, make=False) as folder, with_output_errors(path):
        folder.check()
        aside = path.rename(next(aside for aside in free if not os.path.lexists(aside)))
        folder.sync()
    return aside


def _tails() -> Iterator[str]:
    """What tells names of one day apart."""
    yield ""
    number = 2
    while True:
        yield f"-{number}"
        number += 1


def _note_pending(root: Path, digest: Digest) -> None:
    """Note on disk which bytes are about to take a name: each process has a list of its own."""
    path = Layout(root).pending / f"{socket.gethostname()}-{os.getpid()}.txt"
    handle = open_own_file(path, os.O_WRONLY | os.O_APPEND)
    with with_output_errors(path), os.fdopen(handle, "ab") as file:
        file.write(digest_line(digest))
        file.flush()
        os.fsync(file.fileno())


def _pending(root: Path, name: str) -> set[str]:
    """Digests that runs noted for a derivative and did not forget; a torn line is none."""
    end = escape_path(name)
    return {
        digest.sha256
        for path in filter(Path.is_file, Layout(root).pending.glob("*.txt"))
        for line in path.read_bytes().splitlines()
        if line.endswith(end) and (digest := parse_digest(line)) and digest.path == name
    }
