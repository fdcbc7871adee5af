"""Shops as rows, and which shop somebody speaks to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import time
from functools import lru_cache
from itertools import groupby
from json import loads
from typing import Any, Final

import sqlalchemy as sa

from domain.errors import NotFound
from domain.forms import DIALOGUE
from domain.messages import Chat
from domain.people import Staff
from domain.shops import Policies, Shop
from domain.time import Calendar
from domain.wire import from_json
from storage.people import STAFF, staff_of
from storage.tables import chats, customers, dialogues, shops, staff

#: a shop's columns; its settings as they are written, so that a shop that is unchanged need not be read again
_COLUMNS: Final = (
    shops.c.id, shops.c.key, shops.c.name, shops.c.currency, shops.c.language, shops.c.time_zone,
    sa.cast(shops.c.settings, sa.Text()).label("written"),
)
_BEFORE_STAFF: Final = len(_COLUMNS) + 1
#: shops that are remembered as they were last read; each takes about two kilobytes
_REMEMBERED: Final = 1_000


def _ways(*ways: sa.Select[Any]) -> sa.Subquery:
    """The shops that each way of telling leads to, with the way's rank; built once, since every click asks."""
    return sa.union(*(way.add_columns(sa.literal(rank).label("rank")) for rank, way in enumerate(ways))).subquery()


_HERE: Final = (staff.c.slack_team == sa.bindparam("team"), staff.c.slack_user == sa.bindparam("user"))
_TO_SLACK: Final = _ways(
    sa.select(chats.c.shop_id).where(chats.c.platform == "slack", chats.c.address == sa.bindparam("channel")),
    sa.select(staff.c.shop_id).where(*_HERE),
)
#: with the person as staff of each of the shops, where they are: both in one look
_OF_SLACK: Final = (
    sa.select(*_COLUMNS, _TO_SLACK.c.rank, *STAFF)
    .join(_TO_SLACK, _TO_SLACK.c.shop_id == shops.c.id)
    .join(staff, sa.and_(staff.c.shop_id == shops.c.id, *_HERE), isouter=True)
)
_TO_TELEGRAM: Final = _ways(
    sa.select(chats.c.shop_id).where(chats.c.platform == "telegram", chats.c.address == sa.bindparam("chat")),
    sa.select(staff.c.shop_id).where(staff.c.telegram_user == sa.bindparam("user")),
    sa.select(customers.c.shop_id).where(customers.c.telegram_user == sa.bindparam("user")),
)
_OF_TELEGRAM: Final = sa.select(*_COLUMNS, _TO_TELEGRAM.c.rank).join(
    _TO_TELEGRAM, _TO_TELEGRAM.c.shop_id == shops.c.id
)
#: from the person's shops to their dialogues, one step over an index each
_ASKING: Final = (
    sa.select(*_COLUMNS)
    .join(staff, sa.and_(staff.c.shop_id == shops.c.id, staff.c.telegram_user == sa.bindparam("user")))
    .join(dialogues, sa.and_(
        dialogues.c.shop_id == shops.c.id, dialogues.c.platform == "telegram",
        dialogues.c.address == sa.bindparam("chat"), dialogues.c.name == DIALOGUE,
    ))
    .order_by(dialogues.c.changed_at.desc(), dialogues.c.id.desc())
    .limit(1)
)
_ALL: Final = sa.select(*_COLUMNS).order_by(shops.c.id)
_CHATS: Final = (
    sa.select(shops.c.key, chats.c.platform, chats.c.address, chats.c.topic)
    .join(chats, chats.c.shop_id == shops.c.id)
    .order_by(shops.c.id, chats.c.platform, chats.c.address, chats.c.id)
)
_NAMES: Final = sa.select(sa.exists().where(
    chats.c.shop_id == sa.bindparam("shop"), chats.c.platform == sa.bindparam("platform"),
    chats.c.address == sa.bindparam("address"),
))
_BY_KEY: Final = sa.select(*_COLUMNS).where(shops.c.key == sa.bindparam("shop_key"))
_BY_ID: Final = sa.select(*_COLUMNS).where(shops.c.id == sa.bindparam("shop"))


@dataclass(frozen=True, kw_only=True)
class ShopChat:
    """A chat that hears some topics of a shop."""

    #: its key
    shop: str
    chat: Chat
    topics: tuple[str, ...]


@dataclass(frozen=True)
class ShopRows:
    """Every shop of the installation."""

    connection: sa.Connection

    def all(self) -> tuple[Shop, ...]:
        """Every shop, oldest first."""
        return tuple(_shop(row) for row in self.connection.execute(_ALL))

    def chats(self) -> tuple[ShopChat, ...]:
        """Every chat that the shop files name, with what it hears."""
        return tuple(
            ShopChat(shop=shop, chat=Chat(platform=platform, address=address), topics=tuple(row.topic for row in rows))
            for (shop, platform, address), rows in groupby(
                self.connection.execute(_CHATS), key=lambda row: (row.key, row.platform, row.address)
            )
        )

    def names(self, shop: Shop, chat: Chat) -> bool:
        """Whether that is a chat of the shop: its file names it."""
        values = {"shop": shop.id, "platform": chat.platform, "address": chat.address}
        return bool(self.connection.execute(_NAMES, values).scalar())

    def by_key(self, key: str) -> Shop:
        """That shop; NotFound names the ones there are."""
        row = self.connection.execute(_BY_KEY, {"shop_key": key}).first()
        if row is None:
            known = ", ".join(shop.key for shop in self.all()) or "none yet: import one or apply a shop file"
            raise NotFound(f"There is no shop {key!r}. Shops here: {known}.")
        return _shop(row)

    def by_id(self, shop_id: int) -> Shop:
        """That shop; NotFound."""
        row = self.connection.execute(_BY_ID, {"shop": shop_id}).first()
        if row is None:
            raise NotFound("That shop is gone.")
        return _shop(row)

    def of_slack(self, team: str, user: str, channel: str | None) -> tuple[Shop, Staff | None] | None:
        """The shop that a person in a channel means, and who they are there if they are of its staff, active or not.

        It is the channel's shop, else the one whose staff they are. None if it cannot be told, which is then said; it
        is never guessed.
        """
        row = self._meant(_OF_SLACK, {"channel": channel, "team": team, "user": user})
        if row is None:
            single = self._single()
            return None if single is None else (single, None)  # whoever is staff of it was led to it
        shop = _shop(row)
        of_staff = row[_BEFORE_STAFF:]
        return shop, None if of_staff[0] is None else staff_of(shop, *of_staff)

    def of_telegram(self, user: int, chat: str) -> Shop | None:
        """The shop that a Telegram account means: the group's, else as staff or customer, else the only one."""
        row = self._meant(_OF_TELEGRAM, {"chat": chat, "user": user})
        return self._single() if row is None else _shop(row)

    def asking(self, user: int) -> Shop | None:
        """The shop that waits for the answer of one of its staff in their own Telegram chat; the newest question's."""
        row = self.connection.execute(_ASKING, {"user": user, "chat": str(user)}).first()
        return None if row is None else _shop(row)

    def _meant(self, statement: sa.Select[Any], values: dict[str, object]) -> sa.Row[*tuple[Any, ...]] | None:
        """The first way of telling that leads to exactly one shop; None if none does."""
        rows = self.connection.execute(statement, values).all()
        for rank in sorted({row.rank for row in rows}) if len(rows) > 1 else ():
            found = [row for row in rows if row.rank == rank]
            if len(found) == 1:
                return found[0]
        return rows[0] if len(rows) == 1 else None

    def _single(self) -> Shop | None:
        found = self.all()
        return found[0] if len(found) == 1 else None


def _shop(row: sa.Row[*tuple[Any, ...]]) -> Shop:
    return _read(row.id, row.key, row.name, row.currency, row.language, row.time_zone, row.written)


@lru_cache(_REMEMBERED)
def _read(
    shop_id: int, key: str, name: str, currency: str, language: str, time_zone: str, written: str | None
) -> Shop:
    settings = (loads(written) if written else None) or {}
    calendar = from_json(Calendar, {"time_zone": time_zone, **settings.get("calendar", {})})
    return Shop(
        id=shop_id, key=key, name=name, currency=currency, language=language,
        calendar=replace(calendar, time_zone=time_zone),
        digest_at=time.fromisoformat(settings.get("digest_at", "08:00")),
        policies=from_json(Policies, settings.get("policies", {})),
    )
