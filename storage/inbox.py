"""The inbox: what arrived, as it came, stored before it is answered; the same event twice is one row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from domain.jobs import Received
from storage.claim import own_lane
from storage.database import Upsert, is_sqlite
from storage.jobs import OPEN, JobRows, final_within
from storage.tables import inbox, jobs

_KEEP: Final = Upsert(
    inbox, lambda new: new.on_conflict_do_nothing(index_elements=["source", "key"]).returning(inbox.c.id)
)
_LEARN: Final = "learn"


def _keep_with_its_job() -> sa.Select[bool, bool]:
    """Both rows in one statement, since each is a round trip that the sender waits for; whether each was written.

    SQLite has no INSERT within a statement, and no round trips.
    """
    kept = (
        postgresql.insert(inbox)
        .values({name: sa.bindparam(name) for name in ("source", "key", "heard_at", "body", "headers", "shop_id")})
        .on_conflict_do_nothing(index_elements=["source", "key"])
        .returning(inbox.c.id)
        .cte("kept")
    )
    values = {
        "kind": sa.literal(_LEARN), "payload": sa.func.json_build_object("inbox", kept.c.id), "state": sa.literal(OPEN),
        **{
            name: sa.bindparam(given, type_=jobs.c[name].type)
            for name, given in (
                ("key", "job"), ("lane", "lane"), ("shop_id", "shop_id"), ("made_at", "heard_at"),
                ("due_at", "heard_at"), ("final_by", "final_by"),
            )
        },
    }
    added = (
        postgresql.insert(jobs)
        .from_select(list(values), sa.select(*values.values()).select_from(kept))
        .on_conflict_do_nothing(index_elements=["key"])
        .returning(jobs.c.id)
        .cte("added")
    )
    return sa.select(sa.exists(sa.select(kept.c.id)).label("kept"), sa.exists(sa.select(added.c.id)).label("added"))


_KEEP_WITH_ITS_JOB: Final = _keep_with_its_job()
_HAS: Final = sa.select(
    sa.exists().where(inbox.c.source == sa.bindparam("source"), inbox.c.key == sa.bindparam("key"))
)
_QUARANTINED: Final = (
    sa.select(inbox.c.source, sa.func.count().label("number"))
    .where(inbox.c.error.is_not(None))
    .group_by(inbox.c.source)
)
_ONE: Final = sa.select(inbox).where(inbox.c.id == sa.bindparam("which"))
_WORKED: Final = (
    sa.update(inbox)
    .where(inbox.c.id == sa.bindparam("which"))
    .values(worked_at=sa.bindparam("now"), error=sa.bindparam("reason"))
)


@dataclass(frozen=True)
class InboxRows:
    """What arrived, over all shops."""

    connection: sa.Connection
    now: datetime

    def keep(
        self, source: str, key: str, body: bytes, *, headers: Mapping[str, str] | None = None,
        shop_id: int | None = None, lane: str = "",
    ) -> bool:
        """Store an event and the job that works it off; False if it was here before."""
        job, own = f"{_LEARN}:{source}:{key}", JobRows(self.connection, self.now)
        if not is_sqlite(self.connection):
            row = self.connection.execute(_KEEP_WITH_ITS_JOB, {
                "source": source, "key": key, "heard_at": self.now, "body": body, "headers": dict(headers or {}),
                "shop_id": shop_id, "job": job, "lane": lane or own_lane(job),
                "final_by": self.now + final_within(_LEARN),
            }).one()
            if row.added:
                own.added(_LEARN)
            return bool(row.kept)
        number = self._new(source, key, body=body, headers=dict(headers or {}), shop_id=shop_id)
        if number is None:
            return False
        own.add(key=job, kind=_LEARN, payload={"inbox": number}, due_at=self.now, lane=lane, shop_id=shop_id)
        return True

    def first(self, source: str, key: str) -> bool:
        """Remember that this came, where it is worked off at once; False if it was here before."""
        row = self._new(source, key, worked_at=self.now, body=b"", headers={})
        return row is not None

    def has(self, source: str, key: str) -> bool:
        """Whether it came before."""
        return bool(self.connection.execute(_HAS, {"source": source, "key": key}).scalar())

    def quarantine(self, source: str, key: str, body: bytes, reason: str) -> None:
        """Keep what nobody can work off, with the reason, for a person to look at."""
        self._new(source, key, worked_at=self.now, body=body, headers={}, error=reason)

    def quarantined(self) -> dict[str, int]:
        """How many events were kept with a reason why they could not be worked off, by source."""
        rows = self.connection.execute(_QUARANTINED)
        return {row.source: row.number for row in rows}

    def one(self, inbox_id: int) -> Received:
        """A stored event by its row number."""
        row = self.connection.execute(_ONE, {"which": inbox_id}).one()
        return Received(
            id=row.id, source=row.source, key=row.key, heard_at=row.heard_at, body=row.body, headers=row.headers,
            shop_id=row.shop_id,
        )

    def worked(self, inbox_id: int, error: str | None = None) -> None:
        """Worked off, or given up with the reason."""
        self.connection.execute(_WORKED, {"which": inbox_id, "now": self.now, "reason": error})

    def _new(self, source: str, key: str, **values: object) -> int | None:
        """The number of the row, None where that source has told of that key before."""
        row = {"source": source, "key": key, "heard_at": self.now, **values}
        return self.connection.execute(_KEEP.on(self.connection), row).scalar()
