"""A stage: a temporary table that holds a batch's records of one shape, filled the quickest way the database has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from domain.imports import RECORDS, Kind, Shape, Value
from storage.database import is_sqlite
from storage.tables import EPOCH

_MICROSECOND: Final = timedelta(microseconds=1)
_TYPES: Final[dict[Kind, sa.types.TypeEngine[Any]]] = {
    Kind.TEXT: sa.Text(), Kind.CURRENCY: sa.Text(), Kind.COUNT: sa.BigInteger(), Kind.MONEY: sa.BigInteger(),
    Kind.NUMBER: sa.Float(), Kind.FLAG: sa.Boolean(), Kind.INSTANT: sa.BigInteger(), Kind.DATE: sa.Date(),
}

Staged = Sequence[str | int | float | bool | None]


@dataclass(frozen=True)
class Stage:
    """The stage of one shape: ``n`` counts the records of a batch, then come the fields."""

    shape: Shape
    #: makes its name one of its own on the connection
    place: int
    table: sa.Table = field(init=False)

    def __post_init__(self) -> None:
        """A table of its own metadata: Alembic never sees it."""
        known = RECORDS[self.shape.kind]
        columns = [sa.Column(name, _TYPES[known[name].kind]) for name in self.shape.fields]
        name = f"import_{self.place}_{self.shape.kind}"
        table = sa.Table(
            name, sa.MetaData(), sa.Column("n", sa.Integer(), primary_key=True, autoincrement=False), *columns,
            prefixes=["TEMPORARY"], postgresql_on_commit="DELETE ROWS",
        )
        object.__setattr__(self, "table", table)

    def make(self, connection: sa.Connection) -> None:
        """Create it on this connection, in the place of one that an earlier import left there."""
        schema = "temp" if is_sqlite(connection) else "pg_temp"
        connection.exec_driver_sql(f'DROP TABLE IF EXISTS {schema}."{self.table.name}"')
        self.table.create(connection)

    def fill(self, connection: sa.Connection, records: Iterable[tuple[Value, ...]]) -> None:
        """Put these records on it, and nothing else."""
        connection.execute(sa.delete(self.table))
        known = RECORDS[self.shape.kind]
        moments = (Kind.INSTANT, Kind.DATE)
        turned = [place for place, name in enumerate(self.shape.fields, 1) if known[name].kind in moments]
        rows: list[tuple[Value, ...]] = [(n, *values) for n, values in enumerate(records)]
        for place in turned:
            rows = [(*row[:place], _plain(row[place]), *row[place + 1:]) for row in rows]
        names = ", ".join(f'"{column.name}"' for column in self.table.columns)
        if is_sqlite(connection):
            marks = ", ".join("?" * len(self.table.columns))
            connection.exec_driver_sql(
                f'INSERT INTO "{self.table.name}" ({names}) VALUES ({marks})',  # noqa: S608  our own names
                rows,
            )
        else:
            driver = connection.connection.driver_connection
            assert driver is not None
            with driver.cursor() as cursor, cursor.copy(f'COPY "{self.table.name}" ({names}) FROM STDIN') as copy:
                for row in rows:
                    copy.write_row(row)


def _plain(value: Value) -> Value:
    """An instant as microseconds, a day as ISO text: what both drivers take as it is."""
    if isinstance(value, datetime):
        return (value - EPOCH) // _MICROSECOND
    return value.isoformat() if isinstance(value, date) else value
