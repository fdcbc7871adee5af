"""The staff of a shop as rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from domain.errors import NotFound
from domain.money import Money
from domain.people import Role, Staff
from domain.shops import Shop
from storage.tables import staff as table

_ROLES: Final = frozenset(role.value for role in Role)

_OF_SHOP: Final = sa.select(table).where(table.c.shop_id == sa.bindparam("shop")).order_by(table.c.key)
_BY_SLACK: Final = _OF_SHOP.where(
    table.c.slack_team == sa.bindparam("team"), table.c.slack_user == sa.bindparam("user")
)
_BY_TELEGRAM: Final = _OF_SHOP.where(table.c.telegram_user == sa.bindparam("user"))
_BY_ID: Final = _OF_SHOP.where(table.c.id == sa.bindparam("which"))


@dataclass(frozen=True)
class PeopleRows:
    """The staff of one shop."""

    connection: sa.Connection
    shop: Shop

    def by_slack(self, team: str, user: str) -> Staff | None:
        """Whoever has these Slack ids, active or not."""
        return self._one(_BY_SLACK, team=team, user=user)

    def by_telegram(self, user: int) -> Staff | None:
        """Whoever has this Telegram account, active or not."""
        return self._one(_BY_TELEGRAM, user=user)

    def by_id(self, staff_id: int) -> Staff:
        """That member of staff; NotFound."""
        found = self._one(_BY_ID, which=staff_id)
        if found is None:
            raise NotFound("I don't know that member of staff any more.")
        return found

    def all(self) -> tuple[Staff, ...]:
        """Everybody, by key."""
        return self._select(_OF_SHOP)

    def _one(self, statement: sa.Select[Any], **values: object) -> Staff | None:
        found = self._select(statement, **values)
        return found[0] if found else None

    def _select(self, statement: sa.Select[Any], **values: object) -> tuple[Staff, ...]:
        rows = self.connection.execute(statement, {"shop": self.shop.id, **values})
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
