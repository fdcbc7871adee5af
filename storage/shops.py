"""Shops as rows, and which shop somebody speaks to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import time

import sqlalchemy as sa

from domain.errors import NotFound
from domain.shops import Policies, Shop
from domain.time import Calendar
from domain.wire import from_json
from storage.tables import chats, customers, shops, staff


@dataclass(frozen=True)
class ShopRows:
    """Every shop of the installation."""

    connection: sa.Connection

    def all(self) -> tuple[Shop, ...]:
        """Every shop, oldest first."""
        return tuple(_shop(row) for row in self.connection.execute(sa.select(shops).order_by(shops.c.id)))

    def by_key(self, key: str) -> Shop:
        """That shop; NotFound names the ones there are."""
        row = self.connection.execute(sa.select(shops).where(shops.c.key == key)).first()
        if row is None:
            known = ", ".join(shop.key for shop in self.all()) or "none yet: import one or apply a shop file"
            raise NotFound(f"There is no shop {key!r}. Shops here: {known}.")
        return _shop(row)

    def by_id(self, shop_id: int) -> Shop:
        """That shop; NotFound."""
        row = self.connection.execute(sa.select(shops).where(shops.c.id == shop_id)).first()
        if row is None:
            raise NotFound("That shop is gone.")
        return _shop(row)

    def of_slack(self, team: str, user: str, channel: str | None) -> Shop | None:
        """The shop that a person in a channel means: the channel's, else the one whose staff they are.

        None if it cannot be told, which is then said; it is never guessed.
        """
        heard = self.connection.execute(
            sa.select(chats.c.shop_id).where(chats.c.platform == "slack", chats.c.address == channel).distinct()
        ).scalars().all()
        works = self.connection.execute(
            sa.select(staff.c.shop_id).where(staff.c.slack_team == team, staff.c.slack_user == user).distinct()
        ).scalars().all()
        return self._only(heard) or self._only(works) or self._single()

    def of_telegram(self, user: int, chat: str) -> Shop | None:
        """The shop that a Telegram account means: the group's, else as customer or staff, else the only one."""
        heard = self.connection.execute(
            sa.select(chats.c.shop_id).where(chats.c.platform == "telegram", chats.c.address == chat).distinct()
        ).scalars().all()
        buys = self.connection.execute(
            sa.select(customers.c.shop_id).where(customers.c.telegram_user == user).distinct()
        ).scalars().all()
        works = self.connection.execute(
            sa.select(staff.c.shop_id).where(staff.c.telegram_user == user).distinct()
        ).scalars().all()
        return self._only(heard) or self._only(works) or self._only(buys) or self._single()

    def _only(self, ids: Sequence[int]) -> Shop | None:
        return self.by_id(ids[0]) if len(ids) == 1 else None

    def _single(self) -> Shop | None:
        found = self.all()
        return found[0] if len(found) == 1 else None


def _shop(row: sa.Row[tuple[object, ...]]) -> Shop:
    settings = row.settings or {}
    calendar = from_json(Calendar, {"time_zone": row.time_zone, **settings.get("calendar", {})})
    return Shop(
        id=row.id, key=row.key, name=row.name, currency=row.currency, language=row.language,
        calendar=replace(calendar, time_zone=row.time_zone),
        digest_at=time.fromisoformat(settings.get("digest_at", "08:00")),
        policies=from_json(Policies, settings.get("policies", {})),
    )
