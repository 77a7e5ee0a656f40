"""Errors live in one file, and none of them is dead."""

import ast
import inspect
from pathlib import Path

import archivecolor
from archivecolor import errors

FILES = sorted(Path(archivecolor.__file__).parent.rglob("*.py"))
OURS = {
    name: kind
    for name, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.ArchivecolorError) and kind.__module__ == errors.__name__
}


def nodes(kind):
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, kind):
                yield path, node


def test_every_error_that_a_command_ends_with_lives_in_errors():
    elsewhere = {
        (path.name, node.name)
        for path, node in nodes(ast.ClassDef)
        if path.name != "errors.py" and {getattr(base, "id", "") for base in node.bases} & OURS.keys()
    }
    assert not elsewhere


def test_every_error_is_raised_somewhere():
    made = {getattr(node.func, "id", "") for _, node in nodes(ast.Call)}
    assert OURS.keys() - made == {"ArchivecolorError"}


def test_no_error_but_their_base_says_report_a_bug():
    faults = {name for name, kind in OURS.items() if kind.exit_code == errors.ExitCode.FAULT}
    assert faults == {"ArchivecolorError", "StoppedError"}  # the latter has that of its signal
