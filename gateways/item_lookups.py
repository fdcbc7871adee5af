"""What a shop system's inventory items are: asked for once an event names one that is not known, or cannot settle it.

One job for each event that wants it, in one lane for each shop; whichever comes first asks for all that wait. Sources:
shopify.dev/docs/api/admin-rest, inventoryitem (100 ids), inventorylevel (50 ids) and location;
woocommerce.github.io/woocommerce-rest-api-docs, "Retrieve a product"; read 2026-11-28.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

import aiohttp

from domain.foreign import moment, named, part, rows, word
from domain.inventory import (
    LOOK_UP,
    ItemName,
    ItemsLookedUp,
    StockLevelTold,
    Wanted,
    note_items_looked_up,
)
from domain.jobs import Engine, Job, Transaction
from domain.outcomes import Done, Failed, Later, Outcome, Turn, at_once, wait_before
from domain.wire import Json
from gateways import shopify, woocommerce
from gateways.order_lists import SHOPIFY_PAGE, SHOPIFY_VERSION
from gateways.shop_api import Call, KeyRefused, NotListed, NotThere, TooOften, caller, gaps, note_refused

#: what one question for levels takes
_AT_ONCE: Final = 50
_MOST_PAGES: Final = 20
#: WordPress may take a second for each, and all have to fit into one job
_WOO_AT_ONCE: Final = 5
#: source -> what a key must be allowed
_RIGHTS: Final = {"shopify": "the scope read_inventory", "woocommerce": "the permission Read"}
#: attempts before what waits is told that there is no answer; about a quarter of an hour
_ATTEMPTS: Final = 8
#: below what the delivery gives one job
_PATIENCE: Final = 15.0


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a shop system says of some items. Asked for and not among ``items`` = gone."""

    items: tuple[ItemName, ...]
    levels: tuple[StockLevelTold, ...]
    #: names by number; none where the key may not read them
    places: tuple[tuple[str, str], ...]


class ItemList(Protocol):
    """One shop's items."""

    @property
    def at_once(self) -> int:
        """Of how many one look-up asks."""

    async def ask(self, items: Sequence[str], call: Call) -> Answer:
        """What those are; NotListed, TooOften, KeyRefused, NotNow, aiohttp.ClientError, TimeoutError."""


@dataclass(frozen=True, kw_only=True)
class ShopifyItems:
    """By a custom app's token with the scope read_inventory, and read_locations for the names of places."""

    url: str
    token: str
    at_once: int = _AT_ONCE

    async def ask(self, items: Sequence[str], call: Call) -> Answer:
        """Three questions. Numbers that Shopify cannot have are not asked for: there is no such item."""
        good = [item for item in items if item.isascii() and item.isdigit()]
        if not good:
            return Answer(items=(), levels=(), places=())
        names = rows(part(await self._one(call, "inventory_items", {"ids": ",".join(good)}))["inventory_items"])
        levels = await self._levels(call, good)
        try:
            places = rows(part(await self._one(call, "locations", {}))["locations"])
        except NotListed:
            places = []
        return Answer(
            items=tuple(
                ItemName(item=named(row["id"], "id"), sku=word(row.get("sku")), at=moment(row["updated_at"]))
                for row in names
            ),
            levels=tuple(levels),
            places=tuple((named(row["id"], "id"), named(row["name"], "name")) for row in places),
        )

    async def _levels(self, call: Call, items: Sequence[str]) -> list[StockLevelTold]:
        found: list[StockLevelTold] = []
        params = {"inventory_item_ids": ",".join(items), "limit": str(SHOPIFY_PAGE)}
        for _ in range(_MOST_PAGES):
            body, following = await self._page(call, "inventory_levels", params)
            found += filter(None, map(shopify.level, rows(part(body)["inventory_levels"])))
            if following is None:
                break
            params = {"limit": str(SHOPIFY_PAGE), "page_info": following}
        return found

    async def _one(self, call: Call, what: str, params: Mapping[str, str]) -> Json:
        body, _ = await self._page(call, what, {"limit": str(SHOPIFY_PAGE), **params})
        return body

    async def _page(self, call: Call, what: str, params: Mapping[str, str]) -> tuple[Json, str | None]:
        url = f"{self.url}/admin/api/{SHOPIFY_VERSION}/{what}.json"
        return await call(url, params, {"X-Shopify-Access-Token": self.token})


@dataclass(frozen=True, kw_only=True)
class WooCommerceItems:
    """``/wp-json/wc/v3/products/<id>``, a variation's too, by a REST key that may read: one question for each.

    What it answers is as of the moment of the question: look-ups of one shop follow each other, so that the later
    answer is the newer one. ``now``: our clock.
    """

    url: str
    #: the header that proves who asks
    authorization: str
    now: Callable[[], datetime]
    at_once: int = _WOO_AT_ONCE

    async def ask(self, items: Sequence[str], call: Call) -> Answer:
        """What each is and how many there are; what counts no pieces of its own has no level."""
        names, levels = list[ItemName](), list[StockLevelTold]()
        # Numbers that WooCommerce cannot have are not asked for: there is no such item.
        for item in (one for one in items if one.isascii() and one.isdigit()):
            at = self.now()
            try:
                body, _ = await call(
                    f"{self.url}/wp-json/wc/v3/products/{item}", {}, {"Authorization": self.authorization}
                )
            except NotThere:
                continue
            product = part(body)
            if named(product["id"], "id") != item:
                raise ValueError(f"it answered for another product than {item}")
            names.append(ItemName(item=item, sku=word(product.get("sku")), at=at))
            with contextlib.suppress(ValueError):  # parts of a piece: none of the others waits for that
                levels += filter(None, [woocommerce.level(product, at)])
        return Answer(items=tuple(names), levels=tuple(levels), places=())


@dataclass(frozen=True, kw_only=True)
class ItemLookUpCarrier:
    """Carries ``items`` jobs. ``lists``: by source and the shop's key."""

    lists: Mapping[tuple[str, str], ItemList]
    engine: Engine
    session: aiohttp.ClientSession
    kind: str = LOOK_UP
    #: between the wire and the transaction; a look that is lost with its process is made again
    _found: dict[int, ItemsLookedUp] = field(default_factory=dict)

    def gaps(self, job: Job) -> Mapping[str, timedelta]:
        """Those of whatever asks that account."""
        return gaps(*_of(job))

    def admit(self, job: Job, transaction: Transaction) -> Outcome | None:
        """One before it may have asked for all that waited."""
        return None if self._asked(job, transaction) else Done(receipt={"asked": 0})

    async def carry(self, job: Job, turn: Turn = at_once) -> Outcome:
        """Ask for all that wait. That there is no answer is told in the end, so that nothing waits in silence."""
        source, shop = _of(job)
        asked = await self.engine.read(lambda transaction: self._asked(job, transaction))
        await turn()
        if (system := self.lists.get((source, shop))) is None:
            return self._without(job, asked, "I have no key to ask for it (docs/webhooks.md)")
        try:
            async with asyncio.timeout(_PATIENCE):
                answer = await system.ask([one.item for one in asked], caller(self.session, turn, source, shop))
        except (TooOften, KeyRefused) as held:
            return held.put_off(source, shop)
        except NotListed as error:
            return self._without(job, asked, f"{error}; the key needs {_RIGHTS.get(source, 'more rights')}")
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, KeyError, TypeError) as error:
            if job.attempts < _ATTEMPTS:
                return Later(wait=wait_before(job.attempts), reason=type(error).__name__)
            return self._without(job, asked, f"the shop system could not be asked ({type(error).__name__})")
        self._found[job.id] = ItemsLookedUp(
            source=source, asked=asked, items=answer.items, levels=answer.levels, places=answer.places
        )
        return Done(receipt={"asked": len(asked), "known": len(answer.items)})

    def settle(self, job: Job, outcome: Outcome, transaction: Transaction) -> None:
        """Note what was found, in the transaction that closes the job."""
        found = self._found.pop(job.id, None)
        note_refused(outcome, *_of(job), transaction)
        if not isinstance(outcome, Done | Failed):
            return
        source, key = _of(job)
        shop = next((one for one in transaction.shops.all() if one.key == key), None)
        if shop is None:
            return
        if found is None and isinstance(outcome, Failed):
            found = ItemsLookedUp(source=source, asked=self._asked(job, transaction), why="the look-up was given up")
        if found is not None and found.asked:
            note_items_looked_up(found, transaction.of(shop.id))

    def _without(self, job: Job, asked: tuple[Wanted, ...], why: str) -> Done:
        self._found[job.id] = ItemsLookedUp(source=_of(job)[0], asked=asked, why=why)
        return Done(receipt={"asked": len(asked), "why": why}, heard=False)

    def _asked(self, job: Job, transaction: Transaction) -> tuple[Wanted, ...]:
        """All that wait, and the one that this job names beside them while anything does."""
        source, key = _of(job)
        shop = next((one for one in transaction.shops.all() if one.key == key), None)
        if shop is None:
            return ()
        asked = self.lists.get((source, key))
        at_once = asked.at_once if asked else _AT_ONCE
        waiting = transaction.of(shop.id).levels.wanted(source, at_once - 1)
        return waiting + _beside(job.payload.get("also"), {one.item for one in waiting})


def _beside(also: Json, waiting: Collection[str]) -> tuple[Wanted, ...]:
    named_too = isinstance(also, str) and also not in waiting and bool(waiting)
    return (Wanted(item=str(also), since=None),) if named_too else ()


def _of(job: Job) -> tuple[str, str]:
    return str(job.payload["source"]), str(job.payload["shop"])
