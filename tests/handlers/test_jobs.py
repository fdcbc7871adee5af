"""fire(): every schedule once for each slot, whatever dies in between; and the worker that never loses an event."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from domain.errors import OpsError
from domain.jobs import Job, Received, Transaction
from handlers.jobs import SCHEDULES, Schedule, Worker, fire, plan, schedules
from storage import shop_file
from storage.jobs import JobRows
from storage.tables import inbox, jobs, shops
from tests.desk import TestDesk, shop_file_of

pytestmark = pytest.mark.asyncio


async def until_quiet(worker: Worker) -> None:
    while await worker.step():
        pass


def due(desk: TestDesk, name: str) -> list[datetime]:
    found = [row for row in desk.outbox_rows("fire") if row.payload["name"] == name and row.state == "open"]
    return [row.due_at for row in found]


async def test_planning_twice_plans_once(shop: TestDesk) -> None:
    for _ in range(2):
        await shop.store.write(plan)
    assert sorted(row.payload["name"] for row in shop.outbox_rows("fire")) == sorted(one.name for one in SCHEDULES)


async def test_a_run_writes_the_next_one(shop: TestDesk, worker: Worker) -> None:
    await shop.store.write(plan)
    (first,) = due(shop, "stock")
    shop.clock.moment = first
    await until_quiet(worker)
    (second,) = due(shop, "stock")
    assert second - first == timedelta(minutes=15)


async def test_the_digest_is_posted_once_for_each_local_date(shop: TestDesk, worker: Worker) -> None:
    await shop.store.write(plan)
    (first,) = due(shop, "digest")
    assert first == datetime(2026, 11, 24, 7, 0, tzinfo=UTC), "08:00 in Berlin"
    for _ in range(3 * 24 * 2):
        shop.clock.move(minutes=30)
        await until_quiet(worker)
    assert [row["fields"]["figures"]["day"]["date"] for row in shop.said("digest")] == ["2026-11-23", "2026-11-24", "2026-11-25"]


async def test_a_desk_that_was_down_for_days_posts_one_digest_not_one_for_each_day(
    shop: TestDesk, worker: Worker
) -> None:
    await shop.store.write(plan)
    shop.clock.move(days=4)
    await until_quiet(worker)
    assert [row["fields"]["figures"]["day"]["date"] for row in shop.said("digest")] == ["2026-11-26"]
    (following,) = due(shop, "digest")
    assert following == datetime(2026, 11, 28, 7, 0, tzinfo=UTC)


async def test_an_hour_that_changes_is_followed_without_a_second_digest_that_day(shop: TestDesk, worker: Worker) -> None:
    await shop.store.write(plan)
    shop.clock.moment = datetime(2026, 11, 24, 7, 1, tzinfo=UTC)
    await until_quiet(worker)
    settings = shop.query(sa.select(shops.c.settings))[0].settings
    shop.execute(sa.update(shops).values(settings={**settings, "digest_at": "11:30"}))
    await shop.store.write(plan)
    shop.clock.moment = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
    await until_quiet(worker)
    assert len(shop.said("digest")) == 1


async def test_an_hour_moved_to_later_is_kept_and_the_schedule_goes_on(shop: TestDesk, worker: Worker) -> None:
    """Tomorrow's run stands at the old hour; the new one falls on the same date, whose slot is that run's own."""
    await shop.store.write(plan)
    shop.clock.moment = datetime(2026, 11, 24, 7, 1, tzinfo=UTC)
    await until_quiet(worker)
    settings = shop.query(sa.select(shops.c.settings))[0].settings
    shop.execute(sa.update(shops).values(settings={**settings, "digest_at": "11:30"}))
    shop.clock.moment = datetime(2026, 11, 25, 7, 1, tzinfo=UTC)
    await until_quiet(worker)
    assert len(shop.said("digest")) == 1, "not before its new hour"
    assert due(shop, "digest") == [datetime(2026, 11, 25, 10, 30, tzinfo=UTC)]
    for day in (25, 26, 27):
        shop.clock.moment = datetime(2026, 11, day, 10, 31, tzinfo=UTC)
        await until_quiet(worker)
    assert len(shop.said("digest")) == 4


async def test_an_hour_that_comes_twice_in_autumn_does_not_end_the_schedule(shop: TestDesk, worker: Worker) -> None:
    settings = shop.query(sa.select(shops.c.settings))[0].settings
    shop.execute(sa.update(shops).values(settings={**settings, "digest_at": "02:30"}))
    shop.clock.moment = datetime(2026, 10, 24, 12, 0, tzinfo=UTC)
    await shop.store.write(plan)
    for _ in range(24 * 3):
        shop.clock.move(hours=1)
        await until_quiet(worker)
    days = [row["fields"]["figures"]["day"]["date"] for row in shop.said("digest")]
    assert days == ["2026-10-24", "2026-10-25", "2026-10-26"]


async def test_a_clock_that_was_put_back_does_not_end_the_schedule(shop: TestDesk, worker: Worker) -> None:
    await shop.store.write(plan)
    shop.clock.moment = datetime(2026, 11, 24, 7, 1, tzinfo=UTC)
    await until_quiet(worker)
    digests = jobs.c.lane == "schedule:digest:nordlicht"
    shop.execute(sa.delete(jobs).where(digests, jobs.c.state == "open"))
    shop.clock.moment = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
    await shop.store.write(plan)
    assert due(shop, "digest") == [datetime(2026, 11, 25, 7, 0, tzinfo=UTC)], "the 24th had its digest"


async def test_a_schedule_that_this_version_does_not_know_is_left_alone(shop: TestDesk, worker: Worker) -> None:
    def newer(transaction: Transaction) -> None:
        transaction.jobs.add(
            key="schedule:forecast:nordlicht:1", kind="fire", due_at=transaction.now, lane="schedule:forecast:nordlicht",
            payload={"name": "forecast", "shop": "nordlicht", "due": transaction.now.isoformat()},
        )

    await shop.store.write(newer)
    for _ in range(30):
        await until_quiet(worker)
        shop.clock.move(minutes=1)
    (row,) = [row for row in shop.outbox_rows("fire") if row.payload["name"] == "forecast"]
    assert (row.state, row.attempts) == ("open", 0)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe", "Africa/Casablanca", "Pacific/Apia"])
async def test_every_local_date_has_one_slot_over_two_years(shop: TestDesk, zone: str) -> None:
    shop.execute(sa.update(shops).values(time_zone=zone, settings={"digest_at": "02:30"}))
    digest = next(one for one in SCHEDULES if one.name == "digest")
    local, moment, slots = shop.shop, datetime(2025, 1, 1, tzinfo=UTC), list[str]()
    while moment < datetime(2027, 1, 1, tzinfo=UTC):
        moment = digest.after(local, moment)
        slots.append(digest.slot(local, moment))
    first = date.fromisoformat(slots[0])
    # Where 02:30 is skipped in spring the digest falls on the next moment; where it comes twice, the key counts one.
    assert sorted(set(slots)) == [(first + timedelta(days=number)).isoformat() for number in range(len(set(slots)))]


async def test_an_occurrence_that_breaks_comes_again_and_the_event_is_not_lost(
    shop: TestDesk, worker: Worker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken = [True]

    def run(uow: object, day: date) -> None:
        del uow, day
        if broken[0]:
            raise ZeroDivisionError
        ran.append(True)

    ran = list[bool]()
    schedule = Schedule(name="stock", trigger=SCHEDULES[0].trigger, run=run)
    monkeypatch.setattr(schedules, "_BY_NAME", {**schedules._BY_NAME, "stock": schedule})
    await shop.store.write(plan)
    shop.clock.move(minutes=15)
    await worker.step()
    assert "ZeroDivisionError" in caplog.text
    (again,) = due(shop, "stock")
    assert again > shop.clock.now()
    broken[0] = False
    shop.clock.moment = again
    await until_quiet(worker)
    assert ran == [True]


async def test_a_schedule_that_a_rule_refuses_comes_again(
    shop: TestDesk, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(uow: object, day: date) -> None:
        raise OpsError("Not today.")

    schedule = Schedule(name="stock", trigger=SCHEDULES[0].trigger, run=refuse)
    monkeypatch.setattr(schedules, "_BY_NAME", {**schedules._BY_NAME, "stock": schedule})
    await shop.store.write(plan)
    shop.clock.move(minutes=15)
    await worker.step()
    (row,) = [row for row in shop.outbox_rows("fire") if row.payload["name"] == "stock"]
    assert (row.state, row.error) == ("open", "Not today.")


async def test_a_trigger_that_never_fires_again_is_an_error_not_silence(shop: TestDesk) -> None:
    class Never:
        def get_next_fire_time(self, previous: datetime | None, now: datetime) -> None:
            return None

    schedule = Schedule(name="x", trigger=lambda shop: Never(), run=lambda uow, day: None)
    with pytest.raises(RuntimeError, match="never due"):
        schedule.after(shop.shop, shop.clock.now())


async def test_two_workers_run_an_occurrence_once(shop: TestDesk, worker: Worker) -> None:
    other = Worker(engine=shop.store, sources=worker.sources, owner="other", sleep=worker.sleep)
    await shop.store.write(plan)
    shop.clock.move(days=1)
    await asyncio.gather(until_quiet(worker), until_quiet(other), until_quiet(worker))
    assert len(shop.said("digest")) == 1
    keys = [row.key for row in shop.outbox_rows("fire")]
    assert len(keys) == len(set(keys))


async def test_a_worker_that_lost_its_lease_settles_nothing(shop: TestDesk) -> None:
    await shop.store.write(plan)
    shop.clock.move(days=1)

    def claim(owner: str) -> Job:
        with shop.store.engine.begin() as connection:
            rows, claimed = JobRows(connection, shop.clock.now()), list[Job]()
            while more := rows.claim(kinds=("fire",), owner=owner, limit=10, lease=timedelta(seconds=30)):
                claimed += more  # abandoned jobs come one at a time
        return next(one for one in claimed if one.payload["name"] == "digest")

    first = claim("first")
    shop.clock.move(seconds=31)
    second = claim("second")
    assert not await shop.store.write(lambda transaction: transaction.jobs.done(first))

    def whole(transaction: Transaction) -> bool:
        if done := transaction.jobs.done(second):
            fire(second, transaction)
        return done

    assert await shop.store.write(whole)
    assert not await shop.store.write(whole)
    assert len(shop.said("digest")) == 1


class _Source:
    """A source that breaks as told."""

    source = "broken"

    def __init__(self, error: Exception, *, refusing: Exception | None = None) -> None:
        self.error, self.refusing, self.told = error, refusing, list[str]()

    def work(self, received: Received, transaction: Transaction) -> None:
        raise self.error

    def refuse(self, received: Received, error: OpsError, transaction: Transaction) -> None:
        self.told.append(error.sentence)
        if self.refusing:
            raise self.refusing


async def keep(desk: TestDesk, key: str = "1") -> None:
    await desk.store.write(lambda transaction: transaction.inbox.keep("broken", key, b"{}"))


async def test_a_refused_event_is_said_to_whoever_sent_it_and_kept(shop: TestDesk, worker: Worker) -> None:
    source = _Source(OpsError("No such order."))
    worker.sources = (source,)
    await keep(shop)
    await until_quiet(worker)
    assert source.told == ["No such order."]
    (row,) = shop.query(sa.select(inbox))
    assert (row.error, row.worked_at) == ("No such order.", shop.clock.now())


async def test_where_nobody_can_be_told_the_event_is_still_closed_with_its_reason(
    shop: TestDesk, worker: Worker
) -> None:
    worker.sources = (_Source(OpsError("No such order."), refusing=OpsError("Nor such a person.")),)
    await keep(shop)
    await until_quiet(worker)
    (row,) = shop.query(sa.select(inbox))
    assert row.error == "No such order."
    assert [job.state for job in shop.outbox_rows("learn")] == ["done"]


async def test_an_event_that_always_breaks_is_given_up_after_ten_tries_and_kept(
    shop: TestDesk, worker: Worker
) -> None:
    worker.sources = (_Source(ZeroDivisionError()),)
    await keep(shop)
    for number in range(12):
        await worker.step()
        (row,) = shop.outbox_rows("learn")
        assert row.state == ("open" if number < 9 else "dead")
        shop.clock.move(hours=1)
    (row,) = shop.query(sa.select(inbox))
    assert (row.error, json.loads(row.body)) == ("ZeroDivisionError", {})


async def test_an_event_alone_is_worked_off_at_once_and_the_next_ones_come_together(
    shop: TestDesk, worker: Worker
) -> None:
    source, moment = _Source(OpsError("No.")), asyncio.Event()

    async def sleep(_seconds: float) -> None:
        await moment.wait()

    async def told(number: int) -> None:
        async with asyncio.timeout(60):
            while len(source.told) < number:
                await asyncio.sleep(0.01)

    worker.sleep, worker.sources, worker.poll_seconds = sleep, (source,), 0.01
    task = asyncio.create_task(worker.run())
    await keep(shop, "1")
    await told(1)
    await keep(shop, "2")
    await keep(shop, "3")
    await asyncio.sleep(0.1)
    assert len(source.told) == 1, "the next look waits a moment"
    moment.set()
    await told(3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_loop_outlives_a_database_that_is_away_and_ends_when_cancelled(
    shop: TestDesk, worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    slept = list[float]()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if seconds == 2:
            shop.execute(sa.text("ALTER TABLE jobs_away RENAME TO jobs"))

    worker.sleep, worker.poll_seconds = sleep, 0.01
    await keep(shop)
    worker.sources = (_Source(OpsError("No.")),)
    shop.execute(sa.text("ALTER TABLE jobs RENAME TO jobs_away"))
    task = asyncio.create_task(worker.run())
    async with asyncio.timeout(60):
        while not shop.query(sa.select(inbox.c.error))[0].error:
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert slept.count(2) == 1
    assert "could not reach its jobs" in caplog.text
    assert shop.query(sa.select(jobs.c.state)) == [("done",)]


async def test_shops_are_not_all_due_at_once_but_each_digest_at_its_hour(shop: TestDesk) -> None:
    with shop.store.engine.begin() as connection:
        for number in range(19):
            shop_file.apply(connection, shop_file_of(f"shop-{number}"))
    await shop.store.write(plan)
    for name in ("stock", "parcels", "returns", "privacy"):
        moments = due(shop, name)
        assert len(set(moments)) == len(moments) == 20, name
    assert set(due(shop, "digest")) == {datetime(2026, 11, 24, 7, 0, tzinfo=UTC)}


async def test_an_occurrence_that_the_version_before_wrote_is_run_and_the_next_is_the_shops_own(
    shop: TestDesk, worker: Worker
) -> None:
    with shop.store.engine.begin() as connection:
        shop_file.apply(connection, shop_file_of("sued"))
    await shop.store.write(plan)
    shop.execute(sa.delete(jobs).where(jobs.c.lane != "schedule:stock:sued"))
    (own,) = due(shop, "stock")
    shop.clock.move(minutes=10)
    grid = shop.clock.now()
    assert grid.minute % 15 == 0
    assert own != grid
    shop.execute(sa.update(jobs).values(due_at=grid, payload={"name": "stock", "shop": "sued", "due": grid.isoformat()}))
    await until_quiet(worker)
    (following,) = due(shop, "stock")
    assert grid < following <= grid + timedelta(minutes=15)
    assert (following - own) % timedelta(minutes=15) == timedelta()
