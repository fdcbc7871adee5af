"""The stock of an account that was just connected: all its levels, once, over real HTTP to the sandbox's Shopify."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import pytest
import sqlalchemy as sa

from bot.order_lists import list_carriers
from domain.inventory import MovementKind, StockLevelTold, StockMoved
from domain.jobs import Job
from gateways.level_syncs import LevelSyncCarrier, plan_level_syncs
from gateways.shop_api import lane
from handlers.jobs import Worker
from handlers.webhooks import VendorEvents
from notifications.delivery import LEASE, Delivery
from sandbox.faults import read_fault
from sandbox.server import running
from sandbox.world import Settings
from sandbox.world import World as Sandbox
from storage.jobs import JobRows
from storage.tables import inbox, jobs, lanes, products, stock_movements, told_levels, variants
from tests.desk import TestDesk
from tests.gateways.test_order_polls import settings

PLACE = 7


@dataclass
class Stand:
    desk: TestDesk
    sandbox: Sandbox
    session: aiohttp.ClientSession
    delivery: Delivery
    worker: Worker

    async def sleep(self, seconds: float) -> None:
        self.desk.clock.move(seconds=seconds)
        await asyncio.sleep(0)

    def use(self, **changed: Any) -> None:
        """As a process that was started with these settings."""
        given = settings(self.sandbox.address, woocommerce_api={}, **changed)
        carriers = list_carriers(given, self.session, self.desk.store)
        self.delivery.carriers = {one.kind: one for one in carriers if one.kind != "orders"}

    @property
    def carrier(self) -> LevelSyncCarrier:
        found = self.delivery.carriers["levels"]
        assert isinstance(found, LevelSyncCarrier)
        return found

    async def begin(self) -> None:
        await self.desk.store.write(lambda one: plan_level_syncs(self.carrier.lists, one))

    async def run(self, *, within: timedelta = timedelta(minutes=5)) -> None:
        """All that falls due in that time, and what it causes; the clock jumps to whatever is due next."""
        end = self.desk.clock.now() + within
        while True:
            while await self.worker.step():
                pass
            started = await self.delivery.step()
            if self.delivery._under_way:
                await asyncio.wait(set(self.delivery._under_way))
                await asyncio.sleep(0)
                continue
            if started:
                continue
            due = self._next_due()
            if due is None or due > end:
                return
            self.desk.clock.moment = max(due, self.desk.clock.now())

    def _next_due(self) -> datetime | None:
        ready = sa.case((jobs.c.leased_until > jobs.c.due_at, jobs.c.leased_until), else_=jobs.c.due_at)
        kinds = ["learn", *self.delivery.carriers]
        now = sa.literal(self.desk.clock.now(), jobs.c.due_at.type)
        found: datetime | None = self.desk.query(
            sa.select(sa.func.min(ready, type_=jobs.c.due_at.type)).where(
                jobs.c.state == "open", jobs.c.kind.in_(kinds), ready > now
            )
        )[0][0]
        return found

    async def stocked(self, levels: Mapping[tuple[int, int], int], **ago: float) -> None:
        """Put levels into Shopify, by item and place, without any webhook."""
        at = (self.desk.clock.now() - timedelta(**(ago or {"days": 90}))).replace(microsecond=0).isoformat()
        for (item, place), available in levels.items():
            self.sandbox.shopify.locations.setdefault(place, {"id": place, "name": f"Place {place}", "active": True})
            if item not in self.sandbox.shopify.items:
                await self.sandbox.shopify.name(item, f"SKU-{item}")
            await self.sandbox.shopify.change(item, place, available, at, tell=False)

    def told(self) -> dict[tuple[int, int], int]:
        return {(int(row.item), int(row.place)): row.available for row in self.desk.query(sa.select(told_levels))}

    def available(self, item: int) -> int | None:
        with self.desk.looking() as uow:
            variant = uow.inventory.by_sku(f"SKU-{item}")
            assert variant is not None
            found = uow.inventory.as_of(uow.now, frozenset({variant.id}))
            return sum(one.stock.available for one in found) if found else None

    def kept(self) -> int:
        return len(self.desk.query(sa.select(inbox).where(inbox.c.key.contains("inventory-levels-update"))))

    def calls(self, name: str = "inventory_levels") -> list[Any]:
        """Questions of readings, not those of look-ups."""
        found = [call for call in self.sandbox.calls if call.name == f"shopify.{name}"]
        return [call for call in found if "inventory_item_ids" not in call.arguments]

    def refuse(self, method: str, **more: Any) -> None:
        self.sandbox.faults.add(read_fault("shop", {"method": f"shopify.{method}", **more}))

    def open_steps(self) -> int:
        return len(self.desk.query(sa.select(jobs.c.id).where(jobs.c.kind == "levels", jobs.c.state == "open")))


@pytest.fixture
async def stand(desk: TestDesk) -> AsyncIterator[Stand]:
    desk.execute(sa.insert(products).values(shop_id=desk.shop.id, external_id="p", title="Products"))
    (product,) = desk.query(sa.select(products.c.id))
    for item in range(1, 8):
        desk.execute(sa.insert(variants).values(shop_id=desk.shop.id, product_id=product.id, sku=f"SKU-{item}", title=f"Item {item}"))
    async with running(Settings(start=desk.clock.now())) as sandbox, aiohttp.ClientSession() as session:
        delivery = Delivery(engine=desk.store, carriers={}, owner="one", sleep=asyncio.sleep)
        worker = Worker(engine=desk.store, owner="w", sleep=asyncio.sleep, sources=[VendorEvents(source="shopify")])
        made = Stand(desk, sandbox, session, delivery, worker)
        delivery.sleep = made.sleep
        made.use()
        yield made


async def test_a_shop_that_was_just_connected_has_its_whole_stock_though_no_webhook_ever_came(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateways.level_syncs.SHOPIFY_PAGE", 2)
    monkeypatch.setattr("gateways.level_syncs._PLACES", 2)
    levels = {(item, place): 10 * item + place for item in range(1, 8) for place in (7, 8, 9) if (item + place) % 3}
    await stand.stocked(levels)
    await stand.begin()
    await stand.run()
    assert stand.told() == levels
    for item in range(1, 8):
        assert stand.available(item) == sum(pieces for (of, _), pieces in levels.items() if of == item)
    assert (stand.kept(), stand.open_steps()) == (len(levels), 0)
    assert {row.kind for row in stand.desk.query(sa.select(stock_movements.c.kind))} == {"opening"}


async def test_a_level_that_a_webhook_told_meanwhile_is_not_overwritten_by_the_older_one_of_the_page(stand: Stand) -> None:
    await stand.stocked({(1, PLACE): 50, (2, PLACE): 60}, days=3)
    await stand.begin()
    for item, age in ((1, timedelta(days=2)), (2, timedelta(days=4))):
        newer = StockLevelTold(source="shopify", item=str(item), place=str(PLACE), available=7, at=stand.desk.clock.now() - age)
        stand.desk.learn(newer)
    await stand.run()
    assert stand.told() == {(1, PLACE): 7, (2, PLACE): 60}


@pytest.mark.parametrize("imported", [timedelta(days=40), timedelta(minutes=1), timedelta(days=200)])
async def test_what_an_import_counted_is_not_there_twice_however_old_the_level_is(stand: Stand, imported: timedelta) -> None:
    now = stand.desk.clock.now()
    just_now, opening, correction = now - timedelta(seconds=30), MovementKind.OPENING, MovementKind.CORRECTION
    for item, kind, pieces, at, by in (
        (1, opening, 100, now - imported, "import"), (1, MovementKind.SALE, -3, just_now, "till"),
        (2, opening, 42, now - imported, "import"), (2, correction, 8, just_now, "import"),
        (3, opening, 10, now - imported, "import"), (3, correction, -2, just_now, "recount"),
    ):
        stand.desk.learn(StockMoved(
            sku=f"SKU-{item}", location="main", quantity=pieces, movement=kind, reference=by, at=at, key=f"{item}{kind}",
        ))
    await stand.stocked({(1, PLACE): 42, (2, PLACE): 42, (3, PLACE): 42}, days=90)
    await stand.begin()
    await stand.run()
    # What our own door moved is later than Shopify's level, and stays on top of it.
    assert [stand.available(item) for item in (1, 2, 3)] == [39, 42, 40]


async def test_the_same_again_by_webhook_changes_nothing(stand: Stand) -> None:
    await stand.stocked({(1, PLACE): 50}, days=3)
    await stand.begin()
    await stand.run()
    before = stand.desk.query(sa.select(stock_movements))
    same = StockLevelTold(
        source="shopify", item="1", place=str(PLACE), available=50,
        at=datetime.fromisoformat(stand.sandbox.shopify.levels[1, PLACE]["updated_at"]),
    )
    stand.desk.learn(same)
    await stand.run()
    assert stand.desk.query(sa.select(stock_movements)) == before


@pytest.mark.parametrize("dies_at", [0, 1, 2, 3])
async def test_a_process_that_dies_with_a_page_in_hand_loses_none_and_doubles_none(
    stand: Stand, dies_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateways.level_syncs.SHOPIFY_PAGE", 2)
    levels = {(item, PLACE): item for item in range(1, 8)}
    await stand.stocked(levels)
    await stand.begin()
    for _ in range(dies_at):
        job = _claim(stand)
        outcome = await stand.carrier.carry(job)
        await stand.desk.store.write(lambda one, job=job, outcome=outcome: one.jobs.done(job, outcome.receipt) and stand.carrier.settle(job, outcome, one))  # type: ignore[misc]
    await stand.carrier.carry(_claim(stand))  # and it never comes back
    stand.use()
    stand.desk.clock.move(seconds=LEASE.total_seconds() + 1)
    await stand.run()
    assert stand.told() == levels
    assert (stand.kept(), stand.open_steps()) == (len(levels), 0)
    assert [stand.available(item) for item in range(1, 8)] == list(range(1, 8))


def _claim(stand: Stand) -> Job:
    with stand.desk.store.engine.begin() as connection:
        (job,) = JobRows(connection, stand.desk.clock.now()).claim(kinds=("levels",), owner="dead", limit=1, lease=LEASE)
    return job


async def test_a_page_that_cannot_be_written_whole_is_not_written_at_all(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    levels = {(item, PLACE): item for item in range(1, 8)}
    await stand.stocked(levels)
    await stand.begin()
    from gateways import level_syncs

    whole, kept = level_syncs.keep, list[int]()

    def breaks_once(*given: Any) -> None:
        kept.append(1)
        if len(kept) == 4:
            assert stand.told() == {}
            raise RuntimeError("the disk is full")
        whole(*given)

    monkeypatch.setattr(level_syncs, "keep", breaks_once)
    await stand.run()
    assert len(kept) == 3 + 1 + len(levels)
    assert (stand.told(), stand.kept()) == (levels, len(levels))


async def test_it_waits_as_long_as_shopify_says_and_goes_on_with_that_page(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateways.level_syncs.SHOPIFY_PAGE", 3)
    levels = {(item, PLACE): item for item in range(1, 8)}
    del stand.delivery.carriers["items"]  # which asks for levels, too
    await stand.stocked(levels)
    stand.refuse("inventory_levels", kind="ratelimit", retry_after=240, skip=1)
    await stand.begin()
    began = stand.desk.clock.now()
    await stand.run(within=timedelta(minutes=3))
    assert len(stand.told()) == 3
    (held,) = stand.desk.query(sa.select(lanes.c.held_until).where(lanes.c.key == lane("shopify", "nordlicht")))
    assert timedelta(seconds=240) <= held.held_until - began < timedelta(seconds=250)
    await stand.run(within=timedelta(minutes=5))
    assert stand.told() == levels
    assert stand.desk.clock.now() >= held.held_until


async def test_a_cursor_that_shopify_knows_no_more_begins_those_places_again(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateways.level_syncs.SHOPIFY_PAGE", 3)
    levels = {(item, PLACE): item for item in range(1, 8)}
    del stand.delivery.carriers["items"]  # which asks for levels, too
    await stand.stocked(levels)
    stand.refuse("inventory_levels", kind="error", status=400, skip=1)
    await stand.begin()
    await stand.run()
    assert (stand.told(), stand.kept(), stand.open_steps()) == (levels, len(levels), 0)
    assert len([call for call in stand.calls() if "location_ids" in call.arguments]) == 2


async def test_a_key_that_may_not_read_stock_is_tried_once_an_hour_and_read_once_it_may(stand: Stand) -> None:
    await stand.stocked({(1, PLACE): 5})
    stand.refuse("locations", kind="error", status=403, times=12)
    await stand.begin()
    await stand.run(within=timedelta(minutes=30))
    assert (stand.told(), stand.open_steps()) == ({}, 1)
    assert [one.times for one in stand.sandbox.faults.waiting] == [2]  # ten within the first half hour
    await stand.run(within=timedelta(hours=4))
    assert (stand.told(), stand.open_steps()) == ({(1, PLACE): 5}, 0)


async def test_it_is_done_once_whoever_starts_and_anew_for_another_account(stand: Stand) -> None:
    await stand.stocked({(1, PLACE): 5})
    await asyncio.gather(*(stand.begin() for _ in range(8)))
    assert stand.open_steps() == 1
    await stand.run()
    await stand.begin()
    assert stand.open_steps() == 0
    other = {"nordlicht": {"url": f"{stand.sandbox.address.replace('127.0.0.1', 'localhost')}/shopify", "token": "shpat_sandbox"}}
    stand.use(shopify_api=other)
    await stand.begin()
    assert stand.open_steps() == 1
    before = len(stand.calls())
    await stand.run()
    assert len(stand.calls()) == before + 1


async def test_another_account_in_the_middle_begins_with_its_own_places(stand: Stand) -> None:
    await stand.stocked({(1, PLACE): 5})
    await stand.begin()
    job = _claim(stand)
    outcome = await stand.carrier.carry(job)
    await stand.desk.store.write(lambda one: one.jobs.done(job) and stand.carrier.settle(job, outcome, one))  # type: ignore[func-returns-value]
    stand.sandbox.shopify.locations.clear()
    stand.sandbox.shopify.levels.clear()
    await stand.stocked({(2, 8): 6})
    stand.use(shopify_api={"nordlicht": {"url": f"{stand.sandbox.address.replace('127.0.0.1', 'localhost')}/shopify", "token": "shpat_sandbox"}})
    await stand.begin()
    await stand.run()
    assert (stand.told(), stand.open_steps()) == ({(2, 8): 6}, 0)


async def test_a_key_that_is_taken_away_ends_it_and_one_that_comes_back_begins_again(stand: Stand) -> None:
    await stand.stocked({(1, PLACE): 5})
    await stand.begin()
    stand.use(shopify_api={})
    await stand.run()
    assert (stand.told(), stand.open_steps()) == ({}, 0)
    stand.use()
    await stand.begin()
    await stand.run()
    assert stand.told() == {(1, PLACE): 5}


async def test_a_shop_without_places_or_levels_has_none_and_what_is_not_counted_is_left(stand: Stand) -> None:
    await stand.begin()
    await stand.run()
    assert (stand.told(), stand.open_steps()) == ({}, 0)


async def test_a_level_that_cannot_be_read_holds_up_no_other(stand: Stand) -> None:
    await stand.stocked({(1, PLACE): 5, (2, PLACE): 6, (3, PLACE): 8})
    stand.sandbox.shopify.levels[2, PLACE]["available"] = "six"
    stand.sandbox.shopify.levels[3, PLACE]["available"] = None
    await stand.begin()
    await stand.run()
    assert (stand.told(), stand.kept()) == ({(1, PLACE): 5}, 2)
    assert len(stand.desk.query(sa.select(inbox).where(inbox.c.error.is_not(None)))) == 1


async def test_the_look_ups_of_a_first_reading_leave_nothing_open_and_are_gone_with_the_other_old_rows(stand: Stand) -> None:
    items = range(1, 121)  # most of them are no product here
    await stand.stocked({(item, PLACE): item for item in items})
    await stand.begin()
    await stand.run(within=timedelta(minutes=30))
    states = [row.state for row in stand.desk.query(sa.select(jobs.c.state).where(jobs.c.kind == "items"))]
    assert (len(states), set(states)) == (len(items), {"done"})
    assert len([one for one in stand.sandbox.calls if one.name == "shopify.inventory_items"]) < len(items) / 10
    stand.desk.clock.move(days=31)
    while await stand.desk.store.write(lambda one: one.old.prune(timedelta(days=30), limit=300)):
        pass
    for table in (jobs, inbox, lanes):
        assert stand.desk.query(sa.select(sa.func.count()).select_from(table)) == [(0,)], table.name
    assert len(stand.told()) == len(items)
