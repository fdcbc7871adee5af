"""Whose quiet hours are when, as rows, and the letters that wait for their end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any, Final

import sqlalchemy as sa

from domain.messages import Chat, MessageClass
from domain.quiet_hours import QuietHours
from domain.shops import Shop
from storage.claim import still_open
from storage.database import Upsert, is_sqlite
from storage.jobs import NEW_WORK
from storage.letters import lane_of
from storage.tables import jobs, staff
from storage.tables import quiet_hours as table

#: what may wait, unless it is pressing; approvals and answers never do
MAY_WAIT: Final = frozenset({MessageClass.ALERT, MessageClass.DIGEST})
_WAITING: Final = ":quiet"

_SHOP: Final[sa.BindParameter[int]] = sa.bindparam("shop")
_ALL: Final = (
    sa.select(table)
    .join(staff, staff.c.id == table.c.staff_id)
    .where(table.c.shop_id == _SHOP, staff.c.active.is_(True))
)
_OF: Final = _ALL.where(table.c.staff_id == sa.bindparam("which"))
_ON: Final[Mapping[str, sa.Select[Any]]] = {
    "slack": _ALL.where(staff.c.slack_user == sa.bindparam("address")),
    "telegram": _ALL.where(staff.c.telegram_user == sa.bindparam("address", type_=sa.BigInteger())),
}
_PUT: Final = Upsert(table, lambda new: new.on_conflict_do_update(
    index_elements=["staff_id"], set_={name: new.excluded[name] for name in ("starts", "ends", "days", "changed_at")},
))
_END: Final = sa.delete(table).where(table.c.shop_id == _SHOP, table.c.staff_id == sa.bindparam("which"))
#: never tried, so that no attempt under way and no wait that a platform asked for is touched
_HELD: Final = (
    sa.select(jobs.c.id, jobs.c.kind, jobs.c.due_at, jobs.c.final_by)
    .where(
        still_open(), jobs.c.lane.in_(sa.bindparam("lanes", expanding=True)), jobs.c.shop_id == _SHOP,
        jobs.c.attempts == 0, jobs.c.due_at > sa.bindparam("now"),
    )
    .order_by(jobs.c.id)
    .with_for_update(skip_locked=True, of=jobs)  # held: it is on its way, or moved by another change
)
_MOVE: Final = sa.update(jobs).where(jobs.c.id == sa.bindparam("which")).values(
    due_at=sa.bindparam("at", type_=jobs.c.due_at.type), final_by=sa.bindparam("by", type_=jobs.c.final_by.type),
)
_CARD_DUE: Final = sa.select(sa.func.max(jobs.c.due_at, type_=jobs.c.due_at.type)).where(
    still_open(), jobs.c.card == sa.bindparam("card"), jobs.c.shop_id == _SHOP, jobs.c.lane == sa.bindparam("lane"),
)
#: shared by whoever writes there, and only tried by whoever looks again after a change: nobody waits for anybody, or a
#: writer that holds the audit trail and a change that needs it could wait for each other
_CHAT: Final = sa.func.hashtextextended(sa.bindparam("chat", type_=sa.Text()), 0)
_SHARE: Final = sa.select(sa.func.pg_advisory_xact_lock_shared(_CHAT))
_ALONE: Final = sa.select(sa.func.pg_try_advisory_xact_lock(_CHAT))
_LAST_DUE: Final = sa.select(sa.func.max(jobs.c.due_at, type_=jobs.c.due_at.type)).where(
    still_open(), jobs.c.lane == sa.bindparam("lane"),
)


def quiet_lane(chat: Chat, kind: MessageClass = MessageClass.ALERT) -> str:
    """The lane of a chat's letters that waited: nobody's answer stands behind them."""
    return lane_of(chat, kind) + _WAITING


def without_quiet(lane: str) -> str:
    """The lane on which such a letter leaves where somebody has just asked for it."""
    return lane.removesuffix(_WAITING)


def is_own(chat: Chat) -> bool:
    """Whether one person reads there alone: a Slack user's id, a Telegram account's."""
    if chat.platform == "slack":
        return chat.address.startswith(("U", "W"))
    return chat.platform == "telegram" and chat.address.isdecimal()


@dataclass(frozen=True)
class QuietHoursRows:
    """The quiet hours of one shop's staff."""

    connection: sa.Connection
    shop: Shop

    def of(self, staff_id: int) -> QuietHours | None:
        """That person's."""
        return self._read(_OF, {"which": staff_id})

    def on(self, chat: Chat) -> QuietHours | None:
        """Those of whoever reads alone in that chat; None for a channel."""
        if not is_own(chat):
            return None
        address = int(chat.address) if chat.platform == "telegram" else chat.address
        return self._read(_ON[chat.platform], {"address": address})

    def put(self, staff_id: int, hours: QuietHours, *, at: datetime) -> None:
        """One row for each person."""
        self.connection.execute(_PUT.on(self.connection), {
            "shop_id": self.shop.id, "staff_id": staff_id, "changed_at": at,
            "starts": None if hours.start is None else f"{hours.start:%H:%M}",
            "ends": None if hours.end is None else f"{hours.end:%H:%M}",
            "days": " ".join(str(day) for day in sorted(hours.days)),
        })

    def end(self, staff_id: int) -> None:
        """Without a row."""
        self.connection.execute(_END, {"shop": self.shop.id, "which": staff_id})

    def share(self, chat: Chat) -> None:
        """This transaction writes there by the hours that it reads after this: nobody is ``alone`` until it ends."""
        if not is_sqlite(self.connection):
            self.connection.execute(_SHARE, {"chat": self._lock_of(chat)})

    def alone(self, chat: Chat) -> bool:
        """Whether no other transaction ``share``s it at this moment. On SQLite there is but one writer."""
        return is_sqlite(self.connection) or bool(
            self.connection.execute(_ALONE, {"chat": self._lock_of(chat)}).scalar()
        )

    def card_waits_until(self, chat: Chat, card: str) -> datetime | None:
        """Until when a card waits that is not posted there yet, if it does."""
        values = {"shop": self.shop.id, "card": card, "lane": quiet_lane(chat)}
        due: datetime | None = self.connection.execute(_CARD_DUE, values).scalar()
        return due

    def last_due(self, lane: str) -> datetime | None:
        """When the last letter of a lane is due that is not out yet; None where none is."""
        due: datetime | None = self.connection.execute(_LAST_DUE, {"lane": lane}).scalar()
        return due

    def wait_until(self, chat: Chat, until: datetime, now: datetime) -> int:
        """Whatever waits there waits until that moment; how many. Each keeps the time in which it must be final."""
        lanes = [quiet_lane(chat, kind) for kind in sorted(MAY_WAIT)]
        held = self.connection.execute(_HELD, {"lanes": lanes, "shop": self.shop.id, "now": now}).all()
        moved = [
            {"which": row.id, "at": until, "by": row.final_by and until + (row.final_by - row.due_at)} for row in held
        ]
        if moved:
            self.connection.execute(_MOVE, moved)
            self.connection.info.setdefault(NEW_WORK, set()).update(row.kind for row in held)
        return len(moved)

    def _lock_of(self, chat: Chat) -> str:
        return f"quiet:{self.shop.id}:{chat.platform}:{chat.address}"

    def _read(self, statement: sa.Select[Any], values: dict[str, object]) -> QuietHours | None:
        row = self.connection.execute(statement, {"shop": self.shop.id, **values}).first()
        if row is None:
            return None
        return QuietHours(
            start=None if row.starts is None else time.fromisoformat(row.starts),
            end=None if row.ends is None else time.fromisoformat(row.ends),
            days=frozenset(int(day) for day in row.days.split()),
        )
