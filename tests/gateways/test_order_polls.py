"""Orders whose webhooks were lost are found in the shop system's own list, over real HTTP to the sandbox."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
import sqlalchemy as sa
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.figures import _counted
from bot.order_lists import order_lists
from bot.settings import Settings as BotSettings
from domain.jobs import Job
from domain.order_lists import CUT_OFF
from domain.outcomes import Done, Later, Outcome
from domain.privacy import erase_customer
from gateways.order_polls import OrderPollCarrier, plan_order_polls
from handlers.jobs import Worker
from handlers.webhooks import VendorEvents
from sandbox.faults import read_fault
from sandbox.server import running
from sandbox.world import Settings
from sandbox.world import World as Sandbox
from storage import shop_file
from storage.jobs import JobRows
from storage.tables import customers, inbox, jobs, order_lines, orders, parcels, payments, told_levels
from tests.conftest import ROOT
from tests.desk import TestDesk, shop_file_of

PAYLOADS = ROOT / "tests" / "payloads"
SOURCES = ("woocommerce", "shopify")


async def _no_sleep(_seconds: float) -> None:
    """Time stands still here."""


def settings(address: str, **changed: Any) -> BotSettings:
    accounts = {
        "woocommerce_api": {"nordlicht": {"url": f"{address}/woocommerce", "key": "ck_sandbox", "secret": "cs_sandbox"}},
        "shopify_api": {"nordlicht": {"url": f"{address}/shopify", "token": "shpat_sandbox"}},
    }
    return BotSettings(_env_file=None, **{**accounts, **changed})


@dataclass
class Lists:
    desk: TestDesk
    sandbox: Sandbox
    session: aiohttp.ClientSession
    carrier: OrderPollCarrier

    def use(self, **changed: Any) -> None:
        lists = order_lists(settings(self.sandbox.address, **changed))
        self.carrier = OrderPollCarrier(lists=lists, engine=self.desk.store, session=self.session)

    def order(self, source: str, number: int, *, made: timedelta = timedelta(hours=1), changed: timedelta | None = None, **more: Any) -> None:
        """Put an order of the recorded form into the vendor's list, made and changed so long ago."""
        name = "orders-create.paid" if source == "shopify" else "order-created.paid"
        order = json.loads((PAYLOADS / source / f"{name}.json").read_text())
        at, last = (self.desk.clock.now() - one for one in (made, made if changed is None else changed))
        if source == "shopify":
            order |= {"id": number, "name": f"#{number}", "created_at": at.isoformat(), "updated_at": last.isoformat()}
        else:
            order |= {"id": number, "number": str(number), "date_created_gmt": _gmt(at), "date_modified_gmt": _gmt(last)}
        self.sandbox.orders.put(source, {**order, **more})

    async def look(self, source: str, *, settle: bool = True, put_off: bool = False) -> Outcome:
        """Carry the look of that source that is due, and work off what it brought."""
        job = self.claim(source)
        outcome = await self.carrier.carry(job)

        def whole(transaction: Any) -> None:
            if put_off:
                assert isinstance(outcome, Later)
                assert transaction.jobs.later(job, at=transaction.now + outcome.wait, error=outcome.reason, in_doubt=False)
            else:
                assert transaction.jobs.done(job)
            self.carrier.settle(job, outcome, transaction)

        if settle:
            await self.desk.store.write(whole)
            worker = Worker(engine=self.desk.store, owner="w", sleep=_no_sleep, sources=[VendorEvents(source=source)])
            while await worker.step():
                pass
        return outcome

    def claim(self, source: str) -> Job:
        self.desk.execute(sa.update(jobs).where(jobs.c.kind == "orders", jobs.c.lane != f"orders:{source}:nordlicht").values(kind="elsewhere"))
        with self.desk.store.engine.begin() as connection:
            found = JobRows(connection, self.desk.clock.now()).claim(kinds=("orders",), owner="t", limit=1, lease=timedelta(seconds=60))
        self.desk.execute(sa.update(jobs).where(jobs.c.kind == "elsewhere").values(kind="orders"))
        (job,) = found
        return job

    def numbers(self) -> list[str]:
        return [row.number.lstrip("#") for row in self.desk.query(sa.select(orders.c.number).order_by(orders.c.number))]

    def next_due(self, source: str) -> datetime:
        (row,) = self.desk.query(sa.select(jobs.c.due_at).where(jobs.c.lane == f"orders:{source}:nordlicht", jobs.c.done_at.is_(None)))
        due: datetime = row.due_at
        return due


def _gmt(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


@pytest.fixture
async def lists(desk: TestDesk) -> AsyncIterator[Lists]:
    async with running(Settings(start=desk.clock.now())) as sandbox, aiohttp.ClientSession() as session:
        made = Lists(desk, sandbox, session, OrderPollCarrier(lists={}, engine=desk.store, session=session))
        made.use()
        await desk.store.write(lambda one: plan_order_polls(made.carrier.lists, one))
        yield made


@pytest.mark.parametrize("source", SOURCES)
async def test_an_order_whose_webhook_was_lost_is_found_once_with_its_payment(lists: Lists, source: str) -> None:
    lists.order(source, 9001)
    for _ in range(3):
        outcome = await lists.look(source)
        assert isinstance(outcome, Done)
        assert outcome.receipt["reached"] is True
        lists.desk.clock.move(minutes=10)
    assert lists.numbers() == ["9001"]
    assert len(lists.desk.query(sa.select(payments))) == 1
    assert lists.desk.query(sa.select(inbox.c.error)) == [(None,)]


@pytest.mark.parametrize("source", SOURCES)
async def test_what_a_webhook_told_before_or_after_the_list_counts_once(lists: Lists, source: str) -> None:
    lists.order(source, 9001)
    (told,) = lists.sandbox.orders.orders[source].values()
    topic = "orders-create" if source == "shopify" else "order-created"

    async def webhook(key: str) -> None:
        body = json.dumps(told, indent=1).encode()
        await lists.desk.store.write(lambda one: one.inbox.keep(source, key, body, headers={"shop": "nordlicht", "topic": topic}))

    await webhook("first")
    await lists.look(source)
    before = [lists.desk.query(sa.select(table)) for table in (orders, order_lines, payments)]
    assert [len(rows) for rows in before] == [1, len(told["line_items"]), 1]
    await webhook("late")
    lists.desk.clock.move(minutes=10)
    await lists.look(source)
    assert [lists.desk.query(sa.select(table)) for table in (orders, order_lines, payments)] == before
    assert lists.desk.audit_actions().count("order.placed") == 1


@pytest.mark.parametrize("source", SOURCES)
async def test_many_pages_and_many_looks_are_read_to_the_end_though_whole_pages_share_a_second(
    lists: Lists, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_WOO_PAGE", "SHOPIFY_PAGE", "_MOST_PAGES"):
        monkeypatch.setattr(f"gateways.order_lists.{name}", 2)
    for number in range(5):  # one second for five: more than a page, and than two
        lists.order(source, 9000 + number, made=timedelta(hours=5))
    for number in range(5, 14):
        lists.order(source, 9000 + number, made=timedelta(minutes=200 - 10 * number))
    looks = 0
    while lists.next_due(source) <= lists.desk.clock.now():
        outcome = await lists.look(source)
        assert isinstance(outcome, Done)
        assert outcome.receipt["reached"] is True
        looks += 1
    assert looks > 2
    assert lists.numbers() == [str(9000 + number) for number in range(14)]


async def test_an_order_that_changes_while_the_pages_are_read_hides_no_other(lists: Lists, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateways.order_lists._WOO_PAGE", 2)
    for number in range(6):
        lists.order("woocommerce", 9000 + number, made=timedelta(minutes=60 - number))
    listed, calls = lists.sandbox.orders.listed, []

    def changing(vendor: str, since: Any, *, inclusive: bool) -> Any:
        calls.append(since)
        if len(calls) == 2:
            lists.order("woocommerce", 9000, made=timedelta(minutes=60), changed=timedelta(minutes=1))
        return listed(vendor, since, inclusive=inclusive)

    monkeypatch.setattr(lists.sandbox.orders, "listed", changing)
    while lists.next_due("woocommerce") <= lists.desk.clock.now():
        await lists.look("woocommerce")
    assert lists.numbers() == [str(9000 + number) for number in range(6)]


@pytest.mark.parametrize("source", SOURCES)
async def test_a_list_that_is_away_is_said_once_after_three_looks_and_nothing_is_left_out(lists: Lists, source: str) -> None:
    await lists.look(source)
    lists.order(source, 9001, made=timedelta(minutes=-5))  # while the list is away
    kinds = [{"kind": "http_500"}, {"kind": "reset_before"}, {"kind": "error", "status": 403}, {"kind": "http_500", "status": 302}]
    for number, kind in enumerate(kinds, start=1):
        # aiohttp asks once more where a connection that was kept open turns out to be gone
        lists.sandbox.faults.add(read_fault("shop", {"method": f"{source}.orders", "times": 2, **kind}))
        lists.desk.clock.move(minutes=10)
        outcome = await lists.look(source)
        assert isinstance(outcome, Done)
        assert outcome.receipt["reached"] is False
        lists.sandbox.faults.clear()
        assert len(lists.desk.said("order_list_reach")) == (number >= 3)
        looks = await lists.desk.store.read(_counted)
        assert [one["failures"] for one in looks.looks if one["source"] == source] == [number]
    lists.desk.clock.move(days=2)  # longer than a first look goes back
    await lists.look(source)
    assert lists.numbers() == ["9001"]
    assert [one["fields"]["reached"] for one in lists.desk.said("order_list_reach")] == [False, True]


@pytest.mark.parametrize(("source", "changed"), [
    ("woocommerce", {"key": "ck_wrong"}), ("woocommerce", {"secret": "cs_wrong"}), ("shopify", {"token": "shpat_wrong"}),
])
async def test_a_wrong_key_reads_nothing_and_is_said(lists: Lists, source: str, changed: dict[str, str]) -> None:
    lists.order(source, 9001)
    account = {"url": f"{lists.sandbox.address}/{source}", "key": "ck_sandbox", "secret": "cs_sandbox", "token": "shpat_sandbox", **changed}
    names = ("url", "token") if source == "shopify" else ("url", "key", "secret")
    lists.use(**{f"{source}_api": {"nordlicht": {name: account[name] for name in names}}})
    refused = Later(wait=timedelta(hours=1), reason=CUT_OFF, lane=f"api:{source}:nordlicht", shut=True, counts=False)
    for _ in range(3):
        assert await lists.look(source, put_off=True) == refused
        lists.desk.clock.move(minutes=60)
    assert lists.numbers() == []
    (said,) = lists.desk.said("order_list_reach")
    assert (said["fields"]["reached"], said["fields"]["cut_off"]) == (False, True)
    assert said["fields"]["setting"] == f"OPSBELL_{source.upper()}_API"


@pytest.mark.parametrize("source", SOURCES)
async def test_a_list_that_is_asked_too_often_is_left_alone_for_as_long_as_it_says(lists: Lists, source: str) -> None:
    lists.sandbox.faults.add(read_fault("shop", {"method": f"{source}.orders", "kind": "ratelimit", "retry_after": 7}))
    outcome = await lists.look(source, settle=False)
    assert isinstance(outcome, Later)
    assert (outcome.wait, outcome.counts) == (timedelta(seconds=7), False)


async def test_an_order_that_cannot_be_read_is_kept_with_its_reason_and_holds_up_no_other(lists: Lists) -> None:
    lists.order("woocommerce", 9001, currency="EURO")
    lists.order("woocommerce", 9002)
    await lists.look("woocommerce")
    assert lists.numbers() == ["9002"]
    assert sorted(bool(row.error) for row in lists.desk.query(sa.select(inbox.c.error))) == [False, True]
    assert (await lists.desk.store.read(_counted)).quarantined == {"woocommerce": 1}


async def test_shopifys_fulfillments_come_with_their_order_and_what_is_called_off_or_old_does_not(lists: Lists) -> None:
    fulfillment = json.loads((PAYLOADS / "shopify/fulfillments-create.one-parcel.json").read_text())
    lists.order("shopify", 9001, fulfillments=[{**fulfillment, "name": "#9001.1"}])
    lists.order("shopify", 9002, cancelled_at=lists.desk.clock.now().isoformat())
    lists.order("shopify", 9003, test=True)
    lists.order("shopify", 9004, made=timedelta(days=31), changed=timedelta(hours=1))
    await lists.look("shopify")
    assert lists.numbers() == ["9001"]
    assert [row.tracking_number for row in lists.desk.query(sa.select(parcels))] == ["JD014600003SE"]


def told(lists: Lists) -> list[tuple[str, int]]:
    return [(row.item, row.available) for row in lists.desk.query(sa.select(told_levels).order_by(told_levels.c.item))]


async def test_levels_whose_webhooks_were_lost_are_found_with_the_orders(lists: Lists, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateways.order_lists.SHOPIFY_PAGE", 2)
    stock = lists.sandbox.shopify
    stock.locations[7] = {"id": 7, "name": "Main"}
    now = lists.desk.clock.now()
    for item in range(5):
        await stock.change(item, 7, 10 * item, (now - timedelta(hours=item)).isoformat())
    await stock.change(9, 7, 90, (now - timedelta(days=2)).isoformat())
    lists.order("shopify", 9001)
    await lists.look("shopify")
    assert told(lists) == [(str(item), 10 * item) for item in range(5)]
    lists.desk.clock.move(minutes=10)
    await stock.change(1, 7, 11, lists.desk.clock.now().isoformat())
    await lists.look("shopify")
    assert told(lists)[1] == ("1", 11)
    assert len(lists.desk.query(sa.select(inbox).where(inbox.c.key.contains("inventory-levels-update")))) == 6


@pytest.mark.parametrize("forbidden", ["locations", "inventory_levels"])
async def test_a_key_that_may_not_read_stock_reads_the_orders_all_the_same(lists: Lists, forbidden: str) -> None:
    lists.sandbox.shopify.locations[7] = {"id": 7, "name": "Main"}
    await lists.sandbox.shopify.change(1, 7, 10, lists.desk.clock.now().isoformat())
    lists.order("shopify", 9001)
    lists.sandbox.faults.add(read_fault("shop", {"method": f"shopify.{forbidden}", "kind": "error", "status": 403}))
    outcome = await lists.look("shopify")
    assert isinstance(outcome, Done)
    assert outcome.receipt["reached"] is True
    assert (lists.numbers(), told(lists)) == (["9001"], [])


async def test_looks_begin_once_go_on_after_a_restart_and_end_where_they_are_switched_off(lists: Lists) -> None:
    await lists.desk.store.write(lambda one: plan_order_polls(lists.carrier.lists, one))
    assert len(lists.desk.outbox_rows("orders")) == 2
    await lists.look("woocommerce")
    due = lists.next_due("woocommerce")
    assert timedelta() < due - lists.desk.clock.now() <= timedelta(minutes=10)
    await lists.desk.store.write(lambda one: plan_order_polls(lists.carrier.lists, one))
    assert lists.next_due("woocommerce") == due
    lists.desk.clock.move(minutes=10)
    lists.use(without="woocommerce")
    assert await lists.look("woocommerce") == Done(receipt={"off": True}, heard=False)
    assert [row.lane for row in lists.desk.outbox_rows("orders") if row.done_at is None] == ["orders:shopify:nordlicht"]


async def test_a_clock_that_is_put_back_does_not_end_the_looks(lists: Lists) -> None:
    for _ in range(4):
        await lists.look("shopify")
        lists.desk.clock.move(minutes=10)
    lists.desk.clock.move(minutes=-30)
    lists.desk.execute(sa.update(jobs).where(jobs.c.lane == "orders:shopify:nordlicht", jobs.c.done_at.is_(None)).values(due_at=lists.desk.clock.now()))
    await lists.look("shopify")
    assert lists.next_due("shopify") > lists.desk.clock.now()


async def test_what_one_shop_lists_is_that_shops(lists: Lists) -> None:
    with lists.desk.store.engine.begin() as connection:
        shop_file.apply(connection, shop_file_of("sued"))
    lists.order("woocommerce", 9001)
    await lists.look("woocommerce")
    with lists.desk.store.looking("sued") as uow:
        assert uow.orders.by_number("9001") is None
    with lists.desk.looking() as uow:
        assert uow.orders.by_number("9001") is not None


@pytest.mark.parametrize("source", SOURCES)
async def test_a_secret_follows_no_redirect(lists: Lists, source: str) -> None:
    async def elsewhere(request: web.Request) -> web.Response:
        raise web.HTTPFound(f"{lists.sandbox.address}{request.path_qs}")

    app = web.Application()
    app.router.add_get("/{path:.*}", elsewhere)
    async with TestServer(app, host="127.0.0.1") as server:
        given = settings(f"http://127.0.0.1:{server.port}")
        lists.carrier = OrderPollCarrier(lists=order_lists(given), engine=lists.desk.store, session=lists.session)
        assert await lists.look(source) == Done(receipt={"reached": False, "why": "it answered 302"}, heard=False)
    assert [call for call in lists.sandbox.calls if call.platform == "shop"] == []


@pytest.mark.parametrize("source", SOURCES)
async def test_who_was_erased_does_not_come_back_with_a_change_of_their_order(lists: Lists, source: str) -> None:
    lists.order(source, 9001)
    await lists.look(source)
    before = lists.desk.query(sa.select(customers))
    with lists.desk.begin() as uow:
        erase_customer(before[0].external_id, "cli:test", uow)
    erased = lists.desk.query(sa.select(customers))
    assert erased != before
    lists.desk.clock.move(minutes=10)
    lists.order(source, 9001, made=timedelta(hours=1, minutes=10), changed=timedelta(minutes=1), note="changed")
    await lists.look(source)
    assert lists.desk.query(sa.select(customers)) == erased
    assert lists.numbers() == ["9001"]
