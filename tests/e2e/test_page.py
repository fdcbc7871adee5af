"""The four jobs in a real browser, as a person would do them. With OPSBELL_PICTURES the README's pictures are taken."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from tests.e2e.control import Control

pytestmark = [pytest.mark.page, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium on this machine (apt install chromium)")
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture
def page(browser: Browser, control: Control) -> Iterator[Page]:
    """The page at 1280 pixels; anything it logs as an error fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme="light")
    made = context.new_page()
    made.set_default_timeout(60_000)
    expect.set_options(timeout=60_000)
    troubles: list[str] = []
    made.on("pageerror", lambda error: troubles.append(str(error)))
    made.goto(control.page)
    made.wait_for_selector("body[data-ready=true]")
    yield made
    context.close()
    assert not troubles


def _shot(page: Page, pictures: Path | None, name: str, top: Locator | None = None) -> None:
    """``top``: what stands at the top of it, whatever has come meanwhile."""
    if pictures is not None:
        page.wait_for_timeout(600)
        if top is not None:
            expect(page.get_by_test_id("clock-next-morning")).to_be_enabled(timeout=90_000)
            top.evaluate("card => card.scrollIntoView({block: 'start'})")
        page.screenshot(path=pictures / f"{name}.png")


def _newest(page: Page, text: str) -> object:
    return page.get_by_test_id("message").filter(has_text=text).last


def _be(page: Page, user: str) -> None:
    page.get_by_test_id("slack-user").click()
    page.get_by_test_id(f"slack-user-{user}").click()


def _bubble(page: Page, text: str) -> None:
    expect(page.get_by_test_id("bubble").filter(has_text=text).last).to_be_visible()


def _tap(page: Page, label: str) -> None:
    page.get_by_test_id("bubble").get_by_role("button", name=label, exact=False).last.click()


def test_restock_by_hand(page: Page, pictures: Path | None) -> None:
    page.get_by_test_id("channel-stock").click()
    page.get_by_test_id("event-sell_out").click()
    card = page.get_by_test_id("message").filter(has_text="Blue mug")
    expect(card.last).to_contain_text("out of stock")
    _shot(page, pictures, "restock")
    card.first.get_by_role("button", name=re.compile(r"^Order \d+")).click()
    page.get_by_test_id("confirm-yes").click()
    expect(card.first).to_contain_text("ordered from Nordkeramik")
    page.get_by_test_id("event-restock").click()
    expect(card.first).to_contain_text("Back above")


def test_a_late_parcel_by_hand(page: Page, pictures: Path | None) -> None:
    page.get_by_test_id("phone-chat-jonas").click()
    page.get_by_test_id("channel-parcels").click()
    page.get_by_test_id("event-parcel_stuck").click()
    page.get_by_role("button", name="Tell Jonas").last.click()
    expect(page.get_by_test_id("modal")).to_contain_text("Jonas")
    page.get_by_test_id("modal-submit").click()
    expect(page.get_by_test_id("modal")).to_have_count(0)
    _bubble(page, "verspätet sich")
    expect(page.get_by_test_id("message").filter(has_text="Told").last).to_be_visible()
    _shot(page, pictures, "parcel")


def test_a_return_by_hand_until_the_money_is_back(page: Page, pictures: Path | None) -> None:
    page.get_by_test_id("channel-returns").click()
    page.get_by_test_id("phone-chat-maria").click()
    page.get_by_test_id("phone-start").click()
    _tap(page, "Return something")
    page.get_by_test_id("phone-input").fill("1042")
    page.get_by_test_id("phone-send").click()
    page.get_by_test_id("phone-contact").click()
    page.get_by_test_id("contact-yes").click()
    _bubble(page, "What would you like to return")
    _tap(page, "Blue mug")
    page.get_by_test_id("bubble").get_by_role("button", name=re.compile("☑.*Blue mug")).last.wait_for()
    _tap(page, "Next")
    _bubble(page, "How many")
    _tap(page, "2")
    _tap(page, "Arrived broken")
    _bubble(page, "photo")
    page.get_by_test_id("phone-photo").click()
    page.get_by_test_id("photo-mug").click()
    _tap(page, "Send")
    _bubble(page, "Got it")
    card = page.get_by_test_id("message").filter(has_text="R-318")
    expect(card.first).to_contain_text("€38.00")
    _shot(page, pictures, "return")
    page.get_by_role("button", name="Approve €38.00").last.click()
    page.get_by_test_id("confirm-yes").click()
    expect(card.first).to_contain_text("sent to Stripe")
    _bubble(page, "on its way to your card")
    _shot(page, pictures, "refunded")


def test_the_digest_by_hand(page: Page, control: Control, pictures: Path | None) -> None:
    if pictures is not None:
        control.happens("busy_hour", orders=60)
    page.get_by_test_id("channel-daily").click()
    page.get_by_test_id("clock-next-morning").click()
    digest = page.get_by_test_id("message").filter(has_text="Nordlicht Shop")
    expect(digest.last).to_contain_text("To do first")
    expect(digest).to_have_count(1)
    expect(digest.last.locator("svg").first, "the chart is drawn").to_be_visible()
    expect(digest.last.locator("table").first, "the table is drawn").to_be_visible()
    _shot(page, pictures, "digest", top=digest.last)


def test_on_a_phone_nothing_runs_off_the_screen(browser: Browser, control: Control, pictures: Path | None) -> None:
    control.happens("sell_out")
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme="dark", device_scale_factor=2)
    page = context.new_page()
    page.set_default_timeout(60_000)
    expect.set_options(timeout=60_000)
    page.goto(control.page)
    page.wait_for_selector("body[data-ready=true]")
    for tab in ("shop", "telegram", "slack"):
        page.get_by_test_id(f"tab-{tab}").click()
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 390, f"{tab} is {wide} pixels wide"
    page.get_by_test_id("slack-menu").click()
    page.get_by_test_id("channel-stock").click()
    expect(page.get_by_test_id("message").filter(has_text="Blue mug").last).to_be_visible()
    _shot(page, pictures, "phone")
    context.close()
