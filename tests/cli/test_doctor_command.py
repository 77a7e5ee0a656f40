"""`archivecolor doctor` tells of what is there, of what is not, and whether photographs can be coloured."""

import pytest

from archivecolor.cli.main import main
from archivecolor.errors import ExitCode


def findings(capsys):
    """What was said, by name: the state and the detail."""
    lines = capsys.readouterr().out.splitlines()
    return {line[:13].strip(): (line[13:22].strip(), line[22:]) for line in lines}


@pytest.fixture
def helpers(tmp_path, monkeypatch):
    """Where helper programs are looked for: `helpers(ffmpeg=script, ...)`."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def install(**scripts):
        for name, script in scripts.items():
            (folder / name).write_text(f"#!/bin/sh\n{script}\n")
            (folder / name).chmod(0o755)

    return install


def test_a_machine_that_has_everything(helpers, checkpoint, capsys):
    helpers(
        ffmpeg="[ $1 = -version ] && echo ffmpeg version 7.1 Copyright the developers; echo built with gcc",
        exiftool="[ $3 = -ver ] && echo 13.10",
    )
    assert main(["doctor", "--device", "cpu", "--checkpoint", str(checkpoint)]) == ExitCode.OK
    said = findings(capsys)
    assert list(said)[:4] == ["archivecolor", "processor", "runtime", "weights"]
    assert list(said)[4:] == ["ffmpeg", "exiftool", "heic", "extras"]
    assert said["archivecolor"][0] == said["processor"][0] == said["runtime"][0] == "ok"
    assert " on cpu, " in said["runtime"][1]
    assert said["weights"][1].startswith(f"random, {checkpoint}, sha256 ")
    assert said["ffmpeg"][0] == "ok"
    assert said["ffmpeg"][1].endswith("/ffmpeg, ffmpeg version 7.1")
    assert said["exiftool"][1].endswith("/exiftool, 13.10")


def test_helpers_that_are_missing_or_broken_cost_nothing_but_what_they_do(helpers, capsys):
    helpers(ffmpeg="exit 3")
    assert main(["doctor", "--device", "cpu"]) == ExitCode.OK
    said = findings(capsys)
    assert said["weights"][0] == "ok"
    assert "built in" in said["weights"][1]
    assert said["ffmpeg"][0] == said["exiftool"][0] == "missing"
    assert "does not work" in said["ffmpeg"][1]
    assert "no WMA sound" in said["ffmpeg"][1]
    assert "not installed" in said["exiftool"][1]
    helpers(ffmpeg="exit 0")
    assert main(["doctor", "--device", "cpu"]) == ExitCode.OK
    assert "it says no version" in findings(capsys)["ffmpeg"][1]


@pytest.mark.parametrize(
    ("words", "name"),
    [(["--device", "cuda:63"], "runtime"), (["--checkpoint", "gone.safetensors"], "weights")],
)
def test_what_photographs_need_and_is_not_there_ends_with_4(words, name, helpers, capsys):
    assert main(["doctor", "--device", "cpu", *words]) == ExitCode.UNAVAILABLE
    said = findings(capsys)
    assert said[name][0] == "MISSING"
    assert {state for state, _ in said.values()} > {"ok", "MISSING"}


def test_weights_that_are_damaged_are_told(helpers, checkpoint, tmp_path, capsys):
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(checkpoint.read_bytes()[:-100])
    assert main(["doctor", "--device", "cpu", "--checkpoint", str(cut)]) == ExitCode.UNAVAILABLE
    assert "damaged" in findings(capsys)["weights"][1]
