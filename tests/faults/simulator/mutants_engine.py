"""Defects in what carries letters and works off events."""

from __future__ import annotations

import contextlib
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from aiohttp import web

import handlers.jobs
import notifications.delivery
from domain.outcomes import Done, Failed, Later, Unknown
from handlers.jobs import Schedule, Worker
from notifications.delivery import Delivery
from notifications.slack.carrier import SlackCarrier
from storage.inbox import InboxRows
from storage.jobs import JobRows
from storage.letters import LetterRows
from storage.outbox import OutboxRows
from tests.faults.simulator import replica as process
from tests.faults.simulator import workspace
from tests.faults.simulator.mutants import mutant, put, reword
from tests.faults.simulator.replica import Killed, Replica, Watched

if TYPE_CHECKING:
    from tests.faults.simulator.world import World


async def _nothing(*_: Any, **__: Any) -> None:
    """Finds nothing."""


@mutant()
def no_fence(world: World, stack: ExitStack) -> None:
    """A process that was paused beyond its lease goes on as if nothing were."""
    put(stack, notifications.delivery, "_FENCE", timedelta(days=-1))


@mutant()
def lease_too_short(world: World, stack: ExitStack) -> None:
    """A lease ends while its holder still waits for the platform."""
    put(stack, notifications.delivery, "LEASE", timedelta(seconds=2))
    put(stack, notifications.delivery, "_FENCE", timedelta(seconds=1))


@mutant()
def lease_never_ends(world: World, stack: ExitStack) -> None:
    """What a dead process held stays with it."""
    reword(world, stack, ("jobs.leased_until <= ?", "(jobs.leased_until <= ? AND 0)"))


@mutant()
def claimed_by_two(world: World, stack: ExitStack) -> None:
    """A lease keeps nobody away."""
    reword(world, stack, ("jobs.leased_until IS NULL", "1"))


@mutant()
def no_lane_order(world: World, stack: ExitStack) -> None:
    """A lane's jobs go out side by side."""
    reword(world, stack, ("NOT (EXISTS", "(1 OR EXISTS"), only="AS earlier")


@mutant()
def attempts_not_counted(world: World, stack: ExitStack) -> None:
    """Every attempt is the first."""
    before = JobRows.claim
    put(stack, JobRows, "claim", lambda self, **how: tuple(replace(job, attempts=1) for job in before(self, **how)))


@mutant()
def not_marked_before_the_wire(world: World, stack: ExitStack) -> None:
    """Nothing remembers that a job may have gone through."""
    before = JobRows.claim
    put(
        stack, JobRows, "claim",
        lambda self, **how: tuple(replace(job, in_doubt=job.in_doubt and job.attempts < 2) for job in before(self, **how)),
    )


@mutant("stock")
def said_again_though_it_must_not_be(world: World, stack: ExitStack) -> None:
    """A letter that may be said once is said again after an unknown outcome."""
    before = LetterRows.open
    put(stack, LetterRows, "open", lambda self, job: replace(before(self, job), repeat=True))


@mutant()
def settled_in_two(world: World, stack: ExitStack) -> None:
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

    put(stack, Delivery, "_write", write)


@mutant()
def settled_by_whoever(world: World, stack: ExitStack) -> None:
    """A job is settled by a process that does not hold it any more."""
    reword(
        world, stack, ("jobs.owner = ?", "(jobs.owner = ? OR 1)"), ("jobs.leased_until = ?", "(jobs.leased_until = ? OR 1)"),
        only="UPDATE jobs",
    )
    put(stack, notifications.delivery, "_FENCE", timedelta(days=-1))


@mutant()
def no_read_back(world: World, stack: ExitStack) -> None:
    """After an unknown outcome it is posted again without a look."""
    put(stack, SlackCarrier, "_find", _nothing)


@mutant()
def read_back_without_threads(world: World, stack: ExitStack) -> None:
    """Only the channel is read back, never a thread."""
    put(
        stack, workspace._Client, "conversations_replies",
        lambda self, *, ts, **asked: self.conversations_history(**asked),
    )


@mutant()
def retry_after_ignored(world: World, stack: ExitStack) -> None:
    """Whoever asks us to wait is asked again after a second."""
    _outcomes(stack, lambda _job, found: replace(found, wait=timedelta(seconds=1)) if isinstance(found, Later) and not found.counts else found)


@mutant()
def only_the_letter_waits(world: World, stack: ExitStack) -> None:
    """A Retry-After holds up one letter, not what else goes to the same place."""
    put(stack, JobRows, "hold", lambda *_, **__: None)
    _outcomes(stack, lambda _job, found: replace(found, wait=timedelta(seconds=2)) if isinstance(found, Later) and not found.counts else found)


@mutant()
def hold_not_looked_at(world: World, stack: ExitStack) -> None:
    """A hold stands in the database, and nobody looks."""
    put(stack, JobRows, "held_until", lambda *_: None)
    before = JobRows.lanes
    put(
        stack, JobRows, "lanes",
        lambda self, keys: {
            key: replace(lane, held_until=None, free_at=min(lane.free_at, self.now)) for key, lane in before(self, keys).items()
        },
    )


def _outcomes(stack: ExitStack, change: Any) -> None:
    before = Watched.carry

    async def carry(self: Any, job: Any, turn: Any) -> Any:
        return change(job, await before(self, job, turn))

    put(stack, Watched, "carry", carry)


@mutant()
def unknown_means_failed(world: World, stack: ExitStack) -> None:
    """A broken wire is taken for a refusal."""
    _outcomes(stack, lambda _job, found: Failed(reason=found.reason) if isinstance(found, Unknown) else found)


@mutant()
def unknown_means_done(world: World, stack: ExitStack) -> None:
    """A broken wire is taken for success."""
    _outcomes(
        stack, lambda job, found: Done() if isinstance(found, Unknown) and job.kind.startswith("say.") else found
    )


@mutant()
def unknown_means_not_done(world: World, stack: ExitStack) -> None:
    """A broken wire is taken for something that never happened."""
    _outcomes(
        stack, lambda _job, found: Later(wait=timedelta(seconds=2), reason=found.reason) if isinstance(found, Unknown) else found
    )
    before = JobRows.claim
    put(stack, JobRows, "claim", lambda self, **how: tuple(replace(job, in_doubt=False) for job in before(self, **how)))


@mutant()
def buried_without_a_word(world: World, stack: ExitStack) -> None:
    """A dead letter does not say why."""
    before = JobRows.bury
    put(stack, JobRows, "bury", lambda self, job, _reason: before(self, job, ""))


@mutant()
def never_given_up(world: World, stack: ExitStack) -> None:
    """A poisonous event is tried for ever."""
    put(stack, handlers.jobs, "_ATTEMPTS", 10_000)


@mutant()
def answered_before_stored(world: World, stack: ExitStack) -> None:
    """2xx is said first, and the event is stored when there is time."""
    before = Replica.__post_init__

    def built(self: Replica) -> None:
        before(self)
        self.doors = {name: _hasty(world, door) for name, door in self.doors.items()}

    put(stack, Replica, "__post_init__", built)


def _hasty(world: World, door: Any) -> Any:
    async def early(request: web.Request) -> web.StreamResponse:
        async def store() -> None:
            with contextlib.suppress(Killed, Exception):
                await door(request)

        world.spawn(store())
        return web.Response(status=200)

    return early


@mutant()
def worked_off_in_two(world: World, stack: ExitStack) -> None:
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

    put(stack, Worker, "_work", work)


@mutant("stock")
def webhooks_counted_twice(world: World, stack: ExitStack) -> None:
    """An event that comes again is another event."""
    before = InboxRows.keep

    def keep(self: Any, source: str, key: str, body: bytes, **more: Any) -> bool:
        before(self, source, key, body, **more)
        return before(self, source, f"{key}-{world.new_id()}", body, **more)

    put(stack, InboxRows, "keep", keep)


@mutant("digest")
def next_run_outside_the_transaction(world: World, stack: ExitStack) -> None:
    """A schedule's next occurrence is written after this one was closed."""
    name = "_write_next" if hasattr(handlers.jobs, "_write_next") else "_write"
    before = getattr(handlers.jobs, name)

    def write(transaction: Any, *what: Any) -> None:
        async def afterwards() -> None:
            chosen = world.any_replica()
            if chosen is not None:
                with contextlib.suppress(Killed):
                    await chosen.pause(0.5)
                    await chosen.engine.write(lambda t: before(t, *what))

        world.spawn(afterwards())

    put(stack, handlers.jobs, name, write)


@mutant("digest")
def digest_by_the_instant(world: World, stack: ExitStack) -> None:
    """A digest is the same one if it is due at the same instant, not on the same day."""
    put(stack, Schedule, "slot", lambda _self, _shop, due: due.isoformat())
    before = OutboxRows.publish

    def publish(self: Any, message: Any, *, once: str) -> None:
        before(self, message, once=f"{once}{self.now.isoformat()}")

    put(stack, OutboxRows, "publish", publish)


@mutant()
def only_wakes(world: World, stack: ExitStack) -> None:
    """Nobody looks unless woken, and wake-ups get lost."""
    put(stack, process, "POLL", 1e9)


@mutant()
def newest_card_version_not_kept(world: World, stack: ExitStack) -> None:
    """Where a card stands is forgotten: every version is a message of its own."""
    put(stack, LetterRows, "shown", lambda *_: None)
