"""``opsbell check``: what is configured, what is reachable, and what to do next."""

from __future__ import annotations

import aiohttp
import sqlalchemy as sa
from aiogram.exceptions import TelegramAPIError
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.addresses import unheard
from bot.app import telegram_bot
from bot.settings import Settings, missing
from domain.errors import OpsError
from gateways import stripe
from storage.database import open_engine
from storage.shops import ShopRows
from storage.upgrade import WrongSchema, ensure_current


async def check(settings: Settings) -> bool:
    """Print one line for each part; whether all of it is well."""
    good = True
    for need in missing(settings):
        good = False
        print(f"✗ OPSBELL_{need.name.upper()} is missing: it {need.purpose}. Get it: {need.where}")
    good &= _database(settings)
    if "slack" in settings.parts and settings.slack_bot_token.get_secret_value():
        good &= await _slack(settings)
    if "telegram" in settings.parts and settings.telegram_token.get_secret_value():
        good &= await _telegram(settings)
    if "stripe" in settings.parts and settings.stripe_key.get_secret_value():
        good &= await _stripe(settings)
    print("All well: opsbell run" if good else "Not ready yet: mend the lines with ✗, then opsbell check again.")
    return good


def _database(settings: Settings) -> bool:
    try:
        engine = open_engine(settings.database_url)
        ensure_current(engine)
        with engine.connect() as connection:
            shops = ShopRows(connection).all()
        engine.dispose()
    except (sa.exc.SQLAlchemyError, OpsError, WrongSchema) as error:
        print(f"✗ the database: {str(error).splitlines()[0][:200]}")
        return False
    if not shops:
        print("✗ no shop yet: opsbell shop apply shop.toml (docs/shop-file.md)")
        return False
    print(f"✓ the database; shops: {', '.join(shop.key for shop in shops)}")
    for line in unheard(settings, [shop.key for shop in shops]):
        print(f"! webhooks: {line}")
    return True


def _refusal(error: SlackApiError) -> str:
    """Slack's own word for it, or the status of an answer that is no JSON."""
    data = error.response.data if hasattr(error.response, "data") else None
    return str(data.get("error")) if isinstance(data, dict) else f"it answered {error.response.status_code}"


async def _slack(settings: Settings) -> bool:
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
    return True


async def _telegram(settings: Settings) -> bool:
    bot = telegram_bot(settings)
    try:
        me = await bot.me()
    except TelegramAPIError as error:
        print(f"✗ Telegram: {error.message[:200]}")
        return False
    finally:
        await bot.session.close()
    print(f"✓ Telegram: @{me.username}, by {settings.telegram_mode}")
    return True


async def _stripe(settings: Settings) -> bool:
    trouble = await stripe.probe(settings.stripe_key.get_secret_value(), settings.stripe_base_url or None)
    print(f"✗ Stripe: {trouble}" if trouble else "✓ Stripe")
    return trouble is None
