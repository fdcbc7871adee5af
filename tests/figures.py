"""What a machine that tries to break Opsbell found, as one line per figure, with its goal beside it."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One measured figure. ``goal`` and ``found`` are words with their units; ``met`` is decided by the machine."""

    name: str
    tried: str
    found: str
    goal: str
    met: bool


#: a machine returns what it found; it raises only if it could not run at all
Machine = Callable[[], Sequence[Figure]]


def report(title: str, machines: dict[str, Machine], chosen: Sequence[str]) -> int:
    """Run machines, print the figures of each as it ends and all in a table; 1 if any misses its goal, 2 for an unknown name.

    A machine that breaks costs its own figures and the goal, not those of the machines after it.
    """
    unknown = [name for name in chosen if name not in machines]
    if unknown:
        print(f"I don't know {', '.join(unknown)}. There are: {', '.join(machines)}")
        return 2
    figures: list[Figure] = []
    for name in chosen or machines:
        print(f"== {title}: {name}", flush=True)
        began = perf_counter()
        try:
            found = machines[name]()
        except Exception as error:
            traceback.print_exc()
            found = [Figure(name=name, tried="not to its end", found=f"it broke: {error!r:.200}", goal="0", met=False)]
        for one in found:
            print(f"   {one.name}: {one.found} ({one.tried}; goal {one.goal}){'' if one.met else ' MISSED'}")
        print(f"   {perf_counter() - began:.0f} s", flush=True)
        figures.extend(found)
    print(table(figures))
    return 0 if all(one.met for one in figures) else 1


def table(figures: Sequence[Figure]) -> str:
    """A Markdown table, as docs/reliability.md keeps it."""
    lines = ["| figure | tried | found | goal | met |", "|---|---|---|---|---|"]
    lines += [
        f"| {one.name} | {one.tried} | {one.found} | {one.goal} | {'yes' if one.met else '**no**'} |" for one in figures
    ]
    return "\n".join(lines)
