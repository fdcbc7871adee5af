"""Two shop systems' lists of orders, as their REST APIs give them: WooCommerce at /woocommerce, Shopify at /shopify.

Sources: woocommerce.github.io/woocommerce-rest-api-docs ("List all orders", "Errors", "Pagination");
shopify.dev/docs/api/admin-rest (order, usage/pagination, usage/response-codes, usage/rate-limits); read 2026-11-28.
Both are empty until /control/shop/orders puts an order there, in the vendor's own form.
"""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from hmac import compare_digest
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from sandbox.faults import Fault, answer_with_fault

if TYPE_CHECKING:
    from sandbox.world import World

WOO: Final = "/woocommerce/wp-json/wc/v3/orders"
SHOPIFY: Final = "/shopify/admin/api/{version}/orders.json"
WOO_MOST, SHOPIFY_MOST = 100, 250
Order = dict[str, Any]
#: what an order must have to be listed at all, by vendor: its id, and when it last changed
_FIELDS: Final = {"woocommerce": ("id", "date_modified_gmt"), "shopify": ("id", "updated_at")}


class State:
    """The orders by vendor and id."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.orders: dict[str, dict[str, Order]] = {}
        self.reset()

    def reset(self) -> None:
        """No orders."""
        self.orders = {vendor: {} for vendor in _FIELDS}

    def put(self, vendor: str, order: Order) -> None:
        """One that is new or has changed; ValueError if it cannot be listed."""
        for name in _FIELDS[vendor]:
            if name not in order:
                raise ValueError(f"An order of {vendor} has {name}.")
        changed(vendor, order)
        self.orders[vendor][str(order["id"])] = order

    def listed(self, vendor: str, since: datetime | None, *, inclusive: bool) -> list[Order]:
        """Those that changed since then, the longest ago first."""
        found = sorted(self.orders[vendor].values(), key=lambda one: (changed(vendor, one), int(one["id"])))
        if since is None:
            return found
        return [
            one for one in found
            if changed(vendor, one) > since or (inclusive and changed(vendor, one) == since)
        ]


def changed(vendor: str, order: Order) -> datetime:
    """When an order last changed."""
    moment = datetime.fromisoformat(str(order[_FIELDS[vendor][1]]))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def routes(world: World) -> list[web.RouteDef]:
    """Both APIs."""

    def guarded(vendor: str, act: Any, shape: Any) -> Any:
        async def handle(request: web.Request) -> web.StreamResponse:
            fault = world.faults.take("shop", f"{vendor}.orders")

            async def answer() -> web.StreamResponse:
                made: web.Response = act(world, request)
                verdict = "ok" if made.status == 200 else str(made.status)
                world.record("shop", "in", f"{vendor}.orders", dict(request.query), verdict)
                return made

            return await answer_with_fault(request, fault, answer, shape)

        return handle

    return [
        web.get(WOO, guarded("woocommerce", _woo, woo_fault)),
        web.get(SHOPIFY, guarded("shopify", _shopify, shopify_fault)),
        web.post("/control/shop/orders", _put(world)),
    ]


def _put(world: World) -> Any:
    async def put(request: web.Request) -> web.Response:
        """``{"vendor": "woocommerce", "order": {...}}``."""
        try:
            asked = json.loads(await request.read())
            world.orders.put(asked["vendor"], asked["order"])
        except (ValueError, KeyError, TypeError) as error:
            return web.json_response({"error": f"Say vendor and order: {error}"}, status=400)
        return web.json_response({"ok": True})

    return put


# -- WooCommerce


def woo_error(code: str, message: str, status: int) -> web.Response:
    """A refusal as WooCommerce words it."""
    return web.json_response({"code": code, "message": message, "data": {"status": status}}, status=status)


def woo_fault(fault: Fault) -> web.Response:
    """A failure as WooCommerce words it."""
    status = fault.status or (429 if fault.kind == "ratelimit" else 500)
    answer = woo_error(fault.error, "Sorry.", status)
    if fault.kind == "ratelimit":
        answer.headers["Retry-After"] = str(fault.retry_after)
    return answer


def woo_refusal(world: World, request: web.Request) -> web.Response | None:
    """What whoever has no good key is answered; None: let in."""
    settings = world.settings
    kind, _, given = request.headers.get("Authorization", "").partition(" ")
    try:
        key, _, secret = base64.b64decode(given, validate=True).decode().partition(":")
    except ValueError:
        key = secret = ""
    if kind.lower() != "basic" or not key:
        return woo_error("woocommerce_rest_cannot_view", "Sorry, you cannot list resources.", 401)
    if not compare_digest(key.encode(), settings.woocommerce_key.encode()):
        return woo_error("woocommerce_rest_authentication_error", "Consumer key is invalid.", 401)
    if not compare_digest(secret.encode(), settings.woocommerce_secret.encode()):
        return woo_error("woocommerce_rest_authentication_error", "Consumer secret is invalid.", 401)
    return None


def _woo(world: World, request: web.Request) -> web.Response:
    query = request.query
    if (refused := woo_refusal(world, request)) is not None:
        return refused
    per_page, page = query.get("per_page", "10"), query.get("page", "1")
    orderby, order = query.get("orderby", "date"), query.get("order", "desc")
    good = {
        "per_page": per_page.isdigit() and 1 <= int(per_page) <= WOO_MOST, "page": page.isdigit() and int(page) >= 1,
        "orderby": orderby in {"date", "modified", "id", "include", "title", "slug"}, "order": order in {"asc", "desc"},
    }
    since = None
    if "modified_after" in query:
        try:
            since = datetime.fromisoformat(query["modified_after"]).replace(tzinfo=UTC)
        except ValueError:
            good["modified_after"] = False
    if wrong := [name for name, right in good.items() if not right]:
        return woo_error("rest_invalid_param", f"Invalid parameter(s): {', '.join(wrong)}", 400)
    found = world.orders.listed("woocommerce", since, inclusive=False)
    if orderby != "modified":
        found = sorted(found, key=lambda one: int(one["id"]))
    if order == "desc":
        found.reverse()
    size, number = int(per_page), int(page)
    headers = {"X-WP-Total": str(len(found)), "X-WP-TotalPages": str(-(-len(found) // size))}
    return web.json_response(found[(number - 1) * size : number * size], headers=headers)


# -- Shopify


def shopify_fault(fault: Fault) -> web.Response:
    """A failure as Shopify words it."""
    status = fault.status or (429 if fault.kind == "ratelimit" else 500)
    answer = web.json_response({"errors": fault.error}, status=status)
    if fault.kind == "ratelimit":
        answer.headers["Retry-After"] = f"{fault.retry_after}.0"
    return answer


def _shopify(world: World, request: web.Request) -> web.Response:
    query = request.query
    token = request.headers.get("X-Shopify-Access-Token", "")
    if not world.shopify.knows(token):
        wrong = "[API] Invalid API key or access token (unrecognized login or wrong password)"
        return web.json_response({"errors": wrong}, status=401)
    limit = query.get("limit", "50")
    if not limit.isdigit() or not 1 <= int(limit) <= SHOPIFY_MOST:
        return web.json_response({"errors": {"limit": "must be from 1 to 250"}}, status=400)
    if "page_info" in query:
        if set(query) - {"page_info", "limit", "fields"}:
            return web.json_response({"errors": {"page_info": "takes no filter beside it"}}, status=400)
        try:
            asked = json.loads(base64.urlsafe_b64decode(query["page_info"]))
        except ValueError:
            return web.json_response({"errors": {"page_info": "Invalid value."}}, status=400)
    else:
        asked = {
            "since": query.get("updated_at_min"), "order": query.get("order"), "after": None,
            "status": query.get("status", "open"),
        }
    since = datetime.fromisoformat(asked["since"]) if asked["since"] else None
    found = world.orders.listed("shopify", since, inclusive=True)
    if asked["status"] == "open":
        found = [one for one in found if not one.get("cancelled_at") and not one.get("closed_at")]
    if asked["order"] != "updated_at asc":
        found = sorted(found, key=lambda one: -int(one["id"]))
    elif asked["after"] is not None:
        # The cursor stands on a moment and an id, not on a number of places: whoever moves leaves no gap.
        moment, id_ = datetime.fromisoformat(asked["after"][0]), asked["after"][1]
        found = [one for one in found if (changed("shopify", one), int(one["id"])) > (moment, id_)]
    page, more = found[: int(limit)], len(found) > int(limit)
    answer = web.json_response({"orders": page})
    if more:
        after = [changed("shopify", page[-1]).isoformat(), int(page[-1]["id"])]
        info = base64.urlsafe_b64encode(json.dumps({**asked, "after": after}).encode()).decode()
        answer.headers["Link"] = f'<{request.url.origin()}{request.path}?limit={limit}&page_info={info}>; rel="next"'
    return answer
