"""What runs do about decisions, of photographs and of films alike."""

from __future__ import annotations

from pathlib import Path

from archivecolor.archive.atomic import remove_file
from archivecolor.archive.by_hand import Claim, is_by_hand
from archivecolor.archive.correction import Correction
from archivecolor.archive.decision_words import words_of_correction, words_of_prompt
from archivecolor.archive.layout import credentials_beside
from archivecolor.archive.premis import PremisFiles
from archivecolor.errors import ItemError, Reason
from archivecolor.metadata.provenance import CorrectionStep
from archivecolor.printable import printable

_KEPT_BY_HAND = (
    "it is rejected, but somebody changed its output, which stays; take that file away, or --reset it"
)


def remove_outputs(root: Path, claim: Claim) -> None:
    """Remove what earlier runs made of an item that was rejected since.

    Args:
        root: the folder of the derivatives.
        claim: what records say of its outputs.

    Raises:
        ItemError: `BY_HAND`; somebody worked on it, and it stays.
        OutputError: it cannot be removed.
    """
    names = [voucher.output.path for voucher in claim.vouchers]
    if any(is_by_hand(root, name, claim) for name in names):
        raise ItemError(Reason.BY_HAND, _KEPT_BY_HAND)
    for name in names:
        remove_file(root / name)
        remove_file(credentials_beside(root / name))
        remove_file(PremisFiles(root, wanted=False).path(name))


def correction_step(digest: str | None, correction: Correction) -> CorrectionStep | None:
    """What metadata tell of the decision with this digest, of which `correction` shapes the output."""
    if digest is None or not correction:
        return None
    return CorrectionStep(
        digest=digest,
        words=words_of_correction(correction),
        at=correction.at,
        prompt=words_of_prompt(correction),
        writer=printable(correction.by),
    )
