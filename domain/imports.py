"""What a file can tell about a shop: kinds of records and their fields, and what became of its rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Final, NamedTuple, TypeAlias

#: a field's value after it was read; None = not known, or has not happened
Value: TypeAlias = "str | int | float | bool | datetime | date | None"


class Kind(StrEnum):
    """What a field holds; ``gateways.csv_import`` reads it from text, ``storage.imports`` keeps it."""

    TEXT = "text"
    COUNT = "count"
    NUMBER = "number"
    MONEY = "money"
    FLAG = "flag"
    INSTANT = "instant"
    DATE = "date"
    #: an ISO 4217 code, and the shop's own: amounts of two currencies are never added up
    CURRENCY = "currency"


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of a record. ``needed``: a row without it is refused. ``least``: the smallest count or amount."""

    kind: Kind = Kind.TEXT
    needed: bool = False
    least: int | None = None
    one_of: frozenset[str] = frozenset()


def _text(*, needed: bool = False, one_of: tuple[str, ...] = ()) -> Field:
    return Field(needed=needed, one_of=frozenset(one_of))


def _of(kind: Kind, *, needed: bool = False, least: int | None = None) -> Field:
    return Field(kind=kind, needed=needed, least=least)


_KEY: Final = _text(needed=True)
MILESTONES: Final = (
    "InfoReceived", "InTransit", "OutForDelivery", "AttemptFail", "AvailableForPickup", "Delivered", "Exception",
    "Expired",
)
RETURN_STATES: Final = (
    "requested", "photo_asked", "approved", "declined", "received", "refunding", "refunded", "refund_failed",
    "cancelled",
)

#: each kind of record with its fields, in the order in which one row's records are written: what is pointed to first
RECORDS: Final[Mapping[str, Mapping[str, Field]]] = {
    "supplier": {
        "supplier": _KEY, "name": _KEY, "email": _text(), "region": _text(),
        "lead_time_days": _of(Kind.NUMBER, least=0), "lead_time_sd_days": _of(Kind.NUMBER, least=0),
    },
    "product": {"product": _KEY, "title": _KEY, "category": _text()},
    "variant": {
        "sku": _KEY, "product": _KEY, "title": _KEY, "price": _of(Kind.MONEY, least=0),
        "cost": _of(Kind.MONEY, least=0), "supplier": _text(), "pack_size": _of(Kind.COUNT, least=1),
        "minimum_order": _of(Kind.COUNT, least=1), "barcode": _text(), "active": _of(Kind.FLAG),
    },
    "location": {"location": _KEY, "name": _KEY},
    "stock": {
        "sku": _KEY, "location": _KEY, "on_hand": _of(Kind.COUNT, needed=True), "reserved": _of(Kind.COUNT),
        "incoming": _of(Kind.COUNT, least=0), "at": _of(Kind.INSTANT),
    },
    "movement": {
        "key": _KEY, "sku": _KEY, "location": _KEY, "kind": _KEY, "on_hand": _of(Kind.COUNT, needed=True),
        "at": _of(Kind.INSTANT, needed=True), "reference": _text(),
    },
    "customer": {
        "customer": _KEY, "name": _text(), "email": _text(), "phone": _text(), "language": _text(),
        "country": _text(), "region": _text(), "postcode": _text(),
    },
    "order": {
        "order": _KEY, "kind": _text(one_of=("sale", "credit_note", "adjustment")), "status": _KEY,
        "customer": _text(), "currency": _of(Kind.CURRENCY, needed=True), "placed_at": _of(Kind.INSTANT, needed=True),
        "approved_at": _of(Kind.INSTANT), "cancelled_at": _of(Kind.INSTANT), "ship_by": _of(Kind.INSTANT),
        "promised_on": _of(Kind.DATE), "channel": _text(), "country": _text(), "region": _text(),
    },
    "order_line": {
        "order": _KEY, "line": _of(Kind.COUNT, needed=True, least=1),
        "kind": _text(one_of=("sale", "return", "charge", "free")), "sku": _text(), "code": _KEY, "title": _text(),
        "quantity": _of(Kind.COUNT, needed=True), "unit_price": _of(Kind.MONEY, needed=True),
        "freight": _of(Kind.MONEY), "supplier": _text(), "ship_by": _of(Kind.INSTANT),
    },
    "payment": {
        "order": _KEY, "sequence": _of(Kind.COUNT, needed=True, least=1), "method": _KEY,
        "amount": _of(Kind.MONEY, needed=True, least=0), "paid_at": _of(Kind.INSTANT), "payment_intent": _text(),
        "card_last4": _text(),
    },
    "parcel": {
        "order": _KEY, "parcel": _of(Kind.COUNT, needed=True, least=1), "carrier": _text(),
        "tracking_number": _text(), "origin": _text(), "destination": _text(), "international": _of(Kind.FLAG),
        "expected_on": _of(Kind.DATE),
    },
    "scan": {
        "order": _KEY, "parcel": _of(Kind.COUNT, needed=True, least=1), "at": _of(Kind.INSTANT, needed=True),
        "milestone": _text(needed=True, one_of=MILESTONES), "substatus": _text(), "place": _text(), "key": _KEY,
    },
    "return": {
        "return": _KEY, "order": _KEY, "reason": _KEY, "state": _text(needed=True, one_of=RETURN_STATES),
        "requested_at": _of(Kind.INSTANT, needed=True), "decided_at": _of(Kind.INSTANT),
        "received_at": _of(Kind.INSTANT), "refunded_at": _of(Kind.INSTANT),
    },
    "return_line": {
        "return": _KEY, "order": _KEY, "sku": _KEY, "quantity": _of(Kind.COUNT, needed=True, least=1),
        "amount": _of(Kind.MONEY, needed=True, least=0), "refund": _text(),
    },
}


@dataclass(frozen=True, kw_only=True)
class ShopDefaults:
    """The shop that a first import makes, where there is none of that key yet."""

    name: str
    currency: str
    time_zone: str
    language: str = "en"
    country: str = ""
    digest_at: str = "08:00"


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What the records of one mapping entry have in common: their kind and the fields that the mapping names."""

    kind: str
    fields: tuple[str, ...]
    #: make it where it is missing, but never change what is there
    only_new: bool = False

    def __post_init__(self) -> None:
        """Its hash is taken once: a shape is looked up for each of half a million records."""
        object.__setattr__(self, "_hash", hash((self.kind, self.fields, self.only_new)))

    def __hash__(self) -> int:
        """Of everything that makes it equal to another."""
        return self._hash  # type: ignore[attr-defined,no-any-return]


#: one thing that a row tells: its shape, and a value for each of the shape's fields
Record: TypeAlias = tuple[Shape, tuple[Value, ...]]


class Row(NamedTuple):
    """One row of a file, read. A named tuple: half a million of these are made in a few seconds."""

    #: of the file, from 1, the header not counted
    number: int
    records: tuple[Record, ...]


@dataclass(frozen=True, kw_only=True)
class Reject:
    """A row that was not taken, and why. ``field``: the file's column, or where it is a matter of several, ours."""

    number: int
    field: str
    value: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Written:
    """What became of some rows."""

    imported: int = 0
    unchanged: int = 0
    rejects: tuple[Reject, ...] = field(default=())
