"""Every table of the first version.

Revision ID: 0001
Revises: (nothing)
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make every table."""
    op.create_table('lanes',
        sa.Column('key', sa.Text(), nullable=False),
        sa.Column('free_at', sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint('key', name=op.f('pk_lanes'))
    )
    op.create_table('shops',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
        sa.Column('key', sa.Text(), nullable=False),
        sa.Column('name', sa.Text(), nullable=False),
        sa.Column('currency', sa.Text(), nullable=False),
        sa.Column('time_zone', sa.Text(), nullable=False),
        sa.Column('language', sa.Text(), nullable=False),
        sa.Column('country', sa.Text(), nullable=False),
        sa.Column('settings', sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_shops')),
        sa.UniqueConstraint('key', name=op.f('uq_shops_key'))
    )
    op.create_table('audit',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
        sa.Column('shop_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('at', sa.BigInteger(), nullable=False),
        sa.Column('actor', sa.Text(), nullable=False),
        sa.Column('action', sa.Text(), nullable=False),
        sa.Column('subject', sa.Text(), nullable=False),
        sa.Column('detail', sa.JSON(), nullable=False),
        sa.Column('previous_hash', sa.Text(), nullable=False),
        sa.Column('hash', sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_audit_shop_id'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_audit'))
    )
    op.create_index('ix_audit_subject', 'audit', ['shop_id', 'subject'], unique=False)
    op.create_table('buttons',
        sa.Column('token', sa.Text(), nullable=False),
        sa.Column('shop_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('command', sa.Text(), nullable=False),
        sa.Column('fields', sa.JSON(), nullable=False),
        sa.Column('presser', sa.Text(), nullable=True),
        sa.Column('confirm', sa.JSON(none_as_null=True), nullable=True),
        sa.Column('shown_in', sa.Text(), nullable=False),
        sa.Column('once', sa.Boolean(), nullable=False),
        sa.Column('made_at', sa.BigInteger(), nullable=False),
        sa.Column('expires_at', sa.BigInteger(), nullable=True),
        sa.Column('used_at', sa.BigInteger(), nullable=True),
        sa.Column('used_by', sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_buttons_shop_id'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('token', name=op.f('pk_buttons'))
    )
    op.create_table('cards',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
        sa.Column('shop_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('key', sa.Text(), nullable=False),
        sa.Column('platform', sa.Text(), nullable=False),
        sa.Column('address', sa.Text(), nullable=False),
        sa.Column('message_id', sa.Text(), nullable=True),
        sa.Column('version', sa.BigInteger(), server_default='0', nullable=False),
        sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_cards_shop_id'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_cards')),
        sa.UniqueConstraint('shop_id', 'key', 'platform', 'address', name=op.f('uq_cards_shop_id_key_platform_address'))
    )
    op.create_table('chats',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
        sa.Column('shop_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('topic', sa.Text(), nullable=False),
        sa.Column('platform', sa.Text(), nullable=False),
        sa.Column('address', sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_chats_shop_id'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_chats')),
        sa.UniqueConstraint('shop_id', 'topic', 'platform', 'address', name=op.f('uq_chats_shop_id_topic_platform_address'))
    )
    op.create_table('counters',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
        sa.Column('shop_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('name', sa.Text(), nullable=False),
        sa.Column('value', sa.BigInteger(), server_default='0', nullable=False),
        sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_counters_shop_id'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_counters')),
        sa.UniqueConstraint('shop_id', 'name', name=op.f('uq_counters_shop_id_name'))
    )
    op.create_table('customers',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
        sa.Column('shop_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('external_id', sa.Text(), nullable=False),
        sa.Column('name', sa.Text(), nullable=True),
        sa.Column('email', sa.Text(), nullable=True),
        sa.Column('phone', sa.Text(), nullable=True),
        sa.Column('language', sa.Text(), nullable=True),
        sa.Column('country', sa.Text(), nullable=True),
        sa.Column('region', sa.Text(), nullable=True),
        sa.Column('postcode', sa.Text(), nullable=True),
        sa.Column('telegram_user', sa.BigInteger(), nullable=True),
        sa.Column('consent_at', sa.BigInteger(), nullable=True),
        sa.Column('unreachable_at', sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_customers_shop_id'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_customers')),
        sa.UniqueConstraint('shop_id', 'external_id', name=op.f('uq_customers_shop_id_external_id')),
        sa.UniqueConstraint('shop_id', 'telegram_user', name=op.f('uq_customers_shop_id_telegram_user'))
    )
    op.create_index('ix_customers_email', 'customers', ['shop_id', 'email'], unique=False)
    op.create_index('ix_customers_phone', 'customers', ['shop_id', 'phone'], unique=False)
    op.create_table('dialogues',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
        sa.Column('shop_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('platform', sa.Text(), nullable=False),
        sa.Column('address', sa.Text(), nullable=False),
        sa.Column('name', sa.Text(), nullable=False),
        sa.Column('state', sa.JSON(), nullable=False),
        sa.Column('changed_at', sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_dialogues_shop_id'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_dialogues')),
        sa.UniqueConstraint('shop_id', 'platform', 'address', name=op.f('uq_dialogues_shop_id_platform_address'))
    )
    op.create_table('imports',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
        sa.Column('shop_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('mapping', sa.Text(), nullable=False),
        sa.Column('file', sa.Text(), nullable=False),
        sa.Column('at', sa.BigInteger(), nullable=False),
        sa.Column('rows', sa.BigInteger(), server_default='0', nullable=False),
        sa.Column('imported', sa.BigInteger(), server_default='0', nullable=False),
        sa.Column('unchanged', sa.BigInteger(), server_default='0', nullable=False),
        sa.Column('rejected', sa.BigInteger(), server_default='0', nullable=False),
        sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_imports_shop_id'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_imports'))
    )
    op.create_table('inbox',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
        sa.Column('shop_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
        sa.Column('source', sa.Text(), nullable=False),
        sa.Column('key', sa.Text(), nullable=False),
        sa.Column('heard_at', sa.BigInteger(), nullable=False),
        sa.Column('body', sa.LargeBinary(), nullable=False),
        sa.Column('headers', sa.JSON(), nullable=False),
        sa.Column('worked_at', sa.BigInteger(), nullable=True),
        sa.Column('error', sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_inbox_shop_id'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_inbox')),
        sa.UniqueConstraint('source', 'key', name=op.f('uq_inbox_source_key'))
    )
    op.create_table('jobs',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
        sa.Column('shop_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
        sa.Column('key', sa.Text(), nullable=False),
        sa.Column('kind', sa.Text(), nullable=False),
        sa.Column('lane', sa.Text(), nullable=False),
        sa.Column('payload', sa.JSON(), nullable=False),
        sa.Column('made_at', sa.BigInteger(), nullable=False),
        sa.Column('due_at', sa.BigInteger(), nullable=False),
        sa.Column('leased_until', sa.BigInteger(), nullable=True),
        sa.Column('owner', sa.Text(), nullable=True),
        sa.Column('attempts', sa.BigInteger(), server_default='0', nullable=False),
        sa.Column('sending', sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column('state', sa.Text(), server_default='open', nullable=False),
        sa.Column('done_at', sa.BigInteger(), nullable=True),
        sa.Column('outcome', sa.JSON(), nullable=True),
        sa.Column('error', sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_jobs_shop_id'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_jobs')),
        sa.UniqueConstraint('key', name=op.f('uq_jobs_key'))
    )
    op.create_index('ix_jobs_due', 'jobs', ['due_at', 'id'], unique=False, sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'"))
    op.create_index('ix_jobs_lane', 'jobs', ['lane', 'id'], unique=False, sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'"))
    op.create_table('locations',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
        sa.Column('shop_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('key', sa.Text(), nullable=False),
        sa.Column('name', sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_locations_shop_id'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_locations')),
        sa.UniqueConstraint('shop_id', 'key', name=op.f('uq_locations_shop_id_key'))
    )
    op.create_table('products',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
        sa.Column('shop_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('external_id', sa.Text(), nullable=False),
        sa.Column('title', sa.Text(), nullable=False),
        sa.Column('category', sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_products_shop_id'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_products')),
        sa.UniqueConstraint('shop_id', 'external_id', name=op.f('uq_products_shop_id_external_id'))
    )
    op.create_table('staff',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
        sa.Column('shop_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('key', sa.Text(), nullable=False),
        sa.Column('name', sa.Text(), nullable=False),
        sa.Column('role', sa.Text(), nullable=False),
        sa.Column('refund_limit_minor', sa.BigInteger(), nullable=True),
        sa.Column('slack_team', sa.Text(), nullable=True),
        sa.Column('slack_user', sa.Text(), nullable=True),
        sa.Column('telegram_user', sa.BigInteger(), nullable=True),
        sa.Column('active', sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_staff_shop_id'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_staff')),
        sa.UniqueConstraint('shop_id', 'key', name=op.f('uq_staff_shop_id_key')),
        sa.UniqueConstraint('shop_id', 'slack_team', 'slack_user', name=op.f('uq_staff_shop_id_slack_team_slack_user')),
        sa.UniqueConstraint('shop_id', 'telegram_user', name=op.f('uq_staff_shop_id_telegram_user'))
    )
    op.create_table('suppliers',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
        sa.Column('shop_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('external_id', sa.Text(), nullable=False),
        sa.Column('name', sa.Text(), nullable=False),
        sa.Column('email', sa.Text(), nullable=True),
        sa.Column('region', sa.Text(), nullable=True),
        sa.Column('lead_time_days', sa.Float(), nullable=True),
        sa.Column('lead_time_sd_days', sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_suppliers_shop_id'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_suppliers')),
        sa.UniqueConstraint('shop_id', 'external_id', name=op.f('uq_suppliers_shop_id_external_id'))
    )
    op.create_table('cases',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
        sa.Column('shop_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('kind', sa.Text(), nullable=False),
        sa.Column('subject', sa.Text(), nullable=False),
        sa.Column('state', sa.Text(), nullable=False),
        sa.Column('version', sa.BigInteger(), server_default='1', nullable=False),
        sa.Column('facts', sa.JSON(), nullable=False),
        sa.Column('opened_at', sa.BigInteger(), nullable=False),
        sa.Column('changed_at', sa.BigInteger(), nullable=False),
        sa.Column('snoozed_until', sa.BigInteger(), nullable=True),
        sa.Column('resolved_at', sa.BigInteger(), nullable=True),
        sa.Column('owner_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
        sa.ForeignKeyConstraint(['owner_id'], ['staff.id'], name=op.f('fk_cases_owner_id'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_cases_shop_id'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_cases'))
    )
    op.create_index('ix_cases_subject', 'cases', ['shop_id', 'kind', 'subject'], unique=False)
    op.create_index('uq_cases_one_open', 'cases', ['shop_id', 'kind', 'subject'], unique=True, sqlite_where=sa.text('resolved_at IS NULL'), postgresql_where=sa.text('resolved_at IS NULL'))
    op.create_table('orders',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
        sa.Column('shop_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('number', sa.Text(), nullable=False),
        sa.Column('kind', sa.Text(), server_default='sale', nullable=False),
        sa.Column('status', sa.Text(), nullable=False),
        sa.Column('customer_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
        sa.Column('currency', sa.Text(), nullable=False),
        sa.Column('total_minor', sa.BigInteger(), nullable=False),
        sa.Column('freight_minor', sa.BigInteger(), nullable=False),
        sa.Column('placed_at', sa.BigInteger(), nullable=False),
        sa.Column('approved_at', sa.BigInteger(), nullable=True),
        sa.Column('cancelled_at', sa.BigInteger(), nullable=True),
        sa.Column('ship_by', sa.BigInteger(), nullable=True),
        sa.Column('promised_on', sa.Date(), nullable=True),
        sa.Column('channel', sa.Text(), nullable=True),
        sa.Column('country', sa.Text(), nullable=True),
        sa.Column('region', sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(['customer_id'], ['customers.id'], name=op.f('fk_orders_customer_id'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_orders_shop_id'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_orders')),
        sa.UniqueConstraint('shop_id', 'number', name=op.f('uq_orders_shop_id_number'))
    )
    op.create_index('ix_orders_approved', 'orders', ['shop_id', 'approved_at'], unique=False)
    op.create_index('ix_orders_customer', 'orders', ['shop_id', 'customer_id'], unique=False)
    op.create_index('ix_orders_placed', 'orders', ['shop_id', 'placed_at'], unique=False)
    op.create_index('ix_orders_promised', 'orders', ['shop_id', 'promised_on'], unique=False)
    op.create_table('purchase_orders',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
        sa.Column('shop_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('number', sa.Text(), nullable=False),
        sa.Column('supplier_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
        sa.Column('state', sa.Text(), nullable=False),
        sa.Column('created_by', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
        sa.Column('created_at', sa.BigInteger(), nullable=False),
        sa.Column('expected_on', sa.Date(), nullable=True),
        sa.Column('received_at', sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(['created_by'], ['staff.id'], name=op.f('fk_purchase_orders_created_by'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_purchase_orders_shop_id'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['supplier_id'], ['suppliers.id'], name=op.f('fk_purchase_orders_supplier_id'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_purchase_orders')),
        sa.UniqueConstraint('shop_id', 'number', name=op.f('uq_purchase_orders_shop_id_number'))
    )
    op.create_table('variants',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
        sa.Column('shop_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('product_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('sku', sa.Text(), nullable=False),
        sa.Column('title', sa.Text(), nullable=False),
        sa.Column('price_minor', sa.BigInteger(), nullable=True),
        sa.Column('cost_minor', sa.BigInteger(), nullable=True),
        sa.Column('supplier_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
        sa.Column('pack_size', sa.BigInteger(), server_default='1', nullable=False),
        sa.Column('minimum_order', sa.BigInteger(), server_default='1', nullable=False),
        sa.Column('reorder_point', sa.BigInteger(), nullable=True),
        sa.Column('barcode', sa.Text(), nullable=True),
        sa.Column('active', sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.ForeignKeyConstraint(['product_id'], ['products.id'], name=op.f('fk_variants_product_id'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_variants_shop_id'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['supplier_id'], ['suppliers.id'], name=op.f('fk_variants_supplier_id'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_variants')),
        sa.UniqueConstraint('shop_id', 'sku', name=op.f('uq_variants_shop_id_sku'))
    )
    op.create_table('order_lines',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
        sa.Column('shop_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('order_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('line', sa.BigInteger(), server_default='0', nullable=False),
        sa.Column('kind', sa.Text(), server_default='sale', nullable=False),
        sa.Column('variant_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
        sa.Column('code', sa.Text(), nullable=False),
        sa.Column('title', sa.Text(), nullable=False),
        sa.Column('quantity', sa.BigInteger(), server_default='0', nullable=False),
        sa.Column('unit_price_minor', sa.BigInteger(), nullable=False),
        sa.Column('freight_minor', sa.BigInteger(), nullable=False),
        sa.Column('supplier_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
        sa.Column('ship_by', sa.BigInteger(), nullable=True),
        sa.Column('placed_at', sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(['order_id'], ['orders.id'], name=op.f('fk_order_lines_order_id'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_order_lines_shop_id'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['supplier_id'], ['suppliers.id'], name=op.f('fk_order_lines_supplier_id'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['variant_id'], ['variants.id'], name=op.f('fk_order_lines_variant_id'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_order_lines')),
        sa.UniqueConstraint('shop_id', 'order_id', 'line', name=op.f('uq_order_lines_shop_id_order_id_line'))
    )
    op.create_index('ix_order_lines_demand', 'order_lines', ['shop_id', 'variant_id', 'placed_at'], unique=False)
    op.create_index('ix_order_lines_placed', 'order_lines', ['shop_id', 'placed_at'], unique=False)
    op.create_table('parcels',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
        sa.Column('shop_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('order_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('sequence', sa.BigInteger(), server_default='0', nullable=False),
        sa.Column('carrier', sa.Text(), nullable=True),
        sa.Column('tracking_number', sa.Text(), nullable=True),
        sa.Column('milestone', sa.Text(), nullable=False),
        sa.Column('substatus', sa.Text(), nullable=True),
        sa.Column('origin', sa.Text(), nullable=True),
        sa.Column('destination', sa.Text(), nullable=True),
        sa.Column('international', sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column('label_at', sa.BigInteger(), nullable=True),
        sa.Column('handed_over_at', sa.BigInteger(), nullable=True),
        sa.Column('delivered_at', sa.BigInteger(), nullable=True),
        sa.Column('last_scan_at', sa.BigInteger(), nullable=True),
        sa.Column('last_place', sa.Text(), nullable=True),
        sa.Column('expected_on', sa.Date(), nullable=True),
        sa.Column('customer_told_at', sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(['order_id'], ['orders.id'], name=op.f('fk_parcels_order_id'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_parcels_shop_id'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_parcels')),
        sa.UniqueConstraint('shop_id', 'order_id', 'sequence', name=op.f('uq_parcels_shop_id_order_id_sequence'))
    )
    op.create_index('ix_parcels_delivered', 'parcels', ['shop_id', 'delivered_at'], unique=False)
    op.create_index('ix_parcels_handed_over', 'parcels', ['shop_id', 'handed_over_at'], unique=False)
    op.create_index('ix_parcels_tracking', 'parcels', ['shop_id', 'tracking_number'], unique=False)
    op.create_table('payments',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
        sa.Column('shop_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('order_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('sequence', sa.BigInteger(), server_default='0', nullable=False),
        sa.Column('method', sa.Text(), nullable=False),
        sa.Column('amount_minor', sa.BigInteger(), nullable=False),
        sa.Column('currency', sa.Text(), nullable=False),
        sa.Column('paid_at', sa.BigInteger(), nullable=True),
        sa.Column('payment_intent', sa.Text(), nullable=True),
        sa.Column('card_last4', sa.Text(), nullable=True),
        sa.Column('refunded_minor', sa.BigInteger(), nullable=False),
        sa.Column('disputed', sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.CheckConstraint('refunded_minor >= 0 AND refunded_minor <= amount_minor', name=op.f('ck_payments_refund_within_captured')),
        sa.ForeignKeyConstraint(['order_id'], ['orders.id'], name=op.f('fk_payments_order_id'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_payments_shop_id'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_payments')),
        sa.UniqueConstraint('shop_id', 'order_id', 'sequence', name=op.f('uq_payments_shop_id_order_id_sequence')),
        sa.UniqueConstraint('shop_id', 'payment_intent', name=op.f('uq_payments_shop_id_payment_intent'))
    )
    op.create_table('proofs',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
        sa.Column('shop_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('address', sa.Text(), nullable=False),
        sa.Column('order_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
        sa.Column('code_hash', sa.Text(), nullable=False),
        sa.Column('tries', sa.BigInteger(), server_default='0', nullable=False),
        sa.Column('made_at', sa.BigInteger(), nullable=False),
        sa.Column('expires_at', sa.BigInteger(), nullable=False),
        sa.Column('used_at', sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(['order_id'], ['orders.id'], name=op.f('fk_proofs_order_id'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_proofs_shop_id'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_proofs'))
    )
    op.create_table('purchase_order_lines',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
        sa.Column('shop_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('purchase_order_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('variant_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('quantity', sa.BigInteger(), server_default='0', nullable=False),
        sa.Column('received', sa.BigInteger(), server_default='0', nullable=False),
        sa.Column('unit_cost_minor', sa.BigInteger(), nullable=True),
        sa.CheckConstraint('quantity > 0', name=op.f('ck_purchase_order_lines_quantity_positive')),
        sa.ForeignKeyConstraint(['purchase_order_id'], ['purchase_orders.id'], name=op.f('fk_purchase_order_lines_purchase_order_id'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_purchase_order_lines_shop_id'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['variant_id'], ['variants.id'], name=op.f('fk_purchase_order_lines_variant_id'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_purchase_order_lines')),
        sa.UniqueConstraint('purchase_order_id', 'variant_id', name=op.f('uq_purchase_order_lines_purchase_order_id_variant_id'))
    )
    op.create_table('returns',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
        sa.Column('shop_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('number', sa.Text(), nullable=False),
        sa.Column('order_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('customer_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
        sa.Column('state', sa.Text(), nullable=False),
        sa.Column('version', sa.BigInteger(), server_default='1', nullable=False),
        sa.Column('reason', sa.Text(), nullable=False),
        sa.Column('note', sa.Text(), nullable=True),
        sa.Column('photo', sa.Text(), nullable=True),
        sa.Column('telegram_user', sa.BigInteger(), nullable=True),
        sa.Column('requested_minor', sa.BigInteger(), nullable=False),
        sa.Column('approved_minor', sa.BigInteger(), nullable=True),
        sa.Column('cost_minor', sa.BigInteger(), nullable=False),
        sa.Column('currency', sa.Text(), nullable=False),
        sa.Column('goods', sa.Text(), nullable=False),
        sa.Column('verdict', sa.JSON(), nullable=False),
        sa.Column('requested_at', sa.BigInteger(), nullable=False),
        sa.Column('answer_by', sa.BigInteger(), nullable=False),
        sa.Column('decided_by', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
        sa.Column('decided_at', sa.BigInteger(), nullable=True),
        sa.Column('decision_note', sa.Text(), nullable=True),
        sa.Column('received_at', sa.BigInteger(), nullable=True),
        sa.Column('closed_at', sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(['customer_id'], ['customers.id'], name=op.f('fk_returns_customer_id'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['decided_by'], ['staff.id'], name=op.f('fk_returns_decided_by'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['order_id'], ['orders.id'], name=op.f('fk_returns_order_id'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_returns_shop_id'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_returns')),
        sa.UniqueConstraint('shop_id', 'number', name=op.f('uq_returns_shop_id_number'))
    )
    op.create_index('ix_returns_requested', 'returns', ['shop_id', 'requested_at'], unique=False)
    op.create_index('ix_returns_state', 'returns', ['shop_id', 'state'], unique=False)
    op.create_table('stock_levels',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
        sa.Column('shop_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('variant_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('location_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('on_hand', sa.BigInteger(), server_default='0', nullable=False),
        sa.Column('reserved', sa.BigInteger(), server_default='0', nullable=False),
        sa.Column('incoming', sa.BigInteger(), server_default='0', nullable=False),
        sa.Column('changed_at', sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(['location_id'], ['locations.id'], name=op.f('fk_stock_levels_location_id'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_stock_levels_shop_id'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['variant_id'], ['variants.id'], name=op.f('fk_stock_levels_variant_id'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_stock_levels')),
        sa.UniqueConstraint('shop_id', 'variant_id', 'location_id', name=op.f('uq_stock_levels_shop_id_variant_id_location_id'))
    )
    op.create_table('stock_movements',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
        sa.Column('shop_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('variant_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('location_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('kind', sa.Text(), nullable=False),
        sa.Column('on_hand', sa.BigInteger(), server_default='0', nullable=False),
        sa.Column('reserved', sa.BigInteger(), server_default='0', nullable=False),
        sa.Column('incoming', sa.BigInteger(), server_default='0', nullable=False),
        sa.Column('at', sa.BigInteger(), nullable=False),
        sa.Column('reference', sa.Text(), nullable=True),
        sa.Column('key', sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(['location_id'], ['locations.id'], name=op.f('fk_stock_movements_location_id'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_stock_movements_shop_id'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['variant_id'], ['variants.id'], name=op.f('fk_stock_movements_variant_id'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_stock_movements')),
        sa.UniqueConstraint('shop_id', 'key', name=op.f('uq_stock_movements_shop_id_key'))
    )
    op.create_index('ix_stock_movements_variant', 'stock_movements', ['shop_id', 'variant_id', 'at'], unique=False)
    op.create_table('stock_wishes',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
        sa.Column('shop_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('customer_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('variant_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('telegram_user', sa.BigInteger(), nullable=False),
        sa.Column('asked_at', sa.BigInteger(), nullable=False),
        sa.Column('told_at', sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(['customer_id'], ['customers.id'], name=op.f('fk_stock_wishes_customer_id'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_stock_wishes_shop_id'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['variant_id'], ['variants.id'], name=op.f('fk_stock_wishes_variant_id'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_stock_wishes'))
    )
    op.create_index('uq_stock_wishes_open', 'stock_wishes', ['shop_id', 'variant_id', 'telegram_user'], unique=True, sqlite_where=sa.text('told_at IS NULL'), postgresql_where=sa.text('told_at IS NULL'))
    op.create_table('approvals',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
        sa.Column('shop_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('return_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('version', sa.BigInteger(), server_default='0', nullable=False),
        sa.Column('amount_minor', sa.BigInteger(), nullable=False),
        sa.Column('currency', sa.Text(), nullable=False),
        sa.Column('staff_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('at', sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(['return_id'], ['returns.id'], name=op.f('fk_approvals_return_id'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_approvals_shop_id'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name=op.f('fk_approvals_staff_id'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_approvals')),
        sa.UniqueConstraint('return_id', 'version', name=op.f('uq_approvals_return_id_version'))
    )
    op.create_table('disputes',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
        sa.Column('shop_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('stripe_dispute', sa.Text(), nullable=False),
        sa.Column('payment_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('state', sa.Text(), nullable=False),
        sa.Column('reason', sa.Text(), nullable=False),
        sa.Column('amount_minor', sa.BigInteger(), nullable=False),
        sa.Column('currency', sa.Text(), nullable=False),
        sa.Column('opened_at', sa.BigInteger(), nullable=False),
        sa.Column('due_by', sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(['payment_id'], ['payments.id'], name=op.f('fk_disputes_payment_id'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_disputes_shop_id'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_disputes')),
        sa.UniqueConstraint('shop_id', 'stripe_dispute', name=op.f('uq_disputes_shop_id_stripe_dispute'))
    )
    op.create_table('return_lines',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
        sa.Column('shop_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('return_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('order_line_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('quantity', sa.BigInteger(), server_default='0', nullable=False),
        sa.Column('received', sa.BigInteger(), server_default='0', nullable=False),
        sa.Column('damaged', sa.BigInteger(), server_default='0', nullable=False),
        sa.CheckConstraint('quantity > 0', name=op.f('ck_return_lines_quantity_positive')),
        sa.ForeignKeyConstraint(['order_line_id'], ['order_lines.id'], name=op.f('fk_return_lines_order_line_id'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['return_id'], ['returns.id'], name=op.f('fk_return_lines_return_id'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_return_lines_shop_id'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_return_lines')),
        sa.UniqueConstraint('return_id', 'order_line_id', name=op.f('uq_return_lines_return_id_order_line_id'))
    )
    op.create_table('scans',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
        sa.Column('shop_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('parcel_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('at', sa.BigInteger(), nullable=False),
        sa.Column('heard_at', sa.BigInteger(), nullable=False),
        sa.Column('milestone', sa.Text(), nullable=False),
        sa.Column('substatus', sa.Text(), nullable=True),
        sa.Column('place', sa.Text(), nullable=True),
        sa.Column('key', sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(['parcel_id'], ['parcels.id'], name=op.f('fk_scans_parcel_id'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_scans_shop_id'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_scans')),
        sa.UniqueConstraint('shop_id', 'key', name=op.f('uq_scans_shop_id_key'))
    )
    op.create_index('ix_scans_parcel', 'scans', ['shop_id', 'parcel_id', 'at'], unique=False)
    op.create_table('refunds',
        sa.Column('id', sa.Text(), nullable=False),
        sa.Column('shop_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('payment_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.Column('return_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
        sa.Column('approval_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
        sa.Column('amount_minor', sa.BigInteger(), nullable=False),
        sa.Column('currency', sa.Text(), nullable=False),
        sa.Column('state', sa.Text(), nullable=False),
        sa.Column('failure', sa.Text(), nullable=True),
        sa.Column('stripe_refund', sa.Text(), nullable=True),
        sa.Column('decided_at', sa.BigInteger(), nullable=False),
        sa.Column('first_sent_at', sa.BigInteger(), nullable=True),
        sa.Column('settled_at', sa.BigInteger(), nullable=True),
        sa.CheckConstraint('amount_minor > 0', name=op.f('ck_refunds_amount_positive')),
        sa.ForeignKeyConstraint(['approval_id'], ['approvals.id'], name=op.f('fk_refunds_approval_id'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['payment_id'], ['payments.id'], name=op.f('fk_refunds_payment_id'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['return_id'], ['returns.id'], name=op.f('fk_refunds_return_id'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_refunds_shop_id'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_refunds')),
        sa.UniqueConstraint('approval_id', name=op.f('uq_refunds_approval_id')),
        sa.UniqueConstraint('shop_id', 'stripe_refund', name=op.f('uq_refunds_shop_id_stripe_refund'))
    )
    op.create_index('ix_refunds_decided', 'refunds', ['shop_id', 'decided_at'], unique=False)



def downgrade() -> None:
    """Drop every table."""
    op.drop_index('ix_refunds_decided', table_name='refunds')
    op.drop_table('refunds')
    op.drop_index('ix_scans_parcel', table_name='scans')
    op.drop_table('scans')
    op.drop_table('return_lines')
    op.drop_table('disputes')
    op.drop_table('approvals')
    op.drop_index('uq_stock_wishes_open', table_name='stock_wishes', sqlite_where=sa.text('told_at IS NULL'), postgresql_where=sa.text('told_at IS NULL'))
    op.drop_table('stock_wishes')
    op.drop_index('ix_stock_movements_variant', table_name='stock_movements')
    op.drop_table('stock_movements')
    op.drop_table('stock_levels')
    op.drop_index('ix_returns_state', table_name='returns')
    op.drop_index('ix_returns_requested', table_name='returns')
    op.drop_table('returns')
    op.drop_table('purchase_order_lines')
    op.drop_table('proofs')
    op.drop_table('payments')
    op.drop_index('ix_parcels_tracking', table_name='parcels')
    op.drop_index('ix_parcels_handed_over', table_name='parcels')
    op.drop_index('ix_parcels_delivered', table_name='parcels')
    op.drop_table('parcels')
    op.drop_index('ix_order_lines_placed', table_name='order_lines')
    op.drop_index('ix_order_lines_demand', table_name='order_lines')
    op.drop_table('order_lines')
    op.drop_table('variants')
    op.drop_table('purchase_orders')
    op.drop_index('ix_orders_promised', table_name='orders')
    op.drop_index('ix_orders_placed', table_name='orders')
    op.drop_index('ix_orders_customer', table_name='orders')
    op.drop_index('ix_orders_approved', table_name='orders')
    op.drop_table('orders')
    op.drop_index('uq_cases_one_open', table_name='cases', sqlite_where=sa.text('resolved_at IS NULL'), postgresql_where=sa.text('resolved_at IS NULL'))
    op.drop_index('ix_cases_subject', table_name='cases')
    op.drop_table('cases')
    op.drop_table('suppliers')
    op.drop_table('staff')
    op.drop_table('products')
    op.drop_table('locations')
    op.drop_index('ix_jobs_lane', table_name='jobs', sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'"))
    op.drop_index('ix_jobs_due', table_name='jobs', sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'"))
    op.drop_table('jobs')
    op.drop_table('inbox')
    op.drop_table('imports')
    op.drop_table('dialogues')
    op.drop_index('ix_customers_phone', table_name='customers')
    op.drop_index('ix_customers_email', table_name='customers')
    op.drop_table('customers')
    op.drop_table('counters')
    op.drop_table('chats')
    op.drop_table('cards')
    op.drop_table('buttons')
    op.drop_index('ix_audit_subject', table_name='audit')
    op.drop_table('audit')
    op.drop_table('shops')
    op.drop_table('lanes')
