"""learn(): the one door for facts. Stored with their raw bytes, answered, then worked off once, in one transaction."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Protocol

from aiohttp import web

from domain import inventory, payments, returns, shipping
from domain.errors import NotFound, OpsError
from domain.inventory import MovementKind, StockMoved
from domain.jobs import Engine, Received, Transaction
from domain.messages import Fact, NoteFact
from domain.orders import OrderPlaced, PlacedLine, note_order_placed
from domain.ports import UnitOfWork
from domain.returns import ReceivedLine, ReturnReceived
from domain.shipping import Milestone, ParcelScanned, Substatus
from domain.wire import Json
from gateways import stripe
from handlers import frontdoor

log = logging.getLogger("opsbell.learn")

#: the largest event that a sender has reason to send
LARGEST: Final = 1_000_000

#: what is done for each fact
FACTS: Final[Mapping[type[Fact], NoteFact]] = {
    **inventory.FACTS, **shipping.FACTS, **returns.FACTS, **payments.FACTS, OrderPlaced: note_order_placed,
}


class Source(Protocol):
    """One kind of sender whose events are stored first and worked off later."""

    @property
    def source(self) -> str:
        """How rows of the inbox name it."""

    def work(self, received: Received, transaction: Transaction) -> None:
        """Work off one event; OpsError if it cannot be."""

    def refuse(self, received: Received, sentence: str, transaction: Transaction) -> None:
        """Tell whoever sent it, where there is somebody to tell."""


def learn(fact: Fact, uow: UnitOfWork) -> None:
    """Note a fact."""
    FACTS[type(fact)](fact, uow)


@dataclass(frozen=True, kw_only=True)
class StripeEvents:
    """Stripe's events: refunds and disputes. ``live``: whether our key moves real money; None = it does not tell."""

    live: bool | None
    source: str = "stripe"

    def work(self, received: Received, transaction: Transaction) -> None:
        """Note the event in the shop whose payment it is about; one about nobody's payment is left."""
        event = _object(received.body)
        if (why := stripe.foreign(event, live=self.live)) is not None:
            raise OpsError(why)
        facts = stripe.facts(event)
        intent = stripe.payment_intent(event)
        for shop in transaction.shops.all() if facts and intent else ():
            uow = transaction.of(shop.id)
            if uow.payments.by_intent(str(intent)) is not None:
                for fact in facts:
                    learn(fact, uow)

    def refuse(self, received: Received, sentence: str, transaction: Transaction) -> None:
        """Stripe reads no sentences; an event of another mode or account is counted in the trail of whom it names."""
        event = _object(received.body)
        if stripe.foreign(event, live=self.live) is not None:
            intent = stripe.payment_intent(event)
            for shop in transaction.shops.all() if intent else ():
                uow = transaction.of(shop.id)
                if uow.payments.by_intent(str(intent)) is not None:
                    uow.audit.add("stripe", "event.refused", received.key, {"why": sentence})


@dataclass(frozen=True, kw_only=True)
class ShopEvents:
    """The shop system's own events, as docs/webhooks.md describes them."""

    source: str = "shop"

    def work(self, received: Received, transaction: Transaction) -> None:
        """Note the event in the shop that it names."""
        event = _object(received.body)
        data = event.get("data")
        if not isinstance(data, dict):
            raise OpsError("The event has no data.")
        uow = transaction.of(str(event.get("shop", "")))
        try:
            # "at" beside the data is when it was sent; within the data, when it happened
            fact = _READERS[str(event.get("type"))]({"at": event.get("at"), **data}, received.key)
        except KeyError as error:
            raise NotFound(f"The event lacks {error}, or is of a kind that I don't know.") from None
        except (TypeError, ValueError) as error:
            raise OpsError(f"The event cannot be read: {error}") from None
        learn(fact, uow)

    def refuse(self, received: Received, sentence: str, transaction: Transaction) -> None:
        """The shop reads no sentences; the event is kept with its error."""


def stripe_door(
    engine: Engine, secrets: Sequence[str], now: Callable[[], datetime]
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """POST /webhooks/stripe."""

    async def handle(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if not frontdoor.stripe(secrets, request.headers.get("Stripe-Signature", ""), body, now()):
            return web.Response(status=401, text="not signed by Stripe")
        try:
            key = str(_object(body)["id"])
        except (OpsError, KeyError):
            return web.Response(status=400, text="not an event")
        await engine.write(lambda transaction: transaction.inbox.keep("stripe", key, body, lane="learn:stripe"))
        return web.Response(status=200)

    return handle


def shop_door(
    engine: Engine, secrets: Sequence[str], now: Callable[[], datetime]
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """POST /webhooks/shop, signed by the Standard Webhooks scheme."""

    async def handle(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        head = request.headers
        event_id = head.get("webhook-id", "")
        stamp, signature = head.get("webhook-timestamp", ""), head.get("webhook-signature", "")
        if not frontdoor.standard_webhook(secrets, event_id, stamp, signature, body, now()):
            return web.Response(status=401, text="not signed by the shop")
        try:
            _object(body)
        except OpsError as error:
            return web.Response(status=400, text=error.sentence)
        await engine.write(lambda transaction: transaction.inbox.keep("shop", event_id, body, lane="learn:shop"))
        return web.Response(status=204)

    return handle


def _object(body: bytes) -> dict[str, Json]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise OpsError("The body is not JSON.") from None
    if not isinstance(found, dict):
        raise OpsError("The body is not a JSON object.")
    return found


def _moment(value: Json) -> datetime:
    moment = datetime.fromisoformat(str(value))
    if moment.tzinfo is None:
        raise ValueError(f"{value} has no time zone")
    return moment


def _word(value: Json) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value: Json) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{value!r} is not a whole number")
    return value


def _rows(value: Json) -> list[dict[str, Json]]:
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise ValueError("lines must be a list of objects")
    return [row for row in value if isinstance(row, dict)]


def _stock_moved(data: dict[str, Json], key: str) -> Fact:
    return StockMoved(
        sku=str(data["sku"]), location=str(data["location"]), quantity=_number(data["quantity"]),
        movement=MovementKind(str(data["kind"])), reference=_word(data.get("reference")), at=_moment(data["at"]),
        key=key,
    )


def _order_placed(data: dict[str, Json], key: str) -> Fact:
    del key  # an order's number makes it once
    customer, payment = data["customer"], data.get("payment")
    if not isinstance(customer, dict):
        raise ValueError("customer must be an object")
    paid = payment if isinstance(payment, dict) else {}
    promised = data.get("promised_on")
    return OrderPlaced(
        number=str(data["number"]), at=_moment(data["at"]), currency=str(data["currency"]),
        customer_external_id=str(customer["external_id"]), customer_name=_word(customer.get("name")),
        customer_email=_word(customer.get("email")), customer_phone=_word(customer.get("phone")),
        lines=tuple(
            PlacedLine(
                sku=str(row["sku"]), title=str(row["title"]), quantity=_number(row["quantity"]),
                unit_price_minor=_number(row["unit_price_minor"]),
            )
            for row in _rows(data["lines"])
        ),
        payment_intent=_word(paid.get("intent")), paid_minor=_number(paid.get("amount_minor", 0)),
        promised_on=date.fromisoformat(str(promised)) if promised else None,
    )


def _parcel_scanned(data: dict[str, Json], key: str) -> Fact:
    substatus, expected = data.get("substatus"), data.get("expected_on")
    return ParcelScanned(
        order=str(data["order"]), carrier=_word(data.get("carrier")),
        tracking_number=_word(data.get("tracking_number")), milestone=Milestone(str(data["milestone"])),
        substatus=Substatus(str(substatus)) if substatus else None, at=_moment(data["at"]),
        place=_word(data.get("place")), key=key, origin=_word(data.get("origin")),
        destination=_word(data.get("destination")),
        expected_on=date.fromisoformat(str(expected)) if expected else None,
    )


def _return_received(data: dict[str, Json], key: str) -> Fact:
    del key
    return ReturnReceived(
        number=str(data["return"]), at=_moment(data["at"]),
        lines=tuple(
            ReceivedLine(sku=str(row["sku"]), received=_number(row["received"]), damaged=_number(row["damaged"]))
            for row in _rows(data["lines"])
        ),
    )


_READERS: Final[Mapping[str, Callable[[dict[str, Json], str], Fact]]] = {
    "stock.moved": _stock_moved,
    "order.placed": _order_placed,
    "parcel.scanned": _parcel_scanned,
    "return.received": _return_received,
}
