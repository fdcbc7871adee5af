"""Jobs with their lanes, what was received, and what was imported."""

from __future__ import annotations

import sqlalchemy as sa

from storage.tables.core import RowId, count, flag, instant, link, metadata, row_id, text

#: everything that happens later or elsewhere
jobs = sa.Table(
    "jobs",
    metadata,
    row_id(),
    link("shop_id", "shops", nullable=True),
    sa.Column("key", sa.Text(), nullable=False, unique=True),
    text("kind"),
    #: jobs of one lane go out one after the other, in order
    text("lane"),
    sa.Column("payload", sa.JSON(), nullable=False),
    instant("made_at"),
    instant("due_at"),
    #: claimed until then; afterwards anyone may claim it again
    instant("leased_until", nullable=True),
    text("owner", nullable=True),
    count("attempts"),
    #: set in its own transaction before the wire: a job found so has an unknown outcome
    flag("sending", default=False),
    #: open, done, superseded, dead
    text("state", default="open"),
    instant("done_at", nullable=True),
    sa.Column("outcome", sa.JSON(), nullable=True),
    text("error", nullable=True),
)
_OPEN = jobs.c.state == "open"
sa.Index("ix_jobs_due", jobs.c.due_at, jobs.c.id, sqlite_where=_OPEN, postgresql_where=_OPEN)
sa.Index("ix_jobs_lane", jobs.c.lane, jobs.c.id, sqlite_where=_OPEN, postgresql_where=_OPEN)

lanes = sa.Table(
    "lanes",
    metadata,
    sa.Column("key", sa.Text(), primary_key=True),
    instant("free_at"),
)

#: raw events as they came, before they were answered
inbox = sa.Table(
    "inbox",
    metadata,
    row_id(),
    link("shop_id", "shops", nullable=True),
    text("source"),
    #: what makes it the same event when it comes again
    text("key"),
    instant("heard_at"),
    sa.Column("body", sa.LargeBinary(), nullable=False),
    sa.Column("headers", sa.JSON(), nullable=False),
    instant("worked_at", nullable=True),
    text("error", nullable=True),
    sa.UniqueConstraint("source", "key"),
)

imports = sa.Table(
    "imports",
    metadata,
    row_id(),
    sa.Column("shop_id", RowId, sa.ForeignKey("shops.id", ondelete="CASCADE"), nullable=False),
    text("mapping"),
    text("file"),
    instant("at"),
    count("rows"),
    count("imported"),
    count("unchanged"),
    count("rejected"),
)
