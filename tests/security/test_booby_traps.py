"""No code of the folder that somebody stands in is ever run, however the program is started."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import HTTPCookieProcessor, build_opener

import pytest
from PIL import Image
from skimage import data
from small_archive import tree

MODULES = [
    "joblib",
    "loky",
    "numpy",
    "cv2",
    "multiprocessing",
    "json",
    "sitecustomize",
    "usercustomize",
    "click",
    "av",
    "pickle",
    "matplotlib",
    "fractions",
]
PACKAGES = ["torch", "PIL", "onnxruntime", "skimage"]
PROGRAMS = [
    "exiftool",
    "ffmpeg",
    "ffprobe",
    "setpriv",
    "fc-list",
    "uname",
    "lscpu",
    "gcc",
    "cc",
    "nvidia-smi",
]
# What the loader of the system would take in place of its own.
SHARED_LIBRARIES = ["libc.so.6", "libm.so.6", "libcrypt.so.1", "libdl.so.2"]
SHORT = ["--max-steps", "1", "--size", "32", "--batch-size", "2", "--device", "cpu"]
CONSOLE_SCRIPT = [str(Path(sys.executable).with_name("archivecolor"))]
MODULE = [sys.executable, "-m", "archivecolor"]


@pytest.fixture
def trapped(tmp_path):
    """A folder in which every likely name leaves a trace when it is run."""
    folder = tmp_path / "scans"
    folder.mkdir()
    trace = f"open({str(tmp_path / 'trace')!r}, 'a').write(__name__ + ' ')\n"
    for name in MODULES:
        (folder / f"{name}.py").write_text(trace)
    for name in PACKAGES:
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text(trace)
    for name in PROGRAMS:
        (folder / name).write_text(f"#!/bin/sh\necho {name} >> {tmp_path / 'trace'}\nexit 1\n")
        (folder / name).chmod(0o755)
    for name in SHARED_LIBRARIES:
        (folder / name).write_text("no library: whoever loads this ends with an error")
    (folder / "traps.pth").write_text(f"import os; {trace}")
    (folder / ".ExifTool_config").write_text(f"open F, '>>', '{tmp_path / 'trace'}'; print F 'exiftool'; 1;")
    (folder / "matplotlibrc").write_text("text.usetex: True\nbackend: module://numpy\n")
    return folder


def run_in(folder, command, *words):
    """Run the program there, with the current folder in PATH and no home, as some people have it."""
    environment = {**os.environ, "PATH": f".:{folder}:" + os.environ["PATH"], "PERL5LIB": ".:"}
    del environment["HOME"]
    command = [*command, *map(str, words)]
    return subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=folder, env=environment, timeout=300
    )


@pytest.mark.parametrize("command", [CONSOLE_SCRIPT, MODULE], ids=["console script", "python -m"])
def test_a_folder_of_scans_runs_nothing(trapped, archive, tmp_path, command):
    shutil.copytree(archive / "people", trapped / "people")
    words = ["--working-size", "64", "--jobs", "2", "--device", "cpu"]
    done = run_in(trapped, command, "dir", ".", "../out", *words)
    assert not (tmp_path / "trace").exists(), (tmp_path / "trace").read_text()
    assert done.returncode == 0, done.stderr
    # Nor was it kept from what the traps stand in for.
    assert "warning" not in done.stderr
    assert len(tree(tmp_path / "out")) == 3


@pytest.fixture
def film(trapped):
    """A film of a few frames among the traps."""
    source = ["-f", "lavfi", "-i", "testsrc=s=64x48:d=0.2", "-pix_fmt", "yuv420p"]
    subprocess.run(["ffmpeg", "-v", "error", *source, str(trapped / "film.mp4")], check=True, timeout=60)


@pytest.fixture
def colour(trapped):
    """Colour photographs among the traps."""
    (trapped / "colour").mkdir()
    for number in range(4):
        picture = data.astronaut()[20 * number : 20 * number + 160, 100:300]
        Image.fromarray(picture).save(trapped / "colour" / f"{number}.png")


@pytest.mark.parametrize(
    "words",
    [
        ("video", "film.mp4", "--codec", "ffv1", "-o", "../out"),
        ("photo", "colour/0.png", "-o", "../0.png", "--colour", "recolour"),
        pytest.param(("evaluate", "colour", "--device", "cpu"), marks=pytest.mark.fault),
        ("train", "colour", "-o", "../run", *SHORT),
        ("doctor",),
    ],
    ids=lambda words: words[0],
)
def test_no_other_job_does(trapped, film, colour, tmp_path, words):
    done = run_in(trapped, CONSOLE_SCRIPT, *words)
    assert not (tmp_path / "trace").exists(), (tmp_path / "trace").read_text()
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr


def test_the_page_does_not_either(trapped, undisturbed, tmp_path):
    output = shutil.copytree(undisturbed, tmp_path / "out")
    environment = {**os.environ, "PATH": f".:{trapped}:" + os.environ["PATH"]}
    words = [*CONSOLE_SCRIPT, "review", output]
    page = subprocess.Popen(
        words, cwd=trapped, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    address = page.stdout.readline().strip()
    opener = build_opener(HTTPCookieProcessor())
    opener.open(address, timeout=60)
    assert b"astronaut" in opener.open(address.partition("?")[0], timeout=60).read()
    page.send_signal(signal.SIGINT)
    errors = page.communicate(timeout=60)[1]
    assert not (tmp_path / "trace").exists(), (tmp_path / "trace").read_text()
    assert "Traceback" not in errors


def test_settings_of_matplotlib_that_are_none_are_told_before_any_work(trapped, colour, tmp_path):
    (trapped / "matplotlibrc").write_bytes(b"\xff\xfe\x1b[2J")
    done = run_in(trapped, CONSOLE_SCRIPT, "train", "colour", "-o", "../run", "--max-steps", "1")
    assert done.returncode == 2, done.stderr
    assert "matplotlibrc" in done.stderr
    assert "\x1b" not in done.stderr


@pytest.mark.parametrize("before", [None, "", "/opt/lib"])
def test_opencv_puts_no_folder_into_the_search_for_libraries(before):
    environment = {name: value for name, value in os.environ.items() if name != "LD_LIBRARY_PATH"}
    if before is not None:
        environment["LD_LIBRARY_PATH"] = before
    code = "import os, archivecolor.opencv; print(repr(os.environ.get('LD_LIBRARY_PATH')))"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment
    )
    assert done.stdout.strip() == repr(before)
