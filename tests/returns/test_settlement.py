"""Stripe's word on refunds and disputes: twice, late, in any order."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Conflict, RuleBroken, Stale
from domain.money import Money
from domain.payments import DisputeClosed, DisputeOpened, RefundSettled, RefundState, refund_sent, refund_to_send
from domain.payments.settlement import CONTRADICTION, after
from domain.returns import ApproveReturn, ReceivedLine, ReturnReceived, ReturnState, cards
from domain.returns.letters import RefundOnItsWay
from domain.returns.messages import ReturnCard
from domain.returns.model import Reason
from domain.wire import from_json
from notifications.catalogue import Catalogue
from tests.returns.world import NOW, World

DONE, FAILED, PENDING = RefundState.SUCCEEDED, RefundState.FAILED, RefundState.PENDING


def _approved(world: World) -> str:
    world.request(world.order())
    world.run(ApproveReturn(return_number="R-318", version=1), "ada")
    return str(world.outbox("refund")[0]["refund"])


def _hear(world: World, refund: str, state: RefundState) -> None:
    world.learn(RefundSettled(refund_id=refund, stripe_refund="re_1", state=state, card_last4="4242"))


def _refunded(world: World) -> int:
    with world.begin() as uow:
        order = uow.orders.by_number("1042")
        assert order is not None
        return uow.payments.of_order(order.id)[0].refunded.minor


def test_the_carrier_gets_the_intent_once_it_is_approved_and_until_it_is_settled(world: World) -> None:
    refund = _approved(world)
    with world.begin() as uow:
        ready = refund_to_send(refund, uow)
        assert ready is not None
        assert (ready.payment_intent, ready.amount.minor) == ("pi_1042", 3800)
        first = refund_sent(refund, uow)
    world.later(hours=1)
    with world.begin() as uow:
        again = refund_sent(refund, uow)
        assert first is not None
        assert again is not None
        assert again.first_sent_at == first.first_sent_at == NOW
    _hear(world, refund, DONE)
    with world.begin() as uow:
        assert refund_to_send(refund, uow) is None


def test_an_intent_whose_amount_nobody_approved_is_never_sent(world: World) -> None:
    refund = _approved(world)
    with world.begin() as uow:
        known = uow.payments.refund(refund)
        assert known is not None
        forged = uow.payments.intend(
            "forged", payment_id=known.payment_id, amount=Money(minor=1, currency="EUR"), return_id=known.return_id,
            approval_id=None,
        )
        with pytest.raises(Conflict, match="no approval for its amount"):
            refund_to_send(forged.id, uow)


def test_a_second_refund_of_a_return_is_not_sent_while_the_first_may_have_gone_out(world: World) -> None:
    first = _approved(world)
    _hear(world, first, FAILED)
    world.run(ApproveReturn(return_number="R-318"), "cleo")
    second = str(world.outbox("refund")[1]["refund"])
    _hear(world, first, DONE)
    with world.begin() as uow, pytest.raises(Conflict, match="may have gone out"):
        refund_to_send(second, uow)


def test_success_tells_card_thread_and_customer_once(world: World) -> None:
    refund = _approved(world)
    for _ in range(3):
        _hear(world, refund, DONE)
    found = world.found("R-318")
    assert (found.state, found.closed_at) == (ReturnState.REFUNDED, NOW)
    assert world.told(1001) == ["return_approved", "refund_on_its_way"]
    letter = from_json(RefundOnItsWay, world.outbox("refund_on_its_way")[0]["fields"])
    with world.begin() as uow:
        title = Catalogue().words(letter, uow.shop, "telegram").plain_title
    assert title == "✅ €38.00 is on its way to your card ending 4242."
    news = [one["fields"] for one in world.outbox("return_news")]
    assert [one["news"] for one in news if isinstance(one, dict)] == ["approved", "refunded"]
    card = from_json(ReturnCard, world.outbox("return_card")[-1]["fields"])
    assert (card.state, card.stripe_refund, card.told) == (ReturnState.REFUNDED, "re_1", True)


def test_a_bank_that_sends_the_money_back_opens_the_return_again(world: World) -> None:
    refund = _approved(world)
    _hear(world, refund, DONE)
    _hear(world, refund, FAILED)
    assert world.found("R-318").state is ReturnState.REFUND_FAILED
    assert _refunded(world) == 0
    assert world.told(1001)[-1] == "refund_bounced"


def test_success_after_failure_is_for_a_person_and_bars_a_second_refund(world: World) -> None:
    refund = _approved(world)
    for state in (FAILED, DONE, DONE):
        _hear(world, refund, state)
    with world.begin() as uow:
        known = uow.payments.refund(refund)
    assert known is not None
    assert (known.state, known.failure) == (RefundState.NEEDS_HUMAN, CONTRADICTION)
    assert _refunded(world) == 3800
    assert "refund_on_its_way" not in world.told(1001)
    with pytest.raises(RuleBroken, match="not clear whether"):
        world.run(ApproveReturn(return_number="R-318"), "ada")


def test_success_after_failure_changes_nothing_once_the_money_went_elsewhere(world: World) -> None:
    refund = _approved(world)
    _hear(world, refund, FAILED)
    with world.begin() as uow:
        known = uow.payments.refund(refund)
        assert known is not None
        assert uow.payments.claim(known.payment_id, 9000)
    _hear(world, refund, DONE)
    assert _refunded(world) == 9000
    assert world.found("R-318").state is ReturnState.REFUND_FAILED


def test_unknown_refunds_are_only_written_down(world: World) -> None:
    world.learn(RefundSettled(refund_id=None, stripe_refund="re_elsewhere", state=DONE))
    world.learn(RefundSettled(refund_id="nobody", stripe_refund=None, state=FAILED))
    assert world.outbox() == []


@pytest.mark.parametrize("order", list(itertools.permutations((PENDING, DONE, FAILED))))
def test_the_payment_counts_money_exactly_while_the_refund_holds_it(world: World, order: tuple[RefundState, ...]) -> None:
    refund = _approved(world)
    for state in order:
        _hear(world, refund, state)
        with world.begin() as uow:
            known = uow.payments.refund(refund)
        assert known is not None
        assert _refunded(world) == (0 if known.state is FAILED else 3800)


@given(st.lists(st.sampled_from([PENDING, DONE, FAILED, RefundState.NEEDS_HUMAN]), max_size=12))
def test_stripes_words_never_bring_a_settled_refund_back_to_pending(words: list[RefundState]) -> None:
    state = RefundState.INTENDED
    for word in words:
        before, state = state, after(state, word) or state
        if before in {DONE, FAILED}:
            assert state not in {PENDING, RefundState.INTENDED}
        if before is FAILED:
            assert state in {FAILED, RefundState.NEEDS_HUMAN}


def _sent_back(world: World) -> None:
    world.request(world.order(), reason=Reason.CHANGED_MIND, photo=None)
    world.run(ApproveReturn(return_number="R-318", version=1), "ada")


def _received(received: int, damaged: int = 0) -> ReturnReceived:
    lines = (ReceivedLine(sku="BLU-MUG-300", received=received, damaged=damaged),)
    return ReturnReceived(number="R-318", lines=lines, at=NOW)


def test_goods_that_must_come_back_are_refunded_when_they_have_come(world: World) -> None:
    _sent_back(world)
    assert world.found("R-318").state is ReturnState.APPROVED
    assert world.outbox("refund") == []
    world.learn(_received(2))
    said = len(world.desk.outbox_rows())
    world.learn(_received(2))
    assert len(world.desk.outbox_rows()) == said, "heard twice, it says nothing more"
    assert len(world.outbox("refund")) == 1
    assert _refunded(world) == 3800 - 490
    assert world.found("R-318").state is ReturnState.REFUNDING


@pytest.mark.parametrize(("received", "damaged"), [(1, 0), (0, 0), (3, 0), (2, 1)])
def test_goods_otherwise_than_announced_are_put_before_a_person(world: World, received: int, damaged: int) -> None:
    _sent_back(world)
    world.learn(_received(received, damaged))
    assert world.found("R-318").state is ReturnState.RECEIVED
    assert world.outbox("refund") == []
    world.run(ApproveReturn(return_number="R-318", amount_minor=1000), "ada")
    assert _refunded(world) == 1000


def test_goods_before_the_decision_are_kept_in_mind(world: World) -> None:
    world.request(world.order(), reason=Reason.CHANGED_MIND, photo=None)
    world.learn(_received(2))
    assert world.found("R-318").state is ReturnState.REQUESTED
    world.run(ApproveReturn(return_number="R-318"), "ada")
    assert world.found("R-318").state is ReturnState.REFUNDING


def test_goods_come_while_the_payment_is_disputed(world: World) -> None:
    _sent_back(world)
    world.learn(_opened())
    world.learn(_received(2))
    assert world.found("R-318").state is ReturnState.RECEIVED
    assert world.outbox("refund") == []


def _opened() -> DisputeOpened:
    return DisputeOpened(
        stripe_dispute="du_1", payment_intent="pi_1042", state="needs_response", reason="product_not_received",
        amount_minor=8800, currency="EUR", at=NOW, due_by=NOW + timedelta(days=8),
    )


def _closed(state: str) -> DisputeClosed:
    return DisputeClosed(
        stripe_dispute="du_1", payment_intent="pi_1042", state=state, reason="product_not_received",
        amount_minor=8800, currency="EUR", at=NOW,
    )


@pytest.mark.parametrize(("state", "free"), [("won", True), ("warning_closed", True), ("lost", False)])
def test_a_dispute_bars_refunds_until_it_is_won(world: World, state: str, free: bool) -> None:
    world.request(world.order())
    for _ in range(2):
        world.learn(_opened())
    assert len(world.outbox("dispute_card")) == 1
    with pytest.raises(RuleBroken, match="disputed"):
        world.run(ApproveReturn(return_number="R-318", version=2), "ada")
    world.learn(_closed(state))
    world.learn(_opened())
    assert len(world.outbox("dispute_card")) == 2
    approve = ApproveReturn(return_number="R-318", version=world.found("R-318").version)
    if free:
        world.run(approve, "ada")
    else:
        with pytest.raises(RuleBroken, match="disputed"):
            world.run(approve, "ada")


@pytest.mark.parametrize(("state", "after"), [
    ("won", ["Approve €38.00", "Decline…", "In part…", "History"]), ("lost", ["Decline…", "History"]),
])
def test_no_card_offers_money_that_is_barred(world: World, state: str, after: list[str]) -> None:
    def shown() -> tuple[int, list[str]]:
        found = world.found("R-318")
        with world.begin() as uow:
            labels = [one.label for one in cards.card_of(found, uow).buttons if "photo" not in one.label]
        assert world.outbox("return_card")[-1]["version"] == found.version
        return found.version, labels

    world.request(world.order(), quantity=2)
    before = shown()
    world.learn(_opened())
    assert shown() == (2, ["Decline…", "History"])
    with pytest.raises(Stale):
        world.run(ApproveReturn(return_number="R-318", version=before[0]), "ada")
    world.learn(_closed(state))
    assert shown() == (3 if state == "won" else 2, after)


def test_half_of_two_approvals_from_before_a_dispute_counts_no_longer(two_person_world: World) -> None:
    world = two_person_world
    world.request(world.order(), quantity=2)
    world.run(ApproveReturn(return_number="R-318", version=1), "ada")
    world.learn(_opened())
    world.learn(_closed("won"))
    found = world.found("R-318")
    with world.begin() as uow:
        assert cards.card_of(found, uow).first_approver is None
    world.run(ApproveReturn(return_number="R-318", version=world.found("R-318").version), "cleo")
    assert world.found("R-318").state is ReturnState.REQUESTED
    assert world.outbox("refund") == []


def test_a_disputes_card_follows_its_state_and_keeps_quiet_about_the_same_news(world: World) -> None:
    world.order()
    world.learn(_opened())
    world.learn(_opened())
    world.learn(replace(_opened(), state="under_review"))
    world.learn(_closed("lost"))
    world.learn(replace(_opened(), state="under_review"))
    shown = [(one["version"], one["fields"]) for one in world.outbox("dispute_card")]
    states = [(version, card["state"]) for version, card in shown if isinstance(card, dict)]
    assert states == [(1, "needs_response"), (2, "under_review"), (3, "lost")]


@pytest.mark.parametrize(("first", "second", "free"), [
    ("won", "needs_response", False), ("won", "won", True), ("lost", "won", False), ("won", "lost", False),
])
def test_a_payment_with_two_disputes_is_free_once_both_are_won(world: World, first: str, second: str, free: bool) -> None:
    world.order()
    world.learn(_opened())
    world.learn(replace(_opened(), stripe_dispute="du_2"))
    world.learn(_closed(first))
    if second != "needs_response":
        world.learn(replace(_closed(second), stripe_dispute="du_2"))
    with world.begin() as uow:
        payment = uow.payments.by_intent("pi_1042")
        assert payment is not None
        assert payment.disputed is not free


def test_news_that_it_was_won_frees_the_payment_by_whichever_event_it_comes(world: World) -> None:
    world.request(world.order())
    world.learn(_opened())
    world.learn(replace(_opened(), state="won", due_by=None))
    world.learn(_closed("won"))
    world.run(ApproveReturn(return_number="R-318", version=world.found("R-318").version), "ada")
    assert _refunded(world) == 3800


def test_a_dispute_closed_before_it_was_opened_stays_closed(world: World) -> None:
    world.request(world.order())
    world.learn(_closed("won"))
    world.learn(_opened())
    world.run(ApproveReturn(return_number="R-318", version=1), "ada")
    assert _refunded(world) == 3800
