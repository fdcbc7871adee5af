"""The way out: every letter once, in its lane's order and pace; a broken, hanging or unknown one holds up no other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
import sqlalchemy as sa

from domain.jobs import Job, NotKnownHere, Transaction
from domain.outcomes import Done, Failed, Gathered, Later, Outcome, Superseded, Turn, Unknown
from notifications.delivery import LEASE, Delivery
from storage.tables import jobs, lanes
from tests.desk import TestDesk
from tests.waiting import until


@dataclass(kw_only=True)
class Paper:
    """A carrier that writes down what it carries, and does with it as told."""

    kind: str = "say.paper"
    gap: timedelta = timedelta()
    does: Callable[[Job], Awaitable[Outcome]] | None = None
    admits: Callable[[Job], Outcome | None] = lambda job: None
    breaks: Callable[[Job, Outcome], None] = lambda job, outcome: None
    carried: list[str] = field(default_factory=list)
    settled: list[tuple[str, str]] = field(default_factory=list)

    def gaps(self, job: Job) -> Mapping[str, timedelta]:
        return {job.lane: self.gap} if self.gap else {}

    async def carry(self, job: Job, turn: Turn) -> Outcome:
        await turn()
        self.carried.append(job.key)
        return Done(receipt={"message_id": job.key}) if self.does is None else await self.does(job)

    def admit(self, job: Job, transaction: Transaction) -> Outcome | None:
        transaction.jobs.hold(f"admitted:{job.key}", until=transaction.now)
        return self.admits(job)

    def settle(self, job: Job, outcome: Outcome, transaction: Transaction) -> None:
        transaction.jobs.hold(f"settled:{job.key}", until=transaction.now)
        self.breaks(job, outcome)
        self.settled.append((job.key, type(outcome).__name__))


def delivery_of(desk: TestDesk, *carriers: Paper, owner: str = "one") -> Delivery:
    async def sleep(seconds: float) -> None:
        desk.clock.move(seconds=seconds)
        await asyncio.sleep(0)

    return Delivery(
        engine=desk.store, carriers={one.kind: one for one in carriers}, owner=owner, sleep=sleep, poll_seconds=0.01
    )


async def write(desk: TestDesk, *keys: str, lane: str = "", kind: str = "say.paper") -> None:
    def whole(transaction: Transaction) -> None:
        for key in keys:
            transaction.jobs.add(key=key, kind=kind, payload={}, due_at=transaction.now, lane=lane)

    await desk.store.write(whole)


async def until_quiet(delivery: Delivery) -> None:
    """Steps until nothing is due, each with what it started."""
    while await delivery.step() or delivery._under_way:
        if delivery._under_way:
            await asyncio.wait(delivery._under_way)


def states(desk: TestDesk) -> dict[str, str]:
    return {row.key: row.state for row in desk.outbox_rows()}


def one(desk: TestDesk, key: str) -> sa.Row[tuple[object, ...]]:
    return desk.query(sa.select(jobs).where(jobs.c.key == key))[0]


def written(desk: TestDesk) -> set[str]:
    return {row.key.removeprefix("settled:") for row in desk.query(sa.select(lanes)) if row.key.startswith("settled:")}


async def test_a_lane_goes_out_in_order_at_its_pace_and_lanes_side_by_side(desk: TestDesk) -> None:
    sent = list[tuple[str, datetime]]()

    async def note(job: Job) -> Outcome:
        sent.append((job.key, desk.clock.now()))
        return Done()

    paper = Paper(gap=timedelta(seconds=1), does=note)
    await write(desk, "a1", "a2", "a3", lane="a")
    await write(desk, "b1", "b2", lane="b")
    delivery = delivery_of(desk, paper)
    for _ in range(60):
        await until_quiet(delivery)
        desk.clock.move(milliseconds=50)
    for lane in "ab":
        moments = [at for key, at in sent if key.startswith(lane)]
        assert [key for key, _ in sent if key.startswith(lane)] == [f"{lane}{n + 1}" for n in range(len(moments))]
        assert all(after - before >= paper.gap for before, after in pairwise(moments))
    assert [row.attempts for row in desk.outbox_rows()] == [1] * 5, "waiting for a turn is no attempt"
    assert len(sent) == 5


async def test_a_place_goes_to_whoever_must_be_final_first(desk: TestDesk) -> None:
    class OneChannel(Paper):
        def gaps(self, job: Job) -> Mapping[str, timedelta]:
            return {"channel": timedelta(seconds=1)}

    paper = OneChannel()
    await write(desk, *(f"alert{number}" for number in range(5)), lane="alerts")
    delivery = delivery_of(desk, paper)
    await until_quiet(delivery)

    def approval(transaction: Transaction) -> None:
        transaction.jobs.add(
            key="approval", kind="say.paper", payload={}, due_at=transaction.now, lane="urgent",
            within=timedelta(seconds=60),
        )

    await desk.store.write(approval)
    for _ in range(40):
        await until_quiet(delivery)
        desk.clock.move(milliseconds=200)
    assert paper.carried.index("approval") <= 2
    assert len(paper.carried) == 6


async def test_the_mark_and_the_attempt_stand_before_the_wire(desk: TestDesk) -> None:
    seen = list[tuple[bool, int]]()

    async def look(job: Job) -> Outcome:
        row = one(desk, job.key)
        seen.append((row.sending, row.attempts))
        return Done()

    await write(desk, "a")
    await until_quiet(delivery_of(desk, Paper(does=look)))
    assert seen == [(True, 1)]


@pytest.mark.parametrize(
    ("outcome", "state", "in_doubt", "attempts"),
    [
        (Done(), "done", False, 1), (Superseded(), "superseded", False, 1), (Failed(reason="no"), "dead", False, 1),
        (Later(wait=timedelta(hours=1), reason="busy"), "open", False, 1),
        (Later(wait=timedelta(hours=1), reason="busy", counts=False), "open", False, 0),
        (Unknown(reason="cut"), "open", True, 1),
    ],
)
async def test_each_outcome_leaves_its_mark(
    desk: TestDesk, outcome: Outcome, state: str, in_doubt: bool, attempts: int
) -> None:
    async def give(job: Job) -> Outcome:
        return outcome

    await write(desk, "a")
    paper = Paper(does=give)
    delivery = delivery_of(desk, paper)
    await delivery.step()
    await asyncio.wait(delivery._under_way)
    row = one(desk, "a")
    assert (row.state, row.sending, row.attempts, row.owner) == (state, in_doubt, attempts, None)
    assert paper.settled == [("a", type(outcome).__name__)]


async def test_one_settlement_that_breaks_undoes_none_of_the_others(desk: TestDesk) -> None:
    gate = asyncio.Event()

    async def together(job: Job) -> Outcome:
        await gate.wait()
        return Done()

    def breaks(job: Job, outcome: Outcome) -> None:
        if job.key == "bad":
            raise ZeroDivisionError

    paper = Paper(does=together, breaks=breaks)
    await write(desk, "a", "bad", "b")
    delivery = delivery_of(desk, paper)
    await delivery.step()
    gate.set()
    await asyncio.wait(delivery._under_way)
    assert states(desk) == {"a": "done", "bad": "open", "b": "done"}
    assert written(desk) == {"a", "b"}
    assert one(desk, "bad").sending, "it did go out: whoever takes it up again looks first"


async def test_what_can_never_be_settled_waits_for_a_person_in_the_end(desk: TestDesk) -> None:
    def breaks(job: Job, outcome: Outcome) -> None:
        raise ZeroDivisionError

    await write(desk, "a")
    delivery = delivery_of(desk, Paper(breaks=breaks))
    for _ in range(14):
        await until_quiet(delivery)
        desk.clock.move(seconds=60)
    row = one(desk, "a")
    assert (row.state, "ZeroDivisionError" in row.error) == ("dead", True)


async def test_a_carrier_that_hangs_is_broken_off_and_its_outcome_unknown(
    desk: TestDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(job: Job) -> Outcome:
        if job.key == "hangs":
            await asyncio.Event().wait()
        return Done()

    delivery = delivery_of(desk, Paper(does=hang))
    await write(desk, "hangs", lane="bad")
    with monkeypatch.context() as short:
        short.setattr("notifications.delivery.CARRY", timedelta(milliseconds=50))
        await until_quiet(delivery)
    await write(desk, "a", "b", lane="good")
    await until_quiet(delivery)
    assert states(desk) == {"hangs": "open", "a": "done", "b": "done"}
    assert (one(desk, "hangs").sending, one(desk, "hangs").error) == (True, "not done within 0 s")


async def test_a_platform_that_hangs_holds_up_no_other(desk: TestDesk) -> None:
    async def hang(job: Job) -> Outcome:
        await asyncio.Event().wait()
        raise AssertionError

    await write(desk, *(f"p{number:03}" for number in range(100)))
    await write(desk, "refund", kind="refund")
    delivery = delivery_of(desk, Paper(does=hang), Paper(kind="refund"))
    async with asyncio.timeout(60):
        while states(desk)["refund"] != "done":
            await delivery.step()
            await asyncio.sleep(0.01)
    hanging = [job for job in delivery._under_way.values() if job.kind == "say.paper"]
    assert len(hanging) == 32, "no more of one kind at once"
    for task in delivery._under_way:
        task.cancel()
    await asyncio.wait(delivery._under_way)


async def test_nothing_is_sent_once_the_lease_is_nearly_over(desk: TestDesk) -> None:
    paper = Paper()
    await write(desk, "a")
    delivery = delivery_of(desk, paper)

    await delivery.step()
    desk.clock.move(seconds=29)  # frozen before its first word
    await asyncio.wait(delivery._under_way)
    assert paper.carried == []
    row = one(desk, "a")
    assert (row.state, row.sending, row.attempts) == ("open", False, 0), "it never left, so nothing is in doubt"


class Suspends(Paper):
    """Before its turn it lets time pass as it is told."""

    before: Callable[[], None] = lambda: None

    async def carry(self, job: Job, turn: Turn) -> Outcome:
        self.before()
        return await super().carry(job, turn)


@pytest.mark.parametrize(("passes", "said"), [(14, ["a"]), (16, [])])
async def test_a_call_leaves_only_if_it_is_over_before_the_lease_is(desk: TestDesk, passes: int, said: list[str]) -> None:
    paper = Suspends()
    paper.before = lambda: desk.clock.move(seconds=passes)
    await write(desk, "a")
    delivery = delivery_of(desk, paper)
    await delivery.step()
    await asyncio.wait(delivery._under_way)
    assert paper.carried == said
    assert not one(desk, "a").sending, "it never left, so nothing is in doubt"


async def test_a_suspended_machine_says_nothing_that_another_says(desk: TestDesk) -> None:
    paper, other = Suspends(), Paper()
    paper.before = lambda: desk.clock.move(hours=1)
    await write(desk, "a")
    suspended = delivery_of(desk, paper)
    suspended.seconds = lambda: 5.0  # a monotonic clock stands still meanwhile
    await suspended.step()
    await asyncio.wait(suspended._under_way)
    await until_quiet(delivery_of(desk, other, owner="other"))
    desk.clock.move(minutes=1)
    await until_quiet(delivery_of(desk, other, owner="other"))
    assert (paper.carried, other.carried) == ([], ["a"])


async def test_a_frozen_process_writes_nothing_over_whoever_took_over(desk: TestDesk) -> None:
    gate = asyncio.Event()

    async def slow(job: Job) -> Outcome:
        await gate.wait()
        return Failed(reason="too late")

    await write(desk, "a")
    paper, other = Paper(does=slow), Paper()
    frozen = delivery_of(desk, paper, owner="frozen")
    await frozen.step()
    await until(lambda: paper.carried)
    desk.clock.move(seconds=LEASE.total_seconds() + 1)
    await until_quiet(delivery_of(desk, other, owner="other"))
    gate.set()
    await asyncio.wait(frozen._under_way)
    assert states(desk) == {"a": "done"}
    assert other.settled == [("a", "Done")]


async def test_after_twelve_attempts_it_waits_for_a_person(desk: TestDesk) -> None:
    async def never(job: Job) -> Outcome:
        return Later(wait=timedelta(seconds=1), reason="busy")

    paper = Paper(does=never)
    await write(desk, "a")
    delivery = delivery_of(desk, paper)
    for _ in range(20):
        await until_quiet(delivery)
        desk.clock.move(seconds=2)
    assert len(paper.carried) == 12
    assert (one(desk, "a").state, one(desk, "a").error) == ("dead", "given up after too many attempts")
    assert paper.settled[-1] == ("a", "Failed")


async def test_a_job_that_kills_its_process_takes_no_other_to_the_limit(desk: TestDesk) -> None:
    """Each process dies while the poison is under way; the innocent come through within three attempts."""
    keys = [f"k{number}" for number in range(8)]
    await write(desk, *keys[:4], "poison", *keys[4:])

    async def dies(job: Job) -> Outcome:
        if job.key == "poison":
            await asyncio.sleep(0.02)
            raise asyncio.CancelledError  # and with it everything that is under way
        await asyncio.sleep(0.1)
        return Done()

    for life in range(16):
        delivery = delivery_of(desk, Paper(does=dies), owner=f"life {life}")
        while await delivery.step() or delivery._under_way:
            done, rest = await asyncio.wait(delivery._under_way, return_when=asyncio.FIRST_COMPLETED)
            if any(task.cancelled() for task in done):
                for task in rest:
                    task.cancel()
                await asyncio.sleep(0)
                break
        desk.clock.move(seconds=LEASE.total_seconds() + 1)
    found = {row.key: (row.state, row.attempts) for row in desk.outbox_rows()}
    assert found.pop("poison")[0] == "dead"
    assert {state for state, _ in found.values()} == {"done"}
    assert max(attempts for _, attempts in found.values()) <= 3


async def test_a_message_of_a_newer_version_is_left_for_it_and_given_up_after_a_day(desk: TestDesk) -> None:
    async def unknown(job: Job) -> Outcome:
        raise NotKnownHere("this version knows no message pigeon")

    await write(desk, "a")
    delivery = delivery_of(desk, Paper(does=unknown))
    for _ in range(30):
        await until_quiet(delivery)
        desk.clock.move(minutes=2)
    row = one(desk, "a")
    assert (row.state, row.sending, row.attempts) == ("open", False, 0)
    desk.clock.move(days=1)
    await until_quiet(delivery)
    assert (one(desk, "a").state, one(desk, "a").error) == ("dead", "this version knows no message pigeon")


async def test_one_that_breaks_before_the_wire_holds_up_nobody_and_waits_for_a_person_in_the_end(desk: TestDesk) -> None:
    def admits(job: Job) -> Outcome | None:
        if job.key == "bad":
            raise KeyError("address")
        return None

    paper = Paper(admits=admits)
    await write(desk, "bad", "a")
    delivery = delivery_of(desk, paper)
    await until_quiet(delivery)
    assert states(desk) == {"a": "done", "bad": "open"}
    assert one(desk, "bad").error == "KeyError before the wire"
    for _ in range(14):
        desk.clock.move(minutes=20)
        await until_quiet(delivery)
    assert (one(desk, "bad").state, one(desk, "bad").attempts) == ("dead", 13)
    assert paper.carried == ["a"]


async def test_what_is_settled_before_the_wire_takes_no_place_and_is_not_carried(desk: TestDesk) -> None:
    paper = Paper(gap=timedelta(seconds=1), admits=lambda job: Gathered(into=7) if job.key == "a1" else None)
    await write(desk, "a1", "a2", lane="a")
    await until_quiet(delivery_of(desk, paper))
    assert paper.carried == ["a2"], "the lane's place was not taken"
    assert (one(desk, "a1").state, one(desk, "a1").outcome) == ("gathered", {"into": 7})
    assert ("a1", "Gathered") in paper.settled


async def test_a_hold_that_comes_while_a_place_is_waited_for_is_obeyed(desk: TestDesk) -> None:
    paper = Paper(gap=timedelta(milliseconds=200))
    await write(desk, "a1", "a2", lane="a")
    delivery = delivery_of(desk, paper)

    async def sleep(seconds: float) -> None:
        if seconds > 0.01:
            await desk.store.write(lambda one: one.jobs.hold("a", until=one.now + timedelta(seconds=30)))
        desk.clock.move(seconds=seconds)

    delivery.sleep = sleep
    await until_quiet(delivery)
    assert paper.carried == ["a1"]
    row = one(desk, "a2")
    assert (row.state, row.attempts, row.sending) == ("open", 0, False)
    assert row.due_at > desk.clock.now() + timedelta(seconds=29)


async def test_an_outcome_is_written_once_the_database_is_back(desk: TestDesk) -> None:
    delivery = delivery_of(desk, Paper())
    away = [sa.text("ALTER TABLE jobs RENAME TO jobs_away"), sa.text("ALTER TABLE jobs_away RENAME TO jobs")]

    async def cut(job: Job) -> Outcome:
        desk.execute(away[0])
        return Done()

    async def sleep(seconds: float) -> None:
        if seconds == 1.0:
            desk.execute(away[1])
        await asyncio.sleep(0)

    delivery.carriers = {"say.paper": Paper(does=cut)}
    await write(desk, "a")
    delivery.sleep = sleep
    await delivery.step()
    await asyncio.wait(delivery._under_way)
    assert states(desk) == {"a": "done"}


async def test_the_loop_wakes_for_new_work_and_ends_with_what_is_under_way(desk: TestDesk) -> None:
    paper = Paper()
    delivery = delivery_of(desk, paper)
    delivery.poll_seconds = 60
    task = asyncio.create_task(delivery.run())
    await asyncio.sleep(0.05)
    await write(desk, "a")
    delivery.wake.set()
    async with asyncio.timeout(60):
        while not paper.settled:
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert states(desk) == {"a": "done"}


async def test_a_lost_notice_costs_only_the_time_until_the_next_look(
    desk: TestDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.unit_of_work.notify", lambda connection, kinds: None)
    paper = Paper()
    delivery = delivery_of(desk, paper)
    task = asyncio.create_task(delivery.run())
    await asyncio.sleep(0.1)
    await write(desk, "a")  # and nobody sets delivery.wake
    async with asyncio.timeout(60):
        while not paper.settled:
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait({task})
    assert states(desk) == {"a": "done"}


async def test_no_second_abandoned_job_is_under_way_beside_the_first(desk: TestDesk) -> None:
    gate = asyncio.Event()

    async def slow(job: Job) -> Outcome:
        await gate.wait()
        return Done()

    await write(desk, "a", "b")
    first = Paper(does=slow)
    await delivery_of(desk, first, owner="dies").step()
    async with asyncio.timeout(60):
        while len(first.carried) < 2:
            await asyncio.sleep(0.005)
    desk.clock.move(seconds=LEASE.total_seconds() + 1)
    delivery = delivery_of(desk, Paper(does=slow), owner="next")
    await delivery.step()
    await delivery.step()
    assert [job.abandoned for job in delivery._under_way.values()] == [True]
    gate.set()
    await until_quiet(delivery)
    assert states(desk) == {"a": "done", "b": "done"}
