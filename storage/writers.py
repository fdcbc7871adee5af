"""Whole transactions in threads: a pool on PostgreSQL; on SQLite one thread, which commits together what waits.

A commit on SQLite waits for the disk. While it does, others queue up; all of them then share the next commit, each
within a savepoint, and nobody is answered before it.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Final, Protocol, TypeVar

import sqlalchemy as sa

T = TypeVar("T")
#: opens a transaction; leaving it commits, an exception rolls back
Begin = Callable[[], AbstractContextManager[sa.Connection]]

#: functions in one commit at most, so that the first of them does not wait for hundreds
_TOGETHER: Final = 64
_SAVEPOINT: Final = "turn"


class Writers(Protocol):
    """Where functions over a transaction are run."""

    def submit(self, work: Callable[[sa.Connection], T]) -> Future[T]:
        """Run it whole; the future is told after the commit."""

    def shutdown(self, *, wait: bool = True) -> None:
        """Finish what was submitted, and wait for it or not."""


@dataclass(kw_only=True)
class WriterPool:
    """Several transactions at once, each with its own commit."""

    begin: Begin
    threads: int
    _pool: ThreadPoolExecutor = field(init=False)

    def __post_init__(self) -> None:
        """Threads start with the first transaction."""
        self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix="writer")

    def submit(self, work: Callable[[sa.Connection], T]) -> Future[T]:
        return self._pool.submit(self._whole, work)

    def shutdown(self, *, wait: bool = True) -> None:
        self._pool.shutdown(wait=wait)

    def _whole(self, work: Callable[[sa.Connection], T]) -> T:
        with self.begin() as connection:
            return work(connection)


class _Turn:
    """One function that waits for its commit."""

    def __init__(self, work: Callable[[sa.Connection], T], future: Future[T]) -> None:
        self.future = future
        self._work = work
        self._tell: Callable[[], None] = lambda: None

    def run(self, connection: sa.Connection) -> None:
        """Run it; what it gave or raised is told by ``tell``."""
        future, work = self.future, self._work
        result = work(connection)
        self._tell = lambda: future.set_result(result)

    def fail(self, error: BaseException) -> None:
        """It came to nothing."""
        future = self.future
        self._tell = lambda: future.set_exception(error)

    def tell(self) -> None:
        """Answer whoever waits."""
        self._tell()


@dataclass(kw_only=True)
class OneWriter:
    """One transaction at a time, for as many functions as wait. For SQLite: its savepoints cost next to nothing."""

    begin: Begin
    _thread: ThreadPoolExecutor = field(init=False)
    _waiting: SimpleQueue[_Turn] = field(default_factory=SimpleQueue)

    def __post_init__(self) -> None:
        """The thread starts with the first transaction."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="writer")

    def submit(self, work: Callable[[sa.Connection], T]) -> Future[T]:
        future: Future[T] = Future()
        self._waiting.put(_Turn(work, future))
        self._thread.submit(self._commit_what_waits)
        return future

    def shutdown(self, *, wait: bool = True) -> None:
        self._thread.shutdown(wait=wait)

    def _commit_what_waits(self) -> None:
        turns = self._next_turns()
        if not turns:
            return  # an earlier commit took it along
        try:
            with self.begin() as connection:
                if len(turns) == 1:
                    turns[0].run(connection)
                else:
                    for turn in turns:
                        _within_savepoint(turn, connection)
        except BaseException as error:  # noqa: BLE001  it belongs to whoever waits, whatever it is
            for turn in turns:
                turn.fail(error)
        for turn in turns:
            turn.tell()

    def _next_turns(self) -> list[_Turn]:
        turns: list[_Turn] = []
        while len(turns) < _TOGETHER:
            try:
                turn = self._waiting.get_nowait()
            except Empty:
                break
            if turn.future.set_running_or_notify_cancel():
                turns.append(turn)
        return turns


def _within_savepoint(turn: _Turn, connection: sa.Connection) -> None:
    # Straight to the driver: SQLAlchemy's nested transactions cost more than the statements within.
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.execute(f"SAVEPOINT {_SAVEPOINT}")
    try:
        turn.run(connection)
    except BaseException as error:
        if not driver.in_transaction:
            raise  # a full disk or a failed write makes SQLite roll back everything: nobody's work is there any more
        driver.execute(f"ROLLBACK TO {_SAVEPOINT}")
        turn.fail(error)
    driver.execute(f"RELEASE {_SAVEPOINT}")
