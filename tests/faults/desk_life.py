"""One life of a desk: it recovers from the last death, takes new work, and may die of it."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from pydantic import SecretStr

import bot.app
from bot.settings import Settings
from domain.orders import OrderPlaced, PlacedLine
from domain.people import Actor
from domain.returns.model import Reason
from domain.returns.policy import Wanted
from domain.returns.requests import request_return
from storage import shop_file
from storage.audit import digest
from storage.database import is_sqlite, open_engine, reading, writing
from storage.shop_file import ChatRow, ShopFile, StaffRow
from storage.tables import approvals, audit, jobs, orders, parcels, payments, refunds, returns
from storage.upgrade import upgrade
from tests.faults.stage import SharedClock, Voice
from tests.faults.victim import Steps, label

TEAM = "T0NORDLICHT"
CUSTOMER = 1001
#: kinds of jobs that write their own next: one of each always stands open
SCHEDULED = ("fire", "reconcile")
#: 2 x 19.00
AMOUNT = 3800
SHOP = ShopFile(
    key="nordlicht", name="Nordlicht Shop", currency="EUR", time_zone="Europe/Berlin", language="en", country="DE",
    settings={
        "digest_at": "08:00", "calendar": {"country": "DE"},
        "policies": {"returns": {"refund_without_return_minor": 4000, "return_cost_minor": 490, "answer_within_hours": 6, "photo_required_for": []}},
    },
    staff=(
        StaffRow(key="ada", name="Ada", role="owner", slack_team=TEAM, slack_user="U0ADA"),
        StaffRow(key="cleo", name="Cleo", role="finance", slack_team=TEAM, slack_user="U0CLEO"),
    ),
    chats=tuple(
        ChatRow(topic=topic, platform="slack", address=f"C0{topic.upper()}")
        for topic in ("stock", "parcels", "returns", "daily")
    ),
)


def settings(url: str, sandbox: str, app_port: int) -> Settings:
    """An installation whose platforms are the sandbox."""
    return Settings(
        _env_file=None, database_url=url, listen=f"127.0.0.1:{app_port}", public_url=f"http://127.0.0.1:{app_port}",
        link_secret=SecretStr("k" * 40), slack_bot_token=SecretStr("xoxb-sandbox-bot"),
        slack_signing_secret=SecretStr("sandbox-slack-signing-secret"), slack_base_url=f"{sandbox}/slack/api/",
        telegram_token=SecretStr("7000000001:sandbox-telegram-bot-token-000000000"),
        telegram_secret=SecretStr("a-webhook-secret-of-32-characters"), telegram_mode="webhook",
        telegram_base_url=f"{sandbox}/telegram", stripe_key=SecretStr("sk_test_sandbox"),
        stripe_webhook_secret=SecretStr("whsec_sandbox"), stripe_base_url=f"{sandbox}/stripe", without="shop",
        poll_seconds=0.02, log_level="ERROR",
    )  # type: ignore[call-arg]


@contextmanager
def quiet_logs(path: Path | None) -> Iterator[None]:
    """What the desk logs goes to a file, for whoever looks for the reason."""
    handler: logging.Handler = logging.FileHandler(path) if path else logging.NullHandler()
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    yield


def warm() -> None:
    """What every start would spend anew, done once before the lives are forked."""
    import stripe._stripe_client
    from aiogram.methods.base import Response
    from aiogram.types import Message, User

    inspect.stack()  # Bolt looks who made it; the names of all modules are then known
    for kind in (bool, Message, User):
        Response[kind]  # a model that pydantic builds
    del stripe


async def prepare(voice: Voice, url: str) -> None:
    """Tables and the shop."""
    engine = open_engine(url)
    upgrade(engine)
    with engine.begin() as connection:
        shop_file.apply(connection, SHOP)
    engine.dispose()
    voice.say(ready=True)
    await voice.hear()


class DeskLife:
    """The running desk and what is asked of it."""

    def __init__(self, app: bot.app.App, clock: SharedClock) -> None:
        self.app, self.clock = app, clock
        self._checked = 0

    async def quiet(self, seconds: float = 20) -> datetime:
        """Wait until nothing is open but schedules; time passes as fast as it may. When it was so, by the clock."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while loop.time() < end:
            moment = self.clock.now()
            with reading(self.app.store.engine) as connection:
                query = sa.select(jobs).where(jobs.c.state == "open", jobs.c.kind.not_in(SCHEDULED)).order_by(jobs.c.id.desc())
                rows = connection.execute(query).all()
            if not rows and not self._at_work(rows):
                return moment
            heads = {row.lane: max(row.due_at, row.leased_until or row.due_at) for row in rows}  # the oldest is last
            if heads and not self._at_work(rows) and (due := min(heads.values())) > moment:
                self.clock.advance_to(due)
                self._wake()
            await asyncio.sleep(0.006)
        raise TimeoutError(f"still open: {[(row.kind, row.key, row.attempts, row.error) for row in rows]}")

    def _at_work(self, rows: Sequence[Any]) -> bool:
        """Whether this process holds something: then no time is skipped."""
        assert self.app.delivery is not None
        assert self.app.worker is not None
        ours = {self.app.delivery.owner, self.app.worker.owner}
        return bool(self.app.delivery._under_way) or any(row.owner in ours for row in rows)

    def _wake(self) -> None:
        assert self.app.delivery is not None
        assert self.app.worker is not None
        self.app.delivery.wake.set()
        self.app.worker.wake.set()

    def ask_return(self, payment: str) -> str:
        """A delivered order that was paid so, and the customer's wish to give two of it back."""
        store = self.app.store
        with store.begin(SHOP.key) as uow:
            number = str(uow.numbers.next("test order", first=5001))
            order = uow.orders.add(
                OrderPlaced(
                    number=number, at=uow.now - timedelta(days=5), currency="EUR", customer_external_id="maria",
                    customer_name="Maria Silva", customer_email=None, customer_phone="+49 151 0000 1001",
                    lines=(PlacedLine(sku="BLU-MUG-300", title="Blue mug 300 ml", quantity=4, unit_price_minor=1900),),
                    payment_intent=payment, paid_minor=7600, promised_on=None,
                )
            )
            assert order is not None
        with writing(store.engine) as connection:
            shop_id = connection.execute(sa.select(orders.c.shop_id).where(orders.c.id == order.id)).scalar_one()
            arrived = self.clock.now() - timedelta(days=2)
            connection.execute(
                sa.insert(parcels).values(
                    shop_id=shop_id, order_id=order.id, sequence=1, milestone="Delivered", delivered_at=arrived
                )
            )
        with store.begin(SHOP.key) as uow:
            asked = request_return(
                order=order, wanted=(Wanted(order_line_id=order.lines[0].id, quantity=2),), reason=Reason.DAMAGED,
                photo=None, note=None, telegram_user=CUSTOMER, actor=Actor(identity=f"telegram:{CUSTOMER}"), uow=uow,
            )
        return asked.number

    def wrong(self, number: str) -> list[str]:
        """What the database says that must not be; [] if all is as it should."""
        found: list[str] = []
        with reading(self.app.store.engine) as connection:
            row = connection.execute(sa.select(returns).where(returns.c.number == number)).one()
            if row.state != "refunded":
                found.append(f"the return is {row.state}")
            intents = connection.execute(sa.select(refunds).where(refunds.c.return_id == row.id)).all()
            if [(one.state, one.amount_minor) for one in intents] != [("succeeded", AMOUNT)]:
                found.append(f"refunds: {[(one.state, one.amount_minor) for one in intents]}")
            yes = connection.execute(sa.select(approvals).where(approvals.c.return_id == row.id)).all()
            if len(yes) != 1:
                found.append(f"{len(yes)} approvals")
            paid = connection.execute(
                sa.select(payments.c.refunded_minor).join(orders, orders.c.id == payments.c.order_id)
                .where(orders.c.id == row.order_id)
            ).scalars().all()
            if paid != [AMOUNT]:
                found.append(f"counted on the payment: {paid}")
            dead = connection.execute(sa.select(jobs.c.key, jobs.c.error).where(jobs.c.state == "dead")).all()
            if dead:
                found.append(f"dead: {[tuple(one) for one in dead]}")
            if is_sqlite(connection):
                said = connection.exec_driver_sql("PRAGMA integrity_check").scalar()
                if said != "ok":
                    found.append(f"integrity: {said}")
            found += self._chain(connection)
        return found

    def trail(self, _about: str) -> str | None:
        """What is wrong with the whole audit trail and its sealed end."""
        with self.app.store.looking(SHOP.key) as uow:
            return uow.audit.broken()

    def in_doubt(self, number: str) -> int:
        """How many letters to the customer were begun more than once."""
        like = f"%/return:{number}:customer:%"
        query = sa.select(sa.func.count()).where(jobs.c.key.like(like), jobs.c.attempts > 1)
        with reading(self.app.store.engine) as connection:
            return connection.execute(query).scalar_one()

    def _chain(self, connection: sa.Connection) -> list[str]:
        """The audit trail from where it was last checked."""
        lines = connection.execute(sa.select(audit).where(audit.c.id >= self._checked).order_by(audit.c.id)).all()
        before = None
        for line in lines:
            form = [line.previous_hash, line.at.isoformat(), line.actor, line.action, line.subject, line.detail]
            if line.hash != digest(form) or before not in (None, line.previous_hash):
                return [f"the audit trail breaks at line {line.id}"]
            before, self._checked = line.hash, line.id
        return []


async def live(voice: Voice, url: str, clock: SharedClock, sandbox: str, app_port: int, log: Path | None) -> None:
    """Start as after a death, then do what is asked until told to die or dead."""
    steps = Steps()
    label(steps)
    bot.app.system_now = clock.now  # type: ignore[attr-defined]
    bot.app.goes_by_server = lambda _: False
    with quiet_logs(log):
        async with bot.app.running(settings(url, sandbox, app_port)) as app:
            assert app.delivery is not None
            assert app.worker is not None
            app.delivery.sleep = app.worker.sleep = clock.sleep
            desk = DeskLife(app, clock)
            voice.say(up=True)
            await _obey(voice, desk, steps)


async def _obey(voice: Voice, desk: DeskLife, steps: Steps) -> None:
    answers: dict[str, Callable[[str], Any]] = {"wrong": desk.wrong, "doubt": desk.in_doubt, "trail": desk.trail, "ask": desk.ask_return}
    while True:
        asked = await voice.hear()
        match asked["do"]:
            case "quiet":
                quiet = await desk.quiet()
                voice.say(quiet=quiet.isoformat(), steps=dict(steps.seen))
            case "arm":
                steps.arm(tuple(asked["at"]) if asked["at"] else None)
                voice.say(armed=True)
            case name:
                voice.say(answer=answers[name](asked["about"]))
