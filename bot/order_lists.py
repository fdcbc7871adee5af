"""The shop systems' lists of orders, items and levels that this installation may read, from the settings."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import aiohttp

from bot.settings import Settings
from bot.shop_accounts import WooCommerceAccount
from domain.jobs import Engine
from domain.outcomes import Carrier
from gateways.item_lookups import ItemList, ItemLookUpCarrier, ShopifyItems, WooCommerceItems
from gateways.level_syncs import LevelList, LevelSyncCarrier, ShopifyLevels
from gateways.order_lists import OrderList, ShopifyOrders, WooCommerceOrders
from gateways.order_polls import OrderPollCarrier


def order_lists(settings: Settings) -> dict[tuple[str, str], OrderList]:
    """By source and the shop's key; none for a source that is switched off by name."""
    lists: dict[tuple[str, str], OrderList] = {}
    if "woocommerce" not in settings.off:
        for shop, woo in settings.woocommerce_api.items():
            lists["woocommerce", shop] = WooCommerceOrders(url=woo.url, authorization=_proof(woo))
    if "shopify" not in settings.off:
        for shop, account in settings.shopify_api.items():
            token = account.token.get_secret_value()
            lists["shopify", shop] = ShopifyOrders(url=account.url, token=token)
    return lists


def item_lists(settings: Settings, now: Callable[[], datetime]) -> dict[tuple[str, str], ItemList]:
    """By source and the shop's key."""
    lists: dict[tuple[str, str], ItemList] = {}
    if "woocommerce" not in settings.off:
        for shop, woo in settings.woocommerce_api.items():
            lists["woocommerce", shop] = WooCommerceItems(url=woo.url, authorization=_proof(woo), now=now)
    if "shopify" not in settings.off:
        for shop, account in settings.shopify_api.items():
            lists["shopify", shop] = ShopifyItems(url=account.url, token=account.token.get_secret_value())
    return lists


def level_lists(settings: Settings) -> dict[tuple[str, str], LevelList]:
    """By source and the shop's key."""
    if "shopify" in settings.off:
        return {}
    return {
        ("shopify", shop): ShopifyLevels(url=account.url, token=account.token.get_secret_value())
        for shop, account in settings.shopify_api.items()
    }


def list_carriers(settings: Settings, session: aiohttp.ClientSession, engine: Engine) -> list[Carrier]:
    """What asks shop systems. Items are looked up also without any key: then it is said what stays unknown, and why."""
    carriers: list[Carrier] = [
        ItemLookUpCarrier(lists=item_lists(settings, engine.now), engine=engine, session=session),
        LevelSyncCarrier(lists=level_lists(settings), engine=engine, session=session),
    ]
    if lists := order_lists(settings):
        carriers.append(OrderPollCarrier(lists=lists, engine=engine, session=session))
    return carriers


def _proof(account: WooCommerceAccount) -> str:
    """The header that proves who asks."""
    return aiohttp.encode_basic_auth(account.key.get_secret_value(), account.secret.get_secret_value())
