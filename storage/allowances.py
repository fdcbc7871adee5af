"""What was let go, counted: a limit is the condition of the statement that counts, never a look before it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import sqlalchemy as sa

from domain.shops import Shop
from storage.database import insert
from storage.tables import allowances

#: the day of rows that count for ever, and of the row that a period's takers queue up at
FOR_EVER: Final = date(1970, 1, 1)


@dataclass(frozen=True)
class AllowanceRows:
    """The counted amounts of one shop."""

    connection: sa.Connection
    shop: Shop

    def take(self, scope: str, amount_minor: int, *, most: int | None, day: date | None = None, days: int = 1) -> bool:
        """Count an amount, unless more than ``most`` would be used; on one day in one guarded upsert.

        Over several days the takers queue up at one row first: the guarded statement then begins after the taker
        before has committed, so two at once never both fit.
        """
        if most is not None and amount_minor > most:
            return False
        on = day or FOR_EVER
        if days == 1:
            return self._upsert(scope, on, amount_minor, most=most)
        self._upsert(scope, FOR_EVER, 0, most=None)
        return self._within(scope, on, amount_minor, most=most, days=days)

    def used(self, scope: str, *, day: date | None = None, days: int = 1) -> int:
        """Minor units counted in the ``days`` that end with that day."""
        return int(self.connection.execute(sa.select(self._sum(scope, day or FOR_EVER, days))).scalar_one())

    def give_back(self, scope: str, amount_minor: int, *, day: date | None = None) -> None:
        """Count an amount no longer; the CHECK refuses to go below zero."""
        self.connection.execute(
            sa.update(allowances)
            .where(
                allowances.c.shop_id == self.shop.id, allowances.c.scope == scope,
                allowances.c.day == (day or FOR_EVER),
            )
            .values(used_minor=allowances.c.used_minor - amount_minor)
        )

    def _within(self, scope: str, day: date, amount_minor: int, *, most: int | None, days: int) -> bool:
        given = sa.select(
            sa.literal(self.shop.id), sa.literal(scope), sa.literal(day, sa.Date()), sa.literal(amount_minor)
        ).where(sa.true() if most is None else self._sum(scope, day, days) + amount_minor <= most)
        row = self.connection.execute(
            insert(self.connection, allowances)
            .from_select(["shop_id", "scope", "day", "used_minor"], given)
            .on_conflict_do_update(
                index_elements=["shop_id", "scope", "day"],
                set_={"used_minor": allowances.c.used_minor + amount_minor},
            )
            .returning(allowances.c.id)
        ).first()
        return row is not None

    def _sum(self, scope: str, day: date, days: int) -> sa.ScalarSelect[int]:
        counted = allowances.alias("counted")
        return (
            sa.select(sa.func.coalesce(sa.func.sum(counted.c.used_minor), 0))
            .where(
                counted.c.shop_id == self.shop.id, counted.c.scope == scope,
                counted.c.day >= day - timedelta(days=days - 1), counted.c.day <= day,
            )
            .scalar_subquery()
        )

    def _upsert(self, scope: str, day: date, amount_minor: int, *, most: int | None) -> bool:
        total = allowances.c.used_minor + amount_minor
        row = self.connection.execute(
            insert(self.connection, allowances)
            .values(shop_id=self.shop.id, scope=scope, day=day, used_minor=amount_minor)
            .on_conflict_do_update(
                index_elements=["shop_id", "scope", "day"], set_={"used_minor": total},
                where=None if most is None else total <= most,
            )
            .returning(allowances.c.id)
        ).first()
        return row is not None
