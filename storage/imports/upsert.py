"""The statements that bring one stage into its table: what is new or different, and then only that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from domain.imports import Shape
from domain.shops import Shop
from storage.database import insert
from storage.imports.stage import Stage
from storage.imports.targets import TARGETS, Link, Target
from storage.tables import Instant


@dataclass(frozen=True)
class Difference:
    """What a stage holds that its table does not."""

    #: places of the batch's records that are new or have changed
    changed: frozenset[int]
    #: places of records that name a row which is not there, with the link
    missing: tuple[tuple[int, Link], ...]


class Upsert:
    """One shape of records of one shop. Statements are made once, and run for each batch."""

    def __init__(self, stage: Stage, shop: Shop, now: datetime) -> None:
        self.stage = stage
        self.shape: Shape = stage.shape
        self.target: Target = TARGETS[stage.shape.kind]
        self._shop = shop
        self._shop_id = shop.id
        self._now = now
        self._links = tuple(link for link in self.target.links if link.field in self.shape.fields)
        self._ids, self._source = self._joined()
        self._given = self._given_columns()
        self._look = self._difference()
        self._corrected: list[int] = []

    def difference(self, connection: sa.Connection) -> Difference:
        """Compare the stage with the table; nothing is written."""
        changed: set[int] = set()
        missing: list[tuple[int, Link]] = []
        self._corrected = []
        for n, there, is_changed, *unknown in connection.execute(self._look).all():
            if is_changed:
                changed.add(n)
                if there is not None:
                    self._corrected.append(there)
            if any(unknown):
                missing += [(n, link) for link, lacks in zip(self._links, unknown, strict=True) if lacks]
        return Difference(changed=frozenset(changed), missing=tuple(missing))

    def keep_only(self, connection: sa.Connection, places: frozenset[int], count: int) -> None:
        """Leave on the stage only what has changed, unless what follows needs all of it."""
        if self.target.whole:
            return
        unchanged = [{"n_gone": n} for n in range(count) if n not in places]
        if unchanged:
            connection.execute(
                sa.delete(self.stage.table).where(self.stage.table.c.n == sa.bindparam("n_gone")), unchanged
            )

    def parents(self, connection: sa.Connection, link: str) -> Iterator[list[int]]:
        """Ids of the rows that the staged records point to by that link, some hundred at a time.

        Fetched, and then named in the next statement: left to a subquery, either database may turn the join round
        and read a whole table for each batch.
        """
        found = sa.select(self._ids[link]).select_from(self._source).distinct()
        known = found.where(self._ids[link].is_not(None))
        return _in_parts(list(connection.execute(known).scalars()))

    def corrected(self) -> Iterator[list[int]]:
        """Ids of the rows that were there before and have just been changed, some hundred at a time."""
        return _in_parts(self._corrected)

    def write(self, connection: sa.Connection) -> None:
        """Everything on the stage into the table."""
        table = self.target.table
        fresh = {
            name: self._default(table.c[name], default)
            for name, default in self.target.defaults.items()
            if name not in self._given and default is not None
        }
        shop_id: sa.ColumnElement[Any] = sa.literal(self._shop_id, sa.BigInteger())
        values = {"shop_id": shop_id, **self._given, **fresh}
        rows = sa.select(*list(values.values())).select_from(self._source).where(sa.true())
        statement = insert(connection, table).from_select(list(values), rows)
        unique = ["shop_id", *self.target.key] if self.target.shop_in_key else list(self.target.key)
        update = {name: statement.excluded[name] for name in self._given if name not in self.target.key}
        if self.shape.only_new or not update:
            connection.execute(statement.on_conflict_do_nothing(index_elements=unique))
        else:
            connection.execute(statement.on_conflict_do_update(index_elements=unique, set_=update))

    def _joined(self) -> tuple[dict[str, sa.ColumnElement[int]], sa.FromClause]:
        staged = self.stage.table
        source: sa.FromClause = staged
        ids: dict[str, sa.ColumnElement[int]] = {}
        self._parents: dict[str, sa.FromClause] = {}
        for link in self._links:
            parent = link.parent.alias(f"the_{link.name}")
            found = sa.and_(
                parent.c.shop_id == self._shop_id,
                *(
                    parent.c[column] == (ids[name[1:]] if name.startswith("@") else staged.c[name])
                    for column, name in link.match
                ),
            )
            if link.first:
                first = sa.select(sa.func.min(parent.c.id)).where(found)
                ids[link.name] = first.correlate_except(parent).scalar_subquery()
            else:
                source = source.outerjoin(parent, found)
                ids[link.name] = parent.c.id
            self._parents[link.name] = parent
        return ids, source

    def _given_columns(self) -> dict[str, sa.ColumnElement[Any]]:
        """Each column that this shape says something about, as an expression over the stage and its parents."""
        target, staged = self.target, self.stage.table
        given: dict[str, sa.ColumnElement[Any]] = {}
        for name, source in target.columns.items():
            stand_in = target.instead.get(name)
            if source in self.shape.fields:
                value: sa.ColumnElement[Any] = staged.c[source]
                default = target.defaults.get(name)
                if stand_in:
                    value = sa.func.coalesce(value, staged.c[target.columns[stand_in]])
                elif default is not None:
                    value = sa.func.coalesce(value, self._default(target.table.c[name], default))
                given[name] = value
            elif stand_in:
                given[name] = staged.c[target.columns[stand_in]]
        given |= {link.column: self._ids[link.name] for link in self._links if link.column}
        given |= {name: self._parents[link].c[column] for name, (link, column) in target.copies.items()}
        return given | target.computed(staged, self._shop)

    def _difference(self) -> sa.Select[Any]:
        staged, there = self.stage.table, self.target.table.alias("there")
        same = sa.and_(
            there.c.shop_id == self._shop_id, *(there.c[name] == self._given[name] for name in self.target.key)
        )
        differs: list[sa.ColumnElement[bool]] = [there.c.id.is_(None)]
        if not self.shape.only_new:
            differs += [
                there.c[name].is_distinct_from(value)
                for name, value in self._given.items()
                if name not in self.target.key
            ]
            further = self.target.differs(staged, self._parents)
            if further is not None:
                differs.append(further)
        lacks = [
            sa.and_(staged.c[link.field].is_not(None), self._ids[link.name].is_(None)) for link in self._links
        ]
        changed = sa.or_(*differs)
        return (
            sa.select(staged.c.n, there.c.id, changed, *lacks)
            .select_from(self._source.outerjoin(there, same))
            .where(sa.or_(changed, *lacks))
        )

    def _default(self, column: sa.Column[Any], default: object) -> sa.ColumnElement[Any]:
        if default == "now" and isinstance(column.type, Instant):
            return sa.literal(self._now, Instant())
        return sa.literal(default, column.type)


def _in_parts(ids: list[int], size: int = 500) -> Iterator[list[int]]:
    for start in range(0, len(ids), size):
        yield ids[start:start + size]


def in_order(shapes: Sequence[Shape]) -> list[Shape]:
    """What is pointed to before what points to it; of one kind, in the mapping's order."""
    kinds = list(TARGETS)
    return sorted(shapes, key=lambda shape: kinds.index(shape.kind))
