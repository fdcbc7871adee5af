"""The demo shop as it goes on living: stock, parcels and orders after the history's end, and signed webhooks."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from sandbox.demo_shop import ZONE, build
from sandbox.demo_shop.customers import NAMED
from sandbox.demo_shop.rows import Customer, Line, Order, Parcel
from sandbox.demo_shop.stock import LOCATION
from sandbox.people import SHOP
from sandbox.stripe.objects import Payment

if TYPE_CHECKING:
    from sandbox.world import World

PATH = "/webhooks/shop"
#: Shopify's number for the warehouse
SHOPIFY_PLACE = 905684977
#: real seconds between the attempts to post a fact that was not taken
_RETRIES = (0.3, 1.0)


class NotPossible(Exception):
    """It cannot happen to the shop; the text says why."""


class NotTaken(Exception):
    """The app did not take a fact; the text says how it answered."""


@dataclass(kw_only=True)
class Stock:
    """Pieces of a SKU in the warehouse, and of these those that orders wait for."""

    on_hand: int
    reserved: int

    @property
    def available(self) -> int:
        """What can still be sold."""
        return self.on_hand - self.reserved


@dataclass(kw_only=True)
class Sent:
    """A parcel on its way; ``steps`` counts the scans that events have sent."""

    order: str
    carrier: str
    tracking_number: str
    city: str
    steps: int = 0


def sign(secret: str, id_: str, timestamp: int, body: bytes) -> str:
    """The header ``webhook-signature`` of Standard Webhooks (github.com/standard-webhooks, spec 1.0)."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.new(key, f"{id_}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(mac).decode()


class ShopState:
    """The shop from the start moment on. Facts are posted one after the other, as they happen."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.epoch = world.clock.epoch
        self.demo = build(world.stripe.started, world.settings.seed)
        self.random = Random(f"{world.settings.seed}/events")
        self.stock = {level.sku: Stock(on_hand=level.on_hand, reserved=level.reserved) for level in self.demo.levels}
        self.prices = {product.sku: product for product in self.demo.products}
        self.number = max(int(order.number) for order in self.demo.orders)
        self.parcels: dict[str, Sent] = {}
        self.received: set[str] = set()
        #: the order whose parcel is stuck, once it is
        self.stuck: str | None = None
        #: until when orders have come in
        self.ordered_until: datetime = self.demo.until.replace(tzinfo=ZONE).astimezone(UTC)

    @property
    def now(self) -> datetime:
        """The sandbox's time."""
        return self.world.clock.now()

    # -- what there is

    def stock_of(self, sku: str) -> Stock:
        """The level; NotPossible names the article that is not sold."""
        if sku not in self.stock:
            raise NotPossible(f"The demo shop does not sell {sku}. It sells {', '.join(sorted(self.stock))}.")
        return self.stock[sku]

    def parcel_of(self, number: str) -> Sent:
        """The parcel of an order; NotPossible if there is none."""
        if number not in self.parcels:
            order = self._demo_order(number)
            if order.parcel is None:
                raise NotPossible(f"Order {number} is not packed yet; it has no parcel.")
            self.parcels[number] = _sent(order, order.parcel)
        return self.parcels[number]

    def usual_parcel(self) -> str:
        """Jonas' parcel: the stuck one if there is one, else the one on its way."""
        if self.stuck:
            return self.stuck
        return next(order.number for order in self.demo.of_customer(NAMED["jonas"].key))

    def order_to_dispute(self, number: str) -> Payment:
        """The card payment of an order; NotPossible."""
        for payment in self.world.stripe.payments.values():
            if payment.metadata.get("order") == number:
                return payment
        raise NotPossible(f"There is no order {number} that was paid by card.")

    def returns_of_chats(self) -> list[str]:
        """Numbers of the returns that were made in chat since the start, oldest first."""
        last = int(self.demo.returns[-1].number[2:])
        words = json.dumps(self.world.transcript.entries, ensure_ascii=False, default=str)
        found = {int(number) for number in re.findall(r"\bR-(\d{1,6})\b", words)}
        return [f"R-{number}" for number in sorted(found) if number > last]

    def announced(self, number: str) -> tuple[str, int] | None:
        """SKU and pieces of a return: as the history has it, else as the chats last named it (``2 × Blue mug``)."""
        for row in self.demo.returns:
            if row.number == number:
                return row.sku, row.quantity
        for entry in reversed(self.world.transcript.entries):
            words = json.dumps(entry, ensure_ascii=False, default=str)
            if not re.search(rf"{re.escape(number)}(?!\d)", words):
                continue
            for product in self.demo.products:
                if found := re.search(rf"(\d+) × \W?{re.escape(product.title)}", words):
                    return product.sku, int(found[1])
        return None

    def _demo_order(self, number: str) -> Order:
        try:
            return self.demo.order(number.removeprefix("#"))
        except KeyError:
            raise NotPossible(f"The demo shop has no order {number}.") from None

    # -- what happens

    async def move(self, sku: str, quantity: int, kind: str, reference: str | None = None) -> None:
        """Stock moves: ``quantity`` is signed as the fact carries it."""
        level = self.stock_of(sku)
        about = {"sku": sku, "location": LOCATION, "quantity": quantity, "kind": kind, "reference": reference}
        await self.tell("stock.moved", about)
        match kind:
            case "sale" | "receipt" | "correction" | "return":
                level.on_hand += quantity
            case "reservation" | "release":
                level.reserved += quantity

    async def set_in_shopify(self, sku: str, available: int) -> None:
        """The same shop sells by Shopify too, from the same shelf; NotPossible where nobody hears its webhooks."""
        level, shopify = self.stock_of(sku), self.world.shopify
        if "inventory_levels/update" not in shopify.subscriptions:
            raise NotPossible("Nobody has subscribed to Shopify's inventory_levels/update (docs/sandbox.md).")
        shopify.locations[SHOPIFY_PLACE] = {"id": SHOPIFY_PLACE, "name": LOCATION.capitalize(), "active": True}
        verdict = await shopify.change(shopify.item_of(sku), SHOPIFY_PLACE, available)
        if verdict != "ok":
            raise NotTaken(f"Opsbell did not take Shopify's inventory_levels/update: {verdict}.")
        level.on_hand = available + level.reserved

    async def set_in_woocommerce(self, sku: str, available: int) -> None:
        """The same by WooCommerce; NotPossible where nobody hears its webhooks."""
        level, woo = self.stock_of(sku), self.world.woocommerce
        if "product.updated" not in woo.subscriptions:
            raise NotPossible("Nobody has subscribed to WooCommerce's product.updated (docs/sandbox.md).")
        number = woo.product_of(sku)
        await woo.put(number, tell=False, sku=sku, name=sku, manage_stock=True)
        verdict = await woo.put(number, stock_quantity=available)
        if verdict != "ok":
            raise NotTaken(f"Opsbell did not take WooCommerce's product.updated: {verdict}.")
        level.on_hand = available + level.reserved

    async def order(
        self, customer: Customer, lines: list[Line], at: datetime, promised_in: int, *, reserve: bool = True
    ) -> str:
        """Somebody orders and pays by card; the new order's number."""
        self.number += 1
        number = str(self.number)
        payment = self._paid(number, customer, sum(line.quantity * line.unit_price for line in lines), at)
        about = {
            "number": number,
            "customer": {
                "external_id": customer.key,
                "name": customer.name,
                "email": customer.email,
                "phone": customer.phone,
            },
            "currency": "EUR",
            "lines": [
                {"sku": line.sku, "title": line.title, "quantity": line.quantity, "unit_price_minor": line.unit_price}
                for line in lines
            ],
            "payment": {"intent": payment.id, "amount_minor": payment.amount},
            "promised_on": (self.now.astimezone(ZONE).date() + timedelta(days=promised_in)).isoformat(),
        }
        await self.tell("order.placed", about, at)
        for line in lines if reserve else ():
            await self.move(line.sku, line.quantity, "reservation", number)
        return number

    def _paid(self, number: str, customer: Customer, amount: int, at: datetime) -> Payment:
        stripe = self.world.stripe
        payment = Payment(
            id=stripe.new_id("pi"),
            charge=None,
            amount=amount,
            currency="eur",
            created=int(at.timestamp()),
            status="requires_confirmation",
            country=customer.country,
            name=customer.name,
            email=customer.email,
            description=f"Order #{number}",
            metadata={"order": number},
        )
        stripe.add(payment)
        stripe.pay(payment)
        return payment

    async def scan(
        self, sent: Sent, milestone: str, place: str, substatus: str | None = None, at: datetime | None = None
    ) -> None:
        """The carrier says where a parcel is."""
        sent.steps += 1
        about = {
            "order": sent.order,
            "carrier": sent.carrier,
            "tracking_number": sent.tracking_number,
            "milestone": milestone,
            "substatus": substatus,
            "at": (at or self.now).isoformat(timespec="seconds"),
            "place": place,
            "origin": "Leipzig",
            "destination": sent.city,
        }
        await self.tell("parcel.scanned", about, at)

    async def tell(self, kind: str, about: dict[str, Any], at: datetime | None = None) -> None:
        """Post a fact, signed; NotTaken once the app has refused it three times."""
        moment = (at or self.now).isoformat(timespec="milliseconds")
        body = json.dumps({"type": kind, "shop": SHOP, "at": moment, "data": about}, ensure_ascii=False).encode()
        id_ = self.world.stripe.new_id("msg")
        verdict = await self._post(id_, body)
        for wait in _RETRIES:
            if verdict == "ok":
                break
            await asyncio.sleep(wait)
            verdict = await self._post(id_, body)
        self.world.record("shop", "out", kind, about, verdict, id_)
        if verdict != "ok":
            raise NotTaken(f"Opsbell did not take {kind}: {verdict}.")

    async def _post(self, id_: str, body: bytes) -> str:
        from sandbox.world import AppUnreachable

        timestamp = int(self.now.timestamp())
        headers = {
            "Content-Type": "application/json",
            "webhook-id": id_,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign(self.world.settings.shop_webhook_secret, id_, timestamp, body),
        }
        try:
            answer = await self.world.post_to_app(PATH, body, headers, timeout=15)
        except AppUnreachable as error:
            return f"unreachable ({error})"
        return "ok" if 200 <= answer.status < 300 else f"http_{answer.status}"


def _sent(order: Order, parcel: Parcel) -> Sent:
    return Sent(
        order=order.number, carrier=parcel.carrier, tracking_number=parcel.tracking_number, city=parcel.destination
    )
