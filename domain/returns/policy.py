"""The shop's return policy applied: pure, so that a card can show each rule with its figures."""

from __future__ import annotations

from dataclasses import dataclass

from domain.errors import RuleBroken
from domain.money import Money
from domain.orders import Order
from domain.returns.model import REASON_WORDS, Goods, Reason, VerdictFacts
from domain.shops import ReturnPolicy

_CENT_FREE = ".00"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """So many pieces of one order line."""

    order_line_id: int
    quantity: int


@dataclass(frozen=True, kw_only=True)
class History:
    """What is known of the customer: orders placed, and returns before this one."""

    orders: int
    returns: int


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the policy says of a return. ``fits`` False never forbids: it leaves the decision to a person."""

    fits: bool
    within_window: bool
    photo_required: bool
    goods: Goods
    #: what sending back costs the customer, taken off the refund
    cost: Money
    refund: Money
    explanation: tuple[str, ...]
    facts: VerdictFacts


def returnable(order: Order, taken: dict[int, int]) -> dict[int, int]:
    """By order line id: bought minus already returned or asked for, lines with nothing left out."""
    left = {line.id: line.quantity - taken.get(line.id, 0) for line in order.lines}
    return {line_id: count for line_id, count in left.items() if count > 0}


def check_quantities(order: Order, wanted: tuple[Wanted, ...], taken: dict[int, int]) -> None:
    """RuleBroken unless every wanted piece was bought and is not in another return."""
    left = returnable(order, taken)
    if not wanted or len({one.order_line_id for one in wanted}) != len(wanted):
        raise RuleBroken("Choose at least one item, each of them once.")
    for one in wanted:
        if not 1 <= one.quantity <= left.get(one.order_line_id, 0):
            title = next((line.title for line in order.lines if line.id == one.order_line_id), "this item")
            raise RuleBroken(f"{left.get(one.order_line_id, 0)} of {title} can still be returned, not {one.quantity}.")


def verdict(
    *, order: Order, wanted: tuple[Wanted, ...], reason: Reason, policy: ReturnPolicy, days: int | None,
    history: History, photo: bool, limit: Money | None = None,
) -> Verdict:
    """The policy's verdict. ``limit``: what is left on the payment; the refund never exceeds it.

    ``days``: calendar days of the shop since the delivery, None where it is not known as delivered.

    The window runs from delivery, and the day it ends still belongs to it. Source: docs/sources.md
    (Directive 2011/83, article 9, for the floor of 14 days).
    """
    case = _case(order, wanted, reason, policy, days, photo=photo, limit=limit)
    within = case.days is None or case.days <= policy.window_days
    fits = within and case.days is not None and (photo or not case.photo_required)
    explanation = _explanation(case, policy)
    return Verdict(
        fits=fits, within_window=within, photo_required=case.photo_required,
        goods=Goods.KEEP if case.keeps else Goods.SEND_BACK, cost=case.cost, refund=case.refund,
        explanation=explanation,
        facts=VerdictFacts(
            fits=fits, explanation=explanation, delivered_days=case.days, window_days=policy.window_days,
            orders=history.orders, returns_before=history.returns,
        ),
    )


@dataclass(frozen=True, kw_only=True)
class _Case:
    """The figures that the rules are about."""

    reason: Reason
    days: int | None
    value: Money
    photo: bool
    photo_required: bool
    keeps: bool
    cost: Money
    refund: Money


def _case(
    order: Order, wanted: tuple[Wanted, ...], reason: Reason, policy: ReturnPolicy, days: int | None, *, photo: bool,
    limit: Money | None,
) -> _Case:
    value = _value(order, wanted, reason)
    photo_required = reason.value in policy.photo_required_for
    keeps = _keeps(value, reason, policy, proved=photo or not photo_required)
    free = keeps or reason.value in policy.free_return_reasons
    cost = Money(minor=0 if free else min(policy.return_cost_minor, value.minor), currency=value.currency)
    refund = value - cost
    return _Case(
        reason=reason, value=value, photo=photo, photo_required=photo_required, keeps=keeps, cost=cost,
        days=days,
        refund=limit if limit is not None and limit < refund else refund,
    )


def _value(order: Order, wanted: tuple[Wanted, ...], reason: Reason) -> Money:
    """What the pieces cost; with postage where none of the order ever came (Directive 2011/83, article 18)."""
    whole = {line.id: line.quantity for line in order.lines} == {one.order_line_id: one.quantity for one in wanted}
    if reason is Reason.NOT_ARRIVED and whole:
        return order.total
    prices = {line.id: line.unit_price.minor for line in order.lines}
    minor = sum(prices[one.order_line_id] * one.quantity for one in wanted)
    return Money(minor=max(0, minor), currency=order.total.currency)


def _keeps(value: Money, reason: Reason, policy: ReturnPolicy, *, proved: bool) -> bool:
    if reason is Reason.NOT_ARRIVED:
        return True
    return reason is Reason.DAMAGED and proved and value.minor <= policy.refund_without_return_minor


def _explanation(case: _Case, policy: ReturnPolicy) -> tuple[str, ...]:
    lines = [_rule(case, policy)]
    if case.reason is Reason.NOT_ARRIVED:
        lines += [] if case.days is None else ["the carrier says that it was delivered ✘"]
    elif case.days is None:
        lines.append("not known as delivered ✘")
    elif case.days > policy.window_days:
        lines.append(f"window of {policy.window_days} days is over by {case.days - policy.window_days} ✘")
    if case.photo_required and not case.photo:
        lines.append("photo is missing ✘")
    if case.refund < case.value - case.cost:
        lines.append(f"no more than {case.refund} is left on the payment")
    return tuple(lines)


def _rule(case: _Case, policy: ReturnPolicy) -> str:
    if case.reason is Reason.NOT_ARRIVED:
        return "nothing to send back: it never arrived"
    if case.keeps:
        bound = short(Money(minor=policy.refund_without_return_minor, currency=case.value.currency))
        return f"refund without return (damaged{', photo' if case.photo else ''}, up to {bound}) ✔"
    when = "when the goods are back" if policy.refund_on_receipt else "at once"
    price = "free for the customer" if case.cost.minor == 0 else f"costs the customer {case.cost}"
    return f"send back ({REASON_WORDS[case.reason]}), {price}, refund {when} ✔"


def short(amount: Money) -> str:
    """An amount without empty cents: €40, €40.50."""
    return str(amount).removesuffix(_CENT_FREE)
