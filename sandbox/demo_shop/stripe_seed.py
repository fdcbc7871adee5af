"""What the sandbox's Stripe knows when it starts: every card payment of the demo shop and its refunds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TypedDict
from zoneinfo import ZoneInfo

from sandbox.demo_shop.rows import Demo, Order, stripe_id

_ZONE = ZoneInfo("Europe/Berlin")


class SeedRefund(TypedDict):
    """A refund that succeeded; amount in cents, ``created`` in Unix seconds."""

    id: str
    amount: int
    created: int


class SeedPayment(TypedDict):
    """A payment intent with its one charge; amount in cents, ``created`` in Unix seconds."""

    id: str
    charge: str
    amount: int
    created: int
    last4: str
    order: str
    name: str
    email: str
    country: str
    refunds: list[SeedRefund]


def payments_at_stripe(demo: Demo) -> list[SeedPayment]:
    """All card payments, oldest first."""
    refunds: dict[str, list[SeedRefund]] = {}
    for row in demo.returns:
        if row.refund and row.refunded_at:
            refund = SeedRefund(id=row.refund, amount=row.amount, created=_unix(row.refunded_at))
            refunds.setdefault(row.order.number, []).append(refund)
    return [
        _payment(order, refunds.get(order.number, []), demo.seed) for order in demo.orders if order.payment.intent
    ]


def _payment(order: Order, refunds: list[SeedRefund], seed: int) -> SeedPayment:
    return SeedPayment(
        id=order.payment.intent or "",
        charge=stripe_id("ch", seed, order.number),
        amount=order.payment.amount,
        created=_unix(order.placed_at),
        last4=order.payment.last4 or "",
        order=order.number,
        name=order.customer.name,
        email=order.customer.email,
        country=order.customer.country,
        refunds=refunds,
    )


def _unix(local: datetime) -> int:
    return int(local.replace(tzinfo=_ZONE).astimezone(UTC).timestamp())
