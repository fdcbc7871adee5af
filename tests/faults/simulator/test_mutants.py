"""A planted defect counts only if it was planted: what changes nothing, or only crashes, is an error."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.simulator import mutants
from tests.faults.simulator.machine import seeds_until_caught
from tests.faults.simulator.mutants import MUTANTS, Mutant, PlantedNothing, Planting, put, reword
from tests.faults.simulator.world import World


class _Thing:
    limit = 3

    def answer(self) -> int:
        return 42


def _until_caught(plant: mutants.Plant, *rules: str, limit: int = 2) -> tuple[str, int | None, str]:
    MUTANTS["planted_here"] = Mutant(name="planted_here", plant=plant, rules=frozenset(rules or {"I6"}), story="approve")
    return seeds_until_caught("planted_here", limit)


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    yield
    MUTANTS.pop("planted_here", None)


def test_words_that_no_statement_has() -> None:
    def plant(world: World, planting: Planting) -> None:
        reword(world, planting, ("returns.colour = ?", "1"))

    with pytest.raises(PlantedNothing, match=r"planted_here: no statement that was run contains 'returns\.colour = \?'"):
        _until_caught(plant)


def test_words_that_stay_as_they_are() -> None:
    def plant(world: World, planting: Planting) -> None:
        reword(world, planting, ("jobs.owner = ?", "jobs.owner = ?"))

    with pytest.raises(PlantedNothing, match="reworded to itself"):
        _until_caught(plant)


@pytest.mark.parametrize(("name", "value"), [("limit", 3), ("answer", _Thing.answer)])
def test_what_is_so_already(name: str, value: object) -> None:
    def plant(world: World, planting: Planting) -> None:
        put(planting, _Thing, name, value)

    with pytest.raises(PlantedNothing, match="already"):
        _until_caught(plant)


def test_what_is_not_there_cannot_be_replaced() -> None:
    def plant(world: World, planting: Planting) -> None:
        put(planting, _Thing, "gone", 1)

    with pytest.raises(AttributeError):
        _until_caught(plant)


def test_words_that_are_no_sql() -> None:
    def plant(world: World, planting: Planting) -> None:
        reword(world, planting, ("FROM jobs", "FROM no_such_table"))

    with pytest.raises(PlantedNothing, match="crashed with no such table"):
        _until_caught(plant)


def test_planted_code_that_crashes_is_no_catch() -> None:
    def plant(world: World, planting: Planting) -> None:
        from storage.jobs import JobRows

        put(planting, JobRows, "claim", lambda self: ())  # the wrong parameters

    with pytest.raises(PlantedNothing, match="crashed with TypeError"):
        _until_caught(plant, "I15")


def test_a_rule_that_breaks_elsewhere_is_no_catch() -> None:
    def plant(world: World, planting: Planting) -> None:
        from tests.faults.simulator import replica

        put(planting, replica, "POLL", 1e9)  # breaks I15

    assert _until_caught(plant, "I1") == ("planted_here", None, "")


def test_what_was_never_reached_is_no_catch() -> None:
    def plant(world: World, planting: Planting) -> None:
        put(planting, _Thing, "answer", lambda _self: 0)
        world.violation("I6", "of some other reason")

    assert _until_caught(plant) == ("planted_here", None, "")


def test_what_was_planted_is_taken_out() -> None:
    def plant(world: World, planting: Planting) -> None:
        put(planting, _Thing, "limit", 4)
        put(planting, _Thing, "answer", lambda _self: 0)

    _until_caught(plant, limit=1)
    assert (_Thing.limit, _Thing().answer()) == (3, 42)
