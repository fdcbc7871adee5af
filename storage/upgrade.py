"""The schema and its versions: brought up, taken back, and asked for. Whole or not at all, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from domain.errors import OpsError
from storage.database import LOCK_MILLISECONDS, is_sqlite
from storage.one_process import alone

#: how long an upgrade of an SQLite file waits for another upgrade of it
_WAIT_SECONDS: Final = 5.0
_MIGRATIONS: Final = Path(__file__).parent / "migrations"
#: any number that nobody else locks in this database; two replicas that upgrade at once go one after the other
_LOCK: Final = 0x0B5BE11
_IN_USE: Final = (
    "Somebody has one of the tables open and does not let go of it, so nothing was changed. Look for it with "
    "SELECT pid, state, query FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'; end it, and try again."
)


class WrongSchema(OpsError):
    """The tables of this database are not the ones that this version of Opsbell works with."""


def newest() -> str:
    """The revision that this version of Opsbell works with."""
    found = ScriptDirectory.from_config(_config()).get_current_head()
    if found is None:
        raise WrongSchema("This installation has no migrations: it is incomplete. Install Opsbell again.")
    return found


def current(engine: sa.Engine) -> str | None:
    """The revision that the database is at; None before the first."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def upgrade(engine: sa.Engine, revision: str = "head") -> str | None:
    """Bring the database up to a revision; says where it stands afterwards. Nothing happens if it is there."""
    _refuse_unknown(engine)
    with alone(engine, "opsbell db upgrade", within_seconds=_WAIT_SECONDS), _changing(engine) as connection:
        command.upgrade(_config(connection), revision)
    return current(engine)


def downgrade(engine: sa.Engine, revision: str = "-1") -> str | None:
    """Take the database back to a revision ("base": no tables, every row gone)."""
    _refuse_unknown(engine)
    with alone(engine, "opsbell db downgrade"), _changing(engine) as connection:
        command.downgrade(_config(connection), revision)
    return current(engine)


def ensure_current(engine: sa.Engine) -> None:
    """An SQLite file is brought up to date by itself; on PostgreSQL an old schema is refused with what to run.

    On PostgreSQL several replicas may be at work, of which the old ones must end first: that is a person's decision.
    """
    found = current(engine)
    if found == newest():
        return
    if is_sqlite(engine):
        upgrade(engine)
        return
    _refuse_unknown(engine)
    stands = f"is at version {found}" if found else "has no tables yet"
    raise WrongSchema(
        f"The database {stands}, and this Opsbell needs version {newest()}. Stop every running Opsbell, "
        "back the database up, and run: opsbell db upgrade"
    )


def draft(engine: sa.Engine, message: str, revision: str) -> None:
    """For whoever changes storage/tables: write the next migration from the difference to this database."""
    with engine.begin() as connection:
        command.revision(_config(connection), message=message, rev_id=revision, autogenerate=True)


def _config(connection: sa.Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _refuse_unknown(engine: sa.Engine) -> None:
    """A revision of a newer Opsbell, or tables that no migration made: neither is touched."""
    # The tables first: another upgrade may make them, and its revision, between the two looks.
    tables = sa.inspect(engine).has_table("shops")
    found = current(engine)
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if found is not None and found not in known:
        raise WrongSchema(
            f"The database is at version {found}, which this Opsbell does not know: a newer one made it. "
            "Install that version again, or restore a backup from before it."
        )
    if found is None and tables:
        raise WrongSchema(
            "The database has tables of this name that `opsbell db upgrade` did not make. Choose an empty database."
        )


@contextmanager
def _changing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """One transaction for all of it; on SQLite without foreign keys meanwhile, which are checked at its end.

    SQLite changes a column by a new table under the old name: with foreign keys on, dropping the old one would
    delete every row that points to it. The switch has no effect inside a transaction, so it comes before.
    """
    with engine.connect() as connection:
        _foreign_keys(connection, on=False)
        try:
            with connection.begin():
                if not is_sqlite(connection):
                    _wait_for_others(connection)
                yield connection
                if is_sqlite(connection) and (broken := connection.exec_driver_sql("PRAGMA foreign_key_check").first()):
                    raise WrongSchema(f"The migration would leave {broken[0]} pointing at nothing. It was undone.")
        except sa.exc.OperationalError as error:
            if isinstance(error.orig, psycopg.errors.LockNotAvailable):
                raise WrongSchema(_IN_USE) from None
            raise
        finally:
            _foreign_keys(connection, on=True)


def _wait_for_others(connection: sa.Connection) -> None:
    """Behind another upgrade, however long it takes; but behind nobody else for longer than usual.

    Whoever waits for a whole table lets nobody else at it meanwhile: behind a console that somebody forgot, every
    desk would stand still.
    """
    patience = connection.exec_driver_sql("SHOW lock_timeout").scalar_one()
    connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    usual = f"{LOCK_MILLISECONDS}ms" if patience == "0" else patience  # none is set behind a pooler
    connection.execute(sa.select(sa.func.set_config("lock_timeout", usual, True)))


def _foreign_keys(connection: sa.Connection, *, on: bool) -> None:
    if is_sqlite(connection):
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.execute(f"PRAGMA foreign_keys={'ON' if on else 'OFF'}")
