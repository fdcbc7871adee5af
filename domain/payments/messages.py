"""What staff read about disputes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from domain.messages import Button, Message, Topic
from domain.money import Money


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
