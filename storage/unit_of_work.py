"""One transaction seen as the domain's ports. Returning commits, an exception rolls back; nobody calls commit."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import sqlalchemy as sa

from domain.ports import UnitOfWork
from storage.alarms import AlarmRows
from storage.allowances import AllowanceRows
from storage.audit import AuditRows
from storage.cases import CaseRows
from storage.connections import ConnectionRows
from storage.customers import CustomerRows
from storage.database import BEGAN, is_sqlite, reading, writing
from storage.desk import DialogueRows, NumberRows
from storage.gathering import GatheringRows
from storage.inbox import InboxRows
from storage.inventory import InventoryRows
from storage.jobs import NEW_WORK, JobRows
from storage.letters import LetterRows
from storage.levels import LevelRows
from storage.metrics import MetricRows
from storage.orders import OrderRows
from storage.outbox import ButtonRows, OutboxRows
from storage.own_digests import OwnDigestRows
from storage.parcels import ParcelRows
from storage.payments import PaymentRows
from storage.people import PeopleRows
from storage.personal import PersonalRows
from storage.pruning import PruneRows
from storage.quiet_hours import QuietHoursRows
from storage.returns import ReturnRows
from storage.seals import Seals
from storage.shops import ShopRows
from storage.suppliers import SupplierRows
from storage.wake import notify
from storage.writers import OneWriter, WriterPool, Writers

if TYPE_CHECKING:
    from domain.jobs import Transaction
    from domain.shops import Shop

T = TypeVar("T")

#: threads for reads
_READERS = 8
#: threads for the loops' transactions on PostgreSQL, and as many for those that somebody waits for
_WRITERS = 4
_SERVER_TIME = sa.select(sa.func.clock_timestamp())


class Moment(NamedTuple):
    """What time a transaction goes by."""

    now: datetime
    #: the same without what a sandbox's clock is ahead: leases last as long as they last
    real: datetime


@dataclass(frozen=True, kw_only=True)
class Store:
    """The database as the engine uses it: whole transactions, one thread hop each.

    SQLite has one writer thread; PostgreSQL a pool. ``now`` and ``new_id`` come in, so that all can be simulated.
    """

    engine: sa.Engine
    now: Callable[[], datetime]
    new_id: Callable[[], str]
    #: signs links and seals approvals; at least 32 random bytes
    secret: bytes
    #: called after a commit that wrote jobs, with their kinds, from the thread that committed
    committed: Callable[[frozenset[str]], None] = lambda _: None
    #: how far ``now`` is ahead of real time
    ahead: Callable[[], timedelta] = timedelta
    #: transactions go by the database server's clock, so that replicas whose clocks differ agree on what is due
    by_server: bool = False
    #: seconds that never go back, by which a turn of SQLite's one writer is bounded; None: it is not
    seconds: Callable[[], float] | None = None
    _writers: Writers = field(init=False)
    _readers: ThreadPoolExecutor = field(init=False)

    def __post_init__(self) -> None:
        """Threads start with the first transaction."""
        begin = self._transaction
        writers: Writers = WriterPool(begin=begin, threads=_WRITERS)
        if is_sqlite(self.engine):
            writers = OneWriter(begin=begin, seconds=self.seconds)
        object.__setattr__(self, "_writers", writers)
        object.__setattr__(self, "_readers", ThreadPoolExecutor(_READERS, thread_name_prefix="reader"))

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        """One transaction. What it wrote into the job table is told to every loop, here and in other processes."""
        with writing(self.engine) as connection:
            connection.info.pop(NEW_WORK, None)
            yield connection
            kinds = frozenset(connection.info.pop(NEW_WORK, ()))
            if kinds:
                notify(connection, kinds)
        if kinds:
            self.committed(kinds)

    @contextmanager
    def begin(self, shop: str | int) -> Iterator[UnitOfWork]:
        """A transaction for the shop of that key or id."""
        with self._transaction() as connection:
            yield self.unit_of_work(connection, shop)

    @contextmanager
    def looking(self, shop: str | int, at: datetime | None = None) -> Iterator[UnitOfWork]:
        """A transaction that only reads, as of now or of a past moment."""
        with reading(self.engine) as connection:
            yield self.unit_of_work(connection, shop, at)

    def unit_of_work(self, connection: sa.Connection, shop: Shop | str | int, at: datetime | None = None) -> UnitOfWork:
        """The ports of one shop over a connection."""
        if isinstance(shop, str | int):
            shops = ShopRows(connection)
            shop = shops.by_key(shop) if isinstance(shop, str) else shops.by_id(shop)
        return self._assemble(connection, shop, at or self.moment(connection).now)

    def moment(self, connection: sa.Connection) -> Moment:
        """What time it is for a transaction."""
        if not self.by_server:
            now = self.now()
            return Moment(now, now - self.ahead())
        if not connection.in_transaction():
            connection.begin()
        # Who asks first goes by the moment at which it began.
        real = connection.info.pop(BEGAN, None) or connection.execute(_SERVER_TIME).scalar_one().astimezone(UTC)
        return Moment(real + self.ahead(), real)

    def _assemble(self, connection: sa.Connection, shop: Shop, now: datetime) -> UnitOfWork:
        seals = Seals(self.secret)
        return UnitOfWork(
            shop=shop,
            now=now,
            new_id=self.new_id,
            sign=self.sign,
            people=PeopleRows(connection, shop),
            own_digests=OwnDigestRows(connection, shop),
            quiet_hours=QuietHoursRows(connection, shop),
            customers=CustomerRows(connection, shop, now),
            personal=PersonalRows(connection, shop, now),
            inventory=InventoryRows(connection, shop, now),
            suppliers=SupplierRows(connection, shop),
            levels=LevelRows(connection, shop, now),
            orders=OrderRows(connection, shop, now),
            payments=PaymentRows(connection, shop, now, seals),
            parcels=ParcelRows(connection, shop, now),
            returns=ReturnRows(connection, shop, now, seals),
            allowances=AllowanceRows(connection, shop),
            cases=CaseRows(connection, shop, now),
            connections=ConnectionRows(connection, shop),
            metrics=MetricRows(connection, shop, now),
            outbox=OutboxRows(connection, shop, now, self.new_id),
            dialogues=DialogueRows(connection, shop, now),
            numbers=NumberRows(connection, shop),
            audit=AuditRows(connection, shop, now, seals),
        )

    def sign(self, text: str) -> str:
        """A short signature of a text: 16 letters of A-Z a-z 0-9 _ -, 96 bits of HMAC-SHA-256."""
        mac = hmac.new(self.secret, text.encode(), hashlib.sha256).digest()
        return urlsafe_b64encode(mac[:12]).decode()

    async def write(self, work: Callable[[Transaction], T], *, hurried: bool = False) -> T:
        """Run a function whole, in one transaction, in one thread hop; ahead of the loops' where it is ``hurried``."""

        def whole(connection: sa.Connection) -> T:
            return work(self._open(connection))

        return await self._writers.run(whole, hurried=hurried)

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """A look at the database that takes no writer's place."""

        def whole() -> T:
            with reading(self.engine) as connection:
                return work(self._open(connection))

        return await asyncio.get_running_loop().run_in_executor(self._readers, whole)

    def _open(self, connection: sa.Connection) -> StoreTransaction:
        moment = self.moment(connection)
        return StoreTransaction(store=self, connection=connection, now=moment.now, real=moment.real)

    def close(self) -> None:
        """Finish what runs, and let go of every connection."""
        self._writers.shutdown()
        self._readers.shutdown()
        self.engine.dispose()


@dataclass(frozen=True, kw_only=True)
class Hurried:
    """The store as the doors use it: somebody waits for the answer, so their writes go before the loops'."""

    store: Store

    @property
    def now(self) -> Callable[[], datetime]:
        """The clock."""
        return self.store.now

    def write(self, work: Callable[[Transaction], T]) -> Awaitable[T]:
        """The store's, ahead of the loops'."""
        return self.store.write(work, hurried=True)

    def read(self, work: Callable[[Transaction], T]) -> Awaitable[T]:
        """The store's."""
        return self.store.read(work)


@dataclass(frozen=True, kw_only=True)
class StoreTransaction:
    """One open transaction over all shops."""

    store: Store
    connection: sa.Connection
    now: datetime
    #: by which leases run; None: by ``now``
    real: datetime | None = None

    @property
    def jobs(self) -> JobRows:
        """Jobs and lanes."""
        return JobRows(self.connection, self.now, self.real)

    @property
    def letters(self) -> LetterRows:
        """What "say" jobs carry."""
        return LetterRows(self.connection, self.now, self.real)

    @property
    def old(self) -> PruneRows:
        """What is over."""
        return PruneRows(self.connection, self.now)

    @property
    def alarms(self) -> AlarmRows:
        """What nobody has been told of yet."""
        return AlarmRows(self.connection, self.now)

    @property
    def gatherings(self) -> GatheringRows:
        """Channels' budgets."""
        return GatheringRows(self.connection, self.now)

    @property
    def buttons(self) -> ButtonRows:
        """Stored commands."""
        return ButtonRows(self.connection, self.now)

    @property
    def inbox(self) -> InboxRows:
        """What arrived."""
        return InboxRows(self.connection, self.now)

    @property
    def shops(self) -> ShopRows:
        """Every shop."""
        return ShopRows(self.connection)

    def of(self, shop: Shop | str | int) -> UnitOfWork:
        """The ports of one shop, in this same transaction."""
        return self.store.unit_of_work(self.connection, shop, self.now)

    def rehearse(self, work: Callable[[], object]) -> None:
        """Do it and undo it; whatever it raises is raised."""
        nested = self.connection.begin_nested()
        try:
            work()
        finally:
            nested.rollback()
