"""A digest of one's own.

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage.tables.core import Instant, RowId

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One more table."""
    op.create_table(
        "own_digests",
        sa.Column("id", RowId, primary_key=True, autoincrement=True),
        sa.Column("shop_id", RowId, sa.ForeignKey("shops.id", ondelete="CASCADE"), nullable=False),
        sa.Column("staff_id", RowId, sa.ForeignKey("staff.id", ondelete="CASCADE"), nullable=False),
        sa.Column("hour", sa.Text(), nullable=False),
        sa.Column("shows", sa.Text(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.Column("sent_on", sa.Date(), nullable=True),
        sa.UniqueConstraint("staff_id"),
    )


def downgrade() -> None:
    """Without it."""
    op.drop_table("own_digests")
