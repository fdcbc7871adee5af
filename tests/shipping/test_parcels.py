"""Late parcels from the first scan to the settled card, on both databases."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from domain.cases import CaseState
from domain.errors import BadInput, Conflict, NotAllowed, NotFound, RuleBroken
from domain.shipping import (
    FORMS,
    DelayRule,
    LateParcelCard,
    LateParcelList,
    LateParcelsRest,
    ListLateParcels,
    Milestone,
    ParcelChoices,
    ParcelDelayTold,
    ParcelReport,
    ParcelScanned,
    ParcelSettled,
    ParcelStatus,
    ParcelWhy,
    ResolveParcel,
    ShowParcels,
    SnoozeParcel,
    Substatus,
    TellCustomer,
    WhereIsMyParcel,
    WhyParcel,
    late_parcels,
    open_counts,
    suggested_text,
)
from domain.shipping.watch import LATE_PARCEL, LATE_REST
from storage.tables import orders, parcels, scans
from tests.inventory.world import NOW, World, actor

_KEYS = itertools.count(1)


def scan(
    world: World, milestone: Milestone = Milestone.IN_TRANSIT, *, order: str = "1042", at: datetime | None = None,
    substatus: Substatus | None = None, key: str | None = None, tracking: str | None = "00340434",
    place: str | None = "Leipzig hub", to: str | None = None, expected: date | None = None,
) -> None:
    """DHL says something."""
    world.learn(ParcelScanned(order=order, carrier="DHL", tracking_number=tracking, milestone=milestone,
                              substatus=substatus, at=at or world.now, place=place, key=key or f"scan-{next(_KEYS)}",
                              origin="Leipzig" if to else None, destination=to, expected_on=expected))


def stuck(world: World, user: int | None = 1001, language: str | None = "pt") -> LateParcelCard:
    """Maria's order is with DHL, and not scanned for four working days."""
    world.customer(user=user, language=language)
    world.order(promised=date(2026, 12, 11))
    scan(world)
    world.later(days=4)
    world.sweep()
    card = world.said("late_parcel_card")[-1]
    assert isinstance(card, LateParcelCard)
    return card


def test_a_parcel_that_stands_still_gets_one_card_with_who_waits_for_it(world: World) -> None:
    card = stuck(world)
    assert (card.late.rule, card.late.reason) == (DelayRule.NO_SCAN, "no scan for 4 working days")
    assert (card.customer, card.nth, card.told) == ("Maria S.", "1st", None)
    assert card.buttons[0].label == "Tell Maria"
    assert [one.label for one in card.buttons if not (one.more or one.menu)] == ["Tell Maria"]
    world.sweep()
    assert len(world.said("late_parcel_card")) == 1


def test_an_exception_is_a_card_at_once_and_without_personal_data(world: World) -> None:
    world.customer()
    world.order()
    scan(world, Milestone.EXCEPTION, substatus=Substatus.DAMAGED)
    (payload,) = world.payloads("late_parcel_card")
    assert "reports damage" in str(payload)
    for personal in ("Silva", "maria@", "1001"):
        assert personal not in str(payload["fields"])


def test_a_scan_heard_twice_counts_once_and_an_old_one_moves_nothing_back(world: World) -> None:
    world.order()
    scan(world, Milestone.OUT_FOR_DELIVERY, key="evt_1")
    scan(world, Milestone.OUT_FOR_DELIVERY, key="evt_1")
    scan(world, Milestone.IN_TRANSIT, at=world.now - timedelta(hours=5))
    with world.store.engine.begin() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(scans)).scalar() == 2
        row = connection.execute(sa.select(parcels)).one()
    assert row.milestone == "OutForDelivery"
    assert row.handed_over_at == world.now - timedelta(hours=5)


def test_delivery_settles_the_case_and_nothing_after_it_opens_it_again(world: World) -> None:
    stuck(world)
    scan(world, Milestone.DELIVERED, place=None)
    done = world.said("parcel_settled")[-1]
    assert isinstance(done, ParcelSettled)
    assert done.delivered_at == world.now
    scan(world, Milestone.IN_TRANSIT, at=world.now + timedelta(minutes=1))
    world.later(days=30)
    world.sweep()
    assert world.case(LATE_PARCEL, "1042/1") is None
    assert len(world.said("late_parcel_card")) == 1


def test_a_new_scan_puts_it_back_on_track(world: World) -> None:
    stuck(world)
    scan(world)
    done = world.said("parcel_settled")[-1]
    assert isinstance(done, ParcelSettled)
    assert done.on_track


def test_a_worse_rule_edits_the_card_and_speaks_in_its_thread(world: World) -> None:
    card = stuck(world)
    scan(world, Milestone.EXCEPTION, substatus=Substatus.LOST)
    worse = world.said("late_parcel_card")[-1]
    assert isinstance(worse, LateParcelCard)
    assert (worse.case_id, worse.late.rule) == (card.case_id, DelayRule.EXCEPTION)
    assert worse.claim_until == date(2026, 12, 27)
    assert len(world.said("parcel_worse")) == 1


def test_telling_the_customer_sends_the_approved_words_once_and_says_so_everywhere(world: World) -> None:
    card = stuck(world)
    with world.begin() as uow:
        make = FORMS[TellCustomer]
        assert callable(make)
        form = make(TellCustomer(case_id=card.case_id, version=card.version), actor("ben", uow), uow)
    text = form.fields[0].initial or ""
    assert text.startswith("Olá Maria, a sua encomenda #1042 da Nordlicht Shop está atrasada: o seu pacote está parado")
    tell = TellCustomer(case_id=card.case_id, version=card.version, text=text)
    world.run(tell, "ben")
    (sent,) = world.payloads("parcel_delay_told")
    assert (sent["address"], sent["repeat"]) == ("1001", False)
    told = world.said("parcel_delay_told")[0]
    assert isinstance(told, ParcelDelayTold)
    assert told.text == text
    after = world.said("late_parcel_card")[-1]
    assert isinstance(after, LateParcelCard)
    assert after.told is not None
    assert after.told.by == "Ben"
    assert len(world.said("customer_told")) == 1
    with pytest.raises(Conflict, match="Ben told the customer at 10:05"):
        world.run(tell, "ada")
    with world.store.engine.begin() as connection:
        assert connection.execute(sa.select(parcels.c.customer_told_at)).scalar() == world.now
    world.run(TellCustomer(case_id=after.case_id, version=after.version, text="Mais uma coisa"), "ada")
    assert len(world.payloads("parcel_delay_told")) == 2


def test_words_typed_while_the_clock_moved_on_are_not_lost(world: World) -> None:
    card = stuck(world)
    world.later(days=3)
    world.sweep()
    world.run(TellCustomer(case_id=card.case_id, version=card.version, text="Olá"), "ben")
    assert len(world.payloads("parcel_delay_told")) == 1


def test_a_customer_without_telegram_is_said_to_be_unreachable_with_their_e_mail(world: World) -> None:
    card = stuck(world, user=None)
    with pytest.raises(RuleBroken, match=r"nothing was sent\. Write to maria@example\.com instead"):
        world.run(TellCustomer(case_id=card.case_id, version=card.version, text="Hello"), "ben")
    assert world.payloads("parcel_delay_told") == []


@pytest.mark.parametrize(("text", "words"), [("  ", "empty"), ("x" * 1501, "At most")])
def test_words_that_cannot_be_sent_are_refused(world: World, text: str, words: str) -> None:
    card = stuck(world)
    with pytest.raises(BadInput, match=words):
        world.run(TellCustomer(case_id=card.case_id, version=card.version, text=text), "ben")


@pytest.mark.parametrize("who", ["cleo", "eve"])
def test_only_those_who_speak_to_customers_may(world: World, who: str) -> None:
    card = stuck(world)
    with pytest.raises(NotAllowed):
        world.run(TellCustomer(case_id=card.case_id, version=card.version, text="Hello"), who)


def test_quiet_lasts_until_the_morning_unless_it_gets_worse(world: World) -> None:
    card = stuck(world)
    world.run(SnoozeParcel(case_id=card.case_id, version=card.version, days=2), "ben")
    case = world.case(LATE_PARCEL, "1042/1")
    assert case is not None
    assert case.state is CaseState.SNOOZED
    assert case.snoozed_until == datetime(2026, 11, 29, 7, tzinfo=UTC)
    world.later(days=1)
    world.sweep()
    still = world.case(LATE_PARCEL, "1042/1")
    assert still is not None
    assert still.state is CaseState.SNOOZED
    scan(world, Milestone.EXCEPTION, substatus=Substatus.CUSTOMS)
    awake = world.case(LATE_PARCEL, "1042/1")
    assert awake is not None
    assert awake.state is CaseState.OPEN


def test_a_snooze_ends_with_a_line_in_the_thread(world: World) -> None:
    card = stuck(world)
    world.run(SnoozeParcel(case_id=card.case_id, version=card.version, days=1), "ben")
    world.later(days=1)
    world.sweep()
    assert len(world.said("parcel_still_late")) == 1
    world.sweep()
    assert len(world.said("parcel_still_late")) == 1


def test_what_somebody_called_resolved_stays_quiet_unless_it_gets_worse(world: World) -> None:
    card = stuck(world)
    world.run(ResolveParcel(case_id=card.case_id, version=card.version), "ben")
    done = world.said("parcel_settled")[-1]
    assert isinstance(done, ParcelSettled)
    assert done.by == "Ben"
    with pytest.raises(Conflict, match="Ben called it resolved"):
        world.run(SnoozeParcel(case_id=card.case_id, version=card.version), "ada")
    world.later(days=1)
    world.sweep()
    assert world.case(LATE_PARCEL, "1042/1") is None
    scan(world, Milestone.EXCEPTION, substatus=Substatus.DAMAGED)
    assert world.case(LATE_PARCEL, "1042/1") is not None


def test_an_order_that_nobody_packed_is_late_too_and_its_parcel_continues_the_case(world: World) -> None:
    world.order(promised=date(2026, 12, 11))
    world.later(days=4)
    world.sweep()
    card = world.said("late_parcel_card")[-1]
    assert isinstance(card, LateParcelCard)
    assert card.late.rule is DelayRule.HANDOVER_OVERDUE
    scan(world)
    assert isinstance(world.said()[-1], ParcelSettled)


def test_a_cancelled_order_is_not_waited_for(world: World) -> None:
    stuck(world)
    with world.store.engine.begin() as connection:
        connection.execute(sa.update(orders).values(status="cancelled", cancelled_at=world.now))
    world.sweep()
    done = world.said("parcel_settled")[-1]
    assert isinstance(done, ParcelSettled)
    assert (done.delivered_at, done.on_track) == (None, False)


def test_a_day_opens_twenty_cards_the_worst_first_and_counts_the_rest(world: World) -> None:
    for n in range(23):
        world.order(f"{2000 + n}", placed=NOW - timedelta(days=20), promised=date(2026, 11, 1) + timedelta(days=n % 21))
    world.sweep()
    cards = world.said("late_parcel_card")
    assert len(cards) == 20
    rest = world.said("late_parcels_rest")[-1]
    assert isinstance(rest, LateParcelsRest)
    assert rest.total == 3
    late = [one.late.days_late for one in cards if isinstance(one, LateParcelCard)]
    assert late == sorted(late, reverse=True)
    world.sweep()
    assert len(world.said("late_parcel_card")) == 20
    world.later(days=1)
    world.sweep()
    assert world.case(LATE_REST, "rest") is None
    assert len({str(one["card"]) for one in world.payloads("late_parcel_card")}) == 23


def test_a_past_moment_uses_only_what_was_heard_then(world: World) -> None:
    world.order(promised=date(2026, 11, 25))
    scan(world)
    world.later(days=4)
    delivered = world.now - timedelta(days=2)
    scan(world, Milestone.DELIVERED, at=delivered)
    with world.begin() as uow:
        heard_not_yet = delivered + timedelta(hours=1)
        assert [one.rule for one in late_parcels(uow, heard_not_yet)] == [DelayRule.DUE_SOON]
        assert open_counts(uow, heard_not_yet).open == 1
        assert late_parcels(uow, world.now) == ()
        assert open_counts(uow, world.now).open == 0
        assert open_counts(uow, NOW - timedelta(days=1)).open == 0


def test_counts_are_of_orders(world: World) -> None:
    world.order("1", promised=date(2026, 11, 20), placed=NOW - timedelta(days=10))
    world.order("2", promised=date(2026, 11, 24))
    scan(world, order="2", tracking="a")
    scan(world, order="2", tracking="b")
    world.order("3", promised=None)
    found = world.run(ListLateParcels(), "eve")
    assert isinstance(found, LateParcelList)
    assert (found.open, found.overdue, found.handover_overdue, found.due_in_3_days) == (3, 1, 1, 1)


def test_two_parcels_of_an_order_are_two_and_one_still_open_keeps_it_open(world: World) -> None:
    order = world.order("2", promised=date(2026, 11, 24))
    scan(world, Milestone.DELIVERED, order="2", tracking="a")
    scan(world, order="2", tracking="b")
    with world.begin() as uow:
        assert [one.tracking_number for one in uow.parcels.open_as_of(world.now)] == ["b"]
        assert uow.orders.by_id(order.id).delivered_at is None
    scan(world, Milestone.DELIVERED, order="2", tracking="b")
    with world.begin() as uow:
        assert uow.orders.by_id(order.id).delivered_at == world.now


def test_the_lane_of_past_parcels_gives_a_new_day(world: World) -> None:
    for n in range(12):
        number = f"3{n:03}"
        world.order(number, placed=NOW - timedelta(days=40), promised=None)
        scan(world, order=number, tracking=number, at=NOW - timedelta(days=30), to="Porto")
        scan(world, Milestone.DELIVERED, order=number, tracking=number, at=NOW - timedelta(days=20 - n % 3))
    world.customer()
    world.order(promised=date(2026, 12, 11))
    scan(world, to="Porto")
    world.later(days=4)
    world.sweep()
    card = world.said("late_parcel_card")[-1]
    assert isinstance(card, LateParcelCard)
    assert card.guess is not None
    assert (card.guess.parcels, card.guess.expected_on) == (12, date(2026, 12, 4))
    with world.begin() as uow:
        told = suggested_text(uow.cases.by_id(card.case_id), uow)
    assert "7 de dezembro" in told, "the cautious day of the span, on a working day"
    scan(world, at=world.now - timedelta(days=4, hours=-1), expected=date(2026, 12, 9))
    with world.begin() as uow:
        told = suggested_text(uow.cases.by_id(card.case_id), uow)
    assert "9 de dezembro" in told, "the carrier's own day counts more"
    scan(world, Milestone.EXCEPTION, substatus=Substatus.DAMAGED)
    damaged = world.said("late_parcel_card")[-1]
    assert isinstance(damaged, LateParcelCard)
    assert damaged.guess is None, "parcels that arrived say nothing of a damaged one"
    assert damaged.claim_until is not None
    with world.begin() as uow:
        assert "dezembro" not in suggested_text(uow.cases.by_id(card.case_id), uow)


def test_why_lists_every_rule_and_scan(world: World) -> None:
    card = stuck(world)
    why = world.run(WhyParcel(case_id=card.case_id), "eve")
    assert isinstance(why, ParcelWhy)
    assert len(why.scans) == 1
    assert any("scanned at least every 3 working days" in rule for rule in why.rules)


def test_staff_find_an_order_by_number_or_tracking_number(world: World) -> None:
    stuck(world)
    for typed in ("#1042", "1042", "00340434"):
        found = world.run(ShowParcels(order=typed), "eve")
        assert isinstance(found, ParcelReport)
        assert found.parcels[0].late is not None
    with pytest.raises(NotFound, match="don't know an order"):
        world.run(ShowParcels(order="9999"), "eve")


def test_a_customer_sees_their_own_orders_only(world: World) -> None:
    stuck(world)
    world.customer("jonas", "Jonas Weber", 1002)
    other = world.order("1050", customer="jonas")
    mine = world.run(WhereIsMyParcel(), 1001)
    assert isinstance(mine, ParcelStatus)
    assert mine.order == "1042"
    with pytest.raises(NotFound, match="among yours"):
        world.run(WhereIsMyParcel(order_id=other.id), 1001)
    with pytest.raises(NotFound, match="don't know your orders"):
        world.run(WhereIsMyParcel(order_id=other.id), 1003)
    world.order("1060")
    assert isinstance(world.run(WhereIsMyParcel(), 1001), ParcelChoices)


def test_a_scan_of_an_unknown_order_is_an_error_that_says_so(world: World) -> None:
    with pytest.raises(NotFound, match="no such order"):
        scan(world, order="9999")


def test_an_order_heard_twice_is_stored_once_and_leaves_stock_alone(world: World) -> None:
    world.variant(stock=50)
    first, second = world.order(), world.order()
    assert first.id == second.id
    assert [line.sku for line in first.lines] == ["BLU-MUG-300"]
    with world.begin() as uow:
        assert uow.inventory.as_of(world.now)[0].stock.on_hand == 50
        payment = uow.payments.by_intent("pi_1042")
    assert payment is not None
