"""Lists for scripts: demand where stock is not known, and returns as they stood at a moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from domain.money import Money
from domain.shops import Shop
from domain.time import DAY
from storage.tables import order_lines, orders, returns, variants

_SHOP: Final[sa.BindParameter[int]] = sa.bindparam("shop")
_line = order_lines.c
_DEMAND: Final = (
    sa.select(_line.variant_id, variants.c.sku, variants.c.title, sa.func.sum(_line.quantity).label("units"))
    .join(variants, variants.c.id == _line.variant_id)
    .where(
        _line.shop_id == _SHOP, _line.kind == "sale", variants.c.active,
        _line.placed_at >= sa.bindparam("start"), _line.placed_at < sa.bindparam("end"),
    )
    .group_by(_line.variant_id, variants.c.sku, variants.c.title)
    .order_by(sa.desc("units"), variants.c.sku)
)
_RETURNS: Final = (
    sa.select(returns, orders.c.number.label("order_number"))
    .join(orders, orders.c.id == returns.c.order_id)
    .where(returns.c.shop_id == _SHOP, returns.c.requested_at <= sa.bindparam("at"))
    .order_by(returns.c.answer_by, returns.c.id)
)


@dataclass(frozen=True, kw_only=True)
class BareDemand:
    """What sold of a variant whose stock nobody counted: ``units`` in the ``days`` before, ``daily`` on average."""

    sku: str
    title: str
    units: int
    days: int
    daily: float


def demand_without_stock(
    connection: sa.Connection, shop: Shop, at: datetime, counted: frozenset[int]
) -> tuple[BareDemand, ...]:
    """Demand over the shop's demand window before the day of ``at``, best seller first, without ``counted``."""
    days = shop.policies.stock.demand_days
    today = shop.calendar.today(at)
    start, end = shop.calendar.at(today - days * DAY), shop.calendar.at(today)
    rows = connection.execute(_DEMAND, {"shop": shop.id, "start": start, "end": end})
    return tuple(
        BareDemand(sku=row.sku, title=row.title, units=int(row.units), days=days, daily=int(row.units) / days)
        for row in rows
        if row.variant_id not in counted
    )


@dataclass(frozen=True, kw_only=True)
class ReturnAsOf:
    """A return as it stood. ``waiting``: undecided at that moment."""

    number: str
    order: str
    #: undecided at that moment: requested; else the state it has today
    state: str
    waiting: bool
    overdue: bool
    reason: str
    requested: Money
    approved: Money | None
    requested_at: datetime
    answer_by: datetime
    decided_at: datetime | None
    received_at: datetime | None


def returns_as_of(connection: sa.Connection, shop: Shop, at: datetime) -> tuple[ReturnAsOf, ...]:
    """Every return asked for by then: those that wait first, by the hour at which they must be answered."""
    rows = connection.execute(_RETURNS, {"shop": shop.id, "at": at})
    found = []
    for row in rows:
        later = row.decided_at is not None and row.decided_at > at
        waiting = later or (row.decided_at is None and row.state == "requested")
        decided = row.decided_at is not None and not later
        found.append(ReturnAsOf(
            number=row.number, order=row.order_number, state="requested" if later else row.state, waiting=waiting,
            overdue=waiting and row.answer_by < at, reason=row.reason,
            requested=Money(minor=row.requested_minor, currency=row.currency),
            approved=Money(minor=row.approved_minor, currency=row.currency)
            if decided and row.approved_minor is not None else None,
            requested_at=row.requested_at, answer_by=row.answer_by,
            decided_at=row.decided_at if decided else None,
            received_at=row.received_at if row.received_at and row.received_at <= at else None,
        ))
    return tuple(sorted(found, key=lambda one: not one.waiting))
