"""The demo shop's records, and ids that look like Stripe's and are the same for the same seed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from sandbox.demo_shop.catalogue import Product, Supplier

_ALPHABET = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#: any byte as one of the 62
_LETTERS = bytes(_ALPHABET[number % 62] for number in range(256))


@dataclass(frozen=True, kw_only=True)
class Customer:
    """A customer of the shop; ``city`` is where parcels go."""

    key: str
    name: str
    email: str
    phone: str | None
    country: str
    language: str
    city: str


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of an order, amounts in cents."""

    sku: str
    title: str
    quantity: int
    unit_price: int
    freight: int = 0


@dataclass(frozen=True, kw_only=True)
class Payment:
    """How an order was paid, in cents; ``intent`` and ``last4`` only with a card."""

    method: str
    amount: int
    paid_at: datetime | None
    intent: str | None = None
    last4: str | None = None


@dataclass(frozen=True, kw_only=True)
class Scan:
    """What a carrier said of a parcel."""

    at: datetime
    milestone: str
    place: str
    substatus: str | None = None


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """A parcel and its scans, oldest first."""

    carrier: str
    tracking_number: str
    destination: str
    international: bool
    expected_on: date
    scans: tuple[Scan, ...]


@dataclass(frozen=True, kw_only=True)
class Order:
    """An order as it stands at the end of the history."""

    number: str
    customer: Customer
    status: str
    placed_at: datetime
    approved_at: datetime | None
    promised_on: date
    ship_by: datetime
    lines: tuple[Line, ...]
    payment: Payment
    parcel: Parcel | None = None

    @property
    def total(self) -> int:
        """Goods and postage, in cents."""
        return sum(line.quantity * line.unit_price + line.freight for line in self.lines)

    @property
    def delivered_at(self) -> datetime | None:
        """When the parcel arrived."""
        scans = self.parcel.scans if self.parcel else ()
        return next((scan.at for scan in scans if scan.milestone == "Delivered"), None)

    @property
    def handed_over_at(self) -> datetime | None:
        """When the carrier had it."""
        scans = self.parcel.scans if self.parcel else ()
        return next((scan.at for scan in scans if scan.milestone != "InfoReceived"), None)


@dataclass(frozen=True, kw_only=True)
class Return:
    """One returned line; amounts in cents."""

    number: str
    order: Order
    sku: str
    quantity: int
    reason: str
    state: str
    requested_at: datetime
    amount: int
    decided_at: datetime | None = None
    received_at: datetime | None = None
    refunded_at: datetime | None = None
    refund: str | None = None


@dataclass(frozen=True, kw_only=True)
class Level:
    """Stock of a SKU."""

    sku: str
    location: str
    on_hand: int
    reserved: int
    incoming: int
    counted_at: datetime


@dataclass(frozen=True, kw_only=True)
class Demo:
    """The whole shop at one moment (``until``, Berlin's local time without an offset)."""

    seed: int
    until: datetime
    suppliers: tuple[Supplier, ...]
    products: tuple[Product, ...]
    customers: tuple[Customer, ...]
    orders: tuple[Order, ...]
    returns: tuple[Return, ...]
    levels: tuple[Level, ...]

    def order(self, number: str) -> Order:
        """That order; KeyError if there is none."""
        found = next((order for order in self.orders if order.number == number), None)
        if found is None:
            raise KeyError(number)
        return found

    def of_customer(self, key: str) -> Iterator[Order]:
        """Their orders, newest first."""
        return (order for order in reversed(self.orders) if order.customer.key == key)


def stripe_id(prefix: str, seed: int, what: str) -> str:
    """An id like ``pi_3Qx...``: 24 letters and digits that follow from seed and ``what``."""
    digest = hashlib.sha256(f"{seed}/{prefix}/{what}".encode()).digest()
    return f"{prefix}_{digest[:24].translate(_LETTERS).decode()}"
