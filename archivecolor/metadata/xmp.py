"""A picture's XMP with our provenance laid in (ISO 16684-1).

What the source's packet says stays, but for the few properties that name the file itself and for
its grey thumbnails; our step is added to its history.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree

from archivecolor.metadata.provenance import (
    ACTION,
    DIGITAL_SOURCE_TYPE,
    SOURCE_URN,
    TOOL_NAME,
    CorrectionStep,
    PictureBox,
    Provenance,
    picture_boxes,
)

Element = ElementTree.Element

X = "adobe:ns:meta/"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_NAMESPACES = {
    "x": X,
    "rdf": RDF,
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
    "xmpNote": "http://ns.adobe.com/xmp/note/",
    "stRef": "http://ns.adobe.com/xap/1.0/sType/ResourceRef#",
    "stEvt": "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "tiff": "http://ns.adobe.com/tiff/1.0/",
}
BEGIN = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'.encode()
END = b'\n<?xpacket end="w"?>'


def qualified_name(short: str) -> str:
    """`prefix:name` as ElementTree writes it."""
    prefix, _, local = short.partition(":")
    return f"{{{_NAMESPACES[prefix]}}}{local}"


# True of the source's file, not of ours.
_DROPPED_PROPERTIES = frozenset(
    qualified_name(short)
    for short in (
        "Iptc4xmpExt:DigitalSourceType",
        "Iptc4xmpExt:AISystemUsed",
        "Iptc4xmpExt:AISystemVersionUsed",
        "Iptc4xmpExt:AIPromptInformation",
        "Iptc4xmpExt:AIPromptWriterName",
        "xmp:CreatorTool",
        "xmp:Thumbnails",
        "xmpMM:DocumentID",
        "xmpMM:InstanceID",
        "xmpMM:DerivedFrom",
        "xmpNote:HasExtendedXMP",
        "photoshop:ColorMode",
        "photoshop:ICCProfile",
        "tiff:Compression",
        "tiff:PhotometricInterpretation",
        "tiff:SamplesPerPixel",
        "tiff:BitsPerSample",
    )
)
HISTORY = qualified_name("xmpMM:History")
# From what a scan was made; of the derivative something else is true.
_ORIGIN = qualified_name("Iptc4xmpExt:DigitalSourceType")
# Where things lie in the source's file, or what is laid over its grey: of the whole namespace, or by name.
_STALE_NAMESPACES = (
    "http://ns.google.com/photos/1.0/container/",
    "http://ns.google.com/photos/1.0/container/item/",
    "http://ns.adobe.com/hdr-gain-map/1.0/",
)
STALE_NAMES = (
    "{http://ns.google.com/photos/1.0/camera/}MicroVideo",
    "{http://ns.google.com/photos/1.0/camera/}MotionPhoto",
)
# Deeper ones are no descriptions, and writing them again would take as many frames.
MAX_DEPTH = 200
_SIDECAR_FOR = qualified_name("photoshop:SidecarForExtension")


@dataclass(frozen=True)
class Xmp:
    """A marked picture's XMP in two parts.

    Attributes:
        provenance_part: the description that holds the provenance and the history.
        source_parts: the source's descriptions, without what was dropped.
        damaged: the source had a packet that could not be parsed.
        dropped: names of what the source's packet said of its file alone and others would look for.
    """

    provenance_part: Element
    source_parts: tuple[Element, ...] = ()
    damaged: bool = False
    dropped: tuple[str, ...] = ()

    def packet(self) -> bytes:
        """All of it as one packet, UTF-8."""
        return _packet_of([self.provenance_part, *self.source_parts])

    def main_packet(self, digest: str) -> bytes:
        """The packet of our part alone, pointing to an extension.

        Args:
            digest: MD5 of `extension()`, 32 upper-case hex digits.
        """
        pointer = ElementTree.fromstring(ElementTree.tostring(self.provenance_part))
        pointer.set(qualified_name("xmpNote:HasExtendedXMP"), digest)
        return _packet_of([pointer])

    def extension(self) -> bytes:
        """The source's part, as an extension holds it: no packet wrapper."""
        return _document_of(self.source_parts)


@dataclass(frozen=True)
class Marking:
    """What a picture's XMP says of our making it.

    Attributes:
        tool: name and version of this program.
        source_sha256: digest of its source.
        parameters: of our step, as `Provenance.parameters`.
        edited_with: the program that worked on it last, empty where that was this one.
    """

    tool: str
    source_sha256: str
    parameters: str
    edited_with: str

    @property
    def pictures(self) -> tuple[PictureBox, ...]:
        """Where each page's picture lies, where a caption stands below it."""
        return picture_boxes(self.parameters)

    @property
    def weights(self) -> str:
        """Digest of the weights that it was made with; empty where that does not say."""
        named = re.search(r" weights=(\w+)", self.parameters)
        return named[1] if named else ""

    def is_of(self, source_sha256: str, settings: str, weights: str) -> bool:
        """Whether it was made of that source with these settings and weights."""
        made_with = f"weights={weights} settings={settings}"
        return self.source_sha256 == source_sha256 and self.parameters.endswith(made_with)


def marking_of(packet: bytes | None) -> Marking | None:
    """Our marking in an XMP packet; None where the picture is not of our making."""
    descriptions = _descriptions_of(packet) or []
    if DIGITAL_SOURCE_TYPE not in _values_of(descriptions, "Iptc4xmpExt:DigitalSourceType"):
        return None
    steps = _history_of(descriptions)
    agents = [next(_values_of([step], "stEvt:softwareAgent"), "") for step in steps]
    ours = [step for step, agent in zip(steps, agents, strict=True) if agent.startswith(TOOL_NAME)]
    sources = [
        identity.removeprefix(SOURCE_URN)
        for found in descriptions
        for derived in found.findall(qualified_name("xmpMM:DerivedFrom"))
        for identity in _values_of([derived], "stRef:instanceID")
    ]
    if not ours or not sources:
        return None
    tools = [*_values_of(descriptions, "xmp:CreatorTool"), agents[-1] or "another program"]
    edited_with = next((tool for tool in tools if not tool.startswith(TOOL_NAME)), "")
    parameters = next(_values_of([ours[-1]], "stEvt:parameters"), "")
    return Marking(next(_values_of([ours[-1]], "stEvt:softwareAgent")), sources[0], parameters, edited_with)


def _history_of(descriptions: list[Element]) -> list[Element]:
    return [step for found in descriptions for step in found.findall(f"{HISTORY}/{{{RDF}}}Seq/{{{RDF}}}li")]


def derivative_xmp(source: bytes | None, provenance: Provenance) -> Xmp:
    """The XMP of a derivative.

    Args:
        source: the packet of its source, None without one.
        provenance: what is laid in.
    """
    descriptions = _descriptions_of(source)
    if descriptions is None:
        return Xmp(
            _provenance_description(provenance, "", [], _system_properties([], provenance)), damaged=True
        )
    parent = next(_values_of(descriptions, "xmpMM:DocumentID"), "")
    history = _history_of(descriptions)
    systems = _system_properties(descriptions, provenance)
    dropped = tuple(name for description in descriptions for name in _drop_properties(description))
    source_parts = tuple(filter(_says_anything, descriptions))
    return Xmp(_provenance_description(provenance, parent, history, systems), source_parts, dropped=dropped)


def sidecar_xmp(sidecar: bytes, provenance: Provenance, extension: str) -> bytes | None:
    """An XMP file for beside a derivative: what the source's says, with the provenance laid in.

    Args:
        sidecar: the file beside the source.
        provenance: of the derivative.
        extension: of the derivative, without its dot, for sidecars that say of what they are.

    Returns:
        The file, UTF-8; None where the source's is none that can be read, and nothing of it would stay.
    """
    if not _descriptions_of(sidecar):
        return None
    xmp = derivative_xmp(sidecar, provenance)
    for description in xmp.source_parts:
        if _SIDECAR_FOR in description.attrib:
            description.set(_SIDECAR_FOR, extension)
        for child in description.iterfind(_SIDECAR_FOR):
            child.text = extension
    return xmp.packet()


def _descriptions_of(packet: bytes | None) -> list[Element] | None:
    """The descriptions of a packet; none without one, None where it is damaged."""
    if packet is None or not packet.strip(b"\0 \r\n\t"):
        return []
    try:
        _register_prefixes(packet)
        root = ElementTree.fromstring(packet.strip(b"\0 \r\n\t"))
    except (ElementTree.ParseError, ValueError, LookupError):
        return None
    return root.findall(f".//{{{RDF}}}RDF/{{{RDF}}}Description") or root.findall(f"./{{{RDF}}}Description")


def merge_extension(packet: bytes | None, extension: bytes) -> bytes | None:
    """A packet and its extension as one packet; the packet as it is where either is damaged."""
    main, more = _descriptions_of(packet), _descriptions_of(extension)
    return _packet_of([*main, *more]) if main and more else packet


def _register_prefixes(packet: bytes) -> None:
    """Let the packet's own namespace prefixes be written again."""
    depth = 0
    for event, found in ElementTree.iterparse(
        io.BytesIO(packet.strip(b"\0 \r\n\t")), events=["start-ns", "start", "end"]
    ):
        if event != "start-ns":
            depth += 1 if event == "start" else -1
            if depth > MAX_DEPTH:
                raise ValueError("a packet deeper than any description")
            continue
        prefix, uri = found
        # Ours are kept to their usual prefixes, and ElementTree keeps `ns0` and the like to itself.
        if prefix and uri not in _NAMESPACES.values() and prefix not in _NAMESPACES:
            try:
                ElementTree.register_namespace(prefix, uri)
            except ValueError:
                continue


def _values_of(descriptions: list[Element], short: str) -> Iterator[str]:
    """The values of a simple property, written as an attribute or as an element."""
    name = qualified_name(short)
    for description in descriptions:
        if value := description.get(name) or description.findtext(name):
            yield value


def _drop_properties(description: Element) -> list[str]:
    """Take out what is true of the source's file alone, and the history, which moves into ours.

    Returns:
        The names of those that a reader would go by.
    """
    dropped = []
    for name in list(description.attrib):
        if name in _DROPPED_PROPERTIES or _is_stale(name):
            dropped.append((name, description.attrib.pop(name)))
    for child in list(description):
        if child.tag in _DROPPED_PROPERTIES or child.tag == HISTORY or _is_stale(child.tag):
            description.remove(child)
            dropped.append((child.tag, child.text or ""))
    return [f"XMP {name.rpartition('}')[2]}" for name, value in dropped if _is_missed(name, value)]


def _is_missed(name: str, value: str) -> bool:
    """Whether a reader would go by a property that was dropped."""
    return _is_stale(name) or (name == _ORIGIN and value != DIGITAL_SOURCE_TYPE)


def _says_anything(description: Element) -> bool:
    """Whether a description has a property; what it is about is none, and may be left out."""
    return bool(len(description) or description.attrib.keys() - {f"{{{RDF}}}about"})


def _is_stale(name: str) -> bool:
    """Whether a property says where something lies in the source's file."""
    return name.startswith(STALE_NAMES) or name[1:].partition("}")[0] in _STALE_NAMESPACES


def _system_properties(descriptions: list[Element], provenance: Provenance) -> dict[str, str]:
    """What IPTC 2025.1 says of systems and prompts: the source's own, and ours behind them.

    https://www.iptc.org/std/photometadata/specification/IPTC-PhotoMetadata-2025.1.html
    """
    correction = provenance.correction
    ours = {
        "Iptc4xmpExt:AISystemUsed": provenance.system,
        "Iptc4xmpExt:AISystemVersionUsed": provenance.system_version,
        "Iptc4xmpExt:AIPromptInformation": correction.prompt if correction else "",
        "Iptc4xmpExt:AIPromptWriterName": correction.writer if correction and correction.prompt else "",
    }
    earlier = {short: next(_values_of(descriptions, short), "") for short in ours}
    if TOOL_NAME in earlier["Iptc4xmpExt:AISystemUsed"]:
        # The colour that was invented before went with all that it came from.
        earlier = dict.fromkeys(ours, "")
    said = {short: "; ".join(filter(None, (earlier[short], ours[short]))) for short in ours}
    return {qualified_name(short): value for short, value in said.items() if value}


def _provenance_description(
    provenance: Provenance, parent: str, history: list[Element], systems: dict[str, str]
) -> Element:
    """The provenance, with the source's history before our own step."""
    description = Element(
        f"{{{RDF}}}Description",
        {
            f"{{{RDF}}}about": "",
            qualified_name("Iptc4xmpExt:DigitalSourceType"): DIGITAL_SOURCE_TYPE,
            qualified_name("xmp:CreatorTool"): provenance.tool,
            qualified_name("xmpMM:DocumentID"): provenance.document_id,
            qualified_name("xmpMM:InstanceID"): provenance.instance_id,
            **systems,
        },
    )
    derived = {qualified_name("stRef:documentID"): parent or provenance.parent_id}
    derived[qualified_name("stRef:instanceID")] = provenance.parent_id
    ElementTree.SubElement(description, qualified_name("xmpMM:DerivedFrom"), derived)
    steps = ElementTree.SubElement(ElementTree.SubElement(description, HISTORY), f"{{{RDF}}}Seq")
    steps.extend(history)
    step = {
        qualified_name("stEvt:action"): ACTION,
        qualified_name("stEvt:softwareAgent"): provenance.tool,
        qualified_name("stEvt:parameters"): provenance.parameters,
        qualified_name("stEvt:instanceID"): provenance.instance_id,
    }
    ElementTree.SubElement(steps, f"{{{RDF}}}li", step)
    if provenance.correction is not None:
        ElementTree.SubElement(steps, f"{{{RDF}}}li", _correction_step(provenance, provenance.correction))
    return description


def _correction_step(provenance: Provenance, correction: CorrectionStep) -> dict[str, str]:
    step = {
        qualified_name("stEvt:action"): ACTION,
        qualified_name("stEvt:softwareAgent"): provenance.tool,
        qualified_name("stEvt:parameters"): correction.words,
        qualified_name("stEvt:instanceID"): provenance.instance_id,
    }
    return step | ({qualified_name("stEvt:when"): correction.at} if correction.at else {})


def _document_of(descriptions: list[Element] | tuple[Element, ...]) -> bytes:
    """The descriptions as an XMP document without a packet wrapper, UTF-8."""
    for prefix, uri in _NAMESPACES.items():
        ElementTree.register_namespace(prefix, uri)
    root = Element(f"{{{X}}}xmpmeta")
    ElementTree.SubElement(root, f"{{{RDF}}}RDF").extend(descriptions)
    document: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=False)
    return document


def _packet_of(descriptions: list[Element]) -> bytes:
    """The descriptions as an XMP packet, UTF-8."""
    return BEGIN + _document_of(descriptions) + END
