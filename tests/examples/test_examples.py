"""Every example runs as it stands, with the weights of the package where it names no others."""

import io
import os
import runpy
import shutil
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

import numpy as np
import simplejpeg
from PIL import Image
from skimage import data

EXAMPLES = Path(__file__).parents[2] / "examples"


def example(name, *words, folder=None):
    """Run an example in a process of its own."""
    command = [sys.executable, str(EXAMPLES / name), *map(str, words)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300, cwd=folder)
    assert done.stderr == ""
    return done


def example_here(name, *words, folder="."):
    """Run an example as a program, in the process of its tests; gives what it printed."""
    command = [str(EXAMPLES / name), *map(str, words)]
    out, err = io.StringIO(), io.StringIO()
    with chdir(folder), patch.object(sys, "argv", command), redirect_stdout(out), redirect_stderr(err):
        runpy.run_path(command[0], run_name="__main__")
    assert err.getvalue() == ""
    return out.getvalue()


def luma_plane(path):
    return simplejpeg.decode_jpeg(path.read_bytes(), colorspace="GRAY")


def test_colour_one_picture(archive, tmp_path):
    scan, coloured = archive / "people" / "astronaut.jpg", tmp_path / "coloured.jpg"
    printed = example_here("colour_one_picture.py", scan, coloured)
    assert printed == f"{coloured}: 320 x 240, grey kept by coefficients\n"
    assert np.array_equal(luma_plane(coloured), luma_plane(scan))
    assert np.ptp(simplejpeg.decode_jpeg(coloured.read_bytes()).astype(int), axis=-1).max() > 20


def test_folder_with_progress(archive, tmp_path):
    shutil.copytree(archive / "people", tmp_path / "in")
    done = example("folder_with_progress.py", tmp_path / "in", tmp_path / "out")
    assert done.returncode == 0
    assert "3/3" in done.stdout
    assert done.stdout.endswith("3 coloured, 0 failed\n")
    assert len(list((tmp_path / "out").glob("*.*"))) == 3


def test_another_checkpoint(checkpoint):
    printed = example_here("another_checkpoint.py", checkpoint)
    assert printed == "random: (192, 256, 3), grey kept everywhere: True\n"


def test_manifest_table(undisturbed):
    lines = example_here("manifest_table.py", undisturbed).splitlines()
    assert len(lines) == 11
    assert any(line.startswith("failed   truncated") and line.endswith("broken.jpg") for line in lines)


def test_demo_archive(tmp_path):
    printed = example_here("demo_archive.py", tmp_path / "in")
    assert printed == f"{tmp_path / 'in'}: 9 files\n"
    assert example_here("demo_archive.py", tmp_path / "in") == printed


def test_before_after_sheet(archive, tmp_path):
    scans, sheet = tmp_path / "in", tmp_path / "sheet.png"
    shutil.copytree(archive / "people", scans)
    printed = example_here("before_after_sheet.py", scans, tmp_path / "out", sheet)
    assert printed == f"before and after: {sheet}\n"
    assert Image.open(sheet).width > 600


def test_every_example_has_a_test():
    ours = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    assert {path.stem for path in EXAMPLES.glob("*.py")} <= ours


def test_notebook(archive, tmp_path):
    shutil.copyfile(archive / "people" / "astronaut.jpg", tmp_path / "scan.jpg")
    shutil.copyfile(archive / "people" / "chelsea.png", tmp_path / "another.png")
    lines = example_here("notebook.py", folder=tmp_path).splitlines()
    assert lines[0].startswith("scan.jpg: (240, 320, 3), confidence 0.")
    assert [line.split(": ")[0] for line in lines[1:]] == ["scan.jpg", "another.png"]


def test_notebook_folder(archive, tmp_path):
    shutil.copytree(archive / "people", tmp_path / "scans")
    *_, ended, first, second, third = example_here("notebook_folder.py", folder=tmp_path).splitlines()
    assert ended == "3 coloured, 0 failed"
    assert first.split()[0] <= second.split()[0] <= third.split()[0]
    assert len(list((tmp_path / "coloured").glob("*.*"))) == 3


def test_notebook_hints(archive, tmp_path):
    shutil.copyfile(archive / "people" / "astronaut.jpg", tmp_path / "anna.jpg")
    grid, change = example_here("notebook_hints.py", folder=tmp_path).splitlines()
    assert grid.startswith("certainty on a grid of ")
    assert float(change.split(": ")[1].split()[0]) > 0.5


def test_many_at_once(archive):
    scans = [archive / "people" / "astronaut.jpg", archive / "people" / "chelsea.png"]
    lines = example_here("many_at_once.py", *scans).splitlines()
    assert [line.split(": ")[0] for line in lines] == list(map(str, scans))


def test_train_on_folder(tmp_path):
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    for name in ("astronaut", "coffee", "chelsea"):
        Image.fromarray(getattr(data, name)()).resize((64, 64)).save(photographs / f"{name}.png")
    few = ["--network", "cnn", "--options", "width=64", "--size", "32", "--max-steps", "2"]
    words = [*few, "--device", "cpu", "--jobs", "1", "-q"]
    printed = example_here("train_on_folder.py", photographs, tmp_path / "run", *words)
    assert ": confidence " in printed.splitlines()[-1]


def test_the_page_for_programs_names_every_example():
    page = (EXAMPLES.parent / "docs" / "developer.md").read_text()
    assert all(path.name in page for path in EXAMPLES.glob("*.py"))


def test_cells_of_notebooks_read_no_command_line():
    """In Jupyter that is the kernel's own."""
    notebooks = list(EXAMPLES.glob("notebook*.py"))
    assert len(notebooks) == 3
    assert not any("argv" in path.read_text() for path in notebooks)


STARLETTE = {
    "applications": "class Starlette:\n    def __init__(self, routes): self.routes = routes\n",
    "requests": "Request = object\n",
    "responses": (
        "class Response:\n"
        "    def __init__(self, body, status_code=200, media_type='text/plain'):\n"
        "        self.body, self.status_code, self.media_type = body, status_code, media_type\n"
        "PlainTextResponse = Response\n"
    ),
    "routing": "class Route:\n    def __init__(self, path, call, methods): self.call = call\n",
}
CALLS = """
import asyncio, sys, web_service

class Request:
    def __init__(self, contents): self.contents = contents
    async def stream(self):
        yield self.contents[:100]
        yield self.contents[100:]

for contents in (open(sys.argv[1], "rb").read(), b"no picture", b"x" * 50_000_001):
    answer = asyncio.run(web_service.app.routes[0].call(Request(contents)))
    print(answer.status_code, answer.media_type, answer.body[:2] == b"\\xff\\xd8")
"""


def test_web_service(archive, tmp_path):
    """The example asks for Starlette, which the package does not: what it uses of it stands in here."""
    package = tmp_path / "starlette"
    package.mkdir()
    for name, text in {"__init__": "", **STARLETTE}.items():
        (package / f"{name}.py").write_text(text)
    scan = archive / "people" / "astronaut.jpg"
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{EXAMPLES}"}
    command = [sys.executable, "-c", CALLS, str(scan)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300, env=environment)
    assert done.stdout.splitlines() == [
        "200 image/jpeg True",
        "422 text/plain False",
        "413 text/plain False",
    ]
    assert len((EXAMPLES / "web_service.py").read_text().splitlines()) <= 40
