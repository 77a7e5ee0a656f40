"""What a record says of the doubt about a photograph's pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from archivecolor.colour.chroma import Chroma
from archivecolor.colour.doubt import Finding


@dataclass(frozen=True)
class Doubts:
    """Of all pages of one photograph, as records have them.

    Attributes:
        doubt: of its most doubtful page, 0..1; None where nobody knows.
        doubt_reasons: what stands out, page by page.
    """

    doubt: float | None = None
    doubt_reasons: tuple[Mapping[str, str | float | int], ...] = ()

    @classmethod
    def of(cls, chromas: Sequence[Chroma]) -> Doubts:
        """Of one answer per page."""
        known = [(page, chroma.doubt) for page, chroma in enumerate(chromas, start=1) if chroma.doubt]
        if not known:
            return cls()
        return cls(
            max(doubt.figure for _page, doubt in known),
            tuple(
                _values(finding, page if len(chromas) > 1 else None)
                for page, doubt in known
                for finding in doubt.findings
            ),
        )


NO_DOUBTS = Doubts()


def _values(finding: Finding, page: int | None) -> Mapping[str, str | float | int]:
    """A finding with its region as IIIF's image requests have it; the page where there are several."""
    region = ",".join(f"{number:g}" for number in finding.region)
    values = {"reason": finding.reason.value, "share": finding.share, "region": f"pct:{region}"}
    return values if page is None else values | {"page": page}
