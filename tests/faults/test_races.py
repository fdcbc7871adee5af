"""A slice of the races."""

from __future__ import annotations

from tests.faults.races import run_on


def test_one_winner_one_refund_and_no_limit_passed(database_url: str) -> None:
    count = run_on(database_url, 10)
    assert (count.rounds, count.not_one_winner, count.not_one_refund, count.over_limit, count.broke) == (10, 0, 0, 0, 0)
