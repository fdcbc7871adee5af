"""What every test may ask for."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import postgres
from tests.desk import TestDesk, open_desk

ROOT = Path(__file__).resolve().parent.parent
_NUMBER = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_address() -> Iterator[str]:
    """A running PostgreSQL, for the whole session."""
    with postgres.server() as address:
        yield address


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database, once of each kind."""
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
