"""Returns as rows: changed only by compare and set on their version, approved only once for each version."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

import sqlalchemy as sa

from domain.errors import Conflict, NotFound, RuleBroken
from domain.money import Money
from domain.returns.model import (
    VOID,
    Approval,
    Goods,
    NewReturn,
    Reason,
    Return,
    ReturnLine,
    ReturnState,
    VerdictFacts,
    may_become,
)
from domain.shops import Shop
from domain.wire import from_json, object_json
from storage.database import Upsert, is_sqlite
from storage.seals import Seals
from storage.tables import RETURN_WAITS, approvals, order_lines, orders, return_lines, returns

_VOID: Final = tuple(state.value for state in VOID)
_SHOP: Final[sa.BindParameter[int]] = sa.bindparam("shop")
_WHICH: Final[sa.BindParameter[int]] = sa.bindparam("which")

_MINE: Final = sa.select(returns).where(returns.c.shop_id == _SHOP)
_ONE: Final = _MINE.where(returns.c.id == _WHICH)
_BY_NUMBER: Final = _MINE.where(returns.c.number == sa.bindparam("number"))
_BY_ANY_CASE: Final = _MINE.where(
    sa.func.upper(returns.c.number) == sa.bindparam("number", type_=sa.String())
).order_by(returns.c.id)
_OF_ORDER: Final = _MINE.where(returns.c.order_id == sa.bindparam("order")).order_by(returns.c.id)
_OF_CUSTOMER: Final = _MINE.where(returns.c.customer_id == sa.bindparam("customer")).order_by(returns.c.id)
_OF_TELEGRAM: Final = _MINE.where(
    returns.c.telegram_user == sa.bindparam("user"), returns.c.state == sa.bindparam("state")
).order_by(returns.c.id)
_WAITING: Final = _MINE.where(sa.text(f"returns.{RETURN_WAITS}")).order_by(returns.c.answer_by, returns.c.id)
_COUNT_WAITING: Final = sa.select(sa.func.count()).select_from(returns).where(
    returns.c.shop_id == _SHOP, returns.c.telegram_user == sa.bindparam("user"), sa.text(f"returns.{RETURN_WAITS}")
)
_LINES: Final = (
    sa.select(return_lines, order_lines.c.code, order_lines.c.title, order_lines.c.quantity.label("bought"))
    .join(order_lines, order_lines.c.id == return_lines.c.order_line_id)
    .where(return_lines.c.shop_id == _SHOP, return_lines.c.return_id.in_(sa.bindparam("ids", expanding=True)))
    .order_by(order_lines.c.line)
)
_LOCK: Final = (
    sa.select(returns.c.id).where(returns.c.shop_id == _SHOP, returns.c.id == _WHICH).with_for_update(key_share=True)
)
_LOCK_ORDER: Final = (
    sa.select(orders.c.id).where(orders.c.shop_id == _SHOP, orders.c.id == _WHICH).with_for_update(key_share=True)
)
_COUNT_OF_CUSTOMER: Final = (
    sa.select(sa.func.count()).select_from(returns).where(
        returns.c.shop_id == _SHOP, returns.c.customer_id == sa.bindparam("customer"),
        returns.c.state != ReturnState.CANCELLED.value,
    )
)
_BOUGHT: Final = sa.select(order_lines.c.id, order_lines.c.title, order_lines.c.quantity).where(
    order_lines.c.shop_id == _SHOP, order_lines.c.order_id == sa.bindparam("order")
)
_TAKEN: Final = (
    sa.select(return_lines.c.order_line_id, sa.func.sum(return_lines.c.quantity))
    .join(returns, returns.c.id == return_lines.c.return_id)
    .where(
        returns.c.shop_id == _SHOP, returns.c.order_id == sa.bindparam("order"), returns.c.state.not_in(_VOID)
    )
    .group_by(return_lines.c.order_line_id)
)
_ADD: Final = sa.insert(returns).returning(returns.c.id)
_ADD_LINES: Final = sa.insert(return_lines)
_SAVE: Final = sa.update(returns).where(
    returns.c.shop_id == _SHOP, returns.c.id == _WHICH, returns.c.version == sa.bindparam("seen"),
    returns.c.state.in_(sa.bindparam("before", expanding=True)),
)
_NOTE_RECEIVED: Final = sa.update(return_lines).where(
    return_lines.c.shop_id == _SHOP, return_lines.c.return_id == _WHICH,
    return_lines.c.order_line_id == sa.bindparam("line"),
)
_APPROVE: Final = Upsert(
    approvals,
    lambda new: new.on_conflict_do_nothing(index_elements=["return_id", "version"]).returning(approvals),
)
_APPROVALS: Final = (
    sa.select(approvals)
    .where(approvals.c.shop_id == _SHOP, approvals.c.return_id == _WHICH)
    .order_by(approvals.c.version)
)
_COUNTED: Final = (approvals.c.shop_id == _SHOP, approvals.c.id == _WHICH, approvals.c.counted_on.is_not(None))
_RELEASE: Final = sa.update(approvals).where(*_COUNTED, approvals.c.released_at.is_(None))
_REVIVE: Final = sa.update(approvals).where(*_COUNTED, approvals.c.released_at.is_not(None))
_APPROVED_BY: Final = sa.select(sa.func.coalesce(sa.func.sum(returns.c.approved_minor), 0)).where(
    returns.c.shop_id == _SHOP, returns.c.order_id == sa.bindparam("order"),
    returns.c.decided_by == sa.bindparam("staff"),
    returns.c.state.not_in((*_VOID, ReturnState.REFUND_FAILED.value)), returns.c.id != sa.bindparam("besides"),
)


@dataclass(frozen=True)
class ReturnRows:
    """The returns of one shop."""

    connection: sa.Connection
    shop: Shop
    now: datetime
    seals: Seals

    def by_number(self, number: str) -> Return | None:
        """By its number ("R-318"), whatever the case."""
        wanted = number.strip().upper()
        found = self._select(_BY_NUMBER, number=wanted) or self._select(_BY_ANY_CASE, number=wanted)
        return found[0] if found else None

    def held(self, return_id: int) -> Return:
        """That return, its row locked on PostgreSQL; on SQLite the one writer is lock enough."""
        if not is_sqlite(self.connection):
            self.connection.execute(_LOCK, {"shop": self.shop.id, "which": return_id})
        found = self._select(_ONE, which=return_id)
        if not found:
            raise NotFound("I don't know that return any more.")
        return found[0]

    def waiting(self) -> tuple[Return, ...]:
        """Every return that waits for a decision, the one to be answered first in front."""
        return self._select(_WAITING)

    def count_waiting(self, user: int) -> int:
        """How many returns of a Telegram account wait for a decision."""
        return self.connection.execute(_COUNT_WAITING, {"shop": self.shop.id, "user": user}).scalar_one()

    def of_order(self, order_id: int) -> tuple[Return, ...]:
        """An order's returns, oldest first."""
        return self._select(_OF_ORDER, order=order_id)

    def of_customer(self, customer_id: int) -> tuple[Return, ...]:
        """A customer's returns, oldest first."""
        return self._select(_OF_CUSTOMER, customer=customer_id)

    def of_telegram(self, user: int, state: ReturnState) -> tuple[Return, ...]:
        """The returns of a Telegram account in a state, oldest first."""
        return self._select(_OF_TELEGRAM, user=user, state=state.value)

    def count_of_customer(self, customer_id: int) -> int:
        """How many returns a customer ever asked for, those called off not counted."""
        return self.connection.execute(
            _COUNT_OF_CUSTOMER, {"shop": self.shop.id, "customer": customer_id}
        ).scalar_one()

    def taken(self, order_id: int) -> dict[int, int]:
        """By order line id: how many are in returns that were neither declined nor cancelled."""
        rows = self.connection.execute(_TAKEN, {"shop": self.shop.id, "order": order_id})
        return {line: int(count) for line, count in rows}

    def add(self, new: NewReturn) -> Return:
        """Store a return. The order's row is locked first, so that two requests never take the same piece."""
        self._lock_order(new.order_id)
        self._check_left(new)
        return_id: int = self.connection.execute(_ADD, {
            "shop_id": self.shop.id, "number": new.number, "order_id": new.order_id, "customer_id": new.customer_id,
            "state": ReturnState.REQUESTED.value, "version": 1, "reason": new.reason.value, "note": new.note,
            "photo": new.photo, "telegram_user": new.telegram_user, "requested_minor": new.requested.minor,
            "cost_minor": new.cost.minor, "currency": new.requested.currency, "goods": new.goods.value,
            "verdict": object_json(new.verdict), "requested_at": self.now, "answer_by": new.answer_by,
        }).scalar_one()
        self.connection.execute(_ADD_LINES, [
            {"shop_id": self.shop.id, "return_id": return_id, "order_line_id": line, "quantity": quantity}
            for line, quantity in new.quantities.items()
        ])
        return self._select(_ONE, which=return_id)[0]

    def save(self, changed: Return) -> Return:
        """Write a changed return one version on; Conflict if somebody was faster, or no step leads from where it is."""
        before = [state.value for state in ReturnState if may_become(state, changed.state)]
        done = self.connection.execute(_SAVE, {
            "shop": self.shop.id, "which": changed.id, "seen": changed.version, "before": before,
            "version": changed.version + 1, "state": changed.state.value, "photo": changed.photo,
            "note": changed.note, "approved_minor": None if changed.approved is None else changed.approved.minor,
            "verdict": object_json(changed.verdict), "answer_by": changed.answer_by,
            "decided_by": changed.decided_by, "decided_at": changed.decided_at,
            "decision_note": changed.decision_note, "received_at": changed.received_at,
            "closed_at": changed.closed_at,
        })
        if done.rowcount != 1:
            raise Conflict(f"{changed.number} has changed in the meantime. Look at its card again.")
        return self._select(_ONE, which=changed.id)[0]

    def note_received(self, return_id: int, received: dict[int, tuple[int, int]]) -> None:
        """Set received and damaged pieces by order line id."""
        for line, (count, damaged) in received.items():
            self.connection.execute(_NOTE_RECEIVED, {
                "shop": self.shop.id, "which": return_id, "line": line, "received": count, "damaged": damaged,
            })

    def approve(
        self, return_id: int, *, version: int, amount: Money, staff_id: int, first_version: int | None = None,
        counted_on: date | None = None,
    ) -> Approval:
        """One approval, sealed; the unique (return, version) lets one person win."""
        values: dict[str, object] = {
            "return_id": return_id, "version": version, "amount_minor": amount.minor, "currency": amount.currency,
            "staff_id": staff_id, "at": self.now.astimezone(UTC), "first_version": first_version,
            "counted_on": counted_on,
        }
        mac = self.seals.seal("approval", self.shop.id, *values.values())
        row = self.connection.execute(
            _APPROVE.on(self.connection), {"shop_id": self.shop.id, "mac": mac, **values}
        ).first()
        if row is None:
            raise Conflict("Somebody else has just approved this. Look at the card again.")
        return self._approval(row)

    def void(self, approval_id: int) -> bool:
        """Let an approval count no longer; False if it never did, or does not any more (compare and set)."""
        return self._mark_released(_RELEASE, approval_id, self.now)

    def revive(self, approval_id: int) -> bool:
        """Let an approval count again whose refund went out after all; False if it still counts."""
        return self._mark_released(_REVIVE, approval_id, None)

    def _mark_released(self, statement: sa.Update, approval_id: int, moment: datetime | None) -> bool:
        changed = self.connection.execute(
            statement, {"shop": self.shop.id, "which": approval_id, "released_at": moment}
        )
        return changed.rowcount == 1

    def approvals(self, return_id: int) -> tuple[Approval, ...]:
        """A return's approvals, oldest first."""
        rows = self.connection.execute(_APPROVALS, {"shop": self.shop.id, "which": return_id})
        return tuple(self._approval(row) for row in rows)

    def _approval(self, row: sa.Row[tuple[object, ...]]) -> Approval:
        sealed = (
            row.return_id, row.version, row.amount_minor, row.currency, row.staff_id, row.at, row.first_version,
            row.counted_on,
        )
        return Approval(
            id=row.id, return_id=row.return_id, version=row.version,
            amount=Money(minor=row.amount_minor, currency=row.currency), staff_id=row.staff_id, at=row.at,
            first_version=row.first_version, counted_on=row.counted_on, released_at=row.released_at,
            genuine=self.seals.holds(row.mac, "approval", row.shop_id, *sealed),
        )

    def approved_by(self, staff_id: int, order_id: int, *, besides: int) -> int:
        """Minor units a person's decisions have let go on an order's other returns, failed and void ones left out."""
        given = {"shop": self.shop.id, "order": order_id, "staff": staff_id, "besides": besides}
        return int(self.connection.execute(_APPROVED_BY, given).scalar_one())

    def _lock_order(self, order_id: int) -> None:
        if not is_sqlite(self.connection):
            self.connection.execute(_LOCK_ORDER, {"shop": self.shop.id, "which": order_id})

    def _check_left(self, new: NewReturn) -> None:
        taken = self.taken(new.order_id)
        bought = self.connection.execute(_BOUGHT, {"shop": self.shop.id, "order": new.order_id}).all()
        left = {row.id: row.quantity - taken.get(row.id, 0) for row in bought}
        titles = {row.id: row.title for row in bought}
        for line, quantity in new.quantities.items():
            if quantity > left.get(line, 0):
                title, most = titles.get(line, "this item"), max(0, left.get(line, 0))
                raise RuleBroken(f"{most} of {title} can still be returned, not {quantity}.")

    def _select(self, statement: sa.Select[*tuple[Any, ...]], **given: object) -> tuple[Return, ...]:
        rows = self.connection.execute(statement, {"shop": self.shop.id, **given}).all()
        lines = self._lines([row.id for row in rows])
        return tuple(_return(row, lines.get(row.id, ())) for row in rows)

    def _lines(self, ids: list[int]) -> dict[int, tuple[ReturnLine, ...]]:
        if not ids:
            return {}
        rows = self.connection.execute(_LINES, {"shop": self.shop.id, "ids": ids})
        found: dict[int, tuple[ReturnLine, ...]] = {}
        for row in rows:
            line = ReturnLine(
                order_line_id=row.order_line_id, sku=row.code, title=row.title, quantity=row.quantity,
                bought=row.bought, received=row.received, damaged=row.damaged,
            )
            found[row.return_id] = (*found.get(row.return_id, ()), line)
        return found


def _return(row: sa.Row[tuple[object, ...]], lines: tuple[ReturnLine, ...]) -> Return:
    def money(minor: int) -> Money:
        return Money(minor=minor, currency=row.currency)

    return Return(
        id=row.id, number=row.number, order_id=row.order_id, customer_id=row.customer_id,
        state=ReturnState(row.state), version=row.version, reason=Reason(row.reason), note=row.note, photo=row.photo,
        telegram_user=row.telegram_user, requested=money(row.requested_minor),
        approved=None if row.approved_minor is None else money(row.approved_minor), cost=money(row.cost_minor),
        goods=Goods(row.goods), verdict=from_json(VerdictFacts, row.verdict), requested_at=row.requested_at,
        answer_by=row.answer_by, decided_by=row.decided_by, decided_at=row.decided_at,
        decision_note=row.decision_note, received_at=row.received_at, closed_at=row.closed_at, lines=lines,
    )
