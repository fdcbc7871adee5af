"""A shop system that lets us in no more: one is refused, staff hear it once, nobody asks on, and a new key heals it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from functools import partial

import pytest
import sqlalchemy as sa
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from domain.connections import Connection
from domain.order_lists import CUT_OFF, _reach, note_list_reached
from gateways.shop_api import cut_off, lane, resume
from handlers.jobs import Worker
from handlers.webhooks import VendorEvents, address, vendor_door
from notifications.auditor import Auditor
from notifications.catalogue import Catalogue
from storage.connections import ConnectionRows
from storage.tables import inbox, jobs, lanes
from tests.conftest import ROOT
from tests.gateways.replicas import Replicas, plan

ACCOUNT = ("shopify", "nordlicht")
SECRET = "hush"
PAYLOAD = (ROOT / "tests/payloads/shopify/app-uninstalled.json").read_bytes()


async def _no_sleep(_seconds: float) -> None:
    """Time stands still here."""


def told(replicas: Replicas) -> list[tuple[bool, bool]]:
    """What staff heard of it: (it can be asked, it has cut us off)."""
    fields = [one["fields"] for one in replicas.desk.said("order_list_reach")]
    return [(one["reached"], one["cut_off"]) for one in fields]


def health(replicas: Replicas) -> dict[str, Connection]:
    with replicas.desk.store.engine.connect() as connection:
        return {one.key: one for one in ConnectionRows(connection, replicas.desk.shop).lately()}


def open_jobs(replicas: Replicas) -> list[tuple[str, str | None]]:
    rows = replicas.desk.query(
        sa.select(jobs.c.kind, jobs.c.error).where(jobs.c.done_at.is_(None), jobs.c.lane.contains(":shopify:")).order_by(jobs.c.id)
    )
    return [(row.kind, row.error) for row in rows]


async def look(replicas: Replicas, minutes: int = 0) -> None:
    """Both replicas work off what is due then."""
    replicas.desk.clock.move(minutes=minutes)
    for which in (0, 1):
        await replicas.turn(which, "orders", "items")


async def uninstalled(replicas: Replicas, body: bytes = PAYLOAD, key: bytes = SECRET.encode()) -> int:
    """Shopify posts it at the address of its topic; what was stored is worked off."""
    store = replicas.desk.store
    app = web.Application()
    door = vendor_door("shopify", store, lambda _shop: (SECRET,), store.sign)
    app.router.add_post("/webhooks/shopify/{shop}/{topic}/{token}", door)
    signature = base64.b64encode(hmac.digest(key, body, hashlib.sha256)).decode()
    async with TestClient(TestServer(app)) as client:
        path = address("shopify", "nordlicht", "app-uninstalled", store.sign)
        headers = {"Content-Type": "application/json", "X-Shopify-Hmac-Sha256": signature}
        answer = await client.post(path, data=body, headers=headers)
    worker = Worker(engine=store, owner="w", sleep=_no_sleep, sources=[VendorEvents(source="shopify")])
    while await worker.step():
        pass
    return answer.status


async def test_one_is_refused_for_all_it_is_said_once_and_nobody_asks_on_but_one_an_hour(replicas: Replicas) -> None:
    replicas.use(token="shpat_dead")
    await plan(replicas.desk)
    await replicas.want_item("11")
    await look(replicas)
    assert replicas.asked() == 1
    assert told(replicas) == [(False, True)]
    for _ in range(5):
        await look(replicas, minutes=11)
    assert replicas.asked() == 1
    for hour in (2, 3, 4):
        await look(replicas, minutes=60)
        assert replicas.asked() == hour
    assert told(replicas) == [(False, True)]
    assert [kind for kind, _ in open_jobs(replicas)] == ["orders", "items"]  # given up: none


async def test_a_webhook_of_it_shuts_the_account_before_any_call_is_refused(replicas: Replicas) -> None:
    await plan(replicas.desk)
    await replicas.want_item("11")
    assert await uninstalled(replicas) == 200
    assert told(replicas) == [(False, True)]
    shopify = health(replicas)["shopify"]
    assert (shopify.cut_off, shopify.well, shopify.reason) == (True, False, CUT_OFF)
    assert shopify.remedy == "set a new key, restart, then opsbell check"
    for _ in range(5):
        await look(replicas, minutes=11)
    assert replicas.asked() == 0
    assert await uninstalled(replicas) == 200  # the same bytes again
    assert await uninstalled(replicas, PAYLOAD + b" ") == 200
    assert told(replicas) == [(False, True)]


async def test_what_shopify_did_not_sign_and_what_is_no_shop_cut_nobody_off(replicas: Replicas) -> None:
    assert await uninstalled(replicas, key=b"another") == 401
    assert await uninstalled(replicas, b"{}") == 200
    assert told(replicas) == []
    assert [row.error for row in replicas.desk.query(sa.select(inbox.c.error))] == ["The event lacks 'id'."]
    await plan(replicas.desk)
    await look(replicas)
    assert replicas.asked() > 0


async def test_a_new_key_is_tried_at_the_start_that_brings_it_and_all_that_waited_follows(replicas: Replicas) -> None:
    await plan(replicas.desk)
    await replicas.want_item("11")
    await uninstalled(replicas)
    await replicas.sandbox.shopify.uninstall()
    await look(replicas, minutes=20)
    assert replicas.asked() == 0
    replicas.sandbox.shopify.token = "shpat_new"
    replicas.use(token="shpat_new")
    await replicas.desk.store.write(partial(resume, [ACCOUNT]))
    await look(replicas)
    await look(replicas, minutes=1)  # each at its turn
    assert {path.rpartition("/")[2] for path in replicas.sent} == {"orders.json", "locations.json", "inventory_items.json", "inventory_levels.json"}
    assert told(replicas) == [(False, True), (True, False)]
    assert not any(error for _, error in open_jobs(replicas))
    assert "shopify" not in health(replicas) or not health(replicas)["shopify"].cut_off


async def test_a_new_key_is_tried_at_once_though_nothing_waits(replicas: Replicas) -> None:
    await plan(replicas.desk)
    await look(replicas)
    asked = replicas.asked()
    await uninstalled(replicas)
    await replicas.desk.store.write(partial(resume, [ACCOUNT]))
    await look(replicas)
    assert replicas.asked() > asked
    assert told(replicas) == [(False, True), (True, False)]


async def test_an_old_key_at_a_start_costs_one_call(replicas: Replicas) -> None:
    await plan(replicas.desk)
    await replicas.sandbox.shopify.uninstall()
    await look(replicas)
    for number in (2, 3):
        await replicas.desk.store.write(partial(resume, [ACCOUNT]))
        await look(replicas)
        assert replicas.asked() == number
    assert told(replicas) == [(False, True)]


async def test_a_shop_that_has_left_is_no_worry_once_its_key_is_gone_from_the_settings(replicas: Replicas) -> None:
    await uninstalled(replicas)
    await replicas.desk.store.write(partial(resume, []))
    assert told(replicas) == [(False, True)]
    assert not health(replicas)["shopify"].cut_off
    with replicas.desk.looking() as uow:
        assert uow.cases.open_one("order_list_away", "shopify") is None


async def test_a_list_that_was_away_and_then_cuts_us_off_says_both_and_once_that_it_is_back(replicas: Replicas) -> None:
    replicas.refuse("shopify.orders", 0, kind="http_500", times=3)
    await plan(replicas.desk)
    for _ in range(3):
        await look(replicas, minutes=10)
    await replicas.sandbox.shopify.uninstall()
    await look(replicas, minutes=10)
    assert told(replicas) == [(False, False), (False, True)]
    replicas.sandbox.shopify.token = "shpat_sandbox"
    await look(replicas, minutes=61)
    assert told(replicas) == [(False, False), (False, True), (True, False)]


async def test_what_only_fails_opens_no_shut_account(replicas: Replicas) -> None:
    await plan(replicas.desk)
    await replicas.desk.store.write(partial(cut_off, *ACCOUNT))
    replicas.refuse("shopify.orders", 0, kind="http_500", times=1)
    await look(replicas, minutes=61)
    assert replicas.asked() == 1
    (row,) = replicas.desk.query(sa.select(lanes.c.shut).where(lanes.c.key == lane(*ACCOUNT)))
    assert row.shut


async def test_the_auditor_does_not_say_again_what_staff_have_heard(replicas: Replicas) -> None:
    replicas.use(token="shpat_dead")
    await plan(replicas.desk)
    await replicas.want_item("11")
    await look(replicas)
    auditor = Auditor(engine=replicas.desk.store, sleep=_no_sleep, seconds=lambda: 0.0)
    replicas.desk.execute(sa.update(jobs).where(jobs.c.kind.startswith("say.")).values(done_at=replicas.desk.clock.now(), state="done"))
    replicas.desk.clock.move(minutes=50)
    assert await auditor.step() == 2  # the log has both
    assert not replicas.desk.said("desk_alarm")
    with replicas.desk.begin() as uow:
        note_list_reached("shopify", uow, reached=True)
    replicas.desk.execute(sa.update(jobs).where(jobs.c.kind == "items").values(raised_at=None))
    assert await auditor.step() >= 1
    assert replicas.desk.said("desk_alarm")


@pytest.mark.parametrize("source", ["shopify", "woocommerce"])
def test_the_card_says_what_to_do(replicas: Replicas, source: str) -> None:
    with replicas.desk.looking() as uow:
        words = Catalogue().words(_reach(source, uow, reached=False, cut_off=True), replicas.desk.shop, "slack")
    text = json.dumps([str(words.title), str(words.body)])
    for part in ("cut me off", "@Ada", f"OPSBELL_{source.upper()}_API", "restart", "opsbell check"):
        assert part in text
