"""A shop system's REST API, asked by whoever needs it: one lane for each shop's account, so that all obey its waits.

The account's limit is one for all that is asked of it (shopify.dev/docs/api/usage/limits: REST by app and store, 40
calls at once and two more each second; read 2026-11-28). What one caller hears stands in the database and binds every
other, in every replica, before its next call.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Protocol

import aiohttp

from domain.outcomes import Later, Turn, retry_after
from domain.wire import Json

#: between two looks of one account; most ask three questions
_GAP: Final = timedelta(seconds=1.5)
#: bytes of one page
_LARGEST: Final = 32_000_000
#: how long an account that is asked too often is left alone where it does not say
_BREATH: Final = timedelta(seconds=10)


class NotListed(Exception):
    """The list was not given; the text says why in a word or two."""


@dataclass(eq=False)
class TooOften(Exception):
    """The account wants to be left alone for so long."""

    wait: timedelta

    def put_off(self, source: str, shop: str) -> Later:
        """The job's outcome: nobody asks that account meanwhile."""
        reason = "the shop system asked us to wait"
        return Later(wait=self.wait, reason=reason, lane=lane(source, shop), counts=False)


class Call(Protocol):
    """One question to the account of whoever was given this."""

    async def __call__(
        self, url: str, params: Mapping[str, str], headers: Mapping[str, str]
    ) -> tuple[Json, str | None]:
        """The JSON of the answer, and the cursor of the page that follows it.

        NotListed, TooOften, NotNow where another has heard that the account wants nothing now, aiohttp.ClientError,
        TimeoutError.
        """


def lane(source: str, shop: str) -> str:
    """What all that is asked of one shop's account shares."""
    return f"api:{source}:{shop}"


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


async def _page(
    session: aiohttp.ClientSession, url: str, params: Mapping[str, str], headers: Mapping[str, str]
) -> tuple[Json, str | None]:
    """No redirect is followed with our secret."""
    async with session.get(url, params=params, headers=headers, allow_redirects=False) as answer:
        if answer.status == 429:
            raise TooOften(retry_after(answer.headers.get("Retry-After"), usual=_BREATH))
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
