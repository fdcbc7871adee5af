"""Who may let how much go: own requests, a person's own limit, a second person, and what a day or a customer allows.

Limits that add up are counted where the money is decided, each as the condition of one statement (Allowances.take):
two decisions at once never both fit under the same limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from domain.customers import Customer
from domain.errors import NotAllowed
from domain.messages import Message
from domain.money import Money
from domain.people import APPROVERS, UNLIMITED, Actor, Role, Staff
from domain.ports import UnitOfWork
from domain.returns import cards, limits
from domain.returns.limits import Account, Limit, Passed, Rows
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
    return bool(bound) and uow.allowances.used(_account(yes.found, yes.staff.id).alone) + yes.amount.minor > bound


def _account(found: Return, staff_id: int) -> Account:
    return Account(
        order_id=found.order_id, staff_id=staff_id, customer_id=found.customer_id, telegram_user=found.telegram_user
    )


def count(yes: Yes, uow: UnitOfWork, *, alone: bool) -> None:
    """Count the amount against every limit, today.

    NotAllowed says which limit, what of it is used, and who may; whatever was counted before it is rolled back.
    """
    account, today = _account(yes.found, yes.staff.id), uow.shop.calendar.today(uow.now)
    passed = limits.take(account, yes.amount, yes.staff, today, uow, alone=alone)
    if passed is not None:
        raise NotAllowed(_too_much(passed, yes, uow))


def _too_much(passed: Passed, yes: Yes, uow: UnitOfWork) -> str:
    used, most, total, names = passed.used, passed.most, passed.used + yes.amount, _who_may(yes, uow) or "Nobody else"
    match passed.limit:
        case Limit.CUSTOMER:
            return (
                f"{cards.customer_name(yes.found, uow)} would get {total} within {passed.days} days. One customer gets "
                f"at most {most}, and {used} of it is used. An owner can raise customer_limit_minor in the shop file."
            )
        case Limit.ALONE:
            return (
                f"{total} would go on this order by one person alone, and {used} went already. Above {most} a "
                "second person has to approve. Press again to give the first approval."
            )
        case Limit.ORDER:
            return (
                f"You would let {total} go on this order. Your limit is {most}, and {used} of it is used. {names} may."
            )
        case Limit.DAY:
            return f"You would let {total} go today. Your limit is {most} a day, and {used} of it is used. {names} may."
        case Limit.SHOP:
            return (
                f"The shop would let {total} go today. It lets at most {most} go in one day, and {used} of it is used. "
                "An owner can raise shop_day_limit_minor in the shop file."
            )


def release(approval: Approval, found: Return, uow: UnitOfWork) -> None:
    """Let an approval's amount count no longer, once: its refund failed, or it was called off or decided anew."""
    if approval.counted_on is not None and uow.returns.void(approval.id):
        limits.give_back(_counted(approval, approval.counted_on, found), approval.amount, uow)


def count_again(approval: Approval, found: Return, uow: UnitOfWork) -> None:
    """Count an amount again that went out after all; whatever the limits say, since it is gone."""
    if approval.counted_on is not None and uow.returns.revive(approval.id):
        limits.take_again(_counted(approval, approval.counted_on, found), approval.amount, uow)


def _counted(approval: Approval, on: date, found: Return) -> Rows:
    return _account(found, approval.staff_id).counted(on, alone=approval.first_version is None)


def may_decide(actor: Actor) -> Staff:
    """The member of staff who decides; NotAllowed. Money: a person who may be a guest is refused too."""
    return actor.require(APPROVERS, "decide returns", money=True)
