"""A lane that stays shut until one letter has come through.

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One more column, with a default: the version before goes on writing beside this one."""
    op.add_column("lanes", sa.Column("shut", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    """Without it."""
    op.drop_column("lanes", "shut")
