"""File names, lists and recipes that would run something, or reach out of their folder."""

import json
import os
import shutil

import numpy as np
import pytest
from PIL import Image
from small_archive import tree

from archivecolor.cli.main import main

NAMES = [
    "two\nlines.png",
    "-delete_original.jpg",
    "--overwrite.png",
    "; touch trace;.png",
    "$(touch trace).png",
    "`touch trace`.jpg",
    "| touch trace |.png",
    "%d -o trace %f.png",
    "@list.jpg",
    "-if 'system(\"touch trace\")'.jpg",
    "tag<=trace.jpg",
    "* ?.png",
    "..png",
    "...jpg",
    'quote\'s "both".png',
    "tab\tand\rreturn.png",
]


@pytest.fixture
def hostile(tmp_path):
    """A folder of pictures whose names are more than names to some programs."""
    source = tmp_path / "in"
    source.mkdir()
    picture = Image.fromarray(np.add.outer(np.arange(72), np.arange(64)).astype(np.uint8))
    for name in NAMES:
        with (source / name).open("wb") as file:
            picture.save(file, "PNG" if name.endswith("png") else "JPEG")
    return source


def records_of(output):
    lines = (output / "_archivecolor" / "manifest.jsonl").read_text().splitlines()
    return {record["path"]: record for record in map(json.loads, lines)}


def everything_under(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_a_name_is_never_a_command_nor_an_option(here, hostile, tmp_path):
    before = tree(hostile)
    done = here("dir", hostile, tmp_path / "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    visible = {name for name in NAMES if not name.startswith(".")}
    assert set(tree(tmp_path / "out")) == visible
    assert {path for path, record in records_of(tmp_path / "out").items() if not record["lost"]} == visible
    assert tree(hostile) == before
    assert not any(
        "trace" in name
        for name in everything_under(tmp_path)
        if "touch" not in name and "in/" not in name and "out/" not in name
    )
    assert {path.name for path in tmp_path.iterdir()} == {"in", "out"}


def test_such_a_name_may_be_typed_and_listed(here, hostile, tmp_path):
    listed = "\n".join(name for name in NAMES if "\n" not in name and "\r" not in name)
    (tmp_path / "list.txt").write_text(listed)
    shutil.move(hostile, tmp_path / "-o in")
    words = ["--files-from", "list.txt", "--", "-o in", "--out"]
    done = here("dir", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert set(tree(tmp_path / "--out")) == set(listed.split("\n"))


@pytest.mark.parametrize(
    "line", ["../secret.png", "sub/../../secret.png", "{tmp}/secret.png", "..", "sub/..", "./../secret.png"]
)
def test_a_list_cannot_lead_out_of_the_folder(here, tmp_path, line):
    (tmp_path / "in" / "sub").mkdir(parents=True)
    Image.new("L", (64, 64), 9).save(tmp_path / "secret.png")
    (tmp_path / "list.txt").write_text(line.replace("{tmp}", str(tmp_path)) + "\n")
    words = ["dir", tmp_path / "in", tmp_path / "out", "--files-from", tmp_path / "list.txt"]
    done = here(*words)
    assert done.returncode == 2
    assert "line 1" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_link_cannot_lead_out_of_the_folder(here, tmp_path):
    (tmp_path / "in").mkdir()
    Image.new("L", (64, 64), 9).save(tmp_path / "secret.png")
    (tmp_path / "in" / "link.png").symlink_to(tmp_path / "secret.png")
    (tmp_path / "in" / "folder").symlink_to(tmp_path)
    (tmp_path / "list.txt").write_text("link.png\nfolder/secret.png\n")
    for more in ([], ["--files-from", tmp_path / "list.txt"]):
        done = here("dir", tmp_path / "in", tmp_path / "out", *more)
        assert done.returncode == 0
        assert "2 links passed over" in done.stderr
    assert tree(tmp_path / "out") == {}


def test_a_link_in_the_output_is_replaced_and_not_written_through(here, archive, tmp_path):
    """Whoever may write into OUT must not make a run write over a file elsewhere."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "sepia.png").symlink_to(victim)
    done = here("dir", archive, tmp_path / "out", "--include", "sepia.png")
    assert done.returncode == 0, done.stderr
    assert victim.read_text() == "precious"
    assert not (tmp_path / "out" / "sepia.png").is_symlink()


RECIPES = {
    "command in a value": '[dir]\ninput = "$(touch {trace})"\noutput = "out"\n',
    "backticks": '[dir]\ninput = "`touch {trace}`"\noutput = "out"\n',
    "a pipe": '[dir]\ninput = "| touch {trace}"\noutput = "out"\n',
    "an option with a command": '[dir]\ninput = "in"\noutput = "out"\ndevice = "cpu; touch {trace}"\n',
    "a key that would run": '[dir]\ninput = "in"\noutput = "out"\nexec = "touch {trace}"\n',
    "another table": '[dir]\ninput = "in"\noutput = "out"\n[hooks]\nbefore = "touch {trace}"\n',
    "a tag": '[dir]\ninput = !!python/object/apply:os.system ["touch {trace}"]\noutput = "out"\n',
}


@pytest.mark.parametrize("attack", RECIPES)
def test_a_recipe_cannot_run_commands(here, tmp_path, attack):
    trace = tmp_path / "trace"
    (tmp_path / "in").mkdir()
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('job = "dir"\n' + RECIPES[attack].replace("{trace}", str(trace)))
    done = here("run", recipe, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert not trace.exists()


def test_a_job_is_one_of_ours(here, tmp_path):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('job = "os; import shutil"\n')
    done = here("run", recipe)
    assert done.returncode == 2
    assert "choose one of" in done.stderr


def test_an_encoder_is_a_word_and_no_command(here, checkpoint, tmp_path):
    (tmp_path / "film.mp4").write_bytes(b"no film")
    words = ["--encoder", f"h264 -f null -; touch {tmp_path}/trace", "--checkpoint", checkpoint]
    done = here("video", tmp_path / "film.mp4", "-o", tmp_path / "out", *words)
    assert done.returncode in (2, 3, 4)
    assert not (tmp_path / "trace").exists()


@pytest.mark.skipif(os.name != "posix", reason="names of bytes are a matter of POSIX")
def test_bytes_that_are_no_text_are_a_name_too(here, tmp_path):
    name = os.fsdecode(b"\xff\xfe$(touch trace)\x1b[2J.png")
    (tmp_path / "in").mkdir()
    with (tmp_path / "in" / name).open("wb") as file:
        Image.fromarray(np.add.outer(np.arange(72), np.arange(64)).astype(np.uint8)).save(file, "PNG")
    done = here("dir", tmp_path / "in", tmp_path / "out", "-v", cwd=tmp_path)
    assert done.returncode == 0
    assert "\x1b" not in done.stderr
    assert (tmp_path / "out" / name).exists()


@pytest.mark.parametrize(
    "words",
    [
        ("dir", "in", "new", "--dry-run", "--log-file", "in/scan.tif"),
        ("dir", "in", "new", "--dry-run", "--save-recipe", "in/scan.tif"),
        ("dir", "in", "new", "--dry-run", "--log-file", "night.log"),
        ("manifest", "export", "out", "--csv", "in/scan.tif"),
        ("manifest", "export", "out", "--parquet", "in/film.mp4"),
        ("decisions", "export", "out", "in/scan.tif"),
    ],
    ids=" ".join,
)
def test_no_table_or_log_is_written_over_a_scan(tmp_path, monkeypatch, words):
    """A slip of the tongue, or a link that somebody planted where a night's log goes."""
    monkeypatch.chdir(tmp_path)
    for name in ("in/scan.tif", "in/film.mp4", "out/_archivecolor/manifest.jsonl"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "night.log").symlink_to("in/scan.tif")
    before = everything_under(tmp_path)
    assert main(list(words)) == 2
    assert everything_under(tmp_path) == before
    assert (tmp_path / "in" / "scan.tif").read_bytes() == b""
    assert not (tmp_path / "in" / "scan.tif").is_symlink()
