"""`--bag` and `--premis` as an archive uses them, held valid by the Library of Congress' validator."""

import importlib.metadata
import json
import os
import shutil
import signal
import subprocess
import time
from importlib.metadata import version
from xml.etree import ElementTree

import bagit
import pytest
from PIL import Image
from skimage import data
from small_archive import tree

from archivecolor.archive.fixity import sha256_of
from archivecolor.cli.main import main
from archivecolor.errors import ExitCode
from archivecolor.version import program_version

PREMIS = "{http://www.loc.gov/premis/v3}"


def is_valid(bag):
    """Whether the validator finds every file of the payload listed and as listed."""
    try:
        return bagit.Bag(str(bag)).validate()
    except bagit.BagError:
        return False


def stamps(folder):
    """When the files of a tree were last written."""
    return {name: (folder / name).stat().st_mtime_ns for name in tree(folder)}


@pytest.fixture
def bag(archive, undisturbed, here, tmp_path):
    """A bag of the archive, made of a plain output as the refusal of one says."""
    shutil.copytree(undisturbed, tmp_path / "bag" / "data", copy_function=shutil.copy2)
    done = here("dir", archive, tmp_path / "bag", "--bag")
    assert done.stderr.startswith("dir: 0 done;"), done.stderr
    return tmp_path / "bag"


@pytest.fixture
def scans(tmp_path):
    """A folder with one picture."""
    (tmp_path / "in").mkdir()
    Image.fromarray(data.camera()[::4, ::4]).save(tmp_path / "in" / "camera.png")
    return tmp_path / "in"


def test_the_output_is_a_bag_from_the_first_run_on(archive, undisturbed, here, tmp_path):
    assert here("dir", archive, tmp_path / "bag", "--bag", "--limit", "3").returncode in (0, 3)
    assert is_valid(tmp_path / "bag")
    assert here("dir", archive, tmp_path / "bag", "--bag").returncode == 3
    assert is_valid(tmp_path / "bag")
    assert tree(tmp_path / "bag" / "data") == tree(undisturbed)
    read = bagit.Bag(str(tmp_path / "bag"))
    assert read.info["Bag-Software-Agent"].startswith("archivecolor ")
    assert "data/_archivecolor/manifest.jsonl" in read.payload_entries()
    run = json.loads((tmp_path / "bag" / "data" / "_archivecolor" / "run.json").read_text())
    assert (run["exit_code"], run["settings"]["output"]) == (3, str(tmp_path / "bag"))


def test_a_rerun_over_a_bag_touches_no_picture(archive, bag, here):
    before = stamps(bag / "data")
    assert is_valid(bag)
    assert here("dir", archive, bag, "--bag").stderr.startswith("dir: 0 done;")
    assert stamps(bag / "data") == before
    assert is_valid(bag)


def test_the_other_commands_take_a_bag_as_they_take_an_output(archive, bag, undisturbed, here, tmp_path):
    assert here("verify", bag, "--sources", archive).returncode == 0
    table = here("manifest", "export", bag, "--csv", "-")
    assert "people/astronaut.jpg" in table.stdout
    assert here("manifest", "compact", bag).returncode == 0
    assert is_valid(bag)
    forecast = here("grey", bag, tmp_path / "from-bag", "--dry-run")
    assert forecast.returncode == 0
    assert not (tmp_path / "from-bag").exists()
    assert here("grey", bag, tmp_path / "from-bag").returncode == 0
    made = (tmp_path / "from-bag" / "_archivecolor" / "manifest.jsonl").read_text().count('"done"')
    assert f"to do: {made} pictures" in forecast.stdout
    assert here("grey", undisturbed, tmp_path / "from-tree").returncode == 0
    assert tree(tmp_path / "from-bag") == tree(tmp_path / "from-tree")


def test_an_output_stays_what_it_was_begun_as(archive, bag, undisturbed, checkpoint, capsys):
    for output, other in ((undisturbed, ["--bag"]), (bag, [])):
        before = sorted(output.rglob("*"))
        for way in ([], ["--dry-run"]):
            words = ["dir", archive, output, "--checkpoint", checkpoint, *other, *way]
            assert main(list(map(str, words))) == ExitCode.USAGE
            assert "--bag" in capsys.readouterr().err
        assert sorted(output.rglob("*")) == before


def test_a_refused_bag_leaves_no_folder(scans, here, tmp_path):
    assert here("dir", scans, tmp_path / "new" / "bag", "--bag", "--shard", "9").returncode == 2
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_an_interrupted_bag_is_not_valid_and_its_rerun_is(
    number, archive, bag, undisturbed, command_words, here
):
    words = command_words("dir", archive, bag, "--bag", "--overwrite")
    before = stamps(bag / "data")
    running = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    while stamps(bag / "data") == before:
        assert running.poll() is None
        time.sleep(0.02)
    running.send_signal(number)
    assert running.wait() in (-signal.SIGKILL, 128 + signal.SIGTERM)
    assert not is_valid(bag)
    assert here("dir", archive, bag, "--bag").returncode == 3
    assert is_valid(bag)
    assert tree(bag / "data") == tree(undisturbed)


def test_a_name_that_no_bag_can_list_costs_itself(scans, here, tmp_path):
    shutil.copy(scans / "camera.png", scans / os.fsdecode(b"caf\xe9.png"))
    done = here("dir", scans, tmp_path / "bag", "--bag")
    assert (done.returncode, "1 done, 1 failed (unsupported 1)" in done.stderr) == (3, True)
    assert is_valid(tmp_path / "bag")


def test_premis_describes_what_is_done_and_is_never_outdated(scans, here, tmp_path):
    output = tmp_path / "out"
    path = output / "_archivecolor" / "premis" / "camera.png.premis.xml"
    assert here("dir", scans, output).returncode == 0
    before = stamps(output)
    assert here("dir", scans, output, "--premis").stderr.startswith("dir: 0 done;")
    assert stamps(output) == before
    root = ElementTree.parse(path).getroot()
    digests = [element.text for element in root.iter(f"{PREMIS}messageDigest")]
    assert digests == [sha256_of(output / "camera.png"), sha256_of(scans / "camera.png")]
    assert "by the network random, luma kept" in root.findtext(f".//{PREMIS}eventDetail")
    assert root.findtext(f".//{PREMIS}agentVersion") == version("archivecolor")
    assert here("verify", output).returncode == 0
    assert here("dir", scans, output, "--saturation", "0.5").returncode == 0
    assert not path.exists()


def test_photographs_and_films_of_a_tree_make_one_bag(scans, here, tmp_path):
    draw = [
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=96x64:rate=10:duration=0.5",
        "-vf",
        "format=gray,format=yuv420p",
    ]
    subprocess.run(["ffmpeg", "-loglevel", "error", *draw, scans / "film.mp4"], check=True)
    (scans / "broken.mp4").write_bytes(b"no film")
    words = ("dir", scans, tmp_path / "bag", "--films", "--bag", "--premis")
    assert here(*words).returncode == 3
    bag, ours = tmp_path / "bag", tmp_path / "bag" / "data" / "_archivecolor"
    assert is_valid(bag)
    assert set(tree(bag / "data")) == {"camera.png", "film.mp4"}
    assert {file.name for file in (ours / "premis").iterdir()} == {
        "camera.png.premis.xml",
        "film.mp4.premis.xml",
    }
    assert json.loads((ours / "run.json").read_text())["exit_code"] == 3
    assert here("verify", bag, "--sources", scans).returncode == 0
    for torn in (bag / "manifest-sha256.txt", ours / "premis" / "film.mp4.premis.xml"):
        torn.unlink()
    before = stamps(bag / "data")
    assert here(*words).returncode == 3
    assert is_valid(bag)
    assert (ours / "premis" / "film.mp4.premis.xml").exists()
    assert stamps(bag / "data") == before


def test_a_bag_of_films_needs_a_folder(scans, capsys):
    assert main(["video", str(scans), "--bag"]) == ExitCode.USAGE
    assert "--output FOLDER" in capsys.readouterr().err


def test_versions_are_looked_up_once_a_run(scans, checkpoint, tmp_path, monkeypatch):
    for copy in ("b.png", "c.png", "d.png"):
        shutil.copy(scans / "camera.png", scans / copy)
    asked = []

    def from_name(name):
        asked.append(name)
        return found(name)

    found = importlib.metadata.Distribution.from_name
    monkeypatch.setattr(importlib.metadata.Distribution, "from_name", from_name)
    program_version.cache_clear()
    words = ["--working-size", "64", "--jobs", "1", "--premis", "--checkpoint", str(checkpoint)]
    assert main(["dir", str(scans), str(tmp_path / "out"), *words]) == ExitCode.OK
    assert asked.count("archivecolor") == 1
    assert {name: asked.count(name) for name in asked if asked.count(name) > 1} == {}
