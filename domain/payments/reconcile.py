"""Stripe's own list of refunds against ours: what differs is put right where it can be, and said in any case."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from domain.cases import CaseState
from domain.money import Money
from domain.payments.facts import RefundSettled
from domain.payments.messages import Difference, Differs, StripeDiffers, StripeReach
from domain.payments.model import Payment, Refund, RefundState
from domain.payments.settlement import after, note_refund_settled
from domain.people import Role
from domain.ports import UnitOfWork

#: the kinds of case under which a difference, and Stripe's being away, are said once
DIFFERENCE: Final = "stripe_difference"
AWAY: Final = "stripe_away"
#: a refund that went out so lately is still being settled: putting its state right is no news
_FRESH: Final = timedelta(minutes=10)
#: lines of one message; the rest is counted
_MOST_SHOWN: Final = 20


@dataclass(frozen=True, kw_only=True)
class SeenRefund:
    """A refund as Stripe has it. ``refund_id``: our intent's id from its metadata; None for one made elsewhere."""

    stripe_refund: str
    payment_intent: str
    refund_id: str | None
    amount: Money
    state: RefundState
    failure: str | None = None


def note_reconciled(seen: Iterable[SeenRefund], gone: Iterable[str], uow: UnitOfWork) -> int:
    """Compare what Stripe has with this shop's rows; how many differences there are, told before or not.

    ``gone``: ids of ours that Stripe says it does not have. Refunds on payments that are not this shop's are left.
    """
    found: list[Difference] = []
    fine: set[str] = set()
    for one in seen:
        payment = uow.payments.by_intent(one.payment_intent)
        if payment is not None:
            differences = list(_compare(one, payment, uow))
            found += differences
            fine |= {_subject(kind, one.stripe_refund) for kind in Differs} - {_key(each) for each in differences}
    found += [_missing(refund, uow) for refund_id in gone if (refund := uow.payments.refund(refund_id)) is not None]
    _resolve(fine, uow)
    _say([one for one in found if uow.cases.open(DIFFERENCE, _key(one), {"order": one.order}) is not None], uow)
    return len(found)


def note_reach(uow: UnitOfWork, *, reached: bool) -> None:
    """Say once that Stripe cannot be asked, and once that it can again."""
    case = uow.cases.open_one(AWAY, "stripe")
    if reached and case is not None:
        uow.cases.change(case, state=CaseState.RESOLVED)
        uow.outbox.publish(StripeReach(reached=True, names=_names(uow)), once=f"{case.card}:back")
    elif not reached and case is None and (opened := uow.cases.open(AWAY, "stripe", {})) is not None:
        uow.outbox.publish(StripeReach(reached=False, names=_names(uow)), once=f"{opened.card}:away")


def _compare(one: SeenRefund, payment: Payment, uow: UnitOfWork) -> Iterator[Difference]:
    ours = uow.payments.refund(one.refund_id) if one.refund_id else None
    ours = ours or uow.payments.refund_at_stripe(one.stripe_refund)
    order = uow.orders.by_id(payment.order_id).number
    if ours is None:
        uow.payments.adopt(one.stripe_refund, payment_id=payment.id, amount=one.amount, state=one.state)
        detail = {"amount_minor": one.amount.minor, "payment": payment.id}
        uow.audit.add("stripe", "refund.found_at_stripe", one.stripe_refund, detail)
        yield Difference(
            differs=Differs.UNKNOWN, subject=one.stripe_refund, order=order, theirs=one.amount, their_state=one.state
        )
        return
    if ours.amount != one.amount or ours.payment_id != payment.id:
        yield Difference(
            differs=Differs.AMOUNT, subject=one.stripe_refund, order=order, ours=ours.amount, theirs=one.amount,
        )
    if ours.state is not one.state:
        yield from _state(one, ours, order, uow)


def _state(one: SeenRefund, ours: Refund, order: str, uow: UnitOfWork) -> Iterator[Difference]:
    """Learn Stripe's word, as if its event had come; news only if it should have come long ago, or changes nothing."""
    fact = RefundSettled(
        refund_id=ours.id, stripe_refund=one.stripe_refund, state=one.state, failure=one.failure
    )
    follows = after(ours.state, one.state) is not None
    if follows:
        note_refund_settled(fact, uow)
        uow.audit.add("stripe", "refund.state_found", ours.id, {"state": one.state.value, "was": ours.state.value})
    fresh = ours.first_sent_at is not None and uow.now - ours.first_sent_at < _FRESH
    if not (follows and fresh):
        yield Difference(
            differs=Differs.STATE, subject=one.stripe_refund, order=order, ours=ours.amount, theirs=one.amount,
            our_state=ours.state, their_state=one.state,
        )


def _missing(refund: Refund, uow: UnitOfWork) -> Difference:
    payment = uow.payments.by_id(refund.payment_id)
    return Difference(
        differs=Differs.MISSING, subject=refund.stripe_refund or refund.id,
        order=uow.orders.by_id(payment.order_id).number, ours=refund.amount, our_state=refund.state,
    )


def _subject(differs: Differs, stripe_refund: str) -> str:
    return f"{differs.value}:{stripe_refund}"


def _key(one: Difference) -> str:
    return _subject(one.differs, one.subject)


def _resolve(fine: set[str], uow: UnitOfWork) -> None:
    for case in uow.cases.open_all(DIFFERENCE):
        if case.subject in fine:
            uow.cases.change(case, state=CaseState.RESOLVED)


def _say(news: list[Difference], uow: UnitOfWork) -> None:
    if news:
        told = StripeDiffers(differences=tuple(news[:_MOST_SHOWN]), count=len(news), names=_names(uow))
        uow.outbox.publish(told, once=f"reconcile:{_key(news[0])}:{uow.now.isoformat()}")


def _names(uow: UnitOfWork) -> str:
    """Finance and the owners: "@Ada, @Cleo"."""
    able = {Role.OWNER, Role.FINANCE}
    return ", ".join(f"@{one.name}" for one in uow.people.all() if one.active and one.role in able)


def since_when(now: datetime, last_full: datetime | None, *, full: bool) -> datetime:
    """From which moment Stripe's list is read: an hour for the ten minutes' look, a month for the daily one.

    A card may send a refund back weeks after it was paid out, so the daily look covers 30 days, and more where the
    last one was longer ago.
    """
    if not full:
        return now - timedelta(hours=1)
    month = now - timedelta(days=30)
    return month if last_full is None else min(month, last_full - timedelta(days=1))
