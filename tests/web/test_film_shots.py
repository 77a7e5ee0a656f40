"""Shots of films in review, asked as a browser asks: looked at, accepted, mended, played."""

import io
import re
import subprocess

import av
import numpy as np
import pytest
from in_process import run_here
from PIL import Image
from web_pages import number_of, served, wait_for

from archivecolor.archive.decision import State
from archivecolor.archive.decisions import Decisions
from archivecolor.archive.layout import Layout
from archivecolor.archive.manifest import Manifest
from archivecolor.errors import ExitCode

RED_HINT = {"x": 0.5, "y": 0.5, "colour": "#c82828", "reach": "all"}


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """A tree with a film of two shots, of 24 and 25 frames."""
    folder = tmp_path_factory.mktemp("reels") / "in"
    folder.mkdir()
    graph = (
        "mandelbrot=s=96x64:r=25,trim=duration=0.96,format=gray,format=yuv420p,setpts=PTS-STARTPTS[a];"
        "testsrc2=s=96x64:r=25:d=1,format=gray,format=yuv420p[b];[a][b]concat=n=2:v=1"
    )
    words = ["ffmpeg", "-v", "error", "-filter_complex", graph, "-c:v", "libx264", str(folder / "reel.mkv")]
    subprocess.run(words, check=True, timeout=120)
    return folder


@pytest.fixture(scope="module")
def page(films, command_words, tmp_path_factory):
    output = tmp_path_factory.mktemp("film_review") / "out"
    # In pieces of a second at most, so that one shot is made without the other.
    words = command_words("dir", films, output, "--films")
    done = run_here(*words[words.index("dir") :])
    assert done.returncode == ExitCode.OK, done.stderr
    with served("review", output, "--jobs", "1", "--by", "Ann") as page:
        page.output = output
        page.reel = f"/item/{number_of(output, 'reel.mkv')}"
        yield page


def decision(page):
    return Decisions.of_output(page.output).of("reel.mkv")


def chroma(path):
    with av.open(str(path)) as film:
        frames = [frame.reformat(format="yuv444p").to_ndarray() for frame in film.decode(video=0)]
    return np.stack(frames).astype(int)


def test_a_film_shows_a_frame_of_each_shot(page):
    text = page.ask(page.reel).content.decode()
    shots = re.findall(rf'href="({page.reel}/at/\d+)" aria-label="Open shot (\d), from', text)
    assert [number for _, number in shots] == ["1", "2"]
    frames = []
    for address, _ in shots:
        answer = page.ask(f"{address}/small")
        frames.append(np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB"), int))
        assert page.ask(address).status == 200
    assert frames[0].shape == (64, 96, 3) and np.abs(frames[0] - frames[1]).mean() > 10
    assert page.ask(f"{page.reel}/small").content == page.ask(f"{shots[1][0]}/small").content
    assert page.ask(f"{page.reel}/at/99000").status == 422


def test_a_part_of_a_frame_is_pixel_for_pixel(page):
    answer = page.ask(f"{page.reel}/at/500/part?left=10&top=20&width=32&height=16")
    assert Image.open(io.BytesIO(answer.content)).size == (32, 16)
    assert page.ask(f"{page.reel}/at/500/part?left=96&top=0&width=9&height=9").status == 422


def test_a_shot_is_played_from_its_start_to_its_end(page):
    answer = page.ask(f"{page.reel}/at/1200/clip")
    assert answer.headers["Content-Type"] == "video/mp4"
    with av.open(io.BytesIO(answer.content)) as clip:
        frames = [frame.to_ndarray(format="gray") for frame in clip.decode(video=0)]
    assert len(frames) == 25
    film = chroma(page.output / "reel.mkv")[:, 0]
    assert np.abs(frames[0].astype(int) - film[24]).mean() < np.abs(frames[0] - film[23]).mean() / 2


def test_a_shot_is_accepted_and_no_film_is_made_for_it(page):
    before = (page.output / "reel.mkv").read_bytes()
    assert page.ask(f"{page.reel}/at/500/decide", {"state": "accepted"}).status == 200
    wait_for(lambda: decision(page).accepted_shots == (0.48,))
    assert decision(page).state is State.NONE
    text = page.ask(page.reel).content.decode()
    assert text.count('<span class="mark accepted">') == 1
    assert (page.output / "reel.mkv").read_bytes() == before
    assert page.ask(f"{page.reel}/at/100/decide", {"state": "none"}).status == 200
    wait_for(lambda: decision(page).is_none)
    assert page.ask(f"{page.reel}/at/500/decide", {"state": "rejected"}).status == 400


def test_a_shot_is_mended_and_taken_back_and_the_other_stays(page):
    film = page.output / "reel.mkv"
    old, bytes_before = chroma(film), film.read_bytes()
    page.ask(f"{page.reel}/at/500/decide", {"state": "accepted"})
    page.ask(f"{page.reel}/at/1200/decide", {"state": "accepted"})
    wish = {"hints": [RED_HINT], "saturation": 0.5, "note": "the flag"}
    assert page.ask(f"{page.reel}/at/1200/decide", wish).status == 200
    wait_for(lambda: film.read_bytes() != bytes_before)
    new = chroma(film)
    assert np.abs(new[30:, 1:] - old[30:, 1:]).mean() > 5
    assert np.abs(new[:24, 1:] - old[:24, 1:]).mean() < 1
    (shot,) = decision(page).correction.shots
    assert (shot.seconds, shot.saturation, len(shot.hints)) == (1.2, 0.5, 1)
    assert decision(page).accepted_shots == (0.48,)
    wait_for(lambda: page.ask(page.reel).content.count(b"mark corrected") == 2)
    text = page.ask(f"{page.reel}/at/1200").content.decode()
    assert "c82828" in text and "the flag" in text
    assert page.ask(f"{page.reel}/at/1200/decide", {"redo": True}).status == 200
    wait_for(lambda: film.read_bytes() == bytes_before)
    wait_for(lambda: Manifest(Layout(page.output).manifest).record("reel.mkv").decision is None)
