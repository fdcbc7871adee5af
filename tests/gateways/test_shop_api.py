"""One account, asked by several carriers of several replicas: a Retry-After that one hears binds all, over real HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from gateways.shop_api import lane
from storage import shop_file
from storage.jobs import JobRows
from storage.tables import jobs
from tests.desk import shop_file_of
from tests.gateways.replicas import PLACE, Replicas, plan


@pytest.mark.parametrize("first", ["orders", "items"])
async def test_a_retry_after_that_one_hears_binds_the_other_and_the_other_replica_to_the_second(
    replicas: Replicas, first: str
) -> None:
    second = {"orders": "items", "items": "orders"}[first]
    replicas.refuse({"orders": "shopify.orders", "items": "shopify.inventory_items"}[first], 97)
    await plan(replicas.desk)
    await replicas.want_item("11")
    began = replicas.desk.clock.now()
    await replicas.turn(0, first)
    assert replicas.asked() == 1
    until = replicas.held_until("shopify")
    assert timedelta(seconds=97) <= until - began < timedelta(seconds=98)
    await replicas.turn(1, second)
    assert replicas.asked() == 1
    replicas.desk.clock.moment = until - timedelta(milliseconds=1)
    for which in (0, 1):
        await replicas.turn(which, "orders", "items")
    assert replicas.asked() == 1
    replicas.desk.clock.moment = until
    await replicas.turn(1, second)
    assert replicas.asked() > 1
    (row,) = replicas.desk.query(sa.select(jobs.c.attempts, jobs.c.state).where(jobs.c.kind == second).order_by(jobs.c.id).limit(1))
    assert (row.attempts, row.state) == (1, "done")  # what it waited counts for nothing


async def test_who_is_between_two_pages_stops_before_the_next_and_reads_again_when_the_wait_is_over(
    replicas: Replicas, monkeypatch: pytest.MonkeyPatch
) -> None:
    await plan(replicas.desk)
    stock = replicas.sandbox.shopify
    stock.locations[int(PLACE)] = {"id": int(PLACE), "name": "Main"}
    listed = replicas.sandbox.orders.listed

    def meanwhile(*args: Any, **named: Any) -> Any:
        """While the first page is read the other replica hears that it has to wait."""
        now = replicas.desk.clock.now()
        with replicas.desk.store.engine.begin() as connection:
            JobRows(connection, now).hold(lane("shopify", "nordlicht"), until=now + timedelta(seconds=40))
        return listed(*args, **named)

    monkeypatch.setattr(replicas.sandbox.orders, "listed", meanwhile)
    await replicas.turn(0, "orders")
    assert replicas.asked() == 1
    monkeypatch.setattr(replicas.sandbox.orders, "listed", listed)
    replicas.desk.clock.move(seconds=41)
    await replicas.turn(1, "orders")
    assert replicas.asked() == 4  # the orders once more, the places, their levels


async def test_another_shop_and_another_vendor_wait_for_nobody(replicas: Replicas) -> None:
    with replicas.desk.store.engine.begin() as connection:
        shop_file.apply(connection, shop_file_of("sued"))
    replicas.refuse("shopify.inventory_items", 97)
    await replicas.want_item("11")
    await replicas.turn(0, "items")
    await plan(replicas.desk, ("shopify", "nordlicht"), ("shopify", "sued"), ("woocommerce", "nordlicht"))
    await replicas.want_item("12", "sued")
    await replicas.turn(1, "orders")
    await replicas.turn(1, "items")
    done = replicas.desk.query(sa.select(jobs.c.lane).where(jobs.c.state == "done", jobs.c.kind == "orders"))
    assert sorted(row.lane for row in done) == ["orders:shopify:sued", "orders:woocommerce:nordlicht"]


async def test_woocommerce_is_left_alone_for_as_long_as_it_says(replicas: Replicas) -> None:
    replicas.refuse("woocommerce.orders", 97)
    await plan(replicas.desk, ("woocommerce", "nordlicht"))
    began = replicas.desk.clock.now()
    await replicas.turn(0, "orders")
    assert timedelta(seconds=97) <= replicas.held_until("woocommerce") - began < timedelta(seconds=98)
    replicas.desk.clock.move(seconds=90)
    await replicas.turn(1, "orders")
    assert replicas.asked() == 1


@pytest.mark.parametrize("source", ["shopify", "woocommerce"])
async def test_upkeep_that_says_how_long_it_takes_is_waited_for_to_the_second(replicas: Replicas, source: str) -> None:
    replicas.refuse(f"{source}.orders", 600, status=503)
    await plan(replicas.desk, (source, "nordlicht"))
    began = replicas.desk.clock.now()
    await replicas.turn(0, "orders")
    assert timedelta(seconds=600) <= replicas.held_until(source) - began < timedelta(seconds=601)
    replicas.desk.clock.move(seconds=590)
    await replicas.turn(1, "orders")
    assert replicas.asked() == 1
    replicas.desk.clock.move(seconds=11)
    await replicas.turn(1, "orders")
    assert replicas.asked() > 1
    row = replicas.desk.query(sa.select(jobs.c.attempts, jobs.c.state, jobs.c.outcome).where(jobs.c.kind == "orders").order_by(jobs.c.id))[0]
    assert (row.attempts, row.state, row.outcome["reached"]) == (1, "done", True)


async def test_a_503_that_says_nothing_is_a_look_that_failed(replicas: Replicas) -> None:
    replicas.refuse("shopify.orders", 0, kind="http_500", status=503)
    await plan(replicas.desk)
    await replicas.turn(0, "orders")
    row = replicas.desk.query(sa.select(jobs.c.outcome).where(jobs.c.kind == "orders").order_by(jobs.c.id))[0]
    assert row.outcome == {"reached": False, "why": "it answered 503"}
