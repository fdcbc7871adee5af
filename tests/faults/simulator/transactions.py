"""The seed's database: the real Store's transactions over one in-memory SQLite, copied from a template.

On SQLite one writer goes after the other, so a forgotten compare-and-set would never show. On PostgreSQL another
transaction may commit between our reads and our first write. That is what happens here too: at a transaction's
first write or lock of a row that matters, one that waits elsewhere is run whole and committed, and what ours had
written so far (an inbox row, its own job's row) is written again behind it.
"""

from __future__ import annotations

import gc
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.pool import StaticPool

import storage.audit
import storage.returns
from domain.jobs import Transaction
from storage.database import open_engine, reading
from storage.jobs import NEW_WORK
from storage.tables import EPOCH
from storage.unit_of_work import Store, StoreTransaction

if TYPE_CHECKING:
    from tests.faults.simulator.replica import Replica
    from tests.faults.simulator.world import World

T = TypeVar("T")
#: transactions that look for jobs
_LOOKS = frozenset({"Delivery.step", "Worker.step", "Delivery._claim", "Worker._claim"})
#: transactions that write what a platform has said
_WORDS = frozenset({"Delivery._write", "Worker._work"})
#: tables whose rows a transaction may write before its first decision
_PREFIX = frozenset({"inbox", "jobs"})


class DatabaseAway(sa.exc.OperationalError):
    """What a lost connection looks like, or being the victim of a deadlock."""

    def __init__(self) -> None:
        super().__init__("", {}, Exception("the database is away"))


@dataclass(eq=False)
class Pending(Generic[T]):
    """A transaction that waits to be run. ``click``: the key of the click it works off, which cannot overtake itself."""

    work: Callable[[Transaction], T]
    replica: Replica | None = None
    click: str = ""
    ran: bool = False
    error: BaseException | None = None
    value: T | None = None
    #: what it has written so far, to be written again behind one that overtakes it
    written: list[tuple[str, Any]] = field(default_factory=list)
    racing: bool = False

    @property
    def result(self) -> T:
        """What the work returned."""
        return cast("T", self.value)


class Database:
    """One in-memory database for all seeds of a process; SQLAlchemy compiles each statement once."""

    def __init__(self) -> None:
        self.main = open_engine("sqlite://")
        raw = self.main.raw_connection()
        self.raw = cast("sqlite3.Connection", raw.dbapi_connection)
        raw.close()
        self.other = sa.create_engine("sqlite://", creator=lambda: self.raw, poolclass=StaticPool)
        event.listen(self.other, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
        event.listen(self.main, "before_cursor_execute", self._about_to)
        self.transactions: Transactions | None = None

    def load(self, template: sqlite3.Connection) -> None:
        """Begin with these rows."""
        if self.raw.in_transaction:
            self.raw.execute("ROLLBACK")
        try:
            template.backup(self.raw)
        except sqlite3.OperationalError:  # the frames of a killed task still hold a cursor
            gc.collect()
            template.backup(self.raw)

    def _about_to(self, _c: Any, _k: Any, statement: str, parameters: Any, context: Any, _m: Any) -> None:
        if self.transactions is not None and self.transactions.racer is not None:
            self.transactions.about_to(statement, parameters, context)


@dataclass
class Transactions:
    """The transactions of one seed."""

    world: World
    database: Database
    waiting: list[Pending[Any]] = field(default_factory=list)
    racer: Pending[Any] | None = None
    stores: tuple[Store, Store] = field(init=False)

    def __post_init__(self) -> None:
        """Two views of one database: whoever overtakes needs a connection of its own."""
        world = self.world
        self.stores = cast(
            "tuple[Store, Store]",
            tuple(
                Store(engine=engine, now=world.now, new_id=world.new_id, secret=b"s" * 32)
                for engine in (self.database.main, self.database.other)
            ),
        )
        self.database.transactions = self

    def close(self) -> None:
        """The seed is over; the engines stay."""
        self.database.transactions = None
        for store in self.stores:
            store._writers.shutdown(wait=False)
            store._readers.shutdown(wait=False)

    def run(self, pending: Pending[Any]) -> None:
        """Run it now, perhaps overtaken by another."""
        if self.waiting and self.world.chance(self.world.swarm.races):
            pending.racing, self.racer = True, pending
        try:
            self._whole(pending, self.stores[0])
        finally:
            self.racer = None

    def in_vain(self, pending: Pending[Any]) -> bool:
        """Whether it only looks for jobs, and there are none: nine looks of ten, left out for speed."""
        if name_of(pending.work) not in _LOOKS:
            return False
        now = (self.world.now() - EPOCH) // timedelta(microseconds=1)
        kinds = "NOT IN" if "Delivery" in name_of(pending.work) else "IN"
        found = self.database.raw.execute(
            "SELECT 1 FROM jobs WHERE state = 'open' AND due_at <= ? AND (leased_until IS NULL OR leased_until <= ?) "
            f"AND kind {kinds} ('learn', 'fire') LIMIT 1", (now, now)
        )
        return found.fetchone() is None

    def look(self, work: Callable[[Transaction], T]) -> T:
        """A transaction that only reads."""
        store = self.stores[0]
        with reading(store.engine) as connection:
            return work(StoreTransaction(store=store, connection=connection, now=self.world.now()))

    def now(self, work: Callable[[Transaction], T]) -> T:
        """A transaction of the test's own."""
        pending = Pending(work=work)
        self._whole(pending, self.stores[0])
        if pending.error is not None:
            raise pending.error
        return pending.result

    def _whole(self, pending: Pending[Any], store: Store) -> None:
        pending.ran = True
        new_work = False
        try:
            with store.engine.begin() as connection:
                connection.info.pop(NEW_WORK, None)
                pending.value = pending.work(
                    StoreTransaction(store=store, connection=connection, now=self.world.now())
                )
                new_work = connection.info.pop(NEW_WORK, False)
        except Exception as error:
            pending.error = error
        self.world.committed(pending, new_work=new_work)

    def about_to(self, statement: str, parameters: Any, context: Any) -> None:
        """Before each statement of a transaction that may be overtaken."""
        racer = self.racer
        compiled = context.compiled
        if racer is None or compiled is None:
            return
        element = compiled.statement
        locks = getattr(element, "_for_update_arg", None) is not None
        if not (context.isinsert or context.isupdate or context.isdelete or locks):
            return
        table = getattr(getattr(element, "table", None), "name", "")
        if table in _PREFIX and not locks:
            racer.written.append((statement, parameters))
            return
        self.racer = None
        if locks and "jobs" in statement:
            return  # claiming skips what is locked
        self._overtake(racer)

    def _overtake(self, racer: Pending[Any]) -> None:
        others = [
            one for one in self.waiting
            if one is not racer and (not one.click or one.click != racer.click)
            and one.replica is not None and one.replica.alive
        ]
        if not others:
            return
        if racer.click:  # where it hurts: a click by another click, an answer by the webhook that says the same
            others = [one for one in others if one.click] or others
        elif name_of(racer.work) in _WORDS:
            others = [one for one in others if name_of(one.work) in _WORDS] or others
        other = self.world.random.choice(others)
        self.world.trace("overtakes", self.waiting.index(other))
        raw = self.database.raw
        raw.execute("ROLLBACK")
        self._whole(other, self.stores[1])
        raw.execute("BEGIN IMMEDIATE")
        for statement, parameters in racer.written:
            cursor = raw.execute(statement, parameters)
            if not cursor.fetchall() and cursor.rowcount < 1:
                # PostgreSQL would have let the other wait for this row of ours
                raise DatabaseAway


def name_of(work: Any) -> str:
    """How a trace calls a transaction."""
    inner = getattr(work, "func", work)  # of a functools.partial
    return str(getattr(inner, "__qualname__", "transaction")).replace(".<locals>.<lambda>", "")


@contextmanager
def as_on_postgresql() -> Iterator[None]:
    """Row locks are asked for as on PostgreSQL; SQLite's compiler leaves the words out, and the race sees them."""
    modules = (storage.returns, storage.audit)
    before = [module.is_sqlite for module in modules]  # type: ignore[attr-defined]
    for module in modules:
        module.is_sqlite = lambda _bind: False  # type: ignore[attr-defined]
    try:
        yield
    finally:
        for module, known in zip(modules, before, strict=True):
            module.is_sqlite = known  # type: ignore[attr-defined]
