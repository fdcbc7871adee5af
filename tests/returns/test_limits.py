"""Limits that add up: said with figures and names, given back once, never passed by any sequence."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings

from domain.errors import NotAllowed
from domain.payments import RefundSettled, RefundState
from domain.returns import ApproveReturn, Reason, ReturnState
from domain.returns.messages import News, ReturnDone
from storage.tables import allowances, staff
from tests.returns.limits import Limits
from tests.returns.world import World, world_on

TestLimits = Limits.TestCase
TestLimits.settings = settings(
    max_examples=6, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)


def _ask(world: World, number: str, *, minor: int = 2000, customer: str = "maria") -> str:
    order = world.order(number, customer=customer, paid=minor, lines=(("CUP", "Cup", 1, minor),))
    return world.request(order, quantity=1, user=None).number


@pytest.fixture
def world() -> Iterator[World]:
    with world_on("sqlite://", {
        "refund_on_receipt": False, "approver_day_limit_minor": 5000, "customer_limit_minor": 7000,
        "shop_day_limit_minor": 9000,
    }) as made:
        yield made


def _approve(world: World, number: str, who: str) -> None:
    assert isinstance(world.run(ApproveReturn(return_number=number), who), ReturnDone)


def test_a_persons_day_says_limit_use_and_who_may(world: World) -> None:
    for place in range(2):
        _approve(world, _ask(world, f"{place}", customer=f"c{place}"), "ada")
    third = _ask(world, "2", customer="c2")
    with pytest.raises(NotAllowed, match=r"You would let €60\.00 go today\. Your limit is €50\.00 a day, and €40\.00 of it is used\. @Cleo may\."):
        world.run(ApproveReturn(return_number=third), "ada")
    assert world.found(third).version == 1, "nothing of it stays"
    _approve(world, third, "cleo")
    world.later(hours=24)
    _approve(world, _ask(world, "3", customer="c3"), "ada")


def test_a_persons_own_figure_wins_over_the_policys(world: World) -> None:
    world.desk.execute(sa.update(staff).where(staff.c.key == "ada").values(day_limit_minor=1999))
    with pytest.raises(NotAllowed, match=r"Your limit is €19\.99 a day"):
        world.run(ApproveReturn(return_number=_ask(world, "1")), "ada")


def test_a_customers_period_and_the_shops_day(world: World) -> None:
    for place, who in enumerate(("ada", "cleo", "ada")):
        _approve(world, _ask(world, f"{place}"), who)
    with pytest.raises(NotAllowed, match=r"Maria S\. would get €80\.00 within 30 days\. One customer gets at most €70\.00, and €60\.00 of it is used\. An owner can raise customer_limit_minor"):
        world.run(ApproveReturn(return_number=_ask(world, "4")), "cleo")
    _approve(world, _ask(world, "5", customer="paul"), "cleo")
    world.desk.execute(sa.update(staff).values(day_limit_minor=99_999))
    with pytest.raises(NotAllowed, match=r"The shop would let €100\.00 go today\. It lets at most €90\.00 go in one day"):
        world.run(ApproveReturn(return_number=_ask(world, "6", customer="quinn")), "ada")
    world.later(days=29)
    with pytest.raises(NotAllowed, match="within 30 days"):
        world.run(ApproveReturn(return_number=_ask(world, "7")), "ada")
    world.later(days=1)
    _approve(world, _ask(world, "8"), "ada")


def test_a_customers_name_is_only_a_name(world: World) -> None:
    world.desk.execute(sa.text("UPDATE shops SET settings = replace(settings, '7000', '1000')"))
    number = _ask(world, "1")
    world.desk.execute(sa.text("UPDATE customers SET name = '{used.__class__} {0}'"))
    with pytest.raises(NotAllowed, match=r"^\{used\.__class__\} \{\. would get"):
        world.run(ApproveReturn(return_number=number), "ada")


def test_a_failed_refund_is_given_back_once_and_counts_again_if_it_went_out_after_all(world: World) -> None:
    _approve(world, _ask(world, "1"), "ada")
    refund = str(world.outbox("refund")[0]["refund"])

    def used() -> set[int]:
        return {row.used_minor for row in world.desk.query(sa.select(allowances).where(allowances.c.day > date(1970, 1, 2)))}

    assert used() == {2000}
    for _ in range(3):
        world.learn(RefundSettled(refund_id=refund, stripe_refund="re_1", state=RefundState.FAILED))
    assert used() == {0}
    world.learn(RefundSettled(refund_id=refund, stripe_refund="re_1", state=RefundState.SUCCEEDED))
    assert used() == {2000}


def test_one_person_cannot_split_an_order_below_the_second_approver(world: World) -> None:
    with world_on("sqlite://", {"refund_on_receipt": False, "second_approver_above_minor": 3000}) as split:
        order = split.order(lines=(("CUP", "Cup", 4, 2000),), paid=8000)
        numbers = [split.request(order, quantity=1, reason=reason).number for reason in (Reason.DAMAGED, Reason.OTHER)]
        _approve(split, numbers[0], "ada")
        done = split.run(ApproveReturn(return_number=numbers[1]), "ada")
        assert isinstance(done, ReturnDone)
        assert done.news is News.FIRST_APPROVAL
        _approve(split, numbers[1], "cleo")
        assert split.found(numbers[1]).state is ReturnState.REFUNDING
