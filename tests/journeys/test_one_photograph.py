"""`archivecolor photo`: photographs by name, each beside itself, into a file, a folder or a pipe."""

import io
import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from skimage import data
from small_archive import grey_of

from archivecolor.cli.main import main
from archivecolor.colour.luma import luma_codes
from archivecolor.errors import ExitCode
from archivecolor.settings import DirSettings, PhotoSettings


@pytest.fixture
def scans(tmp_path, monkeypatch):
    """A folder to type in, with a grey JPEG, a grey PNG and a colour JPEG."""
    grey_of("astronaut", (96, 80)).save(tmp_path / "scan.jpg", quality=90)
    grey_of("chelsea", (96, 64)).save(tmp_path / "cat.png")
    Image.fromarray(data.coffee()).resize((96, 64)).save(tmp_path / "cup.jpg")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def photo(checkpoint):
    def run(*words):
        return main(
            ["photo", "--working-size", "64", "--device", "cpu", "--checkpoint", str(checkpoint), *words]
        )

    return run


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_each_lies_beside_its_scan_and_what_is_in_colour_is_copied(scans, photo, capsys):
    assert photo("scan.jpg", "cat.png", "cup.jpg") == ExitCode.OK
    assert names(scans) == [
        "cat-colour.png",
        "cat.png",
        "cup-colour.jpg",
        "cup.jpg",
        "scan-colour.jpg",
        "scan.jpg",
    ]
    grey, rgb = np.asarray(Image.open("cat.png")), np.asarray(Image.open("cat-colour.png"))
    assert np.array_equal(luma_codes(rgb), grey)
    assert np.ptp(rgb, axis=2).max() > 8
    assert (scans / "cup-colour.jpg").read_bytes() == (scans / "cup.jpg").read_bytes()
    said = capsys.readouterr().err
    assert "scan.jpg -> scan-colour.jpg\n" in said
    assert "cup.jpg -> cup-colour.jpg  (already in colour; copied as it is)" in said


def test_the_same_command_again_does_nothing_not_even_with_a_glob(scans, photo, capsys):
    assert photo("*.jpg") == ExitCode.OK
    before = {path.name: path.stat().st_mtime_ns for path in scans.iterdir()}
    assert photo("*.jpg") == ExitCode.OK
    assert {path.name: path.stat().st_mtime_ns for path in scans.iterdir()} == before
    assert "0 done; 2 up to date" in capsys.readouterr().err


def test_an_output_is_no_source(scans, photo, capsys):
    assert photo("scan.jpg", "-o", "other.jpg") == ExitCode.OK
    assert photo("other.jpg") == ExitCode.OK
    assert "1 made by this program" in capsys.readouterr().err
    assert "other-colour.jpg" not in names(scans)


def test_an_output_beside_its_scan_is_passed_over_by_runs_over_the_folder(scans, photo, checkpoint, capsys):
    assert photo("scan.jpg", "cat.png") == ExitCode.OK
    (scans / "cat-colour.png").rename(scans / "renamed.png")
    (scans / "mine-colour.png").write_bytes((scans / "cat.png").read_bytes())
    (scans / "in").mkdir()
    for path in list(scans.glob("*.*")):
        path.rename(scans / "in" / path.name)
    capsys.readouterr()
    quick = ["--working-size", "64", "--device", "cpu", "--checkpoint", str(checkpoint), "-j", "1"]
    assert main(["dir", "in", "out", *quick]) == ExitCode.OK
    assert "1 coloured by this program passed over" in capsys.readouterr().err
    lines = (scans / "out" / "_archivecolor" / "manifest.jsonl").read_text().splitlines()
    seen = sorted(json.loads(line)["path"] for line in lines)
    assert seen == ["cat.png", "cup.jpg", "mine-colour.png", "renamed.png", "scan.jpg"]
    passed_over = (scans / "out" / "_archivecolor" / "passed-over.jsonl").read_text()
    assert json.loads(passed_over) == {"path": "scan-colour.jpg", "reason": "ours"}


def test_other_settings_write_over_our_own_only_when_asked(scans, photo):
    assert photo("cat.png") == ExitCode.OK
    first = (scans / "cat-colour.png").read_bytes()
    assert photo("cat.png", "--saturation", "0.5") == ExitCode.SOME_FAILED
    assert (scans / "cat-colour.png").read_bytes() == first
    assert photo("cat.png", "--saturation", "0.5", "--overwrite") == ExitCode.OK
    assert (scans / "cat-colour.png").read_bytes() != first


@pytest.mark.parametrize("name", ["cat-colour.png", "scan-colour.bmp"])
def test_a_file_that_is_not_ours_stays(scans, photo, capsys, name):
    Image.new("RGB", (9, 9), "red").save(name)
    grey_of("camera", (40, 40)).save("scan.bmp")
    before = (scans / name).read_bytes()
    assert photo(name.replace("-colour", ""), "--overwrite", "-v") == ExitCode.SOME_FAILED
    assert (scans / name).read_bytes() == before
    assert "not of this program's making" in capsys.readouterr().err


def test_what_another_program_worked_on_stays(scans, photo, capsys):
    assert photo("cat.png") == ExitCode.OK
    path = scans / "cat-colour.png"
    packet = Image.open(path).info["XML:com.adobe.xmp"]
    step = '<rdf:li stEvt:action="saved" stEvt:softwareAgent="GIMP 2.10"/></rdf:Seq>'
    edited = packet.replace("</rdf:Seq>", step)
    assert edited != packet
    from PIL.PngImagePlugin import PngInfo

    text = PngInfo()
    text.add_itxt("XML:com.adobe.xmp", edited)
    Image.new("RGB", (96, 64), "red").save(path, pnginfo=text)
    before = path.read_bytes()
    assert photo("cat.png", "--saturation", "0.5", "--overwrite", "-v") == ExitCode.OK
    assert path.read_bytes() == before
    assert "worked on with GIMP 2.10" in capsys.readouterr().err


def test_bytes_that_say_nothing_of_themselves_are_compared(scans, photo, capsys):
    grey_of("camera", (40, 40)).save("scan.bmp")
    assert photo("scan.bmp") == ExitCode.OK
    assert photo("scan.bmp") == ExitCode.OK
    assert "1 up to date" in capsys.readouterr().err


def test_output_names_a_file_by_its_suffix_and_else_a_folder(scans, photo, capsys):
    assert photo("cat.png", "-o", "b.jpg", "--json") == ExitCode.OK
    (line,) = capsys.readouterr().out.splitlines()
    record = json.loads(line)
    assert (record["path"], record["output"]["path"], record["reason"]) == ("cat.png", "b.jpg", "coloured")
    assert Image.open("b.jpg").format == "JPEG"
    assert photo("cat.png", "scan.jpg", "-o", "out") == ExitCode.OK
    assert names(scans / "out") == ["cat.png", "scan.jpg"]
    assert photo("cat.png", "-o", "folder.jpg/") == ExitCode.OK
    assert names(scans / "folder.jpg") == ["cat.png"]
    assert photo("cat.png", "-o", "album.2024") == ExitCode.OK
    assert names(scans / "album.2024") == ["cat.png"]
    assert photo("cat.png", "-o", ".") == ExitCode.OK
    assert (scans / "cat-colour.png").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("cat.png", "scan.jpg", "-o", "b.jpg"), "give a folder"),
        (("cat.png", "-o", "scan.jpg", "scan.jpg"), "give a folder"),
        (("cat.png", "-o", "cat.png"), "never written over"),
        (("cat.png", "-o", "b.jpg", "--format", "png"), "b.jpg would hold a png"),
        (
            ("cat.png", "-o", "b.bmp"),
            "b.bmp would hold a png; give it one of the suffixes .jpg .png .tif .webp",
        ),
        (("cat.png", "-o", "b.png "), '"b.png " ends in a blank'),
        (("cup.jpg", "-o", "copy.png"), "copy.png would hold a jpeg; give it the suffix of a jpeg"),
        (("cat.png", "-o", "b.gif"), ".jpg .png .tif .webp"),
        (("cat.png", "-o", "b.heic"), ".jpg .png .tif .webp"),
        (("cat.png", "-o", "b.pdf"), "b.pdf/"),
        (("cat.png", "-o", "b.mp4"), ".jpg .png .tif .webp"),
        (("cat.png", "-o", "/dev/full"), "neither a folder nor called like a picture"),
        (("nothing.png",), "nothing.png does not exist"),
        (("*.gif",), "no file is called *.gif"),
        (("sub",), "archivecolor dir sub sub-colour"),
        (("film.mp4",), "archivecolor video film.mp4"),
        (("cat.png", "sub/cat.png", "-o", "out"), "would both be out"),
        (("-", "cat.png"), "one photograph at a time"),
        (("-", "--json"), "give --output FILE"),
    ],
)
def test_what_cannot_be_is_refused_with_the_way_out(scans, photo, capsys, words, said):
    (scans / "sub").mkdir()
    (scans / "film.mp4").touch()
    (scans / "sub" / "cat.png").write_bytes((scans / "cat.png").read_bytes())
    before = names(scans)
    assert photo(*words) == ExitCode.USAGE
    assert said in capsys.readouterr().err
    assert names(scans) == before


def test_one_that_is_broken_costs_itself(scans, photo, capsys):
    (scans / "broken.jpg").write_bytes((scans / "scan.jpg").read_bytes()[:400])
    assert photo("broken.jpg", "scan.jpg") == ExitCode.SOME_FAILED
    assert "1 done, 1 failed" in capsys.readouterr().err
    assert "broken-colour.jpg" not in names(scans)


def test_one_whose_name_is_wrong_does_not_end_the_run(scans, photo):
    (scans / "wrong.jpg").write_bytes((scans / "cat.png").read_bytes())
    assert photo("wrong.jpg", "scan.jpg") == ExitCode.OK
    assert Image.open("wrong-colour.jpg").format == "PNG"
    assert (scans / "scan-colour.jpg").exists()


def test_a_pipe_takes_and_gives_a_picture(scans, checkpoint):
    command = [
        sys.executable,
        "-m",
        "archivecolor",
        "photo",
        "-",
        "--working-size",
        "64",
        "--checkpoint",
        checkpoint,
    ]
    scan = (scans / "cat.png").read_bytes()
    done = subprocess.run(
        [*command, "--device", "cpu"], input=scan, check=True, capture_output=True, timeout=120
    )
    rgb = np.asarray(Image.open(io.BytesIO(done.stdout)))
    assert np.array_equal(luma_codes(rgb), np.asarray(Image.open("cat.png")))
    assert b"- -> standard output" in done.stderr


def test_a_file_alone_is_enough(scans, checkpoint, capsys):
    assert main(["cat.png", "--working-size", "64", "--checkpoint", str(checkpoint)]) == ExitCode.OK
    assert "cat-colour.png" in names(scans)
    assert main(["."]) == ExitCode.USAGE
    assert "archivecolor dir . OUT" in capsys.readouterr().err
    (scans / "doctor").mkdir()
    assert main(["doctor", "--device", "cpu", "--checkpoint", str(checkpoint)]) == ExitCode.OK
    assert main(["dir", "cat.png", "out"]) == ExitCode.USAGE
    assert "archivecolor photo cat.png" in capsys.readouterr().err
    assert main(["video", "cat.png"]) == ExitCode.USAGE
    assert "archivecolor photo cat.png" in capsys.readouterr().err


def test_its_settings_are_those_of_a_tree(scans):
    """So that a picture says the same of itself, whichever command made it."""
    assert PhotoSettings(input=(scans,)).digest() == DirSettings(input=scans, output=scans).digest()
