"""Whole transactions in threads: a pool on PostgreSQL; on SQLite one thread, which commits together what waits.

A commit on SQLite waits for the disk. While it does, others queue up; all of them then share the next commit, each
within a savepoint, and nobody is answered before it.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar

import sqlalchemy as sa

T = TypeVar("T")
#: opens a transaction; leaving it commits, an exception rolls back
Begin = Callable[[], AbstractContextManager[sa.Connection]]

#: functions in one commit at most, so that the first of them does not wait for hundreds
_TOGETHER: Final = 64
_SAVEPOINT: Final = "turn"
#: a function that has its turn on SQLite for so long is stopped at its next statement: everybody else waits for it
LONGEST_TURN: Final = 20.0
#: steps of SQLite's machine between two looks at the time, about 50 microseconds
_STEPS: Final = 1000


class Overdue(Exception):
    """It took longer than a turn may, and was stopped; nothing of it was kept."""


class Writers(Protocol):
    """Where functions over a transaction are run."""

    async def run(self, work: Callable[[sa.Connection], T], *, hurried: bool = False) -> T:
        """Run it whole; done after the commit. Cancelled before its turn, it is never begun.

        ``hurried``: a platform or a person waits for the answer.
        """

    def shutdown(self, *, wait: bool = True) -> None:
        """Finish what was given, and wait for it or not."""


@dataclass(kw_only=True)
class WriterPool:
    """Several transactions at once, each with its own commit. Those who hurry have as many threads of their own.

    Else the loops' work, which waits for rows that others hold, would keep every thread from who stores what came.
    """

    begin: Begin
    threads: int
    _pool: ThreadPoolExecutor = field(init=False)
    _hurried: ThreadPoolExecutor = field(init=False)

    def __post_init__(self) -> None:
        """Threads start with the first transaction."""
        self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix="writer")
        self._hurried = ThreadPoolExecutor(self.threads, thread_name_prefix="hurried")

    async def run(self, work: Callable[[sa.Connection], T], *, hurried: bool = False) -> T:
        pool = self._hurried if hurried else self._pool
        return await asyncio.get_running_loop().run_in_executor(pool, self._whole, work)

    def shutdown(self, *, wait: bool = True) -> None:
        for pool in (self._pool, self._hurried):
            pool.shutdown(wait=wait)

    def _whole(self, work: Callable[[sa.Connection], T]) -> T:
        with self.begin() as connection:
            return work(connection)


class _Turn:
    """One function that waits for its commit."""

    __slots__ = ("_error", "_result", "_work", "future", "hurried")

    def __init__(
        self, work: Callable[[sa.Connection], Any], future: asyncio.Future[Any], *, hurried: bool
    ) -> None:
        self.future = future
        self.hurried = hurried
        self._work = work
        self._result: object = None
        self._error: BaseException | None = None

    def run(self, connection: sa.Connection) -> None:
        """Run it; what it gave or raised is told by ``tell``."""
        self._result = self._work(connection)

    def fail(self, error: BaseException) -> None:
        """It came to nothing."""
        # A future takes no StopIteration, and whoever waits behind this one would never be told.
        self._error = RuntimeError("the work ran dry") if isinstance(error, StopIteration) else error

    def tell(self) -> None:
        """Answer whoever waits, in their own thread."""
        if self.future.done():
            return  # nobody waits any more
        if self._error is None:
            self.future.set_result(self._result)
        else:
            self.future.set_exception(self._error)


@dataclass(kw_only=True)
class OneWriter:
    """One transaction at a time, for as many functions as wait. For SQLite: its savepoints cost next to nothing.

    The thread is called once for all that comes while it works, and answers all of a commit in one call. Somebody who
    hurries waits for one function of those who do not, never for a row of them; these get one into each commit.
    """

    begin: Begin
    #: this process's own seconds, which never go back; None: a turn may take as long as it does
    seconds: Callable[[], float] | None = None
    longest: float = LONGEST_TURN
    _thread: ThreadPoolExecutor = field(init=False)
    _hurried: deque[_Turn] = field(default_factory=deque)
    _waiting: deque[_Turn] = field(default_factory=deque)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _at_work: bool = False

    def __post_init__(self) -> None:
        """The thread starts with the first transaction."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="writer")

    async def run(self, work: Callable[[sa.Connection], T], *, hurried: bool = False) -> T:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        (self._hurried if hurried else self._waiting).append(_Turn(work, future, hurried=hurried))
        loop.call_soon(self._call)  # behind whatever else is ready now: what comes at one moment is one commit
        return await future

    def _call(self) -> None:
        with self._lock:
            if (self._hurried or self._waiting) and not self._at_work:
                self._thread.submit(self._until_nothing_waits)
                self._at_work = True

    def shutdown(self, *, wait: bool = True) -> None:
        self._thread.shutdown(wait=wait)

    def _until_nothing_waits(self) -> None:
        while turns := self._next_turns():
            self._commit(turns)

    def _commit(self, turns: list[_Turn]) -> None:
        ended: list[_Turn] = []
        try:
            with self.begin() as connection:
                if len(turns) == 1:
                    self._timed(turns[0], connection)
                else:
                    while turns:
                        _within_savepoint(turns[0], connection, self._timed)
                        ended.append(turn := turns.pop(0))
                        if not turn.hurried:
                            turns = self._let_pass(turns)
        except BaseException as error:  # noqa: BLE001  it belongs to whoever waits, whatever it is
            for turn in (*ended, *turns):
                turn.fail(error)
        ended += turns
        for loop in {turn.future.get_loop() for turn in ended}:
            with suppress(RuntimeError):  # a loop that is closed: nobody waits there
                loop.call_soon_threadsafe(_tell, [turn for turn in ended if turn.future.get_loop() is loop])

    def _timed(self, turn: _Turn, connection: sa.Connection) -> None:
        """Run a function; Overdue if it goes on for too long. Only within SQL can it be stopped."""
        seconds, driver = self.seconds, connection.connection.driver_connection
        if seconds is None or driver is None:
            turn.run(connection)
            return
        until = seconds() + self.longest
        driver.set_progress_handler(lambda: seconds() > until, _STEPS)
        try:
            turn.run(connection)
        except sa.exc.OperationalError as error:
            if seconds() > until:
                raise Overdue from error
            raise
        finally:
            driver.set_progress_handler(None, 0)  # what undoes it must not be stopped

    def _next_turns(self) -> list[_Turn]:
        """Who shares the next commit: all who hurry and one who does not, else all who wait."""
        with self._lock:
            turns = _first(self._hurried, _TOGETHER)
            turns += _first(self._waiting, 1 if turns else _TOGETHER)
            self._at_work = bool(turns)
        return turns

    def _let_pass(self, turns: list[_Turn]) -> list[_Turn]:
        """Those who go on in this commit: the same, or whoever hurries and has come meanwhile, and nobody else."""
        with self._lock:
            if not turns or not (came := _first(self._hurried, _TOGETHER)):
                return turns
            self._waiting.extendleft(reversed(turns))
        return came


def _first(queue: deque[_Turn], most: int) -> list[_Turn]:
    """The first of a queue who are still waited for, taken out of it."""
    turns: list[_Turn] = []
    while queue and len(turns) < most:
        turn = queue.popleft()
        if not turn.future.cancelled():
            turns.append(turn)
    return turns


def _tell(turns: Sequence[_Turn]) -> None:
    for turn in turns:
        turn.tell()


def _within_savepoint(
    turn: _Turn, connection: sa.Connection, run: Callable[[_Turn, sa.Connection], None]
) -> None:
    # Straight to the driver: SQLAlchemy's nested transactions cost more than the statements within.
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.execute(f"SAVEPOINT {_SAVEPOINT}")
    try:
        run(turn, connection)
    except BaseException as error:
        if not driver.in_transaction:
            raise  # a full disk or a failed write makes SQLite roll back everything: nobody's work is there any more
        driver.execute(f"ROLLBACK TO {_SAVEPOINT}")
        turn.fail(error)
    driver.execute(f"RELEASE {_SAVEPOINT}")
