"""LISTEN and NOTIFY only wake: a notice comes with the commit, a lost one costs the time until the next look."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import sqlalchemy as sa

from domain.jobs import Transaction
from storage.database import is_sqlite
from storage.wake import listen
from tests.desk import START, TestDesk


@pytest.fixture(autouse=True)
def _on_postgresql(desk: TestDesk) -> None:
    if is_sqlite(desk.store.engine):
        pytest.skip("one process, woken by itself")


@asynccontextmanager
async def listening(desk: TestDesk, event: asyncio.Event) -> AsyncIterator[list[float]]:
    slept = list[float]()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    task = asyncio.create_task(listen(desk.store.engine, lambda _: event.set(), sleep))
    async with asyncio.timeout(60):
        await event.wait()  # it looks once when it has connected
    event.clear()
    yield slept
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_a_notice_names_the_kinds_of_the_new_jobs(desk: TestDesk) -> None:
    heard, event = list[frozenset[str]](), asyncio.Event()

    def wake(kinds: frozenset[str]) -> None:
        heard.append(kinds)
        event.set()

    task = asyncio.create_task(listen(desk.store.engine, wake, asyncio.sleep))
    async with asyncio.timeout(60):
        await event.wait()
        event.clear()

        def two(one: Transaction) -> None:
            one.jobs.add(key="a", kind="learn", payload={}, due_at=START)
            one.jobs.add(key="b", kind="say.slack", payload={}, due_at=START)

        await desk.store.write(two)
        await event.wait()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert heard == [frozenset(), {"learn", "say.slack"}]


def add(key: str) -> object:
    return lambda one: one.jobs.add(key=key, kind="x", payload={}, due_at=START)


async def test_a_commit_with_new_work_wakes_and_one_that_is_undone_does_not(desk: TestDesk) -> None:
    def undone(transaction: Transaction) -> None:
        transaction.jobs.add(key="undone", kind="x", payload={}, due_at=START)
        raise ZeroDivisionError

    event = asyncio.Event()
    async with listening(desk, event):
        with pytest.raises(ZeroDivisionError):
            await desk.store.write(undone)
        await desk.store.write(lambda one: one.jobs.waiting())
        await asyncio.sleep(0.1)
        assert not event.is_set()
        await desk.store.write(add("a"))  # type: ignore[arg-type]
        async with asyncio.timeout(60):
            await event.wait()


async def test_a_listener_that_was_cut_off_connects_again_and_looks(desk: TestDesk) -> None:
    event = asyncio.Event()
    async with listening(desk, event) as slept:
        desk.execute(sa.text(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND pid <> pg_backend_pid()"
        ))
        async with asyncio.timeout(60):
            await event.wait()
        event.clear()
        await desk.store.write(add("a"))  # type: ignore[arg-type]
        async with asyncio.timeout(60):
            await event.wait()
    assert slept == [2.0]
