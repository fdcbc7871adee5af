"""Letters a second through the real delivery, against the bare statements that it stands on, in one run.

    python bench/delivery.py [LETTERS]      (default 3,000; SQLite in a file, and a PostgreSQL of its own)

Bare: claim, mark as sending and settle as plain SQLAlchemy Core on the same table of the same database, without lanes,
fence, pace, loop or carrier: each letter by itself (three commits), and 32 at once in three commits. Then how long a
single letter takes from the commit that decides it to the wire, in one process that otherwise rests.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from domain.jobs import Job, Transaction
from domain.outcomes import Done, Outcome, Turn
from notifications.delivery import Delivery
from storage.claim import still_open
from storage.database import is_sqlite, open_engine
from storage.tables import jobs
from storage.unit_of_work import Store
from storage.upgrade import upgrade

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tests import postgres

KIND = "say.paper"
CHATS = 400
_MICRO = timedelta(microseconds=1)


@dataclass(kw_only=True)
class Paper:
    """A carrier whose other side answers at once. It takes its places in two lanes, as Telegram's does."""

    kind: str = KIND
    spoken: dict[str, float] = field(default_factory=dict)

    def gaps(self, job: Job) -> Mapping[str, timedelta]:
        return {job.lane: _MICRO, "paper:all": _MICRO}

    def admit(self, job: Job, transaction: Transaction) -> Outcome | None:
        """Always."""

    async def carry(self, job: Job, turn: Turn) -> Outcome:
        await turn()
        self.spoken[job.key] = time.perf_counter()
        return Done(receipt={"message_id": "1"})

    def settle(self, job: Job, outcome: Outcome, transaction: Transaction) -> None:
        """Nothing is left behind."""


def now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def store_of(url: str, committed: Callable[[], None] = lambda: None) -> Iterator[Store]:
    engine = open_engine(url)
    upgrade(engine)
    store = Store(
        engine=engine, now=now, new_id=str, secret=b"s" * 32, committed=committed, by_server=not is_sqlite(engine)
    )
    yield store
    store.close()


def fill(engine: sa.Engine, letters: int) -> None:
    with engine.begin() as connection:
        connection.execute(sa.delete(jobs))
        rows = [
            {
                "key": f"k{number}", "kind": KIND, "lane": f"paper:{number % CHATS}", "payload": {"address": "1"},
                "made_at": now(), "due_at": now(),
            }
            for number in range(letters)
        ]
        if rows:
            connection.execute(sa.insert(jobs), rows)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE jobs")


def bare(engine: sa.Engine, letters: int, together: int) -> float:
    """Letters a second by the statements alone."""
    fill(engine, letters)
    number = sa.bindparam("number")
    settle = sa.update(jobs).where(jobs.c.id == number, jobs.c.owner == "bare").values(
        state="done", done_at=now(), outcome={"message_id": "1"}, owner=None, leased_until=None, sending=False
    )
    mark = sa.update(jobs).where(jobs.c.id == number, jobs.c.owner == "bare").values(sending=True)
    held = sa.update(jobs).where(jobs.c.id.in_(sa.bindparam("ids", expanding=True))).values(
        owner="bare", leased_until=sa.bindparam("until"), attempts=jobs.c.attempts + 1
    )
    due = (
        sa.select(jobs)
        .where(still_open(), jobs.c.kind == KIND, jobs.c.due_at <= now(), jobs.c.leased_until.is_(None))
        .order_by(jobs.c.due_at, jobs.c.id).limit(together).with_for_update(skip_locked=True)
    )
    began, left = time.perf_counter(), letters
    while left:
        with engine.begin() as connection:
            rows = connection.execute(due).all()
            numbers = [row.id for row in rows]
            connection.execute(held, {"ids": numbers, "until": now() + timedelta(seconds=30)})
        for statement in (mark, settle):
            with engine.begin() as connection:
                connection.execute(statement, [{"number": one} for one in numbers])
        left -= len(rows)
    return letters / (time.perf_counter() - began)


async def delivered(store: Store, letters: int) -> float:
    """Letters a second through the real delivery."""
    fill(store.engine, letters)
    paper = Paper()
    delivery = Delivery(
        engine=store, carriers={KIND: paper}, owner="one", sleep=asyncio.sleep, seconds=time.monotonic
    )
    began = time.perf_counter()
    task = asyncio.create_task(delivery.run())
    async with asyncio.timeout(600):
        while len(paper.spoken) < letters or delivery._under_way:  # noqa: SLF001  the last settlement counts too
            await asyncio.sleep(0.005)
    spent = time.perf_counter() - began
    task.cancel()
    await asyncio.wait([task])
    with store.engine.connect() as connection:
        assert not connection.execute(sa.select(sa.func.count()).where(still_open())).scalar_one()
    return letters / spent


async def latencies(url: str, letters: int = 300) -> tuple[float, float]:
    """p50 and p99 from the decision's commit to the wire, in milliseconds."""
    loop, paper = asyncio.get_running_loop(), Paper()
    with store_of(url, committed=lambda _: loop.call_soon_threadsafe(delivery.wake.set)) as store:
        fill(store.engine, 0)
        delivery = Delivery(
            engine=store, carriers={KIND: paper}, owner="one", sleep=asyncio.sleep, seconds=time.monotonic
        )
        task = asyncio.create_task(delivery.run())
        decided = dict[str, float]()
        for number in range(letters):
            key = f"one{number}"

            def decide(transaction: Transaction, key: str = key) -> None:
                transaction.jobs.add(key=key, kind=KIND, payload={}, due_at=transaction.now, lane=key)

            await store.write(decide)
            decided[key] = time.perf_counter()
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.5)
        task.cancel()
        await asyncio.wait([task])
    taken = sorted(1000 * max(0.0, paper.spoken[key] - at) for key, at in decided.items())
    return statistics.median(taken), taken[int(len(taken) * 0.99)]


def measure(name: str, url: str, letters: int) -> None:
    with store_of(url) as store:
        alone, together, ours = list[float](), list[float](), list[float]()
        for _ in range(3):  # by turns, so that whatever else this machine does falls on each
            alone.append(bare(store.engine, letters, 1))
            ours.append(asyncio.run(delivered(store, letters)))
            together.append(bare(store.engine, letters, 32))
    p50, p99 = asyncio.run(latencies(url))
    best = max(ours)
    print(f"{name}: {letters:,} letters to {CHATS} chats, the best of three turns")
    print(f"  bare, one at a time   {max(alone):7,.0f} letters/s   delivery {best / max(alone):5.2f} of it (aim: 0.5)")
    print(f"  bare, 32 in a commit  {max(together):7,.0f} letters/s   delivery {best / max(together):5.2f} of it")
    print(f"  delivery              {best:7,.0f} letters/s")
    print(f"  from the commit to the wire: p50 {p50:.1f} ms, p99 {p99:.1f} ms")


def main() -> None:
    letters = int(sys.argv[1]) if len(sys.argv) > 1 else 3_000
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        measure("SQLite", f"sqlite:///{folder}/bench.db", letters)
        try:
            address = stack.enter_context(postgres.server())
        except RuntimeError as error:
            print(f"PostgreSQL skipped: {error}")
            return
        measure("PostgreSQL", stack.enter_context(postgres.schema(address, "bench")), letters)


if __name__ == "__main__":
    main()
