"""What follows from imported rows: an order's totals, a parcel's state, the ledger behind a stock level."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, TypeAlias

import sqlalchemy as sa

from domain.shops import Shop
from storage.database import insert
from storage.imports.upsert import Upsert
from storage.open_orders import note_until
from storage.tables import (
    Instant,
    order_lines,
    orders,
    parcels,
    payments,
    refunds,
    return_lines,
    returns,
    scans,
    stock_levels,
    stock_movements,
    variants,
)
from storage.tables import locations as location_rows

_Derive: TypeAlias = Callable[[sa.Connection, Upsert, Shop], None]


def before_writing(connection: sa.Connection, upsert: Upsert, shop: Shop, now: datetime) -> None:
    """What has to be known before the old row is gone: by how much a stock level changes."""
    if upsert.shape.kind == "stock":
        _book_stock(connection, upsert, shop, now)


def derive(connection: sa.Connection, upsert: Upsert, shop: Shop) -> None:
    """Bring up to date what follows from the rows that are on the stage."""
    following = _FOLLOWING.get(upsert.shape.kind)
    if following:
        following(connection, upsert, shop)


def _book_stock(connection: sa.Connection, upsert: Upsert, shop: Shop, now: datetime) -> None:
    """Levels are the sums of the ledger: the first import books an opening, later ones the difference."""
    staged, level, variant, location = upsert.stage.table, stock_levels, variants, location_rows
    said = upsert.shape.fields
    at = sa.func.coalesce(staged.c.at, sa.literal(now, Instant())) if "at" in said else sa.literal(now, Instant())
    source = (
        staged.outerjoin(variant, sa.and_(variant.c.shop_id == shop.id, variant.c.sku == staged.c.sku))
        .outerjoin(location, sa.and_(location.c.shop_id == shop.id, location.c.key == staged.c.location))
        .outerjoin(level, sa.and_(
            level.c.shop_id == shop.id, level.c.variant_id == variant.c.id, level.c.location_id == location.c.id
        ))
    )

    def by(name: str) -> sa.ColumnElement[int]:
        new = sa.func.coalesce(staged.c[name], 0) if name in said else sa.func.coalesce(level.c[name], 0)
        return new - sa.func.coalesce(level.c[name], 0)

    key = sa.literal(f"import:{now.isoformat()}:") + staged.c.sku + sa.literal(":") + staged.c.location
    columns: dict[str, sa.ColumnElement[Any]] = {
        "shop_id": sa.literal(shop.id, sa.BigInteger()), "variant_id": variant.c.id, "location_id": location.c.id,
        "kind": sa.case((level.c.id.is_(None), "opening"), else_="correction"),
        "on_hand": by("on_hand"), "reserved": by("reserved"), "incoming": by("incoming"),
        "at": at, "reference": sa.literal("import"), "key": key,
    }
    moves = sa.or_(by("on_hand") != 0, by("reserved") != 0, by("incoming") != 0)
    connection.execute(
        sa.insert(stock_movements).from_select(
            list(columns), sa.select(*columns.values()).select_from(source).where(moves)
        )
    )


def _order_totals(connection: sa.Connection, upsert: Upsert, shop: Shop) -> None:
    """Total (goods, charges and freight; less what is taken back), freight, and the earliest shipping limit."""
    line = order_lines.c
    worth = line.quantity * line.unit_price_minor
    signed = sa.case((line.kind == "return", -worth), else_=worth) + line.freight_minor
    of_lines = (
        sa.select(
            line.order_id, sa.func.sum(signed).label("total"), sa.func.sum(line.freight_minor).label("freight"),
            sa.func.min(line.ship_by).label("ship_by"),
        )
        .where(line.shop_id == shop.id, line.order_id.in_(sa.bindparam("ids", expanding=True)))
        .group_by(line.order_id)
        .subquery("of_lines")
    )
    values: dict[str, object] = {"total_minor": of_lines.c.total, "freight_minor": of_lines.c.freight}
    if "ship_by" in upsert.shape.fields:
        values["ship_by"] = sa.func.coalesce(of_lines.c.ship_by, orders.c.ship_by)
    totals = (
        sa.update(orders).where(orders.c.shop_id == shop.id, orders.c.id == of_lines.c.order_id).values(values)
    )
    for ids in upsert.parents(connection, "order"):
        connection.execute(totals, {"ids": ids})


def _line_moments(connection: sa.Connection, upsert: Upsert, shop: Shop) -> None:
    """Lines carry their order's moment: a corrected one goes down to them."""
    moment = sa.select(orders.c.placed_at).where(orders.c.id == order_lines.c.order_id).scalar_subquery()
    for ids in upsert.corrected():
        connection.execute(
            sa.update(order_lines)
            .where(order_lines.c.shop_id == shop.id, order_lines.c.order_id.in_(ids))
            .values(placed_at=moment)
        )


#: scans that show the parcel with the carrier; a delivery without them leaves the day of handover unknown
_WITH_CARRIER: Final = ("InTransit", "OutForDelivery", "AttemptFail", "AvailableForPickup", "Exception", "Expired")


def _parcel_state(connection: sa.Connection, upsert: Upsert, shop: Shop) -> None:
    """A parcel is what its scans say. Delivered is final, whatever is scanned after it or dated wrongly."""
    scan = scans.c
    delivered_first = sa.case((scan.milestone == "Delivered", 1), else_=0).desc()
    told = (
        sa.select(
            scan.parcel_id, scan.milestone, scan.substatus, scan.place, scan.at,
            sa.func.row_number().over(
                partition_by=scan.parcel_id, order_by=(delivered_first, scan.at.desc(), scan.id.desc())
            ).label("rank"),
        )
        .where(scan.shop_id == shop.id, scan.parcel_id.in_(sa.bindparam("ids", expanding=True)))
        .subquery("told").c
    )

    def first(*milestones: str) -> sa.ColumnElement[Any]:
        return sa.func.min(sa.case((told.milestone.in_(milestones), told.at)))

    def last(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        return sa.func.max(sa.case((told.rank == 1, column)))

    values = {
        "label_at": first("InfoReceived"), "handed_over_at": first(*_WITH_CARRIER), "delivered_at": first("Delivered"),
        "last_scan_at": sa.func.max(told.at), "milestone": last(told.milestone), "substatus": last(told.substatus),
        "last_place": last(told.place),
    }
    states = (
        sa.select(told.parcel_id, *(value.label(name) for name, value in values.items()))
        .group_by(told.parcel_id).subquery("states").c
    )
    update = (
        sa.update(parcels).where(parcels.c.shop_id == shop.id, parcels.c.id == states.parcel_id)
        .values({name: states[name] for name in values})
    )
    of = sa.select(parcels.c.order_id).where(parcels.c.shop_id == shop.id).distinct()
    for ids in upsert.parents(connection, "parcel"):
        connection.execute(update, {"ids": ids})
        note_until(connection, shop.id, connection.execute(of.where(parcels.c.id.in_(ids))).scalars().all())


def _parcels_awaited(connection: sa.Connection, upsert: Upsert, shop: Shop) -> None:
    """An order that has one more parcel waits for it."""
    for ids in upsert.parents(connection, "order"):
        note_until(connection, shop.id, ids)


def _returned(connection: sa.Connection, upsert: Upsert, shop: Shop) -> None:
    """What a return asks for and was granted, its refund, and what is left on the payment."""
    for ids in upsert.parents(connection, "return"):
        mine = sa.and_(returns.c.shop_id == shop.id, returns.c.id.in_(ids))
        _return_sums(connection, upsert.stage.table, mine)
        _received(connection, shop, mine)
        if "refund" in upsert.shape.fields:
            _refunded(connection, upsert.stage.table, shop, mine)


def _return_sums(connection: sa.Connection, staged: sa.Table, mine: sa.ColumnElement[bool]) -> None:
    asked = (
        sa.select(sa.func.sum(staged.c.amount)).where(staged.c["return"] == returns.c.number)
        .correlate(returns).scalar_subquery()
    )
    granted = returns.c.state.in_(("approved", "received", "refunding", "refunded", "refund_failed"))
    connection.execute(
        sa.update(returns).where(mine)
        .values(requested_minor=asked, approved_minor=sa.case((granted, asked), else_=sa.null()))
    )


def _received(connection: sa.Connection, shop: Shop, mine: sa.ColumnElement[bool]) -> None:
    """Goods that are back are back whole: the file has no counts of its own."""
    back = sa.select(returns.c.id).where(mine, returns.c.received_at.is_not(None))
    connection.execute(
        sa.update(return_lines)
        .where(return_lines.c.shop_id == shop.id, return_lines.c.return_id.in_(back))
        .values(received=return_lines.c.quantity)
    )


def _refunded(connection: sa.Connection, staged: sa.Table, shop: Shop, mine: sa.ColumnElement[bool]) -> None:
    named = (
        sa.select(sa.func.max(staged.c.refund)).where(staged.c["return"] == returns.c.number)
        .correlate(returns).scalar_subquery()
    )
    decided = sa.func.coalesce(returns.c.decided_at, returns.c.closed_at)
    columns: dict[str, sa.ColumnElement[Any]] = {
        "id": sa.literal(f"import:{shop.id}:") + returns.c.number, "shop_id": returns.c.shop_id,
        "payment_id": payments.c.id, "return_id": returns.c.id, "amount_minor": returns.c.approved_minor,
        "currency": returns.c.currency, "state": sa.literal("succeeded"), "stripe_refund": named,
        "decided_at": decided, "first_sent_at": decided, "settled_at": returns.c.closed_at,
    }
    paid_by = sa.and_(
        payments.c.shop_id == shop.id, payments.c.order_id == returns.c.order_id, payments.c.sequence == 1
    )
    rows = (
        sa.select(*columns.values()).select_from(returns.join(payments, paid_by))
        .where(mine, returns.c.state == "refunded", returns.c.closed_at.is_not(None), returns.c.approved_minor > 0)
    )
    statement = insert(connection, refunds).from_select(list(columns), rows)
    connection.execute(statement.on_conflict_do_update(
        index_elements=["id"],
        set_={name: statement.excluded[name] for name in ("amount_minor", "stripe_refund", "decided_at", "settled_at")},
    ))
    let_go = (
        sa.select(sa.func.coalesce(sa.func.sum(refunds.c.amount_minor), 0))
        .where(refunds.c.shop_id == shop.id, refunds.c.payment_id == payments.c.id, refunds.c.state != "failed")
        .correlate(payments).scalar_subquery()
    )
    touched = sa.select(returns.c.order_id).where(mine)
    connection.execute(
        sa.update(payments)
        .where(payments.c.shop_id == shop.id, payments.c.order_id.in_(touched))
        .values(refunded_minor=let_go)
    )


_FOLLOWING: Final[dict[str, _Derive]] = {
    "order": _line_moments, "order_line": _order_totals, "parcel": _parcels_awaited,
    "scan": _parcel_state, "return_line": _returned,
}
