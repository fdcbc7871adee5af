"""S22: whatever is pressed in whatever order, no limit is ever passed. The sums are made here, from the approvals."""

from __future__ import annotations

from collections import defaultdict
from contextlib import ExitStack, suppress
from datetime import date, timedelta
from typing import Final

import sqlalchemy as sa
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from domain.errors import OpsError
from domain.payments import RefundSettled, RefundState
from domain.returns import ApproveReturn, CancelReturn, DeclineReturn, ReceivedLine, ReturnReceived
from storage.tables import allowances, approvals, returns, staff
from tests.returns.world import World, world_on

PERSON_DAY: Final = 6_000
BEN_DAY: Final = 2_500
CUSTOMER: Final = 9_000
CUSTOMER_DAYS: Final = 3
SHOP_DAY: Final = 10_000
ALONE: Final = 4_000
BEN_ORDER: Final = 2_000

_POLICIES: Final = {
    "approver_day_limit_minor": PERSON_DAY, "customer_limit_minor": CUSTOMER, "customer_limit_days": CUSTOMER_DAYS,
    "shop_day_limit_minor": SHOP_DAY, "second_approver_above_minor": ALONE,
}
_NUMBERS: Final = st.integers(318, 327).map(lambda number: f"R-{number}")


class Limits(RuleBasedStateMachine):
    """Two customers with two orders of six cups each, three who may approve, days that pass."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.world: World = self.stack.enter_context(world_on("sqlite://", dict(_POLICIES)))

    def teardown(self) -> None:
        self.stack.close()

    @initialize()
    def shop(self) -> None:
        world = self.world
        world.desk.execute(
            sa.update(staff).where(staff.c.key == "ben").values(refund_limit_minor=BEN_ORDER, day_limit_minor=BEN_DAY)
        )
        self.orders = [
            world.order(f"{customer}-{place}", customer=customer, paid=12_000, lines=(("CUP", "Cup", 6, 2000),))
            for customer in ("maria", "paul") for place in (1, 2)
        ]

    @rule(place=st.integers(0, 3), quantity=st.integers(1, 3))
    def request(self, place: int, quantity: int) -> None:
        with suppress(OpsError):
            self.world.request(self.orders[place], quantity=quantity, user=1001 + place // 2)

    @rule(number=_NUMBERS, who=st.sampled_from(["ada", "ben", "cleo"]), amount=st.none() | st.sampled_from([500, 1000, 2000, 4000]))
    def approve(self, number: str, who: str, amount: int | None) -> None:
        with suppress(OpsError):
            self.world.run(ApproveReturn(return_number=number, amount_minor=amount), who)

    @rule(number=_NUMBERS)
    def decline(self, number: str) -> None:
        with suppress(OpsError):
            self.world.run(DeclineReturn(return_number=number, reason="no"), "ada")

    @rule(number=_NUMBERS)
    def cancel(self, number: str) -> None:
        with suppress(OpsError):
            self.world.run(CancelReturn(return_number=number), "ada")

    @rule(number=_NUMBERS, count=st.integers(0, 3))
    def receive(self, number: str, count: int) -> None:
        lines = (ReceivedLine(sku="CUP", received=count),)
        self.world.learn(ReturnReceived(number=number, lines=lines, at=self.world.now))

    @rule(place=st.integers(0, 9), word=st.sampled_from([RefundState.SUCCEEDED, RefundState.FAILED]))
    def stripe_says(self, place: int, word: RefundState) -> None:
        jobs = self.world.outbox("refund")
        if place < len(jobs):
            refund = str(jobs[place]["refund"])
            self.world.learn(RefundSettled(refund_id=refund, stripe_refund=f"re_{place}", state=word))

    @rule(hours=st.sampled_from([5, 14, 24, 72]))
    def time_passes(self, hours: int) -> None:
        self.world.later(hours=hours)

    @invariant()
    def no_limit_is_passed(self) -> None:
        rows = self.world.desk.query(
            sa.select(
                approvals.c.amount_minor, approvals.c.counted_on, approvals.c.first_version, staff.c.key,
                returns.c.customer_id, returns.c.order_id,
            )
            .join(staff, staff.c.id == approvals.c.staff_id).join(returns, returns.c.id == approvals.c.return_id)
            .where(approvals.c.counted_on.is_not(None), approvals.c.released_at.is_(None))
        )
        person: dict[tuple[str, date], int] = defaultdict(int)
        customer: dict[int, dict[date, int]] = defaultdict(lambda: defaultdict(int))
        shop: dict[date, int] = defaultdict(int)
        alone: dict[int, int] = defaultdict(int)
        ben: dict[int, int] = defaultdict(int)
        for row in rows:
            person[row.key, row.counted_on] += row.amount_minor
            customer[row.customer_id][row.counted_on] += row.amount_minor
            shop[row.counted_on] += row.amount_minor
            alone[row.order_id] += 0 if row.first_version else row.amount_minor
            ben[row.order_id] += row.amount_minor if row.key == "ben" else 0
        for (who, _), total in person.items():
            assert total <= (BEN_DAY if who == "ben" else PERSON_DAY), "a person's day"
        assert all(total <= SHOP_DAY for total in shop.values()), "the shop's day"
        assert all(total <= ALONE for total in alone.values()), "one person alone on one order"
        assert all(total <= BEN_ORDER for total in ben.values()), "a person's limit, split over an order's returns"
        for days in customer.values():
            for last in days:
                window = [last - timedelta(days=back) for back in range(CUSTOMER_DAYS)]
                assert sum(days.get(day, 0) for day in window) <= CUSTOMER, "a customer's period"
        counted = self.world.desk.query(sa.select(allowances).where(allowances.c.scope == "shop"))
        assert {row.day: row.used_minor for row in counted if row.used_minor} == dict(shop), "what failed is given back once"
