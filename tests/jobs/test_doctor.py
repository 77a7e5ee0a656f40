"""`doctor` says what would run the network and why, and how fast each way is where it is asked."""

from importlib import metadata

import pytest

from archivecolor.cli.main import main
from archivecolor.errors import ExitCode


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    monkeypatch.setattr("archivecolor.jobs.doctor.MEASURING_SECONDS", 0.05)


def lines(capsys, *words):
    code = main(["doctor", *words])
    return code, {line[:13].strip(): line[13:] for line in capsys.readouterr().out.splitlines()}


def test_every_way_to_run_the_network_is_timed(capsys):
    code, found = lines(capsys, "--measure", "--working-size", "64", "--runtime", "onnx")
    assert code == ExitCode.OK
    assert "onnxruntime 1." in found["runtime"]
    assert "it was asked for" in found["runtime"]
    assert all("ms a picture" in found[name] for name in ("torch", "onnx", "onnx int8"))


def test_what_cannot_run_the_network_says_why_and_ends_with_4(capsys, checkpoint):
    code, found = lines(capsys, "--checkpoint", str(checkpoint), "--runtime", "onnx", "--measure")
    assert code == ExitCode.UNAVAILABLE
    assert found["runtime"].startswith("MISSING")
    assert "it needs torch" in found["runtime"]
    assert "ms a picture" in found["torch"]
    assert "it needs torch" in found["onnx int8"]


def test_extras_are_named_that_are_there_and_that_are_not(capsys, monkeypatch):
    asked = metadata.version

    def version(package):
        if package == "uvicorn":
            raise metadata.PackageNotFoundError(package)
        return asked(package)

    monkeypatch.setattr("archivecolor.jobs.doctor.version", version)
    there, _, absent = lines(capsys)[1]["extras"].partition("; not installed: ")
    assert "credentials" in there
    assert "web" not in there
    assert "web" in absent
    assert "pip install 'archivecolor[" in absent
    assert not {"all", "dev", "docs"} & set(there.replace(",", "").split())
