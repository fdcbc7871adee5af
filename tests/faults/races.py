"""S11: eight people press at once, again and again, on both databases: one winner each, one refund, no limit passed."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from domain.errors import OpsError
from domain.orders import Order
from domain.returns import ApproveInPart, ApproveReturn, CancelReturn, DeclineReturn
from storage.database import open_engine
from storage.tables import allowances, approvals, refunds, returns, staff
from storage.upgrade import upgrade
from tests import postgres
from tests.figures import Figure
from tests.returns.world import World, world_on

_CLICKERS: Final = 8
_ROUNDS: Final = 5_000
#: what one person may let go a day: a third refund of 10.00 never fits
_DAY: Final = 2_500
_POLICIES: Final = {"refund_on_receipt": False, "approver_day_limit_minor": _DAY}


@dataclass
class Count:
    """What many rounds brought."""

    rounds: int = 0
    not_one_winner: int = 0
    not_one_refund: int = 0
    over_limit: int = 0
    broke: int = 0


def race(world: World, rounds: int) -> Count:
    """Rounds of two kinds, in turn: eight on one return, and eight returns for one person's last free amount."""
    count = Count()
    with ThreadPoolExecutor(_CLICKERS) as pool:
        for number in range(rounds):
            _clear(world)
            (_one_return if number % 2 else _one_limit)(world, pool, count, number)
            count.rounds += 1
    return count


def _one_return(world: World, pool: ThreadPoolExecutor, count: Count, number: int) -> None:
    asked = world.request(_order(world, f"A{number}"), quantity=1)
    say, version = {"return_number": asked.number, "version": asked.version}, asked.version
    works: list[Callable[[], object]] = [
        lambda who=who: world.run(ApproveReturn(**say), who) for who in ("ada", "cleo", "ben", "ada")  # type: ignore[misc]
    ]
    works += [
        lambda: world.run(DeclineReturn(return_number=asked.number, version=version, reason="no"), "cleo"),
        lambda: world.run(DeclineReturn(return_number=asked.number, version=version, reason="no"), "ben"),
        lambda: world.run(ApproveInPart(return_number=asked.number, version=version, amount="5.00"), "ada"),
        lambda: world.run(CancelReturn(return_number=asked.number), 1001),
    ]
    won = _at_once(pool, works, count)
    (row,) = world.desk.query(sa.select(returns).where(returns.c.id == asked.id))
    intents = len(world.desk.query(sa.select(refunds.c.id).where(refunds.c.return_id == asked.id)))
    count.not_one_winner += won != 1 or row.version != 2
    count.not_one_refund += intents != (1 if row.state == "refunding" else 0)


def _one_limit(world: World, pool: ThreadPoolExecutor, count: Count, number: int) -> None:
    numbers = [
        world.request(_order(world, f"L{number}-{place}"), quantity=1, user=None).number
        for place in range(_CLICKERS)
    ]
    won = _at_once(pool, [lambda one=one: world.run(ApproveReturn(return_number=one), "ada") for one in numbers], count)  # type: ignore[misc]
    (used,) = world.desk.query(sa.select(allowances.c.used_minor).where(allowances.c.scope == "staff:1"))
    let_go = len(world.desk.query(sa.select(approvals.c.id)))
    count.over_limit += won * 1000 > _DAY or used.used_minor != won * 1000 or let_go != won
    count.not_one_refund += len(world.desk.query(sa.select(refunds.c.id))) != won
    count.not_one_winner += won != _DAY // 1000


def _order(world: World, name: str) -> Order:
    """One cup for 10.00, of a customer of its own: who has hundreds of returns has each of them read again."""
    return world.order(name, customer=name, paid=1000, lines=(("CUP", "Cup", 1, 1000),))


def _at_once(pool: ThreadPoolExecutor, works: Sequence[Callable[[], object]], count: Count) -> int:
    """Run all at the same moment; how many were not refused."""
    gate = threading.Barrier(len(works))

    def one(work: Callable[[], object]) -> bool:
        gate.wait()
        try:
            work()
        except OpsError:
            return False
        return True

    won = 0
    for future in [pool.submit(one, work) for work in works]:
        try:
            won += future.result()
        except Exception as error:
            count.broke += 1
            print(f"broke: {error!r:.200}")
    return won


def _clear(world: World) -> None:
    for table in (refunds, approvals, allowances):
        world.desk.execute(sa.delete(table))


def run_on(url: str, rounds: int) -> Count:
    """Races on a migrated, empty database."""
    with world_on(url, dict(_POLICIES)) as world:
        world.desk.execute(sa.update(staff).where(staff.c.key.in_(["ben"])).values(refund_limit_minor=5000))
        return race(world, rounds)


def machine() -> Sequence[Figure]:
    """Both databases, 5,000 rounds of eight each."""
    counts = []
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'races.db'}"
        engine = open_engine(url)
        upgrade(engine)
        engine.dispose()
        counts.append(run_on(url, _ROUNDS))
    with postgres.server() as address, postgres.schema(address, "races") as url:
        engine = open_engine(url)
        upgrade(engine)
        engine.dispose()
        counts.append(run_on(url, _ROUNDS))
    tried = f"{sum(one.rounds for one in counts):,} races of {_CLICKERS}, half on each database"
    figures = (
        ("races without exactly one winner (S11)", sum(one.not_one_winner for one in counts)),
        ("races without exactly one refund intent for a yes", sum(one.not_one_refund for one in counts)),
        ("races that passed a day's limit", sum(one.over_limit for one in counts)),
        ("presses that broke", sum(one.broke for one in counts)),
    )
    return tuple(Figure(name=name, tried=tried, found=str(found), goal="0", met=found == 0) for name, found in figures)
