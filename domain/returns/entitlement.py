"""Who may let how much go: own requests, a person's own limit, a second person, and what a day or a customer allows.

Limits that add up are counted where the money is decided, each as the condition of one statement (Allowances.take):
two decisions at once never both fit under the same limit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

from domain.customers import Customer
from domain.errors import NotAllowed
from domain.messages import Message
from domain.money import Money
from domain.people import APPROVERS, UNLIMITED, Actor, Role, Staff
from domain.ports import UnitOfWork
from domain.returns import cards
from domain.returns.messages import FinanceAsked, FinanceNeeded
from domain.returns.model import Approval, Return
from domain.returns.policy import short
from domain.wire import Json


@dataclass(frozen=True, kw_only=True)
class Yes:
    """One person's wish to let an amount go."""

    found: Return
    staff: Staff
    actor: Actor
    amount: Money
    #: why not all of it; the customer reads it
    reason: str | None = None


def refuse_own(found: Return, staff: Staff, actor: Actor, uow: UnitOfWork) -> None:
    """NotAllowed if the return is their own: by Telegram account, as the customer they act as, or by e-mail address."""
    customer = None if found.customer_id is None else uow.customers.by_id(found.customer_id)
    if is_own(customer, found.telegram_user, staff, actor):
        raise NotAllowed("This is your own return. Somebody else has to decide it.")


def is_own(customer: Customer | None, telegram_user: int | None, staff: Staff, actor: Actor) -> bool:
    """Whether somebody of the staff is that customer, or wrote from that Telegram account."""
    accounts = {telegram_user, None if customer is None else customer.telegram_user} - {None}
    return (
        staff.telegram_user in accounts
        or actor.identity in {f"telegram:{account}" for account in accounts}
        or (customer is not None and actor.customer_id == customer.id)
        or (customer is not None and _same_address(staff.email, customer.email))
    )


def _same_address(one: str | None, other: str | None) -> bool:
    return bool(one and other) and str(one).strip().casefold() == str(other).strip().casefold()


def within_limit(yes: Yes, uow: UnitOfWork) -> bool:
    """Counted over all of an order's returns that this person let go, so that splitting does not get round a limit."""
    limit = yes.staff.refund_limit
    if limit is None:
        return yes.staff.role in UNLIMITED
    already = uow.returns.approved_by(yes.staff.id, yes.found.order_id, besides=yes.found.id)
    return already + yes.amount.minor <= limit.minor


def ask_finance(yes: Yes, uow: UnitOfWork) -> Message:
    """Not an error, which would roll back the asking: an answer, and a note in the thread, once for each version."""
    found, amount, limit = yes.found, yes.amount, yes.staff.refund_limit
    names = _who_may(yes, uow)
    if not names:
        raise NotAllowed(f"Nobody here may let {amount} go. An owner has to raise a limit in the shop file.")
    asked = FinanceAsked(number=found.number, amount=amount, who=yes.staff.name, limit=limit, names=names)
    uow.outbox.note(found.card, asked, once=f"{found.card}:finance:{found.version}")
    detail: dict[str, Json] = {"version": found.version, "amount_minor": amount.minor}
    uow.record(yes.actor, "return.over_limit", found.number, detail)
    return FinanceNeeded(number=found.number, amount=amount, limit=limit, names=names)


def _who_may(yes: Yes, uow: UnitOfWork) -> str:
    """"@Cleo, @Finn": whose own limit lets the amount go, finance before others; "" if nobody's does."""
    able = [one for one in uow.people.all() if one.active and one.id != yes.staff.id and _may_ever(one, yes.amount)]
    finance = [one for one in able if one.role is Role.FINANCE] or able
    return ", ".join(f"@{one.name}" for one in finance)


def _may_ever(staff: Staff, amount: Money) -> bool:
    return staff.role in UNLIMITED and (staff.refund_limit is None or amount <= staff.refund_limit)


def first_of_two(yes: Yes, uow: UnitOfWork) -> Approval | None:
    """The first approval that this one makes whole; None if there is none for this amount.

    NotAllowed if it was given by the same person.
    """
    first = cards.first_approval(yes.found, uow.returns.approvals(yes.found.id))
    if first is None or first.amount != yes.amount or not first.genuine:
        return None
    if first.staff_id == yes.staff.id:
        bound = Money(minor=uow.shop.policies.returns.second_approver_above_minor, currency=yes.amount.currency)
        raise NotAllowed(f"You have approved this already. Above {short(bound)} a second person has to.")
    return first


def needs_second(yes: Yes, uow: UnitOfWork) -> bool:
    """Whether a second person must approve: above the bound, with what one person alone let go on the order."""
    bound = uow.shop.policies.returns.second_approver_above_minor
    return bool(bound) and uow.allowances.used(_alone(yes.found)) + yes.amount.minor > bound


def _alone(found: Return) -> str:
    return f"order:{found.order_id}:alone"


@dataclass(frozen=True, kw_only=True)
class _Share:
    """One limit that an approval counts against: ``most`` minor units, None = only counted."""

    scope: str
    most: int | None
    day: date | None = None
    days: int = 1
    #: the refusal, from what is used and what it would come to
    words: Callable[[Money, Money], str]


def count(yes: Yes, uow: UnitOfWork, *, alone: bool) -> None:
    """Count the amount against every limit, today.

    NotAllowed says which limit, what of it is used, and who may; whatever was counted before it is rolled back.
    """
    for share in _shares(yes, uow, alone=alone):
        if not uow.allowances.take(share.scope, yes.amount.minor, most=share.most, day=share.day, days=share.days):
            used = uow.shop.money(uow.allowances.used(share.scope, day=share.day, days=share.days))
            raise NotAllowed(share.words(used, used + yes.amount))


def _shares(yes: Yes, uow: UnitOfWork, *, alone: bool) -> Iterator[_Share]:
    """Always in this order: rows are locked as they are counted, and one order makes no ring of waiting."""
    policy, staff, found, money = uow.shop.policies.returns, yes.staff, yes.found, uow.shop.money
    today, names = uow.shop.calendar.today(uow.now), _who_may(yes, uow) or "Nobody else"
    days = max(1, policy.customer_limit_days)
    yield _Share(
        scope=_customer(found), most=policy.customer_limit_minor or None, day=today, days=days,
        words=lambda used, total: (
            f"{cards.customer_name(found, uow)} would get {total} within {days} days. One customer gets at most "
            f"{money(policy.customer_limit_minor)}, and {used} of it is used. "
            "An owner can raise customer_limit_minor in the shop file."
        ),
    )
    if alone:
        bound = policy.second_approver_above_minor
        yield _Share(
            scope=_alone(found), most=bound or None,
            words=lambda used, total: (
                f"{total} would go on this order by one person alone, and {used} went already. Above {money(bound)} a "
                "second person has to approve. Press again to give the first approval."
            ),
        )
    limit = staff.refund_limit
    yield _Share(
        scope=f"staff:{staff.id}:order:{found.order_id}", most=None if limit is None else limit.minor,
        words=lambda used, total: (
            f"You would let {total} go on this order. Your limit is {limit}, and {used} of it is used. {names} may."
        ),
    )
    day_most = _day_limit(yes, uow)
    yield _Share(
        scope=f"staff:{staff.id}", day=today, most=day_most,
        words=lambda used, total: (
            f"You would let {total} go today. Your limit is {money(day_most or 0)} a day, and {used} of it is used. "
            f"{names} may."
        ),
    )
    yield _Share(
        scope="shop", day=today, most=policy.shop_day_limit_minor or None,
        words=lambda used, total: (
            f"The shop would let {total} go today. It lets at most {money(policy.shop_day_limit_minor)} go in one day, "
            f"and {used} of it is used. An owner can raise shop_day_limit_minor in the shop file."
        ),
    )


def _day_limit(yes: Yes, uow: UnitOfWork) -> int | None:
    if yes.staff.day_limit is not None:
        return yes.staff.day_limit.minor
    return uow.shop.policies.returns.approver_day_limit_minor or None


def _customer(found: Return) -> str:
    """Whose account the money counts on; the order's where nobody is known, so that nothing counts nowhere."""
    if found.customer_id is not None:
        return f"customer:{found.customer_id}"
    return f"order:{found.order_id}" if found.telegram_user is None else f"telegram:{found.telegram_user}"


def release(approval: Approval, found: Return, uow: UnitOfWork) -> None:
    """Let an approval's amount count no longer, once: its refund failed, or it was called off or decided anew."""
    if approval.counted_on is not None and uow.returns.void(approval.id):
        for scope, day in _counted(approval, found):
            uow.allowances.give_back(scope, approval.amount.minor, day=day)


def count_again(approval: Approval, found: Return, uow: UnitOfWork) -> None:
    """Count an amount again that went out after all; whatever the limits say, since it is gone."""
    if approval.counted_on is not None and uow.returns.revive(approval.id):
        for scope, day in _counted(approval, found):
            uow.allowances.take(scope, approval.amount.minor, most=None, day=day)


def _counted(approval: Approval, found: Return) -> list[tuple[str, date | None]]:
    """Where an approval was counted, in the order of ``_shares``."""
    alone = [] if approval.first_version is not None else [(_alone(found), None)]
    return [
        (_customer(found), approval.counted_on), *alone,
        (f"staff:{approval.staff_id}:order:{found.order_id}", None),
        (f"staff:{approval.staff_id}", approval.counted_on), ("shop", approval.counted_on),
    ]


def may_decide(actor: Actor) -> Staff:
    """The member of staff who decides; NotAllowed. Money: a person who may be a guest is refused too."""
    return actor.require(APPROVERS, "decide returns", money=True)
