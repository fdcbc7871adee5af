"""A person's quiet hours at work: what waits, what never does, and that it arrives once and in order; both databases."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from bot.cli_jobs import _line
from domain.alarms import DeskAlarm
from domain.customers import CustomerUnreachable
from domain.digest import ChangeMyDigest, Digest, ShowDigest, morning_digest
from domain.errors import BadInput, NotAllowed
from domain.home import Home, ShowHome
from domain.inventory.cards import StockStillLow
from domain.messages import Chat
from domain.order_lists import OrderListReach
from domain.own_digest import send_own_digests
from domain.people import Actor
from domain.quiet_hours import ChangeQuietHours, MyQuietHours, ShowQuietHours, quiet_hours_form
from domain.returns.messages import ReturnCard
from domain.shipping.claims import ClaimDue
from domain.shipping.messages import LateParcelsRest
from handlers.commands import read
from handlers.jobs import Worker
from notifications.auditor import audit
from notifications.catalogue import Catalogue
from storage.dead_letters import DeadLetters
from storage.tables import jobs, quiet_hours, staff
from tests.desk import TestDesk
from tests.notifications.anything import any_message
from tests.notifications.line import hear, line, low

EVENING = datetime(2026, 11, 23, 20, 30, tzinfo=UTC)  # 21:30 in Berlin
MORNING = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)  # 07:00
ADA = Chat(platform="telegram", address="2002")


def _quiet(desk: TestDesk, key: str = "ada", hours: str | None = "20:00-07:00", days: str | None = None) -> MyQuietHours:
    said = desk.run(ChangeQuietHours(hours=hours, days=days), desk.staff(key))
    assert isinstance(said, MyQuietHours)
    return said


def _due(desk: TestDesk, kind: str) -> list[tuple[str, datetime]]:
    return [(row.payload["address"], row.due_at) for row in desk.outbox_rows() if row.message == kind]


def test_a_digest_of_ones_own_waits_and_the_auditor_lets_it(desk: TestDesk) -> None:
    _quiet(desk)
    desk.run(ChangeMyDigest(hour="21:30"), replace(desk.staff("ada"), identity="telegram:2002"))
    desk.run(ChangeMyDigest(hour="21:30"), desk.staff("ben"))
    desk.clock.moment = EVENING
    with desk.begin() as uow:
        send_own_digests(uow)
    assert _due(desk, "digest") == [("2002", MORNING), ("U0BEN", EVENING)]
    held = next(row for row in desk.outbox_rows() if row.payload.get("address") == "2002")
    assert held.final_by == MORNING + timedelta(minutes=15), "its time runs from the end of the quiet hours"
    desk.clock.moment = MORNING + timedelta(minutes=14)
    assert "2002" not in str(list(_audited(desk)))
    with desk.store.engine.connect() as connection:
        assert connection.execute(sa.select(jobs.c.raised_at).where(jobs.c.id == held.id)).scalar() is None
    desk.clock.moment = MORNING + timedelta(minutes=16)
    _audited(desk)
    with desk.store.engine.connect() as connection:
        assert connection.execute(sa.select(jobs.c.raised_at).where(jobs.c.id == held.id)).scalar() is not None


def _audited(desk: TestDesk) -> list[Any]:
    with desk.store._transaction() as connection:
        return list(audit(desk.store._open(connection)).values())


def test_jobs_list_shows_what_waits_and_until_when(desk: TestDesk) -> None:
    _quiet(desk)
    desk.clock.moment = EVENING
    with desk.begin() as uow:
        uow.outbox.tell(ADA, any_message(Digest, "d"), once="d", unasked=True)
    with desk.store.engine.begin() as connection:
        (seen,) = DeadLetters(connection, EVENING).list(("open",), kind="say.telegram", limit=10)
    assert "due 2026-11-24 06:00 UTC" in _line(seen, EVENING)
    assert "due" not in _line(seen, MORNING)


def test_answers_approvals_alarms_and_channels_wait_for_nobody(desk: TestDesk) -> None:
    _quiet(desk)
    hear(desk, "returns", "telegram", ADA.address)
    desk.clock.moment = EVENING
    asked = desk.run(ShowDigest(), desk.staff("ada"))
    with desk.begin() as uow:
        uow.outbox.tell(ADA, asked, once="reply:1")
        uow.outbox.tell(ADA, any_message(DeskAlarm, "a"), once="alarm")
        uow.outbox.card("return:R-1", any_message(ReturnCard, "R-1"), version=1)
        uow.outbox.card("low_stock:1", low("SKU"), version=1)
        morning_digest(uow, uow.shop.calendar.today(EVENING))
    letters = [row for row in desk.outbox_rows() if row.message is not None]
    assert len(letters) == 6
    assert {row.due_at for row in letters} == {EVENING}


def test_an_answer_is_not_behind_what_waits(desk: TestDesk) -> None:
    _quiet(desk)
    desk.clock.moment = EVENING
    with desk.begin() as uow:
        uow.outbox.tell(ADA, any_message(Digest, "own"), once="own", unasked=True)
        uow.outbox.tell(ADA, any_message(Digest, "asked"), once="reply:1")
    with desk.store._transaction() as connection:
        claimed = desk.store._open(connection).jobs.claim(
            kinds=("say.telegram",), owner="one", limit=9, lease=timedelta(seconds=60)
        )
    assert [job.key for job in claimed] == ["nordlicht/reply:1>telegram:2002"]


def test_a_deadline_and_a_fault_of_the_desk_wait_for_nobody(desk: TestDesk) -> None:
    _quiet(desk)
    hear(desk, "parcels", "telegram", ADA.address)
    desk.clock.moment = EVENING
    with desk.begin() as uow:
        for kind in (ClaimDue, OrderListReach, LateParcelsRest):
            uow.outbox.publish(any_message(kind, "x"), once=kind.kind)
    due = {row.message: (row.due_at, row.lane) for row in desk.outbox_rows("say.telegram")}
    assert due["claim_due"] == due["order_list_reach"] == (EVENING, "telegram:2002:alert")
    assert due["late_parcels_rest"][0] > EVENING


async def test_alerts_for_ones_own_chat_come_in_the_morning_once_and_in_order(desk: TestDesk) -> None:
    _quiet(desk)
    hear(desk, "stock", "telegram", ADA.address)
    desk.clock.moment = EVENING
    async with line(desk) as out:
        for number in (1, 2, 3):
            out.card(number)
        out.card(1, version=2)
        with desk.begin() as uow:
            uow.outbox.note("low_stock:2", any_message(StockStillLow, "note"), once="n")
        await out.until_quiet(within=timedelta(hours=9))
        assert [one for one in out.entries("telegram") if "SKU" in str(one) or "note" in str(one)] == []
        desk.clock.moment = MORNING + timedelta(seconds=1)
        with desk.begin() as uow:
            uow.outbox.card("low_stock:9", low("SKU-9 v1"), version=1)
        await out.until_quiet()
        texts = [str(call.body if hasattr(call, "body") else call) for call in out.calls("telegram", "sendMessage")]
        wanted = ["SKU-1 v2", "SKU-2 v1", "SKU-3 v1", "note", "SKU-9 v1"]
        assert [next(word for word in wanted if word in text) for text in texts] == wanted
        assert not any("SKU-1 v1" in text for text in texts)
    assert {row.state for row in desk.outbox_rows() if row.message is not None} <= {"done", "superseded"}


async def test_a_night_full_of_alerts_is_gathered_and_none_is_dropped(desk: TestDesk) -> None:
    _quiet(desk)
    hear(desk, "stock", "telegram", ADA.address)
    desk.clock.moment = EVENING
    async with line(desk) as out:
        for number in range(40):
            out.card(number)
        desk.clock.moment = MORNING
        await out.until_quiet()
        mine = [row for row in desk.outbox_rows("say.telegram") if row.message == "low_stock_card"]
        assert {row.state for row in mine} == {"done", "gathered"}
        assert len(mine) == 40
        assert len(out.calls("telegram", "sendMessage")) < 40


def test_a_note_of_any_kind_waits_with_its_card(desk: TestDesk) -> None:
    _quiet(desk)
    hear(desk, "stock", "telegram", ADA.address)
    desk.clock.moment = EVENING
    with desk.begin() as uow:
        uow.outbox.card("low_stock:1", low("SKU"), version=1)
        uow.outbox.note("low_stock:1", any_message(CustomerUnreachable, "n"), once="n")
    assert _due(desk, "customer_unreachable") == [("C0STOCK", EVENING), ("2002", MORNING)]


def test_what_is_pressed_on_comes_again_at_once_though_other_letters_wait(desk: TestDesk) -> None:
    _quiet(desk)
    hear(desk, "stock", "telegram", ADA.address)
    desk.clock.moment = EVENING
    with desk.begin() as uow:
        uow.outbox.card("low_stock:1", low("SKU"), version=1)
    desk.execute(sa.update(jobs).values(state="done"))
    with desk.begin() as uow:
        uow.outbox.card("low_stock:2", low("SKU"), version=1)
        uow.outbox.card_again("low_stock:1")
    again = [row for row in desk.outbox_rows("say.telegram") if row.card == "low_stock:1"][-1]
    assert (again.due_at, again.lane) == (EVENING, "telegram:2002:alert")


def test_ending_them_lets_go_and_other_ones_move_what_waits(desk: TestDesk) -> None:
    _quiet(desk)
    hear(desk, "stock", "telegram", ADA.address)
    desk.clock.moment = EVENING
    with desk.begin() as uow:
        uow.outbox.tell(ADA, any_message(Digest, "own"), once="own", unasked=True)
        uow.outbox.card("low_stock:1", low("SKU"), version=1)
        uow.outbox.tell(Chat(platform="slack", address="U0BEN"), any_message(Digest, "b"), once="ben", unasked=True)

    def mine() -> list[tuple[datetime, timedelta]]:
        return [(row.due_at, row.final_by - row.due_at) for row in desk.outbox_rows("say.telegram")]

    within = (timedelta(minutes=15), timedelta(minutes=5))
    later = MORNING + timedelta(hours=1)
    assert _quiet(desk, hours="20-8").freed == 0
    assert mine() == [(later, one) for one in within]
    said = _quiet(desk, hours="off")
    assert (said.hours, said.changed, said.freed) == ("", True, 2)
    assert mine() == [(EVENING, one) for one in within]
    assert desk.query(sa.select(quiet_hours)) == []
    assert [one for one in desk.audit_actions() if one == "quiet_hours.changed"] == ["quiet_hours.changed"] * 3


@pytest.mark.parametrize(("hours", "ends"), [("20-6", MORNING - timedelta(hours=1)), ("20-8", MORNING + timedelta(hours=1)), ("off", None)])
async def test_a_letter_that_is_being_written_while_they_change_waits_for_the_new_end(
    desk: TestDesk, hours: str, ends: datetime | None
) -> None:
    _quiet(desk)
    desk.clock.moment = EVENING
    worker = Worker(engine=desk.store, sources=(), owner="one", sleep=asyncio.sleep)
    await worker.step()
    changes = threading.Thread(target=_quiet, args=(desk,), kwargs={"hours": hours})
    with desk.begin() as uow:
        uow.outbox.tell(ADA, any_message(Digest, "own"), once="own", unasked=True)
        changes.start()
        if desk.store.engine.dialect.name != "sqlite":  # there the change waits for the writer's place
            changes.join(60)
            assert not changes.is_alive(), "a change waits for nobody who writes"
            await worker.step()
            assert [row.state for row in desk.outbox_rows("quiet_hours")] == ["done", "open"], "looked again too early"
    await asyncio.to_thread(changes.join, 20)
    desk.clock.move(seconds=3)
    while await worker.step():
        pass
    assert [row.state for row in desk.outbox_rows("quiet_hours")] == ["done", "done"]
    ((_, due),) = _due(desk, "digest")
    assert due == ends if ends is not None else EVENING <= due <= desk.clock.moment


def test_what_comes_after_them_stands_behind_what_waited_until_that_is_out(desk: TestDesk) -> None:
    _quiet(desk)
    hear(desk, "stock", "telegram", ADA.address)
    desk.clock.moment = EVENING
    with desk.begin() as uow:
        uow.outbox.card("low_stock:1", low("SKU"), version=1)
    desk.clock.moment = MORNING
    with desk.begin() as uow:
        uow.outbox.card("low_stock:2", low("SKU"), version=1)
    first, second = desk.outbox_rows("say.telegram")
    assert (second.lane, second.due_at) == (first.lane, MORNING)
    desk.execute(sa.update(jobs).values(state="done"))
    with desk.begin() as uow:
        uow.outbox.card("low_stock:3", low("SKU"), version=1)
    assert desk.outbox_rows("say.telegram")[-1].lane == "telegram:2002:alert"


def test_what_is_due_or_was_tried_already_is_not_put_off(desk: TestDesk) -> None:
    _quiet(desk)
    desk.clock.moment = EVENING
    with desk.begin() as uow:
        for name in ("due", "tried"):
            uow.outbox.tell(ADA, any_message(Digest, name), once=name, unasked=True)
    desk.clock.moment = MORNING
    again = MORNING + timedelta(minutes=1)
    desk.execute(sa.update(jobs).where(jobs.c.key.contains("tried")).values(attempts=1, due_at=again))
    _quiet(desk, hours="20-9")
    assert [row.due_at for row in desk.outbox_rows("say.telegram")] == [MORNING, again]


def test_another_persons_letters_are_left_alone(desk: TestDesk) -> None:
    _quiet(desk), _quiet(desk, "dan")
    desk.clock.moment = EVENING
    with desk.begin() as uow:
        uow.outbox.tell(Chat(platform="telegram", address="2001"), any_message(Digest, "d"), once="d", unasked=True)
    assert _quiet(desk, hours="off").freed == 0
    assert _due(desk, "digest") == [("2001", MORNING)]


def test_who_is_switched_off_has_none(desk: TestDesk) -> None:
    _quiet(desk)
    desk.execute(sa.update(staff).values(active=False))
    desk.clock.moment = EVENING
    with desk.begin() as uow:
        uow.outbox.tell(ADA, any_message(Digest, "d"), once="d", unasked=True)
    assert _due(desk, "digest") == [("2002", EVENING)]


def test_app_home_and_the_form_show_what_stands(desk: TestDesk) -> None:
    ada = desk.staff("ada")
    home = desk.run(ShowHome(), ada)
    assert isinstance(home, Home)
    assert home.quiet == ""
    assert "Quiet hours" not in str(Catalogue().words(home, desk.shop, "slack").body)
    _quiet(desk, days="sun")
    home = desk.run(ShowHome(), ada)
    assert "Quiet hours: 20:00 to 07:00 and on Sundays. " in str(Catalogue().words(home, desk.shop, "slack").body)
    assert any(button.command == ChangeQuietHours() for button in home.buttons)
    with desk.looking() as uow:
        form = quiet_hours_form(ChangeQuietHours(), ada, uow)
    assert [one.initial for one in form.fields] == ["20:00-07:00", "Sun"]
    shown = desk.run(ShowQuietHours(), ada)
    assert isinstance(shown, MyQuietHours)
    assert (shown.hours, shown.until) == ("20:00 to 07:00 and on Sundays", None)


def test_typed_it_is_the_same(desk: TestDesk) -> None:
    for text in ("quiet 20:00-07:00 sat sun", "quiet 20:00 - 07:00 sat sun"):
        command = read("ops", text).command
        assert isinstance(command, ChangeQuietHours)
        said = desk.run(command, desk.staff("ben"))
        assert isinstance(said, MyQuietHours)
        assert said.hours == "20:00 to 07:00 and on Saturdays and Sundays"
    assert read("ops", "quiet").command == ShowQuietHours()
    assert read("quiet", "off").command == ChangeQuietHours(hours="off")


def test_nobody_else_may_and_what_is_wrong_changes_nothing(desk: TestDesk) -> None:
    for command in (ChangeQuietHours(hours="20-7"), ShowQuietHours()):
        with pytest.raises(NotAllowed):
            desk.run(command, Actor(identity="telegram:1001"))
        with pytest.raises(NotAllowed):
            desk.run(command, replace(desk.staff("eve"), stranger=True))
    with pytest.raises(BadInput):
        _quiet(desk, hours="20-7", days="someday")
    assert desk.query(sa.select(quiet_hours)) == []
