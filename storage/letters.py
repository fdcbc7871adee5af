"""A job's payload read back as the letter it carries."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from domain.jobs import Envelope, Job
from domain.messages import MESSAGES_BY_KIND, Letter, StampedButton
from domain.shops import Shop
from domain.wire import Json, from_json
from storage.shops import ShopRows
from storage.tables import cards, jobs


@dataclass(frozen=True)
class LetterRows:
    """Letters of every shop."""

    connection: sa.Connection

    def open(self, job: Job) -> Envelope:
        """The envelope of a "say" job, with where its card stands now."""
        return _open(self.connection, job)

    def shown(self, job: Job, message_id: str) -> None:
        """Write where a card stands and in which version; an older version never overwrites a newer one."""
        _remember(self.connection, job, message_id)


def _open(connection: sa.Connection, job: Job) -> Envelope:
    payload = job.payload
    shop = ShopRows(connection).by_id(job.shop_id or 0)
    address = str(payload["address"])
    card = _text(payload, "card")
    thread = _text(payload, "thread")
    platform = job.kind.removeprefix("say.")
    shown = _shown(connection, shop, card or thread, platform, address)
    return Envelope(
        letter=_letter(payload), shop=shop, address=address, repeat=bool(payload.get("repeat", True)), card=card,
        version=int(str(payload.get("version", 0))), shown_as=shown[0], shown_version=shown[1],
        newer_waits=card is not None and _newer_waits(connection, job, card), thread=thread,
        message_id=_text(payload, "message_id"),
    )


def _remember(connection: sa.Connection, job: Job, message_id: str) -> None:
    card, version = _text(job.payload, "card"), int(str(job.payload.get("version", 0)))
    if card is None:
        return
    connection.execute(
        sa.update(cards)
        .where(
            cards.c.shop_id == job.shop_id, cards.c.key == card, cards.c.platform == job.kind.removeprefix("say."),
            cards.c.address == str(job.payload["address"]), cards.c.version <= version,
        )
        .values(message_id=message_id, version=version)
    )


def _letter(payload: dict[str, Json]) -> Letter:
    kind = MESSAGES_BY_KIND[str(payload["message"])]
    stamped = payload["buttons"]
    buttons = tuple(from_json(StampedButton, one) for one in stamped) if isinstance(stamped, list) else ()
    return Letter(message=from_json(kind, payload["fields"]), buttons=buttons)


def _shown(
    connection: sa.Connection, shop: Shop, key: str | None, platform: str, address: str
) -> tuple[str | None, int]:
    if key is None:
        return None, 0
    row = connection.execute(
        sa.select(cards.c.message_id, cards.c.version).where(
            cards.c.shop_id == shop.id, cards.c.key == key, cards.c.platform == platform, cards.c.address == address
        )
    ).first()
    return (row.message_id, row.version) if row else (None, 0)


def _newer_waits(connection: sa.Connection, job: Job, card: str) -> bool:
    later = connection.execute(
        sa.select(jobs.c.payload).where(jobs.c.lane == job.lane, jobs.c.state == "open", jobs.c.id > job.id)
    ).scalars()
    return any(payload.get("card") == card for payload in later)


def _text(payload: dict[str, Json], name: str) -> str | None:
    value = payload.get(name)
    return value if isinstance(value, str) else None
