"""Planted defects: each takes one rule away from the running code, and the simulator must see it within 1,000 seeds.

A defect is a patch of one function, or of the words of one SQL statement, for the time of one run. Most are bugs that
somebody has had: new keys per attempt (saleor/apps#2446), no read-back, buttons without a look at the presser.

Each names the invariants that it breaks. It is caught where one of them breaks in a run in which the planted code was
reached, and holds in the same run without it. A defect that changes nothing, or that only crashes, is an error.
"""

from __future__ import annotations

import functools
import inspect
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import event

if TYPE_CHECKING:
    from tests.faults.simulator.run import Run
    from tests.faults.simulator.world import Violation, World

Plant = Callable[["World", "Planting"], None]
_MISSING = object()
#: what badly planted code raises, and the code under test never does
_CRASHES = (TypeError, AttributeError, NameError, AssertionError)


class PlantedNothing(Exception):
    """A defect left everything as it was, or crashed instead of doing wrong: then nothing it shows counts."""


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """A defect, and the story whose seeds it is looked for in; None = seeds as they come."""

    name: str
    plant: Plant
    #: the invariants that break by it, I1 to I15
    rules: frozenset[str]
    story: str | None


MUTANTS: dict[str, Mutant] = {}


def mutant(*rules: str, story: str | None = None) -> Callable[[Plant], Plant]:
    """Registers a defect under its function's name, with the invariants that it breaks."""

    def register(plant: Plant) -> Plant:
        name = plant.__name__
        MUTANTS[name] = Mutant(name=name, plant=plant, rules=frozenset(rules), story=story)
        return plant

    return register


@dataclass(eq=False)
class Planting:
    """One defect over all runs in which it is looked for."""

    mutant: Mutant
    stack: ExitStack = field(init=False)
    #: whether the planted code was reached in the last run
    reached: bool = False
    #: wordings that were to be changed -> in how many statements they were
    wordings: Counter[str] = field(default_factory=Counter)
    crash: str = ""

    def __call__(self, world: World, stack: ExitStack) -> None:
        """Plant it for one run."""
        self.stack, self.reached = stack, False
        self.mutant.plant(world, self)

    def seen(self, run: Run) -> Violation | None:
        """The violation that shows it in the last run; None if nothing does. PlantedNothing if it only crashed."""
        if self.crash:
            raise PlantedNothing(f"{self.mutant.name}: the planted code itself crashed with {self.crash}.")
        found = [one for one in run.violations if one.rule in self.mutant.rules]
        return found[0] if found and self.reached else None

    def whole(self) -> None:
        """PlantedNothing if some of it never was there to be changed."""
        if idle := [wording for wording, times in self.wordings.items() if not times]:
            raise PlantedNothing(f"{self.mutant.name}: no statement that was run contains {' or '.join(map(repr, idle))}.")


def put(planting: Planting, thing: Any, name: str, value: Any) -> Any:
    """Replace an attribute until the run is over; what it was before. PlantedNothing if that changes nothing."""
    own = vars(thing).get(name, _MISSING)
    before = getattr(thing, name)
    if value is before or (not callable(value) and value == before):
        raise PlantedNothing(f"{planting.mutant.name}: {name} is {value!r} already.")
    if inspect.isfunction(value):
        value = _watched(planting, value)
    else:
        planting.reached = True
    setattr(thing, name, value)

    def back() -> None:
        if own is _MISSING:
            delattr(thing, name)
        else:
            setattr(thing, name, own)

    planting.stack.callback(back)
    return before


def _watched(planting: Planting, function: Any) -> Any:
    """The function, with a note that it was called, and of how it crashed."""

    def crashed(error: Exception) -> None:
        planting.crash = f"{type(error).__name__}: {error}"

    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def later(*args: Any, **how: Any) -> Any:
            planting.reached = True
            try:
                return await function(*args, **how)
            except _CRASHES as error:
                crashed(error)
                raise

        return later

    @functools.wraps(function)
    def at_once(*args: Any, **how: Any) -> Any:
        planting.reached = True
        try:
            return function(*args, **how)
        except _CRASHES as error:
            crashed(error)
            raise

    return at_once


def reword(world: World, planting: Planting, *changes: tuple[str, str], only: str = "") -> None:
    """Change the words of SQL statements (those that contain ``only``) before they are run.

    Planting.whole() raises PlantedNothing for words that no statement had.
    """
    changed: set[str] = set()
    for old, new in changes:
        if old == new:
            raise PlantedNothing(f"{planting.mutant.name}: {old!r} is reworded to itself.")
        planting.wordings[old] += 0

    def rewrite(_c: Any, _k: Any, statement: str, parameters: Any, _x: Any, _m: Any) -> tuple[str, Any]:
        if only in statement:
            for old, new in changes:
                if old in statement:
                    planting.wordings[old] += 1
                    planting.reached = True
                    statement = statement.replace(old, new)
                    changed.add(statement)
        return statement, parameters

    def broken(context: Any) -> None:
        if context.statement in changed and isinstance(context.original_exception, sqlite3.OperationalError):
            planting.crash = f"{context.original_exception} in {context.statement}"

    for engine in (world.database.main, world.database.other):
        # first of all, so that a transaction that is run again behind another one is run in these words
        event.listen(engine, "before_cursor_execute", rewrite, retval=True, insert=True)
        event.listen(engine, "handle_error", broken)
        planting.stack.callback(event.remove, engine, "before_cursor_execute", rewrite)
        planting.stack.callback(event.remove, engine, "handle_error", broken)
