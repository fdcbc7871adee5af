"""Shopify's webhooks, read into facts: orders, what is paid of them, what a carrier does with their parcels, and stock.

Source: shopify.dev/docs/api/admin-rest/latest/resources, order, fulfillment, product and inventorylevel, read
2026-11-28; with app/uninstalled comes the shop. Nothing of it ever leads to money: no payment is named by which Stripe
could refund.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from domain.foreign import MOST_PIECES, count, currency_of, minor, moment, named, part, rows, word
from domain.inventory import ItemName, ItemsNamed, StockLevelTold
from domain.messages import Fact
from domain.order_lists import AppUninstalled
from domain.orders import OrderPaid, OrderPlaced, PlacedLine
from domain.shipping import Milestone, ParcelScanned, Substatus
from domain.wire import Json

_MILESTONES: Final[Mapping[str, tuple[Milestone, Substatus | None]]] = {
    "label_printed": (Milestone.INFO_RECEIVED, None),
    "label_purchased": (Milestone.INFO_RECEIVED, None),
    "confirmed": (Milestone.INFO_RECEIVED, None),
    "carrier_picked_up": (Milestone.IN_TRANSIT, None),
    "in_transit": (Milestone.IN_TRANSIT, None),
    "delayed": (Milestone.EXCEPTION, Substatus.EXTERNAL),
    "out_for_delivery": (Milestone.OUT_FOR_DELIVERY, None),
    "attempted_delivery": (Milestone.ATTEMPT_FAIL, None),
    "ready_for_pickup": (Milestone.AVAILABLE_FOR_PICKUP, None),
    "delivered": (Milestone.DELIVERED, None),
    "failure": (Milestone.EXCEPTION, None),
}
SOURCE: Final = "shopify"
#: a fulfillment in these states left nobody's hands
_VOID: Final = frozenset({"cancelled", "error", "failure"})


def facts(topic: str, event: Mapping[str, Json]) -> tuple[Fact, ...]:
    """The facts of a webhook; none for what means nothing here. ValueError, KeyError if it is not as Shopify writes."""
    read = _READERS.get(topic)
    return () if read is None else read(event)


def _order(event: Mapping[str, Json]) -> tuple[Fact, ...]:
    if event.get("test") is True:
        return ()  # of the shop's test gateway: nobody bought anything
    currency = currency_of(event["currency"])
    customer, address = part(event.get("customer")), part(event.get("billing_address"))
    email = word(event.get("email")) or word(customer.get("email"))
    whole = (customer.get("first_name"), customer.get("last_name"))
    name = " ".join(found for found in map(word, whole) if found) or word(address.get("name"))
    paid = event.get("financial_status") == "paid"
    return (
        OrderPlaced(
            number=named(event["name"], "name"), at=moment(event["created_at"]), currency=currency,
            customer_external_id=str(customer.get("id") or email or f"order {event['id']}"), customer_name=name,
            customer_email=email,
            customer_phone=word(event.get("phone")) or word(customer.get("phone")) or word(address.get("phone")),
            lines=tuple(_line(row, currency) for row in rows(event["line_items"])),
            payment_intent=None, paid_minor=minor(event["total_price"], currency) if paid else 0, promised_on=None,
        ),
    )


def _line(row: Mapping[str, Json], currency: str) -> PlacedLine:
    return PlacedLine(
        sku=word(row.get("sku")) or f"variant {row.get('variant_id')}", title=named(row["title"], "title"),
        quantity=count(row["quantity"]), unit_price_minor=minor(row["price"], currency),
    )


def _paid(event: Mapping[str, Json]) -> tuple[Fact, ...]:
    """The order too, in case its own event was lost: whichever comes first counts."""
    if event.get("test") is True:
        return ()
    currency = currency_of(event["currency"])
    paid = OrderPaid(
        number=named(event["name"], "name"), at=moment(event.get("processed_at") or event["created_at"]),
        currency=currency, paid_minor=minor(event["total_price"], currency),
    )
    return (*_order({**event, "financial_status": "pending"}), paid)


def _fulfillment(event: Mapping[str, Json]) -> tuple[Fact, ...]:
    """One scan for each parcel. The order's number stands before the last full stop of the fulfillment's name."""
    if event.get("status") in _VOID:
        return ()
    order, _, part_number = named(event["name"], "name").rpartition(".")
    if not order or not part_number.isdigit():
        raise ValueError(f"{str(event['name'])[:40]!r} names no order")
    status = word(event.get("shipment_status"))
    if status is not None and status not in _MILESTONES:
        return ()
    milestone, substatus = _MILESTONES[status] if status else (Milestone.INFO_RECEIVED, None)
    at = moment(event["updated_at"] if status else event["created_at"])
    listed = event.get("tracking_numbers")
    numbers: list[str | None] = [one for one in map(word, listed) if one] if isinstance(listed, list) else []
    return tuple(
        ParcelScanned(
            order=order, carrier=word(event.get("tracking_company")), tracking_number=number, milestone=milestone,
            substatus=substatus, at=at,
            key=f"shopify:{event['id']}:{number}:{milestone.value}:{at.isoformat()}",
        )
        for number in numbers or [None]
    )


def level(event: Mapping[str, Json]) -> StockLevelTold | None:
    """An inventory level, posted or listed; None where Shopify does not count that item. It may be below zero."""
    if event["available"] is None:
        return None
    return StockLevelTold(
        source=SOURCE, item=named(event["inventory_item_id"], "inventory_item_id"),
        place=named(event["location_id"], "location_id"), available=count(event["available"], least=-MOST_PIECES),
        at=moment(event["updated_at"]),
    )


def _level(event: Mapping[str, Json]) -> tuple[Fact, ...]:
    told = level(event)
    return () if told is None else (told,)


def _product(event: Mapping[str, Json]) -> tuple[Fact, ...]:
    """Which SKU each of its inventory items carries, as of the product's last change."""
    at = moment(event["updated_at"])
    return (ItemsNamed(source=SOURCE, items=tuple(
        ItemName(item=named(row["inventory_item_id"], "inventory_item_id"), sku=word(row.get("sku")), at=at)
        for row in rows(event["variants"])
    )),)


def _uninstalled(event: Mapping[str, Json]) -> tuple[Fact, ...]:
    """What is told is the shop, as it stands; which one it is says the address."""
    named(event["id"], "id")
    return (AppUninstalled(source=SOURCE),)


_READERS: Final[Mapping[str, Callable[[Mapping[str, Json]], tuple[Fact, ...]]]] = {
    "orders-create": _order,
    "orders-paid": _paid,
    "fulfillments-create": _fulfillment,
    "fulfillments-update": _fulfillment,
    "products-create": _product,
    "products-update": _product,
    "inventory-levels-update": _level,
    "inventory-levels-connect": _level,
    "app-uninstalled": _uninstalled,
}
