"""Shopify's stock: inventory items, locations and levels by REST, and webhooks to who has subscribed.

Sources: shopify.dev/docs/api/admin-rest (inventoryitem, inventorylevel, location, usage/response-codes) and
docs/apps/build/webhooks (headers, HMAC); read 2026-11-28. Moments are whole seconds, as Shopify's are.
All of it is empty until /control/shop/shopify puts something there, or an event of the demo shop does.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from hmac import compare_digest
from typing import TYPE_CHECKING, Any, Final
from zlib import crc32

from aiohttp import web

from sandbox.faults import answer_with_fault
from sandbox.shop_orders import shopify_fault

if TYPE_CHECKING:
    from sandbox.world import World

#: most ids of one question, and most rows of one page
ITEMS_AT_ONCE, LEVELS_AT_ONCE, PAGE = 100, 50, 250
TOPICS: Final = (
    "products/create", "products/update", "inventory_levels/update", "inventory_levels/connect", "app/uninstalled",
)
#: real seconds between the attempts to post a webhook that was not taken
_RETRIES = (0.3, 1.0)
Row = dict[str, Any]


class NotPut(ValueError):
    """What was asked for cannot be; the text says why."""


class State:
    """Items, locations, levels and subscriptions."""

    def __init__(self, world: World) -> None:
        self._world = world
        #: topic -> path or address; kept over a reset, as the app stays where it is
        self.subscriptions: dict[str, str] = {}
        #: what the app is known by; None: it is uninstalled
        self.token: str | None = world.settings.shopify_token
        self.items: dict[int, Row] = {}
        self.locations: dict[int, Row] = {}
        self.levels: dict[tuple[int, int], Row] = {}

    def reset(self) -> None:
        """Nothing is stocked, and the app is installed; who subscribed stays."""
        self.token = self._world.settings.shopify_token
        self.items, self.locations, self.levels = {}, {}, {}

    @property
    def moment(self) -> str:
        """Now, as Shopify writes it."""
        return self._world.clock.now().replace(microsecond=0).isoformat()

    def item_of(self, sku: str) -> int:
        """The number of the item with that SKU, made where it is new."""
        for number, row in self.items.items():
            if row["sku"] == sku:
                return number
        number = 43_000_000_000_000 + crc32(sku.encode())
        self.items[number] = self._item(number, sku)
        return number

    async def name(self, item: int, sku: str | None) -> str:
        """Give an item its SKU; the product's webhook goes out. How the app took it."""
        known = item in self.items
        self.items[item] = self._item(item, sku)
        product = {
            "id": item + 1, "title": sku or "A product", "updated_at": self.moment, "status": "active",
            "variants": [{"id": item + 2, "product_id": item + 1, "sku": sku or "", "inventory_item_id": item}],
        }
        return await self._tell("products/update" if known else "products/create", product)

    async def change(
        self, item: int, location: int, available: int, at: str | None = None, *, tell: bool = True
    ) -> str:
        """Set what can be sold at a place, as in the admin; the level's webhook goes out. How the app took it.

        An item that was never kept at that place is connected to it first, with none.
        """
        connected = (item, location) in self.levels
        level = {
            "inventory_item_id": item, "location_id": location, "available": available,
            "updated_at": at or self.moment,
            "admin_graphql_api_id": f"gid://shopify/InventoryLevel/{location}?inventory_item_id={item}",
        }
        self.levels[item, location] = level
        if tell and not connected:
            await self._tell("inventory_levels/connect", {**level, "available": 0})
        return await self._tell("inventory_levels/update", level) if tell else "not told"

    def knows(self, token: str) -> bool:
        """Whether that is the app's."""
        return self.token is not None and compare_digest(token.encode(), self.token.encode())

    async def uninstall(self) -> str:
        """The token opens nothing from now on, then the app is told, with the shop as it stands. How it took it."""
        self.token = None
        shop = {
            "id": 548380009, "name": "Nordlicht", "email": "shop@example.com", "shop_owner": "Ada", "currency": "EUR",
            "myshopify_domain": "nordlicht.myshopify.com", "updated_at": self.moment,
        }
        return await self._tell("app/uninstalled", shop)

    def _item(self, number: int, sku: str | None) -> Row:
        return {
            "id": number, "sku": sku or "", "tracked": True, "requires_shipping": True, "cost": None,
            "created_at": self.moment, "updated_at": self.moment,
            "admin_graphql_api_id": f"gid://shopify/InventoryItem/{number}",
        }

    async def _tell(self, topic: str, about: Row) -> str:
        address = self.subscriptions.get(topic)
        if address is None:
            return "nobody subscribed"
        body = json.dumps(about).encode()
        verdict = await self._post(topic, address, body)
        for wait in _RETRIES:
            if verdict == "ok":
                break
            await asyncio.sleep(wait)
            verdict = await self._post(topic, address, body)
        self._world.record("shop", "out", f"shopify {topic}", about, verdict)
        return verdict

    async def _post(self, topic: str, address: str, body: bytes) -> str:
        from sandbox.world import AppUnreachable

        secret = self._world.settings.shopify_webhook_secret.encode()
        headers = {
            "Content-Type": "application/json", "X-Shopify-Topic": topic,
            "X-Shopify-Hmac-Sha256": base64.b64encode(hmac.digest(secret, body, hashlib.sha256)).decode(),
            "X-Shopify-Shop-Domain": "nordlicht.myshopify.com", "X-Shopify-API-Version": "2026-10",
        }
        try:
            answer = await self._world.post_to_app(address, body, headers, timeout=5)
        except AppUnreachable as error:
            return f"unreachable ({error})"
        return "ok" if 200 <= answer.status < 300 else f"http_{answer.status}"


def routes(world: World) -> list[web.RouteDef]:
    """Three lists, and the control of them."""

    def guarded(name: str, act: Callable[[World, web.Request], web.Response]) -> Any:
        async def handle(request: web.Request) -> web.StreamResponse:
            fault = world.faults.take("shop", f"shopify.{name}")

            async def answer() -> web.StreamResponse:
                made = act(world, request) if _knows(world, request) else _unknown_key()
                verdict = "ok" if made.status == 200 else str(made.status)
                world.record("shop", "in", f"shopify.{name}", dict(request.query), verdict)
                return made

            return await answer_with_fault(request, fault, answer, shopify_fault)

        return handle

    base = "/shopify/admin/api/{version}"
    return [
        web.get(f"{base}/inventory_items.json", guarded("inventory_items", _items)),
        web.get(f"{base}/inventory_levels.json", guarded("inventory_levels", _levels)),
        web.get(f"{base}/locations.json", guarded("locations", _locations)),
        web.post("/control/shop/shopify", _control(world)),
    ]


def _knows(world: World, request: web.Request) -> bool:
    token = request.headers.get("X-Shopify-Access-Token", "")
    return world.shopify.knows(token)


def _unknown_key() -> web.Response:
    wrong = "[API] Invalid API key or access token (unrecognized login or wrong password)"
    return web.json_response({"errors": wrong}, status=401)


def _ids(request: web.Request, name: str, most: int) -> list[int] | None:
    """The numbers that are asked for; None where there are none, too many, or others than numbers."""
    given = [one for one in request.query.get(name, "").split(",") if one]
    if not given or len(given) > most or not all(one.isdecimal() for one in given):
        return None
    return [int(one) for one in given]


def _items(world: World, request: web.Request) -> web.Response:
    asked = _ids(request, "ids", ITEMS_AT_ONCE)
    if asked is None:
        return web.json_response({"errors": {"ids": "ids must be present"}}, status=422)
    stock = world.shopify.items
    return web.json_response({"inventory_items": [stock[one] for one in asked if one in stock]})


def _levels(world: World, request: web.Request) -> web.Response:
    """By items, places, or both; pages by the cursor, which takes no filter beside it."""
    if "page_info" in request.query:
        if set(request.query) - {"page_info", "limit", "fields"}:
            return web.json_response({"errors": {"page_info": "takes no filter beside it"}}, status=400)
        asked = json.loads(base64.urlsafe_b64decode(request.query["page_info"]))
    else:
        items, places = (_ids(request, one, LEVELS_AT_ONCE) for one in ("inventory_item_ids", "location_ids"))
        if items is None and places is None:
            missing = "inventory_item_ids and location_ids are both empty, or more than 50"
            return web.json_response({"errors": missing}, status=422)
        asked = {"items": items, "places": places, "since": request.query.get("updated_at_min"), "after": 0}
    since = datetime.fromisoformat(asked["since"]) if asked["since"] else None
    found = [
        row for (item, place), row in sorted(world.shopify.levels.items())
        if (asked["items"] is None or item in asked["items"]) and (asked["places"] is None or place in asked["places"])
        and (since is None or datetime.fromisoformat(row["updated_at"]) >= since)
    ]
    return _one_page(request, "inventory_levels", found, asked)


def _locations(world: World, request: web.Request) -> web.Response:
    asked = {"after": 0}
    if "page_info" in request.query:
        asked = json.loads(base64.urlsafe_b64decode(request.query["page_info"]))
    return _one_page(request, "locations", list(world.shopify.locations.values()), asked)


def _one_page(request: web.Request, name: str, found: list[Row], asked: Row) -> web.Response:
    """So many rows, with a link to those that follow."""
    limit, after = min(int(request.query.get("limit", "50")), PAGE), asked["after"]
    answer = web.json_response({name: found[after : after + limit]})
    if len(found) > after + limit:
        info = base64.urlsafe_b64encode(json.dumps({**asked, "after": after + limit}).encode()).decode()
        answer.headers["Link"] = f'<{request.url.origin()}{request.path}?limit={limit}&page_info={info}>; rel="next"'
    return answer


def _control(world: World) -> Callable[[web.Request], Awaitable[web.Response]]:
    """One thing at a time: a subscription, a location, an item's SKU or that it is gone, a level, the app."""

    async def put(request: web.Request) -> web.Response:
        try:
            asked = json.loads(await request.read())
            told = await _put(world, asked)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            text = f"Say subscribe, location, name, gone, level, uninstall or install, as docs/sandbox.md does: {error}"
            return web.json_response({"error": text}, status=400)
        return web.json_response({"ok": True, "told": told})

    return put


async def _put(world: World, asked: Row) -> str:
    stock = world.shopify
    [(verb, about)] = asked.items()
    match verb:
        case "subscribe":
            if strange := set(about) - set(TOPICS):
                raise NotPut(f"there is no topic {', '.join(sorted(strange))}; there are {', '.join(TOPICS)}")
            stock.subscriptions |= about
        case "location":
            stock.locations[int(about["id"])] = {"id": int(about["id"]), "name": str(about["name"]), "active": True}
        case "name":
            return await stock.name(int(about["item"]), about["sku"])
        case "uninstall":
            return await stock.uninstall()
        case "install":
            stock.token = str(about["token"])
        case "gone":
            stock.items.pop(int(about["item"]))
            stock.levels = {key: row for key, row in stock.levels.items() if key[0] != int(about["item"])}
        case "level":
            item = int(about["item"]) if "item" in about else stock.item_of(str(about["sku"]))
            return await stock.change(
                item, int(about["location"]), int(about["available"]), about.get("at"), tell=about.get("tell", True)
            )
        case _:
            raise NotPut(f"I do not know {verb}")
    return "not told"
