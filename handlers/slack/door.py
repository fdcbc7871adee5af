"""POST /slack/events: verified on the raw bytes before Bolt sees them, since Bolt parses first and asks later."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp

from handlers import frontdoor

log = logging.getLogger("opsbell.slack")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def events(app: AsyncApp, secrets: Sequence[str], now: Callable[[], datetime]) -> Handler:
    """The handler of Slack's requests. Unsigned ones get 401, whatever their bytes."""

    async def handle(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        stamp = request.headers.get("X-Slack-Request-Timestamp", "")
        signature = request.headers.get("X-Slack-Signature", "")
        if not frontdoor.slack(secrets, stamp, signature, body, now()):
            return web.Response(status=401, text="not signed by Slack")
        try:
            body.decode()
        except UnicodeDecodeError:
            return web.Response(status=400, text="not UTF-8")
        return await to_aiohttp_response(await app.async_dispatch(await to_bolt_request(request)))

    return handle
