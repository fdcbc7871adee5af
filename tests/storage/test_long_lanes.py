"""Behind a lane of any length every other lane's head is found, and the lane itself goes on in order."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from storage.claim import LOOKED_AT
from storage.jobs import JobRows
from storage.tables import jobs
from tests.desk import TestDesk

LEASE = timedelta(seconds=60)


def add(desk: TestDesk, lane: str, count: int, *, kind: str = "say.slack") -> None:
    now = desk.clock.now()
    row = {"kind": kind, "lane": lane, "payload": {}, "made_at": now, "due_at": now, "state": "open"}
    desk.execute(sa.insert(jobs).values([{**row, "key": f"{lane}:{number}"} for number in range(count)]))
    desk.clock.move(seconds=1)


def claimed(desk: TestDesk, limit: int = 16) -> list[str]:
    with desk.store.engine.begin() as connection:
        rows = JobRows(connection, desk.clock.now())
        return [job.key for job in rows.claim(kinds=("say.slack",), owner="o", limit=limit, lease=LEASE)]


def test_the_heads_of_lanes_behind_a_long_one_are_claimed(desk: TestDesk) -> None:
    add(desk, "long", LOOKED_AT + 50)
    add(desk, "other", 3)
    add(desk, "elsewhere", LOOKED_AT + 50, kind="say.telegram")
    add(desk, "urgent", 1)
    assert claimed(desk) == ["long:0", "other:0", "urgent:0"]
    assert claimed(desk) == []


def test_a_long_lane_goes_on_with_its_next(desk: TestDesk) -> None:
    add(desk, "long", LOOKED_AT + 50)
    for number in range(3):
        assert claimed(desk) == [f"long:{number}"]
        desk.execute(sa.update(jobs).where(jobs.c.key == f"long:{number}").values(state="done", leased_until=None))


def test_a_head_that_is_not_due_lets_nobody_behind_it_pass(desk: TestDesk) -> None:
    add(desk, "long", LOOKED_AT + 50)
    add(desk, "waits", 2)
    later = desk.clock.now() + timedelta(hours=1)
    desk.execute(sa.update(jobs).where(jobs.c.key == "waits:0").values(due_at=later))
    assert claimed(desk) == ["long:0"]


def test_enough_heads_among_the_longest_due_are_taken_in_their_order(desk: TestDesk) -> None:
    for number in range(LOOKED_AT + 5):
        add(desk, f"lane{number:04d}", 1)
    assert claimed(desk, 3) == ["lane0000:0", "lane0001:0", "lane0002:0"]
