"""A desk on one side, the sandbox's platforms on the other, and the real delivery between them; time moves by itself."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import sqlalchemy as sa
from aiogram import Bot
from aiogram.client.default import DefaultBotProperties
from aiogram.client.telegram import TelegramAPIServer
from slack_sdk.web.async_client import AsyncWebClient

from domain.inventory.cards import LowStockCard
from domain.messages import Message, Photo
from domain.outcomes import Carrier
from notifications.catalogue import Catalogue
from notifications.delivery import Delivery
from notifications.detour import Defects
from notifications.slack.carrier import SlackCarrier
from notifications.slack.files import Files
from notifications.telegram.calls import TimedSession
from notifications.telegram.carrier import TelegramAnswers, TelegramCarrier
from sandbox.server import running
from sandbox.world import Settings, World
from storage.tables import chats, jobs
from tests.desk import TestDesk
from tests.notifications.anything import any_message
from tests.waiting import LONG

GROUP = "-4001"


@dataclass
class Line:
    """One desk, one sandbox, one delivery."""

    desk: TestDesk
    world: World
    http: aiohttp.ClientSession
    delivery: Delivery
    defects: Defects
    waited: list[float] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        """Time passes at once, in the desk's clock."""
        self.desk.clock.move(seconds=seconds)
        await asyncio.sleep(0)

    async def until_quiet(self, *, within: timedelta = timedelta(minutes=10)) -> None:
        """Carry all that falls due in that time; the clock jumps to whatever is due next."""
        end = self.desk.clock.now() + within
        while True:
            claimed = await self.delivery.step()
            if self.delivery._under_way:
                await asyncio.wait(set(self.delivery._under_way))
                await asyncio.sleep(0)
                continue
            if claimed:
                continue
            due = self.next_due()
            if due is None or due > end:
                return
            self.desk.clock.moment = max(due, self.desk.clock.now())

    def next_due(self) -> datetime | None:
        ready = sa.case((jobs.c.leased_until > jobs.c.due_at, jobs.c.leased_until), else_=jobs.c.due_at)
        kinds = list(self.delivery.carriers)
        asked = sa.select(sa.func.min(ready, type_=jobs.c.due_at.type)).where(
            jobs.c.state == "open", jobs.c.kind.in_(kinds), ready > sa.literal(self.desk.clock.now(), jobs.c.due_at.type)
        )
        return self.desk.query(asked)[0][0]

    async def fault(self, platform: str, method: str, kind: str, **more: Any) -> None:
        asked = {platform: {"method": method, "kind": kind, **more}}
        async with self.http.post(f"{self.world.address}/control/faults", json=asked) as answer:
            assert answer.status == 200, await answer.text()

    def calls(self, platform: str, method: str) -> list[Any]:
        """The calls of a method, with what came of them."""
        return [one for one in self.world.calls if one.platform == platform and one.name == method]

    def entries(self, platform: str) -> list[dict[str, Any]]:
        """What people of a platform see, oldest first."""
        return [one for one in self.world.transcript.entries if one["platform"] == platform and one["kind"] == "message"]

    def states(self) -> list[str]:
        return [row.state for row in self.desk.outbox_rows()]

    def card(self, number: int = 1, version: int = 1, message: Message | None = None) -> None:
        with self.desk.begin() as uow:
            uow.outbox.card(f"low_stock:{number}", message or low(f"SKU-{number} v{version}"), version=version)


def low(title: str) -> Message:
    """A low-stock card with those words in every field."""
    return any_message(LowStockCard, title)


def hear(desk: TestDesk, topic: str, platform: str, address: str) -> None:
    """One more chat for a topic."""
    desk.execute(sa.insert(chats).values(shop_id=desk.shop.id, topic=topic, platform=platform, address=address))


@contextlib.asynccontextmanager
async def line(
    desk: TestDesk, *, enforce: bool = False, call_seconds: float = LONG,
    fetch: Callable[[Photo], Awaitable[bytes]] | None = None,
) -> AsyncIterator[Line]:
    """Everything up; the sandbox's clock begins where the desk's stands."""
    settings = Settings(enforce_rate_limits=enforce, start=desk.clock.now(), patience=0.0)
    timeout = aiohttp.ClientTimeout(total=call_seconds, sock_connect=LONG)
    async with (
        running(settings) as world, aiohttp.ClientSession() as http, aiohttp.ClientSession(timeout=timeout) as calls,
    ):
        bot = Bot(
            settings.telegram_token, default=DefaultBotProperties(parse_mode="HTML"),
            session=TimedSession(
                api=TelegramAPIServer.from_base(f"{world.address}/telegram"), timeout=call_seconds, connect_seconds=LONG
            ),
        )
        defects, catalogue, fetch = Defects(), Catalogue(), fetch or _no_picture
        client = AsyncWebClient(settings.slack_bot_token, base_url=f"{world.address}/slack/api/", session=calls, retry_handlers=[])
        carriers: list[Carrier] = [
            SlackCarrier(
                client=client, engine=desk.store, catalogue=catalogue, files=Files(client=client, fetch=fetch),
                defects=defects,
            ),
            TelegramCarrier(bot=bot, engine=desk.store, catalogue=catalogue, defects=defects),
            TelegramAnswers(bot=bot),
        ]
        made = Line(desk, world, http, _delivery(desk, {one.kind: one for one in carriers}), defects)
        made.delivery.sleep = made.sleep
        for user in ("maria", "jonas"):
            async with http.post(f"{world.address}/control/telegram/send", json={"user": user, "start": True, "wait": 0}):
                pass
        try:
            yield made
        finally:
            await bot.session.close()


def _delivery(desk: TestDesk, carriers: Mapping[str, Carrier]) -> Delivery:
    return Delivery(engine=desk.store, carriers=carriers, owner="engine-1", sleep=asyncio.sleep, poll_seconds=0.01)


async def _no_picture(_photo: Photo) -> bytes:
    raise LookupError("no platform has that picture")
