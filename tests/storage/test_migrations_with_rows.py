"""Migrations over tables that hold a shop's life, and two upgrades at the same moment."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from domain.returns import ApproveReturn
from storage import database
from storage.database import is_sqlite, open_engine
from storage.tables import metadata
from storage.upgrade import WrongSchema, current, downgrade, newest, upgrade
from tests.returns.world import world_on


@pytest.fixture
def engine(blank_database_url: str):
    made = open_engine(blank_database_url)
    yield made
    made.dispose()


def _counts(engine: sa.Engine) -> dict[str, int]:
    with engine.connect() as connection:
        there = sa.inspect(connection).get_table_names()
        return {
            name: connection.execute(sa.select(sa.func.count()).select_from(sa.table(name))).scalar_one()
            for name in there if name in metadata.tables
        }


def test_rows_outlive_every_step_down_and_up_again(engine, blank_database_url):
    upgrade(engine)
    with world_on(blank_database_url) as world:
        world.request(world.order())
        world.run(ApproveReturn(return_number="R-318", version=1), "ada")
    before = _counts(engine)
    assert before["refunds"] == before["approvals"] == 1
    while current(engine) != "0001":
        downgrade(engine)
        there = _counts(engine)
        assert {name: before[name] for name in there} == there, f"rows were lost on the way to {current(engine)}"
    assert upgrade(engine) == newest()
    after = _counts(engine)
    # A table that a newer version brought comes back empty: what stood in it went with it.
    assert {name: count for name, count in after.items() if count} == {
        name: before[name] for name, count in after.items() if count
    }
    assert after["refunds"] == after["approvals"] == 1
    with world_on(blank_database_url) as world:
        assert world.found("R-318").approved is not None


def test_two_upgrades_at_once_are_one_after_the_other(blank_database_url):
    engines = [open_engine(blank_database_url) for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        reached = list(pool.map(upgrade, engines))
    assert reached == [newest()] * 3
    with engines[0].connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM alembic_version")).scalar_one() == 1
        if is_sqlite(connection):
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    for engine in engines:
        engine.dispose()


@pytest.fixture
def impatient(blank_database_url: str, monkeypatch: pytest.MonkeyPatch):
    """An engine of PostgreSQL that waits for no lock longer than 0.1 s."""
    if not blank_database_url.startswith("postgresql"):
        pytest.skip("locks of PostgreSQL; of an SQLite file one process is the owner (test_one_process.py)")
    monkeypatch.setattr(database, "LOCK_MILLISECONDS", 100)
    made = open_engine(blank_database_url)
    yield made
    made.dispose()


def test_an_upgrade_waits_for_anothers_to_end_however_long(impatient, engine):
    with ThreadPoolExecutor(1) as pool:
        with engine.begin() as other:
            other.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": 0x0B5BE11})
            upgrading = pool.submit(upgrade, impatient)
            waits = sa.text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = :lock")
            while not other.execute(waits, {"lock": 0x0B5BE11}).scalar_one() and not upgrading.done():
                time.sleep(0.01)
            time.sleep(0.5)  # well beyond its patience for anything else
            assert not upgrading.done()
        assert upgrading.result(60) == newest()


def test_behind_a_console_that_somebody_forgot_an_upgrade_gives_up_and_says_how_to_find_it(impatient, engine):
    upgrade(engine)
    downgrade(engine)
    before = current(engine)
    with engine.begin() as console:
        console.execute(sa.text("SELECT count(*) FROM orders"))
        with pytest.raises(WrongSchema, match="pg_stat_activity"):
            upgrade(impatient)
    assert current(engine) == before
    assert upgrade(impatient) == newest()
