"""Small ports of the desk as rows: dialogues, and numbers given out in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from domain.messages import Chat
from domain.ports import Dialogue
from domain.shops import Shop
from domain.wire import Json
from storage.database import insert
from storage.tables import counters, dialogues


@dataclass(frozen=True)
class DialogueRows:
    """Conversations of one shop."""

    connection: sa.Connection
    shop: Shop
    now: datetime

    def of(self, chat: Chat) -> Dialogue | None:
        """The one under way in this chat."""
        row = self.connection.execute(sa.select(dialogues).where(*self._is(chat))).first()
        return None if row is None else Dialogue(name=row.name, state=row.state, changed_at=row.changed_at)

    def put(self, chat: Chat, name: str, state: Mapping[str, Json]) -> None:
        """Remember where it stands."""
        values = {"name": name, "state": dict(state), "changed_at": self.now}
        self.connection.execute(
            insert(self.connection, dialogues)
            .values(shop_id=self.shop.id, platform=chat.platform, address=chat.address, **values)
            .on_conflict_do_update(index_elements=["shop_id", "platform", "address"], set_=values)
        )

    def end(self, chat: Chat) -> None:
        """Forget it."""
        self.connection.execute(sa.delete(dialogues).where(*self._is(chat)))

    def _is(self, chat: Chat) -> tuple[sa.ColumnElement[bool], ...]:
        return (
            dialogues.c.shop_id == self.shop.id,
            dialogues.c.platform == chat.platform,
            dialogues.c.address == chat.address,
        )


@dataclass(frozen=True)
class NumberRows:
    """Series of numbers of one shop."""

    connection: sa.Connection
    shop: Shop

    def next(self, name: str, *, first: int) -> int:
        """The next number: one upsert, so two transactions never get the same."""
        value: int = self.connection.execute(
            insert(self.connection, counters)
            .values(shop_id=self.shop.id, name=name, value=first)
            .on_conflict_do_update(index_elements=["shop_id", "name"], set_={"value": counters.c.value + 1})
            .returning(counters.c.value)
        ).scalar_one()
        return value
