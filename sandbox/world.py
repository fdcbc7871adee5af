"""The sandbox's one world: its clock, its transcript, its call log, and the platforms' states."""

import asyncio
import os
import random
import time
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import aiohttp

from sandbox.clock import Clock
from sandbox.faults import Faults

__all__ = [
    "AppTimeout",
    "AppUnreachable",
    "Call",
    "Clock",
    "Response",
    "Settings",
    "Transcript",
    "World",
    "masked",
]

#: seconds the app has to answer a call of the platform
SLACK_TIMEOUT = 3.0
TELEGRAM_TIMEOUT = 60.0
#: most entries kept of the call log
CALLS_KEPT = 5000


def _env(name: str, default: str) -> Any:
    """A dataclass field whose default the environment may replace."""
    return field(default_factory=lambda: os.environ.get(name, default))


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the sandbox is started with: the app's address, tokens and secrets, time and chance."""

    #: the app's address without a trailing slash
    app: str = "http://127.0.0.1:8080"
    #: sandbox time at start; None: the real time
    start: datetime | None = None
    seed: int = 1
    #: True: too many calls are answered 429; False: they are only noted in the call log
    enforce_rate_limits: bool = True
    #: longest a control verb waits for what the app does about it, in real seconds
    patience: float = 3.0
    #: seconds the app has to answer a call; None: as long as the platform waits whose call it is
    app_seconds: float | None = None
    slack_bot_token: str = _env("SANDBOX_SLACK_BOT_TOKEN", "xoxb-sandbox-bot")
    slack_app_token: str = _env("SANDBOX_SLACK_APP_TOKEN", "xapp-sandbox-app")
    slack_signing_secret: str = _env("SANDBOX_SLACK_SIGNING_SECRET", "sandbox-slack-signing-secret")
    telegram_token: str = _env("SANDBOX_TELEGRAM_TOKEN", "7000000001:sandbox-telegram-bot-token-000000000")
    stripe_key: str = _env("SANDBOX_STRIPE_KEY", "sk_test_sandbox")
    stripe_webhook_secret: str = _env("SANDBOX_STRIPE_WEBHOOK_SECRET", "whsec_sandbox")
    shop_webhook_secret: str = _env(
        "SANDBOX_SHOP_WEBHOOK_SECRET", "whsec_c2FuZGJveC1zaG9wLXNlY3JldC0wMDAwMDAwMDAwMDA="
    )

    woocommerce_key: str = _env("SANDBOX_WOOCOMMERCE_KEY", "ck_sandbox")
    woocommerce_secret: str = _env("SANDBOX_WOOCOMMERCE_SECRET", "cs_sandbox")
    woocommerce_webhook_secret: str = _env("SANDBOX_WOOCOMMERCE_WEBHOOK_SECRET", "sandbox-woocommerce-webhook-secret")
    shopify_token: str = _env("SANDBOX_SHOPIFY_TOKEN", "shpat_sandbox")
    shopify_webhook_secret: str = _env("SANDBOX_SHOPIFY_WEBHOOK_SECRET", "sandbox-shopify-webhook-secret")

    def secrets(self) -> tuple[str, ...]:
        """Every token and secret, so that the call log can mask them."""
        return (
            self.slack_bot_token,
            self.slack_app_token,
            self.slack_signing_secret,
            self.telegram_token,
            self.stripe_key,
            self.stripe_webhook_secret,
            self.shop_webhook_secret,
            self.woocommerce_key,
            self.woocommerce_secret,
            self.woocommerce_webhook_secret,
            self.shopify_token,
            self.shopify_webhook_secret,
        )


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call over the line between the app and a platform."""

    seq: int
    #: sandbox time, ISO 8601
    at: str
    platform: str
    #: "in": the app called the platform; "out": the platform called the app
    direction: str
    name: str
    arguments: Mapping[str, Any]
    #: "ok" or the error code
    verdict: str
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Response:
    """The app's answer to a call of the platform."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class AppUnreachable(Exception):
    """The app could not be reached, or broke the connection."""


class AppTimeout(AppUnreachable):
    """The app did not answer in time."""


class PlatformState(Protocol):
    """What every platform package keeps in the world."""

    def reset(self) -> None:
        """Back to how the world starts."""


class Transcript:
    """What people can see, in the order it happened, across all platforms."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._last = 0
        self.entries: list[dict[str, Any]] = []

    def add(self, entry: dict[str, Any]) -> dict[str, Any]:
        """Keep `entry`, give it "seq" and "at", tell the listeners; the same object comes back."""
        self._last += 1
        entry["seq"] = self._last
        entry.setdefault("at", self._world.clock.now().isoformat())
        entry["changed"] = self._world.next_change()
        self.entries.append(entry)
        self._world.changed("transcript", entry)
        return entry

    def touch(self, entry: dict[str, Any]) -> None:
        """Tell the listeners that `entry` changed."""
        entry["changed"] = self._world.next_change()
        self._world.changed("transcript", entry)

    def since(self, change: int) -> list[dict[str, Any]]:
        """The entries added or edited after `change` (a value of World.change)."""
        return [entry for entry in self.entries if entry["changed"] > change]

    def clear(self) -> None:
        """Forget all; numbers go on."""
        self.entries.clear()


def masked(value: Any, secrets: tuple[str, ...]) -> Any:
    """A copy of JSON-like `value` with every secret replaced."""
    if isinstance(value, str):
        for secret in secrets:
            if secret and secret in value:
                value = value.replace(secret, "***")
        return value
    if isinstance(value, Mapping):
        return {str(key): masked(item, secrets) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [masked(item, secrets) for item in value]
    return value


class World:
    """Everything the sandbox knows. One per server; made inside or outside a running loop."""

    def __init__(self, settings: Settings | None = None) -> None:
        # The platform packages name World in their signatures, so they are imported late.
        from sandbox import shop_orders, shopify_stock, slack, stripe, telegram, woocommerce_stock

        self.settings = settings or Settings()
        #: the sandbox's own address without a trailing slash; set once the port is known
        self.address = "http://127.0.0.1:8700"
        self.clock = Clock(self.settings.start)
        self.faults = Faults()
        self.random = random.Random(self.settings.seed)
        self.calls: list[Call] = []
        #: counts visible changes; never goes back
        self.change = 0
        self.last_change = time.monotonic()
        self.listeners: set[asyncio.Queue[dict[str, Any]]] = set()
        self.transcript = Transcript(self)
        self._call_seq = 0
        self._session: aiohttp.ClientSession | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.slack = slack.State(self)
        self.telegram = telegram.State(self)
        self.stripe = stripe.State(self)
        self.orders = shop_orders.State(self)
        self.shopify = shopify_stock.State(self)
        self.woocommerce = woocommerce_stock.State(self)

    def next_change(self) -> int:
        """The number of the next visible change."""
        self.change += 1
        return self.change

    def record(
        self,
        platform: str,
        direction: str,
        name: str,
        arguments: Mapping[str, Any],
        verdict: str,
        detail: str = "",
    ) -> None:
        """Add one call to the call log, secrets masked. Until the app stops calling, things are not quiet."""
        self._call_seq += 1
        if direction == "in":
            self.last_change = time.monotonic()
        secrets = self.settings.secrets()
        call = Call(
            seq=self._call_seq,
            at=self.clock.now().isoformat(),
            platform=platform,
            direction=direction,
            name=name,
            arguments=masked(arguments, secrets),
            verdict=verdict,
            detail=masked(detail, secrets),
        )
        self.calls.append(call)
        del self.calls[:-CALLS_KEPT]

    def changed(self, kind: str, payload: dict[str, Any]) -> None:
        """Tell every listener that something visible changed."""
        self.last_change = time.monotonic()
        for queue in self.listeners:
            queue.put_nowait({"kind": kind, "payload": payload})

    async def quiet(self, seconds: float, at_most: float) -> None:
        """Return once the app called nothing and nothing visible changed for `seconds`, or after `at_most`.

        Both in seconds of real time.
        """
        start = time.monotonic()
        end = start + at_most
        while True:
            now = time.monotonic()
            wait = max(self.last_change, start) + seconds - now
            if wait <= 0 or now >= end:
                return
            await asyncio.sleep(min(wait, end - now))

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine in the background; it is kept alive, and ended by `close`."""
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def session(self) -> aiohttp.ClientSession:
        """The shared HTTP client."""
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(auto_decompress=True)
        return self._session

    async def post_to_app(
        self, path: str, body: bytes, headers: Mapping[str, str], *, timeout: float | None = None
    ) -> Response:
        """POST to the app; `path` may be a whole address (Telegram's webhook).

        Waits 3 s, or 60 s for Telegram, unless told here or by the settings. Raises AppTimeout or AppUnreachable.
        """
        address = path if path.startswith(("http://", "https://")) else self.settings.app + path
        seconds = self.settings.app_seconds or timeout or (TELEGRAM_TIMEOUT if "/telegram" in path else SLACK_TIMEOUT)
        limit = aiohttp.ClientTimeout(total=seconds)
        try:
            async with self.session().post(
                address, data=body, headers=dict(headers), timeout=limit, allow_redirects=False
            ) as answer:
                return Response(status=answer.status, headers=dict(answer.headers), body=await answer.read())
        except TimeoutError as error:
            raise AppTimeout(f"no answer in {seconds:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise AppUnreachable(str(error) or type(error).__name__) from error

    def reset(self) -> None:
        """Everything as it was at the start, one epoch later."""
        self.transcript.clear()
        self.calls.clear()
        self.faults.clear()
        self.random.seed(self.settings.seed)
        for state in (self.slack, self.telegram, self.stripe, self.orders, self.shopify, self.woocommerce):
            state.reset()
        self.clock.reset()
        self.changed("reset", self.clock.as_json())

    async def close(self) -> None:
        """End background work and the HTTP client."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
