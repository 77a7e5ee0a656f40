"""A cluster's workers make what one machine makes, bytes and records, whatever dies on the way."""

# ruff: noqa: F811 - fixtures that are imported are arguments by their names

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time

import bagit
import dask
import psutil
import pytest
from built_in_weights import command_words, undisturbed  # noqa: F401
from distributed.security import Security
from in_process import run_here
from PIL import Image
from small_archive import tree

import archivecolor
from archivecolor.archive.layout import Layout
from archivecolor.errors import ExitCode

# What says when something was made, and no more.
PASSING = ("at", "seconds")


def records(root):
    """The newest record of every item, but for when it was made and how long that took."""
    lines = map(json.loads, Layout(root).manifest.read_text().splitlines())
    newest = {line["path"]: line for line in lines}
    for line in newest.values():
        for name in PASSING:
            line.pop(name)
        (line.get("output") or {}).pop("mtime_ns", None)
    return newest


def run_json(root):
    return json.loads(Layout(root).run_json.read_text())


def parts(root):
    return [path for path in root.rglob("*") if "archivecolor-part" in path.name]


@pytest.fixture
def on_cluster(command_words):
    """The words of a run on a cluster; its workers have one process each."""

    def words(*more):
        return command_words("dir", *more, "--jobs", "1")

    return words


@contextlib.contextmanager
def operated(folder, workers, variables=None):
    """A scheduler and workers as an operator starts them: their file, and their processes."""
    file = folder / "scheduler.json"
    here = ["--scheduler-file", file, "--host", "127.0.0.1", "--no-dashboard"]
    as_worker = [*here, "--nthreads", "1", "--memory-limit", "0", "--no-nanny"]
    programs = [["dask_scheduler", *here, "--port", "0"], *[["dask_worker", *as_worker]] * workers]
    environment = os.environ | {"DASK_DISTRIBUTED__SCHEDULER__WORK_STEALING": "True"} | (variables or {})
    running = [
        subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.{program}", *words],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
            cwd=folder,
        )
        for program, *words in programs
    ]
    until = time.monotonic() + 60
    while not file.exists():
        assert time.monotonic() < until
        time.sleep(0.1)
    try:
        yield file, running
    finally:
        for process in running:
            process.kill()
            process.wait()


@pytest.fixture
def scheduler(tmp_path):
    with operated(tmp_path, workers=1) as started:
        yield started


@pytest.mark.long  # five processes, each of which loads all there is
def test_two_workers_make_what_one_machine_makes_and_a_bag_with_premis(
    archive, undisturbed, archivecolor, here, tmp_path
):
    words = ("--cluster", "local:2", "--jobs", "1", "--bag", "--premis")
    done = archivecolor("dir", archive, tmp_path / "out", *words)
    assert (done.returncode, done.stdout) == (3, ""), done.stderr
    assert "distributed" not in done.stderr
    assert bagit.Bag(str(tmp_path / "out")).validate()
    root = tmp_path / "out" / "data"
    assert tree(root) == tree(undisturbed)
    assert records(root) == records(undisturbed)
    assert len(list(Layout(root).premis.rglob("*.xml"))) == len(tree(undisturbed))
    assert here("verify", tmp_path / "out").returncode == 0
    shares = run_json(root)["workers"].values()
    assert sum(share["items"] for share in shares) == 10
    megapixels = sum(share["megapixels"] for share in shares)
    assert megapixels == pytest.approx(run_json(root)["megapixels"], abs=0.001)


def test_four_workers_of_a_client_of_ones_own(archive, undisturbed, tmp_path):
    from distributed import Client, LocalCluster

    options = {"working_size": 64, "jobs": 1, "device": "cpu"}
    with (
        LocalCluster(n_workers=4, threads_per_worker=1, processes=False, dashboard_address=None) as local,
        Client(local, set_as_default=False) as client,
    ):
        result = archivecolor.colour_folder(archive, tmp_path / "out", executor=client, **options)
        assert client.status == "running"
    assert result.exit_code is ExitCode.SOME_FAILED
    assert tree(tmp_path / "out") == tree(undisturbed)
    assert records(tmp_path / "out") == records(undisturbed)


def test_relative_folders_are_those_of_the_client(archive, undisturbed, scheduler, here, tmp_path):
    """And the same command again does what is missing: here nothing, for which no worker is asked."""
    file, running = scheduler
    words = ("dir", archive.name, tmp_path / "out", "--cluster", file, "--jobs", "1")
    first = here(*words, cwd=archive.parent)
    assert first.returncode == 3, first.stderr
    assert tree(tmp_path / "out") == tree(undisturbed)
    for process in running:
        process.kill()
    again = here(*words, cwd=archive.parent)
    assert again.stderr.startswith("dir: 0 done;")


@pytest.fixture(scope="session")
def many(archive, command_words, tmp_path_factory):
    """Thirty small pictures, and the output of a run over them that nothing disturbed."""
    folder = tmp_path_factory.mktemp("many")
    (folder / "in").mkdir()
    with Image.open(archive / "people" / "chelsea.png") as picture:
        for number in range(30):
            picture.crop((number, 0, number + 120, 100)).save(folder / "in" / f"{number:02}.png")
    assert run_here(*command_words("dir", folder / "in", folder / "out")[3:]).returncode == 0
    return folder / "in", folder / "out"


@pytest.mark.long
def test_workers_that_are_killed_cost_nothing(many, on_cluster, here, tmp_path):
    """Killed at odd moments, each time another one; their nannies start others."""
    scans, expected = many
    manifest = Layout(tmp_path / "out").manifest
    command = on_cluster(scans, tmp_path / "out", "--cluster", "local:2")
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    killed = 0
    while running.poll() is None and killed < 3:
        done = manifest.read_bytes().count(b"\n") if manifest.exists() else 0
        workers = workers_of(running.pid)
        if done > 6 * killed and workers:
            time.sleep(random.uniform(0, 0.3))
            os.kill(random.choice(workers), signal.SIGKILL)
            killed += 1
        time.sleep(0.05)
    _, said = running.communicate(timeout=200)
    assert running.returncode == 0, said
    assert killed >= 2  # a quick machine may be done before the third
    assert tree(tmp_path / "out") == tree(expected)
    assert records(tmp_path / "out") == records(expected)
    assert parts(tmp_path / "out") == []
    assert here("verify", tmp_path / "out").returncode == 0


def workers_of(pid):
    """The Dask workers that the program of this number started, those that were killed left out."""
    found = []
    for child in psutil.Process(pid).children():
        with contextlib.suppress(psutil.NoSuchProcess):
            if "spawn_main" in " ".join(child.cmdline()):
                found.append(child.pid)
    return found


def test_ctrl_c_ends_the_run_and_the_same_command_goes_on(many, on_cluster, here, tmp_path):
    scans, expected = many
    command = on_cluster(scans, tmp_path / "out", "--cluster", "local:1", "--verbose")
    running = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert running.stderr.readline()  # the first picture
    os.killpg(running.pid, signal.SIGINT)
    _, said = running.communicate(timeout=120)
    assert running.returncode == ExitCode.INTERRUPTED
    assert "the same command goes on where it left off" in said
    assert "no worker" not in said  # it goes on with what it has in hand
    assert "Traceback" not in said
    assert here("dir", scans, tmp_path / "out").returncode == 0
    assert tree(tmp_path / "out") == tree(expected)


@pytest.mark.long
def test_a_scheduler_that_is_killed_ends_the_run_and_the_same_command_goes_on(
    many, scheduler, on_cluster, here, tmp_path
):
    (scans, expected), (file, (process, *_)) = many, scheduler
    command = on_cluster(scans, tmp_path / "out", "--cluster", file, "--verbose")
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert running.stderr.readline()
    process.kill()
    _, said = running.communicate(timeout=120)
    assert running.returncode == ExitCode.UNAVAILABLE, said
    assert "is gone; what is finished is safe, and the same command goes on" in said
    assert here("dir", scans, tmp_path / "out").returncode == 0
    assert tree(tmp_path / "out") == tree(expected)
    assert records(tmp_path / "out") == records(expected)


@pytest.fixture
def certificates(tmp_path):
    """The variables of Dask's configuration for TLS alone."""
    made = Security.temporary()
    files = {"ca": made.tls_ca_file, "cert": made.tls_client_cert, "key": made.tls_client_key}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    tls = {"TLS__CA_FILE": tmp_path / "ca", "REQUIRE_ENCRYPTION": True, "DEFAULT_SCHEME": "tls"}
    for role in ("SCHEDULER", "WORKER", "CLIENT"):
        tls |= {f"TLS__{role}__CERT": tmp_path / "cert", f"TLS__{role}__KEY": tmp_path / "key"}
    return {f"DASK_DISTRIBUTED__COMM__{name}": str(value) for name, value in tls.items()}


def test_tls_is_that_of_dasks_configuration(many, here, certificates, tmp_path):
    scans, expected = many
    with operated(tmp_path, workers=1, variables=certificates) as (file, _):
        words = ("dir", scans, tmp_path / "out", "--cluster", file, "--limit", "3")
        plain = here(*words)
        with dask.config.set(dask.config.merge(dask.config.config, dask.config.collect_env(certificates))):
            done = here(*words)
            address = json.loads(file.read_text())["address"]
            file.write_text(json.dumps({"address": address.replace("tls://", "tcp://")}))
            other = here(*words)
    assert plain.returncode == other.returncode == ExitCode.UNAVAILABLE
    assert "speaks TLS, and Dask has no certificates here" in plain.stderr
    assert "does not speak TLS, which Dask's configuration asks for here" in other.stderr
    assert done.returncode == 0, done.stderr
    made = tree(tmp_path / "out")
    assert len(made) == 3
    assert made.items() <= tree(expected).items()


def test_without_a_scheduler_nothing_is_begun(archive, here, tmp_path):
    done = here("dir", archive, tmp_path / "out", "--cluster", tmp_path / "scheduler.json")
    assert done.returncode == ExitCode.USAGE
    assert "scheduler.json is not there" in done.stderr
    done = here("dir", archive, tmp_path / "out", "--cluster", "local:2", "--worker-resource", "GPU")
    assert done.returncode == ExitCode.USAGE
    assert "--worker-resource" in done.stderr
