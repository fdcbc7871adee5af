"""Goods that are given a second time count as money that is let go: the same limits, in the same rows."""

from __future__ import annotations

from datetime import date
from typing import Final

from domain.errors import NotAllowed
from domain.money import Money
from domain.orders import Order
from domain.people import Staff
from domain.ports import UnitOfWork
from domain.returns import limits
from domain.returns.limits import Account, Limit

_WHOSE: Final = {
    Limit.CUSTOMER: "within {days} days one customer gets",
    Limit.ALONE: "on one order one person alone lets go",
    Limit.ORDER: "on one order you let go",
    Limit.DAY: "in one day you let go",
    Limit.SHOP: "in one day the shop lets go",
}


def count_goods(order: Order, value: Money, staff: Staff, uow: UnitOfWork) -> date:
    """Count what goods are worth against every limit of refunds; the shop's date on which they count.

    NotAllowed says which limit and what of it is used; whatever was counted before it is rolled back.
    """
    today = uow.shop.calendar.today(uow.now)
    passed = limits.take(_account(order, staff.id), value, staff, today, uow)
    if passed is not None:
        raise NotAllowed(
            f"{value} of goods are too much: {_WHOSE[passed.limit].format(days=passed.days)} at most {passed.most}, "
            f"and {passed.used} of it is used by refunds and goods. Ask an owner."
        )
    return today


def give_back_goods(order: Order, value: Money, staff_id: int, on: date, uow: UnitOfWork) -> None:
    """They count no longer: nothing was sent."""
    limits.give_back(_account(order, staff_id).counted(on), value, uow)


def _account(order: Order, staff_id: int) -> Account:
    return Account(order_id=order.id, staff_id=staff_id, customer_id=order.customer_id)
