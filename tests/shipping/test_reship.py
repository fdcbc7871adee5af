"""Sending goods again: within limits, reserved, one task, told once, and the ledger when it leaves; on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa

from domain import returns
from domain.errors import BadInput, Conflict, NotAllowed, NotFound, OpsError, RuleBroken
from domain.messages import Message
from domain.people import Role
from domain.shipping import (
    FORMS,
    CancelReship,
    LateParcelCard,
    Milestone,
    ParcelReport,
    ParcelSettled,
    RefundParcel,
    ReshipCard,
    ReshipDone,
    ReshipLeft,
    ReshipParcel,
    ShowParcels,
)
from domain.shipping.reship import RESHIP
from domain.shipping.watch import LATE_PARCEL
from notifications.catalogue import Catalogue
from storage.tables import audit, orders, refunds, shops, staff, stock_levels, stock_movements
from tests.inventory.test_restock import MUG
from tests.inventory.world import World, actor
from tests.notifications.test_hostile import SHOP
from tests.shipping.test_parcels import scan


def lost(world: World, stock: int = 200, user: int | None = 1001) -> LateParcelCard:
    """Maria's mug has stood still at DHL for four working days."""
    world.variant(stock=stock, a_day=0)
    world.customer(user=user)
    world.order(promised=None)
    scan(world)
    world.later(days=4)
    world.sweep()
    return late_card(world)


def late_card(world: World) -> LateParcelCard:
    card = world.said("late_parcel_card")[-1]
    assert isinstance(card, LateParcelCard)
    return card


def task(world: World) -> ReshipCard:
    card = world.said("reship_card")[-1]
    assert isinstance(card, ReshipCard)
    return card


def reship(world: World, card: LateParcelCard, who: str = "cleo", note: str | None = None) -> Message:
    return world.run(ReshipParcel(case_id=card.case_id, version=card.version, note=note), who)


def stock(world: World) -> tuple[int, int]:
    with world.store.engine.connect() as connection:
        row = connection.execute(sa.select(stock_levels.c.on_hand, stock_levels.c.reserved)).one()
    return (row[0], row[1])


def set_staff(world: World, key: str, **values: object) -> None:
    with world.store.engine.begin() as connection:
        connection.execute(sa.update(staff).where(staff.c.key == key).values(**values))


def test_the_pieces_are_reserved_the_warehouse_has_a_task_and_the_customer_is_told_once(world: World) -> None:
    card = lost(world)
    (button,) = [one for one in card.buttons if one.label == "Send again…"]
    assert button.more
    said = reship(world, card, note=" bubble wrap ")
    assert isinstance(said, ReshipDone)
    assert stock(world) == (200, 1)
    mine = task(world)
    assert (mine.reship.pieces[0].sku, mine.reship.pieces[0].quantity, mine.reship.note) == (MUG, 1, "bubble wrap")
    assert (str(mine.reship.value), mine.reship.decided_by, mine.reship.told) == ("€20.00", "Cleo", True)
    assert [one.label for one in mine.buttons] == ["It has left…", "Don't send it"]
    (letter,) = world.payloads("reship_told")
    assert (letter["address"], letter["repeat"]) == ("1001", False)
    assert "Vamos enviá-la de novo" in str(letter["fields"])
    after = late_card(world)
    assert after.reship == "Cleo"
    assert after.told is not None, "the card says that they know, and with which words"
    assert after.told.text in str(letter["fields"])
    assert not [one for one in after.buttons if one.label in ("Send again…", "Ask for a refund")]
    for personal in ("Silva", "maria@", "1001"):
        assert personal not in str(world.payloads("reship_card")[0]["fields"])
    for version in (card.version, after.version):
        with pytest.raises(Conflict, match="Cleo has it sent again already"):
            world.run(ReshipParcel(case_id=card.case_id, version=version), "ada")
    assert len(world.payloads("reship_told")) == 1
    with world.store.engine.connect() as connection:
        assert connection.execute(sa.select(refunds.c.id)).all() == [], "no money moves"
        lines = connection.execute(sa.select(audit.c.actor).where(audit.c.action == "parcel.reship")).all()
    assert [tuple(line) for line in lines] == [("staff:cleo",)]


def test_when_it_leaves_the_stock_falls_the_new_parcel_is_watched_and_the_lost_ones_card_closes(world: World) -> None:
    card = lost(world)
    reship(world, card)
    mine = task(world)
    world.run(ReshipLeft(case_id=mine.case_id, version=mine.version, tracking_number=" 00999 ", carrier="GLS"), "dan")
    assert stock(world) == (199, 0)
    assert world.case(LATE_PARCEL, "1042/1") is None
    assert world.case(RESHIP, "1042/1") is None
    after = task(world)
    assert (after.reship.left_by, after.reship.tracking_number, after.buttons) == ("Dan", "00999", ())
    report = world.run(ShowParcels(order="1042"), "eve")
    assert isinstance(report, ParcelReport)
    assert [(one.parcel.tracking_number, one.parcel.state.milestone) for one in report.parcels] == [
        ("00340434", Milestone.IN_TRANSIT), ("00999", Milestone.INFO_RECEIVED),
    ]
    with pytest.raises(Conflict, match="Dan sent it already"):
        world.run(ReshipLeft(case_id=mine.case_id, version=after.version, tracking_number="00998"), "dan")
    assert stock(world) == (199, 0)
    world.sweep()
    assert world.case(LATE_PARCEL, "1042/1") is None
    assert world.case(LATE_PARCEL, "1042/2") is None, "made today, whenever the order was paid"
    world.later(days=6)
    world.sweep()
    assert world.case(LATE_PARCEL, "1042/2") is not None, "and watched from now on"
    with world.store.engine.connect() as connection:
        kinds = list(connection.execute(sa.select(stock_movements.c.kind).order_by(stock_movements.c.id)).scalars())
    assert kinds == ["opening", "reservation", "sale"]


def test_not_after_all_gives_the_pieces_back_and_opens_the_other_ways(world: World) -> None:
    card = lost(world)
    reship(world, card)
    with pytest.raises(Conflict, match="Goods and money are not both given"):
        world.run(RefundParcel(case_id=card.case_id, version=late_card(world).version), "cleo")
    mine = task(world)
    with pytest.raises(NotAllowed):
        world.run(CancelReship(case_id=mine.case_id, version=mine.version), "dan")
    world.run(CancelReship(case_id=mine.case_id, version=mine.version), "ada")
    assert stock(world) == (200, 0)
    assert late_card(world).reship is None
    with pytest.raises(Conflict, match="Ada stopped it"):
        world.run(ReshipLeft(case_id=mine.case_id, version=task(world).version, tracking_number="1"), "dan")
    world.run(RefundParcel(case_id=card.case_id, version=late_card(world).version), "cleo")
    with pytest.raises(Conflict, match="asks for the money back"):
        reship(world, late_card(world))


@pytest.mark.parametrize(("role", "limit", "allowed"), [
    ("support", 2000, True), ("support", 1999, False), ("support", None, False), ("finance", None, True),
    ("finance", 1999, False), ("ops", 9999, False), ("viewer", None, False), ("owner", None, True),
])
def test_goods_are_limited_as_a_refund_of_their_worth(world: World, role: str, limit: int | None, allowed: bool) -> None:
    card = lost(world)
    set_staff(world, "ben", role=Role(role).value, refund_limit_minor=limit)
    if allowed:
        reship(world, card, "ben")
        assert stock(world) == (200, 1)
        return
    with pytest.raises(NotAllowed):
        reship(world, card, "ben")
    with world.begin() as uow, pytest.raises(NotAllowed):
        FORMS[ReshipParcel](ReshipParcel(case_id=card.case_id, version=card.version), actor("ben", uow), uow)  # type: ignore[operator]
    assert stock(world) == (200, 0)
    assert world.said("reship_card") == []


def test_above_the_bound_one_person_is_not_enough(world: World) -> None:
    card = lost(world)
    policies = {"returns": {"second_approver_above_minor": 1999}}
    with world.store.engine.begin() as connection:
        connection.execute(sa.update(shops).values(settings={"calendar": {"country": "DE"}, "policies": policies}))
    with pytest.raises(NotAllowed, match="need two people"):
        reship(world, card, "ada")


def test_nobody_decides_on_their_own_order(world: World) -> None:
    card = lost(world)
    set_staff(world, "cleo", telegram_user=1001)
    with pytest.raises(NotAllowed, match="your own order"):
        reship(world, card)
    set_staff(world, "cleo", telegram_user=None, email="MARIA@example.com")
    with pytest.raises(NotAllowed, match="your own order"):
        reship(world, card)


def test_what_is_not_there_cannot_be_sent_and_says_what_is(world: World) -> None:
    card = lost(world, stock=0)
    with pytest.raises(RuleBroken, match="0 of Blue mug 300 ml can be sent, 1 are needed"):
        reship(world, card)
    assert world.said("reship_told") == []


def test_a_return_that_stands_is_decided_first_and_an_old_card_counts_for_nothing(world: World) -> None:
    card = lost(world)
    with pytest.raises(Conflict, match="changed in the meantime"):
        world.run(ReshipParcel(case_id=card.case_id, version=card.version + 1), "cleo")
    with world.begin() as uow:
        order = uow.orders.by_number("1042")
        assert order is not None
        returns.request_return(
            order=order, wanted=(returns.policy.Wanted(order_line_id=order.lines[0].id, quantity=1),),
            reason=returns.Reason.TOO_LATE, photo=None, note=None, telegram_user=1001, actor=actor(1001, uow), uow=uow,
        )
    with pytest.raises(RuleBroken, match="is in a return"):
        reship(world, card)


def test_who_has_no_chat_is_not_told_and_the_card_says_so(world: World) -> None:
    card = lost(world, user=None)
    said = reship(world, card)
    assert isinstance(said, ReshipDone)
    assert not said.reship.told
    assert not task(world).reship.told
    assert world.said("reship_told") == []


def test_a_parcel_that_never_left_is_not_sent_again(world: World) -> None:
    world.variant(stock=200, a_day=0)
    world.customer()
    world.order(promised=None)
    with world.store.engine.begin() as connection:
        connection.execute(sa.update(orders).where(orders.c.number == "1042").values(approved_at=world.now))
    world.later(days=8)
    world.sweep()
    card = late_card(world)
    assert "Send again…" not in [one.label for one in card.buttons]
    with pytest.raises(RuleBroken, match="does not have it yet"):
        reship(world, card)


def test_the_new_label_needs_a_number_of_its_own(world: World) -> None:
    reship(world, lost(world))
    mine = task(world)
    for number in (None, " ", "x" * 61, "00340434"):
        with pytest.raises(BadInput) as caught:
            world.run(ReshipLeft(case_id=mine.case_id, version=mine.version, tracking_number=number), "dan")
        assert caught.value.field == "tracking_number"
    for who in ("eve", 1001):
        with pytest.raises(NotAllowed):
            world.run(ReshipLeft(case_id=mine.case_id, version=mine.version, tracking_number="1"), who)
    with world.begin() as uow:
        form = FORMS[ReshipLeft](ReshipLeft(case_id=mine.case_id, version=mine.version), actor("dan", uow), uow)  # type: ignore[operator]
    assert form.fields[1].initial == "DHL"
    with pytest.raises(NotFound):
        world.run(ReshipLeft(case_id=late_card(world).case_id, version=1, tracking_number="1"), "dan")
    with pytest.raises(Conflict, match="changed in the meantime"):
        world.run(ReshipLeft(case_id=mine.case_id, version=mine.version + 1, tracking_number="1"), "dan")


def test_a_first_parcel_that_comes_after_all_says_that_a_second_one_is_packed(world: World) -> None:
    reship(world, lost(world))
    scan(world, Milestone.DELIVERED)
    settled = world.said("parcel_settled")[-1]
    assert isinstance(settled, ParcelSettled)
    assert settled.reship == "Cleo"
    assert "stop it on its card" in str(Catalogue().words(settled, SHOP, "slack").body)
    world.run(CancelReship(case_id=task(world).case_id, version=task(world).version), "ada")
    assert stock(world) == (200, 0)


def test_two_at_once_send_one_parcel(world: World) -> None:
    card = lost(world)

    def press(who: str) -> str:
        try:
            return type(reship(world, card, who)).__name__
        except OpsError as error:
            return type(error).__name__

    with ThreadPoolExecutor(2) as pool:
        found = sorted(pool.map(press, ("ada", "cleo")))
    assert found == ["Conflict", "ReshipDone"]
    assert stock(world) == (200, 1)
    assert len(world.payloads("reship_told")) == 1


def test_the_form_says_what_goes_out_and_what_it_is_worth(world: World) -> None:
    card = lost(world)
    with world.begin() as uow:
        form = FORMS[ReshipParcel](ReshipParcel(case_id=card.case_id, version=card.version), actor("cleo", uow), uow)  # type: ignore[operator]
    assert form.intro == "Order #1042: 1 × Blue mug 300 ml, worth €20.00. The pieces are reserved and the warehouse gets the task. The customer is told at once."
    assert world.now - card.late.since < timedelta(days=5)


def two_lost(world: World, stock: int) -> tuple[LateParcelCard, LateParcelCard]:
    """Two customers' mugs that stand still."""
    lost(world, stock=stock)
    world.customer("jonas", name="Jonas Berg", user=1002)
    world.later(days=-4)
    world.order("1043", customer="jonas", promised=None)
    scan(world, order="1043", tracking="JD2")
    world.later(days=4)
    world.sweep()
    cards = {one.late.order: one for one in world.said("late_parcel_card") if isinstance(one, LateParcelCard)}
    return cards["1042"], cards["1043"]


def test_goods_and_refunds_count_against_the_same_day_until_nothing_is_sent_after_all(world: World) -> None:
    first, second = two_lost(world, 200)
    policies = {"returns": {"approver_day_limit_minor": 3000}}
    with world.store.engine.begin() as connection:
        connection.execute(sa.update(shops).values(settings={"calendar": {"country": "DE"}, "policies": policies}))
    reship(world, first)
    with pytest.raises(NotAllowed, match=r"in one day you let go at most €30\.00, and €20\.00 of it"):
        reship(world, second)
    assert stock(world) == (200, 1)
    reship(world, second, "ada")  # another's day is another's
    packed = {one.reship.order: one for one in world.said("reship_card") if isinstance(one, ReshipCard)}
    world.run(CancelReship(case_id=packed["1042"].case_id, version=packed["1042"].version), "cleo")
    world.run(CancelReship(case_id=packed["1043"].case_id, version=packed["1043"].version), "cleo")
    reship(world, late_card(world), "cleo")
    with world.begin() as uow:
        today = uow.shop.calendar.today(uow.now)
        assert (uow.allowances.used("shop", day=today), uow.allowances.used("staff:1", day=today)) == (2000, 0)


def test_two_parcels_at_once_do_not_both_take_the_last_piece(world: World) -> None:
    cards = two_lost(world, 1)

    def press(card: LateParcelCard) -> str:
        try:
            return type(reship(world, card)).__name__
        except OpsError as error:
            return type(error).__name__

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(press, cards)) == ["ReshipDone", "RuleBroken"]
    assert stock(world) == (1, 1)
