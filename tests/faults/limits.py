"""S22: 100,000 steps that try to pass a limit, by any sequence that Hypothesis can find."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.figures import Figure
from tests.returns.limits import Limits

_STEPS: Final = 50
_EXAMPLES: Final = 2_000


def machine() -> Sequence[Figure]:
    """Every limit of people and money, under every order of events."""
    passed = "0"
    try:
        run_state_machine_as_test(  # type: ignore[no-untyped-call]
            Limits,
            settings=settings(
                max_examples=_EXAMPLES, stateful_step_count=_STEPS, deadline=None, database=None, derandomize=False,
                suppress_health_check=list(HealthCheck),
            ),
        )
    except AssertionError as error:
        passed = f"1 or more: {str(error).splitlines()[0]}"
    return (
        Figure(
            name="limits passed by a sequence of steps (S22)", tried=f"up to {_EXAMPLES * _STEPS:,} steps", found=passed,
            goal="0", met=passed == "0",
        ),
    )
