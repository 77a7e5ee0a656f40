"""The man page and the shell completions are made from what the commands are."""

import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from archivecolor.cli.completion import completion_of_files
from archivecolor.cli.main import group
from archivecolor.errors import ExitCode

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "archivecolor.1").read_text(encoding="utf-8")
PROGRAMS = f"{Path(sys.executable).parent}:{os.environ['PATH']}"


def test_the_shipped_page_is_that_of_this_program():
    made = runpy.run_path(str(DOCS / "man_page.py"))
    assert made["page"]() == PAGE, "run: python docs/man_page.py"
    scripts = made["completions"]()
    assert {path: path.read_text(encoding="utf-8") for path in scripts} == scripts


def test_it_has_every_command_option_and_exit_code():
    plain = PAGE.replace("\\-", "-")
    for name in group.list_commands(None):
        command = group.get_command(None, name)
        assert f"archivecolor {name}" in plain
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.opts[0] in plain
    assert all(f".B {code.value}\n" in plain for code in ExitCode)


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not here")
def test_groff_has_nothing_to_say_about_it():
    words = ["groff", "-man", "-Tutf8", "-ww", "-z", DOCS / "archivecolor.1"]
    done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


SHIPPED = f"source '{DOCS}/completions/bash/archivecolor'"


def completed(line, *words):
    """What bash, set up by the line, offers for the last of the words."""
    typed = " ".join(f"'{word}'" for word in words)
    script = (
        f"{line}\nCOMP_WORDS=({typed}); COMP_CWORD={len(words) - 1}\n"
        '$(complete -p archivecolor | sed "s/.*-F //; s/ .*//") archivecolor\n'
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    environment = os.environ | {"PATH": PROGRAMS}
    done = subprocess.run(
        ["bash", "-c", script], check=True, capture_output=True, text=True, env=environment, timeout=60
    )
    return done.stdout.split()


def test_bash_completes_as_the_operators_page_says():
    lines = (DOCS / "operators.md").read_text().splitlines()
    typed = next(line for line in lines if "bash_source" in line)
    assert completed(typed, "archivecolor", "ver") == ["verify"]


def test_the_script_in_the_wheel_completes_commands_options_and_words():
    assert completed(SHIPPED, "archivecolor", "dir", "--working-s") == ["--working-size"]
    assert completed(SHIPPED, "archivecolor", "dir", "--device", "") == ["auto", "cpu", "cuda", "mps"]
    assert completed(SHIPPED, "archivecolor", "manifest", "") == ["compact", "export"]
    assert completed(SHIPPED, "archivecolor", "train", "--network", "pix") == ["pix2pix"]
    assert completed(SHIPPED, "archivecolor", "help", "exit") == ["exit-codes"]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["photo", ""], ["box/", "scan.JPG"]),
        (["photo", "b"], ["box/", "box/deep.tif"]),
        (["video", ""], ["box/", "film.mkv"]),
        (["run", "jo"], ["job.toml"]),
        (["dir", "--checkpoint", "w"], ["weights.safetensors"]),
        (["models", "wei"], ["weights.safetensors"]),
    ],
)
def test_bash_completes_files_of_the_right_kind(tmp_path, monkeypatch, words, offered):
    (tmp_path / "box").mkdir()
    for name in ("scan.JPG", "film.mkv", "notes.txt", "job.toml", "weights.safetensors", "box/deep.tif"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    assert completed(SHIPPED, "archivecolor", *words) == offered


def test_names_that_a_shell_has_to_quote_are_left_to_it(tmp_path, monkeypatch):
    (tmp_path / "a scan.jpg").touch()
    monkeypatch.chdir(tmp_path)
    complete = completion_of_files("photographs")
    assert [item.type for item in complete(None, None, "")] == ["file"]
    assert [item.type for item in completion_of_files("folder")(None, None, "")] == ["dir"]
