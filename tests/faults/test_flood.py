"""A slice of the flood, on both databases."""

from __future__ import annotations

from datetime import timedelta

from tests.faults.flood import flooded


def test_a_flood_loses_nothing_counts_exactly_and_lets_an_approval_through(database_url: str) -> None:
    flood = flooded(database_url, 1_000)
    assert (flood.lost, flood.other) == (0, 0)
    assert flood.counted_in_words == flood.gathered == 1_000 - flood.shown
    assert 15 <= flood.shown <= 60
    assert flood.most_in_a_minute <= 20
    assert flood.approval <= timedelta(seconds=5)


