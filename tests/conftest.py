"""Fixtures that several rooms' tests share."""

import shutil
import subprocess
import sys

import pytest
from decided_archive import Archive, fill_to_decide
from hypothesis import HealthCheck, settings
from in_process import OpenNetworks, WorkerHere, run_here
from small_archive import fill

COMMAND = [sys.executable, "-m", "archivecolor"]
# The network sees little, so that tests spend their time elsewhere.
QUICK = ["--working-size", "64", "--jobs", "2", "--device", "cpu"]
# Rooms whose tests are about worker processes, or about what happens to them.
WITH_PROCESSES = {"engine", "platforms"}

# How fast a machine makes up its inputs is not what tests are about.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


@pytest.fixture(autouse=True)
def _workers_here(request, monkeypatch):
    """Tests of other rooms start no worker processes; what sessions share (`undisturbed`) some made."""
    if request.path.parent.name not in WITH_PROCESSES:
        monkeypatch.setattr("archivecolor.engine.local.Process", WorkerHere)


open_networks = OpenNetworks()


@pytest.fixture(autouse=True)
def _networks_opened_once(request, monkeypatch):
    """Runs of one process share networks that are ready, but where tests are about what makes them so."""
    if request.path.parent.name != "inference" and request.path.name != "test_runtimes.py":
        monkeypatch.setattr("archivecolor.inference.predictor.open_runtime", open_networks)


@pytest.fixture
def processes(monkeypatch):
    """Worker processes all the same, for what only they do."""
    from archivecolor.engine.process import Process

    monkeypatch.setattr("archivecolor.engine.local.Process", Process)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    """A small network with random weights: it colours everything, beautifully or not."""
    import torch

    from archivecolor.networks.checkpoint import CheckpointInfo, dump_checkpoint
    from archivecolor.networks.registry import build_generator

    options = {"encoder": "lite0", "widths": (16, 16, 16, 16), "attention": 0, "bins": 8, "gain": 8000.0}
    torch.manual_seed(20)
    generator = build_generator("default", options)
    around = torch.linspace(0, 2 * torch.pi, 9)[:8]
    generator.centres.copy_(40 * torch.stack((around.cos(), around.sin()), dim=1))
    info = CheckpointInfo(network="default", options=options, title="random")
    path = tmp_path_factory.mktemp("weights") / "random.safetensors"
    path.write_bytes(dump_checkpoint(generator, info))
    return path


@pytest.fixture(scope="session")
def s3_server():
    """A server of buckets: its address, and what goes wrong there."""
    import bucket_server

    with bucket_server.running() as found:
        yield found


@pytest.fixture
def bucket(s3_server, tmp_path, monkeypatch):
    """A new bucket on it, which botocore finds by its variables."""
    import bucket_server

    for name, value in bucket_server.environment(s3_server[0], tmp_path).items():
        monkeypatch.setenv(name, value)
    return bucket_server.BucketServer(*s3_server)


@pytest.fixture(scope="session")
def archive(tmp_path_factory):
    """The archive; only read by tests."""
    return fill(tmp_path_factory.mktemp("archive") / "in")


@pytest.fixture(scope="session")
def command_words(checkpoint):
    """The words of a command; `dir` with the small network and quick settings."""

    def words(job, *more):
        settings = [*QUICK, "--checkpoint", str(checkpoint)] if job == "dir" else []
        return [*COMMAND, job, *settings, *map(str, more)]

    return words


@pytest.fixture
def here(command_words):
    """As `archivecolor`, in this process: for journeys that no signal, no limit and no library ends."""

    def run(*words, cwd=None):
        return run_here(*command_words(*words)[len(COMMAND) :], cwd=cwd)

    return run


@pytest.fixture
def archivecolor(command_words):
    """Runs the program in a process of its own: `archivecolor("dir", source, output, ...)`."""

    def run(*words, timeout=300, **kwargs):
        command = command_words(*words)
        return subprocess.run(command, check=False, capture_output=True, text=True, timeout=timeout, **kwargs)

    return run


@pytest.fixture(scope="session")
def undisturbed(archive, command_words, tmp_path_factory):
    """The output of a run that nothing disturbed."""
    output = tmp_path_factory.mktemp("undisturbed") / "out"
    done = run_here(*command_words("dir", archive, output)[len(COMMAND) :])
    assert done.returncode == 3, done.stderr
    return output


@pytest.fixture(scope="session")
def copy_of_archive(checkpoint, tmp_path_factory):
    """Copies photographs to be decided about, and what was made of them, into a folder."""
    folder = tmp_path_factory.mktemp("to_decide")
    made = Archive(folder / "in", folder / "out", checkpoint)
    fill_to_decide(made.scans)
    made.dir()

    def copy(folder):
        shutil.copytree(made.scans, folder / "in")
        shutil.copytree(made.output, folder / "out")
        run_json = folder / "out" / "_archivecolor" / "run.json"
        run_json.write_text(run_json.read_text().replace(str(made.scans), str(folder / "in")))
        return Archive(folder / "in", folder / "out", checkpoint)

    return copy
