"""Quiet hours as a rule: when they end in every zone, and what people may write."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import BadInput
from domain.quiet_hours import QuietHours, read_quiet_hours
from domain.time import Calendar

BERLIN = Calendar(time_zone="Europe/Berlin")
NIGHT = QuietHours(start=time(20), end=time(7))
MINUTE = timedelta(minutes=1)
ZONES = sorted(zoneinfo.available_timezones() - {"localtime"})


def _at(day: str, hour: str) -> datetime:
    return BERLIN.at(date.fromisoformat(day), time.fromisoformat(hour))


@pytest.mark.parametrize(("hours", "moment", "until"), [
    (NIGHT, ("2026-11-23", "19:59"), None),
    (NIGHT, ("2026-11-23", "20:00"), ("2026-11-24", "07:00")),
    (NIGHT, ("2026-11-24", "06:59"), ("2026-11-24", "07:00")),
    (NIGHT, ("2026-11-24", "07:00"), None),
    (QuietHours(start=time(12), end=time(13)), ("2026-11-23", "12:30"), ("2026-11-23", "13:00")),
    (QuietHours(start=time(12), end=time(13)), ("2026-11-23", "13:00"), None),
    (QuietHours(start=time(20), end=time(0)), ("2026-11-23", "23:00"), ("2026-11-24", "00:00")),
    # Saturday evening, all of Sunday, and the night to Monday are one stretch
    (QuietHours(start=time(20), end=time(7), days=frozenset({6})), ("2026-11-28", "21:00"), ("2026-11-30", "07:00")),
    (QuietHours(days=frozenset({5, 6})), ("2026-11-28", "00:00"), ("2026-11-30", "00:00")),
    (QuietHours(days=frozenset({5, 6})), ("2026-11-27", "23:59"), None),
    (QuietHours(start=time(20), end=time(7), days=frozenset(range(6))), ("2026-11-23", "03:00"), ("2026-11-29", "07:00")),
])
def test_quiet_ends_when_the_clock_of_the_shop_says_so(
    hours: QuietHours, moment: tuple[str, str], until: tuple[str, str] | None
) -> None:
    assert hours.until(_at(*moment), BERLIN) == (None if until is None else _at(*until))


def test_a_night_with_a_change_of_the_clock_is_as_long_as_it_is() -> None:
    spring, autumn = datetime(2026, 3, 28, 19, tzinfo=UTC), datetime(2026, 10, 24, 18, tzinfo=UTC)
    assert NIGHT.until(spring, BERLIN) == spring + timedelta(hours=10)
    assert NIGHT.until(autumn, BERLIN) == autumn + timedelta(hours=12)
    # 02:30 is not there in spring: they end with the gap; in autumn it comes twice: they end the first time
    until_half_past_two = QuietHours(start=time(20), end=time(2, 30))
    assert until_half_past_two.until(spring, BERLIN) == datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert until_half_past_two.until(autumn, BERLIN) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert until_half_past_two.until(datetime(2026, 10, 25, 0, 30, tzinfo=UTC), BERLIN) is None


def test_a_clock_that_goes_back_over_midnight_ends_nothing() -> None:
    newfoundland = Calendar(time_zone="America/St_Johns")  # 00:01 on 7 November 2010 became 23:01 of the day before
    first = newfoundland.at(date(2010, 11, 7))
    again = first + timedelta(minutes=30)
    assert newfoundland.today(again) == date(2010, 11, 6)
    until = QuietHours(start=time(0), end=time(1)).until(again, newfoundland)
    assert until == first + timedelta(hours=2)


def _quiet_by_the_clock(hours: QuietHours, moment: datetime, calendar: Calendar) -> bool:
    """What a clock on the wall says, where its hours come once and are all there."""
    shown = calendar.local(moment)
    if shown.weekday() in hours.days:
        return True
    if hours.start is None or hours.end is None:
        return False
    if hours.start < hours.end:
        return hours.start <= shown.time() < hours.end
    return shown.time() >= hours.start or shown.time() < hours.end


def _steady(moment: datetime, calendar: Calendar) -> bool:
    """Whether no change of the clock is near."""
    return len({calendar.local(moment + timedelta(hours=n)).utcoffset() for n in (-50, -25, 0, 25, 50)}) == 1


_TIMES = st.times().map(lambda one: one.replace(second=0, microsecond=0))
_QUIET = st.tuples(_TIMES, _TIMES, st.frozensets(st.integers(0, 6), max_size=6)).filter(lambda one: one[0] != one[1]).map(
    lambda one: QuietHours(start=one[0], end=one[1], days=one[2])
)


@settings(max_examples=400)
@given(_QUIET, st.sampled_from(ZONES), st.integers(0, 32 * 365 * 24 * 60))
def test_in_every_zone_quiet_has_one_end_and_is_quiet_up_to_it(hours: QuietHours, zone: str, minutes: int) -> None:
    calendar, moment = Calendar(time_zone=zone), datetime(2005, 1, 1, tzinfo=UTC) + minutes * MINUTE
    until = hours.until(moment, calendar)
    if _steady(moment, calendar):
        assert (until is not None) == _quiet_by_the_clock(hours, moment, calendar)
    if until is None:
        return
    assert until > moment
    assert hours.until(until, calendar) is None, "they end once, not again and again"
    for share in (0.25, 0.5, 0.99):
        assert hours.until(moment + (until - moment) * share, calendar) == until
    assert until - moment <= timedelta(days=8)


@pytest.mark.parametrize("zone", ZONES)
def test_at_every_change_of_the_clock_a_night_ends_at_the_hour_or_with_the_gap(zone: str) -> None:
    calendar = Calendar(time_zone=zone)
    day = date(2026, 1, 1)
    while day < date(2027, 1, 1):
        following = day + timedelta(days=1)
        if calendar.day(day).end - calendar.day(day).start != timedelta(days=1):
            for hours in (NIGHT, QuietHours(start=time(23, 30), end=time(2, 30)), QuietHours(start=time(0), end=time(1))):
                assert hours.start is not None
                assert hours.end is not None
                for begun in (day - timedelta(days=1), day):
                    start, end = calendar.at(begun, hours.start), calendar.at(begun if hours.start < hours.end else begun + timedelta(days=1), hours.end)
                    if start < end:
                        assert hours.until(start, calendar) == hours.until(end - MINUTE, calendar) == end
        day = following


@pytest.mark.parametrize(("text", "hours"), [
    ("20:00-07:00", NIGHT), ("20-7", NIGHT), ("20.00 – 7.00", NIGHT), ("20:00 to 07:00", NIGHT), ("20:00 - 07:00", NIGHT),
    ("20-7 sat sun", QuietHours(start=time(20), end=time(7), days=frozenset({5, 6}))),
    ("20-7 and on Sundays", QuietHours(start=time(20), end=time(7), days=frozenset({6}))),
    ("Saturday, Sunday", QuietHours(days=frozenset({5, 6}))), ("wed", QuietHours(days=frozenset({2}))),
    ("off", None), (" OFF ", None), ("none ", None),
])
def test_quiet_hours_as_people_write_them(text: str, hours: QuietHours | None) -> None:
    assert read_quiet_hours(text) == hours
    if hours is not None:
        assert read_quiet_hours(f"{hours.hours_typed} {hours.days_typed}") == hours


@pytest.mark.parametrize(("text", "why"), [
    ("", "no quiet hours"), ("20:00", "as quiet hours"), ("24-7", "as quiet hours"), ("20:60-07:00", "as quiet hours"),
    ("20:00-07:00x", "as quiet hours"), ("20-7 someday", "as a day of the week"), ("s", "as a day of the week"),
    ("mon tue wed thu fri sat sun", "Leave one day"), ("7-7", "another time"), ("２０-７", "quiet hours|day of the week"),
    ("<!channel>", "as a day of the week"),
])
def test_what_cannot_be_read_is_said_in_a_sentence_with_an_example(text: str, why: str) -> None:
    with pytest.raises(BadInput, match=why) as caught:
        read_quiet_hours(text)
    assert caught.value.field in {"hours", "days"}
    assert "Leave one day" in str(caught.value) or "20:00-07:00" in str(caught.value)


def test_they_are_said_in_words() -> None:
    assert NIGHT.words == "20:00 to 07:00"
    assert QuietHours(start=time(20), end=time(7), days=frozenset({6})).words == "20:00 to 07:00 and on Sundays"
    assert QuietHours(days=frozenset({6, 5})).words == "on Saturdays and Sundays"
