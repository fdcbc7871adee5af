"""One desk for an SQLite file, one writer at a time over all processes; death lets go."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from storage.database import open_engine, reading
from storage.one_process import InUse, alone, wal_warning
from storage.tables import lanes
from tests.conftest import ROOT
from tests.desk import START

HOLDS = """
import sys
from storage.database import open_engine
from storage.one_process import alone
with alone(open_engine(sys.argv[1]), "opsbell run"):
    print("held", flush=True)
    sys.stdin.read()
"""
WRITES = """
import sys
from storage.database import open_engine
with open_engine(sys.argv[1]).begin():
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def url(migrated_file: Path, tmp_path: Path) -> str:
    path = tmp_path / "opsbell.db"
    path.write_bytes(migrated_file.read_bytes())
    return f"sqlite:///{path}"


def other(program: str, url: str) -> subprocess.Popen[bytes]:
    started = subprocess.Popen([sys.executable, "-c", program, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)
    assert started.stdout is not None
    assert started.stdout.readline() == b"held\n"
    return started


def end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait(60)
    for pipe in (process.stdin, process.stdout):
        assert pipe is not None
        pipe.close()


def test_a_second_desk_is_told_who_has_the_file_and_gets_it_after_their_death(url: str) -> None:
    first, engine = other(HOLDS, url), open_engine(url)
    told = rf"opsbell.db is in use by opsbell run \(process {first.pid}\). Stop that first"
    with pytest.raises(InUse, match=told), alone(engine, "opsbell run"):
        pass
    end(first)
    again, second = alone(engine, "opsbell db upgrade"), alone(open_engine(url), "opsbell run")
    with alone(engine, "opsbell run"), again, pytest.raises(InUse), second:
        pass
    engine.dispose()


def test_who_writes_elsewhere_is_waited_for_and_who_reads_is_not_held_up(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.database._BUSY_MILLISECONDS", 100)
    writer, engine = other(WRITES, url), open_engine(url)
    with reading(engine) as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(lanes)).scalar() == 0
    with pytest.raises(sa.exc.OperationalError, match="database is locked"), engine.begin():
        pass
    end(writer)
    with engine.begin() as connection:
        connection.execute(sa.insert(lanes).values(key="a", free_at=START))
    with open_engine(url).begin() as connection:
        assert connection.execute(sa.select(lanes.c.key)).scalar() == "a"
    engine.dispose()


def test_only_one_connection_writes_at_a_time_within_a_process(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.database._BUSY_MILLISECONDS", 50)
    engine = open_engine(url)
    with engine.begin(), pytest.raises(sa.exc.OperationalError, match="locked"), engine.begin():
        pass
    with engine.begin():
        pass
    engine.dispose()


@pytest.mark.parametrize(
    ("version", "told"),
    [((3, 40, 1), True), ((3, 51, 2), True), ((3, 51, 3), False), ((3, 52, 0), False), ((3, 50, 7), False), ((3, 44, 6), False)],
)
def test_an_sqlite_with_the_wal_reset_bug_is_told_of(version: tuple[int, ...], told: bool) -> None:
    assert bool(wal_warning(version)) is told


def test_a_database_in_memory_has_no_file_to_hold() -> None:
    engine = open_engine("sqlite://")
    with alone(engine, "opsbell run"), alone(engine, "opsbell run"), engine.begin():
        pass
    engine.dispose()
