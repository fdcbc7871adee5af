"""Limits as counted rows, seals on approvals, refunds and the end of the audit trail.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Only additions, each with a default: the version before goes on writing beside this one."""
    op.add_column("staff", sa.Column("day_limit_minor", sa.BigInteger(), nullable=True))
    op.add_column("staff", sa.Column("email", sa.Text(), nullable=True))
    op.add_column("approvals", sa.Column("first_version", sa.BigInteger(), nullable=True))
    op.add_column("approvals", sa.Column("counted_on", sa.Date(), nullable=True))
    op.add_column("approvals", sa.Column("released_at", sa.BigInteger(), nullable=True))
    op.add_column("approvals", sa.Column("mac", sa.Text(), nullable=False, server_default=""))
    op.add_column("refunds", sa.Column("mac", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "allowances",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("shop_id", _ID, nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("used_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("used_minor >= 0", name=op.f("ck_allowances_used_not_negative")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_allowances_shop_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_allowances")),
        sa.UniqueConstraint("shop_id", "scope", "day", name=op.f("uq_allowances_shop_id_scope_day")),
    )
    op.create_table(
        "audit_heads",
        sa.Column("shop_id", _ID, nullable=False),
        sa.Column("lines", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("mac", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_audit_heads_shop_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("shop_id", name=op.f("pk_audit_heads")),
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_table("audit_heads")
    op.drop_table("allowances")
    for table, column in (
        ("refunds", "mac"), ("approvals", "mac"), ("approvals", "released_at"), ("approvals", "counted_on"),
        ("approvals", "first_version"), ("staff", "email"), ("staff", "day_limit_minor"),
    ):
        op.drop_column(table, column)
