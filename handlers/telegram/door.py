"""Updates come in, by webhook or polling, and are stored before anything else; the same update twice is one row."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from hashlib import sha256
from typing import Final

from aiogram import Bot
from aiogram.types import Update
from aiohttp import web

from domain.foreign import Unreadable, json_object, part
from domain.jobs import Engine
from domain.outcomes import NotNow
from domain.wire import Json
from handlers import frontdoor
from handlers.door import Handler, Head, Hear, door, one
from notifications.telegram.calls import Lost, Moved, NotSent, Refused, direct

log = logging.getLogger("opsbell.telegram")

#: what we work with; Telegram sends nothing else
ALLOWED_UPDATES = ("message", "callback_query", "my_chat_member")
#: seconds that Telegram keeps a call open while nothing comes
_PATIENCE: Final = 25


async def keep(engine: Engine, body: bytes) -> None:
    """Store an update. A chat's updates are worked off in the order they came, and hold up no other chat's.

    The same update_id counts once: by the set of them, since after a quiet week Telegram begins anew at any number.
    What is no update is stored too, under its bytes, and refused when it is worked off.
    """
    try:
        update = json_object(body)
    except Unreadable:
        update = {}
    number = update.get("update_id")
    known = isinstance(number, int) and not isinstance(number, bool)
    key = str(number) if known else f"sha256:{sha256(body).hexdigest()}"
    lane = f"telegram-in:{_chat(update) or key}"
    await engine.write(lambda transaction: transaction.inbox.keep("telegram", key, body, lane=lane))


def webhook(engine: Engine, secrets: Sequence[str]) -> Handler:
    """The handler of Telegram's webhook: 401 without the secret token, 2xx only once stored."""
    return door(hear(engine, secrets))


def hear(engine: Engine, secrets: Sequence[str]) -> Hear:
    """Whatever comes with the secret token is Telegram's, and stored before it is answered."""

    async def heard(head: Head, body: bytes) -> web.Response:
        if not frontdoor.telegram(secrets, one(head, "X-Telegram-Bot-Api-Secret-Token")):
            return web.Response(status=401, text="not from Telegram")
        await keep(engine, body)
        return web.Response(status=200)

    return heard


async def poll(bot: Bot, engine: Engine, sleep: Callable[[float], Awaitable[None]]) -> None:
    """Fetch updates until cancelled; the offset moves on only after they are stored."""
    calls, patience = direct(engine), _PATIENCE
    offset: int | None = None

    async def ask() -> list[Update]:
        return await bot.get_updates(
            offset=offset, timeout=patience, request_timeout=patience + 10, allowed_updates=list(ALLOWED_UPDATES)
        )

    while True:
        try:
            updates = await calls.ask(ask)
        except NotNow as error:
            patience = 0  # what may be a trial for all is over at once
            await sleep(max(1.0, error.wait.total_seconds()))
            continue
        except (Lost, NotSent, Refused, Moved) as error:
            log.warning("Telegram could not be asked for updates: %s", type(error).__name__)
            await sleep(3)
            continue
        patience = _PATIENCE
        for update in updates:
            await keep(engine, update.model_dump_json(exclude_unset=True, by_alias=True).encode())
            offset = update.update_id + 1


def _chat(update: Mapping[str, Json]) -> str | None:
    """The chat that an update is from; None where it cannot be told."""
    for kind in ("message", "my_chat_member"):
        found = part(part(update.get(kind)).get("chat")).get("id")
        if isinstance(found, int):
            return str(found)
    pressed = part(update.get("callback_query"))
    for place in (part(part(pressed.get("message")).get("chat")), part(pressed.get("from"))):
        found = place.get("id")
        if isinstance(found, int):
            return str(found)
    return None
