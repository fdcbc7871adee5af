"""The clock and chance: the only places where the machine's own are asked."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import aiohttp

log = logging.getLogger("opsbell.clock")


def system_now() -> datetime:
    """This machine's time."""
    return datetime.now(UTC)


def new_id() -> str:
    """22 letters, 128 bits."""
    return secrets.token_urlsafe(16)


def reference() -> str:
    """A short id under which a person's trouble is found in the log: 7Q2K."""
    return "".join(secrets.choice("23456789ABCDEFGHJKLMNPQRSTUVWXYZ") for _ in range(4))


async def _at_once() -> None:
    """Nothing to wait for."""


@dataclass(kw_only=True)
class FollowedClock:
    """Somebody else's time, such as the sandbox's: this machine's plus an offset that may jump forward."""

    url: str
    session: aiohttp.ClientSession
    #: called after each jump, so that whoever sleeps looks again
    jumped: Callable[[], None] = lambda: None
    #: returns once nothing is due any more
    settled: Callable[[], Awaitable[None]] = _at_once
    offset: timedelta = timedelta()
    version: int = -1
    epoch: int | None = None
    #: set when the other side began anew
    restarted: asyncio.Event = field(default_factory=asyncio.Event)

    def now(self) -> datetime:
        """The followed time."""
        return system_now() + self.offset

    async def ask(self) -> None:
        """Ask once; raises aiohttp.ClientError."""
        await self._ask({})

    async def follow(self) -> None:
        """Keep asking, each time until it changes. Asking again says that what was due by then is done."""
        while True:
            try:
                if await self._ask({"after": str(self.version)}):
                    await self.settled()
                if self.restarted.is_set():
                    await asyncio.Event().wait()  # our life ends here; the next one asks again
            except (aiohttp.ClientError, TimeoutError):
                log.warning("the clock at %s does not answer", self.url)
                await asyncio.sleep(1)

    async def _ask(self, query: dict[str, str]) -> bool:
        timeout = aiohttp.ClientTimeout(total=40)
        async with self.session.get(self.url, params=query, timeout=timeout) as response:
            told = await response.json()
        self.offset = timedelta(seconds=told["offset_seconds"])
        changed = bool(told["version"] != self.version)
        self.version = told["version"]
        if self.epoch is not None and told["epoch"] != self.epoch:
            self.restarted.set()
        self.epoch = told["epoch"]
        if changed:
            self.jumped()
        return changed
