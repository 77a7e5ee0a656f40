"""`archivecolor video FILM -o FILE`: one film under the name that was asked for."""

import subprocess

import av
import pytest

from archivecolor.api import colour_film
from archivecolor.cli.main import main
from archivecolor.engine.stopping import Stop
from archivecolor.errors import ExitCode, StoppedError, UsageError


@pytest.fixture
def films(tmp_path, monkeypatch):
    """A folder to type in, with a short grey film."""
    source = "testsrc2=s=64x48:r=12:d=0.5,format=gray,format=yuv420p"
    words = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, "-c:v", "libx264", tmp_path / "film.mp4"]
    subprocess.run(words, check=True, timeout=60)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def quick(checkpoint):
    return ["--working-size", "64", "--device", "cpu", "--checkpoint", str(checkpoint), "--threads", "1"]


def test_the_name_decides_the_container(films, quick):
    assert main(["video", "film.mp4", "-o", "new/coloured.mkv", *quick]) == ExitCode.OK
    with av.open("new/coloured.mkv") as film:
        assert "matroska" in film.format.name
        assert sum(1 for _ in film.decode(video=0)) == 6
    assert not (films / "coloured.mkv").exists()


def test_where_the_coloured_film_lies_is_said(films, quick, capsys):
    assert main(["video", "film.mp4", *quick]) == ExitCode.OK
    assert "film.mp4 -> film-colour.mp4\n" in capsys.readouterr().err
    assert main(["video", str(films / "film.mp4"), "-o", "bag", "--bag", *quick]) == ExitCode.OK
    (line,) = [line for line in capsys.readouterr().err.splitlines() if " -> " in line]
    assert line == f"{films / 'film.mp4'} -> bag/data/film.mp4"
    assert (films / "bag" / "data" / "film.mp4").exists()
    assert main(["video", "film.mp4", "-o", "quiet", "-q", *quick]) == ExitCode.OK
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("output", ["new.mkv", "new.ts", "new.xyz"])
@pytest.mark.parametrize(("inputs", "many"), [(["."], "a folder of films"), (["film.mp4"] * 2, "2 inputs")])
def test_many_films_are_not_made_under_the_name_of_one(films, quick, capsys, inputs, many, output):
    assert main(["video", *inputs, "-o", output, *quick]) == ExitCode.USAGE
    told = capsys.readouterr().err
    assert f"--output {output} is the name of a file, but {many} may give more than one film" in told
    assert f"with a slash at its end: {output}/" in told
    assert not (films / output).exists()


def test_one_film_may_be_made_under_several_names(films, quick, capsys):
    assert main(["video", "film.mp4", "-o", "a.mov", *quick]) == ExitCode.OK
    assert main(["video", "film.mp4", "-o", "b.mov", *quick]) == ExitCode.OK
    assert (films / "a.mov").exists()
    assert (films / "b.mov").exists()
    assert main(["video", "film.mp4", "-o", "b.mov", *quick]) == ExitCode.OK
    assert "1 up to date" in capsys.readouterr().err


def test_a_film_that_is_not_ours_stays(films, quick, capsys):
    mine = films / "mine.mp4"
    mine.write_bytes((films / "film.mp4").read_bytes())
    before = mine.read_bytes()
    assert main(["video", "film.mp4", "-o", "mine.mp4", "-v", *quick]) == ExitCode.SOME_FAILED
    assert mine.read_bytes() == before
    assert "not of this program's making" in capsys.readouterr().err


def test_a_folder_that_is_called_like_a_film(films, quick):
    (films / "out.mkv").mkdir()
    assert main(["video", "film.mp4", "-o", "out.mkv", *quick]) == ExitCode.OK
    assert (films / "out.mkv" / "film.mp4").is_file()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("film.mp4", "other.mp4", "-o", "a.mkv"), "give a folder"),
        ((".", "-o", "a.mkv"), "give a folder"),
        (("film.mp4", "-o", "film.mp4"), "never written over"),
        (("film.mp4", "-o", "a.avi"), ".mp4 .m4v .mov .mkv"),
        (("film.mp4", "-o", "a.xyz"), "a.xyz/"),
        (("film.mp4", "-o", "a.jpg"), "no .jpg is written"),
        (("film.mp4", "-o", "a.mkv", "--container", "mov"), "two containers"),
        (("gone.mp4", "-o", "a.mkv"), "gone.mp4 does not exist"),
    ],
)
def test_what_cannot_be_is_refused(films, quick, capsys, words, said):
    (films / "other.mp4").write_bytes((films / "film.mp4").read_bytes())
    assert main(["video", *words, *quick]) == ExitCode.USAGE
    assert said in capsys.readouterr().err
    assert sorted(path.name for path in films.iterdir()) == ["film.mp4", "other.mp4"]


def test_a_stop_in_the_last_piece_ends_before_the_film_is_joined(films, checkpoint):
    stop, words = Stop(), []

    def report(said, _progress):
        words.append(said)
        if words.count(said) > 1 and "colouring" in said:  # it is begun, and a frame is done
            stop.request(ExitCode.INTERRUPTED)

    options = {"checkpoint": checkpoint, "working_size": 64, "device": "cpu", "threads": 1}
    with pytest.raises(StoppedError):
        colour_film("film.mp4", "a.mkv", report, stop=stop, **options)
    assert words[-1].endswith(", stopping at the end of this piece")
    assert not (films / "a.mkv").exists()
    (piece,) = films.glob("_archivecolor/work/*/segment-*.mkv")
    made = piece.stat().st_mtime_ns
    done = colour_film("film.mp4", "a.mkv", keep_work=True, **options)
    assert done.path is not None
    assert piece.stat().st_mtime_ns == made


def test_from_python(films, checkpoint):
    done = colour_film("film.mp4", "b.mkv", checkpoint=checkpoint, working_size=64, device="cpu", threads=1)
    assert done.path is not None
    assert done.path.samefile("b.mkv")
    with pytest.raises(UsageError, match=r"no \.xyz is written"):
        colour_film("film.mp4", "pyf.xyz", checkpoint=checkpoint)
    assert not (films / "pyf.xyz").exists()
    colour_film("film.mp4", "pyf.xyz/", checkpoint=checkpoint, working_size=64, device="cpu", threads=1)
    assert (films / "pyf.xyz" / "film.mp4").is_file()
