"""The one place that knows every adapter: builds them from the settings, wires them together, runs them."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from functools import partial
from time import monotonic
from typing import Any

import aiohttp
import sqlalchemy as sa
from aiogram import Bot
from aiogram.client.default import DefaultBotProperties
from aiogram.client.telegram import PRODUCTION, TelegramAPIServer
from aiogram.exceptions import AiogramError, TelegramAPIError, TelegramBadRequest, TelegramForbiddenError
from aiohttp import web
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_sdk.web.async_client import AsyncWebClient

from bot.addresses import unheard
from bot.clock import FollowedClock, new_id, reference, system_now
from bot.figures import Figures
from bot.order_lists import list_carriers, order_lists
from bot.settings import Settings, secrets_of
from bot.web import probes, serve, server
from domain.messages import Photo
from domain.outcomes import Carrier
from domain.shops import Shop
from domain.time import Calendar
from gateways import order_polls, stripe, stripe_list
from handlers import jobs, telegram, webhooks
from handlers.deadline import Punctual
from handlers.pruning import Pruner
from handlers.run import Desk
from handlers.slack import SlackDesk, Standings, bolt, events
from handlers.telegram.door import ALLOWED_UPDATES, poll
from notifications.auditor import Auditor
from notifications.catalogue import Catalogue
from notifications.delivery import CALL, Delivery
from notifications.detour import Defects
from notifications.slack.carrier import SlackCarrier
from notifications.slack.files import Files
from notifications.telegram.calls import TimedSession
from notifications.telegram.carrier import TelegramAnswers, TelegramCarrier
from storage.database import is_sqlite, open_engine
from storage.one_process import alone, wal_warning
from storage.unit_of_work import Hurried, Store
from storage.upgrade import ensure_current
from storage.wake import listen

log = logging.getLogger("opsbell")

#: how long a connection may take to stand, and a whole call to a platform; both well below a job's lease
CONNECT_SECONDS = 3.0
CALL_SECONDS = CALL.total_seconds()
#: seconds for a person's command: Slack waits three, and may itself be asked for one who somebody is
_SOON = 1.7
#: how words look where no shop is known
NOBODY = Shop(
    id=0, key="", name="Opsbell", currency="EUR", language="en", calendar=Calendar(time_zone="UTC"), digest_at=time(8)
)


@dataclass(kw_only=True)
class App:
    """A running installation."""

    settings: Settings
    store: Store
    desk: Desk
    clock: FollowedClock | None = None
    slack: SlackDesk | None = None
    bot: Bot | None = None
    delivery: Delivery | None = None
    worker: jobs.Worker | None = None
    auditor: Auditor | None = None
    defects: Defects = field(default_factory=Defects)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def now(self) -> Callable[[], datetime]:
        """The clock of everything."""
        return self.store.now

    def wake(self, kinds: frozenset[str] = frozenset()) -> None:
        """Have the loops look at once that work off these kinds of jobs; both where none is named."""
        if self.worker is not None and (not kinds or kinds.intersection(jobs.KINDS)):
            self.worker.wake.set()
        if self.delivery is not None and (not kinds or kinds.difference(jobs.KINDS)):
            self.delivery.wake.set()

    def healthy(self) -> bool:
        """Whether every loop still runs."""
        stands = bool(self.tasks) and not any(task.done() for task in self.tasks)
        return stands and not (self.auditor and self.auditor.silent)


@asynccontextmanager
async def running(settings: Settings, *, began: Callable[[], None] = lambda: None) -> AsyncIterator[App]:
    """The whole installation, up for as long as the block runs. ``began`` is called once it can be spoken to."""
    async with AsyncExitStack() as stack:
        patience = aiohttp.ClientTimeout(total=CALL_SECONDS, sock_connect=CONNECT_SECONDS)
        session = await stack.enter_async_context(aiohttp.ClientSession(timeout=patience))
        clock = await _clock(settings, session)
        app = await _built(settings, session, clock, stack)
        site = await _listen(app, stack)
        log.info("listening on %s", site)
        await app.store.write(jobs.plan)
        for line in unheard(settings, await app.store.read(lambda one: [shop.key for shop in one.shops.all()])):
            log.warning("%s", line)
        if "stripe" in settings.parts:
            await app.store.write(stripe_list.plan_reconcile)
        await app.store.write(partial(order_polls.plan_order_polls, order_lists(settings, session)))
        _start(app, stack)
        await _speak(app, stack)
        if clock is not None:
            app.tasks.append(asyncio.create_task(clock.follow(), name="clock"))
        gc.collect()
        gc.freeze()  # aiogram's models make full collections slow; nothing of them ever goes away
        began()
        yield app


async def _clock(settings: Settings, session: aiohttp.ClientSession) -> FollowedClock | None:
    if not settings.clock_url:
        return None
    clock = FollowedClock(url=settings.clock_url, session=session)
    await clock.ask()
    return clock


async def _built(
    settings: Settings, session: aiohttp.ClientSession, clock: FollowedClock | None, stack: AsyncExitStack
) -> App:
    loop = asyncio.get_running_loop()

    def committed(kinds: frozenset[str]) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(app.wake, kinds)

    engine = open_engine(settings.database_url)
    stack.enter_context(alone(engine, "opsbell run"))
    if is_sqlite(engine) and (warning := wal_warning()):
        log.warning("%s", warning)
    ensure_current(engine)
    store = Store(
        engine=engine, now=clock.now if clock else system_now, new_id=new_id, committed=committed,
        secret=settings.link_secret.get_secret_value().encode(),
        ahead=(lambda: clock.offset) if clock else timedelta, by_server=goes_by_server(engine),
        seconds=monotonic,
    )
    stack.callback(store.close)
    desk = Desk(engine=Punctual(engine=Hurried(store=store), within=_SOON, grace=0.2), reference=reference)
    app = App(settings=settings, store=store, desk=desk, clock=clock)
    if clock is not None:
        clock.jumped, clock.settled = app.wake, _until_nothing_is_due(store)
    carriers = await _carriers(app, session, stack)
    app.delivery = Delivery(
        engine=store, carriers={one.kind: one for one in carriers}, owner=new_id(), sleep=asyncio.sleep,
        poll_seconds=settings.poll_seconds, seconds=monotonic,
    )
    sources: tuple[webhooks.Source, ...] = (
        telegram.TelegramUpdates(username=await _username(app)),
        webhooks.StripeEvents(live=stripe.mode_of(settings.stripe_key.get_secret_value())), webhooks.ShopEvents(),
        *(webhooks.VendorEvents(source=name) for name in webhooks.VENDORS),
    )
    app.worker = jobs.Worker(
        engine=store, sources=sources, owner=new_id(), sleep=asyncio.sleep, poll_seconds=settings.poll_seconds,
        seconds=monotonic,
    )
    app.auditor = _auditor(store, app.delivery, app.worker)
    return app


def _auditor(store: Store, delivery: Delivery, worker: jobs.Worker) -> Auditor:
    loops = {"delivery": lambda: delivery.turned_at, "worker": lambda: worker.turned_at}
    return Auditor(engine=store, sleep=asyncio.sleep, seconds=monotonic, loops=loops)


def goes_by_server(engine: sa.Engine) -> bool:
    """Whether transactions go by the database server's clock: replicas must agree; on SQLite there is one process."""
    return not is_sqlite(engine)


def _until_nothing_is_due(store: Store) -> Callable[[], Awaitable[None]]:
    """Waits until what fell due by a jump of the clock is done; four seconds at most."""

    async def settled() -> None:
        for _ in range(80):
            if not await store.read(lambda transaction: transaction.jobs.waiting()):
                return
            await asyncio.sleep(0.05)

    return settled


async def _carriers(app: App, session: aiohttp.ClientSession, stack: AsyncExitStack) -> list[Carrier]:
    settings, store, catalogue = app.settings, app.store, Catalogue()
    carriers: list[Carrier] = []
    if "telegram" in settings.parts:
        app.bot = telegram_bot(settings)
        stack.push_async_callback(app.bot.session.close)
        letters = TelegramCarrier(bot=app.bot, engine=store, catalogue=catalogue, defects=app.defects)
        carriers += [letters, TelegramAnswers(bot=app.bot)]
    if "slack" in settings.parts:
        token = settings.slack_bot_token.get_secret_value()
        client = AsyncWebClient(
            token, base_url=settings.slack_base_url, session=session, timeout=int(CALL_SECONDS), retry_handlers=[]
        )
        app.desk = replace(app.desk, known=Standings(client=client, now=store.now).of)
        app.slack = SlackDesk(
            desk=app.desk, catalogue=catalogue, client=client, session=session, nobody=NOBODY,
            responses=settings.slack_response_url,
        )
        carriers.append(
            SlackCarrier(
                client=client, engine=store, catalogue=catalogue, defects=app.defects,
                files=Files(client=client, fetch=_fetch(app)),
            )
        )
    if "stripe" in settings.parts:
        client_of_stripe = _stripe_client(settings, session)
        carriers.append(stripe.RefundCarrier(client=client_of_stripe, engine=store))
        carriers.append(stripe_list.ReconcileCarrier(client=client_of_stripe, engine=store))
    return [*carriers, *list_carriers(settings, session, store)]


def telegram_bot(settings: Settings) -> Bot:
    """The Telegram client, which writes HTML."""
    base = settings.telegram_base_url
    server_of = TelegramAPIServer.from_base(base) if base else PRODUCTION
    session = TimedSession(api=server_of, timeout=CALL_SECONDS, connect_seconds=CONNECT_SECONDS)
    return Bot(
        settings.telegram_token.get_secret_value(), session=session, default=DefaultBotProperties(parse_mode="HTML")
    )


def _stripe_client(settings: Settings, session: aiohttp.ClientSession) -> Any:
    return stripe.client(settings.stripe_key.get_secret_value(), settings.stripe_base_url or None, session)


def _fetch(app: App) -> Callable[[Photo], Awaitable[bytes]]:
    """How a picture that Telegram keeps comes to Slack."""

    async def fetch(photo: Photo) -> bytes:
        if app.bot is None or photo.platform != "telegram":
            raise LookupError("no platform has that picture")
        try:
            found = await app.bot.download(photo.file_id)
        except (TelegramBadRequest, TelegramForbiddenError) as error:
            raise LookupError("Telegram does not give that picture") from error
        except AiogramError as error:
            raise ConnectionError("Telegram does not give that picture now") from error
        if found is None:
            raise LookupError("Telegram has no such picture")
        return found.read()

    return fetch


async def _username(app: App) -> str:
    """The bot's own name, as groups address it; "" where Telegram cannot be asked now."""
    if app.bot is None:
        return ""
    try:
        return (await app.bot.me()).username or ""
    except TelegramAPIError:
        log.warning("Telegram does not answer; commands addressed to the bot by name are heard as for anybody")
        return ""


async def _listen(app: App, stack: AsyncExitStack) -> str:
    admin = app.settings.admin_address
    outer = _doors(app)
    kinds = frozenset(app.delivery.carriers if app.delivery is not None else ()) | frozenset(jobs.KINDS)
    figures = Figures(engine=app.store, desk=app.desk, kinds=kinds, auditor=app.auditor, defects=app.defects)
    inner = probes(app.store, figures, app.healthy)
    if admin is not None:
        log.info("probes and figures at %s", await serve(server(inner, reference), admin, stack))
    return await serve(server(outer if admin else [*outer, *inner], reference), app.settings.address, stack)


def _doors(app: App) -> list[web.RouteDef]:
    """What is switched on, and nothing else."""
    settings, store = app.settings, app.store
    engine, routes = Punctual(engine=Hurried(store=store)), list[web.RouteDef]()
    if app.slack is not None and not settings.slack_by_socket:
        secrets = secrets_of(settings.slack_signing_secret)
        routes.append(web.post("/slack/events", events(app.slack, engine, secrets, store.now)))
    if app.bot is not None and settings.telegram_mode == "webhook":
        routes.append(web.post("/telegram/webhook", telegram.webhook(engine, secrets_of(settings.telegram_secret))))
    if "stripe" in settings.parts:
        secrets = secrets_of(settings.stripe_webhook_secret)
        routes.append(web.post("/webhooks/stripe", webhooks.stripe_door(engine, secrets, store.now)))
    if "shop" in settings.parts:
        secrets = secrets_of(settings.shop_webhook_secret)
        routes.append(web.post("/webhooks/shop", webhooks.shop_door(engine, secrets, store.now)))
    for source in settings.vendors:
        vendor = webhooks.vendor_door(source, engine, partial(settings.secrets_for, source), store.sign)
        routes.append(web.post(f"/webhooks/{source}/{{shop}}/{{topic}}/{{token}}", vendor))
    return routes


def _start(app: App, stack: AsyncExitStack) -> None:
    """The loops; cancelled before anything they use is closed."""

    def begin(work: Coroutine[Any, Any, None], name: str) -> None:
        app.tasks.append(asyncio.create_task(work, name=name))

    if app.delivery is not None and app.worker is not None:
        begin(app.delivery.run(), "delivery")
        begin(app.worker.run(), "worker")
    if app.auditor is not None:
        begin(app.auditor.run(), "auditor")
    pruner = Pruner(engine=app.store, keep=timedelta(days=app.settings.keep_days), sleep=asyncio.sleep)
    begin(pruner.run(), "pruning")
    if not is_sqlite(app.store.engine):
        begin(listen(app.store.engine, app.wake, asyncio.sleep), "notices")
    if app.bot is not None and app.settings.telegram_mode == "polling":
        begin(poll(app.bot, app.store, asyncio.sleep), "telegram polling")
    stack.push_async_callback(_stop, app.tasks)


async def _stop(tasks: list[asyncio.Task[None]]) -> None:
    left = set(tasks)
    while left:  # a library may swallow one cancellation; it does not swallow all of them
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=25)


async def _speak(app: App, stack: AsyncExitStack) -> None:
    """Tell the platforms where we are."""
    if app.bot is not None:
        if app.settings.telegram_mode == "webhook":
            await app.bot.set_webhook(
                f"{app.settings.public_url.rstrip('/')}/telegram/webhook", allowed_updates=list(ALLOWED_UPDATES),
                secret_token=secrets_of(app.settings.telegram_secret)[0],
            )
        else:
            await app.bot.delete_webhook()
    if app.slack is not None and app.settings.slack_by_socket:
        # Bolt's own client knows no address but Slack's.
        speaks = AsyncWebClient(base_url=app.settings.slack_base_url)
        behind = bolt(app.slack, app.settings.slack_bot_token.get_secret_value())
        handler = AsyncSocketModeHandler(behind, app.settings.slack_app_token.get_secret_value(), web_client=speaks)
        await handler.connect_async()  # type: ignore[no-untyped-call]  # slack_bolt left it without types
        stack.push_async_callback(handler.close_async)
