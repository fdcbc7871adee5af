"""Direct calls: those that leave without a job, since somebody waits for them or only asks.

They obey what the platform asked of anybody, as letters do: it stands in the lanes. What a direct call hears of that
kind is written there, so that every process and every letter obeys it too. A shut lane is tried by one caller a
minute, be it a letter or a direct call.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from domain.jobs import Engine, Transaction
from domain.outcomes import WAITS_FOR_TRIAL, WAITS_FOR_TURN, NotNow

log = logging.getLogger("opsbell.delivery")

#: how often a token that a platform refuses is tried again
TOKEN_WAIT: Final = timedelta(seconds=60)
#: a direct call that tries a shut lane is over by then, or its process is
_TRIAL: Final = timedelta(seconds=30)


@dataclass(eq=False)
class Barred(NotNow):
    """The platform wants nothing for so long. ``shut``: because it refuses our token."""

    shut: bool = False


@dataclass(frozen=True, kw_only=True)
class Lanes:
    """The lanes of one platform, for calls that are no job's. ``kinds``: of the jobs that wait for them."""

    engine: Engine
    kinds: Collection[str]

    async def enter(self, keys: Collection[str], *, tokenless: bool = False) -> Mapping[str, datetime]:
        """Barred, or the shut lanes that this call tries for all. One look where nothing is in the way.

        ``tokenless``: the call carries no token, so that a refused one says nothing about it.
        """

        def look(transaction: Transaction) -> Barred | bool:
            """What bars it; else whether some lane is shut."""
            closed = transaction.jobs.closed_lanes(keys)
            against = {key: lane for key, lane in closed.items() if not (tokenless and lane.shut)}
            waits = [
                lane.held_until - transaction.now for lane in against.values()
                if lane.held_until is not None and lane.held_until > transaction.now
            ]
            shut = any(lane.shut for lane in against.values())
            return Barred(max(waits), shut) if waits else shut

        def take(transaction: Transaction) -> Barred | dict[str, datetime]:
            rows = transaction.jobs
            shut = [key for key, lane in rows.lanes(keys).items() if lane.shut]
            if isinstance(barred := look(transaction), Barred):
                return barred  # somebody was faster
            trials = dict.fromkeys(shut, transaction.now + _TRIAL)
            rows.try_lanes(trials)
            return trials

        if not (found := await self.engine.read(look)):
            return {}
        taken = found if isinstance(found, Barred) else await self.engine.write(take)
        if isinstance(taken, Barred):
            raise taken
        return taken

    async def learn(self, lane: str, wait: timedelta, *, shut: bool = False) -> Barred:
        """Nobody speaks on that lane for so long; what to raise."""
        await self.engine.write(
            lambda transaction: transaction.jobs.hold(lane, until=transaction.now + wait, shut=shut)
        )
        return Barred(wait, shut)

    async def came_through(self, trials: Mapping[str, datetime]) -> None:
        """The platform knows us on the lanes that this call tried: they are open, and all that waited follows."""
        if not trials:
            return

        def whole(transaction: Transaction) -> bool:
            opened = transaction.jobs.open_lanes(trials)
            if opened:
                transaction.jobs.look_again(self.kinds, waiting=(WAITS_FOR_TURN, WAITS_FOR_TRIAL))
            return opened

        if await self.engine.write(whole):
            log.warning("%s: a call has come through again, and all that waited follows", ", ".join(trials))
