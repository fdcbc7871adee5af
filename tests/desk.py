"""A whole desk on a real database, with a clock that is set by hand and chance that is counted."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

import sqlalchemy as sa

from domain.jobs import Transaction
from domain.messages import COMMANDS_BY_KIND, Command, Fact, Message
from domain.people import Actor, Role
from domain.ports import UnitOfWork
from domain.shops import Shop
from domain.wire import from_json
from handlers.use_cases import USE_CASES
from handlers.webhooks import learn
from storage import shop_file
from storage.database import open_engine
from storage.shop_file import ChatRow, ShopFile, StaffRow
from storage.tables import audit, buttons, jobs, metadata
from storage.unit_of_work import Store

T = TypeVar("T")

START = datetime.fromisoformat("2026-11-23T09:05:00+01:00")
STAFF = (
    StaffRow(key="ada", name="Ada", role="owner", slack_team="T0", slack_user="U0ADA", telegram_user=2002),
    StaffRow(key="ben", name="Ben", role="support", refund_limit_minor=5000, slack_team="T0", slack_user="U0BEN"),
    StaffRow(key="cleo", name="Cleo", role="finance", slack_team="T0", slack_user="U0CLEO"),
    StaffRow(key="dan", name="Dan", role="ops", refund_limit_minor=0, slack_team="T0", slack_user="U0DAN", telegram_user=2001),
    StaffRow(key="eve", name="Eve", role="viewer", refund_limit_minor=0, slack_team="T0", slack_user="U0EVE"),
    StaffRow(key="finn", name="Finn", role="support", refund_limit_minor=5000, slack_team="T0", slack_user="U0FINN"),
)
CHATS = tuple(
    ChatRow(topic=topic, platform="slack", address=f"C0{topic.upper()}") for topic in ("stock", "parcels", "returns", "daily")
)


@dataclass
class Clock:
    """A clock that stands until it is moved."""

    moment: datetime = START

    def now(self) -> datetime:
        return self.moment

    def move(self, **parts: float) -> None:
        self.moment += timedelta(**parts)


@dataclass
class TestDesk:
    """One shop, as use cases see it."""

    __test__ = False
    store: Store
    clock: Clock
    key: str = "nordlicht"
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def shop(self) -> Shop:
        with self.store.looking(self.key) as uow:
            return uow.shop

    @contextmanager
    def begin(self) -> Iterator[UnitOfWork]:
        with self.store.begin(self.key) as uow:
            yield uow

    @contextmanager
    def looking(self, at: datetime | None = None) -> Iterator[UnitOfWork]:
        with self.store.looking(self.key, at) as uow:
            yield uow

    def run(self, command: Command, actor: Actor) -> Message:
        """Run a command whole, as the door does."""
        with self.begin() as uow:
            return USE_CASES[type(command)](command, actor, uow)

    def learn(self, fact: Fact) -> None:
        """Note a fact whole."""
        with self.begin() as uow:
            learn(fact, uow)

    def staff(self, key: str) -> Actor:
        """A member of staff as the actor of a command."""
        with self.looking() as uow:
            found = next(one for one in uow.people.all() if one.key == key)
        return Actor(identity=f"slack:{found.slack_team}/{found.slack_user}", staff=found)

    def customer(self, user: int) -> Actor:
        """A Telegram account as the actor of a command."""
        with self.looking() as uow:
            found = uow.customers.by_telegram(user)
        return Actor(identity=f"telegram:{user}", customer_id=None if found is None else found.id)

    def outbox_rows(self, kind: str | None = None) -> list[Any]:
        """Every job row, oldest first."""
        with self.store.engine.connect() as connection:
            rows = connection.execute(sa.select(jobs).order_by(jobs.c.id)).all()
        return [row for row in rows if kind is None or row.kind == kind]

    def said(self, kind: str) -> list[dict[str, Any]]:
        """The payloads of every message of that kind."""
        return [row.payload for row in self.outbox_rows() if row.payload.get("message") == kind]

    def audit_actions(self) -> list[str]:
        with self.store.engine.connect() as connection:
            return list(connection.execute(sa.select(audit.c.action).order_by(audit.c.id)).scalars())

    def button(self, payload: dict[str, Any], label: str) -> Command:
        """The command behind a button of a message that went out."""
        token = next(one["token"] for one in payload["buttons"] if one["label"].startswith(label))
        with self.store.engine.connect() as connection:
            row = connection.execute(sa.select(buttons).where(buttons.c.token == token)).one()
        return from_json(COMMANDS_BY_KIND[row.command], row.fields)

    def execute(self, statement: Any) -> Any:
        with self.store.engine.begin() as connection:
            return connection.execute(statement)

    def query(self, statement: Any) -> list[Any]:
        with self.store.engine.connect() as connection:
            return list(connection.execute(statement).all())


@dataclass
class Counted:
    """The desk's store, how many of its transactions are under way, and how many looks there were."""

    desk: TestDesk
    under_way: int = 0
    looks: int = 0

    @property
    def now(self) -> Callable[[], datetime]:
        return self.desk.store.now

    async def write(self, work: Callable[[Transaction], T]) -> T:
        self.under_way += 1
        try:
            return await self.desk.store.write(work)
        finally:
            self.under_way -= 1

    async def read(self, work: Callable[[Transaction], T]) -> T:
        self.looks += 1
        self.under_way += 1
        try:
            return await self.desk.store.read(work)
        finally:
            self.under_way -= 1


def shop_file_of(key: str = "nordlicht", policies: dict[str, Any] | None = None) -> ShopFile:
    """The shop of the tests."""
    return ShopFile(
        key=key, name="Nordlicht Shop", currency="EUR", time_zone="Europe/Berlin", language="en", country="DE",
        settings={
            "digest_at": "08:00", "calendar": {"country": "DE"},
            "policies": policies or {"returns": {"refund_without_return_minor": 4000, "return_cost_minor": 490, "answer_within_hours": 7}},
        },
        staff=STAFF, chats=CHATS,
    )


@contextmanager
def open_desk(url: str, *, policies: dict[str, Any] | None = None) -> Iterator[TestDesk]:
    """A desk with one empty shop, on a database with every table and no row, or in memory (``sqlite://``)."""
    clock, numbers = Clock(), itertools.count(1)
    engine = open_engine(url)
    if url == "sqlite://":
        metadata.create_all(engine)
    store = Store(engine=engine, now=clock.now, new_id=lambda: f"id{next(numbers):020d}", secret=b"s" * 32)
    with engine.begin() as connection:
        shop_file.apply(connection, shop_file_of(policies=policies))
    try:
        yield TestDesk(store=store, clock=clock)
    finally:
        store.close()


__all__ = ["CHATS", "STAFF", "START", "Clock", "Counted", "Role", "TestDesk", "open_desk", "shop_file_of"]
