"""What staff read about returns. What customers read is in domain.returns.letters."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.messages import Button, Confirm, Message, Photo, Style, Table, Topic
from domain.money import Money
from domain.payments.model import RefundState
from domain.returns.commands import (
    ApproveInPart,
    ApproveReturn,
    AskForPhoto,
    DeclineReturn,
    ListReturns,
    ReturnHistory,
    ShowReturn,
)
from domain.returns.model import DECIDABLE, Goods, ReturnLine, ReturnState


@dataclass(frozen=True, kw_only=True)
class ReturnCard(Message, topic=Topic.RETURNS):
    """The one card of a return, as it stands. ``customer`` is "Maria S."; ``note`` are their own words, quoted."""

    number: str
    version: int
    state: ReturnState
    amount: Money
    approved: Money | None
    reason: str
    note: str | None
    order_number: str
    lines: tuple[ReturnLine, ...]
    goods: Goods
    cost: Money
    delivered_days: int | None
    window_days: int
    explanation: tuple[str, ...]
    customer: str
    orders: int
    returns_before: int
    answer_by: datetime
    answer_today: bool
    photo: str | None = None
    #: who decided, when, with which words
    decided_by: str | None = None
    decided_at: datetime | None = None
    decision_note: str | None = None
    #: who gave the first of two approvals
    first_approver: str | None = None
    received_at: datetime | None = None
    refund_state: RefundState | None = None
    stripe_refund: str | None = None
    sent_at: datetime | None = None
    settled_at: datetime | None = None
    failure: str | None = None
    told: bool = False
    disputed: bool = False
    #: False where there is nothing to take a photo of
    photo_helps: bool = True

    @property
    def waits(self) -> bool:
        """Whether somebody must still decide."""
        return self.state in DECIDABLE

    @property
    def pieces(self) -> str:
        """"2 × Blue mug 300 ml of 4 · 1 × Tea towel"."""
        return " · ".join(
            f"{line.quantity} × {line.title}" + (f" of {line.bought}" if line.bought != line.quantity else "")
            for line in self.lines
        )

    @property
    def photos(self) -> tuple[Photo, ...]:
        """The customer's photo."""
        if self.photo is None:
            return ()
        return (Photo(platform="telegram", file_id=self.photo, alt=f"Photo from {self.customer} for {self.number}"),)

    @property
    def buttons(self) -> tuple[Button, ...]:
        """What can be decided.

        The version guards each, so none needs to be single use: a late press reads who was faster.
        """
        history = Button(label="History", command=ReturnHistory(return_number=self.number), more=True)
        if not self.waits:
            return (history,)
        decline = Button(
            label="Decline…", style=Style.DANGER,
            command=DeclineReturn(return_number=self.number, version=self.version),
        )
        if self.disputed:
            return (decline, *self._ask_photo(), history)
        name = self.customer.split(" ")[0]
        return (
            Button(
                label=f"Approve {self.amount}", style=Style.PRIMARY,
                command=ApproveReturn(return_number=self.number, version=self.version),
                confirm=Confirm(
                    question=f"Refund {self.amount} to {name}'s card? It cannot be taken back.",
                    yes=f"Refund {self.amount}",
                ),
            ),
            decline,
            Button(
                label="In part…", more=True, command=ApproveInPart(return_number=self.number, version=self.version)
            ),
            *self._ask_photo(),
            history,
        )

    def _ask_photo(self) -> tuple[Button, ...]:
        if self.state is not ReturnState.REQUESTED or not self.photo_helps:
            return ()
        label = "Ask for another photo" if self.photo else "Ask for a photo"
        return (Button(label=label, command=AskForPhoto(return_number=self.number, version=self.version), more=True),)


class News(StrEnum):
    """What a note in a return's thread is about."""

    FIRST_APPROVAL = "first_approval"
    APPROVED = "approved"
    APPROVED_AWAITING = "approved_awaiting"
    DECLINED = "declined"
    PHOTO_ASKED = "photo_asked"
    PHOTO_CAME = "photo_came"
    CANCELLED = "cancelled"
    RECEIVED = "received"
    RECEIVED_OTHERWISE = "received_otherwise"
    NOT_REFUNDABLE = "not_refundable"
    REFUND_PENDING = "refund_pending"
    REFUNDED = "refunded"
    REFUND_FAILED = "refund_failed"
    REFUND_BOUNCED = "refund_bounced"
    REFUND_UNCLEAR = "refund_unclear"
    OVERDUE = "overdue"
    DISPUTED = "disputed"


@dataclass(frozen=True, kw_only=True)
class ReturnNews(Message, topic=Topic.RETURNS):
    """One line in a return's thread. ``detail``: a reason, a failure, what came instead."""

    number: str
    news: News
    at: datetime
    who: str | None = None
    amount: Money | None = None
    detail: str | None = None
    told: bool = False


@dataclass(frozen=True, kw_only=True)
class FinanceAsked(Message, topic=Topic.RETURNS):
    """In the thread: somebody may not let this much go alone, so others are asked. ``names``: "@Cleo"."""

    number: str
    amount: Money
    who: str
    limit: Money | None
    names: str


@dataclass(frozen=True, kw_only=True)
class FinanceNeeded(Message):
    """To the presser: not within their limit, and who was asked. ``limit`` None: they have none set."""

    number: str
    amount: Money
    limit: Money | None
    names: str


@dataclass(frozen=True, kw_only=True)
class ReturnDone(Message):
    """To the presser: what their decision did."""

    number: str
    news: News
    customer: str
    amount: Money | None = None
    told: bool = False
    detail: str | None = None

    @property
    def buttons(self) -> tuple[Button, ...]:
        """Back to what still waits."""
        return (Button(label="What else waits", command=ListReturns()),)


@dataclass(frozen=True, kw_only=True)
class WaitingReturn:
    """One line of the list. ``age_hours`` since the request."""

    number: str
    amount: Money
    reason: str
    customer: str
    age_hours: float
    answer_by: datetime
    overdue: bool
    state: ReturnState


@dataclass(frozen=True, kw_only=True)
class ReturnList(Message):
    """Every return that waits, with their sum and the oldest one's age in hours."""

    waiting: tuple[WaitingReturn, ...]
    total: Money
    oldest_hours: float
    overdue: int

    @property
    def tables(self) -> tuple[Table, ...]:
        """One row each, the one to be answered first on top."""
        if not self.waiting:
            return ()
        rows = tuple(
            (one.number, str(one.amount), one.reason, one.customer, age(one.age_hours), _late(one))
            for one in self.waiting[:50]
        )
        headings = ("Return", "Amount", "Why", "Customer", "Waits", "Answer")
        return (Table(caption="Returns that wait", headings=headings, rows=rows),)

    @property
    def buttons(self) -> tuple[Button, ...]:
        """The first two to answer, the next ones under "More"."""
        return tuple(
            Button(label=f"{one.number} · {one.amount}", command=ShowReturn(return_number=one.number), more=place >= 2)
            for place, one in enumerate(self.waiting[:6])
        )


@dataclass(frozen=True, kw_only=True)
class StoryLine:
    """One line of a return's history."""

    at: datetime
    who: str
    what: str


@dataclass(frozen=True, kw_only=True)
class ReturnStory(Message):
    """What happened to a return, oldest first."""

    number: str
    lines: tuple[StoryLine, ...]


def _late(one: WaitingReturn) -> str:
    return "overdue" if one.overdue else "in time"


def age(hours: float) -> str:
    """How long something waits: "40 min", "5 h", "3 days"."""
    if hours < 1:
        return f"{int(hours * 60)} min"
    return f"{int(hours)} h" if hours < 48 else f"{int(hours // 24)} days"
