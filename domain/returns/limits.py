"""What a decision counts against: limits of a customer, an order, a person and a shop, one list for money and goods.

Rows are locked as they are counted, so the order of the list is the same everywhere, or two decisions at once could
wait for each other in a ring.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import Enum, auto
from typing import TypeAlias

from domain.money import Money
from domain.people import Staff
from domain.ports import UnitOfWork
from domain.shops import ReturnPolicy


class Limit(Enum):
    """Whose limit it is."""

    #: what one customer gets within some days
    CUSTOMER = auto()
    #: what one person lets go on one order without a second
    ALONE = auto()
    #: what this person lets go on one order
    ORDER = auto()
    #: what this person lets go in one day
    DAY = auto()
    #: what the shop lets go in one day
    SHOP = auto()


#: each limit with the row and the date on which it counts, None = of all time
Rows: TypeAlias = tuple[tuple[Limit, str, date | None], ...]


@dataclass(frozen=True, kw_only=True)
class Account:
    """On whose rows something counts: the customer's, the order's, the approver's and the shop's."""

    order_id: int
    staff_id: int
    customer_id: int | None
    #: where no customer is known
    telegram_user: int | None = None

    @property
    def customer(self) -> str:
        """The order's where nobody is known, so that nothing counts nowhere."""
        if self.customer_id is not None:
            return f"customer:{self.customer_id}"
        return f"order:{self.order_id}" if self.telegram_user is None else f"telegram:{self.telegram_user}"

    @property
    def alone(self) -> str:
        """What went on the order by one person alone, whoever it was."""
        return f"order:{self.order_id}:alone"

    def counted(self, on: date, *, alone: bool = True) -> Rows:
        """Where something counts that was decided on the shop's date ``on``, by one person alone or not."""
        by_one: Rows = ((Limit.ALONE, self.alone, None),) if alone else ()
        return (
            (Limit.CUSTOMER, self.customer, on), *by_one,
            (Limit.ORDER, f"staff:{self.staff_id}:order:{self.order_id}", None),
            (Limit.DAY, f"staff:{self.staff_id}", on), (Limit.SHOP, "shop", on),
        )


@dataclass(frozen=True, kw_only=True)
class Passed:
    """The limit that would be passed: ``most`` minor units, of which ``used`` is used."""

    limit: Limit
    most: Money
    used: Money
    #: days over which it counts
    days: int


def take(
    account: Account, amount: Money, staff: Staff, on: date, uow: UnitOfWork, *, alone: bool = True
) -> Passed | None:
    """Count an amount against every limit; the first that it would pass, or None.

    Whoever gets one raises it: what was counted before it is rolled back. ``alone``: no second person stands behind it.
    """
    policy = uow.shop.policies.returns
    for limit, scope, day in account.counted(on, alone=alone):
        most, days = _most(limit, policy, staff), max(1, policy.customer_limit_days) if limit is Limit.CUSTOMER else 1
        if not uow.allowances.take(scope, amount.minor, most=most, day=day, days=days):
            used = uow.allowances.used(scope, day=day, days=days)
            return Passed(limit=limit, most=uow.shop.money(most or 0), used=uow.shop.money(used), days=days)
    return None


def give_back(rows: Rows, amount: Money, uow: UnitOfWork) -> None:
    """Let it count no longer."""
    for _, scope, day in rows:
        uow.allowances.give_back(scope, amount.minor, day=day)


def take_again(rows: Rows, amount: Money, uow: UnitOfWork) -> None:
    """Count it whatever the limits say, since it is gone."""
    for _, scope, day in rows:
        uow.allowances.take(scope, amount.minor, most=None, day=day)


def _most(limit: Limit, policy: ReturnPolicy, staff: Staff) -> int | None:
    """None: only counted. The shop's bounds are none where they are 0, a person's own are."""
    match limit:
        case Limit.CUSTOMER:
            return policy.customer_limit_minor or None
        case Limit.ALONE:
            return policy.second_approver_above_minor or None
        case Limit.ORDER:
            return None if staff.refund_limit is None else staff.refund_limit.minor
        case Limit.DAY:
            return policy.approver_day_limit_minor or None if staff.day_limit is None else staff.day_limit.minor
        case Limit.SHOP:
            return policy.shop_day_limit_minor or None
