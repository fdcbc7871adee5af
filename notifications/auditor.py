"""The auditor: whatever is not final after its time, and whatever was given up, is raised once by a second route.

It runs beside the loops it watches, in every replica, and needs none of them to notice. The log always has it, at
ERROR; owners get a message on the platform that is not stuck.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from domain.alarms import DeskAlarm, Stuck, other_way, worth_a_message
from domain.jobs import Engine, Transaction
from domain.order_lists import ASKING, is_cut_off
from domain.outcomes import in_our_words

log = logging.getLogger("opsbell.auditor")

#: an item is raised at most this long after its time
EVERY: Final = timedelta(seconds=30)
#: a loop that made no turn for so long hangs
_SILENT: Final = timedelta(seconds=90)


@dataclass(kw_only=True)
class Auditor:
    """Looks every half minute for as long as the process runs."""

    engine: Engine
    sleep: Callable[[float], Awaitable[None]]
    #: seconds that never go back, by which loops are timed: a clock that jumps hangs nothing
    seconds: Callable[[], float]
    #: each loop's name, and when it last made a turn, by ``seconds`` (None: not yet)
    loops: Mapping[str, Callable[[], float | None]] = field(default_factory=dict)
    #: seconds that one look may take: whatever hangs, the loops are still listened to
    patience: float = 60.0
    #: items raised by this process since its start: (late, given up)
    raised: list[int] = field(default_factory=lambda: [0, 0])
    silent: tuple[str, ...] = ()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            self.listen()
            try:
                async with asyncio.timeout(self.patience):
                    await self.step()
            except Exception:  # the database may be away for a while: it is looked at again
                log.exception("the auditor could not look at the jobs")
            await self.sleep(EVERY.total_seconds())

    async def step(self) -> int:
        """Raise what is due; how many items."""
        found = await self.engine.write(audit)
        for stuck in found.values():
            for one in stuck:
                self.raised[one.dead] += one.count
                log.error(
                    "%d x %s %s, oldest of %s: %s. Next: opsbell jobs list", one.count, one.words,
                    "given up" if one.dead else "not out in time", one.oldest.isoformat(timespec="seconds"),
                    in_our_words(one.reason) or "never tried",
                )
        return sum(one.count for stuck in found.values() for one in stuck)

    def listen(self) -> None:
        """Note which loops hang."""
        now, silent = self.seconds(), []
        for name, turned_at in self.loops.items():
            last = turned_at()
            if last is not None and now - last > _SILENT.total_seconds():
                silent.append(name)
                log.error("the loop %s has made no turn for %.0f s: restart this process", name, now - last)
        self.silent = tuple(silent)


def audit(transaction: Transaction) -> dict[int, tuple[Stuck, ...]]:
    """Take what nobody was told of, and tell its shop's owners, in one transaction."""
    found = transaction.alarms.take()
    for shop_id, stuck in found.items():
        uow = transaction.of(shop_id)
        # A shop system that has cut us off was said when it did: what waits for it is no news.
        said = ASKING if is_cut_off(uow) else ()
        unsaid = tuple(one for one in stuck if one.dead or one.kind not in said)
        if not worth_a_message(unsaid):
            continue
        alarm = DeskAlarm(stuck=unsaid, at=transaction.now)
        for chat in transaction.letters.owners(shop_id, rather=other_way(unsaid)):
            uow.outbox.tell(chat, alarm, once=f"alarm:{transaction.now.isoformat()}")
    return found
