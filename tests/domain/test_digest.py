"""The digest: the right day, whatever is typed, and what needs doing first."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from domain.digest import Digest, ShowDigest, morning_digest, read_day
from domain.errors import BadInput, NotAllowed
from domain.messages import Letter, StampedButton
from domain.metrics import Doing, ToDo
from domain.money import Money
from notifications.catalogue import Catalogue
from notifications.slack.blocks import blocks
from tests.desk import TestDesk

TODAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        (None, TODAY - timedelta(days=1)), ("yesterday", TODAY - timedelta(days=1)), (" Yesterday ", TODAY - timedelta(days=1)),
        ("today", TODAY), ("2018-03-15", date(2018, 3, 15)), ("2026-11-23", TODAY), ("1970-01-01", date(1970, 1, 1)),
    ],
)
def test_a_day_as_people_write_it(text: str | None, day: date) -> None:
    assert read_day(text, TODAY) == day


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tomorrow", "I can't read 'tomorrow' as a day. Write yesterday, today, or a date such as 2026-11-22."),
        ("2026-11-24", "has not begun yet"), ("15.03.2018", "I can't read"), ("2026-02-30", "I can't read"),
        ("1969-12-31", "no figures of the year 1969"), ("x" * 500, "I can't read '" + "x" * 40 + "'"), ("", "I can't read ''"),
    ],
)
def test_what_is_no_day_is_said_with_what_would_be_one(text: str, words: str) -> None:
    if text == "":
        assert read_day(text, TODAY) == TODAY - timedelta(days=1)
        return
    with pytest.raises(BadInput) as caught:
        read_day(text, TODAY)
    assert words in caught.value.sentence
    assert caught.value.field == "day"


def test_any_staff_may_see_it_and_nobody_else(desk: TestDesk) -> None:
    for key in ("ada", "ben", "cleo", "dan", "eve"):
        assert isinstance(desk.run(ShowDigest(day="yesterday"), desk.staff(key)), Digest)
    with pytest.raises(NotAllowed):
        desk.run(ShowDigest(), desk.customer(1001))


def test_today_is_said_to_run_still_and_yesterday_not(desk: TestDesk) -> None:
    today, yesterday = desk.run(ShowDigest(day="today"), desk.staff("ada")), desk.run(ShowDigest(), desk.staff("ada"))
    assert isinstance(today, Digest)
    assert isinstance(yesterday, Digest)
    assert (today.running, yesterday.running) == (True, False)
    assert (today.figures.day.date, yesterday.figures.day.date) == (TODAY, TODAY - timedelta(days=1))


def test_the_morning_post_goes_out_once_for_a_date_whoever_asks_again(desk: TestDesk) -> None:
    for _ in range(3):
        with desk.begin() as uow:
            morning_digest(uow, TODAY)
    (posted,) = desk.said("digest")
    assert posted["address"] == "C0DAILY"
    assert posted["fields"]["figures"]["day"]["date"] == "2026-11-22"
    with desk.begin() as uow:
        morning_digest(uow, TODAY + timedelta(days=1))
    assert len(desk.said("digest")) == 2


def test_a_quiet_shop_is_said_to_be_quiet(desk: TestDesk) -> None:
    found = desk.run(ShowDigest(), desk.staff("ada"))
    assert isinstance(found, Digest)
    assert found.quiet
    assert [(one.label, one.more) for one in found.buttons] == [("Change my digest", True)]


def _busy(desk: TestDesk) -> Digest:
    """A digest with all that can wait, of a shop that has shipped nothing."""
    found = desk.run(ShowDigest(), desk.staff("ada"))
    assert isinstance(found, Digest)
    waits = (
        ToDo(doing=Doing.HAND_OVER, count=5, overdue=True),
        ToDo(doing=Doing.APPROVE_RETURNS, count=1, amount=Money(minor=6010, currency="EUR")),
        ToDo(doing=Doing.EXPLAIN_LATE, count=2), ToDo(doing=Doing.RESTOCK_EMPTY, count=1, examples=("Tea *towel*",)),
        ToDo(doing=Doing.REORDER_LOW, count=4),
    )
    return replace(found, figures=replace(found.figures, to_do=waits))


@pytest.mark.parametrize("platform", ["slack", "telegram", "plain"])
def test_what_needs_doing_is_a_line_each_that_names_a_button_which_is_there(desk: TestDesk, platform: str) -> None:
    digest = _busy(desk)
    bold = {"slack": "*{}*", "telegram": "<b>{}</b>", "plain": "{}"}[platform]
    first, *lines = str(Catalogue().words(digest, desk.shop, platform).lead).splitlines()
    assert first == bold.format("To do first:")
    assert [line.partition("→")[0].strip() for line in lines] == [
        "• 5 overdue orders to hand over", "• 1 return waits (€60.10)", "• 2 late parcels to explain",
        "• 1 sold out (Tea *towel*)", "• 4 SKUs to order",
    ]
    labels = [one.label for one in digest.buttons if not one.more]
    assert labels == ["Late parcels (7)", "Returns (1)", "Stock (5)"]
    for line in lines:
        named = line.partition("→\u00a0")[2].replace("\u00a0", " ")
        assert [label for label in labels if bold.format(label.partition(" (")[0]) == named] != [], line


def test_on_slack_the_buttons_stand_right_below_what_needs_doing(desk: TestDesk) -> None:
    letter = Letter(message=_busy(desk), buttons=(StampedButton(label="Returns (1)", token="t"),))
    drawn = blocks(Catalogue().words(letter.message, desk.shop, "slack"), letter)
    assert [one["type"] for one in drawn[:3]] == ["section", "section", "actions"]
    assert "To do first" in drawn[1]["text"]["text"]


def test_a_figure_that_no_day_has_is_no_row(desk: TestDesk) -> None:
    (table,) = _busy(desk).tables
    assert [row[0] for row in table.rows] == ["Orders", "Revenue", "Handed over", "Delivered (late)", "Refunds"]
