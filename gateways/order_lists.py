"""What changed since a moment, as a shop system's own REST API lists it: what webhooks may have lost.

Sources: woocommerce.github.io/woocommerce-rest-api-docs, "List all orders" (``modified_after``: WooCommerce 5.8 and
later); shopify.dev/docs/api/admin-rest, order, inventorylevel (50 places), and usage/pagination; read 2026-11-28.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final, Protocol

from domain.foreign import moment, part, rows
from domain.jobs import Transaction
from domain.wire import Json
from gateways.shop_api import Call, NotListed

_WOO_PAGE: Final = 100
SHOPIFY_PAGE: Final = 250
SHOPIFY_VERSION: Final = "2026-10"
#: pages of one look; what does not fit is taken up by the next, at once
_MOST_PAGES: Final = 4
#: places whose levels one question takes, and pages of levels that one look reads
_PLACES: Final = 50
_MOST_LEVEL_PAGES: Final = 20
#: older orders that change were imported, or are none of ours
_OLDEST: Final = timedelta(days=30)
_PAID: Final = frozenset({"paid", "partially_refunded"})


@dataclass(frozen=True, kw_only=True)
class Told:
    """A part of a list, as the webhook of that topic would have told it."""

    topic: str
    #: the order's own id at the vendor, or the item's: what is told of one is worked off in turn
    order: str
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Look:
    """What one look brought. ``upto``: how far it got where there is more; None = to the end."""

    told: tuple[Told, ...]
    upto: datetime | None


class OrderList(Protocol):
    """One shop's list."""

    async def changed(self, since: datetime, now: datetime, call: Call) -> Look:
        """What changed since then, oldest first; NotListed, TooOften, NotNow, aiohttp.ClientError, TimeoutError."""


@dataclass(frozen=True, kw_only=True)
class WooCommerceOrders:
    """``/wp-json/wc/v3/orders``, by a REST key that may read."""

    url: str
    #: the header that proves who asks
    authorization: str

    async def changed(self, since: datetime, now: datetime, call: Call) -> Look:
        """By the last one's moment, not by page numbers: an order that changes meanwhile moves all that follow it."""
        return await _read(self._pages(since, call), since, now, "date_modified_gmt", "date_created_gmt", _woo_told)

    async def _pages(self, since: datetime, call: Call) -> AsyncIterator[tuple[list[dict[str, Json]], bool]]:
        after, page, headers = since, 1, {"Authorization": self.authorization}
        while True:
            params = {
                "modified_after": after.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"), "dates_are_gmt": "true",
                "orderby": "modified", "order": "asc", "per_page": str(_WOO_PAGE), "page": str(page),
            }
            body, _ = await call(f"{self.url}/wp-json/wc/v3/orders", params, headers)
            found = rows(body)
            yield found, len(found) == _WOO_PAGE
            # Both ends are whole seconds, and "after" leaves its own out: one second back, none is missed.
            last = moment(found[-1]["date_modified_gmt"], local="UTC") - timedelta(seconds=1)
            after, page = (last, 1) if last > after else (after, page + 1)


@dataclass(frozen=True, kw_only=True)
class ShopifyOrders:
    """``/admin/api/<version>/orders.json``, by a custom app's token with the scope read_orders.

    With read_inventory and read_locations the levels too: they are absolute, so their order and their pages' end do not
    matter.
    """

    url: str
    token: str

    async def changed(self, since: datetime, now: datetime, call: Call) -> Look:
        """By Shopify's own cursors. Each order's fulfillments come with it."""
        orders = await _read(self._pages(since, call), since, now, "updated_at", "created_at", _shopify_told)
        return replace(orders, told=(*orders.told, *await self._levels(since, call)))

    async def _levels(self, since: datetime, call: Call) -> list[Told]:
        found: list[Told] = []
        try:
            body, _ = await self._get(call, "locations", {"limit": str(SHOPIFY_PAGE)})
            places = [str(row["id"]) for row in rows(part(body)["locations"])][:_PLACES]
            params = {
                "location_ids": ",".join(places), "updated_at_min": since.astimezone(UTC).isoformat(timespec="seconds"),
                "limit": str(SHOPIFY_PAGE),
            }
            for _ in range(_MOST_LEVEL_PAGES if places else 0):
                body, following = await self._get(call, "inventory_levels", params)
                found += map(level_told, rows(part(body)["inventory_levels"]))
                if following is None:
                    break
                params = {"limit": str(SHOPIFY_PAGE), "page_info": following}
        except NotListed:
            return []  # a key that may not: the orders are read all the same
        return found

    async def _pages(self, since: datetime, call: Call) -> AsyncIterator[tuple[list[dict[str, Json]], bool]]:
        limit = str(SHOPIFY_PAGE)
        params = {
            "updated_at_min": since.astimezone(UTC).isoformat(timespec="seconds"), "status": "any", "limit": limit,
            "order": "updated_at asc",
        }
        while True:
            body, following = await self._get(call, "orders", params)
            yield rows(part(body)["orders"]), following is not None
            # Only the cursor is taken from the link: the token is sent to no address that an answer names.
            params = {"limit": limit, "page_info": following or ""}

    async def _get(self, call: Call, what: str, params: Mapping[str, str]) -> tuple[Json, str | None]:
        url = f"{self.url}/admin/api/{SHOPIFY_VERSION}/{what}.json"
        return await call(url, params, {"X-Shopify-Access-Token": self.token})


def keep(transaction: Transaction, source: str, shop: str, one: Told) -> None:
    """Under the key of a posted event of those bytes: what was listed before is not worked off again."""
    key = f"{shop}/{one.topic}/sha256:{sha256(one.body).hexdigest()}"
    lane = f"learn:{source}:{shop}:{one.order[:80]}"
    transaction.inbox.keep(source, key, one.body, headers={"shop": shop, "topic": one.topic}, lane=lane)


async def _read(
    pages: AsyncIterator[tuple[list[dict[str, Json]], bool]], since: datetime, now: datetime, changed: str, made: str,
    told: Any,
) -> Look:
    """Pages until the end, or until there are enough of them and the last order is later than ``since``."""
    found: dict[Told, None] = {}
    count = 0
    async for page, more in pages:
        count += 1
        for order in page:
            if moment(order[made], local="UTC") >= now - _OLDEST:
                found.update(dict.fromkeys(told(order)))
        if not more or not page:
            break
        last = moment(page[-1][changed], local="UTC") - timedelta(seconds=1)
        if count >= _MOST_PAGES and last > since:
            return Look(told=tuple(found), upto=last)
    return Look(told=tuple(found), upto=None)


def _woo_told(order: Mapping[str, Json]) -> Iterator[Told]:
    yield Told(topic="order-updated", order=str(order["id"]), body=_bytes(order))


def _shopify_told(order: Mapping[str, Json]) -> Iterator[Told]:
    """The order, and each of its fulfillments. What is called off, or of the test gateway, is nobody's order."""
    if order.get("test") is True or order.get("cancelled_at"):
        return
    paid = order.get("financial_status") in _PAID
    id_ = str(order["id"])
    yield Told(topic="orders-paid" if paid else "orders-create", order=id_, body=_bytes(order))
    listed = order.get("fulfillments")
    for one in listed if isinstance(listed, list) else ():
        yield Told(topic="fulfillments-update", order=id_, body=_bytes(part(one)))


def level_told(level: Mapping[str, Json]) -> Told:
    """A listed level as its webhook would have told it."""
    return Told(topic="inventory-levels-update", order=f"item {level.get('inventory_item_id')}", body=_bytes(level))


def _bytes(value: Mapping[str, Json]) -> bytes:
    return json.dumps(value, sort_keys=True).encode()
