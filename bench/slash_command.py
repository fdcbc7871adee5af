"""A whole slash command, verified, stored, looked up and answered, against a bare Bolt echo on the same server.

    python bench/slash_command.py [--requests 3000]

Both run on aiohttp in a process of their own on one core, the load on another, 32 connections kept open.

* bare: Bolt with process_before_response and a single listener that answers one word; Bolt's own signature check.
* ours: Opsbell whole, on an SQLite file with synchronous=FULL: the raw bytes verified, the click stored so that a
  replay counts once, shop and person looked up, ``/stock`` of one SKU with its demand of eight weeks, rendered to
  blocks, its buttons stored, committed, answered. ``/ops help`` beside it: the same without the figures.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import hmac
import socket
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

from web.load import whole_request
from web.served import Run, measure

SECRET = "bench-signing-secret"
PATH = "/slack/events"


def main() -> None:
    """Measure both, in turns, and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("serve", nargs="?", choices=["bare", "ours"])
    given = parser.parse_args()
    if given.serve:
        asyncio.run(_bare() if given.serve == "bare" else _ours())
        return
    best: dict[str, Run] = {}
    for _ in range(given.rounds):
        for name, server, command, text, wanted in (
            ("bare Bolt echo", "bare", "/stock", "BLU-MUG-300", "18 available"),
            ("/stock BLU-MUG-300", "ours", "/stock", "BLU-MUG-300", "334 available"),
            ("/ops help", "ours", "/ops", "help", "/ops stock"),
        ):
            run = measure(
                [__file__, server], _requests(given.requests + 300, command, text), connections=32, warm=300
            )
            if run.statuses != {"200": given.requests} or wanted not in run.last:
                sys.exit(f"{name} was not answered: {run.statuses} {run.last[:300]}")
            if name not in best or run.rate > best[name].rate:
                best[name] = run
    floor = best["bare Bolt echo"].rate
    for name, run in best.items():
        print(f"{name:20} {run.rate:8,.0f} a second   p50 {run.p50 * 1000:6.1f} ms   p99 {run.p99 * 1000:6.1f} ms"
              f"   {run.rate / floor:.2f} of the bare echo   answer {len(run.last):,} bytes")


def _requests(count: int, command: str, text: str) -> list[bytes]:
    stamp = str(int(time.time()))
    made = []
    for number in range(count):
        body = urlencode({
            "token": "x", "team_id": "T0BENCH", "team_domain": "bench", "channel_id": "C0STOCK",
            "channel_name": "stock", "user_id": "U0ADA", "user_name": "ada", "command": command, "text": text,
            "api_app_id": "A0BENCH", "is_enterprise_install": "false", "response_url": "https://hooks.slack.com/commands/T0BENCH/1/x",
            "trigger_id": f"{number}.1.x{time.time_ns()}",
        }).encode()
        sign = hmac.new(SECRET.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
        made.append(whole_request(PATH, body, {
            "Content-Type": "application/x-www-form-urlencoded", "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": f"v0={sign}",
        }))
    return made


async def _bare() -> None:
    from aiohttp import web
    from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
    from slack_bolt.async_app import AsyncAck, AsyncApp
    from slack_bolt.authorization import AuthorizeResult

    async def authorize(**_context: object) -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=None, team_id="T0BENCH", bot_token="xoxb-bench")

    app = AsyncApp(signing_secret=SECRET, authorize=authorize, process_before_response=True)

    @app.command("/stock")
    async def echo(ack: AsyncAck) -> None:
        await ack("18 available")

    async def handle(request: web.Request) -> web.StreamResponse:
        return await to_aiohttp_response(await app.async_dispatch(await to_bolt_request(request)))

    site = web.Application()
    site.router.add_post(PATH, handle)
    runner = web.AppRunner(site, access_log=None)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    print(port, flush=True)
    await asyncio.Event().wait()


async def _ours() -> None:
    from pydantic import SecretStr

    from bot.app import running
    from bot.settings import Settings

    port, slack = free_port(), await _slack_that_knows_everybody()
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'bench.db'}"
        _shop(url)
        settings = Settings(
            database_url=url, listen=f"127.0.0.1:{port}", link_secret=SecretStr("b" * 40),
            without="telegram,stripe,shop", slack_bot_token=SecretStr("xoxb-bench"),
            slack_signing_secret=SecretStr(SECRET), slack_base_url=slack,
            log_level="ERROR",
        )
        async with running(settings):
            print(port, flush=True)
            await asyncio.Event().wait()


async def _slack_that_knows_everybody() -> str:
    """The address of a Slack that is asked once a minute whether Ada is a guest."""
    from aiohttp import web

    async def info(_request: web.Request) -> web.Response:
        return web.json_response({"ok": True, "user": {"id": "U0ADA", "team_id": "T0BENCH"}})

    site = web.Application()
    site.router.add_route("*", "/api/users.info", info)
    runner = web.AppRunner(site, access_log=None)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    return f"http://127.0.0.1:{port}/api/"


def _shop(url: str) -> None:
    """One shop with a mug that sells every day, one member of staff and one channel."""
    from domain.inventory import MovementKind, StockMoved
    from domain.orders import OrderPlaced, PlacedLine
    from handlers.webhooks import learn
    from storage import shop_file
    from storage.database import open_engine
    from storage.shop_file import ChatRow, ShopFile, StaffRow
    from storage.tables import products, variants
    from storage.unit_of_work import Store
    from storage.upgrade import upgrade

    engine, now = open_engine(url), datetime.now(UTC)
    upgrade(engine)
    with engine.begin() as connection:
        shop = shop_file.apply(connection, ShopFile(
            key="bench", name="Bench", currency="EUR", time_zone="Europe/Berlin", language="en", country="DE",
            settings={"digest_at": "08:00", "calendar": {"country": "DE"}},
            staff=(StaffRow(key="ada", name="Ada", role="owner", slack_team="T0BENCH", slack_user="U0ADA"),),
            chats=(ChatRow(topic="stock", platform="slack", address="C0STOCK"),),
        ))
        product = connection.execute(
            products.insert().values(shop_id=shop, external_id="p", title="Blue mug 300 ml").returning(products.c.id)
        ).scalar_one()
        connection.execute(variants.insert().values(
            shop_id=shop, product_id=product, sku="BLU-MUG-300", title="Blue mug 300 ml", price_minor=1900,
        ))
    store = Store(engine=engine, now=lambda: now, new_id=iter(map(str, range(10**6))).__next__, secret=b"b" * 32)
    with store.begin("bench") as uow:
        learn(StockMoved(sku="BLU-MUG-300", location="main", quantity=500, movement=MovementKind.RECEIPT,
                         reference=None, at=now - timedelta(days=57), key="in"), uow)
        for day in range(56):
            at = now - timedelta(days=56 - day)
            learn(OrderPlaced(
                number=str(1000 + day), at=at, currency="EUR", customer_external_id=f"c{day}", customer_name=None,
                customer_email=None, customer_phone=None, payment_intent=None, paid_minor=0, promised_on=None,
                lines=(PlacedLine(sku="BLU-MUG-300", title="Blue mug", quantity=1 + day % 5, unit_price_minor=1900),),
            ), uow)
            learn(StockMoved(sku="BLU-MUG-300", location="main", quantity=-(1 + day % 5), movement=MovementKind.SALE,
                             reference=None, at=at, key=f"out{day}"), uow)
    store.close()


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
