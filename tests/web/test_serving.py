"""How pages come to be served: what cannot go well is refused before, and a browser is opened quietly."""

import os
import subprocess
import sys
import time

import pytest
from web_pages import served

from archivecolor.cli.main import main
from archivecolor.errors import ExitCode
from archivecolor.web.gate import Door


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--checkpoint", "nope"], ExitCode.UNAVAILABLE, "nope"),
        (["--device", "cuda:7", "--runtime", "torch"], ExitCode.UNAVAILABLE, "cuda"),
        (["--allow-host", "http://x"], ExitCode.USAGE, "NAME or NAME:PORT"),
        (["--allow-host", "a.example/colour"], ExitCode.USAGE, "NAME or NAME:PORT"),
        (["--root-path", "http://x/colour"], ExitCode.USAGE, "such as /colour"),
        (["--root-path", "/a/../b"], ExitCode.USAGE, "such as /colour"),
        (["--root-path", "/a;Domain=x"], ExitCode.USAGE, "such as /colour"),
    ],
)
def test_what_cannot_be_served_is_refused_before_it_listens(here, words, code, said):
    done = here("serve", *words)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr and len(done.stderr.splitlines()) == 1


def test_a_review_of_scans_that_are_not_there_is_refused(output, tmp_path, capsys):
    assert main(["review", str(output), "--input", str(tmp_path / "nope")]) == ExitCode.USAGE
    assert "nope, is not there; give --input FOLDER" in capsys.readouterr().err


def test_hosts_are_compared_as_browsers_send_them(output):
    words = ("--jobs", "1", "--allow-host", "Archive.Example.org", "--allow-host", "[::1]:8443")
    with served("review", output, *words) as page:
        for host in ("archive.example.org", "[::1]:8443"):
            assert page.ask("/", Host=host).status == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "localhost:80"])
def test_browsers_leave_out_the_port_of_http(host):
    assert Door(80).is_host(host) and Door(80).is_origin(f"http://{host}")
    assert not Door(8080).is_host(host) and not Door(80).is_host("evil.example")


@pytest.mark.parametrize("goes_well", [True, False])
def test_a_browser_is_opened_quietly(output, tmp_path, goes_well):
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho noise; echo noise >&2\nprintf %s "$1" > "{opened}"\nexit $CODE\n')
    browser.chmod(0o755)
    env = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    env |= {"BROWSER": str(browser), "PATH": str(tmp_path), "CODE": "0" if goes_well else "1"}
    command = [sys.executable, "-m", "archivecolor", "review", output, "--jobs", "1", "--open"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env) as one:
        try:
            address = one.stdout.readline().strip()
            until = time.monotonic() + 30
            while not (opened.exists() and opened.read_text() == address):
                assert time.monotonic() < until
                time.sleep(0.05)
            shown = [one.stderr.readline() for _ in range(1 if goes_well else 2)]
        finally:
            one.terminate()
        assert one.stdout.read() == one.stderr.read() == ""
    assert "manifest read" in shown[0]
    assert goes_well or "no browser could be opened here; open the address above" in shown[1]
