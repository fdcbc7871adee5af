"""Stock as Shopify tells it: signed bytes through the door, look-ups over real HTTP to the sandbox, on both databases."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import aiohttp
import pytest
import sqlalchemy as sa
from aiohttp import web

from bot import web as bot_web
from bot.order_lists import item_lists
from bot.settings import Settings as BotSettings
from domain.home import Home, ShowHome
from domain.inventory import MovementKind, OrderStock, StockMoved, look_after_stock
from domain.outcomes import Done, Failed, Later, Outcome
from gateways.item_lookups import ItemLookUpCarrier
from handlers.jobs import Worker
from handlers.webhooks import VendorEvents, address, learn, vendor_door
from sandbox.faults import read_fault
from sandbox.server import running
from sandbox.world import Settings
from sandbox.world import World as Sandbox
from storage.jobs import JobRows
from storage.tables import inbox, jobs, locations, products, stock_items, stock_movements, told_levels, variants
from tests.conftest import ROOT
from tests.desk import TestDesk

SECRET = "shopify-secret"
ITEM, OTHER_ITEM, PLACE = 808950810, 808950811, 905684977


async def _no_sleep(_seconds: float) -> None:
    """Time stands still here."""


def settings(address: str) -> BotSettings:
    return BotSettings(_env_file=None, shopify_api={"nordlicht": {"url": f"{address}/shopify", "token": "shpat_sandbox"}})  # type: ignore[arg-type]


@dataclass
class Stand:
    desk: TestDesk
    sandbox: Sandbox
    session: aiohttp.ClientSession
    base: str
    worker: Worker
    carrier: ItemLookUpCarrier
    places: dict[str, int] = field(default_factory=dict)

    async def post(self, topic: str, event: dict[str, Any], *, secret: str = SECRET) -> int:
        """As Shopify posts it."""
        body = json.dumps(event).encode()
        proof = base64.b64encode(hmac.digest(secret.encode(), body, sha256)).decode()
        headers = {"Content-Type": "application/json", "X-Shopify-Hmac-Sha256": proof}
        path = address("shopify", self.desk.key, topic, self.desk.store.sign)
        async with self.session.post(self.base + path, data=body, headers=headers) as answer:
            return answer.status

    def moment(self, **ago: float) -> str:
        return (self.desk.clock.now() - timedelta(**ago)).replace(microsecond=0).isoformat()

    def level_event(self, available: int | None, *, item: int = ITEM, place: int = PLACE, at: str | None = None) -> dict[str, Any]:
        return {"inventory_item_id": item, "location_id": place, "available": available, "updated_at": at or self.moment()}

    async def level(self, available: int | None, **more: Any) -> None:
        """Posted, and worked off with all that follows."""
        assert await self.post("inventory-levels-update", self.level_event(available, **more)) == 200
        await self.work()

    async def product(self, sku: str | None, *, item: int = ITEM, at: str | None = None, more: tuple[tuple[int, str | None], ...] = ()) -> None:
        named = ((item, sku), *more)
        for number, name in named:
            await self.sandbox.shopify.name(number, name)
        event = {"id": 1, "title": "Mug", "updated_at": at or self.moment(), "variants": [
            {"id": number + 1, "sku": name, "inventory_item_id": number} for number, name in named
        ]}
        assert await self.post("products-update", event) == 200
        await self.work()

    async def work(self) -> list[Outcome]:
        """Until nothing is due: stored events, and the look-ups that they want."""
        outcomes = []
        while True:
            while await self.worker.step():
                pass
            with self.desk.store.engine.begin() as connection:
                found = JobRows(connection, self.desk.clock.now()).claim(kinds=("items",), owner="t", limit=1, lease=timedelta(seconds=60))
            if not found:
                return outcomes
            outcomes.append(await self.look_up(found[0]))

    async def look_up(self, job: Any) -> Outcome:
        admitted = await self.desk.store.read(lambda one: self.carrier.admit(job, one))
        outcome = admitted or await self.carrier.carry(job)

        def close(transaction: Any) -> None:
            if isinstance(outcome, Later):
                transaction.jobs.later(job, at=transaction.now + outcome.wait, error=outcome.reason, in_doubt=False)
            elif isinstance(outcome, Failed):
                transaction.jobs.bury(job, outcome.reason)
            else:
                assert transaction.jobs.done(job)
            self.carrier.settle(job, outcome, transaction)

        await self.desk.store.write(close)
        return outcome

    def available(self, sku: str = "MUG") -> int | None:
        with self.desk.looking() as uow:
            variant = uow.inventory.by_sku(sku)
            assert variant is not None
            found = uow.inventory.as_of(uow.now, frozenset({variant.id}))
            return found[0].stock.available if found else None

    def finding(self, item: int = ITEM) -> str | None:
        found: str | None = self.desk.query(sa.select(stock_items.c.finding).where(stock_items.c.item == str(item)))[0].finding
        return found

    def errors(self) -> list[str]:
        return [row.error for row in self.desk.query(sa.select(inbox.c.error).where(inbox.c.error.is_not(None)))]

    def moved(self, quantity: int, kind: MovementKind, *, key: str, at: datetime | None = None, location: str = "main") -> None:
        self.desk.learn(StockMoved(sku="MUG", location=location, quantity=quantity, movement=kind, at=at or self.desk.clock.now(), key=key))

    def asked(self) -> int:
        return len([one for one in self.sandbox.calls if one.name == "shopify.inventory_items"])

    def variant(self, sku: str) -> None:
        (product, *_) = self.desk.query(sa.select(products.c.id))
        self.desk.execute(sa.insert(variants).values(shop_id=self.desk.shop.id, product_id=product.id, sku=sku, title=sku))


@pytest.fixture
async def stand(desk: TestDesk) -> AsyncIterator[Stand]:
    """A desk with a mug of which 100 were counted at "main", beside a Shopify that has nothing yet."""
    shop_id = desk.shop.id
    desk.execute(sa.insert(products).values(shop_id=shop_id, external_id="mug", title="Mug"))
    (product,) = desk.query(sa.select(products.c.id))
    desk.execute(sa.insert(variants).values(shop_id=shop_id, product_id=product.id, sku="MUG", title="Blue mug", price_minor=1900))
    now = desk.clock.now()
    desk.learn(StockMoved(sku="MUG", location="main", quantity=100, movement=MovementKind.OPENING, at=now - timedelta(days=40), key="open"))
    worker = Worker(engine=desk.store, owner="w", sleep=_no_sleep, sources=[VendorEvents(source="shopify")])
    route = web.post("/webhooks/shopify/{shop}/{topic}/{token}", vendor_door("shopify", desk.store, lambda _: [SECRET], desk.store.sign))
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(running(Settings(start=now)))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        base = await bot_web.serve(bot_web.server([route], lambda: "7Q2K"), ("127.0.0.1", 0), stack)
        carrier = ItemLookUpCarrier(lists=item_lists(settings(sandbox.address), desk.clock.now), engine=desk.store, session=session)
        yield Stand(desk, sandbox, session, base, worker, carrier)


def order_event(at: str, number: int = 9001, quantity: int = 2) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((ROOT / "tests/payloads/shopify/orders-create.paid.json").read_text())
    (line, *_) = event["line_items"]
    return event | {"id": number, "name": f"#{number}", "created_at": at, "line_items": [line | {"sku": "MUG", "quantity": quantity}]}


# --- what reaches our stock


async def test_a_level_of_an_unknown_item_is_looked_up_and_becomes_our_stock(stand: Stand) -> None:
    await stand.sandbox.shopify.name(ITEM, "MUG")
    await stand.level(42)
    assert stand.available() == 42
    assert stand.errors() == []
    (moved,) = stand.desk.query(sa.select(stock_movements).where(stock_movements.c.kind == "correction"))
    assert (moved.on_hand, moved.reference) == (-58, "shopify")
    await stand.level(30, at=stand.moment(seconds=-5))
    assert (stand.available(), stand.asked()) == (30, 1)


async def test_a_level_that_came_before_its_product_is_taken_once_the_product_is_told_without_any_key(stand: Stand) -> None:
    stand.carrier = ItemLookUpCarrier(lists={}, engine=stand.desk.store, session=stand.session)
    await stand.level(42, at=stand.moment(minutes=5))
    assert stand.available() == 100
    assert stand.finding() == "The SKU of Shopify's inventory item 808950810 is not known: I have no key to ask for it (docs/webhooks.md)."
    await stand.product("MUG")
    assert (stand.available(), stand.finding()) == (42, None)


@pytest.mark.parametrize("order_first", [True, False])
async def test_a_sale_that_shopify_tells_as_order_and_as_level_counts_once(stand: Stand, order_first: bool) -> None:
    await stand.product("MUG")
    await stand.level(100, at=stand.moment(minutes=10))
    told = [("orders-create", order_event(stand.moment(minutes=5))), ("inventory-levels-update", stand.level_event(98, at=stand.moment(minutes=5)))]
    for topic, event in told if order_first else told[::-1]:
        assert await stand.post(topic, event) == 200
        await stand.work()
    assert stand.available() == 98
    with stand.desk.looking() as uow:
        assert uow.orders.by_number("9001") is not None


async def test_an_item_that_is_connected_to_a_place_has_what_is_said_there(stand: Stand) -> None:
    await stand.product("MUG")
    await stand.level(40, at=stand.moment(minutes=9))
    assert await stand.post("inventory-levels-connect", stand.level_event(0, place=PLACE + 1, at=stand.moment(minutes=5))) == 200
    assert await stand.post("inventory-levels-connect", stand.level_event(None, place=PLACE + 2)) == 200
    await stand.work()
    told = stand.desk.query(sa.select(told_levels.c.place, told_levels.c.available).order_by(told_levels.c.place))
    assert [tuple(row) for row in told] == [(str(PLACE), 40), (str(PLACE + 1), 0)]
    assert stand.errors() == []


async def test_an_older_level_is_left_and_the_same_again_changes_nothing(stand: Stand) -> None:
    await stand.product("MUG")
    await stand.level(40, at=stand.moment(minutes=1))
    before = stand.desk.query(sa.select(stock_movements))
    await stand.level(70, at=stand.moment(minutes=2))
    await stand.level(40, at=stand.moment(minutes=1))
    event = stand.level_event(40, at=stand.moment(minutes=1)) | {"other_bytes": True}
    assert await stand.post("inventory-levels-update", event) == 200
    await stand.work()
    assert stand.available() == 40
    assert stand.desk.query(sa.select(stock_movements)) == before


async def test_of_two_levels_of_one_second_shopify_says_which_was_last(stand: Stand) -> None:
    await stand.sandbox.shopify.name(ITEM, "MUG")
    at = stand.moment()
    await stand.sandbox.shopify.change(ITEM, PLACE, 98, at)
    await stand.level(98, at=at)
    await stand.level(99, at=at)  # the earlier of the two is late
    assert stand.available() == 98
    assert stand.asked() == 2


async def test_without_a_key_the_later_heard_of_two_levels_of_one_second_stands(stand: Stand) -> None:
    stand.carrier = ItemLookUpCarrier(lists={}, engine=stand.desk.store, session=stand.session)
    await stand.product("MUG")
    at = stand.moment()
    await stand.level(99, at=at)
    await stand.level(98, at=at)
    assert stand.available() == 98


async def test_a_level_below_zero_is_oversold_and_one_of_an_item_that_is_not_counted_is_left(stand: Stand) -> None:
    await stand.product("MUG")
    await stand.level(-3)
    assert stand.available() == -3
    await stand.level(None, at=stand.moment(seconds=-9))
    assert (stand.available(), stand.errors()) == (-3, [])


async def test_a_moment_that_is_far_ahead_is_refused_since_all_later_levels_would_look_older(stand: Stand) -> None:
    await stand.product("MUG")
    await stand.level(1, at=stand.moment(days=-400))
    assert stand.available() == 100
    assert "yet to come" in stand.errors()[0]
    await stand.level(50)
    assert stand.available() == 50


@pytest.mark.parametrize("changed", [{"available": "6"}, {"available": 6.5}, {"available": True}, {"updated_at": "2026-11-20T10:00:00"}, {"inventory_item_id": None}])
async def test_what_is_not_as_shopify_writes_it_is_kept_with_its_reason(stand: Stand, changed: dict[str, Any]) -> None:
    await stand.product("MUG")
    assert await stand.post("inventory-levels-update", stand.level_event(6) | changed) == 200
    await stand.work()
    assert stand.available() == 100
    assert len(stand.errors()) == 1


async def test_an_unsigned_level_is_not_stored(stand: Stand) -> None:
    assert await stand.post("inventory-levels-update", stand.level_event(6), secret="guessed") == 401
    assert stand.desk.query(sa.select(inbox)) == []


# --- with movements of our own


async def test_what_moved_before_the_level_and_is_heard_after_it_is_not_taken_twice(stand: Stand) -> None:
    await stand.product("MUG")
    await stand.level(90, at=stand.moment(minutes=5))
    stand.moved(4, MovementKind.SALE, key="late", at=stand.desk.clock.now() - timedelta(minutes=6))
    stand.moved(3, MovementKind.RESERVATION, key="late-too", at=stand.desk.clock.now() - timedelta(minutes=6))
    assert stand.available() == 90
    stand.moved(4, MovementKind.SALE, key="after", at=stand.desk.clock.now() - timedelta(minutes=4))
    assert stand.available() == 86
    assert [row.on_hand for row in stand.desk.query(sa.select(stock_movements.c.on_hand).where(stock_movements.c.key == "late"))] == [-4]


async def test_what_moved_after_the_level_and_was_heard_before_it_is_not_lost(stand: Stand) -> None:
    await stand.product("MUG")
    stand.moved(4, MovementKind.SALE, key="later", at=stand.desk.clock.now() - timedelta(minutes=1))
    await stand.level(90, at=stand.moment(minutes=5))
    assert stand.available() == 86


async def test_a_movement_elsewhere_or_of_the_same_second_is_told_apart(stand: Stand) -> None:
    await stand.product("MUG")
    await stand.level(90, at=stand.moment(minutes=5))
    at = stand.desk.clock.now().replace(microsecond=0) - timedelta(minutes=5)
    stand.moved(4, MovementKind.SALE, key="same", at=at + timedelta(milliseconds=600))
    assert stand.available() == 90
    stand.moved(7, MovementKind.RECEIPT, key="elsewhere", at=at - timedelta(minutes=1), location="annex")
    assert stand.available() == 97


# --- which item, which place


async def test_an_item_without_a_product_here_is_said_to_the_owner_once_and_asked_for_once_an_hour(stand: Stand) -> None:
    await stand.sandbox.shopify.name(ITEM, "TEAPOT")
    for second in range(3):
        await stand.level(5, at=stand.moment(seconds=-second))
    assert stand.finding() == "No product here has the SKU TEAPOT: import the products."
    assert stand.asked() == 1
    home = stand.desk.run(ShowHome(), stand.desk.staff("ada"))
    assert isinstance(home, Home)
    (shopify,) = [one for one in home.connections if one.key == "shopify"]
    assert (shopify.unmatched, shopify.well) == (1, False)
    assert "TEAPOT" in shopify.reason
    stand.desk.clock.move(minutes=61)
    await stand.level(6)
    assert stand.asked() == 2


async def test_the_level_of_a_product_that_is_imported_later_is_taken_by_the_next_sweep(stand: Stand) -> None:
    await stand.sandbox.shopify.name(ITEM, "TEAPOT")
    await stand.level(5)
    stand.variant("TEAPOT")
    with stand.desk.begin() as uow:
        look_after_stock(uow)
    assert (stand.available("TEAPOT"), stand.finding()) == (5, None)


@pytest.mark.parametrize(("there", "words"), [(None, "knows no inventory item"), ("", "has no SKU")])
async def test_an_item_that_shopify_does_not_know_or_that_has_no_sku_is_a_finding(stand: Stand, there: str | None, words: str) -> None:
    if there is not None:
        await stand.sandbox.shopify.name(ITEM, there)
    await stand.level(5)
    finding = stand.finding()
    assert finding is not None
    assert words in finding
    assert stand.available() == 100


async def test_the_first_place_is_where_the_stock_was_counted_and_the_next_a_new_one(stand: Stand) -> None:
    await stand.product("MUG")
    await stand.level(60, at=stand.moment(minutes=3))
    await stand.level(25, place=PLACE + 1, at=stand.moment(minutes=2))
    assert stand.available() == 85
    assert [row.key for row in stand.desk.query(sa.select(locations.c.key).order_by(locations.c.id))] == ["main", f"shopify-{PLACE + 1}"]


async def test_places_of_the_same_name_are_ours_and_a_look_up_brings_all_levels_of_an_item(stand: Stand) -> None:
    stand.moved(40, MovementKind.OPENING, key="annex", at=stand.desk.clock.now() - timedelta(days=40), location="annex")
    for number, name in ((PLACE, "Annex"), (PLACE + 1, "Main")):
        stand.sandbox.shopify.locations[number] = {"id": number, "name": name, "active": True}
    await stand.sandbox.shopify.name(ITEM, "MUG")
    await stand.sandbox.shopify.change(ITEM, PLACE + 1, 90, stand.moment(minutes=9))
    await stand.sandbox.shopify.change(ITEM, PLACE, 30, stand.moment(minutes=1))
    await stand.level(30, at=stand.moment(minutes=1))
    assert stand.available() == 120
    assert len(stand.desk.query(sa.select(locations))) == 2


async def test_two_variants_that_change_their_skus_for_each_others_change_their_stock(stand: Stand) -> None:
    stand.variant("CUP")
    await stand.product("MUG", more=((OTHER_ITEM, "CUP"),), at=stand.moment(minutes=9))
    await stand.level(10, at=stand.moment(minutes=8))
    await stand.level(20, item=OTHER_ITEM, at=stand.moment(minutes=8))
    await stand.product("CUP", more=((OTHER_ITEM, "MUG"),), at=stand.moment(minutes=5))
    assert (stand.available("MUG"), stand.available("CUP")) == (20, 10)
    await stand.product("MUG", more=((OTHER_ITEM, "CUP"),), at=stand.moment(minutes=7))  # it was late
    assert (stand.available("MUG"), stand.available("CUP")) == (20, 10)


async def test_two_items_with_one_sku_are_a_finding_and_the_first_is_followed(stand: Stand) -> None:
    for item in (ITEM, OTHER_ITEM):
        await stand.sandbox.shopify.name(item, "MUG")
    await stand.level(10, at=stand.moment(minutes=8))
    await stand.level(20, item=OTHER_ITEM, at=stand.moment(minutes=7))
    assert (stand.available(), stand.finding()) == (10, None)
    assert stand.finding(OTHER_ITEM) == "Shopify's inventory items 808950810 and 808950811 both have the SKU MUG: give each its own."


async def test_a_product_that_was_made_anew_takes_the_place_of_the_one_that_is_gone(stand: Stand) -> None:
    await stand.sandbox.shopify.name(ITEM, "MUG")
    await stand.level(10, at=stand.moment(minutes=8))
    del stand.sandbox.shopify.items[ITEM]
    await stand.sandbox.shopify.name(OTHER_ITEM, "MUG")
    await stand.level(20, item=OTHER_ITEM, at=stand.moment(minutes=7))
    assert stand.available() == 20
    assert (stand.finding(), stand.finding(OTHER_ITEM)) == (None, None)


# --- when Shopify does not answer


async def test_a_shop_that_cannot_be_asked_is_asked_again_and_a_key_that_may_not_is_said(stand: Stand) -> None:
    await stand.sandbox.shopify.name(ITEM, "MUG")
    stand.sandbox.faults.add(read_fault("shop", {"method": "shopify.inventory_items", "kind": "reset_before", "times": 2}))
    assert await stand.post("inventory-levels-update", stand.level_event(42)) == 200
    (outcome,) = await stand.work()
    assert isinstance(outcome, Later)
    assert (stand.available(), stand.finding()) == (100, None)
    stand.sandbox.faults.clear()
    stand.sandbox.faults.add(read_fault("shop", {"method": "shopify.inventory_items", "kind": "ratelimit", "retry_after": 7}))
    stand.desk.clock.move(seconds=5)
    (busy,) = await stand.work()
    assert isinstance(busy, Later)
    assert (busy.wait, busy.counts) == (timedelta(seconds=7), False)
    stand.sandbox.faults.add(read_fault("shop", {"method": "shopify.inventory_items", "kind": "error", "status": 403}))
    stand.desk.clock.move(seconds=8)
    assert isinstance((await stand.work())[0], Done)
    finding = stand.finding()
    assert finding is not None
    assert "it answered 403; the key needs the scope read_inventory" in finding
    stand.desk.clock.move(minutes=61)
    await stand.level(41)
    assert (stand.available(), stand.finding()) == (41, None)


async def test_one_look_up_asks_for_all_that_wait_and_names_of_places_may_be_forbidden(stand: Stand) -> None:
    stand.variant("CUP")
    for item, sku in ((ITEM, "MUG"), (OTHER_ITEM, "CUP")):
        await stand.sandbox.shopify.name(item, sku)
        assert await stand.post("inventory-levels-update", stand.level_event(7, item=item)) == 200
    while await stand.worker.step():
        pass
    stand.sandbox.faults.add(read_fault("shop", {"method": "shopify.locations", "kind": "error", "status": 403}))
    await stand.work()
    assert (stand.available("MUG"), stand.available("CUP"), stand.asked()) == (7, 7, 1)
    assert [row.state for row in stand.desk.query(sa.select(jobs.c.state).where(jobs.c.kind == "items"))] == ["done", "done"]


# --- what follows from it


async def test_goods_that_were_ordered_are_here_once_the_level_rises(stand: Stand) -> None:
    stand.desk.run(_low(stand), stand.desk.staff("ada"))
    await stand.product("MUG", at=stand.moment(minutes=9))
    await stand.level(3, at=stand.moment(minutes=8))
    with stand.desk.looking() as uow:
        (known,) = uow.inventory.as_of(uow.now)
        assert known.stock.incoming == 72
    await stand.level(75, at=stand.moment(minutes=1))
    with stand.desk.looking() as uow:
        (known,) = uow.inventory.as_of(uow.now)
        assert (known.stock.available, known.stock.incoming) == (75, 0)
        assert not uow.inventory.open_purchase_order("PO-1001")


async def test_the_first_level_that_is_counted_is_no_delivery(stand: Stand) -> None:
    stand.desk.run(_low(stand), stand.desk.staff("ada"))
    await stand.product("MUG", at=stand.moment(minutes=9))
    await stand.level(20, at=stand.moment(minutes=8))
    with stand.desk.looking() as uow:
        (known,) = uow.inventory.as_of(uow.now)
        assert (known.stock.available, known.stock.incoming) == (20, 72)


def _low(stand: Stand) -> OrderStock:
    """The mug is down to 3 of a reorder point of 50, and its card is open."""
    with stand.desk.begin() as uow:
        variant = uow.inventory.by_sku("MUG")
        assert variant is not None
        uow.inventory.set_reorder_point(variant.id, 50)
    stand.moved(97, MovementKind.SALE, key="sold", at=stand.desk.clock.now() - timedelta(minutes=30))
    with stand.desk.looking() as uow:
        case = uow.cases.open_one("low_stock", "MUG")
    assert case is not None
    return OrderStock(case_id=case.id, version=case.version, quantity=72)


async def test_a_level_opens_the_restock_card_resolves_it_and_tells_who_waits(stand: Stand) -> None:
    await stand.product("MUG", at=stand.moment(minutes=9))
    with stand.desk.begin() as uow:
        variant = uow.inventory.by_sku("MUG")
        assert variant is not None
        uow.inventory.set_reorder_point(variant.id, 50)
        customer = uow.customers.upsert("C-1", name="Maria Silva", email=None, phone=None)
        uow.customers.link_telegram(customer.id, 1001, language="en")
        uow.customers.wish(customer.id, variant.id, 1001)
    await stand.level(0, at=stand.moment(minutes=5))
    assert len(stand.desk.said("low_stock_card")) == 1
    await stand.level(80, at=stand.moment(minutes=1))
    assert len(stand.desk.said("stock_recovered")) == 1
    assert len(stand.desk.said("back_in_stock")) == 1


async def test_replicas_that_work_off_one_items_levels_at_once_end_at_the_last(stand: Stand) -> None:
    await stand.product("MUG", at=stand.moment(minutes=59))
    await stand.level(99, at=stand.moment(minutes=58))
    for number in range(12):
        event = stand.level_event(10 + number, at=stand.moment(minutes=40 - number))
        assert await stand.post("inventory-levels-update", event) == 200
    workers = [Worker(engine=stand.desk.store, owner=f"w{n}", sleep=_no_sleep, sources=stand.worker.sources) for n in range(4)]

    async def work(worker: Worker) -> None:
        while await worker.step():
            pass

    def sale(key: str) -> Any:
        at = stand.desk.clock.now() - timedelta(minutes=35)
        fact = StockMoved(sku="MUG", location="main", quantity=1, movement=MovementKind.SALE, at=at, key=key)
        return lambda one: learn(fact, one.of(stand.desk.key))

    await asyncio.gather(*map(work, workers), *(stand.desk.store.write(sale(f"s{n}")) for n in range(6)))
    for worker in workers:
        await work(worker)
    assert stand.available() == 21
    assert stand.errors() == []
    assert len(stand.desk.query(sa.select(told_levels))) == 1
