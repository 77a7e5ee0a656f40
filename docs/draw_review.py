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
NAMES = ("astronaut", "camera", "chelsea", "coffee", "coins", "moon", "rocket")
DESK, PHONE, WIDE = (1200, 760), (390, 844), (2560, 1440)
QUALITY = 80
GAP = 20
LIST = "document.querySelectorAll('#cards img').length"
PICTURE = "document.getElementById('coloured')"


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
    """The list and a picture with a hint on it, at three sizes, light and dark."""
    options = webdriver.ChromeOptions()
    for word in ("--headless=new", "--no-sandbox", "--hide-scrollbars", "--disable-dev-shm-usage"):
        options.add_argument(word)
    driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        driver.get(address)
        home = address.partition("/?")[0]
        shots = [
            seen(driver, f"{home}/", LIST, DESK, "light"),
            seen(driver, f"{home}/", LIST, PHONE, "dark"),
        ]
        driver.get(f"{home}/?text=astronaut")
        driver.find_element(By.CSS_SELECTOR, "#cards a").click()
        picture = driver.current_url
        shots.append(seen(driver, picture, PICTURE, PHONE, "light"))
        wide = seen(driver, picture, PICTURE, WIDE, "light").resize((WIDE[0] // 2, WIDE[1] // 2))
        seen(driver, picture, PICTURE, DESK, "dark")
        lay_hint(driver)
        keep(seen_now(driver), "review-picture.jpg")
    finally:
        driver.quit()
    desk, *phone = shots
    keep(desk, "review-list.jpg")
    keep(wide, "review-wide.jpg")
    keep(side_by_side(phone), "review-phone.jpg")


def lay_hint(driver: webdriver.Chrome) -> None:
    """A hint, as who has no mouse lays it, and the likely colours of its place."""
    for field, value in (("across", 30), ("down", 62), ("colour-text", "#c8642d"), ("reach", "thing")):
        driver.execute_script(f"document.getElementById('{field}').value = {json.dumps(value)}")
    driver.execute_script("document.getElementById('add').click()")
    wait(driver, "document.getElementById('share').textContent && document.querySelector('#likely button')")
    driver.execute_script("document.getElementById('brush').scrollIntoView()")
    time.sleep(2)  # until what changes is no longer shown


def seen(driver: webdriver.Chrome, address: str, what: str, size: tuple[int, int], mode: str) -> Image.Image:
    """A page at a size, light or dark, when `what` is there."""
    feature = {"name": "prefers-color-scheme", "value": mode}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size == PHONE}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    driver.get(address)
    wait(driver, what)
    return seen_now(driver)


def seen_now(driver: webdriver.Chrome) -> Image.Image:
    """What is seen."""
    return Image.open(io.BytesIO(driver.get_screenshot_as_png())).convert("RGB")


def side_by_side(shots: list[Image.Image]) -> Image.Image:
    """Pictures of one size in a row."""
    width, height = shots[0].size
    row = Image.new("RGB", (len(shots) * (width + GAP) - GAP, height), "white")
    for number, shot in enumerate(shots):
        row.paste(shot, (number * (width + GAP), 0))
    return row


def wait(driver: webdriver.Chrome, condition: str) -> None:
    """Until something is true of the page, and all its pictures are there."""
    pictures = "[...document.images].every((one) => one.hidden || (one.complete && one.naturalWidth))"
    until = time.monotonic() + 600
    while not driver.execute_script(f"return Boolean({condition}) && {pictures}"):
        assert time.monotonic() < until, condition
        time.sleep(0.5)
    time.sleep(2)


def keep(shot: Image.Image, name: str) -> None:
    """What was seen, as a small JPEG."""
    shot.save(IMAGES / name, quality=QUALITY)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        draw(Path(folder))
