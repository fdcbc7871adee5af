"""Jobs: everything that happens later or elsewhere. Claimed with a lease, settled only by whoever holds it.

Which job is next is in storage.claim. A paced lane keeps its distance, over all replicas, because its next free moment
is a row. A job found ``sending`` after its lease ran out has an unknown outcome.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from domain.jobs import FINAL_WITHIN, Due, Job, Lane
from domain.wire import Json
from storage.claim import Claim, given_up, look, own_lane, still_open
from storage.database import Insert, Upsert
from storage.tables import jobs, lanes, shops

OPEN: Final = "open"
#: key of a connection's info: the kinds of jobs that this transaction has written
NEW_WORK: Final = "opsbell_new_work"

_ADD: Final = Upsert(jobs, lambda new: new.on_conflict_do_nothing(index_elements=["key"]).returning(jobs.c.id))
#: a job as long as exactly that lease holds it; what is set comes as values of its columns
HELD_JOB: Final = sa.update(jobs).where(
    jobs.c.id == sa.bindparam("which"), jobs.c.owner == sa.bindparam("holder"),
    jobs.c.leased_until == sa.bindparam("until"), still_open(),
)
_MARK_SENDING: Final = (
    sa.update(jobs)
    .where(
        jobs.c.id.in_(sa.bindparam("ids", expanding=True)), jobs.c.owner == sa.bindparam("holder"),
        jobs.c.leased_until == sa.bindparam("until"), jobs.c.leased_until > sa.bindparam("real"), still_open(),
    )
    .values(sending=True)
    .returning(jobs.c.id)
)
_RAISED: Final = sa.update(jobs).where(jobs.c.id == sa.bindparam("which")).values(raised_at=sa.bindparam("raised"))
_STANDS: Final = sa.select(
    sa.exists().where(jobs.c.lane == sa.bindparam("lane"), jobs.c.id > sa.bindparam("after"), still_open())
)
_OPEN_PAYLOADS: Final = (
    sa.select(jobs.c.payload)
    .where(still_open(), jobs.c.kind == sa.bindparam("kind"))
    .order_by(jobs.c.due_at, jobs.c.id)
)
_OF_KIND: Final = (jobs.c.state, jobs.c.kind, sa.func.count().label("jobs"))
_COUNTS: Final = sa.union_all(*(
    sa.select(*_OF_KIND).where(state).group_by(jobs.c.state, jobs.c.kind) for state in (still_open(), given_up())
))
_WAITING: Final = sa.select(sa.func.count()).where(still_open(), jobs.c.due_at <= sa.bindparam("now"))

_NEW_LANE: Final = Upsert(lanes, lambda new: new.on_conflict_do_nothing(index_elements=["key"]))
_HOLD_LANES: Final = (
    sa.select(lanes)
    .where(lanes.c.key.in_(sa.bindparam("keys", expanding=True)))
    .order_by(lanes.c.key)
    .with_for_update()
)
_MOVE_LANE: Final = (
    sa.update(lanes).where(lanes.c.key == sa.bindparam("lane")).values(free_at=sa.bindparam("free"))
)
_HELD: Final = sa.select(lanes.c.key, lanes.c.held_until).where(
    lanes.c.key.in_(sa.bindparam("keys", expanding=True)), lanes.c.held_until > sa.bindparam("now")
)
_CLOSED: Final = sa.select(lanes).where(
    lanes.c.key.in_(sa.bindparam("keys", expanding=True)),
    sa.or_(lanes.c.held_until > sa.bindparam("now"), lanes.c.shut),
)
_TRY_LANE: Final = (
    sa.update(lanes).where(lanes.c.key == sa.bindparam("lane")).values(held_until=sa.bindparam("until"))
)
_OPEN_LANE: Final = (
    sa.update(lanes)
    .where(lanes.c.key == sa.bindparam("lane"), lanes.c.held_until == sa.bindparam("trial"))
    .values(held_until=None, shut=False)
)
#: what somebody else is taking up at this moment needs no push
_PUT_BACK: Final = (
    sa.select(jobs.c.id)
    .where(
        still_open(), jobs.c.kind.in_(sa.bindparam("kinds", expanding=True)), jobs.c.due_at > sa.bindparam("now"),
        jobs.c.leased_until.is_(None), jobs.c.error.in_(sa.bindparam("waiting", expanding=True)),
    )
    .with_for_update(skip_locked=True, of=jobs)
)
_LOOK_AGAIN: Final = (
    sa.update(jobs).where(jobs.c.id.in_(_PUT_BACK)).values(due_at=sa.bindparam("now", type_=jobs.c.due_at.type))
)

_AT_ONCE: Final = (
    sa.update(jobs)
    .where(
        still_open(), jobs.c.lane == sa.bindparam("lane_of"), jobs.c.due_at > sa.bindparam("now"),
        jobs.c.leased_until.is_(None),
    )
    .values(due_at=sa.bindparam("now", type_=jobs.c.due_at.type))
)


def _hold(new: Insert) -> Insert:
    free, held = new.excluded.free_at, new.excluded.held_until
    before = sa.func.coalesce(lanes.c.held_until, held, type_=lanes.c.held_until.type)
    return new.on_conflict_do_update(
        index_elements=["key"],
        set_={
            "free_at": sa.case((lanes.c.free_at > free, lanes.c.free_at), else_=free),
            "held_until": sa.case((before > held, before), else_=held),
            "shut": sa.or_(lanes.c.shut, new.excluded.shut),
        },
    )


_HOLD: Final = Upsert(lanes, _hold)


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
        row = self.connection.execute(_ADD.on(self.connection), {
            "key": key, "kind": kind, "payload": dict(payload), "due_at": due_at, "lane": lane or own_lane(key),
            "shop_id": shop_id, "made_at": self.now, "state": OPEN, "card": card, "message": message,
            "final_by": due_at + (within or final_within(kind)),
        }).scalar()
        if row is not None:
            self.added(kind)
        return row is not None

    def added(self, kind: str) -> None:
        """A job of that kind was written in this transaction."""
        # Read after the commit: only new work wakes the loops, else each claim would wake the next.
        self.connection.info.setdefault(NEW_WORK, set()).add(kind)

    def due(self, kinds: tuple[str, ...]) -> Due:
        """One look at what could be claimed of those kinds; it holds nothing."""
        return look(self.connection, kinds, self.now, self._real)

    def claim(
        self, *, kinds: tuple[str, ...], owner: str, limit: int, lease: timedelta, abandoned: bool = True,
        due: Due | None = None,
    ) -> tuple[Job, ...]:
        """Up to ``limit`` due jobs that head their lanes, held until now + lease; at most one of them abandoned.

        The attempt is counted here, before anything runs, so that a job which kills its worker reaches its limit too.
        """
        until = self._real + lease
        claim = Claim(
            connection=self.connection, kinds=kinds, now=self.now, real=self._real, due=due or self.due(kinds)
        )
        rows, first = claim.take(owner=owner, limit=limit, until=until, abandoned=abandoned)
        return tuple(
            Job(
                id=row.id, shop_id=row.shop_id, key=row.key, kind=row.kind, lane=row.lane, payload=row.payload,
                attempts=row.attempts, in_doubt=row.sending, owner=owner, leased_until=until, made_at=row.made_at,
                abandoned=row.id in first, final_by=row.final_by,
            )
            for row in sorted(rows, key=lambda row: (row.due_at, row.id))
        )

    def mark_sending(self, claimed: Sequence[Job]) -> frozenset[int]:
        """Remember, before the wire, that they may go through; the numbers of those whose lease runs and is ours."""
        if not claimed:
            return frozenset()
        marked = set[int]()
        for owner, until in {(job.owner, job.leased_until) for job in claimed}:
            ids = [job.id for job in claimed if (job.owner, job.leased_until) == (owner, until)]
            values = {"ids": ids, "holder": owner, "until": until, "real": self._real}
            held = self.connection.execute(_MARK_SENDING, values)
            marked.update(held.scalars())
        return frozenset(marked)

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
        new = _NEW_LANE.on(self.connection)
        self.connection.execute(new, [{"key": key, "free_at": self.now} for key in in_order])
        held = self.connection.execute(_HOLD_LANES, {"keys": in_order})
        return {row.key: _lane(row) for row in held}

    def move_lanes(self, free: Mapping[str, datetime]) -> None:
        """The next free moments of lanes that this transaction holds."""
        if free:
            self.connection.execute(_MOVE_LANE, [{"lane": key, "free": free[key]} for key in sorted(free)])

    def hold(self, lane: str, *, until: datetime, shut: bool = False) -> None:
        """Nothing leaves on this lane before that moment (a platform's Retry-After). A shorter wait never wins."""
        values = {"key": lane, "free_at": until, "held_until": until, "shut": shut}
        self.connection.execute(_HOLD.on(self.connection), values)

    def held_lanes(self, keys: Iterable[str]) -> dict[str, datetime]:
        """Those of the lanes that are held now: until when the other side wants nothing on them."""
        held = self.connection.execute(_HELD, {"keys": sorted(keys), "now": self.now})
        return {row.key: row.held_until for row in held}

    def closed_lanes(self, keys: Iterable[str]) -> dict[str, Lane]:
        """Those of the lanes that are held now or shut; nobody is kept from moving them."""
        closed = self.connection.execute(_CLOSED, {"keys": list(keys), "now": self.now})
        return {row.key: _lane(row) for row in closed}

    def try_lanes(self, trials: Mapping[str, datetime]) -> None:
        """Hold shut lanes that this transaction holds, for all but one letter, until those moments."""
        if trials:
            self.connection.execute(_TRY_LANE, [{"lane": key, "until": trials[key]} for key in sorted(trials)])

    def open_lanes(self, trials: Mapping[str, datetime]) -> bool:
        """A letter came through on these trials: their lanes are open, unless they were held anew meanwhile."""
        opened = [
            self.connection.execute(_OPEN_LANE, {"lane": key, "trial": trials[key]}).rowcount for key in sorted(trials)
        ]
        return any(opened)

    def look_again(self, kinds: Collection[str], *, waiting: Collection[str]) -> int:
        """Jobs of those kinds that were put back with these words are due now; every loop hears of it."""
        values = {"kinds": list(kinds), "waiting": list(waiting), "now": self.now}
        found = self.connection.execute(_LOOK_AGAIN, values).rowcount
        self.connection.info.setdefault(NEW_WORK, set()).update(kinds if found else ())
        return found

    def at_once(self, lane: str) -> None:
        """The open jobs of that lane that nobody holds are due now."""
        self.connection.execute(_AT_ONCE, {"lane_of": lane, "now": self.now})

    def held(self, prefix: str, *, but: str) -> tuple[str, ...]:
        """The other lanes whose key begins so, and that are held now."""
        keys = sa.select(lanes.c.key).where(
            lanes.c.key.startswith(prefix, autoescape=True), lanes.c.key != but, lanes.c.held_until > self.now
        )
        return tuple(self.connection.execute(keys).scalars())

    def raised(self, job: Job) -> None:
        """Somebody was told of it: the auditor need not."""
        self.connection.execute(_RAISED, {"which": job.id, "raised": self.now})

    def stands(self, lane: str, *, after: int = 0) -> bool:
        """Whether a job of that lane is open, and was written after the one of that number."""
        return bool(self.connection.execute(_STANDS, {"lane": lane, "after": after}).scalar())

    def open_payloads(self, kind: str) -> tuple[dict[str, Json], ...]:
        """What the open jobs of a kind carry, the longest due first."""
        return tuple(self.connection.execute(_OPEN_PAYLOADS, {"kind": kind}).scalars())

    def waiting(self) -> int:
        """How many open jobs are due."""
        return self.connection.execute(_WAITING, {"now": self.now}).scalar_one()

    def counts(self) -> dict[tuple[str, str], int]:
        """How many jobs are open or dead, by state and kind; those that are over are not counted, only kept a while."""
        rows = self.connection.execute(_COUNTS)
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
        held = {"which": job.id, "holder": job.owner, "until": job.leased_until}
        changed = self.connection.execute(HELD_JOB, {**held, **values})
        return changed.rowcount == 1


def _lane(row: sa.Row[Any]) -> Lane:
    return Lane(free_at=row.free_at, held_until=row.held_until, shut=row.shut)


def final_within(kind: str) -> timedelta:
    """How long after it fell due a job of that kind must be final."""
    return FINAL_WITHIN.get(kind, FINAL_WITHIN[""])
