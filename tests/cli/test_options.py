"""One declaration of an option serves the command line, the environment, recipes and help."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from archivecolor.cli.main import main
from archivecolor.cli.options import command_for
from archivecolor.errors import ExitCode, UsageError
from archivecolor.recipe import load_recipe
from archivecolor.settings import DirSettings, TrainSettings, VideoSettings, fields_of


@pytest.fixture
def run(monkeypatch):
    """Runs `dir` with words and gives the settings that came out."""

    def run(*words, default_map=None, **environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        seen = []

        @command_for(DirSettings, "dir")
        def command(settings):
            """Help."""
            seen.append(settings)
            return ExitCode.OK

        command.main(list(words), standalone_mode=False, default_map=default_map)
        return seen[0]

    return run


def test_positional_names_and_defaults(run):
    settings = run("in", "out")
    assert settings == DirSettings(input=Path("in"), output=Path("out"))


def test_every_kind_of_option_is_understood(run):
    settings = run(
        *["in", "out", "--working-size", "128", "--saturation", "0.5", "--overwrite", "--toned", "skip"],
        *["--include", "*.jpg", "--include", "a b", "--log-file", "x.log", "-q", "-j", "3"],
    )
    assert settings == DirSettings(
        input=Path("in"),
        output=Path("out"),
        working_size=128,
        saturation=0.5,
        overwrite=True,
        toned="skip",
        include=("*.jpg", "a b"),
        log_file=Path("x.log"),
        quiet=True,
        jobs=3,
    )


def test_command_line_before_environment_before_recipe_before_default(run):
    recipe = {"working_size": 64, "saturation": 0.1, "toned": "skip"}
    settings = run(
        *["in", "out", "--working-size", "128"],
        default_map=recipe,
        ARCHIVECOLOR_WORKING_SIZE="96",
        ARCHIVECOLOR_SATURATION="0.2",
    )
    assert (settings.working_size, settings.saturation, settings.toned) == (128, 0.2, "skip")
    assert settings.format == "keep"


def test_a_commands_own_variable_wins_over_the_common_one(run):
    settings = run("in", "out", ARCHIVECOLOR_DIR_WORKING_SIZE="64", ARCHIVECOLOR_WORKING_SIZE="96")
    assert settings.working_size == 64


def test_a_flag_of_the_environment_or_recipe_can_be_taken_back(run):
    assert not run("in", "out", "--no-overwrite", ARCHIVECOLOR_OVERWRITE="1").overwrite
    assert not run("in", "out", "--no-overwrite", default_map={"overwrite": True}).overwrite


def test_a_mistyped_word_is_told_the_nearest(run):
    with pytest.raises(click.BadParameter, match="did you mean 'colour'"):
        run("in", "out", "--toned", "color")


def test_a_mistyped_option_is_told_the_nearest(run):
    with pytest.raises(click.NoSuchOption) as caught:
        run("in", "out", "--working-sise", "256")
    assert "--working-size" in caught.value.format_message()


def test_a_number_out_of_bounds_names_the_bound(run):
    with pytest.raises(UsageError, match="at least 64"):
        run("in", "out", "--working-size", "32")


def test_saving_a_recipe_keeps_what_was_given_by_any_way(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(
        *["in", "out", "--toned", "skip", "--no-dry-run", "--save-recipe", "kept.toml"],
        ARCHIVECOLOR_WORKING_SIZE="96",
    )
    assert load_recipe(tmp_path / "kept.toml").values == {
        "input": tmp_path / "in",
        "output": tmp_path / "out",
        "toned": "skip",
        "working_size": 96,
    }


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'job = "dir"\n', "[dir] has no input; write input = ... into it"),
        (b'job = "dir"\n[dir]\ninput = "in"\n', "[dir] has no output; write output = ... into it"),
        (b"\xff\xd8\xff\xe0", "is no recipe, which is text in UTF-8"),
    ],
)
def test_a_recipe_that_cannot_be_run_is_named_with_what_it_lacks(tmp_path, capsys, content, told):
    recipe = tmp_path / "r.toml"
    recipe.write_bytes(content)
    assert main(["run", str(recipe)]) == ExitCode.USAGE
    assert capsys.readouterr().err == f"archivecolor: error: {recipe}: {told}\n"


def test_a_dry_run_saves_no_recipe_and_says_where_there_is_no_place_for_one(run, tmp_path):
    kept = tmp_path / "kept.toml"
    run("in", "out", "--dry-run", "--save-recipe", str(kept))
    assert not kept.exists()
    kept.write_text("PRECIOUS")
    with pytest.raises(UsageError, match="no recipe as --save-recipe wrote it"):
        run("in", "out", "--dry-run", "--save-recipe", str(kept))
    assert kept.read_text() == "PRECIOUS"


@pytest.mark.parametrize("kind", [DirSettings, VideoSettings, TrainSettings])
def test_help_knows_every_option(kind):
    @command_for(kind, "job")
    def command(settings):
        """Help."""

    text = CliRunner().invoke(command, ["--help"]).output
    for spec in fields_of(kind):
        if not spec.metadata["option"].argument:
            flag = spec.metadata["option"].flag or spec.name.replace("_", "-")
            assert f"--{flag}" in text
