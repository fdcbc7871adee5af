"""The demo shop's returns: numbered R-1 to R-317, the last eighteen of them in every state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from random import Random

from sandbox.demo_shop.customers import NAMED
from sandbox.demo_shop.rows import Line, Order, Return, stripe_id

#: so that the next one, the walk-through's, is R-318
LAST_NUMBER = 317
RETURN_COST = 490
_REASONS = ("damaged", "wrong_item", "not_as_described", "changed_mind", "other")
#: R-300 to R-317: what became of each
_RECENT = (
    *("refunded", "refunded", "declined", "refunded", "cancelled", "refunded", "received", "refunded", "declined"),
    *(
        "refunded",
        "approved",
        "received",
        "approved",
        "approved",
        "photo_asked",
        "requested",
        "requested",
        "requested",
    ),
)
#: minutes before "now" at which those that wait were asked for, oldest first
_WAITING = (980, 305, 140, 38)


def returns(orders: Sequence[Order], until: datetime, seed: int, rng: Random) -> tuple[Return, ...]:
    """All returns, oldest first; none of Maria's. They begin as many weeks ago as 4 % of the orders need."""
    named = {customer.key for customer in NAMED.values()}
    delivered = [
        order for order in orders if order.delivered_at and order.payment.intent and order.customer.key not in named
    ]
    recent = [order for order in delivered if 12 < _days_ago(order, until) <= 21]
    older = [order for order in delivered if 21 < _days_ago(order, until) <= 150]
    early = LAST_NUMBER - len(_RECENT)
    picked = sorted(rng.sample(older, early), key=lambda order: order.delivered_at or until)
    asked = sorted((_asked_at(order, rng, 7), place, order) for place, order in enumerate(picked))
    rows = [
        *_numbered(1, [(at, order, _old_state(rng)) for at, _, order in asked], until, seed, rng),
        *_numbered(early + 1, _latest(orders, recent, until, rng), until, seed, rng),
    ]
    return tuple(rows)


def _days_ago(order: Order, until: datetime) -> int:
    return (until - (order.delivered_at or until)).days


def _asked_at(order: Order, rng: Random, most_days: int) -> datetime:
    arrived = order.delivered_at or order.placed_at
    day = arrived + timedelta(days=rng.randint(1, most_days))
    return day.replace(hour=rng.randint(8, 21), minute=rng.randint(0, 59), second=rng.randint(0, 59))


def _old_state(rng: Random) -> str:
    return rng.choices(("refunded", "declined", "cancelled"), (84, 9, 7))[0]


def _latest(
    orders: Sequence[Order], recent: Sequence[Order], until: datetime, rng: Random
) -> list[tuple[datetime, Order, str]]:
    """The last eighteen with their states; Sofia's is approved, Omar's is the oldest request that waits."""
    settled = len(_RECENT) - len(_WAITING)
    moments = [
        until - timedelta(days=12 - place * 10 / settled, minutes=rng.randint(0, 90)) for place in range(settled)
    ]
    moments = [moment.replace(hour=8 + moment.hour % 14) for moment in moments]
    moments += [until - timedelta(minutes=minutes) for minutes in _WAITING]
    # two o'clock is the hour that daylight saving skips or repeats
    moments = [moment.replace(hour=1) if moment.hour == 2 else moment for moment in moments]
    chosen = sorted(rng.sample(recent, len(_RECENT)), key=lambda order: order.delivered_at or until)
    chosen[settled - 1] = _newest_delivered("sofia", orders)
    chosen[settled + 1] = _newest_delivered("omar", orders)
    return [(_not_before(order, at), order, state) for at, order, state in zip(moments, chosen, _RECENT, strict=True)]


def _newest_delivered(who: str, orders: Sequence[Order]) -> Order:
    key = NAMED[who].key
    return next(order for order in reversed(orders) if order.customer.key == key and order.delivered_at)


def _not_before(order: Order, at: datetime) -> datetime:
    arrived = order.delivered_at or order.placed_at
    return max(at, arrived + timedelta(minutes=47)).replace(microsecond=0)


def _numbered(
    first: int, asked: Sequence[tuple[datetime, Order, str]], until: datetime, seed: int, rng: Random
) -> Iterator[Return]:
    for place, (at, order, state) in enumerate(asked):
        yield _return(f"R-{first + place}", order, state, asked=at, until=until, seed=seed, rng=rng)


def _return(
    number: str, order: Order, state: str, *, asked: datetime, until: datetime, seed: int, rng: Random
) -> Return:
    line: Line = max(order.lines, key=lambda line: line.unit_price)
    quantity = rng.randint(1, line.quantity)
    reason = "damaged" if state == "photo_asked" else rng.choices(_REASONS, (28, 14, 12, 40, 6))[0]
    amount = quantity * line.unit_price
    if reason in ("changed_mind", "other") and state in ("approved", "received", "refunded"):
        amount -= RETURN_COST
    keeps = reason == "damaged" and amount <= 4000 and state == "refunded"
    decided = _later(asked, until, 20, 300, rng) if state not in ("requested", "photo_asked", "cancelled") else None
    back = state == "received" or (state == "refunded" and not keeps)
    received = _later(decided, until, 2000, 6000, rng) if decided and back else None
    refunded = _later(received or decided or asked, until, 3, 200, rng) if state == "refunded" else None
    return Return(
        number=number,
        order=order,
        sku=line.sku,
        quantity=quantity,
        reason=reason,
        state=state,
        requested_at=asked,
        amount=amount,
        decided_at=decided,
        received_at=received,
        refunded_at=refunded,
        refund=stripe_id("re", seed, number) if refunded else None,
    )


def _later(after: datetime, until: datetime, fewest: int, most: int, rng: Random) -> datetime:
    """Some minutes later, but before "now" (at most nine tenths of what is left), by day where that can be."""
    minutes = min(rng.uniform(fewest, most), (until - after).total_seconds() / 60 * 0.9)
    moment = (after + timedelta(minutes=minutes)).replace(microsecond=0)
    by_day = moment.replace(hour=9 + moment.hour % 9)
    return by_day if after < by_day < until else moment
