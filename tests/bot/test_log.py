"""S29: no secret and no person's data reaches the log, whichever library's error carries it."""

from __future__ import annotations

import io
import logging
from collections.abc import Awaitable, Callable

import aiohttp
import pytest
import sqlalchemy as sa
import stripe
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from slack_sdk.web.async_client import AsyncWebClient

from bot.log import JsonLines
from bot.settings import Settings, every_secret
from gateways.stripe import client
from storage.tables import customers
from tests.returns.world import World

SECRETS = {
    "slack_bot_token": "xoxb-canary-1-bot", "slack_app_token": "xapp-canary-2-app",
    "slack_signing_secret": "canary3c0ffee0123456789abcdef,canary4-the-one-before", "telegram_token": "7000000001:canary-5-telegram-bot-token-0000",
    "telegram_secret": "canary6-webhook-secret", "stripe_key": "sk_live_canary7", "stripe_webhook_secret": "whsec_canary8",
    "shop_webhook_secret": "whsec_Y2FuYXJ5OQ==", "link_secret": "canary10-" + "x" * 32,
}
PEOPLE = ("Canaria Vogel", "canaria@example.com", "+49 171 555 1234", "shop-key-canaria")
DEAD = "http://127.0.0.1:9"


@pytest.fixture
def written() -> Callable[[], str]:
    """Everything that was logged, at every level, by anybody."""
    kept = Settings(_env_file=None, **SECRETS)  # type: ignore[call-arg,arg-type]
    stream, root = io.StringIO(), logging.getLogger()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines(every_secret(kept)))
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)

    def read() -> str:
        root.removeHandler(handler)
        root.setLevel(before)
        return stream.getvalue()

    return read


def _clean(text: str) -> None:
    assert text, "something was logged"
    known = [part for value in SECRETS.values() for part in value.split(",")]
    assert [one for one in (*known, *PEOPLE) if one in text] == []


async def _telegram() -> None:
    bot = Bot(SECRETS["telegram_token"], session=AiohttpSession(api=TelegramAPIServer.from_base(DEAD)))
    try:
        await bot.send_message(1, f"Dear {PEOPLE[0]}")
    finally:
        await bot.session.close()


async def _telegrams_address() -> None:
    async with aiohttp.ClientSession() as session:
        await session.get(f"{DEAD}/bot{SECRETS['telegram_token']}/getUpdates")


async def _slack() -> None:
    await AsyncWebClient(SECRETS["slack_bot_token"], base_url=f"{DEAD}/", retry_handlers=[]).chat_postMessage(
        channel="C1", text="hello"
    )


async def _stripe() -> None:
    async with aiohttp.ClientSession() as session:
        await client(SECRETS["stripe_key"], DEAD, session).v1.refunds.list_async({"limit": 1})


async def _stripe_refuses() -> None:
    raise stripe.AuthenticationError(f"Invalid API Key provided: {SECRETS['stripe_key']}")


async def _plain_words() -> None:
    raise RuntimeError(" ".join(SECRETS.values()) + f" https://hooks.slack.com/actions/T1/2/3 {PEOPLE[1]} {PEOPLE[2]}")


@pytest.mark.parametrize("work", [_telegram, _telegrams_address, _slack, _stripe, _stripe_refuses, _plain_words])
async def test_no_librarys_error_brings_a_secret_into_the_log(
    work: Callable[[], Awaitable[None]], written: Callable[[], str]
) -> None:
    try:
        await work()
    except Exception:
        logging.getLogger("opsbell.test").exception("it broke")
    _clean(written())


def test_no_databases_error_brings_a_persons_data_into_the_log(world: World, written: Callable[[], str]) -> None:
    row = {
        "shop_id": world.desk.shop.id, "external_id": PEOPLE[3], "name": PEOPLE[0], "email": PEOPLE[1], "phone": PEOPLE[2],
    }
    for broken in (row, {**row, "external_id": None}):
        try:
            for _ in range(2):
                world.desk.execute(sa.insert(customers).values(broken))
        except sa.exc.IntegrityError:
            logging.getLogger("opsbell.test").exception("it broke")
    _clean(written())


@pytest.mark.parametrize("key", ["nordlicht/reply:7>telegram:{}", "learn:telegram-in:{}", "telegram:{}:approval", "telegram:-100{}"])
def test_no_jobs_key_brings_somebodys_account_into_the_log(written: Callable[[], str], key: str) -> None:
    logging.getLogger("opsbell.jobs").warning("job %s broke", key.format("7123456789"))
    found = written()
    assert "123456" not in found
    assert "…789" in found


def test_settings_print_no_secret() -> None:
    kept = Settings(_env_file=None, **SECRETS)  # type: ignore[call-arg,arg-type]
    shown = f"{kept!r} {kept} {kept.model_dump()} {kept.model_dump_json()}"
    assert [one for one in SECRETS.values() if one in shown] == []
    assert len(every_secret(kept)) == len(SECRETS) + 1
