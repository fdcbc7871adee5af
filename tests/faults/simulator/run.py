"""One seed, from its template to its last invariant."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from random import Random

from notifications.catalogue import Catalogue
from tests.faults.simulator import ending, people, shop
from tests.faults.simulator.bank import Charge
from tests.faults.simulator.chance import Swarm, draw
from tests.faults.simulator.loop import VirtualLoop
from tests.faults.simulator.transactions import Database, as_on_postgresql
from tests.faults.simulator.world import Violation, World

#: seconds of the loop's own time in which things go wrong
ACTIVE = 60.0


@dataclass(frozen=True, kw_only=True)
class Run:
    """What came of a seed."""

    seed: int
    swarm: Swarm
    violations: tuple[Violation, ...]
    crashes: int
    steps: int
    calls: int
    refunds: int
    letters: int
    hash: str
    lines: tuple[str, ...] = ()


#: plants a defect into what runs, until the stack is closed
Plant = Callable[[World, contextlib.ExitStack], None]


@cache
def _database() -> Database:
    return Database()


@cache
def _catalogue() -> Catalogue:
    return Catalogue()


def simulate(seed: int, *, story: str | None = None, lines: bool = False, plant: Plant | None = None) -> Run:
    """Run a seed. The same seed is the same run, whatever the machine."""
    random = Random(seed)
    stories = shop.STORIES if story is None else (story,)
    swarm = draw(random, stories)
    loop = VirtualLoop()
    database = _database()
    database.load(shop.template(swarm.story))
    world = World(
        seed=seed, swarm=swarm, random=random, loop=loop, database=database, catalogue=_catalogue(),
        lines=[] if lines else None,
    )
    captured = shop.SHORT if swarm.story == "two_returns" else shop.PAYMENT
    world.bank.charges = {
        f"pi_{key}": Charge(intent=f"pi_{key}", captured=captured) for key in (shop.NORD, shop.SUED)
    }
    with contextlib.closing(loop), _quiet(), as_on_postgresql(), contextlib.ExitStack() as planted:
        if plant is not None:
            plant(world, planted)
        try:
            loop.run_until_complete(_whole(world))
        finally:
            _close(world)
    return Run(
        seed=seed, swarm=swarm, violations=tuple(world.violations), crashes=world.crashes, steps=world.steps,
        calls=world.network.calls, refunds=len(world.bank.given),
        letters=len(world.slack.posts) + len(world.telegram.lines), hash=world.hash, lines=tuple(world.lines or ()),
    )


async def _whole(world: World) -> None:
    for _ in range(world.swarm.replicas):
        world.boot()
    people.crew(world)
    if world.swarm.poison:
        poison = {"id": "evt_poison", "livemode": False, "type": "balance.available", "data": {"object": {}}}
        world.later(world.random.uniform(1.0, 10.0), world.mail.stripe, poison)
    if world.swarm.blocks:
        world.later(world.random.uniform(1.0, 40.0), world.telegram.blocked.add, str(shop.MARIA))
    if "dispute" in world.swarm.bank:
        for name in ("dp_1", "dp_2")[: world.random.choice((1, 1, 2))]:
            _disputed(world, name)
    world.jumps = list(world.swarm.jumps)
    for _ in world.jumps:
        world.later(world.random.uniform(1.0, ACTIVE), world.jump_soon)
    await world.sleep(ACTIVE)
    await ending.settle(world)
    ending.check(world)


def _disputed(world: World, name: str) -> None:
    opens = world.random.choice((world.random.uniform(0.0, 2.0), world.random.uniform(0.5, 30.0)))
    world.later(opens, partial(world.bank.dispute, name=name), "pi_nordlicht", "needs_response")
    if world.random.random() < 0.6:
        over, ends = world.random.choice(("won", "lost")), opens + world.random.uniform(0.1, 20.0)
        world.later(ends, partial(world.bank.dispute, name=name), "pi_nordlicht", over)


def _close(world: World) -> None:
    """Nothing of a seed outlives it."""
    loop = world.loop
    for replica in list(world.replicas):
        replica.alive = False
        for wait in list(replica.waits):
            wait.cancel()
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    with contextlib.suppress(BaseException):
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    world.transactions.close()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """What breaks on purpose need not be logged ten thousand times."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)



