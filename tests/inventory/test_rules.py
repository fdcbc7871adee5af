"""The figures of restocking against vectors of the field, and what must hold for any demand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.inventory import DaySales, Stock, StockAsOf, Supplier, Variant, figures
from domain.inventory.cards import as_csv
from domain.inventory.model import OrderedLine, PurchaseOrder
from domain.inventory.rules import (
    by_weekday,
    demand,
    in_packs,
    order_quantity,
    rank,
    reorder_point,
    safety_stock,
    stocked,
    thin_reorder_point,
)
from domain.money import Money
from domain.shops import StockPolicy

POLICY = StockPolicy()
TODAY = date(2026, 11, 23)


def sales(*units: int, last: date = date(2026, 11, 22)) -> tuple[DaySales, ...]:
    """One day each, the last one yesterday."""
    return tuple(DaySales(day=last - timedelta(days=len(units) - 1 - n), units=sold) for n, sold in enumerate(units))


def known(
    *units: int, on_hand: int = 100, reserved: int = 0, incoming: int = 0, lead: float | None = 9, pack: int = 1,
    minimum: int = 1, by_hand: int | None = None, price: int | None = 2000,
) -> StockAsOf:
    """A blue mug with those sales."""
    supplier = Supplier(id=1, name="Nordkeramik", lead_time_days=lead)
    variant = Variant(
        id=1, sku="BLU-MUG-300", title="Blue mug 300 ml", supplier=supplier, pack_size=pack, minimum_order=minimum,
        reorder_point=by_hand, price=None if price is None else Money(minor=price, currency="EUR"),
    )
    return StockAsOf(variant=variant, stock=Stock(on_hand=on_hand, reserved=reserved, incoming=incoming),
                     sales=sales(*units))


@pytest.mark.parametrize(
    ("daily", "sd", "lead", "lead_sd", "z", "safety", "point"),
    [
        (100, 20, 7, 2, 1.65, 342, 1042),  # Nova (docs/sources.md): 341.35
        (5, 0, 10, 0, 1.65, 0, 50),  # [stocky-rop]
        (8, 0, 7, 0, 1.65, 0, 56),
        (4, 0, 7, 0, 2.33, 0, 28),
    ],
)
def test_safety_stock_and_reorder_point_match_the_vectors_of_the_field(
    daily: float, sd: float, lead: float, lead_sd: float, z: float, safety: int, point: int
) -> None:
    found = safety_stock(daily=daily, sd=sd, lead_time=lead, lead_time_sd=lead_sd, z=z)
    assert (found, reorder_point(daily=daily, lead_time=lead, safety=found)) == (safety, point)


@pytest.mark.parametrize(("daily", "lead", "buffer_days", "point"), [(4, 7, 4, 44), (8, 7, 3, 80), (5, 10, 0, 50)])
def test_a_buffer_of_days_is_a_safety_stock_of_as_many_days_of_sales(
    daily: float, lead: float, buffer_days: int, point: int
) -> None:
    assert reorder_point(daily=daily, lead_time=lead, safety=daily * buffer_days) == point


def test_thin_data_uses_fourteen_days_of_sales_or_the_longer_lead_time() -> None:
    assert thin_reorder_point(daily=2, lead_time=7, policy=POLICY) == 28
    assert thin_reorder_point(daily=2, lead_time=30, policy=POLICY) == 60
    thin = figures(known(*[2] * 10), POLICY, TODAY)
    assert (thin.thin, thin.reorder_point, thin.safety_stock) == (True, 28, 10)
    assert "10 days of history" in thin.explanation


def test_days_without_stock_do_not_make_demand_look_smaller() -> None:
    days = (*sales(6, 6, 6), *(replace(day, in_stock=False) for day in sales(0, 0)))
    found = demand(days, POLICY)
    assert (found.daily, found.days, found.stock_out_days) == (6.0, 3, 2)


def test_only_the_policys_days_count() -> None:
    assert demand(sales(*[100] * 10, *[2] * 56), POLICY).daily == 2.0


@pytest.mark.parametrize(
    ("wanted", "pack", "rounded"), [(1, 12, 12), (12, 12, 12), (13, 12, 24), (7, 1, 7), (7, 0, 7)]
)
def test_orders_are_whole_packs(wanted: int, pack: int, rounded: int) -> None:
    assert in_packs(wanted, pack) == rounded


def test_the_quantity_respects_pack_and_minimum() -> None:
    one = figures(known(*[5] * 56, on_hand=40, pack=12, minimum=100), POLICY, TODAY)
    assert one.suggested_quantity == 108


@given(
    daily=st.floats(0, 500), lead=st.floats(0, 90), safety=st.integers(0, 500), projected=st.integers(-100, 3000),
    pack=st.integers(1, 48), minimum=st.integers(1, 200),
)
def test_what_is_ordered_lifts_stock_above_the_reorder_point_in_whole_packs(
    daily: float, lead: float, safety: int, projected: int, pack: int, minimum: int
) -> None:
    level = reorder_point(daily=daily, lead_time=lead, safety=safety)
    found = order_quantity(daily=daily, lead_time=lead, safety=safety, level=level, projected=projected, pack=pack,
                           minimum=minimum, policy=POLICY)
    assert found % pack == 0
    if level > 0 and projected <= level:
        assert projected + found > level
        assert found >= minimum


def test_reserved_counts_against_and_incoming_for_the_decision() -> None:
    held = figures(known(*[5] * 56, on_hand=60, reserved=30), POLICY, TODAY)
    assert (held.available, held.reorder_point, held.low) == (30, 45, True)
    ordered = figures(known(*[5] * 56, on_hand=60, reserved=30, incoming=60), POLICY, TODAY)
    assert (ordered.available, ordered.low) == (30, False)


def test_the_card_figures_say_when_it_runs_out_and_what_that_costs() -> None:
    one = figures(known(*[5] * 56, on_hand=24, reserved=6), POLICY, TODAY)
    assert one.runs_out_on == date(2026, 11, 26)
    assert one.days_of_cover == pytest.approx(3.6)
    assert one.short_by == 27
    assert one.lost_per_day == Money(minor=10_000, currency="EUR")


def test_the_explanation_carries_every_figure_of_the_formula() -> None:
    one = figures(known(*[4, 6] * 28, on_hand=24, reserved=6, incoming=3), POLICY, TODAY)
    for figure in ("5.00 a day", "56 days", "9 days", "24 on hand - 6 reserved + 3 on the way = 21",
                   f"= {one.safety_stock}; reorder point", f"= {one.reorder_point}.", f"Order {one.suggested_quantity}"):
        assert figure in one.explanation


def test_a_point_set_by_hand_wins_over_the_formula() -> None:
    one = figures(known(*[5] * 56, on_hand=70, by_hand=80), POLICY, TODAY)
    assert (one.reorder_point, one.by_hand, one.low) == (80, True, True)


def test_what_never_sells_is_never_low_and_never_divides_by_zero() -> None:
    one = figures(known(on_hand=0), POLICY, TODAY)
    assert (one.low, one.empty, one.days_of_cover, one.runs_out_on, one.suggested_quantity) == (
        False, False, None, None, 0)


def test_an_unknown_lead_time_is_said_to_be_the_shops_default() -> None:
    one = figures(known(*[5] * 56, lead=None), POLICY, TODAY)
    assert (one.lead_time_days, one.lead_time_known) == (7.0, False)
    assert "the shop's default" in one.explanation


def test_the_dearest_gap_comes_first() -> None:
    cheap = replace(figures(known(*[5] * 56), POLICY, TODAY), sku="CHEAP")
    dear = replace(figures(known(*[5] * 56, price=9000), POLICY, TODAY), sku="DEAR")
    unknown = replace(figures(known(*[5] * 56, price=None), POLICY, TODAY), sku="UNKNOWN")
    assert [one.sku for one in rank([unknown, cheap, dear])] == ["DEAR", "CHEAP", "UNKNOWN"]


def test_weekdays_are_means_from_monday_on() -> None:
    monday = date(2026, 11, 2)
    days = [DaySales(day=monday + timedelta(days=n), units=n % 7) for n in range(14)]
    assert by_weekday(days) == (0, 1, 2, 3, 4, 5, 6)


def test_a_day_counts_as_stocked_if_anything_could_be_sold_at_some_moment() -> None:
    start = datetime(2026, 11, 1, tzinfo=UTC)
    starts = [start + timedelta(days=n) for n in range(5)]
    noon = [moment + timedelta(hours=12) for moment in starts]
    changes = [(noon[0], -5), (noon[2], 10), (noon[2] + timedelta(hours=1), -10)]
    assert stocked(5, changes, starts) == (True, False, True, False)
    assert stocked(None, [(noon[1], 0)], starts) == (True, True, False, False)


@pytest.mark.parametrize("title", ["=1+1", "+cmd", "-2", "@sum", 'say "hi", twice'])
def test_no_cell_of_the_order_file_is_a_formula(title: str) -> None:
    order = PurchaseOrder(number="PO-1", supplier_id=None, created_by=None, created_at=datetime(2026, 1, 1, tzinfo=UTC),
                          expected_on=None, lines=(OrderedLine(variant_id=1, sku="A", title=title, quantity=2),))
    cell = as_csv(order).splitlines()[1].split(",", 2)[2]
    assert not cell.lstrip('"').startswith(("=", "+", "-", "@"))
