"""PREMIS has its elements in the schema's order, and those that the schema asks for."""

import os
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from archivecolor.archive.manifest import Manifest, ManifestWriter, Output, Record, Source, Status
from archivecolor.archive.premis import PREMIS, PremisFiles, premis_of, write_premis
from archivecolor.errors import Reason

RECORD = Record(
    os.fsdecode(b"box/caf\xe9.tif"),
    Status.DONE,
    Reason.COLOURED,
    Source(10, 20, "a" * 64, 6, 4, 16, 1, "grey"),
    output=Output(os.fsdecode(b"box/caf\xe9.tif"), 30, "b" * 64, 6, 4, 16),
    settings="s",
    weights="w",
    confidence=0.5,
    luma="exact",
    lost=("MakerNotes:X",),
    network="default",
    version="1.0",
    at="2027-01-02T03:04:05.000Z",
)

# premis-v3-0.xsd: the children of each complex type in order, the required ones with a star.
SCHEMA = {
    "premis": "object* event agent rights",
    "object": "objectIdentifier* preservationLevel significantProperties objectCharacteristics* originalName "
    "storage signatureInformation environmentFunction environmentDesignation environmentRegistry "
    "environmentExtension relationship linkingEventIdentifier linkingRightsStatementIdentifier",
    "objectIdentifier": "objectIdentifierType* objectIdentifierValue*",
    "objectCharacteristics": "compositionLevel fixity size format* creatingApplication inhibitors "
    "objectCharacteristicsExtension",
    "fixity": "messageDigestAlgorithm* messageDigest* messageDigestOriginator",
    "format": "formatDesignation formatRegistry formatNote",
    "formatDesignation": "formatName* formatVersion",
    "creatingApplication": "creatingApplicationName creatingApplicationVersion dateCreatedByApplication "
    "creatingApplicationExtension",
    "relationship": "relationshipType* relationshipSubType* relatedObjectIdentifier* relatedEventIdentifier "
    "relatedEnvironmentPurpose relatedEnvironmentCharacteristic",
    "relatedObjectIdentifier": "relatedObjectIdentifierType* relatedObjectIdentifierValue* "
    "relatedObjectSequence",
    "relatedEventIdentifier": "relatedEventIdentifierType* relatedEventIdentifierValue* relatedEventSequence",
    "linkingEventIdentifier": "linkingEventIdentifierType* linkingEventIdentifierValue*",
    "event": "eventIdentifier* eventType* eventDateTime* eventDetailInformation eventOutcomeInformation "
    "linkingAgentIdentifier linkingObjectIdentifier",
    "eventIdentifier": "eventIdentifierType* eventIdentifierValue*",
    "eventDetailInformation": "eventDetail eventDetailExtension",
    "eventOutcomeInformation": "eventOutcome eventOutcomeDetail",
    "eventOutcomeDetail": "eventOutcomeDetailNote eventOutcomeDetailExtension",
    "linkingAgentIdentifier": "linkingAgentIdentifierType* linkingAgentIdentifierValue* linkingAgentRole",
    "linkingObjectIdentifier": "linkingObjectIdentifierType* linkingObjectIdentifierValue* linkingObjectRole",
    "agent": "agentIdentifier* agentName agentType agentVersion agentNote agentExtension "
    "linkingEventIdentifier linkingRightsStatementIdentifier linkingEnvironmentIdentifier",
    "agentIdentifier": "agentIdentifierType* agentIdentifierValue*",
}


def local(element):
    assert element.tag.startswith(f"{{{PREMIS}}}")
    return element.tag.rpartition("}")[2]


def hold_to_schema(element):
    if not len(element):
        assert element.text
        return
    children = [word.rstrip("*") for word in SCHEMA[local(element)].split()]
    required = {word.rstrip("*") for word in SCHEMA[local(element)].split() if word.endswith("*")}
    names = [local(child) for child in element]
    assert required <= set(names)
    assert [children.index(name) for name in names] == sorted(children.index(name) for name in names)
    for child in element:
        hold_to_schema(child)


def test_elements_stand_in_the_schemas_order():
    root = premis_of(RECORD)
    assert root.get("version") == "3.0"
    assert [local(child) for child in root] == ["object", "object", "event", "agent"]
    hold_to_schema(root)


def test_the_order_is_really_checked():
    root = premis_of(RECORD)
    first = root[0]
    first.append(first[0])
    first.remove(first[0])
    with pytest.raises(AssertionError):
        hold_to_schema(root)


def test_objects_event_and_agent_point_to_each_other():
    root = premis_of(RECORD)
    texts = {element.text for element in root.iter()}
    assert {"a" * 64, "b" * 64, "2027-01-02T03:04:05.000Z", r"box/caf\xe9.tif", "image/tiff"} <= texts
    event = root.findtext(f".//{{{PREMIS}}}eventIdentifierValue")
    links = [element.text for element in root.iter(f"{{{PREMIS}}}linkingEventIdentifierValue")]
    assert links == [event, event]
    linked = [element.text for element in root.iter(f"{{{PREMIS}}}linkingObjectIdentifierValue")]
    assert linked == ["a" * 64, "b" * 64]


def test_it_is_written_as_xml(tmp_path):
    write_premis(tmp_path / "a" / "x.premis.xml", RECORD, tmp_path / "derivative")
    root = ElementTree.parse(tmp_path / "a" / "x.premis.xml").getroot()
    kinds = [element.get("{http://www.w3.org/2001/XMLSchema-instance}type") for element in root[:2]]
    assert kinds == ["premis:file", "premis:file"]


def test_a_copy_is_no_colouring_and_an_unknown_version_is_left_out():
    root = premis_of(replace(RECORD, reason=Reason.COPIED, network="", version=""))
    hold_to_schema(root)
    assert root.findtext(f".//{{{PREMIS}}}eventType") == "replication"
    assert root.findtext(f".//{{{PREMIS}}}eventDetail") == "Copied byte for byte"
    assert root.find(f".//{{{PREMIS}}}agentVersion") is None


def test_the_longest_names_have_a_file_too(tmp_path):
    files = PremisFiles(tmp_path, wanted=True)
    path = "box/" + "\u00e9" * 120 + ".tif"
    record = replace(RECORD, output=replace(RECORD.output, path=path))
    files.write(record)
    assert [file.name for file in (tmp_path / "_archivecolor/premis/box").iterdir()] == [
        files.path(path).name
    ]
    files.remove(record)
    assert not files.path(path).exists()


def test_a_record_without_its_sources_digest_costs_its_own_premis_alone(tmp_path, caplog):
    bare = replace(RECORD, path="bare.tif", output=replace(RECORD.output, path="bare.tif"))
    bare = replace(bare, source=replace(bare.source, sha256=None))
    with ManifestWriter(tmp_path / "manifest.jsonl") as manifest:
        manifest.append(bare)
        manifest.append(RECORD)
    files = PremisFiles(tmp_path, wanted=True)
    files.write_missing(Manifest(tmp_path / "manifest.jsonl"), lambda: False)
    assert files.path(RECORD.output.path).exists()
    assert not files.path("bare.tif").exists()
    assert "bare.tif: no PREMIS" in caplog.text


def test_a_record_without_output_has_none():
    with pytest.raises(ValueError, match="derivative"):
        premis_of(replace(RECORD, output=None))


CORRECTION = {
    "hints": [{"x": 0.5, "y": 0.25, "colour": "#102030", "reach": "here"}],
    "note": "a letter\nsays so",
    "by": "Ann",
    "at": "2027-01-01T00:00:00Z",
}


def events(root):
    return root.findall(f"{{{PREMIS}}}event")


def test_a_correction_is_an_event_of_its_own_with_who_and_when():
    root = premis_of(replace(RECORD, correction=CORRECTION))
    hold_to_schema(root)
    corrected = events(root)[1]
    text = " ".join(corrected.itertext())
    assert "2027-01-01T00:00:00Z" in text
    assert "#102030 at 50.0%, 25.0% (here); note: a letter\\nsays so; by: Ann" in text
    assert [agent.findtext(f"{{{PREMIS}}}agentName") for agent in root.findall(f"{{{PREMIS}}}agent")] == [
        "archivecolor",
        "Ann",
    ]


@pytest.mark.parametrize("correction", [None, {}, {"hints": 3}, {"hints": [{"x": 9}]}, {"note": "no more"}])
def test_a_record_without_a_correction_of_ours_has_the_one_event(correction):
    root = premis_of(replace(RECORD, correction=correction))
    hold_to_schema(root)
    assert len(events(root)) == 1
