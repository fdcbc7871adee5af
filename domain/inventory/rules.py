"""The figures of restocking: demand, safety stock, reorder point, cover, what to order. Pure, and self-explaining.

Sources: docs/sources.md (reorder point, safety stock with varying lead time, thin data, quantity).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import fmean, stdev
from typing import Final, TypeVar

from domain.inventory.model import DaySales, Stock, StockAsOf, Variant
from domain.money import Money
from domain.shops import StockPolicy

#: sums of floats that should be whole must not round up by their last bit
_TINY: Final = 1e-9
#: further away than this, a date would be a guess
_HORIZON_DAYS: Final = 730

Moment = TypeVar("Moment", int, datetime)


@dataclass(frozen=True, kw_only=True)
class Demand:
    """Pieces a day: mean and sample standard deviation over the days that count."""

    daily: float
    sd: float
    #: days that were counted
    days: int
    #: days left out because there was nothing to sell
    stock_out_days: int
    #: days since the first sale in the window
    history_days: int


@dataclass(frozen=True, kw_only=True)
class StockFigures:
    """Everything that is said about a variant's stock. Pieces, days and the shop's dates."""

    variant_id: int
    sku: str
    title: str
    on_hand: int
    reserved: int
    incoming: int
    available: int
    daily_demand: float
    demand_sd: float
    demand_days: int
    stock_out_days: int
    #: too little history: the rule of thumb counts
    thin: bool
    lead_time_days: float
    #: False: the supplier's is not known, the shop's default stands in
    lead_time_known: bool
    lead_time_sd_days: float
    safety_stock: int
    reorder_point: int
    #: set by a person, not computed
    by_hand: bool
    #: available / daily demand; None where nothing sells
    days_of_cover: float | None
    runs_out_on: date | None
    #: pieces missing before a delivery ordered today can come
    short_by: int
    suggested_quantity: int
    pack_size: int
    minimum_order: int
    price: Money | None
    cost: Money | None
    #: sales lost each day once it is out
    lost_per_day: Money | None
    supplier_id: int | None
    supplier: str | None
    explanation: str

    @property
    def projected(self) -> int:
        """Available with what is on the way."""
        return self.available + self.incoming

    @property
    def low(self) -> bool:
        """Whether it must be ordered: projected stock at or below a reorder point above zero."""
        return self.reorder_point > 0 and self.projected <= self.reorder_point

    @property
    def empty(self) -> bool:
        """Nothing to sell of something that sells."""
        return self.available <= 0 and (self.daily_demand > 0 or self.by_hand)

    @property
    def order_cost(self) -> Money | None:
        """What the suggested quantity costs; None where the cost is not known."""
        return None if self.cost is None else Money(
            minor=self.cost.minor * self.suggested_quantity, currency=self.cost.currency
        )


def stocked(
    opening: int | None, changes: Sequence[tuple[Moment, int]], starts: Sequence[Moment]
) -> tuple[bool, ...]:
    """For each day between two of ``starts``: whether there was anything to sell at any moment of it.

    ``opening``: available at the first start, None where the ledger did not begin yet; a day that the ledger does not
    know whole counts as stocked. ``changes``: of available, in order of time. Moments are only compared: whole
    microseconds do as well.
    """
    days: list[bool] = []
    balance, index = opening, 0
    for end in starts[1:]:
        known, best = balance is not None, balance or 0
        while index < len(changes) and changes[index][0] < end:
            balance = (balance or 0) + changes[index][1]
            best = max(best, balance)
            index += 1
        days.append(not known or best > 0)
    return tuple(days)


def demand(sales: Sequence[DaySales], policy: StockPolicy) -> Demand:
    """Mean and deviation of the last ``demand_days``, without days before the first sale and without stock-outs."""
    window = list(sales)[-policy.demand_days:]
    counted = [day.units for day in window if day.in_stock or day.units > 0]
    return Demand(
        daily=fmean(counted) if counted else 0.0,
        sd=stdev(counted) if len(counted) > 1 else 0.0,
        days=len(counted),
        stock_out_days=len(window) - len(counted),
        history_days=len(window),
    )


def safety_stock(*, daily: float, sd: float, lead_time: float, lead_time_sd: float, z: float) -> int:
    """The factor z times the square root of (L sd^2 + d^2 sd_L^2), rounded up.

    d=100, sd=20, L=7, sd_L=2, z=1.65 gives 341.35, so 342. Source: Nova (docs/sources.md).
    """
    return _up(z * math.sqrt(lead_time * sd**2 + daily**2 * lead_time_sd**2))


def reorder_point(*, daily: float, lead_time: float, safety: float) -> int:
    """Demand over the lead time plus the safety stock, rounded up. Source: Gera (docs/sources.md)."""
    return _up(daily * lead_time + safety)


def thin_reorder_point(*, daily: float, lead_time: float, policy: StockPolicy) -> int:
    """Too little history for a deviation: 14 days of sales, or the lead time's where that is longer."""
    return _up(daily * max(float(policy.thin_cover_days), lead_time))


def order_quantity(
    *, daily: float, lead_time: float, safety: int, level: int, projected: int, pack: int, minimum: int,
    policy: StockPolicy,
) -> int:
    """What lasts over the lead time and ``order_days`` more, minus what there is; in whole packs, at least the minimum.

    Never so little that the stock would still stand at the reorder point. 0 where nothing is missing.
    """
    wanted = _up(daily * (lead_time + policy.order_days) + safety - projected)
    if projected <= level and level > 0:
        wanted = max(wanted, level - projected + 1)
    return 0 if wanted <= 0 else in_packs(max(wanted, minimum), pack)


def in_packs(quantity: int, pack: int) -> int:
    """Rounded up to whole packs."""
    size = max(pack, 1)
    return -(-quantity // size) * size


def figures(known: StockAsOf, policy: StockPolicy, today: date) -> StockFigures:
    """All figures of a variant as it was known; ``today`` is the shop's date then."""
    variant, stock = known.variant, known.stock
    past = demand(known.sales, policy)
    supplier = variant.supplier
    lead_known = supplier is not None and supplier.lead_time_days is not None
    lead = float(supplier.lead_time_days) if supplier and supplier.lead_time_days is not None else policy.lead_time_days
    lead_sd = float(supplier.lead_time_sd_days or 0) if supplier else 0.0
    thin = past.history_days < policy.thin_below_days
    safety, level = _levels(past, lead, lead_sd, thin=thin, policy=policy)
    if variant.reorder_point is not None:
        level = variant.reorder_point
    quantity = order_quantity(
        daily=past.daily, lead_time=lead, safety=safety, level=level, projected=stock.projected,
        pack=variant.pack_size, minimum=variant.minimum_order, policy=policy,
    )
    cover = None if past.daily <= 0 else max(stock.available, 0) / past.daily
    return StockFigures(
        variant_id=variant.id, sku=variant.sku, title=variant.title, on_hand=stock.on_hand, reserved=stock.reserved,
        incoming=stock.incoming, available=stock.available, daily_demand=past.daily, demand_sd=past.sd,
        demand_days=past.days, stock_out_days=past.stock_out_days, thin=thin, lead_time_days=lead,
        lead_time_known=lead_known, lead_time_sd_days=lead_sd, safety_stock=safety, reorder_point=level,
        by_hand=variant.reorder_point is not None, days_of_cover=cover, runs_out_on=_runs_out(cover, today),
        short_by=max(0, _up(past.daily * lead - stock.projected)), suggested_quantity=quantity,
        pack_size=variant.pack_size, minimum_order=variant.minimum_order, price=variant.price, cost=variant.cost,
        lost_per_day=_lost(variant.price, past.daily), supplier_id=supplier.id if supplier else None,
        supplier=supplier.name if supplier else None,
        explanation=_explain(variant, stock, past, lead=lead, lead_sd=lead_sd, lead_known=lead_known, thin=thin,
                             safety=safety, level=level, policy=policy, quantity=quantity),
    )


def by_weekday(sales: Sequence[DaySales]) -> tuple[float, ...]:
    """Mean pieces sold on each weekday, Monday first; 0 where no such day counted."""
    groups: list[list[int]] = [[] for _ in range(7)]
    for day in sales:
        if day.in_stock or day.units:
            groups[day.day.weekday()].append(day.units)
    return tuple(round(fmean(group), 2) if group else 0.0 for group in groups)


def rank(found: Sequence[StockFigures]) -> tuple[StockFigures, ...]:
    """By sales lost a day, the most first; without a price, by pieces."""
    return tuple(sorted(found, key=lambda one: (
        -(one.lost_per_day.minor if one.lost_per_day else 0), -one.daily_demand, one.sku,
    )))


def _levels(past: Demand, lead: float, lead_sd: float, *, thin: bool, policy: StockPolicy) -> tuple[int, int]:
    """Safety stock and reorder point, by the rule that the history allows."""
    if thin:
        level = thin_reorder_point(daily=past.daily, lead_time=lead, policy=policy)
        return max(0, _up(level - past.daily * lead)), level
    safety = safety_stock(daily=past.daily, sd=past.sd, lead_time=lead, lead_time_sd=lead_sd, z=policy.z)
    return safety, reorder_point(daily=past.daily, lead_time=lead, safety=safety)


def _runs_out(cover: float | None, today: date) -> date | None:
    if cover is None or cover > _HORIZON_DAYS:
        return None
    return today + timedelta(days=int(cover + _TINY))


def _lost(price: Money | None, daily: float) -> Money | None:
    return None if price is None else Money(minor=round(price.minor * daily), currency=price.currency)


def _explain(
    variant: Variant, stock: Stock, past: Demand, *, lead: float, lead_sd: float, lead_known: bool, thin: bool,
    safety: int, level: int, policy: StockPolicy, quantity: int,
) -> str:
    out = f", {past.stock_out_days} without stock left out" if past.stock_out_days else ""
    source = f"{variant.supplier.name} needs" if variant.supplier and lead_known else "lead time (the shop's default)"
    parts = [
        f"Sells {past.daily:.2f} a day (mean of {past.days} days{out}); {source} {lead:g} days.",
        _explain_level(variant, past, lead=lead, lead_sd=lead_sd, thin=thin, safety=safety, level=level, policy=policy),
        f"Stock that counts: {stock.on_hand} on hand - {stock.reserved} reserved + {stock.incoming} on the way"
        f" = {stock.projected}, {'at or below' if stock.projected <= level else 'above'} {level}.",
    ]
    if quantity:
        packs = f", in packs of {variant.pack_size}" if variant.pack_size > 1 else ""
        least = f", at least {variant.minimum_order}" if variant.minimum_order > 1 else ""
        parts.append(
            f"Order {quantity}: {past.daily:.2f} x ({lead:g} + {policy.order_days}) days + {safety} safety stock"
            f" - {stock.projected}{packs}{least}."
        )
    return " ".join(parts)


def _explain_level(
    variant: Variant, past: Demand, *, lead: float, lead_sd: float, thin: bool, safety: int, level: int,
    policy: StockPolicy,
) -> str:
    if variant.reorder_point is not None:
        return f"Reorder point {level}, set by hand."
    if thin:
        days = max(float(policy.thin_cover_days), lead)
        return (f"Only {past.history_days} days of history (below {policy.thin_below_days}):"
                f" reorder point = {past.daily:.2f} x {days:g} days = {level}.")
    varies = f" + {past.daily:.2f}² x {lead_sd:g}²" if lead_sd else ""
    return (f"Safety stock = {policy.z:g} x √({lead:g} x {past.sd:.2f}²{varies}) = {safety};"
            f" reorder point = {past.daily:.2f} x {lead:g} + {safety} = {level}.")


def _up(value: float) -> int:
    return math.ceil(value - _TINY)
