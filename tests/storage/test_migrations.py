"""Migrations go up, down and up again on both databases, and say the same as the tables in the code."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from storage.database import is_sqlite, open_engine
from storage.tables import Instant, metadata
from storage.upgrade import WrongSchema, current, downgrade, ensure_current, newest, upgrade


@pytest.fixture
def engine(blank_database_url: str):
    made = open_engine(blank_database_url)
    yield made
    made.dispose()


def _tables(engine: sa.Engine) -> set[str]:
    return set(sa.inspect(engine).get_table_names()) - {"alembic_version"}


def test_up_down_and_up_leaves_every_table(engine):
    assert current(engine) is None
    assert upgrade(engine) == newest()
    assert _tables(engine) == set(metadata.tables)
    assert downgrade(engine, "base") is None
    assert _tables(engine) == set()
    assert upgrade(engine) == newest()
    assert _tables(engine) == set(metadata.tables)


def _same_type(_context, _column, _ours, theirs, ours):
    return False if isinstance(ours, (sa.BigInteger, Instant)) and isinstance(theirs, sa.Integer) else None


def test_migrated_tables_are_the_tables_of_the_code(engine):
    upgrade(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": _same_type})
        assert compare_metadata(context, metadata) == []


def test_migrated_indexes_and_checks_are_those_of_the_code(engine, tmp_path):
    upgrade(engine)
    wanted = {(table.name, index.name) for table in metadata.tables.values() for index in table.indexes}
    inspector = sa.inspect(engine)
    found = {(name, index["name"]) for name in metadata.tables for index in inspector.get_indexes(name)}
    assert wanted <= found
    checks = {
        (table.name, constraint.name)
        for table in metadata.tables.values()
        for constraint in table.constraints
        if isinstance(constraint, sa.CheckConstraint) and constraint.name
    }
    there = {(name, check["name"]) for name in metadata.tables for check in inspector.get_check_constraints(name)}
    assert {name for _table, name in checks} <= {name for _table, name in there}


def test_an_old_schema_is_brought_up_on_sqlite_and_refused_on_postgresql(engine):
    if is_sqlite(engine):
        ensure_current(engine)
        assert current(engine) == newest()
        return
    with pytest.raises(WrongSchema, match="opsbell db upgrade"):
        ensure_current(engine)
    assert current(engine) is None
    upgrade(engine)
    ensure_current(engine)


def test_a_database_of_a_newer_version_is_left_alone(engine):
    upgrade(engine)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(WrongSchema, match="newer"):
        ensure_current(engine)
    with pytest.raises(WrongSchema, match="newer"):
        downgrade(engine, "base")
    assert _tables(engine) == set(metadata.tables)


def test_tables_that_no_migration_made_are_left_alone(engine):
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE shops (id INTEGER)"))
    with pytest.raises(WrongSchema, match="empty database"):
        upgrade(engine)
    assert _tables(engine) == {"shops"}


def test_foreign_keys_hold_again_after_an_upgrade(engine):
    upgrade(engine)
    with engine.begin() as connection, pytest.raises(sa.exc.IntegrityError):
        connection.execute(sa.insert(metadata.tables["chats"]).values(shop_id=7, topic="t", platform="p", address="a"))
