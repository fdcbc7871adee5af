"""Processes that are killed, a database that goes away, a disk that is full: a slice of what ``make faults`` does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def found() -> dict[str, list[str]]:
    # In a process of its own: lives are forked, and a test worker has threads.
    command = [sys.executable, "-m", "tests.faults.slice"]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    told: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
    return told


@pytest.mark.timeout(930)
@pytest.mark.parametrize("machine", ["kills", "storm", "disk"])
def test_nothing_is_lost_and_nothing_comes_twice(found: dict[str, list[str]], machine: str) -> None:
    assert found[machine] == []
