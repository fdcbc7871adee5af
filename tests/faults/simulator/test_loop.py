"""The loop with a time of its own, and what it showed of the delivery's own waiting."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from notifications.delivery import Delivery
from tests.desk import START
from tests.faults.simulator.loop import VirtualLoop


def test_waiting_takes_no_time_and_keeps_its_order() -> None:
    heard: list[tuple[str, float]] = []

    async def say(word: str, after: float) -> None:
        await asyncio.sleep(after)
        heard.append((word, asyncio.get_running_loop().time()))

    async def all_of_them() -> None:
        await asyncio.gather(say("a week", 604_800.0), say("at once", 0.0), say("soon", 2.5), say("soon too", 2.5))

    with contextlib.closing(VirtualLoop()) as loop:
        loop.run_until_complete(all_of_them())
    assert heard == [("at once", 0.0), ("soon", 2.5), ("soon too", 2.5), ("a week", 604_800.0)]


class _Empty:
    """An engine whose every claim comes back empty: another replica was faster."""

    def __init__(self) -> None:
        self.looks = 0

    @property
    def now(self) -> Callable[[], Any]:
        loop = asyncio.get_running_loop()
        return lambda: START + timedelta(seconds=loop.time())

    async def write(self, _work: Any) -> tuple[()]:
        self.looks += 1
        await asyncio.sleep(0.001)
        return ()

    read = write


def test_a_moment_that_brought_nothing_is_not_waited_for_again() -> None:
    engine = _Empty()

    async def ten_seconds() -> None:
        loop = asyncio.get_running_loop()
        delivery = Delivery(
            engine=engine, carriers={}, owner="here", sleep=asyncio.sleep, poll_seconds=1.0, seconds=loop.time
        )
        delivery.carriers = {"say.slack": None}  # type: ignore[dict-item]
        delivery._soonest = 1.5  # one went back until then, and another replica took it
        task = loop.create_task(delivery.run())
        await asyncio.sleep(10)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    with contextlib.closing(VirtualLoop()) as loop:
        loop.run_until_complete(ten_seconds())
    assert engine.looks < 15
