"""On request a derivative of an earlier format goes when a newer one is there, and nothing else does."""

import json
import os
import subprocess
import sys

import bagit
import pytest

from archivecolor.archive.bag import write_bag
from archivecolor.archive.compact import compact
from archivecolor.archive.fixity import sha256_of
from archivecolor.archive.lock import locked
from archivecolor.archive.manifest import Manifest, ManifestWriter, Output, Record, Source, Status
from archivecolor.archive.premis import PremisFiles
from archivecolor.cli.main import main
from archivecolor.errors import ExitCode, Reason

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

    def prune(self, *words):
        return main(["prune", str(self.root), *words])

    @property
    def names(self):
        ours = self.manifest.parent
        found = (path for path in self.root.rglob("*") if path.is_file() and ours not in path.parents)
        return sorted(path.relative_to(self.root).as_posix() for path in found)


@pytest.fixture
def output(tmp_path):
    return Tree(tmp_path / "out")


def test_the_derivative_of_an_earlier_format_goes_with_its_premis(output, capsys):
    output.make("box/a.tif", "box/a.tif")
    output.make("box/a.tif", "box/a.png")
    assert output.prune("--dry-run") == ExitCode.OK
    assert output.names == ["box/a.png", "box/a.tif"]
    assert capsys.readouterr().out == "would be removed: box/a.tif\n"
    assert output.premis.path("box/a.tif").exists()
    assert output.prune() == ExitCode.OK
    assert output.names == ["box/a.png"]
    assert not output.premis.path("box/a.tif").exists()
    assert output.premis.path("box/a.png").exists()
    assert capsys.readouterr() == ("removed: box/a.tif\n", "prune: 1 removed\n")
    assert output.prune() == ExitCode.OK
    assert capsys.readouterr() == ("", "prune: nothing to remove\n")


def test_every_earlier_format_goes_and_the_one_come_back_to_stays(output):
    for name in ("a.tif", "a.png", "a.webp", "a.tif"):
        output.make("a.tif", name)
    output.prune()
    assert output.names == ["a.tif"]


def test_a_file_that_is_not_what_was_recorded_stays(output, capsys):
    output.make("a.tif", "a.tif")
    output.make("a.tif", "a.png")
    (output.root / "a.tif").write_bytes(b"retouched by me !")
    assert output.prune() == ExitCode.OK
    assert output.names == ["a.png", "a.tif"]
    assert capsys.readouterr().out == "left, it is not what was recorded: a.tif\n"


@pytest.mark.parametrize("newest", ["failed", "lost"])
def test_the_only_derivative_stays(output, newest):
    output.make("a.tif", "a.tif")
    if newest == "failed":
        output.append(FAILED)
    else:
        output.make("a.tif", "a.png")
        (output.root / "a.png").unlink()
    output.prune()
    assert output.names == ["a.tif"]


def test_a_failure_in_between_does_not_hide_the_earlier_one(output):
    output.make("a.tif", "a.tif")
    output.append(FAILED)
    output.make("a.tif", "a.png")
    output.prune()
    assert output.names == ["a.png"]


def test_a_name_that_another_item_has_now_stays(output):
    output.make("a.tif", "a.png")
    output.make("a.tif", "a.tif")
    output.make("a.png", "a.png")
    output.prune()
    assert output.names == ["a.png", "a.tif"]


def test_nothing_behind_a_link_goes(output, tmp_path):
    output.make("box/a.tif", "box/a.tif")
    output.make("box/a.tif", "new/a.png")
    (output.root / "box").rename(tmp_path / "scans")
    (output.root / "box").symlink_to(tmp_path / "scans")
    output.prune()
    assert (tmp_path / "scans" / "a.tif").exists()


def test_a_film_in_another_container_goes_too(output):
    output.make("a.avi", "a.mkv", kind="film")
    output.make("a.avi", "a.mp4", kind="film")
    output.prune()
    assert output.names == ["a.mp4"]


def test_not_while_a_run_is_at_work(output):
    output.make("a.tif", "a.tif")
    output.make("a.tif", "a.png")
    with locked(output.root):
        assert output.prune() == ExitCode.LOCKED
        assert output.prune("--dry-run") == ExitCode.OK
    assert output.names == ["a.png", "a.tif"]


def test_what_cannot_be_removed_is_said(output):
    output.make("box/a.tif", "box/a.tif")
    output.make("box/a.tif", "box/a.png")
    (output.root / "box").chmod(0o555)
    # Root is bound by modes as anybody is, once it has put these rights away.
    unbound = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--"] if os.geteuid() == 0 else []
    command = [*unbound, sys.executable, "-m", "archivecolor", "prune", "--quiet", str(output.root)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    (output.root / "box").chmod(0o755)
    assert (done.returncode, done.stdout) == (ExitCode.OUTPUT, "")
    assert done.stderr == "prune: 1 cannot be removed\n"
    assert output.names == ["box/a.png", "box/a.tif"]


def test_the_bag_is_valid_afterwards(tmp_path):
    bag = tmp_path / "bag"
    bag.mkdir()
    output = Tree(bag / "data")
    output.make("a.tif", "a.tif")
    output.make("a.tif", "a.png")
    write_bag(bag, [], "archivecolor")
    assert main(["prune", str(bag)]) == ExitCode.OK
    assert output.names == ["a.png"]
    bagit.Bag(str(bag)).validate()


def test_results_as_json(output, capsys):
    output.make("a.tif", "a.tif")
    output.make("a.tif", "a.png")
    output.prune("--json")
    assert json.loads(capsys.readouterr().out) == {"path": "a.tif", "result": "removed", "dry_run": False}


def test_without_a_manifest_it_is_a_matter_of_usage(tmp_path):
    assert main(["prune", str(tmp_path)]) == ExitCode.USAGE


def test_a_compacted_manifest_still_vouches_for_what_is_there(output):
    output.make("a.tif", "a.tif")
    output.make("a.tif", "a.png")
    assert compact(output.manifest) == 0
    output.prune()
    assert output.names == ["a.png"]
    assert compact(output.manifest) == 1
    assert Manifest(output.manifest).superseded == {}
