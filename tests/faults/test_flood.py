"""A slice of the flood, on both databases."""

from __future__ import annotations

from datetime import timedelta

from tests.faults.flood import as_taken, ten_seconds


def test_a_flood_loses_nothing_counts_exactly_and_lets_an_approval_through(database_url: str) -> None:
    flood = ten_seconds(database_url, 1_000)
    assert (flood.lost, flood.other) == (0, 0)
    assert flood.counted_in_words == flood.gathered == 1_000 - flood.shown
    assert 15 <= flood.shown <= 60
    assert flood.most_in_a_minute <= 20
    assert flood.approval <= timedelta(seconds=5)




def test_a_flood_by_the_machines_own_clock_does_the_same(database_url: str) -> None:
    flood = as_taken(database_url, 200)
    assert (flood.lost, flood.other) == (0, 0)
    assert flood.counted_in_words == flood.gathered == 200 - flood.shown
    assert flood.most_in_a_minute <= 20
