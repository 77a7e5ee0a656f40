"""What collections hold, and what is passed over in them and told of."""

import io
import os
import tarfile

import pytest
from colour_photographs import fill, photograph

from archivecolor.cli.main import main
from archivecolor.datasets.collection import list_members
from archivecolor.errors import UsageError


def encoded(suffix):
    content = io.BytesIO()
    photograph("coffee").resize((48, 48)).save(content, suffix)
    return content.getvalue()


@pytest.fixture
def folder(tmp_path):
    return fill(tmp_path / "data", ("astronaut",))


def names(*collections):
    return [member.name for member in list_members(collections).members]


def test_files_that_are_no_pictures_are_counted_by_suffix(folder):
    for name in ("a.gif", "b.GIF", "notes.md", "Makefile", "._astronaut-0.png"):
        (folder / name).write_bytes(b"")
    listing = list_members([folder])
    assert len(listing.members) == 4
    assert listing.passed_over == {
        ".gif files": 2,
        ".md files": 1,
        "files without a suffix": 1,
        "hidden files": 1,
    }


def test_members_of_a_shard_that_are_no_pictures_are_counted_by_suffix(tmp_path):
    with tarfile.open(tmp_path / "shard.tar", "w") as shard:
        for name in ("x/1.jpg", "x/2.jxl", "x/3.jxl", "x/._1.jpg"):
            shard.addfile(tarfile.TarInfo(name))
        shard.add(tmp_path, "folder.png", recursive=False)
    listing = list_members([tmp_path / "shard.tar"])
    assert [member.name for member in listing.members] == ["x/1.jpg"]
    assert listing.passed_over == {".jxl files": 2, "hidden files": 1}


@pytest.mark.parametrize("name", ["shard.tar.gz", "shard.zip", "film.mp4", "words"])
def test_what_is_no_collection_says_what_is_read(name, tmp_path):
    (tmp_path / name).write_bytes(b"PK")
    with pytest.raises(UsageError, match=r"nothing that can be read here; give a folder, .*not compressed"):
        list_members([tmp_path / name])


def test_what_a_run_left_among_the_pictures_is_passed_over(folder):
    before = names(folder)
    for run, mark in (("runs/one", "figures.jsonl"), (".", "figures.jsonl"), ("judged", "table.csv")):
        place = folder / run
        place.mkdir(parents=True, exist_ok=True)
        (place / mark).touch()
        left = ("sample-00000500.png", "curves.png") if run != "judged" else ("sheet-default-01.png",)
        for name in left:
            (place / name).write_bytes(encoded("png"))
    (folder / "runs" / "one" / "mine.png").write_bytes(encoded("png"))
    assert names(folder) == sorted([*before, "runs/one/mine.png"], key=lambda name: (name.count("/"), name))
    passed_over = list_members([folder]).passed_over
    assert passed_over["files of a run of this program"] == 5


def test_sheets_and_curves_that_no_run_left_are_pictures_like_others(folder):
    (folder / "curves.png").write_bytes(encoded("png"))
    assert "curves.png" in names(folder)


def test_what_this_program_coloured_is_passed_over_but_where_it_is_named_itself(folder):
    before = names(folder)
    out = folder / "coloured"
    (out / "_archivecolor").mkdir(parents=True)
    (out / "_archivecolor" / "manifest.jsonl").touch()
    (out / "deeper" / "still").mkdir(parents=True)
    for place in (out, out / "deeper", out / "deeper" / "still"):
        (place / "a.png").write_bytes(encoded("png"))
    assert names(folder) == before
    assert list_members([folder]).passed_over == {"files of a run of this program": 4}
    assert len(names(out)) == 3


def test_an_unreadable_folder_is_counted(folder, monkeypatch):
    import os

    (folder / "closed").mkdir()
    scandir = os.scandir

    def refuse(path):
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)  # root may read everything, so no mode closes a folder
    assert list_members([folder]).passed_over == {"unreadable folders": 1}


def test_evaluate_tells_what_it_did_not_take(folder, checkpoint, capsys):
    (folder / "a.gif").touch()
    words = ["evaluate", str(folder), "--checkpoint", str(checkpoint), "--working-size", "64"]
    assert main([*words, "--device", "cpu", "--limit", "1"]) == 0
    assert "not taken for pictures: 1 .gif file" in capsys.readouterr().err
    for picture in folder.glob("*.png"):
        picture.unlink()
    assert main(words) == 2
    assert "1 .gif files are there" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["list.txt", "shard.tar", "picture.png"])
def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(UsageError, match="is no file"):
        list_members([tmp_path / name])


def test_a_pipe_among_pictures_is_one_that_cannot_be_read(folder):
    os.mkfifo(folder / "pipe.png")
    (pipe,) = [member for member in list_members([folder]).members if member.name == "pipe.png"]
    with pytest.raises(OSError, match="no file"):
        pipe.read()
