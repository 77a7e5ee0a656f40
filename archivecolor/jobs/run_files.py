"""What a run writes down besides its outputs: records, run.json, the list of digests."""

from __future__ import annotations

import json
import logging
import platform
from contextlib import suppress
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from archivecolor.archive.atomic import remove_stale_parts
from archivecolor.archive.bag import bag_payload, write_bag
from archivecolor.archive.fixity import DIGESTS_NAME, Digest, read_digests, write_digests
from archivecolor.archive.manifest import MANIFEST_NAME, Manifest, ManifestWriter
from archivecolor.archive.premis import PremisFiles
from archivecolor.archive.record import Record, line_from_record, now_utc
from archivecolor.archive.run_json import RUN_JSON_NAME, RunSummary, write_run_summary
from archivecolor.archive.walk import STATE_FOLDER
from archivecolor.engine.progress import ItemEvent, Listener, Progress, ProgressCounter, RunResult
from archivecolor.errors import ArchivecolorError, OutputError, UsageError
from archivecolor.settings import Settings

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


def manifest_path(output: Path) -> Path:
    """Where the manifest of the folder `output` lies."""
    return output / STATE_FOLDER / MANIFEST_NAME


def run_json_path(output: Path) -> Path:
    """Where the account of the last run lies."""
    return output / STATE_FOLDER / RUN_JSON_NAME


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
        record = replace(record, at=now_utc(), version=version("archivecolor"))
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


def finalize_run(output: Path) -> None:
    """Write the list of digests anew, where the manifest has grown.

    Raises:
        OutputError: the output cannot be written.
    """
    if not digests_are_current(output):
        write_output_digests(output)


def write_output_digests(output: Path) -> None:
    """Write `manifest-sha256.txt` anew from the manifest.

    Raises:
        OutputError: it cannot be written.
    """
    write_digests(digests_path(output), Manifest(manifest_path(output)).digests())


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
        return list(read_digests(digests_path(output)))
    except UsageError:
        write_output_digests(output)
        return list(read_digests(digests_path(output)))


def digests_are_current(output: Path) -> bool:
    """Whether `manifest-sha256.txt` was written after the manifest's last line.

    It was not where a run was killed behind its last record, or where manifests were put together.
    """
    try:
        return digests_path(output).stat().st_mtime_ns >= manifest_path(output).stat().st_mtime_ns
    except FileNotFoundError:
        return False


def digests_path(output: Path) -> Path:
    """Where the list of the outputs' digests lies."""
    return output / STATE_FOLDER / DIGESTS_NAME


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
        write_run_summary(run_json_path(output), run)
        return cls(run_json_path(output), run)

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
