"""Every table of Opsbell, by topic; ``metadata`` knows them all."""

from storage.tables.core import END_OF_TIME, EPOCH, Instant, metadata, microseconds
from storage.tables.desk import (
    RETURN_WAITS,
    allowances,
    approvals,
    audit,
    audit_heads,
    buttons,
    cards,
    cases,
    counters,
    dialogues,
    disputes,
    proofs,
    return_lines,
    returns,
)
from storage.tables.engine import imports, inbox, jobs, lanes
from storage.tables.goods import (
    locations,
    products,
    purchase_order_lines,
    purchase_orders,
    stock_items,
    stock_levels,
    stock_movements,
    stock_places,
    supplier_terms,
    suppliers,
    told_levels,
    variants,
)
from storage.tables.sales import order_lines, orders, parcels, payments, refunds, scans
from storage.tables.shop import chats, customers, own_digests, quiet_hours, shops, staff, stock_wishes

__all__ = [
    "END_OF_TIME", "EPOCH", "RETURN_WAITS", "Instant", "allowances", "approvals", "audit", "audit_heads", "buttons",
    "cards", "cases", "chats", "counters", "customers", "dialogues", "disputes", "imports", "inbox", "jobs", "lanes",
    "locations", "metadata", "microseconds", "order_lines", "orders", "own_digests", "parcels", "payments",
    "products", "proofs", "purchase_order_lines", "purchase_orders", "quiet_hours", "refunds", "return_lines",
    "returns", "scans", "shops", "staff", "stock_items", "stock_levels", "stock_movements", "stock_places",
    "stock_wishes", "supplier_terms", "suppliers", "told_levels", "variants",
]
