"""Shopify's stock in the sandbox: what its lists refuse, and the signed webhook of a changed level."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

from sandbox.server import running
from sandbox.world import Settings, World

API = "/shopify/admin/api/2026-10"
TOKEN = {"X-Shopify-Access-Token": "shpat_sandbox"}


@dataclass
class Heard:
    """The app beside the sandbox."""

    posts: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    refuse: int = 0

    async def take(self, request: web.Request) -> web.Response:
        self.posts.append((request.path, dict(request.headers), await request.read()))
        self.refuse -= 1
        return web.Response(status=503 if self.refuse >= 0 else 200)


@dataclass
class Stand:
    world: World
    http: aiohttp.ClientSession
    heard: Heard

    async def put(self, **asked: Any) -> dict[str, Any]:
        async with self.http.post(f"{self.world.address}/control/shop/shopify", json=asked) as answer:
            return {"status": answer.status, **await answer.json()}

    async def get(self, what: str, headers: dict[str, str] = TOKEN, **query: str) -> tuple[int, Any, str]:
        async with self.http.get(f"{self.world.address}{API}/{what}.json", params=query, headers=headers) as answer:
            return answer.status, await answer.json(), answer.headers.get("Link", "")


@pytest_asyncio.fixture
async def stand() -> AsyncIterator[Stand]:
    heard, app = Heard(), web.Application()
    app.router.add_post("/{path:.*}", heard.take)
    async with (
        TestServer(app, host="127.0.0.1") as server,
        running(Settings(app=f"http://127.0.0.1:{server.port}", app_seconds=60.0)) as world, aiohttp.ClientSession() as http,
    ):
        yield Stand(world, http, heard)


async def test_an_item_is_connected_to_a_place_once_before_its_first_level(stand: Stand) -> None:
    await stand.put(subscribe={"inventory_levels/connect": "/connect", "inventory_levels/update": "/update"})
    for pieces in (12, 13):
        await stand.put(level={"item": 5, "location": 7, "available": pieces})
    posted = [(path, json.loads(body)["available"]) for path, _, body in stand.heard.posts]
    assert posted == [("/connect", 0), ("/update", 12), ("/update", 13)]


async def test_places_come_in_pages(stand: Stand) -> None:
    for number in range(3):
        await stand.put(location={"id": number, "name": f"Place {number}"})
    status, body, link = await stand.get("locations", limit="2")
    assert (status, [row["id"] for row in body["locations"]]) == (200, [0, 1])
    cursor = link.partition("page_info=")[2].partition(">")[0]
    _, body, link = await stand.get("locations", limit="2", page_info=cursor)
    assert ([row["id"] for row in body["locations"]], link) == ([2], "")


async def test_a_changed_level_is_posted_signed_and_listed(stand: Stand) -> None:
    await stand.put(subscribe={"inventory_levels/update": "/webhooks/here"})
    assert (await stand.put(level={"item": 5, "location": 7, "available": 12}))["told"] == "ok"
    ((path, headers, body),) = stand.heard.posts
    assert path == "/webhooks/here"
    proof = hmac.new(b"sandbox-shopify-webhook-secret", body, hashlib.sha256).digest()
    assert headers["X-Shopify-Hmac-Sha256"] == base64.b64encode(proof).decode()
    event = json.loads(body)
    assert (event["inventory_item_id"], event["location_id"], event["available"]) == (5, 7, 12)
    assert "." not in event["updated_at"]
    status, found, _ = await stand.get("inventory_levels", inventory_item_ids="5,6")
    assert (status, found) == (200, {"inventory_levels": [event]})


async def test_a_webhook_that_is_not_taken_is_posted_again_and_one_may_be_lost(stand: Stand) -> None:
    await stand.put(subscribe={"inventory_levels/update": "/here"})
    stand.heard.refuse = 1
    assert (await stand.put(level={"item": 5, "location": 7, "available": 1}))["told"] == "ok"
    assert len(stand.heard.posts) == 2
    assert (await stand.put(level={"item": 5, "location": 7, "available": 2, "tell": False}))["told"] == "not told"
    assert len(stand.heard.posts) == 2


async def test_a_products_webhook_names_its_items_sku(stand: Stand) -> None:
    await stand.put(subscribe={"products/create": "/new", "products/update": "/changed"})
    await stand.put(name={"item": 5, "sku": "MUG"})
    await stand.put(name={"item": 5, "sku": None})
    assert [path for path, _, _ in stand.heard.posts] == ["/new", "/changed"]
    assert [json.loads(body)["variants"][0]["sku"] for _, _, body in stand.heard.posts] == ["MUG", ""]
    await stand.put(gone={"item": 5})
    assert (await stand.get("inventory_items", ids="5"))[1] == {"inventory_items": []}


@pytest.mark.parametrize("what", ["inventory_items", "inventory_levels", "locations"])
async def test_a_wrong_token_reads_nothing(stand: Stand, what: str) -> None:
    assert (await stand.get(what, headers={}, ids="1", inventory_item_ids="1"))[0] == 401


@pytest.mark.parametrize(("what", "query", "status"), [
    ("inventory_items", {}, 422), ("inventory_items", {"ids": "x"}, 422),
    ("inventory_items", {"ids": ",".join(map(str, range(101)))}, 422),
    ("inventory_levels", {}, 422), ("inventory_levels", {"inventory_item_ids": ",".join(map(str, range(51)))}, 422),
    ("inventory_levels", {"page_info": "x", "location_ids": "1"}, 400),
])
async def test_what_shopify_would_refuse_is_refused(stand: Stand, what: str, query: dict[str, str], status: int) -> None:
    assert (await stand.get(what, **query))[0] == status


async def test_levels_come_in_pages_by_a_cursor(stand: Stand) -> None:
    for item in range(5):
        await stand.put(level={"item": item, "location": 7, "available": item})
    seen, query = [], {"location_ids": "7", "limit": "2"}
    while True:
        _, found, link = await stand.get("inventory_levels", **query)
        seen += [one["inventory_item_id"] for one in found["inventory_levels"]]
        if not link:
            break
        query = {"limit": "2", "page_info": link.partition("page_info=")[2].partition(">")[0]}
    assert seen == list(range(5))


@pytest.mark.parametrize("asked", [{}, {"steal": {}}, {"level": {"item": 5}}, {"subscribe": {"orders/create": "/x"}}, {"gone": {"item": 9}}])
async def test_what_makes_no_sense_is_refused_in_a_sentence(stand: Stand, asked: dict[str, Any]) -> None:
    answer = await stand.put(**asked)
    assert answer["status"] == 400
    assert "docs/sandbox.md" in answer["error"]


async def test_an_app_that_is_uninstalled_is_told_signed_and_let_in_again_by_its_new_token(stand: Stand) -> None:
    await stand.put(subscribe={"app/uninstalled": "/gone"})
    assert (await stand.put(uninstall={}))["told"] == "ok"
    ((path, headers, body),) = stand.heard.posts
    assert (path, headers["X-Shopify-Topic"], json.loads(body)["name"]) == ("/gone", "app/uninstalled", "Nordlicht")
    for what in ("locations", "orders"):
        assert (await stand.get(what))[0] == 401
    await stand.put(install={"token": "shpat_new"})
    for what in ("locations", "orders"):
        assert (await stand.get(what))[0] == 401
        assert (await stand.get(what, {"X-Shopify-Access-Token": "shpat_new"}))[0] == 200
