"""The shipped recipes for clusters are true: scripts run with stand-ins for SLURM and ssh."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from small_archive import tree

from archivecolor.cli.main import group

RECIPES = Path(__file__).parents[2] / "pipelines" / "cluster"
SCRIPTS = ["archivecolor-dask.slurm", "two-machines.sh"]
PROGRAM = "slurm_jobqueue.py"
MANIFESTS = ["kubernetes-dask.yaml", "kubernetes-shards.yaml"]
QUICK = {"WORKING_SIZE": "64", "JOBS": "1", "DEVICE": "cpu"}
# What stands in for a program of a cluster: it runs on this machine what it was to run elsewhere.
STAND_INS = {
    "dask": f'exec {sys.executable} -m dask "$@"',
    "archivecolor": f'exec {sys.executable} -m archivecolor "$@"',
    "srun": 'exec "$@"',
    # A job is a process group of its own, and its number that of the group; its script may go at once.
    "sbatch": 'setsid bash -c "$(< "$1")" > /dev/null 2>&1 & echo "Submitted batch job $!"',
    "scancel": 'kill -- "-$1"',
    "ssh": 'while [[ $1 == -* ]]; do [[ $1 == -o ]] && shift; shift; done; shift; exec bash -c "$*"',
}


@pytest.fixture
def placed(archive, tmp_path):
    """The archive without its broken pictures, where an operator would have it."""
    shutil.copytree(archive, tmp_path / "scans")
    for name in ("broken.jpg", "empty.png"):
        (tmp_path / "scans" / name).unlink()
    return tmp_path


@pytest.fixture
def environment(tmp_path):
    """Stand-ins in PATH, and what makes runs quick ones."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, words in STAND_INS.items():
        (programs / name).write_text(f"#!/bin/bash\n{words}\n")
        (programs / name).chmod(0o755)
    variables = {f"ARCHIVECOLOR_{name}": value for name, value in QUICK.items()}
    own = {"PATH": f"{programs}:{os.environ['PATH']}", "REMOTE": str(programs), "DASK_HOST": "127.0.0.1"}
    return os.environ | variables | own


def documents(name):
    return list(yaml.safe_load_all((RECIPES / name).read_text(encoding="utf-8")))


def pods(document):
    """Every specification of a pod in a manifest."""
    if isinstance(document, dict):
        if "containers" in document:
            yield document
        for value in document.values():
            yield from pods(value)


def test_every_recipe_says_what_it_is_for():
    assert sorted(path.name for path in RECIPES.iterdir()) == sorted([*SCRIPTS, PROGRAM, *MANIFESTS])
    for path in RECIPES.iterdir():
        lines = path.read_text(encoding="utf-8").splitlines()
        assert lines[0].startswith('"""') or sum(line.lstrip().startswith("#") for line in lines) >= 3, path


@pytest.mark.long  # a scheduler, workers and their client: each a process that loads Dask and torch
@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_colours_the_archive_by_workers_of_its_own(script, placed, environment, undisturbed):
    slurm = {"SLURM_JOB_ID": "7", "SLURM_CPUS_PER_TASK": "1"}
    words = ["bash", RECIPES / script, placed, *(["other-host"] if script.endswith(".sh") else [])]
    done = subprocess.run(
        words, check=False, capture_output=True, text=True, env=environment | slurm, cwd=placed, timeout=150
    )
    assert done.returncode == 0, done.stderr
    assert tree(placed / "coloured") == tree(undisturbed)
    assert not list(placed.glob("scheduler-*"))


@pytest.mark.long  # likewise
def test_workers_that_are_jobs_of_slurm_colour_the_archive(placed, environment, undisturbed):
    few = {"WORKERS": "1", "WORKER_CORES": "1", "WORKER_MEMORY": "2GB"}
    done = subprocess.run(
        [sys.executable, RECIPES / PROGRAM, placed],
        check=False,
        capture_output=True,
        text=True,
        env=environment | few,
        cwd=placed,
        timeout=150,
    )
    assert done.returncode == 0, done.stderr
    assert tree(placed / "coloured") == tree(undisturbed)


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_manifest_mounts_what_it_has_and_types_options_that_there_are(name):
    for document in documents(name):
        assert document["apiVersion"]
        assert document["metadata"]["name"].startswith("archivecolor")
        for pod in pods(document):
            volumes = {volume["name"] for volume in pod.get("volumes", ())}
            for container in pod["containers"]:
                assert {mount["name"] for mount in container.get("volumeMounts", ())} <= volumes
                words = [*container["command"], *container["args"]]
                assert all(isinstance(word, str) for word in words)
                if words[0].endswith("/archivecolor"):
                    group.get_command(None, words[1]).make_context(words[1], words[2:])


def test_the_shares_of_kubernetes_are_coloured_and_merged(placed, environment, undisturbed):
    shares, merge = documents("kubernetes-shards.yaml")
    ((share,),) = (pod["containers"] for pod in pods(shares))
    ((put_together,),) = (pod["containers"] for pod in pods(merge))
    assert f"--shard $share/{shares['spec']['completions']} " in share["args"][0]
    programs = environment["PATH"].split(":")[0]

    def run(container, **more):
        text = container["args"][0].replace("/opt/archivecolor/bin", programs).replace("$share/8", "$share/2")
        words = [*container["command"], text.replace("/archive/", f"{placed}/")]
        subprocess.run(words, check=True, env=environment | more, timeout=150)

    for index in ("0", "1"):
        run(share, JOB_COMPLETION_INDEX=index)
    run(put_together)
    assert tree(placed / "coloured") == tree(undisturbed)
