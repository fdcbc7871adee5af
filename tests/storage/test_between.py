"""What stands between us and PostgreSQL: a pooler, by which no statement may be prepared by name; and a failover."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

import psycopg
import pytest
import sqlalchemy as sa

from storage.database import _pooled, is_sqlite, open_engine
from tests.desk import TestDesk
from tests.ports import free_port

#: the driver prepares a statement when it comes for the sixth time
_OFTEN = 12


@pytest.fixture
def server(desk: TestDesk) -> sa.URL:
    url = desk.store.engine.url
    if is_sqlite(desk.store.engine):
        pytest.skip("SQLite has no pooler")
    # Without the test's own schema: a pooler may not take a connection's options.
    return url.difference_update_query(["options"])


def _prepared(engine: sa.Engine) -> int:
    with engine.begin() as connection:
        for _ in range(_OFTEN):
            connection.execute(sa.select(sa.bindparam("n", 1) + 1))
        return int(connection.execute(sa.text("SELECT count(*) FROM pg_prepared_statements")).scalar_one())


def _socket_of(url: sa.URL) -> tuple[str, int]:
    given = psycopg.conninfo.conninfo_to_dict(url.set(drivername="postgresql").render_as_string(hide_password=False))
    return str(given.get("host") or url.host or ""), int(given.get("port") or 5432)


def _dial(host: str, port: int) -> socket.socket:
    if host.startswith("/"):
        made = socket.socket(socket.AF_UNIX)
        made.connect(f"{host}/.s.PGSQL.{port}")
        return made
    return socket.create_connection((host, port))


@contextmanager
def greeted_otherwise(url: sa.URL) -> Iterator[sa.URL]:
    """The same server, whose greeting names another process: message 'K', BackendKeyData of the protocol."""
    host, port = _socket_of(url)
    door = socket.create_server(("127.0.0.1", 0))

    def there(client: socket.socket, far: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(65536):
                far.sendall(data)
        with suppress(OSError):
            far.shutdown(socket.SHUT_WR)

    def back(client: socket.socket, far: socket.socket) -> None:
        stream, greeted = far.makefile("rb"), False
        with suppress(OSError):
            while not greeted and (kind := stream.read(1)):
                length = stream.read(4)
                body = stream.read(int.from_bytes(length) - 4)
                if kind == b"K":
                    body, greeted = (1).to_bytes(4) + body[4:], True
                client.sendall(kind + length + body)
            while data := stream.read1(65536):
                client.sendall(data)
        client.close()

    def serve() -> None:
        with suppress(OSError):
            while True:
                client, far = door.accept()[0], _dial(host, port)
                for way in (there, back):
                    Thread(target=way, args=(client, far), daemon=True).start()

    Thread(target=serve, daemon=True).start()
    try:
        query = {"sslmode": "disable", "gssencmode": "disable"}
        yield url.set(host="127.0.0.1", port=door.getsockname()[1], query=query)
    finally:
        door.close()


def test_a_server_met_directly_is_given_prepared_statements(server: sa.URL) -> None:
    engine = open_engine(server.render_as_string(hide_password=False))
    assert _prepared(engine) > 0
    engine.dispose()


def test_a_server_behind_a_pooler_is_not(server: sa.URL) -> None:
    with greeted_otherwise(server) as url:
        engine = open_engine(url.render_as_string(hide_password=False))
        assert _prepared(engine) == 0
        engine.dispose()


def test_a_connection_that_broke_as_it_was_made_is_prepared_for_nothing(server: sa.URL) -> None:
    made = psycopg.connect(server.set(drivername="postgresql").render_as_string(hide_password=False))
    assert not _pooled(made)
    made.close()
    assert _pooled(made)


def test_a_server_that_became_a_standby_is_left(server: sa.URL) -> None:
    engine = open_engine(server.render_as_string(hide_password=False), pool_size=1)

    def write() -> None:
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE failover (id int)")
            connection.exec_driver_sql("DROP TABLE failover")

    with engine.begin() as connection:
        connection.exec_driver_sql("SET default_transaction_read_only = on")  # as all of a standby is
    with pytest.raises(sa.exc.DBAPIError, match="read-only"):
        write()
    write()
    engine.dispose()


@contextmanager
def pgbouncer(url: sa.URL, folder: Path) -> Iterator[sa.URL]:
    """A real one that lends two servers out, transaction by transaction."""
    host, port = _socket_of(url)
    settings, free = folder / "pgbouncer.ini", free_port()
    settings.write_text(
        f"[databases]\n* = host={host} port={port} user={url.username}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
        f"listen_port = {free}\nunix_socket_dir =\nauth_type = any\npool_mode = transaction\ndefault_pool_size = 2\n"
    )
    for place in (folder, settings):
        place.chmod(0o755)
    running = subprocess.Popen(
        ["pgbouncer", "-q", *(["-u", "nobody"] if Path("/proc/self").stat().st_uid == 0 else []), settings],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(600):
            with suppress(OSError), socket.create_connection(("127.0.0.1", free)):
                break
            time.sleep(0.1)
        yield url.set(host="127.0.0.1", port=free, query={})
    finally:
        running.terminate()
        running.wait(10)


@pytest.mark.skipif(shutil.which("pgbouncer") is None, reason="needs the package pgbouncer")
def test_pgbouncer_by_transaction_gives_everybody_their_own_answers(server: sa.URL, tmp_path: Path) -> None:
    with pgbouncer(server, tmp_path) as url:
        engine = open_engine(url.render_as_string(hide_password=False), pool_size=6)

        def asks(who: int) -> set[object]:
            statement, answers = sa.select(sa.bindparam("n", type_=sa.Integer) * sa.literal_column(str(who))), set[object]()
            for _ in range(60):
                with engine.begin() as connection:
                    answers.add(connection.execute(statement, {"n": 1000}).scalar_one())
            return answers

        with ThreadPoolExecutor(6) as pool:
            assert list(pool.map(asks, range(1, 7))) == [{1000 * who} for who in range(1, 7)]
        engine.dispose()
