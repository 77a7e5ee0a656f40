"""The shipped recipes are true: each loads, explains every option, and runs dry."""

import shutil
import subprocess
from pathlib import Path

import pytest
from in_process import run_here

from archivecolor.recipe import JOBS, comment, load_recipe
from archivecolor.settings import fields_of, option_of

PIPELINES = sorted((Path(__file__).parents[2] / "pipelines").glob("*.toml"))


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: path.stem)
def test_a_recipe_loads_and_explains_every_option(path):
    recipe = load_recipe(path)
    JOBS[recipe.job](**recipe.values)
    lines = path.read_text(encoding="utf-8").splitlines()
    for spec in fields_of(JOBS[recipe.job]):
        place = next(
            i for i, line in enumerate(lines) if line.removeprefix("# ").startswith(f"{spec.name} =")
        )
        meaning = comment(option_of(spec), spec)
        assert lines[place - len(meaning) : place] == meaning


@pytest.fixture
def copied(tmp_path):
    """Copies a recipe to where its folders are."""

    def copy(name, *folders):
        for folder in folders:
            (tmp_path / folder).mkdir()
        return shutil.copy(Path(__file__).parents[2] / "pipelines" / name, tmp_path)

    return copy


def run(*words):
    return run_here("run", *words)


TRAINING = [path.name for path in PIPELINES if path.name.startswith("train-")]


def test_every_network_has_a_training_recipe():
    from archivecolor.networks.registry import network_names

    later = {f"train-default-{session}.toml" for session in ("fine", "mean")}
    assert set(TRAINING) == {*later, *(f"train-{name}.toml" for name in network_names())}
    for name in set(TRAINING) - later:
        values = load_recipe(Path(__file__).parents[2] / "pipelines" / name).values
        assert name == f"train-{values.get('network', 'default')}.toml"


@pytest.mark.parametrize("name", [*TRAINING, "evaluate.toml"])
def test_a_recipe_runs_dry(copied, name):
    done = run(copied(name, "photographs"), "--dry-run")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_the_nightly_recipe_runs_dry_and_for_real(copied, checkpoint, archive, tmp_path):
    recipe = copied("photos-nightly.toml", "scans")
    shutil.copy(archive / "people" / "astronaut.jpg", tmp_path / "scans")
    words = ["--checkpoint", checkpoint, "--min-age", "0", "--nice", "0", "--working-size", "64"]
    assert "to do: 1 picture" in run(recipe, "--dry-run", *words).stdout
    done = run(recipe, "-q", *words)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "coloured" / "astronaut.jpg").exists()
    assert (tmp_path / "photos-nightly.log").exists()


def test_the_weekly_recipe_runs_dry(copied, checkpoint, tmp_path):
    recipe = copied("films-weekly.toml", "films")
    film = tmp_path / "films" / "reel.mkv"
    picture = ["-f", "lavfi", "-i", "testsrc2=s=64x48:d=0.4,format=gray", "-c:v", "ffv1"]
    subprocess.run(["ffmpeg", "-v", "error", *picture, film], check=True, timeout=60)
    done = run(recipe, "--dry-run", "--checkpoint", checkpoint, "--nice", "0")  # the process of the tests
    assert done.returncode == 0, done.stderr
    assert "to do: 1 film, 10 frames" in done.stdout
    assert not (tmp_path / "films-coloured").exists()
