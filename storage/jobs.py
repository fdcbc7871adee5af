"""Jobs: everything that happens later or elsewhere. Claimed with a lease, settled only by whoever holds it.

A lane's jobs go out one after the other, oldest first; a paced lane also keeps its distance, over all replicas,
because its next free moment is a row. A job found ``sending`` after its lease ran out has an unknown outcome.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Final, TypeAlias

import sqlalchemy as sa

from domain.jobs import FINAL_WITHIN, Job, Lane
from domain.wire import Json
from storage.database import insert, is_sqlite
from storage.tables import jobs, lanes, shops

OPEN: Final = "open"
#: so many due jobs are looked through for heads of lanes; behind longer lanes the heads are looked up lane by lane
_LOOKED_AT: Final = 500
_Candidate: TypeAlias = sa.Row[int, str, str, datetime | None]
#: key of a connection's info: this transaction has written jobs
NEW_WORK: Final = "opsbell_new_work"


@dataclass(frozen=True)
class JobRows:
    """The jobs of the whole installation."""

    connection: sa.Connection
    now: datetime
    #: by which leases run; None: by ``now``
    real: datetime | None = None

    def add(
        self, *, key: str, kind: str, payload: Mapping[str, Json], due_at: datetime, lane: str = "",
        shop_id: int | None = None, card: str | None = None, message: str | None = None,
        within: timedelta | None = None,
    ) -> bool:
        """Write a job; False if one with this key was ever written."""
        row = self.connection.execute(
            insert(self.connection, jobs)
            .values(
                key=key, kind=kind, payload=dict(payload), due_at=due_at, lane=lane or _own_lane(key), shop_id=shop_id,
                made_at=self.now, state=OPEN, card=card, message=message,
                final_by=due_at + (within or final_within(kind)),
            )
            .on_conflict_do_nothing(index_elements=["key"])
            .returning(jobs.c.id)
        ).scalar()
        if row is not None:
            # Read after the commit: only new work wakes the loops, else each claim would wake the next.
            self.connection.info[NEW_WORK] = True
        return row is not None

    def claim(
        self, *, kinds: tuple[str, ...], owner: str, limit: int, lease: timedelta, abandoned: bool = True
    ) -> tuple[Job, ...]:
        """Up to ``limit`` due jobs that head their lanes, held until now + lease; at most one of them abandoned.

        The attempt is counted here, before anything runs, so that a job which kills its worker reaches its limit too.
        """
        found = [*self._abandoned(kinds, limit=1 if abandoned else 0)]
        found += self._due(kinds, limit=limit - len(found))
        mine = self._lanes_held(found)
        if not mine:
            return ()
        until = self._real + lease
        rows = self.connection.execute(
            sa.update(jobs)
            .where(jobs.c.id.in_(mine), ~_behind(), ~self._lane_busy())
            .values(owner=owner, leased_until=until, attempts=jobs.c.attempts + 1)
            .returning(jobs)
        )
        first = {row.id for row in found if row.leased_until is not None}
        return tuple(
            Job(
                id=row.id, shop_id=row.shop_id, key=row.key, kind=row.kind, lane=row.lane, payload=row.payload,
                attempts=row.attempts, in_doubt=row.sending, owner=owner, leased_until=until, made_at=row.made_at,
                abandoned=row.id in first, final_by=row.final_by,
            )
            for row in sorted(rows, key=lambda row: (row.due_at, row.id))
        )

    def _due(self, kinds: tuple[str, ...], *, limit: int) -> Sequence[_Candidate]:
        """The due heads of lanes: among the longest due, or where long lanes fill those, of each lane in turn."""
        free = jobs.c.leased_until.is_(None)
        longest_due = _longest_due(kinds, self.now)
        if self.connection.execute(longest_due.offset(_LOOKED_AT).limit(1)).first() is None:
            return self._candidates(kinds, free, jobs.c.due_at, limit)
        near = self._candidates(
            kinds, sa.and_(free, jobs.c.id.in_(longest_due.limit(_LOOKED_AT))), jobs.c.due_at, limit
        )
        if len(near) >= limit:
            return near
        return self._candidates(kinds, sa.and_(free, jobs.c.id.in_(_heads())), jobs.c.due_at, limit)

    def _abandoned(self, kinds: tuple[str, ...], *, limit: int) -> Sequence[_Candidate]:
        """Jobs whose holder let the lease run out: it died, perhaps of this very job."""
        return self._candidates(kinds, jobs.c.leased_until <= self._real, jobs.c.leased_until, limit)

    def _candidates(
        self, kinds: tuple[str, ...], lease: sa.ColumnElement[bool], order: sa.Column[datetime], limit: int
    ) -> Sequence[_Candidate]:
        if limit <= 0:
            return ()
        return self.connection.execute(
            sa.select(jobs.c.id, jobs.c.key, jobs.c.lane, jobs.c.leased_until)
            .where(still_open(), jobs.c.kind.in_(kinds), jobs.c.due_at <= self.now, lease, ~_behind())
            .order_by(order, jobs.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True, of=jobs)
        ).all()

    def _lanes_held(self, rows: Sequence[_Candidate]) -> list[int]:
        """Those whose lane nobody else is claiming from at this moment.

        Two heads of one lane can be seen at once where the job with the lower number was committed later. On SQLite
        the one writer holds every lane.
        """
        shared = {row.lane for row in rows if row.lane != _own_lane(row.key)}
        if is_sqlite(self.connection) or not shared:
            return [row.id for row in rows]
        asked = sa.values(sa.column("lane", sa.Text()), name="asked").data([(lane,) for lane in sorted(shared)])
        number = sa.func.hashtextextended(asked.c.lane, 0)
        held = self.connection.execute(sa.select(asked.c.lane, sa.func.pg_try_advisory_xact_lock(number)))
        mine = {name for name, ours in held if ours}
        return [row.id for row in rows if row.lane not in shared or row.lane in mine]

    def _lane_busy(self) -> sa.ColumnElement[bool]:
        other = jobs.alias("other")
        return sa.exists().where(
            other.c.lane == jobs.c.lane, still_open(other), other.c.id != jobs.c.id,
            other.c.leased_until > self._real,
        )

    def mark_sending(self, claimed: Sequence[Job]) -> frozenset[int]:
        """Remember, before the wire, that they may go through; the numbers of those whose lease is still ours."""
        if not claimed:
            return frozenset()
        ours = sa.or_(*(
            sa.and_(jobs.c.owner == owner, jobs.c.leased_until == until)
            for owner, until in {(job.owner, job.leased_until) for job in claimed}
        ))
        marked = self.connection.execute(
            sa.update(jobs)
            .where(jobs.c.id.in_([job.id for job in claimed]), ours, still_open())
            .values(sending=True)
            .returning(jobs.c.id)
        )
        return frozenset(marked.scalars())

    def done(self, job: Job, outcome: Mapping[str, Json] | None = None, *, state: str = "done") -> bool:
        """It happened (or ``superseded``, ``dead``); False if somebody else holds it now."""
        return self._write(
            job, state=state, done_at=self.now, outcome=dict(outcome or {}), leased_until=None, owner=None,
            sending=False,
        )

    def later(self, job: Job, *, at: datetime, error: str, in_doubt: bool, counts: bool = True) -> bool:
        """Try again at that moment. ``counts``: whether the attempt counts towards its limit."""
        attempts = job.attempts if counts else job.attempts - 1
        return self._write(
            job, due_at=at, leased_until=None, owner=None, error=error[:500], sending=in_doubt, attempts=attempts
        )

    def bury(self, job: Job, reason: str) -> bool:
        """Give it up, with the reason, for a person to look at."""
        # A doubt of an earlier attempt stays: whoever opens it again looks first whether that went through.
        return self._write(
            job, state="dead", done_at=self.now, error=reason[:500], leased_until=None, owner=None,
            sending=job.in_doubt,
        )

    def lanes(self, keys: Collection[str]) -> dict[str, Lane]:
        """Where lanes stand; nobody else moves them before this transaction ends."""
        if not keys:
            return {}
        in_order = sorted(keys)  # two replicas that want the same lanes wait for each other, never both
        new = insert(self.connection, lanes).on_conflict_do_nothing(index_elements=["key"])
        self.connection.execute(new, [{"key": key, "free_at": self.now} for key in in_order])
        held = sa.select(lanes).where(lanes.c.key.in_(in_order)).order_by(lanes.c.key).with_for_update()
        return {
            row.key: Lane(free_at=row.free_at, held_until=row.held_until) for row in self.connection.execute(held)
        }

    def move_lanes(self, free: Mapping[str, datetime]) -> None:
        """The next free moments of lanes that this transaction holds."""
        if free:
            moved = sa.update(lanes).where(lanes.c.key == sa.bindparam("lane")).values(free_at=sa.bindparam("free"))
            self.connection.execute(moved, [{"lane": key, "free": free[key]} for key in sorted(free)])

    def hold(self, lane: str, *, until: datetime) -> None:
        """Nothing leaves on this lane before that moment (a platform's Retry-After). A shorter wait never wins."""
        # A bare datetime in coalesce() would be bound as text, since a function gives its arguments no type.
        moment = sa.literal(until, lanes.c.held_until.type)
        held = sa.func.coalesce(lanes.c.held_until, moment, type_=lanes.c.held_until.type)
        self.connection.execute(
            insert(self.connection, lanes)
            .values(key=lane, free_at=until, held_until=until)
            .on_conflict_do_update(
                index_elements=["key"],
                set_={
                    "free_at": _later_of(lanes.c.free_at, until),
                    "held_until": sa.case((held > moment, held), else_=moment),
                },
            )
        )

    def held_until(self, keys: Iterable[str]) -> datetime | None:
        """The moment before which the other side wants nothing on any of these lanes; None if none is held now."""
        held = sa.select(sa.func.max(lanes.c.held_until, type_=lanes.c.held_until.type)).where(
            lanes.c.key.in_(list(keys)), lanes.c.held_until > self.now
        )
        return self.connection.execute(held).scalar()

    def held(self, prefix: str, *, but: str) -> tuple[str, ...]:
        """The other lanes whose key begins so, and that are held now."""
        keys = sa.select(lanes.c.key).where(
            lanes.c.key.startswith(prefix, autoescape=True), lanes.c.key != but, lanes.c.held_until > self.now
        )
        return tuple(self.connection.execute(keys).scalars())

    def raised(self, job: Job) -> None:
        """Somebody was told of it: the auditor need not."""
        self.connection.execute(sa.update(jobs).where(jobs.c.id == job.id).values(raised_at=self.now))

    def stands(self, lane: str) -> bool:
        """Whether a job of that lane is open."""
        open_one = sa.exists().where(jobs.c.lane == lane, still_open())
        return bool(self.connection.execute(sa.select(open_one)).scalar())

    def waiting(self) -> int:
        """How many open jobs are due."""
        due = sa.select(sa.func.count()).where(still_open(), jobs.c.due_at <= self.now)
        return self.connection.execute(due).scalar_one()

    def counts(self) -> dict[tuple[str, str], int]:
        """How many jobs stand in each state, by kind."""
        many = sa.func.count().label("jobs")
        rows = self.connection.execute(sa.select(jobs.c.state, jobs.c.kind, many).group_by(jobs.c.state, jobs.c.kind))
        return {(row.state, row.kind): row.jobs for row in rows}

    def oldest_due(self) -> timedelta:
        """For how long the oldest open job has been due; zero if none is."""
        oldest = self.connection.execute(
            sa.select(sa.func.min(jobs.c.due_at, type_=jobs.c.due_at.type)).where(still_open())
        ).scalar()
        return timedelta() if oldest is None else max(timedelta(), self.now - oldest)

    def last_runs(self, name: str, *, since: datetime) -> dict[str, datetime]:
        """When a schedule last ran in each shop, by the shop's key, if it did since then."""
        last = sa.func.max(jobs.c.done_at, type_=jobs.c.done_at.type).label("last")
        rows = self.connection.execute(
            sa.select(shops.c.key, last)
            .join(shops, shops.c.id == jobs.c.shop_id)
            .where(
                jobs.c.done_at >= since, jobs.c.kind == "fire", jobs.c.state == "done",
                jobs.c.key.startswith(f"schedule:{name}:", autoescape=True),
            )
            .group_by(shops.c.key)
        )
        return {row.key: row.last for row in rows}

    @property
    def _real(self) -> datetime:
        return self.real or self.now

    def _write(self, job: Job, **values: object) -> bool:
        # The fence: only the owner of exactly this lease may write, so a late worker settles nothing.
        changed = self.connection.execute(
            sa.update(jobs)
            .where(
                jobs.c.id == job.id, jobs.c.owner == job.owner, jobs.c.leased_until == job.leased_until,
                still_open(),
            )
            .values(**values)
        )
        return changed.rowcount == 1


def final_within(kind: str) -> timedelta:
    """How long after it fell due a job of that kind must be final."""
    return FINAL_WITHIN.get(kind, FINAL_WITHIN[""])


def still_open(which: sa.FromClause = jobs) -> sa.ColumnElement[bool]:
    """Whether a job is open, in the words of the partial indexes: a bound value would keep them from being used."""
    return which.c.state == sa.literal_column("'open'", sa.Text())


def _own_lane(key: str) -> str:
    """The lane of a job that waits for nobody."""
    return f"job:{key}"


def _longest_due(kinds: tuple[str, ...], now: datetime) -> sa.Select[int]:
    """The numbers of due jobs that nobody holds, the longest due first."""
    waiting = jobs.alias("waiting")
    return sa.select(waiting.c.id).where(
        still_open(waiting), waiting.c.kind.in_(kinds), waiting.c.due_at <= now, waiting.c.leased_until.is_(None)
    ).order_by(waiting.c.due_at, waiting.c.id)


@cache
def _heads() -> sa.Select[int | None]:
    """The number of each lane's oldest open job, found by leaps over the index: a lane of any length is one step."""
    start = sa.select(sa.func.min(jobs.c.lane).label("lane")).where(still_open())
    walk = start.cte("walk", recursive=True)
    following = jobs.alias("following")
    leap = sa.select(sa.func.min(following.c.lane)).where(still_open(following), following.c.lane > walk.c.lane)
    walk = walk.union_all(sa.select(leap.scalar_subquery()).where(walk.c.lane.is_not(None)))
    first = jobs.alias("first")
    head = sa.select(sa.func.min(first.c.id)).where(still_open(first), first.c.lane == walk.c.lane)
    return sa.select(head.scalar_subquery()).where(walk.c.lane.is_not(None))


@cache
def _behind() -> sa.ColumnElement[bool]:
    """Whether an older job of its lane is still open. Made once: the alias costs more than the query."""
    earlier = jobs.alias("earlier")
    return sa.exists().where(earlier.c.lane == jobs.c.lane, still_open(earlier), earlier.c.id < jobs.c.id)


def _later_of(column: sa.Column[datetime], moment: datetime) -> sa.ColumnElement[datetime]:
    return sa.case((column > moment, column), else_=sa.literal(moment, column.type))
