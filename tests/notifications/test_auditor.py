"""Whatever is not final after its time, or was given up, is raised once, by another way than the one that is stuck."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

import pytest
import sqlalchemy as sa

from domain.alarms import DeskAlarm, Stuck, other_way
from domain.messages import Chat, MessageClass
from domain.returns.messages import ReturnCard
from notifications.auditor import Auditor
from notifications.catalogue import Catalogue
from storage.tables import jobs
from tests.desk import TestDesk
from tests.notifications.anything import NOW, any_message
from tests.notifications.line import low

ADA_IN_TELEGRAM = Chat(platform="telegram", address="2002")


async def _no_sleep(_seconds: float) -> None:
    """Time stands still here."""


def auditor(desk: TestDesk) -> Auditor:
    return Auditor(engine=desk.store, sleep=_no_sleep, seconds=lambda: 0.0)


def alarms(desk: TestDesk) -> list[sa.Row[tuple[object, ...]]]:
    return [row for row in desk.outbox_rows() if row.message == "desk_alarm"]


def alert(desk: TestDesk, number: int = 1) -> None:
    with desk.begin() as uow:
        uow.outbox.card(f"low_stock:{number}", low("SKU"), version=1)


def approval(desk: TestDesk) -> None:
    with desk.begin() as uow:
        uow.outbox.card("return:R-1", any_message(ReturnCard, "R-1"), version=1)


@pytest.mark.parametrize(
    ("kind", "seconds"), [(MessageClass.APPROVAL, 60), (MessageClass.ANSWER, 60), (MessageClass.ALERT, 300), (MessageClass.DIGEST, 900)]
)
def test_each_class_has_its_own_time(kind: MessageClass, seconds: int) -> None:
    assert kind.within == timedelta(seconds=seconds)


async def test_a_letter_past_its_time_is_raised_to_the_owner_on_the_other_platform_once(
    desk: TestDesk, caplog: pytest.LogCaptureFixture
) -> None:
    approval(desk)
    alert(desk)
    desk.clock.move(seconds=59)
    assert await auditor(desk).step() == 0
    desk.clock.move(seconds=1)
    with caplog.at_level(logging.ERROR):
        assert await auditor(desk).step() == 1
    assert "1 x return card to Slack not out in time" in caplog.text
    assert "opsbell jobs list" in caplog.text
    [alarm] = alarms(desk)
    assert (alarm.kind, alarm.payload["address"]) == ("say.telegram", "2002")
    assert await auditor(desk).step() == 0
    desk.clock.move(minutes=5)
    assert await auditor(desk).step() >= 1  # now the alert, and the alarm itself, which is only logged
    assert len(alarms(desk)) == 2


async def test_what_was_given_up_is_raised_with_its_reason_and_exact_count(desk: TestDesk) -> None:
    for number in range(25):
        alert(desk, number)
    desk.execute(sa.update(jobs).values(state="dead", error="C0STOCK refuses it: it is archived"))
    with desk.store.engine.begin() as connection:
        connection.execute(sa.update(jobs).where(jobs.c.id <= 5).values(error="Slack refused: no_text"))
    assert await auditor(desk).step() == 25
    [alarm] = alarms(desk)
    counted = [(one["count"], one["reason"], one["dead"]) for one in alarm.payload["fields"]["stuck"]]
    assert counted == [(20, "C0STOCK refuses it: it is archived", True), (5, "Slack refused: no_text", True)]


async def test_a_stuck_telegram_is_raised_in_slack(desk: TestDesk) -> None:
    with desk.begin() as uow:
        uow.outbox.tell(Chat(platform="telegram", address="1001"), low("hello"), once="t")
    desk.clock.move(minutes=10)
    await auditor(desk).step()
    [alarm] = alarms(desk)
    assert (alarm.kind, alarm.payload["address"]) == ("say.slack", "U0ADA")


async def test_a_refund_or_event_past_its_time_is_raised_too(desk: TestDesk) -> None:
    with desk.begin() as uow:
        uow.outbox.refund("re-1", payment_id=1)
        uow.outbox.later("learn", {"inbox": 1}, once="learn:1", due_at=uow.now)
    desk.clock.move(minutes=16)
    assert await auditor(desk).step() == 2
    words = {one["kind"] for one in alarms(desk)[0].payload["fields"]["stuck"]}
    assert words == {"refund", "learn"}


async def test_an_alarm_that_is_stuck_itself_makes_no_other(desk: TestDesk) -> None:
    approval(desk)
    desk.clock.move(minutes=2)
    await auditor(desk).step()
    desk.execute(sa.update(jobs).where(jobs.c.message == "return_card").values(state="done"))
    for _ in range(3):
        desk.clock.move(minutes=10)
        await auditor(desk).step()
    assert len(alarms(desk)) == 1


async def test_two_auditors_raise_each_item_once(desk: TestDesk) -> None:
    for number in range(10):
        alert(desk, number)
    desk.clock.move(minutes=6)
    one, two = auditor(desk), auditor(desk)
    assert await one.step() + await two.step() == 10
    assert len(alarms(desk)) == 1


async def test_a_loop_that_makes_no_turn_is_told_of(desk: TestDesk, caplog: pytest.LogCaptureFixture) -> None:
    now = [1000.0]
    watch = Auditor(
        engine=desk.store, sleep=_no_sleep, seconds=lambda: now[0],
        loops={"delivery": lambda: 1000.0, "worker": lambda: now[0], "new": lambda: None},
    )
    desk.clock.move(hours=5)  # a clock that jumps hangs nothing
    watch.listen()
    assert watch.silent == ()
    now[0] += 91
    with caplog.at_level(logging.ERROR):
        watch.listen()
    assert watch.silent == ("delivery",)
    assert "delivery" in caplog.text


async def test_it_hears_of_hanging_loops_though_its_own_look_hangs_too(desk: TestDesk) -> None:
    class Hangs:
        async def write(self, _work: object) -> None:
            await asyncio.Event().wait()

    now, turns, enough = [1000.0], list[float](), asyncio.Event()

    async def sleep(seconds: float) -> None:
        turns.append(seconds)
        now[0] += 61
        if len(turns) > 3:
            enough.set()
            await asyncio.Event().wait()

    watch = Auditor(
        engine=Hangs(), sleep=sleep, seconds=lambda: now[0], loops={"delivery": lambda: 1000.0}, patience=0.01,  # type: ignore[arg-type]
    )
    running = asyncio.create_task(watch.run())
    async with asyncio.timeout(60):
        await enough.wait()
    running.cancel()
    assert watch.silent == ("delivery",)


def test_the_alarm_reads_well_on_a_phone(desk: TestDesk) -> None:
    stuck = (
        Stuck(kind="say.slack", message="return_card", dead=False, count=12, oldest=NOW, reason="Slack refuses our token (token_revoked)"),
        Stuck(kind="refund", message="", dead=True, count=1, oldest=NOW, reason="Stripe refused: charge_disputed"),
    )
    words = Catalogue().words(DeskAlarm(stuck=stuck, at=NOW), desk.shop, "plain")
    assert words.plain_title == "🚨 12 messages or jobs are not out in time, 1 was given up"
    assert str(words.body).splitlines() == [
        "• 12 × return card to Slack, waiting since Mon 23 Nov 09:05: Slack refuses our token (token_revoked)",
        "• 1 × refund, given up: Stripe refused: charge_disputed",
    ]
    assert "opsbell jobs list" in words.note
    assert other_way(stuck) == "telegram"
