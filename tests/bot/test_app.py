"""The whole process in one: which loops are watched, and where its probes stand."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
import sqlalchemy as sa

import bot.app
from bot.settings import Settings
from bot.shop_accounts import ShopifyAccount
from handlers.webhooks import address
from sandbox.server import running
from sandbox.world import Settings as SandboxSettings
from storage import shop_file
from storage.database import open_engine
from storage.tables import orders, products, stock_levels, variants
from storage.upgrade import upgrade
from tests.conftest import ROOT
from tests.desk import shop_file_of
from tests.ports import free_ports


def settings(tmp_path: Path, **more: str) -> Settings:
    url = f"sqlite:///{tmp_path / 'opsbell.db'}"
    engine = open_engine(url)
    upgrade(engine)
    engine.dispose()
    return Settings(
        _env_file=None, database_url=url, without="slack,telegram,stripe,shop", link_secret="x" * 40,
        poll_seconds=0.01, **{"listen": "127.0.0.1:0", **more},
    )


@pytest.mark.parametrize("name", ["delivery", "worker"])
async def test_a_loop_that_hangs_makes_the_desk_unwell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    now = [1000.0]
    monkeypatch.setattr(bot.app, "monotonic", lambda: now[0])
    hangs, hung = asyncio.Event(), asyncio.Event()

    async def hang(*_: object) -> bool:
        hung.set()
        await hangs.wait()
        return False

    async with bot.app.running(settings(tmp_path)) as app, asyncio.timeout(60):
        assert app.auditor is not None
        app.auditor.listen()
        assert app.healthy()
        loops = {"delivery": app.delivery, "worker": app.worker}
        stuck, other = loops.pop(name), next(iter(loops.values()))
        assert stuck is not None
        assert other is not None
        object.__setattr__(stuck, "step" if name == "delivery" else "_rest", hang)
        await hung.wait()
        now[0] += 91
        while other.turned_at != now[0]:
            await asyncio.sleep(0.01)
        app.auditor.listen()
        assert app.auditor.silent == (name,)
        assert not app.healthy()
        assert f"the loop {name} has made no turn for 91 s: restart this process" in caplog.text
        hangs.set()


async def test_probes_and_figures_stand_at_the_admin_address_and_nowhere_else(tmp_path: Path) -> None:
    outer, inner = (f"127.0.0.1:{port}" for port in free_ports(2))
    given = settings(tmp_path, listen=outer, admin_listen=inner)
    async with bot.app.running(given), aiohttp.ClientSession() as session:
        for path in ("/live", "/ready", "/metrics"):
            async with session.get(f"http://{inner}{path}") as answer:
                assert answer.status == 200
            async with session.get(f"http://{outer}{path}") as answer:
                assert answer.status == 404


async def test_the_desk_finds_an_order_whose_webhook_was_lost_and_says_how_far_it_has_read(tmp_path: Path) -> None:
    given = settings(tmp_path, listen=f"127.0.0.1:{free_ports(1)[0]}")
    engine = open_engine(given.database_url)
    with engine.begin() as connection:
        shop_file.apply(connection, shop_file_of())
    now = datetime.now(UTC)
    order = json.loads((ROOT / "tests/payloads/shopify/orders-create.paid.json").read_text())
    async with running() as sandbox, aiohttp.ClientSession() as session, asyncio.timeout(60):
        sandbox.orders.put("shopify", {**order, "created_at": now.isoformat(), "updated_at": now.isoformat()})
        account = ShopifyAccount.model_validate({"url": f"{sandbox.address}/shopify", "token": "shpat_sandbox"})
        given = given.model_copy(update={"shopify_api": {"nordlicht": account}})
        async with bot.app.running(given):
            while not (found := _numbers(engine)):
                await asyncio.sleep(0.02)
            async with session.get(f"http://{given.listen}/metrics") as answer:
                said = await answer.text()
    engine.dispose()
    assert found == ["9001"]
    assert 'opsbell_orders_list_failures{shop="nordlicht",source="shopify"} 0.0' in said
    assert 'opsbell_orders_read_until_timestamp_seconds{shop="nordlicht",source="shopify"}' in said


async def test_a_level_that_is_typed_into_shopify_is_our_stock_within_seconds(tmp_path: Path) -> None:
    port = free_ports(1)[0]
    given = settings(tmp_path, listen=f"127.0.0.1:{port}", shopify_secret="sandbox-shopify-webhook-secret")
    engine = open_engine(given.database_url)
    with engine.begin() as connection:
        shop_file.apply(connection, shop_file_of())
        connection.execute(sa.insert(products).values(shop_id=1, external_id="mug", title="Mug"))
        connection.execute(sa.insert(variants).values(shop_id=1, product_id=1, sku="MUG", title="Blue mug"))
    async with running(SandboxSettings(app=f"http://127.0.0.1:{port}", app_seconds=60.0)) as sandbox, asyncio.timeout(60):
        account = ShopifyAccount.model_validate({"url": f"{sandbox.address}/shopify", "token": "shpat_sandbox"})
        async with bot.app.running(given.model_copy(update={"shopify_api": {"nordlicht": account}})) as app:
            topic = "inventory-levels-update"
            sandbox.shopify.subscriptions["inventory_levels/update"] = address("shopify", "nordlicht", topic, app.store.sign)
            assert await sandbox.shopify.change(sandbox.shopify.item_of("MUG"), 7, 12) == "ok"
            async with asyncio.timeout(60):
                while not (found := _on_hand(engine)):
                    await asyncio.sleep(0.02)
    engine.dispose()
    assert found == [12]


async def test_a_shop_that_connects_shopify_has_its_stock_without_any_webhook(tmp_path: Path) -> None:
    given = settings(tmp_path, listen=f"127.0.0.1:{free_ports(1)[0]}")
    engine = open_engine(given.database_url)
    with engine.begin() as connection:
        shop_file.apply(connection, shop_file_of())
        connection.execute(sa.insert(products).values(shop_id=1, external_id="mug", title="Mug"))
        connection.execute(sa.insert(variants).values(shop_id=1, product_id=1, sku="MUG", title="Blue mug"))
    async with running() as sandbox, asyncio.timeout(60):
        await sandbox.shopify.change(sandbox.shopify.item_of("MUG"), 7, 12, "2026-01-01T00:00:00+00:00", tell=False)
        sandbox.shopify.locations[7] = {"id": 7, "name": "Main"}
        account = ShopifyAccount.model_validate({"url": f"{sandbox.address}/shopify", "token": "shpat_sandbox"})
        async with bot.app.running(given.model_copy(update={"shopify_api": {"nordlicht": account}})):
            while not (found := _on_hand(engine)):
                await asyncio.sleep(0.02)
    engine.dispose()
    assert found == [12]


def _on_hand(engine: sa.Engine) -> list[int]:
    with engine.connect() as connection:
        return list(connection.execute(sa.select(stock_levels.c.on_hand)).scalars())


def _numbers(engine: sa.Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.execute(sa.select(orders.c.number)).scalars())
