"""The sandbox's time: real time plus an offset that people and tests move forward."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any


def _this_machines() -> datetime:
    return datetime.now(UTC)


class Clock:
    """Sandbox time: the real time plus an offset that only `advance` and `reset` move."""

    def __init__(self, start: datetime | None = None) -> None:
        #: the real time, aware; where it stands still, sandbox time moves only by `advance`
        self.real: Callable[[], datetime] = _this_machines
        self.version = 1
        self.epoch = 1
        #: long-polls now waiting for a version after the current one
        self.pollers = 0
        self._start = start
        self._offset = self._first_offset()
        self._woken = asyncio.Event()

    def _first_offset(self) -> timedelta:
        return self._start - self.real() if self._start else timedelta(0)

    @property
    def offset_seconds(self) -> float:
        """Sandbox time minus real time, in seconds."""
        return self._offset.total_seconds()

    def now(self) -> datetime:
        """The sandbox's time, aware UTC."""
        return self.real() + self._offset

    def advance(self, seconds: float) -> None:
        """Move time forward by `seconds` (zero or more; ValueError if less) and wake the long-polls."""
        if seconds < 0:
            raise ValueError("Sandbox time only moves forward.")
        self._offset += timedelta(seconds=seconds)
        self._wake()

    def reset(self) -> None:
        """Back to the start time; one epoch later."""
        self._offset = self._first_offset()
        self.epoch += 1
        self._wake()

    def _wake(self) -> None:
        self.version += 1
        self.pollers = 0
        self._woken.set()
        self._woken = asyncio.Event()

    async def changed(self, after: int, timeout: float) -> None:
        """Return once the version differs from `after`, or after `timeout` seconds."""
        if self.version != after:
            return
        self.pollers += 1
        try:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), timeout)
        finally:
            if self.version == after:
                self.pollers -= 1

    async def sleep(self, seconds: float) -> None:
        """Return once `seconds` of sandbox time have passed; not a poller that `advance` waits for."""
        due = self.now() + timedelta(seconds=seconds)
        while (left := (due - self.now()).total_seconds()) > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), left)

    def as_json(self) -> dict[str, Any]:
        """The clock as the control API shows it."""
        return {
            "now": self.now().isoformat(),
            "offset_seconds": self.offset_seconds,
            "version": self.version,
            "epoch": self.epoch,
        }
