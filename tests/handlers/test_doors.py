"""The limits of every door, and the doors of vendors: over real HTTP, with the server as it runs."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from hashlib import sha256
from typing import Any

import aiohttp
import pytest
import sqlalchemy as sa
from aiohttp import web

from bot import web as bot_web
from handlers.door import LARGEST, door
from handlers.jobs import Worker
from handlers.webhooks import TOPICS, VENDORS, address, vendor_door
from storage.tables import inbox, orders, parcels, payments
from tests.conftest import ROOT
from tests.desk import TestDesk

pytestmark = pytest.mark.asyncio
SECRETS = ("the-old-sécret", "the-new-secret")
HEADERS = {
    "shopify": "X-Shopify-Hmac-Sha256", "woocommerce": "X-WC-Webhook-Signature", "easypost": "X-Hmac-Signature",
    "aftership": "aftership-hmac-sha256",
}
PAYLOADS = ROOT / "tests" / "payloads"


def signed(source: str, body: bytes, secret: str = SECRETS[0]) -> dict[str, str]:
    if source == "easypost":
        decomposed = secret.replace("é", "e\u0301")
        return {HEADERS[source]: "hmac-sha256-hex=" + hmac.new(decomposed.encode(), body, sha256).hexdigest()}
    return {HEADERS[source]: base64.b64encode(hmac.new(secret.encode(), body, sha256).digest()).decode()}


class Vendors:
    """Posts as the vendors do, at the addresses that they were given."""

    def __init__(self, desk: TestDesk, worker: Worker, base: str, session: aiohttp.ClientSession) -> None:
        self.desk, self.worker, self.base, self.session = desk, worker, base, session

    def path(self, source: str, topic: str | None = None) -> str:
        return address(source, self.desk.key, topic or TOPICS[source][0], self.desk.store.sign)

    async def post(self, path: str, body: bytes, **headers: str) -> int:
        known = {"Content-Type": "application/json", **headers}
        async with self.session.post(self.base + path, data=body, headers=known) as answer:
            return answer.status

    async def send(self, source: str, body: Any, topic: str | None = None, secret: str = SECRETS[0], **headers: str) -> int:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.post(self.path(source, topic), raw, **signed(source, raw, secret), **headers)

    async def work(self) -> None:
        while await self.worker.step():
            pass

    def errors(self) -> list[str | None]:
        return [row.error for row in self.desk.query(sa.select(inbox.c.error).order_by(inbox.c.id))]


@pytest.fixture
async def vendors(shop: TestDesk, worker: Worker) -> AsyncIterator[Vendors]:
    async def broken(_head: object, _body: bytes) -> web.StreamResponse:
        raise RuntimeError("whsec_secret in a message")

    async def taken(_head: object, body: bytes) -> web.StreamResponse:
        return web.Response(text=str(len(body)))

    routes = [
        *(web.post(f"/webhooks/{one}/{{shop}}/{{topic}}/{{token}}", vendor_door(one, shop.store, lambda _: SECRETS, shop.store.sign)) for one in VENDORS),
        web.post("/slow", door(taken, seconds=0.3)), web.post("/open", door(taken)), web.post("/broken", door(broken)),
    ]
    async with AsyncExitStack() as stack:
        base = await bot_web.serve(bot_web.server(routes, lambda: "7Q2K"), ("127.0.0.1", 0), stack)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        yield Vendors(shop, worker, base, session)


def payload(name: str) -> bytes:
    return (PAYLOADS / name).read_bytes()


# --- limits


async def test_what_breaks_a_limit_is_refused_before_it_is_read(vendors: Vendors) -> None:
    path = vendors.path("shopify")
    assert await vendors.post(path, b" " * (LARGEST + 1)) == 413
    assert await vendors.post(path, b"{}", **{"Content-Encoding": "gzip"}) == 415
    assert await vendors.post(path, b"{}", **{"Content-Type": "text/plain"}) == 415
    assert await vendors.post(path, b"{}", **{f"X-{n}": "a" for n in range(101)}) == 431
    assert await vendors.post(path, b"{}", **{f"X-{n}": "a" * 7000 for n in range(5)}) == 431
    assert await vendors.post(path, b"{}", **{"X-Long": "a" * 9000}) == 400
    async with vendors.session.get(vendors.base + path) as answer:
        assert answer.status == 405
    assert vendors.desk.query(sa.select(inbox)) == []


async def test_a_length_that_is_too_large_is_refused_though_nothing_follows(vendors: Vendors) -> None:
    host, port = vendors.base.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {LARGEST + 1}\r\n\r\n"
    writer.write(head.encode())
    assert (await reader.readline()).startswith(b"HTTP/1.1 413")
    writer.close()


async def test_a_body_without_an_end_is_cut_at_the_same_size(vendors: Vendors) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(LARGEST // 10_000 + 50):
            yield b" " * 10_000

    async with vendors.session.post(vendors.base + "/open", data=endless(), headers={"Content-Type": "application/json"}) as answer:
        assert answer.status == 413


async def test_a_body_that_drips_is_cut(vendors: Vendors) -> None:
    host, port = vendors.base.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
    assert (await reader.readline()).startswith(b"HTTP/1.1 408")
    writer.close()


async def test_a_connection_that_asks_for_nothing_is_cut(vendors: Vendors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bot_web, "PATIENCE", 0.3)
    host, port = vendors.base.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"POST /slow HTTP/1.1\r\nX-Drip: ")
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await reader.readexactly(1)
    writer.close()


@pytest.mark.parametrize("raw", [
    b"POST /caf\xe9-canary HTTP/1.1\r\nHost: x\r\n\r\n", b"POST /open HTTP/1.1\r\nHost: x\r\nContent-Length: +8canary\r\n\r\n",
    b"GET /open HTTP/1.1\r\nHost: x\r\nX-Telegram-Bot-Api-Secret-Token: canary\x00\r\n\r\n", b"\x16\x03\x01 canary\r\n\r\n",
    b"POST /open HTTP/1.1\r\nHost: x\r\nContent-Type: a/b\r\nContent-Type: canary\r\n\r\n",
])
async def test_what_is_no_http_is_neither_echoed_nor_logged_and_told_no_version(
    vendors: Vendors, caplog: pytest.LogCaptureFixture, raw: bytes
) -> None:
    host, port = vendors.base.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(raw)
    answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.0 400")
    assert b"Server: opsbell\r\n" in answer
    for told in (b"aiohttp", b"Python", b"canary"):
        assert told not in answer
    assert [one for one in caplog.records if one.name != "asyncio"] == []


async def test_what_breaks_is_answered_with_a_reference_and_no_version(vendors: Vendors, caplog: pytest.LogCaptureFixture) -> None:
    async with vendors.session.post(vendors.base + "/broken", json={}) as answer:
        assert (answer.status, answer.headers["Server"]) == (503, "opsbell")
        assert "7Q2K" in await answer.text()
        assert "whsec" not in await answer.text()
    async with vendors.session.get(vendors.base + "/metrics") as answer:
        assert (answer.status, answer.headers["Server"]) == (404, "opsbell")
    assert "7Q2K" in caplog.text


# --- vendors


@pytest.mark.parametrize("source", sorted(VENDORS))
async def test_signed_by_either_secret_it_is_stored_once_and_otherwise_not_at_all(vendors: Vendors, source: str) -> None:
    body = b'{"id": "evt_1", "event_id": "1"}'
    assert await vendors.send(source, body, secret="another") == 401
    assert await vendors.post(vendors.path(source), body) == 401
    for other, header in HEADERS.items():
        if other != source:
            assert await vendors.post(vendors.path(source), body, **{header: next(iter(signed(source, body).values()))}) == 401
    assert await vendors.post(vendors.path(source)[:-1] + "~", body, **signed(source, body)) == 404
    assert vendors.desk.query(sa.select(inbox)) == []
    for secret in SECRETS:
        assert await vendors.send(source, body, secret=secret) == 200
    await vendors.work()
    assert vendors.errors() == ["The event lacks 'currency'." if source == "shopify" else None]


async def test_a_signature_that_comes_twice_is_none(vendors: Vendors) -> None:
    good = signed("shopify", b"{}")["X-Shopify-Hmac-Sha256"]
    headers = [("Content-Type", "application/json"), ("X-Shopify-Hmac-Sha256", good), ("X-Shopify-Hmac-Sha256", good)]
    async with vendors.session.post(vendors.base + vendors.path("shopify"), data=b"{}", headers=headers) as answer:
        assert answer.status == 401


async def test_no_body_counts_at_another_topics_or_shops_address(vendors: Vendors) -> None:
    body = payload("shopify/orders-create.paid.json")
    token = vendors.path("shopify", "orders-create").rpartition("/")[2]
    for topic in (*TOPICS["shopify"][1:], "orders-delete", "events"):
        assert await vendors.post(f"/webhooks/shopify/{vendors.desk.key}/{topic}/{token}", body, **signed("shopify", body)) == 404
    assert await vendors.post(f"/webhooks/shopify/elsewhere/orders-create/{token}", body, **signed("shopify", body)) == 404
    assert await vendors.post(f"/webhooks/woocommerce/{vendors.desk.key}/orders-create/{token}", body, **signed("shopify", body)) == 404


async def test_easyposts_second_scheme_opens_nothing(vendors: Vendors) -> None:
    body = payload("easypost/tracker-created.json")
    good = signed("easypost", body)["X-Hmac-Signature"]
    assert await vendors.post(vendors.path("easypost"), body, **{"X-Hmac-Signature-V2": good}) == 401


async def test_a_replay_under_a_new_id_in_the_headers_counts_once(vendors: Vendors) -> None:
    body = payload("shopify/orders-create.paid.json")
    for number in range(3):
        assert await vendors.send("shopify", body, **{"X-Shopify-Event-Id": str(number), "X-Shopify-Webhook-Id": str(number)}) == 200
    assert len(vendors.desk.query(sa.select(inbox))) == 1


async def test_woocommerces_one_id_for_a_second_loses_no_order_and_its_ping_does_nothing(vendors: Vendors) -> None:
    order = json.loads(payload("woocommerce/order-created.paid.json"))
    for number in range(20):
        changed = {**order, "id": 800 + number, "number": str(800 + number)}
        assert await vendors.send("woocommerce", changed, **{"X-WC-Webhook-Delivery-ID": "the-same"}) == 200
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    before = len(vendors.desk.query(sa.select(inbox)))
    assert await vendors.post(vendors.path("woocommerce"), b"webhook_id=12", **form) == 200
    assert await vendors.post(vendors.path("woocommerce"), b"webhook_id=12&order=1", **form) == 401
    assert await vendors.post(vendors.path("shopify"), b"webhook_id=12", **form) == 415
    assert len(vendors.desk.query(sa.select(inbox))) == before
    await vendors.work()
    assert vendors.errors() == [None] * 20
    assert len(vendors.desk.query(sa.select(orders.c.id).where(orders.c.number.like("8%")))) == 20


async def test_an_order_is_paid_once_whichever_of_its_events_comes_first(vendors: Vendors) -> None:
    later = payload("woocommerce/order-updated.paid-later.json")
    await vendors.send("woocommerce", payload("woocommerce/order-created.bank-transfer-of-a-guest.json"))
    await vendors.work()
    (row,) = vendors.desk.query(sa.select(orders).where(orders.c.number == "728"))
    assert (row.status, row.approved_at) == ("placed", None)
    await vendors.send("woocommerce", later, "order-updated")
    await vendors.send("woocommerce", {**json.loads(later), "date_modified_gmt": "2026-11-22T08:00:09"}, "order-updated")
    await vendors.send("shopify", payload("shopify/orders-paid.json"), "orders-paid")  # before its orders-create
    await vendors.send("shopify", payload("shopify/orders-create.guest-in-yen.json"))
    await vendors.work()
    assert vendors.errors() == [None] * 5
    found = vendors.desk.query(
        sa.select(orders.c.number, orders.c.status, payments.c.amount_minor, payments.c.payment_intent)
        .join(payments, payments.c.order_id == orders.c.id).where(orders.c.number.in_(["728", "NL-9002"])).order_by(orders.c.number)
    )
    assert [tuple(row) for row in found] == [("728", "approved", 3489, None), ("NL-9002", "approved", 5400, None)]


async def test_a_parcel_is_followed_from_fulfillment_to_delivery_however_its_events_come(vendors: Vendors) -> None:
    """The carrier is heard before the shop says whose parcel it is; then everything late and twice."""
    await vendors.send("shopify", payload("shopify/orders-create.paid.json"))
    await vendors.send("easypost", payload("easypost/tracker-updated.delivered.json"))
    await vendors.work()
    assert vendors.desk.query(sa.select(parcels)) == []
    for name, topic in (("one-parcel", "fulfillments-create"),):
        await vendors.send("shopify", payload(f"shopify/{topic}.{name}.json"), topic)
    await vendors.work()
    vendors.desk.clock.move(minutes=5)
    await vendors.work()
    await vendors.send("easypost", payload("easypost/tracker-updated.damaged.json"))
    await vendors.send("aftership", payload("aftership/held-in-customs.json"))
    await vendors.work()
    (row,) = vendors.desk.query(sa.select(parcels))
    assert (row.tracking_number, row.milestone) == ("JD014600003SE", "Delivered")
    assert vendors.errors() == [None] * 5


@pytest.mark.parametrize("number", ["JD014600003SE", "x" * 900])
async def test_a_parcel_of_nobodys_is_kept_with_the_reason(vendors: Vendors, number: str) -> None:
    await vendors.send("aftership", payload("aftership/delivered.json").replace(b"JD014600003SE", number.encode()))
    await vendors.work()
    assert [str(job.error).endswith("parcel of that number.") for job in vendors.desk.outbox_rows("learn")] == [True]
    for _ in range(12):
        await vendors.work()
        vendors.desk.clock.move(minutes=10)
    (error,) = vendors.errors()
    assert error is not None
    assert "no order here has a parcel of that number" in error
    assert [job.state for job in vendors.desk.outbox_rows("learn")] == ["done"]
