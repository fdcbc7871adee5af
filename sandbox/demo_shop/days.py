"""The demo shop's calendar and its demand: working days, season, weekdays, promotions. Times are Berlin's, naive."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, lru_cache
from random import Random

#: orders a day at the beginning and at the end of the two years, before season and weekday
FIRST_RATE, LAST_RATE = 10.0, 56.0
HISTORY_DAYS = 730
#: Monday to Sunday: people shop from the sofa on Sunday and at the desk on Monday
WEEKDAY = (1.12, 1.02, 1.0, 0.97, 0.88, 0.84, 1.17)
#: January to December, around 1
SEASON = (0.80, 0.84, 0.92, 0.98, 1.02, 0.92, 0.84, 0.86, 0.98, 1.08, 1.28, 1.42)


@dataclass(frozen=True)
class Promotion:
    """Three days in which a category costs less and the shop is busier."""

    category: str
    first: date
    lift: float

    def on(self, day: date) -> bool:
        """Whether it runs on that day."""
        return self.first <= day < self.first + timedelta(days=3)


def promotions(first: date, last: date, rng: Random) -> dict[date, Promotion]:
    """About two weeks in three have one, from Thursday to Saturday; by day."""
    found: dict[date, Promotion] = {}
    monday = first - timedelta(days=first.weekday())
    while monday <= last:
        category = rng.choice(("Tableware", "Kitchen", "Textiles", "Living", "Bath", "Scent", "Lighting"))
        lift = rng.uniform(1.08, 1.3)
        if rng.random() < 0.62:
            promotion = Promotion(category, monday + timedelta(days=3), lift)
            found |= {monday + timedelta(days=day): promotion for day in (3, 4, 5)}
        monday += timedelta(days=7)
    return found


def orders_on(day: date, last: date, promotion: Promotion | None, rng: Random) -> int:
    """How many orders come in on a day: trend, season, weekday, promotion, and noise of about a tenth."""
    share = 1 - (last - day).days / HISTORY_DAYS
    trend = FIRST_RATE * math.exp(math.log(LAST_RATE / FIRST_RATE) * share)
    expected = trend * season(day) * WEEKDAY[day.weekday()] * (promotion.lift if promotion else 1.0)
    return max(0, round(expected * rng.gauss(1.0, 0.07) + rng.gauss(0.0, math.sqrt(expected) * 0.6)))


def season(day: date) -> float:
    """The month's factor, running smoothly from mid-month to mid-month; two quiet days at Christmas."""
    if (day.month, day.day) in ((12, 24), (12, 25), (12, 31)):
        return 0.45
    position = (day.month - 1 + (day.day - 15) / 30.5) % 12
    low = int(position)
    part = position - low
    return SEASON[low % 12] * (1 - part) + SEASON[(low + 1) % 12] * part


@cache
def holidays(year: int) -> frozenset[date]:
    """Germany's nationwide public holidays (Easter by the Gregorian algorithm of Meeus, Jones and Butcher)."""
    a, b, c = year % 19, year // 100, year % 100
    h = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    k = (32 + 2 * (b % 4) + 2 * (c // 4) - h - c % 4) % 7
    m = (a + 11 * h + 22 * k) // 451
    month, day = divmod(h + k - 7 * m + 114, 31)
    easter = date(year, month, day + 1)
    moving = (easter + timedelta(days=days) for days in (-2, 1, 39, 50))
    fixed = (date(year, 1, 1), date(year, 5, 1), date(year, 10, 3), date(year, 12, 25), date(year, 12, 26))
    return frozenset((*moving, *fixed))


def is_working(day: date) -> bool:
    """Monday to Friday and no holiday."""
    return day.weekday() < 5 and day not in holidays(day.year)


@lru_cache(maxsize=16384)
def add_working(day: date, count: int) -> date:
    """The working day that is ``count`` working days on; with 0 the day itself or the next working day."""
    while not is_working(day):
        day += timedelta(days=1)
    for _ in range(count):
        day += timedelta(days=1)
        while not is_working(day):
            day += timedelta(days=1)
    return day


def working_days_ago(day: date, count: int) -> date:
    """The working day that lies ``count`` working days before a day."""
    while count:
        day -= timedelta(days=1)
        count -= is_working(day)
    return day
