"""What is left of an import when its rows are in: a line about each file, and fresh statistics."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa

from domain.shops import Shop
from storage.database import is_sqlite
from storage.tables import imports


def note_import(
    connection: sa.Connection, shop: Shop, mapping: str, file: str, at: datetime, counts: Mapping[str, int]
) -> None:
    """Keep that this file was imported, when, and what became of its rows."""
    connection.execute(
        sa.insert(imports).values(shop_id=shop.id, mapping=mapping, file=file, at=at, **counts)
    )


def refresh_statistics(engine: sa.Engine) -> None:
    """Let the planner know how much there is now: right after a bulk load nobody else has told it."""
    with engine.begin() as connection:
        if is_sqlite(connection):
            connection.exec_driver_sql("PRAGMA analysis_limit=1000")
        connection.exec_driver_sql("ANALYZE")
