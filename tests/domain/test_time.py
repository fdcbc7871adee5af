"""The shop's own time: gaps, overlaps and working days."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadInput
from domain.time import Calendar, offset, zone

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


@pytest.mark.parametrize("minutes", [10, 15, 60])
def test_shops_are_spread_over_the_stretch_and_each_keeps_its_second(minutes: int) -> None:
    every = timedelta(minutes=minutes)
    assert offset(1, every) == timedelta(), "an installation of one shop is due on the hour, as ever"
    for shops in (2, 10, 100, 300):
        found = sorted(offset(number, every) for number in range(1, shops + 1))
        gaps = [after - before for before, after in zip(found, [*found[1:], found[0] + every], strict=True)]
        assert all(timedelta() <= one < every for one in found)
        # The golden ratio leaves no gap larger than 2.62 times its even share (three-distance theorem); a second to round.
        assert max(gaps) <= 2.62 * every / shops + timedelta(seconds=1)
        assert min(gaps) >= every / shops / 2.62 - timedelta(seconds=1)
