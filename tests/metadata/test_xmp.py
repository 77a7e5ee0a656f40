"""The marking is laid into a source's XMP, and what the source says stays."""

from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archivecolor.metadata.provenance import DIGITAL_SOURCE_TYPE, CorrectionStep, Provenance
from archivecolor.metadata.xmp import HISTORY, RDF, derivative_xmp, merge_extension, qualified_name

US = Provenance("1.0<&>\"'", "a" * 64, "s" * 16, "w" * 16, "de<fault>")
START = (
    "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>"
)
END = "</rdf:RDF></x:xmpmeta>"
SOURCE = f"""<?xpacket begin='\ufeff' id='W5M0MpCehiHzreSzNTczkc9d'?>{START}
 <rdf:Description rdf:about='' xmlns:xmp='http://ns.adobe.com/xap/1.0/' xmp:CreatorTool='Scan' xmp:Rating='3'
   xmlns:xmpMM='http://ns.adobe.com/xap/1.0/mm/' xmpMM:DocumentID='xmp.did:old' xmlns:own='http://a.example/'>
  <own:Shelf>A-17 — Zürich</own:Shelf>
  <xmpMM:History><rdf:Seq><rdf:li rdf:parseType='Resource'><own:x>1</own:x></rdf:li></rdf:Seq></xmpMM:History>
  <xmp:Thumbnails><rdf:Alt><rdf:li>grey</rdf:li></rdf:Alt></xmp:Thumbnails>
 </rdf:Description>{END}<?xpacket end='w'?>""".encode()


def properties(packet):
    """Every property of every description, and how often it is said."""
    root = ElementTree.fromstring(packet)
    found = {}
    for description in root.iter(f"{{{RDF}}}Description"):
        for name, value in description.attrib.items():
            found.setdefault(name, []).append(value)
        for child in description:
            found.setdefault(child.tag, []).append(child.text)
    return found


def test_alone_it_parses_whatever_its_values_hold():
    said = properties(derivative_xmp(None, US).packet())
    assert said[qualified_name("Iptc4xmpExt:DigitalSourceType")] == [DIGITAL_SOURCE_TYPE]
    assert said[qualified_name("xmp:CreatorTool")] == ["archivecolor 1.0<&>\"'"]


def test_what_the_source_says_stays_and_nothing_is_said_twice():
    xmp = derivative_xmp(SOURCE, US)
    assert not xmp.damaged
    said = properties(xmp.packet())
    assert said["{http://a.example/}Shelf"] == ["A-17 — Zürich"]
    assert said[qualified_name("xmp:Rating")] == ["3"]
    assert said[qualified_name("xmp:CreatorTool")] == [US.tool]
    assert said[qualified_name("xmpMM:DocumentID")] == [US.document_id]
    assert qualified_name("xmp:Thumbnails") not in said
    assert b"own:Shelf" in xmp.packet()


def test_our_step_stands_behind_those_of_the_source():
    root = ElementTree.fromstring(derivative_xmp(SOURCE, US).packet())
    (history,) = root.iter(HISTORY)
    first, second = history[0]
    assert first[0].tag == "{http://a.example/}x"
    assert second.get(qualified_name("stEvt:softwareAgent")) == US.tool
    (derived,) = root.iter(qualified_name("xmpMM:DerivedFrom"))
    assert derived.get(qualified_name("stRef:documentID")) == "xmp.did:old"
    assert derived.get(qualified_name("stRef:instanceID")) == "urn:sha256:" + "a" * 64


def test_marked_twice_it_is_marked_once():
    again = derivative_xmp(derivative_xmp(SOURCE, US).packet(), US)
    assert {len(values) for name, values in properties(again.packet()).items() if "about" not in name} == {1}


def of_systems(xmp):
    """What a packet says of systems and prompts, without the name they share."""
    names = ("AISystemUsed", "AISystemVersionUsed", "AIPromptInformation", "AIPromptWriterName")
    said = properties(xmp.packet())
    return [said.get(qualified_name(f"Iptc4xmpExt:{name}")) for name in names]


def test_the_system_and_its_version_are_named():
    version = f"{US.tool}, weights {US.weights}"
    assert of_systems(derivative_xmp(SOURCE, US)) == [["archivecolor de<fault>"], [version], None, None]
    assert of_systems(derivative_xmp(b"<oops", US))[0] == ["archivecolor de<fault>"]


def test_hints_that_somebody_gave_a_reason_for_are_the_prompt():
    step = CorrectionStep("d" * 16, "all of it", prompt="red at 3%; a letter says so", writer="Ann")
    hinted = replace(US, correction=step)
    xmp = derivative_xmp(None, hinted)
    assert of_systems(xmp)[2:] == [["red at 3%; a letter says so"], ["Ann"]]
    assert of_systems(derivative_xmp(xmp.packet(), US))[2:] == [None, None], "the colour they gave is gone"
    unprompted = replace(US, correction=replace(step, prompt=""))
    assert of_systems(derivative_xmp(None, unprompted))[2:] == [None, None]


def test_a_system_that_worked_on_the_scan_stays_named_before_ours():
    enlarged = SOURCE.replace(
        b"xmp:CreatorTool='Scan'",
        b"xmlns:e='http://iptc.org/std/Iptc4xmpExt/2008-02-29/' e:AISystemUsed='Enlarger'",
    )
    assert of_systems(derivative_xmp(enlarged, US))[0] == ["Enlarger; archivecolor de<fault>"]


@pytest.mark.parametrize(
    "packet", [b"<oops", b"\xff\xfe\x00", SOURCE[:200], b"<a/>" * 2, b"<!DOCTYPE x [<!ENTITY y"]
)
def test_a_damaged_packet_is_said_to_be(packet):
    xmp = derivative_xmp(packet, US)
    assert xmp.damaged
    assert properties(xmp.packet())[qualified_name("xmp:CreatorTool")] == [US.tool]


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_break_it(packet):
    assert US.document_id.encode() in derivative_xmp(packet, US).packet()


def test_entities_do_not_grow_without_end():
    bomb = "<!DOCTYPE x [<!ENTITY a0 'aaaaaaaaaa'>"
    bomb += "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 10)) + "]>"
    packet = (bomb + START + "<rdf:Description rdf:about=''>&a9;</rdf:Description>" + END).encode()
    assert len(derivative_xmp(packet, US).packet()) < 1_000_000


def test_an_extension_is_joined_to_its_packet():
    more = f"{START}<rdf:Description rdf:about='' xmlns:b='http://b.example/' b:Box='4'/>{END}".encode()
    said = properties(merge_extension(SOURCE, more))
    assert said["{http://b.example/}Box"] == ["4"]
    assert said["{http://a.example/}Shelf"] == ["A-17 — Zürich"]
    assert merge_extension(SOURCE, b"<broken") == SOURCE
