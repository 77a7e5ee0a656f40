"""What a run leaves beside its outputs: where it lies, the list of digests, the bag."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from archivecolor.archive.bag import bag_payload, write_bag
from archivecolor.archive.fixity import Digest, read_digests, write_digests
from archivecolor.archive.layout import Layout
from archivecolor.archive.manifest import Manifest
from archivecolor.archive.stale_parts import remove_stale_parts
from archivecolor.errors import UsageError
from archivecolor.version import program_version

# The libraries that the bytes of an output may depend on.
LIBRARIES = (
    "av",
    "imagecodecs",
    "jpeglib",
    "numpy",
    "opencv-python-headless",
    "onnxruntime",
    "Pillow",
    "simplejpeg",
    "tifffile",
    "torch",
)


def library_versions() -> dict[str, str]:
    """Versions of Python, of this program and of what outputs depend on, without importing it."""
    versions = {"python": platform.python_version(), "archivecolor": program_version()}
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
    write_bag(bag, _listed_digests(tree), f"archivecolor {program_version()}")


def _listed_digests(output: Path) -> list[Digest]:
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
