"""Waiting for what another task, thread or process does: as long as it takes, and not longer than a slow machine may."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

#: seconds after which what is waited for will not come any more; costs nothing where it comes
LONG = 60.0


async def until(found: Callable[[], T], what: str = "what the test waits for") -> T:
    """The first true value of `found`; AssertionError if there is none in a minute."""
    loop = asyncio.get_running_loop()
    end = loop.time() + LONG
    while not (value := found()):
        assert loop.time() < end, f"{what} never came"
        await asyncio.sleep(0.01)
    return value
