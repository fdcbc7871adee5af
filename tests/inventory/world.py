"""A shop with goods, staff and chats on a real database, with a clock that stands still."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import sqlalchemy as sa

from domain import inventory, shipping
from domain.cases import Case
from domain.inventory import MovementKind, StockMoved
from domain.messages import MESSAGES_BY_KIND, Command, Fact, Message
from domain.orders import Order, OrderPlaced, PlacedLine, note_order_placed
from domain.people import Actor
from domain.ports import UnitOfWork
from domain.wire import Json, from_json
from storage.database import insert, open_engine
from storage.tables import chats, jobs, locations, order_lines, orders, products, shops, staff, suppliers, variants
from storage.unit_of_work import Store

#: a Monday, 10:05 in Berlin
NOW = datetime(2026, 11, 23, 9, 5, tzinfo=UTC)

USE_CASES = {**inventory.USE_CASES, **shipping.USE_CASES}
FACTS = {**inventory.FACTS, **shipping.FACTS, OrderPlaced: note_order_placed}
STAFF = {"ada": "owner", "ben": "support", "cleo": "finance", "dan": "ops", "eve": "viewer"}


@dataclass
class World:
    """One shop; ``run`` and ``learn`` are each one transaction."""

    store: Store
    now: datetime = NOW
    keys: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @contextmanager
    def begin(self) -> Iterator[UnitOfWork]:
        with self.store.begin("nordlicht") as uow:
            yield uow

    def run(self, command: Command, who: str | int) -> Message:
        """As a member of staff by key, or as a Telegram account by number."""
        with self.begin() as uow:
            answer: Message = USE_CASES[type(command)](command, actor(who, uow), uow)
            return answer

    def learn(self, fact: Fact) -> None:
        with self.begin() as uow:
            FACTS[type(fact)](fact, uow)

    def later(self, **span: float) -> None:
        self.now += timedelta(**span)

    def sweep(self) -> None:
        """Both sweeps, as the clock runs them."""
        with self.begin() as uow:
            inventory.sweep_stock(uow)
        with self.begin() as uow:
            shipping.sweep_parcels(uow)

    def said(self, kind: str = "") -> list[Message]:
        """Messages in the outbox, oldest first."""
        with self.store.engine.begin() as connection:
            rows = connection.execute(sa.select(jobs).where(jobs.c.kind.like("say.%")).order_by(jobs.c.id)).all()
        return [from_json(MESSAGES_BY_KIND[row.payload["message"]], row.payload["fields"]) for row in rows
                if kind in ("", row.payload["message"])]

    def payloads(self, kind: str) -> list[dict[str, Json]]:
        with self.store.engine.begin() as connection:
            rows = connection.execute(sa.select(jobs).where(jobs.c.kind.like("say.%")).order_by(jobs.c.id)).all()
        return [row.payload for row in rows if row.payload["message"] == kind]

    def case(self, kind: str, subject: str) -> Case | None:
        with self.begin() as uow:
            return uow.cases.open_one(kind, subject)

    def supplier(self, name: str = "Nordkeramik", lead: float | None = 9.0) -> int:
        with self.store.engine.begin() as connection:
            return int(connection.execute(
                sa.insert(suppliers).values(shop_id=1, external_id=name, name=name, lead_time_days=lead)
                .returning(suppliers.c.id)
            ).scalar_one())

    def variant(
        self, sku: str = "BLU-MUG-300", title: str = "Blue mug 300 ml", *, a_day: int = 5, stock: int | None = 200,
        supplier: int | None = None, pack: int = 6, minimum: int = 1, price: int = 2000, days: int = 56,
    ) -> int:
        """A variant that sold ``a_day`` on each of the last days, with that stock counted half a year ago."""
        with self.store.engine.begin() as connection:
            product = connection.execute(
                sa.insert(products).values(shop_id=1, external_id=sku, title=title).returning(products.c.id)
            ).scalar_one()
            number = connection.execute(
                sa.insert(variants).values(
                    shop_id=1, product_id=product, sku=sku, title=title, price_minor=price, cost_minor=price // 2,
                    supplier_id=supplier, pack_size=pack, minimum_order=minimum, active=True,
                ).returning(variants.c.id)
            ).scalar_one()
            if a_day and days:
                self._sold(connection, int(number), sku, a_day, days)
        if stock is not None:
            self.move(sku, stock, "opening", at=NOW - timedelta(days=180))
        return int(number)

    def _sold(self, connection: sa.Connection, variant: int, sku: str, quantity: int, days: int) -> None:
        moments = [NOW - timedelta(days=back) for back in range(days, 0, -1)]
        order = connection.execute(sa.insert(orders).values(
            shop_id=1, number=f"S{next(self.keys)}", kind="sale", status="delivered", currency="EUR", total_minor=0,
            freight_minor=0, placed_at=moments[0],
        ).returning(orders.c.id)).scalar_one()
        connection.execute(sa.insert(order_lines), [
            {"shop_id": 1, "order_id": order, "line": line, "kind": "sale", "variant_id": variant, "code": sku,
             "title": sku, "quantity": quantity, "unit_price_minor": 2000, "freight_minor": 0, "placed_at": moment}
            for line, moment in enumerate(moments, start=1)
        ])

    def move(
        self, sku: str, quantity: int, kind: str = "sale", *, at: datetime | None = None, key: str | None = None
    ) -> None:
        """Stock moved at the one warehouse."""
        self.learn(StockMoved(sku=sku, location="leipzig", quantity=quantity, movement=MovementKind(kind),
                              at=at or self.now, key=key or f"move-{next(self.keys)}"))

    def customer(self, key: str = "maria", name: str = "Maria Silva", user: int | None = 1001,
                 language: str | None = "pt") -> int:
        """A customer, linked to a Telegram account unless ``user`` is None."""
        with self.begin() as uow:
            made = uow.customers.upsert(key, name=name, email=f"{key}@example.com", phone=None, language=language)
            if user is not None:
                uow.customers.link_telegram(made.id, user, language=None)
            return made.id

    def order(
        self, number: str = "1042", *, customer: str = "maria", placed: datetime | None = None,
        promised: date | None = date(2026, 11, 27), paid: bool = True,
    ) -> Order:
        """An order of one mug."""
        self.learn(OrderPlaced(
            number=number, at=placed or self.now, currency="EUR", customer_external_id=customer, customer_name=None,
            customer_email=None, customer_phone=None, payment_intent=f"pi_{number}" if paid else None,
            paid_minor=2000 if paid else 0, promised_on=promised,
            lines=(PlacedLine(sku="BLU-MUG-300", title="Blue mug 300 ml", quantity=1, unit_price_minor=2000),),
        ))
        with self.begin() as uow:
            found = uow.orders.by_number(number)
        assert found is not None
        return found


def actor(who: str | int, uow: UnitOfWork) -> Actor:
    """Staff by key, or whoever writes from a Telegram account."""
    if isinstance(who, int):
        customer = uow.customers.by_telegram(who)
        return Actor(identity=f"telegram:{who}", customer_id=None if customer is None else customer.id)
    found = next(one for one in uow.people.all() if one.key == who)
    return Actor(identity=f"slack:T0/{found.slack_user}", staff=found)


def world_on(url: str) -> World:
    """A fresh world."""
    engine = open_engine(url)
    numbers = itertools.count(1)
    world = World(
        store=Store(engine=engine, now=lambda: world.now, new_id=lambda: f"id{next(numbers):020d}", secret=b"s" * 32)
    )
    with engine.begin() as connection:
        connection.execute(sa.insert(shops).values(
            id=1, key="nordlicht", name="Nordlicht Shop", currency="EUR", time_zone="Europe/Berlin", language="en",
            country="DE", settings={"calendar": {"country": "DE"}},
        ))
        for topic in ("stock", "parcels"):
            connection.execute(sa.insert(chats).values(shop_id=1, topic=topic, platform="slack",
                                                       address=f"C0{topic.upper()}"))
        connection.execute(insert(connection, locations).values(shop_id=1, key="leipzig", name="Leipzig"))
        for key, role in STAFF.items():
            connection.execute(sa.insert(staff).values(
                shop_id=1, key=key, name=key.title(), role=role, slack_team="T0", slack_user=f"U0{key.upper()}",
                active=True,
            ))
    return world
