"""Feeds one way in with so many inputs, and counts what broke. Each way runs in a process of its own."""

from __future__ import annotations

import ast
import os
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Protocol

from tests.figures import Figure
from tests.fuzz.doors import ENTRIES, AtTheDoor, Through, a_shop
from tests.fuzz.readers import Amounts, Commands, Json, Moments, Rows, Talk, Tokens, Words

MILLION = 1_000_000
#: memory may grow by so much between the first tenth of a run and its end
_GROWTH = 50 * 2**20
#: inputs that broke something once, one literal a line, by way in
REGRESSIONS = Path(__file__).parent / "regressions"


class Target(Protocol):
    """A way in: draws an input, and is fed with it. What feed returns or raises is a finding."""

    def draw(self, chance: random.Random) -> Any: ...

    def feed(self, case: Any) -> str | None: ...


@dataclass(frozen=True, kw_only=True)
class Way:
    """A way in, at one layer. ``share``: of a million inputs, how many (a whole file of rows counts as its rows)."""

    name: str
    layer: str
    open: Callable[[Path], Iterator[Target]]
    count: int = MILLION
    #: inputs in one drawn case
    each: int = 1


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a run found."""

    tried: int
    findings: tuple[str, ...]
    growth: int
    slowest: float
    seconds: float


def _alone(make: Callable[[], Target]) -> Callable[[Path], Iterator[Target]]:
    return lambda _folder: iter([make()])


def _with_shop(make: Callable[[Path, Any], Target]) -> Callable[[Path], Iterator[Target]]:
    def opened(folder: Path) -> Iterator[Target]:
        with a_shop(folder) as desk:
            target = make(folder, desk)
            yield target
            getattr(target, "close", lambda: None)()

    return opened


def ways() -> tuple[Way, ...]:
    """Every way in."""
    doors = [Way(name=one, layer="at the door", open=_alone(lambda one=one: AtTheDoor(one))) for one in ENTRIES]  # type: ignore[misc]
    through = [
        Way(name=one, layer="through to the database", open=_with_shop(lambda _f, desk, one=one: Through(one, desk)), count=20_000)  # type: ignore[misc]
        for one in ENTRIES
    ]
    return (
        *doors, *through,
        Way(name="commands", layer="read() and fill()", open=_alone(Commands)),
        Way(name="money", layer="parse_money() and minor()", open=_alone(Amounts)),
        Way(name="moments", layer="moment()", open=_alone(Moments)),
        Way(name="json", layer="json_object()", open=_alone(Json)),
        Way(name="words", layer="the dialogue's own readers", open=_alone(Words)),
        Way(name="dialogue", layer="through to the database", open=_with_shop(lambda _f, desk: Talk(desk)), count=20_000),
        Way(name="tokens", layer="press() on a database", open=_with_shop(lambda _f, desk: Tokens(desk))),
        Way(name="csv", layer="the import's reader", open=_with_shop(Rows), each=Rows.PER_FILE),
    )


@contextmanager
def opened(way: Way) -> Iterator[Target]:
    """The target, with a folder of its own (in memory where the system has one)."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 500_000_000
    with tempfile.TemporaryDirectory(dir=memory if roomy else None) as folder:
        opening = way.open(Path(folder))
        target = next(opening)
        try:
            yield target
        finally:
            next(opening, None)


def fuzz(way: Way, count: int, seed: int) -> Found:
    """Feed it; findings name the seed and carry the input, so that it can be kept."""
    chance, findings, slowest, floor = random.Random(f"{way.name}/{way.layer}/{seed}"), [], 0.0, 0
    cases = max(1, count // way.each)
    began = time.perf_counter()
    with opened(way) as target:
        for number in range(cases):
            if number == cases // 10:
                floor = _resident()
            case = target.draw(chance)
            before = time.thread_time()
            said = _fed(target, case)
            slowest = max(slowest, time.thread_time() - before)
            if said is not None:
                findings.append(f"{way.name} ({way.layer}), seed {seed}, number {number}: {said}: {case!a}")
                if len(findings) > 50:
                    break
        growth = _resident() - floor
    return Found(
        tried=cases * way.each, findings=tuple(findings), growth=growth, slowest=slowest, seconds=time.perf_counter() - began
    )


def kept(way: Way) -> list[Any]:
    """Inputs that once broke this way in."""
    path = REGRESSIONS / f"{way.name.replace(' ', '_')}-{way.layer.split()[0]}.txt"
    return [ast.literal_eval(line) for line in path.read_text().splitlines() if line] if path.exists() else []


def machine(name: str) -> Sequence[Figure]:
    """Every layer of one way in, at full length."""
    chosen = [way for way in ways() if way.name == name]
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        found = list(pool.map(_whole, [(way.name, way.layer) for way in chosen]))
    return [_figure(way, one) for way, one in zip(chosen, found, strict=True)]


def _whole(chosen: tuple[str, str]) -> Found:
    import logging

    logging.disable(logging.CRITICAL)
    way = next(way for way in ways() if (way.name, way.layer) == chosen)
    return fuzz(way, int(os.environ.get("OPSBELL_FUZZ", "0")) or way.count, int(os.environ.get("OPSBELL_SEED", "1")))


def _figure(way: Way, found: Found) -> Figure:
    for one in found.findings:
        print(f"   {one[:2000]}")
    return Figure(
        name=f"fuzz: {way.name}, {way.layer}", tried=f"{found.tried:,} inputs in {found.seconds:,.0f} s",
        found=f"{len(found.findings)} unhandled or 5xx, memory {found.growth / 2**20:+.0f} MB, slowest {found.slowest * 1000:.0f} ms of one core",
        goal="0, below +50 MB", met=not found.findings and found.growth < _GROWTH,
    )


def _fed(target: Target, case: Any) -> str | None:
    try:
        return target.feed(case)
    except Exception as error:  # whatever breaks is a finding
        return f"{type(error).__name__}: {error}"[:300]


def _resident() -> int:
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:  # not on this system
        return 0
