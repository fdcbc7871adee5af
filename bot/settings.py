"""Settings from the environment and a .env file. A bad start names everything that is missing at once."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from bot.shop_accounts import ShopifyAccount, WooCommerceAccount
from handlers import frontdoor

#: parts that may be switched off, but only by name
PARTS: Final = frozenset({"slack", "telegram", "stripe", "shop"})
#: senders that are heard where their secret is set, and nowhere else
VENDORS: Final = ("shopify", "woocommerce", "easypost", "aftership")
_RESPONSES: Final = re.compile(r"https?://[\w.:\[\]-]+/(?:[\w./-]*/)?")
_LISTEN: Final = re.compile(r"(?:[\w.-]+|\[[0-9a-fA-F:.]+\])?:([0-9]{1,5})", re.ASCII)
#: docs.stripe.com/keys: a publishable key (pk_) refunds nothing
_STRIPE_KEY: Final = re.compile(r"(?:sk|rk)_(?:live|test)_\w+", re.ASCII)
_TELEGRAM_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{32,256}")


class BadSettings(Exception):
    """Settings are missing or wrong; the text lists each, with what it is for and where to get it."""


class Settings(BaseSettings):
    """Everything that differs between installations. Secrets are never printed."""

    model_config = SettingsConfigDict(env_prefix="OPSBELL_", env_file=".env", extra="ignore", frozen=True)

    database_url: str = "sqlite:///opsbell.db"
    listen: str = "127.0.0.1:8080"
    #: where /live, /ready and /metrics are instead of beside the doors
    admin_listen: str = ""
    public_url: str = ""
    #: parts that this installation does without: "stripe,shop"
    without: str = ""
    #: signs links to orders; at least 32 characters
    link_secret: SecretStr = SecretStr("")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    slack_bot_token: SecretStr = SecretStr("")
    slack_app_token: SecretStr = SecretStr("")
    #: one secret, or two parted by a comma during a rotation
    slack_signing_secret: SecretStr = SecretStr("")
    slack_base_url: str = "https://slack.com/api/"
    #: how every response URL of Slack's begins; ours is never posted anywhere else
    slack_response_url: str = "https://hooks.slack.com/"

    telegram_token: SecretStr = SecretStr("")
    telegram_secret: SecretStr = SecretStr("")
    telegram_mode: Literal["webhook", "polling"] = "polling"
    telegram_base_url: str = ""

    stripe_key: SecretStr = SecretStr("")
    stripe_webhook_secret: SecretStr = SecretStr("")
    stripe_base_url: str = ""

    shop_webhook_secret: SecretStr = SecretStr("")
    shopify_secret: SecretStr = SecretStr("")
    woocommerce_secret: SecretStr = SecretStr("")
    easypost_secret: SecretStr = SecretStr("")
    aftership_secret: SecretStr = SecretStr("")
    #: by shop, in JSON: {"nordlicht": "new,old"}; a shop that stands here is not heard by the desk's one secret
    shopify_secrets: dict[str, SecretStr] = Field(default_factory=dict)
    woocommerce_secrets: dict[str, SecretStr] = Field(default_factory=dict)
    easypost_secrets: dict[str, SecretStr] = Field(default_factory=dict)
    aftership_secrets: dict[str, SecretStr] = Field(default_factory=dict)
    #: by shop, in JSON: where a shop's orders can be listed, so that one whose webhook is lost is found all the same
    shopify_api: dict[str, ShopifyAccount] = Field(default_factory=dict)
    woocommerce_api: dict[str, WooCommerceAccount] = Field(default_factory=dict)

    #: where the time comes from instead of this machine's clock; the sandbox's only
    clock_url: str = ""
    #: days for which what is over is kept: sent letters, worked events, expired buttons
    keep_days: int = Field(default=90, ge=30, le=3650)
    #: seconds between looks at the database when nothing wakes us
    poll_seconds: float = Field(default=0.25, gt=0, le=10)

    @property
    def parts(self) -> frozenset[str]:
        """What is switched on."""
        return PARTS - self.off

    @property
    def off(self) -> frozenset[str]:
        """What is switched off by name."""
        return frozenset(word.strip() for word in self.without.split(",") if word.strip())

    @property
    def vendors(self) -> tuple[str, ...]:
        """The senders that are heard in one shop or more."""
        return tuple(
            name for name in VENDORS
            if name not in self.off and (self.own_secrets(name) or secrets_of(self.desk_secret(name)))
        )

    def secrets_for(self, vendor: str, shop: str) -> tuple[str, ...]:
        """By what a vendor is heard in a shop: the shop's own secrets, else the desk's; () = not at all."""
        if vendor not in VENDORS or vendor in self.off:
            return ()
        return secrets_of(self.own_secrets(vendor).get(shop, self.desk_secret(vendor)))

    def own_secrets(self, vendor: str) -> dict[str, SecretStr]:
        """The secrets of shops that have one of their own at a vendor."""
        found: dict[str, SecretStr] = getattr(self, f"{vendor}_secrets")
        return found

    def desk_secret(self, vendor: str) -> SecretStr:
        """The vendor's secret for every shop without one of its own."""
        found: SecretStr = getattr(self, f"{vendor}_secret")
        return found

    @property
    def order_accounts(self) -> dict[str, Collection[str]]:
        """The shops whose orders can be listed, by source."""
        found: dict[str, Collection[str]] = {"shopify": self.shopify_api, "woocommerce": self.woocommerce_api}
        return {source: accounts for source, accounts in found.items() if source not in self.off}

    @property
    def slack_by_socket(self) -> bool:
        """Socket Mode where there is an app token, HTTP otherwise."""
        return bool(self.slack_app_token.get_secret_value())

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to listen on."""
        return _address(self.listen)

    @property
    def admin_address(self) -> tuple[str, int] | None:
        """Host and port of the probes and figures; None where they stand beside the doors."""
        return _address(self.admin_listen) if self.admin_listen else None


@dataclass(frozen=True, kw_only=True)
class Need:
    """One setting that a part cannot do without."""

    name: str
    part: str
    purpose: str
    where: str


NEEDS: Final = (
    Need(name="link_secret", part="", purpose="signs the links that customers get",
         where="make one: python -c 'import secrets; print(secrets.token_urlsafe(32))'"),
    Need(name="slack_bot_token", part="slack", purpose="speaks in Slack (xoxb-...)",
         where="api.slack.com/apps > your app > OAuth & Permissions"),
    Need(name="slack_signing_secret", part="slack", purpose="proves that a request is Slack's (not for Socket Mode)",
         where="api.slack.com/apps > your app > Basic Information"),
    Need(name="telegram_token", part="telegram", purpose="speaks in Telegram (123456:ABC...)",
         where="@BotFather in Telegram, /newbot"),
    Need(name="telegram_secret", part="telegram", purpose="proves that an update is Telegram's (webhook mode only)",
         where="make one of letters and digits, 32 or more"),
    Need(name="public_url", part="telegram", purpose="tells Telegram where to post (webhook mode only)",
         where="the https address under which this machine is reached"),
    Need(name="stripe_key", part="stripe", purpose="refunds (sk_live_... or rk_live_... with refunds: write)",
         where="dashboard.stripe.com/apikeys"),
    Need(name="stripe_webhook_secret", part="stripe", purpose="proves that an event is Stripe's (whsec_...)",
         where="dashboard.stripe.com/webhooks, endpoint <public url>/webhooks/stripe"),
    Need(name="shop_webhook_secret", part="shop", purpose="proves that an event is the shop's (whsec_...)",
         where="make one: whsec_ and 32 random bytes in base64; give it to the sender too"),
)


def load() -> Settings:
    """The settings; BadSettings names what cannot be read.

    OPSBELL_SECRETS_DIR: a folder with a file for each setting that is kept there, named as its variable in small
    letters. The environment and .env come before it.
    """
    folder = os.environ.get("OPSBELL_SECRETS_DIR") or None
    if folder is not None and not Path(folder).is_dir():
        raise BadSettings(f"OPSBELL_SECRETS_DIR names {folder}, and there is no such folder.")
    try:
        return Settings(_secrets_dir=folder)  # type: ignore[call-arg]  # the plugin does not know of it
    except SettingsError as error:
        found = re.search(r'"([a-z_]+)"', str(error))
        name = found[1].upper() if found else "?"
        raise BadSettings(
            f'OPSBELL_{name} is not JSON. Write each shop\'s key, such as {{"nordlicht": ...}}; see docs/webhooks.md.'
        ) from None
    except ValidationError as error:
        lines = [f"  OPSBELL_{'_'.join(map(str, one['loc'])).upper()}: {one['msg']}" for one in error.errors()]
        raise BadSettings("These settings cannot be read:\n" + "\n".join(lines)) from None


def missing(settings: Settings) -> tuple[Need, ...]:
    """Every setting that a switched-on part lacks."""
    return tuple(need for need in NEEDS if _lacks(settings, need))


def require(settings: Settings) -> None:
    """BadSettings lists everything that is missing or wrong, so that one look is enough."""
    lines = [f"OPSBELL_{need.name.upper()} {need.purpose}\n      get it: {need.where}" for need in missing(settings)]
    lines += wrong(settings)
    if lines:
        raise BadSettings(
            "Opsbell cannot start yet. Set these in the environment or in a file .env\n"
            "(a part you do without is switched off by name: OPSBELL_WITHOUT=stripe,shop):\n  " + "\n  ".join(lines)
        )


def wrong(settings: Settings) -> list[str]:
    """What is set and cannot be right, a line each."""
    known = PARTS | set(VENDORS)
    lines = [
        f"OPSBELL_WITHOUT names {name!r}; I know {', '.join(sorted(known))}" for name in sorted(settings.off - known)
    ]
    secret = settings.link_secret.get_secret_value()
    if secret and len(secret) < 32:
        lines.append("OPSBELL_LINK_SECRET is too short: 32 characters or more")
    return lines + _weak(settings)


def _weak(settings: Settings) -> list[str]:
    """What is set but could be guessed, or cannot be what it is meant to be."""
    lines = _no_addresses(settings)
    key = settings.stripe_key.get_secret_value()
    if key and "stripe" in settings.parts and not _STRIPE_KEY.fullmatch(key):
        lines.append("OPSBELL_STRIPE_KEY: a secret key (sk_live_...) or a restricted one (rk_live_...)")
    if "telegram" in settings.parts and settings.telegram_mode == "webhook":
        secrets = secrets_of(settings.telegram_secret)
        if not all(_TELEGRAM_SECRET.fullmatch(secret) for secret in secrets):
            lines.append("OPSBELL_TELEGRAM_SECRET: 32 to 256 letters, digits, _ or -")
    of_shop = secrets_of(settings.shop_webhook_secret) if "shop" in settings.parts else ()
    if not all(frontdoor.good_standard_secret(secret) for secret in of_shop):
        lines.append("OPSBELL_SHOP_WEBHOOK_SECRET: whsec_ and 24 random bytes or more, in base64")
    for vendor in VENDORS:
        for shop, value in settings.own_secrets(vendor).items():
            if not 1 <= len(secrets_of(value)) <= 2:
                lines.append(
                    f"OPSBELL_{vendor.upper()}_SECRETS: {shop[:40]!r} needs one secret, or two during a rotation"
                )
    if not _RESPONSES.fullmatch(settings.slack_response_url):
        lines.append("OPSBELL_SLACK_RESPONSE_URL: an address with a / at its end; only the sandbox needs one")
    return lines


def _no_addresses(settings: Settings) -> list[str]:
    lines = []
    for name in ("listen", "admin_listen"):
        given: str = getattr(settings, name)
        found = _LISTEN.fullmatch(given)
        if (given or name == "listen") and (found is None or not 0 < int(found[1]) < 2**16):
            lines.append(f"OPSBELL_{name.upper()}: an address and a port such as 127.0.0.1:8080")
    if settings.public_url:
        parts = urlsplit(settings.public_url)
        if parts.scheme not in {"https", "http"} or not parts.hostname or parts.query or parts.fragment:
            lines.append("OPSBELL_PUBLIC_URL: the address under which this is reached, such as https://desk.example.com")
    return lines


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host.strip("[]") or "127.0.0.1", int(port)


def secrets_of(value: SecretStr) -> tuple[str, ...]:
    """One secret, or two during a rotation."""
    return tuple(part.strip() for part in value.get_secret_value().split(",") if part.strip())


def every_secret(settings: Settings) -> tuple[str, ...]:
    """Each secret that is set, as it is: for the log to leave out."""
    return tuple(_within(getattr(settings, name) for name in Settings.model_fields))


def _within(values: Iterable[object]) -> Iterator[str]:
    for value in values:
        match value:
            case SecretStr():
                yield from secrets_of(value)
            case dict():
                yield from _within(value.values())
            case BaseModel():
                yield from _within(getattr(value, name) for name in type(value).model_fields)


def _lacks(settings: Settings, need: Need) -> bool:
    if need.part and need.part not in settings.parts:
        return False
    if need.name == "slack_signing_secret" and settings.slack_by_socket:
        return False
    if need.name in {"telegram_secret", "public_url"} and settings.telegram_mode == "polling":
        return False
    value = getattr(settings, need.name)
    return not (value.get_secret_value() if isinstance(value, SecretStr) else value)
