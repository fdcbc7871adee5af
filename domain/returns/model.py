"""Returns: what a customer wants to give back, where it stands, and who decided."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final, Protocol

from domain.money import Money


class ReturnState(StrEnum):
    """Where a return stands."""

    REQUESTED = "requested"
    PHOTO_ASKED = "photo_asked"
    #: decided, and waiting for the goods
    APPROVED = "approved"
    DECLINED = "declined"
    #: the goods came, but not as announced: a person must decide again
    RECEIVED = "received"
    REFUNDING = "refunding"
    REFUNDED = "refunded"
    #: Stripe could not pay it out: open again
    REFUND_FAILED = "refund_failed"
    CANCELLED = "cancelled"


#: waits for a decision of the staff
DECIDABLE: Final = frozenset(
    {ReturnState.REQUESTED, ReturnState.PHOTO_ASKED, ReturnState.RECEIVED, ReturnState.REFUND_FAILED}
)
#: the customer may still call it off: nothing was paid, nothing has arrived
CANCELLABLE: Final = frozenset({ReturnState.REQUESTED, ReturnState.PHOTO_ASKED, ReturnState.APPROVED})
#: no money went out, and none will: does not count against what may still be returned
VOID: Final = frozenset({ReturnState.DECLINED, ReturnState.CANCELLED})

_OPEN: Final = frozenset(
    {ReturnState.PHOTO_ASKED, ReturnState.APPROVED, ReturnState.DECLINED, ReturnState.REFUNDING, ReturnState.CANCELLED}
)
#: every step a return can take; staying where it is (a first of two approvals, a new photo) is always allowed
STEPS: Final[dict[ReturnState, frozenset[ReturnState]]] = {
    ReturnState.REQUESTED: _OPEN,
    ReturnState.PHOTO_ASKED: _OPEN | {ReturnState.REQUESTED},
    ReturnState.APPROVED: frozenset({ReturnState.RECEIVED, ReturnState.REFUNDING, ReturnState.CANCELLED}),
    ReturnState.RECEIVED: frozenset({ReturnState.REFUNDING, ReturnState.DECLINED}),
    ReturnState.REFUNDING: frozenset({ReturnState.REFUNDED, ReturnState.REFUND_FAILED}),
    ReturnState.REFUNDED: frozenset({ReturnState.REFUND_FAILED}),
    ReturnState.REFUND_FAILED: frozenset({ReturnState.REFUNDING, ReturnState.DECLINED}),
    ReturnState.DECLINED: frozenset(),
    ReturnState.CANCELLED: frozenset(),
}


def may_become(old: ReturnState, new: ReturnState) -> bool:
    """Whether a return may go from one state to the other."""
    return old is new or new in STEPS[old]


class Reason(StrEnum):
    """Why something comes back. ``policy.free_return_reasons`` and ``photo_required_for`` name these."""

    DAMAGED = "damaged"
    WRONG_ITEM = "wrong_item"
    NOT_AS_DESCRIBED = "not_as_described"
    CHANGED_MIND = "changed_mind"
    TOO_LATE = "too_late"
    OTHER = "other"
    #: said by staff, of a parcel that never came; customers choose among the others
    NOT_ARRIVED = "not_arrived"


#: how a card calls a reason
REASON_WORDS: Final[dict[Reason, str]] = {
    Reason.DAMAGED: "arrived broken",
    Reason.WRONG_ITEM: "wrong item",
    Reason.NOT_AS_DESCRIBED: "not as described",
    Reason.CHANGED_MIND: "changed my mind",
    Reason.TOO_LATE: "arrived too late",
    Reason.OTHER: "another reason",
    Reason.NOT_ARRIVED: "never arrived",
}
#: what a customer can choose
CUSTOMER_REASONS: Final = tuple(one for one in Reason if one is not Reason.NOT_ARRIVED)


class Goods(StrEnum):
    """What becomes of the goods."""

    KEEP = "keep"
    SEND_BACK = "send_back"


@dataclass(frozen=True, kw_only=True)
class ReturnLine:
    """So many of an order's line: ``bought`` is how many the line had; received and damaged count what came back."""

    order_line_id: int
    sku: str
    title: str
    quantity: int
    bought: int
    received: int = 0
    damaged: int = 0


@dataclass(frozen=True, kw_only=True)
class VerdictFacts:
    """The policy's verdict as it stood at the request, for the card and for later."""

    fits: bool
    explanation: tuple[str, ...]
    delivered_days: int | None
    window_days: int
    #: the customer's orders, and returns before this one
    orders: int
    returns_before: int


@dataclass(frozen=True, kw_only=True)
class Return:
    """A return with its lines. ``version`` rises with every change; a button made for an older one is refused."""

    id: int
    number: str
    order_id: int
    customer_id: int | None
    state: ReturnState
    version: int
    reason: Reason
    #: the customer's own words
    note: str | None
    #: Telegram's file id of the customer's photo
    photo: str | None
    telegram_user: int | None
    requested: Money
    approved: Money | None
    #: what sending it back costs the customer; already taken off ``requested``
    cost: Money
    goods: Goods
    verdict: VerdictFacts
    requested_at: datetime
    answer_by: datetime
    decided_by: int | None
    decided_at: datetime | None
    decision_note: str | None
    received_at: datetime | None
    closed_at: datetime | None
    lines: tuple[ReturnLine, ...]

    @property
    def card(self) -> str:
        """The key of its card."""
        return f"return:{self.number}"


@dataclass(frozen=True, kw_only=True)
class NewReturn:
    """A return about to be stored; ``quantities`` by order line id."""

    number: str
    order_id: int
    customer_id: int | None
    reason: Reason
    note: str | None
    photo: str | None
    telegram_user: int | None
    requested: Money
    cost: Money
    goods: Goods
    verdict: VerdictFacts
    answer_by: datetime
    quantities: dict[int, int]


@dataclass(frozen=True, kw_only=True)
class Approval:
    """One person's yes: to exactly this return, this version, this amount."""

    id: int
    return_id: int
    version: int
    amount: Money
    staff_id: int
    at: datetime
    #: the version that the first of two people approved; None where one was enough
    first_version: int | None = None
    #: the local day on which it counts against the limits; None for a first of two, which lets nothing go
    counted_on: date | None = None
    #: when it stopped counting: the refund failed, or the return was called off or decided anew
    released_at: datetime | None = None
    #: whether its seal holds: nobody has made or changed the row without the desk's secret
    genuine: bool = False

    @property
    def stands(self) -> bool:
        """Whether money may go on it: a last word, as it was given, not taken back since."""
        return self.genuine and self.counted_on is not None and self.released_at is None


class Returns(Protocol):
    """The returns of one shop."""

    def by_number(self, number: str) -> Return | None:
        """By its number ("R-318"), whatever the case."""

    def held(self, return_id: int) -> Return:
        """That return, kept from changing until this transaction ends; NotFound."""

    def waiting(self) -> tuple[Return, ...]:
        """Every return that waits for a decision, the one to be answered first in front."""

    def count_waiting(self, user: int) -> int:
        """How many returns of a Telegram account wait for a decision."""

    def of_order(self, order_id: int) -> tuple[Return, ...]:
        """An order's returns, oldest first."""

    def of_customer(self, customer_id: int) -> tuple[Return, ...]:
        """A customer's returns, oldest first."""

    def of_telegram(self, user: int, state: ReturnState) -> tuple[Return, ...]:
        """The returns that came from a Telegram account and stand in that state, oldest first."""

    def count_of_customer(self, customer_id: int) -> int:
        """How many returns a customer ever asked for, those called off not counted."""

    def taken(self, order_id: int) -> dict[int, int]:
        """By order line id: how many are in returns that were neither declined nor cancelled."""

    def add(self, new: NewReturn) -> Return:
        """Store a return; RuleBroken if more would come back of a line than was bought (checked under a lock)."""

    def save(self, changed: Return) -> Return:
        """Write a changed return one version on; Conflict if it is no longer at ``changed.version``."""

    def note_received(self, return_id: int, received: dict[int, tuple[int, int]]) -> None:
        """Set received and damaged pieces by order line id."""

    def approve(
        self, return_id: int, *, version: int, amount: Money, staff_id: int, first_version: int | None = None,
        counted_on: date | None = None,
    ) -> Approval:
        """One approval, sealed; Conflict if that version was approved already (one winner, by a unique row)."""

    def void(self, approval_id: int) -> bool:
        """Let an approval count no longer; False if it never did, or does not any more (once, by compare and set)."""

    def revive(self, approval_id: int) -> bool:
        """Let an approval count again whose refund went out after all; False if it still counts."""

    def approvals(self, return_id: int) -> tuple[Approval, ...]:
        """A return's approvals, oldest first."""

    def approved_by(self, staff_id: int, order_id: int, *, besides: int) -> int:
        """Minor units that a person has approved so far on an order's other returns, failed and void ones left out."""
