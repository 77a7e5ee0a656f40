"""A preview shows some shots or seconds of a film as the whole film has them, and no record tells of it."""

import av
import numpy as np
import pytest
from film_of_shots import three_shots, write_film_of_shots

from archivecolor.cli.main import main
from archivecolor.errors import ExitCode


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """A film of three shots of 24, 60 and 24 frames."""
    return write_film_of_shots(tmp_path_factory.mktemp("films") / "film.mkv", three_shots(frames=60))


@pytest.fixture
def video(film, checkpoint, tmp_path, monkeypatch):
    """Colours the film, losslessly, with more words."""
    monkeypatch.chdir(tmp_path)
    options = ["--working-size", "64", "--device", "cpu", "--threads", "1", "--codec", "ffv1"]

    def run(*words):
        command = ["video", film, "--checkpoint", checkpoint, "--segment-seconds", "1", *options, *words]
        return main([*map(str, command)])

    return run


def frames(path):
    """Y, Cb and Cr of every frame, (n, 3, h, w), and their times in milliseconds."""
    with av.open(str(path)) as opened:
        decoded = list(opened.decode(video=0))
    pictures = np.stack([frame.to_ndarray() for frame in decoded])
    return pictures, [round(float(frame.pts * frame.time_base) * 1000) for frame in decoded]


def test_a_preview_is_a_part_of_the_whole_film_and_no_record_tells_of_it(video, tmp_path, capsys):
    assert video("-o", "out/") == ExitCode.OK
    whole, _ = frames("out/film.mkv")
    records = {path: path.read_bytes() for path in (tmp_path / "out" / "_archivecolor").glob("*.json*")}
    capsys.readouterr()
    assert video("-o", "out/", "--only-shots", "1,3") == ExitCode.OK
    assert "film.mkv -> out/_archivecolor/previews/film.mkv" in capsys.readouterr().err
    shown, times = frames("out/_archivecolor/previews/film.mkv")
    assert (shown == np.concatenate((whole[:24], whole[84:]))).all()
    assert times == [40 * number for number in range(48)]
    assert video("-o", "part.mkv", "--from", "2", "--to", "0:03.4") == ExitCode.OK
    shown, times = frames("part.mkv")
    assert (shown == whole[50:85]).all()
    assert records == {path: path.read_bytes() for path in records}
    assert main(["verify", "out"]) == ExitCode.OK
    with av.open("part.mkv") as opened:
        assert "Preview of a part. Colour added by archivecolor" in " ".join(opened.metadata.values())


def test_a_preview_of_a_plan_decides_nothing(video, tmp_path):
    plan = tmp_path / "plan.toml"
    plan.write_text("[[shot]]\nat = 2\nsaturation = 0.0\n")
    assert video("-o", "out/", "--plan", plan, "--only-shots", "2") == ExitCode.OK
    shown, _ = frames("out/_archivecolor/previews/film.mkv")
    assert np.abs(shown[:, 1:].astype(int) - 128).max() <= 1
    assert not (tmp_path / "out" / "_archivecolor" / "decisions.jsonl").exists()
    assert not (tmp_path / "out" / "_archivecolor" / "manifest.jsonl").exists()
    assert video("-o", "out/", "--plan", plan) == ExitCode.OK
    whole, _ = frames("out/film.mkv")
    assert (shown == whole[24:84]).all()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--only-shots", "4"], "the film has shots 1 to 3"),
        (["--only-shots", "x"], "--only-shots is x; shots by their numbers, such as 3,7-9"),
        (["--from", "9"], "--from 9 is behind the last frame, at 4.280 s"),
        (["--from", "2", "--to", "1"], "--to 1 must be behind --from 2"),
        (["--only-shots", "1", "--from", "2"], "none of these shots is shown in that time"),
        (["--only-shots", "1", "--dry-run"], "--dry-run is for whole films"),
        (["--from", "-1"], "--from is -1.0; it must be at least 0"),
        (["--only-shots", "1", "-o", "mine.mkv"], "mine.mkv is there, and no preview"),
    ],
)
def test_what_cannot_be_shown_is_said(video, tmp_path, capsys, words, told):
    (tmp_path / "mine.mkv").write_bytes(b"mine")
    assert video(*(words if "-o" in words else ["-o", "out/", *words])) == ExitCode.USAGE
    assert told in capsys.readouterr().err
    assert (tmp_path / "mine.mkv").read_bytes() == b"mine"
