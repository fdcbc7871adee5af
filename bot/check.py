"""``opsbell check``: what is configured, what is reachable, and what to do next."""

from __future__ import annotations

import aiohttp
import sqlalchemy as sa
from aiogram.exceptions import TelegramAPIError
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.addresses import unheard
from bot.app import telegram_bot
from bot.check_chats import slack_chats, telegram_chats, topics_unheard
from bot.settings import Settings, missing
from domain.errors import OpsError
from gateways import stripe
from storage.database import open_engine
from storage.shops import ShopChat, ShopRows
from storage.upgrade import WrongSchema, ensure_current


async def check(settings: Settings) -> bool:
    """Print one line for each part; whether all of it is well."""
    good = True
    for need in missing(settings):
        good = False
        print(f"✗ OPSBELL_{need.name.upper()} is missing: it {need.purpose}. Get it: {need.where}")
    chats = _database(settings)
    good &= chats is not None
    if "slack" in settings.parts and settings.slack_bot_token.get_secret_value():
        good &= await _slack(settings, _on("slack", chats))
    if "telegram" in settings.parts and settings.telegram_token.get_secret_value():
        good &= await _telegram(settings, _on("telegram", chats))
    if "stripe" in settings.parts and settings.stripe_key.get_secret_value():
        good &= await _stripe(settings)
    print("All well: opsbell run" if good else "Not ready yet: mend the lines with ✗, then opsbell check again.")
    return good


def _on(platform: str, chats: tuple[ShopChat, ...] | None) -> tuple[ShopChat, ...]:
    return tuple(one for one in chats or () if one.chat.platform == platform)


def _database(settings: Settings) -> tuple[ShopChat, ...] | None:
    """The shops' chats; None where something is amiss."""
    try:
        engine = open_engine(settings.database_url)
        ensure_current(engine)
        with engine.connect() as connection:
            shops, chats = ShopRows(connection).all(), ShopRows(connection).chats()
        engine.dispose()
    except (sa.exc.SQLAlchemyError, OpsError, WrongSchema) as error:
        print(f"✗ the database: {str(error).splitlines()[0][:200]}")
        return None
    if not shops:
        print("✗ no shop yet: opsbell shop apply shop.toml (docs/shop-file.md)")
        return None
    print(f"✓ the database; shops: {', '.join(shop.key for shop in shops)}")
    for line in unheard(settings, [shop.key for shop in shops]):
        print(f"! webhooks: {line}")
    return chats if topics_unheard([shop.key for shop in shops], chats) else None


def _refusal(error: SlackApiError) -> str:
    """Slack's own word for it, or the status of an answer that is no JSON."""
    data = error.response.data if hasattr(error.response, "data") else None
    return str(data.get("error")) if isinstance(data, dict) else f"it answered {error.response.status_code}"


async def _slack(settings: Settings, chats: tuple[ShopChat, ...]) -> bool:
    async with aiohttp.ClientSession() as session:
        client = AsyncWebClient(
            settings.slack_bot_token.get_secret_value(), base_url=settings.slack_base_url, session=session, timeout=10
        )
        try:
            told = await client.auth_test()
        except SlackApiError as error:
            print(f"✗ Slack refuses the bot token: {_refusal(error)}")
            return False
        except (aiohttp.ClientError, TimeoutError, OSError):
            print("✗ Slack cannot be reached from here")
            return False
        way = "Socket Mode" if settings.slack_by_socket else "HTTP at /slack/events"
        print(f"✓ Slack: {told['user']} in {told['team']}, by {way}")
        return await slack_chats(client, str(told["user"]), chats)


async def _telegram(settings: Settings, chats: tuple[ShopChat, ...]) -> bool:
    bot = telegram_bot(settings)
    try:
        me = await bot.me()
        print(f"✓ Telegram: @{me.username}, by {settings.telegram_mode}")
        return await telegram_chats(bot, chats)
    except TelegramAPIError as error:
        print(f"✗ Telegram: {error.message[:200]}")
        return False
    finally:
        await bot.session.close()


async def _stripe(settings: Settings) -> bool:
    trouble = await stripe.probe(settings.stripe_key.get_secret_value(), settings.stripe_base_url or None)
    print(f"✗ Stripe: {trouble}" if trouble else "✓ Stripe")
    return trouble is None
