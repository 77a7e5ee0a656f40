"""Programs are looked up in absolute folders of PATH, never in the current one."""

import os

import pytest

from archivecolor.engine.programs import find_program, leave_out_current_folder


@pytest.fixture
def trap(tmp_path, monkeypatch):
    """A current folder with a program in it."""
    program = tmp_path / "scans" / "helper"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.chdir(program.parent)
    return program


@pytest.mark.parametrize("entry", ["", ".", "./", "../scans", "{folder}"])
def test_the_current_folder_is_passed_over_however_path_names_it(trap, monkeypatch, entry):
    monkeypatch.setenv("PATH", entry.format(folder=trap.parent) + os.pathsep + "/nowhere")
    assert find_program("helper") is None


def test_a_program_elsewhere_is_found_behind_the_trap(trap, tmp_path, monkeypatch):
    installed = tmp_path / "bin" / "helper"
    installed.parent.mkdir()
    trap.rename(installed)
    (trap).write_text("#!/bin/sh\n")
    trap.chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([".", str(installed.parent)]))
    assert find_program("helper") == str(installed)


def test_windows_own_lookup_of_the_current_folder_is_not_asked(trap, monkeypatch):
    """`shutil.which` puts the current folder first there, but not for a name with a folder in front."""
    asked = []
    monkeypatch.setattr("shutil.which", asked.append)
    monkeypatch.setenv("PATH", "/usr/bin")
    find_program("another-helper")
    assert asked == ["/usr/bin/another-helper"]


@pytest.mark.parametrize("name", ["PATH", "LD_LIBRARY_PATH", "PERL5LIB", "PYTHONPATH"])
def test_no_list_that_is_handed_on_names_the_current_folder(trap, monkeypatch, name):
    monkeypatch.setenv(name, os.pathsep.join(["", "/bin", ".", "relative", str(trap.parent), "/usr/bin"]))
    monkeypatch.setenv("DYLD_LIBRARY_PATH", os.pathsep)
    leave_out_current_folder()
    assert os.environ[name] == os.pathsep.join(["/bin", "/usr/bin"])
    assert "DYLD_LIBRARY_PATH" not in os.environ
