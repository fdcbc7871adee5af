"""The staff of a shop as rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from domain.errors import NotFound
from domain.people import Role, Staff
from domain.shops import Shop
from storage.tables import staff as table

_ROLES: Final = frozenset(role.value for role in Role)

#: as ``staff_of`` takes them
STAFF: Final = (
    table.c.id, table.c.key, table.c.name, table.c.role, table.c.refund_limit_minor, table.c.day_limit_minor,
    table.c.slack_team, table.c.slack_user, table.c.telegram_user, table.c.active, table.c.email,
)

_OF_SHOP: Final = sa.select(*STAFF).where(table.c.shop_id == sa.bindparam("shop")).order_by(table.c.key)
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
        return tuple(staff_of(self.shop, *row) for row in rows)


def staff_of(
    shop: Shop, staff_id: int, key: str, name: str, role: str, refund_limit: int | None, day_limit: int | None,
    slack_team: str | None, slack_user: str | None, telegram_user: int | None, active: bool, email: str | None,
) -> Staff:
    """A member of staff by the columns of STAFF."""
    return Staff(
        id=staff_id, key=key, name=name, role=_role(role),
        refund_limit=None if refund_limit is None else shop.money(refund_limit),
        day_limit=None if day_limit is None else shop.money(day_limit),
        slack_team=slack_team, slack_user=slack_user, telegram_user=telegram_user,
        active=active and role in _ROLES, email=email,
    )


def _role(word: str) -> Role:
    """A role that this version does not know, written by a newer one, may do nothing: switched off."""
    return Role(word) if word in _ROLES else Role.VIEWER
