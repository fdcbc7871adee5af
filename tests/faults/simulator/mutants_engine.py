"""Defects in what carries letters and works off events."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from aiohttp import web

import handlers.jobs.schedules
import handlers.jobs.worker
import notifications.delivery
from domain.outcomes import Done, Failed, Later, Unknown
from handlers.jobs import Worker
from notifications.delivery import Delivery
from notifications.slack.carrier import SlackCarrier
from storage.inbox import InboxRows
from storage.jobs import JobRows
from storage.letters import LetterRows
from storage.outbox import OutboxRows
from tests.faults.simulator import replica as process
from tests.faults.simulator import workspace
from tests.faults.simulator import world as worlds
from tests.faults.simulator.mutants import Planting, mutant, put, reword
from tests.faults.simulator.replica import Killed, Replica, Watched

if TYPE_CHECKING:
    from tests.faults.simulator.world import World


async def _nothing(*_: Any, **__: Any) -> None:
    """Finds nothing."""


@mutant("I6")
def no_fence(world: World, planting: Planting) -> None:
    """A process that was paused beyond its lease goes on as if nothing were."""
    put(planting, Delivery, "_leaves", lambda *_: True)
    reword(world, planting, ("jobs.leased_until > ?", "(jobs.leased_until > ? OR 1)"), only="sending=")


@mutant("I6")
def lease_too_short(world: World, planting: Planting) -> None:
    """A lease ends while its holder still waits for the platform."""
    put(planting, notifications.delivery, "LEASE", timedelta(seconds=2))
    put(planting, notifications.delivery, "_FENCE", timedelta(seconds=1))
    put(planting, notifications.delivery, "CALL", timedelta(seconds=1))


@mutant("I15")
def lease_never_ends(world: World, planting: Planting) -> None:
    """What a dead process held stays with it."""
    reword(world, planting, ("jobs.leased_until <= ?", "(jobs.leased_until <= ? AND 0)"))


@mutant("I6")
def claimed_by_two(world: World, planting: Planting) -> None:
    """A lease keeps nobody away."""
    reword(world, planting, ("jobs.leased_until IS NULL", "1"))


@mutant("I8")
def no_lane_order(world: World, planting: Planting) -> None:
    """A lane's jobs go out side by side."""
    reword(world, planting, ("NOT (EXISTS", "(1 OR EXISTS"), only="AS earlier")


@mutant("I14")
def attempts_not_counted(world: World, planting: Planting) -> None:
    """Every attempt is the first."""
    before = JobRows.claim
    put(planting, JobRows, "claim", lambda self, **how: tuple(replace(job, attempts=1) for job in before(self, **how)))


@mutant("I6")
def not_marked_before_the_wire(world: World, planting: Planting) -> None:
    """Nothing remembers that a job may have gone through."""
    before = JobRows.claim
    put(
        planting, JobRows, "claim",
        lambda self, **how: tuple(replace(job, in_doubt=job.in_doubt and job.attempts < 2) for job in before(self, **how)),
    )


@mutant("I6", story="stock")
def said_again_though_it_must_not_be(world: World, planting: Planting) -> None:
    """A letter that may be said once is said again after an unknown outcome."""
    before = LetterRows.open
    put(planting, LetterRows, "open", lambda self, job: replace(before(self, job), repeat=True))


@mutant("I4", "I6")
def settled_in_two(world: World, planting: Planting) -> None:
    """The job is closed first, and what it leaves behind is written afterwards."""

    async def write(self: Any, together: Any) -> None:
        closed: list[Any] = []

        def close(transaction: Any) -> None:
            closed.clear()
            closed.extend(one for one in together if self._close(transaction.jobs, transaction.now, one.job, one.outcome))

        def leave(transaction: Any) -> None:
            for one in closed:
                self.carriers[one.job.kind].settle(one.job, one.outcome, transaction)

        await self.engine.write(close)
        await self.engine.write(leave)
        self.wake.set()

    put(planting, Delivery, "_write", write)


@mutant("I2", "I6")
def settled_by_whoever(world: World, planting: Planting) -> None:
    """A job is settled by a process that does not hold it any more."""
    reword(
        world, planting, ("jobs.owner = ?", "(jobs.owner = ? OR 1)"), ("jobs.leased_until = ?", "(jobs.leased_until = ? OR 1)"),
        only="UPDATE jobs",
    )
    # No defect by itself: what was wrongly given back is taken up while its holder still speaks.
    put(planting, notifications.delivery, "wait_before", lambda _attempts: timedelta())


@mutant("I6")
def no_read_back(world: World, planting: Planting) -> None:
    """After an unknown outcome it is posted again without a look."""
    put(planting, SlackCarrier, "_find", _nothing)


@mutant("I6")
def read_back_without_threads(world: World, planting: Planting) -> None:
    """Only the channel is read back, never a thread."""
    put(
        planting, workspace._Client, "conversations_replies",
        lambda self, *, ts, **asked: self.conversations_history(**asked),
    )


@mutant("I7")
def retry_after_ignored(world: World, planting: Planting) -> None:
    """Whoever asks us to wait is asked again after a second."""
    _outcomes(planting, lambda _job, found: replace(found, wait=timedelta(seconds=1)) if isinstance(found, Later) and not found.counts else found)


@mutant("I7")
def only_the_letter_waits(world: World, planting: Planting) -> None:
    """A Retry-After holds up one letter, not what else goes to the same place."""
    put(planting, JobRows, "hold", lambda *_, **__: None)
    _outcomes(planting, lambda _job, found: replace(found, wait=timedelta(seconds=2)) if isinstance(found, Later) and not found.counts else found)


@mutant("I7")
def hold_not_looked_at(world: World, planting: Planting) -> None:
    """A hold stands in the database, and nobody looks."""
    put(planting, JobRows, "held_lanes", lambda *_, **__: {})
    before = JobRows.lanes
    put(
        planting, JobRows, "lanes",
        lambda self, keys: {
            key: replace(lane, held_until=None, free_at=min(lane.free_at, self.now)) for key, lane in before(self, keys).items()
        },
    )


def _outcomes(planting: Planting, change: Any) -> None:
    before = Watched.carry

    async def carry(self: Any, job: Any, turn: Any) -> Any:
        return change(job, await before(self, job, turn))

    put(planting, Watched, "carry", carry)


@mutant("I4", "I6")
def unknown_means_failed(world: World, planting: Planting) -> None:
    """A broken wire is taken for a refusal."""
    _outcomes(planting, lambda _job, found: Failed(reason=found.reason) if isinstance(found, Unknown) else found)


@mutant("I6")
def unknown_means_done(world: World, planting: Planting) -> None:
    """A broken wire is taken for success."""
    _outcomes(
        planting, lambda job, found: Done() if isinstance(found, Unknown) and job.kind.startswith("say.") else found
    )


@mutant("I6")
def unknown_means_not_done(world: World, planting: Planting) -> None:
    """A broken wire is taken for something that never happened."""
    _outcomes(
        planting, lambda _job, found: Later(wait=timedelta(seconds=2), reason=found.reason) if isinstance(found, Unknown) else found
    )
    before = JobRows.claim
    put(planting, JobRows, "claim", lambda self, **how: tuple(replace(job, in_doubt=False) for job in before(self, **how)))


@mutant("I6", "I14")
def buried_without_a_word(world: World, planting: Planting) -> None:
    """A dead letter does not say why."""
    before = JobRows.bury
    put(planting, JobRows, "bury", lambda self, job, _reason: before(self, job, ""))


@mutant("I14")
def never_given_up(world: World, planting: Planting) -> None:
    """A poisonous event is tried for ever."""
    put(planting, handlers.jobs.worker, "_ATTEMPTS", 10_000)


@mutant("I5")
def answered_before_stored(world: World, planting: Planting) -> None:
    """2xx is said first, and the event is stored when there is time."""
    before = Replica.__post_init__

    def built(self: Replica) -> None:
        before(self)
        self.doors = {name: _hasty(world, door) for name, door in self.doors.items()}

    put(planting, Replica, "__post_init__", built)


def _hasty(world: World, door: Any) -> Any:
    async def early(request: web.Request) -> web.StreamResponse:
        async def store() -> None:
            with contextlib.suppress(Killed, Exception):
                await door(request)

        world.spawn(store())
        return web.Response(status=200)

    return early


@mutant("I5")
def worked_off_in_two(world: World, planting: Planting) -> None:
    """The job of an event is closed first, and the event is worked off afterwards."""
    before = Worker._work

    async def work(self: Any, job: Any) -> None:
        if job.kind != "learn":
            await before(self, job)
            return
        await self.engine.write(lambda t: t.jobs.done(job))

        def rest(transaction: Any) -> None:
            received = transaction.inbox.one(int(str(job.payload["inbox"])))
            self._source(received.source).work(received, transaction)
            transaction.inbox.worked(received.id)

        with contextlib.suppress(Exception):
            await self.engine.write(rest)

    put(planting, Worker, "_work", work)


@mutant("I5", story="stock")
def webhooks_counted_twice(world: World, planting: Planting) -> None:
    """An event that comes again is another event."""
    before = InboxRows.keep

    def keep(self: Any, source: str, key: str, body: bytes, **more: Any) -> bool:
        before(self, source, key, body, **more)
        return before(self, source, f"{key}-{world.new_id()}", body, **more)

    put(planting, InboxRows, "keep", keep)


@mutant("I13", story="digest")
def next_run_outside_the_transaction(world: World, planting: Planting) -> None:
    """A schedule's next occurrence is written after this one was closed, and a start plans only what never was."""

    def fire(job: Any, transaction: Any) -> None:
        schedule, shop, due = handlers.jobs.schedules._occurrence(job, transaction)
        moment = max(due, transaction.now)
        schedule.run(transaction.of(shop.id), shop.calendar.today(moment))

        async def afterwards() -> None:
            chosen = world.any_replica()
            if chosen is not None:
                with contextlib.suppress(Killed):
                    await chosen.pause(0.5)
                    await chosen.engine.write(lambda later: handlers.jobs.schedules._write_next(later, shop, schedule, moment))

        world.spawn(afterwards())

    def plan(transaction: Any) -> None:
        if all(kind != "fire" for _, kind in transaction.jobs.counts()):
            handlers.jobs.schedules.plan(transaction)

    put(planting, handlers.jobs.worker, "fire", fire)
    put(planting, worlds, "plan", plan)


@mutant("I13", story="digest")
def every_start_plans_its_own(world: World, planting: Planting) -> None:
    """A digest is told from another by the moment it was planned at, not by its day: each start plans one more."""
    del world
    put(planting, JobRows, "stands", lambda *_: False)
    before = handlers.jobs.schedules._write

    def write(transaction: Any, *what: Any, key: str) -> bool:
        return before(transaction, *what, key=f"{key}/{transaction.now.isoformat()}")

    put(planting, handlers.jobs.schedules, "_write", write)
    publish = OutboxRows.publish
    put(
        planting, OutboxRows, "publish",
        lambda self, message, *, once: publish(self, message, once=f"{once}/{self.now.isoformat()}"),
    )


@mutant("I15")
def only_wakes(world: World, planting: Planting) -> None:
    """Nobody looks unless woken, and wake-ups get lost."""
    put(planting, process, "POLL", 1e9)


@mutant("I6")
def newest_card_version_not_kept(world: World, planting: Planting) -> None:
    """Where a card stands is forgotten: every version is a message of its own."""
    put(planting, LetterRows, "shown", lambda *_: None)
