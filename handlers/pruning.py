"""Old rows go, an hour after the start and then every hour, in every process; each takes what no other takes."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from domain.jobs import Engine

log = logging.getLogger("opsbell.pruning")

EVERY: Final = timedelta(hours=1)
_AT_ONCE: Final = 300
#: between two batches, so that commands come in between
_PAUSE_SECONDS: Final = 0.2


@dataclass(kw_only=True)
class Pruner:
    """The loop that deletes what is over and older than ``keep``."""

    engine: Engine
    keep: timedelta
    sleep: Callable[[float], Awaitable[None]]

    async def run(self) -> None:
        """Prune until cancelled."""
        while True:
            await self.sleep(EVERY.total_seconds())
            try:
                if gone := await self.prune():
                    log.info("%d old rows are gone", gone)
            except Exception:  # the database may be away for a while; the rows wait
                log.exception("old rows could not be deleted")

    async def prune(self) -> int:
        """Delete all that is old enough; how many rows went."""
        gone = 0
        while some := await self.engine.write(lambda one: one.old.prune(self.keep, limit=_AT_ONCE)):
            gone += some
            await self.sleep(_PAUSE_SECONDS)
        return gone
