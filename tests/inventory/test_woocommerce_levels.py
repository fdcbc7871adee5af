"""Stock as WooCommerce has it: its webhook says that it changed, and it is asked what stands, over real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
import sqlalchemy as sa
from aiohttp import web

from bot import web as bot_web
from bot.order_lists import item_lists
from bot.settings import Settings as BotSettings
from domain.inventory import MovementKind, StockMoved, look_after_stock
from gateways.item_lookups import ItemLookUpCarrier
from handlers.jobs import Worker
from handlers.webhooks import VendorEvents, address, vendor_door
from sandbox.faults import read_fault
from sandbox.server import running
from sandbox.world import Settings
from storage.tables import inbox, products, variants
from tests.desk import TestDesk
from tests.inventory.test_told_levels import Stand

SECRET = "sandbox-woocommerce-webhook-secret"
MUG = 799


async def _no_sleep(_seconds: float) -> None:
    """Time stands still here."""


def settings(base: str, **account: str) -> BotSettings:
    given = {"url": f"{base}/woocommerce", "key": "ck_sandbox", "secret": "cs_sandbox", **account}
    return BotSettings(_env_file=None, woocommerce_api={"nordlicht": given})  # type: ignore[dict-item]


@dataclass
class Woo(Stand):
    """Beside a WooCommerce that posts to the desk's own door."""

    async def product(self, number: int = MUG, *, told: str = "ok", **changed: Any) -> None:  # type: ignore[override]
        """Changed there, posted, and worked off with all that follows."""
        assert await self.sandbox.woocommerce.put(number, **changed) == told
        await self.work()

    def use(self, account: BotSettings) -> None:
        lists = item_lists(account, self.desk.clock.now)
        self.carrier = ItemLookUpCarrier(lists=lists, engine=self.desk.store, session=self.session)

    def asked(self) -> int:
        return len([one for one in self.sandbox.calls if one.name == "woocommerce.products"])


@pytest.fixture
async def woo(desk: TestDesk) -> AsyncIterator[Woo]:
    """A desk with a mug of which 100 were counted at "main"; WooCommerce has 40, and tells nothing of it yet."""
    shop_id, now = desk.shop.id, desk.clock.now()
    desk.execute(sa.insert(products).values(shop_id=shop_id, external_id="mug", title="Mug"))
    (product,) = desk.query(sa.select(products.c.id))
    desk.execute(sa.insert(variants).values(shop_id=shop_id, product_id=product.id, sku="MUG", title="Blue mug", price_minor=1900))
    desk.learn(StockMoved(sku="MUG", location="main", quantity=100, movement=MovementKind.OPENING, at=now - timedelta(days=40), key="open"))
    worker = Worker(engine=desk.store, owner="w", sleep=_no_sleep, sources=[VendorEvents(source="woocommerce")])
    door = vendor_door("woocommerce", desk.store, lambda _: [SECRET], desk.store.sign)
    route = web.post("/webhooks/woocommerce/{shop}/{topic}/{token}", door)
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        base = await bot_web.serve(bot_web.server([route], lambda: "7Q2K"), ("127.0.0.1", 0), stack)
        sandbox = await stack.enter_async_context(running(Settings(start=now, app=base, app_seconds=60.0)))
        made = Woo(desk, sandbox, session, base, worker, ItemLookUpCarrier(lists={}, engine=desk.store, session=session))
        made.use(settings(sandbox.address))
        await sandbox.woocommerce.put(MUG, tell=False, sku="MUG", manage_stock=True, stock_quantity=40)
        for topic in ("created", "updated"):
            path = address("woocommerce", desk.key, f"product-{topic}", desk.store.sign)
            sandbox.woocommerce.subscriptions[f"product.{topic}"] = path
        yield made


async def test_what_is_sold_or_counted_there_is_our_stock(woo: Woo) -> None:
    for pieces in (38, 12, -3):
        await woo.product(stock_quantity=pieces)
        assert woo.available() == pieces
        woo.desk.clock.move(minutes=1)
    assert woo.errors() == []


async def test_stock_that_is_back_where_it_was_is_heard_though_the_bytes_are_the_same(woo: Woo) -> None:
    for pieces in (40, 39, 40):
        await woo.product(stock_quantity=pieces)
        woo.desk.clock.move(seconds=1)
    assert woo.available() == 40
    bodies = [row.body for row in woo.desk.query(sa.select(inbox.c.body).order_by(inbox.c.id))]
    assert (len(bodies), len(set(bodies))) == (3, 2)


async def test_events_that_come_in_the_wrong_order_change_nothing_about_what_stands(woo: Woo) -> None:
    woo.sandbox.woocommerce.products[MUG]["stock_quantity"] = 7  # sold meanwhile: its event comes first
    await woo.product(stock_quantity=7)
    late = {**woo.sandbox.woocommerce.products[MUG], "stock_quantity": 9}
    assert await woo.sandbox.woocommerce._tell("product.updated", late) == "ok"
    await woo.work()
    assert woo.available() == 7


async def test_many_events_of_one_product_cost_one_question(woo: Woo) -> None:
    for pieces in range(10):
        assert await woo.sandbox.woocommerce.put(MUG, stock_quantity=pieces) == "ok"
    await woo.work()
    assert (woo.asked(), woo.available()) == (1, 9)


async def test_variations_count_their_own_and_the_rest_at_their_product(woo: Woo) -> None:
    woo.variant("MUG-500")
    woo.variant("MUG-ALL")
    await woo.product(801, sku="MUG-ALL", type="variable", manage_stock=True, stock_quantity=6, variations=[802, 803])
    await woo.product(802, sku="MUG-500", type="variation", parent_id=801, manage_stock=True, stock_quantity=11)
    asked = woo.asked()
    await woo.product(803, sku="MUG-300", type="variation", parent_id=801, manage_stock="parent", stock_quantity=6)
    assert (woo.available("MUG-ALL"), woo.available("MUG-500"), woo.asked()) == (6, 11, asked)


async def test_more_products_than_one_look_up_asks_are_all_asked_for(woo: Woo) -> None:
    for number in range(1, 14):
        woo.variant(f"S{number}")
        assert await woo.sandbox.woocommerce.put(number, sku=f"S{number}", manage_stock=True, stock_quantity=number) == "ok"
    await woo.work()
    assert [woo.available(f"S{number}") for number in range(1, 14)] == list(range(1, 14))


async def test_a_product_that_is_not_here_is_followed_once_it_is_imported(woo: Woo) -> None:
    await woo.product(900, sku="NEW", manage_stock=True, stock_quantity=5)
    assert woo.finding(900) == "No product here has the SKU NEW: import the products."
    woo.variant("NEW")
    with woo.desk.begin() as uow:
        look_after_stock(uow)
    assert woo.available("NEW") == 5


async def test_a_product_that_is_gone_leaves_our_stock_as_it_is(woo: Woo) -> None:
    await woo.product(stock_quantity=30)
    assert await woo.sandbox.woocommerce.put(MUG, stock_quantity=29) == "ok"
    del woo.sandbox.woocommerce.products[MUG]
    await woo.work()
    assert woo.available() == 30
    assert woo.finding(MUG) == "WooCommerce knows no inventory item 799."


async def test_without_a_key_it_is_said_that_stock_is_not_followed_and_not_once_it_is(woo: Woo) -> None:
    woo.use(BotSettings(_env_file=None))
    await woo.product(stock_quantity=30)
    assert woo.available() == 100
    assert "No product" not in (woo.finding(MUG) or "")
    assert "I have no key to ask for it (docs/webhooks.md)" in (woo.finding(MUG) or "")
    woo.use(settings(woo.sandbox.address))
    woo.desk.clock.move(minutes=1)
    await woo.product(stock_quantity=29)
    assert (woo.available(), woo.finding(MUG)) == (29, None)
    woo.use(BotSettings(_env_file=None))
    woo.desk.clock.move(minutes=1)
    await woo.product(stock_quantity=28)
    assert (woo.available(), woo.finding(MUG)) == (
        29, "WooCommerce was not asked how many of MUG there are: I have no key to ask for it (docs/webhooks.md).",
    )


async def test_what_moves_here_after_the_question_stays_on_top(woo: Woo) -> None:
    await woo.product(stock_quantity=30)
    woo.desk.clock.move(minutes=1)
    woo.moved(-4, MovementKind.SALE, key="till")
    assert woo.available() == 26


@pytest.mark.parametrize("strange", [{"stock_quantity": 1.5}, {"stock_quantity": "many"}, {"manage_stock": 1}])
async def test_a_strange_figure_is_nobodys_stock(woo: Woo, strange: dict[str, Any]) -> None:
    await woo.product(**strange)
    assert woo.available() == 100


async def test_parts_of_a_piece_hold_up_no_other_product(woo: Woo) -> None:
    woo.variant("TEA")
    assert await woo.sandbox.woocommerce.put(5, sku="TEA", manage_stock=True, stock_quantity=1.5) == "ok"
    await woo.product(stock_quantity=30)
    assert (woo.available("TEA"), woo.available()) == (None, 30)


async def test_a_variation_that_is_counted_at_its_product_by_the_time_it_is_asked_for_has_no_level(woo: Woo) -> None:
    assert await woo.sandbox.woocommerce.put(MUG, stock_quantity=30) == "ok"
    await woo.sandbox.woocommerce.put(MUG, tell=False, manage_stock="parent")
    await woo.work()
    assert (woo.asked(), woo.available()) == (1, 100)


async def test_an_unsigned_product_is_refused(woo: Woo) -> None:
    path = woo.sandbox.woocommerce.subscriptions["product.updated"]
    headers = {"Content-Type": "application/json", "X-WC-Webhook-Signature": "AAAA"}
    async with woo.session.post(woo.base + path, data=b'{"id": 799, "manage_stock": true}', headers=headers) as answer:
        assert answer.status == 401
    assert woo.desk.query(sa.select(inbox.c.id)) == []


async def test_a_shop_that_is_away_for_a_moment_is_asked_again(woo: Woo) -> None:
    woo.sandbox.faults.add(read_fault("shop", {"method": "woocommerce.products", "kind": "reset_before", "times": 2}))
    await woo.product(stock_quantity=30)
    assert woo.available() == 100
    woo.desk.clock.move(seconds=5)
    await woo.work()
    assert woo.available() == 30
