"""The phone number of an order, and the number by which an account was linked.

Revision ID: 0013
Revises: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Empty for what is there: its number is its customer's. The version before runs on without knowing either."""
    op.add_column("orders", sa.Column("phone", sa.Text(), nullable=True))
    op.add_column("customers", sa.Column("proved_phone", sa.Text(), nullable=True))


def downgrade() -> None:
    """Without them; an order is proved by its customer's number again."""
    op.drop_column("customers", "proved_phone")
    op.drop_column("orders", "phone")
