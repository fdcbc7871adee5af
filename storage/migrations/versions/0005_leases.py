"""Leases that ran out are found without looking at every open job.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_HELD = sa.text("state = 'open' AND leased_until IS NOT NULL")


def upgrade() -> None:
    """Another index."""
    op.create_index("ix_jobs_leased_until", "jobs", ["leased_until"], sqlite_where=_HELD, postgresql_where=_HELD)


def downgrade() -> None:
    """Without it."""
    op.drop_index("ix_jobs_leased_until", "jobs")
