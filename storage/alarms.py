"""Jobs past their time or given up, each raised once over all replicas."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from domain.alarms import Stuck
from storage.claim import still_open
from storage.tables import jobs, shops


@dataclass(frozen=True)
class AlarmRows:
    """What nobody has been told of yet, over all shops."""

    connection: sa.Connection
    now: datetime

    def take(self) -> dict[int, tuple[Stuck, ...]]:
        """Mark, then count what this transaction marked: the figures are exact whoever else is at work.

        What belongs to no shop is the oldest shop's; without any shop nothing is taken.
        """
        oldest_shop = self.connection.execute(sa.select(sa.func.min(shops.c.id))).scalar()
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
        late = sa.select(sa.func.count()).where(still_open(), jobs.c.final_by <= self.now)
        return self.connection.execute(late).scalar_one()

    def _mark(self) -> list[int]:
        marked: list[int] = []
        for which in (
            sa.and_(still_open(), jobs.c.raised_at.is_(None), jobs.c.final_by <= self.now),
            sa.and_(jobs.c.state == "dead", jobs.c.raised_at.is_(None)),
        ):
            marking = sa.update(jobs).where(which).values(raised_at=self.now).returning(jobs.c.id)
            marked += self.connection.execute(marking).scalars()
        return marked

    def _counted(self, ids: list[int], oldest_shop: int) -> list[tuple[int, Stuck]]:
        shop, message = sa.func.coalesce(jobs.c.shop_id, oldest_shop), sa.func.coalesce(jobs.c.message, "")
        reason = sa.func.coalesce(jobs.c.error, "")
        rows = self.connection.execute(
            sa.select(
                shop.label("shop"), jobs.c.kind, message.label("message"), jobs.c.state, reason.label("reason"),
                sa.func.count().label("jobs"), sa.func.min(jobs.c.made_at, type_=jobs.c.made_at.type).label("oldest"),
            )
            .where(jobs.c.id.in_(ids))
            .group_by(shop, jobs.c.kind, message, jobs.c.state, reason)
        )
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
