"""A slice of the authorisation table: every ninth cell. ``make faults ONLY=authorisation`` tries all of them."""

from __future__ import annotations

from tests.authorisation.desk import try_cells, wrong
from tests.authorisation.table import ACTIONS, KINDS, ROLES, STATES, End, cells, expected


def test_the_slice_comes_out_as_the_table_says() -> None:
    some = list(cells())[::9]
    assert {cell.role for cell in some} == {*ROLES, ""}
    assert {cell.kind for cell in some} >= set(KINDS)
    assert {cell.state for cell in some} == set(STATES)
    assert {cell.action for cell in some} == set(ACTIONS)
    assert wrong(try_cells(some)) == []


def test_every_end_stands_in_the_table() -> None:
    every = list(cells())
    assert len(every) == len(set(every)) == (len(ROLES) * len(KINDS) + 2) * len(STATES) * 13
    assert {expected(cell) for cell in every} == set(End)
