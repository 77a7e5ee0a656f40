"""The page behind a proxy, below a path of its own: found, let in, coloured, mended, downloaded."""

import contextlib
import http.client
import http.server
import io
import threading
import urllib.parse
import zipfile

import numpy as np
import pytest
from PIL import Image
from web_pages import download_to, is_loaded, served, wait_for

from archivecolor.colour.luma import luma_codes

BELOW = "/colour"


class Proxy(http.server.BaseHTTPRequestHandler):
    """Passes on what lies below a path, as `proxy_pass http://127.0.0.1:PORT/` of nginx does."""

    def pass_on(self):
        if not self.path.startswith(f"{BELOW}/"):
            self.send_error(404)
            return
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        connection = http.client.HTTPConnection("127.0.0.1", self.server.target, timeout=60)
        with contextlib.closing(connection):
            connection.request(self.command, self.path.removeprefix(BELOW), body, dict(self.headers))
            answer = connection.getresponse()
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("transfer-encoding", "connection"):
                    self.send_header(name, value)
            self.end_headers()
            while chunk := answer.read1(1 << 16):
                self.wfile.write(chunk)

    do_GET = do_POST = pass_on  # noqa: N815 - the base class's names

    def log_message(self, *_words):
        """Say nothing."""


@pytest.fixture
def proxy():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_a_page_below_a_path_of_a_proxy(proxy, browser, archive, tmp_path):
    from selenium.webdriver.common.by import By

    def one(selector):
        return wait_for(lambda: browser.find_elements(By.CSS_SELECTOR, selector))[0]

    download_to(browser, tmp_path)
    outside = f"http://127.0.0.1:{proxy.server_port}"
    words = ("--root-path", BELOW, "--allow-host", f"127.0.0.1:{proxy.server_port}", "--jobs", "1")
    network = ("--working-size", "64", "--device", "cpu")
    with served("serve", *words, *network) as page:
        proxy.target = page.port
        browser.get(page.address.replace(page.origin, outside))
        one("#files")
        wait_for(lambda: is_loaded(browser))
        one("#files").send_keys(str(archive / "people" / "chelsea.png"))
        one("#cards a[download]")
        wait_for(lambda: browser.execute_script("return [...document.images].every(i => i.naturalWidth)"))
        one("#download-all").click()
        wait_for((tmp_path / "coloured.zip").exists)
        (name,) = zipfile.ZipFile(tmp_path / "coloured.zip").namelist()
        content = zipfile.ZipFile(tmp_path / "coloured.zip").read(name)
        coloured = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
        scan = np.asarray(Image.open(archive / "people" / "chelsea.png"))
        np.testing.assert_array_equal(luma_codes(coloured), scan)
        one('#cards a[href*="/item/1"]:not([download])').click()
        one("#add").click()
        wait_for(lambda: browser.find_elements(By.CSS_SELECTOR, "body[data-previews]"))
        one("#save").click()
        wait_for(lambda: browser.execute_script("return document.getElementById('hints').children.length"))
        browser.execute_script("document.getElementById('back').click()")
        wait_for(lambda: urllib.parse.urlsplit(browser.current_url).path == f"{BELOW}/")
        assert not [line for line in browser.get_log("browser") if line["level"] == "SEVERE"]
        browser.get("about:blank")
