"""What speaks to the outside: the platforms' clients, the carriers over them, and what is told at the start."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import time
from io import BytesIO
from typing import Any, BinaryIO, Final

import aiohttp
from aiogram import Bot
from aiogram.client.default import DefaultBotProperties
from aiogram.client.telegram import PRODUCTION, TelegramAPIServer
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_sdk.web.async_client import AsyncWebClient

from bot.order_lists import list_carriers
from bot.settings import Settings, secrets_of
from domain.messages import Photo
from domain.outcomes import Carrier, NotNow
from domain.shops import Shop
from domain.time import Calendar
from gateways import stripe, stripe_list
from handlers.run import Desk
from handlers.slack import HomeCarrier, SlackDesk, Standings, bolt
from handlers.telegram.door import ALLOWED_UPDATES
from notifications.catalogue import Catalogue
from notifications.delivery import CALL
from notifications.detour import Defects
from notifications.slack.calls import direct as slack_direct
from notifications.slack.carrier import SlackCarrier
from notifications.slack.files import Files
from notifications.slack.whispers import WhisperCarrier
from notifications.telegram import calls
from notifications.telegram.carrier import TelegramAnswers, TelegramCarrier
from storage.unit_of_work import Hurried, Store

log = logging.getLogger("opsbell")

#: how long a connection may take to stand, and a whole call to a platform; both well below a job's lease
CONNECT_SECONDS: Final = 3.0
CALL_SECONDS: Final = CALL.total_seconds()
#: seconds until Telegram is told once more where we are, where it could not be reached
_TOLD_AGAIN: Final = 3.0
#: how words look where no shop is known
NOBODY: Final = Shop(
    id=0, key="", name="Opsbell", currency="EUR", language="en", calendar=Calendar(time_zone="UTC"), digest_at=time(8)
)


@dataclass(kw_only=True)
class Platforms:
    """What is switched on. ``desk``: with what Slack knows of people."""

    desk: Desk
    carriers: list[Carrier] = field(default_factory=list)
    slack: SlackDesk | None = None
    bot: Bot | None = None


async def platforms(
    settings: Settings, store: Store, desk: Desk, defects: Defects, session: aiohttp.ClientSession,
    stack: AsyncExitStack,
) -> Platforms:
    """Clients and carriers of every platform that is switched on."""
    made, catalogue = Platforms(desk=desk), Catalogue()
    if "telegram" in settings.parts:
        made.bot = telegram_bot(settings)
        stack.push_async_callback(made.bot.session.close)
        letters = TelegramCarrier(bot=made.bot, engine=store, catalogue=catalogue, defects=defects)
        made.carriers += [letters, TelegramAnswers(bot=made.bot)]
    if "slack" in settings.parts:
        _slack(made, settings, store, catalogue, defects, session)
    if "stripe" in settings.parts:
        client = stripe.client(settings.stripe_key.get_secret_value(), settings.stripe_base_url or None, session)
        made.carriers.append(stripe.RefundCarrier(client=client, engine=store))
        made.carriers.append(stripe_list.ReconcileCarrier(client=client, engine=store))
    made.carriers += list_carriers(settings, session, store)
    return made


def _slack(
    made: Platforms, settings: Settings, store: Store, catalogue: Catalogue, defects: Defects,
    session: aiohttp.ClientSession,
) -> None:
    client = AsyncWebClient(
        settings.slack_bot_token.get_secret_value(), base_url=settings.slack_base_url, session=session,
        timeout=int(CALL_SECONDS), retry_handlers=[],
    )
    direct = slack_direct(Hurried(store=store))
    standings = Standings(client=client, direct=direct, now=store.now)
    made.desk = replace(made.desk, known=standings.of)
    made.slack = SlackDesk(
        desk=made.desk, catalogue=catalogue, client=client, session=session, nobody=NOBODY, calls=direct,
        responses=settings.slack_response_url,
    )
    files = Files(client=client, fetch=_fetch(made.bot, store))
    made.carriers += [
        SlackCarrier(client=client, engine=store, catalogue=catalogue, defects=defects, files=files),
        WhisperCarrier(client=client, engine=store, catalogue=catalogue, defects=defects),
        HomeCarrier(slack=made.slack, standings=standings),
    ]


def telegram_bot(settings: Settings) -> Bot:
    """The Telegram client, which writes HTML."""
    base = settings.telegram_base_url
    server_of = TelegramAPIServer.from_base(base) if base else PRODUCTION
    session = calls.TimedSession(api=server_of, timeout=CALL_SECONDS, connect_seconds=CONNECT_SECONDS)
    return Bot(
        settings.telegram_token.get_secret_value(), session=session, default=DefaultBotProperties(parse_mode="HTML")
    )


def _fetch(bot: Bot | None, store: Store) -> Callable[[Photo], Awaitable[bytes]]:
    """How a picture that Telegram keeps comes to Slack."""

    async def fetch(photo: Photo) -> bytes:
        if bot is None or photo.platform != "telegram":
            raise LookupError("no platform has that picture")
        return await fetched(bot, calls.direct(store), photo.file_id)

    return fetch


async def fetched(bot: Bot, direct: calls.Direct, file_id: str) -> bytes:
    """A file that Telegram keeps, in two calls; LookupError, NotNow, or ConnectionError where it is not given now."""
    try:
        path = (await direct.ask(lambda: bot.get_file(file_id))).file_path
        if path is None:
            raise LookupError("Telegram has no such picture")
        # A buffer of our own: what came before a break is not taken for the whole.
        buffer: BinaryIO = BytesIO()
        await direct.ask(lambda: bot.download_file(path, buffer))
    except calls.Refused as error:
        raise LookupError("Telegram does not give that picture") from error
    except (calls.Lost, calls.NotSent, calls.Moved) as error:
        raise ConnectionError("Telegram does not give that picture now") from error
    return buffer.read()


async def username(bot: Bot | None, store: Store) -> str:
    """The bot's own name, as groups address it; "" where Telegram cannot be asked now."""
    if bot is None:
        return ""
    try:
        return (await calls.direct(store).ask(bot.me)).username or ""
    except (NotNow, calls.Refused, calls.Lost, calls.NotSent, calls.Moved):
        log.warning("Telegram does not answer; commands addressed to the bot by name are heard as for anybody")
        return ""


async def speak(made: Platforms, settings: Settings, store: Store, stack: AsyncExitStack) -> None:
    """Tell the platforms where we are; Telegram later, if it does not listen now."""
    if made.bot is not None and (wait := await _told(made.bot, settings, store)):
        bot = made.bot

        async def again(seconds: float) -> None:
            while seconds:
                await asyncio.sleep(seconds)
                seconds = await _told(bot, settings, store)

        stack.push_async_callback(_cancelled, asyncio.create_task(again(wait), name="telling Telegram"))
    if made.slack is not None and settings.slack_by_socket:
        # Bolt's own client knows no address but Slack's.
        speaks = AsyncWebClient(base_url=settings.slack_base_url)
        behind = bolt(made.slack, settings.slack_bot_token.get_secret_value())
        handler = AsyncSocketModeHandler(behind, settings.slack_app_token.get_secret_value(), web_client=speaks)
        await handler.connect_async()  # type: ignore[no-untyped-call]  # slack_bolt left it without types
        stack.push_async_callback(handler.close_async)


async def _told(bot: Bot, settings: Settings, store: Store) -> float:
    """Seconds until Telegram can be told again where we are; 0 where it knows. Refused: the address is wrong."""

    def tell() -> Awaitable[Any]:
        if settings.telegram_mode != "webhook":
            return bot.delete_webhook()
        return bot.set_webhook(
            f"{settings.public_url.rstrip('/')}/telegram/webhook", allowed_updates=list(ALLOWED_UPDATES),
            secret_token=secrets_of(settings.telegram_secret)[0],
        )

    try:
        await calls.direct(store).ask(tell)
    except NotNow as error:
        log.warning("Telegram wants no calls now: it is told later where we are")
        return max(1.0, error.wait.total_seconds())
    except (calls.Lost, calls.NotSent) as error:
        log.warning("Telegram could not be told where we are: %s", type(error).__name__)
        return _TOLD_AGAIN
    return 0.0


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
