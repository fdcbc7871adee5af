"""Looking at returns: those that wait, one of them, and its history."""

from __future__ import annotations

from typing import Final

from domain.messages import Message
from domain.money import Money
from domain.people import ANY_STAFF, Actor
from domain.ports import AuditLine, UnitOfWork
from domain.returns import cards
from domain.returns.commands import ListReturns, ReturnHistory, ShowReturn
from domain.returns.decisions import known_return
from domain.returns.messages import ReturnList, ReturnStory, StoryLine, WaitingReturn
from domain.returns.model import REASON_WORDS, Return

_ACTIONS: Final = {
    "return.requested": "asked for it",
    "return.approved": "approved {amount}",
    "return.first_approval": "approved {amount}, a second person has to as well",
    "return.over_limit": "wanted to approve {amount}, above their limit",
    "return.declined": "declined it",
    "return.photo_asked": "asked for a photo",
    "return.photo_came": "sent a photo",
    "return.cancelled": "cancelled it",
    "return.received": "unpacked {pieces} pieces",
    "refund.pending": "has the refund, not paid out yet",
    "refund.succeeded": "refunded {amount}",
    "refund.failed": "could not refund {amount}",
    "refund.needs_human": "gave no clear word on the refund of {amount}",
}


def list_returns(command: ListReturns, actor: Actor, uow: UnitOfWork) -> Message:
    """Every return that waits for a decision, with ages and their sum."""
    del command
    actor.require(ANY_STAFF, "see returns")
    waiting = waiting_returns(uow)
    return ReturnList(
        waiting=waiting, total=uow.shop.money(sum(one.amount.minor for one in waiting)),
        oldest_hours=max((one.age_hours for one in waiting), default=0.0),
        overdue=sum(1 for one in waiting if one.overdue),
    )


def waiting_returns(uow: UnitOfWork) -> tuple[WaitingReturn, ...]:
    """What waits for a decision, the one to be answered first in front."""
    return tuple(_waiting(found, uow) for found in uow.returns.waiting())


def show_return(command: ShowReturn, actor: Actor, uow: UnitOfWork) -> Message:
    """The card as it stands, only for the asker."""
    actor.require(ANY_STAFF, "see returns")
    return cards.card_of(known_return(command.return_number, uow), uow)


def return_history(command: ReturnHistory, actor: Actor, uow: UnitOfWork) -> Message:
    """What happened, from the audit trail."""
    actor.require(ANY_STAFF, "see a return's history")
    found = known_return(command.return_number, uow)
    lines = tuple(
        StoryLine(at=line.at, who=_who(line.actor, found, uow), what=_what(line, found))
        for line in uow.audit.about(found.number)
    )
    return ReturnStory(number=found.number, lines=lines)


def _waiting(found: Return, uow: UnitOfWork) -> WaitingReturn:
    return WaitingReturn(
        number=found.number, amount=cards.asked_for(found), reason=REASON_WORDS[found.reason],
        customer=cards.customer_name(found, uow), age_hours=(uow.now - found.requested_at).total_seconds() / 3600,
        answer_by=found.answer_by, overdue=found.answer_by <= uow.now, state=found.state,
    )


def _who(actor: str, found: Return, uow: UnitOfWork) -> str:
    kind, _, name = actor.partition(":")
    if kind == "staff":
        return next((staff.name for staff in uow.people.all() if staff.key == name), name)
    if kind in {"customer", "telegram"}:
        return cards.customer_name(found, uow)
    return {"stripe": "Stripe", "shop": "The warehouse"}.get(kind, kind)


def _what(line: AuditLine, found: Return) -> str:
    minor, pieces = line.detail.get("amount_minor"), line.detail.get("pieces")
    amount = Money(minor=minor, currency=found.requested.currency) if isinstance(minor, int) else found.requested
    words = _ACTIONS.get(line.action, line.action.rpartition(".")[2].replace("_", " "))
    return words.format(amount=amount, pieces=pieces)
