"""What a supplier wants for a variant, kept while it comes from another.

Revision ID: 0009
Revises: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage.tables.core import RowId

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One more table."""
    op.create_table(
        "supplier_terms",
        sa.Column("id", RowId, primary_key=True, autoincrement=True),
        sa.Column("shop_id", RowId, sa.ForeignKey("shops.id", ondelete="CASCADE"), nullable=False),
        sa.Column("variant_id", RowId, sa.ForeignKey("variants.id", ondelete="CASCADE"), nullable=False),
        sa.Column("supplier_id", RowId, sa.ForeignKey("suppliers.id", ondelete="CASCADE"), nullable=False),
        sa.Column("pack_size", sa.BigInteger(), nullable=False, server_default="1"),
        sa.Column("minimum_order", sa.BigInteger(), nullable=False, server_default="1"),
        sa.UniqueConstraint("variant_id", "supplier_id"),
    )


def downgrade() -> None:
    """Without it."""
    op.drop_table("supplier_terms")
