"""The doors of those who tell us things: the raw bytes are verified, then stored, then answered with 2xx.

What was verified is stored even if nobody can read it, with the reason: a sender that is answered with errors
switches its webhook off. What it says is read later (handlers/webhooks/*_events.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Final

from aiohttp import web

from domain.errors import OpsError
from domain.foreign import json_object, word
from domain.jobs import Engine
from domain.wire import Json
from handlers import frontdoor
from handlers.door import FORM, JSON, Handler, Head, Hear, door, one
from handlers.webhooks.addresses import known_token
from handlers.webhooks.shop_events import subject

Now = Callable[[], datetime]
#: source -> its scheme, and the header that carries the signature
_SCHEMES: Final[Mapping[str, tuple[Callable[[Sequence[str], str, bytes], bool], str]]] = {
    "shopify": (frontdoor.shopify, "X-Shopify-Hmac-Sha256"),
    "woocommerce": (frontdoor.woocommerce, "X-WC-Webhook-Signature"),
    "easypost": (frontdoor.easypost, "X-Hmac-Signature"),
    "aftership": (frontdoor.aftership, "aftership-hmac-sha256"),
}
#: source -> its event's own id, where that stands in the signed body
_ID: Final = {"easypost": "id", "aftership": "event_id"}
#: what only has us ask counts once a second by its bytes: they are the same when stock is back where it was
_ASKING: Final = frozenset({("woocommerce", "product-created"), ("woocommerce", "product-updated")})
#: what WooCommerce posts, unsigned, when a webhook is made: WC_Webhook::deliver_ping
_PING: Final = re.compile(rb"webhook_id=\d{1,20}")


def stripe_door(engine: Engine, secrets: Sequence[str], now: Now) -> Handler:
    """POST /webhooks/stripe."""
    return door(hear_stripe(engine, secrets, now))


def hear_stripe(engine: Engine, secrets: Sequence[str], now: Now) -> Hear:
    """An event of Stripe's counts once by its id, which is signed."""

    async def hear(head: Head, body: bytes) -> web.Response:
        if not frontdoor.stripe(secrets, one(head, "Stripe-Signature"), body, now()):
            return web.Response(status=401, text="not signed by Stripe")
        event = _read(body)
        key = word(event.get("id")) or _digest(body)
        thing = event.get("data")
        about = thing.get("object") if isinstance(thing, dict) else None
        lane = word(about.get("payment_intent")) or key if isinstance(about, dict) else key
        await _keep(engine, "stripe", key, body, lane=f"learn:stripe:{lane[:120]}")
        return web.Response(status=200)

    return hear


def shop_door(engine: Engine, secrets: Sequence[str], now: Now) -> Handler:
    """POST /webhooks/shop, signed by the Standard Webhooks scheme."""
    return door(hear_shop(engine, secrets, now))


def hear_shop(engine: Engine, secrets: Sequence[str], now: Now) -> Hear:
    """An event of the shop's counts once by its id, which is signed."""

    async def hear(head: Head, body: bytes) -> web.Response:
        event_id = one(head, "webhook-id")
        stamp, signature = one(head, "webhook-timestamp"), one(head, "webhook-signature")
        if not frontdoor.standard_webhook(secrets, event_id, stamp, signature, body, now()):
            return web.Response(status=401, text="not signed by the shop")
        await _keep(engine, "shop", event_id, body, lane=f"learn:shop:{subject(_read(body))}")
        return web.Response(status=204)

    return hear


def vendor_door(
    source: str, engine: Engine, secrets: Callable[[str], Sequence[str]], sign: Callable[[str], str]
) -> Handler:
    """POST /webhooks/<source>/<shop>/<topic>/<token>. ``secrets``: those of a shop by its key; none = not heard."""

    async def handle(request: web.Request) -> web.StreamResponse:
        shop, topic, token = (request.match_info[name] for name in ("shop", "topic", "token"))
        if not known_token(source, shop, topic, token, sign) or not (of_shop := secrets(shop)):
            return web.Response(status=404, text="404: Not Found")
        kinds = JSON | FORM if source == "woocommerce" else JSON
        return await door(hear_vendor(source, shop, topic, engine, of_shop), kinds=kinds)(request)

    return handle


def hear_vendor(source: str, shop: str, topic: str, engine: Engine, secrets: Sequence[str]) -> Hear:
    """An event counts once by its signed bytes, or by its id where that is among them.

    Delivery ids in headers are not signed, and WooCommerce gives the same one to all deliveries of a second: they
    neither make two events one nor one event two.
    """
    verified, header = _SCHEMES[source]

    async def hear(head: Head, body: bytes) -> web.Response:
        if source == "woocommerce" and header not in head and _PING.fullmatch(body):
            return web.Response(status=200)  # nothing is done and nothing stored for it
        if not verified(secrets, one(head, header), body):
            return web.Response(status=401, text=f"not signed by {source}")
        name = _ID.get(source)
        known = word(_read(body).get(name)) if name else None
        second = f"@{engine.now():%Y-%m-%dT%H:%M:%S}" if (source, topic) in _ASKING else ""
        key = f"{shop}/{topic}/{known or _digest(body)}{second}"
        await _keep(engine, source, key, body, headers={"shop": shop, "topic": topic})
        return web.Response(status=200)

    return hear


async def _keep(
    engine: Engine, source: str, key: str, body: bytes, *, lane: str = "", headers: Mapping[str, str] | None = None
) -> None:
    short = key if len(key) <= 300 else _digest(key.encode())
    await engine.write(lambda transaction: transaction.inbox.keep(source, short, body, lane=lane, headers=headers))


def _read(body: bytes) -> dict[str, Json]:
    """For the event's id and subject; what cannot be read has neither, and is refused when it is worked off."""
    try:
        return json_object(body)
    except OpsError:
        return {}


def _digest(body: bytes) -> str:
    return f"sha256:{sha256(body).hexdigest()}"
