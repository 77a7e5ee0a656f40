"""A derivative of an earlier format goes when a newer one is there, and nothing else does."""

import logging

import pytest

from archivecolor.archive.fixity import sha256_of
from archivecolor.archive.manifest import Manifest, ManifestWriter, Output, Record, Source, Status, compact
from archivecolor.archive.premis import PremisFiles
from archivecolor.archive.superseded import remove_superseded
from archivecolor.errors import Reason

FAILED = Record("a.tif", Status.FAILED, Reason.TRUNCATED, Source(10, 20), detail="ends early")


class Tree:
    """An output tree with its manifest, and stand-ins for coloured files."""

    def __init__(self, root):
        self.root = root
        self.manifest = root / "_archivecolor" / "manifest.jsonl"
        self.premis = PremisFiles(root, wanted=True)
        root.mkdir()

    def append(self, record):
        with ManifestWriter(self.manifest) as writer:
            writer.append(record)

    def make(self, source, output, **more):
        """Write a derivative and its record."""
        path = self.root / output
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"coloured as " + output.encode())
        written = Output(output, path.stat().st_size, sha256_of(path))
        record = Record(
            source, Status.DONE, Reason.COLOURED, Source(10, 20, "a" * 64), output=written, **more
        )
        self.append(record)
        self.premis.write(record)

    def remove_superseded(self):
        remove_superseded(Manifest(self.manifest), self.premis, should_stop=lambda: False)

    @property
    def names(self):
        ours = self.manifest.parent
        found = (path for path in self.root.rglob("*") if path.is_file() and ours not in path.parents)
        return sorted(path.relative_to(self.root).as_posix() for path in found)


@pytest.fixture
def output(tmp_path):
    return Tree(tmp_path / "out")


def test_the_derivative_of_an_earlier_format_goes_with_its_premis(output, caplog):
    output.make("box/a.tif", "box/a.tif")
    output.make("box/a.tif", "box/a.png")
    with caplog.at_level(logging.INFO):
        output.remove_superseded()
    assert output.names == ["box/a.png"]
    assert not output.premis.path("box/a.tif").exists()
    assert output.premis.path("box/a.png").exists()
    assert "removed box/a.tif, which an earlier format made of box/a.tif" in caplog.text


def test_every_earlier_format_goes_and_the_one_come_back_to_stays(output):
    for name in ("a.tif", "a.png", "a.webp", "a.tif"):
        output.make("a.tif", name)
    output.remove_superseded()
    assert output.names == ["a.tif"]


def test_a_file_that_is_not_what_was_recorded_stays(output, caplog):
    output.make("a.tif", "a.tif")
    output.make("a.tif", "a.png")
    (output.root / "a.tif").write_bytes(b"retouched by me !")
    with caplog.at_level(logging.INFO):
        output.remove_superseded()
    assert output.names == ["a.png", "a.tif"]
    assert "left a.tif" in caplog.text


@pytest.mark.parametrize("newest", ["failed", "lost"])
def test_the_only_derivative_stays(output, newest):
    output.make("a.tif", "a.tif")
    if newest == "failed":
        output.append(FAILED)
    else:
        output.make("a.tif", "a.png")
        (output.root / "a.png").unlink()
    output.remove_superseded()
    assert output.names == ["a.tif"]


def test_a_failure_in_between_does_not_hide_the_earlier_one(output):
    output.make("a.tif", "a.tif")
    output.append(FAILED)
    output.make("a.tif", "a.png")
    output.remove_superseded()
    assert output.names == ["a.png"]


def test_a_name_that_another_item_has_now_stays(output):
    output.make("a.tif", "a.png")
    output.make("a.tif", "a.tif")
    output.make("a.png", "a.png")
    output.remove_superseded()
    assert output.names == ["a.png", "a.tif"]


def test_nothing_behind_a_link_goes(output, tmp_path):
    output.make("box/a.tif", "box/a.tif")
    output.make("box/a.tif", "new/a.png")
    (output.root / "box").rename(tmp_path / "scans")
    (output.root / "box").symlink_to(tmp_path / "scans")
    output.remove_superseded()
    assert (tmp_path / "scans" / "a.tif").exists()


def test_a_film_in_another_container_stays(output):
    output.make("a.avi", "a.mkv", kind="film")
    output.make("a.avi", "a.mp4", kind="film")
    output.remove_superseded()
    assert output.names == ["a.mkv", "a.mp4"]


def test_a_compacted_manifest_still_vouches_for_what_is_there(output):
    output.make("a.tif", "a.tif")
    output.make("a.tif", "a.png")
    assert compact(output.manifest) == 0
    output.remove_superseded()
    assert output.names == ["a.png"]
    assert compact(output.manifest) == 1
    assert Manifest(output.manifest).superseded == {}
