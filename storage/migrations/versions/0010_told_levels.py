"""Levels as a shop system tells them, and which of our variants and locations its own numbers stand for.

Revision ID: 0010
Revises: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _own(table: str) -> tuple[sa.Column[int] | sa.Constraint, ...]:
    """What each of the tables has: its own number, and the shop."""
    return (
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("shop_id", _ID, nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f(f"fk_{table}_shop_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )


def upgrade() -> None:
    """Three new tables: the version before neither reads nor writes them."""
    op.create_table(
        "stock_items", *_own("stock_items"),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=True),
        sa.Column("named_at", sa.BigInteger(), nullable=True),
        sa.Column("variant_id", _ID, nullable=True),
        sa.Column("wanted_at", sa.BigInteger(), nullable=True),
        sa.Column("asked_at", sa.BigInteger(), nullable=True),
        sa.Column("finding", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["variant_id"], ["variants.id"], name=op.f("fk_stock_items_variant_id"), ondelete="CASCADE"
        ),
        sa.UniqueConstraint("shop_id", "source", "item", name=op.f("uq_stock_items_shop_id_source_item")),
        sa.UniqueConstraint("shop_id", "source", "variant_id", name=op.f("uq_stock_items_shop_id_source_variant_id")),
    )
    op.create_index("ix_stock_items_variant", "stock_items", ["variant_id"])
    op.create_table(
        "stock_places", *_own("stock_places"),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("location_id", _ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["location_id"], ["locations.id"], name=op.f("fk_stock_places_location_id"), ondelete="CASCADE"
        ),
        sa.UniqueConstraint("shop_id", "source", "place", name=op.f("uq_stock_places_shop_id_source_place")),
        sa.UniqueConstraint("shop_id", "source", "location_id", name=op.f("uq_stock_places_shop_id_source_location_id")),
    )
    op.create_table(
        "told_levels", *_own("told_levels"),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("available", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("told_at", sa.BigInteger(), nullable=False),
        sa.Column("counted_at", sa.BigInteger(), nullable=True),
        sa.Column("open", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.UniqueConstraint("shop_id", "source", "item", "place", name=op.f("uq_told_levels_shop_id_source_item_place")),
    )


def downgrade() -> None:
    """Without them."""
    for table in ("told_levels", "stock_places", "stock_items"):
        op.drop_table(table)
