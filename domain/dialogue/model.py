"""Where a customer stands in a conversation: a draft, and pure steps forward and back through it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from domain.returns.model import Reason
from domain.returns.policy import Wanted


class Step(StrEnum):
    """The question that stands open."""

    ORDER = "order"
    NUMBER = "number"
    CONTACT = "contact"
    ARRIVED = "arrived"
    ITEMS = "items"
    QUANTITY = "quantity"
    REASON = "reason"
    PHOTO = "photo"
    CONFIRM = "confirm"
    #: which product to wait for
    PRODUCT = "product"


class Purpose(StrEnum):
    """What the order is wanted for."""

    RETURN = "return"
    PARCEL = "parcel"


class Hint(StrEnum):
    """Why the same question comes again; its words are the template's."""

    NOT_UNDERSTOOD = "not_understood"
    NOTHING_CHOSEN = "nothing_chosen"
    NOTHING_LEFT = "nothing_left"
    OUT_OF_RANGE = "out_of_range"
    NOT_YOURS = "not_yours"
    CHANGED = "changed"
    NOT_A_PHOTO = "not_a_photo"


@dataclass(frozen=True, kw_only=True)
class DraftLine:
    """A chosen order line; how many is asked afterwards."""

    order_line_id: int
    quantity: int | None = None


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What was said so far. ``number``: typed, and not proved yet."""

    step: Step
    purpose: Purpose = Purpose.RETURN
    order_id: int | None = None
    number: str | None = None
    #: the order was proved by this account, whosever customer it is (a guest's second order is another customer)
    proved: bool = False
    lines: tuple[DraftLine, ...] = ()
    reason: Reason | None = None
    photo: str | None = None
    note: str | None = None

    @property
    def wanted(self) -> tuple[Wanted, ...]:
        """What would come back, as far as it is said."""
        return tuple(
            Wanted(order_line_id=line.order_line_id, quantity=line.quantity)
            for line in self.lines
            if line.quantity is not None
        )

    @property
    def asked_line(self) -> DraftLine | None:
        """The line whose number is asked for: the first without one."""
        return next((line for line in self.lines if line.quantity is None), None)


def toggled(draft: Draft, order_line_id: int) -> Draft:
    """The line chosen, or no longer."""
    kept = tuple(line for line in draft.lines if line.order_line_id != order_line_id)
    if len(kept) == len(draft.lines):
        kept = (*kept, DraftLine(order_line_id=order_line_id))
    return replace(draft, step=Step.ITEMS, lines=kept)


def with_quantity(draft: Draft, order_line_id: int, quantity: int) -> Draft:
    """So many of that line."""
    lines = tuple(
        replace(line, quantity=quantity) if line.order_line_id == order_line_id else line for line in draft.lines
    )
    return replace(draft, lines=lines)


def lines_settled(draft: Draft, left: dict[int, int]) -> Draft:
    """Lines of which only one can come back need no question; lines that are gone fall out."""
    lines = tuple(
        replace(line, quantity=1) if left[line.order_line_id] == 1 else line
        for line in draft.lines
        if left.get(line.order_line_id, 0) > 0
    )
    return replace(draft, lines=lines)


def forward(draft: Draft, photo_for: tuple[str, ...]) -> Draft:
    """The draft at the first question that is still open. ``photo_for``: reasons that need a photo."""
    if not draft.lines:
        step = Step.ITEMS
    elif draft.asked_line is not None:
        step = Step.QUANTITY
    elif draft.reason is None:
        step = Step.REASON
    elif draft.photo is None and draft.reason.value in photo_for:
        step = Step.PHOTO
    else:
        step = Step.CONFIRM
    return replace(draft, step=step)


def backward(draft: Draft, left: dict[int, int], photo_for: tuple[str, ...]) -> Draft | None:
    """The draft at the question before, with that answer taken back; None before the first one."""
    match draft.step:
        case Step.ORDER | Step.PRODUCT:
            return None
        case Step.NUMBER | Step.ITEMS | Step.ARRIVED:
            return Draft(step=Step.ORDER, purpose=draft.purpose)
        case Step.CONTACT:
            return replace(draft, step=Step.NUMBER, number=None)
        case Step.QUANTITY | Step.REASON:
            return _asked_before(draft, left)
        case Step.PHOTO:
            return replace(draft, step=Step.REASON, reason=None)
        case Step.CONFIRM if draft.reason is not None and draft.reason.value in photo_for:
            return replace(draft, step=Step.PHOTO, photo=None)
        case Step.CONFIRM:
            return replace(draft, step=Step.REASON, reason=None, photo=None)


def _asked_before(draft: Draft, left: dict[int, int]) -> Draft:
    return _unasked(draft, left) or replace(
        draft, step=Step.ITEMS, lines=tuple(replace(line, quantity=None) for line in draft.lines)
    )


def _unasked(draft: Draft, left: dict[int, int]) -> Draft | None:
    """The last line that was asked about, asked again; None where none was."""
    for line in reversed(draft.lines):
        if line.quantity is not None and left.get(line.order_line_id, 0) > 1:
            lines = tuple(replace(one, quantity=None) if one is line else one for one in draft.lines)
            return replace(draft, step=Step.QUANTITY, lines=lines)
    return None
