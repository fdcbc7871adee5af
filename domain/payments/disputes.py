"""Disputes: a card with the deadline, and no refund on that payment until it is over."""

from __future__ import annotations

from typing import Final

from domain.money import Money
from domain.payments.facts import DisputeClosed, DisputeOpened
from domain.payments.messages import DisputeCard
from domain.payments.model import Dispute, Payment
from domain.ports import UnitOfWork
from domain.returns import cards
from domain.returns.messages import News
from domain.returns.model import DECIDABLE, ReturnState

#: Stripe's words for the end of a dispute: docs.stripe.com/api/disputes/object
_OVER: Final = frozenset({"won", "lost", "warning_closed", "prevented"})
#: the money stays with the shop: it may be refunded again
_FREED: Final = _OVER - {"lost"}


def note_dispute_opened(fact: DisputeOpened, uow: UnitOfWork) -> None:
    """Bar the payment from refunds and put the deadline on a card, once."""
    payment = uow.payments.by_intent(fact.payment_intent)
    if payment is None:
        uow.audit.add("stripe", "dispute.unknown_payment", fact.stripe_dispute)
        return
    dispute = uow.payments.open_dispute(
        fact.stripe_dispute, payment_id=payment.id, state=fact.state, reason=fact.reason,
        amount=Money(minor=fact.amount_minor, currency=fact.currency), opened_at=fact.at, due_by=fact.due_by,
    )
    if dispute is None:
        _changed(fact, payment, uow)
        return
    _bar(payment, uow)
    uow.audit.add("stripe", "dispute.opened", fact.stripe_dispute, {"amount_minor": fact.amount_minor})
    _show(dispute, payment, uow)
    for found in uow.returns.of_order(payment.order_id):
        if found.state in DECIDABLE | {ReturnState.APPROVED}:
            cards.note(found, News.DISPUTED, uow, once=fact.stripe_dispute)


def _changed(fact: DisputeOpened, payment: Payment, uow: UnitOfWork) -> None:
    """Another deadline or state of a dispute that is known: answered, under review, won. What is over stays over."""
    known = uow.payments.dispute(fact.stripe_dispute)
    if known is None or known.state in _OVER or (known.state, known.due_by) == (fact.state, fact.due_by):
        return
    if uow.payments.move_dispute(known, state=fact.state, due_by=fact.due_by):
        _bar(payment, uow)
        uow.audit.add("stripe", "dispute.changed", fact.stripe_dispute, {"state": fact.state})
        moved = uow.payments.dispute(fact.stripe_dispute)
        if moved is not None:
            _show(moved, payment, uow)


def note_dispute_closed(fact: DisputeClosed, uow: UnitOfWork) -> None:
    """Won: the payment may be refunded again. Lost: the money is gone, so it stays barred."""
    payment = uow.payments.by_intent(fact.payment_intent)
    if payment is None:
        uow.audit.add("stripe", "dispute.unknown_payment", fact.stripe_dispute)
        return
    opened = uow.payments.open_dispute(
        fact.stripe_dispute, payment_id=payment.id, state=fact.state, reason=fact.reason,
        amount=Money(minor=fact.amount_minor, currency=fact.currency), opened_at=fact.at, due_by=None,
    )
    dispute = opened or uow.payments.dispute(fact.stripe_dispute)
    if dispute is None or (opened is None and not _closes(dispute, fact.state, uow)):
        return
    _bar(payment, uow)
    uow.audit.add("stripe", f"dispute.{fact.state}", fact.stripe_dispute, {"amount_minor": fact.amount_minor})
    closed = uow.payments.dispute(fact.stripe_dispute)
    if closed is not None:
        _show(closed, payment, uow)


def _bar(payment: Payment, uow: UnitOfWork) -> None:
    """Bar the payment, or free it: it may have several disputes, and each that is open or lost bars it.

    Waiting returns go one version on, so that no card offers what would be refused, and a first of two approvals from
    before counts no longer. Their rows are locked before the payment's, as a decision locks them.
    """
    disputed = any(one.state not in _FREED for one in uow.payments.disputes_of(payment.id))
    waiting = [] if disputed == payment.disputed else [
        uow.returns.held(one.id) for one in uow.returns.of_order(payment.order_id) if one.state in DECIDABLE
    ]
    uow.payments.mark_disputed(payment.id, disputed=disputed)
    for found in waiting:
        if found.state in DECIDABLE:
            cards.show(uow.returns.save(found), uow)


def _closes(dispute: Dispute, state: str, uow: UnitOfWork) -> bool:
    return dispute.state not in _OVER and uow.payments.move_dispute(dispute, state=state, due_by=None)


def _show(dispute: Dispute, payment: Payment, uow: UnitOfWork) -> None:
    """The card in its next version: each change has left one line in the trail before."""
    order = uow.orders.by_id(payment.order_id)
    over = dispute.state in _OVER
    due = None if over else dispute.due_by
    card = DisputeCard(
        stripe_dispute=dispute.stripe_dispute, order_number=order.number,
        customer="The customer" if order.customer_id is None else uow.customers.by_id(order.customer_id).short_name,
        amount=dispute.amount, refunded=payment.refunded, reason=dispute.reason.replace("_", " "), state=dispute.state,
        due_by=due, days_left=None if due is None else max(0, (due - uow.now).days), delivered_at=order.delivered_at,
        over=over,
    )
    version = len(uow.audit.about(dispute.stripe_dispute))
    uow.outbox.card(f"dispute:{dispute.stripe_dispute}", card, version=version)
