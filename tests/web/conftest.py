"""An output folder to look at, the program that serves it, and a browser."""

import contextlib
import shutil

import pytest
from built_in_weights import command_words, undisturbed  # noqa: F401
from web_pages import served


@pytest.fixture
def output(undisturbed, tmp_path):  # noqa: F811
    """A coloured archive of one's own."""
    return shutil.copytree(undisturbed, tmp_path / "out")


@pytest.fixture(scope="module")
def reviewed(undisturbed, archive, tmp_path_factory):  # noqa: F811
    """The review of an archive that tests of this module share."""
    output = shutil.copytree(undisturbed, tmp_path_factory.mktemp("review") / "out")
    with served("review", output, "--input", archive, "--jobs", "1", "--by", "Ann") as page:
        page.output = output
        yield page


@pytest.fixture(scope="session")
def chromium():
    """Debian's Chromium, without a window."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or "chromium"
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(
        options, webdriver.ChromeService(shutil.which("chromedriver") or "chromedriver")
    )
    with contextlib.closing(driver) as driver:
        driver.set_window_size(1280, 900)
        yield driver
    driver.quit()


@pytest.fixture
def browser(chromium):
    """Chromium on an empty page, and nothing in its log."""
    yield chromium
    chromium.get("about:blank")  # else it goes on asking a page that is not served any more
    chromium.get_log("browser")
