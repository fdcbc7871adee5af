"""Orders, payments, refunds, parcels and scans."""

from __future__ import annotations

import sqlalchemy as sa

from storage.tables.core import END_OF_TIME, count, flag, instant, link, metadata, minor, row_id, shop_id, text

orders = sa.Table(
    "orders",
    metadata,
    row_id(),
    shop_id(),
    #: as the shop writes it, unique within the shop
    text("number"),
    #: sale, credit_note (an invoice that takes goods back), or adjustment (nothing on it costs anything)
    text("kind", default="sale"),
    #: the shop system's last word: placed, approved, shipped, delivered, canceled, unavailable, ...
    text("status"),
    link("customer_id", "customers", nullable=True),
    text("currency"),
    minor("total_minor"),
    minor("freight_minor"),
    instant("placed_at"),
    instant("approved_at", nullable=True),
    instant("cancelled_at", nullable=True),
    #: something of it may be awaited until then (storage/open_orders.py)
    instant("open_until", default=END_OF_TIME),
    #: the earliest moment by which a line must be with the carrier
    instant("ship_by", nullable=True),
    #: the day on which the customer was promised the goods, in the shop's zone
    sa.Column("promised_on", sa.Date(), nullable=True),
    text("channel", nullable=True),
    text("country", nullable=True),
    text("region", nullable=True),
    #: told with the order: "" where none was; NULL where orders come without numbers (imports), then the customer's
    text("phone", nullable=True),
    sa.UniqueConstraint("shop_id", "number"),
    sa.Index("ix_orders_placed", "shop_id", "placed_at"),
    sa.Index("ix_orders_approved", "shop_id", "approved_at"),
    sa.Index("ix_orders_promised", "shop_id", "promised_on"),
    sa.Index("ix_orders_of_customer", "shop_id", "customer_id", "placed_at"),
    sa.Index("ix_orders_open", "shop_id", "open_until"),
)

order_lines = sa.Table(
    "order_lines",
    metadata,
    row_id(),
    shop_id(),
    link("order_id", "orders"),
    #: place within the order, from 1
    count("line"),
    #: sale, return (quantity positive: so many came back), free (given away), charge (postage, fees, discounts: not a
    #: product; quantity with the file's sign)
    text("kind", default="sale"),
    link("variant_id", "variants", nullable=True),
    text("code"),
    text("title"),
    count("quantity"),
    minor("unit_price_minor"),
    minor("freight_minor"),
    link("supplier_id", "suppliers", nullable=True),
    instant("ship_by", nullable=True),
    #: copied from the order, so that demand is one index range
    instant("placed_at"),
    sa.UniqueConstraint("shop_id", "order_id", "line"),
    sa.Index("ix_order_lines_demand", "shop_id", "variant_id", "placed_at"),
    sa.Index("ix_order_lines_placed", "shop_id", "placed_at"),
)

payments = sa.Table(
    "payments",
    metadata,
    row_id(),
    shop_id(),
    link("order_id", "orders"),
    #: place within the order, from 1
    count("sequence"),
    text("method"),
    minor("amount_minor"),
    text("currency"),
    instant("paid_at", nullable=True),
    #: Stripe's payment intent; null = paid elsewhere, so not refundable from here
    text("payment_intent", nullable=True),
    text("card_last4", nullable=True),
    #: refunds decided and not failed; the CHECK is what makes over-refunding impossible
    minor("refunded_minor"),
    flag("disputed", default=False),
    sa.UniqueConstraint("shop_id", "order_id", "sequence"),
    sa.UniqueConstraint("shop_id", "payment_intent"),
    sa.CheckConstraint("refunded_minor >= 0 AND refunded_minor <= amount_minor", name="refund_within_captured"),
)

#: a refund intent; its id is the idempotency key at Stripe, for ever
refunds = sa.Table(
    "refunds",
    metadata,
    sa.Column("id", sa.Text(), primary_key=True),
    shop_id(),
    link("payment_id", "payments"),
    link("return_id", "returns", nullable=True),
    link("approval_id", "approvals", nullable=True),
    minor("amount_minor"),
    text("currency"),
    #: intended, pending, succeeded, failed, needs_human
    text("state"),
    text("failure", nullable=True),
    text("stripe_refund", nullable=True),
    instant("decided_at"),
    #: first call to Stripe; after 20 hours the key is no longer trusted
    instant("first_sent_at", nullable=True),
    instant("settled_at", nullable=True),
    #: MAC over what is to be refunded, as in approvals
    text("mac", default=""),
    sa.UniqueConstraint("approval_id"),
    sa.UniqueConstraint("shop_id", "stripe_refund"),
    sa.CheckConstraint("amount_minor > 0", name="amount_positive"),
    sa.Index("ix_refunds_decided", "shop_id", "decided_at"),
    sa.Index("ix_refunds_payment", "shop_id", "payment_id"),
    sa.Index("ix_refunds_return", "shop_id", "return_id"),
    sa.Index("ix_refunds_state", "shop_id", "state"),
)

parcels = sa.Table(
    "parcels",
    metadata,
    row_id(),
    shop_id(),
    link("order_id", "orders"),
    #: place within the order, from 1
    count("sequence"),
    text("carrier", nullable=True),
    text("tracking_number", nullable=True),
    #: one of AfterShip's nine, and the reason below it
    text("milestone"),
    text("substatus", nullable=True),
    text("origin", nullable=True),
    text("destination", nullable=True),
    flag("international", default=False),
    instant("label_at", nullable=True),
    instant("handed_over_at", nullable=True),
    instant("delivered_at", nullable=True),
    instant("last_scan_at", nullable=True),
    text("last_place", nullable=True),
    #: the carrier's own date when it says one
    sa.Column("expected_on", sa.Date(), nullable=True),
    instant("customer_told_at", nullable=True),
    sa.UniqueConstraint("shop_id", "order_id", "sequence"),
    sa.Index("ix_parcels_tracking", "shop_id", "tracking_number"),
    sa.Index("ix_parcels_handed_over", "shop_id", "handed_over_at"),
    sa.Index("ix_parcels_delivered", "shop_id", "delivered_at"),
)

scans = sa.Table(
    "scans",
    metadata,
    row_id(),
    shop_id(),
    link("parcel_id", "parcels"),
    instant("at"),
    #: when we heard of it; a replay of history must not use it before
    instant("heard_at"),
    text("milestone"),
    text("substatus", nullable=True),
    text("place", nullable=True),
    text("key"),
    sa.UniqueConstraint("shop_id", "key"),
    sa.Index("ix_scans_parcel", "shop_id", "parcel_id", "at"),
)
