"""Lists for scripts: demand where stock is not known, and returns as they stood at a moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from domain.money import Money
from domain.shops import Shop
from domain.time import DAY
from storage.tables import order_lines, orders, returns, variants


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
    line = order_lines.c
    rows = connection.execute(
        sa.select(line.variant_id, variants.c.sku, variants.c.title, sa.func.sum(line.quantity).label("units"))
        .join(variants, variants.c.id == line.variant_id)
        .where(
            line.shop_id == shop.id, line.kind == "sale", variants.c.active,
            line.placed_at >= shop.calendar.at(today - days * DAY), line.placed_at < shop.calendar.at(today),
        )
        .group_by(line.variant_id, variants.c.sku, variants.c.title)
        .order_by(sa.desc("units"), variants.c.sku)
    )
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
    rows = connection.execute(
        sa.select(returns, orders.c.number.label("order_number"))
        .join(orders, orders.c.id == returns.c.order_id)
        .where(returns.c.shop_id == shop.id, returns.c.requested_at <= at)
        .order_by(returns.c.answer_by, returns.c.id)
    )
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
