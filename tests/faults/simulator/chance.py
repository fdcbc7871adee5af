"""What a seed draws first: which faults are on, how often, how many processes, which people. Swarm testing.

A run with every fault on finds less than many runs with a few each: one fault hides another.
Source: Groce and others, "Swarm Testing", ISSTA 2012.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random


@dataclass(frozen=True, kw_only=True)
class Swarm:
    """One seed's weather. Shares are of calls, or of the points at which a process may die."""

    replicas: int
    #: which story is told (shop.STORIES)
    story: str
    crashes: float
    #: shares of calls to a platform that go wrong, by kind
    network: dict[str, float] = field(default_factory=dict)
    #: shares of transactions that the database refuses, or commits without saying so
    database: dict[str, float] = field(default_factory=dict)
    #: share of waits that take as long as a paused machine does
    stalls: float = 0.0
    #: jumps of the wall clock, in seconds
    jumps: tuple[float, ...] = ()
    #: each replica's own clock is off by up to so many seconds
    skew: float = 0.0
    #: share of wake-ups that get lost
    deaf: float = 0.0
    #: seconds that a transaction waits for the database at most
    sluggish: float = 0.004
    #: share of transactions that another one overtakes between its reads and its first write
    races: float = 0.0
    #: shares of webhooks that come twice, late, or after the next
    twice: float = 0.0
    late: float = 0.0
    #: Stripe's own moods: pending first, failing at once, failing after success, a dispute
    bank: frozenset[str] = frozenset()
    #: after a refund whose outcome is unknown a day passes: Stripe forgets its key, and its word on it comes later still
    forgets: bool = False
    schedules: bool = False
    #: everybody does the same thing at the same moment, as on a Monday at nine
    rush: bool = False
    poison: bool = False
    #: the customer blocks our bot in Telegram
    blocks: bool = False


NETWORK = ("busy", "refused", "reset", "cut", "broken", "broken_after", "slow")
BANK = ("pending", "fails", "bounces", "dispute")


def draw(random: Random, stories: tuple[str, ...]) -> Swarm:
    """The weather of one seed."""

    def maybe(share: float, value: float) -> float:
        return value if random.random() < share else 0.0

    kinds = [kind for kind in NETWORK if random.random() < 0.4]
    shares = {kind: random.choice((0.05, 0.15, 0.3)) for kind in kinds}
    forgets = random.random() < 0.2
    if forgets:
        shares["cut"] = 0.3
    story, rush = random.choice(stories), random.random() < 0.4
    jumps = tuple(random.choice((61.0, 3600.0, 90_000.0)) for _ in range(random.choice((0, 0, 0, 1, 2))))
    if story == "digest":  # without a day that passes there is nothing to tell
        jumps = (*jumps[:1], 90_000.0)
    return Swarm(
        replicas=random.choice((1, 2, 2, 3)),
        story=story,
        crashes=random.choice((0.0, 0.005, 0.02, 0.05)),
        network=shares,
        database={kind: random.choice((0.01, 0.05)) for kind in ("refuses", "silent") if random.random() < 0.15},
        stalls=maybe(0.4, random.choice((0.01, 0.03))),
        jumps=jumps,
        skew=maybe(0.2, 5.0),
        deaf=maybe(0.3, 0.5),
        sluggish=random.choice((0.004, 0.1, 0.6)),
        races=0.9 if rush else maybe(0.5, 0.7),
        twice=maybe(0.5, 0.4),
        late=maybe(0.4, 0.4),
        bank=frozenset(mood for mood in BANK if random.random() < 0.35),
        forgets=forgets,
        schedules=story == "digest" or random.random() < 0.25,
        rush=rush,
        poison=random.random() < 0.1,
        blocks=random.random() < 0.1,
    )
