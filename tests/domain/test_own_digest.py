"""A person's own digest: at their hour, once, with what they asked for, where they asked; on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
import sqlalchemy as sa

from domain.digest import ChangeMyDigest, Digest, ShowDigest, Shows
from domain.errors import BadInput, NotAllowed, RuleBroken
from domain.own_digest import FORMS, MyDigest, ShowMyDigest, my_digest_form, read_hour, send_own_digests
from domain.people import Actor
from notifications.catalogue import Catalogue
from storage.tables import own_digests, staff
from tests.desk import TestDesk


def _tick(desk: TestDesk, at: datetime | None = None) -> list[tuple[str, str]]:
    """The schedule once; every own digest so far, with where it went and what it shows."""
    if at is not None:
        desk.clock.moment = at
    with desk.begin() as uow:
        send_own_digests(uow)
    return [(one["address"], one["fields"]["shows"]) for one in desk.said("digest")]


def _local(day: int, hour: int, minute: int = 0) -> datetime:
    """That moment of November 2026 on the shop's clock: Berlin, an hour before UTC's."""
    return datetime(2026, 11, day, hour - 1, minute, tzinfo=UTC)


def test_it_comes_at_the_hour_where_it_was_asked_for_once_a_day(desk: TestDesk) -> None:
    said = desk.run(ChangeMyDigest(hour="7:30", shows="stock"), desk.staff("ben"))
    assert isinstance(said, MyDigest)
    assert (said.hour, said.shows, said.platform, said.changed) == ("07:30", "stock", "Slack", True)
    assert said.next_at == _local(24, 7, 30), "today's 07:30 is over"
    assert _tick(desk) == []
    assert _tick(desk, _local(24, 7, 29)) == []
    assert _tick(desk, _local(24, 7, 30)) == [("U0BEN", "stock")]
    assert _tick(desk, _local(24, 9)) == [("U0BEN", "stock")]
    assert _tick(desk, _local(25, 7, 31)) == [("U0BEN", "stock")] * 2
    assert desk.said("digest")[0]["fields"]["figures"]["date"] == "2026-11-23"


def test_what_was_asked_for_in_telegram_comes_there_and_only_its_reader_may_press(desk: TestDesk) -> None:
    ben = replace(desk.staff("cleo"), identity="telegram:77")
    with pytest.raises(RuleBroken, match="Ask for it in Slack or in Telegram"):
        desk.run(ChangeMyDigest(hour="7"), replace(ben, identity="cli:root"))
    desk.execute(sa.update(staff).where(staff.c.key == "cleo").values(telegram_user=77))
    desk.run(ChangeMyDigest(hour="7"), replace(desk.staff("cleo"), identity="telegram:77"))
    assert _tick(desk, _local(24, 7, 0)) == [("77", "all")]


def test_one_that_nothing_ran_for_is_left_out_that_day(desk: TestDesk) -> None:
    desk.run(ChangeMyDigest(hour="07:00"), desk.staff("ada"))
    assert _tick(desk, _local(24, 13, 1)) == []
    assert _tick(desk, _local(25, 12, 59)) == [("U0ADA", "all")]


def test_another_hour_the_same_day_is_another_digest_and_off_is_none(desk: TestDesk) -> None:
    ada = desk.staff("ada")
    desk.run(ChangeMyDigest(hour="10.00"), ada)
    assert len(_tick(desk, _local(23, 10, 1))) == 1
    desk.run(ChangeMyDigest(hour="11", shows="to_do"), ada)
    assert _tick(desk, _local(23, 11, 0)) == [("U0ADA", "all"), ("U0ADA", "to_do")]
    gone = desk.run(ChangeMyDigest(hour="off"), ada)
    assert isinstance(gone, MyDigest)
    assert (gone.hour, gone.changed) == (None, True)
    assert len(_tick(desk, _local(24, 11, 0))) == 2
    assert desk.query(sa.select(own_digests)) == []
    assert [one for one in desk.audit_actions() if one == "digest.changed"] == ["digest.changed"] * 3


def test_two_processes_send_it_once(desk: TestDesk) -> None:
    desk.run(ChangeMyDigest(hour="10"), desk.staff("ada"))
    with desk.begin() as uow:
        person = uow.people.by_slack("T0", "U0ADA")
        assert person is not None
        assert uow.own_digests.sent(person.id, date(2026, 11, 23))
        assert not uow.own_digests.sent(person.id, date(2026, 11, 23))


def test_who_is_switched_off_gets_none_and_a_customer_may_not_ask(desk: TestDesk) -> None:
    desk.run(ChangeMyDigest(hour="7"), desk.staff("eve"))
    desk.execute(sa.update(staff).values(active=False))
    assert _tick(desk, _local(24, 7, 0)) == []
    for command in (ChangeMyDigest(hour="7"), ShowMyDigest()):
        with pytest.raises(NotAllowed):
            desk.run(command, Actor(identity="telegram:1001"))
        with pytest.raises(NotAllowed):
            desk.run(command, replace(desk.staff("eve"), stranger=True))
    with desk.looking() as uow, pytest.raises(NotAllowed):
        my_digest_form(ChangeMyDigest(), Actor(identity="telegram:1001"), uow)


def test_the_hour_is_the_shops_clock_in_both_changes_of_the_year(desk: TestDesk) -> None:
    desk.clock.moment = datetime(2026, 3, 27, tzinfo=UTC)
    desk.run(ChangeMyDigest(hour="02:30"), desk.staff("ada"))
    assert len(_tick(desk, datetime(2026, 3, 28, 1, 30, tzinfo=UTC))) == 1
    assert len(_tick(desk, datetime(2026, 3, 29, 0, 59, tzinfo=UTC))) == 1
    assert len(_tick(desk, datetime(2026, 3, 29, 1, 0, tzinfo=UTC))) == 2, "02:30 is not there that night: 03:00"
    desk.clock.moment = datetime(2026, 10, 24, 23, tzinfo=UTC)
    assert len(_tick(desk, datetime(2026, 10, 25, 0, 30, tzinfo=UTC))) == 3
    assert len(_tick(desk, datetime(2026, 10, 25, 1, 30, tzinfo=UTC))) == 3, "02:30 comes twice, the digest once"


@pytest.mark.parametrize(("text", "hour"), [
    ("7", time(7)), ("07:30", time(7, 30)), ("7.05", time(7, 5)), ("0730", time(7, 30)), ("23:59", time(23, 59)), (" OFF ", None),
])
def test_an_hour_as_people_write_it(text: str, hour: time | None) -> None:
    assert read_hour(text) == hour


@pytest.mark.parametrize("text", [None, "", "24:00", "7:60", "morning", "-1", "７", "7:3"])
def test_what_is_no_hour_is_said(text: str | None) -> None:
    with pytest.raises(BadInput, match="time of day") as caught:
        read_hour(text)
    assert caught.value.field == "hour"


def test_figures_that_do_not_exist_are_refused_and_nothing_is_written(desk: TestDesk) -> None:
    with pytest.raises(BadInput, match="Choose one of all, sales"):
        desk.run(ChangeMyDigest(hour="7", shows="gossip"), desk.staff("ada"))
    assert desk.query(sa.select(own_digests)) == []


def test_the_form_shows_what_stands(desk: TestDesk) -> None:
    ada = desk.staff("ada")
    with desk.looking() as uow:
        form = my_digest_form(ChangeMyDigest(), ada, uow)
    assert [one.initial for one in form.fields] == ["08:00", "all"]
    desk.run(ChangeMyDigest(hour="6:15", shows="returns"), ada)
    with desk.looking() as uow:
        form = my_digest_form(ChangeMyDigest(), ada, uow)
    assert [one.initial for one in form.fields] == ["06:15", "returns"]
    assert FORMS[ChangeMyDigest] is my_digest_form
    mine = desk.run(ShowMyDigest(), ada)
    assert isinstance(mine, MyDigest)
    assert (mine.hour, mine.shows, mine.changed) == ("06:15", "returns and refunds", False)


@pytest.mark.parametrize("shows", list(Shows))
def test_only_the_figures_that_were_asked_for_are_in_it(desk: TestDesk, shows: Shows) -> None:
    whole = desk.run(ShowDigest(), desk.staff("ada"))
    assert isinstance(whole, Digest)
    mine = replace(whole, shows=shows, own_hour="07:00")
    words = Catalogue().words(mine, desk.shop, "slack")
    body = str(words.body)
    found = {
        "sales": "from 0 orders" in body, "parcels": "on the way" in body, "returns": "refunds" in body,
        "stock": "Stock:" in body,
    }
    wanted = {part: shows in (Shows.ALL, part) for part in found}
    assert found == wanted
    assert "Nothing waits for you" in body
    assert ("€0.00" in words.plain_title) == wanted["sales"]
    rows = [row[0] for table in mine.tables for row in table.rows]
    assert ("Revenue" in rows, "Delivered (late)" in rows, "Refunds" in rows) == (
        wanted["sales"], wanted["parcels"], wanted["returns"]
    )
    assert str(words.note).startswith("Yours, at 07:00.")


def test_the_schedule_looks_within_a_minute_after_each_quarter(desk: TestDesk) -> None:
    from handlers.jobs import SCHEDULES

    (mine,) = [one for one in SCHEDULES if one.name == "own_digests"]
    due = mine.after(desk.shop, _local(24, 7, 20))
    assert timedelta(0) <= due - _local(24, 7, 30) < timedelta(minutes=1)
