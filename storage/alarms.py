"""Jobs past their time or given up, each raised once over all replicas."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from domain.alarms import Stuck
from storage.claim import given_up, still_open
from storage.tables import jobs, shops

_OLDEST_SHOP: Final = sa.select(sa.func.min(shops.c.id))
_LATE: Final = sa.and_(still_open(), jobs.c.final_by <= sa.bindparam("now"))
_COUNT_LATE: Final = sa.select(sa.func.count()).where(_LATE)
_MARK: Final = (
    sa.update(jobs).where(jobs.c.raised_at.is_(None)).values(raised_at=sa.bindparam("raised")).returning(jobs.c.id)
)
_MARK_LATE: Final = _MARK.where(_LATE)
_MARK_DEAD: Final = _MARK.where(given_up())
_SHOP: Final = sa.func.coalesce(jobs.c.shop_id, sa.bindparam("oldest_shop", type_=jobs.c.shop_id.type))
_MESSAGE: Final = sa.func.coalesce(jobs.c.message, "")
_REASON: Final = sa.func.coalesce(jobs.c.error, "")
_COUNTED: Final = (
    sa.select(
        _SHOP.label("shop"), jobs.c.kind, _MESSAGE.label("message"), jobs.c.state, _REASON.label("reason"),
        sa.func.count().label("jobs"), sa.func.min(jobs.c.made_at, type_=jobs.c.made_at.type).label("oldest"),
    )
    .where(jobs.c.id.in_(sa.bindparam("ids", expanding=True)))
    .group_by(_SHOP, jobs.c.kind, _MESSAGE, jobs.c.state, _REASON)
)


@dataclass(frozen=True)
class AlarmRows:
    """What nobody has been told of yet, over all shops."""

    connection: sa.Connection
    now: datetime

    def take(self) -> dict[int, tuple[Stuck, ...]]:
        """Mark, then count what this transaction marked: the figures are exact whoever else is at work.

        What belongs to no shop is the oldest shop's; without any shop nothing is taken.
        """
        oldest_shop = self.connection.execute(_OLDEST_SHOP).scalar()
        if oldest_shop is None:
            return {}
        ids = self._mark()
        found: dict[int, list[Stuck]] = {}
        for start in range(0, len(ids), 10_000):
            for shop_id, one in self._counted(ids[start : start + 10_000], oldest_shop):
                found.setdefault(shop_id, []).append(one)
        return {shop_id: _merged(stuck) for shop_id, stuck in found.items()}

    def overdue(self) -> int:
        """How many open jobs are past their time."""
        return self.connection.execute(_COUNT_LATE, {"now": self.now}).scalar_one()

    def _mark(self) -> list[int]:
        marked: list[int] = []
        for marking, which in ((_MARK_LATE, {"now": self.now}), (_MARK_DEAD, {})):
            marked += self.connection.execute(marking, {**which, "raised": self.now}).scalars()
        return marked

    def _counted(self, ids: list[int], oldest_shop: int) -> list[tuple[int, Stuck]]:
        rows = self.connection.execute(_COUNTED, {"ids": ids, "oldest_shop": oldest_shop})
        return [
            (row.shop, Stuck(kind=row.kind, message=row.message, dead=row.state == "dead", count=row.jobs,
                             oldest=row.oldest, reason=row.reason))
            for row in rows
        ]


def _merged(stuck: list[Stuck]) -> tuple[Stuck, ...]:
    """One line for each kind, fate and reason, the most first."""
    together: dict[tuple[str, str, bool, str], Stuck] = {}
    for one in stuck:
        key = (one.kind, one.message, one.dead, one.reason)
        had = together.get(key)
        together[key] = one if had is None else Stuck(
            kind=one.kind, message=one.message, dead=one.dead, reason=one.reason, count=had.count + one.count,
            oldest=min(had.oldest, one.oldest),
        )
    return tuple(sorted(together.values(), key=lambda one: (-one.count, one.kind, one.message, one.reason)))
