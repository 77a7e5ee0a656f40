"""What the pages by task show runs as it stands, and what is made from the program is that of it."""

import re
import runpy
import shlex
from pathlib import Path

import av
import click
import numpy as np
import pytest
from small_archive import grey_of

import archivecolor
from archivecolor.cli.main import group, main
from archivecolor.errors import ExitCode, Reason

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks_of(page, language):
    text = (DOCS / page).read_text(encoding="utf-8")
    return [block for found, block in BLOCK.findall(text) if found == language]


def write_film(path):
    """Half a second of a picture that moves."""
    picture = np.asarray(grey_of("coffee", (160, 120)))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=8, width=128, height=96, pix_fmt="yuv420p")
        for step in range(4):
            luma = picture[:96, 4 * step : 4 * step + 128]
            frame = av.VideoFrame.from_ndarray(luma.copy(), format="gray")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """The current folder, with what the pages speak of."""
    monkeypatch.chdir(tmp_path)
    for name, value in {"WORKING_SIZE": "64", "JOBS": "1", "DEVICE": "cpu"}.items():
        monkeypatch.setenv(f"ARCHIVECOLOR_{name}", value)
    for folder in ("album", "scans/box-1", "reels"):
        (tmp_path / folder).mkdir(parents=True)
    grey_of("astronaut", (160, 120)).save("scan.jpg", quality=90)
    grey_of("astronaut", (160, 120)).save("album/anna.jpg", quality=90)
    grey_of("coffee", (120, 90)).save("album/table.jpg", quality=90)
    grey_of("camera", (120, 120)).save("scans/box-1/001.tif")
    grey_of("chelsea", (150, 100)).save("scans/box-1/002.png")
    write_film(tmp_path / "film.mp4")
    write_film(tmp_path / "reels" / "one.mp4")
    return tmp_path


@pytest.mark.parametrize("page", ["family.md", "archive.md", "film.md", "restoring.md"])
def test_every_command_of_a_page_runs_in_the_order_that_it_has_there(desk, page):
    lines = [line for block in blocks_of(page, "sh") for line in block.splitlines()]
    commands = [shlex.split(line, comments=True) for line in lines]
    assert {words[0] for words in commands} <= {"archivecolor", "pip"}
    ours = [words[1:] for words in commands if words[0] == "archivecolor"]
    assert len(ours) >= 5
    for words in ours:
        assert main(words) == ExitCode.OK, words


def test_the_lines_for_developers_run_in_their_order(desk, capsys):
    names = {"__name__": "page"}
    for block in blocks_of("developer.md", "python"):
        exec(compile(block, "developer.md", "exec"), names)
    assert "missing.jpg does not exist 2" in capsys.readouterr().out
    assert {path.name for path in desk.glob("scan-*")} == {"scan-in-colour.jpg", "scan-navy.jpg"}
    assert (desk / "film-api.mkv").is_file()


def command_of(words):
    """The command that typed words mean, with those of its own left over."""
    command = group
    while isinstance(command, click.Group) and words:
        found = command.get_command(click.Context(command), words[0])
        if found is None:
            return None, words
        command, words = found, words[1:]
    return command, words


PAGES = sorted([*DOCS.glob("*.md"), *ROOT.glob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_that_are_shown_have_the_options_that_are_shown(page):
    shown = re.findall(
        r"^(?:    |`)?(?:\S+/)?archivecolor ([a-z].*)$", page.read_text(encoding="utf-8"), re.MULTILINE
    )
    for line in shown:
        command, words = command_of(re.split(r"[\s`]+", line.partition("#")[0]))
        if not isinstance(command, click.Command) or isinstance(command, click.Group):
            continue  # prose, or a file in the place of a command
        known = {spelling for one in command.params for spelling in (*one.opts, *one.secondary_opts)}
        asked = {word.partition("=")[0].rstrip(",;:.)") for word in words if re.match(r"--?[a-z]", word)}
        # What `run` is given more is the options of its job.
        assert command.name == "run" or asked <= known | {"--help"}, line


@pytest.fixture(scope="module")
def reference():
    return runpy.run_path(str(DOCS / "reference_pages.py"))


def test_the_reference_has_every_option_with_its_variable(reference):
    page = reference["options_page"]()
    sections = dict(re.findall(r"^## archivecolor (.+?)$(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL))
    for name in ("dir", "video", "photo", "train", "verify"):
        command = group.get_command(click.Context(group), name)
        for parameter in command.params:
            if isinstance(parameter, click.Option) and parameter.envvar:
                assert parameter.opts[0] in sections[name]
                assert f"`{parameter.envvar[-1]}`" in sections[name]


def test_every_exit_code_and_reason_of_a_failure_is_explained(reference):
    page = reference["exit_codes_page"]()
    assert all(f"\n| {code.value} | " in page for code in ExitCode)
    words = set(re.findall(r"`([a-z-]+)`", page.partition("## Reasons")[2]))
    values = [reason.value for reason in Reason]
    assert set(values[values.index("empty") :]) <= words


def test_the_reference_of_python_has_every_public_name(reference):
    named = {line.rpartition(".")[2] for line in reference["api_page"]().splitlines() if line[:3] == ":::"}
    assert named == set(archivecolor.__all__) - {"Ending", "News"}


def test_the_drawing_of_the_house_is_that_of_its_contract():
    drawn = runpy.run_path(str(DOCS / "draw_house.py"))["drawing"]()
    assert drawn == (DOCS / "images" / "house.svg").read_text(encoding="utf-8"), (
        "run: python docs/draw_house.py"
    )


def test_a_site_is_checked_for_dead_links_and_for_what_it_loads_from_elsewhere(tmp_path):
    troubles = runpy.run_path(str(DOCS / "check_site.py"))["troubles"]
    (tmp_path / "a.html").write_text(
        '<h1 id="top"></h1><a href="b.html#there">b</a><a href="https://x.example/">x</a>'
    )
    (tmp_path / "b.html").write_text(
        '<p id="there"></p><a href="a.html">a</a><img src="data:image/png;base64,AA==">'
    )
    assert troubles(tmp_path) == []
    (tmp_path / "b.html").write_text(
        '<a href="a.html#gone"></a><a href="c.html"></a><script src="//x.example/y.js"></script>'
    )
    assert len(troubles(tmp_path)) == 4


def test_every_page_stands_in_the_site():
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert {path.name for path in DOCS.glob("*.md")} <= set(re.findall(r"[\w-]+\.md", text))
