"""What runs by itself, in every shop. Each run is one transaction.

APScheduler computes when a schedule is next due; a job row holds it, so that it runs once whatever dies in between.
An occurrence's key is the job, the shop and its local date or slot. Completing one writes the next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Protocol

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.interval import IntervalTrigger

from domain.digest import morning_digest
from domain.inventory import look_after_stock
from domain.jobs import Job, NotKnownHere, Transaction
from domain.own_digest import send_own_digests
from domain.ports import UnitOfWork
from domain.privacy import sweep_privacy
from domain.returns import sweep_overdue_returns
from domain.shipping import remind_claims, sweep_parcels
from domain.shops import Shop
from domain.time import DAY, Calendar, offset

#: slots looked through for a free one; a day has 96 quarters of an hour, twice as many where a clock goes back
_SLOTS: Final = 200
_EPOCH: Final = datetime(2020, 1, 1, tzinfo=UTC)


class Trigger(Protocol):
    """APScheduler's own: the next moment after one."""

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime | None:
        """When it is next due."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """One job that runs by itself in every shop. ``run(uow, day)``: the shop's local date of the slot."""

    name: str
    trigger: Callable[[Shop], Trigger]
    run: Callable[[UnitOfWork, date], None]
    #: at most once for each local date of the shop, whatever the trigger says
    daily: bool = False

    def after(self, shop: Shop, moment: datetime) -> datetime:
        """The next moment at which it is due, strictly after this one."""
        just_after = moment + timedelta(microseconds=1)
        due = self.trigger(shop).get_next_fire_time(None, just_after)
        if due is None:
            raise RuntimeError(f"{self.name} is never due again")
        return due.astimezone(UTC)

    def slot(self, shop: Shop, due: datetime) -> str:
        """What makes an occurrence the same one."""
        return shop.calendar.today(due).isoformat() if self.daily else due.strftime("%Y%m%dT%H%MZ")


def _every(minutes: int) -> Callable[[Shop], Trigger]:
    """Each shop at a moment of its own within the stretch, or a hundred shops would all be due in the same second."""

    def trigger(shop: Shop) -> Trigger:
        begun = _EPOCH + offset(shop.id, timedelta(minutes=minutes))
        made: Trigger = IntervalTrigger(minutes=minutes, start_date=begun, timezone=UTC)
        return made

    return trigger


class DailyTrigger(BaseTrigger):  # type: ignore[misc]  # APScheduler has no types
    """Once for each local date, when the shop's clock first shows that hour; in a gap at its end, yet on that date.

    APScheduler's CronTrigger rings twice where the hour comes twice, and leaves out a date whose hour falls into a gap
    at midnight (Cairo, Santiago, Beirut).
    """

    def __init__(self, calendar: Calendar, hour: time) -> None:
        self._calendar, self._hour = calendar, hour

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime | None:  # noqa: ARG002
        """The next moment from ``now`` on; a date that never was has none."""
        day = self._calendar.today(now) - DAY
        for _ in range(4):  # yesterday's may be to come where a clock goes back over midnight; a date may be missing
            due = self._calendar.at(day, self._hour)
            if self._calendar.today(due) > day:  # the last hour of that date is left out (Nuuk), or all of it (Apia)
                due = self._calendar.at(day + DAY) - timedelta(minutes=1)
            if due >= now and self._calendar.today(due) == day:
                return due
            day += DAY
        return None


def _digest_time(shop: Shop) -> Trigger:
    made: Trigger = DailyTrigger(shop.calendar, shop.digest_at)
    return made


def _quarters(shop: Shop) -> Trigger:
    """Within the minute after each quarter of an hour, since people name such times."""
    made: Trigger = IntervalTrigger(minutes=15, start_date=_EPOCH + offset(shop.id, timedelta(minutes=1)), timezone=UTC)
    return made


SCHEDULES: Final = (
    Schedule(name="stock", trigger=_every(15), run=lambda uow, _: look_after_stock(uow)),
    Schedule(name="parcels", trigger=_every(15), run=lambda uow, _: sweep_parcels(uow)),
    Schedule(name="claims", trigger=_every(60), run=lambda uow, _: remind_claims(uow)),
    Schedule(name="returns", trigger=_every(15), run=lambda uow, _: sweep_overdue_returns(uow)),
    Schedule(name="privacy", trigger=_every(60), run=lambda uow, _: sweep_privacy(uow)),
    Schedule(name="own_digests", trigger=_quarters, run=lambda uow, _: send_own_digests(uow)),
    Schedule(name="digest", trigger=_digest_time, run=morning_digest, daily=True),
)
_BY_NAME: Final[Mapping[str, Schedule]] = {one.name: one for one in SCHEDULES}


def plan(transaction: Transaction) -> None:
    """Write the next occurrence of every schedule of every shop that has none; those that stand already stay."""
    for shop in transaction.shops.all():
        for schedule in SCHEDULES:
            _write_next(transaction, shop, schedule, transaction.now)


def fire(job: Job, transaction: Transaction) -> None:
    """Run one occurrence and write the next, in the transaction that closes it. Missed ones are not made up for.

    NotKnownHere for a schedule or a shop that this version does not have.
    """
    schedule, shop, due = _occurrence(job, transaction)
    if schedule.daily and (hour := _hour_of(schedule, shop, due, transaction.now)) > transaction.now:
        # The shop's hour was moved to later that day since this was written.
        _write(transaction, shop, schedule, hour, key=f"{job.key}@{hour:%H%M}")
        return
    # A digest that was missed for days speaks of the day before it is posted, not of a day long gone.
    day = shop.calendar.today(max(due, transaction.now) if schedule.daily else due)
    schedule.run(transaction.of(shop.id), day)
    _write_next(transaction, shop, schedule, max(due, transaction.now))


def give_up(job: Job, transaction: Transaction) -> None:
    """An occurrence that always breaks was buried; the schedule goes on with the next."""
    schedule, shop, due = _occurrence(job, transaction)
    _write_next(transaction, shop, schedule, max(due, transaction.now))


def _occurrence(job: Job, transaction: Transaction) -> tuple[Schedule, Shop, datetime]:
    name, key = str(job.payload["name"]), str(job.payload["shop"])
    if name not in _BY_NAME:
        raise NotKnownHere(f"this version has no schedule {name}")
    shop = next((one for one in transaction.shops.all() if one.key == key), None)
    if shop is None:
        raise NotKnownHere(f"there is no shop {key}")
    return _BY_NAME[name], shop, datetime.fromisoformat(str(job.payload["due"]))


def _hour_of(schedule: Schedule, shop: Shop, due: datetime, now: datetime) -> datetime:
    """When the schedule is due, as the shop has it now, on the day of an occurrence that is not a day late."""
    day = shop.calendar.today(due)
    if shop.calendar.today(now) != day:
        return now
    return schedule.after(shop, shop.calendar.at(day, time()).astimezone(UTC) - timedelta(microseconds=1))


def _write_next(transaction: Transaction, shop: Shop, schedule: Schedule, moment: datetime) -> None:
    """The first occurrence after a moment that was never written, unless one stands already.

    A clock put back, or an hour moved to later the same day, makes slots that are done: those are passed over, or
    the schedule would end there.
    """
    lane, due = _lane(schedule, shop), moment
    for _ in range(_SLOTS):
        if transaction.jobs.stands(lane):
            return
        due = schedule.after(shop, due)
        if _write(transaction, shop, schedule, due, key=f"{lane}:{schedule.slot(shop, due)}"):
            return
    raise RuntimeError(f"{lane} finds no free slot after {moment.isoformat()}")


def _write(transaction: Transaction, shop: Shop, schedule: Schedule, due: datetime, *, key: str) -> bool:
    return transaction.jobs.add(
        key=key, kind="fire", due_at=due, shop_id=shop.id, lane=_lane(schedule, shop),
        payload={"name": schedule.name, "shop": shop.key, "due": due.isoformat()},
    )


def _lane(schedule: Schedule, shop: Shop) -> str:
    return f"schedule:{schedule.name}:{shop.key}"
