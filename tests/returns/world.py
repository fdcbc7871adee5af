"""A shop with staff, a customer and a delivered order, on a real database, with a clock that stands still."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from domain.customers import Customer
from domain.messages import Command, Fact, Message
from domain.orders import Order, OrderPlaced, PlacedLine
from domain.people import Actor
from domain.ports import UnitOfWork
from domain.returns.model import Reason, Return
from domain.returns.policy import Wanted
from domain.returns.requests import request_return
from domain.wire import Json
from storage.tables import parcels, staff
from storage.unit_of_work import Store
from tests.desk import START, TestDesk, open_desk

NOW = START
DELIVERED = NOW - timedelta(days=6)

#: ben may let 30.00 go, finn was given no limit yet
LIMITS = {"ben": 3000, "finn": None}


@dataclass(frozen=True)
class World:
    """The desk with returns' own shortcuts; ``run`` and ``learn`` are each one transaction."""

    desk: TestDesk

    @property
    def now(self) -> datetime:
        return self.desk.clock.moment

    @property
    def store(self) -> Store:
        return self.desk.store

    def begin(self) -> AbstractContextManager[UnitOfWork]:
        return self.desk.begin()

    def run(self, command: Command, who: str | int) -> Message:
        """As a member of staff by key, or as a Telegram account by number."""
        return self.desk.run(command, self.actor(who))

    def learn(self, fact: Fact) -> None:
        self.desk.learn(fact)

    def actor(self, who: str | int) -> Actor:
        return self.desk.customer(who) if isinstance(who, int) else self.desk.staff(who)

    def later(self, **span: float) -> None:
        self.desk.clock.move(**span)

    def found(self, number: str) -> Return:
        with self.begin() as uow:
            known = uow.returns.by_number(number)
        assert known is not None
        return known

    def outbox(self, kind: str = "") -> list[dict[str, Json]]:
        """Payloads of the jobs of a message kind or job kind, oldest first."""
        rows = self.desk.outbox_rows()
        return [row.payload for row in rows if not kind or kind in (row.payload.get("message"), row.kind)]

    def told(self, user: int) -> list[str]:
        """Kinds of the messages to a customer's chat."""
        return [str(one["message"]) for one in self.outbox("say.telegram") if one["address"] == str(user)]

    def order(
        self, number: str = "1042", *, phone: str = "+49 151 0000 1001", delivered: datetime | None = DELIVERED,
        customer: str = "maria", intent: str | None = "", paid: int = 10_000,
        lines: tuple[tuple[str, str, int, int], ...] = (
            ("BLU-MUG-300", "Blue mug 300 ml", 4, 1900), ("TEA-TOWEL", "Tea towel", 1, 1200),
        ),
    ) -> Order:
        """An order, paid through Stripe unless ``intent`` is None."""
        placed = OrderPlaced(
            number=number, at=NOW - timedelta(days=10), currency="EUR", customer_external_id=customer,
            customer_name="Maria Silva", customer_email=None, customer_phone=phone,
            lines=tuple(PlacedLine(sku=s, title=t, quantity=q, unit_price_minor=p) for s, t, q, p in lines),
            payment_intent=f"pi_{number}" if intent == "" else intent, paid_minor=paid, promised_on=None,
        )
        with self.begin() as uow:
            order = uow.orders.add(placed)
            assert order is not None
        if delivered is not None:
            self.desk.execute(
                sa.insert(parcels).values(
                    shop_id=self.desk.shop.id, order_id=order.id, sequence=1, milestone="Delivered",
                    delivered_at=delivered,
                )
            )
        with self.begin() as uow:
            return uow.orders.by_id(order.id)

    def link(self, customer: str, user: int, phone: str = "+49 151 0000 1001") -> Customer:
        """An account that has proved an order of that number."""
        with self.begin() as uow:
            known = uow.customers.upsert(customer, name=None, email=None, phone=None)
            return uow.customers.link_telegram(known.id, user, language=None, phone=phone)

    def request(
        self, order: Order, *, quantity: int = 2, reason: Reason = Reason.DAMAGED, photo: str | None = "photo-1",
        user: int | None = 1001,
    ) -> Return:
        with self.begin() as uow:
            actor = Actor(identity=f"telegram:{user}")
            return request_return(
                order=order, wanted=(Wanted(order_line_id=order.lines[0].id, quantity=quantity),), reason=reason,
                photo=photo, note=None, telegram_user=user, actor=actor, uow=uow,
            )


@contextmanager
def world_on(url: str, policies: dict[str, Json] | None = None) -> Iterator[World]:
    """A fresh world; ``policies``: what differs in the [policies.returns] table of the shop file."""
    given: dict[str, Json] = {
        "refund_without_return_minor": 4000, "return_cost_minor": 490, "answer_within_hours": 6, **(policies or {}),
    }
    with open_desk(url, policies={"returns": given}) as desk:
        for key, limit in LIMITS.items():
            desk.execute(sa.update(staff).where(staff.c.key == key).values(refund_limit_minor=limit))
        yield World(desk=desk)
