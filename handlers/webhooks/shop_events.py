"""The shop system's own events, as docs/webhooks.md describes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from domain.errors import NotFound, OpsError
from domain.foreign import (
    MOST_PIECES,
    Unreadable,
    count,
    currency_of,
    day,
    json_object,
    moment,
    named,
    rows,
    word,
)
from domain.inventory import MovementKind, StockMoved
from domain.jobs import Received, Transaction
from domain.messages import Fact
from domain.orders import OrderPlaced, PlacedLine
from domain.returns import ReceivedLine, ReturnReceived
from domain.shipping import Milestone, ParcelScanned, Substatus
from domain.wire import Json
from handlers.webhooks.learning import learn, understood


@dataclass(frozen=True, kw_only=True)
class ShopEvents:
    """Works off what the shop told."""

    source: str = "shop"

    def work(self, received: Received, transaction: Transaction) -> None:
        """Note the event in the shop that it names."""
        event = json_object(received.body)
        data = event.get("data")
        if not isinstance(data, dict):
            raise Unreadable("The event has no data.")
        uow = transaction.of(str(event.get("shop", "")))
        read = _READERS.get(str(event.get("type")))
        if read is None:
            raise NotFound(f"I don't know events of the kind {str(event.get('type'))[:40]!r}.")
        # "at" beside the data is when it was sent; within the data, when it happened
        learn(understood(lambda: read({"at": event.get("at"), **data}, received.key)), uow)

    def refuse(self, received: Received, error: OpsError, transaction: Transaction) -> None:
        """The shop reads no sentences; the event is kept with its error."""


def subject(event: Mapping[str, Json]) -> str:
    """What an event is about: events about one thing are worked off in their order, and hold up no others."""
    data = event.get("data")
    found = data if isinstance(data, dict) else {}
    about = next((found[name] for name in ("order", "number", "sku", "return") if name in found), "")
    return f"{str(event.get('shop'))[:80]}/{str(about)[:80]}"


def _stock_moved(data: dict[str, Json], key: str) -> Fact:
    return StockMoved(
        sku=named(data["sku"], "sku"), location=named(data["location"], "location"),
        quantity=count(data["quantity"], least=-MOST_PIECES),
        movement=MovementKind(str(data["kind"])), reference=word(data.get("reference")), at=moment(data["at"]),
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
        number=named(data["number"], "number"), at=moment(data["at"]), currency=currency_of(data["currency"]),
        customer_external_id=named(customer["external_id"], "external_id"), customer_name=word(customer.get("name")),
        customer_email=word(customer.get("email")), customer_phone=word(customer.get("phone")),
        lines=tuple(
            PlacedLine(
                sku=named(row["sku"], "sku"), title=named(row["title"], "title"), quantity=count(row["quantity"]),
                unit_price_minor=_amount(row["unit_price_minor"]),
            )
            for row in rows(data["lines"])
        ),
        payment_intent=word(paid.get("intent")), paid_minor=_amount(paid.get("amount_minor", 0)),
        promised_on=day(promised) if promised else None,
    )


def _amount(value: Json) -> int:
    """Minor units, up to a hundred billion."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 10**11:
        raise ValueError(f"{str(value)[:40]!r} is not a whole number of minor units")
    return value


def _parcel_scanned(data: dict[str, Json], key: str) -> Fact:
    substatus, expected = data.get("substatus"), data.get("expected_on")
    return ParcelScanned(
        order=named(data["order"], "order"), carrier=word(data.get("carrier")),
        tracking_number=word(data.get("tracking_number")), milestone=Milestone(str(data["milestone"])),
        substatus=Substatus(str(substatus)) if substatus else None, at=moment(data["at"]),
        place=word(data.get("place")), key=key, origin=word(data.get("origin")),
        destination=word(data.get("destination")), expected_on=day(expected) if expected else None,
    )


def _return_received(data: dict[str, Json], key: str) -> Fact:
    del key
    return ReturnReceived(
        number=named(data["return"], "return"), at=moment(data["at"]),
        lines=tuple(
            ReceivedLine(sku=named(row["sku"], "sku"), received=count(row["received"]), damaged=count(row["damaged"]))
            for row in rows(data["lines"])
        ),
    )


_READERS: Final[Mapping[str, Callable[[dict[str, Json], str], Fact]]] = {
    "stock.moved": _stock_moved,
    "order.placed": _order_placed,
    "parcel.scanned": _parcel_scanned,
    "return.received": _return_received,
}
