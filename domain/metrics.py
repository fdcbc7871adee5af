"""What a day looked like: the figures of the digest, how they compare, and what needs doing first.

Two kinds of time never mix: a *day* is the shop's calendar day, whole and past; a *moment* is what was known then.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Protocol

from domain.money import Money
from domain.shops import Shop
from domain.time import DAY

#: statuses after which an order is no longer waited for, as shop systems spell them
GIVEN_UP = ("canceled", "cancelled", "unavailable", "voided")
#: days over which the return rate is taken, and the longer stretch before it that is called usual
RETURN_RATE_DAYS = 28
USUAL_DAYS = 364
#: days of the digest's chart: four of each weekday
CHART_DAYS = 28


@dataclass(frozen=True, kw_only=True)
class CycleTime:
    """How long orders took: elapsed days (24 hours) as median and as the value that 9 of 10 stay within."""

    count: int
    median_days: float | None
    p90_days: float | None


@dataclass(frozen=True, kw_only=True)
class Sales:
    """What was sold: orders with at least one paid product line, their units, and those lines' worth."""

    orders: int
    units: int
    amount: Money


@dataclass(frozen=True, kw_only=True)
class DayFigures:
    """One calendar day of the shop. Each count belongs to the day on which the thing happened."""

    date: date
    orders_placed: int
    #: payments of the orders placed on this day, whenever they were paid
    payments: Money
    sales: Sales
    approved: int
    handed_to_carrier: int
    delivered: int
    #: delivered on a later date than promised
    delivered_late: int
    #: orders promised for this day
    promised: int
    #: placed to handed over, of the orders handed over on this day; then placed to delivered likewise
    to_shipped: CycleTime
    to_delivered: CycleTime
    returns_requested: int
    refunds: int
    refunded: Money

    @property
    def revenue(self) -> Money:
        """What customers paid; where payments were never imported, what the sold lines are worth."""
        return self.payments if self.payments.minor else self.sales.amount

    @property
    def average_order_value(self) -> Money | None:
        """Revenue by order, rounded half up; None on a day without orders."""
        if not self.orders_placed:
            return None
        minor = (2 * self.revenue.minor + self.orders_placed) // (2 * self.orders_placed)
        return Money(minor=minor, currency=self.revenue.currency)


@dataclass(frozen=True, kw_only=True)
class ParcelSummary:
    """Orders on their way at a moment: bought, not delivered by then, in the end not given up."""

    open: int
    #: of these, past the promised day
    overdue: int
    #: approved, past the moment by which a line had to be with the carrier, and not handed over
    handover_overdue: int
    #: promised for today or one of the next three days
    due_in_3_days: int


@dataclass(frozen=True, kw_only=True)
class ReturnRate:
    """Units that came back, against units sold, over the same stretch of days."""

    days: int
    sold: int
    returned: int

    @property
    def percent(self) -> float | None:
        """0 to 100 and, after a sale has ended, more; None where nothing was sold."""
        return 100 * self.returned / self.sold if self.sold else None


@dataclass(frozen=True, kw_only=True)
class OpenApprovals:
    """Returns that wait for a decision."""

    count: int
    amount: Money
    #: when the one that waits longest was asked for
    oldest_at: datetime | None
    #: how many should have been answered by now
    overdue: int


@dataclass(frozen=True, kw_only=True)
class EmptyShelf:
    """A variant that nobody can buy."""

    sku: str
    title: str
    since: datetime | None


@dataclass(frozen=True, kw_only=True)
class StockSummary:
    """Low and empty stock. ``known`` False: this shop's stock levels were never imported, so nothing is said."""

    known: bool
    #: SKUs at or below their reorder point that can still be bought
    low: tuple[str, ...]
    empty: tuple[EmptyShelf, ...]


@dataclass(frozen=True, kw_only=True)
class DayValue:
    """A point of the digest's chart."""

    date: date
    orders: int
    revenue: Money


class Metrics(Protocol):
    """Figures of one shop, as of the unit of work's moment: nothing later is ever looked at."""

    def as_of(self, at: datetime) -> Metrics:
        """The same, as of another moment."""

    def day(self, day: date) -> DayFigures:
        """What happened on that calendar day."""

    def parcels(self) -> ParcelSummary:
        """What is on its way."""

    def return_rate(self, last: date, days: int) -> ReturnRate:
        """Over the days up to and including the last."""

    def approvals(self) -> OpenApprovals:
        """Returns that wait."""

    def empty_shelves(self) -> tuple[EmptyShelf, ...] | None:
        """Active variants with nothing available, longest first; None where stock is not known at all."""

    def revenue(self, last: date, days: int) -> tuple[DayValue, ...]:
        """One point for each day, oldest first, zeros included."""


class Doing(StrEnum):
    """What can need doing in the morning, most urgent first: the order in which the digest names it."""

    APPROVE_RETURNS = "approve_returns"
    HAND_OVER = "hand_over"
    EXPLAIN_LATE = "explain_late"
    RESTOCK_EMPTY = "restock_empty"
    REORDER_LOW = "reorder_low"


@dataclass(frozen=True, kw_only=True)
class ToDo:
    """One thing that waits for a person."""

    doing: Doing
    count: int
    #: true where it should have been done by now
    overdue: bool = False
    oldest_at: datetime | None = None
    amount: Money | None = None
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class DigestFigures:
    """All that the morning digest says about one day, and what stood open at ``at``."""

    shop: str
    date: date
    at: datetime
    day: DayFigures
    day_before: DayFigures
    same_weekday: DayFigures
    parcels: ParcelSummary
    return_rate: ReturnRate
    usual_return_rate: ReturnRate
    approvals: OpenApprovals
    stock: StockSummary
    chart: tuple[DayValue, ...]
    to_do: tuple[ToDo, ...]


def digest_moment(shop: Shop, day: date, now: datetime) -> datetime:
    """The moment that a day's digest speaks for: the end of that day, or now while it still runs."""
    return min(now, shop.calendar.at(day + DAY))


def digest_figures(metrics: Metrics, shop: Shop, day: date, *, at: datetime, low: Sequence[str]) -> DigestFigures:
    """The digest of a day. ``metrics`` looks as of ``at``; ``low`` are the SKUs at or below their reorder point."""
    empty = metrics.empty_shelves()
    gone = {shelf.sku for shelf in empty or ()}
    stock = StockSummary(
        known=empty is not None, low=tuple(sku for sku in low if sku not in gone), empty=empty or ()
    )
    parcels, approvals = metrics.parcels(), metrics.approvals()
    return DigestFigures(
        shop=shop.name, date=day, at=at,
        day=metrics.day(day),
        day_before=metrics.day(day - DAY),
        same_weekday=metrics.day(day - timedelta(days=7)),
        parcels=parcels,
        return_rate=metrics.return_rate(day, RETURN_RATE_DAYS),
        usual_return_rate=metrics.return_rate(day - timedelta(days=RETURN_RATE_DAYS), USUAL_DAYS),
        approvals=approvals,
        stock=stock,
        chart=metrics.revenue(day, CHART_DAYS),
        to_do=what_to_do_first(approvals, parcels, stock),
    )


def what_to_do_first(approvals: OpenApprovals, parcels: ParcelSummary, stock: StockSummary) -> tuple[ToDo, ...]:
    """What waits for a person: what is overdue first, then money, promises and stock in that order."""
    found = (
        ToDo(
            doing=Doing.APPROVE_RETURNS, count=approvals.count, overdue=approvals.overdue > 0,
            oldest_at=approvals.oldest_at, amount=approvals.amount,
        ),
        ToDo(doing=Doing.HAND_OVER, count=parcels.handover_overdue, overdue=True),
        ToDo(doing=Doing.EXPLAIN_LATE, count=parcels.overdue, overdue=True),
        ToDo(
            doing=Doing.RESTOCK_EMPTY, count=len(stock.empty), overdue=True,
            examples=tuple(shelf.title for shelf in stock.empty[:3]),
        ),
        ToDo(doing=Doing.REORDER_LOW, count=len(stock.low), examples=stock.low[:3]),
    )
    order = {doing: place for place, doing in enumerate(Doing)}
    return tuple(sorted((item for item in found if item.count), key=lambda item: (not item.overdue, order[item.doing])))


def change_percent(value: float, before: float) -> float | None:
    """By how many percent a value lies above what it was before; None where that was nothing."""
    return 100 * (value - before) / before if before else None


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """The value that ``share`` (0 to 1) of ascending values stay within, linear between neighbours; None of none.

    The same rule as NumPy's default and PostgreSQL's percentile_cont, so that figures can be checked outside.
    """
    if not ordered:
        return None
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def cycle_time(spans: Sequence[timedelta]) -> CycleTime:
    """Median and p90 of how long orders took. A span below zero is a wrong clock somewhere, and left out."""
    days = sorted(span / DAY for span in spans if span >= timedelta(0))
    return CycleTime(count=len(days), median_days=percentile(days, 0.5), p90_days=percentile(days, 0.9))
