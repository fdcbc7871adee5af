"""Jobs: everything that happens later or elsewhere. Claimed with a lease, settled only by whoever holds it.

A lane's jobs go out one after the other, oldest first; a paced lane also keeps its distance, over all replicas,
because its next free moment is a row. A job found ``sending`` after its lease ran out has an unknown outcome.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from domain.jobs import FINAL_WITHIN, Job
from domain.wire import Json
from storage.database import insert
from storage.tables import jobs, lanes

OPEN: Final = "open"
#: key of a connection's info: this transaction has written jobs
NEW_WORK: Final = "opsbell_new_work"


@dataclass(frozen=True)
class JobRows:
    """The jobs of the whole installation."""

    connection: sa.Connection
    now: datetime

    def add(
        self, *, key: str, kind: str, payload: Mapping[str, Json], due_at: datetime, lane: str = "",
        shop_id: int | None = None, card: str | None = None, message: str | None = None,
        within: timedelta | None = None,
    ) -> bool:
        """Write a job; False if one with this key was ever written."""
        row = self.connection.execute(
            insert(self.connection, jobs)
            .values(
                key=key, kind=kind, payload=dict(payload), due_at=due_at, lane=lane or f"job:{key}", shop_id=shop_id,
                made_at=self.now, state=OPEN, card=card, message=message,
                final_by=due_at + (within or FINAL_WITHIN.get(kind, FINAL_WITHIN[""])),
            )
            .on_conflict_do_nothing(index_elements=["key"])
            .returning(jobs.c.id)
        ).scalar()
        if row is not None:
            # Read after the commit: only new work wakes the loops, else each claim would wake the next.
            self.connection.info[NEW_WORK] = True
        return row is not None

    def claim(self, *, kinds: tuple[str, ...], owner: str, limit: int, lease: timedelta) -> tuple[Job, ...]:
        """Up to ``limit`` due jobs that head their lanes, held until now + lease.

        The attempt is counted here, before anything runs, so that a job which kills its worker reaches its limit too.
        """
        earlier = jobs.alias("earlier")
        free = sa.or_(jobs.c.leased_until.is_(None), jobs.c.leased_until <= self.now)
        behind = sa.exists().where(earlier.c.lane == jobs.c.lane, earlier.c.state == OPEN, earlier.c.id < jobs.c.id)
        candidates = self.connection.execute(
            sa.select(jobs)
            .where(jobs.c.state == OPEN, jobs.c.kind.in_(kinds), jobs.c.due_at <= self.now, free, ~behind)
            .order_by(jobs.c.due_at, jobs.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).all()
        if not candidates:
            return ()
        until = self.now + lease
        self.connection.execute(
            sa.update(jobs)
            .where(jobs.c.id.in_([row.id for row in candidates]))
            .values(owner=owner, leased_until=until, attempts=jobs.c.attempts + 1)
        )
        return tuple(
            Job(
                id=row.id, shop_id=row.shop_id, key=row.key, kind=row.kind, lane=row.lane, payload=row.payload,
                attempts=row.attempts + 1, in_doubt=row.sending, owner=owner, leased_until=until, made_at=row.made_at,
            )
            for row in candidates
        )

    def next_due(self, kinds: tuple[str, ...]) -> datetime | None:
        """When the next open job of these kinds falls due or its lease runs out; None if there is none."""
        ready = sa.case((jobs.c.leased_until > jobs.c.due_at, jobs.c.leased_until), else_=jobs.c.due_at)
        return self.connection.execute(
            sa.select(sa.func.min(ready, type_=jobs.c.due_at.type)).where(jobs.c.state == OPEN, jobs.c.kind.in_(kinds))
        ).scalar()

    def mark_sending(self, job: Job) -> bool:
        """Remember, before the wire, that it may go through; False if the lease is no longer ours."""
        return self._write(job, sending=True)

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
        return self._write(
            job, state="dead", done_at=self.now, error=reason[:500], leased_until=None, owner=None, sending=False,
        )

    def pace(self, lane: str, *, gap: timedelta) -> datetime:
        """Take the lane's next free moment and move it on by ``gap``; the moment may lie in the future."""
        row = self.connection.execute(
            insert(self.connection, lanes)
            .values(key=lane, free_at=self.now + gap)
            .on_conflict_do_update(
                index_elements=["key"],
                set_={"free_at": _later_of(lanes.c.free_at, self.now) + _micro(gap)},
            )
            .returning(lanes.c.free_at)
        ).scalar_one()
        free: datetime = row
        return free - gap

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

    def free_at(self, lane: str) -> datetime | None:
        """The lane's next free moment; None if nothing ever went out on it."""
        return self.connection.execute(sa.select(lanes.c.free_at).where(lanes.c.key == lane)).scalar()

    def waiting(self) -> int:
        """How many open jobs are due."""
        due = sa.select(sa.func.count()).where(jobs.c.state == OPEN, jobs.c.due_at <= self.now)
        return self.connection.execute(due).scalar_one()

    def counts(self) -> dict[str, int]:
        """How many jobs stand in each state."""
        rows = self.connection.execute(sa.select(jobs.c.state, sa.func.count()).group_by(jobs.c.state))
        return dict(rows.tuples().all())

    def _write(self, job: Job, **values: object) -> bool:
        # The fence: only the owner of exactly this lease may write, so a late worker settles nothing.
        changed = self.connection.execute(
            sa.update(jobs)
            .where(
                jobs.c.id == job.id, jobs.c.owner == job.owner, jobs.c.leased_until == job.leased_until,
                jobs.c.state == OPEN,
            )
            .values(**values)
        )
        return changed.rowcount == 1


def _later_of(column: sa.Column[datetime], moment: datetime) -> sa.ColumnElement[datetime]:
    return sa.case((column > moment, column), else_=sa.literal(moment, column.type))


def _micro(gap: timedelta) -> sa.ColumnElement[int]:
    return sa.literal(gap // timedelta(microseconds=1), sa.BigInteger())
