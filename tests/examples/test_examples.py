"""Every example runs as it stands, with the weights of the package where it names no others."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import simplejpeg
from PIL import Image

EXAMPLES = Path(__file__).parents[2] / "examples"


def example(name, *words):
    command = [sys.executable, str(EXAMPLES / name), *map(str, words)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    assert done.stderr == ""
    return done


def luma_plane(path):
    return simplejpeg.decode_jpeg(path.read_bytes(), colorspace="GRAY")


def test_colour_one_picture(archive, tmp_path):
    scan, coloured = archive / "people" / "astronaut.jpg", tmp_path / "coloured.jpg"
    done = example("colour_one_picture.py", scan, coloured)
    assert done.stdout == f"{coloured}: 320 x 240, grey kept by coefficients\n"
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
    done = example("another_checkpoint.py", checkpoint)
    assert done.stdout == "random: (192, 256, 3), grey kept everywhere: True\n"


def test_manifest_table(undisturbed):
    lines = example("manifest_table.py", undisturbed).stdout.splitlines()
    assert len(lines) == 11
    assert any(line.startswith("failed   truncated") and line.endswith("broken.jpg") for line in lines)


def test_demo_archive(tmp_path):
    done = example("demo_archive.py", tmp_path / "in")
    assert done.stdout == f"{tmp_path / 'in'}: 9 files\n"
    assert example("demo_archive.py", tmp_path / "in").returncode == 0


def test_before_after_sheet(archive, undisturbed, tmp_path):
    sheet = tmp_path / "sheet.png"
    done = example("before_after_sheet.py", archive, undisturbed, sheet)
    assert done.stdout == f"before and after: {sheet}\n"
    assert Image.open(sheet).size == (744, 7 * 278 + 8)


def test_every_example_has_a_test():
    ours = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    assert {path.stem for path in EXAMPLES.glob("*.py")} <= ours
