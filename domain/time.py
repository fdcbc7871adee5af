"""A shop's own time: its zone, its days, and its working days. Time always comes in as an argument."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays

from domain.errors import BadInput

DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Span:
    """A stretch of time: ``start`` belongs to it, ``end`` does not. Aware UTC."""

    start: datetime
    end: datetime

    def __contains__(self, moment: object) -> bool:
        """Whether a moment lies in it."""
        return isinstance(moment, datetime) and self.start <= moment < self.end


@cache
def zone(name: str) -> ZoneInfo:
    """The time zone of that IANA name; BadInput if there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadInput(f"{name!r} is not a time zone. Use an IANA name such as Europe/Berlin.") from None


def offset(number: int, every: timedelta) -> timedelta:
    """A shop's own whole second within a stretch: always the same, and far from its neighbours' (golden ratio).

    The first shop's is zero. Source: Knuth, TAOCP 6.4, Fibonacci hashing.
    """
    turned = (number - 1) * 2654435769 % 2**32
    return timedelta(seconds=turned * int(every.total_seconds()) >> 32)


@dataclass(frozen=True, kw_only=True)
class Calendar:
    """The business calendar of a shop: zone, working weekdays, public holidays."""

    time_zone: str
    #: ISO country (and optional subdivision, "DE-BE") whose public holidays are free; "" = none
    country: str = ""
    #: 0 = Monday
    working_weekdays: frozenset[int] = frozenset({0, 1, 2, 3, 4})
    #: further days off
    closed_on: frozenset[date] = frozenset()

    def local(self, moment: datetime) -> datetime:
        """The same moment on the shop's clock."""
        return moment.astimezone(zone(self.time_zone))

    def today(self, moment: datetime) -> date:
        """The shop's date at that moment."""
        return self.local(moment).date()

    def at(self, day: date, hour: time = time(0)) -> datetime:
        """The first moment at which the shop's clock shows that day and hour, in UTC.

        In the spring gap that is the first moment after it; in the autumn overlap the earlier of the two.
        """
        tz = zone(self.time_zone)
        moment = datetime.combine(day, hour, tzinfo=tz).astimezone(UTC)
        shown = moment.astimezone(tz)
        if (shown.date(), shown.time()) != (day, hour):
            # fold=0 in a gap uses the offset before it, which lands as far behind the gap as the hour lay in it.
            before = datetime.combine(day, hour, tzinfo=tz).replace(fold=1).astimezone(UTC)
            moment = _first_after_gap(min(before, moment), max(before, moment), tz)
        return moment

    def day(self, day: date) -> Span:
        """That day from midnight to midnight of the shop: 23, 24 or 25 hours."""
        return Span(start=self.at(day), end=self.at(day + DAY))

    def is_working(self, day: date) -> bool:
        """Whether the shop works on that day."""
        return day.weekday() in self.working_weekdays and day not in self.closed_on and not self._is_holiday(day)

    def days_between(self, start: datetime, end: datetime) -> int:
        """How many of the shop's midnights lie between; never negative. Last evening to this morning: 1."""
        return max(0, (self.today(end) - self.today(start)).days)

    def working_days_between(self, start: datetime, end: datetime) -> int:
        """Working days that have passed after the day of ``start`` up to and including the day of ``end``.

        Monday morning to Thursday: 3. Friday to Monday: 1. Never negative.
        """
        first, last = self.today(start), self.today(end)
        days = (last - first).days
        return sum(1 for n in range(1, days + 1) if self.is_working(first + n * DAY))

    def add_working_days(self, day: date, count: int) -> date:
        """The ``count``-th working day after ``day``."""
        while count > 0:
            day += DAY
            if self.is_working(day):
                count -= 1
        return day

    def _is_holiday(self, day: date) -> bool:
        return bool(self.country) and day in _public_holidays(self.country)


def _first_after_gap(low: datetime, high: datetime, tz: ZoneInfo) -> datetime:
    """The moment between two at which the zone's offset changes, to the second."""
    offset = low.astimezone(tz).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        if middle.astimezone(tz).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return high.replace(microsecond=0)


@cache
def _public_holidays(country: str) -> holidays.HolidayBase:
    code, _, subdivision = country.partition("-")
    try:
        return holidays.country_holidays(code, subdiv=subdivision or None)
    except NotImplementedError:
        raise BadInput(f"I know no public holidays of {country!r}. Leave it out, or list closed days.") from None
