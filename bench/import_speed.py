"""How fast an import is: against the same rows written by a plain executemany into the same tables.

    python bench/import_speed.py [DATABASE_URL] [--data FOLDER] [--mapping online_retail]

Without an address: SQLite in a temporary folder. The database must be empty; its tables are made and filled.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from bot.cli_import import Order, import_
from storage.database import open_engine
from storage.tables import imports, metadata
from storage.upgrade import downgrade, upgrade

_PART = 5_000


def main() -> None:
    """Import, read everything back, write it plainly, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", nargs="?", default=None)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--mapping", default="online_retail")
    given = parser.parse_args()
    if not (given.data / given.mapping).is_dir():
        print(f"skipped: {given.data / given.mapping} is not here; name the folder of real shop data with --data")
        return
    with tempfile.TemporaryDirectory() as folder:
        engine = open_engine(given.url or f"sqlite:///{folder}/bench.db")
        upgrade(engine)
        order = Order(
            mapping=given.mapping, paths=(given.data / given.mapping,), shop="bench", rejects_folder=Path(folder)
        )
        cpu = time.process_time()
        result = import_(engine, order, now=datetime.now(UTC), seconds=time.perf_counter)
        used = time.process_time() - cpu
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        rows = read_back(engine)
        downgrade(engine, "base")
        upgrade(engine)
        began, cpu = time.perf_counter(), time.process_time()
        write_plainly(engine, rows)
        plain, plain_used = time.perf_counter() - began, time.process_time() - cpu
        engine.dispose()
    kind = engine.dialect.name
    written = sum(len(found) for _table, found in rows)
    print(f"{kind}, {given.mapping}: {result['rows']:,} rows of files, {written:,} rows of tables")
    print(f"import         {result['seconds']:8.1f} s  ({used:.1f} s of this process's CPU), peak memory {peak:.0f} MB")
    print(f"executemany    {plain:8.1f} s  ({plain_used:.1f} s of this process's CPU)")
    print(f"ratio          {float(str(result['seconds'])) / plain:8.2f}    ({used / plain_used:.2f} by CPU)")


def read_back(engine: sa.Engine) -> list[tuple[sa.Table, list[tuple[object, ...]]]]:
    """Every row of every table as the driver's own values, parents first."""
    with engine.connect() as connection:
        return [
            (table, [tuple(row) for row in connection.exec_driver_sql(f'SELECT * FROM "{table.name}"')])
            for table in metadata.sorted_tables
            if table is not imports and connection.execute(sa.select(sa.func.count()).select_from(table)).scalar()
        ]


def write_plainly(engine: sa.Engine, rows: list[tuple[sa.Table, list[tuple[object, ...]]]]) -> None:
    """What a script would do: one INSERT, executemany, some thousand rows for each transaction."""
    mark = "?" if engine.dialect.name == "sqlite" else "%s"
    for table, found in rows:
        marks = ", ".join([mark] * len(table.columns))
        for start in range(0, len(found), _PART):
            with engine.begin() as connection:
                part = [tuple(_driver(value) for value in row) for row in found[start:start + _PART]]
                connection.exec_driver_sql(f'INSERT INTO "{table.name}" VALUES ({marks})', part)


def _driver(value: object) -> object:
    if isinstance(value, dict | list):
        import json

        return json.dumps(value)
    return value


if __name__ == "__main__":
    main()
