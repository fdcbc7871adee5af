"""Whose own digest comes when, as rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time
from typing import Any, Final

import sqlalchemy as sa

from domain.digest import Shows
from domain.own_digest import OwnDigest
from domain.shops import Shop
from storage.database import Upsert
from storage.tables import own_digests as table
from storage.tables import staff

_SHOP: Final[sa.BindParameter[int]] = sa.bindparam("shop")
_WHICH: Final[sa.BindParameter[int]] = sa.bindparam("which")
_SHOWS: Final = frozenset(one.value for one in Shows)

_ALL: Final = (
    sa.select(table)
    .join(staff, staff.c.id == table.c.staff_id)
    .where(table.c.shop_id == _SHOP, staff.c.active.is_(True))
    .order_by(table.c.id)
)
_OF: Final = _ALL.where(table.c.staff_id == _WHICH)
_PUT: Final = Upsert(table, lambda new: new.on_conflict_do_update(
    index_elements=["staff_id"],
    set_={name: new.excluded[name] for name in ("hour", "shows", "platform", "changed_at", "sent_on")},
))
_END: Final = sa.delete(table).where(table.c.shop_id == _SHOP, table.c.staff_id == _WHICH)
_SENT: Final = sa.update(table).where(
    table.c.shop_id == _SHOP, table.c.staff_id == _WHICH,
    sa.or_(table.c.sent_on.is_(None), table.c.sent_on != sa.bindparam("day", type_=sa.Date())),
)


@dataclass(frozen=True)
class OwnDigestRows:
    """The own digests of one shop's staff."""

    connection: sa.Connection
    shop: Shop

    def of(self, staff_id: int) -> OwnDigest | None:
        """That person's."""
        row = self.connection.execute(_OF, {"shop": self.shop.id, "which": staff_id}).first()
        return None if row is None else _wish(row)

    def all(self) -> tuple[OwnDigest, ...]:
        """Of everybody who is not switched off."""
        return tuple(_wish(row) for row in self.connection.execute(_ALL, {"shop": self.shop.id}))

    def put(self, wish: OwnDigest) -> None:
        """One row for each person."""
        self.connection.execute(_PUT.on(self.connection), {
            "shop_id": self.shop.id, "staff_id": wish.staff_id, "hour": f"{wish.hour:%H:%M}",
            "shows": wish.shows.value, "platform": wish.platform, "changed_at": wish.changed_at,
            "sent_on": wish.sent_on,
        })

    def end(self, staff_id: int) -> None:
        """Without a row."""
        self.connection.execute(_END, {"shop": self.shop.id, "which": staff_id})

    def sent(self, staff_id: int, day: date) -> bool:
        """The guarded update decides."""
        changed = self.connection.execute(
            _SENT, {"shop": self.shop.id, "which": staff_id, "day": day, "sent_on": day}
        )
        return changed.rowcount == 1


def _wish(row: sa.Row[*tuple[Any, ...]]) -> OwnDigest:
    return OwnDigest(
        staff_id=row.staff_id, hour=time.fromisoformat(row.hour), platform=row.platform, changed_at=row.changed_at,
        # what a newer version wrote and this one does not know is shown whole
        shows=Shows(row.shows) if row.shows in _SHOWS else Shows.ALL, sent_on=row.sent_on,
    )
