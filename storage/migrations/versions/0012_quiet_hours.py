"""Quiet hours of a person.

Revision ID: 0012
Revises: 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage.tables.core import Instant, RowId

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One more table; the version before runs on without knowing it."""
    op.create_table(
        "quiet_hours",
        sa.Column("id", RowId, primary_key=True, autoincrement=True),
        sa.Column("shop_id", RowId, sa.ForeignKey("shops.id", ondelete="CASCADE"), nullable=False),
        sa.Column("staff_id", RowId, sa.ForeignKey("staff.id", ondelete="CASCADE"), nullable=False),
        sa.Column("starts", sa.Text(), nullable=True),
        sa.Column("ends", sa.Text(), nullable=True),
        sa.Column("days", sa.Text(), nullable=False, server_default=""),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.UniqueConstraint("staff_id"),
    )


def downgrade() -> None:
    """Without it; what waits leaves at its moment all the same."""
    op.drop_table("quiet_hours")
