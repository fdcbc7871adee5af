"""The one place that knows every adapter: builds them from the settings, wires them together, runs them."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from time import monotonic
from typing import Any

import aiohttp
import sqlalchemy as sa
from aiohttp import web

from bot.addresses import unheard
from bot.clock import FollowedClock, new_id, reference, system_now
from bot.figures import Figures
from bot.order_lists import level_lists, order_lists
from bot.platforms import CALL_SECONDS, CONNECT_SECONDS, Platforms, platforms, speak, username
from bot.settings import Settings, secrets_of
from bot.web import probes, serve, server
from gateways import level_syncs, order_polls, shop_api, stripe, stripe_list
from handlers import jobs, telegram, webhooks
from handlers.deadline import Punctual
from handlers.pruning import Pruner
from handlers.run import Desk
from handlers.slack import events
from handlers.telegram.door import poll
from notifications.auditor import Auditor
from notifications.delivery import Delivery
from notifications.detour import Defects
from storage.database import is_sqlite, open_engine
from storage.one_process import alone, wal_warning
from storage.unit_of_work import Hurried, Store
from storage.upgrade import ensure_current
from storage.wake import listen

log = logging.getLogger("opsbell")

#: seconds for a person's command: Slack waits three, and may itself be asked for one who somebody is
_SOON = 1.7


@dataclass(kw_only=True)
class App:
    """A running installation."""

    settings: Settings
    store: Store
    desk: Desk
    platforms: Platforms
    clock: FollowedClock | None = None
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
        await app.store.write(partial(shop_api.resume, order_lists(settings)))
        await app.store.write(partial(order_polls.plan_order_polls, order_lists(settings)))
        await app.store.write(partial(level_syncs.plan_level_syncs, level_lists(settings)))
        _start(app, stack)
        await speak(app.platforms, settings, app.store, stack)
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
    app = App(settings=settings, store=store, desk=desk, clock=clock, platforms=Platforms(desk=desk))
    if clock is not None:
        clock.jumped, clock.settled = app.wake, _until_nothing_is_due(store)
    made = await platforms(settings, store, desk, app.defects, session, stack)
    app.platforms, app.desk = made, made.desk
    app.delivery = Delivery(
        engine=store, carriers={one.kind: one for one in made.carriers}, owner=new_id(), sleep=asyncio.sleep,
        poll_seconds=settings.poll_seconds, seconds=monotonic,
    )
    sources: tuple[webhooks.Source, ...] = (
        telegram.TelegramUpdates(username=await username(made.bot, store)),
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
    if app.platforms.slack is not None and not settings.slack_by_socket:
        secrets = secrets_of(settings.slack_signing_secret)
        routes.append(web.post("/slack/events", events(app.platforms.slack, engine, secrets, store.now)))
    if app.platforms.bot is not None and settings.telegram_mode == "webhook":
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
    if app.platforms.bot is not None and app.settings.telegram_mode == "polling":
        begin(poll(app.platforms.bot, app.store, asyncio.sleep), "telegram polling")
    stack.push_async_callback(_stop, app.tasks)


async def _stop(tasks: list[asyncio.Task[None]]) -> None:
    left = set(tasks)
    while left:  # a library may swallow one cancellation; it does not swallow all of them
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=25)
