"""Cases as rows: one open case about one subject, changed only by compare and set."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from domain.cases import Case, CaseState
from domain.errors import Conflict, NotFound
from domain.shops import Shop
from domain.wire import Json
from storage.database import Upsert
from storage.tables import cases as table

_MINE: Final = sa.select(table).where(table.c.shop_id == sa.bindparam("shop")).order_by(table.c.id)
_ONE: Final = _MINE.where(table.c.id == sa.bindparam("which"))
_OPEN: Final = _MINE.where(table.c.kind == sa.bindparam("kind"), table.c.resolved_at.is_(None))
_OPEN_ONE: Final = _OPEN.where(table.c.subject == sa.bindparam("subject"))
_SNOOZED_DUE: Final = _MINE.where(
    table.c.resolved_at.is_(None),  # which has an index of its own
    table.c.state == CaseState.SNOOZED.value, table.c.snoozed_until <= sa.bindparam("now")
)
_NEW: Final = Upsert(table, lambda new: new.on_conflict_do_nothing().returning(table.c.id))
#: what is set comes as values of its columns
_CHANGE: Final = sa.update(table).where(
    table.c.shop_id == sa.bindparam("shop"), table.c.id == sa.bindparam("which"),
    table.c.version == sa.bindparam("before"),
)


@dataclass(frozen=True)
class CaseRows:
    """The cases of one shop."""

    connection: sa.Connection
    shop: Shop
    now: datetime

    def open_one(self, kind: str, subject: str) -> Case | None:
        """The unresolved case about a subject."""
        found = self._found(_OPEN_ONE, kind=kind, subject=subject)
        return found[0] if found else None

    def open_all(self, kind: str) -> tuple[Case, ...]:
        """Every unresolved case of a kind, oldest first."""
        return self._found(_OPEN, kind=kind)

    def by_id(self, case_id: int) -> Case:
        """That case; NotFound."""
        found = self._found(_ONE, which=case_id)
        if not found:
            raise NotFound("I don't know that case any more.")
        return found[0]

    def open(self, kind: str, subject: str, facts: dict[str, Json]) -> Case | None:
        """A new case, or None where one stands open: the partial unique index decides."""
        row = self.connection.execute(_NEW.on(self.connection), {
            "shop_id": self.shop.id, "kind": kind, "subject": subject, "state": CaseState.OPEN.value, "version": 1,
            "facts": facts, "opened_at": self.now, "changed_at": self.now,
        }).scalar()
        return None if row is None else self.by_id(row)

    def change(
        self, case: Case, *, facts: dict[str, Json] | None = None, state: CaseState | None = None,
        snoozed_until: datetime | None = None,
    ) -> Case:
        """The case one version on; Conflict if somebody else changed it since it was read."""
        state = state or case.state
        changed = self.connection.execute(_CHANGE, {
            "shop": self.shop.id, "which": case.id, "before": case.version, "version": case.version + 1,
            "facts": case.facts if facts is None else facts, "state": state.value, "changed_at": self.now,
            "snoozed_until": snoozed_until if state is CaseState.SNOOZED else None,
            "resolved_at": self.now if state is CaseState.RESOLVED else None,
        })
        if changed.rowcount != 1:
            raise Conflict("Somebody else has just changed this. Look at the card again.")
        return self.by_id(case.id)

    def snoozed_due(self) -> tuple[Case, ...]:
        """Snoozed cases whose time is over."""
        return self._found(_SNOOZED_DUE, now=self.now)

    def _found(self, statement: sa.Select[Any], **which: object) -> tuple[Case, ...]:
        rows = self.connection.execute(statement, {"shop": self.shop.id, **which})
        return tuple(
            Case(
                id=row.id, kind=row.kind, subject=row.subject, state=CaseState(row.state), version=row.version,
                facts=row.facts, opened_at=row.opened_at, snoozed_until=row.snoozed_until, resolved_at=row.resolved_at,
            )
            for row in rows
        )
