"""The staff of a shop as rows."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from domain.errors import NotFound
from domain.money import Money
from domain.people import Role, Staff
from domain.shops import Shop
from storage.tables import staff as table

_ROLES = frozenset(role.value for role in Role)


@dataclass(frozen=True)
class PeopleRows:
    """The staff of one shop."""

    connection: sa.Connection
    shop: Shop

    def by_slack(self, team: str, user: str) -> Staff | None:
        """Whoever has these Slack ids, active or not."""
        return self._one(table.c.slack_team == team, table.c.slack_user == user)

    def by_telegram(self, user: int) -> Staff | None:
        """Whoever has this Telegram account, active or not."""
        return self._one(table.c.telegram_user == user)

    def by_id(self, staff_id: int) -> Staff:
        """That member of staff; NotFound."""
        found = self._one(table.c.id == staff_id)
        if found is None:
            raise NotFound("I don't know that member of staff any more.")
        return found

    def all(self) -> tuple[Staff, ...]:
        """Everybody, by key."""
        return self._select()

    def _one(self, *where: sa.ColumnElement[bool]) -> Staff | None:
        found = self._select(*where)
        return found[0] if found else None

    def _select(self, *where: sa.ColumnElement[bool]) -> tuple[Staff, ...]:
        rows = self.connection.execute(
            sa.select(table).where(table.c.shop_id == self.shop.id, *where).order_by(table.c.key)
        )
        return tuple(
            Staff(
                id=row.id, key=row.key, name=row.name, role=_role(row.role),
                refund_limit=self._money(row.refund_limit_minor), day_limit=self._money(row.day_limit_minor),
                slack_team=row.slack_team, slack_user=row.slack_user, telegram_user=row.telegram_user,
                active=row.active and row.role in _ROLES, email=row.email,
            )
            for row in rows
        )

    def _money(self, minor: int | None) -> Money | None:
        return None if minor is None else self.shop.money(minor)


def _role(word: str) -> Role:
    """A role that this version does not know, written by a newer one, may do nothing: switched off."""
    return Role(word) if word in _ROLES else Role.VIEWER
