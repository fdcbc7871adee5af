"""``opsbell demo``: the sandbox, a generated shop and the desk, on this machine, without any account.

The desk is the real one; only base addresses and secrets differ. When the page resets the demo, the desk begins anew
from a copy of the freshly imported database.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, time
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import aiohttp
from pydantic import SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from bot import log
from bot.app import running
from bot.clock import system_now
from bot.manifest import manifest
from bot.settings import BadSettings, Settings
from bot.shop_accounts import ShopifyAccount
from handlers.webhooks import address
from storage.customers import CustomerRows
from storage.database import open_engine
from storage.shops import ShopRows

_ZONE: Final = "Europe/Berlin"
_SEED: Final = 1
_SHOP: Final = "nordlicht"
#: a file by which the demo knows its own folder; it says what was made there, once that is whole
_MARK: Final = "made-for.json"
#: Shopify's names of the topics that tell of stock, and ours
_STOCK_TOPICS: Final = {
    "products/create": "products-create", "products/update": "products-update",
    "inventory_levels/update": "inventory-levels-update",
}
#: customers who followed the link of an order's confirmation before the demo begins, and their Telegram accounts;
#: Maria and Sofia have yet to prove that an order is theirs
_KNOWN: Final = {"C-1002": 1002, "C-1004": 1004, "C-1005": 1005, "C-1006": 1006}


@dataclass(frozen=True, kw_only=True)
class Demo:
    """The demo: where it keeps its files and where it is reached."""

    folder: Path
    port: int
    app_port: int
    #: an ISO moment; None = this machine's day, 09:05 in Berlin
    start: str | None
    by_socket: bool

    async def run(self) -> int:
        """Up until a signal says stop. BadSettings if its folder, which it empties, holds anything else."""
        self._own_folder()
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for sign in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(sign, stop.set)
        log.set_up("WARNING")
        async with AsyncExitStack() as stack:
            await self._import()
            app_manifest = manifest("" if self.by_socket else self.settings.public_url)
            (self.folder / "manifest.json").write_text(json.dumps(app_manifest))
            await stack.enter_async_context(_program(self._sandbox(), "sandbox ready"))
            while not stop.is_set():
                await self._serve(stop)
        return 0

    def _own_folder(self) -> None:
        """An operator's own folder may be named by mistake, with the database of their desk in it."""
        if self.folder.exists() and not (self.folder / _MARK).is_file() and any(self.folder.iterdir()):
            raise BadSettings(
                f"{self.folder} holds other files, and the demo empties its folder. Name another: --folder."
            )

    @property
    def moment(self) -> str:
        """When the demo begins."""
        if self.start is not None:
            return self.start
        today = system_now().astimezone(ZoneInfo(_ZONE)).date()
        return datetime.combine(today, time(9, 5), tzinfo=ZoneInfo(_ZONE)).isoformat()

    @property
    def page(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def settings(self) -> Settings:
        """The desk's settings: the sandbox's addresses and secrets."""
        return _DemoSettings(
            database_url=f"sqlite:///{self.folder / 'opsbell.db'}",
            listen=f"127.0.0.1:{self.app_port}",
            public_url=f"http://127.0.0.1:{self.app_port}",
            link_secret=SecretStr("sandbox-link-secret-0123456789abcdef"),
            slack_bot_token=SecretStr("xoxb-sandbox-bot"),
            slack_app_token=SecretStr("xapp-sandbox-app" if self.by_socket else ""),
            slack_signing_secret=SecretStr("sandbox-slack-signing-secret"),
            slack_base_url=f"{self.page}/slack/api/", slack_response_url=f"{self.page}/slack/response/",
            telegram_token=SecretStr("7000000001:sandbox-telegram-bot-token-000000000"),
            telegram_secret=SecretStr("sandbox-telegram-webhook-secret-00"),
            telegram_mode="polling" if self.by_socket else "webhook",
            telegram_base_url=f"{self.page}/telegram",
            stripe_key=SecretStr("sk_test_sandbox"),
            stripe_webhook_secret=SecretStr("whsec_sandbox"),
            stripe_base_url=f"{self.page}/stripe",
            shop_webhook_secret=SecretStr("whsec_c2FuZGJveC1zaG9wLXNlY3JldC0wMDAwMDAwMDAwMDA="),
            shopify_secret=SecretStr("sandbox-shopify-webhook-secret"),
            shopify_api={_SHOP: ShopifyAccount(url=f"{self.page}/shopify", token=SecretStr("shpat_sandbox"))},
            clock_url=f"{self.page}/control/clock",
            without="",
            poll_seconds=0.05,
        )

    async def _serve(self, stop: asyncio.Event) -> None:
        """One life of the desk: until it is stopped, or the page begins the demo anew."""
        for name in ("opsbell.db", "opsbell.db-wal", "opsbell.db-shm"):
            (self.folder / name).unlink(missing_ok=True)
        shutil.copyfile(self.folder / "imported.db", self.folder / "opsbell.db")
        async with running(self.settings, began=lambda: print(_WELCOME.format(page=self.page), flush=True)) as app:
            assert app.clock is not None
            await self._subscribe(app.store.sign)
            ends = [asyncio.create_task(stop.wait()), asyncio.create_task(app.clock.restarted.wait())]
            await asyncio.wait([*ends, *app.tasks], return_when=asyncio.FIRST_COMPLETED)
            for end in ends:
                end.cancel()
            for task in app.tasks:
                if task.done() and not task.cancelled() and task.exception() is not None:
                    stop.set()
                    raise RuntimeError(f"the loop {task.get_name()} has died") from task.exception()

    async def _subscribe(self, sign: Callable[[str], str]) -> None:
        """What `opsbell webhooks` prints, pasted into the sandbox's Shopify."""
        wanted = {name: address("shopify", _SHOP, topic, sign) for name, topic in _STOCK_TOPICS.items()}
        async with aiohttp.ClientSession() as session, session.post(
            f"{self.page}/control/shop/shopify", json={"subscribe": wanted}
        ) as answer:
            answer.raise_for_status()

    async def _import(self) -> None:
        """Generate the shop and import it, as an operator would; done once for a starting day."""
        mark = self.folder / _MARK
        wanted = json.dumps({"start": self.moment, "seed": _SEED, "known": _KNOWN})
        if mark.exists() and mark.read_text() == wanted and (self.folder / "imported.db").exists():
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        mark.touch()  # from here on it is ours, though nothing is whole yet
        shop = self.folder / "shop"
        print("Making the demo shop: two years of orders (once, half a minute) ...", flush=True)
        database = f"sqlite:///{self.folder / 'imported.db'}"
        seed = ["--until", self.moment, "--seed", str(_SEED)]
        await _done([sys.executable, "-m", "sandbox.demo_shop", "--out", str(shop), *seed])
        opsbell = [sys.executable, "-m", "bot"]
        await _done([*opsbell, "shop", "apply", str(shop / "shop.toml")], OPSBELL_DATABASE_URL=database)
        await _done(
            [*opsbell, "import", "generic", str(shop), "--shop", _SHOP, "--json"], OPSBELL_DATABASE_URL=database
        )
        await asyncio.to_thread(_link_customers, database, datetime.fromisoformat(self.moment))
        mark.write_text(wanted)

    def _sandbox(self) -> list[str]:
        return [
            sys.executable, "-m", "sandbox", "--port", str(self.port), "--app", f"http://127.0.0.1:{self.app_port}",
            "--start", self.moment, "--seed", str(_SEED), "--manifest", str(self.folder / "manifest.json"),
        ]


def _link_customers(database: str, now: datetime) -> None:
    """What a customer's click on their own link does, for those who clicked before the demo begins."""
    engine = open_engine(database)
    with engine.begin() as connection:
        customers = CustomerRows(connection, ShopRows(connection).by_key(_SHOP), now)
        for external_id, account in _KNOWN.items():
            customer = customers.upsert(external_id, name=None, email=None, phone=None)
            customers.link_telegram(customer.id, account, language=None)
    engine.dispose()


_WELCOME: Final = """
Opsbell is up. Open {page}
  left: Slack, as Ada, Ben, Cleo ...   right: Telegram, as Maria, Jonas ...
  Try "Sell out the blue mug"; or, on Maria's phone, return something of her order 1042 and approve it in #returns.
  Ctrl-C stops it."""


class _DemoSettings(Settings):
    """What is given and nothing else: an operator's environment or .env would bring their own shop's keys along."""

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        env_settings: PydanticBaseSettingsSource, dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what Demo.settings says."""
        return (init_settings,)


class _program:  # noqa: N801  reads as a verb at its one use
    """A program of ours that runs beside us; stopped by its own id when we leave."""

    def __init__(self, command: list[str], ready: str) -> None:
        self._command, self._ready = command, ready
        self._child: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> None:
        self._child = await asyncio.create_subprocess_exec(*self._command, stdout=asyncio.subprocess.PIPE)
        assert self._child.stdout is not None
        async for line in self._child.stdout:
            if line.decode().startswith(self._ready):
                return
        raise BadSettings(
            f"The {self._command[2]} did not start. If its port is taken, choose others: "
            "opsbell demo --port 8710 --app-port 8090"
        )

    async def __aexit__(self, *_error: object) -> None:
        if self._child is not None and self._child.returncode is None:
            self._child.terminate()
            await self._child.wait()


async def _done(command: list[str], **environment: str) -> None:
    import os

    child = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.DEVNULL, env={**os.environ, **environment}
    )
    if await child.wait() != 0:
        raise RuntimeError(f"{' '.join(command[1:4])} failed")
