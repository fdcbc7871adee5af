"""What is over and old goes, in small batches; what is open, waits for a person or stops a repeat stays."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from handlers.pruning import Pruner
from storage.tables import buttons, inbox, jobs, lanes
from tests.desk import START, TestDesk

OLD, NEW = START - timedelta(days=91), START - timedelta(days=89)


def job(key: str, state: str, ended: object) -> dict[str, object]:
    return {"key": key, "kind": "x", "lane": key, "payload": {}, "made_at": OLD, "due_at": OLD, "state": state, "done_at": ended}


async def prune(desk: TestDesk, days: int) -> int:
    slept = list[float]()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    return await Pruner(engine=desk.store, keep=timedelta(days=days), sleep=sleep).prune()


async def test_what_is_over_for_long_goes_and_the_rest_stays(desk: TestDesk) -> None:
    desk.execute(sa.insert(jobs).values([
        job("done", "done", OLD), job("newer", "done", NEW), job("superseded", "superseded", OLD),
        job("dropped", "dropped", OLD), job("gathered", "gathered", OLD), job("dead", "dead", OLD), job("open", "open", None),
    ]))
    event = {"source": "s", "body": b"", "headers": {}}
    desk.execute(sa.insert(inbox).values([
        {**event, "key": "worked", "heard_at": OLD, "worked_at": OLD}, {**event, "key": "open", "heard_at": OLD, "worked_at": None},
        {**event, "key": "newer", "heard_at": NEW, "worked_at": NEW},
    ]))
    button = {"shop_id": desk.shop.id, "command": "x", "fields": {}, "shown_in": "x", "once": True, "made_at": OLD}
    desk.execute(sa.insert(buttons).values([
        {**button, "token": "over", "expires_at": OLD}, {**button, "token": "valid", "expires_at": START},
    ]))
    desk.execute(sa.insert(lanes).values([{"key": "idle", "free_at": OLD}, {"key": "at work", "free_at": START}]))
    assert await prune(desk, 90) == 7
    assert {row.key for row in desk.outbox_rows()} == {"newer", "dead", "open"}
    assert {row.key for row in desk.query(sa.select(inbox.c.key))} == {"open", "newer"}
    assert {row.token for row in desk.query(sa.select(buttons.c.token))} == {"valid"}
    assert {row.key for row in desk.query(sa.select(lanes.c.key))} == {"at work"}
    assert await prune(desk, 90) == 0


async def test_thousands_go_in_many_small_transactions(desk: TestDesk) -> None:
    desk.execute(sa.insert(jobs).values([job(f"k{number}", "done", OLD) for number in range(1000)]))
    commits = list[int]()
    sa.event.listen(desk.store.engine, "commit", lambda _: commits.append(1))
    assert await prune(desk, 90) == 1000
    assert len(commits) >= 5


@pytest.mark.parametrize("days", [0, 1, 29])
async def test_what_stops_a_repeat_is_kept_for_a_month_whatever_is_asked(desk: TestDesk, days: int) -> None:
    desk.execute(sa.insert(jobs).values([job("a", "done", START - timedelta(days=29))]))
    assert await prune(desk, days) == 0
