"""Small ports of the desk as rows: the audit trail, dialogues and numbers given out in order."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from domain.messages import Chat
from domain.ports import AuditLine, Dialogue
from domain.shops import Shop
from domain.wire import Json, to_json
from storage.database import insert, is_sqlite
from storage.tables import audit, counters, dialogues, shops

_FIRST_HASH: Final = "0" * 64


@dataclass(frozen=True)
class AuditRows:
    """The trail of one shop: each line carries the hash of the one before it."""

    connection: sa.Connection
    shop: Shop
    now: datetime

    def add(self, actor: str, action: str, subject: str, detail: Mapping[str, Json] | None = None) -> None:
        """One line at the end of the chain; the shop's row is locked so that two lines never share a predecessor."""
        if not is_sqlite(self.connection):
            # NO KEY UPDATE: every insert of the shop's rows holds a KEY SHARE on it, and two such would deadlock here.
            row = sa.select(shops.c.id).where(shops.c.id == self.shop.id)
            self.connection.execute(row.with_for_update(key_share=True))
        previous = self.connection.execute(
            sa.select(audit.c.hash).where(audit.c.shop_id == self.shop.id).order_by(audit.c.id.desc()).limit(1)
        ).scalar()
        form = to_json(dict(detail or {}))
        line = [previous or _FIRST_HASH, self.now.isoformat(), actor, action, subject, form]
        self.connection.execute(
            sa.insert(audit).values(
                shop_id=self.shop.id, at=self.now, actor=actor, action=action, subject=subject, detail=form,
                previous_hash=previous or _FIRST_HASH, hash=digest(line),
            )
        )

    def about(self, subject: str) -> tuple[AuditLine, ...]:
        """The lines about a subject, oldest first."""
        rows = self.connection.execute(
            sa.select(audit).where(audit.c.shop_id == self.shop.id, audit.c.subject == subject).order_by(audit.c.id)
        )
        return tuple(
            AuditLine(at=row.at, actor=row.actor, action=row.action, subject=row.subject, detail=row.detail)
            for row in rows
        )


def digest(line: list[Json]) -> str:
    """SHA-256 of a line's canonical JSON."""
    return hashlib.sha256(json.dumps(line, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


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
