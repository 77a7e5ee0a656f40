"""Draws the screenshots of review.md from scikit-image's free pictures, with Debian's Chromium.

python docs/draw_review.py
"""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.by import By
from skimage import data

IMAGES = Path(__file__).parent / "images"
NAMES = ("astronaut", "camera", "cat", "chelsea", "coffee", "coins", "moon", "rocket")
SIZE = (1200, 760)
QUALITY = 80


def draw(folder: Path) -> None:
    """Colour the pictures, look through them, and keep what is seen."""
    scans, output = folder / "scans", folder / "coloured"
    scans.mkdir()
    for name in NAMES:
        Image.fromarray(getattr(data, name)()).convert("L").save(scans / f"{name}.jpg", quality=92)
    program = [sys.executable, "-m", "archivecolor"]
    subprocess.run([*program, "dir", scans, output, "--quiet"], check=True)
    words = [*program, "review", output, "--by", "Ann"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as served:
        assert served.stdout is not None
        try:
            take_shots(served.stdout.readline().strip())
        finally:
            served.terminate()


def take_shots(address: str) -> None:
    """The list, and a picture with a hint on it."""
    options = webdriver.ChromeOptions()
    for word in ("--headless=new", "--no-sandbox", "--hide-scrollbars", "--disable-dev-shm-usage"):
        options.add_argument(word)
    driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        show(driver, "light")
        driver.get(address)
        wait(driver, "document.querySelectorAll('#cards img').length")
        keep(driver, "review-list.jpg")
        show(driver, "dark")
        driver.get(address.partition("/?")[0] + "/?text=astronaut")
        wait(driver, "document.querySelectorAll('#cards img').length")
        driver.find_element(By.CSS_SELECTOR, "#cards a").click()
        wait(driver, "document.getElementById('coloured')")

        for field, value in (("across", 52), ("down", 87)):
            driver.execute_script(f"document.getElementById('{field}').value = {json.dumps(value)}")
        colour = json.dumps("#2f6fb0")
        driver.execute_script(f"document.getElementById('colour-text').value = {colour}")
        driver.execute_script("document.getElementById('reach').value = 'thing'")
        driver.find_element(By.ID, "add").click()
        wait(driver, "document.getElementById('share').textContent")
        keep(driver, "review-picture.jpg")
    finally:
        driver.quit()


def wait(driver: webdriver.Chrome, condition: str) -> None:
    """Until something is true of the page, and all its pictures are there."""
    pictures = "[...document.images].every((one) => one.hidden || (one.complete && one.naturalWidth))"
    until = time.monotonic() + 120
    while not driver.execute_script(f"return Boolean({condition}) && {pictures}"):
        assert time.monotonic() < until, condition
        time.sleep(0.5)
    time.sleep(2)


def show(driver: webdriver.Chrome, mode: str) -> None:
    """Light or dark, at the size of the screenshots."""
    feature = {"name": "prefers-color-scheme", "value": mode}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    size = {"width": SIZE[0], "height": SIZE[1], "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def keep(driver: webdriver.Chrome, name: str) -> None:
    """What is seen, as a small JPEG."""
    shot = Image.open(io.BytesIO(driver.get_screenshot_as_png())).convert("RGB")
    shot.save(IMAGES / name, quality=QUALITY)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        draw(Path(folder))
