"""However orders, levels and movements of our own are mixed, doubled and late: our stock ends at Shopify's last level."""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.inventory import ItemName, ItemsLookedUp, ItemsNamed, MovementKind, StockLevelTold, StockMoved, Wanted
from domain.messages import Fact
from domain.orders import OrderPlaced, PlacedLine
from handlers.webhooks import learn
from storage.tables import locations, products, stock_items, stock_levels, stock_movements, variants
from tests.desk import TestDesk

_NUMBER = itertools.count(1)


@dataclass(frozen=True)
class Step:
    """Something that happens in Shopify, so many seconds after the step before. ``also``: our own door tells it too."""

    kind: str
    pieces: int
    gap: int
    also: bool


def steps(least_gap: int) -> st.SearchStrategy[list[Step]]:
    return st.lists(
        st.builds(
            Step, kind=st.sampled_from(["sale", "restock", "set"]), pieces=st.integers(0, 50),
            gap=st.integers(least_gap, 3), also=st.booleans(),
        ),
        min_size=1, max_size=6,
    )


class Life:
    """One item's life in Shopify, and everything that is told of it."""

    def __init__(self, desk: TestDesk, taken: list[Step]) -> None:
        self.desk, number = desk, next(_NUMBER)
        self.sku, self.item, self.place = f"SKU-{number}", str(number), "1"
        shop_id = desk.shop.id
        desk.execute(sa.insert(products).values(shop_id=shop_id, external_id=self.sku, title=self.sku))
        product = desk.query(sa.select(products.c.id).where(products.c.external_id == self.sku))[0].id
        desk.execute(sa.insert(variants).values(shop_id=shop_id, product_id=product, sku=self.sku, title=self.sku))
        now = desk.clock.now()
        desk.learn(StockMoved(sku=self.sku, location="main", quantity=100, movement=MovementKind.OPENING, at=now - timedelta(days=9), key=f"open-{number}"))
        self.available, self.told = 100, list[Fact]()
        self.at = now - timedelta(hours=1)
        self.levels = list[StockLevelTold]()
        for place, step in enumerate(taken):
            self._happen(step, f"{number}-{place}")

    def _happen(self, step: Step, key: str) -> None:
        self.at += timedelta(seconds=step.gap)
        before = self.available
        self.available = step.pieces if step.kind == "set" else before + (step.pieces if step.kind == "restock" else -step.pieces)
        level = StockLevelTold(source="shopify", item=self.item, place=self.place, available=self.available, at=self.at)
        self.levels.append(level)
        self.told.append(level)
        if step.kind == "sale":
            self.told.append(_order(key, self.sku, step.pieces, self.at))
        if step.also:
            self.told.append(self.moved(self.available - before, f"own-{key}", self.at + timedelta(milliseconds=300)))

    def moved(self, change: int, key: str, at: datetime) -> StockMoved:
        return StockMoved(sku=self.sku, location="main", quantity=change, movement=MovementKind.CORRECTION, at=at, key=key)

    def name(self) -> ItemsNamed:
        return ItemsNamed(source="shopify", items=(ItemName(item=self.item, sku=self.sku, at=self.at),))

    def look_up(self) -> None:
        """What is wanted is answered, as the job does: by Shopify as it is now."""
        wanted = self.desk.query(sa.select(stock_items.c.item, stock_items.c.wanted_at).where(stock_items.c.item == self.item, stock_items.c.wanted_at.is_not(None)))
        if wanted:
            asked = tuple(Wanted(item=row.item, since=row.wanted_at) for row in wanted)
            self.desk.learn(ItemsLookedUp(source="shopify", asked=asked, items=self.name().items, levels=(self.levels[-1],), places=(("1", "Main"),)))

    def stock(self) -> int:
        with self.desk.looking() as uow:
            variant = uow.inventory.by_sku(self.sku)
            assert variant is not None
            (known,) = uow.inventory.as_of(uow.now, frozenset({variant.id}))
            return known.stock.available

    def ledger_is_level(self) -> bool:
        """Levels are the sums of their movements."""
        of = sa.select(variants.c.id).where(variants.c.sku == self.sku).scalar_subquery()
        (level,) = self.desk.query(sa.select(sa.func.sum(stock_levels.c.on_hand), sa.func.sum(stock_levels.c.reserved)).where(stock_levels.c.variant_id == of))
        (moved,) = self.desk.query(sa.select(sa.func.sum(stock_movements.c.on_hand), sa.func.sum(stock_movements.c.reserved)).where(stock_movements.c.variant_id == of))
        return tuple(map(int, level)) == tuple(map(int, moved))


def _order(key: str, sku: str, pieces: int, at: datetime) -> OrderPlaced:
    return OrderPlaced(
        number=key, at=at, currency="EUR", customer_external_id="C-1", customer_name=None, customer_email=None,
        customer_phone=None, payment_intent=None, paid_minor=0, promised_on=None,
        lines=(PlacedLine(sku=sku, title=sku, quantity=pieces, unit_price_minor=100),),
    )


_MANY = settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@pytest.fixture
def linked(desk: TestDesk) -> TestDesk:
    """Shopify's one place is our "main"."""
    desk.execute(sa.insert(locations).values(shop_id=desk.shop.id, key="main", name="Main"))
    with desk.begin() as uow:
        uow.levels.link("shopify", "1", None)
    return desk


@given(taken=steps(1), later=st.lists(st.integers(-9, 9), max_size=2), data=st.data())
@_MANY
def test_in_any_order_and_doubled_the_last_level_and_what_came_after_it_stand(
    linked: TestDesk, taken: list[Step], later: list[int], data: st.DataObject
) -> None:
    life = Life(linked, taken)
    after = [life.moved(change, f"{life.sku}-after-{n}", life.at + timedelta(seconds=5 + n)) for n, change in enumerate(later)]
    told = [life.name(), *life.told, *after]
    doubled = told + data.draw(st.lists(st.sampled_from(told), max_size=5))
    for fact in data.draw(st.permutations(doubled)):
        linked.learn(fact)
        if data.draw(st.booleans()):
            life.look_up()
    life.look_up()
    assert life.stock() == life.available + sum(later)
    assert life.ledger_is_level()


@given(taken=steps(0), data=st.data())
@_MANY
def test_levels_of_one_second_end_at_what_shopify_says_when_it_is_asked(
    linked: TestDesk, taken: list[Step], data: st.DataObject
) -> None:
    life = Life(linked, taken)
    for fact in data.draw(st.permutations([life.name(), *life.told])):
        linked.learn(fact)
    life.look_up()
    assert life.stock() == life.available
    assert life.ledger_is_level()


def _beside(desk: TestDesk, first: Fact, second: Fact) -> None:
    """The second is learned while the first's transaction is still open; on SQLite it waits for the writer's place."""
    waits = threading.Thread(target=desk.learn, args=(second,))
    with desk.begin() as uow:
        learn(first, uow)
        waits.start()
        waits.join(0.4)
        assert waits.is_alive()
    waits.join(60)
    assert not waits.is_alive()


@pytest.mark.parametrize("sale_first", [True, False])
def test_a_sale_and_the_level_that_holds_it_wait_for_each_other(linked: TestDesk, sale_first: bool) -> None:
    life = Life(linked, [Step("restock", 0, 1, False), Step("sale", 7, 60, True)])
    linked.learn(life.name())
    linked.learn(life.levels[0])
    pair = (life.told[-1], life.levels[-1])
    assert isinstance(pair[0], StockMoved)
    _beside(linked, *(pair if sale_first else pair[::-1]))
    assert life.stock() == 93


def test_two_levels_of_one_item_wait_for_each_other(linked: TestDesk) -> None:
    life = Life(linked, [Step("restock", 0, 1, False), Step("set", 10, 60, False), Step("set", 20, 60, False)])
    linked.learn(life.name())
    linked.learn(life.levels[0])
    _beside(linked, life.levels[2], life.levels[1])
    assert life.stock() == 20
    assert life.ledger_is_level()
