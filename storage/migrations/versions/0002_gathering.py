"""What gathering, the auditor and a platform's "wait" need to know of a job and a lane.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_CARD = "card IS NOT NULL"
_UNRAISED_OPEN = "state = 'open' AND raised_at IS NULL"
_UNRAISED_DEAD = "state = 'dead' AND raised_at IS NULL"
_GATHERED = "gathered_into IS NOT NULL"


def upgrade() -> None:
    """New columns are null in old rows, and the version before leaves them null in its own."""
    row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("jobs", sa.Column("card", sa.Text(), nullable=True))
    op.add_column("jobs", sa.Column("message", sa.Text(), nullable=True))
    op.add_column("jobs", sa.Column("gathered_into", row_id, nullable=True))
    op.add_column("jobs", sa.Column("final_by", sa.BigInteger(), nullable=True))
    op.add_column("jobs", sa.Column("raised_at", sa.BigInteger(), nullable=True))
    op.add_column("lanes", sa.Column("held_until", sa.BigInteger(), nullable=True))
    for name, columns, where in (
        ("ix_jobs_card", ["card", "id"], _CARD),
        ("ix_jobs_final_by", ["final_by"], _UNRAISED_OPEN),
        ("ix_jobs_dead", ["id"], _UNRAISED_DEAD),
        ("ix_jobs_gathered_into", ["gathered_into"], _GATHERED),
    ):
        op.create_index(name, "jobs", columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def downgrade() -> None:
    """Back to the first version."""
    for name in ("ix_jobs_gathered_into", "ix_jobs_dead", "ix_jobs_final_by", "ix_jobs_card"):
        op.drop_index(name, "jobs")
    op.drop_column("lanes", "held_until")
    for name in ("raised_at", "final_by", "gathered_into", "message", "card"):
        op.drop_column("jobs", name)
