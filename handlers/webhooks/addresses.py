"""Where each vendor posts. Vendors who sign only the body do not sign what it is about: the address says it instead.

An address names source, shop and topic, and ends in a token that only we can make: 96 bits of HMAC-SHA-256 under
OPSBELL_LINK_SECRET. A body that was captured at one address is worth nothing at another.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from typing import Final

#: source -> the topics that may be posted, each at an address of its own
TOPICS: Final[Mapping[str, tuple[str, ...]]] = {
    "shopify": (
        "orders-create", "orders-paid", "fulfillments-create", "fulfillments-update", "products-create",
        "products-update", "inventory-levels-update", "inventory-levels-connect", "app-uninstalled",
    ),
    "woocommerce": ("order-created", "order-updated", "product-created", "product-updated"),
    "easypost": ("events",),
    "aftership": ("events",),
}


def address(source: str, shop: str, topic: str, sign: Callable[[str], str]) -> str:
    """The path at which a vendor posts one topic of one shop."""
    return f"/webhooks/{source}/{shop}/{topic}/{sign(_about(source, shop, topic))}"


def known_token(source: str, shop: str, topic: str, token: str, sign: Callable[[str], str]) -> bool:
    """Whether an address is one that we gave out."""
    if topic not in TOPICS.get(source, ()):
        return False
    made = sign(_about(source, shop, topic))
    return hmac.compare_digest(made.encode(), token.encode("utf-8", "surrogatepass"))


def _about(source: str, shop: str, topic: str) -> str:
    return f"webhook:{source}/{shop}/{topic}"
