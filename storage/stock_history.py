"""Stock and sales as they were known at a moment, for many variants in a handful of queries."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from domain.inventory import DaySales, MovementKind, Stock
from domain.inventory.rules import stocked
from domain.shops import Shop
from storage.tables import order_lines, orders, stock_levels, stock_movements

_SHOP: Final[sa.BindParameter[int]] = sa.bindparam("shop")
_AT: Final[sa.BindParameter[datetime]] = sa.bindparam("at")
_START: Final[sa.BindParameter[datetime]] = sa.bindparam("start")
_END: Final[sa.BindParameter[datetime]] = sa.bindparam("end")
_level, _line, _moved = stock_levels.c, order_lines.c, stock_movements.c


@dataclass(frozen=True, kw_only=True)
class _Query:
    """A statement over all variants, and the same over some."""

    all: sa.Select[*tuple[Any, ...]]
    among: sa.Select[*tuple[Any, ...]]


def _among(column: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    return column.in_(sa.bindparam("among", expanding=True))


def _query(statement: sa.Select[*tuple[Any, ...]], variant: sa.ColumnElement[int]) -> _Query:
    return _Query(all=statement, among=statement.where(_among(variant)))


def _sum(column: sa.ColumnElement[int]) -> sa.Label[int]:
    return sa.func.sum(column).label(column.key)


def _ledger(which: sa.ColumnElement[bool]) -> _Query:
    return _query(
        sa.select(_moved.variant_id, _sum(_moved.on_hand), _sum(_moved.reserved), _sum(_moved.incoming))
        .where(_moved.shop_id == _SHOP, which)
        .group_by(_moved.variant_id),
        _moved.variant_id,
    )


_LEVELS: Final = _query(
    sa.select(
        _level.variant_id, _sum(_level.on_hand), _sum(_level.reserved), _sum(_level.incoming),
        sa.func.max(_level.changed_at).label("changed_at"),
    )
    .where(_level.shop_id == _SHOP)
    .group_by(_level.variant_id),
    _level.variant_id,
)
_LEDGER_THEN: Final = _ledger(_moved.at <= _AT)
_FIRST_COUNT: Final = _ledger(_moved.kind == MovementKind.OPENING.value)
_SOLD: Final = (
    sa.select(_line.variant_id, sa.func.min(_line.placed_at).label("first"))
    .where(_line.shop_id == _SHOP, _line.kind == "sale", _line.placed_at <= _AT)
    .group_by(_line.variant_id)
)
_FIRST_SALES: Final = _Query(
    all=_SOLD.where(_line.variant_id.is_not(None)), among=_SOLD.where(_among(_line.variant_id))
)
_UNITS: Final = _query(
    sa.select(_line.variant_id, _line.placed_at, _line.quantity)
    .join(orders, orders.c.id == _line.order_id)
    .where(
        _line.shop_id == _SHOP, _line.kind == "sale", _line.variant_id.is_not(None), _line.placed_at >= _START,
        _line.placed_at <= _END, _line.placed_at <= _AT,
        sa.or_(orders.c.cancelled_at.is_(None), orders.c.cancelled_at > _AT),
    ),
    _line.variant_id,
)
_AVAILABLE: Final = _query(
    sa.select(_moved.variant_id, sa.func.sum(_moved.on_hand - _moved.reserved).label("available"))
    .where(_moved.shop_id == _SHOP, _moved.at < _START)
    .group_by(_moved.variant_id),
    _moved.variant_id,
)
_CHANGES: Final = _query(
    sa.select(_moved.variant_id, _moved.at, (_moved.on_hand - _moved.reserved).label("change"))
    .where(_moved.shop_id == _SHOP, _moved.at >= _START, _moved.at < _END)
    .order_by(_moved.at, _moved.id),
    _moved.variant_id,
)


@dataclass(frozen=True)
class StockHistory:
    """What was known at ``at`` of all variants, or of the ones asked for."""

    connection: sa.Connection
    shop: Shop
    at: datetime
    variant_ids: frozenset[int] | None = None

    def stock(self) -> dict[int, Stock]:
        """Levels over all locations. A level that changed since is taken from the ledger up to then.

        Of a variant that was counted for the first time later, that first count stands in: an import writes the
        levels of an export when it runs, and nothing earlier is known. Without any count it is left out.
        """
        rows = self._rows(_LEVELS).all()
        known = {row.variant_id: _stock(row) for row in rows if row.changed_at <= self.at}
        later = frozenset(row.variant_id for row in rows if row.changed_at > self.at)
        if not later:
            return known
        then = {row.variant_id: _stock(row) for row in self._rows(_LEDGER_THEN, at=self.at)}
        first = {row.variant_id: _stock(row) for row in self._rows(_FIRST_COUNT)}
        return known | {number: then.get(number) or first[number] for number in later if number in then | first}

    def sales(self, known: frozenset[int]) -> dict[int, tuple[DaySales, ...]]:
        """Pieces sold on each of the days before, from the first sale on, with the days without stock marked."""
        today = self.shop.calendar.today(self.at)
        days = [today - timedelta(days=n) for n in range(self.shop.policies.stock.demand_days, 0, -1)]
        starts = [self.shop.calendar.at(day) for day in (*days, today)]
        first = self._first_sales(known)
        newest = {number for number, moment in first.items() if moment >= starts[-1]}
        units = self._units(starts[0], self.at if newest else starts[-1], starts)
        stock = self._stocked(known, starts)
        found: dict[int, tuple[DaySales, ...]] = {}
        for number, moment in first.items():
            begin = max(0, bisect_right(starts, moment) - 1)
            sold = units.get(number, {})
            if number in newest:
                # sold for the first time today: this day is all that is known
                found[number] = (DaySales(day=today, units=sold.get(len(days), 0)),)
                continue
            flags = stock.get(number) or (True,) * len(days)
            found[number] = tuple(
                DaySales(day=days[n], units=sold.get(n, 0), in_stock=flags[n])
                for n in range(begin, len(days))
            )
        return found

    def _first_sales(self, known: frozenset[int]) -> dict[int, datetime]:
        rows = self._rows(_FIRST_SALES, at=self.at)
        return {row.variant_id: row.first for row in rows if row.variant_id in known}

    def _units(self, start: datetime, end: datetime, starts: list[datetime]) -> dict[int, dict[int, int]]:
        """Variant -> number of the day -> pieces; orders that were cancelled by then do not count."""
        rows = self._rows(_UNITS, start=start, end=end, at=self.at)
        units: dict[int, dict[int, int]] = {}
        for number, placed_at, quantity in rows:
            day = bisect_right(starts, placed_at) - 1
            sold = units.setdefault(number, {})
            sold[day] = sold.get(day, 0) + quantity
        return units

    def _stocked(self, known: frozenset[int], starts: list[datetime]) -> dict[int, tuple[bool, ...]]:
        """For each variant and day whether there was anything to sell, as far as the ledger knows."""
        opening = {row.variant_id: int(row.available) for row in self._rows(_AVAILABLE, start=starts[0])}
        changes: dict[int, list[tuple[datetime, int]]] = {}
        for row in self._rows(_CHANGES, start=starts[0], end=min(starts[-1], self.at)):
            changes.setdefault(row.variant_id, []).append((row.at, row.change))
        return {
            number: stocked(opening.get(number), changes.get(number, ()), starts)
            for number in known if number in opening or number in changes
        }

    def _rows(self, query: _Query, **given: object) -> sa.CursorResult[*tuple[Any, ...]]:
        if self.variant_ids is None:
            return self.connection.execute(query.all, {"shop": self.shop.id, **given})
        wanted = {"shop": self.shop.id, "among": sorted(self.variant_ids), **given}
        return self.connection.execute(query.among, wanted)


def _stock(row: sa.Row[*tuple[Any, ...]]) -> Stock:
    # PostgreSQL sums bigints into a Decimal
    return Stock(on_hand=int(row.on_hand), reserved=int(row.reserved), incoming=int(row.incoming))
