"""Everything held about one customer: given out whole, taken out whole, and forgotten when its time is over.

Figures stay: what was sold, paid and refunded, and the audit trail, whose lines hold ids and amounts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from domain.customers import Customer, Erased
from domain.shops import Shop
from domain.wire import Json
from storage.tables import (
    audit,
    buttons,
    cards,
    cases,
    customers,
    dialogues,
    inbox,
    jobs,
    order_lines,
    orders,
    parcels,
    payments,
    proofs,
    refunds,
    return_lines,
    returns,
    scans,
    stock_wishes,
)

#: rows looked at in one statement
_BATCH: Final = 500
_IS_LETTER: Final = sa.or_(jobs.c.kind.startswith("say."), jobs.c.kind.startswith("whisper."))
#: what is left of a message or an event that was about somebody
BLANK: Final[dict[str, Json]] = {"erased": True}


@dataclass(frozen=True)
class PersonalRows:
    """What one shop holds about people."""

    connection: sa.Connection
    shop: Shop
    now: datetime

    def held(self, customer: Customer) -> dict[str, Json]:
        """One document of everything, by table."""
        of_orders = sa.select(orders.c.id).where(orders.c.shop_id == self.shop.id, orders.c.customer_id == customer.id)
        of_returns = sa.select(returns.c.id).where(self._returns_of(customer))
        of_parcels = sa.select(parcels.c.id).where(parcels.c.order_id.in_(of_orders))
        payments_of = sa.select(payments.c.id).where(payments.c.order_id.in_(of_orders))
        user = str(customer.telegram_user)
        return {
            "customer": self._rows(customers, customers.c.id == customer.id)[0],
            "orders": self._rows(orders, orders.c.customer_id == customer.id),
            "order_lines": self._rows(order_lines, order_lines.c.order_id.in_(of_orders)),
            "payments": self._rows(payments, payments.c.order_id.in_(of_orders)),
            "refunds": self._rows(refunds, refunds.c.payment_id.in_(payments_of)),
            "parcels": self._rows(parcels, parcels.c.order_id.in_(of_orders)),
            "scans": self._rows(scans, scans.c.parcel_id.in_(of_parcels)),
            "returns": self._rows(returns, self._returns_of(customer)),
            "return_lines": self._rows(return_lines, return_lines.c.return_id.in_(of_returns)),
            "stock_wishes": self._rows(stock_wishes, stock_wishes.c.customer_id == customer.id),
            "dialogues": self._rows(dialogues, dialogues.c.address == user),
            "proofs": self._rows(proofs, proofs.c.address == user),
            "messages": self._rows(jobs, jobs.c.id.in_(self._job_ids(customer))),
            "events": [_event(row) for row in self._events(customer)],
            "audit": self._rows(audit, audit.c.actor.in_(_actors(customer))),
        }

    def erase(self, customer: Customer) -> Erased:
        """Take it out; what is still on its way or not worked off yet is counted, not touched."""
        numbers = self._numbers(customer)
        events = self._blank_events(customer)
        messages = self._blank(jobs, jobs.c.id.in_(self._job_ids(customer, numbers)), jobs.c.state != "open")
        waiting = self._count(sa.and_(jobs.c.id.in_(self._job_ids(customer, numbers)), jobs.c.state == "open"))
        self._delete_buttons(customer)
        self._blank(cases, _mentions(cases.c.facts, _needles(customer)), cases.c.resolved_at.is_not(None))
        if customer.telegram_user is not None:
            user = str(customer.telegram_user)
            self._delete(dialogues, dialogues.c.platform == "telegram", dialogues.c.address == user)
            self._delete(proofs, proofs.c.address == user)
            self._delete(buttons, buttons.c.presser == f"telegram:{user}")
            self._delete(cards, cards.c.platform == "telegram", cards.c.address == user)
        self._delete(stock_wishes, stock_wishes.c.customer_id == customer.id)
        self._update(returns, self._returns_of(customer), note=None, photo=None, telegram_user=None, decision_note=None)
        self._update(
            customers, customers.c.id == customer.id, external_id=f"erased:{customer.id}", name=None, email=None,
            phone=None, language=None, country=None, region=None, postcode=None, telegram_user=None, consent_at=None,
            unreachable_at=None,
        )
        return Erased(messages=messages, events=events[0], waiting=waiting + events[1])

    def forget_before(self, *, events: datetime | None, messages: datetime | None, limit: int) -> int:
        """Blank stored events and sent messages older than that, at most ``limit`` of each; their keys stay.

        A key is what makes a repetition known, so the row stays; the body goes. How many were blanked.
        """
        done = 0
        if events is not None:
            old = (
                sa.select(inbox.c.id)
                .where(
                    sa.or_(inbox.c.shop_id == self.shop.id, inbox.c.shop_id.is_(None)), inbox.c.heard_at < events,
                    inbox.c.worked_at.is_not(None), sa.func.length(inbox.c.body) > 0,
                )
                .order_by(inbox.c.id).limit(limit)
            )
            done += self._blank_inbox(list(self.connection.execute(old).scalars()))
        if messages is not None:
            sent = (
                sa.select(jobs.c.id)
                .where(
                    jobs.c.shop_id == self.shop.id, _IS_LETTER, jobs.c.state != "open",
                    jobs.c.made_at < messages, ~_mentions(jobs.c.payload, ['"erased"']),
                )
                .order_by(jobs.c.id).limit(limit)
            )
            done += self._blank(jobs, jobs.c.id.in_(list(self.connection.execute(sent).scalars())))
        return done

    def quiet_since(self, moment: datetime, limit: int) -> tuple[int, ...]:
        """Customers who have ordered nothing and asked for nothing since then, oldest first, erased ones left out."""
        recent = sa.exists().where(
            orders.c.shop_id == self.shop.id, orders.c.customer_id == customers.c.id, orders.c.placed_at >= moment
        )
        asked = sa.exists().where(
            returns.c.shop_id == self.shop.id, returns.c.customer_id == customers.c.id, returns.c.requested_at >= moment
        )
        ever = sa.exists().where(orders.c.shop_id == self.shop.id, orders.c.customer_id == customers.c.id)
        found = self.connection.execute(
            sa.select(customers.c.id)
            .where(
                customers.c.shop_id == self.shop.id, ~recent, ~asked, ever,
                ~customers.c.external_id.startswith("erased:"),
            )
            .order_by(customers.c.id).limit(limit)
        )
        return tuple(found.scalars())

    def _returns_of(self, customer: Customer) -> sa.ColumnElement[bool]:
        return sa.and_(returns.c.shop_id == self.shop.id, returns.c.customer_id == customer.id)

    def _numbers(self, customer: Customer) -> list[str]:
        found = self.connection.execute(sa.select(returns.c.number).where(self._returns_of(customer)))
        return [f'"return:{number}"' for number in found.scalars()]

    def _job_ids(self, customer: Customer, numbers: list[str] | None = None) -> sa.Select[tuple[int]]:
        """Messages to them, and about them wherever their name, number or return stands in the payload."""
        about = [_mentions(jobs.c.payload, [*_needles(customer), *(numbers or ())])]
        if customer.telegram_user is not None:
            about.append(jobs.c.lane == f"telegram:{customer.telegram_user}")
        return sa.select(jobs.c.id).where(
            jobs.c.shop_id == self.shop.id, _IS_LETTER, sa.or_(*about)
        )

    def _events(self, customer: Customer) -> Iterator[sa.Row[Any]]:
        needles = [needle.encode() for needle in _needles(customer, also_raw=True)]
        last = 0
        while True:
            rows = self.connection.execute(
                sa.select(inbox)
                .where(
                    inbox.c.id > last, sa.func.length(inbox.c.body) > 0,
                    sa.or_(inbox.c.shop_id == self.shop.id, inbox.c.shop_id.is_(None)),
                )
                .order_by(inbox.c.id).limit(_BATCH)
            ).all()
            if not rows:
                return
            last = rows[-1].id
            yield from (row for row in rows if any(needle in row.body for needle in needles))

    def _blank_events(self, customer: Customer) -> tuple[int, int]:
        """How many were blanked, and how many still wait to be worked off."""
        found = [(row.id, row.worked_at is not None) for row in self._events(customer)]
        return self._blank_inbox([row for row, worked in found if worked]), sum(1 for _, worked in found if not worked)

    def _blank_inbox(self, ids: list[int]) -> int:
        for start in range(0, len(ids), _BATCH):
            some = ids[start : start + _BATCH]
            self.connection.execute(sa.update(inbox).where(inbox.c.id.in_(some)).values(body=b"", headers={}))
        return len(ids)

    def _blank(self, table: sa.Table, *where: sa.ColumnElement[bool]) -> int:
        column = "facts" if table is cases else "payload"
        changed = self.connection.execute(
            sa.update(table).where(table.c.shop_id == self.shop.id, *where).values({column: BLANK})
        )
        return changed.rowcount

    def _delete_buttons(self, customer: Customer) -> None:
        """Buttons under messages about them: the question before one names the customer."""
        theirs = sa.select(returns.c.number).where(self._returns_of(customer)).union_all(
            sa.select(orders.c.number).where(orders.c.shop_id == self.shop.id, orders.c.customer_id == customer.id)
        )
        numbers = [json.dumps(number) for number in self.connection.execute(theirs).scalars()]
        asked = buttons.c.confirm.is_not(None)
        about = sa.or_(_mentions(buttons.c.fields, numbers), _mentions(buttons.c.confirm, _needles(customer)))
        self._delete(buttons, asked, about)

    def _count(self, where: sa.ColumnElement[bool]) -> int:
        found = self.connection.execute(sa.select(sa.func.count()).select_from(jobs).where(where))
        return int(found.scalar_one())

    def _delete(self, table: sa.Table, *where: sa.ColumnElement[bool]) -> None:
        self.connection.execute(sa.delete(table).where(table.c.shop_id == self.shop.id, *where))

    def _update(self, table: sa.Table, where: sa.ColumnElement[bool], **values: object) -> None:
        self.connection.execute(sa.update(table).where(table.c.shop_id == self.shop.id, where).values(values))

    def _rows(self, table: sa.Table, where: sa.ColumnElement[bool]) -> list[Json]:
        wanted = sa.select(*(column for column in table.c if column.name not in {"mac", "code_hash"}))
        wanted = wanted.where(table.c.shop_id == self.shop.id, where).order_by(*table.primary_key)
        rows = self.connection.execute(wanted)
        return [{name: _plain(value) for name, value in row.items()} for row in rows.mappings()]


def _actors(customer: Customer) -> list[str]:
    known = [f"customer:{customer.id}"]
    return known if customer.telegram_user is None else [*known, f"telegram:{customer.telegram_user}"]


def _needles(customer: Customer, *, also_raw: bool = False) -> list[str]:
    """What tells that a stored text is about them, as JSON writes it; ``also_raw``: and as other senders may."""
    plain = [customer.name, customer.email, customer.phone]
    if customer.name:
        plain.append(customer.short_name)
    found = [json.dumps(text)[1:-1] for text in plain if text]
    found.append(json.dumps(customer.external_id))
    if also_raw:
        found += [text for text in plain if text and text not in found]
    if customer.telegram_user is not None:
        found += [f'"id":{customer.telegram_user},', f'"id": {customer.telegram_user},']
    return found


def _mentions(column: sa.Column[Any], needles: list[str]) -> sa.ColumnElement[bool]:
    text = sa.cast(column, sa.Text())
    return sa.or_(sa.false(), *(text.contains(needle, autoescape=True) for needle in needles))


def _event(row: sa.Row[Any]) -> Json:
    return {
        "source": row.source, "heard_at": row.heard_at.isoformat(),
        "body": row.body.decode("utf-8", errors="replace"),
    }


def _plain(value: object) -> Json:
    match value:
        case None | bool() | int() | float() | str():
            return value
        case dict() | list():
            found: Json = value
            return found
        case datetime():
            return value.isoformat()
    return str(value)
