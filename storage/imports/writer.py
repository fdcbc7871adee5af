"""Batches of rows into the tables: each batch in one transaction, each row whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import chain
from operator import itemgetter
from typing import Final, NamedTuple

import sqlalchemy as sa

from domain.imports import Reject, Row, Shape, Value, Written
from domain.shops import Shop
from storage.database import is_sqlite
from storage.imports.derived import before_writing, derive
from storage.imports.stage import Stage
from storage.imports.targets import TARGETS, Link
from storage.imports.upsert import Upsert, in_order

#: pages that SQLite keeps in memory for the import's connection
_CACHE_KIB: Final = 32_000


class _Sorted(NamedTuple):
    """A batch's records of one shape. A named tuple: it is taken apart for each of half a million records."""

    key_of: Callable[[tuple[Value, ...]], object]
    #: key -> place of its record
    places: dict[object, int]
    #: each key once: the last one said counts
    records: list[tuple[Value, ...]]
    #: for each record, the numbers of the rows that told it
    told_by: list[list[int]]


class _Missing(Exception):
    """Some rows name what is not there."""

    def __init__(self, rejects: Sequence[Reject]) -> None:
        super().__init__()
        self.rejects = tuple(rejects)


class ImportRows:
    """Writes the rows of an import for one shop. One connection, kept for the whole import: it owns the stages."""

    def __init__(self, connection: sa.Connection, shop: Shop, now: datetime) -> None:
        self._connection = connection
        self._shop = shop
        self._now = now
        self._upserts: dict[Shape, Upsert] = {}

    def write(self, rows: Sequence[Row]) -> Written:
        """Write a batch inside the connection's transaction.

        A row that cannot be written is named in the answer and leaves no trace; the others are written.
        """
        if is_sqlite(self._connection):
            # Keys come in no order, so a batch touches thousands of pages: the 2 MB that SQLite keeps would be
            # written out and read back within each transaction.
            self._connection.exec_driver_sql(f"PRAGMA cache_size=-{_CACHE_KIB}")
        else:
            # The stages have no statistics: without this PostgreSQL reads whole tables for each batch. The tables grow:
            # a plan made while they were empty must not be kept. And the cost of a way that is switched off looks so
            # high that every statement would be compiled first, for half a second.
            for way in ("hashjoin", "mergejoin", "seqscan", "material"):
                self._connection.exec_driver_sql(f"SET LOCAL enable_{way} = off")
            self._connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_custom_plan")
            self._connection.exec_driver_sql("SET LOCAL jit = off")
        for shape in {shape for row in rows for shape, _values in row.records}:
            self._upsert(shape)  # before any savepoint: a stage must outlive what is rolled back
        return self._write(list(rows))

    def _write(self, rows: list[Row]) -> Written:
        rejects: list[Reject] = []
        while rows:
            try:
                with self._connection.begin_nested():
                    imported = self._write_all(rows)
            except _Missing as missing:
                rejects += missing.rejects
                gone = {reject.number for reject in missing.rejects}
                rows = [row for row in rows if row.number not in gone]
            except sa.exc.IntegrityError as error:
                return self._halves(rows, error, rejects)
            else:
                return Written(imported=imported, unchanged=len(rows) - imported, rejects=tuple(rejects))
        return Written(rejects=tuple(rejects))

    def _halves(self, rows: list[Row], error: sa.exc.IntegrityError, rejects: list[Reject]) -> Written:
        """The database refused the batch: find the rows at fault by halving it."""
        if len(rows) == 1:
            reason = f"the database refuses it: {str(error.orig).splitlines()[0]}"
            return Written(rejects=(*rejects, Reject(number=rows[0].number, field="", value="", reason=reason)))
        middle = len(rows) // 2
        first, second = self._write(rows[:middle]), self._write(rows[middle:])
        return Written(
            imported=first.imported + second.imported, unchanged=first.unchanged + second.unchanged,
            rejects=(*rejects, *first.rejects, *second.rejects),
        )

    def _write_all(self, rows: Sequence[Row]) -> int:
        """Write these rows; how many of them changed something. _Missing where a row points at nothing."""
        batch = self._sorted(rows)
        changed_rows: set[int] = set()
        done: list[Upsert] = []
        for shape in in_order(tuple(batch)):
            upsert = self._upsert(shape)
            _key_of, _places, records, told_by = batch[shape]
            upsert.stage.fill(self._connection, records)
            found = upsert.difference(self._connection)
            if found.missing:
                raise _Missing(self._rejects(shape, records, told_by, found.missing))
            if found.changed:
                upsert.keep_only(self._connection, found.changed, len(records))
                before_writing(self._connection, upsert, self._shop, self._now)
                upsert.write(self._connection)
                done.append(upsert)
                changed_rows.update(chain.from_iterable(told_by[place] for place in found.changed))
        for upsert in done:
            derive(self._connection, upsert, self._shop)
        return len(changed_rows)

    def _sorted(self, rows: Sequence[Row]) -> dict[Shape, _Sorted]:
        found: dict[Shape, _Sorted] = {}
        for number, records in rows:
            for shape, values in records:
                known = found.get(shape)
                if known is None:
                    known = found[shape] = _Sorted(self._key_of(shape), {}, [], [])
                key_of, places, told, told_by = known
                place = places.setdefault(key_of(values), len(told))
                if place == len(told):
                    told.append(values)
                    told_by.append([number])
                else:
                    told[place] = values
                    told_by[place].append(number)
        return found

    def _key_of(self, shape: Shape) -> Callable[[tuple[Value, ...]], object]:
        """Takes the key out of a record's values."""
        return itemgetter(*(shape.fields.index(name) for name in TARGETS[shape.kind].key_fields))

    def _upsert(self, shape: Shape) -> Upsert:
        if shape not in self._upserts:
            stage = Stage(shape, len(self._upserts))
            stage.make(self._connection)
            self._upserts[shape] = Upsert(stage, self._shop, self._now)
        return self._upserts[shape]

    def _rejects(
        self, shape: Shape, records: Sequence[tuple[Value, ...]], told_by: Sequence[Sequence[int]],
        missing: Sequence[tuple[int, Link]],
    ) -> list[Reject]:
        found: dict[int, Reject] = {}
        for place, link in missing:
            value = str(records[place][shape.fields.index(link.field)])
            for number in told_by[place]:
                found.setdefault(number, Reject(
                    number=number, field=link.field, value=value, reason=f"there is no {link.called} {value}"
                ))
        return list(found.values())
