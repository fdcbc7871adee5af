"""The shop's own time: gaps, overlaps and working days."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadInput
from domain.time import Calendar, zone

BERLIN = Calendar(time_zone="Europe/Berlin", country="DE")


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 11, 23), 24)]
)
def test_a_day_has_the_hours_that_its_zone_gives_it(day: date, hours: int) -> None:
    span = BERLIN.day(day)
    assert span.end - span.start == timedelta(hours=hours)


def test_an_hour_that_does_not_exist_is_the_first_moment_after_the_gap() -> None:
    moment = BERLIN.at(date(2026, 3, 29), time(2, 30))
    assert BERLIN.local(moment).time() == time(3, 0)


def test_an_hour_that_comes_twice_is_the_first_of_the_two() -> None:
    assert BERLIN.at(date(2026, 10, 25), time(2, 30)) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        ("2026-11-23", "2026-11-26", 3), ("2026-11-20", "2026-11-23", 1), ("2026-11-21", "2026-11-22", 0),
        ("2026-12-23", "2026-12-28", 2), ("2026-11-26", "2026-11-23", 0),
    ],
)
def test_working_days_leave_out_weekends_and_holidays(start: str, end: str, days: int) -> None:
    noon = time(12)
    first, last = (BERLIN.at(date.fromisoformat(text), noon) for text in (start, end))
    assert BERLIN.working_days_between(first, last) == days


@given(st.dates(min_value=date(2000, 1, 1), max_value=date(2035, 12, 31)), st.sampled_from(["Europe/Berlin", "America/Sao_Paulo", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia"]))
def test_days_follow_each_other_without_a_gap(day: date, name: str) -> None:
    calendar = Calendar(time_zone=name)
    assert calendar.day(day).end == calendar.day(day + timedelta(days=1)).start


def test_an_unknown_zone_is_refused_with_an_example() -> None:
    with pytest.raises(BadInput, match="Europe/Berlin"):
        zone("Berlin/Europe")
