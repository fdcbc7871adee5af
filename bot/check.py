"""``opsbell check``: what is configured, what is reachable, and what to do next."""

from __future__ import annotations

import aiohttp
import sqlalchemy as sa
from slack_sdk.web.async_client import AsyncWebClient

from bot.addresses import unheard
from bot.check_chats import slack_chats, telegram_chats, topics_unheard, waits
from bot.clock import new_id, system_now
from bot.platforms import telegram_bot
from bot.settings import Settings, missing, wrong
from domain.errors import OpsError
from gateways import stripe
from notifications.direct import Barred, Lanes
from notifications.slack import calls as slack
from notifications.telegram import calls as telegram
from storage.connections import ConnectionRows
from storage.database import is_sqlite, open_engine, reading
from storage.shops import ShopChat, ShopRows
from storage.unit_of_work import Store
from storage.upgrade import WrongSchema, ensure_current


async def check(settings: Settings) -> bool:
    """Print one line for each part; whether all of it is well."""
    good = True
    for need in missing(settings):
        good = False
        print(f"✗ OPSBELL_{need.name.upper()} is missing: it {need.purpose}. Get it: {need.where}")
    for line in wrong(settings):
        good = False
        print(f"✗ {line}")
    store = _store(settings)
    if store is None:
        # Nor can it be seen what the platforms have asked of us.
        print("Not ready yet: mend the lines with ✗, then opsbell check again; the platforms are asked after that.")
        return False
    try:
        chats = _shops(settings, store)
        good &= chats is not None
        good &= _let_in(store)
        if "slack" in settings.parts and settings.slack_bot_token.get_secret_value():
            good &= await _slack(settings, store, _on("slack", chats))
        if "telegram" in settings.parts and settings.telegram_token.get_secret_value():
            good &= await _telegram(settings, store, _on("telegram", chats))
        if "stripe" in settings.parts and settings.stripe_key.get_secret_value():
            good &= await _stripe(settings, store)
    finally:
        store.close()
    print("All well: opsbell run" if good else "Not ready yet: mend the lines with ✗, then opsbell check again.")
    return good


def _on(platform: str, chats: tuple[ShopChat, ...] | None) -> tuple[ShopChat, ...]:
    return tuple(one for one in chats or () if one.chat.platform == platform)


def _store(settings: Settings) -> Store | None:
    """The desk's rows, where it also stands what the platforms have asked of us; None where they cannot be had."""
    try:
        engine = open_engine(settings.database_url)
        ensure_current(engine)
    except (sa.exc.SQLAlchemyError, OpsError, WrongSchema) as error:
        print(f"✗ the database: {str(error).splitlines()[0][:200]}")
        return None
    return Store(
        engine=engine, now=system_now, new_id=new_id, secret=settings.link_secret.get_secret_value().encode(),
        by_server=not is_sqlite(engine),
    )


def _shops(settings: Settings, store: Store) -> tuple[ShopChat, ...] | None:
    """The shops' chats; None where something is amiss."""
    with reading(store.engine) as connection:
        shops, chats = ShopRows(connection).all(), ShopRows(connection).chats()
    if not shops:
        print("✗ no shop yet: opsbell shop apply shop.toml (docs/shop-file.md)")
        return None
    print(f"✓ the database; shops: {', '.join(shop.key for shop in shops)}")
    for line in unheard(settings, [shop.key for shop in shops]):
        print(f"! webhooks: {line}")
    return chats if topics_unheard([shop.key for shop in shops], chats) else None


def _let_in(store: Store) -> bool:
    """Whether no shop system has cut us off, as far as its last answer says."""
    good = True
    with reading(store.engine) as connection:
        for shop in ShopRows(connection).all():
            for one in ConnectionRows(connection, shop).cut_off():
                good = False
                print(f"✗ {one.name}, shop {shop.key}: {one.reason}; {one.remedy} (docs/webhooks.md)")
    return good


async def _slack(settings: Settings, store: Store, chats: tuple[ShopChat, ...]) -> bool:
    direct = slack.direct(store)
    async with aiohttp.ClientSession() as session:
        client = AsyncWebClient(
            settings.slack_bot_token.get_secret_value(), base_url=settings.slack_base_url, session=session, timeout=10
        )
        try:
            told = await direct.ask(client.auth_test, lane=slack.WHO)
        except Barred as held:
            print(f"✗ Slack {waits(held)}")
            return False
        except slack.Refused as error:
            print(f"✗ Slack refuses the bot token: {error.code}")
            return False
        except slack.Lost as error:
            print(f"✗ Slack: {error.reason}")
            return False
        except slack.NotSent:
            print("✗ Slack cannot be reached from here")
            return False
        way = "Socket Mode" if settings.slack_by_socket else "HTTP at /slack/events"
        print(f"✓ Slack: {told['user']} in {told['team']}, by {way}")
        return await slack_chats(client, direct, str(told["user"]), chats)


async def _telegram(settings: Settings, store: Store, chats: tuple[ShopChat, ...]) -> bool:
    bot, direct = telegram_bot(settings), telegram.direct(store)
    try:
        me = await direct.ask(bot.me)
        print(f"✓ Telegram: @{me.username}, by {settings.telegram_mode}")
        return await telegram_chats(bot, direct, chats)
    except Barred as held:
        print(f"✗ Telegram {waits(held)}")
    except (telegram.Refused, telegram.Lost) as error:
        print(f"✗ Telegram: {error.reason[:200]}")
    except (telegram.NotSent, telegram.Moved):
        print("✗ Telegram cannot be reached from here")
    finally:
        await bot.session.close()
    return False


async def _stripe(settings: Settings, store: Store) -> bool:
    lanes = Lanes(engine=store, kinds=("refund", "reconcile"))
    try:
        trials = await lanes.enter((stripe.ALL,))
    except Barred as held:
        print(f"✗ Stripe {waits(held)}")
        return False
    trouble = await stripe.probe(settings.stripe_key.get_secret_value(), settings.stripe_base_url or None)
    if trouble is None:
        await lanes.came_through(trials)
    elif trouble.held is not None:
        await lanes.learn(trouble.held.lane, trouble.held.wait, shut=trouble.held.shut)
    print(f"✗ Stripe: {trouble.words}" if trouble else "✓ Stripe")
    return trouble is None
