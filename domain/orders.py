"""Orders and their lines, as they were placed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Protocol

from domain.customers import Customer, one_number
from domain.messages import Fact
from domain.money import Money

if TYPE_CHECKING:
    from domain.ports import UnitOfWork

@dataclass(frozen=True, kw_only=True)
class OrderLine:
    """One line: so many of a variant at a price."""

    id: int
    line: int
    variant_id: int | None
    sku: str
    title: str
    quantity: int
    unit_price: Money

    @property
    def total(self) -> Money:
        """Quantity times price."""
        return Money(minor=self.quantity * self.unit_price.minor, currency=self.unit_price.currency)


@dataclass(frozen=True, kw_only=True)
class Order:
    """An order with its lines."""

    id: int
    number: str
    status: str
    customer_id: int | None
    #: its customer's phone number as it was told with it; "" where none was; None: the customer's own record has it
    phone: str | None
    total: Money
    placed_at: datetime
    approved_at: datetime | None
    promised_on: date | None
    ship_by: datetime | None
    delivered_at: datetime | None
    lines: tuple[OrderLine, ...]


class Orders(Protocol):
    """The orders of one shop."""

    def by_id(self, order_id: int) -> Order:
        """That order; NotFound."""

    def by_number(self, number: str) -> Order | None:
        """By its number, with or without a leading #, whatever the case."""

    def of_customer(self, customer_id: int, limit: int) -> tuple[Order, ...]:
        """Their newest orders first."""

    def count_of_customer(self, customer_id: int) -> int:
        """How many orders they ever placed."""

    def add(self, placed: OrderPlaced) -> Order | None:
        """Store a placed order with its lines and payment; None if that number is known already."""

    def note_paid(self, paid: OrderPaid) -> Order | None:
        """Approve an order that was not paid yet and write its payment; None if it was, or is not known."""


@dataclass(frozen=True, kw_only=True)
class PlacedLine:
    """A line of an order that was just placed. Price in minor units of the order's currency."""

    sku: str
    title: str
    quantity: int
    unit_price_minor: int


@dataclass(frozen=True, kw_only=True)
class OrderPlaced(Fact):
    """The shop took an order."""

    number: str
    at: datetime
    currency: str
    customer_external_id: str
    customer_name: str | None
    customer_email: str | None
    customer_phone: str | None
    lines: tuple[PlacedLine, ...]
    payment_intent: str | None
    paid_minor: int
    promised_on: date | None


@dataclass(frozen=True, kw_only=True)
class OrderPaid(Fact):
    """An order that was placed before was paid now. Tells when work on it may begin; nothing is refunded by it."""

    number: str
    at: datetime
    currency: str
    paid_minor: int


def note_order_placed(fact: OrderPlaced, uow: UnitOfWork) -> None:
    """Store it with its lines, payment and customer; heard twice, it is stored once.

    Stock is left alone: the shop tells of it by movements of its own, and nothing is counted twice.
    """
    order = uow.orders.add(fact)
    if order is not None:
        uow.audit.add("shop", "order.placed", order.number, {"total_minor": order.total.minor})


def note_order_paid(fact: OrderPaid, uow: UnitOfWork) -> None:
    """It is approved and its payment stands; heard twice, or of an order that was paid at once, it changes nothing."""
    order = uow.orders.note_paid(fact)
    if order is not None:
        uow.audit.add("shop", "order.paid", order.number, {"paid_minor": fact.paid_minor})


def own_orders(customer: Customer, limit: int, uow: UnitOfWork) -> tuple[Order, ...]:
    """Of a customer's ``limit`` newest orders those of which their account may be told, newest first."""
    return tuple(one for one in uow.orders.of_customer(customer.id, limit) if speaks_for(customer, one))


def phone_of(order: Order, customer: Customer) -> str:
    """The number by which an order is proved; "" where nobody told one, and then no number proves it."""
    return (customer.phone or "") if order.phone is None else order.phone


def speaks_for(customer: Customer, order: Order) -> bool:
    """Whether the account that is linked to a customer may be shown an order and told of it: theirs, under its number.

    Whoever orders under somebody else's e-mail address becomes the same customer, but not with the same number.
    """
    if customer.telegram_user is None or order.customer_id != customer.id:
        return False
    proved = customer.phone if customer.proved_phone is None else customer.proved_phone
    return one_number(phone_of(order, customer), proved or "")
