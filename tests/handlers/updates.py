"""Telegram's updates, as the Bot API writes them."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from typing import Any

from handlers.jobs import Worker
from handlers.telegram import keep
from tests.desk import TestDesk


@dataclass
class Phone:
    """Sends what people do in Telegram, and has it worked off at once."""

    desk: TestDesk
    worker: Worker
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def message(self, user: int, text: str | None = None, *, group: int | None = None, **parts: Any) -> dict[str, Any]:
        """A message in the private chat, or in a group."""
        number = next(self.numbers)
        chat = {"id": group, "type": "supergroup", "title": "Staff"} if group else {"id": user, "type": "private"}
        person = {"id": user, "is_bot": False, "first_name": "Somebody", **parts.pop("sender", {})}
        body = {"message_id": number, "date": 1_790_000_000, "chat": chat, "from": person, **parts}
        return {"update_id": number, "message": body | ({"text": text} if text is not None else {})}

    async def hear(self, update: dict[str, Any]) -> None:
        """Store an update, and work it off."""
        await keep(self.desk.store, json.dumps(update).encode())
        while await self.worker.step():
            pass

    async def say(self, user: int, text: str | None = None, **parts: Any) -> list[dict[str, Any]]:
        """Say something; the letters that this brought about."""
        return await self.brings(self.message(user, text, **parts))

    async def press(
        self, user: int, data: str, *, under: int | None = 77, group: int | None = None
    ) -> list[dict[str, Any]]:
        """Press a button by its callback data; the letters that this brought about."""
        number = next(self.numbers)
        query: dict[str, Any] = {
            "id": f"q{number}", "from": {"id": user, "is_bot": False, "first_name": "Somebody"}, "chat_instance": "1",
            "data": data,
        }
        if under is not None:
            query["message"] = {"message_id": under, "date": 1_790_000_000, "chat": {"id": user, "type": "private"}}
            if group is not None:
                query["message"]["chat"] = {"id": group, "type": "supergroup", "title": "Staff"}
        return await self.brings({"update_id": number, "callback_query": query})

    async def brings(self, update: dict[str, Any]) -> list[dict[str, Any]]:
        """The letters that an update brings about."""
        before = len(self.desk.outbox_rows())
        await self.hear(update)
        return [row.payload for row in self.desk.outbox_rows()[before:] if row.kind.startswith("say.")]

    def answers(self) -> list[str | None]:
        """What presses were answered with: a sentence for a refusal, None for a plain nod."""
        return [row.payload["text"] for row in self.desk.outbox_rows("answer.telegram")]


def token(letter: dict[str, Any], label: str) -> str:
    """The callback data of a letter's button."""
    found = [one["token"] for one in letter["buttons"] if one["label"].startswith(label)]
    assert found, [one["label"] for one in letter["buttons"]]
    return f"p:{found[0]}"
