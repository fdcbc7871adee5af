"""``python -m tests.faults simulator mutants``: ten thousand seeds on every core, and every planted defect.

A seed that fails is printed and kept in regressions.txt, which ``make test`` runs from then on.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from time import perf_counter

from tests.faults.simulator import mutants_desk, mutants_engine, mutants_money
from tests.faults.simulator.mutants import MUTANTS, PlantedNothing, Planting
from tests.faults.simulator.run import Run, simulate
from tests.figures import Figure

#: each module plants its defects when it is imported
PLANTED = (mutants_engine, mutants_money, mutants_desk)
#: seeds of a whole run; OPSBELL_SEEDS and OPSBELL_FIRST_SEED choose others
SEEDS, LIMIT = int(os.environ.get("OPSBELL_SEEDS", "10000")), 1000
FIRST = int(os.environ.get("OPSBELL_FIRST_SEED", "0"))
KEPT = Path(__file__).with_name("regressions.txt")
_CHUNK = 50


def regressions() -> tuple[int, ...]:
    """Seeds that once failed, each with its reason behind it."""
    lines = (line.split("#")[0].strip() for line in KEPT.read_text(encoding="utf-8").splitlines())
    return tuple(int(line) for line in lines if line)


def _some(first: int) -> list[Run]:
    return [simulate(seed) for seed in range(first, min(first + _CHUNK, FIRST + SEEDS))]


def simulator() -> Sequence[Figure]:
    """Every invariant over every seed."""
    began, runs, failed = perf_counter(), list[Run](), list[Run]()
    with ProcessPoolExecutor() as cores:
        for some in cores.map(_some, range(FIRST, FIRST + SEEDS, _CHUNK)):
            runs += some
            for run in some:
                if run.violations:
                    failed.append(run)
                    print(f"   seed {run.seed} ({run.swarm.story}): {'; '.join(map(str, run.violations[:3]))}", flush=True)
    seconds = perf_counter() - began
    _keep(failed)
    tried = (
        f"{len(runs):,} seeds, {sum(run.crashes for run in runs):,} crashes, {sum(run.steps for run in runs):,} steps, "
        f"{sum(run.refunds for run in runs):,} refunds, {sum(run.letters for run in runs):,} letters"
    )
    print(f"   {len(runs) / seconds:.1f} seeds/s on {os.cpu_count()} cores", flush=True)
    return (Figure(
        name="simulated seeds", tried=tried, found=f"{sum(len(run.violations) for run in failed)} violations",
        goal="0 violations of I1-I15 in 10,000 seeds", met=not failed and len(runs) >= 10_000,
    ),)


def _keep(failed: Sequence[Run]) -> None:
    new = [run for run in failed if run.seed not in regressions()]
    with KEPT.open("a", encoding="utf-8") as file:
        file.writelines(f"{run.seed}  # {run.violations[0]}\n" for run in new)


def seeds_until_caught(name: str, limit: int = LIMIT) -> tuple[str, int | None, str]:
    """How many seeds a planted defect survives, and the violation that shows it; None if it survives them all.

    PlantedNothing for a defect that leaves everything as it was, or only crashes.
    """
    mutant = MUTANTS[name]
    planting = Planting(mutant)
    for seed in range(limit):
        found = planting.seen(simulate(seed, story=mutant.story, plant=planting))
        # What breaks without the defect, too, is a finding of its own, and no catch.
        if found is not None and not simulate(seed, story=mutant.story).violations:
            planting.whole()
            return name, seed + 1, str(found)
    planting.whole()
    return name, None, ""


def _caught(name: str) -> tuple[str, int | None, str]:
    try:
        return seeds_until_caught(name)
    except PlantedNothing as error:
        return name, None, str(error)


def planted() -> Sequence[Figure]:
    """Every planted defect, and how many seeds until it is seen."""
    caught: dict[str, int | None] = {}
    with ProcessPoolExecutor() as cores:
        for name, seeds, words in cores.map(_caught, MUTANTS):
            caught[name] = seeds
            print(f"   {name:38} {'not caught' if seeds is None else f'{seeds:4} seeds'}  {words[:100]}", flush=True)
    survivors = [name for name, seeds in caught.items() if seeds is None]
    most, all_seeds = max((seeds for seeds in caught.values() if seeds), default=0), sum(seeds or LIMIT for seeds in caught.values())
    print(f"   {len(caught) - len(survivors)} of {len(caught)} caught, {all_seeds:,} seeds in all", flush=True)
    return (Figure(
        name="planted defects", tried=f"{len(caught)} defects, up to {LIMIT:,} seeds each",
        found=f"{len(caught) - len(survivors)} caught, the last after {most} seeds" + (f"; not: {', '.join(survivors)}" if survivors else ""),
        goal="at least 30, each caught within 1,000 seeds", met=not survivors and len(caught) >= 30,
    ),)


