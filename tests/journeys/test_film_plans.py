"""A plan says what is done with single shots of a film; what it says is decided as by hand."""

import json
import re

import av
import numpy as np
import pytest
from film_of_shots import three_shots, write_film_of_shots
from PIL import Image

from archivecolor.archive.manifest import Manifest
from archivecolor.cli.main import main
from archivecolor.errors import ExitCode


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """A film of three shots of 24, 50 and 24 frames; the last one is in colour."""
    return write_film_of_shots(
        tmp_path_factory.mktemp("films") / "film.mkv", three_shots(last_in_colour=True)
    )


@pytest.fixture
def video(film, checkpoint, tmp_path, monkeypatch):
    """Colours the film by a plan, and gives what became of it."""
    monkeypatch.chdir(tmp_path)

    def run(out, *words, code=0):
        options = ["--working-size", "64", "--device", "cpu", "--segment-seconds", "1", "--threads", "1"]
        command = ["video", film, "-o", f"{out}/", "--checkpoint", checkpoint, *options, *words]
        assert main([*map(str, command)]) == code
        return tmp_path / out / "film.mkv"

    return run


def planes(path):
    """Y, Cb and Cr of every frame, (n, 3, h, w)."""
    with av.open(str(path)) as opened:
        frames = [frame.reformat(format="yuv444p").to_ndarray() for frame in opened.decode(video=0)]
    return np.stack(frames).astype(int)


def drawn(path):
    """The pictures of the three shots on a sheet, (h, w, 3) each."""
    with Image.open(path) as sheet:
        parts = np.split(np.asarray(sheet).astype(int)[:, : sheet.width // 3 * 3], 3, axis=1)
        return [part[20:50, 20:80] for part in parts]


def colours(picture):
    """How far the most coloured place is from grey."""
    return int(np.ptp(picture, axis=2).max())


def record_of(path):
    return Manifest(path.parent / "_archivecolor" / "manifest.jsonl").record("film.mkv")


def test_shots_writes_a_plan_that_says_nothing_and_draws_by_one_that_says_something(
    film, checkpoint, tmp_path, monkeypatch, capsys, video
):
    monkeypatch.chdir(tmp_path)
    words = [
        "shots",
        str(film),
        "-o",
        "s",
        "--plan",
        "s/plan.toml",
        "--working-size",
        "64",
        "--device",
        "cpu",
    ]
    words += ["--checkpoint", str(checkpoint)]
    assert main(words) == ExitCode.OK
    plan = tmp_path / "s" / "plan.toml"
    text = plan.read_text()
    assert re.findall(r"^at = (.*)$", text, re.MULTILINE) == ["0.440", "1.920", "3.400"]
    assert "# Shot 3, 2.960 to 3.880 s (cut); in its own colour" in text
    before = video("plain").read_bytes()
    with monkeypatch.context() as patched:  # what `shots` read of it is not read again
        patched.setattr("archivecolor.jobs.film_reading.run_first_pass", None)
        assert video("planned", "--plan", plan).read_bytes() == before
    first = drawn("s/sheet.jpg")
    plan.write_text(text.replace("at = 1.920", "at = 1.920\nsaturation = 0.0"))
    assert main(words) == ExitCode.USAGE
    assert "s/shots.csv is there" in capsys.readouterr().err
    (tmp_path / "s" / "shots.csv").unlink()
    assert main(words) == ExitCode.OK
    second = drawn("s/sheet.jpg")
    assert colours(first[0]) == colours(second[0]) > 12
    assert plan.read_text() == text.replace("at = 1.920", "at = 1.920\nsaturation = 0.0")
    assert colours(second[1]) < 12 < colours(first[1])


def test_only_changed_shots_are_made_anew_and_the_bytes_are_those_of_a_run_from_nothing(
    video, film, tmp_path, capsys
):
    plan = tmp_path / "plan.toml"
    plan.write_text('[[shot]]\nat = 0.4\nsaturation = 0.5\nsmoothing = 0\n[[shot]]\nat = "0:01.2"\n')
    out = video("out", "--plan", plan)
    before = planes(out)
    plan.write_text(
        'note = "as the letter says"\nby = "Ann"\n[[shot]]\nat = 0.4\nsaturation = 0.5\nsmoothing = 0\n'
        '[[shot]]\nat = "0:01.2"\nhints = ["50%,50%=#c82828"]\n[[shot]]\nat = 3\ncolour = "recolour"\n'
    )
    video("out", "--plan", plan, "--log-file", tmp_path / "log")
    after = planes(out)
    assert (before[:24] == after[:24]).all()
    assert all((before[number] != after[number]).any() for number in (30, 70, 80))
    assert "1 of 4 pieces are copied out of the earlier output" in (tmp_path / "log").read_text()
    assert video("anew", "--plan", plan).read_bytes() == out.read_bytes()
    with av.open(str(out)) as opened:
        told = " ".join(opened.metadata.values())
    assert "shot at 0.400 s: saturation 0.5, smoothing 0.0; shot at 1.200 s: #c82828 at 50.0%, 50.0%" in told
    assert "shot at 3.000 s: coloured anew; note: as the letter says; by: Ann" in told
    lines = (out.parent / "_archivecolor" / "manifest.jsonl").read_text().splitlines()
    video("out", "--plan", plan)
    assert (out.parent / "_archivecolor" / "manifest.jsonl").read_text().splitlines() == lines


def test_a_shot_that_is_kept_stays_as_the_source_has_it(video, film, tmp_path):
    plan = tmp_path / "plan.toml"
    plan.write_text('[[shot]]\nat = 1.5\ncolour = "keep"\n')
    out = video("out", "--plan", plan, "--codec", "ffv1")
    source, made = planes(film), planes(out)
    assert np.abs(made[24:74, 1:] - 128).max() == 0
    assert np.abs(made[:24, 1:] - 128).max() > 4
    assert (made[74:, 0] == source[74:, 0]).all()
    assert record_of(out).extra["film"]["kept_shots"] == 2


def test_what_is_corrected_after_a_plan_holds_until_the_plan_is_edited(video, tmp_path, capsys):
    plan = tmp_path / "plan.toml"
    plan.write_text("[[shot]]\nat = 0.4\nsaturation = 0.0\n")
    out = video("out", "--plan", plan)
    planned = out.read_bytes()
    assert main(["correct", "out", "film.mkv", "--at", "0.4", "--saturation", "2"]) == ExitCode.OK
    corrected = out.read_bytes()
    assert corrected != planned
    capsys.readouterr()
    video("out", "--plan", plan)
    assert out.read_bytes() == corrected
    assert "what was decided after plan.toml was taken in holds" in capsys.readouterr().err.replace(
        f"{tmp_path}/", ""
    )
    assert main(["decisions", "undo", "out", "film.mkv"]) == ExitCode.OK
    assert video("out", "--plan", plan).read_bytes() == planned
    plan.write_text("[[shot]]\nat = 0.4\nsaturation = 0.0\n[[shot]]\nat = 1.5\nsaturation = 0.5\n")
    video("out", "--plan", plan)
    decided = [json.loads(line) for line in (out.parent / "_archivecolor" / "decisions.jsonl").open()]
    assert [one["seconds"] for one in decided[-1]["correction"]["shots"]] == [0.4, 1.5]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[shot]]\nsaturation = 1\n", r"\[\[shot\]\] 1 has no moment"),
        ("[[shot]]\nat = 1\nsaturatoin = 1\n", "no option 'saturatoin'; did you mean 'saturation'"),
        ("[[shot]]\nat = 1\nsmoothing = 2\n", r"\[\[shot\]\] 1 smoothing is 2.0; it must be at most 1"),
        ('[[shot]]\nat = 1\ncolour = "red"\n', "choose one of"),
        ("[[shot]]\nat = 2\n[[shot]]\nat = 1\n", "at = 1.0 comes after at = 2.0"),
        ('[[shot]]\nat = 1\nhints = ["50%,50%"]\n', "at = 1.0: the hint '50%,50%' is not understood"),
        (
            '[[shot]]\nat = 1\nhints = ["9%,9%=nawy"]\n',
            "at = 1.0: the hint '9%,9%=nawy': there is no colour 'nawy'",
        ),
        ("[[shot]]\nat = 90\nsaturation = 1\n", "at = 90.0 is behind the end of"),
        ('[[shot]]\nat = 1\nreference = "none.png"\n', "there is no picture"),
        (f'sha256 = "{"0" * 64}"\n[[shot]]\nat = 1\n', "is of another film"),
        ('film = "film.mkv"\n[shot]\nat = 1\n', "shots are tables"),
        ("[[shots]]\nat = 1\n", "unknown table 'shots'; did you mean 'shot'"),
        ("no plan", "not TOML"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_with_its_place(video, tmp_path, capsys, text, told):
    (tmp_path / "plan.toml").write_text(text)
    video("out", "--plan", tmp_path / "plan.toml", code=ExitCode.USAGE)
    assert re.search(told, capsys.readouterr().err)
    assert not (tmp_path / "out" / "_archivecolor" / "decisions.jsonl").exists()


def still(film, number):
    """One frame of a film as an editor saves it."""
    with av.open(str(film)) as opened:
        frame = next(frame for index, frame in enumerate(opened.decode(video=0)) if index == number)
    return frame.to_image()


def test_a_restored_frame_and_a_painted_one_colour_their_shots(video, film, tmp_path):
    restored = np.asarray(still(film, 10)).astype(int)
    restored = np.clip(restored + np.array((40, -20, -20)), 0, 255).astype(np.uint8)
    Image.fromarray(restored).resize((384, 256)).save(tmp_path / "restored.png")
    painted = np.zeros((64, 96, 4), np.uint8)
    painted[40:, :40] = 40, 160, 60, 255
    Image.fromarray(painted).save(tmp_path / "painted.png")
    plan = tmp_path / "plan.toml"
    plan.write_text(
        '[[shot]]\nat = 0.4\nreference = "restored.png"\n[[shot]]\nat = 1.2\nreference = "painted.png"\n'
    )
    before, out = planes(video("plain")), video("out", "--plan", plan)
    after = planes(out)
    assert (after[74:] == before[74:]).all()
    red = after[:24, 2] - before[:24, 2]
    assert (after[2:22, 2] > 134).mean() > 0.8 and red.mean() > 3
    green = before[30, 2] - after[30, 2]
    assert green[44:60, 4:36].mean() > 8 > np.abs(green[:20, 60:]).mean()
    shots = record_of(out).correction["shots"]
    assert [shot["reference"].partition(" ")[0] for shot in shots] == ["restored.png", "painted.png"]
    with av.open(str(out)) as opened:
        told = " ".join(opened.metadata.values())
    assert re.search(
        r"shot at 0\.400 s: \d+ places like restored\.png \([0-9a-f]{16}\); shot at 1\.200", told
    )
    assert video("anew", "--plan", plan).read_bytes() == out.read_bytes()


@pytest.mark.parametrize(
    ("size", "mode", "told"),
    [
        ((64, 96), "RGBA", "its shape, 0.67 to 1, is not the frame's, 1.50 to 1 (96 x 64)"),
        ((96, 64), "L", "it has no colour to"),
    ],
)
def test_a_picture_that_cannot_be_a_reference_is_refused(video, tmp_path, capsys, size, mode, told):
    Image.new(mode, size).save(tmp_path / "mine.png")
    (tmp_path / "plan.toml").write_text('[[shot]]\nat = 1\nreference = "mine.png"\n')
    video("out", "--plan", tmp_path / "plan.toml", code=ExitCode.USAGE)
    assert told in capsys.readouterr().err
