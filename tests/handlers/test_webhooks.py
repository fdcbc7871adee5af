"""Facts from outside: stored before they are answered, worked off once, in the shop they are about."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import AsyncIterator
from datetime import date, timedelta
from hashlib import sha256
from typing import Any

import pytest
import sqlalchemy as sa
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from gateways.stripe import foreign, mode_of
from handlers.door import LARGEST
from handlers.jobs import Worker
from handlers.webhooks import shop_door, stripe_door
from storage.inbox import InboxRows
from storage.tables import disputes, inbox, orders, parcels, stock_movements
from tests.desk import TestDesk

pytestmark = pytest.mark.asyncio
KEY = base64.b64encode(b"thirty-two bytes of a shop's key").decode()
SECRET = "whsec_of_stripe"
Client = TestClient[web.Request, web.Application]


class Sender:
    """Signs as a shop or as Stripe would, by the desk's own clock."""

    def __init__(self, client: Client, desk: TestDesk) -> None:
        self.client, self.desk, self.count = client, desk, 0

    async def shop(self, event: Any, *, key: str | None = None, body: bytes | None = None, secret: str = KEY) -> int:
        self.count += 1
        event_id, stamp = key or f"e{self.count}", str(int(self.desk.clock.now().timestamp()))
        raw = json.dumps(event).encode() if body is None else body
        made = hmac.new(base64.b64decode(secret), f"{event_id}.{stamp}.".encode() + raw, sha256).digest()
        headers = {
            "webhook-id": event_id, "webhook-timestamp": stamp,
            "webhook-signature": "v1," + base64.b64encode(made).decode(),
        }
        return (await self._post("/shop", raw, headers)).status

    async def stripe(self, event: Any, *, body: bytes | None = None, secret: str = SECRET) -> int:
        raw = json.dumps({"livemode": False, **event}).encode() if body is None else body
        stamp = str(int(self.desk.clock.now().timestamp()))
        made = hmac.new(secret.encode(), stamp.encode() + b"." + raw, sha256).hexdigest()
        return (await self._post("/stripe", raw, {"Stripe-Signature": f"t={stamp},v1={made}"})).status

    async def _post(self, path: str, raw: bytes, headers: dict[str, str]) -> ClientResponse:
        return await self.client.post(path, data=raw, headers={"Content-Type": "application/json", **headers})


@pytest.fixture
async def sender(shop: TestDesk) -> AsyncIterator[Sender]:
    app = web.Application(client_max_size=LARGEST)
    app.router.add_post("/shop", shop_door(shop.store, ["whsec_" + KEY], shop.clock.now))
    app.router.add_post("/stripe", stripe_door(shop.store, [SECRET], shop.clock.now))
    async with TestClient(TestServer(app, host="127.0.0.1")) as client:
        yield Sender(client, shop)


async def work(worker: Worker) -> None:
    while await worker.step():
        pass


def event(desk: TestDesk, of_kind: str, /, **data: Any) -> dict[str, Any]:
    return {"type": of_kind, "shop": desk.key, "at": desk.clock.now().isoformat(), "data": data}


def errors(desk: TestDesk) -> list[str | None]:
    return [row.error for row in desk.query(sa.select(inbox.c.error).order_by(inbox.c.id))]


# --- the doors


async def test_unsigned_events_are_refused_and_not_stored(sender: Sender, shop: TestDesk) -> None:
    wrong = base64.b64encode(b"another thirty-two bytes of keys").decode()
    assert await sender.shop(event(shop, "stock.moved"), secret=wrong) == 401
    assert await sender.stripe({"id": "evt_1"}, secret="whsec_of_somebody") == 401
    assert (await sender.client.post("/shop", json={})).status == 401
    assert (await sender.client.post("/stripe", json={})).status == 401
    assert shop.query(sa.select(inbox)) == []


NONSENSE = [
    b"", b"{", b"\xff", b"[]", b"null", b"[" * 100_000, b'{"a":1}{', b'{"a":' * 60 + b"1" + b"}" * 60, b'{"id":NaN}',
    b'{"id":1e999}', b'{"id":' + b"9" * 5000 + b"}", b'{"id":"a","id":"b"}', b'{"id":"\\ud800"}', b'{"id":"\\u0000"}',
    b'\xef\xbb\xbf{"id":"a"}', '{"id":"a"}'.encode("utf-16"),
]


@pytest.mark.parametrize("body", NONSENSE, ids=range(len(NONSENSE)))
async def test_signed_nonsense_is_taken_kept_with_its_reason_and_nothing_else(
    sender: Sender, shop: TestDesk, worker: Worker, body: bytes
) -> None:
    assert await sender.shop(None, body=body) == 204
    assert await sender.stripe(None, body=body) == 200
    await work(worker)
    assert [row.body for row in shop.query(sa.select(inbox.c.body))] == [body, body]
    assert all(error and error.startswith("The body") for error in errors(shop))
    assert [job.state for job in shop.outbox_rows("learn")] == ["done", "done"]
    with shop.store.engine.connect() as connection:
        assert InboxRows(connection, shop.clock.now()).quarantined() == {"shop": 1, "stripe": 1}


async def test_an_event_without_an_id_counts_once_by_its_bytes(sender: Sender, shop: TestDesk) -> None:
    assert [await sender.stripe({"type": "refund.created"}) for _ in range(2)] == [200, 200]
    assert len(shop.query(sa.select(inbox))) == 1


async def test_too_large_a_body_is_refused_before_it_is_read(sender: Sender, shop: TestDesk) -> None:
    assert await sender.shop(None, body=b" " * (LARGEST + 1)) == 413
    assert shop.query(sa.select(inbox)) == []


async def test_the_same_event_counts_once(sender: Sender, shop: TestDesk, worker: Worker) -> None:
    moved = event(shop, "stock.moved", sku="MUG", location="main", quantity=5, kind="sale")
    assert [await sender.shop(moved, key="one") for _ in range(3)] == [204, 204, 204]
    await work(worker)
    assert await sender.shop(moved, key="one") == 204
    await work(worker)
    found = shop.query(sa.select(stock_movements).where(stock_movements.c.kind == "sale"))
    assert [row.on_hand for row in found] == [-5]


# --- the shop's events


async def test_an_order_comes_in_with_its_payment_and_promise(sender: Sender, shop: TestDesk, worker: Worker) -> None:
    placed = event(
        shop, "order.placed", number="2001", currency="EUR", customer={"external_id": "C-9", "name": "Jonas", "email": ""},
        lines=[{"sku": "MUG", "title": "Blue mug", "quantity": 1, "unit_price_minor": 1900}],
        payment={"intent": "pi_2001", "amount_minor": 1900}, promised_on="2026-11-30",
    )
    assert await sender.shop(placed) == 204
    await work(worker)
    with shop.looking() as uow:
        order = uow.orders.by_number("2001")
        payment = uow.payments.by_intent("pi_2001")
    assert order is not None
    assert order.promised_on == date(2026, 11, 30)
    assert payment is not None
    assert errors(shop) == [None]


async def test_what_happened_earlier_says_when(sender: Sender, shop: TestDesk, worker: Worker) -> None:
    earlier = shop.clock.now() - timedelta(hours=5)
    await sender.shop(event(shop, "stock.moved", sku="MUG", location="main", quantity=1, kind="sale", at=earlier.isoformat()))
    await work(worker)
    (row,) = shop.query(sa.select(stock_movements.c.at).where(stock_movements.c.kind == "sale"))
    assert row.at == earlier


async def test_a_scan_moves_a_parcel(sender: Sender, shop: TestDesk, worker: Worker) -> None:
    await sender.shop(
        event(shop, "parcel.scanned", order="1001", carrier="dhl", tracking_number="JD1", milestone="InTransit", place="Leipzig")
    )
    await sender.shop(event(shop, "parcel.scanned", order="1001", carrier="dhl", tracking_number="JD1", milestone="Delivered"))
    await work(worker)
    assert [row.milestone for row in shop.query(sa.select(parcels))] == ["Delivered"]
    assert errors(shop) == [None, None]


@pytest.mark.parametrize(
    ("kind", "data", "words"),
    [
        ("stock.moved", {"location": "main", "quantity": 1, "kind": "sale"}, "'sku'"),
        ("stock.moved", {"sku": "MUG", "location": "main", "quantity": "1", "kind": "sale"}, "whole number"),
        ("stock.moved", {"sku": "MUG", "location": "main", "quantity": True, "kind": "sale"}, "whole number"),
        ("stock.moved", {"sku": "MUG", "location": "main", "quantity": 1, "kind": "theft"}, "theft"),
        ("stock.moved", {"sku": "MUG", "location": "main", "quantity": 1, "kind": "sale", "at": "2026-11-23T09:00:00"}, "time zone"),
        ("stock.moved", {"sku": "MUG", "location": "main", "quantity": 1, "kind": "sale", "at": "yesterday"}, "yesterday"),
        ("order.placed", {"number": "1", "currency": "EUR", "customer": "C-1", "lines": []}, "customer must be an object"),
        ("order.placed", {"number": "1", "currency": "EUR", "customer": {"external_id": "C"}, "lines": "x"}, "lines"),
        ("order.placed", {"number": "1", "currency": "EUR", "customer": {"external_id": "C"}, "lines": [1]}, "lines"),
        ("parcel.scanned", {"order": "1001", "milestone": "Lost"}, "Lost"),
        ("parcel.scanned", {"order": "1001", "milestone": "Exception", "substatus": "Melted"}, "Melted"),
        ("return.received", {"lines": []}, "'return'"),
        ("coffee.made", {}, "coffee.made"),
        ("order.placed", {"number": False, "currency": "EUR", "customer": {"external_id": "C"}, "lines": []}, "must be a text"),
        ("order.placed", {"number": "1", "currency": "EUR", "customer": {"external_id": "C"}, "lines": [], "payment": {"intent": "pi_1", "amount_minor": 5}}, "another order's"),
        ("order.placed", {"number": "1", "currency": "EUR", "customer": {"external_id": "C"}, "lines": [], "payment": {"intent": "pi_x", "amount_minor": -5}}, "minor units"),
    ],
)
async def test_what_cannot_be_read_is_kept_with_its_reason(
    sender: Sender, shop: TestDesk, worker: Worker, kind: str, data: dict[str, Any], words: str
) -> None:
    before = shop.query(sa.select(sa.func.count()).select_from(orders))
    assert await sender.shop(event(shop, kind, **data)) == 204
    await work(worker)
    (error,) = errors(shop)
    assert error is not None
    assert words in error
    assert shop.query(sa.select(sa.func.count()).select_from(orders)) == before
    assert [job.state for job in shop.outbox_rows("learn")] == ["done"]


async def test_an_event_of_no_shop_or_without_data_is_kept_with_its_reason(
    sender: Sender, shop: TestDesk, worker: Worker
) -> None:
    await sender.shop({"type": "stock.moved", "shop": "elsewhere", "data": {}})
    await sender.shop({"type": "stock.moved", "shop": shop.key})
    await work(worker)
    first, second = errors(shop)
    assert first is not None
    assert "There is no shop 'elsewhere'" in first
    assert second == "The event has no data."


# --- Stripe's


def dispute(kind: str, intent: str = "pi_1", **more: Any) -> dict[str, Any]:
    thing = {
        "id": "dp_1", "payment_intent": intent, "status": "needs_response", "reason": "fraudulent", "amount": 3800,
        "currency": "eur", "created": 1_790_000_000, "evidence_details": {"due_by": 1_790_600_000}, **more,
    }
    return {"id": f"evt_{kind}_{intent}", "type": f"charge.dispute.{kind}", "data": {"object": thing}}


async def test_a_dispute_reaches_the_shop_whose_payment_it_is(sender: Sender, shop: TestDesk, worker: Worker) -> None:
    assert await sender.stripe(dispute("created")) == 200
    await work(worker)
    (row,) = shop.query(sa.select(disputes))
    assert (row.stripe_dispute, row.state) == ("dp_1", "needs_response")
    assert len(shop.said("dispute_card")) == 1
    await sender.stripe(dispute("closed", status="won"))
    await work(worker)
    (row,) = shop.query(sa.select(disputes))
    assert row.state == "won"


@pytest.mark.parametrize(
    "event",
    [
        dispute("created", intent="pi_of_another_account"), {"id": "evt_1", "type": "customer.created", "data": {"object": {}}},
        {"id": "evt_2", "type": "refund.updated", "data": {"object": {"payment_intent": None, "status": "succeeded"}}},
    ],
)
async def test_what_is_not_about_our_payments_is_left(
    sender: Sender, shop: TestDesk, worker: Worker, event: dict[str, Any]
) -> None:
    assert await sender.stripe(event) == 200
    await work(worker)
    assert errors(shop) == [None]
    assert shop.query(sa.select(disputes)) == []


@pytest.mark.parametrize("odd", [{"livemode": True}, {"livemode": None}, {"livemode": 0}, {"account": "acct_other"}], ids=str)
async def test_an_event_of_another_mode_or_account_moves_nothing_and_is_counted(
    sender: Sender, shop: TestDesk, worker: Worker, odd: dict[str, Any]
) -> None:
    assert await sender.stripe({**dispute("created"), **odd}) == 200
    await work(worker)
    assert shop.query(sa.select(disputes)) == []
    (error,) = errors(shop)
    assert error is not None
    assert "This event is" in error
    assert shop.audit_actions()[-1] == "event.refused"


@pytest.mark.parametrize(("key", "live"), [
    ("sk_live_1", True), ("rk_live_1", True), ("sk_test_1", False), ("rk_test_1", False), ("nonsense", None), ("", None),
    ("pk_live_1", None), ("pk_test_1", None),
])
async def test_a_keys_mode_is_read_from_it(key: str, live: bool | None) -> None:
    assert mode_of(key) is live
    assert foreign({"livemode": live}, live=live) is None if live is not None else foreign({"livemode": live}, live=live)


async def test_an_event_that_stripe_never_writes_is_kept_with_its_reason(
    sender: Sender, shop: TestDesk, worker: Worker
) -> None:
    assert await sender.stripe({"id": "evt_1", "type": "refund.updated", "data": []}) == 200
    await work(worker)
    assert [(job.state, job.attempts) for job in shop.outbox_rows("learn")] == [("done", 1)]
    assert errors(shop) == ["The event cannot be read: a Stripe event carries data.object"]
