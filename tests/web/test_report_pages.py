"""The report: pages that need nothing but a browser."""

import csv
import json
import re
import shutil
from collections import Counter
from pathlib import Path
from urllib.parse import unquote

import html5lib
import numpy as np
import pytest
from PIL import Image

from archivecolor.archive.correction import Correction, OwnSettings
from archivecolor.archive.decision import Decision, State
from archivecolor.archive.decisions import append_decisions
from archivecolor.archive.layout import Layout
from archivecolor.archive.lock import locked
from archivecolor.archive.manifest import Manifest
from archivecolor.cli.main import main
from archivecolor.colour.guidance import Hint
from archivecolor.colour.luma import luma_codes
from archivecolor.errors import ExitCode
from archivecolor.jobs.previews import SheetTask
from archivecolor.jobs.report import wilson_interval
from archivecolor.jobs.report_folder import begin_report
from archivecolor.web.small_pictures import kept_sheet


def report(output, *words):
    folder = output.parent / "report"
    assert main(["report", str(output), "-o", str(folder), "--jobs", "1", *words]) == ExitCode.OK
    return folder


def pages(folder):
    return {page.relative_to(folder).as_posix(): page.read_text() for page in folder.rglob("*.html")}


def addresses(text):
    return re.findall(r'(?:src|href)="([^"]+)"', text)


def test_pages_are_valid_and_lead_nowhere_else(output):
    folder = report(output, "--sample", "3", "--top", "2")
    found = pages(folder)
    assert {"index.html", "pictures/0001.html", "failed/0001.html", "skipped/0001.html"} <= set(found)
    for name, text in found.items():
        html5lib.HTMLParser(strict=True).parse(text)
        for address in addresses(text):
            assert not re.match(r"[a-z]+:|//|/", address), address
            if not address.startswith("#"):
                assert (folder / name).parent.joinpath(unquote(address)).exists(), address
    for file in folder.rglob("*.*"):
        if file.suffix in (".html", ".css", ".js"):
            assert "http:" not in file.read_text() and "https:" not in file.read_text()


def test_small_pictures_are_the_grey_and_the_coloured_one(output):
    text = pages(report(output))["pictures/0001.html"]
    assert text.count('class="coloured"') == 7
    first = next(address for address in addresses(text) if address.endswith("-g.webp"))
    grey = Image.open(output.parent / "report" / "pictures" / first)
    coloured = Image.open(output.parent / "report" / "pictures" / first.replace("-g", "-c"))
    assert max(grey.size) <= 320
    assert grey.size == coloured.size
    luma, own = luma_codes(np.asarray(coloured)).astype(int), np.asarray(grey.convert("L")).astype(int)
    assert np.abs(luma - own).mean() < 3
    assert np.asarray(grey).std(axis=2).max() < 6


def test_the_most_doubtful_come_first(output):
    values = re.findall(r"doubt (\d\.\d+)", pages(report(output))["pictures/0001.html"])
    assert values == sorted(values, reverse=True)
    assert values


def test_only_what_is_new_is_made_again(output):
    small = {file: file.stat().st_mtime_ns for file in report(output).rglob("*.webp")}
    (folder,) = {file.parents[2] for file in small}
    next(iter(small)).unlink()
    report(output)
    again = {file: file.stat().st_mtime_ns for file in folder.rglob("*.webp")}
    assert sum(small[file] != again[file] for file in small) <= 2
    assert set(small) == set(again)


def test_hostile_names_are_only_shown(output):
    manifest = Layout(output).manifest
    line = json.loads(manifest.read_text().splitlines()[0])
    line |= {"path": '<script>alert(1)</script>\u202e"\n.jpg', "status": "failed", "reason": "empty"}
    line.pop("output", None)
    with manifest.open("a") as file:
        file.write(json.dumps(line) + "\n")
    text = pages(report(output))["failed/0001.html"]
    assert "<script>alert" not in text and "\u202e" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\u202e&#34;\\n.jpg" in text


def test_links_in_the_output_are_not_opened(output, tmp_path):
    picture = output / "people" / "chelsea.png"
    secret = shutil.move(picture, tmp_path / "secret.png")
    picture.symlink_to(secret)
    text = pages(report(output))["pictures/0001.html"]
    assert text.count('class="coloured"') == 6
    assert "links, and what lies outside the output, are not opened" in text


def test_one_file_holds_its_pictures(output):
    folder = report(output, "--single-file")
    assert [path.name for path in folder.iterdir()] == ["index.html"]
    text = (folder / "index.html").read_text()
    html5lib.HTMLParser(strict=True).parse(text)
    assert text.count("data:image/webp;base64,") == 14
    assert not [address for address in addresses(text) if not address.startswith(("data:image/webp", "#"))]


def test_a_sample_is_drawn_alike_and_says_what_the_review_found(output):
    folder = report(output, "--sample", "4", "--seed", "3")
    rows = list(csv.DictReader((folder / "sample.csv").open()))
    assert len(rows) == 4
    # Three, three and one: two, two and none is the nearest to their shares.
    assert Counter(str(Path(row["path"]).parent) for row in rows) == {"people": 2, "places/abroad": 2}
    decided = [
        Decision(rows[0]["path"], State.REJECTED),
        *(Decision(row["path"], State.ACCEPTED) for row in rows[1:]),
    ]
    with locked(output):
        append_decisions(Layout(output).decisions, decided)
    folder = report(output, "--sample", "4", "--seed", "3")
    assert [row["path"] for row in csv.DictReader((folder / "sample.csv").open())] == [
        row["path"] for row in rows
    ]
    text = (folder / "sample" / "0001.html").read_text()
    assert "1 of 4 were rejected or corrected: 25.0\u00a0%" in text
    assert "between 4.6\u00a0% and 69.9\u00a0%" in text


def test_what_is_corrected_is_decided_about(output):
    red = Hint(0.5, 0.5, (200, 40, 40))
    total = len(Manifest(Layout(output).manifest))
    with locked(output):
        append_decisions(
            Layout(output).decisions,
            [
                Decision("people/chelsea.png", correction=Correction((red,))),
                Decision("sepia.png", State.ACCEPTED, Correction(settings=OwnSettings(saturation=0.5))),
                Decision("places/abroad/pages.tif", State.REJECTED),
            ],
        )
    text = (report(output) / "index.html").read_text()
    rows = dict(re.findall(r'<tr><th scope="row">([a-z ]+)</th><td class="number">(\d+)</td></tr>', text))
    assert [rows[word] for word in ("accepted", "rejected", "corrected")] == ["1", "1", "2"]
    assert rows["not decided"] == str(total - 3)


def test_wilsons_interval_is_the_one_of_the_books():
    # Newcombe 1998, table I: 81 of 263 and 0 of 20.
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson_interval(0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)


def test_what_is_no_output_is_refused(tmp_path, capsys):
    assert main(["report", str(tmp_path)]) == ExitCode.USAGE
    assert "is not there" in capsys.readouterr().err


def test_without_jinja_the_line_to_type_is_said(output, capsys, monkeypatch):
    from archivecolor.web import pages as templates

    templates.environment.cache_clear()
    monkeypatch.setitem(__import__("sys").modules, "jinja2", None)
    assert main(["report", str(output)]) == ExitCode.UNAVAILABLE
    assert "pip install 'archivecolor[web]'" in capsys.readouterr().err


def test_a_run_writes_its_report_when_it_ends(archive, output, tmp_path):
    words = ["--working-size", "64", "--device", "cpu", "-q"]
    code = main(["dir", str(archive), str(output), *words, "--report", str(tmp_path / "pages")])
    assert code == ExitCode.SOME_FAILED
    assert (tmp_path / "pages" / "pictures" / "0001.html").exists()


def test_no_word_of_others_gets_raw_into_a_page(output):
    """Neither a reason of the manifest nor what run.json says: both may come from elsewhere."""
    steering = "clear\x1b[2J\x9b\u202egnp\u2066"
    manifest, run_json = Layout(output).manifest, Layout(output).run_json
    line = json.loads(manifest.read_text().splitlines()[0])
    line |= {"path": "more.jpg", "status": "failed", "reason": steering}
    with manifest.open("a") as file:
        file.write(json.dumps(line) + "\n")
    run = json.loads(run_json.read_text())
    run |= {"started": steering, "weights": steering, "versions": {steering: steering}}
    run_json.write_text(json.dumps(run))
    text = "".join(pages(report(output)).values())
    assert text.count("clear") >= 5
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)


def test_json_has_a_line_for_each_small_picture(copy_of_archive, tmp_path, capsys):
    output = copy_of_archive(tmp_path).output
    records = [record for record in Manifest(Layout(output).manifest).records() if record.output]
    missing, *rest = (record.output.path for record in records)
    (output / missing).unlink()
    report(output, "--json", "-q")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["path"]: line["status"] for line in lines} == {
        missing: "failed",
        **dict.fromkeys(rest, "done"),
    }
    failed = next(line for line in lines if line["status"] == "failed")
    assert failed["reason"] == "vanished"
    assert failed["detail"]


def test_a_link_in_a_report_is_not_followed(output, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("small", "pictures"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / name).symlink_to(elsewhere)
        main(["report", str(output), "-o", str(folder), "--jobs", "1", "-q"])
        assert list(elsewhere.iterdir()) == []


def test_a_report_is_no_more_readable_than_what_it_reports(output):
    output.chmod(0o700)
    folder = report(output, "--single-file")
    assert not any(path.stat().st_mode & 0o077 for path in folder.rglob("*"))
    assert "&#34;use strict&#34;" not in (folder / "index.html").read_text()


@pytest.mark.parametrize(
    "trouble", [{"strip": "../../../victim"}, {"strip": 5}, {"seconds": "x"}, {"shots": [{"file": "/x"}]}]
)
def test_a_sheet_of_others_making_is_made_again(tmp_path, trouble):
    task = SheetTask("film.mp4", tmp_path, "shot")
    shot = {"file": "shot-0001.webp", "first": 0, "last": 2, "seconds": 0.0}
    sound = {"shots": [shot], "strip": "shot-strip.webp", "seconds": 1.0}
    (tmp_path / "sheet.json").write_text(json.dumps(sound))
    assert kept_sheet(task) is not None
    trouble = trouble if "shots" not in trouble else {"shots": [shot | trouble["shots"][0]]}
    (tmp_path / "sheet.json").write_text(json.dumps(sound | trouble))
    assert kept_sheet(task) is None
    (tmp_path / "sheet.json").write_text("[" * 100_000)
    assert kept_sheet(task) is None


@pytest.mark.parametrize("place", ["out", "out/pages", "in", "in/pages", "mine", "mine.txt", "."])
def test_a_report_is_written_into_no_folder_of_others(copy_of_archive, tmp_path, place, capsys):
    archive = copy_of_archive(tmp_path)
    (tmp_path / "mine").mkdir()
    for file in ("mine/index.html", "mine.txt"):
        (tmp_path / file).write_text("<title>mine</title>")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert main(["report", str(archive.output), "-o", str(tmp_path / place)]) == ExitCode.USAGE
    said = capsys.readouterr().err
    assert "lies inside" in said or "holds other files" in said or "is a file" in said
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_run_whose_report_has_no_place_does_not_begin(archive, tmp_path, here):
    done = here("dir", archive, tmp_path / "out", "--report", archive / "pages")
    assert done.returncode == ExitCode.USAGE and "lies inside" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("words", [(), ("--single-file",)])
def test_a_report_that_was_cut_short_goes_on(output, words):
    folder = report(output, *words)
    whole = pages(folder)
    begin_report(folder)
    assert pages(folder) == whole
    (folder / "index.html").unlink()
    begin_report(folder)
    assert report(output, *words) == folder
    assert set(pages(folder)) == set(whole)
    assert "not finished" not in (folder / "index.html").read_text()
