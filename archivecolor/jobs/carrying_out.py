"""What runs do about decisions, of photographs and of films alike."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from archivecolor.archive.atomic import remove_file
from archivecolor.archive.by_hand import Claim, is_by_hand
from archivecolor.archive.correction import Correction
from archivecolor.archive.decision_words import words_of_correction, words_of_prompt
from archivecolor.archive.layout import credentials_beside
from archivecolor.archive.plan import claimed
from archivecolor.archive.premis import PremisFiles
from archivecolor.errors import ItemError, Reason
from archivecolor.metadata.provenance import CorrectionStep
from archivecolor.printable import printable, some_names

if TYPE_CHECKING:
    from archivecolor.jobs.items import RunPlan
    from archivecolor.jobs.run import ItemResult

logger = logging.getLogger(__name__)

HINTS_LEFT_OUT = "the picture changed after its hints were given, which are not applied"
SHOTS_LEFT_OUT = "the film changed after what was decided about its shots, which is not applied"
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


def warn_of_no_handwork(root: Path, plan: RunPlan) -> None:
    """Say of what `--take-back` names, and of whose output nobody changed anything, that this is so.

    Args:
        root: the folder of the derivatives.
        plan: of the run.
    """
    for item in plan.plan.items:
        if item.take_back and not _may_be_by_hand(root, claimed(item, plan.manifest).claim):
            logger.warning(
                "--take-back: nobody changed the output of %s; it is made anew", printable(item.path)
            )


def _may_be_by_hand(root: Path, claim: Claim) -> bool:
    try:
        return any(is_by_hand(root, voucher.output.path, claim) for voucher in claim.vouchers)
    except ItemError:  # it cannot be read, which is told when its turn has come
        return True


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


def telling_of_left_out(results: Iterator[ItemResult], output: Path) -> Iterator[ItemResult]:
    """The results of a run; behind the last one a warning names the items whose hints were not applied.

    Args:
        results: of the run.
        output: its folder, as it was typed.
    """
    left_out: list[str] = []
    for result in results:
        if any(detail in result.record.detail for detail in (HINTS_LEFT_OUT, SHOTS_LEFT_OUT)):
            left_out.append(result.record.path)
        yield result
    if left_out:
        logger.warning(
            "hints were not applied, as the scan changed after they were given: %s; look at it, and give them"
            " anew by `archivecolor correct %s PATH --hint ...`",
            some_names(left_out),
            printable(output),
        )
