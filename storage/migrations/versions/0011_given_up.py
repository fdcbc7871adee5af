"""What was given up, and what could not be read, is counted without looking at all that went well.

Revision ID: 0011
Revises: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_DEAD = sa.text("state = 'dead'")
_UNREAD = sa.text("error IS NOT NULL")
_UNRAISED = sa.text("state = 'dead' AND raised_at IS NULL")


def upgrade() -> None:
    """Indexes that the version before uses as well."""
    op.create_index("ix_jobs_given_up", "jobs", ["id"], sqlite_where=_DEAD, postgresql_where=_DEAD)
    op.drop_index("ix_jobs_dead", "jobs")
    op.create_index("ix_inbox_unread", "inbox", ["source"], sqlite_where=_UNREAD, postgresql_where=_UNREAD)


def downgrade() -> None:
    """Back."""
    op.drop_index("ix_inbox_unread", "inbox")
    op.create_index("ix_jobs_dead", "jobs", ["id"], sqlite_where=_UNRAISED, postgresql_where=_UNRAISED)
    op.drop_index("ix_jobs_given_up", "jobs")
