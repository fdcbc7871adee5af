"""The inbox: what arrived, as it came, stored before it is answered; the same event twice is one row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from domain.jobs import Received
from storage.database import insert
from storage.jobs import JobRows
from storage.tables import inbox


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
        row = self.connection.execute(
            insert(self.connection, inbox)
            .values(
                source=source, key=key, heard_at=self.now, body=body, headers=dict(headers or {}), shop_id=shop_id
            )
            .on_conflict_do_nothing(index_elements=["source", "key"])
            .returning(inbox.c.id)
        ).scalar()
        if row is None:
            return False
        JobRows(self.connection, self.now).add(
            key=f"learn:{source}:{key}", kind="learn", payload={"inbox": row}, due_at=self.now,
            lane=lane, shop_id=shop_id,
        )
        return True

    def first(self, source: str, key: str) -> bool:
        """Remember that this came, where it is worked off at once; False if it was here before."""
        row = self.connection.execute(
            insert(self.connection, inbox)
            .values(source=source, key=key, heard_at=self.now, worked_at=self.now, body=b"", headers={})
            .on_conflict_do_nothing(index_elements=["source", "key"])
            .returning(inbox.c.id)
        ).scalar()
        return row is not None

    def has(self, source: str, key: str) -> bool:
        """Whether it came before."""
        where = sa.exists().where(inbox.c.source == source, inbox.c.key == key)
        return bool(self.connection.execute(sa.select(where)).scalar())

    def quarantine(self, source: str, key: str, body: bytes, reason: str) -> None:
        """Keep what nobody can work off, with the reason, for a person to look at."""
        self.connection.execute(
            insert(self.connection, inbox)
            .values(
                source=source, key=key, heard_at=self.now, worked_at=self.now, body=body, headers={}, error=reason
            )
            .on_conflict_do_nothing(index_elements=["source", "key"])
        )

    def quarantined(self) -> dict[str, int]:
        """How many events were kept with a reason why they could not be worked off, by source."""
        rows = self.connection.execute(
            sa.select(inbox.c.source, sa.func.count().label("number"))
            .where(inbox.c.error.is_not(None))
            .group_by(inbox.c.source)
        )
        return {row.source: row.number for row in rows}

    def one(self, inbox_id: int) -> Received:
        """A stored event by its row number."""
        row = self.connection.execute(sa.select(inbox).where(inbox.c.id == inbox_id)).one()
        return Received(
            id=row.id, source=row.source, key=row.key, heard_at=row.heard_at, body=row.body, headers=row.headers,
            shop_id=row.shop_id,
        )

    def worked(self, inbox_id: int, error: str | None = None) -> None:
        """Worked off, or given up with the reason."""
        self.connection.execute(
            sa.update(inbox).where(inbox.c.id == inbox_id).values(worked_at=self.now, error=error)
        )
