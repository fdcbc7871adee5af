"""A shop file put into rows: whatever it says counts, and who is no longer in it is switched off, never deleted."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import sqlalchemy as sa

from domain.wire import Json
from storage.database import insert
from storage.tables import chats, shops, staff


@dataclass(frozen=True, kw_only=True)
class StaffRow:
    """One member of staff as the file names them."""

    key: str
    name: str
    role: str
    refund_limit_minor: int | None = None
    slack_team: str | None = None
    slack_user: str | None = None
    telegram_user: int | None = None
    active: bool = True
    day_limit_minor: int | None = None
    email: str | None = None


@dataclass(frozen=True, kw_only=True)
class ChatRow:
    """One chat that hears a topic."""

    topic: str
    platform: str
    address: str


@dataclass(frozen=True, kw_only=True)
class ShopFile:
    """A whole shop file, checked."""

    key: str
    name: str
    currency: str
    time_zone: str
    language: str
    country: str
    settings: dict[str, Json]
    staff: tuple[StaffRow, ...]
    chats: tuple[ChatRow, ...]


def apply(connection: sa.Connection, file: ShopFile) -> int:
    """Make the rows say what the file says; the shop's id."""
    values = {
        "name": file.name, "currency": file.currency, "time_zone": file.time_zone, "language": file.language,
        "country": file.country, "settings": file.settings,
    }
    shop_id: int = connection.execute(
        insert(connection, shops)
        .values(key=file.key, **values)
        .on_conflict_do_update(index_elements=["key"], set_=values)
        .returning(shops.c.id)
    ).scalar_one()
    # Accounts are freed first, so that two people may swap them in one file.
    connection.execute(
        sa.update(staff).where(staff.c.shop_id == shop_id).values(
            active=False, slack_team=None, slack_user=None, telegram_user=None
        )
    )
    for one in file.staff:
        row = asdict(one)
        connection.execute(
            insert(connection, staff)
            .values(shop_id=shop_id, **row)
            .on_conflict_do_update(index_elements=["shop_id", "key"], set_=row)
        )
    connection.execute(sa.delete(chats).where(chats.c.shop_id == shop_id))
    for chat in file.chats:
        connection.execute(sa.insert(chats).values(shop_id=shop_id, **asdict(chat)))
    return shop_id
