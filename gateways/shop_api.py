"""A shop system's REST API, asked by whoever needs it: one lane for each shop's account, so that all obey its waits.

The account's limit is one for all that is asked of it (shopify.dev/docs/api/usage/limits: REST by app and store, 40
calls at once and two more each second; read 2026-11-28). What one caller hears stands in the database and binds every
other, in every replica, before its next call.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Protocol

import aiohttp

from domain.jobs import Transaction
from domain.order_lists import ASKING, CUT_OFF, note_cut_off, note_not_asked
from domain.outcomes import WAITS_FOR_TRIAL, WAITS_FOR_TURN, Later, Outcome, Turn, retry_after
from domain.wire import Json

#: between two looks of one account; most ask three questions
_GAP: Final = timedelta(seconds=1.5)
#: bytes of one page
_LARGEST: Final = 32_000_000
#: how long an account that is asked too often is left alone where it does not say
_BREATH: Final = timedelta(seconds=10)
#: how long an account that refuses our key is left alone. What was uninstalled comes back with a new key, and that with
#: a start (``resume``); in between it is a firewall's whim, or a webhook that came late
KEY_WAIT: Final = timedelta(hours=1)
SOURCES: Final = ("shopify", "woocommerce")


class NotListed(Exception):
    """The list was not given; the text says why in a word or two."""


class NotThere(NotListed):
    """There is no such thing (404)."""


@dataclass(eq=False)
class TooOften(Exception):
    """The account wants to be left alone for so long: it was asked too often, or is being looked after."""

    wait: timedelta

    def put_off(self, source: str, shop: str) -> Later:
        """The job's outcome: nobody asks that account meanwhile."""
        reason = "the shop system asked us to wait"
        return Later(wait=self.wait, reason=reason, lane=lane(source, shop), counts=False)


class KeyRefused(Exception):
    """The account does not know our key (any more): asking on is of no use."""

    def put_off(self, source: str, shop: str) -> Later:
        """The job's outcome: the account's lane is shut, and one job an hour tries it for all."""
        return Later(wait=KEY_WAIT, reason=CUT_OFF, lane=lane(source, shop), shut=True, counts=False)


class Call(Protocol):
    """One question to the account of whoever was given this."""

    async def __call__(
        self, url: str, params: Mapping[str, str], headers: Mapping[str, str]
    ) -> tuple[Json, str | None]:
        """The JSON of the answer, and the cursor of the page that follows it.

        NotListed, TooOften, KeyRefused, NotNow where another has heard that the account wants nothing now,
        aiohttp.ClientError, TimeoutError.
        """


def lane(source: str, shop: str) -> str:
    """What all that is asked of one shop's account shares."""
    return f"api:{source}:{shop}"


def orders_lane(source: str, shop: str) -> str:
    """The one look at a shop's list of orders that is written."""
    return f"orders:{source}:{shop}"


def gaps(source: str, shop: str) -> Mapping[str, timedelta]:
    """A job's lanes, as ``Carrier.gaps`` has them."""
    return {lane(source, shop): _GAP}


def caller(session: aiohttp.ClientSession, turn: Turn, source: str, shop: str) -> Call:
    """How a job asks once it has had its turn: each question looks first whether another was told to wait."""
    obeyed = {lane(source, shop): timedelta()}

    async def call(url: str, params: Mapping[str, str], headers: Mapping[str, str]) -> tuple[Json, str | None]:
        await turn(obeyed)
        return await _page(session, url, params, headers)

    return call


def note_refused(outcome: Outcome, source: str, shop: str, transaction: Transaction) -> None:
    """Have staff told where our key was refused: called by each job that asks, in the transaction that puts it off."""
    if isinstance(outcome, Later) and outcome.shut:
        note_cut_off(source, transaction.of(shop))


def cut_off(source: str, shop: str, transaction: Transaction) -> None:
    """Nothing more is asked of that account until a trial has come through."""
    transaction.jobs.hold(lane(source, shop), until=transaction.now + KEY_WAIT, shut=True)


def resume(accounts: Collection[tuple[str, str]], transaction: Transaction) -> None:
    """At a start, which may have brought a new key: accounts that were cut off are tried at once, by their orders.

    ``accounts``: by source and the shop's key. One that has no key any more is cut off no longer: nobody asks it.
    """
    rows, now = transaction.jobs, transaction.now
    for shop in transaction.shops.all():
        for source in SOURCES:
            key = lane(source, shop.key)
            closed = rows.closed_lanes([key]).get(key)
            if closed is None or not closed.shut:
                continue
            rows.lanes([key])
            rows.try_lanes({key: now})
            rows.move_lanes({key: now})
            if (source, shop.key) not in accounts:
                rows.open_lanes({key: now})
                note_not_asked(source, transaction.of(shop.id))
            rows.at_once(orders_lane(source, shop.key))
            rows.look_again(ASKING, waiting=(CUT_OFF, WAITS_FOR_TRIAL, WAITS_FOR_TURN))


async def _page(
    session: aiohttp.ClientSession, url: str, params: Mapping[str, str], headers: Mapping[str, str]
) -> tuple[Json, str | None]:
    """No redirect is followed with our secret."""
    async with session.get(url, params=params, headers=headers, allow_redirects=False) as answer:
        wait = answer.headers.get("Retry-After")
        # 503 with it: upkeep, such as WordPress's updates (RFC 9110, 15.6.4); without it nobody knows for how long.
        if answer.status == 429 or (answer.status == 503 and wait is not None):
            raise TooOften(retry_after(wait, usual=_BREATH))
        if answer.status == 401:
            raise KeyRefused
        if answer.status == 404:
            raise NotThere("it answered 404")
        if answer.status != 200:
            raise NotListed(f"it answered {answer.status}")
        raw = bytearray()
        async for piece in answer.content.iter_any():
            raw += piece
            if len(raw) > _LARGEST:
                raise NotListed("its answer is too large")
        try:
            body: Json = json.loads(raw)
        except (ValueError, RecursionError):
            raise NotListed("its answer is not JSON") from None
        return body, _cursor(answer.links.get("next", {}).values())


def _cursor(link: Iterable[Any]) -> str | None:
    for one in link:
        if hasattr(one, "query") and "page_info" in one.query:
            return str(one.query["page_info"])
    return None
