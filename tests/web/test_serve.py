"""Anyone's pictures: taken in, coloured, mended, given back, forgotten."""

import io
import json
import os
import re
import tempfile
import time
import zipfile
from pathlib import Path

import html5lib
import numpy as np
import pytest
from PIL import Image
from web_pages import download_to, is_loaded, served, wait_for

import archivecolor
from archivecolor.colour.luma import luma_codes
from archivecolor.web.pages import words

QUICK = ("--working-size", "64", "--device", "cpu", "--jobs", "1")


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """Where the program has its temporary files."""
    folder = tmp_path_factory.mktemp("scratch")
    before = os.environ.get("TMPDIR")
    os.environ["TMPDIR"] = str(folder)
    yield folder
    os.environ["TMPDIR"] = before or tempfile.gettempdir()


@pytest.fixture(scope="module")
def page(scratch):
    limits = ("--max-file", "1", "--max-files", "4", "--max-space", "2", "--max-sessions", "2")
    with served("serve", *QUICK, *limits) as page:
        yield page
    assert not list(scratch.glob("archivecolor-run-*/*"))


@pytest.fixture
def session(page):
    name = json.loads(page.ask("/session", {}).content)["session"]
    yield f"/s/{name}"
    page.ask(f"/s/{name}/end", {})


def send(page, session, content, name="scan.png"):
    path = f"{session}/pictures?name={name}"
    return page.ask(path, content, Content_Type="application/octet-stream")


def settled(page, session):
    """The pictures, when none is waiting or in work."""
    until = time.monotonic() + 60
    while True:
        pictures = json.loads(page.ask(f"{session}/state").content)["pictures"]
        if all(picture["status"] in ("done", "failed") for picture in pictures):
            return pictures
        assert time.monotonic() < until
        time.sleep(0.1)


def test_the_page_is_valid(page):
    html5lib.HTMLParser(strict=True).parse(page.ask("/").content.decode())


def test_its_script_says_its_own_words(page):
    """What other pages say stands beside them, under other names."""
    script = (Path(archivecolor.__file__).parent / "web" / "static" / "serve.js").read_text()
    body = html5lib.parse(page.ask("/").content, namespaceHTMLElements=False).find("body")
    shown = json.loads(body.get("data-words"))
    own = words()["serve"]
    named = {"waiting", "working", *re.findall(r"words\.(\w+)", script)} & own.keys()
    assert len(named) > 5
    assert {name: shown[name] for name in named} == {name: own[name] for name in named}


def test_a_picture_is_coloured_mended_and_given_back(page, session, archive):
    scan = (archive / "people" / "chelsea.png").read_bytes()
    assert send(page, session, scan, "her%20cat.png").status == 200
    (picture,) = settled(page, session)
    assert (picture["status"], picture["name"]) == ("done", "her cat.png")
    html5lib.HTMLParser(strict=True).parse(page.ask(f"{session}/item/1").content.decode())
    grey = np.asarray(Image.open(io.BytesIO(scan)))

    def result():
        answer = page.ask(f"{session}/item/1/file")
        assert "her%20cat-colour.png" in answer.headers["Content-Disposition"]
        return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB"))

    first = result()
    np.testing.assert_array_equal(luma_codes(first), grey)
    assert page.ask(f"{session}/item/1/view").headers["Content-Type"] == "image/webp"
    wish = {"hints": [{"x": 0.5, "y": 0.5, "colour": "navy"}], "saturation": 0.5}
    assert page.ask(f"{session}/item/1/preview", wish).status == 200
    assert page.ask(f"{session}/item/1/decide", wish).status == 200
    settled(page, session)
    mended = result()
    assert (mended != first).any()
    np.testing.assert_array_equal(luma_codes(mended), grey)
    archive_of_all = zipfile.ZipFile(io.BytesIO(page.ask(f"{session}/all.zip").content))
    assert archive_of_all.namelist() == ["her cat-colour.png"]


def test_what_cannot_be_coloured_says_why(page, session, archive):
    for name in ("colour.jpg", "broken.jpg", "notes.txt"):
        send(page, session, (archive / name).read_bytes(), name)
    pictures = settled(page, session)
    assert [picture["status"] for picture in pictures] == ["failed"] * 3
    assert "colour" in pictures[0]["detail"] and "ends before" in pictures[1]["detail"]
    assert page.ask(f"{session}/item/1/file").status == 422


def test_limits(page, session, archive):
    scan = (archive / "people" / "chelsea.png").read_bytes()
    assert send(page, session, bytes(1_100_000)).status == 413
    for _ in range(4):
        assert send(page, session, scan).status == 200
    assert send(page, session, scan).status == 400
    second = json.loads(page.ask("/session", {}).content)["session"]
    assert page.ask("/session", {}).status == 400
    for _ in range(3):
        answer = send(page, f"/s/{second}", bytes(990_000))
    assert answer.status == 400 and b"no more than 2 MB" in answer.content
    page.ask(f"/s/{second}/end", {})
    settled(page, session)


def test_names_are_only_shown(page, session, archive):
    scan = (archive / "people" / "chelsea.png").read_bytes()
    for name in ("..%2f..%2fetc%2fpasswd", "%3Cscript%3E.png", "a%0d%0aSet-Cookie:%20x=1.png"):
        assert send(page, session, scan, name).status == 200
    names = [picture["name"] for picture in settled(page, session)]
    assert names == ["passwd", "<script>.png", "a\\r\\nSet-Cookie: x=1.png"]
    assert b"<script>.png" not in page.ask(f"{session}/item/2").content
    assert page.ask(f"{session}/item/3/file").headers["Set-Cookie"] is None
    archive_of_all = zipfile.ZipFile(io.BytesIO(page.ask(f"{session}/all.zip").content))
    assert not any("/" in name or ".." in name for name in archive_of_all.namelist())


def test_nobody_sees_the_pictures_of_another(page, session):
    for other in ("/s/guessed", "/s/..%2f..", session + "x"):
        assert page.ask(f"{other}/state").status in (404, 422)


def test_nothing_stays(page, scratch, archive):
    name = json.loads(page.ask("/session", {}).content)["session"]
    before = set(scratch.rglob("*"))
    send(page, f"/s/{name}", (archive / "people" / "chelsea.png").read_bytes())
    settled(page, f"/s/{name}")
    assert set(scratch.rglob("*")) - before
    page.ask(f"/s/{name}/end", {})
    assert not {path for path in set(scratch.rglob("*")) - before if path.is_file()}
    assert page.ask(f"/s/{name}/state").status == 422


def test_who_goes_without_a_word_is_forgotten(archive, scratch):
    words = (*QUICK, "--session-timeout", "2")
    with served("serve", *words) as page:
        name = json.loads(page.ask("/session", {}).content)["session"]
        send(page, f"/s/{name}", (archive / "people" / "chelsea.png").read_bytes())
        settled(page, f"/s/{name}")
        until = time.monotonic() + 30
        while [path for path in scratch.rglob("source") if path.is_file()]:
            assert time.monotonic() < until
            time.sleep(0.2)


def test_files_dropped_in_a_browser_are_coloured_and_downloaded(browser, page, archive, tmp_path):
    from selenium.webdriver.common.by import By

    download_to(browser, tmp_path)
    browser.get(page.address)
    wait_for(lambda: browser.find_elements(By.ID, "files") and is_loaded(browser))
    field = browser.find_element(By.ID, "files")
    field.send_keys(str(archive / "people" / "chelsea.png"))
    link = wait_for(lambda: browser.find_elements(By.CSS_SELECTOR, "#cards a[download]"))[0]
    link.click()
    file = tmp_path / "chelsea-colour.png"
    wait_for(file.exists)
    coloured = np.asarray(Image.open(file).convert("RGB"))
    scan = np.asarray(Image.open(Path(archive, "people", "chelsea.png")))
    np.testing.assert_array_equal(luma_codes(coloured), scan)
    browser.find_element(By.ID, "forget").click()
    wait_for(lambda: not browser.find_elements(By.CSS_SELECTOR, "#cards li"))
    assert not [line for line in browser.get_log("browser") if line["level"] == "SEVERE"]


def test_refused_pictures_are_counted(browser, page, archive, tmp_path):
    from selenium.webdriver.common.by import By

    (tmp_path / "note.txt").write_text("no picture")
    browser.get(page.address)
    wait_for(lambda: browser.find_elements(By.ID, "files") and is_loaded(browser))
    files = [archive / "people/chelsea.png", tmp_path / "note.txt"]
    browser.find_element(By.ID, "files").send_keys("\n".join(map(str, files)))
    wait_for(lambda: browser.find_element(By.ID, "count").text == "1 of 2 done, 1 not coloured")
    browser.find_element(By.ID, "forget").click()
    wait_for(lambda: not browser.find_elements(By.CSS_SELECTOR, "#cards li"))
