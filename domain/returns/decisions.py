"""Deciding a return: approve, approve in part, decline, ask for a photo. Money moves only by an intent written here."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from domain.errors import BadInput, NotFound, RuleBroken, Stale
from domain.messages import Message
from domain.money import Money, parse_money
from domain.payments.model import Payment, RefundState, refundable_payment
from domain.people import APPROVERS, SPEAKERS, Actor
from domain.ports import UnitOfWork
from domain.returns import cards
from domain.returns.commands import ApproveInPart, ApproveReturn, AskForPhoto, DeclineReturn, ShowReturn
from domain.returns.entitlement import (
    Yes,
    ask_finance,
    count,
    first_of_two,
    may_decide,
    needs_second,
    refuse_own,
    within_limit,
)
from domain.returns.letters import PhotoWanted, ReturnApproved, ReturnDeclined
from domain.returns.messages import News, ReturnDone
from domain.returns.model import DECIDABLE, Approval, Goods, Reason, Return, ReturnState
from domain.wire import Json

#: Shopify's limit of a decline note
_REASON_LENGTH: Final = 500

_DONE_WORDS: Final = {
    ReturnState.DECLINED: "declined", ReturnState.APPROVED: "approved", ReturnState.REFUNDING: "approved",
    ReturnState.REFUNDED: "approved",
}


def approve_return(command: ApproveReturn, actor: Actor, uow: UnitOfWork) -> Message:
    """Let a refund go, in full or in part: one winner, within everybody's limits, never more than was captured."""
    staff = may_decide(actor)
    found = open_return(command.return_number, command.version, uow)
    amount = _amount(found, command.amount_minor)
    return _approve(Yes(found=found, staff=staff, actor=actor, amount=amount), uow)


def approve_in_part(command: ApproveInPart, actor: Actor, uow: UnitOfWork) -> Message:
    """The same with an amount from a form; the reason is what the customer reads."""
    staff = may_decide(actor)
    if command.amount is None:
        raise BadInput("Say how much to refund, such as 12.50.", field="amount")
    amount = command.amount if isinstance(command.amount, Money) else _read_amount(command.amount, uow)
    if amount.currency != uow.shop.currency:
        raise BadInput(f"This shop refunds in {uow.shop.currency}.", field="amount")
    found = open_return(command.return_number, command.version, uow)
    amount = _amount(found, amount.minor)
    return _approve(Yes(found=found, staff=staff, actor=actor, amount=amount, reason=command.reason or None), uow)


def decline_return(command: DeclineReturn, actor: Actor, uow: UnitOfWork) -> Message:
    """Refuse a return; the customer reads the reason."""
    staff = may_decide(actor)
    found = open_return(command.return_number, command.version, uow)
    refuse_own(found, staff, actor, uow)
    reason = (command.reason or "").strip()
    if not reason:
        raise BadInput("Say why: the customer reads it.", field="reason")
    if len(reason) > _REASON_LENGTH:
        raise BadInput(f"At most {_REASON_LENGTH} characters, this has {len(reason)}.", field="reason")
    saved = uow.returns.save(
        replace(
            found, state=ReturnState.DECLINED, approved=None, decided_by=staff.id, decided_at=uow.now,
            decision_note=reason, closed_at=uow.now,
        )
    )
    # What the desk itself asked for was never promised to the customer.
    told = saved.reason is not Reason.NOT_ARRIVED and cards.tell_customer(
        saved, ReturnDeclined(number=saved.number, reason=reason), uow, once=f"v{saved.version}"
    )
    uow.record(actor, "return.declined", saved.number, {"version": found.version})
    cards.show(saved, uow)
    cards.note(saved, News.DECLINED, uow, who=staff.name, detail=reason, told=told)
    return ReturnDone(number=saved.number, news=News.DECLINED, customer=cards.customer_name(saved, uow), told=told)


def ask_for_photo(command: AskForPhoto, actor: Actor, uow: UnitOfWork) -> Message:
    """Ask the customer for a photo; what they send next in their chat is put to this return."""
    staff = actor.require(APPROVERS | SPEAKERS, "ask customers for a photo")
    found = open_return(command.return_number, command.version, uow)
    refuse_own(found, staff, actor, uow)
    if found.state not in {ReturnState.REQUESTED, ReturnState.PHOTO_ASKED}:
        raise RuleBroken(f"{found.number} is past the point where a photo would help.")
    if found.reason is Reason.NOT_ARRIVED:
        raise RuleBroken(f"{found.number} is about goods that never arrived: there is nothing to take a photo of.")
    saved = uow.returns.save(replace(found, state=ReturnState.PHOTO_ASKED, approved=None))
    letter = PhotoWanted(number=saved.number, again=saved.photo is not None)
    if not cards.tell_customer(saved, letter, uow, once=f"v{saved.version}"):
        raise RuleBroken(f"{cards.customer_name(saved, uow)} has no chat with us. Ask for the photo by mail.")
    uow.record(actor, "return.photo_asked", saved.number, {"version": found.version})
    cards.show(saved, uow)
    cards.note(saved, News.PHOTO_ASKED, uow, who=staff.name, told=True)
    return ReturnDone(number=saved.number, news=News.PHOTO_ASKED, customer=cards.customer_name(saved, uow), told=True)


def known_return(number: str, uow: UnitOfWork) -> Return:
    """That return; NotFound says how numbers look."""
    found = uow.returns.by_number(number)
    if found is None:
        raise NotFound(f"I don't know return {number[:20]!r}. Numbers look like R-318.")
    return found


def open_return(number: str, version: int | None, uow: UnitOfWork) -> Return:
    """That return if it still waits in the version the presser saw; Stale says who was faster, or how it stands now."""
    found = known_return(number, uow)
    if found.state in DECIDABLE and version in (None, found.version):
        return found
    sentence = _how_it_stands(found, uow) if found.state in DECIDABLE else who_was_faster(found, uow)
    raise Stale(sentence, shop_id=uow.shop.id, card=found.card, show=ShowReturn(return_number=found.number))


def _how_it_stands(found: Return, uow: UnitOfWork) -> str:
    words = {
        ReturnState.PHOTO_ASKED: "the customer was asked for a photo",
        ReturnState.RECEIVED: "the goods came, not as announced",
        ReturnState.REFUND_FAILED: "the refund failed",
    }.get(found.state, "it still waits for a decision")
    first = cards.first_approval(found, uow.returns.approvals(found.id))
    if first is not None:
        words = f"{uow.people.by_id(first.staff_id).name} approved {first.amount}, a second person has to as well"
    return f"{found.number} has changed since you looked: {words}. Press the button of the new card."


def who_was_faster(found: Return, uow: UnitOfWork) -> str:
    """"Ada approved this at 10:02."""
    if found.state is ReturnState.CANCELLED:
        return f"{cards.customer_name(found, uow)} cancelled {found.number}."
    if found.decided_by is None or found.decided_at is None:
        return f"{found.number} has changed in the meantime. Look at its card again."
    who, local = uow.people.by_id(found.decided_by).name, uow.shop.calendar.local(found.decided_at)
    day = "" if local.date() == uow.shop.calendar.today(uow.now) else f" on {local.day} {local:%b}"
    return f"{who} {_DONE_WORDS.get(found.state, 'decided')} this at {local:%H:%M}{day}."


def _approve(yes: Yes, uow: UnitOfWork) -> Message:
    refuse_own(yes.found, yes.staff, yes.actor, uow)
    _not_unclear(yes.found, uow)
    payment = refundable_payment(uow.payments.of_order(yes.found.order_id), yes.amount)
    if not within_limit(yes, uow):
        return ask_finance(yes, uow)
    if not needs_second(yes, uow):
        return _let_go(yes, payment, None, uow)
    first = first_of_two(yes, uow)
    return _first_yes(yes, uow) if first is None else _let_go(yes, payment, first, uow)


def _let_go(yes: Yes, payment: Payment, first: Approval | None, uow: UnitOfWork) -> Message:
    found, amount = yes.found, yes.amount
    now_due = due_at_once(found, uow)
    saved = uow.returns.save(
        replace(
            found, state=ReturnState.REFUNDING if now_due else ReturnState.APPROVED, approved=amount,
            decided_by=yes.staff.id, decided_at=uow.now, decision_note=yes.reason, closed_at=None,
        )
    )
    approval = uow.returns.approve(
        saved.id, version=found.version, amount=amount, staff_id=yes.staff.id,
        first_version=None if first is None else first.version, counted_on=uow.shop.calendar.today(uow.now),
    )
    if now_due:
        intend_refund(payment, amount, uow, return_id=saved.id, approval_id=approval.id)
    count(yes, uow, alone=first is None)
    told = cards.tell_customer(saved, _good_news(saved, payment, now_due=now_due), uow, once=f"v{saved.version}")
    detail: dict[str, Json] = {"version": found.version, "amount_minor": amount.minor, "currency": amount.currency}
    uow.record(yes.actor, "return.approved", saved.number, detail)
    cards.show(saved, uow)
    news = News.APPROVED if now_due else News.APPROVED_AWAITING
    cards.note(saved, news, uow, who=yes.staff.name, amount=amount, detail=yes.reason, told=told)
    return ReturnDone(
        number=saved.number, news=news, customer=cards.customer_name(saved, uow), amount=amount, told=told
    )


def intend_refund(
    payment: Payment, amount: Money, uow: UnitOfWork, *, return_id: int | None = None, approval_id: int | None = None
) -> str:
    """Write a refund intent, count it on the payment and have it carried out; its id is Stripe's idempotency key.

    RuleBroken where the payment has less left, or is disputed, by the time of the guarded update.
    """
    if not uow.payments.claim(payment.id, amount.minor):
        raise RuleBroken(f"{amount} can't be refunded on this payment any more. Look at the return again.")
    refund = uow.payments.intend(
        uow.new_id(), payment_id=payment.id, amount=amount, return_id=return_id, approval_id=approval_id
    )
    uow.outbox.refund(refund.id, payment_id=payment.id)
    return refund.id


def due_at_once(found: Return, uow: UnitOfWork) -> bool:
    """Whether an approval refunds now: nothing comes back, or it has come, or the policy does not wait for it."""
    return (
        found.goods is Goods.KEEP
        or found.received_at is not None
        or found.state in {ReturnState.RECEIVED, ReturnState.REFUND_FAILED}
        or not uow.shop.policies.returns.refund_on_receipt
    )


def _good_news(saved: Return, payment: Payment, *, now_due: bool) -> ReturnApproved:
    amount = cards.asked_for(saved)
    return ReturnApproved(
        number=saved.number, amount=amount, requested=saved.requested,
        send_back=saved.goods is Goods.SEND_BACK and saved.received_at is None, on_receipt=not now_due,
        cost=saved.cost, card_last4=payment.card_last4, in_part=amount < saved.requested, reason=saved.decision_note,
        version=saved.version,
    )


def _amount(found: Return, amount_minor: int | None) -> Money:
    if amount_minor is None:
        return cards.asked_for(found)
    amount = Money(minor=amount_minor, currency=found.requested.currency)
    if not 0 < amount.minor <= found.requested.minor:
        raise BadInput(f"Refund more than nothing and at most {found.requested}.", field="amount")
    return amount


def _read_amount(text: str, uow: UnitOfWork) -> Money:
    try:
        return parse_money(text, uow.shop.currency)
    except BadInput as error:
        raise BadInput(error.sentence, field="amount") from None


def _not_unclear(found: Return, uow: UnitOfWork) -> None:
    """RuleBroken while it is not known whether an earlier refund went through: a second one could pay twice."""
    for refund in uow.payments.refunds_of_return(found.id):
        if refund.state is RefundState.NEEDS_HUMAN:
            raise RuleBroken(
                f"It is not clear whether {refund.amount} went out already ({refund.stripe_refund or refund.id}). "
                "Look in Stripe's dashboard first."
            )


def _first_yes(yes: Yes, uow: UnitOfWork) -> Message:
    found, amount = yes.found, yes.amount
    uow.returns.approve(found.id, version=found.version, amount=amount, staff_id=yes.staff.id)
    saved = uow.returns.save(replace(found, approved=amount))
    detail: dict[str, Json] = {"version": found.version, "amount_minor": amount.minor}
    uow.record(yes.actor, "return.first_approval", saved.number, detail)
    cards.show(saved, uow)
    cards.note(saved, News.FIRST_APPROVAL, uow, who=yes.staff.name, amount=amount)
    return ReturnDone(
        number=saved.number, news=News.FIRST_APPROVAL, customer=cards.customer_name(saved, uow), amount=amount
    )


def latest_approval(found: Return, uow: UnitOfWork) -> Approval | None:
    """The approval that let the return through."""
    approvals = uow.returns.approvals(found.id)
    return approvals[-1] if approvals else None
