"""What Stripe tells us: how a refund went, and that a bank took a payment back into question."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from domain.messages import Fact
from domain.payments.model import RefundState


@dataclass(frozen=True, kw_only=True)
class RefundSettled(Fact):
    """Stripe's word on a refund. "requires_action" counts as pending, "canceled" as failed.

    ``refund_id`` is our intent's id from the refund's metadata; None for one made elsewhere (Stripe's dashboard).
    """

    refund_id: str | None
    stripe_refund: str | None
    state: RefundState
    #: Stripe's failure_reason, or why nobody can tell
    failure: str | None = None
    #: the card it goes back to, where Stripe's charge names it (payment_method_details.card.last4)
    card_last4: str | None = None


@dataclass(frozen=True, kw_only=True)
class DisputeOpened(Fact):
    """A customer's bank took a payment into question. ``due_by`` None = no answer is possible."""

    stripe_dispute: str
    payment_intent: str
    #: Stripe's status: needs_response, warning_needs_response, under_review, ...
    state: str
    reason: str
    amount_minor: int
    currency: str
    at: datetime
    due_by: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class DisputeClosed(Fact):
    """A dispute is over: ``state`` won, lost or warning_closed. It may come before the news that it was opened."""

    stripe_dispute: str
    payment_intent: str
    state: str
    reason: str
    amount_minor: int
    currency: str
    at: datetime
