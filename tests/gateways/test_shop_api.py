"""One account, asked by several carriers of several replicas: a Retry-After that one hears binds all, over real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import pytest
import sqlalchemy as sa

from bot.order_lists import list_carriers
from domain.inventory import StockLevelTold
from domain.jobs import Transaction
from gateways.order_polls import plan_order_polls
from gateways.shop_api import lane
from handlers.webhooks import learn
from notifications.delivery import Delivery
from sandbox.faults import read_fault
from sandbox.server import running
from sandbox.world import Settings
from sandbox.world import World as Sandbox
from storage import shop_file
from storage.jobs import JobRows
from storage.tables import jobs, lanes
from tests.desk import TestDesk, shop_file_of
from tests.gateways.test_order_polls import settings

PLACE = "7"


@dataclass
class Replicas:
    """Two processes' deliveries on one database; time jumps to whatever is due next."""

    desk: TestDesk
    sandbox: Sandbox
    deliveries: tuple[Delivery, Delivery]
    #: what has left for the wire
    sent: list[str]

    async def sleep(self, seconds: float) -> None:
        self.desk.clock.move(seconds=seconds)
        await asyncio.sleep(0)

    async def turn(self, which: int, *kinds: str) -> None:
        """All that is due now, of those kinds, carried by one of the two."""
        delivery = self.deliveries[which]
        whole, delivery.carriers = delivery.carriers, {kind: delivery.carriers[kind] for kind in kinds}
        try:
            while await delivery.step() or delivery._under_way:
                if delivery._under_way:
                    await asyncio.wait(set(delivery._under_way))
                    await asyncio.sleep(0)
        finally:
            delivery.carriers = whole

    async def want_item(self, item: str, shop: str = "nordlicht") -> None:
        """A level of an item that is not known: one look-up is due."""
        told = StockLevelTold(source="shopify", item=item, place=PLACE, available=5, at=self.desk.clock.now())

        def whole(transaction: Transaction) -> None:
            (shop_id,) = (one.id for one in transaction.shops.all() if one.key == shop)
            learn(told, transaction.of(shop_id))

        await self.desk.store.write(whole)

    def refuse(self, method: str, seconds: int, **more: Any) -> None:
        self.sandbox.faults.add(read_fault("shop", {"method": method, "kind": "ratelimit", "retry_after": seconds, **more}))

    def asked(self) -> int:
        return len(self.sent)

    def held_until(self, source: str, shop: str = "nordlicht") -> datetime:
        (row,) = self.desk.query(sa.select(lanes.c.held_until).where(lanes.c.key == lane(source, shop)))
        found: datetime = row.held_until
        return found


@pytest.fixture
async def replicas(desk: TestDesk) -> AsyncIterator[Replicas]:
    sent, watch = list[str](), aiohttp.TraceConfig()

    async def leaves(_session: aiohttp.ClientSession, _context: object, about: aiohttp.TraceRequestStartParams) -> None:
        sent.append(about.url.path)

    watch.on_request_start.append(leaves)
    async with (
        running(Settings(start=desk.clock.now())) as sandbox, aiohttp.ClientSession(trace_configs=[watch]) as session
    ):
        accounts = {shop: {"url": f"{sandbox.address}/shopify", "token": "shpat_sandbox"} for shop in ("nordlicht", "sued")}

        def replica(owner: str) -> Delivery:
            carriers = list_carriers(settings(sandbox.address, shopify_api=accounts), session, desk.store)
            return Delivery(engine=desk.store, carriers={one.kind: one for one in carriers}, owner=owner, sleep=asyncio.sleep)

        made = Replicas(desk, sandbox, (replica("one"), replica("two")), sent)
        for delivery in made.deliveries:
            delivery.sleep = made.sleep
        yield made


async def plan(desk: TestDesk, *lists: tuple[str, str]) -> None:
    await desk.store.write(lambda one: plan_order_polls(lists or [("shopify", "nordlicht")], one))


@pytest.mark.parametrize("first", ["orders", "items"])
async def test_a_retry_after_that_one_hears_binds_the_other_and_the_other_replica_to_the_second(
    replicas: Replicas, first: str
) -> None:
    second = {"orders": "items", "items": "orders"}[first]
    replicas.refuse({"orders": "shopify.orders", "items": "shopify.inventory_items"}[first], 97)
    await plan(replicas.desk)
    await replicas.want_item("11")
    began = replicas.desk.clock.now()
    await replicas.turn(0, first)
    assert replicas.asked() == 1
    until = replicas.held_until("shopify")
    assert timedelta(seconds=97) <= until - began < timedelta(seconds=98)
    await replicas.turn(1, second)
    assert replicas.asked() == 1
    replicas.desk.clock.moment = until - timedelta(milliseconds=1)
    for which in (0, 1):
        await replicas.turn(which, "orders", "items")
    assert replicas.asked() == 1
    replicas.desk.clock.moment = until
    await replicas.turn(1, second)
    assert replicas.asked() > 1
    (row,) = replicas.desk.query(sa.select(jobs.c.attempts, jobs.c.state).where(jobs.c.kind == second).order_by(jobs.c.id).limit(1))
    assert (row.attempts, row.state) == (1, "done")  # what it waited counts for nothing


async def test_who_is_between_two_pages_stops_before_the_next_and_reads_again_when_the_wait_is_over(
    replicas: Replicas, monkeypatch: pytest.MonkeyPatch
) -> None:
    await plan(replicas.desk)
    stock = replicas.sandbox.shopify
    stock.locations[int(PLACE)] = {"id": int(PLACE), "name": "Main"}
    listed = replicas.sandbox.orders.listed

    def meanwhile(*args: Any, **named: Any) -> Any:
        """While the first page is read the other replica hears that it has to wait."""
        now = replicas.desk.clock.now()
        with replicas.desk.store.engine.begin() as connection:
            JobRows(connection, now).hold(lane("shopify", "nordlicht"), until=now + timedelta(seconds=40))
        return listed(*args, **named)

    monkeypatch.setattr(replicas.sandbox.orders, "listed", meanwhile)
    await replicas.turn(0, "orders")
    assert replicas.asked() == 1
    monkeypatch.setattr(replicas.sandbox.orders, "listed", listed)
    replicas.desk.clock.move(seconds=41)
    await replicas.turn(1, "orders")
    assert replicas.asked() == 4  # the orders once more, the places, their levels


async def test_another_shop_and_another_vendor_wait_for_nobody(replicas: Replicas) -> None:
    with replicas.desk.store.engine.begin() as connection:
        shop_file.apply(connection, shop_file_of("sued"))
    replicas.refuse("shopify.inventory_items", 97)
    await replicas.want_item("11")
    await replicas.turn(0, "items")
    await plan(replicas.desk, ("shopify", "nordlicht"), ("shopify", "sued"), ("woocommerce", "nordlicht"))
    await replicas.want_item("12", "sued")
    await replicas.turn(1, "orders")
    await replicas.turn(1, "items")
    done = replicas.desk.query(sa.select(jobs.c.lane).where(jobs.c.state == "done", jobs.c.kind == "orders"))
    assert sorted(row.lane for row in done) == ["orders:shopify:sued", "orders:woocommerce:nordlicht"]


async def test_woocommerce_is_left_alone_for_as_long_as_it_says(replicas: Replicas) -> None:
    replicas.refuse("woocommerce.orders", 97)
    await plan(replicas.desk, ("woocommerce", "nordlicht"))
    began = replicas.desk.clock.now()
    await replicas.turn(0, "orders")
    assert timedelta(seconds=97) <= replicas.held_until("woocommerce") - began < timedelta(seconds=98)
    replicas.desk.clock.move(seconds=90)
    await replicas.turn(1, "orders")
    assert replicas.asked() == 1
