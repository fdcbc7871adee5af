"""The digest: the right day, whatever is typed, and what needs doing first."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from domain.digest import Digest, ShowDigest, morning_digest, read_day
from domain.errors import BadInput, NotAllowed
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
