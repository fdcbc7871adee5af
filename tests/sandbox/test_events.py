"""What can happen to the demo shop: each event as the signed facts that the app hears."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from sandbox.demo_shop import build
from sandbox.demo_shop.days import working_days_ago
from sandbox.events import EVENTS
from sandbox.server import running
from sandbox.world import Settings, World
from tests.sandbox.shop_stand import App, an_app

START = datetime.fromisoformat("2026-11-23T09:05:00+01:00")


@dataclass
class Shop:
    """A running sandbox with the app beside it."""

    world: World
    app: App
    http: aiohttp.ClientSession

    async def event(self, event: str, **more: Any) -> dict[str, Any]:
        address = f"{self.world.address}/control/shop/event"
        async with self.http.post(address, json={"event": event, **more}) as answer:
            found: dict[str, Any] = await answer.json()
            return {"status": answer.status, **found}

    def heard(self, kind: str) -> list[dict[str, Any]]:
        return [fact["data"] for fact in self.app.facts if fact["type"] == kind]


@pytest_asyncio.fixture
async def shop() -> AsyncIterator[Shop]:
    async with an_app() as app, running(Settings(start=START, app=app.address, app_seconds=60.0)) as world, aiohttp.ClientSession() as http:
        # the app beside the sandbox answers every fact with something to be seen, so that no event waits in vain
        seen = {"platform": "slack", "kind": "message", "channel": "C0STOCK"}
        app.hear = lambda fact: world.transcript.add({**seen, "text": fact["type"]})
        yield Shop(world=world, app=app, http=http)


async def test_the_list_names_every_event_with_its_parameters(shop: Shop) -> None:
    async with shop.http.get(f"{shop.world.address}/control/shop/events") as answer:
        listed = (await answer.json())["events"]
    assert [one["event"] for one in listed] == list(EVENTS)
    sell_out = next(one for one in listed if one["event"] == "sell_out")
    assert sell_out["parameters"] == [{"name": "sku", "label": "Article", "kind": "sku", "default": "BLU-MUG-300"}]


async def test_sell_out_sells_exactly_what_is_available_and_only_once(shop: Shop) -> None:
    level = next(level for level in build(START, 1).levels if level.sku == "BLU-MUG-300")
    answer = await shop.event("sell_out")
    assert answer["ok"] is True
    [moved] = shop.heard("stock.moved")
    assert (moved["sku"], moved["kind"], moved["location"]) == ("BLU-MUG-300", "sale", "leipzig")
    assert moved["quantity"] == -(level.on_hand - level.reserved)
    assert shop.app.facts[0]["shop"] == "nordlicht"
    assert (await shop.event("sell_out"))["error"] == "BLU-MUG-300 is sold out already."
    assert len(shop.app.facts) == 1


async def test_a_delivery_makes_it_sellable_again(shop: Shop) -> None:
    await shop.event("sell_out")
    await shop.event("restock", quantity=10)
    assert (await shop.event("sell_some", quantity=11))["error"] == "Only 10 of BLU-MUG-300 are available."
    assert (await shop.event("sell_some", quantity=10))["ok"] is True
    assert [moved["quantity"] for moved in shop.heard("stock.moved")][1:] == [10, -10]


async def test_a_reset_brings_the_stock_back(shop: Shop) -> None:
    await shop.event("sell_out")
    async with shop.http.post(f"{shop.world.address}/control/reset"):
        pass
    assert (await shop.event("sell_out"))["ok"] is True


async def test_the_stuck_parcel_was_last_seen_long_enough_ago_and_is_promised_for_tomorrow(shop: Shop) -> None:
    answer = await shop.event("parcel_stuck")
    assert answer["ok"] is True
    [order], [scan] = shop.heard("order.placed"), shop.heard("parcel.scanned")
    assert order["customer"]["external_id"] == "C-1002"
    assert scan["order"] == order["number"]
    assert order["promised_on"] == "2026-11-24"
    seen = datetime.fromisoformat(scan["at"])
    assert scan["milestone"] == "InTransit"
    assert seen.date() == working_days_ago(START.date(), 5)
    placed = datetime.fromisoformat(next(fact["at"] for fact in shop.app.facts if fact["type"] == "order.placed"))
    assert placed < seen < START - timedelta(days=4)
    assert "already" in (await shop.event("parcel_stuck"))["error"]
    await shop.event("parcel_moves")
    await shop.event("parcel_moves")
    await shop.event("parcel_delivered")
    scans = shop.heard("parcel.scanned")
    assert [one["milestone"] for one in scans] == ["InTransit", "InTransit", "OutForDelivery", "Delivered"]
    assert len({(one["order"], one["tracking_number"]) for one in scans}) == 1


async def test_damage_is_reported_of_jonas_parcel_or_of_the_named_one(shop: Shop) -> None:
    demo = build(START, 1)
    jonas = next(demo.of_customer("C-1002"))
    await shop.event("parcel_damaged")
    omar = next(demo.of_customer("C-1006"))
    await shop.event("parcel_damaged", order=f"#{omar.number}")
    scans = shop.heard("parcel.scanned")
    assert [(one["order"], one["milestone"], one["substatus"]) for one in scans] == [
        (jonas.number, "Exception", "damaged"),
        (omar.number, "Exception", "damaged"),
    ]
    assert jonas.parcel is not None
    assert scans[0]["tracking_number"] == jonas.parcel.tracking_number


async def test_an_order_is_paid_at_stripe_and_reserves_its_pieces(shop: Shop) -> None:
    last = max(int(order.number) for order in build(START, 1).orders)
    await shop.event("order_placed", customer="sofia", sku="CANDLE-FIG", quantity=2)
    [order], [moved] = shop.heard("order.placed"), shop.heard("stock.moved")
    assert order["number"] == str(last + 1)
    assert order["customer"]["email"] == "sofia.rossi@example.org"
    assert order["lines"] == [
        {"sku": "CANDLE-FIG", "title": "Scented candle fig", "quantity": 2, "unit_price_minor": 2200}
    ]
    assert (moved["kind"], moved["quantity"], moved["reference"]) == ("reservation", 2, order["number"])
    payment = shop.world.stripe.payment(order["payment"]["intent"])
    assert (payment.status, payment.left, order["payment"]["amount_minor"]) == ("succeeded", 4400, 4400)
    await shop.app.until("payment_intent.succeeded")


async def test_a_busy_hour_is_thirty_orders_of_the_last_hour(shop: Shop) -> None:
    await shop.event("busy_hour")
    placed = [datetime.fromisoformat(fact["at"]) for fact in shop.app.facts if fact["type"] == "order.placed"]
    assert len(placed) == 30
    assert placed == sorted(placed)
    assert placed[0] >= START - timedelta(hours=1)
    assert len({order["number"] for order in shop.heard("order.placed")}) == 30


async def test_catching_up_fills_the_time_that_the_clock_was_moved_by(shop: Shop) -> None:
    assert "Move the clock first" in (await shop.event("catch_up"))["error"]
    shop.world.clock.advance(10 * 3600)
    assert (await shop.event("catch_up"))["happened"].startswith("32 orders")
    assert "Move the clock first" in (await shop.event("catch_up"))["error"]


async def test_the_newest_approved_return_arrives_first(shop: Shop) -> None:
    approved = [row for row in build(START, 1).returns if row.state == "approved"]
    await shop.event("return_received")
    await shop.event("return_received")
    await shop.event("return_received", **{"return": "R-318", "sku": "BLU-MUG-300", "quantity": 2, "condition": "damaged"})
    arrived = shop.heard("return.received")
    assert [one["return"] for one in arrived] == [approved[-1].number, approved[-2].number, "R-318"]
    assert arrived[0]["lines"] == [{"sku": approved[-1].sku, "received": approved[-1].quantity, "damaged": 0}]
    assert arrived[2]["lines"] == [{"sku": "BLU-MUG-300", "received": 2, "damaged": 2}]
    assert [one["kind"] for one in shop.heard("stock.moved")] == ["return", "return"]


async def test_a_return_made_in_chat_arrives_as_it_was_announced_there(shop: Shop) -> None:
    card = "Return R-318 · €38.00\n#1042 · 2 × Blue mug 300 ml of 4"
    shop.world.transcript.add({"platform": "slack", "kind": "message", "channel": "C0RETURNS", "text": card})
    await shop.event("return_received")
    assert shop.heard("return.received") == [
        {"return": "R-318", "lines": [{"sku": "BLU-MUG-300", "received": 2, "damaged": 0}]}
    ]


async def test_the_newest_refund_fails_and_a_dispute_arrives(shop: Shop) -> None:
    newest = next(shop.world.stripe.refunds())[1]
    assert newest.id in (await shop.event("refund_fails"))["happened"]
    assert (await shop.app.until("refund.failed"))["data"]["object"]["id"] == newest.id
    answer = await shop.event("dispute")
    assert answer["happened"] == "Maria Silva disputes €95.40 of order 1042."
    await shop.app.until("charge.dispute.created")
    assert "disputed already" in (await shop.event("dispute"))["error"]


async def test_the_answer_carries_what_became_visible(shop: Shop) -> None:
    await shop.event("restock")
    saw = (await shop.event("sell_out"))["saw"]
    assert [one["text"] for one in saw] == ["stock.moved"]


async def test_a_fact_that_is_not_taken_at_first_is_sent_again_and_then_given_up(shop: Shop) -> None:
    shop.app.refuse = 1
    assert (await shop.event("restock"))["ok"] is True
    assert len(shop.app.facts) == 1
    shop.app.refuse = 9
    answer = await shop.event("restock")
    assert (answer["status"], answer["error"]) == (502, "Opsbell did not take stock.moved: http_503.")


@pytest.mark.parametrize(
    ("event", "more", "words"),
    [
        ("explode", {}, "Say which event: sell_out"),
        ("sell_out", {"sku": "NONE"}, "does not sell NONE"),
        ("sell_out", {"quantity": 5}, "takes sku, not quantity"),
        ("restock", {"quantity": 0}, "whole number from 1"),
        ("restock", {"quantity": True}, "whole number from 1"),
        ("parcel_moves", {"order": "99"}, "no order 99"),
        ("order_placed", {"customer": "zoe"}, "no customer 'zoe'"),
        ("dispute", {"order": "99"}, "no order 99"),
        ("refund_fails", {"refund": "re_none"}, "No such refund"),
    ],
)
async def test_what_cannot_happen_is_refused_in_a_sentence(shop: Shop, event: str, more: dict[str, Any], words: str) -> None:
    answer = await shop.event(event, **more)
    assert answer["status"] == 400
    assert words in answer["error"]
    assert shop.app.facts == []


async def test_a_count_typed_into_shopify_is_told_by_shopify_alone(shop: Shop) -> None:
    assert "Nobody has subscribed" in (await shop.event("shopify_level"))["error"]
    shop.world.shopify.subscriptions["inventory_levels/update"] = "/webhooks/shopify/nordlicht"
    shop.app.refuse = 0
    assert (await shop.event("shopify_level", quantity=33))["ok"] is True
    assert shop.app.facts == []
    ((path, body, _),) = [one for one in shop.app.taken if "shopify" in one[0]]
    assert (path, json.loads(body)["available"]) == ("/webhooks/shopify/nordlicht", 33)
    assert "of 33 are available" not in (await shop.event("sell_some", quantity=33)).get("error", "")
    assert (await shop.event("sell_out"))["error"] == "BLU-MUG-300 is sold out already."


async def test_a_count_typed_into_woocommerce_is_told_by_woocommerce_alone(shop: Shop) -> None:
    assert "Nobody has subscribed" in (await shop.event("woocommerce_level"))["error"]
    shop.world.woocommerce.subscriptions |= {"product.updated": "/webhooks/woocommerce/nordlicht"}
    shop.app.refuse = 0
    assert (await shop.event("woocommerce_level", quantity=33))["ok"] is True
    assert shop.app.facts == []
    ((path, body, _),) = [one for one in shop.app.taken if "woocommerce" in one[0]]
    told = json.loads(body)
    assert (path, told["sku"], told["stock_quantity"]) == ("/webhooks/woocommerce/nordlicht", "BLU-MUG-300", 33)
