"""What credentials say of a derivative: its scan, what was done, by what (C2PA 2.1, actions)."""

from __future__ import annotations

from typing import TypeAlias

from archivecolor.metadata.provenance import DIGITAL_SOURCE_TYPE, TOOL_NAME, Provenance

HUMAN_EDITS = "http://cv.iptc.org/newscodes/digitalsourcetype/humanEdits"
LUMA = {
    "coefficients": "the scan's luma, coefficient for coefficient",
    "exact": "the scan's luma, code for code",
    "re-encoded": "the scan's luma, encoded anew",
}
SCAN = "scan"
# As JSON has it.
Json: TypeAlias = "dict[str, object]"


def statement_of(provenance: Provenance, luma: str) -> Json:
    """The manifest's definition.

    Args:
        provenance: of the derivative.
        luma: "coefficients", "exact" or "re-encoded".
    """
    tool: Json = {"name": TOOL_NAME.strip(), "version": provenance.version}
    facts = {
        "network": provenance.network,
        "weights": provenance.weights,
        "runtime": provenance.runtime,
        "settings": provenance.settings,
        "luma": luma,
    }
    invented: Json = {
        "action": "c2pa.edited",
        "digitalSourceType": DIGITAL_SOURCE_TYPE,
        "softwareAgent": tool,
        "description": f"colour invented by a trained network; {LUMA[luma]}",
        "parameters": {f"archivecolor.{name}": value for name, value in facts.items() if value},
    }
    opened: Json = {"action": "c2pa.opened", "parameters": {"ingredientIds": [SCAN]}}
    actions = [opened, invented, *_of_people(provenance), *_of_caption(provenance)]
    return {
        "claim_generator_info": [tool],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": actions}}],
    }


def _of_people(provenance: Provenance) -> list[Json]:
    correction = provenance.correction
    if correction is None:
        return []
    when: Json = {"when": correction.at} if correction.at else {}
    act: Json = {
        "action": "c2pa.edited",
        "digitalSourceType": HUMAN_EDITS,
        "description": correction.words,
        "parameters": {"archivecolor.decision": correction.digest},
    }
    return [act | when]


def _of_caption(provenance: Provenance) -> list[Json]:
    if not provenance.pictures:
        return []
    boxes = ",".join(map(str, provenance.pictures))
    return [
        {
            "action": "c2pa.edited",
            "description": "a caption on a strip below the picture",
            "parameters": {"archivecolor.pictures": boxes},
        }
    ]
