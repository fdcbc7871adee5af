"""One engine for one database: SQLite by default, PostgreSQL by its address, the same statements on both."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager, suppress
from datetime import UTC
from typing import TYPE_CHECKING, Final, Generic, TypeAlias, TypeVar, cast

import psycopg
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.pool import QueuePool, StaticPool

from domain.errors import BadInput
from storage.one_process import FileLock, file_of, writer_lock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

#: how long a second connection waits for SQLite's one writer, in milliseconds
_BUSY_MILLISECONDS: Final = 10_000
#: how long a transaction waits for a row that another holds, in milliseconds: one forgotten in somebody's console must
#: not keep every thread of ours
LOCK_MILLISECONDS: Final = 10_000
_BEGIN: Final = "BEGIN; SELECT clock_timestamp()"
#: key of a connection's info: when its transaction began, by the server; None where that is not known
BEGAN: Final = "opsbell_began"
#: key of a connection's info: a statement that goes to the server together with COMMIT
LAST_WORDS: Final = "opsbell_last_words"
#: key of a connection's info: its hold on the right to write
_WRITER: Final = "opsbell_writer"
_LOCKED: Final = "database is locked"
_NO_ADDRESS: Final = (
    "That is no database address. OPSBELL_DATABASE_URL is sqlite:///opsbell.db or "
    "postgresql+psycopg://user:password@host/name."
)


def open_engine(url: str, *, pool_size: int = 8) -> sa.Engine:
    """An engine for ``sqlite:///file``, ``sqlite://`` (in memory) or ``postgresql+psycopg://...``.

    On SQLite every transaction opened by ``begin()`` starts with BEGIN IMMEDIATE: a deferred one that reads and
    then writes fails at once with SQLITE_BUSY, whatever the busy timeout. BadInput for any other address.
    """
    parsed = _address(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(parsed)
    return _postgresql(parsed, pool_size)


def _postgresql(url: sa.URL, pool_size: int) -> sa.Engine:
    engine = sa.create_engine(url, pool_size=pool_size, max_overflow=8, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def _connect(connection: psycopg.Connection[tuple[object, ...]], _entry: ConnectionPoolEntry) -> None:
        if _pooled(connection):
            connection.prepare_threshold = None
        else:  # a pooler would lend out the server with the setting
            _set_patience(connection)

    @event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        connection.info.pop(LAST_WORDS, None)
        if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
            connection.info[BEGAN] = _began(connection)

    engine.dialect.do_commit = _commit  # type: ignore[method-assign]  # behind whoever listens for "commit"

    @event.listens_for(engine, "handle_error")
    def _handle_error(context: sa.engine.ExceptionContext) -> None:
        if isinstance(context.original_exception, psycopg.errors.ReadOnlySqlTransaction):
            # Its server became a standby: every connection is made anew, and finds who leads now.
            context.is_disconnect = True

    return engine


def _began(connection: sa.Connection) -> datetime | None:
    """Begin, and ask for the server's time, in one round trip to it; None if it has to be asked again."""
    driver = cast("psycopg.Connection[tuple[datetime]]", connection.connection.driver_connection)
    try:
        if not driver.autocommit:
            driver.autocommit = True  # else the driver sends a BEGIN of its own, and waits for it
        cursor = driver.execute(_BEGIN)
        cursor.nextset()
        row = cursor.fetchone()
    except psycopg.Error:  # it broke while nobody used it: SQLAlchemy hears of it, and lets go of all its likes
        connection.exec_driver_sql("BEGIN")
        return None
    return None if row is None else row[0].astimezone(UTC)


def _commit(dbapi_connection: PoolProxiedConnection) -> None:
    words, driver = dbapi_connection.info.pop(LAST_WORDS, None), dbapi_connection.driver_connection
    if words is None or driver is None:
        dbapi_connection.commit()
    else:
        driver.execute(f"{words}; COMMIT")


def _set_patience(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    with suppress(psycopg.Error):  # it broke just now: whoever uses it hears that as of any other connection
        connection.execute(f"SET lock_timeout = {LOCK_MILLISECONDS}")
        connection.commit()


def _pooled(connection: psycopg.Connection[tuple[object, ...]]) -> bool:
    """Whether a pooler stands in between, such as PgBouncer: it makes up the process number that it greets with.

    Where it lends servers out by transaction, a prepared statement stays with a server that others get next. Its name,
    the driver's "_pg3_5", is theirs too, for another statement: theirs would run in place of ours, or ours of theirs.
    """
    try:
        row = connection.execute("SELECT pg_backend_pid()").fetchone()
        connection.rollback()
    except psycopg.Error:  # it broke just now: whoever uses it hears that as of any other connection
        return True
    return row is None or row[0] != connection.info.backend_pid


def _address(url: str) -> sa.URL:
    """The address, with our driver where none is named. It may hold a password: it is never said again."""
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError:
        raise BadInput(_NO_ADDRESS) from None
    if parsed.drivername in {"postgresql", "postgres"}:
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in {"sqlite", "sqlite+pysqlite", "postgresql+psycopg"}:
        raise BadInput(_NO_ADDRESS)
    return parsed


def is_sqlite(bind: sa.Engine | sa.Connection) -> bool:
    """Whether this is SQLite: the only place where the two databases are told apart."""
    return bind.dialect.name == "sqlite"


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction: the block's end commits it, an exception rolls it back."""
    with _connected(engine, reads=False) as connection, connection.get_transaction() or connection.begin():
        yield connection


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A connection that only reads: on SQLite it does not take the writer's place."""
    with _connected(engine, reads=True) as connection:
        yield connection


def _connected(engine: sa.Engine, *, reads: bool) -> sa.Connection:
    """A connection whose transaction has begun. One that broke while nobody used it is replaced by a new one.

    Nothing was asked on it yet, so nothing is lost and nothing is done twice. What breaks later is raised.
    """
    try:
        return _connected_once(engine, reads=reads)
    except sa.exc.DBAPIError as error:
        if not error.connection_invalidated:
            raise
    return _connected_once(engine, reads=reads)


def _connected_once(engine: sa.Engine, *, reads: bool) -> sa.Connection:
    connection = engine.connect().execution_options(opsbell_reading=reads)
    try:
        connection.begin()
    except BaseException:
        connection.close()
        raise
    return connection


Insert: TypeAlias = postgresql.Insert | sqlite.Insert
Statement = TypeVar("Statement", bound=sa.Executable)


def insert(bind: sa.Connection, table: sa.Table) -> Insert:
    """An INSERT that knows ON CONFLICT, in the words of the database at hand."""
    return sqlite.insert(table) if is_sqlite(bind) else postgresql.insert(table)


class Upsert(Generic[Statement]):
    """An INSERT with ON CONFLICT, built once in the words of each database; its values come with each execution.

    To build a statement costs five times what it costs to run one that stands.
    """

    def __init__(self, table: sa.Table, conflict: Callable[[Insert], Statement]) -> None:
        """``conflict`` adds the ON CONFLICT and what is returned."""
        self._sqlite, self._postgresql = conflict(sqlite.insert(table)), conflict(postgresql.insert(table))

    def on(self, bind: sa.Connection) -> Statement:
        """The statement for the database at hand."""
        return self._sqlite if is_sqlite(bind) else self._postgresql


def _use_wal(cursor: sqlite3.Cursor, lock: FileLock) -> None:
    """Readers beside the writer. A new file is changed by one connection: the change itself waits for nobody."""
    if cursor.execute("PRAGMA journal_mode").fetchone() == ("wal",):
        return
    if not lock.take(within_seconds=_BUSY_MILLISECONDS / 1000):
        raise sqlite3.OperationalError(_LOCKED)
    try:
        cursor.execute("PRAGMA journal_mode=WAL")
    finally:
        lock.give_back()


def _sqlite(url: sa.URL) -> sa.Engine:
    in_memory = not url.database or url.database == ":memory:"
    engine = sa.create_engine(
        url,
        poolclass=StaticPool if in_memory else QueuePool,
        connect_args={"check_same_thread": False, "timeout": _BUSY_MILLISECONDS / 1000},
        hide_parameters=True,
    )

    path = file_of(engine)

    @event.listens_for(engine, "connect")
    def _connect(connection: sqlite3.Connection, entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # the driver would begin only at the first write
        cursor = connection.cursor()
        if path is not None:
            entry.info[_WRITER] = writer_lock(path)
            _use_wal(cursor, entry.info[_WRITER])
        cursor.execute("PRAGMA synchronous=FULL")  # money: NORMAL may lose the last commits at power loss
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute(f"PRAGMA busy_timeout={_BUSY_MILLISECONDS}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        reads = connection.get_execution_options().get("opsbell_reading")
        lock = None if reads else connection.info.get(_WRITER)
        if lock is not None and not lock.take(within_seconds=_BUSY_MILLISECONDS / 1000):
            raise sa.exc.OperationalError("BEGIN IMMEDIATE", None, sqlite3.OperationalError(_LOCKED))
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    @event.listens_for(engine, "checkin")
    def _checkin(_connection: object, entry: ConnectionPoolEntry) -> None:
        # The events "commit" and "rollback" come before the deed; when a connection is given back it is done.
        if (lock := entry.info.get(_WRITER)) is not None:
            lock.give_back()

    return engine
