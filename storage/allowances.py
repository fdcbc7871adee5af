"""What was let go, counted: a limit is the condition of the statement that counts, never a look before it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import sqlalchemy as sa
from sqlalchemy.sql.dml import ReturningInsert

from domain.shops import Shop
from storage.database import Insert, Upsert
from storage.tables import allowances

#: the day of rows that count for ever, and of the row that a period's takers queue up at
FOR_EVER: Final = date(1970, 1, 1)

_SHOP: Final[sa.BindParameter[int]] = sa.bindparam("shop", type_=allowances.c.shop_id.type)
_WHAT: Final = sa.bindparam("what", type_=sa.String())
_LAST: Final = sa.bindparam("last", type_=sa.Date())
_AMOUNT: Final = sa.bindparam("amount", type_=sa.BigInteger())
_MOST: Final[sa.BindParameter[int]] = sa.bindparam("most")

_counted: Final = allowances.alias("counted").c
_USED: Final = (
    sa.select(sa.func.coalesce(sa.func.sum(_counted.used_minor), 0))
    .where(
        _counted.shop_id == _SHOP, _counted.scope == _WHAT, _counted.day >= sa.bindparam("first"),
        _counted.day <= _LAST,
    )
    .scalar_subquery()
)
_SUM: Final = sa.select(_USED)
_GIVE_BACK: Final = (
    sa.update(allowances)
    .where(allowances.c.shop_id == _SHOP, allowances.c.scope == _WHAT, allowances.c.day == _LAST)
    .values(used_minor=allowances.c.used_minor - _AMOUNT)
)
_TOTAL: Final = allowances.c.used_minor + _AMOUNT


def _counts(new: Insert, most: sa.ColumnElement[bool] | None = None) -> ReturningInsert[int]:
    return new.on_conflict_do_update(
        index_elements=["shop_id", "scope", "day"], set_={"used_minor": _TOTAL}, where=most
    ).returning(allowances.c.id)


def _counts_within(new: Insert, condition: sa.ColumnElement[bool]) -> ReturningInsert[int]:
    given = sa.select(_SHOP, _WHAT, _LAST, _AMOUNT).where(condition)
    return _counts(new.from_select(["shop_id", "scope", "day", "used_minor"], given))


_COUNT: Final = Upsert(allowances, _counts)
_COUNT_UP_TO: Final = Upsert(allowances, lambda new: _counts(new, _TOTAL <= _MOST))
_COUNT_OVER_DAYS: Final = Upsert(allowances, lambda new: _counts_within(new, sa.true()))
_COUNT_OVER_DAYS_UP_TO: Final = Upsert(allowances, lambda new: _counts_within(new, _USED + _AMOUNT <= _MOST))


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
        last = day or FOR_EVER
        return int(
            self.connection.execute(
                _SUM, {"shop": self.shop.id, "what": scope, "first": last - timedelta(days=days - 1), "last": last}
            ).scalar_one()
        )

    def give_back(self, scope: str, amount_minor: int, *, day: date | None = None) -> None:
        """Count an amount no longer; the CHECK refuses to go below zero."""
        self.connection.execute(
            _GIVE_BACK, {"shop": self.shop.id, "what": scope, "last": day or FOR_EVER, "amount": amount_minor}
        )

    def _within(self, scope: str, day: date, amount_minor: int, *, most: int | None, days: int) -> bool:
        limit: dict[str, object] = {} if most is None else {"first": day - timedelta(days=days - 1), "most": most}
        return self._counted(
            _COUNT_OVER_DAYS if most is None else _COUNT_OVER_DAYS_UP_TO,
            {"shop": self.shop.id, "what": scope, "last": day, "amount": amount_minor, **limit},
        )

    def _upsert(self, scope: str, day: date, amount_minor: int, *, most: int | None) -> bool:
        limit: dict[str, object] = {} if most is None else {"most": most}
        return self._counted(
            _COUNT if most is None else _COUNT_UP_TO,
            {
                "shop_id": self.shop.id, "scope": scope, "day": day, "used_minor": amount_minor,
                "amount": amount_minor, **limit,
            },
        )

    def _counted(self, statement: Upsert[ReturningInsert[int]], given: dict[str, object]) -> bool:
        return self.connection.execute(statement.on(self.connection), given).first() is not None
