"""Updates come in, by webhook or polling, and are stored before anything else; the same update twice is one row."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Sequence

from aiogram import Bot
from aiogram.exceptions import TelegramAPIError
from aiohttp import web

from domain.jobs import Engine
from domain.wire import Json
from handlers import frontdoor

log = logging.getLogger("opsbell.telegram")

#: what we work with; Telegram sends nothing else
ALLOWED_UPDATES = ("message", "callback_query", "my_chat_member")


async def keep(engine: Engine, body: bytes) -> bool:
    """Store an update; False if it is not one. A chat's updates are worked off in the order they came."""
    try:
        update = json.loads(body)
        number = update["update_id"]
        chat = _chat(update)
    except (ValueError, KeyError, TypeError, RecursionError):
        return False
    if type(number) is not int:  # a bool is an int too
        return False
    await engine.write(
        lambda transaction: transaction.inbox.keep("telegram", str(number), body, lane=f"telegram-in:{chat}")
    )
    return True


def webhook(engine: Engine, secrets: Sequence[str]) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The handler of Telegram's webhook: 401 without the secret token, 2xx only once stored."""

    async def handle(request: web.Request) -> web.StreamResponse:
        if not frontdoor.telegram(secrets, request.headers.get("X-Telegram-Bot-Api-Secret-Token", "")):
            return web.Response(status=401, text="not from Telegram")
        if not await keep(engine, await request.read()):
            return web.Response(status=400, text="not an update")
        return web.Response(status=200)

    return handle


async def poll(bot: Bot, engine: Engine, sleep: Callable[[float], Awaitable[None]]) -> None:
    """Fetch updates until cancelled; the offset moves on only after they are stored."""
    offset: int | None = None
    while True:
        try:
            updates = await bot.get_updates(
                offset=offset, timeout=25, request_timeout=35, allowed_updates=list(ALLOWED_UPDATES)
            )
        except (TimeoutError, TelegramAPIError) as error:
            log.warning("Telegram could not be asked for updates: %s", type(error).__name__)
            await sleep(3)
            continue
        for update in updates:
            await keep(engine, update.model_dump_json(exclude_unset=True, by_alias=True).encode())
            offset = update.update_id + 1


def _chat(update: dict[str, Json]) -> str:
    for kind in ("message", "my_chat_member"):
        part = update.get(kind)
        if isinstance(part, dict) and isinstance(chat := part.get("chat"), dict):
            return str(chat["id"])
    pressed = update.get("callback_query")
    if isinstance(pressed, dict) and isinstance(person := pressed.get("from"), dict):
        message = pressed.get("message")
        chat = message.get("chat") if isinstance(message, dict) else None
        return str(chat["id"] if isinstance(chat, dict) else person["id"])
    return "none"
