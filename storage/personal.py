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
from domain.foreign import part
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
    staff,
    stock_wishes,
)
from storage.traces import StoredEvent, Traces

#: rows looked at in one statement
_BATCH: Final = 500
_IS_LETTER: Final = sa.or_(*(jobs.c.kind.startswith(kind) for kind in ("say.", "whisper.", "answer.")))
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
        user, traces = str(customer.telegram_user), self._traces(customer)
        letters = [row.id for row in self._letters(traces) if traces.of_letter(_platform(row), row.payload)]
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
            "messages": [_untokened(row) for row in self._rows(jobs, jobs.c.id.in_(letters))],
            "events": [_event(row) for row in self._events(traces) if traces.of_event(_stored(row))],
            "audit": self._rows(audit, audit.c.actor.in_(_actors(customer))),
        }

    def under_way(self, customer: Customer) -> int:
        """How many messages to or about them have not gone out, and events about them are not worked off."""
        traces = self._traces(customer)
        letters = [row.id for row in self._letters(traces) if row.state == "open"]
        waiting = self._events(traces, inbox.c.worked_at.is_(None))
        return len(letters) + len([row.id for row in waiting if traces.in_event(_stored(row))])

    def erase(self, customer: Customer) -> Erased:
        """Take it out."""
        traces = self._traces(customer)
        messages = self._blank(jobs, [row.id for row in self._letters(traces)])
        events = self._blank_inbox([row.id for row in self._events(traces) if traces.in_event(_stored(row))])
        over = sa.and_(cases.c.shop_id == self.shop.id, cases.c.resolved_at.is_not(None))
        closed = sa.select(cases.c.id, cases.c.facts).where(over, _mentions(cases.c.facts, _needles(traces)))
        self._blank(cases, [row.id for row in self.connection.execute(closed) if traces.name(row.facts)])
        self._delete_buttons(traces)
        if customer.telegram_user is not None:
            user = str(customer.telegram_user)
            self._delete(dialogues, dialogues.c.platform == "telegram", dialogues.c.address == user)
            self._delete(proofs, proofs.c.address == user)
            self._delete(buttons, buttons.c.presser == f"telegram:{user}")
            self._delete(cards, cards.c.platform == "telegram", cards.c.address == user)
            # their account as it was known before an order proved whose it is
            gone = sa.literal("erased:") + sa.cast(customers.c.id, sa.Text())
            self._update(customers, customers.c.external_id == f"telegram:{user}", external_id=gone)
        self._delete(stock_wishes, stock_wishes.c.customer_id == customer.id)
        self._update(returns, self._returns_of(customer), note=None, photo=None, telegram_user=None, decision_note=None)
        self._update(orders, orders.c.customer_id == customer.id, phone="")
        self._update(
            customers, customers.c.id == customer.id, external_id=f"erased:{customer.id}", name=None, email=None,
            phone=None, proved_phone=None, language=None, country=None, region=None, postcode=None,
            telegram_user=None, consent_at=None, unreachable_at=None,
        )
        return Erased(messages=messages, events=events)

    def forget_before(self, *, events: datetime | None, messages: datetime | None, limit: int) -> int:
        """Blank stored events and sent messages older than that, at most ``limit`` of each; their keys stay.

        A key is what makes a repetition known, so the row stays; the body goes. How many were blanked.
        """
        done = 0
        if events is not None:
            # Of many it is not known whose they are: then the shop that forgets first decides, for people's sake.
            of = inbox.c.headers["shop"].as_string()
            unknown = sa.and_(inbox.c.shop_id.is_(None), sa.func.coalesce(of, self.shop.key) == self.shop.key)
            old = (
                sa.select(inbox.c.id)
                .where(
                    sa.or_(inbox.c.shop_id == self.shop.id, unknown), inbox.c.heard_at < events,
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
            done += self._blank(jobs, list(self.connection.execute(sent).scalars()))
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

    def _traces(self, customer: Customer) -> Traces:
        """What tells of them, as long as they are known."""
        of_theirs = sa.and_(orders.c.shop_id == self.shop.id, orders.c.customer_id == customer.id)
        theirs = self.connection.execute(sa.select(orders.c.number, orders.c.phone).where(of_theirs)).all()
        asked = sa.select(returns.c.number).where(self._returns_of(customer))
        of_staff = sa.select(sa.exists().where(
            staff.c.shop_id == self.shop.id, staff.c.telegram_user == customer.telegram_user
        ))
        return Traces(
            customer=customer, shop=self.shop.key, orders=frozenset(row.number for row in theirs),
            phones=frozenset(row.phone for row in theirs if row.phone),
            returns=frozenset(self.connection.execute(asked).scalars()),
            staff=customer.telegram_user is not None and bool(self.connection.execute(of_staff).scalar()),
        )

    def _letters(self, traces: Traces) -> list[sa.Row[*tuple[Any, ...]]]:
        """Every message to them, or that says anything of them."""
        likely = sa.select(jobs.c.id, jobs.c.kind, jobs.c.state, jobs.c.payload).where(
            jobs.c.shop_id == self.shop.id, _IS_LETTER, _mentions(jobs.c.payload, _needles(traces))
        )
        return [row for row in self.connection.execute(likely) if traces.in_letter(_platform(row), row.payload)]

    def _events(self, traces: Traces, *where: sa.ColumnElement[bool]) -> Iterator[sa.Row[*tuple[Any, ...]]]:
        """Every event that is still there, may be this shop's, and may tell of them."""
        last = 0
        while True:
            rows = self.connection.execute(
                sa.select(inbox)
                .where(
                    inbox.c.id > last, sa.func.length(inbox.c.body) > 0,
                    sa.or_(inbox.c.shop_id == self.shop.id, inbox.c.shop_id.is_(None)), *where,
                )
                .order_by(inbox.c.id).limit(_BATCH)
            ).all()
            if not rows:
                return
            last = rows[-1].id
            yield from (row for row in rows if traces.likely(row.body))

    def _blank_inbox(self, ids: list[int]) -> int:
        """Their bodies, and the words in which a refusal may have quoted them; that they were refused stays."""
        refused = sa.case((inbox.c.error.is_not(None), "erased"))
        learned = sa.literal("learn:") + inbox.c.source + sa.literal(":") + inbox.c.key
        for start in range(0, len(ids), _BATCH):
            some = inbox.c.id.in_(ids[start : start + _BATCH])
            self.connection.execute(
                sa.update(jobs).where(jobs.c.key.in_(sa.select(learned).where(some))).values(outcome=sa.null())
            )
            self.connection.execute(sa.update(inbox).where(some).values(body=b"", headers={}, error=refused))
        return len(ids)

    def _blank(self, table: sa.Table, ids: list[int]) -> int:
        column = "facts" if table is cases else "payload"
        for start in range(0, len(ids), _BATCH):
            some = table.c.id.in_(ids[start : start + _BATCH])
            self.connection.execute(sa.update(table).where(some).values({column: BLANK}))
        return len(ids)

    def _delete_buttons(self, traces: Traces) -> None:
        """Buttons under messages about them: the question before one names the customer."""
        likely = sa.select(buttons.c.token, buttons.c.fields, buttons.c.confirm).where(
            buttons.c.shop_id == self.shop.id, buttons.c.confirm.is_not(None),
            sa.or_(*(_mentions(column, _needles(traces)) for column in (buttons.c.fields, buttons.c.confirm))),
        )
        theirs = [
            row.token for row in self.connection.execute(likely)
            if traces.in_letter("", {"fields": row.fields, "confirm": row.confirm})
        ]
        for start in range(0, len(theirs), _BATCH):
            self._delete(buttons, buttons.c.token.in_(theirs[start : start + _BATCH]))

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


def _needles(traces: Traces) -> list[str]:
    """What stands, as JSON writes it, in whatever may tell of them: the databases narrow it down by these."""
    words = [*traces.words, traces.customer.short_name, *traces.orders, *traces.returns]
    found = [json.dumps(word)[1:-1] for word in words]
    return found if traces.customer.telegram_user is None else [*found, f'"{traces.customer.telegram_user}"']


def _platform(row: sa.Row[*tuple[Any, ...]]) -> str:
    """Where a message goes: "say.telegram" to Telegram."""
    return str(row.kind).partition(".")[2]


def _stored(row: sa.Row[*tuple[Any, ...]]) -> StoredEvent:
    return StoredEvent(source=row.source, body=row.body, shop=row.headers.get("shop"))


def _mentions(column: sa.Column[Any], needles: list[str]) -> sa.ColumnElement[bool]:
    text = sa.cast(column, sa.Text())
    return sa.or_(sa.false(), *(text.contains(needle, autoescape=True) for needle in needles))


def _untokened(row: Json) -> Json:
    """A message without what its buttons are pressed by: some stand under cards of the staff."""
    payload = part(part(row).get("payload"))
    found = payload.get("buttons")
    shown: Json = [{**part(one), "token": None} for one in found] if isinstance(found, list) else None
    return row if shown is None else {**part(row), "payload": {**payload, "buttons": shown}}


def _event(row: sa.Row[*tuple[Any, ...]]) -> Json:
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
