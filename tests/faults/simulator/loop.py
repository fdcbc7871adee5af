"""An event loop whose time is its own: it runs what is ready, then jumps to the next timer. Nothing ever waits."""

from __future__ import annotations

import asyncio
from typing import Any


class Stuck(RuntimeError):
    """Everything waits for something that nobody will ever do."""


class _Jump:
    """Stands where a loop has its selector: "waiting" moves the loop's own time on."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise Stuck
        if timeout > 0:
            self.loop.moment = max(self.loop.moment, self.loop.next_timer())
        return []

    def close(self) -> None:
        """Nothing is open."""


class VirtualLoop(asyncio.BaseEventLoop):
    """Asyncio's own loop over a time in seconds from 0, first come first served within one moment."""

    def __init__(self) -> None:
        super().__init__()
        self.moment = 0.0
        self._selector = _Jump(self)
        self.set_exception_handler(lambda _loop, _context: None)  # a killed process leaves its tasks as they are

    def time(self) -> float:
        return self.moment

    def next_timer(self) -> float:
        """When the next timer rings."""
        timers: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]
        return timers[0].when() if timers else self.moment

    def _process_events(self, event_list: list[Any]) -> None:
        """There is no I/O."""

    def _write_to_self(self) -> None:
        """Nobody calls from another thread."""
