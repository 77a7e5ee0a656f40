"""Pages that are served by a process of their own, and what is asked of them."""

import contextlib
import http.client
import json
import subprocess
import sys
import time
import urllib.parse

from archivecolor.archive.layout import Layout
from archivecolor.archive.record_index import RecordIndex

SECONDS = 240  # a machine that many share is slow, not wrong


def wait_for(truth):
    """What `truth()` gives when it gives something."""
    until = time.monotonic() + SECONDS
    while not (found := truth()):
        assert time.monotonic() < until
        time.sleep(0.1)
    return found


def is_loaded(browser):
    """Whether the page's script has run: keys and files that come before it are nobody's."""
    return browser.execute_script("return document.readyState") == "complete"


def download_to(browser, folder):
    """Have the browser put what it downloads into a folder."""
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(folder)})


def number_of(output, path):
    """The number that the pages have an item by."""
    with RecordIndex(Layout(output).state / "index.sqlite", output) as index:
        index.update()
        return index.named(path).number


class Served:
    """A page that is served by a process of its own, and what is asked of it.

    Attributes:
        process: that serves it.
        address: that it printed.
        port: that it listens on.
    """

    def __init__(self, process, address):
        parts = urllib.parse.urlsplit(address)
        self.process, self.address, self.port = process, address, parts.port
        self.origin = f"http://127.0.0.1:{self.port}"
        self.cookie = ""

    def ask(self, path, body=None, method=None, **headers):
        """One request; headers given as None are left out."""
        method = method or ("GET" if body is None else "POST")
        sent = {"Host": f"127.0.0.1:{self.port}", "Cookie": self.cookie}
        if method == "POST":
            sent |= {"Origin": self.origin, "Content-Type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        with contextlib.closing(connection):
            content = json.dumps(body).encode() if isinstance(body, dict) else body
            given = {name: value for name, value in sent.items() if value is not None}
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in given.items():
                connection.putheader(name, value)
            if content is not None and "Content-Length" not in given:
                connection.putheader("Content-Length", str(len(content)))
            connection.endheaders(content)
            answer = connection.getresponse()
            answer.content = answer.read()
            return answer

    def enter(self):
        """Open the printed address, as a browser does."""
        answer = self.ask(self.address.removeprefix(self.origin))
        assert answer.status == 200
        self.cookie = answer.headers["Set-Cookie"].partition(";")[0]
        return self


@contextlib.contextmanager
def served(*words):
    """The page of a command."""
    command = [sys.executable, "-m", "archivecolor", *map(str, words)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Served(process, process.stdout.readline().strip()).enter()
        finally:
            process.terminate()
            process.wait(SECONDS)
