"""The page for review, asked as a browser asks: lists, pictures, decisions that are carried out."""

import io
import json
import re
import shutil
from dataclasses import replace

import html5lib
import numpy as np
import pytest
from PIL import Image
from web_pages import number_of, served, wait_for

from archivecolor.archive.decision import State
from archivecolor.archive.decisions import Decisions
from archivecolor.archive.layout import Layout
from archivecolor.archive.manifest import Manifest, ManifestWriter, Output, Record, Source, Status
from archivecolor.cli.main import main
from archivecolor.colour.luma import luma_codes
from archivecolor.errors import ExitCode, Reason

CHELSEA = "people/chelsea.png"
RED_HINT = {"x": 0.5, "y": 0.5, "colour": "#c82828", "reach": "all"}


@pytest.fixture(scope="module")
def page(reviewed):
    return reviewed


@pytest.fixture
def chelsea(page):
    return f"/item/{number_of(page.output, CHELSEA)}"


def image_of(answer):
    assert answer.status == 200, answer.content
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB"))


def test_pages_are_valid_and_without_inline_script_or_style(page, chelsea):
    for path in ("/", "/?order=path&status=failed", chelsea, "/?text=nothing-like-that"):
        text = page.ask(path).content.decode()
        html5lib.HTMLParser(strict=True).parse(text)
        assert not re.search(r"<style|style=|<script(?! src)|\son\w+=", text)
        assert not re.findall(r'(?:src|href|action)="(?:[a-z]+:(?!,)|//)[^"]*"', text.replace("data:,", ""))


def test_the_list_is_filtered_and_walked_through(page):
    def names(path):
        return re.findall(r'aria-label="Open ([^"]+)"', page.ask(path).content.decode())

    everything = names("/?order=path")
    assert everything == sorted(everything) and len(everything) == 10
    assert names("/?folder=people&order=path") == [name for name in everything if name.startswith("people/")]
    assert names("/?status=failed&order=path") == ["broken.jpg", "empty.png"]
    number = number_of(page.output, everything[3])
    assert names(f"/?order=path&after={number}") == everything[4:]
    assert names(f"/?order=path&before={number}") == everything[:3]


def test_before_is_the_luma_of_after(page, chelsea):
    grey, coloured = (image_of(page.ask(f"{chelsea}/view{side}")) for side in ("?side=grey", ""))
    assert grey.shape == coloured.shape == (200, 300, 3)
    assert np.abs(luma_codes(coloured).astype(int) - grey[..., 0]).mean() < 3


def test_a_part_is_pixel_for_pixel_and_upright(page):
    number = number_of(page.output, "people/Camera Man.jpeg")
    seen = image_of(page.ask(f"/item/{number}/part?left=40&top=10&width=64&height=48"))
    whole = image_of(page.ask(f"/item/{number}/view"))
    assert seen.shape == (48, 64, 3)
    assert np.abs(whole[10:58, 40:104].astype(int) - seen).mean() < 6
    assert page.ask(f"/item/{number}/part?left=9999&top=0&width=9&height=9").status == 422
    assert page.ask(f"/item/{number}/part?left=0&top=0&width=9999&height=9").status == 400


def test_every_page_of_a_tiff_is_shown(page):
    number = number_of(page.output, "places/abroad/pages.tif")
    first, second = (image_of(page.ask(f"/item/{number}/view?page={one}")) for one in (1, 2))
    assert np.abs(first.astype(int) - second).mean() > 10
    assert page.ask(f"/item/{number}/view?page=3").status == 422


def test_colours_are_tried_out_and_nothing_is_written(page, chelsea):
    before = (page.output / CHELSEA).read_bytes()
    plain = json.loads(page.ask(f"{chelsea}/preview", {"hints": []}).content)
    tried = json.loads(page.ask(f"{chelsea}/preview", {"hints": [RED_HINT]}).content)
    grey = json.loads(page.ask(f"{chelsea}/preview", {"hints": [], "saturation": 0}).content)
    assert tried["coloured"] != plain["coloured"]
    assert plain["share"].startswith("0.0") and not tried["share"].startswith("0.0")
    pixels = np.asarray(Image.open(io.BytesIO(bytes_of(grey["coloured"]))), int)
    assert np.ptp(pixels, axis=2).max() <= 6
    change = np.asarray(Image.open(io.BytesIO(bytes_of(tried["change"]))))
    assert change.shape[2] == 4 and change[..., 3].max() > 50
    assert (page.output / CHELSEA).read_bytes() == before
    assert page.ask(f"{chelsea}/certainty").headers["Content-Type"] == "image/png"
    colours = json.loads(page.ask(f"{chelsea}/colours?x=0.5&y=0.5").content)["colours"]
    assert 1 <= len(colours) <= 10 and all(re.fullmatch("#[0-9a-f]{6}", colour) for colour in colours)
    elsewhere = json.loads(page.ask(f"{chelsea}/colours?x=0.05&y=0.05").content)["colours"]
    assert elsewhere != colours


def bytes_of(address):
    import base64

    return base64.b64decode(address.partition(",")[2])


def test_a_hint_makes_the_picture_anew_with_its_luma(page, chelsea, archive):
    before = (page.output / CHELSEA).read_bytes()
    wish = {"hints": [RED_HINT], "note": "her coat"}
    assert page.ask(f"{chelsea}/decide", wish).status == 200
    wait_for(lambda: (page.output / CHELSEA).read_bytes() != before)
    mended = np.asarray(Image.open(page.output / CHELSEA).convert("RGB"))
    scan = np.asarray(Image.open(archive / CHELSEA))
    np.testing.assert_array_equal(luma_codes(mended), scan)
    decision = Decisions.read(Layout(page.output).decisions).of(CHELSEA)
    assert (decision.by, decision.note, len(decision.correction.hints)) == ("Ann", "her coat", 1)
    wait_for(lambda: Manifest(Layout(page.output).manifest).record(CHELSEA).decision == decision.digest)
    # Without it the old bytes come back.
    assert page.ask(f"{chelsea}/decide", {"redo": True}).status == 200
    wait_for(lambda: (page.output / CHELSEA).read_bytes() == before)


def test_a_picture_gets_the_colours_of_another_and_of_a_file(page, chelsea, archive):
    def like(way, body, **headers):
        answer = page.ask(f"{chelsea}/{way}", body, **headers)
        return answer.status, json.loads(answer.content) if answer.status == 200 else answer.content.decode()

    grey = np.asarray(Image.open(archive / CHELSEA)).astype(float)
    red = np.stack([grey + 42, grey - 18, grey - 18], axis=-1)
    stream = io.BytesIO()
    Image.fromarray(np.clip(red, 0, 255).astype(np.uint8)).save(stream, "png")
    status, found = like("like-file", stream.getvalue(), Content_Type="application/octet-stream")
    assert status == 200, found
    assert found["hints"] and all(hint["soft"] for hint in found["hints"])
    colours = np.array([list(bytes.fromhex(hint["colour"][1:])) for hint in found["hints"]])
    assert (colours[:, 0] > colours[:, 1]).all()
    wish = {"hints": found["hints"], "reference": "red.png"}
    assert page.ask(f"{chelsea}/decide", wish).status == 200
    wait_for(lambda: Decisions.of_output(page.output).of(CHELSEA).correction.reference == "red.png")
    assert page.ask(f"{chelsea}/decide", {"redo": True}).status == 200
    other = number_of(page.output, "people/astronaut.jpg")
    status, found = like("like", {"item": other})
    assert (status, found["name"]) == (200, "astronaut.jpg")
    assert like("like", {"item": 999})[0] == 400
    assert like("like", {"item": "x"})[0] == 400
    assert like("like-file", b"no picture", Content_Type="application/octet-stream")[0] == 422


def test_what_is_rejected_is_left_out_by_the_next_run(undisturbed, archive, tmp_path):
    output = shutil.copytree(undisturbed, tmp_path / "out")
    rejected, accepted = CHELSEA, "people/astronaut.jpg"
    with served("review", output, "--jobs", "1") as page:
        for path, state in ((rejected, "rejected"), (accepted, "accepted")):
            number = number_of(output, path)
            assert page.ask(f"/item/{number}/decide", {"state": state}).status == 200
        decisions = Layout(output).decisions
        wait_for(
            lambda: decisions.exists() and Decisions.read(decisions).of(accepted).state is State.ACCEPTED
        )
        assert (output / rejected).exists()
        text = page.ask("/?decided=rejected").content.decode()
        wait_for(lambda: "chelsea.png" in page.ask("/?decided=rejected").content.decode())
        assert "astronaut" not in text
    words = ["--working-size", "64", "--device", "cpu", "-q"]
    assert main(["dir", str(archive), str(output), *words]) == ExitCode.SOME_FAILED
    assert not (output / rejected).exists() and (output / accepted).exists()


def test_what_a_run_adds_is_told_as_it_comes(page):
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=30)
    connection.request("GET", "/events", headers={"Cookie": page.cookie})
    stream = connection.getresponse()
    assert stream.headers["Content-Type"].startswith("text/event-stream")

    def news():
        while not (line := stream.readline()).startswith(b"data: "):
            pass
        return json.loads(line[6:])

    first = news()
    line = json.loads(Layout(page.output).manifest.read_text().splitlines()[0])
    line |= {"path": "new.jpg", "status": "failed", "reason": "empty"}
    line.pop("output", None)
    with Layout(page.output).manifest.open("a") as file:
        file.write(json.dumps(line) + "\n")
    assert news()["version"] > first["version"]
    connection.close()
    assert b"new.jpg" in page.ask("/?status=failed").content


def test_without_starlette_the_line_to_type_is_said(output, capsys, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "starlette", None)
    assert main(["review", str(output)]) == ExitCode.UNAVAILABLE
    assert "pip install 'archivecolor[web]'" in capsys.readouterr().err


def test_what_is_no_output_is_refused(tmp_path, capsys):
    assert main(["review", str(tmp_path)]) == ExitCode.USAGE
    assert "is not there" in capsys.readouterr().err


def test_a_film_whose_record_has_no_shots_is_listed_and_says_so(output, archive):
    film = Record("reel.mkv", Status.DONE, Reason.COLOURED, Source(9, 9), kind="film")
    with ManifestWriter(Layout(output).manifest) as manifest:
        manifest.append(replace(film, output=Output("reel.mkv", 9, "a" * 64)))
    with served("review", output, "--input", archive, "--jobs", "1") as page:
        answer = page.ask(f"/item/{number_of(output, 'reel.mkv')}")
        assert answer.status == 200
        text = answer.content.decode()
        assert '<p class="why">The record of this film does not say where its shots begin.' in text
        assert 'id="coloured"' not in text
        assert "reel.mkv" in page.ask("/?kind=film").content.decode()
