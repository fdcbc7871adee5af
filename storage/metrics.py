"""The figures of a shop, counted in SQL. Nothing that happened after the given moment is ever looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

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
from domain.returns.model import DECIDABLE
from domain.shops import Shop
from domain.time import DAY, Span
from storage.tables import (
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
        shipped = self._finished(parcels.c.handed_over_at, span)
        delivered = self._finished(parcels.c.delivered_at, span)
        refund_count, refunded = self._refunds(span)
        return DayFigures(
            date=day,
            orders_placed=self._count(orders, orders.c.placed_at, span, orders.c.kind == "sale"),
            payments=self.shop.money(self._payments(span)),
            sales=self._sales(span),
            approved=self._count(orders, orders.c.approved_at, span, orders.c.kind == "sale"),
            handed_to_carrier=len(shipped),
            delivered=len(delivered),
            delivered_late=sum(row.promised_on is not None and row.promised_on < day for row in delivered),
            promised=self._promised(day),
            to_shipped=_cycle(shipped),
            to_delivered=_cycle(delivered),
            returns_requested=self._count(returns, returns.c.requested_at, span)
            + self._count(orders, orders.c.placed_at, span, orders.c.kind == "credit_note"),
            refunds=refund_count,
            refunded=self.shop.money(refunded),
        )

    def parcels(self) -> ParcelSummary:
        """Orders on their way: bought, not delivered by now, in the end not given up.

        An order that has neither a promised day nor a parcel is of a shop that does not follow parcels.
        """
        today = self.shop.calendar.today(self.now)
        # Counted, not asked with EXISTS: conditions on the moments would tempt SQLite into an index over all of them.
        undelivered = self._of_parcels(sa.or_(parcels.c.delivered_at.is_(None), parcels.c.delivered_at > self.now))
        handed_over = self._of_parcels(parcels.c.handed_over_at <= self.now)
        late_handover = sa.and_(
            orders.c.approved_at <= self.now, orders.c.ship_by < self.now, sa.func.coalesce(handed_over, 0) == 0
        )
        row = self.connection.execute(
            sa.select(
                sa.func.count(),
                _sum_if(orders.c.promised_on < today),
                _sum_if(late_handover),
                _sum_if(orders.c.promised_on.between(today, today + _DUE_DAYS * DAY)),
            ).where(
                orders.c.shop_id == self.shop.id, orders.c.kind == "sale", orders.c.placed_at <= self.now,
                orders.c.status.not_in(GIVEN_UP),
                sa.or_(
                    undelivered > 0,
                    sa.and_(undelivered.is_(None), orders.c.promised_on.is_not(None), orders.c.status != "delivered"),
                ),
            )
        ).one()
        return ParcelSummary(open=row[0], overdue=row[1], handover_overdue=row[2], due_in_3_days=row[3])

    def return_rate(self, last: date, days: int) -> ReturnRate:
        """Units that came back against units sold, over the days up to and including ``last``."""
        span = self._stretch(last, days)
        return ReturnRate(
            days=days,
            sold=self._units("sale", span),
            returned=self._units("return", span)
            + self._sum(
                sa.select(return_lines.c.quantity)
                .join(returns, returns.c.id == return_lines.c.return_id)
                .where(
                    returns.c.shop_id == self.shop.id, _within(returns.c.requested_at, span),
                    returns.c.state.not_in(("declined", "cancelled")),
                )
            ),
        )

    def approvals(self) -> OpenApprovals:
        """Returns that had been asked for by now and wait for a person, or were decided only later."""
        undecided = returns.c.state.in_([state.value for state in DECIDABLE])
        row = self.connection.execute(
            sa.select(
                sa.func.count(), sa.func.coalesce(sa.func.sum(returns.c.requested_minor), 0),
                sa.func.min(returns.c.requested_at), _sum_if(returns.c.answer_by < self.now),
            ).where(
                returns.c.shop_id == self.shop.id, returns.c.requested_at <= self.now,
                sa.or_(undecided, returns.c.decided_at > self.now),
            )
        ).one()
        return OpenApprovals(count=row[0], amount=self.shop.money(int(row[1])), oldest_at=row[2], overdue=row[3])

    def empty_shelves(self) -> tuple[EmptyShelf, ...] | None:
        """Active variants with nothing available: today's levels, less what has moved since ``now``.

        None where nothing was counted by then; a variant that was counted only later is left out.
        """
        levels = sa.select(stock_levels.c.id).where(stock_levels.c.shop_id == self.shop.id)
        counted = sa.select(stock_movements.c.id).where(
            stock_movements.c.shop_id == self.shop.id, stock_movements.c.at <= self.now
        )
        if self.connection.execute(levels.limit(1)).first() is None or self.connection.execute(
            counted.limit(1)
        ).first() is None:
            return None
        moved = stock_movements.c.on_hand - stock_movements.c.reserved
        mine = sa.and_(
            stock_movements.c.shop_id == self.shop.id, stock_movements.c.variant_id == variants.c.id
        )
        later = _scalar(sa.select(sa.func.sum(moved)).where(mine, stock_movements.c.at > self.now))
        since = (
            sa.select(sa.func.max(stock_movements.c.at)).where(mine, stock_movements.c.at <= self.now, moved < 0)
        ).scalar_subquery()
        available = _scalar(
            sa.select(sa.func.sum(stock_levels.c.on_hand - stock_levels.c.reserved)).where(
                stock_levels.c.shop_id == self.shop.id, stock_levels.c.variant_id == variants.c.id
            )
        )
        has_level = levels.where(stock_levels.c.variant_id == variants.c.id).exists()
        rows = self.connection.execute(
            sa.select(variants.c.sku, variants.c.title, since.label("since"))
            .where(
                variants.c.shop_id == self.shop.id, variants.c.active, has_level,
                counted.where(stock_movements.c.variant_id == variants.c.id).exists(), available - later <= 0,
            )
            .order_by(sa.text("since"), variants.c.sku)
        )
        return tuple(EmptyShelf(sku=row.sku, title=row.title, since=row.since) for row in rows)

    def revenue(self, last: date, days: int) -> tuple[DayValue, ...]:
        """Orders and revenue of each day, oldest first."""
        dates = [last - (days - 1 - n) * DAY for n in range(days)]
        starts = [self.shop.calendar.at(day) for day in dates]
        span = self._stretch(last, days)
        counts = self._by_day(starts, span, sa.select(orders.c.placed_at, sa.literal(1).label("worth")).where(
            orders.c.shop_id == self.shop.id, orders.c.kind == "sale"
        ), orders.c.placed_at)
        paid = self._by_day(starts, span, sa.select(orders.c.placed_at, payments.c.amount_minor.label("worth")).where(
            *self._of_sales()
        ), orders.c.placed_at)
        worth = order_lines.c.quantity * order_lines.c.unit_price_minor
        sold = self._by_day(starts, span, sa.select(order_lines.c.placed_at, worth.label("worth")).where(
            order_lines.c.shop_id == self.shop.id, order_lines.c.kind == "sale"
        ), order_lines.c.placed_at)
        return tuple(
            DayValue(
                date=day, orders=counts.get(n, 0), revenue=self.shop.money(paid.get(n, 0) or sold.get(n, 0))
            )
            for n, day in enumerate(dates)
        )

    def _of_parcels(self, condition: sa.ColumnElement[bool]) -> sa.ScalarSelect[int]:
        """How many parcels of an order fulfil it; NULL for an order without parcels."""
        return (
            sa.select(sa.func.sum(sa.case((condition, 1), else_=0)))
            .where(parcels.c.shop_id == self.shop.id, parcels.c.order_id == orders.c.id)
            .correlate(orders).scalar_subquery()
        )

    def _by_day(
        self, starts: Sequence[datetime], span: Span, worths: sa.Select[tuple[datetime, int]],
        moment: sa.Column[datetime],
    ) -> dict[int, int]:
        """The sum of ``worth`` for each day, days counted from 0: one scan of an index range."""
        rows = worths.where(_within(moment, span)).subquery()
        place = sa.case(
            *((rows.c.placed_at < start, n) for n, start in enumerate(starts[1:])), else_=len(starts) - 1
        ).label("place")
        found = self.connection.execute(sa.select(place, sa.func.sum(rows.c.worth)).group_by(sa.text("place")))
        return {row[0]: int(row[1] or 0) for row in found}

    def _until_now(self, span: Span) -> Span:
        return Span(start=span.start, end=min(span.end, self.now + _TICK))

    def _stretch(self, last: date, days: int) -> Span:
        calendar = self.shop.calendar
        return self._until_now(Span(start=calendar.at(last - (days - 1) * DAY), end=calendar.at(last + DAY)))

    def _count(
        self, table: sa.Table, moment: sa.Column[datetime], span: Span, *where: sa.ColumnElement[bool]
    ) -> int:
        return self.connection.execute(
            sa.select(sa.func.count()).select_from(table).where(
                table.c.shop_id == self.shop.id, _within(moment, span), *where
            )
        ).scalar_one()

    def _sum(self, amounts: sa.Select[tuple[int]]) -> int:
        column = amounts.subquery()
        return int(self.connection.execute(sa.select(sa.func.sum(next(iter(column.c))))).scalar() or 0)

    def _of_sales(self) -> tuple[sa.ColumnElement[bool], ...]:
        return (
            payments.c.order_id == orders.c.id, payments.c.shop_id == self.shop.id,
            payments.c.currency == self.shop.currency, orders.c.shop_id == self.shop.id, orders.c.kind == "sale",
        )

    def _payments(self, span: Span) -> int:
        return self._sum(
            sa.select(payments.c.amount_minor).where(*self._of_sales(), _within(orders.c.placed_at, span))
        )

    def _sales(self, span: Span) -> Sales:
        line = order_lines.c
        row = self.connection.execute(
            sa.select(
                sa.func.count(line.order_id.distinct()), sa.func.sum(line.quantity),
                sa.func.sum(line.quantity * line.unit_price_minor),
            ).where(line.shop_id == self.shop.id, line.kind == "sale", _within(line.placed_at, span))
        ).one()
        return Sales(orders=row[0], units=int(row[1] or 0), amount=self.shop.money(int(row[2] or 0)))

    def _units(self, kind: str, span: Span) -> int:
        return self._sum(
            sa.select(order_lines.c.quantity).where(
                order_lines.c.shop_id == self.shop.id, order_lines.c.kind == kind,
                _within(order_lines.c.placed_at, span),
            )
        )

    def _promised(self, day: date) -> int:
        return self.connection.execute(
            sa.select(sa.func.count()).select_from(orders).where(
                orders.c.shop_id == self.shop.id, orders.c.promised_on == day, orders.c.placed_at <= self.now
            )
        ).scalar_one()

    def _finished(
        self, moment: sa.Column[datetime], span: Span
    ) -> Sequence[sa.Row[tuple[datetime, date | None, datetime]]]:
        """Orders whose last parcel reached that moment within the span: (placed_at, promised_on, finished)."""
        other = parcels.alias("other")
        later = other.c[moment.name]
        unfinished = sa.select(other.c.id).where(
            other.c.shop_id == parcels.c.shop_id, other.c.order_id == parcels.c.order_id, other.c.id != parcels.c.id,
            sa.or_(later.is_(None), later > moment, sa.and_(later == moment, other.c.id > parcels.c.id)),
        )
        return self.connection.execute(
            sa.select(orders.c.placed_at, orders.c.promised_on, moment.label("finished"))
            .select_from(parcels.join(orders, orders.c.id == parcels.c.order_id))
            .where(parcels.c.shop_id == self.shop.id, _within(moment, span), ~unfinished.exists())
        ).all()

    def _refunds(self, span: Span) -> tuple[int, int]:
        row = self.connection.execute(
            sa.select(sa.func.count(), sa.func.sum(refunds.c.amount_minor)).where(
                refunds.c.shop_id == self.shop.id, refunds.c.currency == self.shop.currency,
                _within(refunds.c.decided_at, span), refunds.c.state != "failed",
            )
        ).one()
        return row[0], int(row[1] or 0)


def _within(moment: sa.Column[datetime], span: Span) -> sa.ColumnElement[bool]:
    return sa.and_(moment >= span.start, moment < span.end)


def _sum_if(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.coalesce(sa.func.sum(sa.case((condition, 1), else_=0)), 0)


def _scalar(amount: sa.Select[tuple[int]]) -> sa.ColumnElement[int]:
    return sa.func.coalesce(amount.scalar_subquery(), 0)


def _cycle(finished: Sequence[sa.Row[tuple[datetime, date | None, datetime]]]) -> CycleTime:
    return cycle_time([row.finished - row.placed_at for row in finished])
