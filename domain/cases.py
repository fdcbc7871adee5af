"""Cases: what a card is about. A case opens when a line is crossed, changes, can be snoozed, and resolves itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from domain.wire import Json


class CaseState(StrEnum):
    """Where a case stands."""

    OPEN = "open"
    SNOOZED = "snoozed"
    RESOLVED = "resolved"


@dataclass(frozen=True, kw_only=True)
class Case:
    """One matter: ``kind`` ("low_stock") about ``subject`` (a SKU). ``facts`` are what its card shows."""

    id: int
    kind: str
    subject: str
    state: CaseState
    #: rises with every change; a button made for an older one is refused
    version: int
    facts: dict[str, Json]
    opened_at: datetime
    snoozed_until: datetime | None = None
    resolved_at: datetime | None = None

    @property
    def card(self) -> str:
        """The key of its card; a case that opens anew gets a new card."""
        return f"{self.kind}:{self.subject}:{self.id}"


class Cases(Protocol):
    """The open and past cases of one shop."""

    def open_one(self, kind: str, subject: str) -> Case | None:
        """The unresolved case about it, open or snoozed; None if there is none."""

    def open_all(self, kind: str) -> tuple[Case, ...]:
        """Every unresolved case of a kind, oldest first."""

    def by_id(self, case_id: int) -> Case:
        """That case; NotFound."""

    def open(self, kind: str, subject: str, facts: dict[str, Json]) -> Case | None:
        """A new case; None if another already stands open (one winner, by a unique row)."""

    def change(
        self, case: Case, *, facts: dict[str, Json] | None = None, state: CaseState | None = None,
        snoozed_until: datetime | None = None,
    ) -> Case:
        """The case with its version raised; Conflict if it is no longer at ``case.version`` (compare and set)."""

    def snoozed_due(self) -> tuple[Case, ...]:
        """Snoozed cases whose time is over."""
