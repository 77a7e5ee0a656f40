"""A Python without a safe path refuses to start processes where modules lie in wait."""

import ast
import importlib.util
import multiprocessing
from pathlib import Path

import loky
import pytest

from archivecolor.engine.safe_path import OPTIONAL_MODULES, refuse_modules_in
from archivecolor.errors import UsageError


@pytest.mark.parametrize(
    "name", ["numpy.py", "json.py", "sys.py", "torch/__init__.py", "psutil.py", "viztracer.py"]
)
def test_a_module_in_place_of_another_is_refused(tmp_path, name):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("")
    with pytest.raises(UsageError, match=name.split("/")[0].split(".")[0]):
        refuse_modules_in(tmp_path)


def test_what_stands_in_for_nothing_is_let_be(tmp_path):
    for name in ("rename_scans.py", "scan.jpg"):
        (tmp_path / name).write_text("")
    (tmp_path / "numpy").mkdir()
    refuse_modules_in(tmp_path)


def test_all_that_new_processes_may_import_is_known():
    """Of what is not installed, that is: all else is seen where it is installed."""
    asked = {
        name for package in (loky, multiprocessing) for name in imports_of(Path(package.__file__).parent)
    }
    missing = {name for name in asked if importlib.util.find_spec(name) is None}
    assert missing <= OPTIONAL_MODULES | WINDOWS_MODULES


# Python's own, on Windows alone.
WINDOWS_MODULES = {"_winapi", "msvcrt", "_overlapped"}


def imports_of(folder):
    """Top-level names of the modules that a package's code imports."""
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from (name.name.partition(".")[0] for name in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level:
                yield node.module.partition(".")[0]
