"""The pages in a real Chromium: everything is clicked, nothing complains, nobody else is asked."""

import shutil
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from serve.service import Service
from serve.web import site

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the path (apt-get install chromium)"),
]


@pytest.fixture(scope="module")
def address(service: Service) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(site.create_web(service), port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(params=["desktop", "phone"])
def page(request: pytest.FixtureRequest, browser: Browser, address: str) -> Iterator[Page]:
    """A page that fails the test at its end for whatever the console said, or whoever else was asked."""
    size = {"desktop": (1400, 900), "phone": (390, 844)}[request.param]
    scheme = {"desktop": "dark", "phone": "light"}[request.param]
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, base_url=address, reduced_motion="reduce"
    )
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda asked: None if asked.url.startswith(address) else said.append(f"asked {asked.url}"))
    page.on("response", lambda answer: said.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None)
    yield page
    assert said == []
    context.close()


def fits(page: Page) -> bool:
    """Nothing sticks out sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def move(slider: Locator, value: str, event: str) -> None:
    script = "(slider, [to, event]) => { slider.value = to; slider.dispatchEvent(new Event(event)); }"
    slider.evaluate(script, [value, event])


def test_the_gallery(page: Page) -> None:
    page.goto("/")
    cards = page.locator("#gallery .card")
    expect(cards.first).to_be_visible()
    assert fits(page)
    before = cards.count()
    assert before >= 12
    page.get_by_role("button", name="Forge more").click()
    expect(cards.nth(before)).to_be_attached()
    page.keyboard.press("f")
    expect(cards.nth(before + 12)).to_be_attached()
    page.locator("#type").select_option("axe")
    expect(page.locator("#gallery .type").first).to_have_text("Axe")
    page.locator("#creativity").evaluate(
        "slider => { slider.value = '0.5'; slider.dispatchEvent(new Event('change')); }"
    )
    expect(page.locator('#gallery .card[href*="-t50"]').first).to_be_visible()


def test_from_card_to_card_and_into_one_by_keyboard(page: Page) -> None:
    page.goto("/")
    cards = page.locator("#gallery .card")
    cards.first.focus()
    page.keyboard.press("ArrowRight")
    expect(cards.nth(1)).to_be_focused()
    name = cards.nth(1).locator(".name").inner_text()
    page.keyboard.press("Enter")
    expect(page.locator("h1.name")).to_have_text(name)


def test_a_weapon_and_what_can_be_made_of_it(page: Page) -> None:
    page.goto("/weapons/3-1-5-c0")
    assert fits(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="Picture (PNG)").click()
    assert download.value.suggested_filename == "3-1-5-c0.png"
    strip = page.locator(".strip img")
    strip.scroll_into_view_if_needed()
    expect(strip).to_have_js_property("complete", True)
    expect(page.locator("#alike .choice")).to_have_count(8)
    for _ in range(20):  # until a weapon of the same member is among those on offer
        page.locator("#choices .choice").first.wait_for()
        for choice in page.locator("#choices .choice").all():
            choice.click()
            expect(choice).to_have_attribute("aria-pressed", "true")
            expect(page.locator("#results")).not_to_have_attribute("aria-busy", "true")
            if page.locator("#mix-figure").is_visible():
                break
        if page.locator("#mix-figure").is_visible():
            break
        page.get_by_role("button", name="Other weapons").click()
    assert page.locator("#morph").evaluate("picture => picture.naturalWidth") == 16
    first = page.locator("#mix").get_attribute("src")
    move(page.locator("#layer"), "1", "input")
    assert page.locator("#mix").get_attribute("src") != first or str(first).endswith("=1")
    assert fits(page)


def test_the_ensembles_page_and_the_interfaces(page: Page) -> None:
    page.goto("/")
    page.evaluate("location.assign(document.querySelector('.foot a').href)")  # the gallery has no end to scroll to
    expect(page.get_by_role("heading", name="The ensemble")).to_be_visible()
    assert page.locator(".members section").count() == 2
    for picture in page.locator(".members img").all():
        picture.scroll_into_view_if_needed()
        expect(picture).to_have_js_property("complete", True)
    assert fits(page)
    page.goto("/docs")
    expect(page.get_by_role("heading", name="Interface")).to_be_visible()
    assert fits(page)


def test_a_weapon_that_is_not_there(browser: Browser, address: str) -> None:
    page = browser.new_page(base_url=address)
    answer = page.goto("/weapons/3-9-abc")
    assert answer is not None
    assert answer.status == 404
    expect(page.locator("main")).to_contain_text("2 members")
    page.close()
