"""Stock at the end of the history: enough of nearly everything, a few articles low, the tea towel gone."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from random import Random
from statistics import fmean, stdev

from sandbox.demo_shop.catalogue import SUPPLIERS, Product
from sandbox.demo_shop.rows import Level, Order

#: days of sales that the reorder point looks at, and the service level's factor (95 %)
DEMAND_DAYS, Z = 56, 1.65
LOCATION = "leipzig"
#: articles that are low: share of the reorder point that is left, and packs on the way
_LOW = {
    "TEA-TOWEL": (0.0, 0),
    "WHT-BOWL-16": (0.55, 0),
    "BLU-PLATE-22": (0.7, 0),
    "CANDLE-CEDAR": (0.35, 0),
    "SPICE-RACK": (0.6, 2),
}
#: just above its reorder point, so that one good day crosses it
_NEAR = {"BLU-MUG-300": 7}


def levels(range_: Sequence[Product], orders: Sequence[Order], until: datetime, rng: Random) -> tuple[Level, ...]:
    """Each article's level; reserved is what accepted orders still wait for."""
    waiting: Counter[str] = Counter()
    for order in orders:
        if order.status == "approved":
            waiting.update({line.sku: line.quantity for line in order.lines})
    sold = daily_sales(orders, until.date())
    # counted in the evening two days ago, so that yesterday's digest can speak of stock
    counted = datetime.combine(until.date() - timedelta(days=2), time(18))
    return tuple(
        _level(product, reorder_point(product, sold), waiting[product.sku], counted, rng)
        for product in range_
    )


def _level(product: Product, point: int, reserved: int, counted_at: datetime, rng: Random) -> Level:
    spare = rng.uniform(1.25, 2.6)
    incoming = 0
    if product.sku in _LOW:
        share, packs = _LOW[product.sku]
        available, incoming = math.floor(point * share), packs * product.pack_size
    elif product.sku in _NEAR:
        available = point + _NEAR[product.sku]
    else:
        available = math.ceil(point * spare) + product.pack_size
    return Level(
        sku=product.sku,
        location=LOCATION,
        on_hand=available + reserved,
        reserved=reserved,
        incoming=incoming,
        counted_at=counted_at,
    )


def daily_sales(orders: Sequence[Order], today: date) -> dict[str, list[int]]:
    """Pieces sold on each of the last 56 whole days, by SKU; cancelled orders do not count."""
    first = today - timedelta(days=DEMAND_DAYS)
    sold: dict[str, list[int]] = {}
    for order in reversed(orders):
        day = (order.placed_at.date() - first).days
        if day < 0:
            break
        if day < DEMAND_DAYS and order.status != "cancelled":
            for line in order.lines:
                sold.setdefault(line.sku, [0] * DEMAND_DAYS)[day] += line.quantity
    return sold


def reorder_point(product: Product, sold: dict[str, list[int]]) -> int:
    """Demand over the lead time and safety stock, in pieces: ``d L + z sqrt(L sd_d^2 + d^2 sd_L^2)``."""
    daily = sold.get(product.sku, [0] * DEMAND_DAYS)
    supplier = next(supplier for supplier in SUPPLIERS if supplier.key == product.supplier)
    demand, lead = fmean(daily), supplier.lead_time_days
    safety = Z * math.sqrt(lead * stdev(daily) ** 2 + (demand * supplier.lead_time_sd_days) ** 2)
    return math.ceil(demand * lead + safety)
