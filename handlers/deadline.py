"""A transaction that must be done before somebody stops waiting: done in time, or not done at all.

The last step inside the transaction and the one who waits race for one word. Whoever says it first decides: either the
commit is on its way and is waited for, or the transaction is rolled back and the person hears that nothing happened.
What remains is a commit that itself hangs: then the answer is an error although it may have been done. A second try
finds what the first has done, since every decision is a compare-and-set and every event has a unique key.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from domain.jobs import Engine, Transaction

T = TypeVar("T")


class TooSlow(Exception):
    """It could not be stored in time; whoever sent it must hear that it failed."""


class _GivenUp(Exception):
    """Nobody waits any more: roll back."""


class _Race:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._committing = self._given_up = False

    def commit(self) -> None:
        """From the transaction's thread, as its last step. _GivenUp if nobody waits any more."""
        with self._lock:
            if self._given_up:
                raise _GivenUp
            self._committing = True

    def give_up(self) -> bool:
        """From the one who waits; False if the commit is already on its way."""
        with self._lock:
            self._given_up = not self._committing
            return self._given_up


@dataclass(frozen=True, kw_only=True)
class Punctual:
    """An engine whose transactions are done in time or not at all (TooSlow). Figures in seconds.

    Slack waits 3 s for an acknowledgement and Shopify 5 s for an answer.
    """

    engine: Engine
    within: float = 2.5
    #: how much longer a commit that is under way is waited for
    grace: float = 0.3

    @property
    def now(self) -> Callable[[], datetime]:
        """The engine's clock."""
        return self.engine.now

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Run a function whole in one transaction; TooSlow if it was not done in time."""
        race = _Race()

        def whole(transaction: Transaction) -> T:
            result = work(transaction)
            race.commit()
            return result

        loop = asyncio.get_running_loop()

        def late() -> None:
            if race.give_up():
                limit.reschedule(loop.time())  # now; what still stands in line is never begun

        try:
            async with asyncio.timeout(self.within + self.grace) as limit:
                clock = loop.call_later(self.within, late)
                try:
                    return await self.engine.write(whole)
                finally:
                    clock.cancel()
        except TimeoutError:
            if not limit.expired():
                raise  # the work's own
            raise TooSlow from None

    def read(self, work: Callable[[Transaction], T]) -> Awaitable[T]:
        """The same as the engine's."""
        return self.engine.read(work)
