"""S22: whatever is pressed in whatever order, no limit is ever passed, by money and goods together.

The sums are made here, from the approvals and from what is sent again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from datetime import date, timedelta
from typing import Final

import sqlalchemy as sa
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from domain.errors import OpsError
from domain.inventory import Movement, MovementKind
from domain.payments import RefundSettled, RefundState
from domain.returns import ApproveReturn, CancelReturn, DeclineReturn, ReceivedLine, ReturnReceived
from domain.shipping import CancelReship, Milestone, ParcelScanned, RefundParcel, ReshipParcel, Substatus
from storage.tables import allowances, approvals, cases, order_lines, orders, products, returns, staff, variants
from tests.returns.world import World, world_on

PERSON_DAY: Final = 6_000
BEN_DAY: Final = 2_500
CUSTOMER: Final = 5_000
CUSTOMER_DAYS: Final = 3
SHOP_DAY: Final = 8_000
ALONE: Final = 4_000
BEN_ORDER: Final = 2_000

_POLICIES: Final = {
    "approver_day_limit_minor": PERSON_DAY, "customer_limit_minor": CUSTOMER, "customer_limit_days": CUSTOMER_DAYS,
    "shop_day_limit_minor": SHOP_DAY, "second_approver_above_minor": ALONE,
}
_PLACES: Final = st.integers(0, 7)


class Limits(RuleBasedStateMachine):
    """Two customers with two orders of six cups each and two lost parcels, three who may approve, days that pass."""

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
        lost = [
            world.order(f"{customer}-lost-{cups}", customer=customer, paid=12_000, delivered=None,
                        lines=(("CUP", "Cup", cups, 2000),))
            for customer in ("maria", "paul") for cups in (1, 2)
        ]
        shop = world.desk.shop.id
        world.desk.execute(sa.insert(products).values(shop_id=shop, external_id="C", title="Cup"))
        product = world.desk.query(sa.select(products.c.id))[0].id
        world.desk.execute(sa.insert(variants).values(shop_id=shop, product_id=product, sku="CUP", title="Cup"))
        cup = world.desk.query(sa.select(variants.c.id))[0].id
        world.desk.execute(sa.update(order_lines).values(variant_id=cup))
        with world.begin() as uow:
            uow.inventory.move(Movement(variant_id=cup, location="leipzig", kind=MovementKind.OPENING, at=world.now,
                                        key="o", on_hand=500))
        for order in lost:
            world.learn(ParcelScanned(
                order=order.number, carrier="DHL", tracking_number=f"T{order.number}", milestone=Milestone.EXCEPTION,
                substatus=Substatus.DAMAGED, at=world.now, place=None, key=f"s{order.number}", origin=None,
                destination=None, expected_on=None,
            ))

    @rule(place=st.integers(0, 3), quantity=st.integers(1, 3))
    def request(self, place: int, quantity: int) -> None:
        with suppress(OpsError):
            self.world.request(self.orders[place], quantity=quantity, user=1001 + place // 2)

    @rule(place=_PLACES, who=st.sampled_from(["ada", "ben", "cleo"]), amount=st.none() | st.sampled_from([500, 1000, 2000, 4000]))
    def approve(self, place: int, who: str, amount: int | None) -> None:
        with suppress(OpsError):
            self.world.run(ApproveReturn(return_number=self._number(place), amount_minor=amount), who)

    @rule(place=_PLACES)
    def decline(self, place: int) -> None:
        with suppress(OpsError):
            self.world.run(DeclineReturn(return_number=self._number(place), reason="no"), "ada")

    @rule(place=_PLACES)
    def cancel(self, place: int) -> None:
        with suppress(OpsError):
            self.world.run(CancelReturn(return_number=self._number(place)), "ada")

    @rule(place=_PLACES, count=st.integers(0, 3))
    def receive(self, place: int, count: int) -> None:
        lines = (ReceivedLine(sku="CUP", received=count),)
        self.world.learn(ReturnReceived(number=self._number(place), lines=lines, at=self.world.now))

    @rule(place=st.integers(0, 3), who=st.sampled_from(["ada", "ben", "cleo"]))
    def send_again(self, place: int, who: str) -> None:
        case = self._cases("late_parcel")[place]
        with suppress(OpsError):
            self.world.run(ReshipParcel(case_id=case.id, version=case.version), who)

    @rule(place=st.integers(0, 3))
    def not_after_all(self, place: int) -> None:
        sent = self._cases("reship")
        if place < len(sent):
            with suppress(OpsError):
                self.world.run(CancelReship(case_id=sent[place].id, version=sent[place].version), "ada")

    @rule(place=st.integers(0, 3))
    def ask_for_its_money(self, place: int) -> None:
        case = self._cases("late_parcel")[place]
        with suppress(OpsError):
            self.world.run(RefundParcel(case_id=case.id, version=case.version), "cleo")

    def _cases(self, kind: str) -> Sequence[sa.Row[tuple[int, int, dict[str, object]]]]:
        return self.world.desk.query(
            sa.select(cases.c.id, cases.c.version, cases.c.facts).where(cases.c.kind == kind).order_by(cases.c.id)
        )

    @rule(place=st.integers(0, 9), word=st.sampled_from([RefundState.SUCCEEDED, RefundState.FAILED]))
    def stripe_says(self, place: int, word: RefundState) -> None:
        jobs = self.world.outbox("refund")
        if place < len(jobs):
            refund = str(jobs[place]["refund"])
            self.world.learn(RefundSettled(refund_id=refund, stripe_refund=f"re_{place}", state=word))

    def _number(self, place: int) -> str:
        known = self.world.desk.query(sa.select(returns.c.number).order_by(returns.c.id.desc()))
        return known[place % len(known)].number if known else "R-1"

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
        let_go = [
            (row.key, row.customer_id, row.order_id, row.counted_on, row.amount_minor, not row.first_version) for row in rows
        ] + self._goods()
        person: dict[tuple[str, date], int] = defaultdict(int)
        customer: dict[int, dict[date, int]] = defaultdict(lambda: defaultdict(int))
        shop: dict[date, int] = defaultdict(int)
        alone: dict[int, int] = defaultdict(int)
        ben: dict[int, int] = defaultdict(int)
        for who, customer_id, order_id, on, minor, by_one in let_go:
            person[who, on] += minor
            customer[customer_id][on] += minor
            shop[on] += minor
            alone[order_id] += minor if by_one else 0
            ben[order_id] += minor if who == "ben" else 0
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

    def _goods(self) -> list[tuple[str, int, int, date, int, bool]]:
        keys = {row.id: row.key for row in self.world.desk.query(sa.select(staff.c.id, staff.c.key))}
        whose = {row.id: row.customer_id for row in self.world.desk.query(sa.select(orders.c.id, orders.c.customer_id))}
        sent = [row.facts for row in self._cases("reship") if row.facts.get("cancelled_by") is None]
        return [
            (keys[one["staff_id"]], whose[one["order_id"]], one["order_id"], date.fromisoformat(one["counted_on"]),
             one["value"]["minor"], True)
            for one in sent
        ]
