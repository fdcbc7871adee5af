"""A slice of the simulator: the same seed is the same run, some seeds hold, planted defects are seen."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.faults.simulator.machine import regressions, seeds_until_caught
from tests.faults.simulator.mutants import MUTANTS, Planting
from tests.faults.simulator.run import simulate

#: chosen so that one run has crashes, refunds, races and letters; in the other a process dies over several presses
BUSY, CROWDED = 29, 11_581


@pytest.mark.parametrize("seed", [BUSY, CROWDED])
def test_the_same_seed_is_the_same_run_in_any_process(seed: int) -> None:
    here = simulate(seed)
    assert here.hash == simulate(seed).hash != simulate(seed + 1).hash
    asked = f"from tests.faults.simulator.run import simulate; print(simulate({seed}).hash)"
    there = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=True, cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "7"},
    )
    assert there.stdout.strip() == here.hash


@pytest.mark.parametrize("first", range(0, 40, 10))
def test_no_invariant_breaks(first: int) -> None:
    runs = [simulate(seed) for seed in range(first, first + 10)]
    assert not [(run.seed, run.swarm.story, str(broken)) for run in runs for broken in run.violations]
    assert sum(run.letters for run in runs) > 5
    assert sum(run.crashes for run in runs) > 0


@pytest.mark.parametrize("seed", regressions())
def test_a_seed_that_failed_once_holds(seed: int) -> None:
    assert not simulate(seed).violations


@pytest.mark.parametrize("name", ["no_read_back", "no_limit", "claimed_by_two", "trouble_without_a_card"])
def test_a_planted_defect_is_seen(name: str) -> None:
    _, seeds, _ = seeds_until_caught(name, 100)
    assert seeds is not None


def test_there_are_enough_planted_defects() -> None:
    assert len(MUTANTS) >= 30
    rules = {f"I{number}" for number in range(1, 16)}
    assert not [name for name, mutant in MUTANTS.items() if not mutant.rules or mutant.rules - rules]


@pytest.mark.parametrize("name", sorted(MUTANTS))
def test_a_planted_defect_still_finds_what_it_changes(name: str) -> None:
    """Whether it is caught is for the long run; here code that was renamed must not take its defect with it."""
    mutant = MUTANTS[name]
    planting = Planting(mutant)
    simulate(0, story=mutant.story, plant=planting)
    assert not planting.crash
