"""Films of a run, one after the other."""

import json
import logging

from archivecolor.engine.progress import Silence
from archivecolor.errors import ExitCode
from archivecolor.jobs import video
from archivecolor.settings import VideoSettings


def test_a_fault_costs_its_film_and_not_the_next(tmp_path, monkeypatch, caplog):
    films, output = tmp_path / "films", tmp_path / "out"
    films.mkdir()
    for name in ("a.mkv", "b.mkv"):
        (films / name).write_bytes(b"no film")

    def colour(reel, studio):
        if reel.path == "a.mkv":
            raise KeyError("a fault of ours")
        return colour_film(reel, studio)

    colour_film = video.colour_film
    monkeypatch.setattr(video, "colour_film", colour)
    with caplog.at_level(logging.ERROR):
        ending = video.colour_films(VideoSettings(input=(films,), output=output, device="cpu"), Silence())
    assert ending.exit_code is ExitCode.SOME_FAILED
    lines = (output / "_archivecolor" / "manifest.jsonl").read_text().splitlines()
    assert {record["path"]: record["reason"] for record in map(json.loads, lines)} == {
        "a.mkv": "fault",
        "b.mkv": "unreadable",
    }
    (logged,) = caplog.records
    assert "a.mkv" in logged.message
    assert logged.exc_info
