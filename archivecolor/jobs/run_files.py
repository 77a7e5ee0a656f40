"""What a run leaves beside its outputs: where it lies, the list of digests, the bag."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from archivecolor.archive.atomic import remove_stale_parts
from archivecolor.archive.bag import bag_payload, write_bag
from archivecolor.archive.fixity import DIGESTS_NAME, Digest, read_digests, write_digests
from archivecolor.archive.manifest import MANIFEST_NAME, Manifest
from archivecolor.archive.run_json import RUN_JSON_NAME
from archivecolor.archive.walk import STATE_FOLDER
from archivecolor.errors import UsageError

# The libraries that the bytes of an output may depend on.
LIBRARIES = (
    "archivecolor",
    "av",
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


def write_output_digests(output: Path) -> None:
    """Write `manifest-sha256.txt` anew from the manifest.

    Raises:
        OutputError: it cannot be written.
    """
    write_digests(digests_path(output), Manifest(manifest_path(output)).digests())


def write_output_bag(bag: Path, program_version: str) -> None:
    """Write the tag files of `bag` anew, with its lock held; outputs are taken to be as they were recorded.

    Raises:
        OutputError: they cannot be written.
    """
    tree = bag_payload(bag)
    # A killed run's workers write on for a moment, perhaps into the first sweep of its rerun.
    remove_stale_parts(bag)
    if not digests_are_current(tree):
        write_output_digests(tree)
    write_bag(bag, listed_digests(tree), f"archivecolor {program_version}")


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
