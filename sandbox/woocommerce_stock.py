"""WooCommerce's products: one by REST, and webhooks to who has subscribed.

Sources: woocommerce.github.io/woocommerce-rest-api-docs (product properties, "Retrieve a product", webhooks);
woocommerce/woocommerce 00e1bc4, class-wc-webhook.php: a webhook is posted once, whatever the app answers. A variation
is a product of its own here, with ``parent_id``. What is sold or counted leaves ``date_modified_gmt`` as it is
(woocommerce/woocommerce issue 40060). All is empty until /control/shop/woocommerce or an event puts something there.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final
from zlib import crc32

from aiohttp import web

from sandbox.faults import answer_with_fault
from sandbox.shop_orders import woo_error, woo_fault, woo_refusal

if TYPE_CHECKING:
    from sandbox.world import World

PRODUCT: Final = "/woocommerce/wp-json/wc/v3/products/{id}"
TOPICS: Final = ("product.created", "product.updated")
Row = dict[str, Any]


class State:
    """Products and subscriptions."""

    def __init__(self, world: World) -> None:
        self._world = world
        #: topic -> path or address; kept over a reset, as the app stays where it is
        self.subscriptions: dict[str, str] = {}
        self.products: dict[int, Row] = {}

    def reset(self) -> None:
        """No products; who subscribed stays."""
        self.products = {}

    def product_of(self, sku: str) -> int:
        """The number of the product with that SKU, made where it is new."""
        for number, row in self.products.items():
            if row["sku"] == sku:
                return number
        return 1_000_000 + crc32(sku.encode()) % 1_000_000

    async def put(self, number: int, *, tell: bool = True, **changed: Any) -> str:
        """A product with what changed of it; its webhook goes out. How the app took it."""
        known = self.products.get(number)
        now = self._world.clock.now().strftime("%Y-%m-%dT%H:%M:%S")
        blank = {
            "id": number, "name": "A product", "type": "simple", "status": "publish", "sku": "", "parent_id": 0,
            "manage_stock": False, "stock_quantity": None, "variations": [], "date_modified_gmt": now,
        }
        self.products[number] = {**(known or blank), **changed}
        topic = "product.updated" if known else "product.created"
        return await self._tell(topic, self.products[number]) if tell else "not told"

    async def _tell(self, topic: str, about: Row) -> str:
        from sandbox.world import AppUnreachable

        address = self.subscriptions.get(topic)
        if address is None:
            return "nobody subscribed"
        body = json.dumps(about).encode()
        secret = self._world.settings.woocommerce_webhook_secret.encode()
        headers = {
            "Content-Type": "application/json", "X-WC-Webhook-Topic": topic,
            "X-WC-Webhook-Signature": base64.b64encode(hmac.digest(secret, body, hashlib.sha256)).decode(),
        }
        try:
            answer = await self._world.post_to_app(address, body, headers, timeout=5)
        except AppUnreachable as error:
            verdict = f"unreachable ({error})"
        else:
            verdict = "ok" if 200 <= answer.status < 300 else f"http_{answer.status}"
        self._world.record("shop", "out", f"woocommerce {topic}", about, verdict)
        return verdict


def routes(world: World) -> list[web.RouteDef]:
    """One product, and the control of them."""

    async def one(request: web.Request) -> web.StreamResponse:
        fault = world.faults.take("shop", "woocommerce.products")

        async def answer() -> web.StreamResponse:
            made = woo_refusal(world, request) or _product(world, request.match_info["id"])
            verdict = "ok" if made.status == 200 else str(made.status)
            world.record("shop", "in", "woocommerce.products", dict(request.match_info), verdict)
            return made

        return await answer_with_fault(request, fault, answer, woo_fault)

    return [web.get(PRODUCT, one), web.post("/control/shop/woocommerce", _control(world))]


def _product(world: World, number: str) -> web.Response:
    row = world.woocommerce.products.get(int(number)) if number.isdecimal() else None
    if row is None:
        return woo_error("woocommerce_rest_product_invalid_id", "Invalid ID.", 404)
    return web.json_response(row)


def _control(world: World) -> Callable[[web.Request], Awaitable[web.Response]]:
    """One thing at a time: a subscription, a product or what changed of it, or a product that is gone."""

    async def put(request: web.Request) -> web.Response:
        try:
            told = await _put(world.woocommerce, json.loads(await request.read()))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            text = f"Say subscribe, product or gone, as docs/sandbox.md does: {error}"
            return web.json_response({"error": text}, status=400)
        return web.json_response({"ok": True, "told": told})

    return put


async def _put(stock: State, asked: Row) -> str:
    [(verb, about)] = asked.items()
    match verb:
        case "subscribe":
            if strange := set(about) - set(TOPICS):
                raise ValueError(f"there is no topic {', '.join(sorted(strange))}; there are {', '.join(TOPICS)}")
            stock.subscriptions |= about
        case "product":
            number = int(about.pop("id", 0)) or stock.product_of(str(about["sku"]))
            return await stock.put(number, **about)
        case "gone":
            stock.products.pop(int(about["id"]))
        case _:
            raise ValueError(f"I do not know {verb}")
    return "not told"
