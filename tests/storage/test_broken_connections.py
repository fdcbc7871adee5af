"""PostgreSQL's connections break between two transactions and within one: an event is kept once, or not answered."""

from __future__ import annotations

import hmac
import json
from collections.abc import AsyncIterator, Callable
from hashlib import sha256
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy.pool import PoolProxiedConnection

from bot.web import server
from domain.jobs import Transaction
from handlers.webhooks import stripe_door
from storage.database import is_sqlite
from storage.tables import inbox
from storage.unit_of_work import Store
from tests.desk import START, TestDesk

SECRET = "whsec_of_stripe"
_OTHERS = sa.text(
    "SELECT count(*) FROM (SELECT pg_terminate_backend(pid, 20000) FROM pg_stat_activity "
    "WHERE application_name = 'doomed') AS ended"
)
_ONE = sa.text("SELECT pg_terminate_backend(:pid, 20000)")


@pytest.fixture
def doomed(desk: TestDesk) -> TestDesk:
    """A desk whose connections can be told apart from others'."""
    if is_sqlite(desk.store.engine):
        pytest.skip("SQLite has no server to lose")

    def named(connection: psycopg.Connection[tuple[object, ...]], _entry: object) -> None:
        connection.execute("SET application_name = 'doomed'")
        connection.commit()

    sa.event.listen(desk.store.engine, "connect", named)
    desk.store.engine.dispose()
    return desk


def break_all(desk: TestDesk) -> int:
    """End every one of its connections, from one of another's; how many there were."""
    other = sa.create_engine(desk.store.engine.url, poolclass=sa.NullPool)
    with other.connect() as connection:
        return int(connection.execute(_OTHERS).scalar_one())


def once_behind(desk: TestDesk, words: str, then: Callable[[sa.Connection], None]) -> None:
    """Do that once, as soon as the server has answered the first statement with these words."""

    def behind(connection: sa.Connection, _cursor: object, statement: str, *_: object) -> None:
        if words in statement:
            sa.event.remove(desk.store.engine, "after_cursor_execute", behind)
            then(connection)

    sa.event.listen(desk.store.engine, "after_cursor_execute", behind)


class Sender:
    """Stripe, as one event after the other."""

    def __init__(self, client: TestClient[web.Request, web.Application], desk: TestDesk) -> None:
        self.client, self.desk = client, desk

    async def send(self, name: str) -> int:
        raw, stamp = json.dumps({"id": name}).encode(), str(int(self.desk.clock.now().timestamp()))
        made = hmac.new(SECRET.encode(), stamp.encode() + b"." + raw, sha256).hexdigest()
        headers = {"Content-Type": "application/json", "Stripe-Signature": f"t={stamp},v1={made}"}
        return (await self.client.post("/stripe", data=raw, headers=headers)).status


@pytest.fixture
async def sender(doomed: TestDesk) -> AsyncIterator[Sender]:
    routes = [web.post("/stripe", stripe_door(doomed.store, [SECRET], doomed.clock.now))]
    async with TestClient(TestServer(server(routes, lambda: "7Q2K"), host="127.0.0.1")) as client:
        yield Sender(client, doomed)


def kept(desk: TestDesk) -> list[tuple[str, str]]:
    """The events that are kept, each with its job."""
    events = [row.key for row in desk.query(sa.select(inbox.c.key).order_by(inbox.c.id))]
    return list(zip(events, [row.key for row in desk.outbox_rows("learn")], strict=True))


@pytest.mark.asyncio
async def test_an_event_after_every_connection_broke_is_kept_once_and_its_sender_hears_nothing_of_it(
    sender: Sender, doomed: TestDesk
) -> None:
    assert await sender.send("evt_1") == 200
    held = [doomed.store.engine.connect() for _ in range(6)]
    for one in held:
        one.begin()
    for one in held:
        one.close()
    assert break_all(doomed) >= 6
    assert [await sender.send(name) for name in ("evt_2", "evt_2", "evt_1")] == [200, 200, 200]
    assert kept(doomed) == [(name, f"learn:stripe:{name}") for name in ("evt_1", "evt_2")]


@pytest.mark.asyncio
async def test_an_event_is_three_round_trips(sender: Sender, doomed: TestDesk, tmp_path: Path) -> None:
    """BEGIN with the server's time, the event with its job, the notice with COMMIT: its sender waits for each."""
    drivers: list[psycopg.Connection[tuple[object, ...]]] = []
    sa.event.listen(doomed.store.engine, "connect", lambda connection, _entry: drivers.append(connection))
    doomed.store.engine.dispose()
    assert await sender.send("evt_1") == 200
    (driver,) = drivers
    with (tmp_path / "trace").open("w") as trace:
        driver.pgconn.trace(trace.fileno())
        assert await sender.send("evt_2") == 200
        driver.pgconn.untrace()
    assert (tmp_path / "trace").read_text().count("ReadyForQuery") == 3
    assert len(drivers) == 1
    assert len(kept(doomed)) == 2


@pytest.mark.asyncio
async def test_a_look_after_every_connection_broke_sees_what_there_is(doomed: TestDesk) -> None:
    await doomed.store.write(lambda one: one.jobs.hold("a", until=START))
    assert break_all(doomed)
    assert await doomed.store.read(lambda one: one.jobs.waiting()) == 0
    assert break_all(doomed)
    with doomed.looking() as uow:
        assert uow.shop.key == doomed.key


@pytest.mark.asyncio
async def test_an_event_whose_connection_breaks_as_it_is_kept_is_not_answered_and_comes_again(
    sender: Sender, doomed: TestDesk
) -> None:
    def breaks(connection: sa.Connection) -> None:
        driver = connection.connection.driver_connection
        assert driver is not None
        with sa.create_engine(doomed.store.engine.url, poolclass=sa.NullPool).connect() as other:
            assert other.execute(_ONE, {"pid": driver.info.backend_pid}).scalar_one()

    assert await sender.send("evt_1") == 200
    once_behind(doomed, "INSERT INTO inbox", breaks)
    assert await sender.send("evt_2") == 503
    assert kept(doomed) == [("evt_1", "learn:stripe:evt_1")]
    assert await sender.send("evt_2") == 200
    assert kept(doomed) == [(name, f"learn:stripe:{name}") for name in ("evt_1", "evt_2")]


@pytest.mark.asyncio
async def test_an_event_whose_commit_is_never_confirmed_is_not_answered_and_kept_once(
    sender: Sender, doomed: TestDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialect = doomed.store.engine.dialect
    commit = dialect.do_commit

    def lost(connection: PoolProxiedConnection) -> None:
        monkeypatch.setattr(dialect, "do_commit", commit)
        commit(connection)
        raise ConnectionResetError

    monkeypatch.setattr(dialect, "do_commit", lost)
    assert await sender.send("evt_1") == 503
    assert kept(doomed) == [("evt_1", "learn:stripe:evt_1")]
    assert await sender.send("evt_1") == 200
    assert kept(doomed) == [("evt_1", "learn:stripe:evt_1")]


@pytest.mark.asyncio
async def test_a_transaction_goes_by_the_moment_at_which_it_began(doomed: TestDesk) -> None:
    store = Store(engine=doomed.store.engine, now=lambda: START, new_id=str, secret=b"", by_server=True)
    clock = sa.select(sa.func.clock_timestamp())

    def look(transaction: Transaction) -> None:
        assert before < transaction.now < doomed.query(clock)[0][0]

    for _ in range(3):  # over one connection, and a second time within one transaction
        before = doomed.query(clock)[0][0]
        await store.write(look)
        with store.begin(doomed.key) as uow:
            first = uow.now
        assert before < first
    with store.engine.connect() as connection:
        assert store.moment(connection).real < store.moment(connection).real
    store._writers.shutdown()
