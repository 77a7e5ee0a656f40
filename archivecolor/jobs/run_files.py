"""What a run writes down besides its outputs: records, run.json, the list of digests."""

from __future__ import annotations

import json
import logging
import platform
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from archivecolor.archive.atomic import remove_stale_parts
from archivecolor.archive.bag import bag_payload, write_bag
from archivecolor.archive.fixity import Digest, read_digests, write_digests
from archivecolor.archive.layout import Layout
from archivecolor.archive.manifest import Manifest, ManifestWriter
from archivecolor.archive.premis import PremisFiles
from archivecolor.archive.record import Record, line_from_record, now_utc
from archivecolor.archive.run_json import RunSummary, write_run_summary
from archivecolor.archive.superseded import remove_superseded
from archivecolor.engine.progress import ItemEvent, Listener, Progress, ProgressCounter, RunResult
from archivecolor.errors import ArchivecolorError, LockedError, OutputError, UsageError
from archivecolor.settings import Settings
from archivecolor.version import program_version

logger = logging.getLogger(__name__)

MEGAPIXELS = "MP"
# The libraries that the bytes of an output may depend on.
LIBRARIES = (
    "archivecolor",
    "imagecodecs",
    "jpeglib",
    "numpy",
    "opencv-python-headless",
    "Pillow",
    "simplejpeg",
    "tifffile",
    "torch",
)


def library_versions() -> dict[str, str]:
    """Versions of Python and of what outputs depend on, without importing it."""
    versions = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "absent"
    return versions


class RecordSink:
    """Writes records as they come, counts them and tells of them.

    Args:
        writer: of the manifest.
        premis: the PREMIS files beside it.
        counter: the counts.
        listener: who is told.
    """

    def __init__(
        self, writer: ManifestWriter, premis: PremisFiles, counter: ProgressCounter, listener: Listener
    ) -> None:
        self._writer = writer
        self._premis = premis
        self._counter = counter
        self._listener = listener

    def append(self, record: Record, amount: float) -> None:
        """Append one record to the manifest, count it and tell of it.

        Args:
            record: for the manifest; its time and the program's version are set here.
            amount: how much work it was, in the tally's unit.

        Raises:
            OutputError: the manifest cannot be written.
        """
        record = replace(record, at=now_utc(), version=program_version())
        self._premis.remove(record)
        self._writer.append(record)
        self._premis.write(record)
        event = item_event(record, amount)
        logger.info("%s: %s, %s %s", record.path, event.status, event.reason, event.detail)
        self._listener.settled(event, self._counter.add(event))


def item_event(record: Record, amount: float) -> ItemEvent:
    """A record as listeners are told of it."""
    return ItemEvent(
        path=record.path,
        status=record.status.value,
        reason=str(getattr(record.reason, "value", record.reason)),
        detail=record.detail,
        amount=amount,
        record=json.loads(line_from_record(record)),
    )


def finalize_run(output: Path, premis: PremisFiles, should_stop: Callable[[], bool]) -> None:
    """Leave the output as its manifest now says, where that has grown.

    Derivatives that were replaced under another name go, until `should_stop` says to end; then the list of
    digests is written anew.

    Raises:
        OutputError: the output cannot be written.
    """
    if not digests_are_current(output):
        manifest = Manifest(Layout(output).manifest)
        remove_superseded(manifest, premis, should_stop)
        write_digests(Layout(output).digests, manifest.digests())


def write_output_digests(output: Path) -> None:
    """Write `manifest-sha256.txt` anew from the manifest.

    Raises:
        OutputError: it cannot be written.
    """
    write_digests(Layout(output).digests, Manifest(Layout(output).manifest).digests())


def write_output_bag(bag: Path) -> None:
    """Write the tag files of `bag` anew, with its lock held; outputs are taken to be as they were recorded.

    Raises:
        OutputError: they cannot be written.
    """
    tree = bag_payload(bag)
    # A killed run's workers write on for a moment, perhaps into the first sweep of its rerun.
    remove_stale_parts(bag)
    if not digests_are_current(tree):
        write_output_digests(tree)
    write_bag(bag, listed_digests(tree), f"archivecolor {version('archivecolor')}")


def listed_digests(output: Path) -> list[Digest]:
    """What `manifest-sha256.txt` lists; it is written anew where it cannot be read."""
    try:
        return list(read_digests(Layout(output).digests))
    except UsageError:
        write_output_digests(output)
        return list(read_digests(Layout(output).digests))


def digests_are_current(output: Path) -> bool:
    """Whether `manifest-sha256.txt` was written after the manifest's last line.

    It was not where a run was killed behind its last record, or where manifests were put together.
    """
    try:
        return Layout(output).digests.stat().st_mtime_ns >= Layout(output).manifest.stat().st_mtime_ns
    except FileNotFoundError:
        return False


def new_run_summary(command: tuple[str, ...], settings: Settings, weights: str) -> RunSummary:
    """The account of a run that begins."""
    return RunSummary(
        command=command,
        settings=settings.as_dict(),
        versions=library_versions(),
        weights=weights,
        counts={},
        started=now_utc(),
    )


class RunJson:
    """`run.json` of one run.

    Args:
        path: of the file.
        run: what is known at the beginning.
    """

    def __init__(self, path: Path, run: RunSummary) -> None:
        self._path = path
        self._run = run

    @classmethod
    def begin(cls, output: Path, run: RunSummary) -> RunJson:
        """Write that the run has begun.

        Raises:
            OutputError: it cannot be written.
        """
        write_run_summary(Layout(output).run_json, run)
        return cls(Layout(output).run_json, run)

    def end(self, result: RunResult) -> None:
        """Write how the run ended.

        Raises:
            OutputError: it cannot be written.
        """
        progress = result.progress
        run = replace(
            self._run,
            counts=counts_by_status(progress) | dict(result.untouched),
            ended=now_utc(),
            seconds=round(progress.seconds, 3),
            megapixels=round(progress.amount, 3) if progress.unit == MEGAPIXELS else 0.0,
            exit_code=int(result.exit_code),
        )
        write_run_summary(self._path, run)

    def end_with_error(self, error: ArchivecolorError) -> None:
        """Write which error ended the run, if the disk still takes it: the error itself matters more."""
        if isinstance(error, LockedError):
            return  # the output is another run's now
        with suppress(OutputError):
            write_run_summary(self._path, replace(self._run, ended=now_utc(), exit_code=int(error.exit_code)))


def counts_by_status(progress: Progress) -> dict[str, int]:
    """Items by what became of them."""
    return {
        "done": progress.done,
        "skipped": progress.skipped,
        "failed": progress.failed,
        "left": progress.left,
    }
