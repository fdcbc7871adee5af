"""The figures of a shop, counted in SQL. Nothing that happened after the given moment is ever looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any, Final

import sqlalchemy as sa

from domain.metrics import (
    GIVEN_UP,
    CycleTime,
    DayFigures,
    DayValue,
    EmptyShelf,
    OpenApprovals,
    ParcelSummary,
    ReturnRate,
    Sales,
    cycle_time,
)
from domain.money import Money
from domain.shops import Shop
from domain.time import DAY, Span
from storage.open_orders import may_be_open, placed_by
from storage.tables import (
    RETURN_WAITS,
    order_lines,
    orders,
    parcels,
    payments,
    refunds,
    return_lines,
    returns,
    stock_levels,
    stock_movements,
    variants,
)

_TICK: Final = timedelta(microseconds=1)
_DUE_DAYS: Final = 3

_SHOP: Final[sa.BindParameter[int]] = sa.bindparam("shop")
_CURRENCY: Final[sa.BindParameter[str]] = sa.bindparam("currency")
_NOW: Final[sa.BindParameter[datetime]] = sa.bindparam("now")
_DAY: Final[sa.BindParameter[date]] = sa.bindparam("day")


def _within(moment: sa.Column[datetime]) -> sa.ColumnElement[bool]:
    return sa.and_(moment >= sa.bindparam("start"), moment < sa.bindparam("end"))


def _count(moment: sa.Column[datetime], *where: sa.ColumnElement[bool]) -> sa.Select[int]:
    table = moment.table
    return sa.select(sa.func.count()).select_from(table).where(table.c.shop_id == _SHOP, _within(moment), *where)


def _sum(amounts: sa.Select[int]) -> sa.Select[int]:
    return sa.select(sa.func.sum(next(iter(amounts.subquery().c))))


def _sum_if(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.coalesce(sa.func.sum(sa.case((condition, 1), else_=0)), 0)


def _scalar(amount: sa.Select[int]) -> sa.ColumnElement[int]:
    return sa.func.coalesce(amount.scalar_subquery(), 0)


def _of_parcels(condition: sa.ColumnElement[bool]) -> sa.ScalarSelect[int]:
    """How many parcels of an order fulfil it; NULL for an order without parcels."""
    return (
        sa.select(sa.func.sum(sa.case((condition, 1), else_=0)))
        .where(parcels.c.shop_id == _SHOP, parcels.c.order_id == orders.c.id)
        .correlate(orders).scalar_subquery()
    )


def _finished(moment: sa.Column[datetime]) -> sa.Select[datetime, date | None, datetime]:
    """Orders whose last parcel reached that moment within the span: (placed_at, promised_on, finished)."""
    other = parcels.alias("other")
    later = other.c[moment.name]
    unfinished = sa.select(other.c.id).where(
        other.c.shop_id == parcels.c.shop_id, other.c.order_id == parcels.c.order_id, other.c.id != parcels.c.id,
        sa.or_(later.is_(None), later > moment, sa.and_(later == moment, other.c.id > parcels.c.id)),
    )
    return (
        sa.select(orders.c.placed_at, orders.c.promised_on, moment.label("finished"))
        .select_from(parcels.join(orders, orders.c.id == parcels.c.order_id))
        .where(parcels.c.shop_id == _SHOP, _within(moment), ~unfinished.exists())
    )


def _parcels() -> sa.Select[int, int, int, int]:
    # Counted, not asked with EXISTS: conditions on the moments would tempt SQLite into an index over all of them.
    undelivered = _of_parcels(sa.or_(parcels.c.delivered_at.is_(None), parcels.c.delivered_at > _NOW))
    handed_over = _of_parcels(parcels.c.handed_over_at <= _NOW)
    late_handover = sa.and_(
        orders.c.approved_at <= _NOW, orders.c.ship_by < _NOW, sa.func.coalesce(handed_over, 0) == 0
    )
    return sa.select(
        sa.func.count(),
        _sum_if(orders.c.promised_on < _DAY),
        _sum_if(late_handover),
        _sum_if(orders.c.promised_on.between(_DAY, sa.bindparam("soon"))),
    ).where(
        orders.c.kind == "sale", may_be_open(_NOW),
        orders.c.status.not_in(GIVEN_UP),
        sa.or_(
            undelivered > 0,
            sa.and_(undelivered.is_(None), orders.c.promised_on.is_not(None), orders.c.status != "delivered"),
        ),
    )


def _empty_shelves() -> sa.Select[str, str, datetime | None]:
    moved = stock_movements.c.on_hand - stock_movements.c.reserved
    mine = sa.and_(stock_movements.c.shop_id == _SHOP, stock_movements.c.variant_id == variants.c.id)
    later = _scalar(sa.select(sa.func.sum(moved)).where(mine, stock_movements.c.at > _NOW))
    since = (
        sa.select(stock_movements.c.at).where(mine, stock_movements.c.at <= _NOW, moved < 0)
        .order_by(stock_movements.c.at.desc()).limit(1)
    ).scalar_subquery()
    available = _scalar(
        sa.select(sa.func.sum(stock_levels.c.on_hand - stock_levels.c.reserved)).where(
            stock_levels.c.shop_id == _SHOP, stock_levels.c.variant_id == variants.c.id
        )
    )
    return (
        sa.select(variants.c.sku, variants.c.title, since.label("since"))
        .where(
            variants.c.shop_id == _SHOP, variants.c.active,
            _LEVELS.where(stock_levels.c.variant_id == variants.c.id).exists(),
            _COUNTED.where(stock_movements.c.variant_id == variants.c.id).exists(), available - later <= 0,
        )
        .order_by(sa.text("since"), variants.c.sku)
    )


_line = order_lines.c
_SALE: Final = orders.c.kind == "sale"
_OF_SALES: Final = (
    payments.c.order_id == orders.c.id, payments.c.shop_id == _SHOP, payments.c.currency == _CURRENCY,
    orders.c.shop_id == _SHOP, _SALE,
)
_PLACED: Final = _count(orders.c.placed_at, _SALE)
_APPROVED: Final = _count(orders.c.approved_at, _SALE)
_CREDITED: Final = _count(orders.c.placed_at, orders.c.kind == "credit_note")
_REQUESTED: Final = _count(returns.c.requested_at)
_SHIPPED: Final = _finished(parcels.c.handed_over_at)
_DELIVERED: Final = _finished(parcels.c.delivered_at)
_PROMISED: Final = sa.select(sa.func.count()).select_from(orders).where(
    orders.c.shop_id == _SHOP, orders.c.promised_on == _DAY, placed_by(_NOW)
)
_PAYMENTS: Final = _sum(sa.select(payments.c.amount_minor).where(*_OF_SALES, _within(orders.c.placed_at)))
_SALES: Final = sa.select(
    sa.func.count(_line.order_id.distinct()), sa.func.sum(_line.quantity),
    sa.func.sum(_line.quantity * _line.unit_price_minor),
).where(_line.shop_id == _SHOP, _line.kind == "sale", _within(_line.placed_at))
_UNITS: Final = _sum(
    sa.select(_line.quantity).where(
        _line.shop_id == _SHOP, _line.kind == sa.bindparam("kind"), _within(_line.placed_at)
    )
)
_SENT_BACK: Final = _sum(
    sa.select(return_lines.c.quantity)
    .join(returns, returns.c.id == return_lines.c.return_id)
    .where(
        returns.c.shop_id == _SHOP, _within(returns.c.requested_at), returns.c.state.not_in(("declined", "cancelled"))
    )
)
_REFUNDS: Final = sa.select(sa.func.count(), sa.func.sum(refunds.c.amount_minor)).where(
    refunds.c.shop_id == _SHOP, refunds.c.currency == _CURRENCY, _within(refunds.c.decided_at),
    refunds.c.state != "failed",
)
_PARCELS: Final = _parcels()
_APPROVALS: Final = sa.select(
    sa.func.count(), sa.func.coalesce(sa.func.sum(returns.c.requested_minor), 0),
    sa.func.min(returns.c.requested_at), _sum_if(returns.c.answer_by < _NOW),
).where(
    returns.c.requested_at <= _NOW,
    returns.c.id.in_(sa.union_all(
        sa.select(returns.c.id).where(returns.c.shop_id == _SHOP, sa.text(f"returns.{RETURN_WAITS}")),
        sa.select(returns.c.id).where(returns.c.shop_id == _SHOP, returns.c.decided_at > _NOW),
    )),
)
_LEVELS: Final = sa.select(stock_levels.c.id).where(stock_levels.c.shop_id == _SHOP)
_COUNTED: Final = sa.select(stock_movements.c.id).where(
    stock_movements.c.shop_id == _SHOP, stock_movements.c.at <= _NOW
)
_ANY_LEVEL: Final = _LEVELS.limit(1)
_ANY_COUNT: Final = _COUNTED.limit(1)
_EMPTY_SHELVES: Final = _empty_shelves()
_WORTHS: Final = {
    "orders": sa.select(orders.c.placed_at, sa.literal(1).label("worth")).where(
        orders.c.shop_id == _SHOP, _SALE, _within(orders.c.placed_at)
    ),
    "paid": sa.select(orders.c.placed_at, payments.c.amount_minor.label("worth")).where(
        *_OF_SALES, _within(orders.c.placed_at)
    ),
    "sold": sa.select(_line.placed_at, (_line.quantity * _line.unit_price_minor).label("worth")).where(
        _line.shop_id == _SHOP, _line.kind == "sale", _within(_line.placed_at)
    ),
}


@cache
def _by_day(worth: str, days: int) -> sa.Select[int, int]:
    """The sum of ``worth`` for each day, days counted from 0: one scan of an index range."""
    rows = _WORTHS[worth].subquery().c
    place = sa.case(
        *((rows.placed_at < sa.bindparam(f"start_{n + 1}"), n) for n in range(days - 1)), else_=days - 1
    ).label("place")
    return sa.select(place, sa.func.sum(rows.worth)).group_by(sa.text("place"))


@dataclass(frozen=True)
class MetricRows:
    """Figures of one shop as of ``now``."""

    connection: sa.Connection
    shop: Shop
    now: datetime

    def as_of(self, at: datetime) -> MetricRows:
        """The same, as of another moment."""
        return replace(self, now=at)

    def day(self, day: date) -> DayFigures:
        """What happened on that calendar day of the shop, as far as it had happened by now."""
        span = self._until_now(self.shop.calendar.day(day))
        shipped = self._within(_SHIPPED, span).all()
        delivered = self._within(_DELIVERED, span).all()
        refund_count, refunded = self._within(_REFUNDS, span).one()
        orders_sold, units, worth = self._within(_SALES, span).one()
        return DayFigures(
            date=day,
            orders_placed=self._within(_PLACED, span).scalar_one(),
            payments=self._money(self._within(_PAYMENTS, span).scalar()),
            sales=Sales(orders=orders_sold, units=int(units or 0), amount=self._money(worth)),
            approved=self._within(_APPROVED, span).scalar_one(),
            handed_to_carrier=len(shipped),
            delivered=len(delivered),
            delivered_late=sum(row.promised_on is not None and row.promised_on < day for row in delivered),
            promised=self._run(_PROMISED, day=day).scalar_one(),
            to_shipped=_cycle(shipped),
            to_delivered=_cycle(delivered),
            returns_requested=self._within(_REQUESTED, span).scalar_one()
            + self._within(_CREDITED, span).scalar_one(),
            refunds=refund_count,
            refunded=self._money(refunded),
        )

    def parcels(self) -> ParcelSummary:
        """Orders on their way: bought, not delivered by now, in the end not given up.

        An order that has neither a promised day nor a parcel is of a shop that does not follow parcels.
        """
        today = self.shop.calendar.today(self.now)
        row = self._run(_PARCELS, day=today, soon=today + _DUE_DAYS * DAY).one()
        return ParcelSummary(open=row[0], overdue=row[1], handover_overdue=row[2], due_in_3_days=row[3])

    def return_rate(self, last: date, days: int) -> ReturnRate:
        """Units that came back against units sold, over the days up to and including ``last``."""
        span = self._stretch(last, days)
        return ReturnRate(
            days=days,
            sold=int(self._within(_UNITS, span, kind="sale").scalar() or 0),
            returned=int(self._within(_UNITS, span, kind="return").scalar() or 0)
            + int(self._within(_SENT_BACK, span).scalar() or 0),
        )

    def approvals(self) -> OpenApprovals:
        """Returns that had been asked for by now and wait for a person, or were decided only later."""
        row = self._run(_APPROVALS).one()
        return OpenApprovals(count=row[0], amount=self.shop.money(int(row[1])), oldest_at=row[2], overdue=row[3])

    def empty_shelves(self) -> tuple[EmptyShelf, ...] | None:
        """Active variants with nothing available: today's levels, less what has moved since ``now``.

        None where nothing was counted by then; a variant that was counted only later is left out.
        """
        if self._run(_ANY_LEVEL).first() is None or self._run(_ANY_COUNT).first() is None:
            return None
        rows = self._run(_EMPTY_SHELVES)
        return tuple(EmptyShelf(sku=row.sku, title=row.title, since=row.since) for row in rows)

    def revenue(self, last: date, days: int) -> tuple[DayValue, ...]:
        """Orders and revenue of each day, oldest first."""
        dates = [last - (days - 1 - n) * DAY for n in range(days)]
        span = self._stretch(last, days)
        starts = {f"start_{n}": self.shop.calendar.at(day) for n, day in enumerate(dates)}
        counts, paid, sold = (
            {row[0]: int(row[1] or 0) for row in self._within(_by_day(worth, days), span, **starts)}
            for worth in ("orders", "paid", "sold")
        )
        return tuple(
            DayValue(
                date=day, orders=counts.get(n, 0), revenue=self.shop.money(paid.get(n, 0) or sold.get(n, 0))
            )
            for n, day in enumerate(dates)
        )

    def _until_now(self, span: Span) -> Span:
        return Span(start=span.start, end=min(span.end, self.now + _TICK))

    def _stretch(self, last: date, days: int) -> Span:
        calendar = self.shop.calendar
        return self._until_now(Span(start=calendar.at(last - (days - 1) * DAY), end=calendar.at(last + DAY)))

    def _money(self, minor: int | None) -> Money:
        # PostgreSQL sums bigints into a Decimal
        return self.shop.money(int(minor or 0))

    def _within(
        self, statement: sa.Select[*tuple[Any, ...]], span: Span, **given: object
    ) -> sa.CursorResult[*tuple[Any, ...]]:
        return self._run(statement, start=span.start, end=span.end, **given)

    def _run(self, statement: sa.Select[*tuple[Any, ...]], **given: object) -> sa.CursorResult[*tuple[Any, ...]]:
        wanted = {"shop": self.shop.id, "currency": self.shop.currency, "now": self.now, **given}
        return self.connection.execute(statement, wanted)


def _cycle(finished: Sequence[sa.Row[*tuple[Any, ...]]]) -> CycleTime:
    return cycle_time([row.finished - row.placed_at for row in finished])
