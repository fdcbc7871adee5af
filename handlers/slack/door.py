"""POST /slack/events: verified on the raw bytes, read strictly, done, answered. Bolt is not asked: it parses first.

What Bolt would do here is to look up which of our listeners is meant, and to write the acknowledgement. Behind Socket
Mode it still does (socket.py): there it also keeps the connection.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Protocol

from aiohttp import web

from domain.foreign import Unreadable
from domain.jobs import Engine
from domain.wire import Json
from handlers import frontdoor
from handlers.door import FORM, JSON, Handler, Head, Hear, door, one
from handlers.slack.requests import Asked, asked, body_of, seen

log = logging.getLogger("opsbell.slack")


class Doing(Protocol):
    """Who does what people ask for."""

    async def do(self, asked: Asked, key: str) -> dict[str, Json] | None:
        """Do it, and give what Slack is to hear; None: only that it is done. ``key``: the same request has the same."""


def events(doing: Doing, engine: Engine, secrets: Sequence[str], now: Callable[[], datetime]) -> Handler:
    """The handler of Slack's requests. Unsigned ones get 401, whatever their bytes."""
    return door(hear(doing, engine, secrets, now), kinds=FORM | JSON)


def hear(doing: Doing, engine: Engine, secrets: Sequence[str], now: Callable[[], datetime]) -> Hear:
    """Only what we work with is done, and none of its headers counts: none of them is signed.

    Signed nonsense is kept with its reason. For an event it is answered 200, or Slack would switch events off; for a
    click 400, so that the person sees a warning. What breaks is answered 503: Slack shows the person a warning, and
    sends an event again.
    """

    async def heard(head: Head, body: bytes) -> web.StreamResponse:
        stamp, signature = one(head, "X-Slack-Request-Timestamp"), one(head, "X-Slack-Signature")
        if not frontdoor.slack(secrets, stamp, signature, body, now()):
            return web.Response(status=401, text="not signed by Slack")
        kind = one(head, "Content-Type").partition(";")[0].strip().lower()
        try:
            content = body_of(body, kind)
            if content.get("type") == "url_verification":
                return web.json_response({"challenge": str(content.get("challenge", ""))})
            wish = asked(content)
            if wish is None:
                return web.Response(status=200)  # of no use to us, and no fault of Slack's
            answer = await doing.do(wish, seen(content, body))
        except Unreadable as error:
            reason = error.sentence
            await engine.write(
                lambda transaction: transaction.inbox.quarantine("slack", sha256(body).hexdigest(), body, reason)
            )
            return web.Response(status=200 if kind in JSON else 400, text=reason)
        if answer is None:
            return web.Response(status=200)
        return web.Response(body=json.dumps(answer).encode(), content_type="application/json")

    return heard
