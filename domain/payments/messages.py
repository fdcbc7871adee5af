"""What staff read about disputes, and about Stripe's list of refunds where it differs from ours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.messages import Button, Message, Topic
from domain.money import Money
from domain.payments.model import RefundState


@dataclass(frozen=True, kw_only=True)
class DisputeCard(Message, topic=Topic.RETURNS):
    """The one card of a dispute. ``days_left`` None: no answer is possible, or it is over."""

    stripe_dispute: str
    order_number: str
    customer: str
    amount: Money
    #: refunded on this payment already: a refund and a lost dispute would pay twice
    refunded: Money
    reason: str
    state: str
    due_by: datetime | None
    days_left: int | None
    delivered_at: datetime | None
    over: bool = False

    @property
    def buttons(self) -> tuple[Button, ...]:
        """Evidence is given in Stripe's dashboard."""
        label = "Open in Stripe" if self.over or self.due_by is None else "Answer in Stripe"
        return (Button(label=label, url=f"https://dashboard.stripe.com/disputes/{self.stripe_dispute}"),)


class Differs(StrEnum):
    """How a refund at Stripe is other than ours."""

    #: made elsewhere, such as in Stripe's dashboard
    UNKNOWN = "unknown"
    AMOUNT = "amount"
    STATE = "state"
    #: ours says it is at Stripe, and it is not
    MISSING = "missing"


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One refund that differs. ``subject``: Stripe's id of it, or ours where it has none."""

    differs: Differs
    subject: str
    order: str
    ours: Money | None = None
    theirs: Money | None = None
    our_state: RefundState | None = None
    their_state: RefundState | None = None


@dataclass(frozen=True, kw_only=True)
class StripeDiffers(Message, topic=Topic.RETURNS):
    """Differences found in one look, at most twenty of ``count``. ``names``: who is asked, "@Ada, @Cleo"."""

    differences: tuple[Difference, ...]
    count: int
    names: str


@dataclass(frozen=True, kw_only=True)
class StripeReach(Message, topic=Topic.RETURNS):
    """Stripe cannot be asked which refunds it has, or can again."""

    reached: bool
    names: str
