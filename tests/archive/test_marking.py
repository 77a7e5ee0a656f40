"""The marking is well-formed XMP, and depends on nothing but what made the picture."""

from xml.etree import ElementTree

from archivecolor.archive.marking import DIGITAL_SOURCE_TYPE, Marking, xmp_packet

MARKING = Marking("1.0<&>\"'", "a" * 64, "s" * 16, "w" * 16, "de<fault>")
RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"


def test_the_packet_parses_whatever_its_values_hold():
    root = ElementTree.fromstring(xmp_packet(MARKING))
    about = root.find(f".//{RDF}Description")
    assert about.get("{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType") == DIGITAL_SOURCE_TYPE
    assert about.get("{http://ns.adobe.com/xap/1.0/}CreatorTool") == "archivecolor 1.0<&>\"'"


def test_the_ids_follow_what_the_bytes_depend_on():
    same = Marking("1", "a" * 64, "s", "w")
    assert xmp_packet(same) == xmp_packet(Marking("1", "a" * 64, "s", "w"))
    others = [
        Marking("2", "a" * 64, "s", "w"),
        Marking("1", "b" * 64, "s", "w"),
        Marking("1", "a" * 64, "t", "w"),
    ]
    assert len({marking.document_id for marking in [same, *others]}) == 4
