"""A channel's message budget, and the alerts that are counted in one message once it is spent.

Conservation: an alert is shown by itself (done), counted (gathered, ``gathered_into`` names the job whose message
counts it), or superseded by a newer version of its card. Each is a state of its row. Everything here is set-based: the
time for 100,000 waiting alerts grows with their number, not with its square.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from domain.gathering import AlertsGathered, KindCount
from domain.jobs import Job
from domain.messages import MessageClass
from domain.wire import object_json
from storage.claim import still_open
from storage.database import Upsert
from storage.jobs import OPEN, JobRows
from storage.letters import LEASED, leased
from storage.shops import ShopRows
from storage.tables import jobs, lanes

GATHERED: Final = "gathered"
_MINUTE: Final = timedelta(minutes=1)
#: about as long as the alerts that are still shown one by one take; what comes meanwhile is counted with them
_COLLECTING: Final = timedelta(seconds=15)

_EXCESS: Final = (
    sa.select(jobs.c.id)
    .where(jobs.c.lane == sa.bindparam("lane"), still_open(), jobs.c.id > sa.bindparam("which"))
    .order_by(jobs.c.id)
    .offset(sa.bindparam("left", type_=sa.Integer()))
    .limit(1)
)
_COUNTS: Final = (
    sa.select(jobs.c.message, sa.func.count())
    .where(jobs.c.gathered_into == sa.bindparam("into"))
    .group_by(jobs.c.message)
    .order_by(jobs.c.message)
)
_SINCE: Final = sa.select(sa.func.min(jobs.c.made_at, type_=jobs.c.made_at.type)).where(
    jobs.c.gathered_into == sa.bindparam("into")
)
_SAYS: Final = sa.update(jobs).where(jobs.c.id == sa.bindparam("which"))
_NUMBER: Final = sa.select(jobs.c.id).where(jobs.c.key == sa.bindparam("key"))
_COLLECTS: Final = (
    sa.select(jobs.c.id)
    .where(
        jobs.c.lane == sa.bindparam("lane"), still_open(), jobs.c.message == AlertsGathered.kind,
        jobs.c.leased_until.is_(None), jobs.c.sending.is_(False),
    )
    .order_by(jobs.c.id.desc())
    .limit(1)
    .with_for_update()
)
_FREE_AT: Final = sa.select(lanes.c.free_at).where(lanes.c.key == sa.bindparam("lane"))
_FREE_FROM: Final = Upsert(
    lanes,
    lambda new: new.on_conflict_do_update(index_elements=["key"], set_={"free_at": new.excluded.free_at}),
)
_PLACES: Final = sa.select(lanes.c.key, lanes.c.free_at).where(
    lanes.c.key.in_(sa.bindparam("keys", expanding=True))
)
_PLACE: Final = Upsert(
    lanes,
    lambda new: new.on_conflict_do_update(
        index_elements=["key"], set_={"free_at": new.excluded.free_at}, where=lanes.c.free_at <= sa.bindparam("now")
    ).returning(lanes.c.key),
)
_BEHIND: Final = sa.and_(
    jobs.c.lane == sa.bindparam("behind"), still_open(), jobs.c.id > sa.bindparam("after"),
    jobs.c.leased_until.is_(None), jobs.c.sending.is_(False),
)
_NEWER: Final = jobs.alias("newer")
_OVERTAKEN: Final = (
    sa.update(jobs)
    .where(
        _BEHIND, jobs.c.card.is_not(None),
        sa.exists().where(
            _NEWER.c.card == jobs.c.card, still_open(_NEWER), _NEWER.c.id > jobs.c.id, _NEWER.c.lane == jobs.c.lane,
            _NEWER.c.shop_id == jobs.c.shop_id,
        ),
    )
    .values(state="superseded", done_at=sa.bindparam("now"), owner=None)
)
_GATHER: Final = (
    sa.update(jobs)
    .where(_BEHIND)
    .values(state=GATHERED, gathered_into=sa.bindparam("into"), done_at=sa.bindparam("now"), owner=None)
)
_SET_FREE: Final = (
    sa.update(jobs)
    .where(jobs.c.gathered_into == sa.bindparam("into"), jobs.c.state == GATHERED)
    .values(
        state=OPEN, gathered_into=None, done_at=None, lane=sa.bindparam("free"), due_at=sa.bindparam("now"),
    )
)


@dataclass(frozen=True)
class GatheringRows:
    """Budgets and gatherings of every channel."""

    connection: sa.Connection
    now: datetime

    def admit(self, job: Job) -> int | None:
        """None if this alert may be shown by itself; otherwise the job that now counts it.

        Either way, waiting alerts of its lane beyond what the budget bears are gathered here and now.
        """
        if job.lane == _lane(job):
            return None  # the one alert of a gathering of one: its place is paid
        left = self._take_place(job)
        if left is None:
            into = self._open(job)
            self._gather(job, into, after=job.id)
            self._mark(job, into)
            return into
        behind = {"lane": job.lane, "which": job.id, "left": left}
        excess = self.connection.execute(_EXCESS, behind).scalar()
        if excess is not None:
            self._gather(job, self._open(job), after=excess - 1)
        return None

    def freeze(self, job: Job) -> bool:
        """Fix what a gathering says; False if it has nothing to count.

        Nobody joins one that may have been said already, so another attempt says the same. A gathering of one sets that
        alert free instead, to be shown by itself.
        """
        counts = self.connection.execute(_COUNTS, {"into": job.id}).all()
        if sum(count for _, count in counts) <= 1:
            self._set_free(job)
            return False
        since = self.connection.execute(_SINCE, {"into": job.id}).scalar_one()
        message = AlertsGathered(
            counts=tuple(KindCount(message=kind or "", count=count) for kind, count in counts), since=since,
            until=self.now,
        )
        payload = {**job.payload, "fields": object_json(message)}
        self.connection.execute(_SAYS, {"which": job.id, "payload": payload})
        return True

    def burst(self, lane: str, *, gap: timedelta, most: int) -> timedelta:
        """Take a place on a lane that bears ``most`` at once and one every ``gap`` in the long run.

        Zero: it is taken. Otherwise how long to wait before asking again; nothing is taken then.
        """
        free_at = self.connection.execute(_FREE_AT, {"lane": lane}).scalar()
        start = max(free_at or self.now, self.now) - (most - 1) * gap
        if start > self.now:
            return start - self.now
        after = max(free_at or self.now, self.now) + gap
        self.connection.execute(_FREE_FROM.on(self.connection), {"key": lane, "free_at": after})
        return timedelta(0)

    def _take_place(self, job: Job) -> int | None:
        """Take one of the channel's places in this minute: how many are left, None if none was free.

        A place is a row that is free again a minute after it was taken, so any minute sees at most so many.
        """
        channel = _channel(job)
        policy = ShopRows(self.connection).by_id(job.shop_id or 0).policies.chat
        keys = [f"budget:{channel}:{number}" for number in range(policy.alerts_a_minute)]
        rows = self.connection.execute(_PLACES, {"keys": keys})
        taken = {row.key: row.free_at for row in rows}
        free = [key for key in keys if key not in taken or taken[key] <= self.now]
        if not free:
            return None
        until = self.now + _MINUTE
        place = {"key": free[0], "free_at": until, "now": self.now}
        placed = self.connection.execute(_PLACE.on(self.connection), place).scalar()
        return None if placed is None else len(free) - 1

    def _open(self, job: Job) -> int:
        """The channel's gathering that still collects, or a new one: at most one a minute is sent."""
        collecting = self.connection.execute(_COLLECTS, {"lane": _lane(job)}).scalar()
        if collecting is not None:
            return int(collecting)
        rows, pace = JobRows(self.connection, self.now), f"gathering:{_channel(job)}"
        free_at = self.connection.execute(_FREE_AT, {"lane": pace}).scalar()
        due = max(self.now + _COLLECTING, free_at or self.now)
        self.connection.execute(_FREE_FROM.on(self.connection), {"key": pace, "free_at": due + _MINUTE})
        key = f"gathering:{_channel(job)}:{job.id}:{job.attempts}"
        rows.add(
            key=key, kind=job.kind, lane=_lane(job), shop_id=job.shop_id, due_at=due, message=AlertsGathered.kind,
            within=MessageClass.ALERT.within,
            payload={
                "address": job.payload["address"], "message": AlertsGathered.kind, "buttons": [], "repeat": True,
                "fields": object_json(AlertsGathered()),
            },
        )
        return int(self.connection.execute(_NUMBER, {"key": key}).scalar_one())

    def _gather(self, job: Job, into: int, *, after: int) -> None:
        """Count every waiting alert of the lane behind ``after``; of one card's versions only the newest counts."""
        behind = {"behind": job.lane, "after": after, "now": self.now, "into": into}
        self.connection.execute(_OVERTAKEN, behind)
        self.connection.execute(_GATHER, behind)

    def _mark(self, job: Job, into: int) -> None:
        """The job at hand is settled by whoever holds it; here it only learns where it is counted."""
        self.connection.execute(LEASED, {**leased(job), "gathered_into": into})

    def _set_free(self, job: Job) -> None:
        self.connection.execute(_SET_FREE, {"into": job.id, "free": _lane(job), "now": self.now})


def _channel(job: Job) -> str:
    return f"{job.kind.removeprefix('say.')}:{job.payload['address']}"


def _lane(job: Job) -> str:
    return f"{_channel(job)}:gathering"
