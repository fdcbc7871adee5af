"""deliver(): the one way out. Claim lanes' heads, mark them as sending, carry them, settle what they left behind.

The attempt is counted before it is made and the mark stands before the wire, so whatever kills this process leaves
behind a job that says how far it came. Claims, marks and settlements are made for many jobs at once; where one of
them breaks that, each is done alone, so that it undoes none of the others.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from domain.jobs import Engine, Job, Jobs, NotKnownHere, Transaction
from domain.outcomes import (
    WAITS_FOR_TRIAL,
    WAITS_FOR_TURN,
    Carrier,
    Done,
    Failed,
    Gathered,
    Later,
    NotNow,
    Outcome,
    Superseded,
    TooLate,
    Unknown,
    in_our_words,
    knows_us,
    wait_before,
)
from notifications.pace import AtTheWire, Place, Places, board, order

log = logging.getLogger("opsbell.delivery")

#: how long a job whose process died waits for another
LEASE: Final = timedelta(seconds=30)
#: a send that takes longer is broken off, its outcome unknown
CARRY: Final = timedelta(seconds=20)
#: one call to a platform takes no longer; only with that much of the lease left may it leave
CALL: Final = timedelta(seconds=15)
#: a send may start only if this much of the lease is left: the send itself, and the clocks' and the loop's delays
_FENCE: Final = CARRY + timedelta(seconds=4)
_ATTEMPTS: Final = 12
#: jobs of one kind under way in this process: a platform that hangs holds up no other
_AT_ONCE: Final = 32
_GIVEN_UP: Final = "given up after too many attempts"
#: whose token was refused lets others try first: a letter that alone is refused must not keep a lane shut
_STEPS_BACK: Final = timedelta(seconds=2)
#: an update of all replicas takes less; what no version knows for so long is given up
_LEFT_ALONE: Final = timedelta(days=1)
#: how often, and after how many seconds each, a settlement is tried again while the database is away
_SETTLE_AGAIN: Final = (0.5, 1.0, 2.0)


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """When a lease began, by both clocks of this process: seconds stand still while the machine is suspended."""

    seconds: float
    at: datetime


@dataclass(frozen=True, kw_only=True)
class _Landing:
    """A carried job with its outcome; ``settled`` once that is written or given up."""

    job: Job
    outcome: Outcome
    #: lanes that it tried for all others
    trials: Mapping[str, datetime] = field(default_factory=dict)
    settled: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(kw_only=True)
class Delivery:
    """The loop that carries jobs for as long as the process runs."""

    engine: Engine
    carriers: Mapping[str, Carrier]
    #: this process, as the lease names it
    owner: str
    sleep: Callable[[float], Awaitable[None]]
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    poll_seconds: float = 0.25
    #: seconds that never go back, by which a lease's rest is measured; None: by the engine's clock
    seconds: Callable[[], float] | None = None
    #: when the loop last made a turn, by ``seconds``; None: not yet
    turned_at: float | None = None
    _under_way: dict[asyncio.Task[None], Job] = field(default_factory=dict)
    _landed: list[_Landing] = field(default_factory=list)
    _settling: bool = False
    #: when the next of those that went back into the queue is due, by ``seconds``
    _soonest: float = math.inf
    _places: Places = field(init=False)

    def __post_init__(self) -> None:
        """Places go by the same clock and sleep."""

        def sleep(seconds: float) -> Awaitable[None]:
            return self.sleep(seconds)  # whichever it is then

        self._places = Places(engine=self.engine, sleep=sleep, seconds=self._seconds)

    async def run(self) -> None:
        """Carry what is due until cancelled; then let what is under way finish."""
        try:
            while True:
                self.wake.clear()
                self.turned_at = self._seconds()
                try:
                    claimed = await self.step()
                except Exception:  # the database may be away for a while; nothing is lost meanwhile
                    log.exception("the delivery could not reach its jobs")
                    await self.sleep(2)
                    continue
                if not claimed:
                    await self._rest()
        finally:
            if self._under_way:
                await asyncio.wait(self._under_way, timeout=20)

    async def step(self) -> bool:
        """Start what can be started now; whether anything was due."""
        rooms = self._rooms()
        if not rooms:
            return False
        since = Claimed(seconds=self._seconds(), at=self.engine.now())
        claimed = await self.engine.write(lambda transaction: self._claim(transaction, rooms))
        if not claimed:
            if self._soonest <= since.seconds:
                self._soonest = math.inf  # somebody else took it; there is no reason to look again at once
            return False
        for job, place in await self._board(claimed, since):
            task = asyncio.create_task(self.deliver(job, place=place, since=since))
            self._under_way[task] = job
            task.add_done_callback(self._ended)
        return True

    async def deliver(self, job: Job, *, place: Place, since: Claimed) -> None:
        """Carry a job that is marked as sending, at its place, and settle it, by the lease of ``since``.

        Never raises: whatever goes wrong is an outcome of the job.
        """
        await self._settle(job, await self._outcome(job, place, since), place.trials)

    def _rooms(self) -> dict[str, tuple[int, bool]]:
        """For each kind that has room: how much, and whether an abandoned job may be among them.

        One abandoned job of a kind at a time: should it kill this process again, then it takes no other one along.
        """
        rooms = {}
        for kind in self.carriers:
            under_way = [job for job in self._under_way.values() if job.kind == kind]
            if (room := _AT_ONCE - len(under_way)) > 0:
                rooms[kind] = room, not any(job.abandoned for job in under_way)
        return rooms

    def _claim(self, transaction: Transaction, rooms: Mapping[str, tuple[int, bool]]) -> tuple[Job, ...]:
        claimed, due = list[Job](), transaction.jobs.due(tuple(rooms))
        for kind, (room, abandoned) in rooms.items():
            if due.may_have(kind):
                claimed += transaction.jobs.claim(
                    kinds=(kind,), owner=self.owner, limit=room, lease=LEASE, abandoned=abandoned, due=due
                )
        return tuple(claimed)

    async def _board(self, claimed: Sequence[Job], since: Claimed) -> Sequence[tuple[Job, Place]]:
        """Those that start, each with its place in the lanes it shares."""
        try:
            return await self.engine.write(lambda transaction: self._start(transaction, claimed, since))
        except Exception as error:  # noqa: BLE001  one of them broke it, or the database did: alone each tells
            log.warning("%d jobs could not be looked at together (%s)", len(claimed), type(error).__name__)
        alone = await asyncio.gather(*(self._board_alone(job, since) for job in claimed))
        return [start for starts in alone for start in starts]

    async def _board_alone(self, job: Job, since: Claimed) -> Sequence[tuple[Job, Place]]:
        try:
            return await self.engine.write(lambda transaction: self._start(transaction, [job], since))
        except Exception as error:
            log.exception("job %s broke before the wire", job.key)
            reason = f"{type(error).__name__} before the wire"
            await self._settle(job, Later(wait=wait_before(job.attempts), reason=reason))
            return ()

    def _start(self, transaction: Transaction, claimed: Sequence[Job], since: Claimed) -> list[tuple[Job, Place]]:
        """Take places in the lanes and mark what starts; what must wait longer goes back, what is settled is closed."""
        seconds, rows, now = self._seconds(), transaction.jobs, transaction.now
        # First: whoever was paused beyond its lease must not close another version of a card, nor count an alert.
        ours = rows.mark_sending(claimed)
        claimed = [job for job in claimed if job.id in ours]
        # One that was given up takes no place, and its carrier is not asked: it may be what breaks.
        gaps = {job.id: self.carriers[job.kind].gaps(job) if job.attempts <= _ATTEMPTS else {} for job in claimed}
        lanes = rows.lanes({lane for found in gaps.values() for lane in found})
        starts, moved, back = list[tuple[Job, Place]](), dict[str, datetime](), list[datetime]()
        trials = dict[str, datetime]()
        for job in sorted(claimed, key=lambda job: order(job, [lanes[key] for key in gaps[job.id]], now)):
            place = board(gaps[job.id], lanes, now, seconds)
            if isinstance(place, datetime):
                why = WAITS_FOR_TRIAL if any(lanes[key].shut for key in gaps[job.id]) else WAITS_FOR_TURN
                rows.later(job, at=place, error=why, in_doubt=job.in_doubt, counts=False)
                back.append(place)
                continue
            if job.attempts <= _ATTEMPTS and (settled := self.carriers[job.kind].admit(job, transaction)) is not None:
                self._close_all([_Landing(job=job, outcome=settled)], transaction)
                continue
            for key, free_at in place.moved.items():
                moved[key], lanes[key] = free_at, replace(lanes[key], free_at=free_at)
            # As long as its lease: then it is over, whatever became of it.
            tries = {key: now + LEASE for key in gaps[job.id] if lanes[key].shut}
            trials |= tries
            lanes |= {key: replace(lanes[key], held_until=until) for key, until in tries.items()}
            starts.append((job, replace(place, trials=tries)))
        rows.move_lanes(moved)
        rows.try_lanes(trials)
        waits = [self._soonest, *(since.seconds + (at - now).total_seconds() for at in back)]
        self._soonest = min((at for at in waits if at > since.seconds), default=math.inf)
        return starts

    async def _outcome(self, job: Job, place: Place, since: Claimed) -> Outcome:
        carrier = self.carriers[job.kind]
        if job.attempts > _ATTEMPTS:
            return Failed(reason=_GIVEN_UP)
        try:
            if not self._leaves(_FENCE, since):
                # Somebody else may hold it by the time we have spoken.
                return Later(wait=timedelta(), reason="it could not start in time", counts=False)
            turn = AtTheWire(
                places=self._places, gaps=carrier.gaps(job), place=place, in_time=lambda: self._leaves(CALL, since),
                trials=place.trials,
            )
            async with asyncio.timeout(CARRY.total_seconds()):
                return await carrier.carry(job, turn)
        except NotNow as error:
            return Later(wait=error.wait, reason=WAITS_FOR_TURN, counts=False)
        except TooLate:
            return Later(wait=wait_before(job.attempts), reason="it did not come to the wire in time")
        except TimeoutError:
            return Unknown(reason=f"not done within {CARRY.total_seconds():.0f} s")
        except NotKnownHere as error:
            if self.engine.now() - job.made_at > _LEFT_ALONE:
                return Failed(reason=str(error))
            return Later(wait=timedelta(minutes=1), reason=str(error), counts=False)
        except Exception as error:  # a carrier's own bug must not stop the others
            log.exception("carrier %s broke on job %s", job.kind, job.key)
            return Unknown(reason=f"{type(error).__name__} in the carrier")

    async def _settle(self, job: Job, outcome: Outcome, trials: Mapping[str, datetime] | None = None) -> None:
        """Write an outcome, together with those that land meanwhile."""
        landing = _Landing(job=job, outcome=outcome, trials=trials or {})
        self._landed.append(landing)
        if self._settling:
            await landing.settled.wait()
            return
        self._settling = True
        try:
            await self.sleep(0)  # whoever is ready lands in the same transaction
            while self._landed:
                together, self._landed = sorted(self._landed, key=lambda one: one.job.id), []
                try:
                    await self._write(together)
                finally:
                    for one in together:
                        one.settled.set()
        finally:
            self._settling = False

    async def _write(self, together: Sequence[_Landing]) -> None:
        try:
            await self.engine.write(lambda transaction: self._close_all(together, transaction))
        except Exception as error:  # noqa: BLE001  one of them broke it, or the database did: alone each tells
            log.warning("%d outcomes were not written at once (%s)", len(together), type(error).__name__)
            for landing in together:
                await self._write_alone(landing)
        self.wake.set()

    async def _write_alone(self, landing: _Landing) -> None:
        error: Exception | None = None
        for pause in (0.0, *_SETTLE_AGAIN):
            await self.sleep(pause)
            try:
                await self.engine.write(lambda transaction: self._close_all([landing], transaction))
            except Exception as caught:  # noqa: BLE001  tried again, then logged below
                error = caught
            else:
                return
        assert error is not None
        log.error("settling job %s failed; after its lease it is taken up again", landing.job.key, exc_info=error)
        if landing.job.attempts > _ATTEMPTS:
            # What should be written cannot be: then at least the job waits for a person, and not for ever.
            reason = f"{_GIVEN_UP}, and its end cannot be written: {type(error).__name__}"
            with contextlib.suppress(Exception):
                await self.engine.write(lambda transaction: transaction.jobs.bury(landing.job, reason))

    def _close_all(self, together: Sequence[_Landing], transaction: Transaction) -> None:
        for landing in together:
            job, outcome = landing.job, landing.outcome
            if landing.trials and knows_us(outcome) and transaction.jobs.open_lanes(landing.trials):
                log.warning("%s: a letter has come through again, and all that waited follows", *landing.trials)
                transaction.jobs.look_again(self.carriers, waiting=(WAITS_FOR_TURN, WAITS_FOR_TRIAL))
            if self._close(transaction.jobs, transaction.now, job, outcome):
                self.carriers[job.kind].settle(job, outcome, transaction)

    def _close(self, rows: Jobs, now: datetime, job: Job, outcome: Outcome) -> bool:
        match outcome:
            case Done():
                return rows.done(job, outcome.receipt)
            case Superseded():
                return rows.done(job, state="superseded")
            case Gathered():
                return rows.done(job, {"into": outcome.into}, state="gathered")
            case Failed():
                log.error("job %s failed for good: %s %s", job.key, in_our_words(outcome.reason), outcome.code)
                return rows.bury(job, outcome.reason)
            case Later():
                if outcome.lane:
                    rows.hold(outcome.lane, until=now + outcome.wait, shut=outcome.shut)
                at = now + outcome.wait + (_STEPS_BACK if outcome.shut else timedelta())
                return rows.later(job, at=at, error=outcome.reason, in_doubt=job.in_doubt, counts=outcome.counts)
            case Unknown():
                log.warning("job %s has an unknown outcome: %s", job.key, in_our_words(outcome.reason))
                return rows.later(job, at=now + wait_before(job.attempts), error=outcome.reason, in_doubt=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.pop(task, None)
        self.wake.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a delivery ended in disorder; after its lease it is taken up again", exc_info=error)

    def _leaves(self, rest: timedelta, since: Claimed) -> bool:
        """Whether that much is left of the lease, by whichever of our clocks went on further."""
        passed = max(timedelta(seconds=self._seconds() - since.seconds), self.engine.now() - since.at)
        return passed <= LEASE - rest

    def _seconds(self) -> float:
        return self.seconds() if self.seconds is not None else self.engine.now().timestamp()

    async def _rest(self) -> None:
        wait = max(0.0, min(self.poll_seconds, self._soonest - self._seconds()))
        # Not wait_for: before Python 3.12 it may swallow a cancellation that comes with the wake-up.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self.wake.wait()
