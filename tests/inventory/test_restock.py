"""Restock alerts from the first sale to the resolved card, on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa

from domain.cases import CaseState
from domain.errors import BadInput, Conflict, NotAllowed, NotFound
from domain.inventory import (
    AskForStock,
    ChangeReorderPoint,
    FindStock,
    ListLowStock,
    LowStockCard,
    LowStockList,
    LowStockSummary,
    OrderAllLow,
    OrderOtherQuantity,
    OrderStock,
    PurchaseOrderNote,
    ShowStock,
    SnoozeLowStock,
    StockIsThere,
    StockMatches,
    StockOrdered,
    StockRecovered,
    StockReport,
    StockWhy,
    StockWishSaved,
    WhyLowStock,
    low_stock,
    sweep_stock,
)
from domain.inventory.forms import FORMS
from domain.inventory.watch import LOW_STOCK, LOW_STOCK_SUPPLIER
from storage.tables import purchase_orders, stock_levels, stock_movements, stock_wishes
from tests.inventory.world import NOW, World, actor

MUG = "BLU-MUG-300"


def low_mug(world: World, available: int = 18) -> LowStockCard:
    """The mug sells 5 a day, Nordkeramik needs 9 days: its reorder point is 45."""
    world.variant(supplier=world.supplier(), stock=200)
    world.move(MUG, 200 - available)
    card = world.said("low_stock_card")[-1]
    assert isinstance(card, LowStockCard)
    return card


def test_one_card_when_the_level_is_crossed_and_edits_after_that(world: World) -> None:
    world.variant(supplier=world.supplier(), stock=200)
    world.move(MUG, 154)
    assert world.said() == []
    world.move(MUG, 1)
    (card,) = world.said()
    assert isinstance(card, LowStockCard)
    assert (card.figures.available, card.figures.reorder_point, card.figures.lead_time_days) == (45, 45, 9.0)
    world.move(MUG, 3)
    assert [one["version"] for one in world.payloads("low_stock_card")] == [1, 2]
    assert len({one["card"] for one in world.payloads("low_stock_card")}) == 1


def test_a_movement_heard_twice_counts_once(world: World) -> None:
    world.variant(stock=100)
    for _ in range(2):
        world.move(MUG, 7, key="evt_1")
    with world.begin() as uow:
        assert uow.inventory.as_of(world.now)[0].stock.on_hand == 93


def test_reservations_lower_what_is_available_and_releases_raise_it(world: World) -> None:
    world.variant(stock=100)
    world.move(MUG, 30, "reservation")
    world.move(MUG, 10, "release")
    with world.begin() as uow:
        stock = uow.inventory.as_of(world.now)[0].stock
    assert (stock.on_hand, stock.reserved, stock.available) == (100, 20, 80)


def test_an_unknown_sku_is_an_error_that_says_so(world: World) -> None:
    with pytest.raises(NotFound, match="no such SKU"):
        world.move("NOPE", 1)


def test_ordering_drafts_a_purchase_order_raises_incoming_and_settles_the_card(world: World) -> None:
    card = low_mug(world)
    quantity = card.figures.suggested_quantity
    assert quantity % 6 == 0
    world.run(OrderStock(case_id=card.case_id, version=card.version, quantity=quantity), "dan")
    ordered = world.said("stock_ordered")[-1]
    assert isinstance(ordered, StockOrdered)
    assert (ordered.ordered.number, ordered.ordered.by, ordered.ordered.supplier) == ("PO-1042", "Dan", "Nordkeramik")
    assert ordered.figures.incoming == quantity
    assert not [one for one in ordered.buttons if one.once]
    note = world.said("purchase_order_note")[-1]
    assert isinstance(note, PurchaseOrderNote)
    assert note.attachments[0].content.splitlines()[1] == f"PO-1042,{MUG},Blue mug 300 ml,{quantity},10.00,EUR"


def test_the_same_version_of_a_case_is_ordered_once(world: World) -> None:
    card = low_mug(world)
    press = OrderStock(case_id=card.case_id, version=card.version, quantity=card.figures.suggested_quantity)
    world.run(press, "dan")
    with pytest.raises(Conflict, match=r"Dan ordered .* \(PO-1042\)"):
        world.run(press, "ada")


def test_two_who_press_at_once_leave_one_order(world: World) -> None:
    card = low_mug(world)
    press = OrderStock(case_id=card.case_id, version=card.version, quantity=card.figures.suggested_quantity)

    def try_it(who: str) -> bool:
        try:
            world.run(press, who)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        won = list(pool.map(try_it, ["ada", "dan"]))
    assert sorted(won) == [False, True]
    with world.store.engine.begin() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(purchase_orders)).scalar() == 1


@pytest.mark.parametrize("who", ["ben", "cleo", "eve"])
def test_only_buyers_may_order(world: World, who: str) -> None:
    card = low_mug(world)
    with pytest.raises(NotAllowed, match="ops"):
        world.run(OrderStock(case_id=card.case_id, version=card.version, quantity=6), who)


@pytest.mark.parametrize(("quantity", "words"), [(7, "12 would do"), (0, "whole number"), (-6, "whole number"),
                                                 (10_000_000, "whole number")])
def test_a_quantity_that_the_supplier_does_not_take_is_refused_with_the_nearest(
    world: World, quantity: int, words: str
) -> None:
    card = low_mug(world)
    with pytest.raises(BadInput, match=words):
        world.run(OrderOtherQuantity(case_id=card.case_id, version=card.version, quantity=quantity), "dan")


def test_an_old_button_is_refused_after_the_figures_changed(world: World) -> None:
    card = low_mug(world)
    world.move(MUG, 1)
    with pytest.raises(Conflict, match="Look at the card again"):
        world.run(OrderStock(case_id=card.case_id, version=card.version, quantity=6), "dan")


def test_a_receipt_resolves_the_card_closes_the_order_and_tells_each_waiting_customer_once(world: World) -> None:
    card = low_mug(world, available=0)
    world.customer()
    world.customer("jonas", "Jonas Weber", 1002)
    number = card.figures.variant_id
    for user in (1001, 1002):
        assert isinstance(world.run(AskForStock(variant_id=number), user), StockWishSaved)
    world.run(OrderStock(case_id=card.case_id, version=card.version, quantity=120), "dan")
    world.later(days=9)
    world.move(MUG, 120, "receipt")
    done = world.said("stock_recovered")[-1]
    assert isinstance(done, StockRecovered)
    assert (done.told, done.figures.available, done.figures.incoming) == (2, 120, 0)
    assert world.case(LOW_STOCK, MUG) is None
    told = world.payloads("back_in_stock")
    assert sorted(str(one["address"]) for one in told) == ["1001", "1002"]
    assert all(one["repeat"] is False for one in told)
    world.sweep()
    world.move(MUG, 1, "receipt")
    assert len(world.payloads("back_in_stock")) == 2
    with world.store.engine.begin() as connection:
        row = connection.execute(sa.select(purchase_orders)).one()
    assert (row.state, row.received_at) == ("received", world.now)


def test_only_as_many_are_told_as_there_are_pieces_and_the_rest_with_the_next_wave(world: World) -> None:
    number = world.variant(stock=0)
    for user in range(1001, 1006):
        world.customer(f"c{user}", f"Customer {user}", user)
        world.run(AskForStock(variant_id=number), user)
    world.move(MUG, 2, "receipt")
    assert [one["address"] for one in world.payloads("back_in_stock")] == ["1001", "1002"]
    world.sweep()
    assert [one["address"] for one in world.payloads("back_in_stock")] == ["1001", "1002", "1003", "1004"]


def test_a_part_delivery_leaves_the_order_open_and_the_card_waiting(world: World) -> None:
    card = low_mug(world)
    world.run(OrderStock(case_id=card.case_id, version=card.version, quantity=120), "dan")
    world.move(MUG, 20, "receipt")
    waiting = world.case(LOW_STOCK, MUG)
    assert waiting is not None
    with world.begin() as uow:
        assert uow.inventory.open_purchase_order("PO-1042")
        assert uow.inventory.as_of(world.now)[0].stock.incoming == 100


def test_a_snooze_is_quiet_until_the_shops_morning_and_then_speaks_in_the_thread(world: World) -> None:
    card = low_mug(world)
    world.run(SnoozeLowStock(case_id=card.case_id, version=card.version, days=1), "ben")
    quiet = world.said("low_stock_card")[-1]
    assert isinstance(quiet, LowStockCard)
    assert quiet.snooze is not None
    assert quiet.snooze.until == NOW.replace(hour=7, minute=0) + timedelta(days=1)
    world.sweep()
    assert world.said("stock_still_low") == []
    world.later(days=1)
    world.sweep()
    assert len(world.said("stock_still_low")) == 1
    case = world.case(LOW_STOCK, MUG)
    assert case is not None
    assert case.state is CaseState.OPEN
    world.sweep()
    assert len(world.said("stock_still_low")) == 1


def test_a_sweep_that_finds_nothing_new_says_nothing(world: World) -> None:
    low_mug(world)
    before = len(world.said())
    for _ in range(3):
        world.sweep()
    assert len(world.said()) == before


def test_several_of_one_supplier_at_once_are_one_card_and_others_have_their_own(world: World) -> None:
    nord, sued = world.supplier("Nordkeramik"), world.supplier("Suedglas", 4.0)
    for n in range(8):
        world.variant(f"MUG-{n}", f"Mug {n}", supplier=nord, stock=None, price=1000 + n)
    world.variant("GLASS", "Glass", supplier=sued, stock=None, price=10)
    with world.begin() as uow:
        for n in range(8):
            add_level(uow, f"MUG-{n}", 3)
        add_level(uow, "GLASS", 3)
    world.sweep()
    cards = [one.figures.sku for one in world.said("low_stock_card") if isinstance(one, LowStockCard)]
    assert cards == ["GLASS"]
    (summary,) = [one for one in world.said("low_stock_summary") if isinstance(one, LowStockSummary)]
    assert (summary.supplier, [row.sku for row in summary.rows]) == ("Nordkeramik", [f"MUG-{n}" for n in range(7, -1, -1)])
    before = len(world.said())
    world.sweep()
    assert len(world.said()) == before
    world.variant("PLATE", "Plate", supplier=nord, stock=None, price=900)
    with world.begin() as uow:
        add_level(uow, "PLATE", 3)
    world.sweep()
    changed = world.said("low_stock_summary")[-1]
    assert isinstance(changed, LowStockSummary)
    assert len(changed.rows) == 9
    assert len(world.said("low_stock_card")) == 1, "one more of an open summary comes to it"


def test_many_suppliers_at_once_are_five_cards_by_lost_sales_and_the_rest_is_listed(world: World) -> None:
    for n in range(8):
        world.variant(f"MUG-{n}", f"Mug {n}", supplier=world.supplier(f"Supplier {n}"), stock=None, price=1000 + n)
    with world.begin() as uow:
        for n in range(8):
            add_level(uow, f"MUG-{n}", 3)
    world.sweep()
    cards = [one.figures.sku for one in world.said("low_stock_card") if isinstance(one, LowStockCard)]
    assert cards == [f"MUG-{n}" for n in (7, 6, 5, 4, 3)]
    lists = [one for one in world.said("low_stock_summary") if isinstance(one, LowStockSummary)]
    assert sorted(row.sku for one in lists for row in one.rows) == ["MUG-0", "MUG-1", "MUG-2"]


def test_order_all_is_one_purchase_order_and_the_summary_ends_when_all_recovered(world: World) -> None:
    nord = world.supplier()
    for n in range(7):
        world.variant(f"MUG-{n}", f"Mug {n}", supplier=nord, stock=None, price=1000 + n)
    with world.begin() as uow:
        for n in range(7):
            add_level(uow, f"MUG-{n}", 3)
    world.sweep()
    (summary,) = [one for one in world.said("low_stock_summary") if isinstance(one, LowStockSummary)]
    assert summary.buttons[0].label == f"Order all 7 ({summary.total})"
    order = OrderAllLow(case_id=summary.case_id, version=summary.version)
    world.run(order, "ada")
    with pytest.raises(Conflict, match="Ada ordered"):
        world.run(order, "dan")
    for n in range(7):
        world.move(f"MUG-{n}", 500, "receipt")
    assert world.case(LOW_STOCK_SUPPLIER, str(nord)) is None
    last = world.said("low_stock_summary")[-1]
    assert isinstance(last, LowStockSummary)
    assert last.over


def add_level(uow: object, sku: str, on_hand: int) -> None:
    """A level that was counted half a year ago, as an import writes it."""
    from domain.inventory import Movement, MovementKind
    from domain.ports import UnitOfWork

    assert isinstance(uow, UnitOfWork)
    variant = uow.inventory.by_sku(sku)
    assert variant is not None
    uow.inventory.move(Movement(variant_id=variant.id, location="leipzig", kind=MovementKind.OPENING,
                                at=NOW - timedelta(days=180), key=f"open-{sku}", on_hand=on_hand))


def test_the_report_of_a_sku_in_any_case_and_a_near_miss_for_a_slip(world: World) -> None:
    world.variant(stock=100)
    world.variant("TEA-TOWEL", "Tea towel", stock=10)
    found = world.run(ShowStock(sku="blu-mug-300"), "eve")
    assert isinstance(found, StockReport)
    assert found.figures.available == 100
    with pytest.raises(NotFound, match=r"I don't know SKU BLU-MUG-30. Did you mean BLU-MUG-300\?"):
        world.run(ShowStock(sku="BLU-MUG-30"), "eve")
    with pytest.raises(NotFound, match=r"I don't know SKU BLU-MUG-3O0. Did you mean BLU-MUG-300\?"):
        world.run(ShowStock(sku="BLU-MUG-3O0"), "eve")


def test_a_word_of_the_title_finds_it_and_several_are_offered(world: World) -> None:
    world.variant(stock=100)
    world.variant("RED-MUG", "Red mug", stock=10)
    assert isinstance(world.run(ShowStock(sku="red"), "eve"), StockReport)
    assert isinstance(world.run(ShowStock(sku="mug"), "eve"), StockMatches)
    assert isinstance(world.run(ShowStock(sku=None), "eve"), LowStockList)
    with pytest.raises(NotFound):
        world.run(ShowStock(sku="100% _"), "eve")


def test_a_point_by_hand_opens_a_card_and_the_computed_one_resolves_it(world: World) -> None:
    world.variant(supplier=world.supplier(), stock=100)
    world.run(ChangeReorderPoint(sku=MUG, reorder_point=150), "dan")
    assert isinstance(world.said()[-1], LowStockCard)
    world.run(ChangeReorderPoint(sku=MUG, reorder_point=None), "dan")
    assert isinstance(world.said()[-1], StockRecovered)


def test_why_shows_the_formula_and_demand_by_weekday(world: World) -> None:
    card = low_mug(world)
    why = world.run(WhyLowStock(case_id=card.case_id), "eve")
    assert isinstance(why, StockWhy)
    assert why.by_weekday == (5.0,) * 7
    assert "5.00 x 9 + 0 = 45" in why.figures.explanation


def test_a_past_moment_uses_only_what_was_known_then(world: World) -> None:
    world.variant(supplier=world.supplier(), stock=200)
    before = world.now
    world.later(days=10)
    world.move(MUG, 190)
    with world.begin() as uow:
        assert [one.sku for one in low_stock(uow, world.now)] == [MUG]
        assert low_stock(uow, before) == ()
        then = uow.inventory.as_of(before)[0]
        assert (then.stock.on_hand, then.sales[-1].day.isoformat()) == (200, "2026-11-22")


def test_before_the_first_count_that_count_stands_in(world: World) -> None:
    world.variant(supplier=world.supplier(), stock=None)
    world.move(MUG, 30, "opening")
    world.later(hours=1)
    world.move(MUG, 20)
    with world.begin() as uow:
        (one,) = low_stock(uow, NOW - timedelta(days=3))
    assert (one.available, one.daily_demand) == (30, 5.0)


def test_days_without_stock_are_left_out_of_demand(world: World) -> None:
    world.variant(stock=100)
    world.move(MUG, 100, at=NOW - timedelta(days=10, hours=12))
    with world.begin() as uow:
        known = uow.inventory.as_of(world.now)[0]
    assert sum(1 for day in known.sales if not day.in_stock) == 10


def test_levels_are_the_sums_of_the_ledger(world: World) -> None:
    card = low_mug(world)
    world.run(OrderStock(case_id=card.case_id, version=card.version, quantity=60), "dan")
    for kind, quantity in (("reservation", 4), ("receipt", 50), ("return", 2), ("correction", -3), ("release", 1)):
        world.move(MUG, quantity, kind)
    with world.store.engine.begin() as connection:
        for column in ("on_hand", "reserved", "incoming"):
            level = connection.execute(sa.select(sa.func.sum(stock_levels.c[column]))).scalar()
            assert level == connection.execute(sa.select(sa.func.sum(stock_movements.c[column]))).scalar()


def test_a_customer_who_asks_finds_the_product_and_is_listed_once(world: World) -> None:
    world.variant(stock=0)
    world.variant("RED-MUG", "Red mug", stock=3)
    first = world.run(FindStock(text="blue"), 1003)
    assert isinstance(first, StockWishSaved)
    assert not first.again
    again = world.run(FindStock(text="blue"), 1003)
    assert isinstance(again, StockWishSaved)
    assert again.again
    assert isinstance(world.run(FindStock(text="red"), 1003), StockIsThere)
    with pytest.raises(NotFound):
        world.run(FindStock(text="teapot"), 1003)
    with pytest.raises(BadInput):
        world.run(FindStock(text=" "), 1003)


def test_a_wish_made_before_the_customer_was_known_moves_to_them(world: World) -> None:
    number = world.variant(stock=0)
    world.run(AskForStock(variant_id=number), 1001)
    maria = world.customer()
    with world.store.engine.begin() as connection:
        assert connection.execute(sa.select(stock_wishes.c.customer_id)).scalars().all() == [maria]


def test_whoever_blocked_the_bot_is_not_told(world: World) -> None:
    number = world.variant(stock=0)
    world.customer()
    world.run(AskForStock(variant_id=number), 1001)
    with world.begin() as uow:
        uow.customers.unreachable(1001)
    world.move(MUG, 5, "receipt")
    assert world.payloads("back_in_stock") == []


def test_forms_start_from_what_stands(world: World) -> None:
    card = low_mug(world)
    with world.begin() as uow:
        who = actor("dan", uow)
        ask = FORMS[OrderOtherQuantity]
        assert callable(ask)
        form = ask(OrderOtherQuantity(case_id=card.case_id, version=1), who, uow)
        assert form.fields[0].initial == str(card.figures.suggested_quantity)
        point = FORMS[ChangeReorderPoint]
        assert callable(point)
        assert point(ChangeReorderPoint(sku=MUG), who, uow).fields[0].required is False


def test_the_list_is_ranked_and_empty_when_all_is_well(world: World) -> None:
    world.variant(stock=500)
    found = world.run(ListLowStock(), "eve")
    assert isinstance(found, LowStockList)
    assert found.total == 0
    with world.begin() as uow:
        sweep_stock(uow)
    assert world.said() == []
