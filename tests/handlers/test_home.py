"""App Home for owners: how the connections are, from the rows that the engine leaves behind."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from domain.connections import Connection
from domain.home import Home, ShowHome
from domain.money import Money
from domain.outcomes import WAITS_FOR_TRIAL, WAITS_FOR_TURN
from domain.returns.messages import WaitingReturn
from domain.returns.model import ReturnState
from notifications.catalogue import Catalogue
from storage.jobs import JobRows
from storage.tables import inbox, jobs, stock_items
from tests.desk import TestDesk


def _job(shop: TestDesk, kind: str, **values: Any) -> None:
    now = shop.clock.now()
    row = {
        "shop_id": shop.shop.id, "key": f"k{len(shop.query(sa.select(jobs.c.id)))}", "kind": kind, "lane": "",
        "payload": {}, "made_at": now, "due_at": now, "attempts": 1, "state": "open", **values,
    }
    shop.execute(sa.insert(jobs).values(row))


def _heard(shop: TestDesk, source: str, key: str, error: str | None = None) -> None:
    row = {"source": source, "key": key, "heard_at": shop.clock.now(), "body": b"", "headers": {}, "error": error}
    shop.execute(sa.insert(inbox).values(row))


def _home(shop: TestDesk, who: str) -> Home:
    made = shop.run(ShowHome(), shop.staff(who))
    assert isinstance(made, Home)
    return made


def _of(shop: TestDesk) -> dict[str, Connection]:
    return {one.key: one for one in _home(shop, "ada").connections}


def test_what_went_out_or_came_in_is_well(shop: TestDesk) -> None:
    now = shop.clock.now()
    _job(shop, "say.slack", state="done", done_at=now - timedelta(hours=2))
    _job(shop, "say.slack", state="done", done_at=now - timedelta(hours=1), error="Slack cannot be reached")
    _job(shop, "say.slack", error=WAITS_FOR_TURN)
    _job(shop, "say.slack")
    _heard(shop, "shopify", f"{shop.key}/orders-create/1")
    found = _of(shop)
    assert found["slack"] == Connection(key="slack", worked_at=now - timedelta(hours=1))
    assert found["shopify"] == Connection(key="shopify", worked_at=now)
    assert all(one.well and not one.remedy for one in found.values())


def test_a_refused_token_is_said_with_what_waits_and_what_to_do(shop: TestDesk) -> None:
    now = shop.clock.now()
    _job(shop, "say.telegram", error=WAITS_FOR_TRIAL, made_at=now - timedelta(hours=3))
    _job(shop, "say.telegram", error=WAITS_FOR_TRIAL)
    _job(shop, "say.telegram", error="Telegram refuses our token (Unauthorized)")
    telegram = _of(shop)["telegram"]
    assert (telegram.waiting, telegram.waiting_since) == (3, now - timedelta(hours=3))
    assert telegram.reason == "Telegram refuses our token (Unauthorized)"
    assert telegram.remedy == "set a new token, restart, then opsbell check"


def test_what_was_given_up_and_what_nobody_understood_are_counted(shop: TestDesk) -> None:
    _job(shop, "refund", state="dead", done_at=shop.clock.now(), error="sent more than 20 hours ago")
    _heard(shop, "stripe", "evt_1", error="The event lacks 'id'.")
    stripe = _of(shop)["stripe"]
    assert (stripe.given_up, stripe.unread, stripe.reason) == (1, 1, "sent more than 20 hours ago")
    assert stripe.remedy == "on the server: opsbell jobs list"


def test_another_shops_news_are_none_of_ours(shop: TestDesk) -> None:
    _job(shop, "say.telegram", shop_id=None, error="Telegram refuses our token (Unauthorized)")
    _job(shop, "refund", shop_id=None, state="dead", done_at=shop.clock.now(), error="x")
    _heard(shop, "shopify", "otherwise/orders-create/1", error="x")
    _heard(shop, "click", f"{shop.key}/1")
    assert set(_of(shop)) == {"slack"}, "only the platform that the shop file names"


def test_only_owners_see_connections_and_each_is_a_line(shop: TestDesk) -> None:
    _job(shop, "say.slack", error="Slack refuses our token (<invalid_auth>)")
    _heard(shop, "telegram", "1")
    assert not _home(shop, "cleo").connections
    words = Catalogue().words(_home(shop, "ada"), shop.shop, "slack").body
    lines = str(words).splitlines()
    at = lines.index("*Connections*")
    assert lines[at + 1 : at + 3] == [
        "⚠️ *Slack* · 1 waiting since Mon 23 Nov 09:05 · Slack refuses our token (&lt;invalid_auth&gt;) · "
        "set a new token, restart, then opsbell check",
        "✅ Telegram · last used Mon 23 Nov 09:05",
    ]


def test_a_shop_system_that_has_cut_us_off_is_a_line_with_what_to_do(shop: TestDesk) -> None:
    _heard(shop, "shopify", f"{shop.key}/orders-create/1")
    with shop.store.engine.begin() as connection:
        for account in (f"api:shopify:{shop.key}", "api:woocommerce:otherwise"):
            JobRows(connection, shop.clock.now()).hold(account, until=shop.clock.now(), shut=True)
        JobRows(connection, shop.clock.now()).hold(f"api:woocommerce:{shop.key}", until=shop.clock.now())
    assert "woocommerce" not in _of(shop)
    words = Catalogue().words(_home(shop, "ada"), shop.shop, "slack").body
    assert (
        "⚠️ *Shopify* · cut off: the app was uninstalled, or it refused our key · set a new key, restart, then opsbell check"
        " · last used Mon 23 Nov 09:05"
    ) in str(words).splitlines()


def test_articles_whose_stock_is_not_followed_are_counted_with_a_reason_and_need_no_look_at_the_server(shop: TestDesk) -> None:
    for item, sku in (("1", "<!here>"), ("2", "TEAPOT")):
        finding = f"No product here has the SKU {sku}: import the products."
        shop.execute(sa.insert(stock_items).values(shop_id=shop.shop.id, source="shopify", item=item, finding=finding))
    shop.execute(sa.insert(stock_items).values(shop_id=shop.shop.id, source="shopify", item="3", sku="MUG"))
    lines = str(Catalogue().words(_home(shop, "ada"), shop.shop, "slack").body).splitlines()
    assert "⚠️ *Shopify* · stock of 2 articles not followed · No product here has the SKU &lt;!here&gt;: import the products." in lines


def test_what_is_overdue_is_seen_first_and_what_is_not_shown_is_counted(shop: TestDesk) -> None:
    now = shop.clock.now()
    late, soon = (
        WaitingReturn(
            number=number, amount=Money(minor=2400, currency="EUR"), reason="not as described", customer="Noah T.", age_hours=9.0,
            answer_by=now + timedelta(hours=hours), overdue=hours < 0, state=ReturnState.REQUESTED,
        )
        for number, hours in (("R-306", -17), ("R-315", 2))
    )
    made = _home(shop, "ada")
    today = replace(made.today, approvals=replace(made.today.approvals, count=9))
    lines = str(Catalogue().words(replace(made, today=today, waiting=(late, soon)), shop.shop, "slack").lead).splitlines()
    assert lines[1:] == [
        "🔴 R-306 · €24.00 · *overdue since Sun 22 Nov 16:05* · not as described · Noah T.",
        "• R-315 · €24.00 · answer by Mon 23 Nov 11:05 · not as described · Noah T.", "and 7 more under Returns",
    ]
    whole = str(Catalogue().words(replace(made, waiting=(late,)), shop.shop, "slack").lead)
    assert "more under" not in whole


def test_what_was_not_used_is_not_called_well(shop: TestDesk) -> None:
    words = str(Catalogue().words(_home(shop, "ada"), shop.shop, "slack").body)
    assert "⚪ Slack · not used lately, so not known" in words
    assert "✅ Slack" not in words
