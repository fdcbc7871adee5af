"""How long a webhook's answer takes: stored before it, against the same server answering without storing.

    python bench/webhook.py [--requests 2000] [--rate 200]

So many a second come, whether the one before is answered or not, each timed from when it was due. The events are
Stripe's, signed; both servers verify them by our own door. Each is a process on one core, the load on another. "Stored"
is an SQLite file with synchronous=FULL, or PostgreSQL where its binaries are found. What is stored is also worked off
beside the load, as in production.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import hmac
import json
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from slash_command import free_port
from web.load import whole_request
from web.served import Run, measure

SECRET = "whsec_bench"
PATH = "/webhooks/stripe"


def main() -> None:
    """Measure each in turns, and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--rate", type=float, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("serve", nargs="?", choices=["unstored", "stored"])
    parser.add_argument("url", nargs="?")
    given = parser.parse_args()
    if given.serve:
        asyncio.run(_unstored() if given.serve == "unstored" else _stored(given.url))
        return
    best: dict[str, Run] = {}
    with ExitStack() as stack:
        servers = {"not stored": ["unstored"], "stored, SQLite": ["stored", "sqlite"]}
        if (address := _postgres(stack)) is not None:
            servers["stored, PostgreSQL"] = ["stored", address]
        for _ in range(given.rounds):
            for name, server in servers.items():
                requests = _requests(given.requests + 200)
                run = measure([__file__, *server], requests, connections=32, warm=200, rate=given.rate)
                if run.statuses != {"200": given.requests}:
                    sys.exit(f"{name} was not answered: {run.statuses} {run.last[:300]}")
                if name not in best or run.p50 < best[name].p50:
                    best[name] = run
    floor = best["not stored"]
    for name, run in best.items():
        print(f"{name:20} {run.rate:6,.0f} a second   p50 {run.p50 * 1000:6.2f} ms ({run.p50 / floor.p50:.2f})"
              f"   p99 {run.p99 * 1000:6.2f} ms ({run.p99 / floor.p99:.2f})")


def _postgres(stack: ExitStack) -> str | None:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from tests import postgres

    return stack.enter_context(postgres.server()) if postgres.binaries() is not None else None


def _requests(count: int) -> list[bytes]:
    stamp, made = str(int(time.time())), []
    for number in range(count):
        body = json.dumps({
            "id": f"evt_{time.time_ns()}_{number}", "object": "event", "type": "refund.updated", "livemode": False,
            "data": {"object": {
                "id": f"re_{number}", "object": "refund", "status": "succeeded", "payment_intent": "pi_1",
            }},
        }).encode()
        sign = hmac.new(SECRET.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json", "Stripe-Signature": f"t={stamp},v1={sign}"}
        made.append(whole_request(PATH, body, headers))
    return made


async def _unstored() -> None:
    from aiohttp import web

    from bot.clock import system_now
    from handlers import frontdoor

    async def handle(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if not frontdoor.stripe([SECRET], request.headers.get("Stripe-Signature", ""), body, system_now()):
            return web.Response(status=401)
        json.loads(body)
        return web.Response(status=200)

    site = web.Application()
    site.router.add_post(PATH, handle)
    runner = web.AppRunner(site, access_log=None)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    print(port, flush=True)
    await asyncio.Event().wait()


async def _stored(url: str) -> None:
    from pydantic import SecretStr

    from bot.app import running
    from bot.settings import Settings
    from storage.database import open_engine
    from storage.upgrade import upgrade

    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        address = f"sqlite:///{folder}/bench.db" if url == "sqlite" else url
        engine = open_engine(address)
        upgrade(engine)
        engine.dispose()
        settings = Settings(
            database_url=address, listen=f"127.0.0.1:{port}", link_secret=SecretStr("b" * 40),
            without="telegram,slack,shop", stripe_key=SecretStr("sk_test_bench"),
            stripe_webhook_secret=SecretStr(SECRET), stripe_base_url=f"http://127.0.0.1:{port}/nobody",
            log_level="ERROR",
        )
        async with running(settings):
            print(port, flush=True)
            await asyncio.Event().wait()


if __name__ == "__main__":
    main()
