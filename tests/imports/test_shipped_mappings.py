"""The mappings that come with Opsbell, on files as their makers write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.cli_import import Order, import_
from domain.imports import ShopDefaults
from gateways.csv_import import load_mapping, shipped_mappings
from storage.imports import shop_for
from tests.imports.conftest import NOW

ORDERS = """Name,Email,Financial Status,Paid at,Fulfillment Status,Currency,Total,Shipping,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Billing Name,Shipping Country,Cancelled at,Payment Method,Phone
#1001,maria@example.org,paid,2026-11-20 10:05:00 +0100,fulfilled,EUR,46.90,4.90,2026-11-20 10:00:00 +0100,2,Blue mug,19.00,BLU-MUG-300,Maria Silva,PT,,card,
#1001,,,,,,,,,1,Gift wrap,4.00,,,,,,
#1002,,refunded,2026-11-20 11:00:00 +0100,unfulfilled,EUR,19.00,0.00,2026-11-20 10:59:00 +0100,1,Blue mug,19.00,BLU-MUG-300,,DE,2026-11-21 08:00:00 +0100,card,
"""
PRODUCTS = """Handle,Title,Type,Option1 Value,Variant SKU,Variant Price,Variant Barcode,Cost per item
mug,Mug,Tableware,Blue,BLU-MUG-300,19.00,'4012345001013,7.20
mug,,,White,WHT-MUG-300,17.00,,
mug,,,,,,,
"""


@pytest.mark.parametrize("name", shipped_mappings())
def test_every_shipped_mapping_can_be_read(name):
    assert load_mapping(name).files


def _run(stand, mapping: str, *, now=NOW):
    with stand.engine.begin() as connection:
        shop_for(connection, "corner", ShopDefaults(name="Corner", currency="EUR", time_zone="Europe/Berlin"))
    order = Order(mapping=mapping, paths=(stand.folder,), shop="corner", rejects_folder=Path(stand.folder / "rejects"))
    return import_(stand.engine, order, now=now, seconds=lambda: 0.0)


def test_shopify_orders_of_several_rows_become_one_order_with_its_lines(stand):
    stand.write({"orders_export_1.csv": ORDERS})
    result = _run(stand, "shopify_orders")
    assert (result["rows"], result["imported"], result["rejected"]) == (3, 3, 0)
    assert _run(stand, "shopify_orders")["imported"] == 0
    assert stand.rows("SELECT number, status, total_minor, freight_minor FROM orders ORDER BY number") == [
        ("1001", "shipped", 4690, 490), ("1002", "cancelled", 1900, 0),
    ]
    assert stand.rows("SELECT code, line, quantity FROM order_lines ORDER BY order_id, line") == [
        ("BLU-MUG-300", 1, 2), ("Gift wrap", 2, 1), ("BLU-MUG-300", 1, 1),
    ]
    assert stand.rows("SELECT amount_minor FROM payments ORDER BY order_id") == [(4690,), (1900,)]


def test_shopify_products_keep_their_words_when_orders_are_imported_after_them(stand):
    stand.write({"products_export_1.csv": PRODUCTS})
    result = _run(stand, "shopify_products")
    assert (result["rows"], result["imported"], result["unchanged"], result["rejected"]) == (3, 2, 1, 0)
    stand.write({"orders_export_1.csv": ORDERS})
    _run(stand, "shopify_orders")
    assert stand.rows("SELECT sku, title, price_minor, cost_minor, barcode FROM variants ORDER BY sku") == [
        ("BLU-MUG-300", "Mug · Blue", 1900, 720, "4012345001013"), ("WHT-MUG-300", "Mug · White", 1700, None, None),
    ]
