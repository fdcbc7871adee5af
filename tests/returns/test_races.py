"""Many at once, each in a transaction of their own: one winner, and never more money than was captured."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace

import pytest

from domain.errors import Conflict, OpsError, RuleBroken
from domain.payments import RefundSettled, RefundState
from domain.returns import ApproveReturn, CancelReturn, DeclineReturn, Reason, ReturnState
from tests.returns.world import World


def _at_once(*works: Callable[[], object]) -> list[OpsError]:
    """Run all at the same moment; what was refused."""
    gate = threading.Barrier(len(works))

    def one(work: Callable[[], object]) -> OpsError | None:
        gate.wait()
        try:
            work()
        except OpsError as error:
            return error
        return None

    with ThreadPoolExecutor(len(works)) as pool:
        return [error for error in pool.map(one, works) if error is not None]


def test_four_decisions_at_once_have_one_winner(world: World) -> None:
    world.request(world.order())
    refused = _at_once(
        lambda: world.run(ApproveReturn(return_number="R-318", version=1), "ada"),
        lambda: world.run(ApproveReturn(return_number="R-318", version=1), "cleo"),
        lambda: world.run(DeclineReturn(return_number="R-318", version=1, reason="no"), "ben"),
        lambda: world.run(CancelReturn(return_number="R-318"), 1001),
    )
    assert len(refused) == 3
    assert all(isinstance(error, Conflict) for error in refused)
    found = world.found("R-318")
    assert found.version == 2
    assert len(world.outbox("refund")) == (1 if found.state is ReturnState.REFUNDING else 0)


def test_refunds_at_once_never_take_more_than_was_captured(world: World) -> None:
    order = world.order(paid=4000)
    numbers = [world.request(order, quantity=1, reason=reason).number for reason in list(Reason)[:4]]
    refused = _at_once(*(
        lambda number=number: world.run(ApproveReturn(return_number=number, amount_minor=1410), "ada")
        for number in numbers
    ))
    with world.begin() as uow:
        payment = uow.payments.of_order(order.id)[0]
        intents = sum(
            refund.amount.minor for one in uow.returns.of_order(order.id)
            for refund in uow.payments.refunds_of_return(one.id)
        )
    assert all(isinstance(error, RuleBroken) for error in refused)
    assert payment.refunded.minor == intents <= 4000


def test_the_same_piece_is_never_in_two_returns(world: World) -> None:
    order = world.order()
    refused = _at_once(*(
        lambda reason=reason: world.request(order, quantity=2, reason=reason) for reason in list(Reason)[:4]
    ))
    with world.begin() as uow:
        assert sum(uow.returns.taken(order.id).values()) == 4
    assert len(refused) == 2


def test_stripes_word_heard_many_times_at_once_counts_once(world: World) -> None:
    world.request(world.order())
    world.run(ApproveReturn(return_number="R-318", version=1), "ada")
    refund = str(world.outbox("refund")[0]["refund"])
    fact = RefundSettled(refund_id=refund, stripe_refund="re_1", state=RefundState.FAILED)
    _at_once(*(lambda: world.learn(fact) for _ in range(4)))
    with world.begin() as uow:
        known = uow.payments.refund(refund)
        assert known is not None
        assert uow.payments.by_id(known.payment_id).refunded.minor == 0
    assert world.found("R-318").state is ReturnState.REFUND_FAILED


def test_a_claim_takes_only_what_is_left_on_a_free_payment(world: World) -> None:
    order, elsewhere = world.order(paid=4000), world.order("1043", intent=None)
    with world.begin() as uow:
        payment = uow.payments.of_order(order.id)[0]
        assert [uow.payments.claim(payment.id, amount) for amount in (4001, 3000, 1001, 1000, 1)] == [
            False, True, False, True, False,
        ]
        uow.payments.release(payment.id, 4000)
        uow.payments.mark_disputed(payment.id, disputed=True)
        assert not uow.payments.claim(payment.id, 1)
        assert not any(uow.payments.claim(one.id, 1) for one in uow.payments.of_order(elsewhere.id))


def test_a_return_is_saved_only_from_where_it_was_read_and_by_a_step_there_is(world: World) -> None:
    asked = world.request(world.order())
    with world.begin() as uow:
        uow.returns.save(replace(asked, photo="other"))
    with world.begin() as uow, pytest.raises(Conflict):
        uow.returns.save(replace(asked, photo="third"))
    with world.begin() as uow, pytest.raises(Conflict):
        uow.returns.save(replace(uow.returns.held(asked.id), state=ReturnState.REFUNDED))


def test_a_version_is_approved_once_and_an_approval_refunded_once(world: World) -> None:
    asked = world.request(world.order())
    with world.begin() as uow:
        staff = uow.people.all()[0]
        approval = uow.returns.approve(asked.id, version=1, amount=asked.requested, staff_id=staff.id)
        with pytest.raises(Conflict):
            uow.returns.approve(asked.id, version=1, amount=asked.requested, staff_id=staff.id)
        payment = uow.payments.of_order(asked.order_id)[0]
        for refund_id, fits in (("first", True), ("second", False)):
            with nullcontext() if fits else pytest.raises(Conflict):
                uow.payments.intend(
                    refund_id, payment_id=payment.id, amount=asked.requested, return_id=asked.id,
                    approval_id=approval.id,
                )
