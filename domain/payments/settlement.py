"""A refund on its way: what Stripe is called with, and what its word changes. Words come twice and out of order."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from domain.errors import Conflict
from domain.payments.facts import RefundSettled
from domain.payments.model import Refund, RefundState
from domain.ports import UnitOfWork
from domain.returns import cards
from domain.returns.entitlement import count_again, release
from domain.returns.letters import RefundBounced, RefundOnItsWay
from domain.returns.messages import News
from domain.returns.model import Return, ReturnState
from domain.wire import Json

#: money counts as refunded on the payment in these
_HOLDING: Final = frozenset(
    {RefundState.INTENDED, RefundState.PENDING, RefundState.SUCCEEDED, RefundState.NEEDS_HUMAN}
)

#: Stripe's word on a refund in that state, and where it goes. What is missing changes nothing: an older word came
#: late. "succeeded" is not final (a closed card sends it back); "succeeded" after "failed" is for a person.
_MOVES: Final[dict[tuple[RefundState, RefundState], RefundState]] = {
    (RefundState.INTENDED, RefundState.PENDING): RefundState.PENDING,
    (RefundState.INTENDED, RefundState.SUCCEEDED): RefundState.SUCCEEDED,
    (RefundState.INTENDED, RefundState.FAILED): RefundState.FAILED,
    (RefundState.INTENDED, RefundState.NEEDS_HUMAN): RefundState.NEEDS_HUMAN,
    (RefundState.PENDING, RefundState.SUCCEEDED): RefundState.SUCCEEDED,
    (RefundState.PENDING, RefundState.FAILED): RefundState.FAILED,
    (RefundState.PENDING, RefundState.NEEDS_HUMAN): RefundState.NEEDS_HUMAN,
    (RefundState.SUCCEEDED, RefundState.FAILED): RefundState.FAILED,
    (RefundState.FAILED, RefundState.SUCCEEDED): RefundState.NEEDS_HUMAN,
    (RefundState.NEEDS_HUMAN, RefundState.PENDING): RefundState.PENDING,
    (RefundState.NEEDS_HUMAN, RefundState.SUCCEEDED): RefundState.SUCCEEDED,
    (RefundState.NEEDS_HUMAN, RefundState.FAILED): RefundState.FAILED,
}

#: kept as the failure of a refund that a person must look at
CONTRADICTION: Final = "Stripe said failed, then succeeded"

_NEWS: Final = {
    RefundState.PENDING: News.REFUND_PENDING, RefundState.SUCCEEDED: News.REFUNDED,
    RefundState.FAILED: News.REFUND_FAILED, RefundState.NEEDS_HUMAN: News.REFUND_UNCLEAR,
}


def after(known: RefundState, heard: RefundState) -> RefundState | None:
    """Where a refund goes when Stripe says that of it; None if nothing changes."""
    return _MOVES.get((known, heard))


class NotApproved(Conflict):
    """This refund has no approval for its amount that holds. It is not sent; decide it anew."""


def refund_to_send(refund_id: str, uow: UnitOfWork) -> Refund | None:
    """What to call Stripe with; None if it is settled already.

    Checked once more before money moves: NotApproved unless the refund's seal and that of an approval of the same
    return and amount hold, Conflict if another refund of the return may have gone out. Neither is ever retried.
    """
    refund = uow.payments.refund(refund_id)
    if refund is None or refund.state not in {RefundState.INTENDED, RefundState.NEEDS_HUMAN}:
        return None
    if not refund.genuine or refund.return_id is None or not _approved(refund, refund.return_id, uow):
        raise NotApproved
    for other in uow.payments.refunds_of_return(refund.return_id):
        if other.id != refund.id and other.state in _HOLDING:
            raise Conflict(f"Another refund of this return may have gone out ({other.stripe_refund or other.id}).")
    return refund


def _approved(refund: Refund, return_id: int, uow: UnitOfWork) -> bool:
    """Whether the last word on the return stands for this amount, and the first of two people's where it needed one."""
    approvals = uow.returns.approvals(return_id)
    last = next((one for one in approvals if one.id == refund.approval_id), None)
    if last is None or not last.stands or last.amount != refund.amount:
        return False
    if last.first_version is None:
        return True
    first = next((one for one in approvals if one.version == last.first_version), None)
    return (
        first is not None and first.genuine and first.counted_on is None and first.released_at is None
        and first.amount == last.amount and first.staff_id != last.staff_id
    )


def refund_sent(refund_id: str, uow: UnitOfWork) -> Refund | None:
    """Remember, before the wire, that Stripe is being called; the first moment stays."""
    return uow.payments.sent(refund_id)


def note_refund_settled(fact: RefundSettled, uow: UnitOfWork) -> None:
    """Stripe's word on a refund: the payment, the return, its card and thread, and the customer follow it once."""
    refund = _known(fact, uow)
    if refund is None:
        uow.audit.add("stripe", "refund.unknown", fact.stripe_refund or fact.refund_id or "?")
        return
    if fact.card_last4:
        uow.payments.know_card(refund.payment_id, fact.card_last4)
    found = None if refund.return_id is None else uow.returns.held(refund.return_id)
    refund = uow.payments.refund(refund.id) or refund
    state = after(refund.state, fact.state)
    if state is None or _stays_unclear(refund, state) or not _hold_again(refund, state, uow):
        return
    failure = CONTRADICTION if refund.state is RefundState.FAILED else fact.failure
    if not uow.payments.settle(refund, state=state, stripe_refund=fact.stripe_refund, failure=failure):
        raise Conflict("Stripe's word on this refund came twice at the same moment.")
    if state is RefundState.FAILED and refund.state in _HOLDING:
        uow.payments.release(refund.payment_id, refund.amount.minor)
    if found is not None:
        _follow_limits(found, refund, state, uow)
    subject = refund.id if found is None else found.number
    detail: dict[str, Json] = {"amount_minor": refund.amount.minor, "refund": refund.id}
    uow.audit.add("stripe", f"refund.{state.value}", subject, detail)
    if found is not None:
        _follow(found, refund, state, failure, uow)


def _follow_limits(found: Return, refund: Refund, state: RefundState, uow: UnitOfWork) -> None:
    approval = next((one for one in uow.returns.approvals(found.id) if one.id == refund.approval_id), None)
    if approval is None:
        return
    if state is RefundState.FAILED:
        release(approval, found, uow)
    elif refund.state is RefundState.FAILED:
        count_again(approval, found, uow)


def _known(fact: RefundSettled, uow: UnitOfWork) -> Refund | None:
    refund = uow.payments.refund(fact.refund_id) if fact.refund_id else None
    if refund is None and fact.stripe_refund:
        refund = uow.payments.refund_at_stripe(fact.stripe_refund)
    return refund


def _stays_unclear(refund: Refund, state: RefundState) -> bool:
    """Once Stripe has contradicted itself, only "failed" is believed: it gives nothing away."""
    return refund.failure == CONTRADICTION and state is not RefundState.FAILED


def _hold_again(refund: Refund, state: RefundState, uow: UnitOfWork) -> bool:
    """Count the money again that a failure had given back; False if it went elsewhere since: then it stays failed."""
    if state is RefundState.FAILED or refund.state in _HOLDING:
        return True
    if uow.payments.claim(refund.payment_id, refund.amount.minor):
        return True
    if refund.return_id is not None:
        found = uow.returns.held(refund.return_id)
        once = f"{refund.id}:late"
        cards.note(found, News.REFUND_UNCLEAR, uow, amount=refund.amount, detail="paid out after failing", once=once)
    return False


def _follow(found: Return, refund: Refund, state: RefundState, failure: str | None, uow: UnitOfWork) -> None:
    bounced = refund.state is RefundState.SUCCEEDED and state is RefundState.FAILED
    latest = uow.payments.refunds_of_return(found.id)[-1].id == refund.id
    saved = uow.returns.save(_moved(found, state, uow)) if latest else found
    told = _tell(saved, refund, state, uow, bounced=bounced)
    if latest:
        cards.show(saved, uow)
    news = News.REFUND_BOUNCED if bounced else _NEWS[state]
    once = f"{refund.id}:{refund.state.value}"
    cards.note(saved, news, uow, amount=refund.amount, detail=failure, told=told, once=once)


def _moved(found: Return, state: RefundState, uow: UnitOfWork) -> Return:
    match state:
        case RefundState.SUCCEEDED if found.state is ReturnState.REFUNDING:
            return replace(found, state=ReturnState.REFUNDED, closed_at=uow.now)
        case RefundState.FAILED if found.state in {ReturnState.REFUNDING, ReturnState.REFUNDED}:
            return replace(found, state=ReturnState.REFUND_FAILED, closed_at=None)
        case _:
            return found


def _tell(found: Return, refund: Refund, state: RefundState, uow: UnitOfWork, *, bounced: bool) -> bool:
    if state is RefundState.SUCCEEDED:
        last4 = uow.payments.by_id(refund.payment_id).card_last4
        letter = RefundOnItsWay(number=found.number, amount=refund.amount, card_last4=last4)
        return cards.tell_customer(found, letter, uow, once=f"{refund.id}:sent")
    if bounced:
        sorry = RefundBounced(number=found.number, amount=refund.amount)
        return cards.tell_customer(found, sorry, uow, once=f"{refund.id}:bounced")
    return False
