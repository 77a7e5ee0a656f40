"""What `verify` can find, and which of it is a fault."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class FindingKind(str, Enum):
    """What can be wrong, and what is worth knowing though it is not."""

    MISSING = "missing"
    CHANGED = "changed"
    UNREADABLE = "unreadable"
    EXTRA = "extra"
    SOURCE_MISSING = "source-missing"
    SOURCE_CHANGED = "source-changed"
    SOURCE_UNREADABLE = "source-unreadable"
    DAMAGED_LINE = "damaged-line"
    DECISION_MISSING = "decision-missing"
    LIST_DIFFERS = "list-differs"
    BY_HAND = "by-hand"
    SUPERSEDED = "superseded"
    OLDER = "older"
    BEING_MADE = "being-made"
    CREDENTIALS_MISSING = "credentials-missing"
    CREDENTIALS_CHANGED = "credentials-changed"
    CREDENTIALS_UNTRUSTED = "credentials-untrusted"
    CREDENTIALS_EXPIRED = "credentials-expired"
    CREDENTIALS_UNCHECKED = "credentials-unchecked"

    @property
    def is_fault(self) -> bool:
        """Whether something is wrong."""
        return self not in NOTES


NOTES = {
    FindingKind.BY_HAND: "changed by hand",
    FindingKind.SUPERSEDED: "of an earlier format; `archivecolor prune` removes them",
    FindingKind.OLDER: "of an earlier run, whose pictures a later one left alone or failed at",
    FindingKind.BEING_MADE: "of a run that goes on",
    FindingKind.CREDENTIALS_EXPIRED: "signed with a certificate that has expired since, and unchanged",
    FindingKind.CREDENTIALS_UNCHECKED: "credentials were not checked: the c2pa library is not installed",
}


@dataclass(frozen=True)
class Finding:
    """One thing that is not as the manifest says, or that people should know of.

    Attributes:
        kind: what it is.
        path: of the file, relative to its folder.
        detail: one sentence, may be empty.
    """

    kind: FindingKind
    path: str
    detail: str = ""
