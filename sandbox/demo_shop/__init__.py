"""The demo shop: two years of a small homeware shop, made up, the same bytes for the same moment and seed."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from random import Random
from zoneinfo import ZoneInfo

from sandbox.demo_shop import featured, returns, sales, stock
from sandbox.demo_shop.catalogue import SUPPLIERS, products
from sandbox.demo_shop.customers import NAMED, Crowd
from sandbox.demo_shop.rows import Customer, Demo, Order

ZONE = ZoneInfo("Europe/Berlin")
_FIRST_NUMBER = 10001


@lru_cache(maxsize=2)
def build(until: datetime, seed: int) -> Demo:
    """The shop as it stands at an aware moment."""
    local = until.astimezone(ZONE).replace(tzinfo=None, microsecond=0)
    orders = _orders(local, seed)
    range_ = products()
    return Demo(
        seed=seed,
        until=local,
        suppliers=SUPPLIERS,
        products=range_,
        customers=_customers(orders),
        orders=orders,
        returns=returns.returns(orders, local, seed, Random(f"{seed}/returns")),
        levels=stock.levels(range_, orders, local, Random(f"{seed}/stock")),
    )


def _orders(until: datetime, seed: int) -> tuple[Order, ...]:
    crowd = Crowd(Random(f"{seed}/customers"))
    wishes = list(sales.wishes(until, products(), crowd, Random(f"{seed}/orders")))
    wishes += featured.wishes(until, crowd.known)
    wishes = sorted((wish for wish in wishes if wish.placed_at <= until), key=lambda wish: wish.placed_at)
    rng = Random(f"{seed}/parcels")
    orders, number = [], _FIRST_NUMBER
    for wish in wishes:
        orders.append(sales.fulfilled(wish, wish.number or str(number), until, seed, rng))
        number += wish.number is None
    return tuple(orders)


def _customers(orders: tuple[Order, ...]) -> tuple[Customer, ...]:
    """The six and everybody who has ordered, by key."""
    known = {customer.key: customer for customer in NAMED.values()}
    known |= {order.customer.key: order.customer for order in orders}
    return tuple(known[key] for key in sorted(known))
