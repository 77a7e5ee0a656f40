"""Recipes: what is typed can be kept, what is wrong is named, nothing in them runs."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archivecolor.errors import OutputError, UsageError
from archivecolor.recipe import JOBS, load_recipe, recipe_text, save_recipe, toml
from archivecolor.settings import DirSettings, FolderPath, fields_of, option_of, value_types_of


def written(tmp_path, text):
    path = tmp_path / "recipe.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_options_come_with_their_own_kinds(tmp_path):
    path = written(
        tmp_path,
        'job = "dir"\n[dir]\ninput = "scans"\noutput = "/out"\nworking_size = 128\nsaturation = 2\n'
        'overwrite = true\ninclude = ["*.jpg", "a b"]\n',
    )
    recipe = load_recipe(path)
    assert recipe.job == "dir"
    assert recipe.values == {
        "input": tmp_path / "scans",
        "output": Path("/out"),
        "working_size": 128,
        "saturation": 2.0,
        "overwrite": True,
        "include": ("*.jpg", "a b"),
    }
    DirSettings(**recipe.values)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('job = "dirr"\n', ["recipe.toml", '"dirr"', "did you mean 'dir'"]),
        ("[dir]\n", ["recipe.toml", "names no job", "choose one of dir, video"]),
        ('job = "dir"\nworking_size = 256\n', ["unknown key 'working_size'"]),
        ('job = "dir"\n[video]\n', ["unknown key 'video'"]),
        ('job = "dir"\n[dir]\nworking_sise = 256\n', ["'working_sise'", "did you mean 'working_size'"]),
        ('job = "dir"\n[dir]\nworking_size = "large"\n', ["working_size must be a whole number", '"large"']),
        ('job = "dir"\n[dir]\nworking_size = true\n', ["working_size must be a whole number"]),
        ('job = "dir"\n[dir]\nworking_size = 100\n', ["multiple of 32"]),
        (
            'job = "dir"\n# working_size = 1\n[ "dir" ] # it\n"working_size" = 100\n',
            ["recipe.toml, line 4: [dir]"],
        ),
        ('job = "dir"\ndir.working_size = 100\n', ["recipe.toml: [dir] working_size"]),
        ('job = "dir"\n[dir]\noverwrite = 1\n', ["overwrite must be true or false"]),
        ('job = "dir"\n[dir]\ninclude = "*.jpg"\n', ["include must be a list"]),
        ('job = "dir"\n[dir]\ntoned = "color"\n', ["toned", "did you mean 'colour'"]),
        ('job = "dir"\n[dir\n', ["not TOML"]),
        ('job = "dir"\ndir = 3\n', ["must be a table"]),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, words):
    with pytest.raises(UsageError) as caught:
        load_recipe(written(tmp_path, text))
    for word in [str(tmp_path / "recipe.toml"), *words]:
        assert word in str(caught.value)


def test_a_missing_recipe_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"nothing\.toml"):
        load_recipe(tmp_path / "nothing.toml")


def test_a_saved_recipe_says_what_was_given_and_explains_the_rest(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "kept.toml"
    given_values = {"input": Path("scans"), "output": Path("/out"), "toned": "skip", "include": ("*.tif",)}
    save_recipe(path, "dir", given_values)
    assert load_recipe(path).values == {**given_values, "input": tmp_path / "scans"}
    text = path.read_text()
    for spec in fields_of(DirSettings):
        assert f"{spec.name} =" in text
        assert option_of(spec).help.split()[0] in text


def test_a_recipe_that_cannot_be_saved_is_an_output_error(tmp_path):
    with pytest.raises(OutputError):
        save_recipe(tmp_path / "no" / "kept.toml", "dir", {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("change", ["edited", "cut", "own", "no text", "no recipe", "folder", "dead link"])
def test_a_recipe_is_written_over_no_file_of_somebody_else(tmp_path, change):
    path = tmp_path / "kept.toml"
    save_recipe(path, "dir", {"input": Path("in"), "output": Path("out")})
    saved = path.read_bytes()
    content = {
        "edited": saved.replace(b"working_size", b"working_size = 96 #", 1),
        "cut": saved[:-2],
        "own": b'job = "dir"\n# my own notes\n[dir]\ninput = "src"\noutput = "ref"\n',
        "no text": b"\xff\xd8\xff",
        "no recipe": b"PRECIOUS",
    }
    path.unlink()
    if change == "folder":
        path.mkdir()
    elif change == "dead link":
        path.symlink_to("gone.toml")
    else:
        path.write_bytes(content[change])
    with pytest.raises(UsageError, match=r"kept\.toml is there and is no recipe as --save-recipe wrote it"):
        save_recipe(path, "dir", {})
    assert change not in content or path.read_bytes() == content[change]
    assert [found.name for found in tmp_path.iterdir()] == ["kept.toml"]


def test_a_saved_recipe_is_written_over_by_the_next(tmp_path):
    path = tmp_path / "kept.toml"
    for size in (96, 128):
        save_recipe(path, "dir", {"input": Path("in"), "output": Path("out"), "working_size": size})
        assert load_recipe(path).values["working_size"] == size


def test_a_folder_stays_one_whatever_it_is_called(tmp_path):
    path = tmp_path / "kept.toml"
    save_recipe(path, "video", {"input": (Path("a.mkv"),), "output": FolderPath("/films/new.mkv")})
    assert isinstance(load_recipe(path).values["output"], FolderPath)


@pytest.mark.parametrize("job", JOBS)
def test_every_jobs_template_is_toml_with_nothing_set(job):
    assert tomllib.loads(recipe_text(job, {})) == {"job": job, job: {}}


@pytest.mark.parametrize("job", JOBS)
def test_every_option_of_every_job_has_a_kind_that_recipes_know(job):
    for kind in value_types_of(JOBS[job]).values():
        assert kind.base in (bool, int, float, str, Path)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_survives(text):
    assert tomllib.loads(f"x = {toml(text)}")["x"] == text


def test_a_name_that_is_not_utf8_is_refused():
    with pytest.raises(UsageError, match="UTF-8"):
        toml(Path("scan-\udcff.jpg"))
