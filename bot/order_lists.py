"""The shop systems' lists of orders that this installation may read, from the settings."""

from __future__ import annotations

import aiohttp

from bot.settings import Settings
from gateways.order_lists import OrderList, ShopifyOrders, WooCommerceOrders


def order_lists(settings: Settings, session: aiohttp.ClientSession) -> dict[tuple[str, str], OrderList]:
    """By source and the shop's key; none for a source that is switched off by name."""
    lists: dict[tuple[str, str], OrderList] = {}
    if "woocommerce" not in settings.off:
        for shop, woo in settings.woocommerce_api.items():
            proof = aiohttp.encode_basic_auth(woo.key.get_secret_value(), woo.secret.get_secret_value())
            lists["woocommerce", shop] = WooCommerceOrders(url=woo.url, authorization=proof, session=session)
    if "shopify" not in settings.off:
        for shop, account in settings.shopify_api.items():
            token = account.token.get_secret_value()
            lists["shopify", shop] = ShopifyOrders(url=account.url, token=token, session=session)
    return lists
