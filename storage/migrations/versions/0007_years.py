"""What a shop did years ago is passed over by an index: orders that are over, and the trail's end.

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

#: 9999-01-01 in microseconds since 1970
_END = 253370764800000000
_INDEXES = (
    ("ix_orders_of_customer", "orders", ("shop_id", "customer_id", "placed_at")),
    ("ix_orders_open", "orders", ("shop_id", "open_until")),
    ("ix_refunds_payment", "refunds", ("shop_id", "payment_id")),
    ("ix_refunds_return", "refunds", ("shop_id", "return_id")),
    ("ix_refunds_state", "refunds", ("shop_id", "state")),
    ("ix_returns_decided", "returns", ("shop_id", "decided_at")),
    ("ix_returns_order", "returns", ("shop_id", "order_id")),
    ("ix_returns_customer", "returns", ("shop_id", "customer_id")),
    ("ix_returns_telegram", "returns", ("shop_id", "telegram_user")),
    ("ix_audit_shop", "audit", ("shop_id", "id")),
    ("ix_purchase_order_lines_variant", "purchase_order_lines", ("shop_id", "variant_id")),
)
_HEARD = """(
    SELECT max(heard_at) FROM scans
    WHERE scans.shop_id = parcels.shop_id AND scans.parcel_id = parcels.id AND scans.milestone = 'Delivered'
)"""
_OVER = f"""
UPDATE orders SET open_until = (
    SELECT max(CASE WHEN {_HEARD} > parcels.delivered_at THEN {_HEARD} ELSE parcels.delivered_at END) FROM parcels
    WHERE parcels.shop_id = orders.shop_id AND parcels.order_id = orders.id
)
WHERE EXISTS (
    SELECT 1 FROM parcels WHERE parcels.shop_id = orders.shop_id AND parcels.order_id = orders.id
) AND NOT EXISTS (
    SELECT 1 FROM parcels
    WHERE parcels.shop_id = orders.shop_id AND parcels.order_id = orders.id AND parcels.delivered_at IS NULL
)
"""


_WAITS = sa.text("state IN ('photo_asked', 'received', 'refund_failed', 'requested')")
_RESOLVED = sa.text("resolved_at IS NOT NULL")


def upgrade() -> None:
    """A column with a default and more indexes: the version before goes on writing beside this one."""
    op.add_column("orders", sa.Column("open_until", sa.BigInteger(), nullable=False, server_default=sa.text(str(_END))))
    op.execute(_OVER)
    for name, table, columns in _INDEXES:
        op.create_index(name, table, list(columns))
    op.create_index(
        "ix_cases_resolved", "cases", ["shop_id", "kind", "subject"], sqlite_where=_RESOLVED, postgresql_where=_RESOLVED
    )
    op.create_index(
        "ix_returns_waiting", "returns", ["shop_id", "answer_by"], sqlite_where=_WAITS, postgresql_where=_WAITS
    )
    op.drop_index("ix_returns_state", "returns")
    op.drop_index("ix_cases_subject", "cases")
    op.drop_index("ix_orders_customer", "orders")


def downgrade() -> None:
    """Without them."""
    op.create_index("ix_orders_customer", "orders", ["shop_id", "customer_id"])
    op.create_index("ix_cases_subject", "cases", ["shop_id", "kind", "subject"])
    op.create_index("ix_returns_state", "returns", ["shop_id", "state"])
    op.drop_index("ix_returns_waiting", "returns")
    op.drop_index("ix_cases_resolved", "cases")
    for name, table, _columns in _INDEXES:
        op.drop_index(name, table)
    op.drop_column("orders", "open_until")
