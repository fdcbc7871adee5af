"""The wire between replicas and platforms: slow, refused, reset, cut after the other side has acted, busy, broken."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from notifications.delivery import LEASE

if TYPE_CHECKING:
    from domain.jobs import Job
    from tests.faults.simulator.replica import Replica
    from tests.faults.simulator.world import World

#: what a client sees of a broken wire
Broken = Literal["refused", "reset", "timeout"]


class WireBroken(Exception):
    """The client hears this instead of an answer; each platform's fake says it in its library's words."""

    def __init__(self, how: Broken) -> None:
        super().__init__(how)
        self.how = how


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a platform answers."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(eq=False)
class Window:
    """A platform asked us to wait. ``known``: whoever heard it has settled its job, so every replica must obey.

    ``heard``: it came through to whoever asked; one that was paused for longer than it waits never reads the answer.
    """

    until: datetime
    job: Job | None
    heard_by: Replica
    reply: Reply
    heard: bool = False
    known: bool = False
    #: in the loop's seconds
    known_since: float = 0.0


@dataclass
class Network:
    """All calls of all replicas."""

    world: World
    windows: dict[str, list[Window]] = field(default_factory=dict)
    calls: int = 0
    #: who waits for an answer, and what has not arrived yet, whether or not its sender still lives
    on_the_wire: int = 0

    async def call(
        self, replica: Replica, platform: str, bucket: str, act: Callable[[], Reply], *, timeout: float,
        busy: Callable[[int], Reply],
    ) -> Reply:
        """Speak to a platform. ``bucket``: what a Retry-After is about. ``act`` runs at the platform, or never."""
        world = self.world
        self.calls += 1
        replica.check()
        self._obeys(platform, bucket)
        kind = world.fault(platform)
        world.trace("call", platform, bucket, kind)
        if kind == "refused":
            await replica.pause(0.01)
            raise WireBroken("refused")
        there, back = world.random.uniform(0.005, 0.08), world.random.uniform(0.005, 0.08)
        if platform == "stripe":  # whose webhook is often here before its answer
            back += world.random.uniform(0.0, 0.4)
        if kind == "slow":
            there += world.random.uniform(0.0, timeout)
        answer: asyncio.Future[Reply] = world.loop.create_future()

        def arrives() -> None:
            self.on_the_wire -= 1
            if kind == "reset":
                world.loop.call_later(back, _fail, answer, "reset")
                return
            if kind == "busy":
                seconds = world.random.choice((1, 2, 5, 30, 61, 300))
                reply = busy(seconds)
                world.loop.call_later(back, self._asked_to_wait, answer, reply, platform, bucket, seconds, replica, job)
                return
            if kind == "broken":
                world.loop.call_later(back, _give, answer, Reply(status=503, body=None))
                return
            reply = act()
            if kind == "broken_after":
                reply = Reply(status=502, body=None)
            if kind == "cut":
                if world.random.random() < 0.3:
                    world.loop.call_later(back + 0.5, world.jump_soon)
                world.loop.call_later(back, _fail, answer, world.random.choice(("reset", "timeout")))
                return
            world.loop.call_later(back, _give, answer, reply)

        job = world.job.get()
        world.loop.call_later(there, arrives)
        limit = world.loop.call_later(timeout, _fail, answer, "timeout")
        self.on_the_wire += 2
        self._rouse_others(replica, there)
        try:
            reply = await replica.held(answer)
        finally:
            self.on_the_wire -= 1
            limit.cancel()
        await replica.resumed()
        world.maybe_die(replica)
        replica.check()
        for window in self.windows.get(bucket, ()):
            window.heard = window.heard or window.reply is reply
        return reply

    def _rouse_others(self, speaks: Replica, within: float) -> None:
        """Whoever stood still until its leases ran out goes on while their next holder speaks."""
        loop = self.world.loop
        for other in self.world.replicas:
            since = other.lurks_since
            if other is not speaks and since is not None and loop.time() - since > LEASE.total_seconds():
                loop.call_later(self.world.random.uniform(0.0, within), other.rouse)

    def _obeys(self, platform: str, bucket: str) -> None:
        now = self.world.now()
        for window in self.windows.get(bucket, ()):
            # Whoever had looked before that was committed may be on its way.
            looked = self.world.loop.time() - self.world.swarm.sluggish - 0.01
            if window.known and window.known_since < looked and now < window.until - timedelta(milliseconds=2):
                self.world.violation("I7", f"{platform} was called {bucket} {window.until - now} too early")

    def _asked_to_wait(
        self, answer: asyncio.Future[Reply], reply: Reply, platform: str, bucket: str, seconds: int,
        heard_by: Replica, job: Job | None,
    ) -> None:
        if answer.done():
            return
        if platform == "stripe":
            answer.set_result(reply)  # Stripe names no time
            return
        window = Window(until=self.world.now() + timedelta(seconds=seconds), job=job, heard_by=heard_by, reply=reply)
        self.windows.setdefault(bucket, []).append(window)
        answer.set_result(reply)

    def learn(self) -> None:
        """Something was committed: perhaps that a platform asked us to wait."""
        for windows in self.windows.values():
            for window in windows:
                if window.heard and not window.known and window.job is not None and window.heard_by.alive:
                    window.known, window.known_since = self._settled(window.job), self.world.loop.time()

    def _settled(self, job: Job) -> bool:
        """Whether this attempt at the job was settled, and not a later one by somebody who never heard of the wait."""
        row = self.world.database.raw.execute("SELECT owner, attempts FROM jobs WHERE id = ?", (job.id,)).fetchone()
        return row is not None and row[0] is None and row[1] <= job.attempts


def _give(answer: asyncio.Future[Reply], reply: Reply) -> None:
    if not answer.done():
        answer.set_result(reply)


def _fail(answer: asyncio.Future[Reply], how: Broken) -> None:
    if not answer.done():
        answer.set_exception(WireBroken(how))
