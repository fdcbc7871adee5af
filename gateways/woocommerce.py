"""WooCommerce's webhooks, read into facts: orders, and what is paid of them.

Source: woocommerce.github.io/woocommerce-rest-api-docs, order properties, read 2026-11-28. WooCommerce tells once and
never again, so an order is taken from whichever of its events comes first. Nothing of it ever leads to money.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from domain.foreign import count, currency_of, minor, moment, named, part, rows, word
from domain.messages import Fact
from domain.orders import OrderPaid, OrderPlaced, PlacedLine
from domain.wire import Json

#: nothing was ordered (yet): drafts, carts whose payment failed, what was thrown away
_NO_ORDER: Final = frozenset({"auto-draft", "checkout-draft", "trash", "failed", "cancelled"})


def facts(topic: str, event: Mapping[str, Json]) -> tuple[Fact, ...]:
    """The facts of a webhook; none for what means nothing here. ValueError, KeyError if not as WooCommerce writes."""
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
