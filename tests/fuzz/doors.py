"""The doors as targets: unsigned and signed bytes at the door itself, and what gets past it through to the end.

At the door: headers and raw body into the function that every request goes through, in this process, without a socket.
Through: the real listeners, worker, domain and an SQLite file, with Slack's and Telegram's servers left out.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import random
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa
from aiohttp import web
from multidict import CIMultiDict

from domain.inventory import ChangeReorderPoint, ListLowStock, MovementKind, StockMoved
from domain.messages import Button
from domain.orders import OrderPlaced, PlacedLine
from handlers.jobs import Worker
from handlers.run import Desk
from handlers.slack import SlackDesk
from handlers.slack.door import hear as hear_slack
from handlers.telegram import TelegramUpdates
from handlers.telegram.door import hear as hear_telegram
from handlers.webhooks import TOPICS, VENDORS, ShopEvents, Source, StripeEvents, VendorEvents
from handlers.webhooks.doors import hear_shop, hear_stripe, hear_vendor
from notifications.catalogue import Catalogue
from notifications.slack.modals import CALLBACK
from storage.database import open_engine
from storage.tables import inbox, jobs, metadata, products, variants
from storage.unit_of_work import StoreTransaction
from tests.conftest import ROOT
from tests.desk import START, TestDesk, open_desk
from tests.fuzz.mutation import changed, twisted, written

Head = dict[str, str]
Seed = dict[str, Any]
SECRET = "a-secret-of-some-length-and-more"
KEY = base64.b64encode(b"thirty-two bytes of a shop's key").decode()
STAMP = str(int(START.timestamp()))
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
PAYLOADS = ROOT / "tests" / "payloads"


def hexed(signed: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), signed, sha256).hexdigest()


def sign(entry: str, body: bytes) -> Head:
    """The headers that a true sender would put on these bytes, now."""
    if entry.startswith("slack"):
        return {"X-Slack-Request-Timestamp": STAMP, "X-Slack-Signature": "v0=" + hexed(f"v0:{STAMP}:".encode() + body)}
    if entry == "telegram":
        return {"X-Telegram-Bot-Api-Secret-Token": SECRET}
    if entry == "stripe":
        return {"Stripe-Signature": f"t={STAMP},v1={hexed(STAMP.encode() + b'.' + body)}"}
    if entry == "shop":
        event = "e" + sha256(body).hexdigest()[:20]
        made = hmac.new(base64.b64decode(KEY), f"{event}.{STAMP}.".encode() + body, sha256).digest()
        return {"webhook-id": event, "webhook-timestamp": STAMP, "webhook-signature": "v1," + base64.b64encode(made).decode()}
    if entry == "easypost":
        return {"X-Hmac-Signature": "hmac-sha256-hex=" + hexed(body)}
    header = {"shopify": "X-Shopify-Hmac-Sha256", "woocommerce": "X-WC-Webhook-Signature", "aftership": "aftership-hmac-sha256"}[entry]
    return {header: base64.b64encode(hmac.new(SECRET.encode(), body, sha256).digest()).decode()}


def seeds(entry: str, tokens: Sequence[str] = ("token-1", "token-2")) -> list[Seed]:
    """Well-formed bodies of that sender."""
    if entry in VENDORS:
        return [json.loads(path.read_bytes()) for path in sorted((PAYLOADS / entry).glob("*.json"))]
    return {
        "slack command": lambda: [
            {"command": f"/{name}", "text": text, "user_id": "U0ADA", "team_id": "T0", "channel_id": "C0STOCK", "trigger_id": "1.2.3",
             "response_url": "https://hooks.slack.com/commands/1", "api_app_id": "A0"}
            for name, text in (("ops", "help"), ("stock", "low"), ("stock", "MUG"), ("ops", "stock why"), ("parcels", "late"), ("returns", ""), ("digest", "yesterday"))
        ],
        "slack action": lambda: [
            {"type": "block_actions", "user": {"id": "U0ADA", "team_id": "T0"}, "team": {"id": "T0"}, "trigger_id": "1.2.3", "api_app_id": "A0",
             "container": {"type": "message", "channel_id": "C0STOCK", "message_ts": "1.2"}, "channel": {"id": "C0STOCK"},
             "response_url": "https://hooks.slack.com/actions/1", "actions": [{"type": kind, "action_id": "b", "action_ts": "1", **value}]}
            for token in tokens
            for kind, value in (("button", {"value": token}), ("overflow", {"selected_option": {"value": token}}), ("button", {"url": "https://x"}))
        ],
        "slack view": lambda: [
            {"type": "view_submission", "user": {"id": "U0ADA", "team_id": "T0"}, "team": {"id": "T0"}, "trigger_id": "1.2.3", "api_app_id": "A0",
             "view": {"id": "V1", "type": "modal", "callback_id": CALLBACK, "private_metadata": json.dumps(metadata_),
                      "state": {"values": {"reorder_point": {"value": {"type": "number_input", "value": "40"}}, "sku": {"value": {"value": "MUG"}}}}}}
            for metadata_ in ({"token": tokens[-1], "place": "C0STOCK"}, {"path": "stock why", "place": "C0STOCK"}, {"path": "stock", "place": None})
        ],
        "slack event": lambda: [
            {"type": "event_callback", "team_id": "T0", "api_app_id": "A0", "event_id": "Ev1", "event_time": 1,
             "event": {"type": kind, "user": "U0ADA", "tab": "home", "channel": "D1"}} for kind in ("app_home_opened", "message", "app_mention")
        ] + [{"type": "url_verification", "challenge": "abc", "token": "t"}],
        "telegram": lambda: [
            {"update_id": 7, "message": {"message_id": 1, "date": 1_790_000_000, "chat": {"id": user, "type": "private"}, "text": text,
                                         "from": {"id": user, "is_bot": False, "first_name": "Maria"}}}
            for user, text in ((1001, "return"), (1001, "1001"), (1001, "/start o_1001_aaaaaaaaaaaaaaaa"), (2001, "/stock low"), (2002, "/returns"), (2002, "help"))
        ] + [
            {"update_id": 8, "callback_query": {"id": "q", "chat_instance": "1", "from": {"id": 2001, "is_bot": False, "first_name": "Dan"}, "data": f"p:{tokens[0]}",
                                                "message": {"message_id": 77, "date": 1_790_000_000, "chat": {"id": 2001, "type": "private"}}}},
            {"update_id": 9, "message": {"message_id": 2, "date": 1_790_000_000, "chat": {"id": 1001, "type": "private"}, "from": {"id": 1001, "is_bot": False, "first_name": "M"},
                                         "contact": {"phone_number": "+4915100001001", "first_name": "M", "user_id": 1001}}},
            {"update_id": 10, "message": {"message_id": 3, "date": 1_790_000_000, "chat": {"id": 1001, "type": "private"}, "from": {"id": 1001, "is_bot": False, "first_name": "M"},
                                          "photo": [{"file_id": "f", "file_unique_id": "u", "width": 9, "height": 9}], "caption": "broken"}},
        ],
        "stripe": lambda: [
            {"id": "evt_1", "object": "event", "type": "refund.updated", "livemode": False, "account": "acct_1",
             "data": {"object": {"id": "re_1", "object": "refund", "status": "succeeded", "payment_intent": "pi_1", "amount": 3800, "currency": "eur", "metadata": {"opsbell_refund": "r1"}}}},
            *({"id": f"evt_{kind}", "object": "event", "type": f"charge.dispute.{kind}", "livemode": False,
               "data": {"object": {"id": "dp_1", "payment_intent": "pi_1", "status": "needs_response", "reason": "fraudulent", "amount": 3800, "currency": "eur",
                                   "created": 1_790_000_000, "evidence_details": {"due_by": 1_790_600_000}}}} for kind in ("created", "updated", "closed")),
        ],
        "shop": lambda: [
            {"type": kind, "shop": "nordlicht", "at": START.isoformat(), "data": data} for kind, data in (
                ("stock.moved", {"sku": "MUG", "location": "main", "quantity": 1, "kind": "sale"}),
                ("order.placed", {"number": "5001", "currency": "EUR", "customer": {"external_id": "C-9", "name": "N", "email": "n@example.com"}, "promised_on": "2026-12-01",
                                  "lines": [{"sku": "MUG", "title": "Mug", "quantity": 2, "unit_price_minor": 1900}], "payment": {"intent": "pi_9", "amount_minor": 3800}}),
                ("parcel.scanned", {"order": "1001", "carrier": "dhl", "tracking_number": "JD1", "milestone": "InTransit", "place": "Leipzig"}),
                ("return.received", {"return": "R-1", "lines": [{"sku": "MUG", "received": 1, "damaged": 0}]}),
            )
        ],
    }[entry]()


def body_of(entry: str, seed: Seed, chance: random.Random) -> tuple[bytes, str]:
    """A body as that sender writes it, and its content type."""
    if entry == "slack command":
        return urlencode({name: value if isinstance(value, str) else json.dumps(value) for name, value in seed.items()}, errors="replace").encode(), FORM
    if entry in {"slack action", "slack view"}:
        return urlencode({"payload": written(seed, chance)}).encode(), FORM
    return written(seed, chance), JSON


ENTRIES = ("slack command", "slack action", "slack view", "slack event", "telegram", "stripe", "shopify", "woocommerce", "easypost", "aftership", "shop")


class _Inbox:
    """Takes what a door stores, if a database could."""

    def keep(self, source: str, key: str, body: bytes, **more: Any) -> bool:
        for text in (source, key, more.get("lane", ""), *(more.get("headers") or {}).values()):
            assert len(text.encode()) < 1000, "a key that no index takes"
            assert "\x00" not in text, "NUL"
        assert isinstance(body, bytes)
        return True

    def quarantine(self, source: str, key: str, body: bytes, reason: str) -> None:
        self.keep(source, key, body, lane=reason)


class _Noting:
    """An engine that keeps nothing."""

    inbox = _Inbox()

    @staticmethod
    def now() -> Any:
        return START

    async def write(self, work: Callable[[Any], Any]) -> Any:
        return work(self)


@dataclass
class _Here:
    """The desk's own transactions, without the hop to another thread: a fuzz is not about threads."""

    desk: TestDesk

    @property
    def now(self) -> Callable[[], datetime]:
        return self.desk.clock.now

    async def write(self, work: Callable[[Any], Any]) -> Any:
        with self.desk.store.engine.begin() as connection:
            return work(StoreTransaction(store=self.desk.store, connection=connection, now=self.now()))

    read = write


class _NoDesk:
    async def do(self, _wish: Any, _key: str) -> None:
        return None


def door_of(entry: str, engine: Any, doing: Any) -> Callable[[Any, bytes], Coroutine[Any, Any, web.StreamResponse]]:
    """The function behind an entry's address."""
    made: Any
    if entry.startswith("slack"):
        made = hear_slack(doing, engine, [SECRET], lambda: START)
    elif entry == "telegram":
        made = hear_telegram(engine, [SECRET])
    elif entry == "stripe":
        made = hear_stripe(engine, [SECRET], lambda: START)
    elif entry == "shop":
        made = hear_shop(engine, ["whsec_" + KEY], lambda: START)
    else:
        made = hear_vendor(entry, "nordlicht", TOPICS[entry][0], engine, [SECRET])
    found: Callable[[Any, bytes], Coroutine[Any, Any, web.StreamResponse]] = made
    return found


Case = tuple[Head, bytes]


@dataclass
class AtTheDoor:
    """Half of them signed, half not; of the signed ones half well-formed JSON with something that does not belong."""

    entry: str

    def __post_init__(self) -> None:
        self.hear = door_of(self.entry, _Noting(), _NoDesk())
        self.seeds = seeds(self.entry)
        self.raw = [body_of(self.entry, seed, random.Random(0)) for seed in self.seeds]

    def draw(self, chance: random.Random) -> Case:
        kind_of_case = chance.randrange(4)
        body, kind = chance.choice(self.raw)
        if kind_of_case == 3:
            made, kind = body_of(self.entry, twisted(chance.choice(self.seeds), chance), chance)
        else:
            made = changed(body, chance)
        if kind_of_case >= 2:
            return {"Content-Type": kind, **sign(self.entry, made)}, made
        head = sign(self.entry, body)
        name = chance.choice(list(head))
        if made == body or self.entry == "telegram" or chance.random() < 0.5:
            head[name] = changed(head[name].encode(), chance).decode("utf-8", "surrogateescape")
        return {"Content-Type": kind, **head}, made

    def feed(self, case: Case) -> str | None:
        head, body = case
        going = self.hear(CIMultiDict(head), body)
        try:
            going.send(None)
        except StopIteration as done:
            status: int = done.value.status
        else:
            going.close()
            return "the door waited for something"
        if status >= 500:
            return f"answered {status}"
        known = all(head.get(name) == value for name, value in sign(self.entry, body).items())
        if status < 300 and not known and not _signed_otherwise(self.entry, head, body):
            return f"answered {status} without a signature"
        return None


def _signed_otherwise(entry: str, head: Head, body: bytes) -> bool:
    """Whether the shop's own id and time, changed, still are what was signed, or another of several signatures is.

    Stripe sends several as well while a secret is rolled: a true one beside a broken one is signed.
    """
    if entry == "stripe":
        parts = head.get("Stripe-Signature", "").split(",")
        stamps = [part.strip() for part in parts if part.strip().startswith("t=")]
        return stamps == [f"t={STAMP}"] and "v1=" + hexed(STAMP.encode() + b"." + body) in map(str.strip, parts)
    if entry != "shop":
        return False
    event, stamp = head.get("webhook-id", ""), head.get("webhook-timestamp", "")
    made = hmac.new(base64.b64decode(KEY), f"{event}.{stamp}.".encode("utf-8", "surrogateescape") + body, sha256).digest()
    return "v1," + base64.b64encode(made).decode() in head.get("webhook-signature", "").split(" ")


class _Client:
    """Slack's Web API, which takes everything."""

    def __getattr__(self, _name: str) -> Any:
        async def call(**_: Any) -> dict[str, Any]:
            return {"ok": True}

        return call


class _Session:
    def post(self, *_: Any, **__: Any) -> Any:
        raise TimeoutError


async def _no_sleep(_seconds: float) -> None:
    return None


@contextmanager
def a_shop(folder: Path) -> Iterator[TestDesk]:
    """With a mug that sells, an order, and three buttons."""
    url = f"sqlite:///{folder / 'fuzz.db'}"
    engine = open_engine(url)
    metadata.create_all(engine)
    engine.dispose()
    with open_desk(url) as desk:
        shop_id = desk.shop.id
        desk.execute(sa.insert(products).values(shop_id=shop_id, external_id="mug", title="Mug"))
        product = desk.query(sa.select(products.c.id))[0].id
        desk.execute(sa.insert(variants).values(shop_id=shop_id, product_id=product, sku="MUG", title="Blue mug", price_minor=1900))
        now = desk.clock.now()
        desk.learn(StockMoved(sku="MUG", location="main", quantity=100, movement=MovementKind.OPENING, at=now - timedelta(days=40), key="open"))
        desk.learn(OrderPlaced(
            number="1001", at=now - timedelta(days=3), currency="EUR", customer_external_id="C-1", customer_name="Maria Silva", customer_email=None,
            customer_phone="+49 151 00001001", lines=(PlacedLine(sku="MUG", title="Blue mug", quantity=2, unit_price_minor=1900),),
            payment_intent="pi_1", paid_minor=3800, promised_on=None,
        ))
        yield desk


class Through:
    """Signed and well-formed but for one thing: through door, listeners or worker, domain and database, to the end."""

    def __init__(self, entry: str, desk: TestDesk) -> None:
        from tests.handlers.test_slack import ButtonsCard

        self.entry, self.desk, self.runner = entry, desk, asyncio.Runner()
        with desk.begin() as uow:
            letter = uow.outbox.stamp(ButtonsCard(only=(
                Button(label="List", command=ListLowStock()), Button(label="Point", command=ChangeReorderPoint(sku="MUG")),
            )), None)
        self.seeds = seeds(entry, [one.token for one in letter.buttons if one.token])
        client: Any = _Client()
        session: Any = _Session()
        here = _Here(desk)
        self.here = here
        self.door = Desk(engine=here, reference=lambda: "7Q2K")
        people = SlackDesk(desk=self.door, catalogue=Catalogue(), client=client, session=session, nobody=desk.shop)
        self.hear = door_of(entry, here, people)
        sources: tuple[Source, ...] = (
            TelegramUpdates(username="opsbell_bot"), StripeEvents(live=False), ShopEvents(), *(VendorEvents(source=name) for name in VENDORS),
        )
        self.worker = Worker(engine=here, sources=sources, owner="w", sleep=_no_sleep)
        self.fed = 0

    def draw(self, chance: random.Random) -> Case:
        seed = twisted(chance.choice(self.seeds), chance) if chance.random() < 0.9 else chance.choice(self.seeds)
        for name in ("update_id", "id", "event_id"):
            if isinstance(seed.get(name), (int, str)) and not isinstance(seed[name], bool) and len(str(seed[name])) < 40:
                seed = {**seed, name: chance.randrange(10**15) if isinstance(seed[name], int) else f"{name}{chance.randrange(10**15)}"}
        if "trigger_id" in seed:
            seed = {**seed, "trigger_id": str(chance.randrange(10**15))}
        body, kind = body_of(self.entry, seed, chance)
        return {"Content-Type": kind, **sign(self.entry, body)}, body

    def feed(self, case: Case) -> str | None:
        return self.runner.run(self._feed(case))

    async def _feed(self, case: Case) -> str | None:
        head, body = case
        faults = self.door.refusals[1]
        answer = await self.hear(CIMultiDict(head), body)
        if answer.status >= 500:
            return f"answered {answer.status}"
        if self.door.refusals[1] > faults:
            return "a command broke"
        while await self.worker.step():
            pass
        broken = await self.here.read(_broken)
        self.fed += 1
        if broken is not None or self.fed % 500 == 0:
            self.desk.execute(sa.delete(jobs))
            self.desk.execute(sa.delete(inbox))
        return broken

    def close(self) -> None:
        self.runner.close()


def _broken(transaction: Any) -> str | None:
    """A learn job that broke on something that nobody foresaw is put off, with the name of what it broke on."""
    rows = transaction.connection.execute(
        sa.select(jobs.c.error).where(jobs.c.kind == "learn", jobs.c.state != "done", ~jobs.c.error.contains("parcel of that number"))
    ).all()
    return str(rows[0].error) if rows else None


__all__ = ["ENTRIES", "AtTheDoor", "Case", "Through", "a_shop"]
