"""A return's one card: built from what stands in the database, shown in its new version, with a note in the thread."""

from __future__ import annotations

from datetime import datetime

from domain.messages import Chat, Message
from domain.money import Money
from domain.orders import speaks_for
from domain.payments.model import Refund, barred
from domain.ports import UnitOfWork
from domain.returns.messages import News, ReturnCard, ReturnNews
from domain.returns.model import DECIDABLE, REASON_WORDS, Approval, Reason, Return


def card_of(found: Return, uow: UnitOfWork) -> ReturnCard:
    """The card of a return as it stands now."""
    order = uow.orders.by_id(found.order_id)
    refunds = uow.payments.refunds_of_return(found.id)
    refund = refunds[-1] if refunds else None
    first = first_approval(found, uow.returns.approvals(found.id))
    verdict = found.verdict
    return ReturnCard(
        number=found.number, version=found.version, state=found.state, amount=asked_for(found), approved=found.approved,
        reason=REASON_WORDS[found.reason], note=found.note, order_number=order.number, lines=found.lines,
        goods=found.goods, cost=found.cost, delivered_days=verdict.delivered_days, window_days=verdict.window_days,
        explanation=verdict.explanation, customer=customer_name(found, uow), orders=verdict.orders,
        returns_before=verdict.returns_before, answer_by=found.answer_by,
        answer_today=uow.shop.calendar.today(found.answer_by) == uow.shop.calendar.today(uow.now), photo=found.photo,
        decided_by=None if found.decided_by is None else uow.people.by_id(found.decided_by).name,
        decided_at=found.decided_at, decision_note=found.decision_note,
        first_approver=uow.people.by_id(first.staff_id).name if first else None, received_at=found.received_at,
        refund_state=refund.state if refund else None, stripe_refund=refund.stripe_refund if refund else None,
        sent_at=_sent_at(refund), settled_at=refund.settled_at if refund else None,
        failure=refund.failure if refund else None, told=chat_of(found, uow) is not None,
        photo_helps=found.reason is not Reason.NOT_ARRIVED,
        disputed=barred(uow.payments.of_order(order.id)),
    )


def _sent_at(refund: Refund | None) -> datetime | None:
    return refund.first_sent_at if refund else None


def asked_for(found: Return) -> Money:
    """What "Approve" without an amount lets go: once decided, that amount; before, all that was requested."""
    return found.approved if found.approved is not None else found.requested


def first_approval(found: Return, approvals: tuple[Approval, ...]) -> Approval | None:
    """The first of two approvals, if one stands: made for the version just before this one, nothing changed since."""
    if found.state not in DECIDABLE:
        return None
    return next((one for one in approvals if one.version == found.version - 1), None)


def show(found: Return, uow: UnitOfWork) -> None:
    """Post or edit the card."""
    uow.outbox.card(found.card, card_of(found, uow), version=found.version)


def note(
    found: Return, news: News, uow: UnitOfWork, *, who: str | None = None, amount: Money | None = None,
    detail: str | None = None, told: bool = False, once: str | None = None,
) -> None:
    """A line in the card's thread, once for each version (or for each ``once``)."""
    message = ReturnNews(
        number=found.number, news=news, at=uow.now, who=who, amount=amount, detail=detail, told=told
    )
    uow.outbox.note(found.card, message, once=f"{found.card}:{news.value}:{once or found.version}")


def customer_name(found: Return, uow: UnitOfWork) -> str:
    """"Maria S."; "the customer" where the order has none."""
    return "The customer" if found.customer_id is None else uow.customers.by_id(found.customer_id).short_name


def chat_of(found: Return, uow: UnitOfWork) -> Chat | None:
    """Where the customer reads: the chat the return came from, else the order's own; None where they blocked us."""
    if found.telegram_user is not None:
        known = uow.customers.by_telegram(found.telegram_user)
        return Chat(platform="telegram", address=str(found.telegram_user)) if known is None else known.chat
    customer = None if found.customer_id is None else uow.customers.by_id(found.customer_id)
    own = customer is not None and speaks_for(customer, uow.orders.by_id(found.order_id))
    return customer.chat if customer is not None and own else None


def tell_customer(found: Return, message: Message, uow: UnitOfWork, *, once: str) -> bool:
    """Write to the customer; False if they have no chat with us."""
    chat = chat_of(found, uow)
    if chat is None:
        return False
    uow.outbox.tell(chat, message, once=f"{found.card}:customer:{once}", about=found.card)
    return True
