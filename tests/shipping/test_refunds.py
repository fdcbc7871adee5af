"""A refund asked for from a late parcel's card: a return that waits, and no money until somebody entitled says so."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from domain import returns
from domain.errors import Conflict, NotAllowed, RuleBroken
from domain.returns import ApproveReturn, AskForPhoto, DeclineReturn, Goods, Reason, Return, ReturnCard, ReturnState
from domain.returns.messages import FinanceNeeded
from domain.shipping import LateParcelCard, Milestone, RefundAsked, RefundParcel, Substatus, sweep_parcels
from storage.tables import audit, chats, orders, payments, refunds, staff
from tests.inventory.world import World, actor
from tests.shipping.test_parcels import scan, stuck


def asked(world: World, who: str = "dan") -> tuple[LateParcelCard, RefundAsked]:
    with world.store.engine.begin() as connection:
        connection.execute(sa.insert(chats).values(shop_id=1, topic="returns", platform="slack", address="C0RETURNS"))
    card = stuck(world)
    said = world.run(RefundParcel(case_id=card.case_id, version=card.version), who)
    assert isinstance(said, RefundAsked)
    return card, said


def found(world: World, number: str = "R-318") -> Return:
    with world.begin() as uow:
        known = uow.returns.by_number(number)
    assert known is not None
    return known


def decide(world: World, command: ApproveReturn | DeclineReturn, who: str) -> object:
    with world.begin() as uow:
        return returns.USE_CASES[type(command)](command, actor(who, uow), uow)


def money(world: World) -> int:
    with world.store.engine.connect() as connection:
        return len(connection.execute(sa.select(refunds.c.id)).all())


def late_card(world: World) -> LateParcelCard:
    card = world.said("late_parcel_card")[-1]
    assert isinstance(card, LateParcelCard)
    return card


def test_it_asks_and_refunds_nothing(world: World) -> None:
    before, said = asked(world)
    (button,) = [one for one in before.buttons if one.label == "Ask for a refund"]
    assert button.more
    waiting = found(world)
    assert (said.number, str(said.amount)) == ("R-318", "€20.00")
    assert (waiting.state, waiting.reason, waiting.goods, waiting.cost.minor) == (
        ReturnState.REQUESTED, Reason.NOT_ARRIVED, Goods.KEEP, 0,
    )
    assert money(world) == 0
    (card,) = world.said("return_card")
    assert isinstance(card, ReturnCard)
    assert (card.reason, card.waits) == ("never arrived", True)
    assert card.explanation == ("nothing to send back: it never arrived", "no scan for 4 working days")
    after = late_card(world)
    assert after.refund == "R-318"
    assert not [one for one in after.buttons if one.label == "Ask for a refund"]
    with world.store.engine.connect() as connection:
        actions = list(connection.execute(sa.select(audit.c.action).where(audit.c.actor == "staff:dan")).scalars())
    assert actions == ["return.requested", "parcel.refund_asked"]


def test_only_an_entitled_person_lets_the_money_go_and_at_once_since_nothing_comes_back(world: World) -> None:
    asked(world)
    for who in ("dan", "eve"):
        with pytest.raises(NotAllowed):
            decide(world, ApproveReturn(return_number="R-318", version=1), who)
    with world.store.engine.begin() as connection:
        connection.execute(sa.update(staff).where(staff.c.key == "ben").values(refund_limit_minor=1999))
    assert isinstance(decide(world, ApproveReturn(return_number="R-318", version=1), "ben"), FinanceNeeded)
    assert money(world) == 0
    decide(world, ApproveReturn(return_number="R-318", version=1), "cleo")
    assert money(world) == 1
    assert found(world).state is ReturnState.REFUNDING


def test_a_customer_who_never_asked_is_not_told_of_a_no_nor_asked_for_a_photo(world: World) -> None:
    asked(world)
    with world.begin() as uow:
        decline = returns.FORMS[DeclineReturn](DeclineReturn(return_number="R-318", version=1), actor("cleo", uow), uow)
    assert decline.intro == "The desk asked for €20.00. Maria S. hears nothing of it."
    (card,) = world.said("return_card")
    assert "photo" not in str([one.label for one in card.buttons])
    with pytest.raises(RuleBroken, match="nothing to take a photo of"), world.begin() as uow:
        returns.USE_CASES[AskForPhoto](AskForPhoto(return_number="R-318", version=1), actor("cleo", uow), uow)
    decide(world, DeclineReturn(return_number="R-318", version=1, reason="It came on Monday."), "cleo")
    assert found(world).state is ReturnState.DECLINED
    assert world.said("return_declined") == []


def test_a_second_press_and_a_second_return_are_refused(world: World) -> None:
    before, _ = asked(world)
    for version in (before.version, late_card(world).version):
        with pytest.raises(Conflict, match="R-318 asks for a refund"):
            world.run(RefundParcel(case_id=before.case_id, version=version), "ada")
    assert len(world.said("return_card")) == 1


@pytest.mark.parametrize("again", ["on the card", "before the card says so"])
def test_after_a_no_the_card_offers_it_again(world: World, again: str) -> None:
    asked(world)
    decide(world, DeclineReturn(return_number="R-318", version=1, reason="It may still come."), "cleo")
    if again == "on the card":
        with world.begin() as uow:
            sweep_parcels(uow)
        assert late_card(world).refund is None
        assert [one.label for one in late_card(world).buttons if one.label == "Ask for a refund"]
    card = late_card(world)
    said = world.run(RefundParcel(case_id=card.case_id, version=card.version), "dan")
    assert isinstance(said, RefundAsked)
    assert (said.number, late_card(world).refund) == ("R-319", "R-319")
    with world.begin() as uow:
        sweep_parcels(uow)
    assert late_card(world).refund == "R-319"


def test_what_a_customer_asked_back_already_is_decided_there(world: World) -> None:
    card = stuck(world)
    with world.begin() as uow:
        order = uow.orders.by_number("1042")
        assert order is not None
        returns.request_return(
            order=order, wanted=(returns_wanted(order.lines[0].id),), reason=Reason.TOO_LATE, photo=None, note=None,
            telegram_user=1001, actor=actor(1001, uow), uow=uow,
        )
    with pytest.raises(RuleBroken, match="in a return already"):
        world.run(RefundParcel(case_id=card.case_id, version=card.version), "dan")
    assert late_card(world).refund is None


def returns_wanted(line: int) -> object:
    from domain.returns.policy import Wanted

    return Wanted(order_line_id=line, quantity=1)


def test_an_older_card_asks_for_nothing_and_a_viewer_neither(world: World) -> None:
    card = stuck(world)
    with pytest.raises(Conflict, match="changed in the meantime"):
        world.run(RefundParcel(case_id=card.case_id, version=card.version + 1), "dan")
    for who in ("eve", 1001):
        with pytest.raises(NotAllowed):
            world.run(RefundParcel(case_id=card.case_id, version=card.version), who)
    with world.begin() as uow:
        assert uow.returns.waiting() == ()


@pytest.mark.parametrize(("paid", "refund"), [(2490, "€24.90"), (2200, "€22.00")])
def test_postage_comes_back_where_none_of_the_order_came_and_never_more_than_was_paid(
    world: World, paid: int, refund: str
) -> None:
    world.customer()
    world.order(promised=None)
    with world.store.engine.begin() as connection:
        connection.execute(sa.update(orders).values(total_minor=2490, freight_minor=490))
        connection.execute(sa.update(payments).values(amount_minor=paid))
    scan(world, Milestone.EXCEPTION, substatus=Substatus.LOST)
    card = late_card(world)
    said = world.run(RefundParcel(case_id=card.case_id, version=card.version), "ben")
    assert isinstance(said, RefundAsked)
    assert str(said.amount) == refund


def test_customers_do_not_choose_that_it_never_arrived() -> None:
    from domain.dialogue.messages import WhatIsWrong
    from domain.dialogue.words import reason_in

    assert "not_arrived" not in str(WhatIsWrong().buttons)
    assert reason_in("not arrived") is not Reason.NOT_ARRIVED
