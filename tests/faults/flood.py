"""A flood of alerts into one channel, through the real delivery and the real Slack carrier, on a real database.

The platform is scripted. ``ten_seconds``: time is the desk's own clock, which goes on by a tenth of a second with each
batch that is published, so that 100,000 alerts take ten seconds of it; what this machine needs for them is measured
beside it. ``as_taken``: time is this machine's, and alerts come in as fast as it takes them, so that what a person waits
for an approval is real.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, cast

import sqlalchemy as sa
from slack_sdk.web.async_client import AsyncWebClient

from domain.gathering import AlertsGathered
from domain.jobs import Transaction
from domain.messages import Photo
from domain.returns.messages import ReturnCard
from domain.shipping.messages import LateParcelCard
from notifications.catalogue import Catalogue
from notifications.delivery import Delivery
from notifications.slack.carrier import SlackCarrier
from notifications.slack.files import Files
from storage.database import open_engine
from storage.tables import chats, jobs
from storage.upgrade import upgrade
from tests import postgres
from tests.desk import Counted, TestDesk, open_desk
from tests.figures import Figure
from tests.notifications.anything import any_message
from tests.notifications.line import low

CHANNEL = "C0OPS"
_BATCHES = 100
_TICK = timedelta(milliseconds=100)
#: alerts of one transaction where they come as fast as they are taken: a sweep opens five cards at most
_AT_ONCE = 20
#: how long the desk is watched after the flood began, by its own clock
_WATCHED = timedelta(seconds=150)
_MEMORY_MB = 512


@dataclass
class Timeline:
    """A clock that goes on when told, and wakes whoever sleeps until then, in order."""

    moment: datetime
    asleep: list[tuple[datetime, int, asyncio.Future[None]]] = field(default_factory=list)
    _number: Any = field(default_factory=itertools.count)

    def now(self) -> datetime:
        return self.moment

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        until = asyncio.get_running_loop().create_future()
        heapq.heappush(self.asleep, (self.moment + timedelta(seconds=seconds), next(self._number), until))
        await until

    def go_on(self, by: timedelta) -> None:
        self.moment += by
        while self.asleep and self.asleep[0][0] <= self.moment:
            sleeper = heapq.heappop(self.asleep)[2]
            if not sleeper.done():
                sleeper.set_result(None)


@dataclass
class ScriptedSlack:
    """A Slack that takes everything, and remembers when."""

    time: Timeline
    said: list[tuple[datetime, dict[str, Any]]] = field(default_factory=list)

    async def chat_postMessage(self, **content: Any) -> dict[str, Any]:  # noqa: N802  Slack's own name
        self.said.append((self.time.now(), content))
        return {"ok": True, "ts": f"{len(self.said)}.000000"}

    async def conversations_history(self, *, channel: str, **_where: Any) -> dict[str, Any]:
        """What stands in the channel, the newest first: the desk looks after an outcome that it never heard."""
        return {"messages": [
            {"ts": f"{number}.000000", **content}
            for number, (_, content) in reversed(list(enumerate(self.said, start=1))) if content["channel"] == channel
        ][:100]}

    async def chat_update(self, **_content: Any) -> dict[str, Any]:
        return {"ok": True}


@dataclass(kw_only=True)
class Flood:
    """What a flood left behind."""

    alerts: int
    shown: int = 0
    gathered: int = 0
    superseded: int = 0
    other: int = 0
    counted_in_words: int = 0
    most_in_a_minute: int = 0
    approval: timedelta = timedelta.max
    ingest_seconds: float = 0.0
    memory_mb: float = 0.0

    @property
    def lost(self) -> int:
        """Alerts in neither of their three fates."""
        return self.alerts - self.shown - self.gathered - self.superseded


def ten_seconds(url: str, alerts: int) -> Flood:
    """Flood a desk on that (migrated, empty) database: all of them in ten seconds of its clock."""
    return _flooded(url, alerts, _BATCHES, _TICK)


def as_taken(url: str, alerts: int) -> Flood:
    """The same, as fast as this machine takes them, by its own clock."""
    return _flooded(url, alerts, max(1, alerts // _AT_ONCE), None)


def _flooded(url: str, alerts: int, batches: int, tick: timedelta | None) -> Flood:
    with open_desk(url) as desk:
        desk.execute(sa.update(chats).values(address=CHANNEL))
        return asyncio.run(_flood(desk, alerts, batches, tick))


async def _flood(desk: TestDesk, alerts: int, batches: int, tick: timedelta | None) -> Flood:
    timeline = Timeline(desk.clock.now())
    object.__setattr__(desk.store, "now", timeline.now)
    slack, found = ScriptedSlack(timeline), Flood(alerts=alerts)
    client = cast("AsyncWebClient", slack)
    carrier = SlackCarrier(
        client=client, engine=desk.store, catalogue=Catalogue(), files=Files(client=client, fetch=_no_picture)
    )
    engine = Counted(desk)
    delivery = Delivery(
        engine=engine, carriers={carrier.kind: carrier}, owner="flood", sleep=timeline.sleep, poll_seconds=0.01
    )
    running = asyncio.create_task(delivery.run())
    began, real = timeline.now(), time.monotonic()
    asked_at = began
    for batch in range(batches):
        numbers = range(alerts * batch // batches, alerts * (batch + 1) // batches)
        await desk.store.write(lambda transaction, numbers=numbers: _publish(transaction, desk.key, numbers))  # type: ignore[misc]
        if batch == batches // 2:
            await desk.store.write(lambda transaction: _ask(transaction, desk.key))
            asked_at = timeline.now()
        found.memory_mb = max(found.memory_mb, _memory_mb())
        timeline.go_on(tick or began + timedelta(seconds=time.monotonic() - real) - timeline.now())
    found.ingest_seconds = time.monotonic() - real
    while timeline.now() - began < _WATCHED:
        await _quiet(desk, engine, delivery, timeline)
        timeline.go_on(_TICK * 5)
        found.memory_mb = max(found.memory_mb, _memory_mb())
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    posts = sorted(at for at, _ in slack.said)
    found.most_in_a_minute = max(sum(at <= one < at + timedelta(minutes=1) for one in posts) for at in posts)
    for at, content in slack.said:
        if "card:return:" in content["metadata"]["event_payload"]["job"]:
            found.approval = at - asked_at
    _count(desk, found)
    return found


def _publish(transaction: Transaction, key: str, numbers: Iterable[int]) -> None:
    outbox, parcel, stock = transaction.of(key).outbox, any_message(LateParcelCard, "P"), low("SKU")
    for number in numbers:
        if number % 3 == 2:
            outbox.card(f"late_parcel:{number}", parcel, version=1)
        else:
            outbox.card(f"low_stock:{number}", stock, version=1)


def _ask(transaction: Transaction, key: str) -> None:
    transaction.of(key).outbox.card("return:R-1", any_message(ReturnCard, "R-1"), version=1)


async def _quiet(desk: TestDesk, engine: Counted, delivery: Delivery, timeline: Timeline) -> None:
    """Until all that can be done now is done: nothing due heads a lane, and whoever is under way sleeps."""
    for _ in range(3):
        delivery.wake.set()
        await asyncio.sleep(0.005)
        for _turn in range(3):  # a claim, its start and its end have had their transactions before ours
            await desk.store.write(lambda transaction: transaction.now)
            await asyncio.sleep(0)
        while engine.under_way or len(delivery._under_way) > len(timeline.asleep):
            await asyncio.sleep(0.002)
        if not await desk.store.read(lambda transaction: transaction.jobs.waiting()):
            return


def _count(desk: TestDesk, found: Flood) -> None:
    kinds = ["low_stock_card", "late_parcel_card"]
    states = desk.query(
        sa.select(jobs.c.state, sa.func.count()).where(jobs.c.message.in_(kinds)).group_by(jobs.c.state)
    )
    by_state = {row[0]: row[1] for row in states}
    found.shown, found.gathered = by_state.pop("done", 0), by_state.pop("gathered", 0)
    found.superseded, found.other = by_state.pop("superseded", 0), sum(by_state.values())
    said = desk.query(sa.select(jobs.c.payload).where(jobs.c.message == AlertsGathered.kind, jobs.c.state == "done"))
    found.counted_in_words = sum(one["count"] for row in said for one in row.payload["fields"]["counts"])


def _memory_mb() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


async def _no_picture(_photo: Photo) -> bytes:
    raise LookupError("no platform has that picture")


def figures(name: str, flood: Flood) -> list[Figure]:
    """One line for each goal of a flood in ten seconds."""
    tried = f"{flood.alerts:,} alerts in 10 s, one channel, {name}"
    return [
        *_kept(f"flood, {name}", tried, flood),
        Figure(
            name=f"flood, {name}: memory", tried=tried, found=f"{flood.memory_mb:.0f} MB", goal=f"under {_MEMORY_MB} MB",
            met=flood.memory_mb < _MEMORY_MB,
        ),
        Figure(
            name=f"flood, {name}: taken in", tried=tried, found=f"{flood.ingest_seconds:.0f} s of this machine's clock", goal="within 30 s",
            met=flood.ingest_seconds <= 30,
        ),
    ]


def figures_as_taken(name: str, flood: Flood) -> list[Figure]:
    """One line for each goal of a flood as fast as it is taken in."""
    rate = flood.alerts / flood.ingest_seconds
    tried = f"{flood.alerts:,} alerts as fast as they are taken, {rate:,.0f} a second, {_AT_ONCE} in a transaction"
    return _kept(f"flood as taken, {name}", tried, flood)


def _kept(name: str, tried: str, flood: Flood) -> list[Figure]:
    shown = f"{flood.shown:,} shown, {flood.gathered:,} counted, {flood.superseded:,} superseded"
    waited = flood.approval.total_seconds()
    return [
        Figure(name=f"{name}: alerts lost", tried=tried, found=f"{flood.lost} ({shown})", goal="0", met=flood.lost == 0),
        Figure(
            name=f"{name}: counts in the messages", tried=tried, goal="exact", met=flood.counted_in_words == flood.gathered,
            found=f"{flood.counted_in_words:,} of {flood.gathered:,}",
        ),
        Figure(
            name=f"{name}: messages in the worst minute", tried=tried, found=str(flood.most_in_a_minute), goal="at most 20",
            met=flood.most_in_a_minute <= 20,
        ),
        Figure(name=f"{name}: an approval on the wire", tried=tried, goal="within 5 s", found=f"{waited:.1f} s", met=waited <= 5),
    ]


_WAYS: Final = ((100_000, ten_seconds, figures), (20_000, as_taken, figures_as_taken))


def machine() -> Sequence[Figure]:
    """Both databases at full length."""
    found: list[Figure] = []
    with TemporaryDirectory() as folder:
        for number, flood, told in _WAYS:
            url = f"sqlite:///{folder}/{flood.__name__}.db"
            _migrated(url)
            found += told("SQLite", flood(url, number))
    with postgres.server() as address:
        for number, flood, told in _WAYS:
            with postgres.schema(address, flood.__name__) as url:
                _migrated(url)
                found += told("PostgreSQL", flood(url, number))
    return found


def _migrated(url: str) -> None:
    engine = open_engine(url)
    upgrade(engine)
    engine.dispose()
