"""XMP files beside sources, carried beside their derivatives with our provenance in them.

They are the last of a run: where a sidecar goes, and what it has to say, is known when the record of its
picture is. Each has a record of its own (kind `sidecar`), so that digests, bags, `verify` and handwork know
of it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from archivecolor.archive.atomic import atomic_write
from archivecolor.archive.by_hand import by_hand_output, claim_of, make_way
from archivecolor.archive.correction import recorded_correction
from archivecolor.archive.layout import Layout
from archivecolor.archive.manifest import IndexEntry, Manifest
from archivecolor.archive.names import casefolded_name
from archivecolor.archive.record import Output, Record, Source, Status
from archivecolor.archive.sidecars import KIND, Sidecar, sidecar_name
from archivecolor.engine.stopping import Stop
from archivecolor.errors import ItemError, Reason
from archivecolor.jobs.carrying_out import correction_step
from archivecolor.metadata.provenance import Provenance
from archivecolor.metadata.xmp import sidecar_xmp
from archivecolor.photo.containers.reading import SourceFile, naming_read_errors
from archivecolor.version import program_version

# Far beyond any description, and still harmless.
MAX_BYTES = 64 << 20


def carried_sidecars(sidecars: Iterable[Sidecar], root: Path, stop: Stop) -> Iterator[Record]:
    """Carry the sidecars that are not up to date; gives the record of each.

    Args:
        sidecars: of all files of the run, whether those were worked on or not.
        root: the folder of the derivatives, with the records of all that the run did.
        stop: ends it early; the next run goes on.

    Raises:
        OutputError: the output cannot be written.
    """
    sidecars = list(sidecars)
    if not sidecars:
        return
    manifest = Manifest(Layout(root).manifest)
    taken: set[str] = set()
    for sidecar in sidecars:
        if stop.requested:
            return
        record = _carried(sidecar, manifest, root, taken)
        if record is not None:
            yield record


def _carried(sidecar: Sidecar, manifest: Manifest, root: Path, taken: set[str]) -> Record | None:
    """What becomes of one; None where nothing does: it is up to date, or its picture's turn has not come."""
    if sidecar.about not in manifest:
        return None
    about, entry = manifest.record(sidecar.about), manifest.entry(sidecar.path)
    name = "" if about.output is None else sidecar_name(sidecar, about.output.path)
    failed = Record(
        sidecar.path, Status.FAILED, Reason.VANISHED, Source(0, 0), kind=KIND, settings=_key(about)
    )
    try:
        with naming_read_errors():
            state = sidecar.source.stat()
        failed = replace(failed, source=Source(state.st_size, state.st_mtime_ns))
        if not sidecar.take_back and _is_current(entry, failed, name, root):
            return None
        if not name:
            detail = f"there is no output of {about.path} that it could stand beside"
            return replace(failed, status=Status.SKIPPED, reason=Reason.NO_DERIVATIVE, detail=detail)
        if casefolded_name(name) in taken:
            raise ItemError(Reason.NAME_COLLISION, f"another sidecar has the name {name} already; rename one")
        taken.add(casefolded_name(name))
        return _write(sidecar, about, failed, name, manifest, root)
    except ItemError as error:
        return replace(failed, reason=error.reason, detail=error.detail)


def _key(about: Record) -> str:
    """Digest of what a sidecar says of its picture, 16 hexadecimal digits."""
    copied = about.reason is Reason.COPIED
    facts: tuple[object, ...] = (about.source.sha256, about.settings, about.weights, about.network, copied)
    if about.correction:
        facts += (about.decision,)
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def _is_current(entry: IndexEntry | None, wanted: Record, name: str, root: Path) -> bool:
    """Whether a sidecar was carried, or left, for the same reasons as now."""
    if entry is None or entry.output != name:
        return False
    try:
        nbytes = os.stat(root / name).st_size if name else 0  # noqa: PTH116
    except OSError:
        return False
    if entry.reason == Reason.BY_HAND:
        return nbytes == entry.output_nbytes
    source = (entry.nbytes, entry.mtime_ns, entry.settings)
    same = source == (wanted.source.bytes, wanted.source.mtime_ns, wanted.settings)
    return same and nbytes == entry.output_nbytes


def _write(
    sidecar: Sidecar, about: Record, failed: Record, name: str, manifest: Manifest, root: Path
) -> Record:
    """Write one beside its derivative.

    Raises:
        ItemError: it cannot be read.
        OutputError: it cannot be written.
    """
    claim = claim_of(sidecar.path, (name,), manifest, take_back=sidecar.take_back)
    original = _read(sidecar)
    source = replace(failed.source, bytes=len(original), sha256=hashlib.sha256(original).hexdigest())
    data = original
    if about.output is not None and about.reason is not Reason.COPIED:
        extension = Path(about.output.path).suffix[1:]
        data = sidecar_xmp(original, _provenance(about), extension) or original
    done = replace(failed, status=Status.DONE, reason=Reason.CARRIED, source=source)
    if data is original:
        done = replace(done, reason=Reason.COPIED, detail=_copied_detail(about))
    try:
        with atomic_write(root / name, sidecar.source) as part:
            part.write_bytes(data)
            mtime_ns = part.stat().st_mtime_ns
            make_way(root, name, hashlib.sha256(data).hexdigest(), claim)
    except ItemError as error:
        if error.reason is not Reason.BY_HAND:
            raise
        try:
            kept = by_hand_output(root, name)
        except OSError as unread:
            detail = f"{error.detail}; it cannot be digested: {unread.strerror}"
            return replace(failed, source=source, reason=Reason.PERMISSION, detail=detail)
        return replace(done, status=Status.SKIPPED, reason=error.reason, detail=error.detail, output=kept)
    output = Output(name, len(data), hashlib.sha256(data).hexdigest(), mtime_ns=mtime_ns)
    return replace(done, output=output)


def _read(sidecar: Sidecar) -> bytes:
    """The file's bytes.

    Raises:
        ItemError: it cannot be read, is too large for what it should be, or a link out of its folder.
    """
    # Not `Path.resolve`, which raises where links go in a circle.
    if not Path(os.path.realpath(sidecar.source)).is_relative_to(os.path.realpath(sidecar.root)):
        raise ItemError(Reason.UNREADABLE, "it is a link that leads out of the input folder")
    with SourceFile(sidecar.source) as file:
        if file.nbytes > MAX_BYTES:
            raise ItemError(Reason.TOO_LARGE, f"a sidecar of {file.nbytes / 1e6:.0f} MB is none")
        return file.whole()


def _provenance(about: Record) -> Provenance:
    """Where the derivative beside a sidecar comes from."""
    return Provenance(
        version=about.version or program_version(),
        source_sha256=about.source.sha256 or "",
        settings=about.settings,
        weights=about.weights,
        network=about.network,
        correction=correction_step(about.decision, recorded_correction(about.correction)),
    )


def _copied_detail(about: Record) -> str:
    if about.reason is Reason.COPIED:
        return ""
    return (
        "it is no XMP that can be read, and was copied as it is: it does not say that the colour is invented"
    )
