"""Two years of orders, each followed to where it stands at the end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from random import Random

from sandbox.demo_shop import days, parcels
from sandbox.demo_shop.catalogue import Product
from sandbox.demo_shop.customers import Crowd
from sandbox.demo_shop.rows import Customer, Line, Order, Payment, Scan, stripe_id

#: orders by hour of the day, from 0 to 23; none in the hour that daylight saving skips or repeats
_HOURS = (1, 0, 0, 0, 0, 1, 2, 4, 6, 7, 8, 8, 8, 7, 7, 7, 7, 8, 9, 11, 13, 12, 8, 4)
_FREE_FREIGHT_FROM = 6000
_FREIGHT = {"DE": 490, "JP": 1990}
_FREIGHT_ABROAD = 990


@dataclass(frozen=True, kw_only=True)
class Wish:
    """An order as the customer places it; what follows from it is drawn later. ``number`` None = the next one."""

    placed_at: datetime
    customer: Customer
    lines: tuple[Line, ...]
    method: str = "card"
    last4: str | None = None
    number: str | None = None
    #: packing waits so many working days more
    packing_days: int = 0
    trouble: parcels.Mishap | None = None
    #: the carrier's words when they are told and not drawn, from the label on
    scans: tuple[Scan, ...] | None = None
    cancelled: bool = False


def wishes(until: datetime, range_: tuple[Product, ...], crowd: Crowd, rng: Random) -> Iterator[Wish]:
    """What the crowd ordered in two years, oldest first, to the end of ``until``'s day."""
    last = until.date()
    first = last - timedelta(days=days.HISTORY_DAYS)
    promotions = days.promotions(first, last, rng)
    for number in range(days.HISTORY_DAYS + 1):
        day = first + timedelta(days=number)
        promotion = promotions.get(day)
        weights = [
            product.weight * (1.6 if promotion and promotion.category == product.category else 1.0)
            for product in range_
        ]
        count = days.orders_on(day, last, promotion, rng)
        for moment in sorted(_moment(day, rng) for _ in range(count)):
            customer = crowd.next()
            basket = _basket(range_, weights, promotion, customer.country, rng)
            method = rng.choices(("card", "paypal", "bank_transfer"), (72, 20, 8))[0]
            yield Wish(
                placed_at=moment, customer=customer, lines=basket, method=method, cancelled=rng.random() < 0.012
            )


def _moment(day: date, rng: Random) -> datetime:
    hour = rng.choices(range(24), _HOURS)[0]
    return datetime.combine(day, time(hour)) + timedelta(seconds=int(rng.random() * 3600))


def _basket(
    range_: tuple[Product, ...], weights: list[float], promotion: days.Promotion | None, country: str, rng: Random
) -> tuple[Line, ...]:
    picked = dict.fromkeys(rng.choices(range(len(range_)), weights, k=rng.choices((1, 2, 3, 4), (44, 32, 16, 8))[0]))
    lines = []
    for place in picked:
        product = range_[place]
        price = product.price
        if promotion and promotion.category == product.category:
            price = round(price * 0.85 / 10) * 10
        most = (1,) if product.price >= 3400 else (1, 2, 3, 4, 6)
        quantity = rng.choices(most, (1,) if len(most) == 1 else (66, 20, 5, 6, 3))[0]
        lines.append(Line(sku=product.sku, title=product.title, quantity=quantity, unit_price=price))
    return with_freight(lines, country)


def with_freight(lines: Iterable[Line], country: str) -> tuple[Line, ...]:
    """The lines with the order's postage on the first of them; free from 60 euros within Germany."""
    first, *rest = lines
    goods = sum(line.quantity * line.unit_price for line in (first, *rest))
    free = country == "DE" and goods >= _FREE_FREIGHT_FROM
    return replace(first, freight=0 if free else _FREIGHT.get(country, _FREIGHT_ABROAD)), *rest


def fulfilled(wish: Wish, number: str, until: datetime, seed: int, rng: Random) -> Order:
    """The order as it stands at ``until``."""
    country = wish.customer.country
    approved = _approved_at(wish, rng)
    handed = parcels.handover(approved, wish.packing_days, rng)
    label = handed - timedelta(minutes=rng.randint(75, 150))
    trouble = wish.trouble or parcels.mishap(country, rng)
    parcel = parcels.journey(number, wish.customer, label_at=label, handed_at=handed, trouble=trouble, rng=rng)
    scans = parcels.thinned(wish.scans or parcel.scans, until)
    shipped = bool(scans) and not wish.cancelled
    accepted = approved <= until and not (wish.cancelled and wish.method == "bank_transfer")
    return Order(
        number=number,
        customer=wish.customer,
        status=_status(wish, accepted, {scan.milestone for scan in scans}),
        placed_at=wish.placed_at,
        approved_at=approved if accepted else None,
        promised_on=parcels.promised_on(wish.placed_at, country),
        ship_by=parcels.ship_by(wish.placed_at),
        lines=wish.lines,
        payment=_payment(wish, number, approved if accepted else None, seed, rng),
        parcel=replace(parcel, scans=scans) if shipped else None,
    )


def _status(wish: Wish, accepted: bool, milestones: set[str]) -> str:
    if wish.cancelled:
        return "cancelled"
    if "Delivered" in milestones:
        return "delivered"
    if milestones - {"InfoReceived"}:
        return "shipped"
    return "approved" if accepted else "placed"


def _approved_at(wish: Wish, rng: Random) -> datetime:
    """Cards and PayPal within minutes, one in twenty after a look by hand; transfers with the bank's morning file."""
    if wish.method == "bank_transfer":
        day = days.add_working(wish.placed_at.date() + timedelta(days=1), rng.choice((0, 0, 1)))
        return datetime.combine(day, time(7, rng.randint(30, 59), rng.randint(0, 59)))
    by_hand = wish.scans is None and 6 <= wish.placed_at.hour < 18 and rng.random() < 0.06
    return wish.placed_at + timedelta(minutes=rng.randint(60, 300) if by_hand else rng.randint(1, 14))


def _payment(wish: Wish, number: str, approved: datetime | None, seed: int, rng: Random) -> Payment:
    card = wish.method == "card"
    last4 = wish.last4 or f"{rng.randint(0, 9999):04d}"
    return Payment(
        method=wish.method,
        amount=sum(line.quantity * line.unit_price + line.freight for line in wish.lines),
        paid_at=wish.placed_at if card or wish.method == "paypal" else approved,
        intent=stripe_id("pi", seed, number) if card else None,
        last4=last4 if card else None,
    )
