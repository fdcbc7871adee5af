"""Stock and sales as they were known at a moment, for many variants in a handful of queries.

What one look costs grows with what was sold in its days, never with all that was ever sold: a best-seller's levels are
looked at with each of its orders.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache
from typing import Any, Final

import sqlalchemy as sa

from domain.inventory import DaySales, MovementKind, Stock
from domain.inventory.rules import stocked
from domain.shops import Shop
from domain.time import Calendar
from storage.tables import microseconds, order_lines, orders, stock_levels, stock_movements, variants

_SHOP: Final[sa.BindParameter[int]] = sa.bindparam("shop")
_AT: Final[sa.BindParameter[datetime]] = sa.bindparam("at")
_START: Final[sa.BindParameter[datetime]] = sa.bindparam("start")
_END: Final[sa.BindParameter[datetime]] = sa.bindparam("end")
_level, _line, _moved = stock_levels.c, order_lines.c, stock_movements.c


@dataclass(frozen=True, kw_only=True)
class _Query:
    """A statement over all variants, the same over some, and over one: that need not be written anew each time."""

    all: sa.Select[*tuple[Any, ...]]
    among: sa.Select[*tuple[Any, ...]]
    one: sa.Select[*tuple[Any, ...]]


def _query(statement: sa.Select[*tuple[Any, ...]], variant: sa.ColumnElement[int]) -> _Query:
    among = statement.where(variant.in_(sa.bindparam("among", expanding=True)))
    return _Query(all=statement, among=among, one=statement.where(variant == sa.bindparam("which")))


def _by_variant(statement: sa.Select[*tuple[Any, ...]], variant: sa.ColumnElement[int]) -> _Query:
    """The same where the index begins with the variant: all of them are named, or the whole ledger would be read."""
    of_shop = sa.select(variants.c.id).where(variants.c.shop_id == _SHOP)
    return replace(_query(statement, variant), all=statement.where(variant.in_(of_shop)))


def _sum(column: sa.ColumnElement[int]) -> sa.Label[int]:
    return sa.func.sum(column).label(column.key)


def _bare(moment: sa.ColumnElement[datetime]) -> sa.ColumnElement[int]:
    """A moment as it is kept: thousands of them are only compared."""
    return sa.type_coerce(moment, sa.BigInteger)


def _ledger(which: sa.ColumnElement[bool]) -> _Query:
    return _by_variant(
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
_CHANGED_AFTER: Final = _ledger(_moved.at > _AT)
_FIRST_COUNT: Final = _ledger(_moved.kind == MovementKind.OPENING.value)
#: of each variant its first sale and its first movement: two steps over an index, however many followed
_BEGAN: Final = _query(
    sa.select(
        variants.c.id,
        sa.select(_line.placed_at)
        .where(
            _line.shop_id == _SHOP, _line.variant_id == variants.c.id, _line.kind == "sale", _line.placed_at <= _AT
        )
        .order_by(_line.placed_at).limit(1).scalar_subquery().label("sold"),
        sa.select(_moved.at).where(_moved.shop_id == _SHOP, _moved.variant_id == variants.c.id)
        .order_by(_moved.at).limit(1).scalar_subquery().label("moved"),
    ).where(variants.c.shop_id == _SHOP),
    variants.c.id,
)
_UNITS: Final = _query(
    sa.select(_line.variant_id, _bare(_line.placed_at), _line.quantity)
    .join(orders, orders.c.id == _line.order_id)
    .where(
        _line.shop_id == _SHOP, _line.kind == "sale", _line.variant_id.is_not(None), _line.placed_at >= _START,
        _line.placed_at <= _END, _line.placed_at <= _AT,
        sa.or_(orders.c.cancelled_at.is_(None), orders.c.cancelled_at > _AT),
    ),
    _line.variant_id,
)
_CHANGES: Final = _by_variant(
    sa.select(_moved.variant_id, _bare(_moved.at), _moved.on_hand - _moved.reserved)
    .where(_moved.shop_id == _SHOP, _moved.at >= _START, _moved.at < _END)
    .order_by(_moved.at, _moved.id),
    _moved.variant_id,
)
_CHANGED_SINCE: Final = _by_variant(
    sa.select(_moved.variant_id, sa.func.sum(_moved.on_hand - _moved.reserved))
    .where(_moved.shop_id == _SHOP, _moved.at >= _END)
    .group_by(_moved.variant_id),
    _moved.variant_id,
)


@dataclass(frozen=True, kw_only=True)
class _Days:
    """Some days in a row, and when each of them and the day after began: as moments, and as the database keeps them."""

    days: tuple[date, ...]
    starts: tuple[datetime, ...]
    bounds: tuple[int, ...]


@lru_cache(maxsize=256)
def _days_before(calendar: Calendar, today: date, count: int) -> _Days:
    days = tuple(today - timedelta(days=n) for n in range(count, 0, -1))
    starts = tuple(calendar.at(day) for day in (*days, today))
    return _Days(days=days, starts=starts, bounds=tuple(map(microseconds, starts)))


@dataclass(frozen=True)
class StockHistory:
    """What was known at ``at`` of all variants, or of the ones asked for."""

    connection: sa.Connection
    shop: Shop
    at: datetime
    variant_ids: frozenset[int] | None = None

    def stock(self) -> dict[int, Stock]:
        """Levels over all locations. From a level that changed since, what changed it is taken off again.

        Of a variant that was counted for the first time later, that first count stands in: an import writes the
        levels of an export when it runs, and nothing earlier is known. Without any count it is left out.
        """
        rows = self._levels
        known = {row.variant_id: _stock(row) for row in rows if row.changed_at <= self.at}
        later = frozenset(row.variant_id for row in rows if row.changed_at > self.at)
        if not later:
            return known
        since = {row.variant_id: _stock(row) for row in self._rows(_CHANGED_AFTER, at=self.at)}
        begun = {row.id for row in self._began if row.moved is not None and row.moved <= self.at}
        then = {
            row.variant_id: _less(_stock(row), since.get(row.variant_id, Stock()))
            for row in rows if row.variant_id in later & begun
        }
        new = later - begun
        if not new:
            return known | then
        first = {row.variant_id: _stock(row) for row in self._rows(_FIRST_COUNT) if row.variant_id in new}
        return known | then | first

    def sales(self, known: frozenset[int]) -> dict[int, tuple[DaySales, ...]]:
        """Pieces sold on each of the days before, from the first sale on, with the days without stock marked."""
        today = self.shop.calendar.today(self.at)
        window = _days_before(self.shop.calendar, today, self.shop.policies.stock.demand_days)
        days, starts = window.days, window.starts
        began = [row for row in self._began if row.id in known]
        first: dict[int, datetime] = {row.id: row.sold for row in began if row.sold is not None}
        newest = {number for number, moment in first.items() if moment >= starts[-1]}
        units = self._units(starts[0], self.at if newest else starts[-1], window)
        old = frozenset(row.id for row in began if row.moved is not None and row.moved < starts[0])
        stock = self._stocked(known, old, window)
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

    @cached_property
    def _levels(self) -> Sequence[sa.Row[*tuple[Any, ...]]]:
        return self._rows(_LEVELS)

    @cached_property
    def _began(self) -> Sequence[sa.Row[*tuple[Any, ...]]]:
        return self._rows(_BEGAN, at=self.at)

    def _units(self, start: datetime, end: datetime, window: _Days) -> dict[int, dict[int, int]]:
        """Variant -> number of the day -> pieces; orders that were cancelled by then do not count."""
        units: dict[int, dict[int, int]] = {}
        for number, placed_at, quantity in self._rows(_UNITS, start=start, end=end, at=self.at):
            day = bisect_right(window.bounds, placed_at) - 1
            sold = units.setdefault(number, {})
            sold[day] = sold.get(day, 0) + quantity
        return units

    def _stocked(self, known: frozenset[int], old: frozenset[int], window: _Days) -> dict[int, tuple[bool, ...]]:
        """For each variant and day whether there was anything to sell, as far as the ledger knows.

        What there was at the beginning is what there is, less what came since. ``old``: the ledger knows them from
        before.
        """
        end = min(window.starts[-1], self.at)
        changes: dict[int, list[tuple[int, int]]] = {}
        for number, at, change in self._rows(_CHANGES, start=window.starts[0], end=end):
            changes.setdefault(number, []).append((at, change))
        since = {number: int(change) for number, change in self._rows(_CHANGED_SINCE, end=end)}
        now = {row.variant_id: int(row.on_hand - row.reserved) for row in self._levels}
        opening = {
            number: now.get(number, 0) - since.get(number, 0) - sum(change for _, change in changes.get(number, ()))
            for number in old
        }
        return {
            number: stocked(opening.get(number), changes.get(number, ()), window.bounds)
            for number in known if number in opening or number in changes
        }

    def _rows(self, query: _Query, **given: object) -> Sequence[sa.Row[*tuple[Any, ...]]]:
        given["shop"] = self.shop.id
        if self.variant_ids is None:
            return self.connection.execute(query.all, given).all()
        among = sorted(self.variant_ids)
        if len(among) == 1:
            return self.connection.execute(query.one, {"which": among[0], **given}).all()
        return self.connection.execute(query.among, {"among": among, **given}).all()


def _less(stock: Stock, since: Stock) -> Stock:
    return Stock(
        on_hand=stock.on_hand - since.on_hand, reserved=stock.reserved - since.reserved,
        incoming=stock.incoming - since.incoming,
    )


def _stock(row: sa.Row[*tuple[Any, ...]]) -> Stock:
    # PostgreSQL sums bigints into a Decimal
    return Stock(on_hand=int(row.on_hand), reserved=int(row.reserved), incoming=int(row.incoming))
