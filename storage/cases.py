"""Cases as rows: one open case about one subject, changed only by compare and set."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from domain.cases import Case, CaseState
from domain.errors import Conflict, NotFound
from domain.shops import Shop
from domain.wire import Json
from storage.database import insert
from storage.tables import cases as table


@dataclass(frozen=True)
class CaseRows:
    """The cases of one shop."""

    connection: sa.Connection
    shop: Shop
    now: datetime

    def open_one(self, kind: str, subject: str) -> Case | None:
        """The unresolved case about a subject."""
        found = self._select(table.c.kind == kind, table.c.subject == subject, table.c.resolved_at.is_(None))
        return found[0] if found else None

    def open_all(self, kind: str) -> tuple[Case, ...]:
        """Every unresolved case of a kind, oldest first."""
        return self._select(table.c.kind == kind, table.c.resolved_at.is_(None))

    def by_id(self, case_id: int) -> Case:
        """That case; NotFound."""
        found = self._select(table.c.id == case_id)
        if not found:
            raise NotFound("I don't know that case any more.")
        return found[0]

    def open(self, kind: str, subject: str, facts: dict[str, Json]) -> Case | None:
        """A new case, or None where one stands open: the partial unique index decides."""
        row = self.connection.execute(
            insert(self.connection, table)
            .values(
                shop_id=self.shop.id, kind=kind, subject=subject, state=CaseState.OPEN.value, version=1, facts=facts,
                opened_at=self.now, changed_at=self.now,
            )
            .on_conflict_do_nothing()
            .returning(table.c.id)
        ).scalar()
        return None if row is None else self.by_id(row)

    def change(
        self, case: Case, *, facts: dict[str, Json] | None = None, state: CaseState | None = None,
        snoozed_until: datetime | None = None,
    ) -> Case:
        """The case one version on; Conflict if somebody else changed it since it was read."""
        state = state or case.state
        changed = self.connection.execute(
            sa.update(table)
            .where(table.c.shop_id == self.shop.id, table.c.id == case.id, table.c.version == case.version)
            .values(
                version=case.version + 1, facts=case.facts if facts is None else facts, state=state.value,
                changed_at=self.now, snoozed_until=snoozed_until if state is CaseState.SNOOZED else None,
                resolved_at=self.now if state is CaseState.RESOLVED else None,
            )
        )
        if changed.rowcount != 1:
            raise Conflict("Somebody else has just changed this. Look at the card again.")
        return self.by_id(case.id)

    def snoozed_due(self) -> tuple[Case, ...]:
        """Snoozed cases whose time is over."""
        return self._select(
            table.c.resolved_at.is_(None),  # which has an index of its own
            table.c.state == CaseState.SNOOZED.value, table.c.snoozed_until <= self.now,
        )

    def _select(self, *where: sa.ColumnElement[bool]) -> tuple[Case, ...]:
        rows = self.connection.execute(
            sa.select(table).where(table.c.shop_id == self.shop.id, *where).order_by(table.c.id)
        )
        return tuple(
            Case(
                id=row.id, kind=row.kind, subject=row.subject, state=CaseState(row.state), version=row.version,
                facts=row.facts, opened_at=row.opened_at, snoozed_until=row.snoozed_until, resolved_at=row.resolved_at,
            )
            for row in rows
        )
