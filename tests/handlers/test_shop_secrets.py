"""Each shop its own secret at each vendor: what one shop's sender signs is worth nothing at another's address."""

from __future__ import annotations

import base64
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from hashlib import sha256

import aiohttp
import pytest
import sqlalchemy as sa
from aiohttp import web

from bot import web as bot_web
from bot.settings import VENDORS, Settings
from handlers.webhooks import TOPICS, address, vendor_door
from storage import shop_file
from storage.tables import inbox
from tests.desk import TestDesk, shop_file_of

pytestmark = pytest.mark.asyncio
NEW, OLD, DESK, OTHER = "nordlicht-new-secret", "nordlicht-old-secret", "secret-of-the-desk", "secret-of-sued"
HEADERS = {
    "shopify": "X-Shopify-Hmac-Sha256", "woocommerce": "X-WC-Webhook-Signature", "easypost": "X-Hmac-Signature",
    "aftership": "aftership-hmac-sha256",
}
Post = Callable[[Settings, str, str, str], Awaitable[int]]


def settings(**given: object) -> Settings:
    return Settings(_env_file=None, **given)  # type: ignore[arg-type]


def signed(source: str, secret: str, body: bytes) -> str:
    mac = hmac.new(secret.encode(), body, sha256)
    return f"hmac-sha256-hex={mac.hexdigest()}" if source == "easypost" else base64.b64encode(mac.digest()).decode()


@pytest.fixture
async def post(shop: TestDesk) -> AsyncIterator[Post]:
    """Post an event as a vendor does, signed with a secret, to a desk with those settings; the status."""
    with shop.store.engine.begin() as connection:
        shop_file.apply(connection, shop_file_of("sued"))
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)))
        bases: dict[int, str] = {}

        async def send(of: Settings, source: str, key: str, secret: str) -> int:
            if id(of) not in bases:
                routes = [
                    web.post(f"/webhooks/{one}/{{shop}}/{{topic}}/{{token}}", vendor_door(one, shop.store, partial(of.secrets_for, one), shop.store.sign))
                    for one in of.vendors
                ]
                bases[id(of)] = await bot_web.serve(bot_web.server(routes, lambda: "7Q2K"), ("127.0.0.1", 0), stack)
            body = f'{{"id": "{key}-{secret}", "event_id": "{key}-{secret}"}}'.encode()
            path = address(source, key, TOPICS[source][0], shop.store.sign)
            headers = {HEADERS[source]: signed(source, secret, body), "Content-Type": "application/json"}
            async with session.post(bases[id(of)] + path, data=body, headers=headers) as answer:
                return answer.status

        yield send


@pytest.mark.parametrize("source", VENDORS)
async def test_a_shop_is_heard_by_its_own_secrets_alone_and_another_by_the_desks(post: Post, shop: TestDesk, source: str) -> None:
    of = settings(**{f"{source}_secret": DESK, f"{source}_secrets": {"nordlicht": f"{NEW}, {OLD}"}})
    assert [await post(of, source, "nordlicht", one) for one in (NEW, OLD, DESK, OTHER)] == [200, 200, 401, 401]
    assert [await post(of, source, "sued", one) for one in (DESK, NEW, OLD)] == [200, 401, 401]
    assert [row.headers["shop"] for row in shop.query(sa.select(inbox).order_by(inbox.c.id))] == ["nordlicht", "nordlicht", "sued"]


@pytest.mark.parametrize("source", VENDORS)
async def test_without_a_secret_of_the_desk_a_shop_without_its_own_is_not_heard(post: Post, shop: TestDesk, source: str) -> None:
    of = settings(**{f"{source}_secrets": {"nordlicht": NEW}})
    assert await post(of, source, "nordlicht", NEW) == 200
    assert [await post(of, source, "sued", one) for one in (NEW, DESK, "")] == [404, 404, 404]
    assert len(shop.query(sa.select(inbox))) == 1


@pytest.mark.parametrize("empty", ["", " ", ",", " , "])
async def test_an_empty_secret_of_a_shop_never_falls_back_to_the_desks(post: Post, empty: str) -> None:
    of = settings(shopify_secret=DESK, shopify_secrets={"nordlicht": empty})
    assert [await post(of, "shopify", "nordlicht", one) for one in (DESK, "", empty)] == [404, 404, 404]
