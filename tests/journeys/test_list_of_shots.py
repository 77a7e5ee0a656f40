"""`archivecolor shots FILM`: a look at what a film is cut into, before it is coloured."""

import csv
import json
from pathlib import Path

import opentimelineio as otio
import pytest
from film_of_shots import three_shots, write_film_of_shots
from PIL import Image

from archivecolor.archive.manifest import Manifest
from archivecolor.cli.main import main
from archivecolor.engine.progress import NullListener
from archivecolor.engine.stopping import Stop
from archivecolor.errors import ExitCode, StoppedError
from archivecolor.film import edit_list
from archivecolor.jobs.shots import list_shots
from archivecolor.settings import ShotsSettings

COLOUR = "testsrc2=s=96x64:r=25:d=9,trim=end_frame=24"


def write(path, shots=None, rate=25, options=()):
    return write_film_of_shots(path, three_shots(rate) if shots is None else shots, options)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def quick(checkpoint):
    return ["--working-size", "64", "--device", "cpu", "--checkpoint", str(checkpoint)]


def rows_of(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def seen_in(folder):
    """The files that people see."""
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def test_lists_for_people_and_editing_programs_and_a_sheet(folder, quick, capsys):
    write(folder / "film.mp4")
    before = (folder / "film.mp4").read_bytes()
    assert main(["shots", "film.mp4", *quick]) == ExitCode.OK
    made = folder / "film-shots"
    assert seen_in(made) == [
        "sheet.jpg",
        "shots.csv",
        "shots.edl",
        "shots.otio",
    ]
    assert str(made.relative_to(folder) / "shots.csv") in capsys.readouterr().err
    rows = rows_of(made / "shots.csv")
    assert [(row["first_frame"], row["last_frame"], row["begins"]) for row in rows] == [
        ("0", "23", "start"),
        ("24", "73", "cut"),
        ("74", "97", "cut"),
    ]
    assert all(0 < float(row["confidence"]) < 1 for row in rows)
    timeline = otio.adapters.read_from_file(str(made / "shots.otio"))
    clips = list(timeline.find_clips())
    assert [clip.source_range.start_time.value for clip in clips] == [0, 24, 74]
    assert [clip.source_range.duration.value for clip in clips] == [24, 50, 24]
    assert {clip.media_reference.target_url for clip in clips} == {(folder / "film.mp4").as_uri()}
    events = [
        clip.source_range
        for clip in otio.adapters.read_from_file(str(made / "shots.edl"), rate=25).find_clips()
    ]
    assert events == [clip.source_range for clip in clips]
    with Image.open(made / "sheet.jpg") as sheet:
        assert sheet.width > 3 * 96
    assert (folder / "film.mp4").read_bytes() == before


def test_an_edited_list_is_drawn_anew_and_coloured_by(folder, quick, monkeypatch):
    write(folder / "film.mp4")
    assert main(["shots", "film.mp4", "-o", "s", *quick]) == ExitCode.OK
    listed = folder / "s" / "shots.csv"
    lines = listed.read_text().splitlines()
    listed.write_text("\n".join([*lines[:2], lines[3]]))
    assert main(["shots", "film.mp4", "-o", "s", "--cuts", "s/shots.csv", *quick]) == ExitCode.OK
    assert [row["first_frame"] for row in rows_of(listed)] == ["0", "74"]
    timeline = otio.adapters.read_from_file("s/shots.otio")
    assert [clip.source_range.duration.value for clip in timeline.find_clips()] == [74, 24]
    monkeypatch.setattr("archivecolor.jobs.film_reading.run_first_pass", None)
    words = ["video", "film.mp4", "-o", "out/", "--cuts", "s/shots.csv", "--threads", "1", *quick]
    assert main(words) == ExitCode.OK
    manifest = (folder / "out" / "_archivecolor" / "manifest.jsonl").read_text()
    assert json.loads(manifest.splitlines()[-1])["film"]["shots"] == 2


def test_a_film_that_was_looked_at_is_not_read_again_as_a_whole(folder, quick, monkeypatch):
    write(folder / "film.mp4")
    assert main(["shots", "film.mp4", "-o", "s", *quick]) == ExitCode.OK
    words = ["shots", "film.mp4", "-o", "s", "--cuts", "s/shots.csv", *quick]
    with monkeypatch.context() as patched:
        patched.setattr("archivecolor.jobs.shots.run_first_pass", None)
        assert main(words) == ExitCode.OK
    before = (folder / "s" / "sheet.jpg").read_bytes()
    (kept,) = (folder / "s").glob(".first-reading-*")
    kept.write_bytes(b"damaged")
    assert main(words) == ExitCode.OK
    assert (folder / "s" / "sheet.jpg").read_bytes() == before
    write(folder / "film.mp4", three_shots()[:2])
    assert main(["shots", "film.mp4", "-o", "s", "--overwrite", *quick]) == ExitCode.OK
    assert len(rows_of(folder / "s" / "shots.csv")) == 2
    assert not kept.exists() and len([*(folder / "s").glob(".first-reading-*")]) == 1


def test_a_list_that_may_have_been_edited_is_not_written_over_unasked(folder, quick, capsys):
    write(folder / "film.mp4")
    (folder / "s").mkdir()
    (folder / "s" / "shots.csv").write_text("first_frame\n0\n9\n")
    assert main(["shots", "film.mp4", "-o", "s", *quick]) == ExitCode.USAGE
    assert "--cuts s/shots.csv goes by it, --overwrite writes it anew" in capsys.readouterr().err
    assert [path.name for path in (folder / "s").iterdir()] == ["shots.csv"]
    assert main(["shots", "film.mp4", "-o", "s", "--overwrite", *quick]) == ExitCode.OK
    assert [row["first_frame"] for row in rows_of(folder / "s" / "shots.csv")] == ["0", "24", "74"]


def test_a_picture_that_is_called_like_the_sheet_stays(folder, quick, capsys):
    write(folder / "film.mp4", three_shots()[:1])
    (folder / "s").mkdir()
    Image.new("L", (8, 8)).save(folder / "s" / "sheet.jpg")
    before = (folder / "s" / "sheet.jpg").read_bytes()
    assert main(["shots", "film.mp4", "-o", "s", *quick]) == ExitCode.USAGE
    assert "s/sheet.jpg is there, and no sheet of this program; move it" in capsys.readouterr().err
    assert (folder / "s" / "sheet.jpg").read_bytes() == before


@pytest.mark.parametrize("name", ["shots.edl", "shots.otio"])
@pytest.mark.parametrize("is_edited", [True, False])
def test_a_list_for_editing_programs_that_is_not_as_written_stays(folder, quick, capsys, name, is_edited):
    write(folder / "film.mp4", three_shots()[:1])
    listed = folder / "s" / name
    if is_edited:
        assert main(["shots", "film.mp4", "-o", "s", *quick]) == ExitCode.OK
        (folder / "s" / "shots.csv").unlink()
        listed.write_text(listed.read_text().replace("film.mp4", "the harbour"))
    else:
        listed.parent.mkdir()
        listed.write_text("MINE\n")
    before = listed.read_bytes()
    assert main(["shots", "film.mp4", "-o", "s", *quick]) == ExitCode.USAGE
    assert f"s/{name} is there, and is not as this program wrote it" in capsys.readouterr().err
    assert listed.read_bytes() == before
    assert main(["shots", "film.mp4", "-o", "s", "--overwrite", *quick]) == ExitCode.OK
    assert listed.read_bytes() != before


def test_lists_do_not_go_to_standard_output_nor_into_what_is_called_like_a_file(folder, quick, capsys):
    write(folder / "film.mp4", three_shots()[:1])
    assert main(["shots", "film.mp4", "-o", "-", *quick]) == ExitCode.USAGE
    assert "none to standard output; give a folder" in capsys.readouterr().err
    assert main(["shots", "film.mp4", "-o", "list.txt", *quick]) == ExitCode.USAGE
    assert "with a slash at its end: list.txt/" in capsys.readouterr().err
    assert [path.name for path in folder.iterdir()] == ["film.mp4"]


@pytest.mark.parametrize("name", ["scan.tif", "reel.mov"])
def test_lists_do_not_go_among_scans_and_films(folder, quick, capsys, name):
    write(folder / "film.mp4", three_shots()[:1])
    (folder / "s").mkdir()
    (folder / "s" / name).write_bytes(b"a scan or a film")
    assert main(["shots", "film.mp4", "-o", "s", *quick]) == ExitCode.USAGE
    assert f"s holds films or pictures ({name})" in capsys.readouterr().err
    assert [path.name for path in (folder / "s").iterdir()] == [name]


def test_a_film_with_a_timecode_is_cut_by_it(folder, quick):
    write(folder / "film.mov", rate="30000/1001", options=["-timecode", "01:00:00;00"])
    assert main(["shots", "film.mov", "-o", "s", *quick]) == ExitCode.OK
    (event, *_) = [
        line for line in (folder / "s" / "shots.edl").read_text().splitlines() if line.startswith("001")
    ]
    assert event.split()[4:] == ["01:00:00;00", "01:00:00;24", "00:00:00;00", "00:00:00;24"]


def test_a_rate_that_no_timecode_has_gets_no_edit_decision_list_and_that_is_said(folder, quick, capsys):
    write(folder / "film.mkv", rate=18)
    assert main(["shots", "film.mkv", "-o", "s", *quick]) == ExitCode.OK
    assert "no shots.edl: timecode has no rate of 18 frames a second" in capsys.readouterr().err
    assert not (folder / "s" / "shots.edl").exists()
    assert len(list(otio.adapters.read_from_file("s/shots.otio").find_clips())) == 3


def test_without_the_library_the_list_and_the_sheet_are_there(folder, quick, capsys, monkeypatch):
    monkeypatch.setattr(edit_list, "LIBRARIES", ("a_library_that_nobody_has",))
    write(folder / "film.mp4", three_shots()[:1])
    assert main(["shots", "film.mp4", "-o", "s", *quick]) == ExitCode.OK
    assert "pip install 'archivecolor[timeline]'" in capsys.readouterr().err
    assert seen_in(folder / "s") == ["sheet.jpg", "shots.csv"]


def test_a_shot_in_colour_is_shown_as_it_is(folder, quick):
    write(folder / "film.mp4", (three_shots()[0], COLOUR))
    assert main(["shots", "film.mp4", "-o", "s", *quick]) == ExitCode.OK
    assert [row["confidence"] == "" for row in rows_of(folder / "s" / "shots.csv")] == [False, True]


@pytest.mark.parametrize(
    ("name", "code", "told"),
    [
        ("no-film.mp4", ExitCode.SOME_FAILED, "unreadable"),
        (".", ExitCode.USAGE, "is a folder; give one film"),
    ],
)
def test_what_is_no_film_is_named(folder, quick, capsys, name, code, told):
    (folder / "no-film.mp4").write_bytes(b"no film" * 100)
    assert main(["shots", name, "-o", "s", *quick]) == code
    assert told in capsys.readouterr().err
    assert not (folder / "s").exists()


@pytest.mark.parametrize("seen", ["looking", "shot 1 of 3"])
def test_a_stop_is_heard_in_both_readings(folder, checkpoint, seen):
    class Told(NullListener):
        def advanced(self, path, progress):
            if seen in path:
                stop.request(ExitCode.INTERRUPTED)

    stop, film = Stop(), write(folder / "film.mp4")
    settings = ShotsSettings(input=film, device="cpu", working_size=64, checkpoint=checkpoint)
    with pytest.raises(StoppedError, match="begins anew"):
        list_shots(settings, Told(), stop)
    assert not (folder / "film-shots" / "shots.csv").exists()
    assert not (folder / "film-shots" / "sheet.jpg").exists()


def coloured_shots(quick, cuts, **settings):
    """When the shots begin that a run goes by, in seconds."""
    words = [word for name, value in settings.items() for word in (f"--{name}", value)]
    output = f"out-{cuts.rpartition('.')[2]}/"
    assert main(["video", "film.mov", "-o", output, "--cuts", cuts, "--threads", "1", *words, *quick]) == 0
    manifest = Manifest(Path(output, "_archivecolor", "manifest.jsonl"))
    return manifest.record("film.mov").extra["film"]["shot_seconds"]


def test_lists_that_an_editing_program_changed_are_coloured_by(folder, quick):
    write(folder / "film.mov", rate="30000/1001", options=["-timecode", "01:00:00;00"])
    assert main(["shots", "film.mov", "-o", "s", *quick]) == ExitCode.OK
    as_found = coloured_shots(quick, "s/shots.csv")
    assert as_found == [0, 0.801, 2.469]
    timeline = otio.adapters.read_from_file("s/shots.otio")
    track = timeline.video_tracks()[0]
    first, second, _ = list(track)
    half = otio.opentime.RationalTime(20, second.source_range.duration.rate)
    later = second.deepcopy()
    later.source_range = otio.opentime.TimeRange(
        second.source_range.start_time + half, second.source_range.duration - half
    )
    second.source_range = otio.opentime.TimeRange(second.source_range.start_time, half)
    track.insert(2, later)
    del track[3]
    otio.adapters.write_to_file(timeline, "s/mine.otio")
    otio.adapters.write_to_file(timeline, "s/mine.edl", rate=30000 / 1001)
    for cuts in ("s/mine.otio", "s/mine.edl"):
        assert coloured_shots(quick, cuts) == [0, 0.801, 1.468]
    assert first.source_range.start_time.value == 107892


def test_an_edited_list_of_an_editing_program_is_drawn_anew(folder, quick, capsys):
    write(folder / "film.mp4")
    assert main(["shots", "film.mp4", "-o", "s", *quick]) == ExitCode.OK
    listed = folder / "s" / "shots.edl"
    lines = listed.read_text().splitlines(keepends=True)
    listed.write_text("".join(line for line in lines if not line.startswith("002")))
    words = ["shots", "film.mp4", "-o", "s", "--cuts", "s/shots.edl", *quick]
    assert main(words) == ExitCode.USAGE
    assert "s/shots.csv is there" in capsys.readouterr().err
    (folder / "s" / "shots.csv").unlink()
    assert main(words) == ExitCode.OK
    assert [row["first_frame"] for row in rows_of(folder / "s" / "shots.csv")] == ["0", "74"]


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("mine.edl", "TITLE: nothing\n", "lists no clip of a picture"),
        ("mine.edl", "001 AX V C 00:00:0x:00 00:00:01:00 00:00:00:00 00:00:01:00\n", "line 1: an event ends"),
        ("mine.otio", "{", "cannot be read as a list of shots"),
        ("mine.otio", '{"OTIO_SCHEMA": "Clip.1"}', "holds no Timeline, which is"),
        ("mine.edl", "001 AX V C 00:09:00:00 00:09:01:00 00:00:00:00 00:00:01:00\n", "is it the list of an"),
    ],
)
def test_a_list_of_an_editing_program_that_does_not_serve_is_refused(folder, quick, capsys, name, text, told):
    write(folder / "film.mp4", three_shots()[:1])
    (folder / name).write_text(text)
    assert main(["shots", "film.mp4", "-o", "s", "--cuts", name, *quick]) == ExitCode.USAGE
    assert told in capsys.readouterr().err
    assert not (folder / "s").exists()
