"""How near a backlog is sent to the rate that a platform allows, and whether a "wait" is obeyed, over 1 and 3 engines.

    PYTHONPATH=. python bench/pace.py [SECONDS]      (default 12 for each run; a PostgreSQL of its own)

The real carriers and the real delivery, over real HTTP to a small server that answers at once and notes when each
call came. Allowed: Slack one post a second in a channel; Telegram 30 messages a second over all. In the last run the
server asks one Slack channel and one Telegram chat to wait for three seconds, again and again; a call that comes to
it in that time is a broken promise.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
import time
from bisect import bisect_left
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import aiohttp
import sqlalchemy as sa
from aiogram import Bot
from aiogram.client.default import DefaultBotProperties
from aiogram.client.telegram import TelegramAPIServer
from aiohttp import web
from slack_sdk.web.async_client import AsyncWebClient

from domain.answers import Noted
from domain.jobs import Transaction
from domain.messages import Chat, Photo
from domain.returns.messages import ReturnCard
from notifications.catalogue import Catalogue
from notifications.delivery import Delivery
from notifications.slack.carrier import SlackCarrier
from notifications.slack.files import Files
from notifications.telegram.calls import TimedSession
from notifications.telegram.carrier import TelegramCarrier
from storage import shop_file
from storage.database import is_sqlite, open_engine
from storage.tables import chats, jobs
from storage.unit_of_work import Store
from storage.upgrade import upgrade
from tests import postgres
from tests.desk import shop_file_of
from tests.notifications.anything import any_message

TOKEN = "7000000001:a-token-that-opens-nothing-000000000000"
CHANNELS = ("C01", "C02", "C03")
SLACK_ALLOWED, TELEGRAM_ALLOWED = 1.0, 30.0
#: seconds that the server asks to wait, and every how many calls of a chat
WAIT, EVERY = 3, 3
#: a call may be on the wire already, or its answer not yet written down, when another is told to wait
GRACE = 0.05
#: seconds until every loop runs
WARM = 2.0


@dataclass
class Platforms:
    """Slack and Telegram as far as pace goes."""

    #: asks chats to wait
    strict: bool = False
    came: dict[str, list[float]] = field(default_factory=dict)
    waits: dict[str, list[float]] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def note(self, chat: str) -> bool:
        """Note a call; whether it is told to wait."""
        now, came = time.monotonic(), self.came.setdefault(chat, [])
        came.append(now)
        told = self.strict and chat in ("slack C01", "telegram 1") and len(came) % EVERY == 0
        if told:
            self.waits.setdefault(chat, []).append(now)
        return told

    async def slack(self, request: web.Request) -> web.Response:
        content = await request.json()
        if request.match_info["method"] == "chat.postMessage" and self.note(f"slack {content['channel']}"):
            limited = {"ok": False, "error": "ratelimited"}
            return web.json_response(limited, status=429, headers={"Retry-After": str(WAIT)})
        return web.json_response({"ok": True, "ts": f"{next(self.numbers)}.000001", "channel": content["channel"]})

    async def telegram(self, request: web.Request) -> web.Response:
        chat = str((await request.post())["chat_id"])
        if self.note(f"telegram {chat}"):
            asked = {"description": "Too Many Requests", "parameters": {"retry_after": WAIT}}
            return web.json_response({"ok": False, "error_code": 429, **asked}, status=429)
        said = {"message_id": next(self.numbers), "date": 1, "chat": {"id": int(chat), "type": "private"}, "text": "x"}
        return web.json_response({"ok": True, "result": said})

    def inside(self) -> int:
        """Calls to a chat in the time it was asked to be left alone."""
        return sum(
            told + GRACE < one < told + WAIT
            for chat, waits in self.waits.items() for told in waits for one in self.came[chat]
        )

    def rate(self, platform: str) -> float:
        """Calls a second of a Slack channel (their mean), or of all Telegram, once everything runs."""
        if platform == "telegram":
            return _rate(one for chat, came in self.came.items() if chat.startswith(platform) for one in came)
        return sum(_rate(self.came[f"slack {channel}"]) for channel in CHANNELS) / len(CHANNELS)

    def most_in_a_second(self) -> int:
        """Calls to Telegram in the worst second."""
        came = sorted(one for chat, came in self.came.items() if chat.startswith("telegram") for one in came)
        return max(bisect_left(came, start + 1) - number for number, start in enumerate(came))


    def shortest_gap(self) -> float:
        """Seconds between two posts of a Slack channel, at the least."""
        return min(after - before for channel in CHANNELS for before, after in pairwise(self.came[f"slack {channel}"]))


def _rate(came: Iterable[float]) -> float:
    in_order = sorted(came)
    steady = [one for one in in_order if one >= in_order[0] + WARM]
    return (len(steady) - 1) / (steady[-1] - steady[0])


@asynccontextmanager
async def served(platforms: Platforms) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/slack/{method}", platforms.slack)
    app.router.add_post("/bot{token}/{method}", platforms.telegram)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def now() -> datetime:
    return datetime.now(UTC)


async def no_picture(_photo: Photo) -> bytes:
    raise LookupError("no picture here")


@contextmanager
def store_of(url: str) -> Iterator[Store]:
    engine, numbers = open_engine(url), itertools.count(time.monotonic_ns())
    store = Store(
        engine=engine, now=now, new_id=lambda: f"{next(numbers):022d}", secret=b"s" * 32,
        by_server=not is_sqlite(engine),
    )
    yield store
    store.close()


async def engine_of(url: str, address: str, number: int, stack: AsyncExitStack) -> Delivery:
    """One engine with connections of its own to the database and the platforms."""
    store = stack.enter_context(store_of(url))
    http = await stack.enter_async_context(aiohttp.ClientSession())
    session = TimedSession(api=TelegramAPIServer.from_base(address), timeout=15, connect_seconds=3)
    bot = Bot(TOKEN, session=session, default=DefaultBotProperties(parse_mode="HTML"))
    stack.push_async_callback(session.close)
    client = AsyncWebClient("xoxb-bench", base_url=f"{address}/slack/", session=http, retry_handlers=[])
    carriers = (
        SlackCarrier(
            client=client, engine=store, catalogue=Catalogue(), files=Files(client=client, fetch=no_picture)
        ),
        TelegramCarrier(bot=bot, engine=store, catalogue=Catalogue()),
    )
    return Delivery(
        engine=store, carriers={one.kind: one for one in carriers}, owner=f"engine-{number}", sleep=asyncio.sleep,
        seconds=time.monotonic,
    )


def backlog(transaction: Transaction, seconds: int) -> None:
    """More than can be sent in that time, for both platforms."""
    outbox = transaction.of("nordlicht").outbox
    card, home = any_message(ReturnCard, "R", full=False), any_message(Noted, "hello")
    for number in range(seconds + 5):
        outbox.card(f"return:{number}", card, version=1)
        outbox.tell(Chat(platform="telegram", address="1"), home, once=f"one {number}")
    for number in range(int(TELEGRAM_ALLOWED * (seconds + 5))):
        outbox.tell(Chat(platform="telegram", address=str(2 + number % 600)), home, once=f"{number}")


async def run(url: str, engines: int, seconds: int, *, strict: bool) -> Platforms:
    """That many engines on one backlog, for that long."""
    platforms = Platforms(strict=strict)
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(served(platforms))
        deliveries = [await engine_of(url, address, number, stack) for number in range(engines)]
        store = stack.enter_context(store_of(url))
        with store.engine.begin() as connection:
            connection.execute(sa.delete(jobs))
            connection.execute(sa.text("DELETE FROM lanes"))
            connection.execute(sa.text("DELETE FROM cards"))
        await store.write(lambda transaction: backlog(transaction, seconds))
        tasks = [asyncio.create_task(delivery.run()) for delivery in deliveries]
        await asyncio.sleep(seconds)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    return platforms


def prepared(url: str) -> None:
    engine = open_engine(url)
    upgrade(engine)
    with engine.begin() as connection:
        shop_file.apply(connection, shop_file_of())
        connection.execute(sa.delete(chats))
        shop = connection.execute(sa.text("SELECT id FROM shops")).scalar_one()
        rows: list[dict[str, Any]] = [
            {"shop_id": shop, "topic": "returns", "platform": "slack", "address": channel} for channel in CHANNELS
        ]
        connection.execute(sa.insert(chats), rows)
    engine.dispose()


def main(seconds: int) -> None:
    with postgres.server() as server, postgres.schema(server, "pace") as url:
        prepared(url)
        for engines in (1, 3):
            found = asyncio.run(run(url, engines, seconds, strict=False))
            slack, telegram = found.rate("slack"), found.rate("telegram")
            print(
                f"{engines} engine(s), of the rate allowed: Slack {slack / SLACK_ALLOWED:.1%} ({slack:.3f} a second in "
                f"a channel), Telegram {telegram / TELEGRAM_ALLOWED:.1%} ({telegram:.1f} a second); aim: at least 95 %"
            )
            print(
                f"{engines} engine(s), at the most: {found.most_in_a_second()} calls to Telegram in any second (aim: "
                f"{TELEGRAM_ALLOWED:.0f}), two posts of a Slack channel after {found.shortest_gap():.3f} s (aim: 1)"
            )
            found = asyncio.run(run(url, engines, seconds, strict=True))
            asked = sum(map(len, found.waits.values()))
            inside = found.inside()
            print(f"{engines} engine(s), asked {asked} times to wait {WAIT} s: {inside} calls in that time; aim: 0")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 12)
