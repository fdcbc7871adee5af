"""One process: the real loops, door and carriers over the seed's database. It can die at every wait, and be paused."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar, cast

from aiohttp import web

from domain.jobs import Job, Received, Transaction
from domain.outcomes import Carrier, Outcome, Turn
from gateways import stripe
from handlers import telegram, webhooks
from handlers.deadline import Punctual
from handlers.jobs import Worker
from handlers.run import Desk
from notifications.delivery import LEASE, Delivery
from notifications.slack.carrier import SlackCarrier
from notifications.slack.files import Files
from notifications.telegram.carrier import TelegramAnswers, TelegramCarrier
from tests.faults.simulator.transactions import DatabaseAway, Pending

if TYPE_CHECKING:
    from collections.abc import Mapping

    from domain.messages import Photo
    from tests.faults.simulator.world import World

T = TypeVar("T")
#: seconds after which a loop looks without being woken
POLL = 5.0
#: open nothing
SECRET = "simulated-simulated"
SHOP_SECRET = "whsec_" + b64encode(SECRET.encode()).decode()


class Killed(BaseException):
    """This process is no more; nothing of it runs on."""


@dataclass(eq=False)
class Replica:
    """A running process. ``skew``: how far its own clock is off."""

    world: World
    name: str
    skew: timedelta
    alive: bool = True
    paused_until: float = 0.0
    #: since when it lurks: paused for long, it goes on while another speaks for it; None if it does not
    lurks_since: float | None = None
    #: in the order they began: a set's order is another in each run
    waits: dict[asyncio.Future[Any], None] = field(default_factory=dict)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    delivery: Delivery = field(init=False)
    worker: Worker = field(init=False)
    desk: Desk = field(init=False)
    engine: SimulatedEngine = field(init=False)
    slack: SlackCarrier = field(init=False)
    doors: dict[str, Callable[[web.Request], Awaitable[web.StreamResponse]]] = field(init=False)

    def __post_init__(self) -> None:
        """Build what bot.app builds, over the seams."""
        world = self.world
        self.engine = SimulatedEngine(self)
        client = world.slack.client(self)
        self.slack = SlackCarrier(
            client=client, engine=self.engine, catalogue=world.catalogue, files=Files(client=client, fetch=_no_picture)
        )
        bot = world.telegram.bot(self)
        carriers: list[Carrier] = [
            self.slack,
            TelegramCarrier(bot=bot, engine=self.engine, catalogue=world.catalogue),
            TelegramAnswers(bot=bot),
            stripe.RefundCarrier(client=world.bank.client(self), engine=self.engine),
        ]
        self.delivery = Delivery(
            engine=self.engine, carriers={one.kind: Watched(one, world) for one in carriers}, owner=self.name,
            sleep=self.sleep, poll_seconds=POLL, seconds=world.loop.time,
        )
        sources = (telegram.TelegramUpdates(username="opsbell_bot"), Poisonable(live=False), webhooks.ShopEvents())
        self.worker = Worker(
            engine=self.engine, sources=sources, owner=f"{self.name}w", sleep=self.sleep, poll_seconds=POLL
        )
        self.desk = Desk(engine=self.engine, reference=lambda: "7Q2K")
        punctual = Punctual(engine=self.engine)
        self.doors = {
            "stripe": webhooks.stripe_door(punctual, [SECRET], self.now),
            "shop": webhooks.shop_door(punctual, [SHOP_SECRET], self.now),
            "telegram": telegram.webhook(punctual, [SECRET]),
        }

    def now(self) -> datetime:
        """This process's own clock."""
        return self.world.now() + self.skew

    def start(self) -> None:
        """Run the loops."""
        loop = self.world.loop
        self.tasks = [loop.create_task(self.delivery.run()), loop.create_task(self.worker.run())]

    def wake(self) -> None:
        """Something new stands in the database."""
        self.delivery.wake.set()
        self.worker.wake.set()

    def die(self) -> None:
        """kill -9: whatever it waits for never comes, and nothing it does reaches anybody."""
        if not self.alive:
            return
        self.alive = False
        self.world.trace("dies", self.name)
        self.world.died(self)
        for wait in list(self.waits):
            if not wait.done():
                wait.set_exception(Killed())
        for task in self.tasks:
            task.cancel()

    def check(self) -> None:
        """Raises Killed in a dead process, so that nothing of it goes on."""
        if not self.alive:
            raise Killed

    async def pause(self, seconds: float) -> None:
        """Time passes; the process may be paused for longer than it thinks, or die before or after."""
        world = self.world
        world.maybe_die(self)
        self.check()
        if seconds and world.chance(world.swarm.stalls):
            # The whole process stands still, as a stopped or swapped-out one does.
            length = world.random.choice((3.0, 70.0, 70.0, 200.0))
            self.paused_until = world.loop.time() + length
            self.lurks_since = world.loop.time() if length > LEASE.total_seconds() else None
        await self._ring_after(seconds)
        await self.resumed()
        world.maybe_die(self)
        self.check()

    async def resumed(self) -> None:
        """Once the process runs again; leases may have run out over what it was at."""
        while (left := self.paused_until - self.world.loop.time()) > 0:
            self.world.oracle.late(self)
            await self._ring_after(min(left, 0.05) if self.lurks_since is not None else left)

    def rouse(self) -> None:
        """Go on at the worst moment."""
        self.paused_until, self.lurks_since = self.world.loop.time(), None

    async def _ring_after(self, seconds: float) -> None:
        wait: asyncio.Future[None] = self.world.loop.create_future()
        self.world.loop.call_later(seconds, _ring, wait)
        await self.held(wait)

    async def held(self, wait: asyncio.Future[T]) -> T:
        """Wait for something that a death takes away."""
        self.check()
        self.waits[wait] = None
        try:
            return await wait
        finally:
            self.waits.pop(wait, None)

    async def sleep(self, seconds: float) -> None:
        """What the loops sleep with."""
        await self.pause(seconds)


def _ring(wait: asyncio.Future[None]) -> None:
    if not wait.done():
        wait.set_result(None)


async def _no_picture(photo: Photo) -> bytes:
    raise LookupError(photo.file_id)


@dataclass
class SimulatedEngine:
    """The Engine of one process: whole transactions of the real Store, with a wait before and after each."""

    replica: Replica

    @property
    def now(self) -> Callable[[], datetime]:
        """The process's clock."""
        return self.replica.now

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """A transaction of its own; another one may overtake it, and its end may stay unknown to us."""
        world, replica = self.replica.world, self.replica
        pending: Pending[T] = Pending(work=work, replica=replica, click=world.click.get())
        world.transactions.waiting.append(pending)
        try:
            await replica.pause(world.random.uniform(0.0, world.swarm.sluggish))
        finally:
            if pending in world.transactions.waiting:
                world.transactions.waiting.remove(pending)
        if not pending.ran:
            if world.fails("refuses"):
                raise DatabaseAway
            if world.transactions.in_vain(pending):
                return cast("T", ())
            world.transactions.run(pending)
        await replica.pause(world.random.uniform(0.0, 0.002))
        if pending.error is not None:
            raise pending.error
        if world.fails("silent"):
            raise DatabaseAway
        return pending.result

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """A look."""
        world, replica = self.replica.world, self.replica
        await replica.pause(world.random.uniform(0.0, 0.002))
        result = world.transactions.look(work)
        await replica.pause(0.0)
        return result


class Poisonable(webhooks.StripeEvents):
    """Stripe's events, one of which always breaks whoever works it off."""

    def work(self, received: Received, transaction: Transaction) -> None:
        """The same, but for that one."""
        if received.key == "evt_poison":
            raise ZeroDivisionError
        super().work(received, transaction)


@dataclass(eq=False)
class Watched:
    """A carrier, with a note of which job each task is at: platforms are told so, to find what comes twice."""

    carrier: Carrier
    world: World

    @property
    def kind(self) -> str:
        """The same."""
        return self.carrier.kind

    def gaps(self, job: Job) -> Mapping[str, timedelta]:
        """The same."""
        return self.carrier.gaps(job)

    def admit(self, job: Job, transaction: Transaction) -> Outcome | None:
        """The same."""
        return self.carrier.admit(job, transaction)

    async def carry(self, job: Job, turn: Turn) -> Outcome:
        """The same, known to the world."""
        self.world.job.set(job)
        self.world.trace("carry", job.key, job.attempts)
        outcome = await self.carrier.carry(job, turn)
        self.world.trace("outcome", job.key, type(outcome).__name__)
        return outcome

    def settle(self, job: Job, outcome: Outcome, transaction: Transaction) -> None:
        """The same."""
        self.carrier.settle(job, outcome, transaction)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.carrier, name)
