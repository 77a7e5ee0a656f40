"""XMP files beside scans come along with the derivatives, say that colour was invented, and lose nothing."""

import hashlib
import os
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from archivecolor.archive.manifest import Manifest, ManifestWriter, Output, Record, Source, Status
from archivecolor.archive.sidecars import Sidecar
from archivecolor.engine.stopping import Stop
from archivecolor.errors import Reason
from archivecolor.jobs.sidecars import carried_sidecars

PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="4"
 xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" photoshop:SidecarForExtension="TIF"
 xmlns:my="http://example.org/my/" my:Box="17">
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">Market square</rdf:li></rdf:Alt></dc:description>
</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>"""
RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"


def sha256(data):
    return hashlib.sha256(data).hexdigest()


class Tree:
    """Scans with sidecars, and the records of their derivatives."""

    def __init__(self, root):
        self.input, self.output = root / "in", root / "out"
        self.manifest = self.output / "_archivecolor" / "manifest.jsonl"
        self.input.mkdir()

    def append(self, record):
        with ManifestWriter(self.manifest) as writer:
            writer.append(record)

    def coloured(self, path, output=None, **about):
        """A scan that was coloured."""
        output = output or path
        for folder, name in ((self.input, path), (self.output, output)):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(name.encode())
        written = Output(output, len(output), sha256(output.encode()))
        source = Source(len(path), 1, sha256(path.encode()))
        facts = {"settings": "s", "weights": "w", "network": "default", "version": "1", **about}
        self.append(Record(path, Status.DONE, Reason.COLOURED, source, output=written, **facts))

    def sidecar(self, path, about, data=PACKET, **more):
        (self.input / path).write_text(data)
        return Sidecar(self.input, path, about, **more)

    def carry(self, *sidecars):
        """What became of sidecars in a run, by path."""
        records = list(carried_sidecars(sidecars, self.output, Stop()))
        for record in records:
            self.append(record)
        return {record.path: (record.status.value, record.reason.value) for record in records}


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


def values(path):
    """Attributes of all descriptions of an XMP file, by local name, and the texts below them."""
    root = ElementTree.parse(path).getroot()
    found = {
        name.rpartition("}")[2]: value
        for description in root.iter(f"{RDF}Description")
        for name, value in description.attrib.items()
    }
    return found, [item.text for item in root.iter(f"{RDF}li") if item.text]


def test_what_people_asked_for_stands_in_a_sidecar_too_and_follows_what_they_decide(tree):
    hint = {"x": 0.5, "y": 0.25, "colour": "#c83c1e"}
    correction = {"hints": [hint], "note": "the dress was red", "by": "Anna"}
    tree.coloured("a.bmp")
    sidecar = tree.sidecar("a.xmp", "a.bmp")
    assert tree.carry(sidecar) == {"a.xmp": ("done", "carried")}
    assert "AIPromptInformation" not in values(tree.output / "a.xmp")[0]
    tree.coloured("a.bmp", decision="d1", correction=correction)
    assert tree.carry(sidecar) == {"a.xmp": ("done", "carried")}
    assert tree.carry(sidecar) == {}
    found, _ = values(tree.output / "a.xmp")
    assert "the dress was red" in found["AIPromptInformation"]
    assert found["AIPromptWriterName"] == "Anna"


def test_they_stand_beside_the_derivative_under_its_name_with_the_provenance(tree):
    tree.coloured("box/a.tif", "box/a.png")
    sidecars = [tree.sidecar("box/a.tif.xmp", "box/a.tif"), tree.sidecar("box/a.xmp", "box/a.tif")]
    done = ("done", "carried")
    assert tree.carry(*sidecars) == {"box/a.tif.xmp": done, "box/a.xmp": done}
    for name in ("box/a.png.xmp", "box/a.xmp"):
        attributes, texts = values(tree.output / name)
        assert (attributes["Rating"], attributes["Box"]) == ("4", "17")
        assert "compositeWithTrainedAlgorithmicMedia" in attributes["DigitalSourceType"]
        assert attributes["SidecarForExtension"] == "png"
        assert texts == ["Market square"]
    record = Manifest(tree.manifest).record("box/a.tif.xmp")
    assert (record.kind, record.output.path) == ("sidecar", "box/a.png.xmp")
    assert record.source.sha256 == sha256(PACKET.encode())
    assert record.output.sha256 == sha256((tree.output / "box/a.png.xmp").read_bytes())
    assert f'documentID="urn:sha256:{sha256(b"box/a.tif")}"' in (tree.output / "box/a.xmp").read_text()


def test_the_same_again_does_nothing_and_what_changed_is_carried_anew(tree):
    tree.coloured("a.jpg")
    sidecar = tree.sidecar("a.xmp", "a.jpg")
    done = {"a.xmp": ("done", "carried")}
    assert tree.carry(sidecar) == done
    first = (tree.output / "a.xmp").read_bytes()
    assert tree.carry(sidecar) == {}
    tree.sidecar("a.xmp", "a.jpg", PACKET.replace("square", "place"))
    assert tree.carry(sidecar) == done
    assert b"Market place" in (tree.output / "a.xmp").read_bytes()
    tree.sidecar("a.xmp", "a.jpg")
    os.utime(tree.input / "a.xmp", ns=(1, 1))
    assert tree.carry(sidecar) == done
    assert (tree.output / "a.xmp").read_bytes() == first
    tree.coloured("a.jpg", weights="others")
    assert tree.carry(sidecar) == done
    assert b"weights=others" in (tree.output / "a.xmp").read_bytes()
    (tree.output / "a.xmp").unlink()
    assert tree.carry(sidecar) == done
    tree.coloured("a.jpg", "a.png", weights="others")
    named = tree.sidecar("a.jpg.xmp", "a.jpg")
    assert tree.carry(named) == {"a.jpg.xmp": ("done", "carried")}
    assert (tree.output / "a.png.xmp").exists()


def test_handwork_that_cannot_be_read_costs_its_sidecar_alone(tree, monkeypatch):
    tree.coloured("a.jpg")
    tree.coloured("b.jpg")
    first, second = (tree.sidecar(f"{name}.xmp", f"{name}.jpg") for name in "ab")
    tree.carry(first)
    (tree.output / "a.xmp").write_text("edited by hand")
    tree.sidecar("a.xmp", "a.jpg", PACKET.replace("square", "place"))

    def unreadable(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("archivecolor.jobs.sidecars.by_hand_output", unreadable)
    assert tree.carry(first, second) == {"a.xmp": ("failed", "permission"), "b.xmp": ("done", "carried")}


@pytest.mark.parametrize(
    "data", ["", "no XML at all", PACKET[:200], "<x/>", "<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>"]
)
def test_what_cannot_be_read_is_copied_as_it_is(tree, data):
    tree.coloured("a.jpg")
    assert tree.carry(tree.sidecar("a.xmp", "a.jpg", data)) == {"a.xmp": ("done", "copied")}
    assert (tree.output / "a.xmp").read_text() == data
    assert "copied as it is" in Manifest(tree.manifest).record("a.xmp").detail


def test_beside_a_copied_picture_it_is_copied_too(tree):
    tree.coloured("a.jpg", network="")
    tree.append(replace(Manifest(tree.manifest).record("a.jpg"), reason=Reason.COPIED))
    assert tree.carry(tree.sidecar("a.xmp", "a.jpg")) == {"a.xmp": ("done", "copied")}
    assert (tree.output / "a.xmp").read_text() == PACKET


def test_without_a_derivative_it_is_left_once(tree):
    tree.append(Record("a.jpg", Status.FAILED, Reason.TRUNCATED, Source(1, 2)))
    sidecar = tree.sidecar("a.xmp", "a.jpg")
    assert tree.carry(sidecar) == {"a.xmp": ("skipped", "no-derivative")}
    assert tree.carry(sidecar) == {}
    tree.coloured("a.jpg")
    assert tree.carry(sidecar) == {"a.xmp": ("done", "carried")}


def test_one_whose_picture_has_not_had_its_turn_waits(tree):
    tree.coloured("b.jpg")
    assert tree.carry(tree.sidecar("a.xmp", "a.jpg")) == {}


def test_what_cannot_be_had_costs_itself(tree):
    tree.coloured("a.jpg")
    tree.coloured("b.jpg")
    gone = tree.sidecar("a.xmp", "a.jpg")
    (tree.input / "a.xmp").unlink()
    twins = [tree.sidecar("b.jpg.xmp", "b.jpg"), tree.sidecar("b.jpg.XMP", "b.jpg")]
    assert tree.carry(gone, *twins) == {
        "a.xmp": ("failed", "vanished"),
        "b.jpg.xmp": ("done", "carried"),
        "b.jpg.XMP": ("failed", "name-collision"),
    }


def test_ratings_that_somebody_gave_the_derivative_stay(tree):
    tree.coloured("a.jpg")
    sidecar = tree.sidecar("a.xmp", "a.jpg")
    tree.carry(sidecar)
    (tree.output / "a.xmp").write_text("my own words")
    tree.coloured("a.jpg", weights="others")
    assert tree.carry(sidecar) == {"a.xmp": ("skipped", "by-hand")}
    tree.coloured("a.jpg", weights="others again")
    assert tree.carry(sidecar) == {}
    assert (tree.output / "a.xmp").read_text() == "my own words"
    assert Manifest(tree.manifest).record("a.xmp").output.sha256 == sha256(b"my own words")
    assert tree.carry(replace(sidecar, take_back=True)) == {"a.xmp": ("done", "carried")}
    (aside,) = tree.output.glob("a.xmp.by-hand-*")
    assert aside.read_text() == "my own words"


@pytest.mark.parametrize("kind", ["pipe", "device", "link", "loop", "huge"])
def test_what_is_no_sidecar_fails_alone_and_soon(tmp_path, kind):
    tree = Tree(tmp_path)
    tree.coloured("a.jpg")
    sidecar, other = tree.sidecar("a.jpg.xmp", "a.jpg"), tree.sidecar("a.xmp", "a.jpg")
    path = tmp_path / "in" / "a.jpg.xmp"
    path.unlink()
    (tmp_path / "secret").write_text("secret")
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "huge":
        path.touch()
        os.truncate(path, 200 << 30)
    else:
        path.symlink_to({"device": "/dev/zero", "link": tmp_path / "secret", "loop": path}[kind])
    records = list(carried_sidecars([sidecar, other], tree.output, Stop()))
    assert [record.status for record in records] == [Status.FAILED, Status.DONE]
    assert not (tree.output / "a.jpg.xmp").exists()
