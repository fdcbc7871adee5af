"""POST /slack/events: verified on the raw bytes and read strictly before Bolt sees them, since Bolt parses first."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from hashlib import sha256

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest

from domain.foreign import Unreadable
from domain.jobs import Engine
from handlers import frontdoor
from handlers.door import FORM, JSON, Handler, Head, Hear, door, one
from handlers.slack.requests import asked, body_of

log = logging.getLogger("opsbell.slack")


def events(app: AsyncApp, engine: Engine, secrets: Sequence[str], now: Callable[[], datetime]) -> Handler:
    """The handler of Slack's requests. Unsigned ones get 401, whatever their bytes."""
    return door(hear(app, engine, secrets, now), kinds=FORM | JSON)


def hear(app: AsyncApp, engine: Engine, secrets: Sequence[str], now: Callable[[], datetime]) -> Hear:
    """Only what we work with reaches Bolt, without its headers: none of them is signed.

    Signed nonsense is kept with its reason. For an event it is answered 200, or Slack would switch events off; for a
    click 400, so that the person sees a warning.
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
            if asked(content) is None:
                return web.Response(status=200)  # of no use to us, and no fault of Slack's
            request = _for_bolt(body, kind)
        except Unreadable as error:
            reason = error.sentence
            await engine.write(
                lambda transaction: transaction.inbox.quarantine("slack", sha256(body).hexdigest(), body, reason)
            )
            return web.Response(status=200 if kind in JSON else 400, text=reason)
        return await to_aiohttp_response(await app.async_dispatch(request))

    return heard


def _for_bolt(body: bytes, kind: str) -> AsyncBoltRequest:
    """Bolt's own reading of it, which looks at more than we do, and breaks where that is not as Slack writes it."""
    try:
        return AsyncBoltRequest(body=body.decode(), headers={"content-type": kind})
    except (TypeError, AttributeError, LookupError, ValueError) as error:
        raise Unreadable(f"That is not as Slack writes it: {type(error).__name__}.") from None
