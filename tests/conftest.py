"""What every test may ask for."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import settings

from storage.database import open_engine
from storage.upgrade import upgrade
from tests import postgres
from tests.desk import TestDesk, open_desk

# How long an example takes is the machine's affair, and which are drawn no affair of chance: every run tries the same.
# ``pytest --hypothesis-profile=default`` draws others, and so do the long machines of ``make faults``.
settings.register_profile("opsbell", deadline=None, derandomize=True)
settings.load_profile("opsbell")

ROOT = Path(__file__).resolve().parent.parent
_NUMBER = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_address() -> Iterator[str]:
    """A running PostgreSQL, for the whole session."""
    with postgres.server() as address:
        yield address


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with every table and no row, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "opsbell.db"
    engine = open_engine(f"sqlite:///{path}")
    upgrade(engine)
    engine.dispose()
    return path


@pytest.fixture(scope="session")
def migrated_schema(postgres_address: str) -> Iterator[str]:
    """A PostgreSQL schema with every table, which one test after the other has for itself."""
    with postgres.schema(postgres_address, "migrated") as url:
        engine = open_engine(url)
        upgrade(engine)
        engine.dispose()
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database with every table and no row, once of each kind."""
    if request.param == "sqlite":
        path = tmp_path / "opsbell.db"
        shutil.copy(request.getfixturevalue("migrated_file"), path)
        yield f"sqlite:///{path}"
        return
    url = request.getfixturevalue("migrated_schema")
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    postgres.empty(engine)
    yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def blank_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without tables, once of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'opsbell.db'}"
        return
    address = request.getfixturevalue("postgres_address")
    with postgres.schema(address, f"test_{os.getpid()}_{next(_NUMBER)}") as url:
        yield url


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real shop data beside the checkout; the test is skipped where it is absent."""
    folder = Path(os.environ.get("OPSBELL_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("the real shop data is not here (set OPSBELL_DATA to its folder)")
    return folder


@pytest.fixture(scope="session")
def shared_fixtures() -> Path:
    """Schemas and recorded payloads of the platforms; the test is skipped where they are absent."""
    folder = Path(os.environ.get("OPSBELL_FIXTURES", ROOT.parent / "shared" / "fixtures"))
    if not folder.is_dir():
        pytest.skip("the platforms' schemas are not here (set OPSBELL_FIXTURES to their folder)")
    return folder


@pytest.fixture
def desk(database_url: str) -> Iterator[TestDesk]:
    """A desk with one empty shop, on each kind of database."""
    with open_desk(database_url) as made:
        yield made
