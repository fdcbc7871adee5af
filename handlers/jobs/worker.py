"""The working off of what was stored, and of schedules that are due. Each job is one transaction."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from domain.errors import OpsError
from domain.jobs import Engine, Job, NotKnownHere, Transaction
from domain.outcomes import wait_before
from domain.quiet_hours import SETTLE, settle_quiet_hours
from handlers.jobs.schedules import fire, give_up
from handlers.webhooks import NotYet, Source

log = logging.getLogger("opsbell.jobs")

#: what the worker works off
KINDS: Final = ("learn", "fire", SETTLE)
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
        if job.kind == SETTLE:
            _settle_quiet_hours(job, transaction)
            return
        received = transaction.inbox.one(int(str(job.payload["inbox"])))
        self._source(received.source).work(received, transaction)
        transaction.inbox.worked(received.id)

    def _leave(self, job: Job, reason: str, transaction: Transaction) -> None:
        at = transaction.now + _LEFT_ALONE
        transaction.jobs.later(job, at=at, error=reason, in_doubt=False, counts=False)

    def _refuse(self, job: Job, error: OpsError, transaction: Transaction) -> None:
        """A rule forbids it, and always will: the sender hears why, the event is kept with its error."""
        if job.kind != "learn":
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
            elif job.kind == "learn":
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


def _settle_quiet_hours(job: Job, transaction: Transaction) -> None:
    if job.shop_id is None or not settle_quiet_hours(int(str(job.payload["staff"])), transaction.of(job.shop_id)):
        raise NotYet("a letter to that person is being written")
