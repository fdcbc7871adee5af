"""The app beside the sandbox: it takes every webhook, as Opsbell would."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass
class App:
    """The other side: takes webhooks as Opsbell would, and can refuse some."""

    address: str = ""
    refuse: int = 0
    #: path, body, Stripe-Signature
    taken: list[tuple[str, bytes, str]] = field(default_factory=list)
    #: the verified facts of the shop, in the order in which they came
    facts: list[dict[str, Any]] = field(default_factory=list)
    shop_secret: str = "whsec_c2FuZGJveC1zaG9wLXNlY3JldC0wMDAwMDAwMDAwMDA="
    #: called with every fact, to let something be seen on a platform
    hear: Callable[[dict[str, Any]], object] = lambda fact: None

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.taken.append((request.path, body, request.headers.get("Stripe-Signature", "")))
        if request.path == "/webhooks/shop" and not self.refuse:
            self._check(request, body)
            self.facts.append(json.loads(body))
            self.hear(self.facts[-1])
        if self.refuse:
            self.refuse -= 1
            return web.Response(status=503)
        return web.Response(status=204)

    def _check(self, request: web.Request, body: bytes) -> None:
        """Standard Webhooks, written out anew so that a slip of the sandbox shows."""
        signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + body
        key = base64.b64decode(self.shop_secret.removeprefix("whsec_"))
        expected = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
        assert request.headers["webhook-signature"] == f"v1,{expected}"

    @property
    def kinds(self) -> list[str]:
        return [json.loads(body)["type"] for path, body, _ in self.taken if path == "/webhooks/stripe"]

    async def until(self, kind: str) -> dict[str, Any]:
        """The newest event of that kind, once it is there."""
        for _ in range(6000):
            for path, body, _signature in reversed(self.taken):
                event: dict[str, Any] = json.loads(body)
                if path == "/webhooks/stripe" and event["type"] == kind:
                    return event
            await asyncio.sleep(0.01)
        raise AssertionError(f"no {kind} came; there were {self.kinds}")


@asynccontextmanager
async def an_app() -> AsyncIterator[App]:
    app, server = App(), web.Application()
    server.add_routes([web.post("/{rest:.*}", app.take)])
    runner = web.AppRunner(server, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    app.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield app
    finally:
        await runner.cleanup()
