"""Batches of rows into the tables: each batch in one transaction, each row whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from domain.imports import Reject, Row, Shape, Value, Written
from domain.shops import Shop
from storage.database import is_sqlite
from storage.imports.derived import before_writing, derive
from storage.imports.stage import Stage
from storage.imports.targets import TARGETS, Link
from storage.imports.upsert import Upsert, in_order


@dataclass(frozen=True)
class _Batch:
    """Rows sorted by the shapes of their records."""

    #: shape -> records, each key once: the last one said counts
    records: dict[Shape, list[tuple[Value, ...]]] = field(default_factory=dict)
    #: shape -> for each record, the numbers of the rows that told it
    told_by: dict[Shape, list[list[int]]] = field(default_factory=dict)


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
        self._key_places: dict[Shape, tuple[int, ...]] = {}

    def write(self, rows: Sequence[Row]) -> Written:
        """Write a batch inside the connection's transaction.

        A row that cannot be written is named in the answer and leaves no trace; the others are written.
        """
        if not is_sqlite(self._connection):
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
        for shape in in_order(tuple(batch.records)):
            upsert = self._upsert(shape)
            records, told_by = batch.records[shape], batch.told_by[shape]
            upsert.stage.fill(self._connection, records)
            found = upsert.difference(self._connection)
            if found.missing:
                raise _Missing(self._rejects(shape, records, told_by, found.missing))
            if found.changed:
                upsert.keep_only(self._connection, found.changed, len(records))
                before_writing(self._connection, upsert, self._shop, self._now)
                upsert.write(self._connection)
                done.append(upsert)
                for place in found.changed:
                    changed_rows.update(told_by[place])
        for upsert in done:
            derive(self._connection, upsert, self._shop)
        return len(changed_rows)

    def _sorted(self, rows: Sequence[Row]) -> _Batch:
        batch = _Batch()
        places: dict[Shape, dict[tuple[Value, ...], int]] = {}
        for row in rows:
            for shape, values in row.records:
                if shape not in places:
                    places[shape], batch.records[shape], batch.told_by[shape] = {}, [], []
                key = tuple([values[place] for place in self._keys(shape)])
                known = places[shape].get(key)
                if known is None:
                    places[shape][key] = len(batch.records[shape])
                    batch.records[shape].append(values)
                    batch.told_by[shape].append([row.number])
                else:
                    batch.records[shape][known] = values
                    batch.told_by[shape][known].append(row.number)
        return batch

    def _keys(self, shape: Shape) -> tuple[int, ...]:
        found = self._key_places.get(shape)
        if found is None:
            fields = TARGETS[shape.kind].key_fields
            found = self._key_places[shape] = tuple(shape.fields.index(name) for name in fields)
        return found

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
