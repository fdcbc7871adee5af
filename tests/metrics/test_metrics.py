"""The pure part of the figures: comparisons, percentiles, and what comes first in the morning."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.metrics import (
    Doing,
    EmptyShelf,
    OpenApprovals,
    ParcelSummary,
    StockSummary,
    change_percent,
    cycle_time,
    digest_moment,
    percentile,
    what_to_do_first,
)
from domain.money import Money
from domain.shops import Shop
from domain.time import Calendar

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("values", "share", "wanted"),
    [([], 0.5, None), ([3.0], 0.9, 3.0), ([1.0, 2.0], 0.5, 1.5), ([1.0, 2.0, 3.0, 4.0], 0.9, 3.7), ([1.0, 9.0], 1.0, 9.0)],
)
def test_percentile_is_linear_between_neighbours(values, share, wanted):
    assert percentile(values, share) == (None if wanted is None else pytest.approx(wanted))


@given(st.lists(st.floats(0, 1e6), min_size=1).map(sorted), st.floats(0, 1))
def test_a_percentile_lies_within_the_values(values, share):
    found = percentile(values, share)
    assert values[0] <= found <= values[-1] or found == pytest.approx(values[-1])


def test_cycle_time_leaves_out_what_ended_before_it_began():
    found = cycle_time([DAY, 3 * DAY, -DAY])
    assert (found.count, found.median_days) == (2, 2.0)


@pytest.mark.parametrize(("value", "before", "wanted"), [(112, 100, 12), (50, 100, -50), (5, 0, None), (0, 4, -100)])
def test_change_is_said_in_percent_of_before(value, before, wanted):
    assert change_percent(value, before) == wanted


def _parcels(**changed: int) -> ParcelSummary:
    return ParcelSummary(**{"open": 0, "overdue": 0, "handover_overdue": 0, "due_in_3_days": 0, **changed})


def _approvals(count: int, overdue: int = 0) -> OpenApprovals:
    return OpenApprovals(count=count, amount=Money(minor=0, currency="EUR"), oldest_at=None, overdue=overdue)


def test_what_is_overdue_comes_first_and_nothing_is_said_of_what_is_done():
    empty = StockSummary(known=True, low=("TEA",), empty=(EmptyShelf(sku="MUG", title="Mug", since=None),))
    told = what_to_do_first(_approvals(2), _parcels(overdue=3, handover_overdue=1), empty)
    assert [item.doing for item in told] == [
        Doing.HAND_OVER, Doing.EXPLAIN_LATE, Doing.RESTOCK_EMPTY, Doing.APPROVE_RETURNS, Doing.REORDER_LOW,
    ]
    assert what_to_do_first(_approvals(2, overdue=1), _parcels(overdue=3), empty)[0].doing is Doing.APPROVE_RETURNS
    assert what_to_do_first(_approvals(0), _parcels(open=9), StockSummary(known=False, low=(), empty=())) == ()


def test_a_digest_speaks_for_the_end_of_its_day_and_never_for_the_future():
    shop = Shop(id=1, key="k", name="n", currency="EUR", language="en", calendar=Calendar(time_zone="Europe/Berlin"))
    now = datetime(2026, 11, 23, 8, tzinfo=UTC)
    assert digest_moment(shop, date(2026, 11, 22), now) == datetime(2026, 11, 22, 23, tzinfo=UTC)
    assert digest_moment(shop, date(2026, 11, 23), now) == now
