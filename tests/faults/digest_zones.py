"""Exactly one digest for each local date: every zone of tzdata, two years, every half hour of the day as digest time.

The chain of occurrences is the code's own (Schedule.after and Schedule.slot); what must come out is told by a walk
over every quarter of an hour that asks the zone alone. Zones whose offsets are the same at every moment of the two
years are run once for all of them: what differs is only their name.
"""

from __future__ import annotations

import itertools
import zoneinfo
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from domain.shops import Shop
from domain.time import Calendar
from handlers.jobs import SCHEDULES, Schedule
from tests.figures import Figure

MINUTE, QUARTER, DAY = timedelta(minutes=1), timedelta(minutes=15), timedelta(days=1)
START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
HOURS = tuple(time(hour, minute) for hour in range(24) for minute in (0, 30))
#: dates that never were, and other years in which clocks did odd things
ODD_YEARS = (
    ("Pacific/Apia", 2011), ("Pacific/Fakaofo", 2011), ("Pacific/Kwajalein", 1993), ("Pacific/Kiritimati", 1994),
    ("America/St_Johns", 2006), ("Asia/Pyongyang", 2018), ("America/Caracas", 2016), ("Africa/Casablanca", 2018),
    ("Asia/Gaza", 2011), ("Antarctica/Troll", 2019), ("Australia/Lord_Howe", 2019),
)
DIGEST: Schedule = next(one for one in SCHEDULES if one.name == "digest")

Offsets = tuple[tuple[datetime, timedelta], ...]


@dataclass
class Found:
    """What was looked at, and what was wrong."""

    zones: int = 0
    chains: int = 0
    #: occurrences that the code was asked for
    asked: int = 0
    #: (zone, digest time, local date) that these stand for
    stand_for: int = 0
    gaps: int = 0
    overlaps: int = 0
    wrong: list[str] = field(default_factory=list)


def offsets(name: str, start: datetime = START, end: datetime = END) -> Offsets:
    """The zone's offsets and since when each holds, to the quarter of an hour."""
    tz = zoneinfo.ZoneInfo(name)

    def at(moment: datetime) -> timedelta:
        return moment.astimezone(tz).utcoffset() or timedelta()

    found, step, moment = [(start, at(start))], timedelta(hours=6), start
    while moment < end:
        if at(moment + step) != at(moment):
            low, high = moment, moment + step
            while high - low > QUARTER:
                middle = low + (high - low) / 2
                middle -= (middle - start) % QUARTER
                low, high = (middle, high) if at(middle) == at(low) else (low, middle)
            found.append((high, at(high)))
            moment = high
        else:
            moment += step
    return tuple(found)


def alike(names: Sequence[str]) -> list[list[str]]:
    """Zones by what their clocks do in the two years."""
    found: dict[Offsets, list[str]] = defaultdict(list)
    for name in sorted(names):
        found[offsets(name)].append(name)
    return list(found.values())


def wanted(
    name: str, start: datetime, end: datetime, step: timedelta = QUARTER
) -> dict[date, list[tuple[time, datetime]]]:
    """Each whole local date in between, with what its clock shows at each step of time, as it passes."""
    tz, moment = zoneinfo.ZoneInfo(name), start
    shown: dict[date, list[tuple[time, datetime]]] = defaultdict(list)
    while moment < end:
        local = moment.astimezone(tz)
        shown[local.date()].append((local.time(), moment))
        moment += step
    for edge in {start.astimezone(tz).date(), (end - step).astimezone(tz).date()}:
        shown.pop(edge, None)  # it began before, or goes on after
    return dict(shown)


def in_time(moment: datetime, shown: Sequence[tuple[time, datetime]], hour: time) -> bool:
    """Whether that is the first moment of a date at which its clock shows the hour, or has jumped over it.

    A date whose clock never comes that far (it ends early) has its last quarter of an hour.
    """
    first = next((one for clock, one in shown if clock >= hour), None)
    return shown[-1][1] - MINUTE <= moment < shown[-1][1] + QUARTER if first is None else moment == first


def check(
    name: str, start: datetime, end: datetime, found: Found, hours: Sequence[time] = HOURS, many: int = 1,
    step: timedelta = QUARTER,
) -> None:
    """One zone over one stretch of time, at each of the hours."""
    days = wanted(name, start, end, step)
    for hour in hours:
        shop = Shop(
            id=1, key="shop", name="Shop", currency="EUR", language="en", calendar=Calendar(time_zone=name),
            digest_at=hour,
        )
        found.chains += 1
        rung: dict[str, datetime] = {}
        for due in _chain(shop, start, end):
            found.asked += 1
            slot = DIGEST.slot(shop, due)
            if slot in rung:
                found.wrong.append(f"{name} {hour}: {slot} rings at {rung[slot]} and at {due}")
            rung[slot] = due
        found.stand_for += len(days) * many
        for day, shown in days.items():
            moment = rung.pop(day.isoformat(), None)
            if moment is None:
                found.wrong.append(f"{name} {hour}: nothing on {day}")
            elif not in_time(moment, shown, hour):
                found.wrong.append(f"{name} {hour}: {day} at the wrong moment, {moment}")
        for slot in rung:
            if days and min(days) < date.fromisoformat(slot) < max(days):
                found.wrong.append(f"{name} {hour}: {slot} is no date there")


def _chain(shop: Shop, start: datetime, end: datetime) -> Iterator[datetime]:
    due = DIGEST.after(shop, start)
    while due < end:
        yield due
        due = DIGEST.after(shop, due)


def around_changes(found: Found) -> None:
    """The slice: every zone around each change of its clock, and three plain days."""
    for names in alike(list(zoneinfo.available_timezones())):
        found.zones += len(names)
        changes = [moment for moment, _ in offsets(names[0])[1:]]
        for moment in changes or [START + 30 * DAY]:
            hours = HOURS if changes else HOURS[::12]
            check(names[0], moment - 2 * DAY, moment + 2 * DAY, found, hours, many=len(names))


def whole(found: Found) -> None:
    """Everything."""
    for names in alike(list(zoneinfo.available_timezones())):
        found.zones += len(names)
        known = offsets(names[0])
        for (_, before), (_, after) in itertools.pairwise(known):
            found.gaps += len(names) * (after > before)
            found.overlaps += len(names) * (after < before)
        check(names[0], START, END, found, many=len(names))
    for name, year in ODD_YEARS:  # some of them changed their clocks at 00:01
        check(name, datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 3, tzinfo=UTC), found, step=MINUTE)


def machine() -> Sequence[Figure]:
    """Every zone over two years."""
    found = Found()
    whole(found)
    for line in found.wrong[:20]:
        print("   " + line)
    return [
        Figure(
            name="digests by local date",
            tried=f"{found.zones} zones x {len(HOURS)} digest times x 2 years: {found.stand_for:,} dates by "
            f"{found.asked:,} runs of the code (zones alike once), {found.gaps} gaps and {found.overlaps} overlaps met; "
            f"{len(ODD_YEARS)} odd years",
            found=f"{len(found.wrong)} dates without exactly one digest at its moment", goal="0", met=not found.wrong,
        )
    ]
