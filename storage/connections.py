"""How connections are, read from what went out and came in lately: nothing is kept for it.

Looked at are the newest few thousand rows, whatever their number in all: an owner who opens App Home waits for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from domain.connections import Connection
from domain.order_lists import CUT_OFF
from domain.outcomes import WAITS_FOR_TRIAL, WAITS_FOR_TURN
from domain.shops import Shop
from storage.claim import still_open
from storage.tables import chats, inbox, jobs, lanes, stock_items

_LATELY: Final = 5_000
#: kind of job -> the connection that it goes out by
_OUT: Final = {"say.slack": "slack", "whisper.slack": "slack", "say.telegram": "telegram", "refund": "stripe"}
#: source of the inbox -> the connection that it came in by; these have one secret for all shops of an installation
_IN: Final = {"slack-event": "slack", "telegram": "telegram", "stripe": "stripe", "shop": "shop"}

_ENDED: Final = (
    sa.select(jobs.c.shop_id, jobs.c.kind, jobs.c.state, jobs.c.done_at, jobs.c.error)
    .where(jobs.c.done_at.is_not(None))
    .order_by(jobs.c.done_at.desc())
    .limit(_LATELY)
    .subquery()
)
_LAST: Final = (
    sa.select(
        _ENDED.c.kind, _ENDED.c.state, sa.func.count().label("number"),
        sa.func.max(_ENDED.c.done_at, type_=jobs.c.done_at.type).label("at"),
        sa.func.max(_ENDED.c.error).label("reason"),
    )
    .where(
        _ENDED.c.shop_id == sa.bindparam("shop"), _ENDED.c.kind.in_(list(_OUT)), _ENDED.c.state.in_(["done", "dead"])
    )
    .group_by(_ENDED.c.kind, _ENDED.c.state)
)
_WAITING: Final = (
    sa.select(
        jobs.c.kind, jobs.c.error, sa.func.count().label("number"),
        sa.func.min(jobs.c.made_at, type_=jobs.c.made_at.type).label("since"),
    )
    .where(
        still_open(), jobs.c.shop_id == sa.bindparam("shop"), jobs.c.kind.in_(list(_OUT)), jobs.c.error.is_not(None),
        jobs.c.error != WAITS_FOR_TURN,
    )
    .group_by(jobs.c.kind, jobs.c.error)
    .order_by(sa.func.count(), jobs.c.error)
)
_MINE: Final = sa.bindparam("mine", type_=sa.Text())
_HEARD: Final = (
    sa.select(inbox.c.source, inbox.c.key, inbox.c.heard_at, inbox.c.error)
    .order_by(inbox.c.heard_at.desc())
    .limit(_LATELY)
    .subquery()
)
_LAST_HEARD: Final = (
    sa.select(
        _HEARD.c.source, sa.func.max(_HEARD.c.heard_at, type_=inbox.c.heard_at.type).label("at"),
        sa.func.count(_HEARD.c.error).label("unread"),
    )
    # A vendor's event says in its key whose it is; another shop's is none of this one's.
    .where(sa.or_(_HEARD.c.source.in_(list(_IN)), sa.func.substr(_HEARD.c.key, 1, sa.func.length(_MINE)) == _MINE))
    .where(_HEARD.c.source.not_in(["click", "slack"]))
    .group_by(_HEARD.c.source)
)
_UNMATCHED: Final = (
    sa.select(
        stock_items.c.source, sa.func.count().label("number"), sa.func.min(stock_items.c.finding).label("finding")
    )
    .where(stock_items.c.shop_id == sa.bindparam("shop"), stock_items.c.finding.is_not(None))
    .group_by(stock_items.c.source)
)
#: shop systems whose account has a lane (gateways.shop_api.lane)
_ACCOUNTS: Final = ("shopify", "woocommerce")
_CUT_OFF: Final = sa.select(lanes.c.key).where(
    lanes.c.key.in_(sa.bindparam("accounts", expanding=True)), lanes.c.shut.is_(True)
)
_NAMED: Final = sa.select(chats.c.platform).where(chats.c.shop_id == sa.bindparam("shop")).distinct()


@dataclass(frozen=True)
class ConnectionRows:
    """The connections of one shop."""

    connection: sa.Connection
    shop: Shop

    def lately(self) -> tuple[Connection, ...]:
        """Those that the shop names or that were used lately, by name."""
        found: dict[str, Connection] = {}
        for part in (*self._named(), *self._out(), *self._in(), *self.cut_off()):
            found[part.key] = _together(found.get(part.key, Connection(key=part.key)), part)
        return tuple(sorted(found.values(), key=lambda one: one.name.casefold()))

    def _named(self) -> Iterator[Connection]:
        for platform in self.connection.execute(_NAMED, {"shop": self.shop.id}).scalars():
            yield Connection(key=platform)

    def _out(self) -> Iterator[Connection]:
        for row in self.connection.execute(_LAST, {"shop": self.shop.id}):
            if row.state == "done":
                yield Connection(key=_OUT[row.kind], worked_at=row.at)
            else:
                yield Connection(key=_OUT[row.kind], given_up=row.number, reason=row.reason or "")
        for row in self.connection.execute(_WAITING, {"shop": self.shop.id}):
            reason = "" if row.error == WAITS_FOR_TRIAL else row.error
            yield Connection(key=_OUT[row.kind], waiting=row.number, waiting_since=row.since, reason=reason)

    def _in(self) -> Iterator[Connection]:
        for row in self.connection.execute(_LAST_HEARD, {"mine": f"{self.shop.key}/"}):
            yield Connection(key=_IN.get(row.source, row.source), worked_at=row.at, unread=row.unread)
        for row in self.connection.execute(_UNMATCHED, {"shop": self.shop.id}):
            yield Connection(key=row.source, unmatched=row.number, reason=row.finding)

    def cut_off(self) -> Iterator[Connection]:
        """The shop systems that do not let us in any more."""
        accounts = {f"api:{source}:{self.shop.key}": source for source in _ACCOUNTS}
        for key in self.connection.execute(_CUT_OFF, {"accounts": list(accounts)}).scalars():
            yield Connection(key=accounts[key], cut_off=True, reason=CUT_OFF)


def _together(one: Connection, other: Connection) -> Connection:
    """Both ways of a connection; the later reason counts, since what waits follows what was given up."""
    return replace(
        one, worked_at=_of(max, one.worked_at, other.worked_at), waiting=one.waiting + other.waiting,
        waiting_since=_of(min, one.waiting_since, other.waiting_since), given_up=one.given_up + other.given_up,
        unread=one.unread + other.unread, unmatched=one.unmatched + other.unmatched,
        cut_off=one.cut_off or other.cut_off, reason=other.reason or one.reason,
    )


def _of(which: Callable[[list[datetime]], datetime], *moments: datetime | None) -> datetime | None:
    known = [moment for moment in moments if moment is not None]
    return which(known) if known else None
