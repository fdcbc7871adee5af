"""Who may do what to a return, as a person would write it down. Nothing here is taken from the code that it judges.

Read from the top: the first line that fits is what happens.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class End(StrEnum):
    """What comes of it, with the words that tell it from the others."""

    DONE = "done"
    FIRST_OF_TWO = "first of two"
    FINANCE_ASKED = "finance asked"
    STRANGER = "Guests and people of other workspaces"
    UNKNOWN = "I don't know you as staff"
    OFF = "Your access is switched off"
    UNSURE = "does not tell me right now whether you are a guest"
    ROLE = "can"
    NOT_YOURS = "That is not your return"
    OWN = "This is your own return"
    STALE = "stale"
    TOO_LATE_FOR_PHOTO = "past the point where a photo would help"
    TOO_LATE_TO_CANCEL = "too late to cancel"
    LEFT = "is left to refund"


ROLES: Final = ("owner", "ops", "support", "finance", "viewer")
#: what else is true of a member of staff of each role
KINDS: Final = ("active", "switched off", "guest", "stranger", "unsure", "own by account", "own by e-mail", "no limit set")
STATES: Final = (
    "requested", "photo_asked", "approved", "declined", "received", "refunding", "refunded", "refund_failed",
    "cancelled", "requested, older button",
)
#: the shop: 30.00 is a person's own limit, above 50.00 two people, 90.00 asked for, 80.00 left on the payment
BANDS: Final = {"within the limit": 2000, "above the limit": 4000, "above one person": 6000, "above what is left": 8500}
DECISIONS: Final = ("approve", "approve in part", "decline")
ACTIONS: Final = (*DECISIONS, "ask for a photo", "cancel", "show", "history")

MAY: Final = {
    "approve": {"owner", "support", "finance"},
    "approve in part": {"owner", "support", "finance"},
    "decline": {"owner", "support", "finance"},
    "ask for a photo": {"owner", "ops", "support", "finance"},
    "cancel": {"owner", "ops", "support", "finance"},
    "show": set(ROLES),
    "history": set(ROLES),
}
WAITING: Final = {"requested", "photo_asked", "received", "refund_failed"}
#: goods or money are not under way
CANCELLABLE: Final = {"requested", "photo_asked", "approved", "requested, older button"}


@dataclass(frozen=True)
class Cell:
    """One attempt. ``role`` "": nobody of the staff; then ``kind`` is "unknown" or "the customer"."""

    role: str
    kind: str
    state: str
    action: str
    band: str = ""


def cells() -> Iterator[Cell]:
    """Every cell."""
    people = [(role, kind) for role in ROLES for kind in KINDS] + [("", "unknown"), ("", "the customer")]
    for role, kind in people:
        for state in STATES:
            for action in ACTIONS:
                for band in BANDS if action.startswith("approve") else ("",):
                    yield Cell(role, kind, state, action, band)


def expected(cell: Cell) -> End:
    """What must come of it."""
    return _who(cell) or _what(cell)


def _who(cell: Cell) -> End | None:
    if cell.kind in {"guest", "stranger"}:
        return End.STRANGER
    if not cell.role:
        if cell.action == "cancel":
            return None if cell.kind == "the customer" else End.NOT_YOURS
        return End.UNKNOWN
    if cell.kind == "switched off":
        return End.OFF
    if cell.kind == "unsure" and cell.action in DECISIONS:
        return End.UNSURE
    if cell.role not in MAY[cell.action]:
        return End.ROLE
    return None


def _what(cell: Cell) -> End:
    if cell.action in {"show", "history"}:
        return End.DONE
    if cell.action == "cancel":
        return End.DONE if cell.state in CANCELLABLE else End.TOO_LATE_TO_CANCEL
    if cell.state not in WAITING:
        return End.STALE
    if cell.kind.startswith("own"):
        return End.OWN
    if cell.action == "ask for a photo":
        return End.DONE if cell.state in {"requested", "photo_asked"} else End.TOO_LATE_FOR_PHOTO
    if cell.action == "decline":
        return End.DONE
    return _amount(cell)


def _amount(cell: Cell) -> End:
    if cell.band == "above what is left":
        return End.LEFT
    if cell.role == "support" and (cell.kind == "no limit set" or cell.band != "within the limit"):
        return End.FINANCE_ASKED
    return End.FIRST_OF_TWO if cell.band == "above one person" else End.DONE
