"""The morning digest: what needs doing first, then the day in figures against the day before and the same weekday."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from domain.errors import BadInput
from domain.inventory import ListLowStock, low_stock
from domain.messages import Button, Chart, ChartKind, Command, Message, Series, Table, Topic, UseCase
from domain.metrics import (
    CycleTime,
    DayFigures,
    DigestFigures,
    Doing,
    ToDo,
    change_percent,
    digest_figures,
    digest_moment,
)
from domain.people import ANY_STAFF, Actor
from domain.ports import UnitOfWork
from domain.returns import ListReturns
from domain.shipping import ListLateParcels
from domain.time import DAY

#: Slack draws 20 points at most, so four weeks are two lines of two
_CHART_DAYS: Final = 14


@dataclass(frozen=True, kw_only=True)
class ShowDigest(Command):
    """The figures of a day: "yesterday" (also when left out), "today", or an ISO date."""

    day: str | None = None


class Shows(StrEnum):
    """Which figures a person's own digest has. What waits for somebody is always said."""

    ALL = "all"
    SALES = "sales"
    PARCELS = "parcels"
    RETURNS = "returns"
    STOCK = "stock"
    TO_DO = "to_do"


@dataclass(frozen=True, kw_only=True)
class ChangeMyDigest(Command):
    """Have a digest of one's own, in one's own chat: its hour on the shop's clock ("07:30"; "off" for none)."""

    hour: str | None = None
    shows: str | None = None


@dataclass(frozen=True, kw_only=True)
class Digest(Message, topic=Topic.DAILY):
    """One day of the shop."""

    figures: DigestFigures
    shows: Shows = Shows.ALL
    #: the hour at which whoever reads it asked for it; None where it is the shop's, or was asked for just now
    own_hour: str | None = None
    #: the shop's local time of ``figures.at`` lies within that day: it still runs
    running: bool = False
    #: how long the audit trail is and how it ends, in the morning's digest: `opsbell audit verify --anchor` takes it
    trail: str | None = None
    #: said where it is not the year of whoever asks
    year: int | None = None

    def has(self, part: str) -> bool:
        """Whether these figures are among those wanted."""
        return self.shows in (Shows.ALL, part)

    @property
    def quiet(self) -> bool:
        """Whether nothing waits for anybody."""
        return not self.figures.to_do

    @property
    def revenue_change(self) -> float | None:
        """Percent against the same weekday a week before."""
        figures = self.figures
        return change_percent(figures.day.revenue.minor, figures.same_weekday.revenue.minor)

    def todo_words(self, item: ToDo) -> str:
        """What waits, in a few words."""
        return _WORDS[item.doing](item, self)

    def todo_button(self, item: ToDo) -> str:
        """What to press for it: how the button's label begins."""
        return _OPENS[item.doing][0]

    @property
    def buttons(self) -> tuple[Button, ...]:
        """To what needs doing, in its order, and to one's own digest."""
        counts = Counter[tuple[str, type[Command]]]()
        for item in self.figures.to_do:
            counts[_OPENS[item.doing]] += item.count
        found = [Button(label=f"{name} ({count})", command=command()) for (name, command), count in counts.items()]
        return (*found, Button(label="Change my digest", command=ChangeMyDigest(), more=True))

    @property
    def tables(self) -> tuple[Table, ...]:
        """The day beside the day before and the same weekday."""
        figures = self.figures
        days = (figures.day, figures.day_before, figures.same_weekday)
        heads = ("", _short(figures.day.date), _short(figures.day_before.date), _short(figures.same_weekday.date))
        written = [(label, *(form(day) for day in days)) for part, label, form in _ROWS if self.has(part)]
        rows = tuple(row for row in written if set(row[1:]) != {_NOTHING})
        if not rows:
            return ()
        return (Table(caption="Against the day before and the same weekday", headings=heads, rows=rows),)

    @property
    def charts(self) -> tuple[Chart, ...]:
        """Four weeks of revenue as two lines of two, so that each weekday stands under its own."""
        if not self.has(Shows.SALES):
            return ()
        points = self.figures.chart[-2 * _CHART_DAYS :]
        if len(points) < 2 * _CHART_DAYS or not any(point.revenue.minor for point in points):
            return ()
        before, now = points[:_CHART_DAYS], points[_CHART_DAYS:]
        return (
            Chart(
                title="Revenue, two weeks and the two before", kind=ChartKind.LINE,
                labels=tuple(_short(point.date) for point in now), unit=now[0].revenue.currency,
                series=(
                    Series(name="last 14 days", values=tuple(float(point.revenue.decimal) for point in now)),
                    Series(name="the 14 before", values=tuple(float(point.revenue.decimal) for point in before)),
                ),
            ),
        )


def show_digest(command: ShowDigest, actor: Actor, uow: UnitOfWork) -> Message:
    """The digest of a day, for whoever asks."""
    actor.require(ANY_STAFF, "see the digest")
    return digest_of(read_day(command.day, uow.shop.calendar.today(uow.now)), uow)


def digest_of(day: date, uow: UnitOfWork) -> Digest:
    """The digest of a day as it was at its end; of today, as it is now."""
    at = digest_moment(uow.shop, day, uow.now)
    low = tuple(one.sku for one in low_stock(uow, at))
    figures = digest_figures(uow.metrics.as_of(at), uow.shop, day, at=at, low=low)
    today = uow.shop.calendar.today(uow.now)
    return Digest(figures=figures, running=today == day, year=None if day.year == today.year else day.year)


def morning_digest(uow: UnitOfWork, today: date) -> None:
    """Post yesterday's digest; once for a local date, whatever the clocks do."""
    figures = morning_figures(uow, today)
    uow.outbox.publish(Digest(figures=figures, trail=str(uow.audit.anchor())), once=f"digest:{today.isoformat()}")


def morning_figures(uow: UnitOfWork, today: date) -> DigestFigures:
    """Yesterday's figures, and what waits now."""
    low = tuple(one.sku for one in low_stock(uow, uow.now))
    return digest_figures(uow.metrics, uow.shop, today - DAY, at=uow.now, low=low)


def read_day(text: str | None, today: date) -> date:
    """A day as people write it; BadInput for one that has not begun."""
    word = (text or "yesterday").strip().lower()
    near = {"yesterday": today - DAY, "today": today}
    try:
        day = near[word] if word in near else date.fromisoformat(word)
    except ValueError:
        raise BadInput(
            f"I can't read {word[:40]!r} as a day. Write yesterday, today, or a date such as {today - DAY}.",
            field="day",
        ) from None
    if day > today:
        raise BadInput(f"{day} has not begun yet. The newest day I have is today, {today}.", field="day")
    if day.year < 1970:
        raise BadInput(f"I have no figures of the year {day.year}.", field="day")
    return day


def _short(day: date) -> str:
    return f"{_WEEKDAYS[day.weekday()]} {day.day}"


#: where there is no figure
_NOTHING: Final = "–"
_WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def _days(cycle: CycleTime) -> str:
    if cycle.median_days is None or cycle.p90_days is None:
        return _NOTHING
    return f"{cycle.median_days:.1f} d, 9 of 10 in {cycle.p90_days:.1f}"


_ROWS: Final[tuple[tuple[Shows, str, Callable[[DayFigures], str]], ...]] = (
    (Shows.SALES, "Orders", lambda day: f"{day.orders_placed:,}"),
    (Shows.SALES, "Revenue", lambda day: str(day.revenue)),
    (Shows.SALES, "Average order", lambda day: str(day.average_order_value or _NOTHING)),
    (Shows.PARCELS, "Handed over", lambda day: f"{day.handed_to_carrier:,}"),
    (Shows.PARCELS, "Delivered (late)", lambda day: f"{day.delivered:,} ({day.delivered_late:,})"),
    (Shows.PARCELS, "Placed to shipped", lambda day: _days(day.to_shipped)),
    (Shows.PARCELS, "Placed to delivered", lambda day: _days(day.to_delivered)),
    (Shows.RETURNS, "Refunds", lambda day: f"{day.refunds:,} · {day.refunded}"),
)


def _approve(item: ToDo, digest: Digest) -> str:
    waits = ""
    if item.oldest_at is not None:
        waits = f"oldest {_age(digest.figures.at - item.oldest_at)}, "
    noun = "return waits" if item.count == 1 else "returns wait"
    return f"{item.count} {noun} ({waits}{item.amount})"


def _age(age: timedelta) -> str:
    return f"{age // timedelta(hours=1)} h" if age < 2 * DAY else f"{age // DAY} days"


def _restock(item: ToDo, digest: Digest) -> str:
    del digest
    named = ", ".join(item.examples)
    return f"{item.count} sold out ({named}{', …' if item.count > len(item.examples) else ''})"


_WORDS: Final[dict[Doing, Callable[[ToDo, Digest], str]]] = {
    Doing.APPROVE_RETURNS: _approve,
    Doing.HAND_OVER: lambda item, _: f"{item.count} overdue {'order' if item.count == 1 else 'orders'} to hand over",
    Doing.EXPLAIN_LATE: lambda item, _: f"{item.count} late {'parcel' if item.count == 1 else 'parcels'} to explain",
    Doing.RESTOCK_EMPTY: _restock,
    Doing.REORDER_LOW: lambda item, _: f"{item.count} {'SKU' if item.count == 1 else 'SKUs'} to order",
}
_OPENS: Final[dict[Doing, tuple[str, type[Command]]]] = {
    Doing.APPROVE_RETURNS: ("Returns", ListReturns),
    Doing.HAND_OVER: ("Late parcels", ListLateParcels), Doing.EXPLAIN_LATE: ("Late parcels", ListLateParcels),
    Doing.RESTOCK_EMPTY: ("Stock", ListLowStock), Doing.REORDER_LOW: ("Stock", ListLowStock),
}

USE_CASES: Final[dict[type[Command], UseCase]] = {ShowDigest: show_digest}
