"""What is held about a customer: given out, taken out, and forgotten when the shop's policy says so."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from domain.customers import Customer, Erased
from domain.errors import NotFound, RuleBroken
from domain.payments.model import RefundState
from domain.ports import UnitOfWork
from domain.returns import cards
from domain.returns.model import VOID, Return, ReturnState
from domain.wire import Json

#: so many of each at a time, so that a sweep holds nobody up
_BATCH: Final = 200
#: digits of a row's number, within 64 bits
_LONGEST_NUMBER: Final = 19
_OVER: Final = VOID | {ReturnState.REFUNDED}
_UNDER_WAY: Final = frozenset({RefundState.INTENDED, RefundState.PENDING, RefundState.NEEDS_HUMAN})


def find_customer(key: str, uow: UnitOfWork) -> Customer:
    """By the shop system's key, or by our own number as the trail writes it ("customer:17"); NotFound.

    A number alone is the shop's: it also counts its customers from 1.
    """
    found = uow.customers.by_external_id(key)
    ours = key.removeprefix("customer:")
    if found is None and ours != key and ours.isascii() and ours.isdecimal() and len(ours) < _LONGEST_NUMBER:
        return uow.customers.by_id(int(ours))
    if found is None:
        raise NotFound(f"I don't know a customer {key[:40]!r} of {uow.shop.name}.")
    return found


def export_customer(key: str, by: str, uow: UnitOfWork) -> dict[str, Json]:
    """Everything held about a customer, as one document. ``by``: who asks, for the trail."""
    customer = find_customer(key, uow)
    held = uow.personal.held(customer)
    uow.audit.add(by, "customer.exported", f"customer:{customer.id}")
    return {"shop": uow.shop.key, "at": uow.now.isoformat(), **held}


def erase_customer(key: str, by: str, uow: UnitOfWork) -> Erased:
    """Take out whatever says who a customer is; RuleBroken while anything of theirs is under way.

    That is a return, a refund, a message or an event: once their name is gone, nothing could be found by it any more.
    """
    customer = find_customer(key, uow)
    theirs = uow.returns.of_customer(customer.id)
    for found in theirs:
        _refuse_open(found, uow)
    if count := uow.personal.under_way(customer):
        what = "message or event is" if count == 1 else "messages or events are"
        raise RuleBroken(f"{count:,} {what} still under way, so nothing was erased. Try again in a few minutes.")
    erased = uow.personal.erase(customer)
    for found in theirs:
        # One version on, so that the card is drawn anew without the name wherever it stands.
        now = uow.returns.held(found.id)
        cards.show(uow.returns.save(replace(now)), uow)
    detail: dict[str, Json] = {"messages": erased.messages, "events": erased.events}
    uow.audit.add(by, "customer.erased", f"customer:{customer.id}", detail)
    return erased


def _refuse_open(found: Return, uow: UnitOfWork) -> None:
    if found.state not in _OVER:
        raise RuleBroken(f"{found.number} is still open ({found.state.value}). Close it first, then erase.")
    if any(refund.state in _UNDER_WAY for refund in uow.payments.refunds_of_return(found.id)):
        raise RuleBroken(f"A refund of {found.number} is still under way. Erase when it has been paid out.")


def sweep_privacy(uow: UnitOfWork) -> None:
    """Forget what the policy no longer keeps, a small batch at a time."""
    policy = uow.shop.policies.privacy
    uow.personal.forget_before(
        events=_before(uow.now, policy.events_days), messages=_before(uow.now, policy.messages_days), limit=_BATCH
    )
    quiet = _before(uow.now, policy.customers_days)
    for customer_id in () if quiet is None else uow.personal.quiet_since(quiet, _BATCH // 10):
        with suppress(RuleBroken):  # something of theirs is still open: the next sweep looks again
            erase_customer(uow.customers.by_id(customer_id).external_id, "clock", uow)


def _before(now: datetime, days: int) -> datetime | None:
    return now - timedelta(days=days) if days > 0 else None
