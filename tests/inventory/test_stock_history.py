"""What was there on which day: right for any ledger, and no dearer for goods that sell for years."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import cast

import pytest
import sqlalchemy as sa

from storage.inventory import InventoryRows
from storage.tables import locations, order_lines, orders, stock_movements
from tests.inventory.world import NOW, World

_DAYS = 56


def test_days_in_stock_are_those_of_the_ledger_counted_from_its_beginning(world: World) -> None:
    chance = random.Random(5)
    for number in range(24):
        sku = f"SKU-{number}"
        world.variant(sku, sku, a_day=1, stock=None, days=70)
        begun = NOW - timedelta(days=chance.choice([20, 55, 56, 57, 90, 100, 110, 120]))
        moved: list[tuple[datetime, int]] = [(begun, chance.randint(0, 6))]
        for _ in range(chance.randint(0, 12)):
            at = begun + chance.random() * (NOW - begun)
            moved.append((at, chance.randint(-4, 4)))
        for at, quantity in moved:
            world.move(sku, quantity, "correction", at=at)
        for back in (0, 3, 30):
            if begun <= NOW - timedelta(days=back):  # earlier, nothing was known of it
                _compare(world, sku, moved, NOW - timedelta(days=back))


def _compare(world: World, sku: str, moved: list[tuple[datetime, int]], at: datetime) -> None:
    with world.begin() as uow:
        (known,) = (one for one in uow.inventory.as_of(at) if one.variant.sku == sku)
        assert known.stock.on_hand == sum(quantity for moment, quantity in moved if moment <= at)
        calendar = uow.shop.calendar
        today = calendar.today(at)
        for day in known.sales:
            span = calendar.day(day.day)
            before = [quantity for moment, quantity in moved if moment < span.start]
            within = sorted((moment, quantity) for moment, quantity in moved if moment in span)
            balance = best = sum(before)
            for _, quantity in within:
                balance += quantity
                best = max(best, balance)
            assert day.in_stock == (not before or best > 0), (sku, day.day)
            assert day.day < today


@pytest.mark.parametrize("variant_id", [None, 1])
def test_a_look_takes_no_longer_for_all_that_was_ever_sold(world: World, variant_id: int | None) -> None:
    if world.store.engine.dialect.name != "sqlite":
        pytest.skip("SQLite counts its own steps")
    assert world.variant() == 1
    before = _steps(world, variant_id)
    _sold_for_years(world, 3_000)
    assert _steps(world, variant_id) < before * 1.5 + 20


def _steps(world: World, variant_id: int | None) -> int:
    """Tens of steps of SQLite's machine that a look takes."""
    count = 0

    def step() -> int:
        nonlocal count
        count += 1
        return 0

    with world.begin() as uow:
        driver = cast("InventoryRows", uow.inventory).connection.connection.driver_connection
        assert driver is not None
        driver.set_progress_handler(step, 10)
        uow.inventory.as_of(world.now, None if variant_id is None else frozenset({variant_id}))
        driver.set_progress_handler(None, 0)
    return count


def _sold_for_years(world: World, many: int) -> None:
    moments = [NOW - timedelta(days=_DAYS + 10, hours=number) for number in range(many)]
    with world.store.engine.begin() as connection:
        location = connection.execute(sa.select(locations.c.id)).scalar_one()
        order = connection.execute(sa.insert(orders).values(
            shop_id=1, number="OLD", kind="sale", status="delivered", currency="EUR", total_minor=0, freight_minor=0,
            placed_at=moments[-1],
        ).returning(orders.c.id)).scalar_one()
        connection.execute(sa.insert(order_lines), [
            {"shop_id": 1, "order_id": order, "line": line, "kind": "sale", "variant_id": 1, "code": "BLU-MUG-300",
             "title": "Blue mug", "quantity": 1, "unit_price_minor": 2000, "freight_minor": 0, "placed_at": moment}
            for line, moment in enumerate(moments, start=1)
        ])
        connection.execute(sa.insert(stock_movements), [
            {"shop_id": 1, "variant_id": 1, "location_id": location, "kind": "sale", "on_hand": 0, "reserved": 0,
             "incoming": 0, "at": moment, "key": f"old{number}"}
            for number, moment in enumerate(moments)
        ])
