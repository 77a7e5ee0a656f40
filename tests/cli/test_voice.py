"""One voice for errors: the option as it was typed, what is wrong, what is allowed."""

import pytest

from archivecolor.cli.main import main
from archivecolor.cli.terminal import counted
from archivecolor.errors import ExitCode


@pytest.fixture
def said(tmp_path, monkeypatch, capsys):
    (tmp_path / "in").mkdir()
    monkeypatch.chdir(tmp_path)

    def run(*words, code=ExitCode.USAGE, **environment):
        for name, value in environment.items():
            monkeypatch.setenv(f"ARCHIVECOLOR_{name}", value)
        assert main(["dir", "in", "out", *words]) == code
        return capsys.readouterr().err

    return run


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--working-size", "33"), "--working-size is 33; it must be at least 64"),
        (("--jobs", "x"), "--jobs is x; it must be a whole number"),
        (("--toned", "color"), "--toned is color; choose one of colour, keep, skip"),
        (("--max-runtime", "2x"), "--max-runtime is 2x; write it as 90 or 90s"),
        (("--saturation", "1m"), "--saturation is 1m; it must be a number"),
        (("--saturation", "nan"), "--saturation is nan; it must be a number"),
        (("--device", "gpu"), "--device is gpu; where the network runs: auto, cpu"),
    ],
)
def test_a_wrong_value_is_told_of_by_its_flag(said, words, text):
    assert f"archivecolor: error: {text}" in said(*words)


def test_a_wrong_value_is_told_of_by_its_variable_or_recipe(said, tmp_path, capsys):
    assert "ARCHIVECOLOR_DIR_JOBS is x; it must be" in said(DIR_JOBS="x")
    (tmp_path / "r.toml").write_text('job = "dir"\n[dir]\nworking_size = 33\nmin_age = "2h"\n')
    assert main(["run", "r.toml"]) == ExitCode.USAGE
    assert "r.toml, line 3: [dir] working_size is 33; it must be at least 64" in capsys.readouterr().err


def test_unknown_variables_are_named(said):
    text = said("--limit", "0", code=ExitCode.OK, WORKNG_SIZE="64", MIN_AGE="1h")
    assert "ARCHIVECOLOR_WORKNG_SIZE is no option; did you mean 'ARCHIVECOLOR_WORKING_SIZE'?" in text
    assert "MIN_AGE" not in text


def test_one_thing_is_counted_in_the_singular():
    assert counted(1, "films passed over") == "1 film passed over"
    assert counted(2, "films passed over") == "2 films passed over"
    assert counted(1, "not pictures passed over (.txt 1)") == "1 file that is no picture passed over (.txt 1)"
    assert counted(1, "up to date") == "1 up to date"
    assert counted(1, "no pictures; --files-from takes them") == "1 no picture; --files-from takes them"
    assert counted(1, "passed over; --files-from takes it") == "1 passed over; --files-from takes it"
