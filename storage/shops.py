"""Shops as rows, and which shop somebody speaks to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import time
from functools import lru_cache
from json import loads
from typing import Any, Final

import sqlalchemy as sa

from domain.errors import NotFound
from domain.shops import Policies, Shop
from domain.time import Calendar
from domain.wire import from_json
from storage.tables import chats, customers, shops, staff

#: a shop's columns; its settings as they are written, so that a shop that is unchanged need not be read again
_COLUMNS: Final = (
    shops.c.id, shops.c.key, shops.c.name, shops.c.currency, shops.c.language, shops.c.time_zone,
    sa.cast(shops.c.settings, sa.Text()).label("written"),
)
#: shops that are remembered as they were last read; each takes about two kilobytes
_REMEMBERED: Final = 1_000


def _ways(*ways: sa.Select[Any]) -> sa.Select[Any]:
    """The shops that each way of telling leads to, with the way's rank; built once, since every click asks."""
    found = sa.union(*(way.add_columns(sa.literal(rank).label("rank")) for rank, way in enumerate(ways))).subquery()
    return sa.select(*_COLUMNS, found.c.rank).join(found, found.c.shop_id == shops.c.id)


_OF_SLACK: Final = _ways(
    sa.select(chats.c.shop_id).where(chats.c.platform == "slack", chats.c.address == sa.bindparam("channel")),
    sa.select(staff.c.shop_id).where(
        staff.c.slack_team == sa.bindparam("team"), staff.c.slack_user == sa.bindparam("user")
    ),
)
_OF_TELEGRAM: Final = _ways(
    sa.select(chats.c.shop_id).where(chats.c.platform == "telegram", chats.c.address == sa.bindparam("chat")),
    sa.select(staff.c.shop_id).where(staff.c.telegram_user == sa.bindparam("user")),
    sa.select(customers.c.shop_id).where(customers.c.telegram_user == sa.bindparam("user")),
)
_ALL: Final = sa.select(*_COLUMNS).order_by(shops.c.id)
_BY_KEY: Final = sa.select(*_COLUMNS).where(shops.c.key == sa.bindparam("shop_key"))
_BY_ID: Final = sa.select(*_COLUMNS).where(shops.c.id == sa.bindparam("shop"))


@dataclass(frozen=True)
class ShopRows:
    """Every shop of the installation."""

    connection: sa.Connection

    def all(self) -> tuple[Shop, ...]:
        """Every shop, oldest first."""
        return tuple(_shop(row) for row in self.connection.execute(_ALL))

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

    def of_slack(self, team: str, user: str, channel: str | None) -> Shop | None:
        """The shop that a person in a channel means: the channel's, else the one whose staff they are.

        None if it cannot be told, which is then said; it is never guessed.
        """
        return self._meant(_OF_SLACK, {"channel": channel, "team": team, "user": user})

    def of_telegram(self, user: int, chat: str) -> Shop | None:
        """The shop that a Telegram account means: the group's, else as staff or customer, else the only one."""
        return self._meant(_OF_TELEGRAM, {"chat": chat, "user": user})

    def _meant(self, statement: sa.Select[Any], values: dict[str, object]) -> Shop | None:
        """The first way of telling that leads to exactly one shop; else the only shop there is."""
        rows = self.connection.execute(statement, values).all()
        for rank in sorted({row.rank for row in rows}):
            found = [row for row in rows if row.rank == rank]
            if len(found) == 1:
                return _shop(found[0])
        return self._single()

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
