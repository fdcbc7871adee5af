"""Which jobs are taken next: due, heading their lanes, held by nobody. The statements are built once.

A lane's jobs go out one after the other, oldest first. How a job's row is counted, held and settled is in storage.jobs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from domain.jobs import Due
from storage.database import is_sqlite
from storage.tables import jobs

#: so many due jobs are looked through for heads of lanes; behind longer lanes the heads are looked up lane by lane
LOOKED_AT: Final = 500
Candidate: TypeAlias = sa.Row[int, str, str, datetime | None]


def still_open(which: sa.FromClause = jobs) -> sa.ColumnElement[bool]:
    """Whether a job is open, in the words of the partial indexes: a bound value would keep them from being used."""
    return which.c.state == sa.literal_column("'open'", sa.Text())


def given_up() -> sa.ColumnElement[bool]:
    """Whether a job is dead, in the words of its partial index."""
    return jobs.c.state == sa.literal_column("'dead'", sa.Text())


def own_lane(key: str) -> str:
    """The lane of a job that waits for nobody."""
    return f"job:{key}"


def look(connection: sa.Connection, kinds: tuple[str, ...], now: datetime, real: datetime) -> Due:
    """Which of those kinds have a due job that is free or abandoned, as far as the longest due tell."""
    rows = connection.execute(_LONGEST_DUE, {"kinds": kinds, "now": now, "real": real}).all()
    return Due(
        free=frozenset(row.kind for row in rows if not row.abandoned),
        abandoned=frozenset(row.kind for row in rows if row.abandoned),
        all_seen=sum(row.number for row in rows) <= LOOKED_AT,
    )


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One look for jobs of these kinds."""

    connection: sa.Connection
    kinds: tuple[str, ...]
    now: datetime
    #: by which leases run
    real: datetime
    #: what a look at them saw in this transaction
    due: Due

    def take(
        self, *, owner: str, limit: int, until: datetime, abandoned: bool
    ) -> tuple[Sequence[sa.Row[Any]], set[int]]:
        """Up to ``limit`` rows, now held until that moment, and which of them an earlier holder had abandoned."""
        found = [*self._abandoned(limit=1 if abandoned else 0)]
        found += self._due(limit=limit - len(found))
        mine = self._lanes_held(found)
        if not mine:
            return (), set()
        values = {"ids": mine, "owner": owner, "leased_until": until, "real": self.real}
        rows = self.connection.execute(_TAKE, values).all()
        return rows, {row.id for row in found if row.leased_until is not None}

    def _due(self, *, limit: int) -> Sequence[Candidate]:
        """The due heads of lanes: among the longest due, or where long lanes fill those, of each lane in turn."""
        if self.due.all_seen and self.due.free.isdisjoint(self.kinds):
            return ()
        if self.due.all_seen or self._few_due():
            return self._candidates(_DUE, limit)
        near = self._candidates(_DUE_AMONG_THE_LONGEST, limit)
        return near if len(near) >= limit else self._candidates(_DUE_OF_EACH_LANE, limit)

    def _abandoned(self, *, limit: int) -> Sequence[Candidate]:
        """Jobs whose holder let the lease run out: it died, perhaps of this very job."""
        if self.due.all_seen and self.due.abandoned.isdisjoint(self.kinds):
            return ()
        return self._candidates(_ABANDONED, limit)

    def _few_due(self) -> bool:
        return self.connection.execute(_MANY_DUE, {"kinds": self.kinds, "now": self.now}).first() is None

    def _candidates(self, statement: sa.Select[Any], limit: int) -> Sequence[Candidate]:
        if limit <= 0:
            return ()
        values = {"kinds": self.kinds, "now": self.now, "limit": limit}
        if statement is _ABANDONED:
            values["real"] = self.real
        return self.connection.execute(statement, values).all()

    def _lanes_held(self, rows: Sequence[Candidate]) -> list[int]:
        """Those whose lane nobody else is claiming from at this moment.

        Two heads of one lane can be seen at once where the job with the lower number was committed later. On SQLite
        the one writer holds every lane.
        """
        shared = {row.lane for row in rows if row.lane != own_lane(row.key)}
        if is_sqlite(self.connection) or not shared:
            return [row.id for row in rows]
        held = self.connection.execute(_LANES_HELD, {"lanes": sorted(shared)})
        mine = {name for name, ours in held if ours}
        return [row.id for row in rows if row.lane not in shared or row.lane in mine]


def _behind() -> sa.ColumnElement[bool]:
    """Whether an older job of its lane is still open."""
    earlier = jobs.alias("earlier")
    return sa.exists().where(earlier.c.lane == jobs.c.lane, still_open(earlier), earlier.c.id < jobs.c.id)


def _lane_busy() -> sa.ColumnElement[bool]:
    other = jobs.alias("other")
    return sa.exists().where(
        other.c.lane == jobs.c.lane, still_open(other), other.c.id != jobs.c.id,
        other.c.leased_until > sa.bindparam("real"),
    )


def _longest_due() -> sa.Select[Any]:
    """The numbers of due jobs that nobody holds, the longest due first."""
    waiting = jobs.alias("waiting")
    return sa.select(waiting.c.id).where(
        still_open(waiting), waiting.c.kind.in_(sa.bindparam("kinds", expanding=True)),
        waiting.c.due_at <= sa.bindparam("now"), waiting.c.leased_until.is_(None),
    ).order_by(waiting.c.due_at, waiting.c.id)


def _heads() -> sa.Select[Any]:
    """The number of each lane's oldest open job, found by leaps over the index: a lane of any length is one step."""
    start = sa.select(sa.func.min(jobs.c.lane).label("lane")).where(still_open())
    walk = start.cte("walk", recursive=True)
    following = jobs.alias("following")
    leap = sa.select(sa.func.min(following.c.lane)).where(still_open(following), following.c.lane > walk.c.lane)
    walk = walk.union_all(sa.select(leap.scalar_subquery()).where(walk.c.lane.is_not(None)))
    first = jobs.alias("first")
    head = sa.select(sa.func.min(first.c.id)).where(still_open(first), first.c.lane == walk.c.lane)
    return sa.select(head.scalar_subquery()).where(walk.c.lane.is_not(None))


def _candidates(*which: sa.ColumnElement[bool], order: sa.Column[datetime]) -> sa.Select[Any]:
    return (
        sa.select(jobs.c.id, jobs.c.key, jobs.c.lane, jobs.c.leased_until)
        .where(
            still_open(), jobs.c.kind.in_(sa.bindparam("kinds", expanding=True)),
            jobs.c.due_at <= sa.bindparam("now"), *which, ~_behind(),
        )
        .order_by(order, jobs.c.id)
        .limit(sa.bindparam("limit", type_=sa.Integer()))
        .with_for_update(skip_locked=True, of=jobs)
    )


_NEAR: Final = (
    sa.select(jobs.c.kind, jobs.c.leased_until.is_not(None).label("abandoned"))
    .where(
        still_open(), jobs.c.kind.in_(sa.bindparam("kinds", expanding=True)), jobs.c.due_at <= sa.bindparam("now"),
        sa.or_(jobs.c.leased_until.is_(None), jobs.c.leased_until <= sa.bindparam("real")),
    )
    .order_by(jobs.c.due_at, jobs.c.id)
    .limit(LOOKED_AT + 1)
    .subquery("near")
)
_LONGEST_DUE: Final = sa.select(_NEAR.c.kind, _NEAR.c.abandoned, sa.func.count().label("number")).group_by(
    _NEAR.c.kind, _NEAR.c.abandoned
)
_FREE: Final = jobs.c.leased_until.is_(None)
_MANY_DUE: Final = _longest_due().offset(LOOKED_AT).limit(1)
_DUE: Final = _candidates(_FREE, order=jobs.c.due_at)
_DUE_AMONG_THE_LONGEST: Final = _candidates(_FREE, jobs.c.id.in_(_longest_due().limit(LOOKED_AT)), order=jobs.c.due_at)
_DUE_OF_EACH_LANE: Final = _candidates(_FREE, jobs.c.id.in_(_heads()), order=jobs.c.due_at)
_ABANDONED: Final = _candidates(jobs.c.leased_until <= sa.bindparam("real"), order=jobs.c.leased_until)
#: the owner and the lease come as values of its columns
_TAKE: Final = (
    sa.update(jobs)
    .where(jobs.c.id.in_(sa.bindparam("ids", expanding=True)), ~_behind(), ~_lane_busy())
    .values(attempts=jobs.c.attempts + 1)
    .returning(jobs)
)
_ASKED: Final = sa.func.unnest(sa.bindparam("lanes", type_=ARRAY(sa.Text()))).column_valued("lane")
_LANES_HELD: Final = sa.select(_ASKED, sa.func.pg_try_advisory_xact_lock(sa.func.hashtextextended(_ASKED, 0)))
