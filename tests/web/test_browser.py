"""The page for review in a real browser."""

import json
import shutil
import time

import numpy as np
import pytest
from PIL import Image
from web_pages import is_loaded, number_of, served, wait_for

from archivecolor.archive.decision import State
from archivecolor.archive.decisions import Decisions
from archivecolor.archive.layout import Layout
from archivecolor.colour.luma import luma_codes

CHELSEA = "people/chelsea.png"


@pytest.fixture(scope="module")
def page(undisturbed, archive, tmp_path_factory):
    output = shutil.copytree(undisturbed, tmp_path_factory.mktemp("browser") / "out")
    with served("review", output, "--input", archive, "--jobs", "1") as page:
        page.output = output
        yield page


@pytest.fixture
def driver(browser, page):
    browser.get(page.address)
    wait_for(lambda: browser.find_elements("css selector", "#cards") and is_loaded(browser))
    yield browser
    wrong = [line for line in browser.get_log("browser") if line["level"] == "SEVERE"]
    assert not wrong


def find(driver, selector):
    return driver.find_element("css selector", selector)


def open_chelsea(driver, page):
    driver.get(f"{page.origin}/item/{number_of(page.output, CHELSEA)}")
    wait_for(lambda: driver.execute_script("return document.getElementById('coloured').naturalWidth"))
    wait_for(lambda: is_loaded(driver))


def press(driver, *keys):
    from selenium.webdriver import ActionChains

    ActionChains(driver).send_keys(*keys).perform()


def test_the_list_is_walked_and_opened_by_keys(driver):
    from selenium.webdriver import Keys

    press(driver, Keys.ARROW_RIGHT)
    press(driver, Keys.ARROW_RIGHT)
    second = driver.find_elements("css selector", "#cards a")[1].get_attribute("href")
    assert driver.switch_to.active_element.get_attribute("href") == second
    press(driver, Keys.ENTER)
    wait_for(lambda: driver.current_url == second)
    press(driver, Keys.ESCAPE)
    wait_for(lambda: "/item/" not in driver.current_url)


def test_the_line_follows_keys_and_the_mouse(driver, page):
    from selenium.webdriver import ActionChains, Keys

    open_chelsea(driver, page)

    def line():
        return driver.execute_script("return getComputedStyle(document.getElementById('coloured')).clipPath")

    press(driver, "g")
    press(driver, Keys.HOME)
    assert line() == "inset(0px 0px 0px 0%)"
    press(driver, Keys.END)
    assert line() == "inset(0px 0px 0px 100%)"
    ActionChains(driver).move_to_element(find(driver, "#line")).click().perform()
    assert line().startswith("inset(0px 0px 0px ") and 45 < float(line().split()[-1][:-2]) < 55


def test_a_hint_is_tried_out_saved_and_is_in_the_file_with_the_luma_of_the_scan(driver, page, archive):
    from selenium.webdriver import ActionChains

    before = (page.output / CHELSEA).read_bytes()
    open_chelsea(driver, page)
    colour = find(driver, "#colour-text")
    colour.clear()
    colour.send_keys("navy")
    assert find(driver, "#colour").get_attribute("value") == "#000080"
    colour.clear()
    colour.send_keys("#1e50c8")
    assert find(driver, "#colour").get_attribute("value") == "#1e50c8"
    press_outside = find(driver, "h1")
    press_outside.click()
    press(driver, "b")
    ActionChains(driver).move_to_element(find(driver, "#line")).click().perform()
    wait_for(lambda: find(driver, "#coloured").get_attribute("src").startswith("data:"))
    assert "1e50c8" in find(driver, "#hints").text
    assert "changes" in wait_for(lambda: find(driver, "#share").text)
    wait_for(lambda: find(driver, "#likely").find_elements("css selector", "button"))
    find(driver, "#save").click()
    wait_for(lambda: (page.output / CHELSEA).read_bytes() != before)
    mended = np.asarray(Image.open(page.output / CHELSEA).convert("RGB"))
    np.testing.assert_array_equal(luma_codes(mended), np.asarray(Image.open(archive / CHELSEA)))
    red, _, blue = mended[90:110, 140:160].reshape(-1, 3).mean(axis=0)
    assert blue > red
    # When it is made, the page shows it: it loads itself anew.
    address = "return document.getElementById('coloured')?.getAttribute('src') ?? ''"
    wait_for(lambda: "/view?" in driver.execute_script(address))
    assert "1e50c8" in find(driver, "#hints").text


def test_that_a_picture_is_being_made_stands_until_it_is_made(driver, page):
    heard = "window.EventSource = class { constructor() { window.events = this; } };"
    script = {"source": heard}
    added = driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", script)
    number = number_of(page.output, CHELSEA)

    def hear(making, made):
        news = {"version": 1, "waiting": 0, "making": making, "made": made, "troubles": {}}
        driver.execute_script("events.onmessage({data: arguments[0]})", json.dumps(news))

    def said():
        box = find(driver, "#toast")
        return box.get_attribute("textContent") if "shown" in box.get_attribute("class") else ""

    try:
        open_chelsea(driver, page)
        hear([number], {})
        assert said() == "Being made anew ..."
        find(driver, "#accept").click()  # other words come between, and go
        wait_for(lambda: said() == "Accepted.")
        wait_for(lambda: said() != "Accepted.")
        time.sleep(1)
        assert said() == "Being made anew ..."
        hear([], {str(number): 1})
        wait_for(lambda: said() == "It was made anew.")
        wait_for(lambda: said() == "")
    finally:
        driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)


def test_another_picture_is_dropped_and_gives_its_colours(driver, page):
    open_chelsea(driver, page)
    before = wait_for(lambda: find(driver, "#hints").text)
    other = f"{page.origin}/item/{number_of(page.output, 'people/astronaut.jpg')}"
    drop = (
        "const data = new DataTransfer(); data.setData('text/uri-list', arguments[0]);"
        "const event = new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true});"
        "document.getElementById('stage').dispatchEvent(event);"
    )
    driver.execute_script(drop, other)
    wait_for(lambda: "like astronaut.jpg" in find(driver, "#toast").get_attribute("textContent"))
    find(driver, "#like-file").send_keys(str(page.output / CHELSEA))
    wait_for(lambda: "are like chelsea.png" in find(driver, "#toast").get_attribute("textContent"))
    wait_for(lambda: "changes" in find(driver, "#share").text)
    find(driver, "#undo").click()
    wait_for(lambda: find(driver, "#hints").text == before)


def test_hints_are_given_and_undone_without_a_mouse(driver, page):
    from selenium.webdriver import Keys

    driver.get(f"{page.origin}/item/{number_of(page.output, 'people/astronaut.jpg')}")
    wait_for(lambda: driver.execute_script("return document.getElementById('coloured').naturalWidth"))
    wait_for(lambda: is_loaded(driver))
    find(driver, "#across").clear()
    find(driver, "#across").send_keys("25")
    find(driver, "#add").send_keys(Keys.ENTER)
    wait_for(lambda: "25.0 %" in find(driver, "#hints").text)
    assert "this thing" in find(driver, "#hints").text
    likely = wait_for(lambda: find(driver, "#likely").find_elements("css selector", "button"))[-1]
    likely.send_keys(Keys.ENTER)
    wait_for(lambda: likely.get_attribute("title") in find(driver, "#hints").text)
    assert find(driver, "#colour").get_attribute("value") == likely.get_attribute("title")
    find(driver, "#undo").send_keys(Keys.ENTER)
    wait_for(lambda: likely.get_attribute("title") not in find(driver, "#hints").text)
    find(driver, "#undo").send_keys(Keys.ENTER)
    wait_for(lambda: find(driver, "#hints").text == "none yet")


def test_keys_decide(driver, page):
    open_chelsea(driver, page)
    press(driver, "a")
    decisions = Layout(page.output).decisions
    wait_for(lambda: Decisions.read(decisions).of(CHELSEA).state is State.ACCEPTED)
    assert find(driver, "#accept").get_attribute("aria-pressed") == "true"
    press(driver, "u")
    wait_for(lambda: Decisions.read(decisions).of(CHELSEA).state is State.NONE)


def test_pixel_for_pixel(driver, page):
    open_chelsea(driver, page)
    press(driver, "z")
    wait_for(lambda: driver.execute_script("return document.getElementById('zoomed').naturalWidth") == 300)
    assert find(driver, "#zoomed").is_displayed()
    press(driver, "z")
    wait_for(lambda: not find(driver, "#zoomed").is_displayed())


@pytest.mark.parametrize("width", [390, 2560])
def test_nothing_sticks_out(driver, page, width):
    number = number_of(page.output, CHELSEA)
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500},
    )
    for path in ("/", f"/item/{number}"):
        driver.get(page.origin + path)
        assert driver.execute_script("return document.documentElement.scrollWidth") <= width
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_axe_finds_nothing_wrong(driver, page):
    from axe_selenium_python import Axe

    number = number_of(page.output, CHELSEA)
    for mode in ("light", "dark"):
        feature = {"name": "prefers-color-scheme", "value": mode}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        for path in ("/", f"/item/{number}"):
            driver.get(page.origin + path)
            axe = Axe(driver)
            axe.inject()
            assert [(one["id"], one["nodes"][0]["html"]) for one in axe.run()["violations"]] == []
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
