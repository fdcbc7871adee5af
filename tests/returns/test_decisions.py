"""Deciding returns, on both databases."""

from __future__ import annotations

import pytest

from domain.errors import BadInput, Conflict, NotAllowed, NotFound, RuleBroken
from domain.money import Money
from domain.payments import RefundSettled, RefundState
from domain.people import Actor
from domain.returns import (
    ApproveInPart,
    ApproveReturn,
    AskForPhoto,
    CancelReturn,
    DeclineReturn,
    ListReturns,
    Reason,
    ReturnHistory,
    ReturnState,
    ShowReturn,
    approve_return,
)
from domain.returns.arrivals import sweep_overdue_returns
from domain.returns.messages import FinanceNeeded, News, ReturnCard, ReturnDone, ReturnList, ReturnStory
from tests.returns.world import World


def _refunds(world: World) -> list[str]:
    return [str(one["refund"]) for one in world.outbox("refund")]


def test_approving_writes_one_intent_and_counts_it_on_the_payment(world: World) -> None:
    order = world.order()
    asked = world.request(order)
    assert (asked.number, asked.requested, asked.goods.value) == ("R-318", Money(minor=3800, currency="EUR"), "keep")

    done = world.run(ApproveReturn(return_number="R-318", version=1), "ada")

    assert isinstance(done, ReturnDone)
    assert done.news is News.APPROVED
    with world.begin() as uow:
        (payment,) = uow.payments.of_order(order.id)
        (refund,) = uow.payments.refunds_of_return(asked.id)
        (approval,) = uow.returns.approvals(asked.id)
    assert payment.refunded.minor == 3800
    assert (refund.amount.minor, refund.approval_id, refund.state) == (3800, approval.id, RefundState.INTENDED)
    assert _refunds(world) == [refund.id]
    assert world.found("R-318").state is ReturnState.REFUNDING
    assert world.told(1001) == ["return_approved"]


def test_the_second_press_reads_who_was_faster(world: World) -> None:
    world.request(world.order())
    world.run(ApproveReturn(return_number="R-318", version=1), "ada")
    world.later(minutes=3)
    with pytest.raises(Conflict, match=r"^Ada approved this at 09:05\.$"):
        world.run(ApproveReturn(return_number="R-318", version=1), "cleo")
    with pytest.raises(Conflict, match="Ada approved this"):
        world.run(DeclineReturn(return_number="R-318", version=1, reason="no"), "cleo")
    assert len(_refunds(world)) == 1


def test_a_button_of_an_older_version_decides_nothing(world: World) -> None:
    world.request(world.order())
    world.run(AskForPhoto(return_number="R-318", version=1), "ben")
    with pytest.raises(Conflict, match="has changed since you looked"):
        world.run(ApproveReturn(return_number="R-318", version=1), "ada")


@pytest.mark.parametrize("who", ["dan", "eve"])
def test_only_approvers_decide(world: World, who: str) -> None:
    world.request(world.order())
    for command in (
        ApproveReturn(return_number="R-318", version=1), DeclineReturn(return_number="R-318", version=1, reason="no"),
        ApproveInPart(return_number="R-318", version=1, amount="1.00"),
    ):
        with pytest.raises(NotAllowed):
            world.run(command, who)
    assert world.found("R-318").state is ReturnState.REQUESTED


def test_guests_unknown_and_inactive_people_decide_nothing(world: World) -> None:
    world.request(world.order())
    with world.begin() as uow:
        ada = uow.people.all()[0]
        for actor in (
            Actor(identity="slack:T0NORDLICHT/U0GUEST"), Actor(identity="telegram:1001", customer_id=1),
            Actor(identity="slack:T0ELSEWHERE/U0MALLORY", staff=ada, stranger=True),
        ):
            with pytest.raises(NotAllowed):
                approve_return(ApproveReturn(return_number="R-318", version=1), actor, uow)


def test_above_the_limit_finance_is_asked_once_and_nothing_moves(world: World) -> None:
    world.request(world.order())
    for _ in range(2):
        answer = world.run(ApproveReturn(return_number="R-318", version=1), "ben")
        assert isinstance(answer, FinanceNeeded)
        assert (answer.names, answer.limit) == ("@Cleo", Money(minor=3000, currency="EUR"))
    assert len(world.outbox("finance_asked")) == 1
    assert _refunds(world) == []
    assert world.found("R-318").version == 1


def test_support_without_a_limit_may_let_nothing_go(world: World) -> None:
    world.request(world.order())
    answer = world.run(ApproveReturn(return_number="R-318", version=1, amount_minor=1), "finn")
    assert isinstance(answer, FinanceNeeded)
    assert answer.limit is None


def test_splitting_does_not_get_round_a_limit(world: World) -> None:
    order = world.order()
    world.request(order, quantity=1)
    world.request(order, quantity=1, reason=Reason.WRONG_ITEM)
    assert isinstance(world.run(ApproveReturn(return_number="R-318", version=1), "ben"), ReturnDone)
    assert isinstance(world.run(ApproveReturn(return_number="R-319", version=1), "ben"), FinanceNeeded)


def test_nobody_decides_their_own_return(world: World) -> None:
    order = world.order(customer="ada-privately")
    world.link("ada-privately", 2002)
    world.request(order, user=2002)
    for command in (
        ApproveReturn(return_number="R-318", version=1), DeclineReturn(return_number="R-318", version=1, reason="no"),
    ):
        with pytest.raises(NotAllowed, match="your own return"):
            world.run(command, "ada")


def test_two_different_people_approve_above_the_bound(two_person_world: World) -> None:
    world = two_person_world
    world.request(world.order())
    first = world.run(ApproveReturn(return_number="R-318", version=1), "ada")
    assert isinstance(first, ReturnDone)
    assert first.news is News.FIRST_APPROVAL
    assert _refunds(world) == []
    with pytest.raises(NotAllowed, match="a second person"):
        world.run(ApproveReturn(return_number="R-318", version=2), "ada")
    world.run(ApproveReturn(return_number="R-318", version=2), "cleo")
    assert len(_refunds(world)) == 1
    assert world.found("R-318").state is ReturnState.REFUNDING


def test_a_first_approval_is_void_once_the_return_or_the_amount_changes(two_person_world: World) -> None:
    world = two_person_world
    world.request(world.order())
    world.run(ApproveReturn(return_number="R-318", version=1), "ada")
    other = world.run(ApproveReturn(return_number="R-318", version=2, amount_minor=3700), "cleo")
    assert isinstance(other, ReturnDone)
    assert other.news is News.FIRST_APPROVAL
    world.run(AskForPhoto(return_number="R-318", version=3), "ada")
    again = world.run(ApproveReturn(return_number="R-318", version=4), "ada")
    assert isinstance(again, ReturnDone)
    assert again.news is News.FIRST_APPROVAL
    assert _refunds(world) == []


@pytest.mark.parametrize("amount", ["0", "38.01", "999999", "-5", "abc", "1.5"])
def test_amounts_that_cannot_be_are_refused_at_their_field(world: World, amount: str) -> None:
    world.request(world.order())
    with pytest.raises(BadInput) as caught:
        world.run(ApproveInPart(return_number="R-318", version=1, amount=amount, reason="used"), "ada")
    assert caught.value.field == "amount"


def test_in_part_refunds_that_much_and_says_why(world: World) -> None:
    order = world.order()
    world.request(order)
    world.run(ApproveInPart(return_number="R-318", version=1, amount="12.50", reason="One was fine."), "ada")
    with world.begin() as uow:
        assert uow.payments.of_order(order.id)[0].refunded.minor == 1250
    letter = world.outbox("return_approved")[0]["fields"]
    assert isinstance(letter, dict)
    assert (letter["in_part"], letter["reason"]) == (True, "One was fine.")


@pytest.mark.parametrize(("kind", "sentence"), [
    ("elsewhere", "not through Stripe"), ("disputed", "disputed at the bank"), ("used_up", r"Only €10\.00 is left"),
])
def test_what_cannot_be_refunded_is_said(world: World, kind: str, sentence: str) -> None:
    order = world.order(intent=None if kind == "elsewhere" else "")
    world.request(order)
    with world.begin() as uow:
        payment = uow.payments.of_order(order.id)[0]
        if kind == "disputed":
            uow.payments.mark_disputed(payment.id, disputed=True)
        if kind == "used_up":
            assert uow.payments.claim(payment.id, 9000)
    with pytest.raises(RuleBroken, match=sentence):
        world.run(ApproveReturn(return_number="R-318", version=1), "ada")
    assert _refunds(world) == []


def test_declining_tells_the_customer_why(world: World) -> None:
    world.request(world.order())
    with pytest.raises(BadInput):
        world.run(DeclineReturn(return_number="R-318", version=1, reason="  "), "ada")
    world.run(DeclineReturn(return_number="R-318", version=1, reason="The window is over."), "ben")
    found = world.found("R-318")
    assert (found.state, found.decision_note) == (ReturnState.DECLINED, "The window is over.")
    assert world.told(1001) == ["return_declined"]


def test_declined_pieces_can_be_asked_for_again_and_more_than_bought_cannot(world: World) -> None:
    order = world.order()
    world.request(order, quantity=3)
    with pytest.raises(RuleBroken, match="1 of Blue mug 300 ml can still be returned, not 2"):
        world.request(order, quantity=2)
    world.run(DeclineReturn(return_number="R-318", version=1, reason="no"), "ada")
    assert world.request(order, quantity=4).number == "R-319"


def test_the_same_undecided_return_is_one(world: World) -> None:
    order = world.order()
    assert world.request(order, quantity=1).number == world.request(order, quantity=1).number
    assert len(world.outbox("return_card")) == 1


def test_only_its_customer_cancels_and_only_in_time(world: World) -> None:
    world.request(world.order())
    with pytest.raises(NotAllowed):
        world.run(CancelReturn(return_number="R-318"), 1002)
    world.run(CancelReturn(return_number="R-318"), 1001)
    assert world.found("R-318").state is ReturnState.CANCELLED
    with pytest.raises(Conflict):
        world.run(ApproveReturn(return_number="R-318"), "ada")
    with pytest.raises(Conflict):
        world.run(CancelReturn(return_number="R-318"), 1001)


def test_the_list_shows_ages_and_sums(world: World) -> None:
    order = world.order()
    world.request(order, quantity=1)
    world.later(hours=5)
    world.request(order, quantity=2)
    world.later(hours=2)
    listed = world.run(ListReturns(), "eve")
    assert isinstance(listed, ReturnList)
    assert [one.number for one in listed.waiting] == ["R-318", "R-319"]
    assert (listed.total.minor, listed.oldest_hours, listed.overdue) == (5700, 7.0, 1)
    world.run(AskForPhoto(return_number="R-318", version=1), "ben")
    with world.begin() as uow:
        counted = uow.metrics.approvals()
    assert (counted.count, counted.amount, counted.overdue) == (2, listed.total, 1), "digest and list count the same"


def test_an_overdue_return_is_said_once(world: World) -> None:
    world.request(world.order())
    for _ in range(3):
        world.later(hours=4)
        with world.begin() as uow:
            sweep_overdue_returns(uow)
    assert len(world.outbox("return_news")) == 1


def test_history_and_card_tell_the_story(world: World) -> None:
    world.request(world.order())
    world.run(AskForPhoto(return_number="r-318", version=1), "ben")
    story = world.run(ReturnHistory(return_number="R-318"), "eve")
    assert isinstance(story, ReturnStory)
    assert [(line.who, line.what) for line in story.lines] == [("Maria S.", "asked for it"), ("Ben", "asked for a photo")]
    card = world.run(ShowReturn(return_number="R-318"), "eve")
    assert isinstance(card, ReturnCard)
    assert (card.customer, card.pieces, card.delivered_days) == ("Maria S.", "2 × Blue mug 300 ml of 4", 6)
    with pytest.raises(NotFound):
        world.run(ShowReturn(return_number="R-999"), "eve")


def test_a_failed_refund_opens_the_return_again_under_a_new_key(world: World) -> None:
    order = world.order()
    world.request(order)
    world.run(ApproveReturn(return_number="R-318", version=1), "ada")
    (first,) = _refunds(world)
    world.learn(RefundSettled(refund_id=first, stripe_refund="re_1", state=RefundState.FAILED, failure="lost card"))
    assert world.found("R-318").state is ReturnState.REFUND_FAILED
    with world.begin() as uow:
        assert uow.payments.of_order(order.id)[0].refunded.minor == 0
    world.run(ApproveReturn(return_number="R-318"), "cleo")
    second = _refunds(world)[1]
    assert second != first
    world.learn(RefundSettled(refund_id=second, stripe_refund="re_2", state=RefundState.SUCCEEDED))
    assert world.found("R-318").state is ReturnState.REFUNDED
