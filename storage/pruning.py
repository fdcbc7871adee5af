"""What is over and old enough is deleted, a few hundred rows at a time, so that nobody waits long for the writer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from storage.tables import buttons, inbox, jobs, lanes

#: what stops an event that comes again: Stripe sends for 3 days, the others for less; a month is kept always
SHORTEST: Final = timedelta(days=30)
_OVER: Final = ("done", "superseded", "gathered", "dropped")


@dataclass(frozen=True)
class PruneRows:
    """Old rows of every shop."""

    connection: sa.Connection
    now: datetime

    def prune(self, keep: timedelta, *, limit: int) -> int:
        """Delete up to ``limit`` rows of each kind that were over before ``keep`` ago; how many went.

        What is open or waits for a person stays, however old. ``keep`` is never less than 30 days.
        """
        before = self.now - max(keep, SHORTEST)
        old = (
            (jobs, jobs.c.id, sa.and_(jobs.c.done_at < before, jobs.c.state.in_(_OVER))),
            (inbox, inbox.c.id, sa.and_(inbox.c.heard_at < before, inbox.c.worked_at.is_not(None))),
            (buttons, buttons.c.token, buttons.c.expires_at < before),
            (lanes, lanes.c.key, sa.and_(
                lanes.c.free_at < before, sa.or_(lanes.c.held_until.is_(None), lanes.c.held_until < before),
                lanes.c.shut.is_(False),
            )),
        )
        return sum(self._some(table, key, which, limit) for table, key, which in old)

    def _some(
        self, table: sa.Table, key: sa.Column[int] | sa.Column[str], which: sa.ColumnElement[bool], limit: int
    ) -> int:
        # Another replica may be at it as well: it takes others.
        chosen = sa.select(key).where(which).limit(limit).with_for_update(skip_locked=True)
        keys = self.connection.execute(chosen).scalars().all()
        if keys:
            self.connection.execute(sa.delete(table).where(key.in_(keys)))
        return len(keys)
