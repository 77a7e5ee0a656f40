"""PREMIS 3 for one derivative: both files as objects, the colouring as event, the program as agent.

Element order and required elements follow the PREMIS 3.0 schema (premis-v3-0.xsd); event and
relationship words are those of the Library of Congress' preservation vocabularies.
"""

from __future__ import annotations

import mimetypes
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from archivecolor.archive.durable import replacing
from archivecolor.archive.record import Output, Record, Source, printable_text

Element = ElementTree.Element

PREMIS = "http://www.loc.gov/premis/v3"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
SUFFIX = ".premis.xml"
VOCABULARY = "http://id.loc.gov/vocabulary/preservation/"
HASH = "sha256"
PROGRAM = "archivecolor"


@dataclass(frozen=True)
class Agent:
    """The program that coloured.

    Attributes:
        version: of archivecolor.
        network: name of the network.
    """

    version: str
    network: str = ""

    @property
    def identifier(self) -> str:
        """Names this version of the program."""
        return f"{PROGRAM} {self.version}"


def write_premis(path: Path, record: Record, agent: Agent) -> None:
    """Write the PREMIS of a done record.

    Args:
        path: of the XML file.
        record: with an output and the digests of both files.
        agent: who coloured.

    Raises:
        ValueError: the record has no output, or its source no digest.
        OutputError: it cannot be written.
    """
    root = premis_of(record, agent)
    with replacing(path) as part, part.open("wb") as file:
        ElementTree.indent(root)
        ElementTree.ElementTree(root).write(file, encoding="UTF-8", xml_declaration=True)


def premis_of(record: Record, agent: Agent) -> Element:
    """The PREMIS set of a done record."""
    if record.output is None or record.source.sha256 is None:
        raise ValueError("PREMIS describes a derivative and its source by their digests")
    ElementTree.register_namespace("premis", PREMIS)
    ElementTree.register_namespace("xsi", XSI)
    root = Element(name("premis"), {"version": "3.0"})
    root.append(derivative_object(record, record.output, agent))
    root.append(source_object(record, record.source))
    root.append(event(record, record.output, agent))
    root.append(agent_element(agent, event_id(record, record.output)))
    return root


def name(local: str) -> str:
    """A PREMIS element's name."""
    return f"{{{PREMIS}}}{local}"


def add(parent: Element, local: str, text: str | None = None, vocabulary: str = "") -> Element:
    """Add one element, its word from a vocabulary where one is named."""
    about = {"authority": vocabulary, "authorityURI": VOCABULARY + vocabulary} if vocabulary else {}
    element = ElementTree.SubElement(parent, name(local), about)
    element.text = text
    return element


def add_identifier(parent: Element, prefix: str, kind: str, value: str) -> Element:
    """Add the group `prefix`Identifier with its type and value."""
    group = add(parent, f"{prefix}Identifier")
    add(group, f"{prefix}IdentifierType", kind)
    add(group, f"{prefix}IdentifierValue", value)
    return group


def event_id(record: Record, output: Output) -> str:
    """Names the event by what it made and when."""
    return f"{output.sha256}@{record.at}"


def file_object(path: str, sha256: str, nbytes: int) -> Element:
    """An object up to its characteristics."""
    element = Element(name("object"), {f"{{{XSI}}}type": "premis:file"})
    add_identifier(element, "object", HASH, sha256)
    characteristics = add(element, "objectCharacteristics")
    fixity = add(characteristics, "fixity")
    add(fixity, "messageDigestAlgorithm", "SHA-256", "cryptographicHashFunctions")
    add(fixity, "messageDigest", sha256)
    add(characteristics, "size", str(nbytes))
    designation = add(add(characteristics, "format"), "formatDesignation")
    add(designation, "formatName", mimetypes.guess_type(path)[0] or "application/octet-stream")
    return element


def derivative_object(record: Record, output: Output, agent: Agent) -> Element:
    """The coloured file."""
    element = file_object(output.path, output.sha256, output.bytes)
    application = add(element[1], "creatingApplication")
    add(application, "creatingApplicationName", PROGRAM)
    add(application, "creatingApplicationVersion", agent.version)
    add(application, "dateCreatedByApplication", record.at)
    add(element, "originalName", printable_text(output.path))
    relationship = add(element, "relationship")
    add(relationship, "relationshipType", "derivation", "relationshipType")
    add(relationship, "relationshipSubType", "has source", "relationshipSubType")
    related = add(relationship, "relatedObjectIdentifier")
    add(related, "relatedObjectIdentifierType", HASH)
    add(related, "relatedObjectIdentifierValue", record.source.sha256)
    happened = add(relationship, "relatedEventIdentifier")
    add(happened, "relatedEventIdentifierType", "local")
    add(happened, "relatedEventIdentifierValue", event_id(record, output))
    add_identifier(element, "linkingEvent", "local", event_id(record, output))
    return element


def source_object(record: Record, source: Source) -> Element:
    """The scan."""
    element = file_object(record.path, source.sha256 or "", source.bytes)
    add(element, "originalName", printable_text(record.path))
    return element


def event(record: Record, output: Output, agent: Agent) -> Element:
    """The colouring."""
    element = Element(name("event"))
    add_identifier(element, "event", "local", event_id(record, output))
    add(element, "eventType", "modification", "eventType")
    add(element, "eventDateTime", record.at)
    network = f" by the network {agent.network}" if agent.network else ""
    detail = f"Colour predicted{network}, luma kept; weights {record.weights}, settings {record.settings}"
    add(add(element, "eventDetailInformation"), "eventDetail", detail)
    outcome = add(element, "eventOutcomeInformation")
    add(outcome, "eventOutcome", "success", "eventOutcome")
    add(add(outcome, "eventOutcomeDetail"), "eventOutcomeDetailNote", outcome_note(record))
    performer = add_identifier(element, "linkingAgent", "local", agent.identifier)
    add(performer, "linkingAgentRole", "executing program", "eventRelatedAgentRole")
    for sha256, role in ((record.source.sha256 or "", "source"), (output.sha256, "outcome")):
        linked = add_identifier(element, "linkingObject", HASH, sha256)
        add(linked, "linkingObjectRole", role, "eventRelatedObjectRole")
    return element


def outcome_note(record: Record) -> str:
    """How well it went."""
    facts = [f"{record.reason.value if hasattr(record.reason, 'value') else record.reason}"]
    if record.luma:
        facts.append(f"luma {record.luma}")
    if record.confidence is not None:
        facts.append(f"confidence {record.confidence:.3f}")
    if record.lost:
        facts.append(f"metadata not carried: {', '.join(record.lost)}")
    return "; ".join(facts)


def agent_element(agent: Agent, happened: str) -> Element:
    """The program."""
    element = Element(name("agent"))
    add_identifier(element, "agent", "local", agent.identifier)
    add(element, "agentName", PROGRAM)
    add(element, "agentType", "software", "agentType")
    add(element, "agentVersion", agent.version)
    add_identifier(element, "linkingEvent", "local", happened)
    return element
