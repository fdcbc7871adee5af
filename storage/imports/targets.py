"""Where each kind of record goes: its table, its key, its columns, and the rows that it points to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa

from domain.shops import Shop
from storage.tables import (
    customers,
    locations,
    order_lines,
    orders,
    parcels,
    payments,
    products,
    return_lines,
    returns,
    scans,
    stock_levels,
    stock_movements,
    suppliers,
    variants,
)


@dataclass(frozen=True, kw_only=True)
class Link:
    """A row of another table that a record names by its key."""

    name: str
    parent: sa.Table
    #: the parent's key column, and the record's field or ("@name") the other link that it equals
    match: tuple[tuple[str, str], ...]
    #: where its id goes; None = only looked through
    column: str | None = None
    #: several may match (the same SKU twice in an order): then the first
    first: bool = False
    #: what the person who reads the rejects file knows it as
    called: str = ""

    @property
    def field(self) -> str:
        """The record's own field that names it."""
        return next(source for _column, source in reversed(self.match) if not source.startswith("@"))


@dataclass(frozen=True, kw_only=True)
class Target:
    """One kind of record as rows."""

    table: sa.Table
    #: columns that make a row the same row, besides the shop
    key: tuple[str, ...]
    #: whether the unique constraint over the key names the shop as well
    shop_in_key: bool = True
    #: table column -> field of the record
    columns: Mapping[str, str]
    links: tuple[Link, ...] = ()
    #: table column -> (link, the parent's column): copied when the row is made or changed
    copies: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    #: for a new row, where the record says nothing; a column's own server default needs no mention
    defaults: Mapping[str, object] = field(default_factory=dict)
    #: table column -> the column of this row that stands in for an empty value
    instead: Mapping[str, str] = field(default_factory=dict)

    #: further columns, worked out from the stage's
    computed: Callable[[sa.FromClause, Shop], dict[str, sa.ColumnElement[Any]]] = lambda _staged, _shop: {}
    #: a difference that no column of the table shows
    differs: Callable[[sa.FromClause, Mapping[str, sa.FromClause]], sa.ColumnElement[bool] | None] = (
        lambda _staged, _parents: None
    )
    #: what follows from it needs the unchanged records of the batch as well
    whole: bool = False

    @property
    def key_fields(self) -> tuple[str, ...]:
        """The record's fields that make it the same record."""
        by_column = {link.column: link for link in self.links if link.column}
        found: dict[str, None] = {}
        for column in self.key:
            if column in self.columns:
                found[self.columns[column]] = None
            else:
                found |= dict.fromkeys(_fields(by_column[column], self.links))
        return tuple(found)


def _fields(link: Link, links: tuple[Link, ...]) -> tuple[str, ...]:
    """Every field that it takes to find a link's row."""
    by_name = {other.name: other for other in links}
    found: list[str] = []
    for _column, source in link.match:
        found += _fields(by_name[source[1:]], links) if source.startswith("@") else [source]
    return tuple(found)


def _link(name: str, parent: sa.Table, key: str, *, stored: bool = True, called: str = "") -> Link:
    return Link(
        name=name, parent=parent, match=((key, name),), column=f"{name}_id" if stored else None, called=called or name
    )


_MICROSECONDS_PER_HOUR: Final = 3_600_000_000
#: the form of domain.returns' verdict, for a return that was decided, or asked for, before Opsbell was there
_VERDICT: Final = {
    "fits": True, "explanation": ["Imported: it was asked for before Opsbell kept this shop's returns."],
    "delivered_days": None, "window_days": 0, "orders": 0, "returns_before": 0,
}


def _return_follows(staged: sa.FromClause, shop: Shop) -> dict[str, sa.ColumnElement[Any]]:
    """Answer due by the policy; closed when refunded or turned down; refunded without coming back: kept."""
    said = staged.c
    refunded = said.refunded_at if "refunded_at" in said else sa.null()
    received = said.received_at if "received_at" in said else sa.null()
    decided = said.decided_at if "decided_at" in said else sa.null()
    turned_down = sa.case(
        (said.state.in_(("declined", "cancelled")), sa.func.coalesce(decided, said.requested_at)), else_=sa.null()
    )
    wait = shop.policies.returns.answer_within_hours * _MICROSECONDS_PER_HOUR
    return {
        "answer_by": said.requested_at + sa.literal(wait, sa.BigInteger()),
        "closed_at": sa.func.coalesce(refunded, turned_down),
        "goods": sa.case((sa.and_(refunded.is_not(None), received.is_(None)), "keep"), else_="send_back"),
    }


def _other_amount(staged: sa.FromClause, parents: Mapping[str, sa.FromClause]) -> sa.ColumnElement[bool] | None:
    """The lines of a return no longer add up to what it asks for."""
    other = staged.alias("other")
    asked = sa.select(sa.func.sum(other.c.amount)).where(other.c["return"] == staged.c["return"]).scalar_subquery()
    return parents["return"].c.requested_minor.is_distinct_from(asked)


_ORDER: Final = _link("order", orders, "number")
_SUPPLIER: Final = _link("supplier", suppliers, "external_id")
_LOCATION: Final = _link("location", locations, "key")
_VARIANT: Final = Link(name="variant", parent=variants, match=(("sku", "sku"),), column="variant_id", called="SKU")

TARGETS: Final[Mapping[str, Target]] = {
    "supplier": Target(
        table=suppliers, key=("external_id",),
        columns={
            "external_id": "supplier", "name": "name", "email": "email", "region": "region",
            "lead_time_days": "lead_time_days", "lead_time_sd_days": "lead_time_sd_days",
        },
    ),
    "product": Target(
        table=products, key=("external_id",),
        columns={"external_id": "product", "title": "title", "category": "category"},
    ),
    "variant": Target(
        table=variants, key=("sku",), links=(_link("product", products, "external_id"), _SUPPLIER),
        columns={
            "sku": "sku", "title": "title", "price_minor": "price", "cost_minor": "cost", "pack_size": "pack_size",
            "minimum_order": "minimum_order", "barcode": "barcode", "active": "active",
        },
        defaults={"pack_size": 1, "minimum_order": 1, "active": True},
    ),
    "location": Target(table=locations, key=("key",), columns={"key": "location", "name": "name"}),
    "stock": Target(
        table=stock_levels, key=("variant_id", "location_id"), links=(_VARIANT, _LOCATION),
        columns={"on_hand": "on_hand", "reserved": "reserved", "incoming": "incoming", "changed_at": "at"},
        defaults={"reserved": 0, "incoming": 0, "changed_at": "now"},
    ),
    "movement": Target(
        table=stock_movements, key=("key",), links=(_VARIANT, _LOCATION),
        columns={"key": "key", "kind": "kind", "on_hand": "on_hand", "at": "at", "reference": "reference"},
    ),
    "customer": Target(
        table=customers, key=("external_id",),
        columns={
            "external_id": "customer", "name": "name", "email": "email", "phone": "phone", "language": "language",
            "country": "country", "region": "region", "postcode": "postcode",
        },
    ),
    "order": Target(
        table=orders, key=("number",), links=(_link("customer", customers, "external_id"),),
        columns={
            "number": "order", "kind": "kind", "status": "status", "currency": "currency", "placed_at": "placed_at",
            "approved_at": "approved_at", "cancelled_at": "cancelled_at", "ship_by": "ship_by",
            "promised_on": "promised_on", "channel": "channel", "country": "country", "region": "region",
        },
        defaults={"kind": "sale", "total_minor": 0, "freight_minor": 0},
    ),
    "order_line": Target(
        table=order_lines, key=("order_id", "line"), links=(_ORDER, _VARIANT, _SUPPLIER),
        columns={
            "line": "line", "kind": "kind", "code": "code", "title": "title", "quantity": "quantity",
            "unit_price_minor": "unit_price", "freight_minor": "freight", "ship_by": "ship_by",
        },
        copies={"placed_at": ("order", "placed_at")},
        defaults={"kind": "sale", "freight_minor": 0, "title": None},
        instead={"title": "code"},
    ),
    "payment": Target(
        table=payments, key=("order_id", "sequence"), links=(_ORDER,),
        columns={
            "sequence": "sequence", "method": "method", "amount_minor": "amount", "paid_at": "paid_at",
            "payment_intent": "payment_intent", "card_last4": "card_last4",
        },
        copies={"currency": ("order", "currency")},
        defaults={"refunded_minor": 0},
    ),
    "parcel": Target(
        table=parcels, key=("order_id", "sequence"), links=(_ORDER,),
        columns={
            "sequence": "parcel", "carrier": "carrier", "tracking_number": "tracking_number", "origin": "origin",
            "destination": "destination", "international": "international", "expected_on": "expected_on",
        },
        defaults={"milestone": "Pending", "international": False},
    ),
    "scan": Target(
        table=scans, key=("key",),
        links=(
            _link("order", orders, "number", stored=False),
            Link(
                name="parcel", parent=parcels, match=(("order_id", "@order"), ("sequence", "parcel")),
                column="parcel_id", called="parcel",
            ),
        ),
        columns={
            "key": "key", "at": "at", "heard_at": "at", "milestone": "milestone", "substatus": "substatus",
            "place": "place",
        },
    ),
    "return": Target(
        table=returns, key=("number",), links=(_ORDER,),
        columns={
            "number": "return", "reason": "reason", "state": "state", "requested_at": "requested_at",
            "decided_at": "decided_at", "received_at": "received_at",
        },
        copies={"customer_id": ("order", "customer_id"), "currency": ("order", "currency")},
        defaults={"version": 1, "cost_minor": 0, "requested_minor": 0, "verdict": _VERDICT},
        computed=_return_follows,
    ),
    "return_line": Target(
        table=return_lines, key=("return_id", "order_line_id"), shop_in_key=False,
        links=(
            _link("return", returns, "number"),
            _link("order", orders, "number", stored=False),
            Link(
                name="line", parent=order_lines, match=(("order_id", "@order"), ("code", "sku")),
                column="order_line_id", first=True, called="line of that order with the SKU",
            ),
        ),
        columns={"quantity": "quantity"},
        defaults={"received": 0, "damaged": 0},
        differs=_other_amount, whole=True,
    ),
}
