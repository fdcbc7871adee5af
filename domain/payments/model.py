"""Payments as captured, refunds as intended and settled, disputes as the bank opened them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from domain.errors import RuleBroken
from domain.money import Money


@dataclass(frozen=True, kw_only=True)
class Payment:
    """One captured payment of an order. ``refunded`` counts every refund that was decided and has not failed."""

    id: int
    order_id: int
    method: str
    amount: Money
    refunded: Money
    paid_at: datetime | None
    #: Stripe's payment intent; None = paid elsewhere, so it cannot be refunded from here
    payment_intent: str | None
    card_last4: str | None
    disputed: bool

    @property
    def left(self) -> Money:
        """What may still be refunded: captured minus refunded, never below zero (the table's CHECK holds it)."""
        return self.amount - self.refunded


class RefundState(StrEnum):
    """Where a refund stands. Source of pending, succeeded, failed: docs.stripe.com/api/refunds/object."""

    #: decided here, not yet known at Stripe
    INTENDED = "intended"
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    #: what Stripe says cannot be told or contradicts itself: a person must look
    NEEDS_HUMAN = "needs_human"


@dataclass(frozen=True, kw_only=True)
class Refund:
    """A refund intent. Its id is the idempotency key at Stripe, one key for ever."""

    id: str
    payment_id: int
    payment_intent: str | None
    return_id: int | None
    approval_id: int | None
    amount: Money
    state: RefundState
    failure: str | None
    stripe_refund: str | None
    decided_at: datetime
    #: the first call to Stripe; 20 hours later the key is no longer trusted
    first_sent_at: datetime | None
    settled_at: datetime | None
    #: whether its seal holds: payment, return, approval and amount are as they were decided
    genuine: bool = False


@dataclass(frozen=True, kw_only=True)
class Dispute:
    """A chargeback or inquiry on a payment. ``state`` is Stripe's word; None ``due_by`` = no answer is possible."""

    id: int
    stripe_dispute: str
    payment_id: int
    state: str
    reason: str
    amount: Money
    opened_at: datetime
    due_by: datetime | None


class Payments(Protocol):
    """The payments, refunds and disputes of one shop."""

    def by_id(self, payment_id: int) -> Payment:
        """That payment; NotFound."""

    def by_intent(self, payment_intent: str) -> Payment | None:
        """The payment of that Stripe payment intent."""

    def of_order(self, order_id: int) -> tuple[Payment, ...]:
        """The payments of an order, in the order they were made."""

    def claim(self, payment_id: int, amount_minor: int) -> bool:
        """Count an amount as refunded; False if less is left, it is disputed, or it has no payment intent.

        One guarded UPDATE, so two claims at once never take more than was captured.
        """

    def release(self, payment_id: int, amount_minor: int) -> None:
        """Give back what was claimed for a refund that failed."""

    def know_card(self, payment_id: int, last4: str) -> None:
        """Remember the card's last four digits, unless they are known already."""

    def mark_disputed(self, payment_id: int, *, disputed: bool) -> None:
        """Bar the payment from refunds, or free it again."""

    def intend(
        self, refund_id: str, *, payment_id: int, amount: Money, return_id: int | None, approval_id: int | None
    ) -> Refund:
        """Write a refund intent; Conflict if its approval has one already."""

    def refund(self, refund_id: str) -> Refund | None:
        """The refund of that id."""

    def refund_at_stripe(self, stripe_refund: str) -> Refund | None:
        """The refund that Stripe knows by that id."""

    def refunds_of_return(self, return_id: int) -> tuple[Refund, ...]:
        """A return's refunds, oldest first."""

    def sent(self, refund_id: str) -> Refund | None:
        """Remember the first call to Stripe; a later one leaves that moment as it is."""

    def settle(
        self, refund: Refund, *, state: RefundState, stripe_refund: str | None, failure: str | None
    ) -> bool:
        """Move a refund on from the state it was read in; False if somebody was faster (compare and set)."""

    def to_compare(self, since: datetime) -> tuple[Refund, ...]:
        """Refunds that Stripe must know: sent and not failed, decided since that moment or not settled yet."""

    def adopt(self, stripe_refund: str, *, payment_id: int, amount: Money, state: RefundState) -> bool:
        """Write down a refund that was made elsewhere and count it on the payment; False if less is left there."""

    def disputes_of(self, payment_id: int) -> tuple[Dispute, ...]:
        """Every dispute of a payment, the first known first."""

    def dispute(self, stripe_dispute: str) -> Dispute | None:
        """The dispute of that Stripe id."""

    def open_dispute(
        self, stripe_dispute: str, *, payment_id: int, state: str, reason: str, amount: Money, opened_at: datetime,
        due_by: datetime | None,
    ) -> Dispute | None:
        """Store a dispute; None if it is known already."""

    def move_dispute(self, dispute: Dispute, *, state: str, due_by: datetime | None) -> bool:
        """Change a dispute from the state it was read in; False if somebody was faster (compare and set)."""


def refundable_payment(payments: tuple[Payment, ...], amount: Money) -> Payment:
    """The first payment that can carry the whole refund: through Stripe, undisputed, with enough left.

    A refund goes to one payment only. RuleBroken says which of these is missing.
    """
    ours = [payment for payment in payments if payment.payment_intent is not None]
    if not ours:
        methods = " and ".join(sorted({payment.method for payment in payments})) or "nothing I know of"
        raise RuleBroken(
            f"This order was paid by {methods}, not through Stripe, so I can't refund it. Refund it where it was paid."
        )
    free = [payment for payment in ours if not payment.disputed]
    if not free:
        raise RuleBroken("The payment is disputed at the bank. Nothing can be refunded until the dispute is closed.")
    for payment in free:
        if amount <= payment.left:
            return payment
    most = max(free, key=lambda payment: payment.left.minor).left
    raise RuleBroken(f"Only {most} is left to refund on this order's payment, not {amount}.")


def barred(payments: tuple[Payment, ...]) -> bool:
    """Whether every payment through Stripe is disputed, so that no refund can go out whatever its amount."""
    ours = [payment for payment in payments if payment.payment_intent is not None]
    return bool(ours) and all(payment.disputed for payment in ours)


def refundable_now(payments: tuple[Payment, ...]) -> Money | None:
    """The most that one refund could give back; None where no payment is known."""
    through_stripe = [payment.left for payment in payments if payment.payment_intent is not None]
    lefts = through_stripe or [payment.left for payment in payments]
    return max(lefts, key=lambda left: left.minor) if lefts else None
