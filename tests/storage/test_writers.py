"""Whole functions share commits on SQLite: each is told after it, and one that breaks undoes only itself."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest
import sqlalchemy as sa

from domain.jobs import Transaction
from storage.database import is_sqlite, open_engine
from storage.one_process import writer_lock
from storage.tables import lanes
from storage.unit_of_work import Hurried
from storage.writers import OneWriter, Overdue
from tests.desk import START, TestDesk


def mark(key: str) -> Callable[[Transaction], None]:
    return lambda transaction: transaction.jobs.hold(key, until=START)


def marks(desk: TestDesk) -> set[str]:
    return {row.key for row in desk.query(sa.select(lanes.c.key))}


async def a_slow_one(desk: TestDesk) -> tuple[asyncio.Future[object], threading.Event]:
    """A transaction that is open until it is told to end."""
    begun, free = threading.Event(), threading.Event()

    def slow(_: Transaction) -> None:
        begun.set()
        free.wait(60)

    going = asyncio.ensure_future(desk.store.write(slow))
    await asyncio.to_thread(begun.wait, 60)
    return going, free


async def behind_a_slow_one(desk: TestDesk, *works: Callable[[Transaction], object]) -> list[object]:
    """Run functions that all wait while another transaction is open, so that they are there together."""
    slow, free = await a_slow_one(desk)
    waiting = [asyncio.ensure_future(desk.store.write(work)) for work in works]
    await asyncio.sleep(0)
    free.set()
    await slow
    return await asyncio.gather(*waiting, return_exceptions=True)


async def test_one_that_breaks_undoes_only_itself(desk: TestDesk) -> None:
    def breaks(transaction: Transaction) -> None:
        mark("broken")(transaction)
        raise ZeroDivisionError

    ends = await behind_a_slow_one(desk, mark("a"), breaks, mark("b"))
    assert [type(end) for end in ends] == [type(None), ZeroDivisionError, type(None)]
    assert marks(desk) == {"a", "b"}


async def test_a_statement_that_the_database_refuses_undoes_only_its_function(desk: TestDesk) -> None:
    def refused(transaction: Transaction) -> None:
        mark("refused")(transaction)
        transaction.connection.execute(sa.insert(lanes).values(key="refused", free_at=START))  # type: ignore[attr-defined]

    ends = await behind_a_slow_one(desk, mark("a"), refused, mark("b"))
    assert isinstance(ends[1], sa.exc.IntegrityError)
    assert marks(desk) == {"a", "b"}


async def test_what_waits_on_sqlite_is_one_commit_and_nobody_is_told_before_it(desk: TestDesk) -> None:
    if not is_sqlite(desk.store.engine):
        pytest.skip("PostgreSQL has a commit for each")
    commits, told = list[int](), list[int]()
    sa.event.listen(desk.store.engine, "commit", lambda _: commits.append(len(told)))

    async def write(number: int) -> None:
        await desk.store.write(mark(f"m{number}"))
        told.append(number)

    slow, free = await a_slow_one(desk)
    rest = [asyncio.ensure_future(write(number)) for number in range(20)]
    await asyncio.sleep(0.01)
    free.set()
    await asyncio.gather(slow, *rest)
    assert len(marks(desk)) == 20
    assert commits == [0, 0]


async def test_a_commit_that_fails_fails_everybody_in_it(desk: TestDesk) -> None:
    if not is_sqlite(desk.store.engine):
        pytest.skip("PostgreSQL has a commit for each")

    def refuse(_: sa.Connection) -> None:
        if marked:
            raise OSError("the disk is gone")

    marked = list[bool]()
    sa.event.listen(desk.store.engine, "commit", refuse)

    def last(transaction: Transaction) -> None:
        mark("b")(transaction)
        marked.append(True)

    ends = await behind_a_slow_one(desk, mark("a"), last)
    assert [type(end) for end in ends] == [OSError, OSError]
    marked.clear()
    assert not marks(desk)


async def test_what_was_given_up_before_its_turn_is_not_run(desk: TestDesk) -> None:
    free = threading.Event()
    holding = [asyncio.ensure_future(desk.store.write(lambda _: free.wait(60))) for _ in range(8)]
    await asyncio.sleep(0.05)
    given_up = asyncio.ensure_future(desk.store.write(mark("never")))
    await asyncio.sleep(0)
    given_up.cancel()
    await asyncio.sleep(0)
    free.set()
    await asyncio.gather(*holding)
    await desk.store.write(mark("a"))
    assert marks(desk) == {"a"}


async def test_at_shutdown_what_is_under_way_ends_and_what_stood_in_line_is_never_begun(desk: TestDesk) -> None:
    free, began = threading.Event(), list[str]()

    def slow(transaction: Transaction) -> None:
        began.append("slow")
        free.wait(60)
        mark("under way")(transaction)

    holding = [asyncio.ensure_future(desk.store.write(slow)) for _ in range(getattr(desk.store._writers, "threads", 1))]
    while len(began) < len(holding):
        await asyncio.sleep(0.01)
    in_line = [asyncio.ensure_future(desk.store.write(mark(f"in line {number}"))) for number in range(20)]
    await asyncio.sleep(0.01)
    for task in (*holding, *in_line):  # as a program that ends does with all that it still waits for
        task.cancel()
    asyncio.get_running_loop().call_later(0.05, free.set)
    await asyncio.gather(*holding, *in_line, return_exceptions=True)
    await asyncio.to_thread(desk.store._writers.shutdown)
    assert marks(desk) == {"under way"}


@pytest.mark.parametrize("writes", [False, True], ids=["reads", "writes"])
@pytest.mark.parametrize("together", [False, True], ids=["alone", "within a shared commit"])
async def test_a_function_that_never_returns_from_sqlite_is_stopped_and_the_writer_goes_on(
    desk: TestDesk, *, writes: bool, together: bool
) -> None:
    if not is_sqlite(desk.store.engine):
        pytest.skip("on PostgreSQL nobody waits for another")
    now, slow_free = [0.0], threading.Event()
    writer = OneWriter(begin=desk.store.engine.begin, seconds=lambda: now[0])

    def add(connection: sa.Connection, key: str) -> None:
        connection.execute(sa.insert(lanes).values(key=key, free_at=START))

    def endless(connection: sa.Connection) -> None:
        add(connection, "half done")
        number = 0
        while True:
            now[0] += 0.01
            number += 1
            if writes:
                add(connection, f"endless{number}")
            else:
                connection.execute(sa.select(sa.func.count()).select_from(lanes))

    async with asyncio.timeout(60):
        first = asyncio.ensure_future(writer.run(lambda _: slow_free.wait(60)))
        await asyncio.sleep(0.01)
        runs = [asyncio.ensure_future(writer.run(endless))]
        runs += [asyncio.ensure_future(writer.run(lambda one: add(one, "beside")))] if together else []
        await asyncio.sleep(0.01)
        slow_free.set()
        await first
        ended = (await asyncio.gather(*runs, return_exceptions=True))[0]
        await writer.run(lambda one: add(one, "after"))
    writer.shutdown()
    now[0] += 100
    with desk.store.engine.begin() as connection:  # whoever has the connection next is not stopped
        up_to = "WITH RECURSIVE up(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM up WHERE n < 50000) SELECT max(n) FROM up"
        assert connection.execute(sa.text(up_to)).scalar() == 50000
    now[0] -= 100
    assert isinstance(ended, Overdue)
    assert 20 < now[0] < 25
    assert {"after"} <= marks(desk) <= {"after", "beside"}


async def test_who_hurries_waits_for_one_of_the_loops_and_never_for_a_row_of_them(desk: TestDesk) -> None:
    if not is_sqlite(desk.store.engine):
        pytest.skip("on PostgreSQL nobody waits for another")
    order, commits = list[str](), list[int]()
    sa.event.listen(desk.store.engine, "commit", lambda _: commits.append(len(order)))

    def turn(name: str) -> Callable[[Transaction], None]:
        return lambda _: order.append(name)

    slow, free = await a_slow_one(desk)
    loops = [asyncio.ensure_future(desk.store.write(turn(f"loop{number}"))) for number in range(3)]
    doors = [asyncio.ensure_future(Hurried(store=desk.store).write(turn(f"door{number}"))) for number in range(2)]
    await asyncio.sleep(0)
    free.set()
    await slow
    await asyncio.gather(*loops, *doors)
    assert order == ["door0", "door1", "loop0", "loop1", "loop2"]
    assert commits == [0, 3, 5], "one of the loops' goes with those who hurry; those that are left share a commit"


async def test_who_hurries_and_comes_midway_goes_into_the_commit_and_ends_it(desk: TestDesk) -> None:
    if not is_sqlite(desk.store.engine):
        pytest.skip("on PostgreSQL nobody waits for another")
    order, commits = list[str](), list[int]()
    sa.event.listen(desk.store.engine, "commit", lambda _: commits.append(len(order)))
    midway, on = threading.Event(), threading.Event()

    def halted(_: Transaction) -> None:
        order.append("loop0")
        midway.set()
        on.wait(60)

    slow, free = await a_slow_one(desk)
    loops = [asyncio.ensure_future(desk.store.write(halted))]
    loops += [asyncio.ensure_future(desk.store.write(lambda _, n=n: order.append(f"loop{n}"))) for n in (1, 2)]  # type: ignore[misc]
    await asyncio.sleep(0)
    free.set()
    await asyncio.to_thread(midway.wait, 60)
    door = asyncio.ensure_future(Hurried(store=desk.store).write(lambda _: order.append("door")))
    await asyncio.sleep(0)
    on.set()
    await asyncio.gather(slow, door, *loops)
    assert order == ["loop0", "door", "loop1", "loop2"]
    assert commits == [0, 2, 4]


def test_a_new_file_is_changed_to_wal_by_one_connection_at_a_time(tmp_path: Path) -> None:
    """The change waits for nobody, whatever busy_timeout says: two at once, and one of them cannot connect."""
    def mode(engine: sa.Engine) -> object:
        connection = engine.raw_connection()  # a Connection would wait at its BEGIN
        try:
            return connection.cursor().execute("PRAGMA journal_mode").fetchone()[0]
        finally:
            connection.close()

    engine, other = open_engine(f"sqlite:///{tmp_path / 'new.db'}"), writer_lock(tmp_path / "new.db")
    assert other.take(within_seconds=1)
    with ThreadPoolExecutor(1) as pool:
        opening = pool.submit(mode, engine)
        assert not wait([opening], timeout=0.3).done
        other.give_back()
        assert opening.result(timeout=60) == "wal"
    engine.dispose()


async def test_whoever_hurries_never_waits_behind_loops_that_wait_for_a_row(desk: TestDesk) -> None:
    if is_sqlite(desk.store.engine):
        pytest.skip("SQLite has one writer, and nobody waits for a row")
    await desk.store.write(mark("held"))

    def waits(transaction: Transaction) -> None:
        transaction.connection.exec_driver_sql("SET LOCAL lock_timeout = 0")  # type: ignore[attr-defined]
        mark("held")(transaction)

    with desk.store.engine.begin() as forgotten:
        forgotten.execute(sa.update(lanes).values(held_until=START))
        loops = [asyncio.ensure_future(desk.store.write(waits)) for _ in range(20)]
        await asyncio.sleep(0)
        async with asyncio.timeout(60):
            await Hurried(store=desk.store).write(mark("came"))
        assert not any(one.done() for one in loops)
        forgotten.rollback()
    await asyncio.gather(*loops)
    assert marks(desk) == {"held", "came"}


async def test_a_row_that_somebody_forgot_to_let_go_keeps_no_thread_for_ever(desk: TestDesk) -> None:
    if is_sqlite(desk.store.engine):
        pytest.skip("SQLite has one writer, and nobody waits for a row")
    await desk.store.write(mark("held"))
    assert desk.query(sa.text("SELECT current_setting('lock_timeout')"))[0][0] == "10s"
    with desk.store.engine.begin() as forgotten:
        forgotten.execute(sa.update(lanes).values(held_until=START))
        with pytest.raises(sa.exc.OperationalError, match="lock timeout"):
            await desk.store.write(mark("held"))
