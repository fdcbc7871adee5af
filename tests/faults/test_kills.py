"""A death by kill -9 at the points where most can go wrong; ``make faults`` has every step of the way, often."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(("kind", "points"), [("sqlite", "C4,C7,C9,C11,C14"), ("postgresql", "C5,C8,C10,C15,C17")])
def test_a_desk_that_dies_at_a_point_loses_nothing_and_repeats_nothing(kind: str, points: str) -> None:
    # In a process of its own: lives are forked, and a test worker has threads.
    command = [sys.executable, "-m", "tests.faults.kills", kind, points]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 kills" in done.stdout
