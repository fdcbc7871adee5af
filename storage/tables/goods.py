"""Products, suppliers, stock and what is on order."""

from __future__ import annotations

import sqlalchemy as sa

from storage.tables.core import count, flag, instant, link, metadata, minor, row_id, shop_id, text

suppliers = sa.Table(
    "suppliers",
    metadata,
    row_id(),
    shop_id(),
    text("external_id"),
    text("name"),
    text("email", nullable=True),
    text("region", nullable=True),
    #: promised days from order to delivery; null = not known
    sa.Column("lead_time_days", sa.Float(), nullable=True),
    #: standard deviation of the real lead time, in days
    sa.Column("lead_time_sd_days", sa.Float(), nullable=True),
    sa.UniqueConstraint("shop_id", "external_id"),
)

products = sa.Table(
    "products",
    metadata,
    row_id(),
    shop_id(),
    text("external_id"),
    text("title"),
    text("category", nullable=True),
    sa.UniqueConstraint("shop_id", "external_id"),
)

variants = sa.Table(
    "variants",
    metadata,
    row_id(),
    shop_id(),
    link("product_id", "products"),
    text("sku"),
    text("title"),
    minor("price_minor", nullable=True),
    minor("cost_minor", nullable=True),
    link("supplier_id", "suppliers", nullable=True),
    count("pack_size", default=1),
    count("minimum_order", default=1),
    #: a reorder point set by hand; null = computed
    count("reorder_point", default=None),
    sa.Column("barcode", sa.Text(), nullable=True),
    flag("active", default=True),
    sa.UniqueConstraint("shop_id", "sku"),
)

#: what a supplier wants for a variant; kept while it comes from another
supplier_terms = sa.Table(
    "supplier_terms",
    metadata,
    row_id(),
    shop_id(),
    link("variant_id", "variants"),
    link("supplier_id", "suppliers"),
    count("pack_size", default=1),
    count("minimum_order", default=1),
    sa.UniqueConstraint("variant_id", "supplier_id"),
)

locations = sa.Table(
    "locations",
    metadata,
    row_id(),
    shop_id(),
    text("key"),
    text("name"),
    sa.UniqueConstraint("shop_id", "key"),
)

stock_levels = sa.Table(
    "stock_levels",
    metadata,
    row_id(),
    shop_id(),
    link("variant_id", "variants"),
    link("location_id", "locations"),
    count("on_hand"),
    count("reserved"),
    count("incoming"),
    instant("changed_at"),
    sa.UniqueConstraint("shop_id", "variant_id", "location_id"),
)

#: the ledger: levels are its sums
stock_movements = sa.Table(
    "stock_movements",
    metadata,
    row_id(),
    shop_id(),
    link("variant_id", "variants"),
    link("location_id", "locations"),
    #: opening, sale, receipt, correction, return, reservation, release, order
    text("kind"),
    count("on_hand"),
    count("reserved"),
    count("incoming"),
    instant("at"),
    text("reference", nullable=True),
    #: makes a movement heard twice count once
    text("key"),
    sa.UniqueConstraint("shop_id", "key"),
    sa.Index("ix_stock_movements_variant", "shop_id", "variant_id", "at"),
)

#: a shop system's own number for what it stocks, and which variant of ours that is
stock_items = sa.Table(
    "stock_items",
    metadata,
    row_id(),
    shop_id(),
    #: shopify
    text("source"),
    text("item"),
    #: as the shop system last said; null = it has none, or was not asked yet
    text("sku", nullable=True),
    #: the shop system's own moment of that word
    instant("named_at", nullable=True),
    #: null = not matched: its levels are kept and change nothing
    link("variant_id", "variants", nullable=True),
    #: a look-up is to be made, since then; null = none
    instant("wanted_at", nullable=True),
    instant("asked_at", nullable=True),
    #: why its stock is not followed, in a sentence for the owner
    text("finding", nullable=True),
    sa.UniqueConstraint("shop_id", "source", "item"),
    sa.UniqueConstraint("shop_id", "source", "variant_id"),
    sa.Index("ix_stock_items_variant", "variant_id"),
)

#: a shop system's own number for a place, and which location of ours that is
stock_places = sa.Table(
    "stock_places",
    metadata,
    row_id(),
    shop_id(),
    text("source"),
    text("place"),
    link("location_id", "locations"),
    sa.UniqueConstraint("shop_id", "source", "place"),
    sa.UniqueConstraint("shop_id", "source", "location_id"),
)

#: the newest level that a shop system told of an item at a place
told_levels = sa.Table(
    "told_levels",
    metadata,
    row_id(),
    shop_id(),
    text("source"),
    text("item"),
    text("place"),
    count("available"),
    #: the shop system's own moment of that level
    instant("told_at"),
    #: up to which moment our stock is what was told; null = never brought to it
    instant("counted_at", nullable=True),
    #: our stock was not brought to this level yet
    flag("open", default=True),
    sa.UniqueConstraint("shop_id", "source", "item", "place"),
)

purchase_orders = sa.Table(
    "purchase_orders",
    metadata,
    row_id(),
    shop_id(),
    text("number"),
    link("supplier_id", "suppliers", nullable=True),
    #: draft, ordered, received, cancelled
    text("state"),
    link("created_by", "staff", nullable=True),
    instant("created_at"),
    sa.Column("expected_on", sa.Date(), nullable=True),
    instant("received_at", nullable=True),
    sa.UniqueConstraint("shop_id", "number"),
)

purchase_order_lines = sa.Table(
    "purchase_order_lines",
    metadata,
    row_id(),
    shop_id(),
    link("purchase_order_id", "purchase_orders"),
    link("variant_id", "variants"),
    count("quantity"),
    count("received"),
    minor("unit_cost_minor", nullable=True),
    sa.UniqueConstraint("purchase_order_id", "variant_id"),
    sa.Index("ix_purchase_order_lines_variant", "shop_id", "variant_id"),
    sa.CheckConstraint("quantity > 0", name="quantity_positive"),
)
