"""Without torch photographs and films are coloured all the same; what needs it says what to install."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from small_archive import grey_of, tree

from archivecolor.errors import ExitCode

ROOT = Path(__file__).parents[2]
# The program for one command a line, as a process that can import no torch.
HIDING = """
import json, sys
sys.modules.update(dict.fromkeys(("torch", "matplotlib", "onnx", "skimage", "scipy")))
sys.path.insert(0, sys.argv[1])
from in_process import run_here
for line in sys.stdin:
    done = run_here(*json.loads(line))
    print(json.dumps([done.returncode, done.stdout, done.stderr]), flush=True)
"""


def write_film(path):
    """Half a second of a picture that moves."""
    picture = np.asarray(grey_of("coffee", (160, 120)))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=8, width=128, height=96, pix_fmt="gray")
        for step in range(4):
            frame = av.VideoFrame.from_ndarray(picture[:96, 4 * step : 4 * step + 128].copy(), format="gray")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def works_without_torch(run, folder):
    """Every command that a plain install promises; `run` is how the program is called, from `folder`."""
    scans, coloured = folder / "scans", folder / "coloured"
    scans.mkdir()
    grey_of("astronaut", (320, 240)).save(scans / "a.jpg", quality=90)
    grey_of("chelsea", (300, 200)).save(scans / "b.png")
    write_film(folder / "film.mkv")
    for words in (
        ("dir", scans, coloured, "--jobs", 1),
        ("verify", coloured),
        ("grey", coloured, folder / "back", "--jobs", 1),
        ("video", folder / "film.mkv", "-o", folder / "film", "--codec", "ffv1"),
        ("models",),
    ):
        done = run(*words)
        assert done.returncode == ExitCode.OK, (words, done.stderr)
    for path in (coloured / "a.jpg", coloured / "b.png"):
        assert np.asarray(Image.open(path)).std(axis=2).max() > 10
    assert [path.suffix for path in (folder / "film").glob("film*")] == [".mkv"]
    assert "onnxruntime" in run("doctor").stdout
    for words in (
        ("train", scans, "-o", folder / "run"),
        ("dir", scans, coloured, "--device", "cuda", "--overwrite"),
    ):
        done = run(*words)
        assert done.returncode == ExitCode.UNAVAILABLE, (words, done.stderr)
    assert "pip install 'archivecolor[train]'" in run("train", scans, "-o", folder / "run").stderr
    return tree(coloured)


def test_nothing_that_dir_and_video_need_imports_torch(tmp_path):
    command = [sys.executable, "-c", HIDING, str(ROOT / "tests")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=tmp_path
    ) as program:

        def run(*words):
            program.stdin.write(json.dumps([str(word) for word in words]) + "\n")
            program.stdin.flush()
            return subprocess.CompletedProcess(words, *json.loads(program.stdout.readline()))

        works_without_torch(run, tmp_path)


@pytest.fixture(scope="session")
def distributions(tmp_path_factory):
    """The wheel and the sdist, built from the files of the checkout."""
    folder = tmp_path_factory.mktemp("dist")
    words = [sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT)]
    subprocess.run(words, check=True, capture_output=True, timeout=300)
    return folder


@pytest.fixture(scope="session")
def plain_python(distributions):
    """The Python of an environment that has the wheel and what it asks for; kept as long as that stays."""
    wheel = next(distributions.glob("*.whl"))
    asked = re.search(
        r"^dependencies = .*?^\]", (ROOT / "pyproject.toml").read_text(), re.DOTALL | re.MULTILINE
    )
    digest = hashlib.sha256(f"{sys.version} {asked.group()}".encode()).hexdigest()[:12]
    folder = ROOT / ".cache" / f"plain-{digest}"
    ready, python = folder / "ready", folder / "bin" / "python"
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if not ready.exists():
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, timeout=120)
        subprocess.run([*pip, str(wheel)], check=True, timeout=900)
        ready.touch()
    subprocess.run([*pip, "--no-deps", "--force-reinstall", str(wheel)], check=True, timeout=300)
    return python


@pytest.mark.install
def test_the_wheel_alone_colours_in_a_fresh_environment(plain_python, tmp_path):
    listed = subprocess.run(
        [plain_python, "-m", "pip", "list", "--format=freeze"], check=True, capture_output=True, text=True
    ).stdout
    assert not re.search(r"^(torch|matplotlib|onnx|scikit-image|scipy)==", listed, re.MULTILINE)

    def run(*words):
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        command = [plain_python.parent / "archivecolor", *map(str, words)]
        return subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=120, cwd=tmp_path, env=environment
        )

    works_without_torch(run, tmp_path)
    share = plain_python.parents[1] / "share"
    for carried in (
        "man/man1/archivecolor.1",
        "bash-completion/completions/archivecolor",
        "zsh/site-functions/_archivecolor",
        "fish/vendor_completions.d/archivecolor.fish",
    ):
        assert (share / carried).is_file()
    size = subprocess.run(["du", "-sm", plain_python.parents[1]], check=True, capture_output=True, text=True)
    assert int(size.stdout.split()[0]) <= 800


@pytest.mark.install
def test_the_sdist_has_what_a_wheel_is_made_from(distributions):
    with tarfile.open(next(distributions.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {
        "pyproject.toml",
        "LICENSE",
        "README.md",
        "docs/archivecolor.1",
        "archivecolor/networks/weights/archivecolor-default.safetensors",
        "archivecolor/networks/graphs/default.onnx",
        "archivecolor/networks/graphs/default.json",
    } <= names
