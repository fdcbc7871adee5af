"""Goods that are given a second time count as money that is let go: the same limits, in the same rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from domain.errors import NotAllowed
from domain.money import Money
from domain.orders import Order
from domain.people import Staff
from domain.ports import UnitOfWork


@dataclass(frozen=True, kw_only=True)
class _Share:
    scope: str
    most: int | None
    day: date | None = None
    days: int = 1
    #: whose limit it is, in a sentence
    whose: str


def count_goods(order: Order, value: Money, staff: Staff, uow: UnitOfWork) -> date:
    """Count what goods are worth against every limit of refunds; the shop's date on which they count.

    NotAllowed says which limit and what of it is used; whatever was counted before it is rolled back. Rows are locked
    in the order in which a refund's approval locks them.
    """
    today = uow.shop.calendar.today(uow.now)
    for share in _shares(order, staff, today, uow):
        if not uow.allowances.take(share.scope, value.minor, most=share.most, day=share.day, days=share.days):
            used = uow.shop.money(uow.allowances.used(share.scope, day=share.day, days=share.days))
            raise NotAllowed(
                f"{value} of goods are too much: {share.whose} at most {uow.shop.money(share.most or 0)}, "
                f"and {used} of it is used by refunds and goods. Ask an owner."
            )
    return today


def give_back_goods(order: Order, value: Money, staff_id: int, on: date, uow: UnitOfWork) -> None:
    """They count no longer: nothing was sent."""
    for scope, day in (
        (_customer(order), on), (f"order:{order.id}:alone", None), (f"staff:{staff_id}:order:{order.id}", None),
        (f"staff:{staff_id}", on), ("shop", on),
    ):
        uow.allowances.give_back(scope, value.minor, day=day)


def _shares(order: Order, staff: Staff, today: date, uow: UnitOfWork) -> tuple[_Share, ...]:
    policy, limit = uow.shop.policies.returns, staff.refund_limit
    day_limit = policy.approver_day_limit_minor if staff.day_limit is None else staff.day_limit.minor
    days = max(1, policy.customer_limit_days)
    return (
        _Share(scope=_customer(order), most=policy.customer_limit_minor or None, day=today, days=days,
               whose=f"within {days} days one customer gets"),
        _Share(scope=f"order:{order.id}:alone", most=policy.second_approver_above_minor or None,
               whose="on one order one person alone lets go"),
        _Share(scope=f"staff:{staff.id}:order:{order.id}", most=None if limit is None else limit.minor,
               whose="on one order you let go"),
        _Share(scope=f"staff:{staff.id}", day=today, whose="in one day you let go",
               most=day_limit if staff.day_limit is not None else day_limit or None),
        _Share(scope="shop", day=today, most=policy.shop_day_limit_minor or None, whose="in one day the shop lets go"),
    )


def _customer(order: Order) -> str:
    return f"order:{order.id}" if order.customer_id is None else f"customer:{order.customer_id}"
