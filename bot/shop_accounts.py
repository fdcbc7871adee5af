"""What a shop system wants of us before it lists its orders: an address and what proves who asks."""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, SecretStr

#: the only machines that are asked without TLS: this one, where the sandbox is
_HERE: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def _address(text: str) -> str:
    """An address that a secret may be sent to."""
    parts = urlsplit(text)
    good = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _HERE)
    if not good or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError("an address such as https://shop.example.com; a secret is never sent without TLS")
    return text.rstrip("/")


def _given(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().strip():
        raise ValueError("it is empty")
    return value


Address = Annotated[str, AfterValidator(_address)]
Given = Annotated[SecretStr, AfterValidator(_given)]


class WooCommerceAccount(BaseModel):
    """A REST key with the permission "read": WooCommerce > Settings > Advanced > REST API."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: Address
    key: Given
    secret: Given


class ShopifyAccount(BaseModel):
    """A custom app's Admin API token with the scopes read_orders, read_inventory and read_locations.

    ``url``: https://<shop>.myshopify.com.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: Address
    token: Given
