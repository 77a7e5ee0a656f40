"""Where everything lies in an output folder: the one place that knows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

STATE_FOLDER = "_archivecolor"
_MANIFEST_NAME = "manifest.jsonl"
# Beside the manifest, and in the folder of a bag: the name is BagIt's.
DIGESTS_NAME = "manifest-sha256.txt"
_RUN_JSON_NAME = "run.json"
LOCK_NAME = "lock"
_PREMIS_FOLDER = "premis"
_WORK_FOLDER = "work"
_PENDING_FOLDER = "pending"
_FILMS_IN_HAND_NAME = "films-in-hand.json"
_DECISIONS_NAME = "decisions.jsonl"
_PASSED_OVER_NAME = "passed-over.jsonl"
# What the review keeps: see `review_folder`.
_REVIEW_FOLDER = "archivecolor-review"
INDEX_NAME = "index.sqlite"
UNDELIVERED_PREFIX = "undelivered-"
# A bag has its tree in this folder, and its tag files beside it.
PAYLOAD = "data"
BAG_DECLARATION = "bagit.txt"
BAG_INFO = "bag-info.txt"
TAG_DIGESTS = "tagmanifest-sha256.txt"
CREDENTIALS_SUFFIX = ".c2pa"


def credentials_beside(path: Path) -> Path:
    """Where the credentials of a derivative lie that does not hold them itself."""
    return path.with_name(path.name + CREDENTIALS_SUFFIX)


@dataclass(frozen=True)
class Layout:
    """The places in one output folder.

    Attributes:
        root: the folder that the tree of derivatives begins in: OUT, or `data/` of a bag.
    """

    root: Path

    @property
    def state(self) -> Path:
        """The folder of all that is not a derivative."""
        return self.root / STATE_FOLDER

    @property
    def manifest(self) -> Path:
        """One line for each item and attempt."""
        return self.state / _MANIFEST_NAME

    @property
    def digests(self) -> Path:
        """The list of the derivatives' SHA-256."""
        return self.state / DIGESTS_NAME

    @property
    def run_json(self) -> Path:
        """The account of the last run."""
        return self.state / _RUN_JSON_NAME

    @property
    def lock(self) -> Path:
        """Who works here now."""
        return self.state / LOCK_NAME

    @property
    def premis(self) -> Path:
        """The folder of the PREMIS files, a tree like that of the derivatives."""
        return self.state / _PREMIS_FOLDER

    @property
    def work(self) -> Path:
        """The folder of films that are not finished."""
        return self.state / _WORK_FOLDER

    @property
    def films_in_hand(self) -> Path:
        """Which film a run is at; left behind by one that is killed."""
        return self.state / _FILMS_IN_HAND_NAME

    @property
    def pending(self) -> Path:
        """The folder of what runs were about to put in the place of older derivatives."""
        return self.state / _PENDING_FOLDER

    @property
    def decisions(self) -> Path:
        """What people decided."""
        return self.state / _DECISIONS_NAME

    @property
    def passed_over(self) -> Path:
        """Files that are no pictures or could not be reached, and why."""
        return self.state / _PASSED_OVER_NAME


def review_folder(output: Path, root: Path) -> Path:
    """The folder of what the review of an output keeps; beside the payload of a bag, never in it.

    Args:
        output: the folder as it was asked for.
        root: the folder that the tree of derivatives begins in.
    """
    return Layout(root).state if root == output else output / _REVIEW_FOLDER
