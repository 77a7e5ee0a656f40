"""What people decide outlives every run, shapes what it names alone, and can be taken back."""

import json
import re
import shutil
from contextlib import contextmanager
from xml.etree import ElementTree

import numpy as np
import pytest
import tifffile
from decided_archive import RED
from PIL import Image
from skimage import data
from small_archive import grey_of, tree

from archivecolor.archive.lock import locked
from archivecolor.archive.manifest import ManifestWriter, Record, Source, Status
from archivecolor.archive.premis import premis_of
from archivecolor.cli.main import main
from archivecolor.errors import Reason
from archivecolor.metadata.xmp import HISTORY, RDF, qualified_name


@pytest.fixture
def archive(copy_of_archive, tmp_path):
    """A copy, to be decided about."""
    return copy_of_archive(tmp_path)


def cbcr_at(path, x, y, page=0):
    """Cb and Cr codes of a place of an output, upright."""
    if path.suffix == ".tif":
        rgb = tifffile.imread(path, key=page).astype(float)
        rgb /= 257 if rgb.max() > 255 else 1
    else:
        image = Image.open(path)
        turn = image.getexif().get(0x0112, 1)
        rgb = np.asarray(image.convert("RGB"), float)
        rgb = np.rot90(rgb, -1) if turn == 6 else rgb
    red, green, blue = rgb[int(y * rgb.shape[0]), int(x * rgb.shape[1])]
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    return np.array([(blue - luma) / 1.772, (red - luma) / 1.402])


@pytest.mark.parametrize(
    ("name", "x", "y", "page"),
    [
        ("album/anna.png", 0.3, 0.85, 0),
        ("album/turned.jpg", 0.8, 0.7, 0),
        ("pages.tif", 0.5, 0.5, 1),
        ("deep.tif", 0.2, 0.6, 0),
        ("panorama.png", 0.9, 0.4, 0),
    ],
)
def test_a_hint_colours_its_place_and_no_other_picture(archive, name, x, y, page, capsys):
    before = tree(archive.output)
    words = ("--page", page + 1) if page else ()
    archive.correct(name, "--hint", f"{x:.0%},{y:.0%}={RED}", *words)
    assert archive.changed(before) == {name}
    moved = cbcr_at(archive.output / name, x, y, page)
    assert moved[1] > 20 > moved[0]
    assert str(archive.output / name) in capsys.readouterr().err
    record = archive.record(name)
    assert len(record.decision) == 16
    corrected, count = tree(archive.output), archive.records()
    archive.dir()
    assert (tree(archive.output), archive.records()) == (corrected, count)
    if page:
        before_first, first = (
            tifffile.imread(folder / name, key=0) for folder in (archive.output, archive.output)
        )
        np.testing.assert_array_equal(before_first, first)


def test_pixels_and_per_cent_are_the_same_place_upright(archive):
    """90 x 120 pixels as stored, turned to 120 x 90."""
    archive.correct("album/turned.jpg", "--hint", f"107.5,44.5={RED}")
    by_pixels = (archive.output / "album/turned.jpg").read_bytes()
    archive.correct("album/turned.jpg", "--reset", "--hint", f"90%,50%={RED}")
    decided = (archive.output / "_archivecolor" / "decisions.jsonl").read_text().splitlines()
    first, second = (json.loads(line)["correction"]["hints"] for line in decided)
    assert first == second == [{"x": 0.9, "y": 0.5, "colour": RED, "reach": "all"}]
    assert Image.open(archive.output / "album/turned.jpg").size == (90, 120)
    assert by_pixels


def test_a_decision_taken_back_gives_the_old_bytes(archive):
    before = tree(archive.output)
    archive.correct("cat.jpg", "--hint", f"50%,50%={RED}", "--saturation", 0.5)
    assert archive.changed(before) == {"cat.jpg"}
    archive.correct("cat.jpg", "--reset")
    assert archive.changed(before) == set()
    assert archive.record("cat.jpg").decision is None


def test_decided_now_carried_out_by_the_next_run(archive, capsys):
    before = tree(archive.output)
    archive.correct("cat.jpg", "--saturation", 0.0, "--later")
    assert "correct: 1 picture or film decided about; the next run" in capsys.readouterr().err
    archive.correct("album/*", "--accept", "--later")
    assert "correct: 2 pictures decided about; the next run" in capsys.readouterr().err
    assert archive.changed(before) == set()
    archive.dir()
    assert archive.changed(before) == {"cat.jpg"}
    grey = np.asarray(Image.open(archive.output / "cat.jpg").convert("YCbCr"), int)
    assert np.abs(grey[..., 1:] - 128).max() <= 1


def test_what_was_decided_is_told_by_the_picture_its_record_and_premis(archive):
    note = "dress was blue, a family letter says <&>"
    words = ("--hint", f"30%,85%={RED},thing", "--saturation", 0.5, "--note", note, "--by", "Ann\x07")
    archive.correct("album/anna.png", *words)
    record = archive.record("album/anna.png")
    assert record.correction["note"] == note
    assert record.correction["hints"] == [{"x": 0.3, "y": 0.85, "colour": RED, "reach": "thing"}]
    told = f"{RED} at 30.0%, 85.0% (thing); saturation 0.5; note: {note}; by: Ann\\x07"
    packet = Image.open(archive.output / "album/anna.png").info["XML:com.adobe.xmp"]
    predicted, corrected = ElementTree.fromstring(packet).findall(f".//{HISTORY}//{{{RDF}}}li")
    event = qualified_name("stEvt:parameters")
    assert corrected.get(event) == f"colour corrected by a person: {told}"
    assert corrected.get(qualified_name("stEvt:when")) == record.correction["at"]
    (description,) = ElementTree.fromstring(packet).iter(f"{{{RDF}}}Description")
    prompt = description.get(qualified_name("Iptc4xmpExt:AIPromptInformation"))
    assert prompt == f"{RED} at 30.0%, 85.0% (thing); {note}"
    assert description.get(qualified_name("Iptc4xmpExt:AIPromptWriterName")) == "Ann\\x07"
    assert record.decision in predicted.get(event)
    premis = ElementTree.tostring(premis_of(record), encoding="unicode")
    assert "colour corrected by a person" in premis
    assert ">person<" in premis
    archive.correct("album/anna.png", "--accept")
    assert archive.record("album/anna.png").correction == record.correction


def test_a_rejected_picture_has_no_output_until_it_is_taken_back(archive, capsys):
    before = tree(archive.output)
    archive.correct("cat.jpg", "--reject", "--note", "faces are wrong")
    assert archive.changed(before) == {"cat.jpg"}
    assert not (archive.output / "cat.jpg").exists()
    record = archive.record("cat.jpg")
    assert (record.status.value, record.reason.value, record.detail) == (
        "skipped",
        "rejected",
        "faces are wrong",
    )
    assert record.source.sha256
    count = archive.records()
    archive.dir("--overwrite")
    archive.dir()
    assert not (archive.output / "cat.jpg").exists()
    assert main(["verify", str(archive.output)]) == 0
    capsys.readouterr()
    assert main(["decisions", "list", str(archive.output)]) == 0
    assert capsys.readouterr().out.startswith("cat.jpg: rejected")
    assert archive.records() > count
    archive.correct("cat.jpg", "--reset")
    assert archive.changed(before) == set()


def test_handwork_is_kept_though_the_picture_is_rejected(archive):
    (archive.output / "cat.jpg").write_bytes(b"retouched")
    archive.correct("cat.jpg", "--reject")
    assert (archive.output / "cat.jpg").read_bytes() == b"retouched"


def test_an_accepted_picture_stays_whatever_the_options_are(archive):
    archive.correct("cat.jpg", "--accept", "--by", "Ann")
    kept = (archive.output / "cat.jpg").read_bytes()
    before = tree(archive.output)
    archive.dir("--saturation", 0.4, "--overwrite")
    assert "cat.jpg" not in archive.changed(before)
    assert "album/anna.png" in archive.changed(before)
    archive.dir("--saturation", 0.4, "--redo-accepted")
    assert (archive.output / "cat.jpg").read_bytes() != kept


def test_that_a_decision_takes_back_others_is_said_with_the_way_to_keep_them(archive, capsys):
    archive.correct("cat.jpg", "--accept", "--later")
    archive.correct("deep.tif", "--reject", "--later")
    assert "no longer" not in capsys.readouterr().err
    archive.correct("*.*", "--saturation", "0.5", "--later")
    said = capsys.readouterr().err
    assert "1 that was accepted is so no longer: cat.jpg; `archivecolor decisions undo " in said
    assert "1 that was rejected is so no longer: deep.tif" in said
    assert main(["decisions", "undo", str(archive.output), "cat.jpg"]) == 0
    capsys.readouterr()
    archive.correct("cat.jpg", "--reset", "--later")  # that is what is meant
    assert "no longer" not in capsys.readouterr().err


def test_a_changed_source_keeps_its_decision_without_its_hints(archive, capsys):
    archive.correct("cat.jpg", "--hint", f"50%,50%={RED}", "--saturation", 0.5)
    grey_of("rocket", (100, 100)).save(archive.scans / "cat.jpg")
    capsys.readouterr()
    archive.dir()
    said = capsys.readouterr().err
    assert said.count("hints were not applied, as the scan changed after they were given: cat.jpg;") == 1
    assert main(["decisions", str(archive.output)]) == 0
    assert "(its hints are not applied: the scan changed)" in capsys.readouterr().out
    record = archive.record("cat.jpg")
    assert "hints were given, which are not applied" in record.detail
    with_decision = (archive.output / "cat.jpg").read_bytes()
    count = archive.records()
    archive.dir()
    assert archive.records() == count
    archive.correct("cat.jpg", "--reset", "--saturation", 0.5)
    assert archive.record("cat.jpg").detail == ""
    plain = np.asarray(Image.open(archive.output / "cat.jpg"))
    (archive.output / "with.jpg").write_bytes(with_decision)
    np.testing.assert_array_equal(np.asarray(Image.open(archive.output / "with.jpg")), plain)


def test_handwork_is_put_aside_on_request_and_made_anew_and_history_says_so(archive):
    made, plain = (
        (archive.output / "cat.jpg").read_bytes(),
        np.asarray(Image.open(archive.output / "cat.jpg")),
    )
    (archive.output / "cat.jpg").write_bytes(b"retouched")
    archive.correct("cat.jpg", "--saturation", 0.5)
    assert (archive.output / "cat.jpg").read_bytes() == b"retouched"
    archive.correct(archive.output / "cat.jpg", "--reset", "--take-back", "--by", "A. Meyer")
    np.testing.assert_array_equal(np.asarray(Image.open(archive.output / "cat.jpg")), plain)
    (aside,) = archive.output.glob("cat.jpg.by-hand-*")
    assert aside.read_bytes() == b"retouched"
    day = aside.name.rpartition("by-hand-")[2]
    said = f"somebody had worked on was put aside on {day}; by: A. Meyer"
    assert said.encode() in (archive.output / "cat.jpg").read_bytes()
    aside.unlink()
    archive.dir("--overwrite", "--include", "cat.jpg")
    assert said.encode() in (archive.output / "cat.jpg").read_bytes()
    archive.correct("cat.jpg", "--reset")
    assert (archive.output / "cat.jpg").read_bytes() == made


def test_that_there_was_no_handwork_is_said_and_nothing_of_it_by_the_picture(archive, capsys):
    made = tree(archive.output)
    said = "--take-back: nobody changed the output of cat.jpg; it is made anew"
    archive.correct("cat.jpg", "--take-back")
    assert said in capsys.readouterr().err
    archive.dir("--take-back", "cat.jpg")
    assert said in capsys.readouterr().err
    assert tree(archive.output) == made
    (archive.output / "cat.jpg").write_bytes((archive.output / "album/turned.jpg").read_bytes())
    archive.dir("--take-back", "cat.jpg")
    assert "nobody changed" not in capsys.readouterr().err


def test_handwork_is_kept_and_the_way_out_is_that_of_the_command(archive, capsys):
    (archive.output / "cat.jpg").write_bytes(b"retouched")
    for _ in range(2):
        archive.correct("cat.jpg", "--saturation", 0.5)
        said = capsys.readouterr().err
        assert "cat.jpg: somebody worked on its output, which stays; --take-back puts that aside" in said
        assert "--take-back PATH" not in said
        assert f"correct: {archive.output}" not in said


def test_handwork_on_a_rejected_picture_is_kept_and_not_said_to_be_put_aside(archive, capsys):
    (archive.output / "cat.jpg").write_bytes(b"retouched")
    archive.correct("cat.jpg", "--reject")
    assert "it is rejected, but somebody worked on its output, which stays" in capsys.readouterr().err
    decided = (archive.output / "_archivecolor" / "decisions.jsonl").read_bytes()
    archive.correct("cat.jpg", "--take-back", code=2)
    assert "cat.jpg is rejected, and so is not made anew: --reset it" in capsys.readouterr().err
    assert (archive.output / "_archivecolor" / "decisions.jsonl").read_bytes() == decided
    assert (archive.output / "cat.jpg").read_bytes() == b"retouched"
    archive.correct("cat.jpg", "--reset", "--take-back")
    (aside,) = archive.output.glob("cat.jpg.by-hand-*")
    assert aside.read_bytes() == b"retouched"


def test_what_somebody_unnamed_adds_is_not_said_to_be_of_whoever_was_named_before(archive, capsys):
    archive.correct("cat.jpg", "--hint", "20%,20%=red", "--by", "Ann", "--note", "a letter", "--later")
    archive.correct("cat.jpg", "--hint", "80%,80%=blue", "--later")
    archive.correct("cat.jpg", "--hint", "50%,50%=grey", "--by", "Bob", "--note", "his coat", "--later")
    line = json.loads((archive.output / "_archivecolor" / "decisions.jsonl").read_text().splitlines()[-1])
    assert line["correction"]["by"] == "Ann, Bob and others"
    assert line["correction"]["note"] == "a letter; his coat"
    again = ("--by", "Ann", "--note", "a letter; his coat", "--later")
    archive.correct("cat.jpg", "--hint", "10%,10%=red", *again)
    line = json.loads((archive.output / "_archivecolor" / "decisions.jsonl").read_text().splitlines()[-1])
    assert line["correction"]["by"] == "Ann, Bob and others"
    assert line["correction"]["note"] == "a letter; his coat"
    for _ in range(3):
        assert main(["decisions", "undo", str(archive.output), "cat.jpg"]) == 0
    capsys.readouterr()
    assert main(["decisions", "list", str(archive.output)]) == 0
    assert re.search(r'cat.jpg: 1 hint  \S+  Ann  "a letter"', capsys.readouterr().out)
    archive.correct("cat.jpg", "--hint", "20%,20%=green", "--by", "Bob", "--later")
    line = json.loads((archive.output / "_archivecolor" / "decisions.jsonl").read_text().splitlines()[-1])
    assert (line["correction"]["by"], line["correction"].get("note")) == ("Bob", None)


def test_a_picture_keeps_its_format_whatever_the_last_run_gave_to_others(archive, capsys):
    archive.dir("--format", "webp", "--include", "album/*")
    archive.correct("cat.jpg", "--saturation", 0.5)
    assert not (archive.output / "cat.webp").exists()
    archive.correct("album/anna.png", "--saturation", 0.5)
    assert archive.record("album/anna.png").output.path == "album/anna.webp"
    archive.correct("cat.jpg", "album/anna.png", "--reset", code=2)
    assert "of several formats" in capsys.readouterr().err


def test_what_somebody_else_decides_meanwhile_is_not_lost(archive, monkeypatch):
    """Between the command and its lock."""

    @contextmanager
    def late(*arguments):
        monkeypatch.undo()
        archive.correct("cat.jpg", "--hint", "20%,20%=red", "--later")
        with locked(*arguments) as lock:
            yield lock

    monkeypatch.setattr("archivecolor.jobs.correct.locked", late)
    archive.correct("cat.jpg", "--hint", "80%,80%=blue", "--later")
    line = (archive.output / "_archivecolor" / "decisions.jsonl").read_text().splitlines()[-1]
    assert [hint["colour"] for hint in json.loads(line)["correction"]["hints"]] == ["#ff0000", "#0000ff"]


def test_what_is_no_file_of_decisions_is_refused_once(archive, tmp_path, capsys):
    assert main(["decisions", "import", str(archive.output), str(archive.scans / "cat.jpg")]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "cat.jpg is no file of decisions; `archivecolor decisions export` writes one" in said
    archive.correct("cat.jpg", "--accept", "--later")
    other = tmp_path / "other.jsonl"
    other.write_text(
        'not a line\n{"format":1,"path":"cat.jpg","state":"rejected","at":"2000-01-01T00:00:00Z"}\n'
    )
    capsys.readouterr()
    assert main(["decisions", "import", str(archive.output), str(other)]) == 0
    out, said = capsys.readouterr()
    assert "line 1 is damaged" in said
    assert (out, "cat.jpg" in said) == ("", True)


def test_decisions_of_a_clock_that_runs_ahead_are_told(archive, tmp_path, capsys):
    other = tmp_path / "other.jsonl"
    line = {"format": 1, "path": "cat.jpg", "state": "accepted", "at": "2999-01-01T00:00:00Z"}
    other.write_text(json.dumps(line) + "\n")
    capsys.readouterr()
    assert main(["decisions", "import", str(archive.output), str(other)]) == 0
    assert "cat.jpg is decided at 2999-01-01T00:00:00Z, which is still to come" in capsys.readouterr().err


def test_hints_add_up_and_one_in_the_same_place_is_replaced(archive):
    for colour, x in (("red", 20), ("blue", 80), ("green", 20.2)):
        archive.correct("cat.jpg", "--hint", f"{x}%,50%={colour}", "--later")
    line = (archive.output / "_archivecolor" / "decisions.jsonl").read_text().splitlines()[-1]
    assert [hint["colour"] for hint in json.loads(line)["correction"]["hints"]] == ["#0000ff", "#008000"]


def test_more_hints_than_a_picture_can_have_are_told_with_their_number(archive, capsys):
    places = [("--hint", f"{x}%,{y}%={RED}") for x in range(0, 100, 5) for y in range(0, 100, 5)]
    many, few = ([word for words in places[first::2] for word in words] for first in (0, 1))
    archive.correct("cat.jpg", *many[: 2 * 150], "--later")
    capsys.readouterr()
    archive.correct("cat.jpg", *few[: 2 * 60], "--later", code=2)
    assert "200 hints are the most, of all its pages together; 60 are given now and 150 before" in (
        said := capsys.readouterr().err
    )
    assert "--reset" in said
    archive.correct("deep.tif", *many, *few[:2], "--later", code=2)
    said = capsys.readouterr().err
    assert "201 are given now" in said and "--reset" not in said


def test_that_hints_of_a_picture_that_is_not_coloured_wait_is_said_with_the_way(archive, capsys):
    tinted = np.repeat(np.asarray(grey_of("coins", (90, 80)))[..., None], 3, axis=2)
    tinted[:30] = tinted[:30] * [1.0, 0.2, 0.2]
    Image.fromarray(tinted).save(archive.scans / "tinted.png")
    archive.dir()
    reason = archive.record("tinted.png").reason.value
    assert reason in ("tinted", "already-colour")
    said = (
        f"tinted.png: not coloured ({reason}), so that what was decided about colour waits; `--colour recol"
    )
    for words in (["--later"], []):
        capsys.readouterr()
        archive.correct("tinted.png", "--hint", "35%,60%=navy", *words)
        assert said in capsys.readouterr().err
    archive.correct("tinted.png", "--colour", "recolour")
    assert "waits" not in capsys.readouterr().err
    assert archive.record("tinted.png").reason is Reason.COLOURED


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["cot.jpg", "--accept"], "there is no picture cot.jpg .* did you mean cat.jpg"),
        (["cat.jpg"], "nothing is decided"),
        (["cat.jpg", "--accept", "--reject"], "contradict each other"),
        (["cat.jpg", "--accept", "--note", "caf\udce9"], r"--note is not UTF-8 \(caf\\xe9\); type it"),
        (["cat.jpg", "--accept", "--by", "\udcff"], r"--by is not UTF-8 \(\\xff\); type it"),
        (["cat.jpg", "--accept", "--note", "n" * 10_001], "--note has 10,001 characters; .* up to 10,000"),
        (["cat.jpg", "--hint", "400,3=red"], "cat.jpg is 100 x 100 pixels .* outside"),
        (["cat.jpg", "--hint", "40%,3"], "is not understood; write X,Y=COLOUR"),
        (["cat.jpg", "--hint", "x,3=red"], "'x' is no number"),
        (["cat.jpg", "--hint", "4,3=rgb(10,20,30)"], "write the colour as #rrggbb, or as a CSS name"),
        (["cat.jpg", "--hint", "caf\udce9"], r"--hint 'caf\\xe9' is not understood"),
        (["cat.jpg", "--hint", "4,3=rad"], "no colour 'rad'.* did you mean 'red'"),
        (["cat.jpg", "--hint", "4,3=red,al"], "no reach 'al'.* did you mean 'all'"),
        (["cat.jpg", "--hint", "4,3=red", "--page", "2"], "it has 1 page, no page 2"),
        (["album/*", "--hint", "4,3=red"], "hints are for one picture at a time"),
        (["nothing/*", "--accept"], "matches no picture"),
        (["cat.jpg", "--take-back", "--later"], "leave --later out"),
        (["cat.jpg", "film.mp4", "--saturation", "0.5"], "film.mp4 is a film; give it alone"),
        (["cat.jpg", "--at", "1", "--saturation", "0.5"], "--at is a moment of a film"),
        (["film.*", "--saturation", "0.5"], "matches no picture"),
        (["broken.jpg", "--hint", "4,3=red"], "broken.jpg: truncated: the jpeg ends"),
    ],
)
def test_what_cannot_be_is_said_and_decides_nothing(archive, words, message, capsys):
    before = tree(archive.output)
    whole = (archive.scans / "cat.jpg").read_bytes()
    (archive.scans / "broken.jpg").write_bytes(whole[: len(whole) // 2])
    (archive.scans / "film.mp4").write_bytes(b"a film")
    with ManifestWriter(archive.output / "_archivecolor" / "manifest.jsonl") as writer:
        writer.append(Record("film.mp4", Status.FAILED, Reason.TRUNCATED, Source(6, 1), kind="film"))
    archive.correct(*words, code=2)
    assert re.search(message, capsys.readouterr().err)
    assert not (archive.output / "_archivecolor" / "decisions.jsonl").exists()
    assert archive.changed(before) == set()


def test_a_colour_that_its_place_makes_another_is_said(archive, capsys):
    Image.new("L", (90, 80), 250).save(archive.scans / "white.png")
    archive.correct("white.png", "--hint", "50%,50%=blue")
    told = capsys.readouterr().err
    said = (
        "white.png: #0000ff at 50.0%, 50.0% comes out as #f8faff: its lightness is the scan's, a grey of 98 %"
    )
    assert said in told
    archive.correct("cat.jpg", "--hint", "50%,50%=#606870", "--later")
    assert "comes out as" not in capsys.readouterr().err
    hints = [word for x in range(10, 90, 10) for word in ("--hint", f"{x}%,30%=blue")]
    archive.correct("white.png", *hints, "--later")
    told = capsys.readouterr().err
    assert told.count(" comes out as #") == 5
    assert "correct: white.png: and 3 more such hints" in told
    assert (archive.output / "white.png").exists()


def test_where_the_scans_are_gone_the_input_is_asked_for(archive, tmp_path, capsys):
    archive.scans.rename(tmp_path / "moved")
    archive.correct("cat.jpg", "--accept", code=2)
    assert "give --input FOLDER" in capsys.readouterr().err
    archive.correct("cat.jpg", "--accept", "--input", tmp_path / "moved")


def test_a_run_whose_folders_were_typed_from_elsewhere_is_found_again(archive, tmp_path, monkeypatch):
    monkeypatch.chdir(archive.scans.parent)
    assert main(["dir", "in", "out", *map(str, archive.options), "--include", "cat.jpg"]) == 0
    run_json = json.loads((archive.output / "_archivecolor" / "run.json").read_text())
    assert run_json["settings"]["input"] == str(archive.scans)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    archive.correct("cat.jpg", "--accept", "--later")


def test_two_people_at_once_wait_for_each_other_and_lose_nothing(archive, capsys):
    with locked(archive.output):
        archive.correct("cat.jpg", "--accept", "--wait-lock", 0, code=11)
    assert not (archive.output / "_archivecolor" / "decisions.jsonl").exists()
    archive.correct("cat.jpg", "--accept", "--wait-lock", 0)


def test_deciding_about_one_of_two_gives_it_no_name_that_both_would_have(archive, capsys):
    for name in ("twin.jpg", "Twin.PNG"):
        grey_of("coins", (90, 80)).save(archive.scans / name)
    archive.dir("--format", "png", "--include", "[tT]win.*", code=3)
    archive.correct("twin.jpg", "--accept", code=3)
    assert archive.record("twin.jpg").reason is Reason.NAME_COLLISION
    assert not (archive.output / "twin.png").exists()
    assert "Twin.PNG" in capsys.readouterr().err


def test_a_decision_outlives_a_run_that_was_killed_before_it_made_the_picture(archive):
    """What a kill between the two leaves: the decision, and the picture from before."""
    before = tree(archive.output)
    archive.correct("cat.jpg", "--hint", f"50%,50%={RED}", "--later")
    decisions = archive.output / "_archivecolor" / "decisions.jsonl"
    decisions.write_bytes(decisions.read_bytes() + b'{"format":1,"path":"cat.j')
    archive.dir()
    assert archive.changed(before) == {"cat.jpg"}
    archive.correct("cat.jpg", "--reset")
    assert archive.changed(before) == set()
    assert decisions.read_bytes().count(b"\n") == 2


def test_decisions_of_a_newer_version_stop_everybody_and_stay(archive, capsys):
    decisions = archive.output / "_archivecolor" / "decisions.jsonl"
    decisions.write_bytes(line := b'{"format":3,"path":"cat.jpg","state":"cherished"}\n')
    archive.dir(code=2)
    archive.correct("cat.jpg", "--accept", code=2)
    assert capsys.readouterr().err.count("format 3, written by a newer archivecolor") == 2
    assert decisions.read_bytes() == line


def test_a_rejected_picture_is_not_copied_where_the_rest_is(archive):
    archive.correct("cat.jpg", "--reject")
    archive.dir("--rest", "copy")
    assert not (archive.output / "cat.jpg").exists()
    count = archive.records()
    archive.dir("--rest", "copy")
    assert archive.records() == count


def test_what_a_run_drew_is_not_drawn_again(archive, tmp_path):
    sheet = tmp_path / "sheet.png"
    archive.dir("--sheet", sheet, "--report", tmp_path / "report", "--log-file", tmp_path / "log.txt")
    before = tree(tmp_path / "report"), sheet.stat().st_mtime_ns
    archive.correct("album/anna.png", "--saturation", "0.5")
    assert archive.record("album/anna.png").correction["settings"] == {"saturation": 0.5}
    assert (tree(tmp_path / "report"), sheet.stat().st_mtime_ns) == before


@pytest.fixture
def series(archive):
    """Two looks at one scene, coloured by the network of the package, whose features know things."""
    shutil.rmtree(archive.scans)
    archive.scans.mkdir()
    astronaut = Image.fromarray(data.astronaut())
    for name, box in (("one.png", (0, 0, 440, 440)), ("two.png", (60, 20, 512, 400))):
        astronaut.crop(box).convert("L").resize((160, 150)).save(archive.scans / name)
    grey_of("coins", (160, 150)).save(archive.scans / "coins.png")
    shutil.rmtree(archive.output)
    archive.options = ["--jobs", "1", "--device", "cpu"]
    archive.dir()
    return archive


def test_a_series_gets_the_look_of_a_colour_print_and_what_is_not_alike_stays(series, tmp_path, capsys):
    before, alone = tree(series.output), cbcr_at(series.output / "one.png", 0.2, 0.7)
    truth = Image.fromarray(data.astronaut()).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    truth.save(tmp_path / "print.jpg")
    series.correct("*", "--like", tmp_path / "print.jpg", "--note", "a print of 1999")
    assert series.changed(before) == {"one.png", "two.png"}
    assert "coins.png: nothing in it is like the reference" in capsys.readouterr().err
    # The suit is orange: the network alone gives it less.
    assert cbcr_at(series.output / "one.png", 0.2, 0.7)[1] > alone[1] + 8
    record = series.record("one.png")
    assert record.correction["reference"].startswith("print.jpg (")
    assert all(hint["soft"] for hint in record.correction["hints"])
    packet = Image.open(series.output / "one.png").info["XML:com.adobe.xmp"]
    assert " places like print.jpg (" in packet
    Image.fromarray(data.coffee()).resize((120, 90)).save(tmp_path / "coffee.png")
    series.correct("one.png", "--like", tmp_path / "coffee.png", code=2)
    assert "nothing is like" in capsys.readouterr().err
    # What is stored are hints: the reference is not needed again, and one of somebody's own counts above it.
    (tmp_path / "print.jpg").unlink()
    series.dir("--overwrite")
    count = len(record.correction["hints"])
    series.correct("one.png", "--hint", "20%,70%=navy")
    assert len(series.record("one.png").correction["hints"]) == count + 1
    assert cbcr_at(series.output / "one.png", 0.2, 0.7)[0] > 8
    series.correct("*", "--reset")
    assert series.changed(before) == set()


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        ("none.jpg", "there is no such picture"),
        ("grey.jpg", "has no colour to take"),
        ("text.jpg", "--like .*text.jpg: "),
    ],
)
def test_a_reference_that_gives_nothing_decides_nothing(archive, tmp_path, capsys, picture, message):
    grey_of("camera", (90, 90)).save(tmp_path / "grey.jpg")
    (tmp_path / "text.jpg").write_text("no picture")
    archive.correct("panorama.png", "--like", tmp_path / picture, code=2)
    assert re.search(message, capsys.readouterr().err)
    assert not (archive.output / "_archivecolor" / "decisions.jsonl").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [("jobs", "x"), ("batch_size", "8"), ("device", ["cpu"]), ("saturation", "NaN"), ("working_size", 7)],
)
def test_a_wrong_option_of_the_last_run_is_told_with_its_place(archive, capsys, name, value):
    run_json = archive.output / "_archivecolor" / "run.json"
    summary = json.loads(run_json.read_text())
    summary["settings"][name] = value
    run_json.write_text(json.dumps(summary))
    archive.correct("cat.jpg", "--saturation", "0.5", code=2)
    told = capsys.readouterr().err
    assert "run.json: the last run's" in told
    assert name in told


def test_a_last_run_without_options_is_one_that_is_not_known(archive, capsys):
    run_json = archive.output / "_archivecolor" / "run.json"
    summary = json.loads(run_json.read_text())
    run_json.write_text(json.dumps(summary | {"settings": [1]}))
    archive.correct("cat.jpg", "--saturation", "0.5", code=2)
    assert "give it with --input" in capsys.readouterr().err


def test_hints_for_a_picture_whose_scan_is_gone_are_refused(archive, capsys):
    (archive.scans / "cat.jpg").unlink()
    archive.correct("cat.jpg", "--hint", "4,3=red", code=2)
    assert f"cat.jpg: its scan is no longer in {archive.scans}" in capsys.readouterr().err
