"""One shop system's account, asked by the carriers of two replicas over real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
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
from storage.tables import lanes
from tests.desk import TestDesk
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
    session: aiohttp.ClientSession

    def use(self, **account: str) -> None:
        """Both have that account of Shopify's in their settings, for two shops."""
        accounts = {shop: {"url": f"{self.sandbox.address}/shopify", **account} for shop in ("nordlicht", "sued")}
        for delivery in self.deliveries:
            carriers = list_carriers(settings(self.sandbox.address, shopify_api=accounts), self.session, self.desk.store)
            delivery.carriers = {one.kind: one for one in carriers}

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
        deliveries = tuple(
            Delivery(engine=desk.store, carriers={}, owner=owner, sleep=asyncio.sleep) for owner in ("one", "two")
        )
        made = Replicas(desk, sandbox, (deliveries[0], deliveries[1]), sent, session)
        made.use(token="shpat_sandbox")
        for delivery in made.deliveries:
            delivery.sleep = made.sleep
        yield made


async def plan(desk: TestDesk, *lists: tuple[str, str]) -> None:
    await desk.store.write(lambda one: plan_order_polls(lists or [("shopify", "nordlicht")], one))
