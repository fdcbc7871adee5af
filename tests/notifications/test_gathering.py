"""Past a channel's budget alerts are counted in one message: exactly, none lost, approvals untouched."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa

from domain.gathering import AlertsGathered, KindCount
from domain.jobs import Job
from domain.outcomes import Gathered, Later, Superseded
from domain.returns.messages import ReturnCard
from domain.shipping.messages import LateParcelCard
from notifications.admission import admit
from storage.database import is_sqlite
from storage.gathering import GatheringRows
from storage.tables import cards, jobs
from storage.unit_of_work import StoreTransaction
from tests.desk import TestDesk
from tests.notifications.anything import any_message
from tests.notifications.line import low

LEASE = timedelta(seconds=60)


def publish(desk: TestDesk, count: int, *, first: int = 0) -> None:
    with desk.begin() as uow:
        for number in range(first, first + count):
            uow.outbox.card(f"low_stock:{number}", low(f"SKU-{number}"), version=1)


def transaction(desk: TestDesk, connection: sa.Connection) -> StoreTransaction:
    return StoreTransaction(store=desk.store, connection=connection, now=desk.clock.now())


def claim(desk: TestDesk, limit: int = 16) -> tuple[Job, ...]:
    with desk.store.engine.begin() as connection:
        return transaction(desk, connection).jobs.claim(
            kinds=("say.slack", "say.telegram"), owner="one", limit=limit, lease=LEASE
        )


def admitted(desk: TestDesk, job: Job) -> object:
    """What the last look says; an outcome is settled, None means it was shown."""
    with desk.store.engine.begin() as connection:
        tx = transaction(desk, connection)
        outcome = admit(job, tx)
        match outcome:
            case None:
                envelope = tx.letters.open(job)
                assert tx.jobs.done(job, {"message_id": f"m{job.id}"})
                if envelope.card is not None:
                    tx.letters.shown(job, f"m{job.id}")
            case Gathered():
                assert tx.jobs.done(job, {"into": outcome.into}, state="gathered")
            case Superseded():
                assert tx.jobs.done(job, state="superseded")
            case Later():
                assert tx.jobs.later(job, at=tx.now + outcome.wait, error=outcome.reason, in_doubt=job.in_doubt)
        return outcome


def work(desk: TestDesk) -> Counter[str]:
    """Carry what is due now, as a delivery without a wire would; how each job ended."""
    ended: Counter[str] = Counter()
    while claimed := claim(desk):
        ended.update(type(admitted(desk, job)).__name__ for job in claimed)
    return ended


def count(desk: TestDesk, *where: sa.ColumnElement[bool]) -> int:
    return desk.query(sa.select(sa.func.count()).select_from(jobs).where(*where))[0][0]


def gathering(desk: TestDesk) -> list[AlertsGathered]:
    return [
        AlertsGathered(counts=tuple(KindCount(**one) for one in row.payload["fields"]["counts"]))
        for row in desk.outbox_rows() if row.message == "alerts_gathered" and row.payload["fields"]["since"]
    ]


def test_alerts_within_the_budget_are_shown_one_by_one(desk: TestDesk) -> None:
    publish(desk, 15)
    assert work(desk) == {"NoneType": 15}
    assert count(desk, jobs.c.message == "alerts_gathered") == 0


def test_alerts_past_the_budget_are_counted_in_one_message_and_none_is_lost(desk: TestDesk) -> None:
    publish(desk, 400)
    with desk.begin() as uow:
        for number in range(50):
            uow.outbox.card(f"late_parcel:{number}", any_message(LateParcelCard, f"P-{number}"), version=1)
    assert work(desk) == {"NoneType": 30}  # 15 in each of the two channels
    desk.clock.move(seconds=15)
    work(desk)
    assert {one.total for one in gathering(desk)} == {385, 35}
    alerts = jobs.c.message.in_(["low_stock_card", "late_parcel_card"])
    shown, counted = count(desk, alerts, jobs.c.state == "done"), count(desk, alerts, jobs.c.state == "gathered")
    assert (shown, counted, count(desk, alerts)) == (30, 420, 450)
    into = desk.query(sa.select(jobs.c.gathered_into).where(jobs.c.state == "gathered").distinct())
    assert {row[0] for row in into} == {row.id for row in desk.outbox_rows() if row.message == "alerts_gathered"}


def test_any_minute_sees_at_most_so_many_messages_in_a_channel(desk: TestDesk) -> None:
    said = []
    for turn in range(50):
        publish(desk, 8, first=turn * 8)
        before = desk.clock.now()
        said += [before] * work(desk)["NoneType"]
        desk.clock.move(seconds=4)
    assert len(said) > 30
    for start in said:
        assert sum(start <= one < start + timedelta(seconds=60) for one in said) <= 16
    # three gatherings of a minute each, besides what is still collecting
    assert 3 <= len(gathering(desk)) <= 4
    desk.clock.move(minutes=2)
    work(desk)
    assert sum(one.total for one in gathering(desk)) + count(desk, jobs.c.message == "low_stock_card", jobs.c.state == "done") == 400


def test_the_budget_is_the_shops_own(desk: TestDesk) -> None:
    with desk.store.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE shops SET settings = '{\"policies\": {\"chat\": {\"messages_a_minute\": 5}}}'"
        )
    publish(desk, 10)
    assert work(desk) == {"NoneType": 3}


def test_of_one_cards_waiting_versions_only_the_newest_counts(desk: TestDesk) -> None:
    publish(desk, 20)
    with desk.begin() as uow:
        for version in (2, 3):
            uow.outbox.card("low_stock:19", low("newer"), version=version)
    work(desk)
    desk.clock.move(seconds=15)
    work(desk)
    [said] = gathering(desk)
    assert said.total == 5
    assert count(desk, jobs.c.card == "low_stock:19", jobs.c.state == "superseded") == 2
    assert count(desk, jobs.c.card == "low_stock:19", jobs.c.state == "gathered") == 1


def test_a_card_that_was_only_counted_is_posted_when_it_changes_and_there_is_room(desk: TestDesk) -> None:
    publish(desk, 20)
    work(desk)
    desk.clock.move(minutes=2)
    with desk.begin() as uow:
        uow.outbox.card("low_stock:19", low("changed"), version=2)
    work(desk)
    [row] = desk.query(sa.select(cards).where(cards.c.key == "low_stock:19"))
    assert (row.version, row.message_id is not None) == (2, True)


def test_a_gathering_of_one_shows_that_alert_instead(desk: TestDesk) -> None:
    publish(desk, 16)
    assert work(desk) == {"NoneType": 15}
    desk.clock.move(seconds=15)
    assert work(desk) == {"Superseded": 1, "NoneType": 1}
    assert count(desk, jobs.c.message == "low_stock_card", jobs.c.state == "done") == 16


def test_what_an_earlier_attempt_may_have_said_stays_as_it_was_said(desk: TestDesk) -> None:
    publish(desk, 20)
    work(desk)
    desk.clock.move(seconds=15)
    [job] = claim(desk)
    with desk.store.engine.begin() as connection:
        tx = transaction(desk, connection)
        assert admit(job, tx) is None
        assert tx.jobs.later(job, at=tx.now, error="lost", in_doubt=True)
    publish(desk, 10, first=100)
    work(desk)
    assert next(one.total for one in gathering(desk)) == 5
    assert count(desk, jobs.c.state == "gathered") == 15


def test_an_approval_neither_waits_behind_alerts_nor_is_counted(desk: TestDesk) -> None:
    desk.execute(sa.text("UPDATE chats SET address = 'C0STOCK' WHERE topic = 'returns'"))
    publish(desk, 100)
    with desk.begin() as uow:
        uow.outbox.card("return:R-1", any_message(ReturnCard, "R-1"), version=1)
    first = claim(desk, limit=2)
    assert {job.payload["message"] for job in first} == {"low_stock_card", "return_card"}
    for job in first:
        assert admitted(desk, job) is None


def test_an_edit_of_a_shown_card_needs_no_place_in_the_budget(desk: TestDesk) -> None:
    publish(desk, 15)
    work(desk)
    with desk.begin() as uow:
        for number in range(15):
            uow.outbox.card(f"low_stock:{number}", low("changed"), version=2)
    assert work(desk) == {"NoneType": 15}


def test_the_newest_version_is_shown_in_the_place_of_the_oldest_that_waits(desk: TestDesk) -> None:
    with desk.begin() as uow:
        for version in (1, 2, 3):
            uow.outbox.card("low_stock:7", low(f"v{version}"), version=version)
    [job] = claim(desk)
    assert admitted(desk, job) is None
    rows = [row for row in desk.outbox_rows() if row.card == "low_stock:7"]
    assert [row.state for row in rows] == ["done", "superseded", "superseded"]
    assert rows[0].payload["version"] == 3
    assert desk.query(sa.select(cards.c.version).where(cards.c.key == "low_stock:7"))[0][0] == 3


def test_a_newer_version_waits_for_an_older_one_under_way(desk: TestDesk) -> None:
    publish(desk, 1)
    [older] = claim(desk)
    desk.execute(sa.update(cards).values(message_id="m1"))  # as if it had been shown before
    with desk.begin() as uow:
        uow.outbox.card("low_stock:0", low("v2"), version=2)
    [newer] = claim(desk)
    assert isinstance(admitted(desk, newer), Later)
    assert admitted(desk, older) is None


def test_an_older_version_is_left_out_when_a_newer_one_is_shown(desk: TestDesk) -> None:
    publish(desk, 1)
    desk.execute(sa.update(cards).values(message_id="m1", version=5))
    [job] = claim(desk)
    assert isinstance(admitted(desk, job), Superseded)


@pytest.mark.parametrize("kind", ["say.slack"])
def test_a_note_waits_for_its_card_and_is_said_alone_if_that_never_came(desk: TestDesk, kind: str) -> None:
    with desk.begin() as uow:
        uow.outbox.card("return:R-1", any_message(ReturnCard, "R-1"), version=1)
        uow.outbox.note("return:R-1", low("news"), once="n")
    [card, note] = claim(desk)
    assert isinstance(admitted(desk, note), Later)
    with desk.store.engine.begin() as connection:
        assert transaction(desk, connection).jobs.bury(card, "gone")
    desk.clock.move(seconds=2)
    [note] = claim(desk)
    assert (note.kind, admitted(desk, note)) == (kind, None)


def test_lanes_are_told_apart_by_chat_and_class(desk: TestDesk) -> None:
    publish(desk, 1)
    with desk.begin() as uow:
        uow.outbox.card("return:R-1", any_message(ReturnCard, "R-1"), version=1)
    assert {row.lane for row in desk.outbox_rows()} == {"slack:C0STOCK:alert", "slack:C0RETURNS:approval"}


def test_of_two_processes_that_want_a_channels_last_place_one_is_shown(desk: TestDesk) -> None:
    if is_sqlite(desk.store.engine):
        pytest.skip("one writer")
    publish(desk, 1)
    [job] = claim(desk)
    taken = list[int | None]()
    with desk.store.engine.begin() as connection:
        while (left := GatheringRows(connection, desk.clock.now())._take_place(job)) != 1:
            assert left is not None
    with ThreadPoolExecutor(1) as other:
        with desk.store.engine.begin() as connection:
            assert GatheringRows(connection, desk.clock.now())._take_place(job) == 0

            def late() -> None:
                with desk.store.engine.begin() as connection:
                    connection.exec_driver_sql("SET lock_timeout = 0")
                    taken.append(GatheringRows(connection, desk.clock.now())._take_place(job))

            waits = other.submit(late)
            with pytest.raises(TimeoutError):
                waits.result(timeout=0.5)  # it has seen the place free, and waits for our row
        waits.result(timeout=60)
    assert taken == [None]
