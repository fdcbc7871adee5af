"""A running sandbox, a caller of its Bot API, and a webhook that keeps what it got."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from sandbox.server import running
from sandbox.world import Settings, World
from tests.sandbox.slack_stand import stand_still

MARIA = 1001
TOKEN = "7000000001:sandbox-telegram-bot-token-000000000"


@dataclass
class Stand:
    """One sandbox and the ways to reach it."""

    world: World
    http: aiohttp.ClientSession

    async def call(self, method: str, **arguments: Any) -> dict[str, Any]:
        """One Bot API call as JSON; gives the answer's body."""
        async with self.http.post(f"{self.world.address}/telegram/bot{TOKEN}/{method}", json=arguments) as answer:
            body: dict[str, Any] = await answer.json()
            assert body["ok"] == (answer.status == 200)
            return body

    async def result(self, method: str, **arguments: Any) -> Any:
        """The result of a call that must work."""
        answer = await self.call(method, **arguments)
        assert answer["ok"], answer
        return answer["result"]

    async def refusal(self, method: str, **arguments: Any) -> str:
        """The description of a call that must be refused."""
        answer = await self.call(method, **arguments)
        assert not answer["ok"], answer
        assert answer["description"]
        return str(answer["description"])

    async def act(self, verb: str, user: str = "maria", **asked: Any) -> dict[str, Any]:
        """What a person does; waits for nothing unless told."""
        asked = {"user": user, "wait": 0} | asked
        async with self.http.post(f"{self.world.address}/control/telegram/{verb}", json=asked) as answer:
            body: dict[str, Any] = await answer.json()
            return body | {"status": answer.status}

    async def updates(self, **arguments: Any) -> list[dict[str, Any]]:
        """The updates waiting, all confirmed afterwards."""
        found: list[dict[str, Any]] = await self.result("getUpdates", **arguments)
        if found:
            await self.result("getUpdates", offset=found[-1]["update_id"] + 1)
        return found

    def entries(self, kind: str = "message") -> list[dict[str, Any]]:
        """The transcript's entries of one kind."""
        return [entry for entry in self.world.transcript.entries if entry["kind"] == kind]


@contextlib.asynccontextmanager
async def stand(*, enforce: bool = False, started: bool = True) -> AsyncIterator[Stand]:
    """A sandbox in which maria has started the bot, and nothing is waiting; its time stands until moved."""
    async with running(Settings(enforce_rate_limits=enforce)) as world, aiohttp.ClientSession() as http:
        stand_still(world)
        made = Stand(world, http)
        if started:
            await made.act("send", start=True)
            await made.updates()
        yield made


@dataclass
class Hook:
    """A webhook: what came, and what it answers."""

    url: str = ""
    came: list[dict[str, Any]] = field(default_factory=list)
    secrets: list[str | None] = field(default_factory=list)
    #: statuses to answer, first to last; 200 afterwards
    statuses: list[int] = field(default_factory=list)
    #: calls being answered now, and the most at once of one chat
    open: dict[int, int] = field(default_factory=dict)
    most_open: int = 0
    pause: float = 0.0
    answer: dict[str, Any] | None = None

    async def take(self, request: web.Request) -> web.Response:
        """Answer one call."""
        update = json.loads(await request.read())
        chat = (update.get("message") or update["callback_query"]["message"])["chat"]["id"]
        self.open[chat] = self.open.get(chat, 0) + 1
        self.most_open = max(self.most_open, self.open[chat])
        self.came.append(update)
        self.secrets.append(request.headers.get("X-Telegram-Bot-Api-Secret-Token"))
        await asyncio.sleep(self.pause)
        self.open[chat] -= 1
        status = self.statuses.pop(0) if self.statuses else 200
        if self.answer:
            return web.json_response(self.answer)
        return web.Response(status=status)

    async def wait_for(self, count: int) -> None:
        """Until so many calls came, a minute at most."""
        async with asyncio.timeout(60):
            while len(self.came) < count:
                await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def hook() -> AsyncIterator[Hook]:
    """A webhook on this machine."""
    made = Hook()
    app = web.Application()
    app.router.add_post("/hook", made.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        yield made
    finally:
        await runner.cleanup()
