"""PREMIS 3 for one derivative: both files as objects, the colouring as event, the program as agent.

Element order and required elements follow the PREMIS 3.0 schema (premis-v3-0.xsd); event and
relationship words are those of the Library of Congress' preservation vocabularies.
"""

from __future__ import annotations

import logging
import mimetypes
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from archivecolor.archive.atomic import atomic_write, remove_file
from archivecolor.archive.correction import Correction, recorded_correction
from archivecolor.archive.decision_words import words_of_correction
from archivecolor.archive.layout import Layout
from archivecolor.archive.manifest import Manifest
from archivecolor.archive.parts import shorten_name
from archivecolor.archive.record import Output, Record, Source
from archivecolor.archive.sidecars import KIND as SIDECAR
from archivecolor.errors import ItemError, Reason
from archivecolor.printable import printable

logger = logging.getLogger(__name__)

Element = ElementTree.Element

PREMIS = "http://www.loc.gov/premis/v3"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
SUFFIX = ".premis.xml"
_LONGEST_NAME = 255
_VOCABULARY = "http://id.loc.gov/vocabulary/preservation/"
_HASH = "sha256"
PROGRAM = "archivecolor"


@dataclass(frozen=True)
class PremisFiles:
    """The PREMIS files of an output folder, one for every derivative.

    Attributes:
        output: the folder.
        wanted: they are to be written; without it a run only removes those that it makes untrue.
    """

    output: Path
    wanted: bool

    def path(self, derivative: str) -> Path:
        """Where the PREMIS of a derivative lies: under its path, shortened where that would be too long."""
        folder, slash, last = derivative.rpartition("/")
        file = shorten_name(last, _LONGEST_NAME - len(SUFFIX)) + SUFFIX
        return Path(f"{Layout(self.output).premis}/{folder}{slash}{file}")

    def remove(self, record: Record) -> None:
        """Remove what described the derivative before; call it before the record is appended.

        Raises:
            OutputError: it cannot be removed.
        """
        if record.output is not None:
            remove_file(self.path(record.output.path))

    def write(self, record: Record) -> None:
        """Describe the derivative of a record that was appended, if that is wanted and a run made it.

        Raises:
            OutputError: it cannot be written.
        """
        if not self.wanted or record.output is None or record.reason is Reason.BY_HAND:
            return
        if record.source.sha256 is None:
            logger.warning("%s: no PREMIS: its record has no digest of the source", record.path)
            return
        try:
            write_premis(self.path(record.output.path), record, self.output / record.output.path)
        except ItemError as error:
            logger.warning("%s: no PREMIS: %s", record.path, error.detail)

    def write_missing(self, manifest: Manifest, should_stop: Callable[[], bool]) -> None:
        """Describe the derivatives that earlier runs did not; ends early when `should_stop` says so.

        Raises:
            OutputError: they cannot be written.
        """
        if not self.wanted:
            return
        for item, entry in manifest.items.items():
            if should_stop():
                return
            if entry.output and not os.path.lexists(self.path(entry.output)):
                self.write(manifest.record(item))


def write_premis(path: Path, record: Record, derivative: Path) -> None:
    """Write the PREMIS of a done record.

    Args:
        path: of the XML file.
        record: with an output and the digests of both files.
        derivative: the file that it describes; who may not read that may not read this.

    Raises:
        ValueError: the record has no output, or its source no digest.
        OutputError: it cannot be written.
    """
    root = premis_of(record)
    with atomic_write(path, derivative) as part, part.open("wb") as file:
        ElementTree.indent(root)
        ElementTree.ElementTree(root).write(file, encoding="UTF-8", xml_declaration=True)


def premis_of(record: Record) -> Element:
    """The PREMIS set of a done record."""
    if record.output is None or record.source.sha256 is None:
        raise ValueError("PREMIS describes a derivative and its source by their digests")
    ElementTree.register_namespace("premis", PREMIS)
    ElementTree.register_namespace("xsi", _XSI)
    root = Element(_qualified_name("premis"), {"version": "3.0"})
    root.append(_derivative_object(record, record.output))
    root.append(_source_object(record, record.source))
    root.append(_event(record, record.output))
    correction = recorded_correction(record.correction)
    if correction:
        root.append(_correction_event(record, record.output, correction))
    root.append(_agent_element(record, _event_id(record, record.output)))
    if correction.by:
        root.append(_person_element(correction, _correction_id(record.output)))
    return root


def _correction_id(output: Output) -> str:
    """Names the event of a correction by what it made."""
    return f"{output.sha256}@correction"


def _correction_event(record: Record, output: Output, correction: Correction) -> Element:
    """What a person decided about the colour."""
    element = Element(_qualified_name("event"))
    _add_identifier(element, "event", "local", _correction_id(output))
    _add(element, "eventType", "modification", "eventType")
    _add(element, "eventDateTime", correction.at or record.at)
    detail = words_of_correction(correction)
    _add(_add(element, "eventDetailInformation"), "eventDetail", detail)
    if correction.by:
        performer = _add_identifier(element, "linkingAgent", "local", printable(correction.by))
        _add(performer, "linkingAgentRole", "implementer", "eventRelatedAgentRole")
    linked = _add_identifier(element, "linkingObject", _HASH, output.sha256)
    _add(linked, "linkingObjectRole", "outcome", "eventRelatedObjectRole")
    return element


def _person_element(correction: Correction, linked_event_id: str) -> Element:
    """Who corrected it."""
    element = Element(_qualified_name("agent"))
    _add_identifier(element, "agent", "local", printable(correction.by))
    _add(element, "agentName", printable(correction.by))
    _add(element, "agentType", "person", "agentType")
    _add_identifier(element, "linkingEvent", "local", linked_event_id)
    return element


def _agent_id(record: Record) -> str:
    """Names the version of the program that made the derivative."""
    return f"{PROGRAM} {record.version}".strip()


def _qualified_name(local: str) -> str:
    """A PREMIS element's name."""
    return f"{{{PREMIS}}}{local}"


def _add(parent: Element, local: str, text: str | None = None, vocabulary: str = "") -> Element:
    """Add one element, its word from a vocabulary where one is named."""
    attributes = {"authority": vocabulary, "authorityURI": _VOCABULARY + vocabulary} if vocabulary else {}
    element = ElementTree.SubElement(parent, _qualified_name(local), attributes)
    element.text = None if text is None else printable(text)
    return element


def _add_identifier(parent: Element, prefix: str, kind: str, value: str) -> Element:
    """Add the group `prefix`Identifier with its type and value."""
    group = _add(parent, f"{prefix}Identifier")
    _add(group, f"{prefix}IdentifierType", kind)
    _add(group, f"{prefix}IdentifierValue", value)
    return group


def _event_id(record: Record, output: Output) -> str:
    """Names the event by what it made and when."""
    return f"{output.sha256}@{record.at}"


def _file_object(path: str, sha256: str, nbytes: int) -> Element:
    """An object up to its characteristics."""
    element = Element(_qualified_name("object"), {f"{{{_XSI}}}type": "premis:file"})
    _add_identifier(element, "object", _HASH, sha256)
    characteristics = _add(element, "objectCharacteristics")
    fixity = _add(characteristics, "fixity")
    _add(fixity, "messageDigestAlgorithm", "SHA-256", "cryptographicHashFunctions")
    _add(fixity, "messageDigest", sha256)
    _add(characteristics, "size", str(nbytes))
    designation = _add(_add(characteristics, "format"), "formatDesignation")
    _add(designation, "formatName", mimetypes.guess_type(path)[0] or "application/octet-stream")
    return element


def _derivative_object(record: Record, output: Output) -> Element:
    """The coloured file."""
    element = _file_object(output.path, output.sha256, output.bytes)
    application = _add(element[1], "creatingApplication")
    _add(application, "creatingApplicationName", PROGRAM)
    if record.version:
        _add(application, "creatingApplicationVersion", record.version)
    _add(application, "dateCreatedByApplication", record.at)
    _add(element, "originalName", output.path)
    relationship = _add(element, "relationship")
    _add(relationship, "relationshipType", "derivation", "relationshipType")
    _add(relationship, "relationshipSubType", "has source", "relationshipSubType")
    related = _add(relationship, "relatedObjectIdentifier")
    _add(related, "relatedObjectIdentifierType", _HASH)
    _add(related, "relatedObjectIdentifierValue", record.source.sha256)
    related_event = _add(relationship, "relatedEventIdentifier")
    _add(related_event, "relatedEventIdentifierType", "local")
    _add(related_event, "relatedEventIdentifierValue", _event_id(record, output))
    _add_identifier(element, "linkingEvent", "local", _event_id(record, output))
    return element


def _source_object(record: Record, source: Source) -> Element:
    """The scan."""
    element = _file_object(record.path, source.sha256 or "", source.bytes)
    _add(element, "originalName", record.path)
    return element


def _event(record: Record, output: Output) -> Element:
    """The colouring, or the copying of what is left as it is."""
    element = Element(_qualified_name("event"))
    _add_identifier(element, "event", "local", _event_id(record, output))
    copied = record.reason in (Reason.COPIED, Reason.LINKED)
    _add(element, "eventType", "replication" if copied else "modification", "eventType")
    _add(element, "eventDateTime", record.at)
    detail = "Copied byte for byte" if copied else _colouring_detail(record)
    _add(_add(element, "eventDetailInformation"), "eventDetail", detail)
    outcome = _add(element, "eventOutcomeInformation")
    _add(outcome, "eventOutcome", "success", "eventOutcome")
    _add(_add(outcome, "eventOutcomeDetail"), "eventOutcomeDetailNote", _outcome_note(record))
    performer = _add_identifier(element, "linkingAgent", "local", _agent_id(record))
    _add(performer, "linkingAgentRole", "executing program", "eventRelatedAgentRole")
    for sha256, role in ((record.source.sha256 or "", "source"), (output.sha256, "outcome")):
        linked = _add_identifier(element, "linkingObject", _HASH, sha256)
        _add(linked, "linkingObjectRole", role, "eventRelatedObjectRole")
    return element


def _colouring_detail(record: Record) -> str:
    """What was done to the grey, or to a sidecar, by what."""
    if record.kind == SIDECAR:
        return "XMP file carried over, provenance of the coloured picture added"
    network = f" by the network {record.network}" if record.network else ""
    return f"Colour predicted{network}, luma kept; weights {record.weights}, settings {record.settings}"


def _outcome_note(record: Record) -> str:
    """How well it went."""
    facts = [record.reason.value if isinstance(record.reason, Reason) else record.reason]
    if record.luma:
        facts.append(f"luma {record.luma}")
    if record.confidence is not None:
        facts.append(f"confidence {record.confidence:.3f}")
    if record.doubt is not None:
        facts.append(f"doubt {record.doubt:.3f}")
    if record.lost:
        facts.append(f"metadata not carried: {', '.join(record.lost)}")
    return "; ".join(facts)


def _agent_element(record: Record, linked_event_id: str) -> Element:
    """The program."""
    element = Element(_qualified_name("agent"))
    _add_identifier(element, "agent", "local", _agent_id(record))
    _add(element, "agentName", PROGRAM)
    _add(element, "agentType", "software", "agentType")
    if record.version:
        _add(element, "agentVersion", record.version)
    _add_identifier(element, "linkingEvent", "local", linked_event_id)
    return element
