"""deliver(): the one way out. Claim a lane's head, mark it as sending, carry it, settle what it left behind.

The attempt is counted before it is made and the mark stands before the wire, so whatever kills this process leaves
behind a job that says how far it came.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from domain.jobs import Engine, Job, Jobs, Transaction
from domain.outcomes import Carrier, Done, Failed, Gathered, Later, Outcome, Superseded, Unknown, wait_before

log = logging.getLogger("opsbell.delivery")

#: what a killed process held is taken up again after this long, so that all is final within a minute of its death
LEASE: Final = timedelta(seconds=45)
#: seconds that all calls of one letter (its pictures, its files) may take together
_LONGEST_SEND: Final = 20.0
#: a send may start only if this much of the lease is left
_FENCE: Final = timedelta(seconds=25)
_ATTEMPTS: Final = 12
_AT_ONCE: Final = 16
#: a place further off than this is not waited for by a task of ours: the job goes back until then
_LONGEST_PAUSE: Final = timedelta(seconds=2)
_GIVEN_UP: Final = "given up after too many attempts"


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
    _under_way: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self) -> None:
        """Carry what is due until cancelled; then let what is under way finish."""
        try:
            while True:
                self.wake.clear()
                try:
                    started = await self.step()
                except Exception:  # the database may be away for a while; nothing is lost meanwhile
                    log.exception("the delivery could not reach its jobs")
                    await self.sleep(2)
                    continue
                if not started:
                    await self._rest()
        finally:
            if self._under_way:
                await asyncio.wait(self._under_way, timeout=20)

    async def step(self) -> bool:
        """Start what can be started now; whether anything was."""
        room = _AT_ONCE - len(self._under_way)
        if room <= 0:
            return False
        claimed = await self.engine.write(lambda transaction: self._claim(transaction, room))
        for job in claimed:
            task = asyncio.create_task(self.deliver(job))
            self._under_way.add(task)
            task.add_done_callback(self._landed)
        return bool(claimed)

    async def deliver(self, job: Job) -> None:
        """Carry one claimed job and settle it. Never raises: whatever goes wrong is an outcome of the job."""
        carrier = self.carriers[job.kind]
        if not await self._board(job, carrier):
            return
        if self.engine.now() > job.leased_until - _FENCE:
            return  # the lease is nearly over: somebody else may already be sending
        try:
            async with asyncio.timeout(_LONGEST_SEND):
                outcome = await carrier.carry(job)
        except TimeoutError:
            outcome = Unknown(reason=f"not done within {_LONGEST_SEND:.0f} s")
        except Exception as error:  # a carrier's own bug must not stop the others
            log.exception("carrier %s broke on job %s", job.kind, job.key)
            outcome = Unknown(reason=f"{type(error).__name__} in the carrier")
        await self._settle(job, carrier, outcome)

    def _claim(self, transaction: Transaction, room: int) -> tuple[Job, ...]:
        return transaction.jobs.claim(kinds=tuple(self.carriers), owner=self.owner, limit=room, lease=LEASE)

    async def _board(self, job: Job, carrier: Carrier) -> bool:
        """Wait for a place in every lane; False if the job is settled, put off, or no longer ours.

        A shared lane's place is taken only once the narrower ones before it are free, so that none is wasted; and
        whoever has slept looks again whether a lane was held meanwhile.
        """
        left: Sequence[str] | None = tuple(carrier.gaps(job))
        first = True
        while left is not None:
            find = partial(self._places, job=job, carrier=carrier, left=left, first=first)
            step = await self.engine.write(find)
            if step is None:
                return False
            start, left = step
            first = False
            if left is not None:
                await self.sleep(max(0.0, (start - self.engine.now()).total_seconds()))
        return True

    def _places(
        self, transaction: Transaction, *, job: Job, carrier: Carrier, left: Sequence[str], first: bool
    ) -> tuple[datetime, Sequence[str] | None] | None:
        """Take places until one lies ahead: that moment, and the lanes still to take; None for those = go."""
        now, rows, gaps = transaction.now, transaction.jobs, carrier.gaps(job)
        if job.attempts > _ATTEMPTS:
            if rows.bury(job, _GIVEN_UP):
                carrier.settle(job, Failed(reason=_GIVEN_UP), transaction)
            return None
        held = rows.held_until(gaps)
        busy = [moment for lane in left if gaps[lane] and (moment := rows.free_at(lane)) is not None]
        latest = max([now, *busy, *([held] if held else [])])
        if held is not None or latest - now > _LONGEST_PAUSE:
            rows.later(job, at=latest, error="waiting for its turn", in_doubt=job.in_doubt, counts=False)
            return None
        if first and (settled := carrier.admit(job, transaction)) is not None:
            if self._close(rows, now, job, settled):
                carrier.settle(job, settled, transaction)
            return None
        for number, lane in enumerate(left, start=1):
            start = rows.pace(lane, gap=gaps[lane]) if gaps[lane] else now
            if start > now:
                return start, left[number:]
        return (now, None) if rows.mark_sending(job) else None

    async def _settle(self, job: Job, carrier: Carrier, outcome: Outcome) -> None:
        def whole(transaction: Transaction) -> None:
            if self._close(transaction.jobs, transaction.now, job, outcome):
                carrier.settle(job, outcome, transaction)

        await self.engine.write(whole)
        self.wake.set()

    def _close(self, rows: Jobs, now: datetime, job: Job, outcome: Outcome) -> bool:
        match outcome:
            case Done():
                return rows.done(job, outcome.receipt)
            case Superseded():
                return rows.done(job, state="superseded")
            case Gathered():
                return rows.done(job, {"into": outcome.into}, state="gathered")
            case Failed():
                log.error("job %s failed for good: %s", job.key, outcome.reason)
                return rows.bury(job, outcome.reason)
            case Later():
                if outcome.lane:
                    rows.hold(outcome.lane, until=now + outcome.wait)
                return rows.later(
                    job, at=now + outcome.wait, error=outcome.reason, in_doubt=job.in_doubt, counts=outcome.counts
                )
            case Unknown():
                log.warning("job %s has an unknown outcome: %s", job.key, outcome.reason)
                return rows.later(job, at=now + wait_before(job.attempts), error=outcome.reason, in_doubt=True)

    def _landed(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self.wake.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("settling a job failed; its lease will run out and it is taken up again", exc_info=error)

    async def _rest(self) -> None:
        # Not wait_for: before Python 3.12 it may swallow a cancellation that comes with the wake-up.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.poll_seconds):
                await self.wake.wait()

