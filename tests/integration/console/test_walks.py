"""Walks through the console in a real browser."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import pytest
import requests
from playwright.sync_api import Page, expect

from domain.visit import Identity
from domain.work.attempts import Attempt, AttemptRecord
from domain.work.outcomes import FailedBeforeChange
from tests.integration.console.conftest import Served
from tests.unit.adapters.console.generated_night import BEGIN, EXPOSURE, group_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

HOSTILE = '"><img src=x onerror="document.title=\'taken over\'">/..%2F#?&'


def failed(group: str, reason: str, begun: float = 0.0) -> AttemptRecord:
    return AttemptRecord(
        attempt=Attempt(Identity("LSSTCam", group, 94), 1),
        worker="worker-094",
        begun=type(BEGIN)(BEGIN + begun),
        ended=type(BEGIN)(BEGIN + begun + 9),
        outcome=FailedBeforeChange(reason=reason),
        final=True,
    )


def test_an_observer_finds_what_failed_and_why(console: Served, page: Page, screenshots: Path) -> None:
    console.tell(failed(group_of(55), "calibrateVisit: 3 of 214 stars fit"))
    page.goto(console.address)
    expect(page.get_by_role("heading", level=1)).to_have_text("Look at this now.")
    expect(page.locator(".plane .cell")).to_have_count(205)
    page.screenshot(path=screenshots / "console-tonight.jpg", type="jpeg", quality=70)

    first = page.locator("#focal-title").inner_text()
    page.keyboard.press("j")
    expect(page.locator("#focal-title")).not_to_have_text(first)
    page.goto(f"{console.address}/?visit={quote(group_of(55))}")
    expect(page.locator("#cell-94")).to_have_class(re.compile("bad"))
    expect(page.locator("#cell-94 text").first).to_have_text("✕")
    page.locator("#cell-94").click()
    expect(page.locator(".outcome")).to_contain_text("3 of 214 stars fit")
    expect(page.locator(".to-do")).to_contain_text("reconcile --requeue")
    page.keyboard.press("u")
    expect(page.locator("tbody tr").first).to_contain_text("3 of 214 stars fit")
    page.screenshot(path=screenshots / "console-visit.jpg", type="jpeg", quality=70)
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()


def test_the_page_follows_the_night_and_a_restart(console: Served, page: Page) -> None:
    page.goto(console.address)
    expect(page.locator(".connection")).to_contain_text("live")
    page.locator(".by a").nth(2).focus()
    console.tell(failed("a-new-visit", "cloud", 10_000.0))
    expect(page.locator("#focal-title")).to_have_text("a-new-visit")
    # What one was at stays where it was.
    expect(page.locator(".by a").nth(2)).to_be_focused()

    console.stop()
    expect(page.locator(".connection")).to_contain_text("no connection since")
    console.board.tell(failed("after-the-restart", "rain", 20_000.0))
    console.start()
    expect(page.locator(".connection")).to_contain_text("live")
    expect(page.locator("#focal-title")).to_have_text("after-the-restart")


def test_a_scientist_looks_at_images_and_light_curves(console: Served, page: Page, screenshots: Path) -> None:
    page.goto(f"{console.address}/objects")
    page.locator("tbody a[href*='/object?']").first.click()
    expect(page.locator("#curve canvas")).to_be_visible()
    page.wait_for_function("document.querySelector('.cutouts').naturalWidth > 0")
    # Of the other visits no images are there yet.
    expect(page.locator(".missing").first).to_have_text("not written yet")
    page.screenshot(path=screenshots / "console-object.jpg", type="jpeg", quality=70)

    page.locator(".cutouts").first.click()
    expect(page.get_by_role("heading", name="Finding chart")).to_be_visible()
    expect(page.locator(".chart text")).to_have_text(["N", "E", "10″"])
    expect(page.locator(".chart-sky")).to_have_text("; 0.20″ a pixel")
    north, east = (page.locator(".chart text", has_text=name).bounding_box() for name in "NE")
    assert north is not None
    assert east is not None
    assert north["y"] < east["y"]
    assert north["x"] < east["x"]
    page.get_by_role("link", name="in the images").click()
    difference = page.locator("[data-kind=difference] canvas")
    expect(page.locator(".sources-count")).to_have_text("3")
    page.locator("[data-do=fit]").click()
    difference.hover(position={"x": 100, "y": 100})
    expect(page.locator("[data-kind=calibrated] .value")).to_contain_text("nJy")
    expect(page.locator(".at")).to_contain_text("x ")
    is_drawn = """canvas => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height)
        .data.some((value, place) => place % 4 === 0 && value > 60)"""
    page.wait_for_function(f"({is_drawn})(document.querySelector('[data-kind=difference] canvas'))")
    page.screenshot(path=screenshots / "console-images.jpg", type="jpeg", quality=70)
    # The pixels of a raw are others, with the overscan: no circle belongs on it.
    page.locator("[data-kind=raw] .shown").check()
    expect(page.locator("[data-kind=raw] .unit")).to_have_text("adu")
    raw = page.locator("[data-kind=raw] canvas")
    raw.hover(position={"x": 100, "y": 100})
    expect(page.locator("[data-kind=raw] .value")).to_contain_text("adu")
    has_circles = """canvas => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height)
        .data.some((value, place, all) => place % 4 === 0 && value > all[place + 2] + 60)"""
    page.wait_for_function(f"({is_drawn})(document.querySelector('[data-kind=raw] canvas'))")
    assert difference.evaluate(has_circles)
    assert not raw.evaluate(has_circles)
    before = page.locator(".zoom").inner_text()
    page.keyboard.press("+")
    expect(page.locator(".zoom")).not_to_have_text(before)
    page.goto(f"{console.address}/mosaic?group={quote(group_of(0))}")
    expect(page.locator(".mosaic image")).to_have_count(1)


def test_a_scientist_finds_the_asteroid_and_its_light_curve(
    console: Served, page: Page, screenshots: Path
) -> None:
    page.goto(console.address)
    page.get_by_role("link", name="Objects").click()
    page.locator(".news").get_by_role("link", name="moves").click()
    expect(page.locator("#curve canvas")).to_be_visible()
    expect(page.locator(".facts")).to_contain_text("0.500 ″/min")
    expect(page.locator("circle.path")).to_have_count(5)
    page.screenshot(path=screenshots / "console-tracklet.jpg", type="jpeg", quality=70)


def test_a_hostile_name_stays_a_name(console: Served, page: Page) -> None:
    console.tell(failed(HOSTILE, HOSTILE, 10_000.0))
    page.goto(console.address)
    expect(page.locator("#focal-title")).to_have_text(HOSTILE)
    page.locator("#focal-title a").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(HOSTILE)
    page.locator("tbody a").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("detector 94")
    assert page.title() != "taken over"


def test_themes_need_no_colour_and_stay(console: Served, page: Page, screenshots: Path) -> None:
    page.goto(f"{console.address}/visit-detector?group={quote(group_of(3))}&detector=94")
    for _ in range(3):
        page.keyboard.press("t")
    expect(page.locator("html")).to_have_attribute("data-theme", "dome")
    page.screenshot(path=screenshots / "console-visit-detector-dome.jpg", type="jpeg", quality=70)
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dome")


def test_eighty_viewers_at_once_are_answered(console: Served) -> None:
    def look(_: int) -> int:
        return requests.get(console.address, timeout=30).status_code

    with ThreadPoolExecutor(80) as viewers:
        assert set(viewers.map(look, range(80))) == {200}


def test_no_page_asks_another_host(console: Served, page: Page) -> None:
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(request.url))
    for path in ("/", f"/source?id={EXPOSURE}", "/objects", "/nights", "/api"):
        page.goto(console.address + path)
    assert all(url.startswith((console.address, "data:")) for url in asked)


@pytest.mark.parametrize("width", [420, 1280])
def test_no_page_is_wider_than_its_window(console: Served, page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    group = quote(group_of(0))
    for path in ("/", f"/visit?group={group}", "/sources", "/objects", "/nights"):
        page.goto(console.address + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        for nested in page.locator(".columns > section").all():
            assert nested.evaluate("place => place.scrollWidth <= place.clientWidth"), path
