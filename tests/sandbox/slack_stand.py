"""A small app on the other side of the sandbox's Slack: keeps what it is sent and answers as told."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import inspect
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
from aiohttp import web

from sandbox.server import running
from sandbox.world import Settings, World

Json = dict[str, Any]


@dataclass
class Received:
    """One request of Slack: the decoded payload, the headers, the raw body."""

    payload: Json
    headers: dict[str, str]
    body: bytes

    def signed_with(self, secret: str) -> bool:
        base = f"v0:{self.headers['X-Slack-Request-Timestamp']}:".encode() + self.body
        made = "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
        return hmac.compare_digest(made, self.headers["X-Slack-Signature"])


def decode(kind: str, body: bytes) -> Json:
    """A request's payload, whatever form it came in."""
    if kind == "application/json":
        return json.loads(body)
    form = dict(parse_qsl(body.decode(), keep_blank_values=True))
    return json.loads(form["payload"]) if "payload" in form else form


@dataclass
class Stand:
    """The sandbox, the app, and a client that speaks to both APIs."""

    world: World
    client: aiohttp.ClientSession
    received: list[Received] = field(default_factory=list)
    #: answers a request: a dict becomes JSON, a str text, None an empty 200, an int that status
    answer: Callable[[Json], Any] = lambda payload: None

    async def api(self, method: str, /, token: str | None = None, **arguments: Any) -> Json:
        headers = {"Authorization": f"Bearer {token or self.world.settings.slack_bot_token}"}
        address = f"{self.world.address}/slack/api/{method}"
        async with self.client.post(address, json=arguments, headers=headers) as answer:
            return await answer.json()

    async def form(self, method: str, /, **arguments: Any) -> Json:
        given = {"token": self.world.settings.slack_bot_token, **arguments}
        async with self.client.post(f"{self.world.address}/slack/api/{method}", data=given) as answer:
            return await answer.json()

    async def act(self, verb: str, /, **asked: Any) -> Json:
        async with self.client.post(f"{self.world.address}/control/slack/{verb}", json=asked) as answer:
            return await answer.json()

    async def control(self, path: str, body: Any = None) -> Json:
        address = f"{self.world.address}/control/{path}"
        if body is None:
            async with self.client.get(address) as answer:
                return await answer.json()
        async with self.client.post(address, json=body) as answer:
            return await answer.json()

    async def respond(self, url: str, **answer: Any) -> int:
        async with self.client.post(url, json=answer) as got:
            return got.status


def reply(value: Any) -> web.Response:
    """What `Stand.answer` gave, as an HTTP response."""
    if value is None:
        return web.Response()
    if isinstance(value, int):
        return web.Response(status=value)
    return web.Response(text=value) if isinstance(value, str) else web.json_response(value)


def stand_still(world: World) -> None:
    """From now on the sandbox's time moves only when it is moved, however slow this machine is."""
    moment = world.clock.real()
    world.clock.real = lambda: moment


@contextlib.asynccontextmanager
async def stand(**settings: Any) -> AsyncIterator[Stand]:
    """A running sandbox with a running app; verbs do not wait long for what an app may do. Its time stands until moved.

    `app_address`: another app is used than the stand's own.
    """
    settings = {"patience": 0.4, "app_seconds": 60.0, **settings}
    app_address = settings.pop("app_address", None)
    holder: list[Stand] = []

    async def hear(request: web.Request) -> web.Response:
        body = await request.read()
        payload = decode(request.content_type, body)
        holder[0].received.append(Received(payload, dict(request.headers), body))
        value = holder[0].answer(payload)
        return reply(await value if inspect.isawaitable(value) else value)

    app = web.Application()
    app.router.add_post("/slack/events", hear)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with running(Settings(app=app_address or address, **settings)) as world, aiohttp.ClientSession() as client:
            stand_still(world)
            holder.append(Stand(world, client))
            yield holder[0]
    finally:
        await runner.cleanup()
