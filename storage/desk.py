"""Small ports of the desk as rows: dialogues, and numbers given out in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from domain.messages import Chat
from domain.ports import Dialogue
from domain.shops import Shop
from domain.wire import Json
from storage.database import Upsert
from storage.tables import counters, dialogues

_HERE: Final = sa.and_(
    dialogues.c.shop_id == sa.bindparam("shop"), dialogues.c.platform == sa.bindparam("on"),
    dialogues.c.address == sa.bindparam("at"),
)
_UNDER_WAY: Final = sa.select(dialogues).where(_HERE)
_PUT: Final = Upsert(dialogues, lambda new: new.on_conflict_do_update(
    index_elements=["shop_id", "platform", "address"],
    set_={name: new.excluded[name] for name in ("name", "state", "changed_at")},
))
_END: Final = sa.delete(dialogues).where(_HERE)
_NEXT: Final = Upsert(counters, lambda new: new.on_conflict_do_update(
    index_elements=["shop_id", "name"], set_={"value": counters.c.value + 1}
).returning(counters.c.value))


@dataclass(frozen=True)
class DialogueRows:
    """Conversations of one shop."""

    connection: sa.Connection
    shop: Shop
    now: datetime

    def of(self, chat: Chat) -> Dialogue | None:
        """The one under way in this chat."""
        row = self.connection.execute(_UNDER_WAY, self._here(chat)).first()
        return None if row is None else Dialogue(name=row.name, state=row.state, changed_at=row.changed_at)

    def put(self, chat: Chat, name: str, state: Mapping[str, Json]) -> None:
        """Remember where it stands."""
        self.connection.execute(_PUT.on(self.connection), {
            "shop_id": self.shop.id, "platform": chat.platform, "address": chat.address, "name": name,
            "state": dict(state), "changed_at": self.now,
        })

    def end(self, chat: Chat) -> None:
        """Forget it."""
        self.connection.execute(_END, self._here(chat))

    def _here(self, chat: Chat) -> dict[str, object]:
        return {"shop": self.shop.id, "on": chat.platform, "at": chat.address}


@dataclass(frozen=True)
class NumberRows:
    """Series of numbers of one shop."""

    connection: sa.Connection
    shop: Shop

    def next(self, name: str, *, first: int) -> int:
        """The next number: one upsert, so two transactions never get the same."""
        row = {"shop_id": self.shop.id, "name": name, "value": first}
        value: int = self.connection.execute(_NEXT.on(self.connection), row).scalar_one()
        return value
