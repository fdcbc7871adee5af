"""A seed's world: one clock, one database, some processes, the platforms and people, and what was seen."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from domain.jobs import Job
from handlers.jobs import plan
from notifications.catalogue import Catalogue
from tests.desk import START as LOCAL_START
from tests.faults.simulator.bank import Bank
from tests.faults.simulator.chance import Swarm
from tests.faults.simulator.chats import Chats
from tests.faults.simulator.loop import VirtualLoop
from tests.faults.simulator.mail import Mail
from tests.faults.simulator.network import Network
from tests.faults.simulator.oracle import Oracle
from tests.faults.simulator.replica import Killed, Replica
from tests.faults.simulator.transactions import Database, Pending, Transactions, name_of
from tests.faults.simulator.workspace import Workspace

START = LOCAL_START.astimezone(UTC)
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@dataclass(frozen=True, kw_only=True)
class Violation:
    """A broken invariant of docs/reliability.md."""

    rule: str
    words: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.words}"


@dataclass(eq=False)
class World:
    """Everything of one seed."""

    seed: int
    swarm: Swarm
    random: Random
    loop: VirtualLoop
    database: Database
    catalogue: Catalogue
    offset: timedelta = timedelta()
    calm: bool = False
    replicas: list[Replica] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    crashes: int = 0
    steps: int = 0
    timers: int = 0
    lines: list[str] | None = None
    job: ContextVar[Job | None] = field(default_factory=lambda: _JOB)
    click: ContextVar[str] = field(default_factory=lambda: _CLICK)
    tasks: dict[asyncio.Task[None], None] = field(default_factory=dict)
    jumps: list[float] = field(default_factory=list)
    _hash: Any = field(default_factory=lambda: hashlib.blake2b(digest_size=16))

    def __post_init__(self) -> None:
        """The parts that know the world."""
        self.transactions = Transactions(self, self.database)
        self.network = Network(self)
        self.slack = Workspace(self)
        self.telegram = Chats(self)
        self.bank = Bank(self)
        self.mail = Mail(self)
        self.oracle = Oracle(self)

    # --- time and chance

    def now(self) -> datetime:
        """The right time."""
        return START + timedelta(microseconds=round(self.loop.moment * 1_000_000)) + self.offset

    def jump_soon(self) -> None:
        """The next jump of this seed, if one is left: trouble rarely comes alone."""
        if not self.jumps or self.calm:
            return
        if self.network.on_the_wire:
            # A server's clock that jumps over a whole lease while a call is on the wire makes two of one letter in
            # every design; it is the platform that would need a key.
            self.later(0.2, self.jump_soon)
            return
        self.jump(self.jumps.pop())

    def jump(self, seconds: float) -> None:
        """Every clock is moved on."""
        self.trace("jump", round(seconds))
        self.offset += timedelta(seconds=seconds)
        self.oracle.late()

    async def sleep(self, seconds: float) -> None:
        """For people and platforms, who never die."""
        wait: asyncio.Future[None] = self.loop.create_future()
        self.loop.call_later(seconds, wait.set_result, None)
        await wait

    def later(self, seconds: float, act: Callable[..., None], *arguments: Any) -> None:
        """Something that will happen."""
        self.timers += 1

        def ring() -> None:
            self.timers -= 1
            act(*arguments)

        self.loop.call_later(seconds, ring)

    def chance(self, share: float) -> bool:
        """Whether something of that share happens; nothing bad does once all is calm."""
        return share > 0 and not self.calm and self.random.random() < share

    def fails(self, kind: str) -> bool:
        """Whether the database lets a transaction down."""
        return self.chance(self.swarm.database.get(kind, 0.0))

    def fault(self, platform: str) -> str:
        """What goes wrong with a call; "" for nothing."""
        del platform
        if self.calm:
            return ""
        for kind, share in self.swarm.network.items():
            if self.random.random() < share:
                return kind
        return ""

    def new_id(self) -> str:
        """Unguessable to nobody who knows the seed."""
        return "".join(self.random.choices(_LETTERS, k=22))

    # --- processes

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Something that goes on beside all else."""
        task = self.loop.create_task(work)
        self.tasks[task] = None
        task.add_done_callback(self.tasks.pop)

    def boot(self) -> None:
        """A new process."""
        skew = 0.0 if self.calm or not self.swarm.skew else self.random.uniform(-self.swarm.skew, self.swarm.skew)
        name = f"r{self.crashes}.{len(self.replicas)}"
        replica = Replica(self, name, timedelta(seconds=skew))
        self.replicas.append(replica)
        replica.start()
        if self.swarm.schedules:
            self.spawn(self._plan(replica))

    async def _plan(self, replica: Replica) -> None:
        while replica.alive:
            try:
                await replica.engine.write(plan)
            except Killed:
                return
            except Exception:  # the database is away: a real process would exit and be started again
                await self.sleep(1)
            else:
                self.oracle.planned_at = self.oracle.planned_at or self.now()
                return

    def maybe_die(self, replica: Replica) -> None:
        """Each wait and each commit is a place to die at."""
        self.steps += 1
        if replica.alive and self.chance(self.swarm.crashes) and self.crashes < 12:
            replica.die()

    def died(self, replica: Replica) -> None:
        """Somebody starts it again, after a while."""
        self.crashes += 1
        self.replicas.remove(replica)
        self.oracle.died(replica)
        self.later(self.random.choice((0.2, 1.0, 5.0, 20.0)), self.boot)

    def any_replica(self) -> Replica | None:
        """One that runs, as a load balancer chooses."""
        return self.random.choice(self.replicas) if self.replicas else None

    def wake(self) -> None:
        """Everybody hears that something is new, unless the wake-up is lost."""
        for replica in self.replicas:
            if not self.chance(self.swarm.deaf):
                self.loop.call_soon(replica.wake)

    # --- what is seen

    def committed(self, pending: Pending[Any], *, new_work: bool) -> None:
        """A transaction has ended."""
        self.steps += 1
        self.trace("commit" if pending.error is None else type(pending.error).__name__, name_of(pending.work))
        if pending.error is None:
            self.network.learn()
            if new_work:
                self.wake()

    @property
    def faulty(self) -> bool:
        """Whether enough went wrong that something may be given up for good."""
        swarm = self.swarm
        return bool(self.crashes or swarm.network or swarm.database or swarm.stalls or swarm.jumps)

    def trace(self, *words: object) -> None:
        """One line of what happened, for the hash; kept only for whoever wants to read it."""
        line = f"{self.loop.moment:.6f} {' '.join(map(str, words))}"
        self._hash.update(line.encode())
        if self.lines is not None:
            self.lines.append(line)

    @property
    def hash(self) -> str:
        """The run in 32 letters."""
        return str(self._hash.hexdigest())

    def violation(self, rule: str, words: str) -> None:
        """An invariant does not hold."""
        self.trace("VIOLATION", rule, words)
        self.violations.append(Violation(rule=rule, words=words))


_JOB: ContextVar[Job | None] = ContextVar("job", default=None)
_CLICK: ContextVar[str] = ContextVar("click", default="")
