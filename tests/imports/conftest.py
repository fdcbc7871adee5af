"""An import as a test runs it: real files, a real database, nothing else."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.cli_import import Order, import_
from storage.database import open_engine

NOW = datetime(2026, 11, 23, 8, 5, tzinfo=UTC)

MAPPING = """
[shop]
name = "Corner shop"
currency = "EUR"
time_zone = "Europe/Berlin"

[[file]]
name = "orders"
[[file.record]]
kind = "order"
[file.record.columns]
order = "number"
status = "status"
currency = { value = "EUR" }
placed_at = "placed"

[[file]]
name = "lines"
needed = false
[[file.record]]
kind = "order_line"
[file.record.columns]
order = "number"
line = "line"
code = "code"
quantity = "quantity"
unit_price = "price"
"""
ORDERS = "number,status,placed\nA1,placed,2026-11-20 10:00:00\nA2,placed,2026-11-21 10:00:00\n"
LINES = "number,line,code,quantity,price\nA1,1,MUG,2,19.00\nA1,2,TEA,1,4.50\nA2,1,MUG,1,19.00\n"


@dataclass(frozen=True)
class Stand:
    """A folder, a mapping and a database."""

    engine: sa.Engine
    folder: Path

    def write(self, files: Mapping[str, str | bytes]) -> Path:
        for name, text in files.items():
            (self.folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return self.folder

    def run(self, mapping: str | None = None, *, dry_run: bool = False, batch: int = 1000, now: datetime = NOW):
        path = self.folder / "mapping.toml"
        path.write_text(MAPPING if mapping is None else mapping)
        ticks = itertools.count()
        order = Order(
            mapping=str(path), paths=(self.folder,), shop="corner", rejects_folder=self.folder / "rejects",
            dry_run=dry_run, batch=batch,
        )
        return import_(self.engine, order, now=now, seconds=lambda: float(next(ticks)))

    def rows(self, sql: str):
        with self.engine.connect() as connection:
            return connection.execute(sa.text(sql)).all()


@pytest.fixture
def stand(database_url: str, tmp_path: Path) -> Iterator[Stand]:
    engine = open_engine(database_url)
    folder = tmp_path / "files"
    folder.mkdir()
    yield Stand(engine, folder)
    engine.dispose()


@pytest.fixture
def counts(stand: Stand) -> Callable[[str], int]:
    return lambda table: stand.rows(f"SELECT count(*) FROM {table}")[0][0]
