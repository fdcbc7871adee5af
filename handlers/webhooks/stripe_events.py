"""Stripe's events: refunds and disputes."""

from __future__ import annotations

from dataclasses import dataclass

from domain.errors import OpsError
from domain.foreign import json_object
from domain.jobs import Received, Transaction
from gateways import stripe
from handlers.webhooks.learning import learn, understood


@dataclass(frozen=True, kw_only=True)
class StripeEvents:
    """Works off what Stripe told. ``live``: whether our key moves real money; None = it does not tell."""

    live: bool | None
    source: str = "stripe"

    def work(self, received: Received, transaction: Transaction) -> None:
        """Note the event in the shop whose payment it is about; one about nobody's payment is left."""
        event = json_object(received.body)
        if (why := stripe.foreign(event, live=self.live)) is not None:
            raise OpsError(why)
        facts = understood(lambda: stripe.facts(event))
        intent = stripe.payment_intent(event)
        for shop in transaction.shops.all() if facts and intent else ():
            uow = transaction.of(shop.id)
            if uow.payments.by_intent(str(intent)) is not None:
                for fact in facts:
                    learn(fact, uow)

    def refuse(self, received: Received, error: OpsError, transaction: Transaction) -> None:
        """Stripe reads no sentences; an event of another mode or account is counted in the trail of whom it names."""
        event = json_object(received.body)
        if stripe.foreign(event, live=self.live) is not None:
            intent = stripe.payment_intent(event)
            for shop in transaction.shops.all() if intent else ():
                uow = transaction.of(shop.id)
                if uow.payments.by_intent(str(intent)) is not None:
                    uow.audit.add("stripe", "event.refused", received.key, {"why": error.sentence})
