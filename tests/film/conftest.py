"""What the tests of the film's room share."""

import json

import pytest
from synthetic_films import HueByLuma

from archivecolor.cli.main import main


@pytest.fixture
def network():
    """A network that needs no weights."""
    return HueByLuma()


@pytest.fixture
def colour(tmp_path, checkpoint):
    """Colours a film; gives its record and the new film, None where there is none."""

    def run(film, *words, expect=0):
        output = tmp_path / "out"
        settings = ["--working-size", "64", "--device", "cpu", "--checkpoint", str(checkpoint), "-q"]
        assert main(["video", str(film), "-o", str(output), *settings, *words]) == expect
        lines = (output / "_archivecolor" / "manifest.jsonl").read_text().splitlines()
        record = next(r for r in map(json.loads, reversed(lines)) if r.get("path") == film.name)
        return record, output / record["output"]["path"] if record["status"] == "done" else None

    return run
