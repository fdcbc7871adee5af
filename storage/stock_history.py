"""Stock and sales as they were known at a moment, for many variants in a handful of queries."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from domain.inventory import DaySales, MovementKind, Stock
from domain.inventory.rules import stocked
from domain.shops import Shop
from storage.tables import order_lines, orders, stock_levels, stock_movements


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
        level = stock_levels.c
        rows = self.connection.execute(
            sa.select(
                level.variant_id, _sum(level.on_hand), _sum(level.reserved), _sum(level.incoming),
                sa.func.max(level.changed_at).label("changed_at"),
            )
            .where(level.shop_id == self.shop.id, *self._asked(level.variant_id))
            .group_by(level.variant_id)
        ).all()
        known = {row.variant_id: _stock(row) for row in rows if row.changed_at <= self.at}
        later = frozenset(row.variant_id for row in rows if row.changed_at > self.at)
        if not later:
            return known
        then = self._from_ledger(stock_movements.c.at <= self.at)
        first = self._from_ledger(stock_movements.c.kind == MovementKind.OPENING.value)
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

    def _from_ledger(self, which: sa.ColumnElement[bool]) -> dict[int, Stock]:
        moved = stock_movements.c
        rows = self.connection.execute(
            sa.select(moved.variant_id, _sum(moved.on_hand), _sum(moved.reserved), _sum(moved.incoming))
            .where(moved.shop_id == self.shop.id, which, *self._asked(moved.variant_id))
            .group_by(moved.variant_id)
        )
        return {row.variant_id: _stock(row) for row in rows}

    def _first_sales(self, known: frozenset[int]) -> dict[int, datetime]:
        line = order_lines.c
        rows = self.connection.execute(
            sa.select(line.variant_id, sa.func.min(line.placed_at).label("first"))
            .where(
                line.shop_id == self.shop.id, line.kind == "sale", line.placed_at <= self.at,
                *(self._asked(line.variant_id) or (line.variant_id.is_not(None),)),
            )
            .group_by(line.variant_id)
        )
        return {row.variant_id: row.first for row in rows if row.variant_id in known}

    def _units(self, start: datetime, end: datetime, starts: list[datetime]) -> dict[int, dict[int, int]]:
        """Variant -> number of the day -> pieces; orders that were cancelled by then do not count."""
        line = order_lines.c
        rows = self.connection.execute(
            sa.select(line.variant_id, line.placed_at, line.quantity)
            .join(orders, orders.c.id == line.order_id)
            .where(
                line.shop_id == self.shop.id, line.kind == "sale", line.variant_id.is_not(None),
                line.placed_at >= start, line.placed_at <= end, line.placed_at <= self.at,
                *self._asked(line.variant_id),
                sa.or_(orders.c.cancelled_at.is_(None), orders.c.cancelled_at > self.at),
            )
        )
        units: dict[int, dict[int, int]] = {}
        for number, placed_at, quantity in rows:
            day = bisect_right(starts, placed_at) - 1
            sold = units.setdefault(number, {})
            sold[day] = sold.get(day, 0) + quantity
        return units

    def _stocked(self, known: frozenset[int], starts: list[datetime]) -> dict[int, tuple[bool, ...]]:
        """For each variant and day whether there was anything to sell, as far as the ledger knows."""
        moved = stock_movements.c
        opening = {
            row.variant_id: int(row.available)
            for row in self.connection.execute(
                sa.select(moved.variant_id, sa.func.sum(moved.on_hand - moved.reserved).label("available"))
                .where(moved.shop_id == self.shop.id, moved.at < starts[0], *self._asked(moved.variant_id))
                .group_by(moved.variant_id)
            )
        }
        changes: dict[int, list[tuple[datetime, int]]] = {}
        for row in self.connection.execute(
            sa.select(moved.variant_id, moved.at, (moved.on_hand - moved.reserved).label("change"))
            .where(
                moved.shop_id == self.shop.id, moved.at >= starts[0], moved.at < min(starts[-1], self.at),
                *self._asked(moved.variant_id),
            )
            .order_by(moved.at, moved.id)
        ):
            changes.setdefault(row.variant_id, []).append((row.at, row.change))
        return {
            number: stocked(opening.get(number), changes.get(number, ()), starts)
            for number in known if number in opening or number in changes
        }

    def _asked(self, column: sa.ColumnElement[int]) -> tuple[sa.ColumnElement[bool], ...]:
        return () if self.variant_ids is None else (column.in_(self.variant_ids),)


def _sum(column: sa.ColumnElement[int]) -> sa.Label[int]:
    return sa.func.sum(column).label(column.key)


def _stock(row: sa.Row[*tuple[Any, ...]]) -> Stock:
    # PostgreSQL sums bigints into a Decimal
    return Stock(on_hand=int(row.on_hand), reserved=int(row.reserved), incoming=int(row.incoming))


