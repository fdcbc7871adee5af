"""Asking for a return: judged by the policy, stored once, put on a card."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final

from domain.errors import RuleBroken
from domain.orders import Order
from domain.payments.model import refundable_now
from domain.people import Actor
from domain.ports import UnitOfWork
from domain.returns import cards
from domain.returns.model import NewReturn, Reason, Return, ReturnState
from domain.returns.policy import History, Verdict, Wanted, check_quantities, returnable, verdict

#: one account may have so many returns waiting; more would flood the approvers
_MOST_WAITING: Final = 5
#: the demo's and every shop's first return number
_FIRST: Final = 318
_UNDECIDED: Final = frozenset({ReturnState.REQUESTED, ReturnState.PHOTO_ASKED})


def judge(
    order: Order, wanted: tuple[Wanted, ...], reason: Reason, uow: UnitOfWork, *, photo: bool
) -> Verdict:
    """The policy's verdict with what is on record: the payment, and the customer's history."""
    customer, delivered = order.customer_id, order.delivered_at
    days = None if delivered is None else uow.shop.calendar.days_between(delivered, uow.now)
    history = History(
        orders=1 if customer is None else uow.orders.count_of_customer(customer),
        returns=0 if customer is None else uow.returns.count_of_customer(customer),
    )
    return verdict(
        order=order, wanted=wanted, reason=reason, policy=uow.shop.policies.returns, days=days, history=history,
        photo=photo, limit=refundable_now(uow.payments.of_order(order.id)),
    )


def same_waiting(
    order_id: int, wanted: tuple[Wanted, ...], reason: Reason, uow: UnitOfWork
) -> Return | None:
    """An undecided return of the same pieces for the same reason, if there is one."""
    pieces = {one.order_line_id: one.quantity for one in wanted}
    for found in uow.returns.of_order(order_id):
        same = {line.order_line_id: line.quantity for line in found.lines} == pieces and found.reason is reason
        if same and found.state in _UNDECIDED:
            return found
    return None


def request_return(
    *, order: Order, wanted: tuple[Wanted, ...], reason: Reason, photo: str | None, note: str | None,
    telegram_user: int | None, actor: Actor, uow: UnitOfWork,
) -> Return:
    """Store a return and show its card; the same undecided one again is answered with the first.

    RuleBroken: more than was bought, nothing left to refund, a photo missing, or too many waiting already.
    """
    existing = same_waiting(order.id, wanted, reason, uow)
    if existing is not None:
        return existing
    check_quantities(order, wanted, uow.returns.taken(order.id))
    judged = judge(order, wanted, reason, uow, photo=photo is not None)
    _check(judged, photo, telegram_user, uow)
    return _store(
        order, wanted, judged, actor, uow, reason=reason, note=note, photo=photo, telegram_user=telegram_user
    )


def request_undelivered(order: Order, why: str, actor: Actor, uow: UnitOfWork) -> Return:
    """A return of all that is left of an order that never came; nothing is sent back, nothing is deducted.

    Decided like every other. RuleBroken where nothing is left, or a return of its goods stands already.
    """
    left = returnable(order, uow.returns.taken(order.id))
    if not left:
        raise RuleBroken(f"All of #{order.number} is in a return already. Decide it there.")
    wanted = tuple(Wanted(order_line_id=line_id, quantity=count) for line_id, count in left.items())
    judged = judge(order, wanted, Reason.NOT_ARRIVED, uow, photo=False)
    if judged.refund.minor <= 0:
        raise RuleBroken("Nothing of this order's payment is left to refund.")
    facts = replace(judged.facts, explanation=(*judged.facts.explanation, why))
    return _store(order, wanted, replace(judged, facts=facts), actor, uow, reason=Reason.NOT_ARRIVED)


def _store(
    order: Order, wanted: tuple[Wanted, ...], judged: Verdict, actor: Actor, uow: UnitOfWork, *, reason: Reason,
    note: str | None = None, photo: str | None = None, telegram_user: int | None = None,
) -> Return:
    number = f"R-{uow.numbers.next('return', first=_FIRST)}"
    policy = uow.shop.policies.returns
    stored = uow.returns.add(
        NewReturn(
            number=number, order_id=order.id, customer_id=order.customer_id, reason=reason, note=note, photo=photo,
            telegram_user=telegram_user, requested=judged.refund, cost=judged.cost, goods=judged.goods,
            verdict=judged.facts, answer_by=uow.now + timedelta(hours=policy.answer_within_hours),
            quantities={one.order_line_id: one.quantity for one in wanted},
        )
    )
    uow.record(actor, "return.requested", number, {"amount_minor": judged.refund.minor, "reason": reason.value})
    cards.show(stored, uow)
    return stored


def _check(judged: Verdict, photo: str | None, telegram_user: int | None, uow: UnitOfWork) -> None:
    if judged.refund.minor <= 0:
        raise RuleBroken("Nothing of this order's payment is left to refund. The shop can tell you more.")
    if judged.photo_required and photo is None:
        raise RuleBroken("A photo is needed for this. Please send one.")
    waiting = 0 if telegram_user is None else uow.returns.count_waiting(telegram_user)
    if waiting >= _MOST_WAITING:
        raise RuleBroken(f"{waiting} of your returns wait for an answer already. Please wait for those first.")
