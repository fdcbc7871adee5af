"""What a shop did years ago makes nothing slower that is done today."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from bot.figures import _counted
from domain.dialogue import ReturnSomething, Say, Start, WhereIsParcel
from domain.digest import ShowDigest
from domain.home import ShowHome
from domain.inventory import (
    ItemName,
    ItemsNamed,
    ListLowStock,
    MovementKind,
    ShowStock,
    StockLevelTold,
    StockMoved,
    WhyStock,
)
from domain.messages import Command
from domain.orders import OrderPlaced, PlacedLine
from domain.payments import RefundSettled, RefundState
from domain.returns import ApproveReturn, ListReturns, ReturnHistory, ShowReturn
from domain.returns.model import DECIDABLE, Reason
from domain.returns.policy import Wanted
from domain.returns.requests import request_return
from domain.shipping import ListLateParcels, Milestone, ParcelScanned, ShowParcels
from handlers.jobs import SCHEDULES
from storage.database import open_engine
from storage.tables import RETURN_WAITS, metadata
from tests import postgres
from tests.desk import TestDesk, open_desk
from tests.years import RECENT, SKUS, Years, effort

_YOUNG, _OLD = RECENT, 6 * RECENT
#: customers of closed orders in both
_SOMEBODY = 17


@pytest.fixture(scope="module", params=["sqlite", "sqlite, analysed", "postgresql"])
def shops(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[TestDesk, TestDesk]]:
    """Both with and without the figures of its tables that SQLite takes when something is imported."""
    name, _, analysed = str(request.param).partition(", ")
    with ExitStack() as stack:
        found = []
        for days in (_YOUNG, _OLD):
            url = f"sqlite:///{tmp_path_factory.mktemp('years') / 'shop.db'}"
            if name == "postgresql":
                address = request.getfixturevalue("postgres_address")
                url = stack.enter_context(postgres.schema(address, f"years_{days}"))
            engine = open_engine(url)
            metadata.create_all(engine)
            engine.dispose()
            desk = stack.enter_context(open_desk(url))
            if name == "postgresql":
                sa.event.listen(desk.store.engine, "connect", _by_index)
                desk.store.engine.dispose()
            years = Years(desk)
            years.goods()
            years.pass_days(3, days)
            years.today()
            for schedule in SCHEDULES:  # cards open and settle before anything is measured
                with desk.begin() as uow:
                    schedule.run(uow, uow.shop.calendar.today(uow.now))
            if analysed or name == "postgresql":
                # PostgreSQL's planner would walk over the rows that were written anew, the first time.
                with desk.store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                    connection.exec_driver_sql("ANALYZE" if name == "sqlite" else "VACUUM ANALYZE")
                desk.store.engine.dispose()  # who is connected already goes on by what was known
            found.append(desk)
        yield found[0], found[1]


def _by_index(connection: Any, _entry: object) -> None:
    """So small a table it would rather read whole, and hash: which says nothing of a large one."""
    for way in ("seqscan", "hashjoin", "mergejoin"):
        connection.execute(f"SET enable_{way} = off")
    connection.commit()


def _asked(command: Command, who: str | int = "ada") -> Callable[[TestDesk], object]:
    return lambda desk: desk.run(command, desk.customer(who) if isinstance(who, int) else desk.staff(who))


def _swept(name: str) -> Callable[[TestDesk], object]:
    (schedule,) = (one for one in SCHEDULES if one.name == name)

    def run(desk: TestDesk) -> None:
        with desk.begin() as uow:
            schedule.run(uow, uow.shop.calendar.today(uow.now) + timedelta(days=1))

    return run


def _order_comes(desk: TestDesk) -> None:
    desk.learn(OrderPlaced(
        number="N-1", at=desk.clock.now(), currency="EUR", customer_external_id="new", customer_name="New",
        customer_email="new@example.com", customer_phone=None, payment_intent="pi_new", paid_minor=2000,
        promised_on=date(2026, 12, 1), lines=(PlacedLine(sku=SKUS[0], title="Mug", quantity=1, unit_price_minor=2000),)))


def _stock_moves(desk: TestDesk) -> None:
    desk.learn(StockMoved(sku=SKUS[2], location="main", quantity=1, movement=MovementKind.SALE, at=desk.clock.now(), key="n"))


def _sale(desk: TestDesk) -> None:
    desk.clock.move(minutes=1)
    desk.learn(StockMoved(
        sku=SKUS[4], location="main", quantity=1, movement=MovementKind.SALE, at=desk.clock.now(),
        key=f"sale at {desk.clock.now()}"))


def _level_is_told(desk: TestDesk) -> None:
    """Of an article with a ledger: where it always stood, and at a place that is new."""
    at = desk.clock.now()
    with desk.begin() as uow:
        for place in ("9", "10"):
            uow.levels.link("shopify", place, None)
    desk.learn(ItemsNamed(source="shopify", items=(ItemName(item="1", sku=SKUS[5], at=at),)))
    for place in ("9", "10"):
        desk.learn(StockLevelTold(source="shopify", item="1", place=place, available=7, at=at))
    with desk.looking() as uow:
        variant = uow.inventory.by_sku(SKUS[5])
        assert variant is not None
        (known,) = uow.inventory.as_of(uow.now, frozenset({variant.id}))
        assert known.stock.available == 14


def _parcel_is_scanned(desk: TestDesk) -> None:
    desk.learn(ParcelScanned(
        order="T-1", carrier="DHL", tracking_number="T1", milestone=Milestone.IN_TRANSIT, at=desk.clock.now(), key="t1"))


def _return_to_refund(desk: TestDesk) -> None:
    desk.learn(ParcelScanned(
        order="T-2", carrier="DHL", tracking_number="T2", milestone=Milestone.DELIVERED,
        at=desk.clock.now() - timedelta(hours=5), key="t2:delivered"))
    with desk.begin() as uow:
        order = uow.orders.by_number("T-2")
        assert order is not None
        asked = request_return(
            order=order, wanted=(Wanted(order_line_id=order.lines[0].id, quantity=1),), reason=Reason.DAMAGED,
            photo="p", note=None, telegram_user=5, actor=desk.staff("ada"), uow=uow)
    desk.run(ShowReturn(return_number=asked.number), desk.staff("ada"))
    desk.run(ApproveReturn(return_number=asked.number), desk.staff("cleo"))
    with desk.begin() as uow:
        (refund,) = uow.payments.refunds_of_return(asked.id)
    desk.learn(RefundSettled(refund_id=refund.id, stripe_refund="re_new", state=RefundState.SUCCEEDED))
    desk.run(ReturnHistory(return_number=asked.number), desk.staff("ada"))


def _figures(desk: TestDesk) -> None:
    with desk.store.engine.begin() as connection:
        _counted(desk.store._open(connection))


def _raised(desk: TestDesk) -> None:
    with desk.store.engine.begin() as connection:
        alarms = desk.store._open(connection).alarms
        alarms.take()
        alarms.overdue()


def _claimed(desk: TestDesk) -> None:
    kinds = ("learn", "fire", "say.slack", "say.telegram", "refund")
    with desk.store.engine.begin() as connection:
        queue = desk.store._open(connection).jobs
        queue.waiting()
        queue.claim(kinds=kinds, owner="years", limit=8, lease=timedelta(seconds=30))


def _pruned(desk: TestDesk) -> None:
    with desk.store.engine.begin() as connection:
        desk.store._open(connection).old.prune(timedelta(days=10_000), limit=300)


DONE: dict[str, Callable[[TestDesk], object]] = {
    "stock of one": _asked(ShowStock(sku=SKUS[3])), "stock of several": _asked(ShowStock(sku="mug")),
    "stock low": _asked(ListLowStock()), "stock why": _asked(WhyStock(sku=SKUS[3])),
    "parcels of an order": _asked(ShowParcels(order="T-2")), "late parcels": _asked(ListLateParcels()),
    "returns waiting": _asked(ListReturns()), "App Home": _asked(ShowHome()),
    "digest of yesterday": _asked(ShowDigest()), "digest of today": _asked(ShowDigest(day="today")),
    "customer writes /start": _asked(Start(), 10_000 + _SOMEBODY),
    "customer asks for the parcel": _asked(WhereIsParcel(), 10_000 + _SOMEBODY),
    "customer begins a return": _asked(ReturnSomething(), 10_000 + _SOMEBODY),
    "customer names an order": _asked(Say(text="1000"), 10_000 + _SOMEBODY),
    "level is told": _level_is_told,
    "order comes": _order_comes, "stock moves": _stock_moves, "parcel is scanned": _parcel_is_scanned,
    "return to refund": _return_to_refund,
    **{f"sweep: {one.name}": _swept(one.name) for one in SCHEDULES},
    "metrics": _figures, "auditor": _raised, "claim": _claimed, "pruning": _pruned,
    # once stock has moved since, what there was then is counted back
    "digest of yesterday, after a sale": lambda desk: (_sale(desk), _asked(ShowDigest())(desk)),
}


@pytest.mark.parametrize("name", DONE)
def test_years_of_closed_matters_cost_nothing(name: str, shops: tuple[TestDesk, TestDesk]) -> None:
    young, old = (effort(desk, lambda desk=desk: DONE[name](desk)) for desk in shops)  # type: ignore[misc]
    assert old <= young * 1.4 + 8, f"{name}: {young} after a year, {old} after six"


def test_the_shops_differ_by_their_years_only(shops: tuple[TestDesk, TestDesk]) -> None:
    young, old = shops
    for table in ("orders", "scans", "returns", "refunds", "audit", "cases"):
        count = sa.select(sa.func.count()).select_from(metadata.tables[table])
        (few,), (many,) = young.query(count)[0], old.query(count)[0]
        assert many > few * 5


def test_what_waits_is_what_staff_can_decide() -> None:
    assert set(re.findall(r"'(\w+)'", RETURN_WAITS)) == {state.value for state in DECIDABLE}
