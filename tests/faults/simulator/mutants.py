"""Planted defects: each takes one rule away from the running code, and the simulator must see it within 1,000 seeds.

A defect is a patch of one function, or of the words of one SQL statement, for the time of one run. Most are bugs that
somebody has had: new keys per attempt (saleor/apps#2446), no read-back, buttons without a look at the presser.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import event

if TYPE_CHECKING:
    from tests.faults.simulator.world import World

Plant = Callable[["World", ExitStack], None]
_MISSING = object()


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """A defect, and the story whose seeds it is looked for in; None = seeds as they come."""

    plant: Plant
    story: str | None


MUTANTS: dict[str, Mutant] = {}


def mutant(story: str | None = None) -> Callable[[Plant], Plant]:
    """Registers a defect under its function's name."""

    def register(plant: Plant) -> Plant:
        MUTANTS[plant.__name__] = Mutant(plant=plant, story=story)
        return plant

    return register


def put(stack: ExitStack, thing: Any, name: str, value: Any) -> Any:
    """Replace an attribute until the stack is closed; what it was before."""
    own = vars(thing).get(name, _MISSING)
    before = getattr(thing, name)
    setattr(thing, name, value)

    def back() -> None:
        if own is _MISSING:
            delattr(thing, name)
        else:
            setattr(thing, name, own)

    stack.callback(back)
    return before


def reword(world: World, stack: ExitStack, *changes: tuple[str, str], only: str = "") -> None:
    """Change the words of SQL statements (those that contain ``only``) before they are run."""
    seen = set()

    def rewrite(_c: Any, _k: Any, statement: str, parameters: Any, _x: Any, _m: Any) -> tuple[str, Any]:
        if only in statement:
            for old, new in changes:
                if old in statement:
                    seen.add(old)
                    statement = statement.replace(old, new)
        return statement, parameters

    for engine in (world.database.main, world.database.other):
        event.listen(engine, "before_cursor_execute", rewrite, retval=True)
        stack.callback(event.remove, engine, "before_cursor_execute", rewrite)
