"""S29: the real desk, with everything breaking around it: secrets are nowhere, people's data in no log and no figure."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import io
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
import sqlalchemy as sa

import bot.app
import sandbox.world
from bot.log import JsonLines
from bot.settings import Settings, every_secret
from domain.answers import Noted
from domain.messages import Chat
from domain.returns.messages import ReturnCard
from sandbox.server import running
from storage import shop_file
from storage.database import open_engine
from storage.tables import customers, jobs
from storage.upgrade import upgrade
from tests.desk import shop_file_of
from tests.notifications.anything import any_message
from tests.ports import free_ports

SECRETS = {
    "slack_bot_token": "xoxb-canary-1-bot", "slack_signing_secret": "canary3c0ffee0123456789abcdef",
    "telegram_token": "7000000001:canary-5-telegram-bot-token-0000000", "link_secret": "canary10-" + "x" * 32,
    "telegram_secret": "canary6-webhook-secret-of-32-characters", "stripe_key": "sk_test_canary7",
    "stripe_webhook_secret": "whsec_canary8", "shop_webhook_secret": "whsec_Y2FuYXJ5OWNhbmFyeTljYW5hcnk5Y2FuYXJ5OQ==",
    "shopify_secret": "canary-11-shopify", "easypost_secret": "canary-12-easypost",
}
PEOPLE = ("Canaria Vogel", "canaria@example.com", "+49 171 555 1234", "Kanarienweg 7")
WORDS = " ".join(PEOPLE)


@dataclass(kw_only=True)
class Running:
    """The desk, the platforms, and all that was seen of it from outside."""

    app: bot.app.App
    world: sandbox.world.World
    http: aiohttp.ClientSession
    base: str
    answers: list[str] = field(default_factory=list)

    async def post(self, path: str, body: bytes | str, **headers: str) -> int:
        kind = {"Content-Type": "application/json", **headers}
        async with self.http.post(f"{self.base}{path}", data=body, headers=kind) as answer:
            self.answers.append(f"{answer.status} {dict(answer.headers)} {await answer.text()}")
            return answer.status

    async def pages(self) -> str:
        found = []
        for path in ("/live", "/ready", "/metrics", "/nowhere"):
            async with self.http.get(f"{self.base}{path}") as answer:
                found.append(f"{dict(answer.headers)} {await answer.text()}")
        return " ".join(found)

    async def fault(self, platform: str, method: str, kind: str, **more: object) -> None:
        asked = {platform: {"method": method, "kind": kind, **more}}
        async with self.http.post(f"{self.world.address}/control/faults", json=asked) as answer:
            assert answer.status == 200, await answer.text()

    async def until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not done():
                await asyncio.sleep(0.02)

    def tell(self, once: str) -> None:
        with self.app.store.begin("nordlicht") as uow:
            uow.outbox.tell(Chat(platform="telegram", address="1001"), any_message(Noted, WORDS), once=once)
            uow.outbox.card(f"return:{once}", any_message(ReturnCard, WORDS), version=1)

    def shown(self, platform: str) -> str:
        """What people of a platform see."""
        entries = [one for one in self.world.transcript.entries if one["platform"] == platform]
        return json.dumps(entries, ensure_ascii=False)

    def errors(self) -> list[str]:
        with self.app.store.engine.connect() as connection:
            return [row.error for row in connection.execute(sa.select(jobs.c.error).where(jobs.c.error.is_not(None)))]


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """What the running desk writes, by its own formatter and levels."""
    stream, root = io.StringIO(), logging.getLogger()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines(every_secret(Settings(_env_file=None, **SECRETS))))  # type: ignore[arg-type]
    opsbell, level = logging.getLogger("opsbell"), logging.getLogger("opsbell").level
    root.addHandler(handler)
    opsbell.setLevel(logging.DEBUG)
    yield stream
    opsbell.setLevel(level)
    root.removeHandler(handler)


@pytest_asyncio.fixture
async def desk(tmp_path: Path, logged: io.StringIO) -> AsyncIterator[Running]:
    url, base = f"sqlite:///{tmp_path / 'opsbell.db'}", f"http://127.0.0.1:{free_ports(1)[0]}"
    engine = open_engine(url)
    upgrade(engine)
    with engine.begin() as connection:
        shop_file.apply(connection, shop_file_of())
        shop = connection.execute(sa.text("SELECT id FROM shops")).scalar_one()
        connection.execute(sa.insert(customers).values(
            shop_id=shop, external_id="C-1", name=PEOPLE[0], email=PEOPLE[1], phone=PEOPLE[2], telegram_user=1001
        ))
    engine.dispose()
    known = {name: SECRETS[name] for name in (
        "slack_bot_token", "slack_signing_secret", "telegram_token", "stripe_key", "stripe_webhook_secret", "shop_webhook_secret",
    )}
    async with running(sandbox.world.Settings(app=base, patience=0.0, enforce_rate_limits=False, **known)) as world:  # type: ignore[arg-type]
        settings = Settings(
            _env_file=None, database_url=url, listen=base.removeprefix("http://"), public_url=base,
            slack_base_url=f"{world.address}/slack/api/", slack_response_url=f"{world.address}/slack/response/",
            telegram_base_url=f"{world.address}/telegram", telegram_mode="webhook",
            stripe_base_url=f"{world.address}/stripe", poll_seconds=0.02, **SECRETS,  # type: ignore[arg-type]
        )
        async with aiohttp.ClientSession() as http, bot.app.running(settings) as app:
            asked = {"user": "maria", "start": True, "wait": 0}
            async with http.post(f"{world.address}/control/telegram/send", json=asked):
                pass
            yield Running(app=app, world=world, http=http, base=base)


async def test_whatever_breaks_no_secret_is_anywhere_and_nobodys_data_in_a_log_or_a_figure(
    desk: Running, logged: io.StringIO
) -> None:
    seen = await desk.pages()
    desk.tell("well")
    await desk.until(lambda: all(desk.shown(one).count(PEOPLE[0]) for one in ("slack", "telegram")))

    # platforms that answer an error, a page of HTML, nonsense, and a refused token with our own words in it
    said = f"refused {WORDS} {' '.join(SECRETS.values())}"
    await desk.fault("slack", "chat.postMessage", "http_500")
    await desk.fault("telegram", "sendMessage", "http_500", status=502)
    desk.tell("first")
    await desk.until(lambda: len(desk.errors()) >= 2)
    await desk.fault("telegram", "sendMessage", "error", error=f"Bad Request: {said}")
    await desk.fault("slack", "chat.postMessage", "error", error="invalid_arguments")
    desk.tell("second")
    await desk.until(lambda: any("invalid_arguments" in one for one in desk.errors()))
    await desk.fault("telegram", "sendMessage", "error", error="Unauthorized")
    await desk.fault("slack", "chat.postMessage", "error", error="token_revoked")
    desk.tell("third")
    await desk.until(lambda: "refuses our token" in logged.getvalue())

    # requests that nobody signed, and signed nonsense
    private = json.dumps({"type": "order.placed", "data": {"name": WORDS, "secret": "no order"}})
    for path in ("/slack/events", "/telegram/webhook", "/webhooks/stripe", "/webhooks/shop"):
        assert await desk.post(path, private) == 401
    assert await desk.post("/webhooks/shopify/nordlicht/orders/wrong", private) == 404
    assert await desk.post("/slack/events", private, **_slack(private)) == 200
    assert await desk.post("/slack/events", "{" + WORDS, **_slack("{" + WORDS)) == 200
    assert await desk.post("/telegram/webhook", private, **{"X-Telegram-Bot-Api-Secret-Token": SECRETS["telegram_secret"]}) == 200
    assert await desk.post("/webhooks/stripe", private, **_stripe(private)) == 200

    # a job that nobody knows, one that breaks, and a database that is away for a while
    with desk.app.store.begin("nordlicht") as uow:
        uow.outbox.later("brew", {"for": WORDS}, once="brew", due_at=uow.now)
        uow.outbox.later("learn", {"inbox": 999_999, "of": WORDS}, once="broken", due_at=uow.now)
    await desk.until(lambda: "broke" in logged.getvalue())
    for statement in ("ALTER TABLE jobs RENAME TO jobs_away", "ALTER TABLE jobs_away RENAME TO jobs"):
        with desk.app.store.engine.begin() as connection:
            connection.exec_driver_sql(statement)
        if "jobs_away RENAME" not in statement:
            await desk.until(lambda: "could not reach its jobs" in logged.getvalue())
            seen += await desk.pages()
            assert await desk.post("/webhooks/stripe", private + " ", **_stripe(private + " ")) >= 500
    seen += await desk.pages()

    shown = desk.shown("slack") + desk.shown("telegram")
    everywhere = {"log": logged.getvalue(), "pages": seen, "answers": " ".join(desk.answers), "chats": shown}
    assert {(place, one) for place, text in everywhere.items() for one in SECRETS.values() if one in text} == set()
    private_places = ("log", "pages", "answers")
    assert {(place, one) for place in private_places for one in PEOPLE if one in everywhere[place]} == set()
    for heard in ("could not reach its jobs", "refuses our token", "unknown outcome", "failed for good", "broke"):
        assert heard in everywhere["log"], "that error was really made"


def _slack(body: str) -> dict[str, str]:
    stamp = str(int(time.time()))
    made = hmac.new(SECRETS["slack_signing_secret"].encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={made}"}


def _stripe(body: str) -> dict[str, str]:
    stamp = str(int(time.time()))
    made = hmac.new(SECRETS["stripe_webhook_secret"].encode(), f"{stamp}.{body}".encode(), hashlib.sha256).hexdigest()
    return {"Stripe-Signature": f"t={stamp},v1={made}"}
