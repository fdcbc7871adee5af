"""The policy's verdict: pure, so every figure can be tried."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import RuleBroken
from domain.money import Money
from domain.orders import Order, OrderLine
from domain.returns.model import CANCELLABLE, DECIDABLE, STEPS, VOID, Goods, Reason, ReturnState, may_become
from domain.returns.policy import History, Verdict, Wanted, check_quantities, returnable, verdict
from domain.shops import ReturnPolicy
from tests.returns.world import NOW

POLICY = ReturnPolicy(refund_without_return_minor=4000, return_cost_minor=490)


def _order(days: int | None = 6, price: int = 1900, quantity: int = 4) -> Order:
    line = OrderLine(
        id=1, line=1, variant_id=None, sku="BLU-MUG-300", title="Blue mug", quantity=quantity,
        unit_price=Money(minor=price, currency="EUR"),
    )
    return Order(
        id=1, number="1042", status="delivered", customer_id=1, phone=None, total=line.total, placed_at=NOW,
        approved_at=None, promised_on=None, ship_by=None, delivered_at=None if days is None else NOW - timedelta(days=days), lines=(line,),
    )


def _judge(
    order: Order, reason: Reason, *, quantity: int = 2, photo: bool = True, limit: int | None = None,
    policy: ReturnPolicy = POLICY,
) -> Verdict:
    return verdict(
        order=order, wanted=(Wanted(order_line_id=1, quantity=quantity),), reason=reason, policy=policy,
        days=None if order.delivered_at is None else (NOW - order.delivered_at).days,
        history=History(orders=3, returns=0), photo=photo,
        limit=None if limit is None else Money(minor=limit, currency="EUR"),
    )


@pytest.mark.parametrize(("days", "reason", "quantity", "photo", "goods", "cost", "refund", "fits"), [
    (6, Reason.DAMAGED, 2, True, Goods.KEEP, 0, 3800, True),
    (6, Reason.DAMAGED, 3, True, Goods.SEND_BACK, 0, 5700, True),
    (6, Reason.DAMAGED, 2, False, Goods.SEND_BACK, 0, 3800, False),
    (6, Reason.WRONG_ITEM, 1, True, Goods.SEND_BACK, 0, 1900, True),
    (6, Reason.NOT_AS_DESCRIBED, 1, False, Goods.SEND_BACK, 0, 1900, True),
    (6, Reason.CHANGED_MIND, 1, False, Goods.SEND_BACK, 490, 1410, True),
    (30, Reason.CHANGED_MIND, 1, False, Goods.SEND_BACK, 490, 1410, True),
    (31, Reason.CHANGED_MIND, 1, False, Goods.SEND_BACK, 490, 1410, False),
    (None, Reason.CHANGED_MIND, 1, False, Goods.SEND_BACK, 490, 1410, False),
    (0, Reason.DAMAGED, 1, True, Goods.KEEP, 0, 1900, True),
])
def test_the_verdict_is_the_policys(
    days: int | None, reason: Reason, quantity: int, photo: bool, goods: Goods, cost: int, refund: int, fits: bool
) -> None:
    judged = _judge(_order(days), reason, quantity=quantity, photo=photo)
    assert (judged.goods, judged.cost.minor, judged.refund.minor, judged.fits) == (goods, cost, refund, fits)


def test_the_explanation_carries_its_figures() -> None:
    assert _judge(_order(), Reason.DAMAGED).explanation == ("refund without return (damaged, photo, up to €40) ✔",)
    late = _judge(_order(41), Reason.CHANGED_MIND, limit=500)
    assert late.explanation == (
        "send back (changed my mind), costs the customer €4.90, refund when the goods are back ✔",
        "window of 30 days is over by 11 ✘", "no more than €5.00 is left on the payment",
    )


@given(
    price=st.integers(0, 100_000), bought=st.integers(1, 50), limit=st.integers(0, 1_000_000),
    cost=st.integers(0, 5000), keep=st.integers(0, 100_000), reason=st.sampled_from(Reason), photo=st.booleans(),
    share=st.floats(0, 1),
)
def test_a_refund_is_never_more_than_was_paid_nor_less_than_nothing(
    price: int, bought: int, limit: int, cost: int, keep: int, reason: Reason, photo: bool, share: float
) -> None:
    quantity = max(1, round(bought * share))
    policy = ReturnPolicy(return_cost_minor=cost, refund_without_return_minor=keep)
    judged = _judge(_order(price=price, quantity=bought), reason, quantity=quantity, photo=photo, limit=limit, policy=policy)
    assert 0 <= judged.refund.minor <= min(price * quantity, limit)
    assert judged.cost.minor <= cost
    assert judged.goods is Goods.SEND_BACK or judged.cost.minor == 0


@given(taken=st.integers(0, 6), wanted=st.integers(-2, 8))
def test_no_more_comes_back_than_was_bought(taken: int, wanted: int) -> None:
    order, left = _order(), max(0, 4 - taken)
    assert returnable(order, {1: taken}) == ({1: left} if left else {})
    if 1 <= wanted <= left:
        check_quantities(order, (Wanted(order_line_id=1, quantity=wanted),), {1: taken})
    else:
        with pytest.raises(RuleBroken):
            check_quantities(order, (Wanted(order_line_id=1, quantity=wanted),), {1: taken})


def test_lines_of_other_orders_and_lines_twice_are_refused() -> None:
    for wanted in ((), (Wanted(order_line_id=9, quantity=1),), (Wanted(order_line_id=1, quantity=1),) * 2):
        with pytest.raises(RuleBroken):
            check_quantities(_order(), wanted, {})


def test_no_step_leads_from_an_end_or_straight_to_the_money() -> None:
    for state in VOID:
        assert STEPS[state] == frozenset()
    for old in ReturnState:
        if old is not ReturnState.REFUNDING:
            assert not may_become(old, ReturnState.REFUNDED) or old is ReturnState.REFUNDED
    assert not CANCELLABLE & {ReturnState.REFUNDING, ReturnState.REFUNDED}
    assert set(STEPS) == set(ReturnState)
    assert all(may_become(state, ReturnState.REFUNDING) for state in DECIDABLE)
