"""Nobody else gets in: what is asked from elsewhere, too much or too slowly is not answered."""

import concurrent.futures
import io
import json
import os
import shutil
import signal
import socket
import struct
import time
import zlib

import pytest
from PIL import Image
from web_pages import number_of, served

from archivecolor.archive.decision import State
from archivecolor.archive.decisions import Decisions
from archivecolor.archive.layout import Layout

DECIDE = "/item/1/decide"


@pytest.fixture
def page(reviewed):
    return reviewed


HOSTILE_NAME = '"><script>alert(1)<.jpg\u202e\n'


@pytest.fixture(scope="module")
def odd(undisturbed, tmp_path_factory):
    """The review of an output with a bomb in it, a link that leads out, and the record of a hostile name."""
    folder = tmp_path_factory.mktemp("odd")
    output = shutil.copytree(undisturbed, folder / "out")
    (output / "people" / "chelsea.png").write_bytes(bomb())
    linked = output / "people" / "astronaut.jpg"
    linked.symlink_to(shutil.move(linked, folder / "secret.jpg"))
    manifest = Layout(output).manifest
    line = json.loads(manifest.read_text().splitlines()[0])
    line |= {"path": HOSTILE_NAME, "status": "failed", "reason": "empty", "detail": "<b>\n"}
    line.pop("output", None)
    with manifest.open("a") as file:
        file.write(json.dumps(line) + "\n")
    with served("review", output, "--jobs", "1", "--body-timeout", "1") as page:
        page.output = output
        yield page


def bomb():
    """A PNG whose header says that it is 50,000 pixels wide and high."""
    small = io.BytesIO()
    Image.new("1", (8, 8)).save(small, "PNG")
    data = bytearray(small.getvalue())
    data[16:24] = struct.pack(">II", 50_000, 50_000)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    return bytes(data)


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "", None]
)
def test_a_name_that_was_bent_to_this_machine_is_not_answered(page, host):
    shown = host and host.format(port=page.port)
    assert page.ask("/", Host=shown).status in (400, 403)
    assert page.ask(DECIDE, {"state": "accepted"}, Host=shown).status in (400, 403)


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]"])
def test_names_of_this_machine_are(page, name):
    assert page.ask("/", Host=f"{name}:{page.port}").status == 200


@pytest.mark.parametrize(
    "origin",
    [None, "null", "https://evil.example", "http://127.0.0.1:1", "http://evil.example:{port}", "file://"],
)
def test_another_site_changes_nothing(page, origin):
    shown = origin and origin.format(port=page.port)
    assert page.ask(DECIDE, {"state": "accepted"}, Origin=shown).status == 403


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None]
)
def test_what_a_form_elsewhere_can_send_changes_nothing(page, kind):
    body = b'{"state": "accepted"}'
    assert page.ask(DECIDE, body, Content_Type=kind).status == 415


def test_another_site_sees_nothing(page):
    assert page.ask("/item/1/small", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors").status == 403
    answer = page.ask("/", Origin="https://evil.example")
    assert answer.headers["Access-Control-Allow-Origin"] is None


@pytest.mark.parametrize("path", ["/", "/item/1", "/item/1/view", "/events", "/static/review.js", "/nothing"])
def test_without_the_cookie_nothing_is_shown(page, path):
    assert page.ask(path, Cookie="").status == 401
    assert page.ask(path, Cookie=page.cookie[:-1]).status == 401
    assert page.ask(DECIDE, {"state": "accepted"}, Cookie="").status == 401


def test_a_wrong_token_is_no_token(page):
    right = page.address.removeprefix(page.origin)
    for address in ("/?token=", "/?token=guessed", right[:-1], "/?token=%ff"):
        answer = page.ask(address, Cookie="")
        assert (answer.status, answer.headers["Set-Cookie"]) == (401, None)
    cookie = page.ask(right, Cookie="").headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    assert "token" not in cookie and right.partition("=")[2] not in cookie


def test_every_answer_forbids_what_a_page_could_be_made_to_do(page):
    answers = [page.ask(path) for path in ("/", "/item/1", "/item/1/small", "/nothing", "/static/review.js")]
    for answer in [*answers, page.ask("/", Cookie=""), page.ask("/", Host="evil.example")]:
        policy = answer.headers["Content-Security-Policy"]
        assert (
            "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
        )
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Server"] is None


@pytest.mark.parametrize(
    "path",
    [
        "/static/..%2fwords.toml",
        "/static/../words.toml",
        "/static/%2e%2e/words.toml",
        "/item/..%2f..%2fetc/view",
        "/item/1%2f..%2f2/view",
        "//etc/passwd",
        "/item/-1/view",
        "/item/99999999999999999999999/view",
        "/item/" + "9" * 5000,
        "/item/0x1",
    ],
)
def test_no_path_leads_out(page, path):
    answer = page.ask(path)
    assert answer.status == 404
    assert b"root:" not in answer.content and b"[common]" not in answer.content


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"])
def test_other_methods_are_refused(page, method):
    assert page.ask("/", method=method).status == 405


def test_a_large_body_is_not_read(page):
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", page.port), timeout=30) as line:
        line.sendall(head_of(page, "Content-Length: 2147483648"))
        assert b" 413 " in line.recv(4096)
    assert time.monotonic() - began < 10


def test_who_sends_too_much_hears_why(page):
    answer = page.ask(DECIDE, bytes(20_000_000))
    assert answer.status == 413 and b"no more than 1048576 bytes" in answer.content


def test_a_body_that_does_not_say_its_length_is_counted(page):
    with socket.create_connection(("127.0.0.1", page.port), timeout=30) as line:
        line.sendall(head_of(page, "Transfer-Encoding: chunked"))
        chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        for _ in range(40):  # whole, though it is refused: else the answer is lost with the line
            line.sendall(chunk)
        assert b" 413 " in line.recv(4096)
    assert page.ask("/").status == 200


def test_a_slow_body_is_given_up(odd):
    with socket.create_connection(("127.0.0.1", odd.port), timeout=30) as line:
        line.sendall(head_of(odd, "Content-Length: 1000") + b'{"sta')
        assert b" 408 " in line.recv(4096)
    assert odd.ask("/").status == 200


def head_of(page, *more):
    """The head of a POST."""
    lines = [
        f"POST {DECIDE} HTTP/1.1", f"Host: 127.0.0.1:{page.port}", f"Origin: {page.origin}",
        f"Cookie: {page.cookie}", "Content-Type: application/json", *more,
    ]  # fmt: skip
    return "\r\n".join([*lines, "", ""]).encode()


def test_two_hosts_or_lengths_are_one_too_many(page):
    with socket.create_connection(("127.0.0.1", page.port), timeout=30) as line:
        line.sendall(f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{page.port}\r\nHost: evil.example\r\n\r\n".encode())
        assert b" 400 " in line.recv(4096)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'"x"',
        b"[" * 100_000,
        b'{"state": "gone"}',
        b'{"state": 1}',
        b'{"hints": {}}',
        b"{}",
        b'{"hints": [{"x": 2, "y": 0, "colour": "red"}]}',
        b'{"hints": [{"x": 0.1, "y": NaN, "colour": "red"}]}',
        b'{"hints": [{"x": 0.1, "y": 0.1, "colour": "url(http://x)"}]}',
        b'{"state": "accepted", "path": "../x"}',
        b'{"hints": [{"x": true, "y": 0, "colour": "red"}]}',
        b'{"note": "' + b"x" * 2000 + b'", "state": "none"}',
        b'{"hints": [], "saturation": 99}',
        b'{"hints": [], "page": 0}',
        b'{"hints": [{"points": [], "colour": "red"}]}',
    ],
)
def test_what_is_no_decision_decides_nothing(page, body):
    assert page.ask(DECIDE, body).status == 400
    assert not Layout(page.output).decisions.exists()


def test_many_requests_at_once_are_all_answered(page):
    def ask(number):
        return page.ask("/" if number % 2 else f"/item/{1 + number % 5}/small").status

    with concurrent.futures.ThreadPoolExecutor(60) as threads:
        answers = list(threads.map(ask, range(180)))
    assert set(answers) <= {200, 422}
    assert answers.count(200) > 90


def test_a_bomb_is_a_card_with_a_reason(odd):
    number = number_of(odd.output, "people/chelsea.png")
    answer = odd.ask(f"/item/{number}/small")
    assert answer.status == 422
    assert b"over the limit of 500 megapixels" in answer.content
    assert odd.ask(f"/item/{number}").status == 200


def test_links_lead_nowhere(odd):
    number = number_of(odd.output, "people/astronaut.jpg")
    for what in ("small", "view", "part?left=0&top=0&width=9&height=9", "certainty"):
        assert odd.ask(f"/item/{number}/{what}").status == 422


def test_hostile_names_are_only_shown(odd):
    number = number_of(odd.output, HOSTILE_NAME)
    for path in (
        "/?status=failed",
        f"/item/{number}",
        '/?folder="><script>alert(1)</script>'.replace(" ", ""),
    ):
        text = odd.ask(path.replace('"', "%22").replace("<", "%3C").replace(">", "%3E")).content.decode()
        assert "<script>alert" not in text and "\u202e" not in text and "<b>" not in text


def test_a_kill_while_deciding_loses_nothing(undisturbed, archive, tmp_path):
    from archivecolor.archive.lock import locked

    output = shutil.copytree(undisturbed, tmp_path / "out")
    path = "people/astronaut.jpg"
    number = number_of(output, path)
    with locked(output), served("review", output, "--input", archive, "--jobs", "1") as page:
        # A run holds the output: the decision waits, and the review is killed.
        assert page.ask(f"/item/{number}/decide", {"state": "accepted", "note": "good"}).status == 200
        os.kill(page.process.pid, signal.SIGKILL)
        page.process.wait(30)
    assert Decisions.read(Layout(output).decisions).of(path).state is State.NONE
    with served("review", output, "--input", archive, "--jobs", "1"):
        until = time.monotonic() + 30
        while Decisions.read(Layout(output).decisions).of(path).state is not State.ACCEPTED:
            assert time.monotonic() < until
            time.sleep(0.1)
    assert Decisions.read(Layout(output).decisions).of(path).note == "good"
    assert not list((output / "_archivecolor").glob("undelivered*"))
