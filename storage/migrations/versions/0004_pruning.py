"""What is over is found by when it ended.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Indexes alone: the version before knows nothing of them."""
    ended = sa.text("done_at IS NOT NULL")
    op.create_index("ix_jobs_done_at", "jobs", ["done_at"], sqlite_where=ended, postgresql_where=ended)
    op.create_index("ix_inbox_heard_at", "inbox", ["heard_at"])
    op.create_index("ix_buttons_expires_at", "buttons", ["expires_at"])


def downgrade() -> None:
    """Without them."""
    op.drop_index("ix_buttons_expires_at", "buttons")
    op.drop_index("ix_inbox_heard_at", "inbox")
    op.drop_index("ix_jobs_done_at", "jobs")
