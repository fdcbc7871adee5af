"""Every payload against the platforms' published limits: what we build passes, what is over is found."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup

from domain.gathering import AlertsGathered, KindCount
from domain.messages import MESSAGES_BY_KIND
from domain.shops import Shop
from handlers import use_cases as _all_kinds  # noqa: F401  every kind of message is known
from notifications.catalogue import Catalogue
from notifications.slack import limits as slack
from notifications.slack.blocks import beside
from notifications.telegram import limits as telegram
from tests.notifications.anything import NOW, any_message

SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "words"}}
BUTTON = {"type": "button", "text": {"type": "plain_text", "text": "Go"}, "action_id": "a", "value": "v"}


def content(*blocks: dict[str, Any], text: str = "words") -> dict[str, Any]:
    return {"text": text, "blocks": list(blocks)}


def changed(block: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {**block, **fields}


def marked(length: int) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": "x" * length}}


CONFIRM = {name: {"type": "plain_text", "text": "x"} for name in ("title", "text", "confirm", "deny")}
OVER = [
    content(marked(3001)), content(marked(0)), content(*[SECTION] * 51), content(*[marked(3000)] * 5), content(text="x" * 40_001),
    content({"type": "actions", "elements": []}), content({"type": "actions", "elements": [changed(BUTTON, action_id=str(n)) for n in range(26)]}),
    content({"type": "actions", "elements": [BUTTON, BUTTON]}), content({"type": "telegram"}),
    content({"type": "actions", "elements": [changed(BUTTON, text={"type": "plain_text", "text": "x" * 76})]}),
    content({"type": "actions", "elements": [changed(BUTTON, value="x" * 2001)]}),
    content({"type": "actions", "elements": [changed(BUTTON, confirm=changed(CONFIRM, text={"type": "plain_text", "text": "x" * 301}))]}),
    content({"type": "context", "elements": [{"type": "mrkdwn", "text": "x"}] * 11}),
    content({"type": "image", "slack_file": {"id": "F1"}, "alt_text": ""}),
]


@pytest.mark.parametrize("payload", OVER, ids=range(len(OVER)))
def test_what_slack_would_refuse_is_found_before_it_is_sent(payload: dict[str, Any]) -> None:
    assert slack.over(payload) is not None


def test_what_fits_slack_passes() -> None:
    button = changed(BUTTON, confirm=CONFIRM)
    assert slack.over(content(SECTION, marked(3000), {"type": "actions", "elements": [button]})) is None


def test_our_figures_are_those_of_the_published_schema(shared_fixtures: Path) -> None:
    schema = json.loads((shared_fixtures / "slack-block-kit" / "blockkit.strict.json").read_text())
    check = jsonschema.Draft7Validator({"$ref": "#/definitions/KnownBlock", **schema})
    for payload in OVER:
        for block in payload["blocks"]:
            if list(check.iter_errors(block)) and block["type"] != "telegram":
                assert slack.over(content(block)) is not None, block
    for length, fits in ((3000, True), (3001, False)):
        assert (not list(check.iter_errors(marked(length)))) is fits is (slack.over(content(marked(length))) is None)


@pytest.mark.parametrize(
    ("html", "problem"),
    [
        ("x" * 4097, "4097"), ("😀" * 2049, "4098"), ("", "empty"), ("<b>x", "not closed"), ("x</b>", "end of"), ("<b><i>x</b></i>", "end of"),
        ("<u>x</u>", "unsupported"), ("a < b", "angle"), ("a & b", "ampersand"), ("&nbsp;", "ampersand"),
    ],
)
def test_what_telegram_would_refuse_is_found_before_it_is_sent(html: str, problem: str) -> None:
    assert problem in (telegram.over(html, None) or "")


def test_what_fits_telegram_passes() -> None:
    assert telegram.over('<b>a &amp; b</b> <a href="https://x.example/?a=1">c</a>' + "x" * 4000, None) is None


@pytest.mark.parametrize(
    "button",
    [{"text": "x", "callback_data": "é" * 33}, {"text": " ", "callback_data": "x"}, {"text": "x", "url": "nowhere"}],
)
def test_a_button_that_telegram_would_refuse_is_found(button: dict[str, str]) -> None:
    markup = InlineKeyboardMarkup(inline_keyboard=[[InlineKeyboardButton(**button)]])
    assert telegram.over("x", markup) is not None


def test_a_gathering_reads_well_on_a_phone(shop_of_nobody: Any) -> None:
    counts = (
        KindCount(message="late_parcel_card", count=434), KindCount(message="low_stock_card", count=799),
        KindCount(message="parcel_worse", count=1),
    )
    words = Catalogue().words(AlertsGathered(counts=counts, since=NOW, until=NOW), shop_of_nobody, "slack")
    assert words.plain_title == "📚 1,234 more alerts in the last minute: 799 low stock, 434 late parcels, 1 update"
    assert str(words.body) == "Too many to show one by one; none is lost.\nSee them all: `/stock low` `/parcels late`"


@pytest.fixture
def shop_of_nobody() -> Any:
    from bot.platforms import NOBODY

    return NOBODY


OURS = sorted(kind for kind, message in MESSAGES_BY_KIND.items() if not message.__module__.startswith("tests."))


@pytest.mark.parametrize("kind", OURS)
def test_a_locked_phone_shows_what_every_message_is_about(kind: str, shop_of_nobody: Shop) -> None:
    words = Catalogue().words(any_message(MESSAGES_BY_KIND[kind], "words"), shop_of_nobody, "slack")
    assert re.search(r"\w", beside(words)), f"{kind} comes to a locked phone without a word"
    assert len(beside(words)) <= 1_500
