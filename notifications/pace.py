"""When a letter may speak: its place in the lanes it shares, kept right up to the wire.

Places are rows, so that several processes keep one pace. They are taken a little ahead, so that what goes before the
wire costs no place; and each is good for a moment only: whoever comes to the wire later takes another, so that those
who were held up never catch up all together. Distances have room for that moment (``distance``), which makes "never
more than so many in any second" hold at the wire, over all processes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Final, Generic, TypeAlias, TypeVar

from domain.jobs import Engine, Job, Lane, Transaction
from domain.outcomes import NotNow, TooLate

A = TypeVar("A")
R = TypeVar("R")
#: lanes that are held: until when, and how long that is
Held: TypeAlias = Mapping[str, tuple[datetime, timedelta]]

#: how long a place is good for
GOOD_FOR: Final = timedelta(milliseconds=25)
#: what a call takes from its place to the wire, at most, beyond that
_TO_THE_WIRE: Final = timedelta(milliseconds=18)
#: a place is taken no further ahead, and no more than one in a slow lane; whoever must wait longer goes back into the
#: queue, and comes again when two thirds of that are left
_AHEAD: Final = timedelta(milliseconds=500)
_FURTHEST: Final = timedelta(milliseconds=700)
#: so long before its place a job looks whether somebody holds the lane now
_LOOK: Final = timedelta(milliseconds=20)
#: a place on the spot is taken that far ahead at the least
_LEAD: Final = timedelta(milliseconds=40)


def distance(most: int, within: timedelta) -> timedelta:
    """Between two places of a lane on which at most ``most`` may speak in any time of that length."""
    return (within + GOOD_FOR + _TO_THE_WIRE) / most


@dataclass(frozen=True, kw_only=True)
class Place:
    """A moment on every lane of a job."""

    #: by the process's own seconds
    at: float
    #: where the job's lanes were free from, once it had taken its place
    moved: Mapping[str, datetime]
    #: how many the job missed before this one
    misses: int = 0
    #: shut lanes that the job tries for all others, and until when they are held for it
    trials: Mapping[str, datetime] = field(default_factory=dict)

    @property
    def good_for(self) -> timedelta:
        """Twice as long for each further miss: a process that is always late speaks in the end."""
        return GOOD_FOR * (1 << max(0, self.misses - 1))

    @property
    def room(self) -> timedelta:
        """Distance that it keeps beyond its lanes' own, so that the pace holds though it is good for longer."""
        return self.good_for - GOOD_FOR


def board(gaps: Mapping[str, timedelta], lanes: Mapping[str, Lane], now: datetime, seconds: float) -> Place | datetime:
    """A job's place, or when to ask again. ``seconds``: this process's own at the moment ``now``.

    The lanes come narrowest first, and only the last that keeps a distance is taken ahead: a place in the lane that
    all share is for whoever can use it.
    """
    paced = [key for key, gap in gaps.items() if gap]
    for key in gaps:
        held, ahead = lanes[key].held_until, _ahead(gaps[key]) if key in paced[-1:] else timedelta()
        if held is not None and held > now:
            return held
        if key in paced and lanes[key].free_at > now + ahead:
            return lanes[key].free_at - ahead * 2 / 3
    at = max([now, *(lanes[key].free_at for key in paced)])
    return Place(at=seconds + (at - now).total_seconds(), moved={key: at + gaps[key] for key in paced})


def order(job: Job, lanes: Sequence[Lane], now: datetime) -> tuple[bool, datetime, int]:
    """Where two want the same place, it goes to the one that must be final first: approvals before alerts.

    Who tries a shut lane is drawn by lot, each time anew: a few letters that alone are refused do not keep it shut.
    """
    if any(lane.shut for lane in lanes):
        return True, now, int.from_bytes(blake2b(f"{job.id} {now}".encode(), digest_size=8).digest())
    return False, job.final_by or job.made_at, job.id


def _ahead(gap: timedelta) -> timedelta:
    return min(max(_AHEAD, gap * 2 / 3), _FURTHEST)


@dataclass(kw_only=True)
class AtTheWire:
    """A job's ``Turn``: the first call waits for the place that it has, each further one takes another."""

    places: Places
    gaps: Mapping[str, timedelta]
    place: Place | None
    #: whether a call that leaves now is over before the job's lease is
    in_time: Callable[[], bool]
    #: shut lanes that the job tries for all others, and until when they are held for it
    trials: Mapping[str, datetime] = field(default_factory=dict)

    async def __call__(self, lanes: Mapping[str, timedelta] | None = None) -> None:
        """Return when the job may speak on its lanes, or on others; NotNow or TooLate if it may not."""
        await self._wait(self.gaps if lanes is None else lanes)
        if not self.in_time():  # after the last wait: any of them may have lasted longer than it should
            raise TooLate

    async def _wait(self, gaps: Mapping[str, timedelta]) -> None:
        if not any(gaps.values()) and gaps != self.gaps:
            # Nothing to keep a distance in: the job's own place stays for what it is going to say.
            if (held := await self.places.held(gaps, self.trials)) is not None:
                raise NotNow(held)
            return
        place = None
        if gaps == self.gaps:
            place, self.place = self.place, None
        while place is None or not await self._reached(place, gaps):
            place = await self.places.another(gaps, place, self.trials)

    async def _reached(self, place: Place, gaps: Mapping[str, timedelta]) -> bool:
        """Wait for a place; False if it was missed."""
        seconds, sleep = self.places.seconds, self.places.sleep
        if (rest := place.at - seconds()) > 0:
            await sleep(max(0.0, rest - _LOOK.total_seconds()))
            if (held := await self.places.held(gaps, self.trials)) is not None:
                raise NotNow(held)
            if (rest := place.at - seconds()) > 0:
                await sleep(rest)
        return not place.moved or seconds() <= place.at + place.good_for.total_seconds()


@dataclass(frozen=True, kw_only=True)
class _Asked:
    gaps: Mapping[str, timedelta]
    missed: Place | None
    trials: Mapping[str, datetime]


@dataclass(kw_only=True)
class _Together(Generic[A, R]):
    """Questions of one moment, answered in one transaction: under load each of its own would make the load worse."""

    answer: Callable[[Sequence[A]], Awaitable[Sequence[R | NotNow]]]
    sleep: Callable[[float], Awaitable[None]]
    _asked: list[tuple[A, asyncio.Future[R]]] = field(default_factory=list)
    _at_work: bool = False

    async def ask(self, question: A) -> R:
        """The answer; NotNow if that is it, or if whoever asked for all was broken off."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._asked.append((question, future))
        if not self._at_work:
            self._at_work = True
            try:
                await self._answer_all()
            finally:
                self._at_work = False
                if future.done():
                    future.exception()  # heard, even if something worse breaks off this task
        return await future

    async def _answer_all(self) -> None:
        together = list[tuple[A, asyncio.Future[R]]]()
        try:
            await self.sleep(0)  # whoever asks now is answered in the same transaction
            while self._asked:
                together, self._asked = self._asked, []
                found = await self.answer([question for question, _ in together])
                for (_, future), answer in zip(together, found, strict=True):
                    _answer(future, answer)
        finally:
            for _, future in (*together, *self._asked):  # the database is away, or this task was broken off
                _answer(future, NotNow(timedelta(0)))
            self._asked.clear()


@dataclass(kw_only=True)
class Places:
    """Another place for whoever missed theirs, and a last look at the lanes for whoever comes to the wire."""

    engine: Engine
    sleep: Callable[[float], Awaitable[None]]
    #: this process's own seconds, which never go back
    seconds: Callable[[], float]
    #: how far ahead a place on the spot is taken: as long as the last transaction took, and half as much again
    _lead: timedelta = _LEAD
    _taking: _Together[_Asked, Place] = field(init=False)
    _looking: _Together[frozenset[str], Held] = field(init=False)

    def __post_init__(self) -> None:
        """Nobody asks yet."""
        self._taking = _Together(answer=self._take_all, sleep=self.sleep)
        self._looking = _Together(answer=self._look_all, sleep=self.sleep)

    async def held(self, gaps: Mapping[str, timedelta], trials: Mapping[str, datetime]) -> timedelta | None:
        """How long lanes are held that were free when a place was taken; None if they are free or held for this job."""
        held = await self._looking.ask(frozenset(gaps))
        return max((rest for key, (until, rest) in held.items() if trials.get(key) != until), default=None)

    async def another(
        self, gaps: Mapping[str, timedelta], missed: Place | None, trials: Mapping[str, datetime] | None = None
    ) -> Place:
        """A new place, for the one that was missed; NotNow if the other side wants nothing meanwhile."""
        return await self._taking.ask(_Asked(gaps=gaps, missed=missed, trials=trials or {}))

    async def _look_all(self, together: Sequence[frozenset[str]]) -> Sequence[Held]:
        def look(transaction: Transaction) -> Held:
            held = transaction.jobs.held_lanes(frozenset[str]().union(*together))
            return {key: (until, until - transaction.now) for key, until in held.items()}

        found = await self.engine.read(look)
        return [{key: found[key] for key in keys & found.keys()} for keys in together]

    async def _take_all(self, together: Sequence[_Asked]) -> Sequence[Place | NotNow]:
        began = self.seconds()
        found = await self.engine.write(lambda transaction: self._take(transaction, together))
        self._lead = max(_LEAD, timedelta(seconds=self.seconds() - began) * 1.5)
        return found

    def _take(self, transaction: Transaction, together: Sequence[_Asked]) -> list[Place | NotNow]:
        seconds, now = self.seconds(), transaction.now
        lanes = transaction.jobs.lanes({key for one in together for key in one.gaps})
        free, moved, found = _without(together, lanes), dict[str, datetime](), list[Place | NotNow]()
        for one in together:
            held = max((
                until for key in one.gaps
                if (until := lanes[key].held_until) and until > now and until != one.trials.get(key)
            ), default=None)
            if held is not None:
                found.append(NotNow(held - now))
                continue
            paced = {key: gap for key, gap in one.gaps.items() if gap}
            at = max([now + self._lead, *(free[key] for key in paced)])
            place = Place(
                at=seconds + (at - now).total_seconds(), moved={}, misses=one.missed.misses + 1 if one.missed else 0
            )
            ours = {key: at + gap + place.room for key, gap in paced.items()}
            free |= ours
            moved |= ours
            found.append(replace(place, moved=ours))
        transaction.jobs.move_lanes(moved)
        return found


def _without(together: Sequence[_Asked], lanes: Mapping[str, Lane]) -> dict[str, datetime]:
    """From when lanes are free if the missed places that nobody else came after are given back."""
    free = {key: lane.free_at for key, lane in lanes.items()}
    missed = [
        (moved, key, one.gaps[key] + one.missed.room)
        for one in together if one.missed for key, moved in one.missed.moved.items()
    ]
    for moved, key, taken in sorted(missed, reverse=True):
        if free[key] == moved:
            free[key] -= taken
    return free


def _answer(future: asyncio.Future[R], answer: R | NotNow) -> None:
    if future.done():
        return
    if isinstance(answer, NotNow):
        future.set_exception(answer)
    else:
        future.set_result(answer)
