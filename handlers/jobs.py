"""fire(): what runs by itself, and the working off of what was stored. Each run is one transaction.

APScheduler computes when a schedule is next due; a job row holds it, so that it runs once whatever dies in between.
An occurrence's key is the job, the shop and its local date or slot. Completing one writes the next.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Protocol

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.interval import IntervalTrigger

from domain.digest import morning_digest
from domain.errors import OpsError
from domain.inventory import look_after_stock
from domain.jobs import Engine, Job, NotKnownHere, Transaction
from domain.outcomes import wait_before
from domain.own_digest import send_own_digests
from domain.ports import UnitOfWork
from domain.privacy import sweep_privacy
from domain.returns import sweep_overdue_returns
from domain.shipping import remind_claims, sweep_parcels
from domain.shops import Shop
from domain.time import DAY, Calendar, offset
from handlers.webhooks import NotYet, Source

log = logging.getLogger("opsbell.jobs")

#: what the worker works off
KINDS: Final = ("learn", "fire")
#: how long a job whose process died waits for another; each is one transaction, so a slow one is never done twice
_LEASE: Final = timedelta(seconds=30)
_ATTEMPTS: Final = 10
#: hands work side by side, each on a few jobs at once: a slow one keeps only its own hand
_HANDS: Final = 4
_AT_ONCE: Final = 8
#: seconds between two looks while events come singly. Each look and each commit holds up whoever stores the next event;
#: one that comes alone is still worked off at once
_GATHERED: Final = 0.02
#: what this version does not know is looked at again so much later; until then it is another version's
_LEFT_ALONE: Final = timedelta(minutes=1)
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


@dataclass(kw_only=True)
class Worker:
    """The loop that works off internal jobs for as long as the process runs: stored events and schedules."""

    engine: Engine
    sources: Sequence[Source]
    owner: str
    sleep: Callable[[float], Awaitable[None]]
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    poll_seconds: float = 0.25
    #: seconds that never go back; None: nobody asks when it last made a turn
    seconds: Callable[[], float] | None = None
    #: when a hand last looked for work, by ``seconds``; None: not yet
    turned_at: float | None = None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    #: the last look found fewer than it could take: the next lets some come together
    _gathering: bool = False
    #: abandoned jobs under way in this process
    _suspects: set[int] = field(default_factory=set)

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as hands:
            for _ in range(_HANDS):
                hands.create_task(self._hand())

    async def _hand(self) -> None:
        while True:
            async with self._turn:  # one hand looks for work; the others are at work, or wait behind it
                claimed = await self._found()
            await self._work_off(claimed)

    async def step(self) -> int:
        """Work off what is due now, a handful at once; how many."""
        claimed = await self._take()
        await self._work_off(claimed)
        return len(claimed)

    async def _found(self) -> tuple[Job, ...]:
        if self._gathering:
            await self.sleep(_GATHERED)
        while True:
            self.wake.clear()
            if self.seconds is not None:
                self.turned_at = self.seconds()
            try:
                if claimed := await self._take():
                    self._gathering = len(claimed) < _AT_ONCE
                    return claimed
            except Exception:  # the database may be away for a while; nothing is lost meanwhile
                log.exception("the worker could not reach its jobs")
                await self.sleep(2)
            else:
                await self._rest()

    async def _work_off(self, claimed: tuple[Job, ...]) -> None:
        try:
            await asyncio.gather(*(self._work(job) for job in claimed))
        finally:
            self._suspects.difference_update(job.id for job in claimed if job.abandoned)

    async def _take(self) -> tuple[Job, ...]:
        claimed = await self.engine.write(self._claim)
        # Not within the transaction: where its end stays unknown nobody works them off, and none is under way.
        self._suspects.update(job.id for job in claimed if job.abandoned)
        return claimed

    def _claim(self, transaction: Transaction) -> tuple[Job, ...]:
        # One abandoned job at a time: should it kill this process again, then it takes no other one along.
        return transaction.jobs.claim(
            kinds=KINDS, owner=self.owner, limit=_AT_ONCE, lease=_LEASE, abandoned=not self._suspects
        )

    async def _work(self, job: Job) -> None:
        if job.attempts > _ATTEMPTS:
            await self._settle(lambda transaction: self._again(job, "it stopped its process every time", transaction))
            return
        try:
            await self.engine.write(lambda transaction: self._whole(job, transaction))
        except NotKnownHere as error:
            reason = str(error)
            log.warning("job %s is left for another version: %s", job.key, reason)
            await self._settle(lambda transaction: self._leave(job, reason, transaction))
        except OpsError as error:
            refused = error
            await self._settle(lambda transaction: self._refuse(job, refused, transaction))
        except NotYet as error:
            awaited = str(error)
            await self._settle(lambda transaction: self._again(job, awaited, transaction))
        except Exception as error:
            log.exception("job %s broke", job.key)
            reason = type(error).__name__
            await self._settle(lambda transaction: self._again(job, reason, transaction))

    def _whole(self, job: Job, transaction: Transaction) -> None:
        if not transaction.jobs.done(job):
            return
        if job.kind == "fire":
            fire(job, transaction)
            return
        received = transaction.inbox.one(int(str(job.payload["inbox"])))
        self._source(received.source).work(received, transaction)
        transaction.inbox.worked(received.id)

    def _leave(self, job: Job, reason: str, transaction: Transaction) -> None:
        at = transaction.now + _LEFT_ALONE
        transaction.jobs.later(job, at=at, error=reason, in_doubt=False, counts=False)

    def _refuse(self, job: Job, error: OpsError, transaction: Transaction) -> None:
        """A rule forbids it, and always will: the sender hears why, the event is kept with its error."""
        if job.kind == "fire":
            self._again(job, error.sentence, transaction)
            return
        if not transaction.jobs.done(job, {"refused": error.sentence}):
            return
        log.warning("an event was refused: %s", job.key)
        received = transaction.inbox.one(int(str(job.payload["inbox"])))
        # Whoever sent it may be as unreadable as what they sent: then there is nobody to tell.
        with contextlib.suppress(OpsError):
            self._source(received.source).refuse(received, error, transaction)
        transaction.inbox.worked(received.id, error=error.sentence)

    def _again(self, job: Job, reason: str, transaction: Transaction) -> None:
        if job.attempts < _ATTEMPTS:
            transaction.jobs.later(job, at=transaction.now + wait_before(job.attempts), error=reason, in_doubt=False)
        elif transaction.jobs.bury(job, reason):
            log.error("job %s is given up: %s", job.key, reason)
            if job.kind == "fire":
                give_up(job, transaction)
            else:
                transaction.inbox.worked(int(str(job.payload["inbox"])), error=reason)

    async def _settle(self, work: Callable[[Transaction], None]) -> None:
        try:
            await self.engine.write(work)
        except Exception:
            log.exception("a job could not be settled; its lease will run out and it is taken up again")

    def _source(self, name: str) -> Source:
        for source in self.sources:
            if source.source == name:
                return source
        raise NotKnownHere(f"this version hears nothing from {name}")

    async def _rest(self) -> None:
        # Not wait_for: before Python 3.12 it may swallow a cancellation that comes with the wake-up.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.poll_seconds):
                await self.wake.wait()
