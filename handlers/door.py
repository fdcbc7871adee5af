"""What every door does before anything is believed: limits, then the raw bytes as they came, read within a time.

A request that breaks a limit gets a 4xx and is not read any further. What could not be stored in time gets 503, so
that the sender sends it again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from aiohttp import web
from multidict import MultiMapping

from handlers.deadline import TooSlow

#: the largest request that any platform has reason to send, in bytes
LARGEST: Final = 1_000_000
#: seconds from the last header to the last byte of the body
SECONDS_TO_READ: Final = 10.0
_MOST_HEADERS: Final = 100
_LONGEST_HEADERS: Final = 32_768

JSON: Final = frozenset({"application/json"})
FORM: Final = frozenset({"application/x-www-form-urlencoded"})

Head: TypeAlias = MultiMapping[str]
#: what a door does with the headers and the raw body of a request within the limits
Hear: TypeAlias = Callable[[Head, bytes], Awaitable[web.StreamResponse]]
Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


def door(hear: Hear, *, kinds: frozenset[str] = JSON, seconds: float = SECONDS_TO_READ) -> Handler:
    """A handler that lets through only what keeps the limits and comes as one of the content types."""

    async def handle(request: web.Request) -> web.StreamResponse:
        broken = unfit(request.headers, request.content_length, kinds)
        if broken is not None:
            return broken
        try:
            async with asyncio.timeout(seconds):
                body = await _body(request)
        except TimeoutError:
            return _closing(408, "too slow")
        except (web.RequestPayloadError, ConnectionError):
            return _closing(400, "broken off")
        if body is None:
            return _closing(413, "too large")
        try:
            return await hear(request.headers, body)
        except TooSlow:
            return web.Response(status=503, text="not stored in time; send it again", headers={"Retry-After": "5"})

    return handle


def unfit(head: Head, length: int | None, kinds: frozenset[str]) -> web.Response | None:
    """The refusal of a request by its headers alone; None if it may be read."""
    if length is not None and length > LARGEST:
        return _closing(413, "too large")
    if len(head) > _MOST_HEADERS or sum(len(name) + len(value) for name, value in head.items()) > _LONGEST_HEADERS:
        return _closing(431, "too many headers")
    if head.getall("Content-Encoding", []):
        return _closing(415, "send it uncompressed")
    kind = one(head, "Content-Type").partition(";")[0].strip().lower()
    return None if kind in kinds else _closing(415, f"send {' or '.join(sorted(kinds))}")


def one(head: Head, name: str) -> str:
    """A header's value; "" where it is absent, and where it comes more than once, since then it could mean two."""
    values = head.getall(name, [])
    return values[0] if len(values) == 1 else ""


async def _body(request: web.Request) -> bytes | None:
    """The bytes as they came; None if there are too many of them, whatever the headers said."""
    parts, size = [], 0
    async for part in request.content.iter_any():
        size += len(part)
        if size > LARGEST:
            return None
        parts.append(part)
    return b"".join(parts)


def _closing(status: int, words: str) -> web.Response:
    response = web.Response(status=status, text=words)
    response.force_close()
    return response
