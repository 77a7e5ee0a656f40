"""A run over hostile names, on a terminal: nothing that it shows or writes down steers a reader."""

import io
import json
import os
import pty
import re
import subprocess

import numpy as np
import pytest
from PIL import Image
from rich.console import Console
from safetensors import safe_open
from safetensors.numpy import load, save
from small_archive import tree

from archivecolor.cli.evaluation import paired_table
from archivecolor.cli.main import main

NAMES = [
    b"clear\x1b[2J\x1b]0;title\x07.png",
    b"two\nlines\rback.png",
    b"\xc2\x9b31mC1.png",
    "reversed\u202egnp.png".encode(),
    "\u2066isolated\u2069.png".encode(),
    "line\u2028separator.png".encode(),
    b"not utf-8 \xff\xfe.png",
    b"=cmd|' C calc'!A0.png",
    b"@SUM(1).png",
    b"-1+1.png",
    b"+1.png",
    b"[bold]markup.png",
    b"<script>&amp;.png",
]
# What a terminal obeys, in UTF-8: C0 but line ends and tabs, DEL, C1, directions, separators.
STEERING = re.compile(
    rb"[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\x8b\x8e\x8f\xa8-\xae]|\xe2\x81[\xa6-\xa9]"
)
# What rich itself sends to draw its bar.
BAR = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\r")


def on_a_terminal(command, cwd):
    """Run a command with a terminal for standard error; gives exit code, output and what was shown."""
    main, other = pty.openpty()
    run = subprocess.Popen(
        command, cwd=cwd, stdout=subprocess.PIPE, stderr=other, env={**os.environ, "TERM": "xterm"}
    )
    os.close(other)
    shown = b""
    while True:
        try:
            chunk = os.read(main, 65536)
        except OSError:
            break
        if not chunk:
            break
        shown += chunk
    os.close(main)
    output = run.communicate()[0]
    return run.returncode, output, shown


@pytest.fixture
def scans(tmp_path):
    """Pictures with hostile names, one of them damaged."""
    folder = tmp_path / "in"
    folder.mkdir()
    picture = Image.fromarray(np.add.outer(np.arange(72), np.arange(64)).astype(np.uint8))
    for number, name in enumerate(NAMES):
        with (folder / os.fsdecode(name)).open("wb") as file:
            if number % 3:
                picture.save(file, "PNG")
            else:
                file.write(b"no picture")
    (folder / os.fsdecode(b"passed\x1b[2J \xc2\x9b over\n.txt")).write_text("x")
    return folder


def test_nothing_shown_steers_a_terminal_or_a_table(scans, command_words, tmp_path):
    words = command_words("dir", "in", "out", "-v", "--premis", "--log-file", "log.jsonl")
    code, _, shown = on_a_terminal(words, tmp_path)
    assert code == 3
    assert b"markup" in shown
    results = [BAR.sub(b"", shown)]
    for more in (
        ["verify", "out"],
        ["manifest", "export", "out", "--csv", "table.csv"],
        ["manifest", "export", "out", "--csv", "-"],
        ["dir", "in", "out", "--json", "--premis", "--overwrite"],
    ):
        code, output, shown = on_a_terminal(command_words(*more), tmp_path)
        assert code in (0, 3), shown
        results += [output.replace(b"\r\n", b"\n"), BAR.sub(b"", shown)]
    state = tmp_path / "out" / "_archivecolor"
    written = [tmp_path / "log.jsonl", tmp_path / "table.csv", state / "manifest.jsonl", state / "run.json"]
    written += [state / "passed-over.jsonl", *(state / "premis").rglob("*.xml")]
    assert len(written) > len(NAMES) / 2
    results += [path.read_bytes().replace(b"\r\n", b"\n") for path in written]
    for result in results:
        found = STEERING.search(result)
        assert found is None, result[max(0, found.start() - 80) : found.end() + 20]
    for line in (tmp_path / "table.csv").read_bytes().splitlines():
        assert line[:1] not in b"=+-@"
    paths = [json.loads(line)["path"] for line in (state / "manifest.jsonl").read_text().splitlines()]
    assert "reversed\u202egnp.png" in paths
    assert {os.fsencode(name) for name in tree(tmp_path / "out")} <= set(NAMES)


STEERING_TEXT = "clear\x1b[2J\x9b31m\x7f \u202egnp\u2028"


@pytest.fixture
def out_of_words(tmp_path, checkpoint):
    """What others wrote that the program tells of: a checkpoint's title, and decisions."""
    with safe_open(checkpoint, "np") as file:
        info = json.loads(file.metadata()["archivecolor"])
    info |= {"title": STEERING_TEXT, "training": {STEERING_TEXT: STEERING_TEXT}}
    tensors = load(checkpoint.read_bytes())
    (tmp_path / "weights.safetensors").write_bytes(save(tensors, metadata={"archivecolor": json.dumps(info)}))
    state = tmp_path / "out" / "_archivecolor"
    state.mkdir(parents=True)
    (state / "manifest.jsonl").touch()
    decision = {"format": 1, "path": f"{STEERING_TEXT}.png", "state": "accepted", "note": STEERING_TEXT}
    (state / "decisions.jsonl").write_text(json.dumps(decision) + "\n")
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        ("models", "weights.safetensors"),
        ("models", "weights.safetensors", "--json"),
        ("doctor", "--checkpoint", "weights.safetensors"),
        ("decisions", "list", "out"),
        ("decisions", "list", "out", "--json"),
        ("decisions", "export", "out", "decided.jsonl"),
    ],
    ids=" ".join,
)
def test_what_others_wrote_down_steers_nothing(out_of_words, capfdbinary, monkeypatch, words):
    monkeypatch.chdir(out_of_words)
    assert main(list(words)) in (0, 4)
    shown = b"".join(capfdbinary.readouterr())
    if words[1] == "export":
        shown = (out_of_words / "decided.jsonl").read_bytes()
    assert b"clear" in shown
    assert STEERING.search(shown) is None, shown


def test_brackets_in_names_are_no_markup():
    shown = io.StringIO()
    row = {"name": "[/red]a", "against": "[link=x]b", "measure": "m", "mean": 1.0, "standard_error": 1.0}
    Console(file=shown, width=120).print(paired_table([row]))
    assert "[/red]a" in shown.getvalue()
    assert "[link=x]b" in shown.getvalue()
