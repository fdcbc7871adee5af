"""Telegram below aiogram: private chats, keyboards, edits. It cannot be read back, and forgets nothing."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiogram import Bot
from aiogram.client.default import DefaultBotProperties
from aiogram.client.session.base import BaseSession
from aiogram.exceptions import TelegramNetworkError
from aiogram.methods import TelegramMethod

from tests.faults.simulator.network import Reply, WireBroken

if TYPE_CHECKING:
    from domain.jobs import Job
    from tests.faults.simulator.replica import Replica
    from tests.faults.simulator.world import World


@dataclass(eq=False)
class Line:
    """A message in a chat. ``buttons``: label and callback data."""

    number: int
    chat: str
    job: str
    text: str
    buttons: list[tuple[str, str]]


@dataclass
class Chats:
    """Every chat with the bot."""

    world: World
    lines: list[Line] = field(default_factory=list)
    #: who has blocked the bot
    blocked: set[str] = field(default_factory=set)

    def bot(self, replica: Replica) -> Bot:
        """The real client of a process, its wire replaced."""
        session = _Session(self, replica)
        return Bot("42:simulated", session=session, default=DefaultBotProperties(parse_mode="HTML"))

    def of(self, chat: int | str) -> list[Line]:
        """A chat's messages, oldest first."""
        return [line for line in self.lines if line.chat == str(chat)]

    def act(self, method: TelegramMethod[Any], job: Job | None) -> Reply:
        """Carry a call out."""
        name = method.__api_method__
        chat = str(getattr(method, "chat_id", ""))
        if chat in self.blocked:
            return _error(403, "Forbidden: bot was blocked by the user")
        if name == "answerCallbackQuery":
            return Reply(status=200, body={"ok": True, "result": True})
        buttons = _buttons(getattr(method, "reply_markup", None))
        text = str(getattr(method, "text", None) or getattr(method, "caption", None) or "")
        if name == "editMessageText":
            number = int(getattr(method, "message_id", 0))
            line = next((one for one in self.lines if (one.chat, one.number) == (chat, number)), None)
            if line is None:
                return _error(400, "Bad Request: message to edit not found")
            if (line.text, line.buttons) == (text, buttons):
                return _error(400, "Bad Request: message is not modified")
            line.text, line.buttons = text, buttons
        else:
            line = Line(number=len(self.lines) + 1, chat=chat, job=job.key if job else "?", text=text, buttons=buttons)
            self.lines.append(line)
            self.world.oracle.told(line, job)
        result = {
            "message_id": line.number, "date": 1_790_000_000, "chat": {"id": int(chat), "type": "private"}, "text": "x"
        }
        return Reply(status=200, body={"ok": True, "result": result})


def _error(code: int, words: str) -> Reply:
    return Reply(status=code, body={"ok": False, "error_code": code, "description": words})


def _buttons(markup: Any) -> list[tuple[str, str]]:
    rows = getattr(markup, "inline_keyboard", None) or []
    return [(one.text, one.callback_data) for row in rows for one in row if one.callback_data]


class _Session(BaseSession):
    """aiogram's session, down to its request."""

    def __init__(self, chats: Chats, replica: Replica) -> None:
        super().__init__(timeout=20)
        self.chats, self.replica = chats, replica

    async def close(self) -> None:
        """Nothing is open."""

    async def stream_content(self, *args: Any, **kwargs: Any) -> AsyncGenerator[bytes, None]:
        """No file is fetched here."""
        del args, kwargs
        yield b""

    async def make_request(self, bot: Bot, method: TelegramMethod[Any], timeout: int | None = None) -> Any:
        del timeout
        world = self.chats.world
        job = world.job.get()
        bucket = f"telegram:{getattr(method, 'chat_id', '') or 'answers'}"
        world.oracle.sends(self.replica, job, method.__api_method__, {})
        try:
            reply = await world.network.call(
                self.replica, "telegram", bucket, lambda: self.chats.act(method, job), timeout=20.0,
                busy=lambda seconds: Reply(
                    status=429,
                    body={
                        "ok": False, "error_code": 429, "description": f"Too Many Requests: retry after {seconds}",
                        "parameters": {"retry_after": seconds},
                    },
                ),
            )
        except WireBroken as broken:
            # aiogram says the same for a connection that never stood and for one that broke
            world.oracle.unknown(job, broken.how)
            raise TelegramNetworkError(method=method, message=f"{broken.how} (simulated)") from None
        if reply.status >= 500:
            world.oracle.unknown(job, "5xx")
            reply = _error(reply.status, "Bad Gateway")
        else:
            world.oracle.answered(job)
        return self.check_response(bot, method, reply.status, json.dumps(reply.body)).result
