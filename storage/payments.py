"""Payments, refunds and disputes as rows: every change is one guarded UPDATE or one unique row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa

from domain.errors import Conflict, NotFound
from domain.money import Money
from domain.payments.model import Dispute, Payment, Refund, RefundState
from domain.shops import Shop
from storage.database import Upsert
from storage.seals import Seals
from storage.tables import disputes, payments, refunds

_SHOP: Final[sa.BindParameter[int]] = sa.bindparam("shop")
_WHICH: Final[sa.BindParameter[int]] = sa.bindparam("which")
_AMOUNT: Final[sa.BindParameter[int]] = sa.bindparam("amount")

_PAYMENTS: Final = sa.select(payments).where(payments.c.shop_id == _SHOP).order_by(payments.c.sequence)
_PAYMENT: Final = _PAYMENTS.where(payments.c.id == _WHICH)
_BY_INTENT: Final = _PAYMENTS.where(payments.c.payment_intent == sa.bindparam("intent"))
_OF_ORDER: Final = _PAYMENTS.where(payments.c.order_id == _WHICH)
_CHANGE_PAYMENT: Final = sa.update(payments).where(payments.c.shop_id == _SHOP, payments.c.id == _WHICH)
_CLAIM: Final = _CHANGE_PAYMENT.where(
    payments.c.disputed.is_(False), payments.c.payment_intent.is_not(None),
    payments.c.refunded_minor + _AMOUNT <= payments.c.amount_minor,
).values(refunded_minor=payments.c.refunded_minor + _AMOUNT)
_RELEASE: Final = _CHANGE_PAYMENT.values(refunded_minor=payments.c.refunded_minor - _AMOUNT)
_KNOW_CARD: Final = _CHANGE_PAYMENT.where(payments.c.card_last4.is_(None))

_REFUNDS: Final = (
    sa.select(refunds, payments.c.payment_intent)
    .join(payments, sa.and_(payments.c.id == refunds.c.payment_id, payments.c.shop_id == refunds.c.shop_id))
    .where(refunds.c.shop_id == _SHOP)
    .order_by(refunds.c.approval_id, refunds.c.decided_at, refunds.c.id)
)
_REFUND: Final = _REFUNDS.where(refunds.c.id == sa.bindparam("which"))
_AT_STRIPE: Final = _REFUNDS.where(refunds.c.stripe_refund == sa.bindparam("which"))
_OF_RETURN: Final = _REFUNDS.where(refunds.c.return_id == _WHICH)
_TO_COMPARE: Final = _REFUNDS.where(
    refunds.c.stripe_refund.is_not(None), refunds.c.state != RefundState.FAILED.value,
    sa.or_(
        refunds.c.decided_at >= sa.bindparam("since"),
        refunds.c.state.in_((RefundState.PENDING.value, RefundState.NEEDS_HUMAN.value)),
    ),
)
_INTEND: Final = Upsert(refunds, lambda new: new.on_conflict_do_nothing().returning(refunds.c.id))
_ADOPT: Final = sa.insert(refunds)
_CHANGE_REFUND: Final = sa.update(refunds).where(refunds.c.shop_id == _SHOP, refunds.c.id == sa.bindparam("which"))
_SENT: Final = _CHANGE_REFUND.where(refunds.c.first_sent_at.is_(None))
_SETTLE: Final = _CHANGE_REFUND.where(refunds.c.state == sa.bindparam("was"))

_DISPUTES: Final = sa.select(disputes).where(disputes.c.shop_id == _SHOP).order_by(disputes.c.id)
_DISPUTE: Final = _DISPUTES.where(disputes.c.stripe_dispute == sa.bindparam("which"))
_DISPUTES_OF: Final = _DISPUTES.where(disputes.c.payment_id == _WHICH)
_OPEN_DISPUTE: Final = Upsert(
    disputes,
    lambda new: new.on_conflict_do_nothing(index_elements=["shop_id", "stripe_dispute"]).returning(disputes.c.id),
)
_MOVE_DISPUTE: Final = sa.update(disputes).where(
    disputes.c.shop_id == _SHOP, disputes.c.id == _WHICH, disputes.c.state == sa.bindparam("was")
)


@dataclass(frozen=True)
class PaymentRows:
    """The payments of one shop."""

    connection: sa.Connection
    shop: Shop
    now: datetime
    seals: Seals

    def by_id(self, payment_id: int) -> Payment:
        """That payment; NotFound."""
        found = self._payments(_PAYMENT, which=payment_id)
        if not found:
            raise NotFound("I don't know that payment.")
        return found[0]

    def by_intent(self, payment_intent: str) -> Payment | None:
        """The payment of that Stripe payment intent."""
        found = self._payments(_BY_INTENT, intent=payment_intent)
        return found[0] if found else None

    def of_order(self, order_id: int) -> tuple[Payment, ...]:
        """The payments of an order, in the order they were made."""
        return self._payments(_OF_ORDER, which=order_id)

    def claim(self, payment_id: int, amount_minor: int) -> bool:
        """Count an amount as refunded, in one guarded UPDATE; the table's CHECK stands behind it."""
        return self._change(_CLAIM, payment_id, amount=amount_minor)

    def release(self, payment_id: int, amount_minor: int) -> None:
        """Give back what was claimed; the CHECK refuses to go below zero."""
        self._change(_RELEASE, payment_id, amount=amount_minor)

    def know_card(self, payment_id: int, last4: str) -> None:
        """Remember the card's last four digits, unless they are known already."""
        self._change(_KNOW_CARD, payment_id, card_last4=last4)

    def mark_disputed(self, payment_id: int, *, disputed: bool) -> None:
        """Bar the payment from refunds, or free it again."""
        self._change(_CHANGE_PAYMENT, payment_id, disputed=disputed)

    def intend(
        self, refund_id: str, *, payment_id: int, amount: Money, return_id: int | None, approval_id: int | None
    ) -> Refund:
        """Write a refund intent; the unique approval lets only one through."""
        values: dict[str, object] = {
            "id": refund_id, "payment_id": payment_id, "return_id": return_id, "approval_id": approval_id,
            "amount_minor": amount.minor, "currency": amount.currency, "decided_at": self.now.astimezone(UTC),
        }
        intent = self.by_id(payment_id).payment_intent
        mac = self.seals.seal("refund", self.shop.id, intent, *values.values())
        row = self.connection.execute(
            _INTEND.on(self.connection),
            {"shop_id": self.shop.id, "state": RefundState.INTENDED.value, "mac": mac, **values},
        ).scalar()
        found = None if row is None else self.refund(row)
        if found is None:
            raise Conflict("A refund for this decision is on its way already.")
        return found

    def refund(self, refund_id: str) -> Refund | None:
        """The refund of that id."""
        found = self._refunds(_REFUND, which=refund_id)
        return found[0] if found else None

    def refund_at_stripe(self, stripe_refund: str) -> Refund | None:
        """The refund that Stripe knows by that id."""
        found = self._refunds(_AT_STRIPE, which=stripe_refund)
        return found[0] if found else None

    def refunds_of_return(self, return_id: int) -> tuple[Refund, ...]:
        """A return's refunds, oldest first: each follows its own approval, whose numbers rise."""
        return self._refunds(_OF_RETURN, which=return_id)

    def sent(self, refund_id: str) -> Refund | None:
        """Remember the first call to Stripe."""
        self._change(_SENT, refund_id, first_sent_at=self.now)
        return self.refund(refund_id)

    def settle(
        self, refund: Refund, *, state: RefundState, stripe_refund: str | None, failure: str | None
    ) -> bool:
        """Move a refund on from the state it was read in."""
        final = state in {RefundState.SUCCEEDED, RefundState.FAILED}
        return self._change(
            _SETTLE, refund.id, was=refund.state.value, state=state.value, failure=failure,
            stripe_refund=stripe_refund or refund.stripe_refund, settled_at=self.now if final else None,
        )

    def to_compare(self, since: datetime) -> tuple[Refund, ...]:
        """Sent and not failed: decided since then, or still open."""
        return self._refunds(_TO_COMPARE, since=since)

    def adopt(self, stripe_refund: str, *, payment_id: int, amount: Money, state: RefundState) -> bool:
        """Unsealed, so that it is never sent; counted by the same guarded UPDATE as one of ours."""
        if state is not RefundState.FAILED and not self.claim(payment_id, amount.minor):
            return False
        settled = self.now if state in {RefundState.SUCCEEDED, RefundState.FAILED} else None
        self.connection.execute(_ADOPT, {
            "id": f"stripe:{stripe_refund}", "shop_id": self.shop.id, "payment_id": payment_id,
            "amount_minor": amount.minor, "currency": amount.currency, "state": state.value,
            "stripe_refund": stripe_refund, "decided_at": self.now, "settled_at": settled,
        })
        return True

    def disputes_of(self, payment_id: int) -> tuple[Dispute, ...]:
        """Every dispute of a payment."""
        return self._disputes(_DISPUTES_OF, which=payment_id)

    def dispute(self, stripe_dispute: str) -> Dispute | None:
        """The dispute of that Stripe id."""
        found = self._disputes(_DISPUTE, which=stripe_dispute)
        return found[0] if found else None

    def open_dispute(
        self, stripe_dispute: str, *, payment_id: int, state: str, reason: str, amount: Money, opened_at: datetime,
        due_by: datetime | None,
    ) -> Dispute | None:
        """Store a dispute; None if it is known already."""
        row = self.connection.execute(_OPEN_DISPUTE.on(self.connection), {
            "shop_id": self.shop.id, "stripe_dispute": stripe_dispute, "payment_id": payment_id, "state": state,
            "reason": reason, "amount_minor": amount.minor, "currency": amount.currency, "opened_at": opened_at,
            "due_by": due_by,
        }).scalar()
        return None if row is None else self.dispute(stripe_dispute)

    def move_dispute(self, dispute: Dispute, *, state: str, due_by: datetime | None) -> bool:
        """Change a dispute from the state it was read in."""
        return self._change(_MOVE_DISPUTE, dispute.id, was=dispute.state, state=state, due_by=due_by)

    def _change(self, statement: sa.Update, which: int | str, **given: object) -> bool:
        """Whether there was a row that the statement's condition let it change."""
        changed = self.connection.execute(statement, {"shop": self.shop.id, "which": which, **given})
        return changed.rowcount == 1

    def _payments(self, statement: sa.Select[*tuple[Any, ...]], **given: object) -> tuple[Payment, ...]:
        rows = self.connection.execute(statement, {"shop": self.shop.id, **given})
        return tuple(
            Payment(
                id=row.id, order_id=row.order_id, method=row.method,
                amount=Money(minor=row.amount_minor, currency=row.currency),
                refunded=Money(minor=row.refunded_minor, currency=row.currency), paid_at=row.paid_at,
                payment_intent=row.payment_intent, card_last4=row.card_last4, disputed=row.disputed,
            )
            for row in rows
        )

    def _disputes(self, statement: sa.Select[*tuple[Any, ...]], **given: object) -> tuple[Dispute, ...]:
        rows = self.connection.execute(statement, {"shop": self.shop.id, **given})
        return tuple(
            Dispute(
                id=row.id, stripe_dispute=row.stripe_dispute, payment_id=row.payment_id, state=row.state,
                reason=row.reason, amount=Money(minor=row.amount_minor, currency=row.currency),
                opened_at=row.opened_at, due_by=row.due_by,
            )
            for row in rows
        )

    def _refunds(self, statement: sa.Select[*tuple[Any, ...]], **given: object) -> tuple[Refund, ...]:
        rows = self.connection.execute(statement, {"shop": self.shop.id, **given})
        return tuple(self._refund(row) for row in rows)

    def _refund(self, row: sa.Row[tuple[object, ...]]) -> Refund:
        sealed = (
            row.payment_intent, row.id, row.payment_id, row.return_id, row.approval_id, row.amount_minor, row.currency,
            row.decided_at,
        )
        return Refund(
            id=row.id, payment_id=row.payment_id, payment_intent=row.payment_intent, return_id=row.return_id,
            approval_id=row.approval_id, amount=Money(minor=row.amount_minor, currency=row.currency),
            state=RefundState(row.state), failure=row.failure, stripe_refund=row.stripe_refund,
            decided_at=row.decided_at, first_sent_at=row.first_sent_at, settled_at=row.settled_at,
            genuine=self.seals.holds(row.mac, "refund", row.shop_id, *sealed),
        )
