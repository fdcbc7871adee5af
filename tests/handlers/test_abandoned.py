"""Abandoned jobs go one at a time, since one may be what killed its process; and none of them waits for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

import pytest
import sqlalchemy as sa

from domain.errors import OpsError
from domain.jobs import Engine, Received, Transaction
from handlers.jobs import KINDS, Worker
from storage.tables import inbox
from tests.desk import TestDesk

pytestmark = pytest.mark.asyncio
T = TypeVar("T")
LEASE = timedelta(seconds=30)
#: a job's lease is over
OVER = LEASE + timedelta(seconds=1)


class Accepting:
    """A source whose events are worked off without a word."""

    source = "quiet"

    def work(self, received: Received, transaction: Transaction) -> None:
        """Nothing is left to do."""

    def refuse(self, received: Received, error: OpsError, transaction: Transaction) -> None:
        """Nothing is refused."""


@dataclass
class Seam:
    """A database whose transactions, counted from 1, can be kept waiting; or whose commit is never heard of."""

    engine: Engine
    unheard: set[int] = field(default_factory=set)
    waits: dict[int, asyncio.Event] = field(default_factory=dict)
    begun: int = 0

    @property
    def now(self) -> Callable[[], datetime]:
        """The same clock."""
        return self.engine.now

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """The same, with that trouble."""
        self.begun += 1
        number = self.begun
        if number in self.waits:
            await self.waits[number].wait()
        result = await self.engine.write(work)
        if number in self.unheard:
            raise ConnectionError
        return result

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """The same."""
        return await self.engine.read(work)

    async def reached(self, number: int) -> None:
        """Once so many have begun."""
        async with asyncio.timeout(60):
            while self.begun < number:
                await asyncio.sleep(0.005)


@pytest.fixture
def seam(shop: TestDesk, worker: Worker) -> Seam:
    """Between the worker and its database."""
    made = Seam(shop.store)
    worker.engine, worker.sources = made, (Accepting(),)
    return made


async def keep(desk: TestDesk, *keys: str) -> None:
    for key in keys:
        await desk.store.write(lambda transaction, key=key: transaction.inbox.keep("quiet", key, b"{}"))


def worked(desk: TestDesk) -> list[str]:
    return [row.key for row in desk.query(sa.select(inbox).order_by(inbox.c.key)) if row.worked_at is not None]


async def test_a_claim_whose_commit_was_never_heard_of_is_claimed_again_by_the_same_process(
    shop: TestDesk, worker: Worker, seam: Seam
) -> None:
    await keep(shop, "1", "2")
    seam.unheard = {1, 2}
    for _ in range(2):  # the second one is of an abandoned job
        with pytest.raises(ConnectionError):
            await worker.step()
        shop.clock.moment += OVER
    assert [await worker.step() for _ in range(3)] == [1, 1, 0]
    assert worked(shop) == ["1", "2"]


async def test_a_job_taken_over_from_a_slow_hand_stays_the_only_abandoned_one_when_that_hand_ends(
    shop: TestDesk, worker: Worker, seam: Seam
) -> None:
    seam.waits = {2: asyncio.Event(), 4: asyncio.Event()}
    await keep(shop, "1")
    slow = asyncio.create_task(worker.step())
    await seam.reached(2)
    await keep(shop, "2")
    await shop.store.write(
        lambda transaction: transaction.jobs.claim(kinds=KINDS, owner="dies", limit=8, lease=LEASE)
    )
    shop.clock.moment += OVER
    after = asyncio.create_task(worker.step())
    await seam.reached(4)
    seam.waits[2].set()
    await slow
    assert await worker.step() == 0, "what the slow hand held is under way elsewhere in this process"
    seam.waits[4].set()
    assert await after == 1
    assert await worker.step() == 1
    assert worked(shop) == ["1", "2"]
