"""Until when something of an order may be awaited: what keeps the orders of years out of every look at today's.

A superset, on purpose: whoever asks for the open orders of a moment passes over what ended before it by an index, and
then judges what is left by its parcels and scans.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from storage.tables import END_OF_TIME, Instant, orders, parcels, scans

_MINE: Final = sa.and_(parcels.c.shop_id == orders.c.shop_id, parcels.c.order_id == orders.c.id)
_HEARD: Final = (
    sa.select(sa.func.max(scans.c.heard_at))
    .where(scans.c.shop_id == parcels.c.shop_id, scans.c.parcel_id == parcels.c.id, scans.c.milestone == "Delivered")
    .correlate(parcels).scalar_subquery()
)
_KNOWN_AT: Final = sa.case((parcels.c.delivered_at < _HEARD, _HEARD), else_=parcels.c.delivered_at)
_END: Final = sa.literal(END_OF_TIME, Instant())
_NOTE: Final = (
    sa.update(orders)
    .where(orders.c.shop_id == sa.bindparam("shop"), orders.c.id.in_(sa.bindparam("ids", expanding=True)))
    .values(open_until=sa.case(
        (sa.select(parcels.c.id).where(_MINE, parcels.c.delivered_at.is_(None)).exists(), _END),
        else_=sa.func.coalesce(
            sa.select(sa.func.max(_KNOWN_AT)).where(_MINE).correlate(orders).scalar_subquery(), _END,
        ),
    ))
)


def note_until(connection: sa.Connection, shop_id: int, order_ids: Sequence[int]) -> None:
    """Write it anew for these orders: once all parcels came, the moment at which that was known; else without end.

    To be called in the transaction in which a parcel was added or came.
    """
    connection.execute(_NOTE, {"shop": shop_id, "ids": list(order_ids)})


def may_be_open(at: sa.BindParameter[datetime]) -> sa.ColumnElement[bool]:
    """Whether an order is the ``shop``'s, may have been open at that moment by this alone, and was placed by then.

    Asked within a list of its own, which the index alone answers: SQLite takes a range for a quarter of a table, and
    would rather read all of it. Whoever names the shop outside of it once more makes it read all of the shop's.
    """
    one = orders.alias("one")
    found = sa.select(one.c.id).where(one.c.shop_id == sa.bindparam("shop"), one.c.open_until > at)
    return sa.and_(orders.c.id.in_(found), placed_by(at))


def placed_by(at: sa.BindParameter[datetime]) -> sa.ColumnElement[bool]:
    """Whether it was placed by then, where another index than that of the moments is the one to use.

    The sum says so: without it SQLite may walk through all that was placed before.
    """
    return sa.type_coerce(orders.c.placed_at, sa.BigInteger) + 0 <= sa.type_coerce(at, Instant())
