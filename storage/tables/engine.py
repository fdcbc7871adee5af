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
    #: open, done, superseded (by a newer version of its card), gathered (counted in another message), dead
    text("state", default="open"),
    instant("done_at", nullable=True),
    sa.Column("outcome", sa.JSON(), nullable=True),
    text("error", nullable=True),
    #: the card that this letter posts or edits; null for every other job
    text("card", nullable=True),
    #: the kind of the message, by which gathered alerts are counted; null for what is no message
    text("message", nullable=True),
    #: the job whose message counts this alert among others
    sa.Column("gathered_into", RowId, nullable=True),
    #: not final by then = an alarm; null only in rows of versions before this column
    instant("final_by", nullable=True),
    #: when the auditor raised it: once for each job
    instant("raised_at", nullable=True),
)
_OPEN = jobs.c.state == "open"
_UNRAISED_OPEN = sa.and_(jobs.c.state == "open", jobs.c.raised_at.is_(None))
_DEAD = jobs.c.state == "dead"
sa.Index("ix_jobs_due", jobs.c.due_at, jobs.c.id, sqlite_where=_OPEN, postgresql_where=_OPEN)
sa.Index("ix_jobs_lane", jobs.c.lane, jobs.c.id, sqlite_where=_OPEN, postgresql_where=_OPEN)
_HELD = sa.and_(_OPEN, jobs.c.leased_until.is_not(None))
sa.Index("ix_jobs_leased_until", jobs.c.leased_until, sqlite_where=_HELD, postgresql_where=_HELD)
_CARD = jobs.c.card.is_not(None)
sa.Index("ix_jobs_card", jobs.c.card, jobs.c.id, sqlite_where=_CARD, postgresql_where=_CARD)
sa.Index("ix_jobs_final_by", jobs.c.final_by, sqlite_where=_UNRAISED_OPEN, postgresql_where=_UNRAISED_OPEN)
sa.Index("ix_jobs_given_up", jobs.c.id, sqlite_where=_DEAD, postgresql_where=_DEAD)
_ENDED = jobs.c.done_at.is_not(None)
sa.Index("ix_jobs_done_at", jobs.c.done_at, sqlite_where=_ENDED, postgresql_where=_ENDED)
_GATHERED = jobs.c.gathered_into.is_not(None)
sa.Index("ix_jobs_gathered_into", jobs.c.gathered_into, sqlite_where=_GATHERED, postgresql_where=_GATHERED)

lanes = sa.Table(
    "lanes",
    metadata,
    sa.Column("key", sa.Text(), primary_key=True),
    #: the next free place in our own pace
    instant("free_at"),
    #: nothing leaves before then: the other side asked us to wait, or one letter tries whether the lane is shut still
    instant("held_until", nullable=True),
    #: the other side takes nothing of us: once it is not held, one letter at a time tries, until one comes through
    flag("shut", default=False),
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
    sa.Index("ix_inbox_heard_at", "heard_at"),
)

_UNREAD = inbox.c.error.is_not(None)
sa.Index("ix_inbox_unread", inbox.c.source, sqlite_where=_UNREAD, postgresql_where=_UNREAD)

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
