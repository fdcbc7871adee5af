"""Places at the wire: never more than allowed in any second, whoever is late; nothing lost where nobody came after."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import random
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TypeVar

import pytest

from domain.jobs import Transaction
from domain.outcomes import NotNow
from notifications.pace import AtTheWire, Place, Places, _Asked, board, distance
from tests.desk import START, Counted, TestDesk

T = TypeVar("T")
SECOND = timedelta(seconds=1)
CHANNEL = {"channel": distance(1, SECOND), "all": timedelta(0)}
BOT = {"bot": distance(30, SECOND)}


@dataclass
class Time:
    """The desk's clock as everybody's: sleepers wake in order, each as late as it is told."""

    desk: TestDesk
    late: list[float] = field(default_factory=list)
    engine: Counted = field(init=False)
    _sleepers: list[tuple[float, int, asyncio.Event]] = field(default_factory=list)
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.engine = Counted(self.desk)

    def seconds(self) -> float:
        return (self.desk.clock.now() - START).total_seconds()

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        late = self.late.pop() if self.late else 0.0
        woken = asyncio.Event()
        heapq.heappush(self._sleepers, (self.seconds() + seconds + late, next(self._numbers), woken))
        await woken.wait()

    async def until_done(self, tasks: list[asyncio.Task[None]]) -> None:
        """Time goes on whenever everybody waits for it."""
        while not all(task.done() for task in tasks):
            still = 0
            while still < 20:  # everybody has come to a sleep, and nobody waits for the database
                await asyncio.sleep(0.001 if self.engine.under_way else 0)
                still = 0 if self.engine.under_way else still + 1
            if self._sleepers:
                at, _, woken = heapq.heappop(self._sleepers)
                self.desk.clock.move(seconds=max(0.0, at - self.seconds()))
                woken.set()
        for task in tasks:
            task.result()


@pytest.fixture
def time(desk: TestDesk) -> Time:
    return Time(desk)


def process(time: Time) -> Places:
    return Places(engine=time.engine, sleep=time.sleep, seconds=time.seconds)


async def boarded(time: Time, gaps: Mapping[str, timedelta]) -> Place:
    def whole(transaction: Transaction) -> Place | datetime:
        place = board(gaps, transaction.jobs.lanes(gaps), transaction.now, time.seconds())
        if isinstance(place, Place):
            transaction.jobs.move_lanes(place.moved)
        return place

    while not isinstance(place := await time.desk.store.write(whole), Place):
        time.desk.clock.move(milliseconds=20)  # those who were late have taken all that is given ahead: it comes again
    return place


def most_in_a_second(said: list[float]) -> int:
    return max(sum(one <= other < one + 1 for other in said) for one in said)


async def test_however_late_they_wake_no_second_sees_more_than_allowed_over_two_processes(time: Time) -> None:
    chance, said = random.Random(7), list[float]()
    time.late = [chance.choice((0.0, 0.0, 0.0, 0.01, 0.2, 0.4)) for _ in range(60)]
    both = process(time), process(time)

    async def letter(places: Places, place: Place) -> None:
        await AtTheWire(in_time=lambda: True, places=places, gaps=BOT, place=place)()
        said.append(time.seconds())

    tasks = list[asyncio.Task[None]]()
    for number in range(60):
        time.desk.clock.move(milliseconds=22 if number % 4 else 45)
        tasks.append(asyncio.create_task(letter(both[number % 2], await boarded(time, BOT))))
    await time.until_done(tasks)
    assert len(said) == 60
    assert most_in_a_second(said) <= 30


async def test_a_channel_never_has_two_within_a_second_though_one_is_late(time: Time) -> None:
    said, here, there = list[float](), process(time), process(time)

    async def letter(places: Places, place: Place) -> None:
        await AtTheWire(in_time=lambda: True, places=places, gaps=CHANNEL, place=place)()
        said.append(time.seconds())

    first = await boarded(time, CHANNEL)
    time.desk.clock.move(milliseconds=600)  # the first hangs, and meanwhile another process takes the next place
    second = await boarded(time, CHANNEL)
    tasks = [asyncio.create_task(letter(here, first)), asyncio.create_task(letter(there, second))]
    await time.until_done(tasks)
    assert all(after - before >= 1 for before, after in pairwise(sorted(said)))
    assert max(said) < 3, "and no place is lost but the one that was missed"


async def test_a_missed_place_that_nobody_came_after_moves_along(time: Time) -> None:
    place = await boarded(time, CHANNEL)
    time.desk.clock.move(milliseconds=400)
    turn = AtTheWire(in_time=lambda: True, places=process(time), gaps=CHANNEL, place=place)
    await time.until_done([asyncio.create_task(turn())])  # type: ignore[arg-type]
    assert time.seconds() < 0.5
    following = await boarded_when_free(time)
    assert following.at - time.seconds() > 0.9, "and whoever comes next keeps a distance from where it moved to"


async def boarded_when_free(time: Time) -> Place:
    def whole(transaction: Transaction) -> Place:
        free = transaction.jobs.lanes(CHANNEL)["channel"].free_at
        return Place(at=(free - START).total_seconds(), moved={})

    return await time.desk.store.write(whole)


async def test_each_call_of_a_letter_has_a_place_of_its_own(time: Time) -> None:
    said, turn = list[float](), AtTheWire(in_time=lambda: True, places=process(time), gaps=CHANNEL, place=await boarded(time, CHANNEL))

    async def three() -> None:
        for _ in range(3):
            await turn()
            said.append(time.seconds())

    await time.until_done([asyncio.create_task(three())])
    assert all(after - before >= 1 for before, after in pairwise(said))


async def test_a_process_that_is_always_late_speaks_in_the_end_and_keeps_its_distance(time: Time) -> None:
    said = list[float]()

    def late(seconds: float) -> Awaitable[None]:
        return time.sleep(seconds + 0.18 if seconds > 0 else 0.0)

    slow, quick = Places(engine=time.engine, sleep=late, seconds=time.seconds), process(time)

    async def letter(places: Places) -> None:
        await AtTheWire(in_time=lambda: True, places=places, gaps=CHANNEL, place=None)()
        said.append(time.seconds())

    async with asyncio.timeout(60):
        await time.until_done([asyncio.create_task(letter(one)) for one in (slow, quick) * 4])
    assert all(after - before >= 1 for before, after in pairwise(sorted(said)))


async def test_whoever_comes_after_a_place_that_is_good_for_longer_keeps_a_second_from_its_end(time: Time) -> None:
    places, missed = process(time), await boarded(time, CHANNEL)
    first = await places.another(CHANNEL, replace(missed, misses=4))
    second = await places.another(CHANNEL, None)
    assert first.good_for == timedelta(milliseconds=400)
    assert second.at - (first.at + first.good_for.total_seconds()) >= 1


async def test_a_hold_is_obeyed_by_whoever_takes_another_place(time: Time) -> None:
    place = await boarded(time, CHANNEL)
    time.desk.clock.move(milliseconds=400)
    await time.desk.store.write(lambda one: one.jobs.hold("all", until=one.now + timedelta(seconds=30)))
    with pytest.raises(NotNow) as refused:
        async with asyncio.timeout(60):
            await AtTheWire(in_time=lambda: True, places=process(time), gaps=CHANNEL, place=place)()
    assert refused.value.wait > timedelta(seconds=29)


async def test_those_who_missed_their_places_together_ask_in_one_transaction(time: Time) -> None:
    places, wrote = process(time), list[int]()
    missed = [await boarded(time, BOT) for _ in range(8)]
    time.desk.clock.move(milliseconds=200)  # the lane is free 76 ms from now, by what was taken
    take = places._take

    def counted(transaction: Transaction, together: Sequence[_Asked]) -> list[Place | NotNow]:
        wrote.append(len(together))
        return take(transaction, together)

    object.__setattr__(places, "_take", counted)
    found = await asyncio.gather(*(places.another(BOT, place) for place in missed))
    assert wrote == [8]
    assert [round(place.at, 4) for place in found] == [
        round(0.24 + number * BOT["bot"].total_seconds(), 4) for number in range(8)
    ], "their eight places were given back"


async def test_a_database_that_is_away_leaves_nobody_waiting(time: Time) -> None:
    places = process(time)
    missed = [await boarded(time, BOT) for _ in range(3)]
    time.desk.clock.move(seconds=2)

    class Away(Exception):
        pass

    async def write(_work: object) -> None:
        await asyncio.sleep(0.01)
        raise Away

    places.engine = type("Engine", (), {"write": staticmethod(write)})()  # type: ignore[assignment]
    turns = (AtTheWire(in_time=lambda: True, places=places, gaps=BOT, place=place)() for place in missed)
    async with asyncio.timeout(60):
        came = await asyncio.gather(*turns, return_exceptions=True)
    assert sorted(type(one).__name__ for one in came) == ["Away", "NotNow", "NotNow"]


async def test_those_who_look_at_one_moment_share_one_transaction(desk: TestDesk) -> None:
    """Under load a look of each its own made everybody late, which made more looks: four replicas did a tenth of one."""
    now, engine = desk.clock.now(), Counted(desk)
    await desk.store.write(lambda transaction: transaction.jobs.hold("chat:7", until=now + timedelta(seconds=9)))
    places = Places(engine=engine, sleep=asyncio.sleep, seconds=lambda: 0.0)
    found = await asyncio.gather(*(places.held({f"chat:{number}": timedelta(0)}, {}) for number in range(50)))
    assert engine.looks <= 2
    assert [number for number, held in enumerate(found) if held] == [7]
    assert found[7] == timedelta(seconds=9)
    assert await places.held({"chat:7": timedelta(0)}, {"chat:7": now + timedelta(seconds=9)}) is None, "held for itself"
