"""A refused token: nothing given up, one letter at a time tries for all lanes and processes, and then all flow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
import sqlalchemy as sa

from domain.jobs import Job, Transaction
from domain.outcomes import Done, Failed, Later, Outcome, Turn, Unknown
from notifications.delivery import LEASE, Delivery
from notifications.pace import distance
from storage.jobs import JobRows
from storage.tables import jobs, lanes
from tests.desk import TestDesk
from tests.waiting import until

ALL = "paper:all"
WAIT = timedelta(seconds=60)
REFUSED = Later(wait=WAIT, reason="our token is refused", lane=ALL, shut=True, counts=False)


@dataclass
class Office:
    """The other side: what it was asked, when and by whom, and what it says."""

    desk: TestDesk
    says: Callable[[Job], Outcome] = lambda job: REFUSED
    asked: list[tuple[datetime, str, str]] = field(default_factory=list)
    #: an answer takes until this is set
    answers: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def moments(self) -> list[datetime]:
        return [at for at, _, _ in self.asked]


@dataclass(kw_only=True)
class Paper:
    """A carrier of one process; each job has a lane of its own with a pace, and all share one."""

    office: Office
    owner: str
    kind: str = "say.paper"

    def gaps(self, job: Job) -> Mapping[str, timedelta]:
        return {f"paper:{job.lane}": distance(1, timedelta(seconds=1)), ALL: timedelta(0)}

    def admit(self, job: Job, transaction: Transaction) -> Outcome | None:
        """Always."""

    async def carry(self, job: Job, turn: Turn) -> Outcome:
        await turn()
        self.office.asked.append((self.office.desk.clock.now(), self.owner, job.key))
        await self.office.answers.wait()
        await turn({"paper:looks": timedelta(0), ALL: timedelta(0)})  # a second call of the same letter
        return self.office.says(job)

    def settle(self, job: Job, outcome: Outcome, transaction: Transaction) -> None:
        """Nothing is left behind."""


@dataclass
class Processes:
    """Two deliveries on one database."""

    desk: TestDesk
    office: Office
    both: tuple[Delivery, ...]

    async def step(self) -> None:
        """Both at once, until neither finds anything due."""
        while any(await asyncio.gather(*(one.step() for one in self.both))):
            pass

    async def landed(self) -> None:
        for one in self.both:
            if one._under_way:
                await asyncio.wait(set(one._under_way))
        await asyncio.sleep(0)

    async def live(self, span: timedelta) -> None:
        """Time goes on from one due job to the next."""
        end = self.desk.clock.now() + span
        while True:
            await self.step()
            if any(one._under_way for one in self.both):
                await self.landed()
                continue
            now = sa.literal(self.desk.clock.now(), jobs.c.due_at.type)
            ready = sa.select(sa.func.min(jobs.c.due_at, type_=jobs.c.due_at.type)).where(
                jobs.c.state == "open", jobs.c.due_at > now
            )
            due = self.desk.query(ready)[0][0]
            if due is None or due > end:
                self.desk.clock.moment = end
                return
            self.desk.clock.moment = due

    def states(self) -> set[str]:
        return {row.state for row in self.desk.outbox_rows()}


@pytest.fixture
def two(desk: TestDesk) -> Processes:
    async def sleep(seconds: float) -> None:
        desk.clock.move(seconds=seconds)
        await asyncio.sleep(0)

    office = Office(desk)
    office.answers.set()
    return Processes(desk, office, tuple(
        Delivery(
            engine=desk.store, carriers={"say.paper": Paper(office=office, owner=owner)}, owner=owner, sleep=sleep,
        )
        for owner in ("one", "two")
    ))


async def write(desk: TestDesk, *keys: str) -> None:
    def whole(transaction: Transaction) -> None:
        for key in keys:
            transaction.jobs.add(key=key, kind="say.paper", payload={}, due_at=transaction.now, lane=f"lane:{key}")

    await desk.store.write(whole)


async def refused(two: Processes, *, letters: int) -> None:
    """Letters wait, and the first of them has been refused."""
    await write(two.desk, "first")
    await two.step()
    await two.landed()
    await write(two.desk, *(f"letter{number}" for number in range(letters)))
    two.office.asked.clear()


async def test_however_long_it_lasts_one_letter_a_minute_asks_over_all_lanes_and_none_is_given_up(two: Processes) -> None:
    await refused(two, letters=40)
    await two.live(timedelta(minutes=20))
    assert 19 <= len(two.office.asked) <= 20
    assert all(after - before >= WAIT for before, after in pairwise(two.office.moments))
    assert two.states() == {"open"}
    assert {row.attempts for row in two.desk.outbox_rows()} == {0}
    # Drawn by lot, 20 times among 41: 16 of them are to be expected, and fewer than 7 once in far more runs than there are.
    assert len({key for _, _, key in two.office.asked}) > 6, "not one letter for all: it alone may be what is refused"


async def test_while_one_tries_nobody_else_asks_and_once_it_came_through_all_follow_at_once(two: Processes) -> None:
    await refused(two, letters=40)
    two.office.answers.clear()
    two.office.says = lambda job: Done()
    two.desk.clock.move(seconds=63)
    await two.step()
    await until(lambda: two.office.asked)
    for _ in range(5):
        two.desk.clock.move(seconds=2)
        await two.step()
        await asyncio.sleep(0.02)
    assert len(two.office.asked) == 1
    two.office.answers.set()
    await two.landed()
    began = two.desk.clock.now()
    await two.live(timedelta(minutes=5))
    assert two.states() == {"done"}
    assert len(two.office.asked) == 41
    assert max(two.office.moments) - began <= timedelta(seconds=2)
    assert {owner for _, owner, _ in two.office.asked} == {"one", "two"}
    [lane] = two.desk.query(sa.select(lanes).where(lanes.c.key == ALL))
    assert (lane.shut, lane.held_until) == (False, None)


async def test_a_hold_that_a_trial_renews_is_as_long_as_the_first(two: Processes) -> None:
    await refused(two, letters=3)
    two.desk.clock.move(seconds=61)
    await two.step()
    await two.landed()
    [lane] = two.desk.query(sa.select(lanes).where(lanes.c.key == ALL))
    assert lane.shut
    assert timedelta(seconds=59) < lane.held_until - two.desk.clock.now() <= WAIT


async def test_a_process_that_dies_in_its_trial_lets_another_try_when_its_lease_is_over(two: Processes) -> None:
    await refused(two, letters=6)
    two.office.answers.clear()
    two.desk.clock.move(seconds=63)
    await two.step()
    await until(lambda: two.office.asked)
    for one in two.both:
        for task in [*one._under_way]:
            one._under_way.pop(task)
            task._opsbell_dead = True  # type: ignore[attr-defined]  it hangs for good, as a dead process would
    two.desk.clock.move(seconds=LEASE.total_seconds() - 2)
    await two.step()
    assert len(two.office.asked) == 1
    two.desk.clock.move(seconds=3)
    two.office.says = lambda job: Done()
    await two.step()
    await until(lambda: len(two.office.asked) > 1)
    assert len(two.office.asked) == 2


@pytest.mark.parametrize(
    ("outcome", "opens"),
    [
        (Failed(reason="the channel is gone", code="channel_not_found"), True),
        (Failed(reason="nobody knows whether it arrived"), False), (Unknown(reason="cut"), False),
        (Later(wait=timedelta(minutes=30), reason="cannot be reached"), False),
    ],
)
async def test_only_an_answer_of_the_other_side_opens(two: Processes, outcome: Outcome, opens: bool) -> None:
    await refused(two, letters=6)
    two.office.says = lambda job: outcome
    two.desk.clock.move(seconds=63)
    await two.step()
    await two.landed()
    [lane] = two.desk.query(sa.select(lanes).where(lanes.c.key == ALL))
    assert lane.shut is not opens
    await two.step()
    await two.landed()
    assert (len(two.office.asked) > 1) is opens


async def test_a_letter_that_is_refused_alone_keeps_no_other_back(two: Processes) -> None:
    two.office.says = lambda job: REFUSED if job.key == "first" else Done()
    await refused(two, letters=20)
    await two.live(timedelta(seconds=75))
    states = {row.key: row.state for row in two.desk.outbox_rows()}
    assert states.pop("first") == "open"
    assert set(states.values()) == {"done"}


async def test_a_few_letters_that_alone_are_refused_do_not_keep_it_shut(two: Processes) -> None:
    alone = {"first", "letter0", "letter1", "letter2"}
    two.office.says = lambda job: REFUSED if job.key in alone else Done()
    await refused(two, letters=20)
    await two.live(timedelta(minutes=10))
    assert {row.key for row in two.desk.outbox_rows() if row.state == "open"} == alone


async def test_letters_say_why_they_wait(two: Processes) -> None:
    await refused(two, letters=3)
    await two.step()
    assert {row.error for row in two.desk.outbox_rows() if row.key != "first"} == {"waiting until one letter has come through"}


def test_a_trial_opens_nothing_that_was_held_anew_meanwhile(desk: TestDesk) -> None:
    now = desk.clock.now()
    trial, anew = {ALL: now + LEASE}, now + WAIT
    with desk.store.engine.begin() as connection:
        rows = JobRows(connection, now)
        rows.hold(ALL, until=now, shut=True)
        rows.hold(ALL, until=now)
        assert rows.lanes([ALL])[ALL].shut, "a plain hold opens nothing"
        rows.try_lanes(trial)
        assert rows.held_lanes([ALL]) == trial
        rows.hold(ALL, until=anew, shut=True)
        assert rows.held_lanes([ALL]) == {ALL: anew}
        assert not rows.open_lanes(trial)
        assert rows.lanes([ALL])[ALL].shut
