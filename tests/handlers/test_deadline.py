"""Done in time, or not at all: who stops waiting and what is committed never disagree."""

from __future__ import annotations

import asyncio
import threading

import pytest
import sqlalchemy as sa

from domain.jobs import Transaction
from handlers.deadline import Punctual, TooSlow
from storage.tables import inbox
from tests.desk import TestDesk

pytestmark = pytest.mark.asyncio


def kept(desk: TestDesk) -> list[str]:
    return [row.key for row in desk.query(sa.select(inbox.c.key).order_by(inbox.c.key))]


async def test_what_is_done_in_time_is_committed(desk: TestDesk) -> None:
    assert await Punctual(engine=desk.store).write(lambda transaction: transaction.inbox.first("click", "a"))
    assert kept(desk) == ["a"]


async def test_what_nobody_waits_for_any_more_is_rolled_back(desk: TestDesk) -> None:
    held, ended = threading.Event(), threading.Event()

    def slow(transaction: Transaction) -> None:
        transaction.inbox.first("click", "a")
        held.wait(5)
        ended.set()

    with pytest.raises(TooSlow):
        await Punctual(engine=desk.store, within=0.05, grace=0.05).write(slow)
    held.set()
    await asyncio.to_thread(ended.wait, 5)
    await desk.store.write(lambda transaction: transaction.inbox.first("click", "b"))  # behind it in line on SQLite
    assert kept(desk) == ["b"]


async def test_what_stands_in_line_is_never_begun(desk: TestDesk) -> None:
    if desk.store.engine.dialect.name != "sqlite":
        pytest.skip("only SQLite has one writer")
    held = threading.Event()
    first = asyncio.ensure_future(desk.store.write(lambda _: held.wait(5)))
    await asyncio.sleep(0)
    with pytest.raises(TooSlow):
        await Punctual(engine=desk.store, within=0.05).write(lambda transaction: transaction.inbox.first("click", "a"))
    held.set()
    await first
    assert kept(desk) == []


async def test_a_commit_under_way_is_waited_for(desk: TestDesk) -> None:
    """A commit that outlasts the time but not the grace is told as done."""
    event = sa.event

    def slow_commit(_connection: sa.Connection) -> None:
        threading.Event().wait(0.3)

    event.listen(desk.store.engine, "commit", slow_commit)
    try:
        assert await Punctual(engine=desk.store, within=0.1, grace=5).write(lambda t: t.inbox.first("click", "a"))
    finally:
        event.remove(desk.store.engine, "commit", slow_commit)
    assert kept(desk) == ["a"]


async def test_an_error_of_the_work_is_its_own(desk: TestDesk) -> None:
    def fails(_transaction: Transaction) -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await Punctual(engine=desk.store).write(fails)
