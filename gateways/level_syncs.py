"""A shop's stock on its first day: every inventory level of an account, once, from the moment its key is here.

A page is a job: its levels and the job of the page that follows are written in the transaction that closes it, so
whatever dies in the middle loses nothing and doubles nothing. What is listed goes through the inbox like what is
posted, and which of two levels is the newer is decided as for those (docs/decisions/0005-told-levels.md).
Sources: shopify.dev/docs/api/admin-rest, inventorylevel (50 places), location (in pages) and usage/pagination, read
2026-11-28.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import Final, Protocol

import aiohttp

from domain.foreign import named, part, rows
from domain.jobs import Engine, Job, Transaction
from domain.outcomes import Done, Failed, Outcome, Turn, at_once, wait_before
from domain.shops import Shop
from domain.wire import Json
from gateways.order_lists import SHOPIFY_PAGE, SHOPIFY_VERSION, Told, keep, level_told
from gateways.shop_api import Call, KeyRefused, NotListed, TooOften, caller, gaps, note_refused

KIND: Final = "levels"
#: places of one question
_PLACES: Final = 50
_MOST_PLACE_PAGES: Final = 20
#: below what the delivery gives one job
_PATIENCE: Final = 15.0
#: pages in a row that were not given before it is tried once an hour; about a quarter of an hour
_FAILURES: Final = 9
_NOW_AND_THEN: Final = timedelta(hours=1)
#: steps looked through for a free one: pages of a very large shop
_STEPS: Final = 100_000


@dataclass(frozen=True, kw_only=True)
class Position:
    """How far a reading has come. ``places``: those left, the current first; None = not asked for yet."""

    places: tuple[str, ...] | None = None
    #: of the page to read; None = the first of those places
    cursor: str | None = None
    #: levels read so far
    read: int = 0


@dataclass(frozen=True, kw_only=True)
class Page:
    """What one question brought. ``then``: where to go on; None = that was all."""

    told: tuple[Told, ...]
    then: Position | None


class LevelList(Protocol):
    """One shop's levels."""

    @property
    def account(self) -> str:
        """What tells the account from another that the same shop may have later."""

    async def page(self, at: Position, call: Call) -> Page:
        """The levels at that position; NotListed, TooOften, KeyRefused, NotNow, aiohttp.ClientError, TimeoutError."""


@dataclass(frozen=True, kw_only=True)
class ShopifyLevels:
    """By a custom app's token with the scopes read_inventory and read_locations."""

    url: str
    token: str

    @property
    def account(self) -> str:
        """By its address."""
        return sha256(self.url.encode()).hexdigest()[:12]

    async def page(self, at: Position, call: Call) -> Page:
        """First which places there are; then their levels, 50 places after 50."""
        if at.places is None:
            places = await self._places(call)
            return Page(told=(), then=Position(places=places) if places else None)
        params = {"limit": str(SHOPIFY_PAGE)}
        params |= {"page_info": at.cursor} if at.cursor else {"location_ids": ",".join(at.places[:_PLACES])}
        body, following = await self._get(call, "inventory_levels", params)
        listed = rows(part(body)["inventory_levels"])
        left = at.places if following else at.places[_PLACES:]
        then = Position(places=left, cursor=following, read=at.read + len(listed)) if left else None
        # What Shopify does not count has no number of pieces.
        counted = (row for row in listed if row.get("available", 0) is not None)
        return Page(told=tuple(map(level_told, counted)), then=then)

    async def _places(self, call: Call) -> tuple[str, ...]:
        found, params = list[str](), {"limit": str(SHOPIFY_PAGE)}
        for _ in range(_MOST_PLACE_PAGES):
            body, following = await self._get(call, "locations", params)
            found += [named(row["id"], "id") for row in rows(part(body)["locations"])]
            if following is None:
                break
            params = {"limit": str(SHOPIFY_PAGE), "page_info": following}
        return tuple(found)

    async def _get(self, call: Call, what: str, params: Mapping[str, str]) -> tuple[Json, str | None]:
        url = f"{self.url}/admin/api/{SHOPIFY_VERSION}/{what}.json"
        return await call(url, params, {"X-Shopify-Access-Token": self.token})


@dataclass(frozen=True, kw_only=True)
class LevelSyncCarrier:
    """Carries ``levels`` jobs. ``lists``: by source and the shop's key."""

    lists: Mapping[tuple[str, str], LevelList]
    engine: Engine
    session: aiohttp.ClientSession
    kind: str = KIND
    #: between the wire and the transaction; a page that is lost with its process is read again
    _found: dict[int, Page] = field(default_factory=dict)

    def gaps(self, job: Job) -> Mapping[str, timedelta]:
        """Those of whatever asks that account."""
        return gaps(*_of(job))

    def admit(self, job: Job, transaction: Transaction) -> Outcome | None:  # noqa: ARG002  the Carrier's own signature
        """Whoever has no key any more, or another account's, reads no further."""
        asked = self.lists.get(_of(job))
        return None if asked and asked.account == job.payload["account"] else Done(receipt={"off": True})

    async def carry(self, job: Job, turn: Turn = at_once) -> Outcome:
        """Read the page. Not getting it is an outcome like another: the next job begins where this one did."""
        await turn()
        source, shop = _of(job)
        if (asked := self.lists.get((source, shop))) is None:
            return Done(receipt={"off": True}, heard=False)
        try:
            async with asyncio.timeout(_PATIENCE):
                page = await asked.page(_position(job), caller(self.session, turn, source, shop))
        except (TooOften, KeyRefused) as held:
            return held.put_off(source, shop)
        except NotListed as error:
            return Done(receipt={"reached": False, "why": str(error)}, heard=False)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, KeyError, TypeError) as error:
            return Done(receipt={"reached": False, "why": type(error).__name__}, heard=False)
        self._found[job.id] = page
        return Done(receipt={"reached": True, "levels": len(page.told), "more": page.then is not None})

    def settle(self, job: Job, outcome: Outcome, transaction: Transaction) -> None:
        """Keep what was found as if it had been posted, and write the page that follows; or that all was read."""
        note_refused(outcome, *_of(job), transaction)
        if not isinstance(outcome, Done | Failed):
            return
        page = self._found.pop(job.id, None)
        source, key = _of(job)
        shop = next((one for one in transaction.shops.all() if one.key == key), None)
        if shop is None or (source, key) not in self.lists:
            return
        account = str(job.payload["account"])
        if account != self.lists[source, key].account:
            plan_level_syncs({(source, key): self.lists[source, key]}, transaction)
        elif page is None or not isinstance(outcome, Done):
            failures = int(str(job.payload.get("failures", 0))) + 1
            # Cursors do not live long: those places are read from their first page again.
            at = _position(job)
            again = Position(places=at.places, read=at.read)
            _plan(transaction, shop, source, account, again, after=_step(job), failures=failures)
        else:
            for one in page.told:
                keep(transaction, source, key, one)
            if page.then is None:
                transaction.inbox.first(source, _read_key(key, account))
            else:
                _plan(transaction, shop, source, account, page.then, after=_step(job))


def plan_level_syncs(lists: Mapping[tuple[str, str], LevelList], transaction: Transaction) -> None:
    """Begin: for each account that was never read to its end, and is not being read."""
    shops = {one.key: one for one in transaction.shops.all()}
    for (source, key), asked in lists.items():
        if key in shops and not transaction.inbox.has(source, _read_key(key, asked.account)):
            _plan(transaction, shops[key], source, asked.account, Position())


def _plan(
    transaction: Transaction, shop: Shop, source: str, account: str, at: Position, *, after: int = -1, failures: int = 0
) -> None:
    """Write the next step, at the first number that no step had, unless one stands already."""
    lane = f"levels:{source}:{shop.key}"
    wait = timedelta() if not failures else wait_before(failures) if failures <= _FAILURES else _NOW_AND_THEN
    payload: dict[str, Json] = {
        "source": source, "shop": shop.key, "account": account,
        "places": None if at.places is None else list(at.places),
        "cursor": at.cursor, "read": at.read, "failures": failures,
    }
    for step in range(after + 1, after + _STEPS):
        if transaction.jobs.stands(lane) or transaction.jobs.add(
            key=f"{lane}:{account}:{step}", kind=KIND, lane=lane, due_at=transaction.now + wait, shop_id=shop.id,
            payload={**payload, "step": step},
        ):
            return
    raise RuntimeError(f"{lane} finds no free step")


def _read_key(shop: str, account: str) -> str:
    """Remembered once all was read; forgotten with the other events, and then read anew at the next start."""
    return f"{shop}/levels-read/{account}"


def _of(job: Job) -> tuple[str, str]:
    return str(job.payload["source"]), str(job.payload["shop"])


def _step(job: Job) -> int:
    return int(str(job.payload["step"]))


def _position(job: Job) -> Position:
    places, cursor = job.payload["places"], job.payload["cursor"]
    return Position(
        places=tuple(map(str, places)) if isinstance(places, list) else None,
        cursor=cursor if isinstance(cursor, str) else None, read=int(str(job.payload["read"])),
    )
