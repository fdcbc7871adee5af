"""WooCommerce's webhooks, read into facts: orders, what is paid of them, and that an article's stock changed.

Source: woocommerce.github.io/woocommerce-rest-api-docs, order and product properties, read 2026-11-28. WooCommerce
tells once and never again, so an order is taken from whichever of its events comes first. Nothing of it ever leads to
money. A variation that counts its own stock has an event of its own; the others' is counted at their product.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from domain.foreign import MOST_PIECES, count, currency_of, minor, moment, named, part, rows, word
from domain.inventory import LevelChanged, StockLevelTold
from domain.messages import Fact
from domain.orders import OrderPaid, OrderPlaced, PlacedLine
from domain.wire import Json

SOURCE: Final = "woocommerce"
#: WooCommerce counts all of a shop at one place
_PLACE: Final = "shop"
_PRODUCTS: Final = frozenset({"product-created", "product-updated"})
#: nothing was ordered (yet): drafts, carts whose payment failed, what was thrown away
_NO_ORDER: Final = frozenset({"auto-draft", "checkout-draft", "trash", "failed", "cancelled"})


def facts(topic: str, event: Mapping[str, Json]) -> tuple[Fact, ...]:
    """The facts of a webhook; none for what means nothing here. ValueError, KeyError if not as WooCommerce writes."""
    if topic in _PRODUCTS:
        # Its figure is in no order with others': a sale leaves the product's date_modified as it is.
        counted = event.get("manage_stock") is True  # not there: the product was deleted before this was posted
        return (LevelChanged(source=SOURCE, item=named(event["id"], "id")),) if counted else ()
    if topic not in {"order-created", "order-updated"} or event.get("status") in _NO_ORDER or "status" not in event:
        return ()
    currency = currency_of(event["currency"])
    number, total = named(event["number"], "number"), minor(event["total"], currency)
    billing = part(event.get("billing"))
    email, user = word(billing.get("email")), event.get("customer_id")
    whole = (billing.get("first_name"), billing.get("last_name"))
    at = _utc(event["date_created_gmt"])
    paid_at = _utc(event["date_paid_gmt"]) if word(event.get("date_paid_gmt")) else None
    placed = OrderPlaced(
        number=number, at=at, currency=currency,
        customer_external_id=str(user) if user else email or f"order {event['id']}",
        customer_name=" ".join(found for found in map(word, whole) if found) or None, customer_email=email,
        customer_phone=word(billing.get("phone")),
        lines=tuple(_line(row, currency) for row in rows(event["line_items"])),
        payment_intent=None, paid_minor=0, promised_on=None,
    )
    if paid_at is None:
        return (placed,)
    return (placed, OrderPaid(number=number, at=paid_at, currency=currency, paid_minor=total))


def level(product: Mapping[str, Json], at: datetime) -> StockLevelTold | None:
    """How many of a product, or of a variation, there were at that moment; None where it counts none of its own."""
    if product["manage_stock"] is not True or product["stock_quantity"] is None:
        return None
    available = count(product["stock_quantity"], least=-MOST_PIECES)
    return StockLevelTold(source=SOURCE, item=named(product["id"], "id"), place=_PLACE, available=available, at=at)


def _line(row: Mapping[str, Json], currency: str) -> PlacedLine:
    """A line's total is what was paid for all of it, after discounts; the price of one is rounded half up."""
    quantity = count(row["quantity"])
    total = minor(row["total"], currency)
    number = row.get("variation_id") or row.get("product_id")
    return PlacedLine(
        sku=word(row.get("sku")) or f"product {number}", title=named(row["name"], "name"), quantity=quantity,
        unit_price_minor=(2 * total + quantity) // (2 * quantity) if quantity > 0 else 0,
    )


def _utc(value: Json) -> datetime:
    """WooCommerce's _gmt fields are UTC without saying so."""
    return moment(value, local="UTC")
