"""Done in time, or not at all: who stops waiting and what is committed never disagree."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from domain.jobs import Transaction
from handlers.deadline import Punctual, TooSlow
from storage.tables import inbox
from tests.desk import TestDesk
from tests.waiting import LONG, until

pytestmark = pytest.mark.asyncio
#: seconds that are never over by themselves
OVER = 3600.0


def kept(desk: TestDesk) -> list[str]:
    return [row.key for row in desk.query(sa.select(inbox.c.key).order_by(inbox.c.key))]


async def test_what_is_done_in_time_is_committed(desk: TestDesk) -> None:
    assert await Punctual(engine=desk.store).write(lambda transaction: transaction.inbox.first("click", "a"))
    assert kept(desk) == ["a"]


@pytest.fixture
async def overs(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], object]]:
    """What is called once the time is over. The test says when that is, however slow this machine is."""
    loop, found = asyncio.get_running_loop(), list[Callable[[], object]]()
    later = loop.call_later

    def call_later(delay: float, call: Callable[..., object], *given: Any, **more: Any) -> asyncio.TimerHandle:
        if delay == OVER:
            found.append(call)
        return later(delay, call, *given, **more)

    monkeypatch.setattr(loop, "call_later", call_later)
    return found


async def test_what_nobody_waits_for_any_more_is_rolled_back(desk: TestDesk, overs: list[Callable[[], object]]) -> None:
    begun, held = threading.Event(), threading.Event()

    def slow(transaction: Transaction) -> None:
        transaction.inbox.first("click", "a")
        begun.set()
        held.wait(LONG)

    waits = asyncio.ensure_future(Punctual(engine=desk.store, within=OVER).write(slow))
    await until(begun.is_set)
    overs[0]()
    with pytest.raises(TooSlow):
        await waits
    held.set()
    await desk.store.write(lambda transaction: transaction.inbox.first("click", "b"))  # behind it in line on SQLite
    assert kept(desk) == ["b"]


async def test_what_stands_in_line_is_never_begun(desk: TestDesk, overs: list[Callable[[], object]]) -> None:
    if desk.store.engine.dialect.name != "sqlite":
        pytest.skip("only SQLite has one writer")
    held = threading.Event()
    first = asyncio.ensure_future(desk.store.write(lambda _: held.wait(LONG)))
    await asyncio.sleep(0)
    late = Punctual(engine=desk.store, within=OVER).write(lambda transaction: transaction.inbox.first("click", "a"))
    waits = asyncio.ensure_future(late)
    await asyncio.sleep(0)
    overs[0]()
    with pytest.raises(TooSlow):
        await waits
    held.set()
    await first
    assert kept(desk) == []


async def test_a_commit_under_way_is_waited_for(desk: TestDesk, overs: list[Callable[[], object]]) -> None:
    """A commit that outlasts the time but not the grace is told as done."""
    loop, was_over = asyncio.get_running_loop(), threading.Event()

    def over() -> None:
        overs[0]()
        was_over.set()

    def slow_commit(_connection: sa.Connection) -> None:
        loop.call_soon_threadsafe(over)
        was_over.wait(LONG)

    sa.event.listen(desk.store.engine, "commit", slow_commit)
    try:
        assert await Punctual(engine=desk.store, within=OVER).write(lambda t: t.inbox.first("click", "a"))
    finally:
        sa.event.remove(desk.store.engine, "commit", slow_commit)
    assert was_over.is_set()
    assert kept(desk) == ["a"]


async def test_an_error_of_the_work_is_its_own(desk: TestDesk) -> None:
    def fails(_transaction: Transaction) -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await Punctual(engine=desk.store).write(fails)
